//! Conditions on a single value.

use super::{DateTest, Evaluation, Moment, Relative};
use crate::domain::base::primitives::Millis;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A condition on an attribute. An attribute that is absent, or an empty list, meets none but
/// `IsNot`, `NotIn` and `Set(false)`; the same is true of one of another type. For a list, some
/// element must meet the condition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// Equal; for a list, some element is equal.
    Is(Scalar),
    /// The opposite of `Is`, so true when absent.
    IsNot(Scalar),
    /// Equal to one of these.
    In(Vec<Scalar>),
    /// The opposite of `In`, so true when absent.
    NotIn(Vec<Scalar>),
    /// The string contains this, ignoring the case of ASCII letters, as SQLite does.
    Contains(String),
    /// The string starts with this, ignoring the case of ASCII letters.
    StartsWith(String),
    /// The string matches the pattern (see `matches`).
    Matches(String),
    /// The number meets the comparison.
    Number(Comparison),
    /// The number is from the first to the second, both included.
    Between(f64, f64),
    /// The date meets a condition that does not depend on the present time.
    Date(DateTest),
    /// The date meets a condition relative to the present time.
    Relative {
        relative: Relative,
        /// The campaign's time zone, for contacts whose own is unknown.
        zone: String,
    },
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
    /// Returns whether `value` meets the comparison.
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
    Bool(bool),
    /// A number; integers stay exact up to 2^53.
    Number(f64),
    Text(String),
}

impl Operator {
    /// Evaluates the condition for a value, or for its absence. For a list, some element must meet
    /// it. `zone` is the contact's own.
    pub fn evaluate(&self, value: Option<&Value>, zone: Option<&str>, now: Millis) -> Evaluation {
        match self {
            Self::Relative { relative, zone: others } => {
                let zones = [zone, Some(others.as_str())];
                let evaluations = dates_in(value).map(|date| relative.evaluate(date, &zones, now));
                Evaluation::of_all(evaluations.map(Evaluation::opposite)).opposite()
            }
            _ => Evaluation::lasting(self.holds(value)),
        }
    }

    /// Evaluates a condition that does not depend on the time.
    fn holds(&self, value: Option<&Value>) -> bool {
        let is = |scalar: &Scalar| elements(value).any(|item| scalar.equals(item));
        let text =
            |passes: &dyn Fn(&str) -> bool| elements(value).filter_map(Value::as_str).any(passes);
        let number =
            |passes: &dyn Fn(f64) -> bool| elements(value).filter_map(Value::as_f64).any(passes);
        match self {
            Self::Is(scalar) => is(scalar),
            Self::IsNot(scalar) => !is(scalar),
            Self::In(scalars) => scalars.iter().any(is),
            Self::NotIn(scalars) => !scalars.iter().any(is),
            Self::Contains(part) => {
                let part = part.to_ascii_lowercase();
                text(&|text| text.to_ascii_lowercase().contains(&part))
            }
            Self::StartsWith(part) => {
                let part = part.to_ascii_lowercase();
                text(&|text| text.to_ascii_lowercase().starts_with(&part))
            }
            Self::Matches(pattern) => text(&|text| matches(pattern, text)),
            Self::Number(comparison) => number(&|number| comparison.holds(number)),
            Self::Between(from, to) => number(&|number| (*from..=*to).contains(&number)),
            Self::Date(test) => dates_in(value).any(|date| test.holds(date)),
            Self::Set(present) => elements(value).next().is_some() == *present,
            Self::Relative { .. } => false,
        }
    }
}

/// Returns the value itself, or the elements of a list; nothing for an absent value.
fn elements(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    match value {
        Some(Value::Array(items)) => items.iter(),
        Some(value) => std::slice::from_ref(value).iter(),
        None => [].iter(),
    }
}

fn dates_in(value: Option<&Value>) -> impl Iterator<Item = Moment> {
    elements(value).filter_map(Value::as_str).filter_map(Moment::read)
}

/// Returns whether the whole text matches a pattern: `*` stands for any number of characters, `?`
/// for one. The case of ASCII letters is ignored, as SQLite's LIKE does. The work is at most the
/// product of the two lengths, whatever the pattern.
pub fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    // The position of the last `*`, and how much of the text it has consumed so far.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match (pattern.get(p), star) {
            (Some('*'), _) => {
                star = Some((p, t));
                p += 1;
            }
            (Some(c), _) if *c == '?' || c.eq_ignore_ascii_case(&text[t]) => {
                p += 1;
                t += 1;
            }
            (_, Some((at, taken))) => {
                star = Some((at, taken + 1));
                p = at + 1;
                t = taken + 1;
            }
            _ => return false,
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

impl Scalar {
    /// Returns whether a JSON value is this value; numbers compare as numbers, and `1` is not
    /// `"1"`.
    pub fn equals(&self, value: &Value) -> bool {
        match self {
            Self::Bool(b) => value.as_bool() == Some(*b),
            Self::Number(n) => value.as_f64() == Some(*n),
            Self::Text(t) => value.as_str() == Some(t),
        }
    }

    /// Returns the value as JSON; a whole number becomes an integer.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Bool(b) => Value::from(*b),
            Self::Number(n) if n.fract() == 0.0 && n.abs() < 9e15 => Value::from(*n as i64),
            Self::Number(n) => Value::from(*n),
            Self::Text(t) => Value::from(t.clone()),
        }
    }
}
