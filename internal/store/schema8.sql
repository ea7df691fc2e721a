-- What lists select by, out of the documents: an index holds it, so that a page costs what is
-- on it, however much there is. part_of of an inspection is its sensor, of a sensor its machine.
ALTER TABLE resources ADD COLUMN part_of TEXT AS (CASE WHEN json_valid(CAST(doc AS TEXT)) THEN CASE kind
  WHEN 'inspection' THEN CAST(CAST(doc AS TEXT) ->> '$.sensor' AS TEXT)
  WHEN 'sensor' THEN CAST(CAST(doc AS TEXT) ->> '$.machine' AS TEXT) END END) VIRTUAL;
CREATE INDEX resources_part ON resources (kind, part_of, key) WHERE part_of IS NOT NULL;

-- How many there are of a kind, with part_of empty, and of these as parts of something.
CREATE TABLE resource_counts (
  kind    TEXT    NOT NULL,
  part_of TEXT    NOT NULL,
  n       INTEGER NOT NULL,
  PRIMARY KEY (kind, part_of)
) STRICT, WITHOUT ROWID;
INSERT INTO resource_counts SELECT kind, '', count(*) FROM resources GROUP BY kind;
INSERT INTO resource_counts SELECT kind, part_of, count(*) FROM resources WHERE part_of <> '' GROUP BY kind, part_of;
CREATE TRIGGER resources_inserted AFTER INSERT ON resources BEGIN
  INSERT INTO resource_counts SELECT NEW.kind, '', 1 WHERE true ON CONFLICT DO UPDATE SET n = n + 1;
  INSERT INTO resource_counts SELECT NEW.kind, NEW.part_of, 1 WHERE NEW.part_of <> '' ON CONFLICT DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER resources_deleted AFTER DELETE ON resources BEGIN
  UPDATE resource_counts SET n = n - 1 WHERE kind = OLD.kind AND part_of IN ('', OLD.part_of);
  DELETE FROM resource_counts WHERE kind = OLD.kind AND part_of IN ('', OLD.part_of) AND n = 0;
END;
CREATE TRIGGER resources_moved AFTER UPDATE OF doc ON resources WHEN OLD.part_of IS NOT NEW.part_of BEGIN
  UPDATE resource_counts SET n = n - 1 WHERE kind = OLD.kind AND part_of = OLD.part_of AND part_of <> '';
  DELETE FROM resource_counts WHERE kind = OLD.kind AND part_of = OLD.part_of AND n = 0;
  INSERT INTO resource_counts SELECT NEW.kind, NEW.part_of, 1 WHERE NEW.part_of <> '' ON CONFLICT DO UPDATE SET n = n + 1;
END;

-- class is the state of an alarm and its severity, see alarmlist.go: from 6 on it is over.
-- shelved is until when, to the second. registered is of the sensor of one that is not over.
ALTER TABLE alarms ADD COLUMN axis TEXT AS (CASE WHEN json_valid(CAST(doc AS TEXT))
  THEN CAST(coalesce(CAST(doc AS TEXT) ->> '$.axis', '') AS TEXT) ELSE '' END) VIRTUAL;
ALTER TABLE alarms ADD COLUMN class INTEGER AS (CASE WHEN json_valid(CAST(doc AS TEXT))
  THEN CASE CAST(doc AS TEXT) ->> '$.state' WHEN 'acknowledged' THEN 2 WHEN 'returned' THEN 4 WHEN 'closed' THEN 6 ELSE 0 END
    + (coalesce(CAST(doc AS TEXT) ->> '$.severity', '') = 'alarm') ELSE 0 END) VIRTUAL;
ALTER TABLE alarms ADD COLUMN shelved TEXT AS (CASE WHEN json_valid(CAST(doc AS TEXT))
  THEN substr(CAST(doc AS TEXT) ->> '$.shelved_until', 1, 19) END) VIRTUAL;
ALTER TABLE alarms ADD COLUMN registered INTEGER NOT NULL DEFAULT 0;
UPDATE alarms SET registered = 1 WHERE open = 1 AND sensor IN (SELECT key FROM resources WHERE kind = 'sensor');
DROP INDEX alarms_raised;
DROP INDEX alarms_sensor;
DROP INDEX alarms_open;
CREATE INDEX alarms_class       ON alarms (class, raised_ns, id);
CREATE INDEX alarms_axis        ON alarms (axis, class, raised_ns, id);
CREATE INDEX alarms_sensor      ON alarms (sensor, class, raised_ns, id);
CREATE INDEX alarms_sensor_axis ON alarms (sensor, axis, class, raised_ns, id);
CREATE INDEX alarms_first       ON alarms (registered, class, raised_ns, id, shelved) WHERE class < 6;
CREATE INDEX alarms_shelved     ON alarms (shelved, class) WHERE shelved IS NOT NULL AND class < 6;

-- How many alarms there are of a class.
CREATE TABLE alarm_counts (
  class INTEGER PRIMARY KEY,
  n     INTEGER NOT NULL
) STRICT;
INSERT INTO alarm_counts WITH RECURSIVE classes (class) AS (SELECT 0 UNION ALL SELECT class + 1 FROM classes WHERE class < 7)
  SELECT class, (SELECT count(*) FROM alarms a WHERE a.class = classes.class) FROM classes;
CREATE TRIGGER alarms_inserted AFTER INSERT ON alarms BEGIN
  UPDATE alarm_counts SET n = n + 1 WHERE class = NEW.class;
  UPDATE alarms SET registered = EXISTS (SELECT 1 FROM resources WHERE kind = 'sensor' AND key = NEW.sensor) WHERE id = NEW.id;
END;
CREATE TRIGGER alarms_deleted AFTER DELETE ON alarms BEGIN
  UPDATE alarm_counts SET n = n - 1 WHERE class = OLD.class;
END;
CREATE TRIGGER alarms_changed AFTER UPDATE OF doc ON alarms WHEN OLD.class <> NEW.class BEGIN
  UPDATE alarm_counts SET n = n - 1 WHERE class = OLD.class;
  UPDATE alarm_counts SET n = n + 1 WHERE class = NEW.class;
  UPDATE alarms SET registered = EXISTS (SELECT 1 FROM resources WHERE kind = 'sensor' AND key = NEW.sensor) WHERE id = NEW.id;
END;
CREATE TRIGGER sensors_registered AFTER INSERT ON resources WHEN NEW.kind = 'sensor' BEGIN
  UPDATE alarms SET registered = 1 WHERE sensor = NEW.key AND class < 6;
END;
CREATE TRIGGER sensors_deleted AFTER DELETE ON resources WHEN OLD.kind = 'sensor' BEGIN
  UPDATE alarms SET registered = 0 WHERE sensor = OLD.key AND class < 6;
END;
