-- Broadcasts: one message to everybody in a segment, once.

-- How far each has come. One that has no row waits to be started by hand.
CREATE TABLE broadcasts (
  campaign_id TEXT NOT NULL,
  broadcast   TEXT NOT NULL,
  version     INTEGER NOT NULL,         -- the published version that it is sent from
  state       TEXT NOT NULL,            -- scheduled, running, paused, done, cancelled
  phase       TEXT NOT NULL,            -- test, wait, rest
  due_at      INTEGER,                  -- when a tick is to look at it; null: at no time
  started_at  INTEGER,                  -- contacts that came later are left out
  decide_at   INTEGER,                  -- when its test is decided
  after_id    TEXT NOT NULL,            -- contacts up to this id have had their turn
  failures    INTEGER NOT NULL,         -- contacts of this round whose decision failed
  rounds      INTEGER NOT NULL,         -- rounds that left somebody undecided
  winner      TEXT,                     -- the variant that the rest gets
  finding     TEXT,                     -- JSON: what the test found
  ended_at    INTEGER,
  PRIMARY KEY (campaign_id, broadcast)
) STRICT, WITHOUT ROWID;

-- The broadcast that a message belongs to; its step is then the variant.
ALTER TABLE messages ADD COLUMN broadcast TEXT;
