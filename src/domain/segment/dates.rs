//! Dates in attributes: how they are written, and the conditions on them.
//!
//! A date is a string: a day, a time of day on it, or an instant. A day or a time without a zone is
//! read on the contact's own clock (the campaign's, if the contact's zone is unknown).

use super::Evaluation;
use crate::domain::base::primitives::{Millis, Span};
use crate::domain::time::calendar;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// The accepted forms of dates, for error messages.
pub const MOMENT_FORMS: &str = "2026-03-01, 2026-03-01T09:30:00 or 2026-03-01T09:30:00+08:00";

const SECOND: i64 = 1_000;
const DAY: i64 = 86_400_000;

/// A date in an attribute or a rule; fractions of a second are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The local time as written, in milliseconds as if it were UTC.
    pub written: i64,
    /// How far the written clock is ahead of UTC, in milliseconds; `None` if not given.
    pub offset: Option<i64>,
    /// Whether it is a whole day.
    pub is_day: bool,
}

/// A condition whose result does not change with time. If both dates give their offset, instants
/// are compared; otherwise local times. An absent attribute, or one that is not a date, gives
/// false.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateTest {
    /// Earlier than this; for a day, earlier than its beginning.
    Before(String),
    /// Later than this; for a day, later than its end.
    After(String),
    /// From the first to the second, both included.
    Between(String, String),
}

/// A condition whose result changes with time. A day counts as its first instant. An absent
/// attribute, or one that is not a date, gives false.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relative {
    /// Not later than now, and less than this long ago.
    InLast(Span),
    /// Later than now, by at most this.
    InNext(Span),
    /// Its anniversary is today or within this many days from today. For a date on 29 February, the
    /// anniversary is on the 28th in common years.
    Anniversary(u32),
}

impl Moment {
    /// Reads `2026-03-01`, optionally followed by `T09:30:00` (or a blank for the T), then by a
    /// fraction of a second, then by `Z` or `+08:00`. Returns `None` for anything else.
    pub fn read(text: &str) -> Option<Self> {
        let written = day_of(text.get(..10)?)?;
        if text.len() == 10 {
            return Some(Self { written, offset: None, is_day: true });
        }
        let time = text.get(10..19).filter(|t| t.starts_with(['T', ' ']))?;
        let (hour, minute, second) = clock(&time[1..])?;
        let in_range = hour < 24 && minute < 60 && second < 60;
        let written = written + ((hour * 60 + minute) * 60 + second) * SECOND;
        let zone = text[19..].trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
        let offset = match zone {
            "" => None,
            "Z" => Some(0),
            _ => Some(offset(zone)?),
        };
        in_range.then_some(Self { written, offset, is_day: false })
    }

    /// Returns the last second of a day, or the time itself.
    pub fn last(self) -> Self {
        let length = if self.is_day { DAY - SECOND } else { 0 };
        Self { written: self.written + length, ..self }
    }

    /// Returns both as comparable numbers.
    fn beside(self, other: Self) -> (i64, i64) {
        match (self.offset, other.offset) {
            (Some(own), Some(others)) => (self.written - own, other.written - others),
            _ => (self.written, other.written),
        }
    }
}

/// Reads `YYYY-MM-DD`; returns the first instant of the day, as if in UTC.
fn day_of(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let part = |range| number(text.get(range)?);
    let (year, month, day) = (part(0..4)?, part(5..7)?, part(8..10)?);
    let date = Date::new(year as i16, month as i8, day as i8).ok()?;
    Some(date.duration_since(EPOCH).as_secs() * SECOND)
}

const EPOCH: Date = Date::constant(1970, 1, 1);

/// Reads `09:30:00`.
fn clock(text: &str) -> Option<(i64, i64, i64)> {
    let bytes = text.as_bytes();
    let parted = bytes[2] == b':' && bytes[5] == b':';
    let part = |range| number(text.get(range)?);
    parted.then_some((part(0..2)?, part(3..5)?, part(6..8)?))
}

/// Reads `+08:00`; returns milliseconds.
fn offset(text: &str) -> Option<i64> {
    let sign = match text.as_bytes() {
        [b'+', _, _, b':', _, _] => 1,
        [b'-', _, _, b':', _, _] => -1,
        _ => return None,
    };
    let (hours, minutes) = (number(text.get(1..3)?)?, number(text.get(4..)?)?);
    Some(sign * (hours * 60 + minutes) * 60 * SECOND)
}

/// Reads a number that consists of digits only.
fn number(digits: &str) -> Option<i64> {
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
}

impl DateTest {
    /// Returns whether a date meets the condition. If a bound is not a date, none does.
    pub fn holds(&self, value: Moment) -> bool {
        let is_before = |bound: Moment| {
            let (value, bound) = value.beside(bound);
            value < bound
        };
        let is_after = |bound: Moment| {
            let (value, bound) = value.beside(bound.last());
            value > bound
        };
        match self {
            Self::Before(bound) => Moment::read(bound).is_some_and(is_before),
            Self::After(bound) => Moment::read(bound).is_some_and(is_after),
            Self::Between(from, to) => match (Moment::read(from), Moment::read(to)) {
                (Some(from), Some(to)) => !is_before(from) && !is_after(to),
                _ => false,
            },
        }
    }
}

impl Relative {
    /// Evaluates the condition for a date on the clock of a zone.
    pub(super) fn evaluate(self, value: Moment, zones: &[Option<&str>], now: Millis) -> Evaluation {
        let zone = calendar::zone(zones);
        let ahead = calendar::offset(now, &zone).0;
        let (holds, edges) = match self {
            Self::InLast(span) => {
                let at = value.written - value.offset.unwrap_or(ahead);
                let holds = now.0 - span.0 < at && at <= now.0;
                (holds, vec![value.written, value.written + span.0])
            }
            Self::InNext(span) => {
                let at = value.written - value.offset.unwrap_or(ahead);
                let holds = now.0 < at && at <= now.0 + span.0;
                (holds, vec![value.written - span.0, value.written])
            }
            Self::Anniversary(days) => {
                let today = (now.0 + ahead).div_euclid(DAY);
                let (from, to) = (today, today + i64::from(days));
                let near = anniversaries(value, today);
                let holds = near.iter().any(|day| (from..=to).contains(day));
                let edges = near.iter().flat_map(|day| [day - i64::from(days), day + 1]);
                (holds, edges.map(|day| day * DAY).collect())
            }
        };
        let is_instant = value.offset.filter(|_| !matches!(self, Self::Anniversary(_)));
        let moments = edges.into_iter().flat_map(|edge| match is_instant {
            Some(offset) => vec![Millis(edge - offset)],
            None => calendar::moments_showing(edge, &zone),
        });
        Evaluation { holds, changes_at: moments.filter(|at| *at > now).min() }
    }
}

/// Returns the anniversaries in last year, this year and the next, as days since 1970.
fn anniversaries(value: Moment, today: i64) -> Vec<i64> {
    let date = |day: i64| EPOCH.checked_add(jiff::Span::new().try_days(day)?);
    let (Ok(born), Ok(today)) = (date(value.written.div_euclid(DAY)), date(today)) else {
        return Vec::new();
    };
    let observed = |year: i16| {
        let day = Date::new(year, born.month(), born.day());
        day.or_else(|_| Date::new(year, born.month(), 28)).ok()
    };
    let years = [today.year() - 1, today.year(), today.year() + 1];
    let days = years.into_iter().filter_map(observed);
    days.map(|day| day.duration_since(EPOCH).as_secs() / (DAY / SECOND)).collect()
}
