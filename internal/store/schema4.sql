-- What users register and write: machines, sensors, webhooks, inspections. version
-- rises with each write, over deletions too, so that it can stand in an ETag.
CREATE TABLE resources (
  kind    TEXT    NOT NULL,
  key     TEXT    NOT NULL,
  version INTEGER NOT NULL,
  doc     BLOB    NOT NULL, -- JSON
  PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE resource_version (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  last INTEGER NOT NULL
) STRICT;
INSERT INTO resource_version VALUES (1, 0);
