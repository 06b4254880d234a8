//! Which contact an address means, among those that were read.

use super::Loaded;
use super::command::claimed_phone;
use crate::domain::base::primitives::{Ids, Millis, RecordId};
use crate::domain::contact::{Contact, claim};
use crate::domain::engine::{Input, RecordInput};
use crate::domain::field::IndexKey;
use crate::domain::import::row::ADDRESSES;

impl Loaded {
    /// Finds the contact with the e-mail address or, if no e-mail address was given, with the
    /// number. A submission with an unknown e-mail address is not matched by number, because the
    /// number may be anybody's.
    pub(super) fn resolve_typed(
        &self,
        email: &Option<String>,
        phone: &Option<String>,
        now: Millis,
        ids: &mut Ids,
    ) -> Contact {
        let by = |test: &dyn Fn(&Contact) -> bool| self.contacts.iter().find(|c| test(c)).cloned();
        let is = |given: &Option<String>, own: &Option<String>| given.is_some() && given == own;
        let has_email = |c: &Contact| is(email, &c.email) || c.had(|was| is(email, &was.email));
        let has_phone = |c: &Contact| is(phone, &c.phone) || c.had(|was| is(phone, &was.phone));
        let known = by(&has_email).or_else(|| by(&has_phone).filter(|_| email.is_none()));
        known.unwrap_or_else(|| {
            let phone = phone.clone().filter(|_| by(&has_phone).is_none());
            let contact = Contact::unknown(RecordId(ids.uuid()), now);
            Contact { email: email.clone(), phone, ..contact }
        })
    }

    /// Finds the contact by its external id, else by its e-mail address, else by its phone number
    /// unless that belongs to a contact with another e-mail address.
    pub(super) fn resolve(
        &self,
        email: &Option<String>,
        phone: &Option<String>,
        external_id: &Option<String>,
        now: Millis,
        ids: &mut Ids,
    ) -> Contact {
        let by = |test: &dyn Fn(&Contact) -> bool| self.contacts.iter().find(|c| test(c)).cloned();
        let is = |given: &Option<String>, own: &Option<String>| given.is_some() && given == own;
        let has_email = |c: &Contact| is(email, &c.email) || c.had(|was| is(email, &was.email));
        let has_phone = |c: &Contact| is(phone, &c.phone) || c.had(|was| is(phone, &was.phone));
        let has_id = |c: &Contact| {
            is(external_id, &c.external_id) || c.had(|was| is(external_id, &was.external_id))
        };
        let mut contact = by(&has_id)
            .or_else(|| by(&has_email))
            .or_else(|| by(&|c| has_phone(c) && (email.is_none() || c.email.is_none())))
            .unwrap_or_else(|| Contact::unknown(RecordId(ids.uuid()), now));
        // The contact gains each address that it lacked and that no other contact has.
        if contact.email.is_none() && by(&has_email).is_none() {
            contact.email.clone_from(email);
        }
        if contact.phone.is_none() && by(&has_phone).is_none() {
            contact.phone.clone_from(phone);
        }
        if contact.external_id.is_none() && by(&has_id).is_none() {
            contact.external_id.clone_from(external_id);
        }
        contact
    }

    /// Returns the addresses that other contacts have or had, or that merged ones led to this one.
    pub(super) fn taken_addresses(&self, contact: &Contact) -> Vec<(String, IndexKey)> {
        let others = self.contacts.iter().filter(|other| other.id != contact.id);
        let own = others.clone().map(|one| [&one.email, &one.phone, &one.external_id]);
        let former = others.chain([contact]).flat_map(|one| &one.aliases);
        let all = own.chain(former.map(|was| [&was.email, &was.phone, &was.external_id]));
        let named = all.flat_map(|all| ["email", "phone", "external_id"].into_iter().zip(all));
        let taken = |(name, address): (&str, &Option<String>)| {
            Some((name.to_owned(), IndexKey::Text(address.clone()?)))
        };
        named.filter_map(taken).collect()
    }

    /// Notes which addresses of an imported row other contacts have. Removes a phone number that
    /// belongs to another contact, or that a merged contact had: it does not move to this contact.
    /// A submission's event keeps such a number as `phone_given`.
    pub(super) fn without_taken_addresses(
        &self,
        contact: &Contact,
        inputs: Vec<Input>,
    ) -> Vec<Input> {
        let others = || self.contacts.iter().filter(|other| other.id != contact.id);
        let is_taken = |given: &Option<String>| {
            let mut all = others().chain([contact]);
            given.is_some()
                && (others().any(|other| other.phone == *given)
                    || all.any(|one| one.had(|was| was.phone == *given)))
        };
        let is_others = |name: &str, given: &Option<String>| {
            let own = |one: &Contact| match name {
                "email" => one.email == *given || one.had(|was| was.email == *given),
                "phone" => one.phone == *given || one.had(|was| was.phone == *given),
                _ => one.external_id == *given || one.had(|was| was.external_id == *given),
            };
            given.is_some() && others().any(own)
        };
        let adjust = |mut input| {
            match &mut input {
                Input::Record(RecordInput::Imported(row)) => {
                    let given = |name: &str| {
                        let edit = row.edit.fields.get(name)?;
                        edit.new.as_str().map(str::to_owned)
                    };
                    let taken = ADDRESSES.iter().filter(|name| is_others(name, &given(name)));
                    row.taken = taken.map(|name| (*name).to_owned()).collect();
                }
                Input::Submitted(submitted) if is_taken(&submitted.phone) => {
                    let phone = submitted.phone.take().unwrap_or_default();
                    submitted.attributes.insert("phone_given".into(), phone.into());
                }
                Input::Confirmed { details: Some(claims), .. }
                    if is_taken(&claimed_phone(claims)) =>
                {
                    claims.remove(claim::PHONE);
                }
                _ => {}
            }
            input
        };
        inputs.into_iter().map(adjust).collect()
    }
}
