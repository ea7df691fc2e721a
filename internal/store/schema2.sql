-- Totals by sensor, kept with every row, so that sizes need no count of tables
-- that grow for years.
ALTER TABLE usage ADD COLUMN diagnoses INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage ADD COLUMN raw       INTEGER NOT NULL DEFAULT 0;
UPDATE usage SET
  diagnoses = (SELECT count(*) FROM diagnoses d WHERE d.sensor = usage.sensor),
  raw       = (SELECT count(*) FROM samples s WHERE s.sensor = usage.sensor);
