-- Campaigns that are unpublished; and what the queues gave up.

-- When the campaign was last unpublished, and which pages it had (JSON list of paths). While it is,
-- its live_version is 0; published again, it has one, and whoever was in its journeys by then has
-- left them all the same.
ALTER TABLE campaigns ADD COLUMN unpublished_at INTEGER;
ALTER TABLE campaigns ADD COLUMN unpublished_paths TEXT NOT NULL DEFAULT '[]';

-- What the queues gave up. A fact that could not be written down stays here until it is replayed or
-- discarded; of hints, which a tick finds by themselves, there is one row a kind.
CREATE TABLE dead_letters (
  id       TEXT PRIMARY KEY,            -- a hash of `body`; of a hint its tag
  tag      TEXT NOT NULL,               -- what it is: visit_v1, …; `unreadable`
  worth    INTEGER NOT NULL,            -- 0 a hint, 1 an observation, 2 any other fact
  body     TEXT NOT NULL,               -- the task as the queue had it
  message  TEXT NOT NULL,               -- the queue's id of it, the last time
  first_at INTEGER NOT NULL,
  last_at  INTEGER NOT NULL,
  count    INTEGER NOT NULL,            -- how often it was given up
  error    TEXT NOT NULL,               -- why the last attempt failed; empty if nobody knows
  old_since INTEGER                     -- since when ticks find it too old; NULL: it is not
) STRICT;
-- store/dead_letters.rs make_room, next, expire
CREATE INDEX dead_letters_next ON dead_letters (worth, last_at);

-- How many there was no room for: one row, or none.
CREATE TABLE dead_letters_lost (
  one   INTEGER PRIMARY KEY CHECK (one = 1),
  count INTEGER NOT NULL,
  at    INTEGER NOT NULL                -- the last time
) STRICT;
