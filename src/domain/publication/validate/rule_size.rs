//! Estimates how much SQL a rule compiles to when its segment is backfilled. D1 limits the bytes of
//! a statement, and a rule that passes `check` must run there. `tests/native/segments/limits.rs`
//! compares these figures with the SQL of made-up rules (`store/rule_sql.rs`): they are never too
//! low.

use crate::domain::segment::{DateTest, Events, Operator, Relative, Rule, Scalar, TimeTest};

/// The SQL around a rule: the selection of contacts, their clocks, and the columns written.
const AROUND: usize = 1_100;
/// A part: `WHEN … THEN 100`, `iif(c.failing IN (0,100),…,9e999)`, `CASE … ELSE 0 END`.
const PART: usize = 40;
/// `FROM events e WHERE …` by name, window and number.
const EVENTS: usize = 165;
/// A property with an exact value, and one with a comparison.
const EXACT: usize = 92;
const COMPARED: usize = 110;

/// Estimates the bytes of the SQL that backfills a segment of this rule.
pub fn rule_bytes(rule: &Rule) -> usize {
    let parts = match rule {
        Rule::All(parts) => parts.as_slice(),
        one => std::slice::from_ref(one),
    };
    let each = |part: &Rule| asked(part) + watched(part).unwrap_or(0) + 2 * PART;
    AROUND + parts.iter().map(each).sum::<usize>()
}

/// Estimates the SQL that evaluates the rule.
fn asked(rule: &Rule) -> usize {
    match rule {
        Rule::All(parts) | Rule::Any(parts) => {
            parts.iter().map(|part| asked(part) + PART).sum::<usize>() + PART
        }
        Rule::Not(part) => asked(part),
        Rule::Attribute { test, .. } => match test {
            Operator::Date(DateTest::Between(..)) => 800,
            Operator::Date(_) => 750,
            Operator::Relative { relative: Relative::Anniversary(_), .. } => 1_350,
            Operator::Relative { .. } => 820,
            Operator::In(values) | Operator::NotIn(values) if is_mixed(values) => 310,
            _ => 200,
        },
        Rule::Tag(_) => 75,
        Rule::Consent { .. } => 240,
        Rule::Score(_) => 40,
        Rule::Event { events, .. } => found(events) + 40,
        Rule::Amount { events, .. } => found(events) + 280,
        Rule::EventTime { events, .. } => found(events) + 60,
        Rule::Sequence { first, then, .. } => found(first) + found(then) + 110,
        Rule::Segment(_) | Rule::List(_) => 130,
        Rule::Journey { .. } => 300,
        Rule::Sample(_) => 570,
        Rule::Company { rule, .. } => asked(rule) + 200,
    }
}

/// Estimates the SQL that computes when time alone may change the result; `None` if it never does.
/// A part with a constant result is evaluated again beside parts whose result changes.
fn watched(rule: &Rule) -> Option<usize> {
    let parts = match rule {
        Rule::All(parts) | Rule::Any(parts) => parts,
        Rule::Not(part) => return watched(part),
        _ => return watched_question(rule),
    };
    let changes = parts.iter().any(|part| watched(part).is_some());
    let bytes = |part: &Rule| watched(part).unwrap_or_else(|| asked(part)) + PART;
    changes.then(|| parts.iter().map(bytes).sum::<usize>() + PART)
}

fn watched_question(rule: &Rule) -> Option<usize> {
    let oldest = |events: &Events| found(events) + 65;
    match rule {
        Rule::Event { events, within, .. }
        | Rule::Amount { events, within, .. }
        | Rule::Sequence { first: events, within, .. } => within.map(|_| oldest(events)),
        Rule::EventTime { events, at, within, .. } => {
            let ages = matches!(at, TimeTest::InLast(_));
            let times = usize::from(within.is_some()) + usize::from(ages);
            (times > 0).then(|| times * oldest(events))
        }
        Rule::Attribute { test: Operator::Relative { relative, .. }, .. } => match relative {
            Relative::Anniversary(_) => Some(1_420),
            Relative::InLast(_) | Relative::InNext(_) => Some(1_050),
        },
        _ => None,
    }
}

/// Estimates the SQL that finds these events.
fn found(events: &Events) -> usize {
    EVENTS + EXACT * events.filter.len() + COMPARED * events.numbers.len()
}

/// Returns whether the values are anything but a list of texts.
fn is_mixed(values: &[Scalar]) -> bool {
    values.iter().any(|value| !matches!(value, Scalar::Text(_)))
}
