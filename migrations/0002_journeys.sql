-- What each passage was entered for, so that the database itself refuses two for the same: `` for
-- the first, `>id` for the one that follows a passage, `@clock` for an occurrence, `=value` for a
-- property. Passages of before this, and those that code of before this still writes, have none.
ALTER TABLE enrollments ADD COLUMN entry_key TEXT;
CREATE UNIQUE INDEX enrollments_entry ON enrollments (contact_id, campaign_id, journey, entry_key)
 WHERE entry_key IS NOT NULL;

-- The places taken in each hour of a journey that only so many people begin in an hour. The CHECK
-- refuses a batch that would take one too many: those who decided on an old reading decide again.
CREATE TABLE journey_hours (
  journey_id TEXT NOT NULL,
  hour       INTEGER NOT NULL,          -- since 1970, UTC
  taken      INTEGER NOT NULL,
  people     INTEGER NOT NULL,          -- the limit when the last place was taken
  PRIMARY KEY (journey_id, hour),
  CHECK (taken <= people)
) STRICT, WITHOUT ROWID;
