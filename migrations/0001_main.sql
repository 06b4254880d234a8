-- The first schema. Migrations are append-only, run on D1 and on SQLite alike, and every table is
-- STRICT. Times are milliseconds UTC; money is in minor units; JSON is TEXT.
-- D1 bills each row written and one more for each index touched, so an index stands here only
-- with the query it serves.

-- One person. `seq` is the number of the contact's newest event.
CREATE TABLE contacts (
  id          TEXT PRIMARY KEY,
  seq         INTEGER NOT NULL,
  email       TEXT UNIQUE,              -- normal form; found by: store/contacts.rs by_address
  phone       TEXT UNIQUE,              -- E.164;       found by: store/contacts.rs by_address
  external_id TEXT UNIQUE,              -- found by: store/contacts.rs by_address
  attributes  TEXT NOT NULL,            -- JSON object
  tags        TEXT NOT NULL,            -- JSON array
  score       INTEGER NOT NULL,
  locale      TEXT,
  time_zone   TEXT,
  consents    TEXT NOT NULL,            -- JSON array: the last word on each purpose and channel
  touches     TEXT NOT NULL,            -- JSON array: the touch with each campaign
  wake_at     INTEGER,                  -- when time alone may change something
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL
) STRICT;
-- store/due.rs claim
CREATE INDEX contacts_wake ON contacts (wake_at) WHERE wake_at IS NOT NULL;

-- The log of each contact. UNIQUE (contact_id, seq) is the write rule: who decides on an old
-- reading is refused.
CREATE TABLE events (
  contact_id  TEXT NOT NULL,
  seq         INTEGER NOT NULL,
  at          INTEGER NOT NULL,
  name        TEXT NOT NULL,
  campaign_id TEXT,
  properties  TEXT NOT NULL,            -- JSON object
  key         TEXT,                     -- idempotency key
  PRIMARY KEY (contact_id, seq)
) STRICT, WITHOUT ROWID;
-- Two tellings of one thing: the second is refused. store/contacts.rs known_keys
CREATE UNIQUE INDEX events_key ON events (key) WHERE key IS NOT NULL;

