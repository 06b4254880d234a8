//! Positions: where a contact works, in which role, and how they stand to us there. Not here: the
//! companies themselves (`record`), and how a position comes to be (`engine/position.rs`).

use crate::domain::base::primitives::{Actor, Millis, RecordId};
use crate::domain::record::PlainRecord;
use serde::{Deserialize, Serialize};

/// The most positions of a contact: each company is read with the contact.
pub const POSITIONS_MAX: usize = 20;

/// The longest role, in characters: one line of a list.
pub const ROLE_CHARS_MAX: usize = 60;

/// A contact's place at a company.
#[derive(Clone, Debug, PartialEq)]
pub struct Position {
    /// The company as rules see it: its id and number, its attributes, tags, score, owner and
    /// segments.
    pub company: Box<PlainRecord>,
    /// What the contact is there, in the words of those who said so: titles differ by language and
    /// by business.
    pub role: Option<String>,
    pub stance: Option<Stance>,
    /// Whether it is the contact's main position. At most one is.
    pub is_main: bool,
    pub source: PositionSource,
    pub since: Millis,
}

impl Position {
    /// Returns a position of which nothing more is known.
    pub fn new(company: PlainRecord, source: PositionSource, since: Millis) -> Self {
        let company = Box::new(company);
        Self { company, role: None, stance: None, is_main: false, source, since }
    }

    /// Returns whether this is the company, or one that was merged into it.
    pub fn is_at(&self, company: &RecordId) -> bool {
        self.company.is_known_as(company)
    }
}

/// How a person stands to us, from -2 (against) to 2 (for); 0 is neutral. It has a middle and a
/// sign, so that a committee can be weighed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Stance(i8);

impl Stance {
    pub const RANGE: std::ops::RangeInclusive<i64> = -2..=2;
}

impl TryFrom<i64> for Stance {
    type Error = &'static str;

    fn try_from(number: i64) -> Result<Self, Self::Error> {
        match i8::try_from(number) {
            Ok(small) if Self::RANGE.contains(&number) => Ok(Self(small)),
            _ => Err("a stance is a whole number from -2, against, to 2, for"),
        }
    }
}

impl From<Stance> for i64 {
    fn from(stance: Stance) -> Self {
        stance.0.into()
    }
}

/// How a position came to be: the word for it, or who said so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PositionSource(String);

impl PositionSource {
    /// The contact has an e-mail address in the domain of the company.
    pub fn domain() -> Self {
        Self("domain".to_owned())
    }

    /// The contact has named the company, usually in a form.
    pub fn named() -> Self {
        Self("form".to_owned())
    }

    pub fn by(actor: &Actor) -> Self {
        Self(actor.0.clone())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for PositionSource {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// What somebody says about the position of a contact at a company. What is `None` stays as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct PositionEdit {
    pub company: RecordId,
    pub by: PositionSource,
    /// The role; `Some(None)` clears it.
    pub role: Option<Option<String>>,
    /// The stance; `Some(None)` clears it.
    pub stance: Option<Option<Stance>>,
    /// Whether it is the main position, in place of any other.
    pub is_main: Option<bool>,
}

impl PositionEdit {
    /// Returns an edit that says only that there is a position.
    pub fn at(company: RecordId, by: PositionSource) -> Self {
        Self { company, by, role: None, stance: None, is_main: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stance_is_a_whole_number_from_minus_two_to_two() {
        let read = |text: &str| serde_json::from_str::<Stance>(text).map(i64::from).ok();
        assert_eq!(["-2", "0", "2"].map(read), [Some(-2), Some(0), Some(2)]);
        for wrong in ["-3", "3", "1.5", "258", "\"1\"", "null"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
