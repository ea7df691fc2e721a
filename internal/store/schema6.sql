-- For retention by age: the first row that was received in each hour since 1970. A row
-- before all of these is as old as the first of them.
CREATE TABLE hours (
  hour INTEGER PRIMARY KEY,
  seq  INTEGER NOT NULL
) STRICT;
INSERT INTO hours SELECT unixepoch() / 3600, 0 WHERE EXISTS (SELECT 1 FROM diagnoses);

-- The latest time that is believed: see age.go.
CREATE TABLE clock (
  only       INTEGER PRIMARY KEY CHECK (only = 1),
  trusted_ns INTEGER NOT NULL
) STRICT;
