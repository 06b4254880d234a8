//! The gate: whether a message may leave now. The last word of the contact and of the journey
//! counts, as it was read just before the call.

use super::truth::Truth;
use crate::domain::broadcast::{BroadcastState, CANCELLED, PAUSED};
use crate::domain::catalog::Edition;
use crate::domain::contact::Contact;
use crate::domain::decide::ARCHIVED;
use crate::domain::journey::RunState;
use crate::domain::message::{Fence, Message, fence};
use crate::domain::pacing::{House, Paced, Verdict};
use crate::domain::primitives::{Millis, Span};
use crate::domain::restore::{RESTORED, Word};
use crate::domain::unpublished::UNPUBLISHED;
use std::rc::Rc;

/// How long a message of a paused journey waits before it is looked at again: so much later, at the
/// most, it leaves once the journey is resumed.
pub const HOLD: Span = Span::minutes(15);

/// The same of a paused broadcast, which may have a hundred thousand messages waiting: to look at
/// them again costs as much as queueing them did. Resuming it wakes what was held; only what a
/// delivery was just putting back then waits for so long.
const BROADCAST_HOLD: Span = Span::hours(1);

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

/// What a message goes by.
pub struct Rules {
    /// The version that it was made from.
    pub edition: Rc<Edition>,
    /// The live version of its campaign, whose pacing counts for messages of older ones too.
    pub live: Rc<Edition>,
}

impl Rules {
    /// The message as pacing sees it.
    pub fn paced<'a>(
        &'a self,
        message: &'a Message,
        contact: &'a Contact,
        house: &'a House,
    ) -> Paced<'a> {
        let pacing = &self.live.compiled.campaign.pacing;
        Paced { message, contact, campaign: &self.edition.compiled.campaign, pacing, house }
    }
}

/// Asks about a message: first whether it may be sent at all, then whether this is the hour.
pub fn gate<'a>(
    message: &Message,
    truth: &'a Truth,
    rules: &Rules,
    house: &House,
    now: Millis,
) -> Gate<'a> {
    if truth.is_unpublished(message) {
        return Gate::Closed(UNPUBLISHED);
    }
    match truth.run_state(message) {
        RunState::Paused => return Gate::Later { at: now.plus(HOLD), reason: "" },
        RunState::Archived => return Gate::Closed(ARCHIVED),
        RunState::Running => {}
    }
    match truth.halt(message) {
        Some(BroadcastState::Paused) => {
            return Gate::Later { at: now.plus(BROADCAST_HOLD), reason: PAUSED };
        }
        Some(_) => return Gate::Closed(CANCELLED),
        None => {}
    }
    let contact = match truth.contacts.get(&message.contact_id) {
        Some(Ok(contact)) => contact,
        Some(Err(why)) => return Gate::Broken(why.clone()),
        None => return Gate::Closed("contact_gone"),
    };
    match truth.guard.map(|guard| guard.word(message, contact)) {
        Some(Word::Wait) => return Gate::Later { at: now.plus(HOLD), reason: RESTORED },
        Some(Word::Drop) => return Gate::Closed(RESTORED),
        Some(Word::Free) | None => {}
    }
    let to = match fence(message, contact, &rules.edition.compiled.campaign.owner) {
        Fence::Closed(reason) => return Gate::Closed(reason),
        Fence::Open(to) => to,
    };
    match rules.paced(message, contact, house).judge(truth.is_braked(message), now) {
        Verdict::Now => Gate::Open(contact, to),
        Verdict::Later { at, wait } => Gate::Later { at, reason: wait.word() },
        Verdict::Never(reason) => Gate::Closed(reason),
    }
}
