//! Erasing: all personal data of a contact goes, in one decision. What stays is a log of events
//! that identify nobody, so that counters can be rebuilt from it, and a keyed hash of each address,
//! so that late input about the contact is recognised and dropped.

use super::{Decidable, Decider, Decision, forget_entries, forget_words};
use crate::domain::base::primitives::Actor;
use crate::domain::base::primitives::{Ids, KindId, Millis, RecordId};
use crate::domain::base::token::Keyring;
use crate::domain::contact::ERASED;
use crate::domain::contact::{Alias, Contact};
use crate::domain::engine::change::{Change, ErasedAddress};
use crate::domain::kind::{COMPANY, Settled};
use crate::domain::publication::catalog::Catalog;
use crate::domain::record::PlainRecord;
use crate::domain::record::Record;
use crate::domain::record::enrollment::EnrollmentState;
use crate::domain::record::event::names;
use serde_json::json;

/// Erases a contact, and every row that was merged into it. Does nothing for a contact that is
/// erased already.
pub fn erase(
    catalog: &Catalog,
    contact: Contact,
    keys: &Keyring,
    now: Millis,
    ids: &mut Ids,
) -> Vec<Decision> {
    if contact.erased_at.is_some() {
        return Vec::new();
    }
    let aliases = contact.aliases.iter().map(|alias| {
        let Alias { id, seq, email, phone, external_id } = alias.clone();
        let record = Contact::emptied(id, seq, contact.created_at);
        Contact { email, phone, external_id, ..Contact::of(record) }
    });
    let mut rows: Vec<Contact> = aliases.collect();
    rows.push(contact);
    rows.into_iter().map(|row| erase_row(catalog, row, keys, now, ids).of_any()).collect()
}

/// Removes a contact that an undone import had made: everything in it goes, as when a person is
/// erased. Its addresses are no person's who asked to be erased, so they may come again. A contact
/// that others were merged into stays, and there is no decision.
pub fn remove(catalog: &Catalog, contact: Contact, now: Millis, ids: &mut Ids) -> Option<Decision> {
    let may_go = contact.erased_at.is_none() && contact.aliases.is_empty();
    may_go.then(|| empty_row(catalog, contact, Vec::new(), now, ids).of_any())
}

fn erase_row(
    catalog: &Catalog,
    contact: Contact,
    keys: &Keyring,
    now: Millis,
    ids: &mut Ids,
) -> Decision<Contact> {
    let given = [&contact.email, &contact.phone, &contact.external_id];
    let kinds = ErasedAddress::KINDS.into_iter().zip(given);
    let addresses = kinds.filter_map(|(kind, address)| {
        address.as_ref().map(|address| ErasedAddress::new(kind, address, keys))
    });
    let addresses = addresses.collect();
    empty_row(catalog, contact, addresses, now, ids)
}

fn empty_row(
    catalog: &Catalog,
    contact: Contact,
    addresses: Vec<ErasedAddress>,
    now: Millis,
    ids: &mut Ids,
) -> Decision<Contact> {
    let (read_seq, created_at) = (contact.seq, contact.created_at);
    let mut decider = Decider::of(catalog, contact, now, ids);
    decider.record(names::CONTACT_ERASED, None, json!({}));
    for index in decider.active() {
        decider.end(index, EnrollmentState::Exited, ERASED);
    }
    decider.leave_all_segments();
    decider.changes.extend(forget_words(catalog, &KindId::contact()));
    decider.changes.extend(forget_entries(catalog, &decider.subject));
    decider.leave_all_lists();
    decider.changes.push(Change::Erase(addresses));
    let Decider { subject, changes, .. } = decider;
    let Record { id, seq, .. } = subject.record;
    let record = Contact::emptied(id, seq, created_at);
    let subject = Contact::of(Record { erased_at: Some(now), ..record });
    Decision { subject, read_seq, changes, conflicts: Vec::new() }
}

/// Erases a record that is no contact: everything in it goes. What remains is its id, and a log of
/// events without properties. Does nothing for a record that is erased already.
pub fn erase_record(
    catalog: &Catalog,
    record: PlainRecord,
    by: &Actor,
    now: Millis,
    ids: &mut Ids,
) -> Option<Decision> {
    if record.erased_at.is_some() {
        return None;
    }
    let (read_seq, created_at) = (record.seq, record.created_at);
    let kind = catalog.kind(&record.kind).cloned();
    let removed = kind.map(|kind| kind.entries(&record.attributes)).unwrap_or_default();
    let mut decider = Decider::of(catalog, record, now, ids);
    decider.record(names::RECORD_ERASED, None, json!({ "by": by }));
    for index in decider.active() {
        decider.end(index, EnrollmentState::Exited, ERASED);
    }
    decider.leave_all_segments();
    decider.leave_all_lists();
    let settled = Settled { added: Vec::new(), removed };
    if !settled.is_empty() {
        decider.changes.push(Change::Index(decider.subject.kind.clone(), settled));
    }
    decider.changes.extend(forget_words(catalog, &decider.subject.kind));
    if decider.subject.kind.as_str() == COMPANY && catalog.asks_about_companies() {
        decider.changes.push(Change::WakePeople);
    }
    decider.changes.push(Change::Erase(Vec::new()));
    let Decider { subject, changes, .. } = decider;
    let PlainRecord { record: Record { id, kind, seq, .. }, number, aliases, .. } = subject;
    let empty = PlainRecord::unknown(id, kind, created_at);
    let record = Record { seq, erased_at: Some(now), ..empty.record };
    let empty = PlainRecord::unknown("".into(), "".into(), now);
    let subject = PlainRecord { record, number, aliases, ..empty };
    Some(Decision { subject, read_seq, changes, conflicts: Vec::new() }.of_any())
}

/// Creates a contact that has only an address (the given e-mail address or number), to be erased
/// next, so that no other contact can take the address in between. Returns `None` without an
/// address.
pub fn take_address(
    catalog: &Catalog,
    email: Option<String>,
    phone: Option<String>,
    now: Millis,
    ids: &mut Ids,
) -> Option<Decision<Contact>> {
    if email.is_none() && phone.is_none() {
        return None;
    }
    let contact = Contact::unknown(RecordId(ids.uuid()), now);
    let contact = Contact { email, phone, ..contact };
    let mut decider = Decider::of(catalog, contact, now, ids);
    decider.record(names::CONTACT_NAMED, None, json!({}));
    let Decider { subject, changes, .. } = decider;
    Some(Decision { subject, read_seq: 0, changes, conflicts: Vec::new() })
}

impl<S: Decidable> Decider<'_, S> {
    /// Leaves all segments.
    pub(super) fn leave_all_segments(&mut self) {
        for segment in std::mem::take(&mut self.subject.segments).into_keys() {
            let campaign = segment.parts().map(|(campaign, _)| campaign);
            let properties = json!({ "segment": segment });
            self.record(names::SEGMENT_LEFT, campaign.as_ref(), properties);
            self.changes.push(Change::LeaveSegment(segment));
        }
    }
}
