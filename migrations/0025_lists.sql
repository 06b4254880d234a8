-- Static lists: records that a person, a program, a form or a journey has put together. A list is
-- data, not published: it is made by the API, or by the first record that joins it.
CREATE TABLE lists (
  id          TEXT PRIMARY KEY,
  name        TEXT NOT NULL,
  description TEXT NOT NULL,
  members     INTEGER NOT NULL,         -- the number of its rows in list_members
  created_at  INTEGER NOT NULL,
  created_by  TEXT NOT NULL,            -- who made it, or the source of its first record
  deleted_at  INTEGER                   -- since when its memberships are being removed
) STRICT, WITHOUT ROWID;

-- Ordered by record, because every decision reads the lists of its record.
CREATE TABLE list_members (
  record_id TEXT NOT NULL,
  list      TEXT NOT NULL,
  since     INTEGER NOT NULL,
  source    TEXT NOT NULL,
  PRIMARY KEY (record_id, list)
) STRICT, WITHOUT ROWID;
-- store/lists.rs members, store/broadcasts.rs turns
CREATE INDEX list_members_list ON list_members (list, record_id);
