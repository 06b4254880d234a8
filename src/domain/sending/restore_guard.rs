//! The restore hold: a database restored to an earlier time does not know what was sent since.

use crate::domain::base::primitives::{Millis, Span, uuid_time};
use crate::domain::contact::Contact;
use crate::domain::contact::message::Message;
use crate::domain::contact::message_source::MessageSource;
use serde::Deserialize;

/// The reason of a message that waits, or was not sent, after a restore.
pub const RESTORED: &str = "restored";

/// The longest delay of a step that waits for a time of day or a weekday, when it is taken again.
const CALENDAR_MAX: Span = Span::days(7);

/// A mark that a tick writes in the database, and then outside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Mark {
    /// Greater than the number of any earlier mark.
    pub number: i64,
    /// The time of the tick, by its own clock.
    pub at: Millis,
}

impl Mark {
    /// Reads the output of `text`; earlier versions wrote the time alone.
    pub fn read(text: &str) -> Option<Self> {
        let (number, at) = text.split_once(' ').unwrap_or((text, text));
        Some(Self { number: number.parse().ok()?, at: Millis(at.parse().ok()?) })
    }

    /// Returns both numbers, separated by a blank.
    pub fn text(self) -> String {
        format!("{} {}", self.number, self.at.0)
    }
}

/// A restore that was detected, as long as it concerns any message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestoreGuard {
    /// The time that had been reached before the restore.
    pub mark: Millis,
    /// The time that the database was restored to.
    pub since: Millis,
    /// When an operator decided that the waiting messages are not to be sent.
    pub dropped_at: Option<Millis>,
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldDecision {
    /// The restore does not concern it.
    Free,
    /// It may have been sent before the restore, so it waits.
    Wait,
    /// It may have been sent before the restore, and an operator decided to drop it.
    Drop,
}

/// An operator's decision about the waiting messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Send them.
    Release,
    /// Do not: they were sent before.
    Drop,
}

impl Resolution {
    /// Returns the decision that a verb in a request path stands for.
    pub fn by_verb(verb: &str) -> Option<Self> {
        match verb {
            "release" => Some(Self::Release),
            "drop" => Some(Self::Drop),
            _ => None,
        }
    }

    /// Returns the verb that stands for the decision.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Drop => "drop",
        }
    }
}

impl RestoreGuard {
    /// Decides about a message. A contact created after the restore was sent nothing before it. To
    /// any other, every message may have been sent already, even one that is queued only now: the
    /// engine catches up, and takes steps again that were taken before. So after an operator has
    /// dropped messages, enrollments that were under way then may queue further ones.
    pub fn decision(&self, message: &Message, contact: &Contact) -> HoldDecision {
        if contact.created_at > self.mark {
            return HoldDecision::Free;
        }
        match self.dropped_at {
            None => HoldDecision::Wait,
            Some(at) if message.queued_at <= at => HoldDecision::Drop,
            Some(at) if was_under_way(message, at) && !self.is_over(message.queued_at) => {
                HoldDecision::Wait
            }
            Some(_) => HoldDecision::Free,
        }
    }

    /// Returns whether an operator has to decide about the waiting messages.
    pub fn needs_decision(&self, waiting: i64) -> bool {
        self.dropped_at.is_none() || waiting > 0
    }

    /// Returns whether, by then, all steps that may have been taken before have been taken again.
    /// Counted from the operator's decision, that takes as long as it took before, and then until
    /// the same time of the week.
    pub fn is_over(&self, now: Millis) -> bool {
        let before = Span(self.mark.0.saturating_sub(self.since.0).max(0));
        self.dropped_at.is_some_and(|at| at.plus(before).plus(CALENDAR_MAX) < now)
    }
}

/// Returns whether the origin of the message was under way at a time. For a broadcast this is
/// unknown, so it counts as under way.
fn was_under_way(message: &Message, at: Millis) -> bool {
    match &message.source {
        MessageSource::Step(step) => {
            uuid_time(step.enrollment.as_str()).is_none_or(|began| began <= at)
        }
        MessageSource::Broadcast { .. } => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::base::primitives::{CampaignId, EnrollmentId, Ids, MessageId, RecordId};
    use crate::domain::contact::message_source::{StepContent, StepSource};

    const MARK: Millis = Millis(1_000_000);
    const DROPPED: Millis = Millis(1_000_020);

    fn decision(
        dropped_at: Option<Millis>,
        created: Millis,
        change: impl Fn(&mut Message),
    ) -> HoldDecision {
        let contact = Contact::unknown(RecordId::from("c"), created);
        let (id, campaign) = (MessageId::from("m"), CampaignId::from("c"));
        let source = MessageSource::Confirmation { asks_details: false };
        let mut message = Message::queue(id, contact.id.clone(), campaign, 1, source, DROPPED);
        change(&mut message);
        RestoreGuard { mark: MARK, since: Millis(0), dropped_at }.decision(&message, &contact)
    }

    fn after(at: Millis, span: i64) -> Millis {
        at.plus(Span(span))
    }

    #[test]
    fn mark_round_trips_and_reads_the_old_format() {
        let mark = Mark { number: 7, at: MARK };
        assert_eq!(Mark::read(&mark.text()), Some(mark));
        assert_eq!(Mark::read("1000000"), Some(Mark { number: MARK.0, at: MARK }));
        assert_eq!(["", "x", "1 x", "1 2 3"].map(Mark::read), [None; 4]);
    }

    #[test]
    fn contact_created_after_the_mark_is_free() {
        assert_eq!(decision(None, after(MARK, 1), |_| ()), HoldDecision::Free);
        assert_eq!(decision(None, MARK, |_| ()), HoldDecision::Wait, "queued again after it");
    }

    #[test]
    fn messages_queued_before_the_drop_are_dropped() {
        assert_eq!(decision(Some(DROPPED), MARK, |_| ()), HoldDecision::Drop);
        let later = |message: &mut Message| message.queued_at = after(DROPPED, 1);
        assert_eq!(decision(Some(DROPPED), MARK, later), HoldDecision::Free, "a confirmation");
    }

    #[test]
    fn work_under_way_at_the_drop_waits() {
        let over = after(after(DROPPED, MARK.0), CALENDAR_MAX.0);
        let of = |began: Millis, queued: Millis| {
            decision(Some(DROPPED), MARK, |message| {
                message.source = MessageSource::Step(StepSource {
                    enrollment: EnrollmentId(Ids::new(began, 1).uuid()),
                    journey: "j".to_owned(),
                    step: "s".to_owned(),
                    purpose: "news".to_owned(),
                    content: StepContent::Template("emails/x".to_owned()),
                });
                message.queued_at = queued;
            })
        };
        assert_eq!(of(DROPPED, after(DROPPED, 1)), HoldDecision::Wait);
        assert_eq!(of(DROPPED, over), HoldDecision::Wait);
        assert_eq!(of(DROPPED, after(over, 1)), HoldDecision::Free, "it has caught up");
        assert_eq!(of(after(DROPPED, 1), after(DROPPED, 1)), HoldDecision::Free, "it began since");
        let broadcast = |message: &mut Message| {
            message.queued_at = after(DROPPED, 1);
            message.source = MessageSource::Broadcast {
                name: "b".to_owned(),
                variant: "a".to_owned(),
                purpose: "news".to_owned(),
                template: "emails/x".to_owned(),
            };
        };
        assert_eq!(decision(Some(DROPPED), MARK, broadcast), HoldDecision::Wait);
    }
}
