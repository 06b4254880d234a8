//! A rule: a question about one contact, answered true or false.
//!
//! The same rule has two evaluators: `holds` here, inside a decision, and its SQL form in
//! `store::segments`, which finds the contacts that must be looked at again. A property test
//! holds them together.

use super::primitives::{Channel, Span};
use serde::{Deserialize, Serialize};

/// A tree of questions. In a campaign file: `{ all = […] }`, `{ any = […] }`, `{ not = … }`,
/// `{ attribute = "role", is = "manager" }`, `{ tag = "vip" }`,
/// `{ consent = "newsletter", channel = "email" }`, `{ score = { gte = 50 } }`,
/// `{ event = "message.clicked", count = { gte = 1 }, within = "14d", where = { step = "welcome" } }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// True if every part is; true when empty.
    All(Vec<Rule>),
    /// True if some part is; false when empty.
    Any(Vec<Rule>),
    /// True if the part is false.
    Not(Box<Rule>),
    /// A question about one attribute (`email`, `first_name`, or any that forms and events set).
    Attribute {
        /// The attribute's name.
        attribute: String,
        /// What is asked of its value.
        test: Test,
    },
    /// True if the contact has the tag.
    Tag(String),
    /// True if the contact may be written to for this purpose on this channel.
    Consent {
        /// The purpose the consent was given for.
        purpose: String,
        /// The channel it was given for.
        channel: Channel,
    },
    /// A comparison with the lead score.
    Score(Comparison),
    /// A count of events, optionally recent and with certain properties.
    Event {
        /// The event's name, such as `message.clicked`.
        event: String,
        /// What the count must be; at least one unless said otherwise.
        count: Comparison,
        /// Only events this recent count: those with `now - within < at`.
        within: Option<Span>,
        /// Only events whose properties have exactly these values count.
        filter: Vec<(String, Scalar)>,
    },
}

/// What is asked of an attribute. An attribute that is absent answers false to every test but
/// `IsNot`, `NotIn` and `Set(false)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// Equal; for a list, some element is equal.
    Is(Scalar),
    /// The opposite of `Is`, so true when absent.
    IsNot(Scalar),
    /// Equal to one of these.
    In(Vec<Scalar>),
    /// The opposite of `In`, so true when absent.
    NotIn(Vec<Scalar>),
    /// The text has this in it, letter case ignored (ASCII letters only, as SQLite does).
    Contains(String),
    /// The text begins with this, letter case ignored (ASCII letters only).
    StartsWith(String),
    /// The number compares so.
    Number(Comparison),
    /// Present (true) or absent (false).
    Set(bool),
}

/// A comparison with one number.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// Equal to.
    Eq(f64),
    /// Greater than.
    Gt(f64),
    /// Greater than or equal to.
    Gte(f64),
    /// Less than.
    Lt(f64),
    /// Less than or equal to.
    Lte(f64),
}

impl Comparison {
    /// Whether `value` compares so.
    pub fn holds(self, value: f64) -> bool {
        match self {
            Self::Eq(n) => value == n,
            Self::Gt(n) => value > n,
            Self::Gte(n) => value >= n,
            Self::Lt(n) => value < n,
            Self::Lte(n) => value <= n,
        }
    }
}

/// A single value of an attribute or a property.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    /// True or false.
    Bool(bool),
    /// A number; integers stay exact up to 2^53.
    Number(f64),
    /// Text.
    Text(String),
}
