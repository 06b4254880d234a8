-- The address that a message went to, from when it was about to be sent: what a provider tells of
-- a message concerns this address and no other. NULL for messages of before, and for notices.
ALTER TABLE messages ADD COLUMN address TEXT;

-- What a webhook is known by where its signature does not cover the rest: each counts once. `mark`
-- is that of the arrival that counted, so that a task that is tried again is not refused.
CREATE TABLE hook_tokens (
  token TEXT PRIMARY KEY,
  mark  TEXT NOT NULL,
  until INTEGER NOT NULL                -- from then on its signature is stale anyway
) STRICT, WITHOUT ROWID;
-- store/hook_tokens.rs spend
CREATE INDEX hook_tokens_until ON hook_tokens (until);
