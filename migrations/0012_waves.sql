-- Fillings and wakings go in two waves, each a row of its own. The second comes when every worker
-- has ended that may have begun before the word of the first was known everywhere.

ALTER TABLE segment_fills RENAME TO segment_fills_of_one_wave;

CREATE TABLE segment_fills (
  segment_id TEXT NOT NULL,
  wave       INTEGER NOT NULL,          -- 1 or 2
  not_before INTEGER NOT NULL,
  after_id   TEXT NOT NULL,             -- contacts up to this id are done
  PRIMARY KEY (segment_id, wave)
) STRICT, WITHOUT ROWID;

INSERT INTO segment_fills SELECT segment_id, 1, 0, after_id FROM segment_fills_of_one_wave;

DROP TABLE segment_fills_of_one_wave;

ALTER TABLE journey_wakes RENAME TO journey_wakes_of_one_wave;

CREATE TABLE journey_wakes (
  campaign_id TEXT NOT NULL,
  journey     TEXT NOT NULL,
  wave        INTEGER NOT NULL,         -- 1 or 2
  not_before  INTEGER NOT NULL,
  after_id    TEXT NOT NULL,            -- contacts up to this id are done
  PRIMARY KEY (campaign_id, journey, wave)
) STRICT, WITHOUT ROWID;

INSERT INTO journey_wakes
SELECT campaign_id, journey, 1, not_before, after_id FROM journey_wakes_of_one_wave;

DROP TABLE journey_wakes_of_one_wave;
