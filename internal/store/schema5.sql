-- Alarms as they are now. version guards against writes that overtake each other.
CREATE TABLE alarms (
  id        TEXT    PRIMARY KEY,
  sensor    TEXT    NOT NULL,
  open      INTEGER NOT NULL,
  raised_ns INTEGER NOT NULL,
  version   INTEGER NOT NULL,
  doc       BLOB    NOT NULL  -- the alarm as JSON
) STRICT, WITHOUT ROWID;
CREATE INDEX alarms_raised        ON alarms (raised_ns, id);
CREATE INDEX alarms_sensor        ON alarms (sensor, raised_ns, id);
CREATE INDEX alarms_open          ON alarms (open, raised_ns, id);

-- The state machine of each sensor axis, so far as it is not at rest.
CREATE TABLE alarm_machines (
  sensor TEXT    NOT NULL,
  axis   TEXT    NOT NULL,
  rev    INTEGER NOT NULL,
  doc    BLOB    NOT NULL,
  PRIMARY KEY (sensor, axis)
) STRICT, WITHOUT ROWID;

-- Every change of an alarm, for those who follow. diagnosis is the newest one that was
-- stored before it.
CREATE TABLE alarm_log (
  seq       INTEGER PRIMARY KEY,
  diagnosis INTEGER NOT NULL,
  doc       BLOB    NOT NULL
) STRICT;
