ALTER TABLE leads DROP COLUMN fax;
DROP TABLE legacy_imports;
