-- Pacing: what has to be counted before a message may leave, and campaigns that were stopped.

-- The places that messages took under a cap on how many a contact gets. Each is counted for as long
-- as the longest cap looks back (31 days) and forgotten by a later message to the same contact.
CREATE TABLE cap_places (
  contact_id  TEXT NOT NULL,
  message_id  TEXT NOT NULL,
  campaign_id TEXT NOT NULL,
  channel     TEXT NOT NULL,
  class       TEXT NOT NULL,
  at          INTEGER NOT NULL,         -- by when it has left, if it leaves
  PRIMARY KEY (contact_id, message_id)
) STRICT, WITHOUT ROWID;

-- How far the calls of a sender with a rate are promised, and the line of those who wait. The last
-- three columns are what the latest wave was given: the statement that takes has to return them.
CREATE TABLE sender_rates (
  sender  TEXT PRIMARY KEY,
  free_at INTEGER NOT NULL,             -- the first moment that is not promised
  line_at INTEGER NOT NULL,             -- when the last in the line comes round
  urgent  INTEGER NOT NULL,
  waited  INTEGER NOT NULL,
  fresh   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- How much of a day of a new domain is taken. `granted` is what the latest wave was given.
CREATE TABLE warm_up_days (
  domain  TEXT NOT NULL,
  day     TEXT NOT NULL,                -- UTC, YYYY-MM-DD
  taken   INTEGER NOT NULL,
  granted INTEGER NOT NULL,
  PRIMARY KEY (domain, day)
) STRICT, WITHOUT ROWID;

-- What was said about stopping each campaign, append-only; the last word counts.
CREATE TABLE brakes (
  campaign_id TEXT NOT NULL,
  n           INTEGER NOT NULL,         -- from 1
  at          INTEGER NOT NULL,
  state       TEXT NOT NULL,            -- warned, stopped, released, well
  reason      TEXT NOT NULL,            -- complaints, bounces; empty for released and well
  sent        INTEGER NOT NULL,         -- the tally judged; of a release, that of its day so far
  bounced     INTEGER NOT NULL,
  complained  INTEGER NOT NULL,
  note        TEXT NOT NULL,            -- of whoever released it
  PRIMARY KEY (campaign_id, n)
) STRICT, WITHOUT ROWID;
