//! The schedule of an eligible message: whether it leaves now, later, or not at all. Quiet hours
//! and windows are decided here. Limits that need counting (`frequency_cap`, `rate_limit`) only
//! name what to count; the database counts.

use super::recipient_zone;
use crate::domain::base::primitives::{Channel, Millis, Span};
use crate::domain::campaign::Campaign;
use crate::domain::contact::Contact;
use crate::domain::contact::message::{Class, Message};
use crate::domain::contact::message_source::MessageSource;
use crate::domain::pacing::{DeploymentPacing, Otherwise, Pacing};
use crate::domain::time::hours::{Hours, TimeWindow, opening};

/// Why a message has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Quiet hours on the recipient's clock.
    Quiet,
    /// Outside the send window of the campaign, journey or step.
    Window,
    /// The contact has reached a frequency cap.
    Cap,
    /// The provider's rate limit is reached.
    Rate,
    /// The sending domain is new, and has reached its limit for the day.
    WarmUp,
    /// The campaign is stopped by auto-pause.
    AutoPause,
}

impl Wait {
    /// Returns the reason of a waiting message, as stored in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Quiet => "quiet_hours",
            Self::Window => "outside_window",
            Self::Cap => "capped",
            Self::Rate => "rate_limited",
            Self::WarmUp => "warm_up",
            Self::AutoPause => "braked",
        }
    }

    /// Returns the reason of a message that is not sent because it would have waited past its
    /// deadline.
    pub fn expired_reason(self) -> &'static str {
        match self {
            Self::Quiet => "late_quiet_hours",
            Self::Window => "late_outside_window",
            Self::Cap => "late_capped",
            Self::Rate => "late_rate_limited",
            Self::WarmUp => "late_warm_up",
            Self::AutoPause => "late_braked",
        }
    }
}

/// What pacing decides about an eligible message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacingDecision {
    /// It may leave.
    Now,
    /// It is checked again at a later time.
    Later { at: Millis, wait: Wait },
    /// It does not leave at all, for this reason (see `domain/report/reason.rs`).
    Never(&'static str),
}

/// An eligible message, and what pacing needs to know about it.
#[derive(Clone, Copy, Debug)]
pub struct PacingCheck<'a> {
    pub message: &'a Message,
    /// The recipient.
    pub contact: &'a Contact,
    /// The campaign, in the message's version.
    pub campaign: &'a Campaign,
    /// The campaign's pacing in the live version, which also counts for messages of older versions.
    pub pacing: &'a Pacing,
    /// The deployment's own pacing.
    pub deployment: &'a DeploymentPacing,
}

/// How long a message of a stopped campaign waits before it is checked again. A release brings it
/// forward, so this only costs rows: two written for each message and check.
const AUTO_PAUSE_WAIT: Span = Span::hours(6);

impl PacingCheck<'_> {
    /// Decides as far as hours and auto-pause are concerned. `auto_paused` means that the message's
    /// campaign is stopped.
    pub fn decide(&self, auto_paused: bool, now: Millis) -> PacingDecision {
        if self.is_free() {
            return PacingDecision::Now;
        }
        let is_marketing = self.message.class() == Class::Marketing;
        if self.deadline().is_some_and(|deadline| now > deadline) {
            return PacingDecision::Never("late");
        }
        if auto_paused && is_marketing {
            return self.wait(now.plus(AUTO_PAUSE_WAIT), Wait::AutoPause);
        }
        let gates = self.gates();
        let closed: Vec<&Hour> = gates.iter().filter(|hour| !hour.gate.is_open(now)).collect();
        let Some(first) = closed.first() else { return PacingDecision::Now };
        if closed.iter().any(|hour| hour.otherwise == Otherwise::Drop) {
            return PacingDecision::Never(Wait::Quiet.as_str());
        }
        let gates: Vec<TimeWindow> = gates.iter().map(|hour| hour.gate.clone()).collect();
        match opening(now, &gates) {
            Some(at) => self.wait(at, first.wait),
            None => PacingDecision::Never("never_open"),
        }
    }

    /// Returns a wait until then, or `Never` if that is past the message's deadline.
    pub fn wait(&self, at: Millis, wait: Wait) -> PacingDecision {
        match self.deadline() {
            Some(deadline) if at > deadline => PacingDecision::Never(wait.expired_reason()),
            _ => PacingDecision::Later { at, wait },
        }
    }

    /// Returns whether pacing does not apply: to internal notices and outgoing webhooks.
    pub(super) fn is_free(&self) -> bool {
        self.message.class() == Class::Internal || self.message.channel() == Channel::Webhook
    }

    fn deadline(&self) -> Option<Millis> {
        let span = self.pacing.give_up_after?;
        (self.message.class() == Class::Marketing).then(|| self.message.queued_at.plus(span))
    }

    /// Returns all hours that the message has to keep, each on the clocks that count for it.
    fn gates(&self) -> Vec<Hour> {
        let (message, campaign) = (self.message, self.campaign);
        let zone = recipient_zone::recipient(self.contact, message.channel(), &campaign.time_zone);
        let mut gates = Vec::new();
        for quiet in [&self.pacing.quiet, &self.deployment.quiet] {
            let Some(quiet) = quiet.get(&message.channel()) else { continue };
            if quiet.class.cover(message.class()) {
                let hours = Hours { from: quiet.from, to: quiet.to, weekdays: Vec::new() };
                let gate = TimeWindow { hours, opens: false, zone: zone.clone() };
                gates.push(Hour { gate, wait: Wait::Quiet, otherwise: quiet.otherwise });
            }
        }
        if message.class() != Class::Marketing {
            return gates;
        }
        if self.pacing.customary_hours && self.deployment.customary_hours {
            let (wait, otherwise) = (Wait::Quiet, Otherwise::Defer);
            let customary = recipient_zone::customary(self.contact, message.channel());
            gates.extend(customary.into_iter().map(|gate| Hour { gate, wait, otherwise }));
        }
        if let Some(hours) = self.window() {
            let gate = TimeWindow { hours: hours.clone(), opens: true, zone };
            gates.push(Hour { gate, wait: Wait::Window, otherwise: Otherwise::Defer });
        }
        gates
    }

    /// Returns the window that counts: the step's, else the journey's, or the broadcast's; else the
    /// campaign's.
    fn window(&self) -> Option<&Hours> {
        let own = match &self.message.source {
            MessageSource::Broadcast { name, .. } => {
                let broadcast = self.campaign.broadcasts.get(name);
                broadcast.and_then(|broadcast| broadcast.window.as_ref())
            }
            MessageSource::Step(source) => {
                let journey = self.campaign.journeys.get(&source.journey);
                let step = journey.and_then(|journey| journey.step(&source.step));
                step.and_then(|step| step.window.as_ref())
                    .or_else(|| journey.and_then(|journey| journey.window.as_ref()))
            }
            _ => None,
        };
        own.or(self.pacing.window.as_ref())
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
