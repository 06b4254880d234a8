-- Privacy: contacts who were erased.

-- NULL: was not erased.
ALTER TABLE contacts ADD COLUMN erased_at INTEGER;
