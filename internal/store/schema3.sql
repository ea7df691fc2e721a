-- Bearings that users add to the catalogue.
CREATE TABLE bearings (
  key TEXT PRIMARY KEY, -- bearing.DesignationKey
  doc BLOB NOT NULL     -- bearing.CatalogueEntry as JSON
) STRICT, WITHOUT ROWID;
