//! The schedule of a message that may be sent: whether it leaves now, later, or not at all. Quiet
//! hours and windows are decided here; what needs counting (`frequency_cap`, `rate_limit`) says
//! what is to be counted, and the database counts.

use super::recipient_zone;
use crate::domain::base::primitives::{Channel, Millis, Span};
use crate::domain::campaign::Campaign;
use crate::domain::contact::Contact;
use crate::domain::contact::message::{Class, Message};
use crate::domain::pacing::{DeploymentPacing, Otherwise, Pacing};
use crate::domain::time::hours::{Hours, TimeWindow, opening};

/// Why a message has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// The hour is quiet where the recipient is.
    Quiet,
    /// The campaign, journey or step writes at other hours.
    Window,
    /// The contact has had as many as it may get.
    Cap,
    /// The sender takes no more calls for now.
    Rate,
    /// The domain is new, and its day is full.
    WarmUp,
    /// The campaign was stopped.
    Brake,
}

impl Wait {
    /// The reason of a message that waits, as the database keeps it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Quiet => "quiet_hours",
            Self::Window => "outside_window",
            Self::Cap => "capped",
            Self::Rate => "rate_limited",
            Self::WarmUp => "warm_up",
            Self::Brake => "braked",
        }
    }

    /// The reason of a message that is not sent, since it would have waited past its use.
    pub fn too_long(self) -> &'static str {
        match self {
            Self::Quiet => "late_quiet_hours",
            Self::Window => "late_outside_window",
            Self::Cap => "late_capped",
            Self::Rate => "late_rate_limited",
            Self::WarmUp => "late_warm_up",
            Self::Brake => "late_braked",
        }
    }
}

/// What pacing says about a message that may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacingDecision {
    /// It may leave.
    Now,
    /// It is asked about again then.
    Later {
        /// When.
        at: Millis,
        /// Why.
        wait: Wait,
    },
    /// It does not leave at all; a word of `domain/report/reason.rs` says why.
    Never(&'static str),
}

/// A message that the fence lets pass, and what pacing needs to know about it.
#[derive(Clone, Copy, Debug)]
pub struct PacingCheck<'a> {
    /// The message.
    pub message: &'a Message,
    /// To whom.
    pub contact: &'a Contact,
    /// The campaign, as of the message's version.
    pub campaign: &'a Campaign,
    /// How the campaign paces now: what the live version says counts for messages of older ones.
    pub pacing: &'a Pacing,
    /// The deployment's own rules.
    pub house: &'a DeploymentPacing,
}

/// How long a message of a stopped campaign rests before it is looked at again. A release brings
/// it forward, so this only costs rows: two written for each message and turn.
const BRAKE_REST: Span = Span::hours(6);

impl PacingCheck<'_> {
    /// Whether it may leave as far as the hour and the brake go. `braked` says that its campaign
    /// was stopped.
    pub fn judge(&self, braked: bool, now: Millis) -> PacingDecision {
        if self.is_free() {
            return PacingDecision::Now;
        }
        let is_marketing = self.message.class == Class::Marketing;
        if self.deadline().is_some_and(|deadline| now > deadline) {
            return PacingDecision::Never("late");
        }
        if braked && is_marketing {
            return self.wait(now.plus(BRAKE_REST), Wait::Brake);
        }
        let gates = self.gates();
        let closed: Vec<&Hour> = gates.iter().filter(|hour| !hour.gate.is_open(now)).collect();
        let Some(first) = closed.first() else { return PacingDecision::Now };
        if closed.iter().any(|hour| hour.otherwise == Otherwise::Drop) {
            return PacingDecision::Never(Wait::Quiet.word());
        }
        let gates: Vec<TimeWindow> = gates.iter().map(|hour| hour.gate.clone()).collect();
        match opening(now, &gates) {
            Some(at) => self.wait(at, first.wait),
            None => PacingDecision::Never("never_open"),
        }
    }

    /// A wait until then, unless the message would be of no use any more.
    pub fn wait(&self, at: Millis, wait: Wait) -> PacingDecision {
        match self.deadline() {
            Some(deadline) if at > deadline => PacingDecision::Never(wait.too_long()),
            _ => PacingDecision::Later { at, wait },
        }
    }

    /// Whether nothing here concerns it: notices to our own people, and calls of programs.
    pub(super) fn is_free(&self) -> bool {
        self.message.class == Class::Internal || self.message.channel == Channel::Webhook
    }

    fn deadline(&self) -> Option<Millis> {
        let span = self.pacing.give_up_after?;
        (self.message.class == Class::Marketing).then(|| self.message.queued_at.plus(span))
    }

    /// All hours that it has to keep, each on the clocks that count for it.
    fn gates(&self) -> Vec<Hour> {
        let (message, campaign) = (self.message, self.campaign);
        let zone = recipient_zone::recipient(self.contact, message.channel, &campaign.time_zone);
        let mut gates = Vec::new();
        for quiet in [&self.pacing.quiet, &self.house.quiet] {
            let Some(quiet) = quiet.get(&message.channel) else { continue };
            if quiet.class.cover(message.class) {
                let hours = Hours { from: quiet.from, to: quiet.to, weekdays: Vec::new() };
                let gate = TimeWindow { hours, opens: false, zone: zone.clone() };
                gates.push(Hour { gate, wait: Wait::Quiet, otherwise: quiet.otherwise });
            }
        }
        if message.class != Class::Marketing {
            return gates;
        }
        if self.pacing.customary_hours && self.house.customary_hours {
            let (wait, otherwise) = (Wait::Quiet, Otherwise::Defer);
            let customary = recipient_zone::customary(self.contact, message.channel);
            gates.extend(customary.into_iter().map(|gate| Hour { gate, wait, otherwise }));
        }
        if let Some(hours) = self.window() {
            let gate = TimeWindow { hours: hours.clone(), opens: true, zone };
            gates.push(Hour { gate, wait: Wait::Window, otherwise: Otherwise::Defer });
        }
        gates
    }

    /// The window that counts: the step's, else the journey's, or the broadcast's, else the
    /// campaign's.
    fn window(&self) -> Option<&Hours> {
        if let Some(name) = &self.message.broadcast {
            let broadcast = self.campaign.broadcasts.get(name);
            let own = broadcast.and_then(|broadcast| broadcast.window.as_ref());
            return own.or(self.pacing.window.as_ref());
        }
        let journey = self.campaign.journeys.get(&self.message.journey);
        let step = journey.and_then(|journey| journey.step(&self.message.step));
        step.and_then(|step| step.window.as_ref())
            .or_else(|| journey.and_then(|journey| journey.window.as_ref()))
            .or(self.pacing.window.as_ref())
    }
}

/// Hours that a message has to keep.
struct Hour {
    gate: TimeWindow,
    wait: Wait,
    otherwise: Otherwise,
}

#[cfg(test)]
mod tests;