-- One contact's passage through one version of a journey.
CREATE TABLE enrollments (
  contact_id  TEXT NOT NULL,
  id          TEXT NOT NULL,
  campaign_id TEXT NOT NULL,
  version     INTEGER NOT NULL,
  journey     TEXT NOT NULL,
  step        TEXT NOT NULL,
  steps_taken INTEGER NOT NULL,
  sent        TEXT NOT NULL,            -- JSON object: send step -> number at which it was taken
  state       TEXT NOT NULL,            -- active, completed, exited, failed
  reason      TEXT NOT NULL,
  entered_at  INTEGER NOT NULL,
  since       INTEGER NOT NULL,
  due_at      INTEGER,
  PRIMARY KEY (contact_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE segment_members (
  contact_id TEXT NOT NULL,
  segment_id TEXT NOT NULL,
  entered_at INTEGER NOT NULL,
  PRIMARY KEY (contact_id, segment_id)
) STRICT, WITHOUT ROWID;

-- The ledger of messages: a row is written before anything leaves.
CREATE TABLE messages (
  id            TEXT PRIMARY KEY,       -- also the provider's idempotency key
  contact_id    TEXT NOT NULL,
  campaign_id   TEXT NOT NULL,
  version       INTEGER NOT NULL,
  enrollment_id TEXT,
  journey       TEXT NOT NULL,
  step          TEXT NOT NULL,
  channel       TEXT NOT NULL,          -- email, sms
  class         TEXT NOT NULL,          -- marketing, transactional, internal
  purpose       TEXT NOT NULL,
  template      TEXT NOT NULL,
  note          TEXT NOT NULL,
  state         TEXT NOT NULL,          -- queued, sending, sent, delivered, skipped, failed, unknown
  reason        TEXT NOT NULL,
  queued_at     INTEGER NOT NULL,
  send_at       INTEGER NOT NULL,       -- not before; while sending: when the claim lapses
  attempts      INTEGER NOT NULL,
  uncertain     INTEGER NOT NULL,       -- 1: an earlier attempt ended without an answer
  provider_id   TEXT,
  opened_at     INTEGER,
  clicked_at    INTEGER
) STRICT;
-- store/messages.rs outbox
CREATE INDEX messages_outbox ON messages (send_at) WHERE state IN ('queued', 'sending');

-- The append-only evidence of what was agreed to and taken back.
CREATE TABLE consents (
  contact_id  TEXT NOT NULL,
  seq         INTEGER NOT NULL,
  channel     TEXT NOT NULL,
  purpose     TEXT NOT NULL,
  state       TEXT NOT NULL,            -- granted, confirmed, withdrawn
  source      TEXT NOT NULL,
  text        TEXT NOT NULL,            -- the exact words agreed to
  origin_hash TEXT NOT NULL,            -- keyed hash of the network address
  at          INTEGER NOT NULL,
  PRIMARY KEY (contact_id, seq, channel, purpose)
) STRICT, WITHOUT ROWID;

-- Addresses that must not be written to.
CREATE TABLE suppressions (
  channel TEXT NOT NULL,
  address TEXT NOT NULL,
  reason  TEXT NOT NULL,
  at      INTEGER NOT NULL,
  PRIMARY KEY (channel, address)
) STRICT, WITHOUT ROWID;

CREATE TABLE conversions (
  contact_id  TEXT NOT NULL,
  seq         INTEGER NOT NULL,
  campaign_id TEXT NOT NULL,
  at          INTEGER NOT NULL,
  value       INTEGER NOT NULL,         -- minor units
  currency    TEXT NOT NULL,
  channel     TEXT NOT NULL,
  part        TEXT NOT NULL,            -- <page>/<variant>
  PRIMARY KEY (contact_id, seq)
) STRICT, WITHOUT ROWID;

-- First visits. `batch` is the queue batch that brought the row: what the counter moved by.
CREATE TABLE visits (
  campaign_id TEXT NOT NULL,
  visitor     TEXT NOT NULL,            -- a random first-party id
  part        TEXT NOT NULL,            -- <page>/<variant>
  channel     TEXT NOT NULL,
  at          INTEGER NOT NULL,
  batch       TEXT NOT NULL,
  PRIMARY KEY (campaign_id, visitor)
) STRICT, WITHOUT ROWID;

-- Moved in the batch of the rows that they count, so that they can be rebuilt from those.
CREATE TABLE counters (
  campaign_id TEXT NOT NULL,
  metric      TEXT NOT NULL,
  channel     TEXT NOT NULL,
  part        TEXT NOT NULL,
  day         TEXT NOT NULL,            -- UTC, YYYY-MM-DD
  value       INTEGER NOT NULL,
  PRIMARY KEY (campaign_id, metric, channel, part, day)
) STRICT, WITHOUT ROWID;

-- Published versions: immutable, numbered, and one of them live.
CREATE TABLE campaigns (
  id           TEXT PRIMARY KEY,
  live_version INTEGER NOT NULL
) STRICT;
CREATE TABLE campaign_versions (
  campaign_id  TEXT NOT NULL,
  version      INTEGER NOT NULL,
  hash         TEXT NOT NULL,           -- SHA-256 of `compiled`
  compiled     TEXT NOT NULL,           -- JSON
  published_at INTEGER NOT NULL,
  PRIMARY KEY (campaign_id, version)
) STRICT;

-- Segments whose rule was published and whose members have not all been looked at yet.
CREATE TABLE segment_fills (
  segment_id TEXT PRIMARY KEY,
  after_id   TEXT NOT NULL              -- contacts up to this id are done
) STRICT, WITHOUT ROWID;

-- Messages kept by the local mailbox, where one is configured.
CREATE TABLE mailbox (
  id      TEXT PRIMARY KEY,
  channel TEXT NOT NULL,
  sender  TEXT NOT NULL,
  address TEXT NOT NULL,
  subject TEXT NOT NULL,
  html    TEXT NOT NULL,
  text    TEXT NOT NULL,
  headers TEXT NOT NULL,                -- JSON object
  at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What the scheduler remembers: the time of its last tick.
CREATE TABLE scheduler (
  name TEXT PRIMARY KEY,
  at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
