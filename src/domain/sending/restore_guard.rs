//! A database that was restored to an earlier time: it does not know what was sent since.

use crate::domain::base::primitives::{Millis, Span, uuid_time};
use crate::domain::contact::Contact;
use crate::domain::contact::message::Message;
use serde::Deserialize;

/// Why a message waits, or was not sent, after a restore.
pub const RESTORED: &str = "restored";

/// A step that waits for a time of day or a weekday comes so much later, at most, when it is taken
/// again.
const CALENDAR_MAX: Span = Span::days(7);

/// What a tick writes down in the database, and then outside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Mark {
    /// Greater than that of any mark before it.
    pub number: i64,
    /// When it was made, by the clock of its tick.
    pub at: Millis,
}

impl Mark {
    /// Reads what `text` writes; former code wrote the time alone.
    pub fn read(text: &str) -> Option<Self> {
        let (number, at) = text.split_once(' ').unwrap_or((text, text));
        Some(Self { number: number.parse().ok()?, at: Millis(at.parse().ok()?) })
    }

    /// Both numbers, apart.
    pub fn text(self) -> String {
        format!("{} {}", self.number, self.at.0)
    }
}

/// A restore that was found, until what it concerns is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestoreGuard {
    /// When the world had come to before the restore.
    pub mark: Millis,
    /// What time the database was restored to.
    pub since: Millis,
    /// When an operator said that what waits is not to be sent.
    pub dropped_at: Option<Millis>,
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldDecision {
    /// The restore does not concern it.
    Free,
    /// It may have been sent before the restore: it waits.
    Wait,
    /// It may have been sent before the restore, and an operator said that it was.
    Drop,
}

/// What an operator says about what waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Send it.
    Release,
    /// Do not: it has left before.
    Drop,
}

impl Resolution {
    /// The word in a path.
    pub fn by_verb(verb: &str) -> Option<Self> {
        match verb {
            "release" => Some(Self::Release),
            "drop" => Some(Self::Drop),
            _ => None,
        }
    }
}

impl RestoreGuard {
    /// Whoever was first heard of after the restore has been sent nothing before it. To all others
    /// any message may have left already, even one that is queued only now: time is made up for,
    /// and steps that were taken before are taken again. So after a word that drops them, whoever
    /// was under way then may come by further ones.
    pub fn word(&self, message: &Message, contact: &Contact) -> HoldDecision {
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

    /// Whether an operator is to say what becomes of the messages that wait.
    pub fn asks(&self, waiting: i64) -> bool {
        self.dropped_at.is_none() || waiting > 0
    }

    /// Whether by then all steps were taken again that may have been taken before. From the word on
    /// that takes as long as it took before, and until the same time of the week comes again.
    pub fn is_over(&self, now: Millis) -> bool {
        let before = Span(self.mark.0.saturating_sub(self.since.0).max(0));
        self.dropped_at.is_some_and(|at| at.plus(before).plus(CALENDAR_MAX) < now)
    }
}

/// Whether what asked for the message was under way at a time. Of a broadcast nobody knows.
fn was_under_way(message: &Message, at: Millis) -> bool {
    let began = message.enrollment.as_ref().map(|id| uuid_time(id.as_str()));
    began.map_or(message.broadcast.is_some(), |began| began.is_none_or(|began| began <= at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::base::primitives::{CampaignId, ContactId, EnrollmentId, Ids, MessageId};
    use crate::domain::contact::message::Class;

    const MARK: Millis = Millis(1_000_000);
    const DROPPED: Millis = Millis(1_000_020);

    fn word(
        dropped_at: Option<Millis>,
        created: Millis,
        change: impl Fn(&mut Message),
    ) -> HoldDecision {
        let contact = Contact::unknown(ContactId::from("c"), created);
        let kind = (Class::Marketing, "emails/x");
        let version = (CampaignId::from("c"), 1);
        let id = MessageId::from("m");
        let mut message = Message::queue(id, contact.id.clone(), version, kind, DROPPED);
        change(&mut message);
        RestoreGuard { mark: MARK, since: Millis(0), dropped_at }.word(&message, &contact)
    }

    fn after(at: Millis, span: i64) -> Millis {
        at.plus(Span(span))
    }

    #[test]
    fn a_mark_is_read_as_it_was_written_and_as_former_code_wrote_it() {
        let mark = Mark { number: 7, at: MARK };
        assert_eq!(Mark::read(&mark.text()), Some(mark));
        assert_eq!(Mark::read("1000000"), Some(Mark { number: MARK.0, at: MARK }));
        assert_eq!(["", "x", "1 x", "1 2 3"].map(Mark::read), [None; 4]);
    }

    #[test]
    fn whoever_came_after_the_restore_is_not_concerned() {
        assert_eq!(word(None, after(MARK, 1), |_| ()), HoldDecision::Free);
        assert_eq!(word(None, MARK, |_| ()), HoldDecision::Wait, "queued again after it");
    }

    #[test]
    fn what_was_queued_until_the_word_is_dropped() {
        assert_eq!(word(Some(DROPPED), MARK, |_| ()), HoldDecision::Drop);
        let later = |message: &mut Message| message.queued_at = after(DROPPED, 1);
        assert_eq!(word(Some(DROPPED), MARK, later), HoldDecision::Free, "a confirmation");
    }

    #[test]
    fn what_was_under_way_at_the_word_waits_for_another() {
        let over = after(after(DROPPED, MARK.0), CALENDAR_MAX.0);
        let of = |began: Millis, queued: Millis| {
            word(Some(DROPPED), MARK, |message| {
                message.enrollment = Some(EnrollmentId(Ids::new(began, 1).uuid()));
                message.queued_at = queued;
            })
        };
        assert_eq!(of(DROPPED, after(DROPPED, 1)), HoldDecision::Wait);
        assert_eq!(of(DROPPED, over), HoldDecision::Wait);
        assert_eq!(of(DROPPED, after(over, 1)), HoldDecision::Free, "it has caught up");
        assert_eq!(of(after(DROPPED, 1), after(DROPPED, 1)), HoldDecision::Free, "it began since");
        let broadcast = |message: &mut Message| {
            message.queued_at = after(DROPPED, 1);
            message.broadcast = Some("b".to_owned());
        };
        assert_eq!(word(Some(DROPPED), MARK, broadcast), HoldDecision::Wait);
    }
}
