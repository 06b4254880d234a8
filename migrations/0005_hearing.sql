-- Hearing back: what became of messages after a provider took them, and addresses that must not
-- be written to for a time, or for good.

ALTER TABLE suppressions ADD COLUMN until INTEGER;                   -- NULL: for good
ALTER TABLE suppressions ADD COLUMN source TEXT NOT NULL DEFAULT ''; -- who said so: resend, …

-- When each was first heard, so that each counts once a message, in whatever order, and however
-- often, they are told.
ALTER TABLE messages ADD COLUMN delivered_at INTEGER;
ALTER TABLE messages ADD COLUMN bounced_at INTEGER;
ALTER TABLE messages ADD COLUMN complained_at INTEGER;
ALTER TABLE messages ADD COLUMN unsubscribed_at INTEGER;

-- How many messages in a row came back from an address that may work another day. JSON object:
-- channel -> how many, and when the last did.
ALTER TABLE contacts ADD COLUMN soft_bounces TEXT NOT NULL DEFAULT '{}';

-- Some providers of texts tell no id but their own. A row of this costs a small part of what a text
-- does; providers of e-mail hand our id back. store/messages.rs owners_of_texts
CREATE INDEX messages_texts ON messages (provider_id)
 WHERE channel = 'sms' AND provider_id IS NOT NULL;
