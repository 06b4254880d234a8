//! Suppression: an address that must not be written to, and why.
//!
//! Suppressions only grow: of two about one address the stricter stays, in whatever order they
//! come. Time (`until`) or an operator lifts one; and a refusal ends when its owner, proved by a
//! mailbox or a telephone, agrees anew.

use crate::domain::base::primitives::{Channel, Millis};
use serde::{Deserialize, Serialize};

/// Why an address must not be written to. The order is that of strictness: of two suppressions
/// that last equally long, the later in this list stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuppressionReason {
    /// It was on the suppression list of another system.
    Imported,
    /// One of our own people said so.
    Manual,
    /// Messages to it came back.
    Bounced,
    /// Its owner wants nothing more.
    Unsubscribed,
    /// Its owner called a message spam.
    Complained,
    /// Its owner had us forget them.
    Erased,
}

impl SuppressionReason {
    /// All of them, the least strict first.
    pub const ALL: [Self; 6] = [
        Self::Imported,
        Self::Manual,
        Self::Bounced,
        Self::Unsubscribed,
        Self::Complained,
        Self::Erased,
    ];

    /// The word in the database; `domain::reason` has the sentence.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Imported => "imported",
            Self::Manual => "manual",
            Self::Bounced => "bounced",
            Self::Unsubscribed => "unsubscribed",
            Self::Complained => "complained",
            Self::Erased => "erased",
        }
    }

    /// The reason of a word.
    pub fn by_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }
}

/// An address that must not be written to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Suppression {
    /// The channel.
    pub channel: Channel,
    /// The e-mail address in normal form, or the number in E.164.
    pub address: String,
    /// Why.
    pub reason: SuppressionReason,
    /// Until when; `None` for good.
    pub until: Option<Millis>,
    /// Who said so: a provider's name, an operator, an import.
    pub source: String,
    /// When it was written down.
    pub at: Millis,
}

/// Where a suppression comes from that somebody texted STOP for.
pub const BY_TEXT: &str = "text message";

impl Suppression {
    /// That of a number whose owner has texted STOP.
    pub fn by_text(number: &str, now: Millis) -> Self {
        Self {
            channel: Channel::Sms,
            address: number.to_owned(),
            reason: SuppressionReason::Unsubscribed,
            until: None,
            source: BY_TEXT.to_owned(),
            at: now,
        }
    }

    /// Whether it still counts.
    pub fn holds(&self, now: Millis) -> bool {
        self.until.is_none_or(|until| until > now)
    }

    /// Whether it takes the place of another about the same address: for good beats dated, a later
    /// date beats an earlier one, and between equals the stricter reason does.
    pub fn is_stricter_than(&self, other: &Self) -> bool {
        let strictness = |one: &Self| (one.until.map_or(i64::MAX, |until| until.0), one.reason);
        strictness(self) > strictness(other)
    }
}

/// An entry of the list of suppressions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listed {
    /// The channel; `external_id` for the hash of an erased one.
    pub channel: String,
    /// The address; of somebody who was erased, its hash.
    pub address: String,
    /// Why.
    pub reason: SuppressionReason,
    /// Until when; `None` for good. One that was lifted ended then.
    pub until: Option<Millis>,
    /// Who said so.
    pub source: String,
    /// When.
    pub at: Millis,
    /// Who lifted it.
    pub released_by: Option<String>,
    /// Why it was lifted.
    pub release_note: Option<String>,
}

/// The lifting of a suppression; its row stays, and says who lifted it.
#[derive(Clone, Debug, PartialEq)]
pub struct Release {
    /// The channel.
    pub channel: Channel,
    /// The e-mail address in normal form, or the number in E.164.
    pub address: String,
    /// Who lifted it: the name of an API token, a link of a message.
    pub by: String,
    /// Why.
    pub note: String,
    /// When.
    pub at: Millis,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stricter_of_two_is_the_same_whichever_came_first() {
        let suppression = |reason, until: Option<i64>| Suppression {
            channel: Channel::Email,
            address: "ann@example.com".to_owned(),
            reason,
            until: until.map(Millis),
            source: "resend".to_owned(),
            at: Millis(0),
        };
        let from_lax_to_strict = [
            suppression(SuppressionReason::Complained, Some(10)),
            suppression(SuppressionReason::Bounced, Some(20)),
            suppression(SuppressionReason::Bounced, None),
            suppression(SuppressionReason::Complained, None),
            suppression(SuppressionReason::Erased, None),
        ];
        for (place, one) in from_lax_to_strict.iter().enumerate() {
            for (other_place, other) in from_lax_to_strict.iter().enumerate() {
                assert_eq!(one.is_stricter_than(other), place > other_place);
            }
        }
        assert!(from_lax_to_strict[0].holds(Millis(9)) && !from_lax_to_strict[0].holds(Millis(10)));
    }
}
