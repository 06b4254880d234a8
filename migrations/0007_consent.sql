-- Consent: what an auditor asks of each entry of the ledger, and how often an address was asked to
-- confirm. Entries of before this have no hash of their words, and were given by consent.
ALTER TABLE consents ADD COLUMN text_hash TEXT NOT NULL DEFAULT '';   -- SHA-256 of `text`
ALTER TABLE consents ADD COLUMN form TEXT;                            -- <campaign>.<form>
ALTER TABLE consents ADD COLUMN basis TEXT NOT NULL DEFAULT 'consent';
ALTER TABLE consents ADD COLUMN cross_border INTEGER NOT NULL DEFAULT 0;
ALTER TABLE consents ADD COLUMN message_id TEXT;                      -- whose link was used

-- When the newest confirmation mails left: kept in a row that is written anyway.
ALTER TABLE contacts ADD COLUMN confirmation_mails TEXT NOT NULL DEFAULT '[]'; -- JSON array

-- Suppressions that were lifted stay, with who lifted them and why; `until` says when.
ALTER TABLE suppressions ADD COLUMN released_by TEXT;
ALTER TABLE suppressions ADD COLUMN release_note TEXT;
