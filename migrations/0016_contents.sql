-- A hash of what was told under an idempotency key that others chose: the same key with another hash
-- is a mistake of theirs, and is told. NULL: the key alone counts. store/contacts.rs known_keys

ALTER TABLE events ADD COLUMN content TEXT;
