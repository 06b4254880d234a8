-- Senders: who was asked to carry a message, in which call.

-- Whoever is asked, or was last; '' while the message is claimed and no call has begun. A claim
-- that lapses leaves no doubt about a message with '': it surely was not sent.
ALTER TABLE messages ADD COLUMN sender TEXT;
-- The idempotency key of the call that carried it with others; NULL: it went alone, under its id.
ALTER TABLE messages ADD COLUMN call TEXT;
-- When the first call under that key began, since when the provider may know the key.
ALTER TABLE messages ADD COLUMN called_at INTEGER;

-- How senders have done lately; one without a row is in order.
CREATE TABLE senders (
  name       TEXT PRIMARY KEY,
  failures   INTEGER NOT NULL,          -- calls in a row that failed
  openings   INTEGER NOT NULL,          -- times in a row that it was found out of order
  open_until INTEGER,                   -- left in peace until then; NULL: in order
  reason     TEXT NOT NULL              -- why the last call failed
) STRICT, WITHOUT ROWID;
