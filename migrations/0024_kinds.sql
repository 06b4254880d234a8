-- Kinds of records, published as campaigns are: immutable, numbered, one of each live.
CREATE TABLE kinds (
  id           TEXT PRIMARY KEY,
  live_version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE kind_versions (
  kind         TEXT NOT NULL,
  version      INTEGER NOT NULL,
  hash         TEXT NOT NULL,           -- SHA-256 of `definition`
  definition   TEXT NOT NULL,           -- JSON
  published_at INTEGER NOT NULL,
  PRIMARY KEY (kind, version)
) STRICT, WITHOUT ROWID;

-- The values of fields that a kind declares as indexed, and of every indexed link: value -> record.
-- Contacts have entries only for fields that a published kind declares.
CREATE TABLE field_index (
  kind      TEXT NOT NULL,
  field     TEXT NOT NULL,
  value     ANY NOT NULL,               -- number or text, ordered as the field compares
  record_id TEXT NOT NULL,
  PRIMARY KEY (kind, field, value, record_id)
) STRICT, WITHOUT ROWID;

-- The values of fields that only one record may have: two batches with the same are one too many.
CREATE TABLE unique_fields (
  kind      TEXT NOT NULL,
  field     TEXT NOT NULL,
  value     ANY NOT NULL,
  record_id TEXT NOT NULL,
  PRIMARY KEY (kind, field, value)
) STRICT, WITHOUT ROWID;
