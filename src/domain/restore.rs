//! A database that was restored to an earlier time: it does not know what was sent since.

use super::contact::Contact;
use super::message::Message;
use super::primitives::Millis;

/// Why a message waits, or was not sent, after a restore.
pub const RESTORED: &str = "restored";

/// A restore that was found, until an operator has had its word on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// When the world had come to before the restore.
    pub mark: Millis,
    /// When an operator said that what waits is not to be sent.
    pub dropped_at: Option<Millis>,
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// The restore does not concern it.
    Free,
    /// It may have been sent before the restore: it waits.
    Wait,
    /// It may have been sent before the restore, and an operator said that it was.
    Drop,
}

/// What an operator says about what waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Say {
    /// Send it.
    Release,
    /// Do not: it has left before.
    Drop,
}

impl Say {
    /// The word in a path.
    pub fn by_verb(verb: &str) -> Option<Self> {
        match verb {
            "release" => Some(Self::Release),
            "drop" => Some(Self::Drop),
            _ => None,
        }
    }
}

impl Guard {
    /// Whoever was first heard of after the restore has been sent nothing before it. To all others
    /// any message may have left already, even one that is queued only now: time is made up for,
    /// and steps that were taken before are taken again.
    pub fn word(&self, message: &Message, contact: &Contact) -> Word {
        if contact.created_at > self.mark {
            return Word::Free;
        }
        match self.dropped_at {
            None => Word::Wait,
            Some(at) if message.queued_at <= at => Word::Drop,
            Some(_) => Word::Free,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::Class;
    use super::super::primitives::{CampaignId, ContactId, MessageId};
    use super::*;

    #[test]
    fn whoever_came_after_the_restore_is_not_concerned() {
        let word = |dropped_at: Option<i64>, created: i64, queued: i64| {
            let contact = Contact::unknown(ContactId::from("c"), Millis(created));
            let kind = (Class::Marketing, "emails/x");
            let version = (CampaignId::from("c"), 1);
            let id = MessageId::from("m");
            let message = Message::queue(id, contact.id.clone(), version, kind, Millis(queued));
            Guard { mark: Millis(10), dropped_at: dropped_at.map(Millis) }.word(&message, &contact)
        };
        assert_eq!(word(None, 11, 12), Word::Free);
        assert_eq!(word(None, 10, 12), Word::Wait, "queued again after it");
        assert_eq!(word(Some(20), 10, 12), Word::Drop);
        assert_eq!(word(Some(20), 10, 21), Word::Free);
    }
}
