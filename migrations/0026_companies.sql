-- Who works where. A position belongs to the log of its contact: company.joined, company.changed and
-- company.left say how it came to be. store/positions.rs writes them.
CREATE TABLE positions (
  contact_id TEXT NOT NULL,
  company_id TEXT NOT NULL CHECK (company_id <> ''), -- '': the company is erased
  role       TEXT,
  stance     INTEGER,                   -- from -2, against, to 2, for; NULL: not known
  is_main    INTEGER NOT NULL,          -- of one position of a contact, at most
  source     TEXT NOT NULL,             -- domain, form, or an actor
  since      INTEGER NOT NULL,
  PRIMARY KEY (contact_id, company_id)
) STRICT, WITHOUT ROWID;
-- store/companies.rs people, log; store/positions.rs wake_people
CREATE INDEX positions_company ON positions (company_id, contact_id);

-- The company that a contact has named and that is still to be found or made. The contact is due
-- until that is done.
CREATE TABLE named_companies (
  contact_id TEXT PRIMARY KEY,
  name       TEXT NOT NULL
) STRICT, WITHOUT ROWID;
