-- Privacy: contacts who were erased.

ALTER TABLE contacts ADD COLUMN erased_at INTEGER;   -- NULL: was not
