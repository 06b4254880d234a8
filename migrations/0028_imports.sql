-- Imports: table files that are uploaded in parts and done in the background, a few rows at a time.
CREATE TABLE imports (
  id         TEXT PRIMARY KEY,          -- a UUID version 7
  key        TEXT UNIQUE,               -- idempotency key of the one who created it
  kind       TEXT NOT NULL,
  actor      TEXT NOT NULL,
  settings   TEXT NOT NULL,             -- JSON, as asked
  state      TEXT NOT NULL,
  reason     TEXT NOT NULL DEFAULT '',  -- why it stopped or failed
  bytes      INTEGER NOT NULL DEFAULT 0,      -- of its parts that are kept
  total      INTEGER,                   -- bytes of the whole file, once it is sealed
  plan       TEXT,                      -- JSON, once it is sealed: how columns become fields
  position   TEXT,                      -- JSON: the place of the next row
  rows_max   INTEGER,                   -- of a check: how many rows it looks at
  counts     TEXT NOT NULL DEFAULT '{}',      -- JSON
  undo       TEXT NOT NULL DEFAULT '{}',      -- JSON: the counts of the undo
  undo_at    TEXT,                      -- the key of the event that was undone last
  step       INTEGER NOT NULL DEFAULT 0,      -- of two workers at once, one advances it
  due_at     INTEGER,                   -- when a tick continues it, or deletes what is left of it
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- store/imports.rs claim
CREATE INDEX imports_due ON imports (due_at) WHERE due_at IS NOT NULL;

-- The bytes of a file. What has been read is deleted.
CREATE TABLE import_parts (
  import_id TEXT NOT NULL,
  part      INTEGER NOT NULL,           -- from 1
  bytes     INTEGER NOT NULL,
  hash      TEXT NOT NULL,              -- SHA-256
  start     INTEGER,                    -- the bytes before it in the file, once it is sealed
  data      TEXT NOT NULL,              -- base64
  PRIMARY KEY (import_id, part)
) STRICT;
-- store/imports.rs window
CREATE INDEX import_parts_start ON import_parts (import_id, start);

-- Rows that were refused, and what could not be undone. Deleted a month after the import.
CREATE TABLE import_refused (
  import_id TEXT NOT NULL,
  phase     TEXT NOT NULL,              -- check, import, undo
  row       INTEGER NOT NULL,
  field     TEXT NOT NULL,
  line      INTEGER NOT NULL,
  reason    TEXT NOT NULL,
  cells     TEXT,                       -- JSON list of the cells as they came
  PRIMARY KEY (import_id, phase, row, field)
) STRICT, WITHOUT ROWID;
-- By which erasing a person finds the cells: store/erasures.rs
CREATE TABLE import_addresses (
  address   TEXT NOT NULL,
  import_id TEXT NOT NULL,
  row       INTEGER NOT NULL,
  PRIMARY KEY (address, import_id, row)
) STRICT, WITHOUT ROWID;
