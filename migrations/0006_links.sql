-- Short links in text messages, where there is no room for a signed one. Written before the message
-- leaves; the code follows from the message and the target, so that every attempt has the same.
CREATE TABLE short_links (
  code        TEXT PRIMARY KEY,         -- 64 bits that nobody can guess
  contact_id  TEXT NOT NULL,
  campaign_id TEXT NOT NULL,
  message_id  TEXT NOT NULL,
  target      TEXT NOT NULL,
  expires_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- store/erasures.rs empty, store/merging.rs take_over
CREATE INDEX short_links_contact ON short_links (contact_id);
-- store/short_links.rs forget
CREATE INDEX short_links_expiry ON short_links (expires_at);
