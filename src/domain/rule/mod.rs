//! A rule: a question about one contact, answered true or false.
//!
//! The same rule has two evaluators: `holds` here, inside a decision, and its SQL form in
//! `store::segments`, which finds the contacts that must be looked at again. A property test
//! holds them together.

mod explain;

pub use explain::{Explained, Words};

use super::contact::Contact;
use super::primitives::{Channel, Millis, Span};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A tree of questions. In a campaign file: `{ all = […] }`, `{ any = […] }`, `{ not = … }`,
/// `{ attribute = "role", is = "manager" }`, `{ tag = "vip" }`,
/// `{ consent = "newsletter", channel = "email" }`, `{ score = { gte = 50 } }`,
/// `{ event = "message.clicked", count = { gte = 1 }, within = "14d", where = { step = "one" } }`.
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

/// A rule's answer about a contact, and how long it lasts if nothing but time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The answer.
    pub holds: bool,
    /// The earliest moment at which time alone may change it; `None` for never.
    pub changes_at: Option<Millis>,
}

impl Rule {
    /// Answers the question about `contact` at `now`.
    pub fn verdict(&self, contact: &Contact, now: Millis) -> Verdict {
        let lasting = |holds| Verdict { holds, changes_at: None };
        match self {
            Self::All(parts) => Verdict::of_all(parts.iter().map(|p| p.verdict(contact, now))),
            Self::Any(parts) => {
                Verdict::of_all(parts.iter().map(|p| p.verdict(contact, now).opposite())).opposite()
            }
            Self::Not(part) => part.verdict(contact, now).opposite(),
            Self::Attribute { attribute, test } => {
                lasting(test.holds(contact.attribute(attribute).as_ref()))
            }
            Self::Tag(tag) => lasting(contact.tags.contains(tag)),
            Self::Consent { purpose, channel } => lasting(contact.may_be_sent(*channel, purpose)),
            Self::Score(comparison) => lasting(comparison.holds(contact.score as f64)),
            Self::Event { event, count, within, filter } => {
                event_verdict(contact, now, event, *count, *within, filter)
            }
        }
    }

    /// Adds the names of the events that the rule asks about.
    pub fn event_names<'a>(&'a self, names: &mut std::collections::BTreeSet<&'a str>) {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().for_each(|part| part.event_names(names));
            }
            Self::Not(part) => part.event_names(names),
            Self::Event { event, .. } => {
                names.insert(event);
            }
            _ => {}
        }
    }
}

impl Verdict {
    fn opposite(self) -> Self {
        Self { holds: !self.holds, ..self }
    }

    /// True parts that must all stay true: the first to change ends it. With false parts among
    /// them, it stays false until the last of those has changed.
    fn of_all(parts: impl Iterator<Item = Verdict>) -> Self {
        let (mut first_of_true, mut last_of_false) = (None, None);
        for Verdict { holds, changes_at } in parts {
            let at = changes_at.unwrap_or(Millis(i64::MAX));
            if holds {
                first_of_true = Some(first_of_true.map_or(at, |first: Millis| first.min(at)));
            } else {
                last_of_false = Some(last_of_false.map_or(at, |last: Millis| last.max(at)));
            }
        }
        let changes_at = last_of_false.or(first_of_true).filter(|at| at.0 != i64::MAX);
        Self { holds: last_of_false.is_none(), changes_at }
    }
}

/// Counts the events in the window, and finds when the oldest of them leave it one by one and the
/// answer turns.
fn event_verdict(
    contact: &Contact,
    now: Millis,
    name: &str,
    count: Comparison,
    within: Option<Span>,
    filter: &[(String, Scalar)],
) -> Verdict {
    let since = within.map(|span| now.minus(span));
    let mut times: Vec<Millis> = contact
        .history
        .iter()
        .filter(|event| event.name == name && event.is_human())
        .filter(|event| since.is_none_or(|since| event.at > since))
        .filter(|event| {
            filter.iter().all(|(property, value)| {
                event.properties.get(property).is_some_and(|found| value.equals(found))
            })
        })
        .map(|event| event.at)
        .collect();
    let holds = count.holds(times.len() as f64);
    let changes_at = within.and_then(|span| {
        times.sort_unstable();
        let turns = |(index, at): &(usize, &Millis)| {
            // Events of one instant leave the window together.
            let is_last_of_its_instant = times.get(index + 1) != Some(at);
            let left = (times.len() - index - 1) as f64;
            is_last_of_its_instant && count.holds(left) != holds
        };
        times.iter().enumerate().find(turns).map(|(_, at)| at.plus(span))
    });
    Verdict { holds, changes_at }
}

impl Test {
    /// Asks it of a value, or of its absence. Of a list, some element must pass.
    pub fn holds(&self, value: Option<&Value>) -> bool {
        let any = |passes: &dyn Fn(&Value) -> bool| match value {
            Some(Value::Array(items)) => items.iter().any(passes),
            Some(value) => passes(value),
            None => false,
        };
        let is = |scalar: &Scalar| any(&|item| scalar.equals(item));
        let text = |passes: &dyn Fn(String) -> bool| {
            any(&|item| item.as_str().is_some_and(|text| passes(text.to_ascii_lowercase())))
        };
        match self {
            Self::Is(scalar) => is(scalar),
            Self::IsNot(scalar) => !is(scalar),
            Self::In(scalars) => scalars.iter().any(is),
            Self::NotIn(scalars) => !scalars.iter().any(is),
            Self::Contains(part) => text(&|text| text.contains(&part.to_ascii_lowercase())),
            Self::StartsWith(part) => text(&|text| text.starts_with(&part.to_ascii_lowercase())),
            Self::Number(comparison) => {
                any(&|item| item.as_f64().is_some_and(|number| comparison.holds(number)))
            }
            Self::Set(present) => any(&|_| true) == *present,
        }
    }
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
