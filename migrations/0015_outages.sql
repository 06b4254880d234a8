-- Parts that fail alone: versions that cannot be read, and how long what is due has really waited.

-- Stored versions that some worker could not read, and the catching up once they can be read again.
CREATE TABLE unreadable_versions (
  campaign_id TEXT NOT NULL,
  version     INTEGER NOT NULL,
  reason      TEXT NOT NULL,
  since       INTEGER NOT NULL,         -- when it was noticed
  until       INTEGER,                  -- since when it can be read again; NULL: it cannot
  wave        INTEGER NOT NULL,         -- of the waking afterwards: 1 or 2; 3 once it is done
  after_id    TEXT NOT NULL,            -- contacts up to this id have been woken in this wave
  PRIMARY KEY (campaign_id, version)
) STRICT, WITHOUT ROWID;

-- When a contact that was handed out had fallen due: kept in a row that is written anyway, so that
-- a claim does not hide how late it is. NULL: it was decided on since.
ALTER TABLE contacts ADD COLUMN due_since INTEGER;
