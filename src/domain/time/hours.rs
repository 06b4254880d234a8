//! Hours of the day: whether a clock is within them, and when a set of time windows next opens.

use crate::domain::base::primitives::{Millis, Span};
use crate::domain::time::calendar::{self, local};
use jiff::tz::TimeZone;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A time of day in minutes: 0 is midnight, 1,439 the last minute. Written `21:00`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Clock(pub u16);

impl Clock {
    /// Reads `21:00`; returns `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (hour, minute) = text.split_once(':').filter(|_| text.len() == "21:00".len())?;
        let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if !is_digits(hour) || !is_digits(minute) {
            return None;
        }
        let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
        (hour < 24 && minute < 60).then_some(Self(hour * 60 + minute))
    }
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl Serialize for Clock {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Clock {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        let wrong = || D::Error::custom(format!("`{text}` is not a time of day such as \"21:00\""));
        Self::parse(&text).ok_or_else(wrong)
    }
}

/// From one time of day until just before another, on a local clock. If the second is earlier, the
/// hours go across midnight.
///
/// Local time decides at a clock change too: hours until 02:30 end at 03:00 on a day on which the
/// clock jumps from 02:00 to 03:00, and come a second time if it falls back over them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// When the hours begin.
    pub from: Clock,
    /// When the hours are over.
    pub to: Clock,
    /// The days on which they begin: Monday is 1, Sunday is 7 (ISO 8601); empty means every day.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weekdays: Vec<u8>,
}

impl Hours {
    /// Returns the same hours for every day, from and to full hours.
    pub const fn daily(from: u16, to: u16) -> Self {
        Self { from: Clock(from * 60), to: Clock(to * 60), weekdays: Vec::new() }
    }

    /// Returns whether a clock in `zone` is within them.
    pub fn contain(&self, at: Millis, zone: &TimeZone) -> bool {
        let (weekday, minute) = local(at, zone);
        let yesterday = (weekday + 5) % 7 + 1;
        let begin_on = |day: u8| self.weekdays.is_empty() || self.weekdays.contains(&day);
        if self.from < self.to {
            return begin_on(weekday) && (self.from.0..self.to.0).contains(&minute);
        }
        (begin_on(weekday) && minute >= self.from.0) || (begin_on(yesterday) && minute < self.to.0)
    }

    /// Returns the instants around `at` at which a clock in `zone` passes their beginning or end.
    fn edges(&self, at: Millis, zone: &TimeZone) -> Vec<Millis> {
        let midnight = calendar::reading(at, zone).div_euclid(DAY) * DAY;
        let readings = (-1..=EDGE_DAYS).flat_map(|day| {
            [self.from, self.to].map(|clock| midnight + day * DAY + i64::from(clock.0) * 60_000)
        });
        readings.flat_map(|reading| calendar::moments_showing(reading, zone)).collect()
    }
}

const DAY: i64 = Span::days(1).0;

/// How many days ahead edges are searched: every weekday comes within eight.
const EDGE_DAYS: i64 = 8;

/// How far ahead an opening is searched; windows that are not open by then never will be.
pub const HORIZON: Span = Span::days(14);

/// Hours on some clock, within which or outside of which a message may pass.
#[derive(Clone, Debug)]
pub struct TimeWindow {
    pub hours: Hours,
    /// Whether the window is open within the hours, or outside of them.
    pub opens: bool,
    /// The zone of the clock.
    pub zone: TimeZone,
}

impl TimeWindow {
    /// Returns whether the window is open at an instant.
    pub fn is_open(&self, at: Millis) -> bool {
        self.hours.contain(at, &self.zone) == self.opens
    }

    /// Returns the first instant after `at` at which the window opens.
    fn opens_after(&self, at: Millis) -> Option<Millis> {
        let edges = self.hours.edges(at, &self.zone).into_iter();
        edges.filter(|edge| *edge > at && self.is_open(*edge)).min()
    }
}

/// Returns the first instant from `now` on at which all windows are open; `None` if there is none
/// within `HORIZON`.
pub fn opening(now: Millis, gates: &[TimeWindow]) -> Option<Millis> {
    let mut at = now;
    while at <= now.plus(HORIZON) {
        let closed = gates.iter().filter(|gate| !gate.is_open(at));
        // All have to open, so nothing passes before the last of them does.
        match closed
            .map(|gate| gate.opens_after(at))
            .max_by_key(|at| at.unwrap_or(Millis(i64::MAX)))
        {
            None => return Some(at),
            Some(next) => at = next?,
        }
    }
    None
}
