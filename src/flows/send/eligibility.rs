//! The gate: whether a message may leave now, by the state of the contact and of the journey that
//! was read just before the call.

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

/// How long a message of a paused journey waits before it is checked again. It is the longest delay
/// of such a message after the journey is resumed.
pub const HOLD: Span = Span::minutes(15);

/// The same for a paused broadcast, which may have a hundred thousand messages waiting: checking
/// them again costs as much as queueing them did. Resuming wakes the held messages; only those that
/// a delivery was just putting back wait this long.
const BROADCAST_HOLD: Span = Span::hours(1);

/// The gate's decision.
#[derive(Clone, Debug, PartialEq)]
pub enum SendDecision<'a> {
    /// It leaves, for this contact, to this address.
    Open(&'a Contact, String),
    /// It never leaves, for this reason (`domain::report::reason`).
    Closed(&'static str),
    /// It is checked again at this time, and no attempt is counted.
    Later {
        at: Millis,
        /// A constant of `domain::report::reason`; empty if the reason is visible elsewhere, as for
        /// a pause.
        reason: &'static str,
    },
    /// The contact cannot be read, for this reason. Only its own messages are held back.
    Broken(String),
}

/// The versions whose rules apply to a message.
pub struct Rules {
    /// The version that it was made from.
    pub published: Rc<PublishedVersion>,
    /// The live version of its campaign, whose pacing also applies to messages of older ones.
    pub live: Rc<PublishedVersion>,
}

impl Rules {
    /// Returns the message as pacing needs it.
    pub fn paced<'a>(
        &'a self,
        message: &'a Message,
        contact: &'a Contact,
        deployment: &'a DeploymentPacing,
    ) -> PacingCheck<'a> {
        let pacing = &self.live.compiled.campaign.pacing;
        PacingCheck {
            message,
            contact,
            campaign: &self.published.compiled.campaign,
            pacing,
            deployment,
        }
    }
}

/// Decides whether a message may be sent at all, and then whether it may be sent now.
pub fn gate<'a>(
    message: &Message,
    snapshot: &'a SendSnapshot,
    rules: &Rules,
    deployment: &DeploymentPacing,
    now: Millis,
) -> SendDecision<'a> {
    if snapshot.is_unpublished(message) {
        return SendDecision::Closed(UNPUBLISHED);
    }
    match snapshot.run_state(message) {
        RunState::Paused => return SendDecision::Later { at: now.plus(HOLD), reason: "" },
        RunState::Archived => return SendDecision::Closed(ARCHIVED),
        RunState::Running => {}
    }
    match snapshot.halt(message) {
        Some(BroadcastState::Paused) => {
            return SendDecision::Later { at: now.plus(BROADCAST_HOLD), reason: PAUSED };
        }
        Some(_) => return SendDecision::Closed(CANCELLED),
        None => {}
    }
    let contact = match snapshot.contacts.get(&message.contact_id) {
        Some(Ok(contact)) => contact,
        Some(Err(why)) => return SendDecision::Broken(why.clone()),
        None => return SendDecision::Closed("contact_gone"),
    };
    match snapshot.guard.map(|guard| guard.decision(message, contact)) {
        Some(HoldDecision::Wait) => {
            return SendDecision::Later { at: now.plus(HOLD), reason: RESTORED };
        }
        Some(HoldDecision::Drop) => return SendDecision::Closed(RESTORED),
        Some(HoldDecision::Free) | None => {}
    }
    let to = match eligibility(message, contact, &rules.published.compiled.campaign.owner) {
        Eligibility::Closed(reason) => return SendDecision::Closed(reason),
        Eligibility::Open(to) => to,
    };
    match rules.paced(message, contact, deployment).decide(snapshot.is_auto_paused(message), now) {
        PacingDecision::Now => SendDecision::Open(contact, to),
        PacingDecision::Later { at, wait } => SendDecision::Later { at, reason: wait.as_str() },
        PacingDecision::Never(reason) => SendDecision::Closed(reason),
    }
}
