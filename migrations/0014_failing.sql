-- Work of the house that fails by itself, such as a filling whose statement the database refuses:
-- it alone waits, longer after each attempt, and is shown until it succeeds.

CREATE TABLE failing_work (
  kind        TEXT NOT NULL,            -- filling, waking, broadcast
  id          TEXT NOT NULL,            -- the segment's, the journey's or the broadcast's
  campaign_id TEXT NOT NULL,
  reason      TEXT NOT NULL,            -- what the database said the last time
  since       INTEGER NOT NULL,         -- when it first failed
  attempts    INTEGER NOT NULL,         -- failed ones, in a row
  retry_at    INTEGER NOT NULL,         -- when it is tried again
  PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
