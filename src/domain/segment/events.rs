//! Conditions on a record's events.

use super::{Comparison, Evaluation, Scalar};
use crate::domain::base::primitives::{Millis, Span};
use crate::domain::record::Record;
use crate::domain::record::event::Event;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Events of one name with certain properties. Those by bots are left out, unless `machines`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Events {
    /// The name, such as `message.clicked`.
    pub event: String,
    /// Properties and the exact values that they must have.
    pub filter: Vec<(String, Scalar)>,
    /// Properties and the comparisons that they must meet; a property that is not a number does
    /// not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub numbers: Vec<(String, Comparison)>,
    /// Whether events by bots count too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub machines: bool,
}

/// How the numbers of several events become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Their sum.
    Sum,
    /// Their sum divided by their count.
    Average,
}

/// Which of several events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Occurrence {
    /// The earliest.
    First,
    /// The latest.
    Last,
}

/// The condition on the time of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeTest {
    /// Earlier than this.
    Before(Millis),
    /// Later than this.
    After(Millis),
    /// Less than this long ago.
    InLast(Span),
}

/// Numbers are added up in ten-thousandths, so that both evaluators get the same sum in whatever
/// order they add.
pub const AMOUNT_UNIT: f64 = 10_000.0;
/// The largest number that is added up: the ten-thousandths of a thousand of them fit in 64 bits,
/// and those of one are exact. An event with a larger number is left out.
pub const AMOUNT_MAX: f64 = 9e11;

impl Events {
    /// Returns whether an event is one of these.
    pub fn matches(&self, event: &Event) -> bool {
        event.name == self.event
            && (self.machines || event.is_human())
            && self.filter.iter().all(|(property, value)| {
                event.properties.get(property).is_some_and(|found| value.equals(found))
            })
            && self.numbers.iter().all(|(property, comparison)| {
                let found = event.properties.get(property).and_then(Value::as_f64);
                found.is_some_and(|number| comparison.holds(number))
            })
    }

    fn of<'r>(&self, record: &'r Record) -> impl Iterator<Item = &'r Event> {
        record.history.iter().filter(|event| self.matches(event))
    }

    /// Returns those of a record that a condition looks at now.
    pub(super) fn within<'a>(
        &'a self,
        within: Option<Span>,
        record: &'a Record,
        now: Millis,
    ) -> Window<'a> {
        Window { record, events: self, within, now }
    }
}

/// The events of a record that a condition looks at.
pub(super) struct Window<'a> {
    record: &'a Record,
    events: &'a Events,
    /// How far the condition looks back; `None` for the whole history.
    within: Option<Span>,
    now: Millis,
}

impl<'a> Window<'a> {
    /// Returns the matching events in the window, ordered by time and sequence number.
    fn recent(&self) -> Vec<&'a Event> {
        let since = self.within.map(|span| self.now.minus(span));
        let is_recent = |event: &&Event| since.is_none_or(|since| event.at > since);
        let mut found: Vec<&Event> = self.events.of(self.record).filter(is_recent).collect();
        found.sort_unstable_by_key(|event| (event.at, event.seq));
        found
    }
}

/// Evaluates a condition that depends on which of some events, oldest first, are still in the
/// window. `answer` gets the index of the first such event, and the time. The result may change
/// when an event leaves the window, and when one reaches the age `aging`.
fn sliding(
    times: &[Millis],
    within: Option<Span>,
    aging: Option<Span>,
    now: Millis,
    answer: impl Fn(usize, Millis) -> bool,
) -> Evaluation {
    let holds_at = |t: Millis| {
        let since = within.map(|span| t.minus(span));
        let gone = since.map_or(0, |since| times.partition_point(|at| *at <= since));
        answer(gone, t)
    };
    let holds = holds_at(now);
    let turn = |span: Option<Span>| {
        let moments = span.into_iter().flat_map(|span| times.iter().map(move |at| at.plus(span)));
        moments.filter(|t| *t > now)
    };
    let mut moments: Vec<Millis> = turn(within).chain(turn(aging)).collect();
    moments.sort_unstable();
    Evaluation { holds, changes_at: moments.into_iter().find(|t| holds_at(*t) != holds) }
}

