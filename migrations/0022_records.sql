-- Records of every kind in one table. It keeps the name that it had when all were contacts, because
-- the worker of before is still running while this is applied. A record of another kind has no
-- address, consent or touch: those columns are NULL, or an empty list.

ALTER TABLE contacts ADD COLUMN kind TEXT NOT NULL DEFAULT 'contact';
ALTER TABLE contacts ADD COLUMN owner TEXT;      -- members.id; NULL: nobody's
-- Of other kinds than contacts:
ALTER TABLE contacts ADD COLUMN title TEXT;
ALTER TABLE contacts ADD COLUMN number INTEGER;  -- from 1, within its kind
ALTER TABLE contacts ADD COLUMN stage TEXT;
ALTER TABLE contacts ADD COLUMN value INTEGER;   -- in minor units: sums come from the index alone

-- Contacts are in none of these unless somebody owns them, so that a form costs nothing more.
-- store/segments.rs chunk_end, store/records.rs list
CREATE INDEX records_kind ON contacts (kind, id) WHERE kind <> 'contact';
-- store/records.rs next_numbers; two batches that take the same number are one too many
CREATE UNIQUE INDEX records_number ON contacts (kind, number) WHERE number IS NOT NULL;
-- store/records.rs list, within the scope of a member
CREATE INDEX records_owner ON contacts (owner, kind, id) WHERE owner IS NOT NULL;
-- store/records.rs sums
CREATE INDEX records_stage ON contacts (kind, stage, value) WHERE stage IS NOT NULL;
