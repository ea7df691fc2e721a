-- What a sensor axis has taught, as the core folds it: a state covers the rows of the axis
-- that do not stand in recent. So what is read of a sensor after a start does not grow with
-- what is stored.
CREATE TABLE states (
  sensor TEXT NOT NULL,
  axis   TEXT NOT NULL,
  doc    BLOB NOT NULL, -- the core's own, see document.go
  UNIQUE (sensor, axis)
) STRICT;
CREATE TABLE recent (
  sensor TEXT    NOT NULL,
  axis   TEXT    NOT NULL,
  seq    INTEGER NOT NULL,
  PRIMARY KEY (sensor, axis, seq)
) STRICT, WITHOUT ROWID;

-- Sensors whose rows were stored before there were states: folded once, whole.
CREATE TABLE unfolded (
  sensor TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
INSERT INTO unfolded SELECT sensor FROM usage;