/// Evaluates a count of events.
pub(super) fn count(window: &Window<'_>, count: Comparison) -> Evaluation {
    let Window { record, events, within, now } = *window;
    if within.is_none() {
        return Evaluation::lasting(count.holds(events.of(record).count() as f64));
    }
    let times: Vec<Millis> = window.recent().iter().map(|e| e.at).collect();
    sliding(&times, within, None, now, |gone, _| count.holds((times.len() - gone) as f64))
}

/// Evaluates the sum or average of a property.
pub(super) fn amount(
    window: &Window<'_>,
    measure: Measure,
    property: &str,
    result: Comparison,
) -> Evaluation {
    let found = amounts(window, property);
    let times: Vec<Millis> = found.iter().map(|(at, _)| *at).collect();
    // The sum that is left after the given number of events has left the window.
    let mut sums = vec![0; found.len() + 1];
    for (index, (_, amount)) in found.iter().enumerate().rev() {
        sums[index] = sums[index + 1] + amount;
    }
    sliding(&times, window.within, None, window.now, |gone, _| {
        measured(measure, sums[gone], times.len() - gone).is_some_and(|found| result.holds(found))
    })
}

/// Returns the dates of the events in the window, with their property in ten-thousandths.
fn amounts(window: &Window<'_>, property: &str) -> Vec<(Millis, i64)> {
    let amount = |event: &&Event| {
        let number = event.properties.get(property)?.as_f64()?;
        (number.abs() <= AMOUNT_MAX).then(|| {
            // Rounds as SQLite's round() does for numbers of this size.
            let scaled = number * AMOUNT_UNIT;
            (event.at, (scaled + if scaled < 0.0 { -0.5 } else { 0.5 }) as i64)
        })
    };
    window.recent().into_iter().filter_map(|event| amount(&event)).collect()
}

fn measured(measure: Measure, sum: i64, count: usize) -> Option<f64> {
    let sum = sum as f64 / AMOUNT_UNIT;
    match measure {
        Measure::Sum => Some(sum),
        Measure::Average => (count > 0).then(|| sum / count as f64),
    }
}

/// Evaluates the time of the first or last event.
pub(super) fn time(window: &Window<'_>, which: Occurrence, test: TimeTest) -> Evaluation {
    let times: Vec<Millis> = window.recent().iter().map(|e| e.at).collect();
    let aging = match test {
        TimeTest::InLast(span) => Some(span),
        TimeTest::Before(_) | TimeTest::After(_) => None,
    };
    sliding(&times, window.within, aging, window.now, |gone, t| {
        let found = match which {
            Occurrence::First => times[gone..].first(),
            Occurrence::Last => times[gone..].last(),
        };
        found.is_some_and(|at| match test {
            TimeTest::Before(bound) => *at < bound,
            TimeTest::After(bound) => *at > bound,
            TimeTest::InLast(span) => *at > t.minus(span),
        })
    })
}

/// Evaluates whether an event of the first kind was followed by one of the second. It holds until
/// the last such first event leaves the window.
pub(super) fn sequence(first: &Window<'_>, then: &Window<'_>, span: Span) -> Evaluation {
    let followers = then.recent();
    let is_followed = |event: &&&Event| {
        let next = followers.partition_point(|f| (f.at, f.seq) <= (event.at, event.seq));
        followers.get(next).is_some_and(|follower| follower.at <= event.at.plus(span))
    };
    let firsts = first.recent();
    let last = firsts.iter().rev().find(is_followed);
    let changes_at = last.zip(first.within).map(|(event, span)| event.at.plus(span));
    Evaluation { holds: last.is_some(), changes_at }
}

/// The values found, for people: a count, an amount, a time.
pub(super) mod found {
    use super::*;

    /// Returns the number of events.
    pub fn count(window: &Window<'_>) -> Value {
        window.recent().len().into()
    }

    /// Returns the sum or the average; `null` for the average of no events.
    pub fn amount(window: &Window<'_>, measure: Measure, property: &str) -> Value {
        let found = amounts(window, property);
        let sum = found.iter().map(|(_, amount)| amount).sum();
        measured(measure, sum, found.len()).into()
    }

    /// Returns the time of the first or the last event, as RFC 3339; `null` if there is none.
    pub fn time(window: &Window<'_>, which: Occurrence) -> Value {
        let found = window.recent();
        let event = match which {
            Occurrence::First => found.first(),
            Occurrence::Last => found.last(),
        };
        event.map(|event| event.at.rfc3339()).into()
    }
}
