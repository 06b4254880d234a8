-- E-mail addresses have one form, in ASCII. Those kept before that with other letters in their
-- domains are rewritten by the tick (flows/respell.rs), which finds them here; once there are none
-- the indexes are empty. store/respelling.rs odd_contacts, odd_suppressions
CREATE INDEX contacts_odd ON contacts (id) WHERE email GLOB '*[^ -~]*';
CREATE INDEX suppressions_odd ON suppressions (address)
  WHERE channel = 'email' AND address GLOB '*[^ -~]*';
