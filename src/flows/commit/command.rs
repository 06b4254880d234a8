//! Commands: which record, and what has happened.

use crate::domain::base::primitives::KindId;
use crate::domain::base::primitives::RecordId;
use crate::domain::contact::address::other_mailbox;
use crate::domain::contact::claim::{self, Claims};
use crate::domain::engine::{Input, RecordInput};
use crate::domain::record::edit::Edit;
use crate::store::contacts::Addresses;
use std::collections::BTreeSet;

/// Inputs for one record.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    pub who: RecordRef,
    /// The inputs, in order.
    pub inputs: Vec<Input>,
}

/// How a record is found.
#[derive(Clone, Debug, PartialEq)]
pub enum RecordRef {
    /// By its id. If there is no such record, nothing happens.
    Id(RecordId),
    /// By the id of a record of another kind than contacts. If there is none, it is a new one.
    Plain { id: RecordId, kind: KindId },
    /// By its phone number. If there is no such contact, nothing happens.
    Phone(String),
    /// By what was typed into a form: the contact with the e-mail address or, if none was given,
    /// the contact with the number. Another contact that has the number keeps it, and a known
    /// contact gains no address this way, because anybody can type anybody else's address.
    Typed {
        /// In normal form.
        email: Option<String>,
        /// In E.164.
        phone: Option<String>,
    },
    /// The contact with this id, or a new one. If another contact has one of the addresses by now,
    /// the row of the import is refused.
    Imported {
        id: RecordId,
        /// In normal form.
        email: Option<String>,
        /// In E.164.
        phone: Option<String>,
        /// The id in the customer's own system.
        external_id: Option<String>,
    },
    /// By its addresses: the first one that is known. If none is, it is a new contact. The caller
    /// is authenticated by a token, so a contact gains the addresses that it lacks.
    Addresses {
        /// In normal form.
        email: Option<String>,
        /// In E.164.
        phone: Option<String>,
        /// The id in the customer's own system.
        external_id: Option<String>,
    },
}

impl RecordRef {
    /// Returns the id, if it is found by that.
    pub fn id(&self) -> Option<&RecordId> {
        match self {
            Self::Id(id) | Self::Plain { id, .. } => Some(id),
            _ => None,
        }
    }

    /// Returns the addresses that the contact is looked up by.
    pub(super) fn addresses(&self) -> impl Iterator<Item = &String> {
        let given = match self {
            Self::Id(_) | Self::Plain { .. } => [None; 3],
            Self::Phone(phone) => [Some(phone), None, None],
            Self::Typed { email, phone } => [email.as_ref(), phone.as_ref(), None],
            Self::Addresses { email, phone, external_id }
            | Self::Imported { email, phone, external_id, .. } => {
                [email.as_ref(), phone.as_ref(), external_id.as_ref()]
            }
        };
        given.into_iter().flatten()
    }

    /// Returns the mailbox of a typed address that is not in the mailbox's plain spelling.
    pub(super) fn mailbox(&self) -> Option<String> {
        let Self::Typed { email: Some(email), .. } = self else { return None };
        other_mailbox(email)
    }
}

/// Returns the phone number among the claims.
pub(super) fn claimed_phone(claims: &Claims) -> Option<String> {
    claims.get(claim::PHONE)?.as_str().map(str::to_owned)
}

/// Returns the edit of an input.
pub(super) fn edited(input: &Input) -> Option<&Edit> {
    match input {
        Input::Record(RecordInput::Edited(edit)) => Some(edit),
        Input::Record(RecordInput::Imported(row)) => Some(&row.edit),
        _ => None,
    }
}

/// Adds the addresses that an edit of a contact sets: another contact may have them.
fn add_edited(addresses: &mut Addresses, edit: &Edit) {
    let new = |field: &str| edit.fields.get(field)?.new.as_str().map(str::to_owned);
    addresses.emails.extend(new("email"));
    addresses.phones.extend(new("phone"));
    addresses.external_ids.extend(new("external_id"));
}

/// Returns the ids and the addresses that the commands refer to, each once.
pub(super) fn named(commands: &[Command]) -> (BTreeSet<&RecordId>, Addresses) {
    let (mut ids, mut addresses) = (BTreeSet::new(), Addresses::default());
    for command in commands {
        let claimed = command.inputs.iter().filter_map(|input| match input {
            Input::Confirmed { details: Some(claims), .. } => claimed_phone(claims),
            _ => None,
        });
        addresses.phones.extend(claimed);
        if !matches!(command.who, RecordRef::Plain { .. }) {
            command
                .inputs
                .iter()
                .filter_map(edited)
                .for_each(|edit| add_edited(&mut addresses, edit));
        }
        match &command.who {
            RecordRef::Id(id) | RecordRef::Plain { id, .. } => _ = ids.insert(id),
            RecordRef::Phone(phone) => addresses.phones.push(phone.clone()),
            RecordRef::Typed { email, phone } => {
                addresses.emails.extend(email.clone());
                addresses.phones.extend(phone.clone());
            }
            RecordRef::Addresses { email, phone, external_id }
            | RecordRef::Imported { email, phone, external_id, .. } => {
                if let RecordRef::Imported { id, .. } = &command.who {
                    ids.insert(id);
                }
                addresses.emails.extend(email.clone());
                addresses.phones.extend(phone.clone());
                addresses.external_ids.extend(external_id.clone());
            }
        }
    }
    let Addresses { emails, phones, external_ids } = &mut addresses;
    for list in [emails, phones, external_ids] {
        list.sort_unstable();
        list.dedup();
    }
    (ids, addresses)
}
