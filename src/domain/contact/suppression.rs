//! Suppression: an address that must not be written to, and why.
//!
//! Suppressions only grow: of two for one address the stricter stays, in whatever order they
//! arrive. Time (`until`) or an operator lifts one. A refusal also ends when the owner agrees again
//! and has proved the mailbox or the phone number.

use crate::domain::base::primitives::{Channel, Millis};
use serde::{Deserialize, Serialize};

/// Why an address must not be written to. The order is that of strictness: of two suppressions that
/// last equally long, the one later in this list stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuppressionReason {
    /// It was on the suppression list of another system.
    Imported,
    /// An operator added it.
    Manual,
    /// Messages to it bounced.
    Bounced,
    /// The owner does not want any more messages.
    Unsubscribed,
    /// The owner reported a message as spam.
    Complained,
    /// The owner asked for erasure.
    Erased,
}

impl SuppressionReason {
    /// All reasons, the least strict first.
    pub const ALL: [Self; 6] = [
        Self::Imported,
        Self::Manual,
        Self::Bounced,
        Self::Unsubscribed,
        Self::Complained,
        Self::Erased,
    ];

    /// Returns the name used in the database; `domain::reason` has the sentence.
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

    pub fn by_name(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }
}

/// An address that must not be written to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Suppression {
    pub channel: Channel,
    /// The e-mail address in normal form, or the number in E.164.
    pub address: String,
    pub reason: SuppressionReason,
    /// The end; `None` for a permanent suppression.
    pub until: Option<Millis>,
    /// Who added it: a provider's name, an operator, an import.
    pub source: String,
    /// When it was recorded.
    pub at: Millis,
}

/// The source of a suppression that was caused by an inbound STOP.
pub const BY_TEXT: &str = "text message";

impl Suppression {
    /// Returns the suppression of a number that sent STOP.
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

    /// Returns whether it is still in force.
    pub fn holds(&self, now: Millis) -> bool {
        self.until.is_none_or(|until| until > now)
    }

    /// Returns whether it replaces another one for the same address. A permanent suppression beats
    /// a dated one, a later date beats an earlier one, and at equal duration the stricter reason
    /// wins.
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
    /// The address, or its hash if the contact was erased.
    pub address: String,
    pub reason: SuppressionReason,
    /// The end; `None` for a permanent suppression. For a lifted one, the time it was lifted.
    pub until: Option<Millis>,
    /// Who added it.
    pub source: String,
    pub at: Millis,
    pub released_by: Option<String>,
    /// Why it was lifted.
    pub release_note: Option<String>,
}

/// The lifting of a suppression. The row stays and records who lifted it.
#[derive(Clone, Debug, PartialEq)]
pub struct Release {
    pub channel: Channel,
    /// The e-mail address in normal form, or the number in E.164.
    pub address: String,
    /// Who lifted it: the name of an API token, a link of a message.
    pub by: String,
    /// Why it was lifted.
    pub note: String,
    pub at: Millis,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stricter_suppression_does_not_depend_on_order() {
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
