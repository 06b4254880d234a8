-- Spellings that reach one mailbox: jo+shop@x.example and jo@x.example.

-- The mailbox as limits count it, of a contact whose address spells it in another way; else NULL.
ALTER TABLE contacts ADD COLUMN mailbox TEXT;
-- store/contacts.rs mails_of_mailboxes
CREATE INDEX contacts_mailbox ON contacts (mailbox)
 WHERE mailbox IS NOT NULL AND confirmation_mails <> '[]';
