-- Versions in flight: journeys that are paused or archived, the waking of the people inside a
-- journey, and contacts that are parked.

-- The last word on a journey; one without a row runs.
CREATE TABLE journey_states (
  campaign_id TEXT NOT NULL,
  journey     TEXT NOT NULL,
  state       TEXT NOT NULL,            -- running, paused, archived
  since       INTEGER NOT NULL,
  PRIMARY KEY (campaign_id, journey)
) STRICT, WITHOUT ROWID;

-- Journeys whose people are to be decided on again, and who of them has been woken already.
CREATE TABLE journey_wakes (
  campaign_id TEXT NOT NULL,
  journey     TEXT NOT NULL,
  not_before  INTEGER NOT NULL,
  after_id    TEXT NOT NULL,            -- contacts up to this id are done
  PRIMARY KEY (campaign_id, journey)
) STRICT, WITHOUT ROWID;

-- How many ticks in a row have handed the contact out and had nothing come of it: moved in a row
-- that is written anyway, and back to 0 by every decision.
ALTER TABLE contacts ADD COLUMN handed_out INTEGER NOT NULL DEFAULT 0;

-- Contacts whose decision has failed when it was tried alone.
CREATE TABLE parked (
  contact_id TEXT PRIMARY KEY,
  reason     TEXT NOT NULL,
  since      INTEGER NOT NULL,          -- when it first failed
  attempts   INTEGER NOT NULL           -- in a row
) STRICT, WITHOUT ROWID;
