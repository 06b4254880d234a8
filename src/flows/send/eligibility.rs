//! The gate: whether a message may leave now. The last word of the contact and of the journey
//! counts, as it was read just before the call.

use crate::domain::base::primitives::{Millis, Span};
use crate::domain::campaign::broadcast::{BroadcastState, CANCELLED, PAUSED};
use crate::domain::campaign::journey::RunState;
use crate::domain::contact::Contact;
use crate::domain::contact::message::Message;
use crate::domain::engine::ARCHIVED;
use crate::domain::pacing::DeploymentPacing;
use crate::domain::publication::catalog::PublishedVersion;
use crate::domain::publication::unpublished::UNPUBLISHED;
use crate::domain::sending::eligibility::{Eligibility, eligibility};
use crate::domain::sending::restore_guard::{HoldDecision, RESTORED};
use crate::domain::sending::schedule::{PacingCheck, PacingDecision};
use crate::flows::send::snapshot::SendSnapshot;
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
pub enum SendDecision<'a> {
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
    pub edition: Rc<PublishedVersion>,
    /// The live version of its campaign, whose pacing counts for messages of older ones too.
    pub live: Rc<PublishedVersion>,
}

impl Rules {
    /// The message as pacing sees it.
    pub fn paced<'a>(
        &'a self,
        message: &'a Message,
        contact: &'a Contact,
        house: &'a DeploymentPacing,
    ) -> PacingCheck<'a> {
        let pacing = &self.live.compiled.campaign.pacing;
        PacingCheck { message, contact, campaign: &self.edition.compiled.campaign, pacing, house }
    }
}

/// Asks about a message: first whether it may be sent at all, then whether this is the hour.
pub fn gate<'a>(
    message: &Message,
    truth: &'a SendSnapshot,
    rules: &Rules,
    house: &DeploymentPacing,
    now: Millis,
) -> SendDecision<'a> {
    if truth.is_unpublished(message) {
        return SendDecision::Closed(UNPUBLISHED);
    }
    match truth.run_state(message) {
        RunState::Paused => return SendDecision::Later { at: now.plus(HOLD), reason: "" },
        RunState::Archived => return SendDecision::Closed(ARCHIVED),
        RunState::Running => {}
    }
    match truth.halt(message) {
        Some(BroadcastState::Paused) => {
            return SendDecision::Later { at: now.plus(BROADCAST_HOLD), reason: PAUSED };
        }
        Some(_) => return SendDecision::Closed(CANCELLED),
        None => {}
    }
    let contact = match truth.contacts.get(&message.contact_id) {
        Some(Ok(contact)) => contact,
        Some(Err(why)) => return SendDecision::Broken(why.clone()),
        None => return SendDecision::Closed("contact_gone"),
    };
    match truth.guard.map(|guard| guard.word(message, contact)) {
        Some(HoldDecision::Wait) => {
            return SendDecision::Later { at: now.plus(HOLD), reason: RESTORED };
        }
        Some(HoldDecision::Drop) => return SendDecision::Closed(RESTORED),
        Some(HoldDecision::Free) | None => {}
    }
    let to = match eligibility(message, contact, &rules.edition.compiled.campaign.owner) {
        Eligibility::Closed(reason) => return SendDecision::Closed(reason),
        Eligibility::Open(to) => to,
    };
    match rules.paced(message, contact, house).judge(truth.is_braked(message), now) {
        PacingDecision::Now => SendDecision::Open(contact, to),
        PacingDecision::Later { at, wait } => SendDecision::Later { at, reason: wait.word() },
        PacingDecision::Never(reason) => SendDecision::Closed(reason),
    }
}
