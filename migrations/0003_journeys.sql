-- What each passage was entered for, so that the database itself refuses two for the same: `` for
-- the first, `>id` for the one that follows a passage, `@clock` for an occurrence, `=value` for a
-- property. Passages of before this, and those that code of before this still writes, have none.
ALTER TABLE enrollments ADD COLUMN entry_key TEXT;
CREATE UNIQUE INDEX enrollments_entry ON enrollments (contact_id, campaign_id, journey, entry_key)
 WHERE entry_key IS NOT NULL;
