-- Who may use the web app: sessions, and links that each begin one. Only hashes are kept, so that
-- reading the database opens nothing.
CREATE TABLE sessions (
  secret_hash TEXT PRIMARY KEY,         -- SHA-256 of what the cookie or the link carries
  purpose     TEXT NOT NULL CHECK (purpose IN ('link', 'session')),
  subject     TEXT NOT NULL,            -- the name of the API token that it was made with
  credential  TEXT NOT NULL,            -- SHA-256 of that token's entry in API_TOKENS
  created_at  INTEGER NOT NULL,
  used_at     INTEGER NOT NULL,
  expires_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
