-- Merging: a contact that turned out to be another one.

-- Whom it is now. Its addresses stay with its row, and lead to that contact.
ALTER TABLE contacts ADD COLUMN merged_into TEXT;
-- store/contacts.rs by_ids, by_addresses: under which other ids and addresses a contact is known
CREATE INDEX contacts_merged ON contacts (merged_into) WHERE merged_into IS NOT NULL;
