//! The gate: whether a message may leave now. The last word of the contact and of the journey
//! counts, as it was read just before the call.

use super::truth::Truth;
use crate::domain::catalog::Edition;
use crate::domain::contact::Contact;
use crate::domain::decide::ARCHIVED;
use crate::domain::journey::RunState;
use crate::domain::message::{Fence, Message, fence};
use crate::domain::primitives::{Millis, Span};

/// How long a message of a paused journey waits before it is looked at again: so much later, at the
/// most, it leaves once the journey is resumed.
const HOLD: Span = Span::minutes(15);

/// What the gate says.
#[derive(Clone, Debug, PartialEq)]
pub enum Gate<'a> {
    /// It leaves, for this contact, to this address.
    Open(&'a Contact, String),
    /// It never leaves, for this reason (`domain::reason`).
    Closed(&'static str),
    /// It is looked at again then, for this reason, and no attempt is counted.
    Later {
        /// When.
        at: Millis,
        /// Why, as a word of `domain::reason`; empty if it shows elsewhere, as a pause does.
        reason: &'static str,
    },
    /// The contact cannot be read, and why: it holds back its own messages only.
    Broken(String),
}

/// Asks about a message of this version.
pub fn gate<'a>(message: &Message, truth: &'a Truth, edition: &Edition, now: Millis) -> Gate<'a> {
    match truth.run_state(message) {
        RunState::Paused => return Gate::Later { at: now.plus(HOLD), reason: "" },
        RunState::Archived => return Gate::Closed(ARCHIVED),
        RunState::Running => {}
    }
    let contact = match truth.contacts.get(&message.contact_id) {
        Some(Ok(contact)) => contact,
        Some(Err(why)) => return Gate::Broken(why.clone()),
        None => return Gate::Closed("contact_gone"),
    };
    match fence(message, contact, &edition.compiled.campaign.owner) {
        Fence::Closed(reason) => Gate::Closed(reason),
        Fence::Open(to) => Gate::Open(contact, to),
    }
}
