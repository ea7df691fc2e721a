-- One row per window. id is a function of sensor, axis and start, so its
-- uniqueness is the identity of a window.
CREATE TABLE diagnoses (
  seq      INTEGER PRIMARY KEY,
  id       TEXT    NOT NULL UNIQUE,
  sensor   TEXT    NOT NULL,
  fault    TEXT    NOT NULL,
  start_ns INTEGER NOT NULL,
  digest   BLOB    NOT NULL, -- SHA-256 of what the window says
  doc      BLOB    NOT NULL  -- the diagnosis as JSON
) STRICT;
-- seq, the rowid, ends every index: each serves its filter and the order.
CREATE INDEX diagnoses_start        ON diagnoses (start_ns);
CREATE INDEX diagnoses_sensor       ON diagnoses (sensor, start_ns);
CREATE INDEX diagnoses_fault        ON diagnoses (fault, start_ns);
CREATE INDEX diagnoses_sensor_fault ON diagnoses (sensor, fault, start_ns);

-- Raw samples, until retention removes them.
CREATE TABLE samples (
  seq      INTEGER PRIMARY KEY REFERENCES diagnoses (seq),
  sensor   TEXT    NOT NULL,
  shaft_hz REAL    NOT NULL, -- exact, where the diagnosis shows rounded rpm
  count    INTEGER NOT NULL,
  crc      INTEGER NOT NULL, -- CRC-32C of the samples as little-endian float32
  data     BLOB    NOT NULL  -- see codec.go
) STRICT;
CREATE INDEX samples_sensor ON samples (sensor, seq);

-- Bytes of samples.data by sensor, so that retention needs no scan.
CREATE TABLE usage (
  sensor TEXT    PRIMARY KEY,
  bytes  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_bytes ON usage (bytes);
