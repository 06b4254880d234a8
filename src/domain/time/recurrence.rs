//! Recurrences: the part of RFC 5545's RRULE that marketing needs. Days by DAILY, WEEKLY, MONTHLY
//! or YEARLY with INTERVAL, BYDAY, BYMONTHDAY and BYMONTH; times of day by BYHOUR and BYMINUTE; an
//! end by COUNT or UNTIL. Any other part of a rule is refused by name.
//!
//! Occurrences are times on a clock, without a zone; the caller gives the zone.

use super::calendar::{day_of, instant};
use crate::domain::base::primitives::Millis;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// The most occurrences in one day: more would be a stream, not a schedule.
const TIMES_A_DAY_MAX: usize = 24;
/// The largest INTERVAL and COUNT: three years of days.
const NUMBER_MAX: u32 = 1_000;
/// How far an occurrence is searched, ten years: what would come later never comes.
const SEARCH_DAYS: usize = 3_653;
/// The longest text of a rule.
const TEXT_BYTES_MAX: usize = 300;

const KNOWN: &str = "FREQ, INTERVAL, BYDAY, BYMONTHDAY, BYMONTH, BYHOUR, BYMINUTE, COUNT and UNTIL";

/// A recurrence that occurs at least once, and not too often.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Recurrence {
    written: Written,
    freq: Freq,
    interval: i32,
    /// Weekdays from 1 for Monday, each with its position in the month; 0 stands for every one.
    by_day: Vec<(i8, i8)>,
    by_month_day: Vec<i8>,
    by_month: Vec<i8>,
    /// The times of day, in order.
    times: Vec<(u8, u8)>,
    start: Date,
    /// The last day with an occurrence, and how many of that day's times still count.
    last: Option<(Date, usize)>,
}

/// A recurrence as written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Written {
    /// The rule: `FREQ=MONTHLY;BYMONTHDAY=1;BYHOUR=9`.
    pub rule: String,
    /// The first day on which it may occur, `YYYY-MM-DD`; intervals and counts begin there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Freq {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

/// Why a recurrence is refused, and what would be right.
pub type Refusal = (String, String);

impl From<Recurrence> for Written {
    fn from(recurrence: Recurrence) -> Self {
        recurrence.written
    }
}

impl TryFrom<Written> for Recurrence {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        Self::read(written).map_err(|(message, help)| format!("{message}; {help}"))
    }
}

impl Recurrence {
    /// Reads a rule and its first day, or returns what is wrong with them.
    pub fn read(written: Written) -> Result<Self, Refusal> {
        let parts = Parts::read(&written.rule)?;
        let start = match &written.start {
            None => None,
            Some(text) => Some(text.parse::<Date>().map_err(|_| {
                (format!("`start` is `{text}`"), "a day such as 2026-03-01".to_owned())
            })?),
        };
        if start.is_none()
            && let Some(why) = parts.needs_start()
        {
            let help = "say `start`, a day such as 2026-03-01".to_owned();
            return Err((format!("{why} counts from a first day"), help));
        }
        let mut recurrence = Self {
            written,
            freq: parts.freq,
            interval: parts.interval as i32,
            by_day: parts.by_day,
            by_month_day: parts.by_month_day,
            by_month: parts.by_month,
            times: parts.times,
            start: start.unwrap_or(Date::constant(1970, 1, 1)),
            last: None,
        };
        let times = recurrence.times.len();
        recurrence.last = parts.until.map(|day| (day, times));
        if let Some(count) = parts.count {
            recurrence.last = recurrence.last_of(count as usize);
        }
        let first = recurrence.days_from(recurrence.start).next();
        if first.is_none() {
            let help = "within ten years of its start it must fire once".to_owned();
            return Err(("never fires".to_owned(), help));
        }
        Ok(recurrence)
    }

    /// Returns the first occurrence after `now` on a clock in `zone`.
    pub fn next(&self, now: Millis, zone: &TimeZone) -> Option<Millis> {
        let today = day_of(now, zone)?;
        // Yesterday's times may fall on today where a zone skips hours.
        let from = today.yesterday().ok()?.max(self.start);
        self.days_from(from).find_map(|day| self.instants(day, zone).find(|at| *at > now))
    }

    /// Returns the last occurrence until `now` that is not before `since`.
    pub fn last(&self, since: Millis, now: Millis, zone: &TimeZone) -> Option<Millis> {
        let first_day = day_of(since, zone)?.yesterday().ok()?.max(self.start);
        let today = day_of(now, zone)?;
        let days = self.days_from(first_day).take_while(|day| *day <= today);
        let instants = days.flat_map(|day| self.instants(day, zone).collect::<Vec<_>>());
        instants.filter(|at| (since..=now).contains(at)).max()
    }

    /// Returns the days from `from` on that have occurrences, within the search limit.
    fn days_from(&self, from: Date) -> impl Iterator<Item = Date> + '_ {
        let days = std::iter::successors(Some(from), |day| day.tomorrow().ok());
        let within = move |day: &Date| self.last.is_none_or(|(last, _)| *day <= last);
        days.take(SEARCH_DAYS).take_while(within).filter(|day| self.fires_on(*day))
    }

    /// Returns the occurrences of a day, in order.
    fn instants(&self, day: Date, zone: &TimeZone) -> impl Iterator<Item = Millis> {
        let count = match self.last {
            Some((last, times)) if last == day => times,
            _ => self.times.len(),
        };
        let times = self.times.iter().take(count);
        times.filter_map(move |(hour, minute)| instant(day, *hour, *minute, zone))
    }

    fn fires_on(&self, day: Date) -> bool {
        day >= self.start && self.is_in_turn(day) && self.is_in_month(day) && self.is_its_day(day)
    }

    /// Returns whether the day is in a period that INTERVAL selects.
    fn is_in_turn(&self, day: Date) -> bool {
        let weeks = |date: Date| days_since_1970(date) - i32::from(monday_one(date) - 1);
        let months = |date: Date| i32::from(date.year()) * 12 + i32::from(date.month());
        let passed = match self.freq {
            Freq::Daily => days_since_1970(day) - days_since_1970(self.start),
            Freq::Weekly => (weeks(day) - weeks(self.start)) / 7,
            Freq::Monthly => months(day) - months(self.start),
            Freq::Yearly => i32::from(day.year() - self.start.year()),
        };
        passed % self.interval == 0
    }

    fn is_in_month(&self, day: Date) -> bool {
        let leaves_it_to_start = self.freq == Freq::Yearly
            && self.by_month.is_empty()
            && self.by_month_day.is_empty()
            && self.by_day.is_empty();
        if leaves_it_to_start {
            return day.month() == self.start.month();
        }
        self.by_month.is_empty() || self.by_month.contains(&day.month())
    }

    fn is_its_day(&self, day: Date) -> bool {
        if self.by_day.is_empty() && self.by_month_day.is_empty() {
            return match self.freq {
                Freq::Daily => true,
                Freq::Weekly => day.weekday() == self.start.weekday(),
                Freq::Monthly | Freq::Yearly => day.day() == self.start.day(),
            };
        }
        // From the end, days are counted as -1 for the last.
        let from_end = day.day() - day.days_in_month() - 1;
        let of_month = |n: &i8| *n == day.day() || *n == from_end;
        let of_week = |(place, weekday): &(i8, i8)| {
            let (nth, nth_from_end) = ((day.day() - 1) / 7 + 1, (from_end + 1) / 7 - 1);
            *weekday == monday_one(day) && (*place == 0 || *place == nth || *place == nth_from_end)
        };
        (self.by_month_day.is_empty() || self.by_month_day.iter().any(of_month))
            && (self.by_day.is_empty() || self.by_day.iter().any(of_week))
    }

    /// Returns the day of the `count`th occurrence, and how many of that day's times belong to the
    /// count.
    fn last_of(&self, count: usize) -> Option<(Date, usize)> {
        let full_days = (count - 1) / self.times.len();
        let mut from = self.start;
        for _ in 0..full_days {
            from = self.days_from(from).next()?.tomorrow().ok()?;
        }
        let last = self.days_from(from).next()?;
        Some((last, count - full_days * self.times.len()))
    }
}

/// Returns 1 for Monday to 7 for Sunday (ISO 8601).
fn monday_one(day: Date) -> i8 {
    day.weekday().to_monday_one_offset()
}

fn days_since_1970(day: Date) -> i32 {
    let since = day.since(Date::constant(1970, 1, 1));
    since.map_or(0, |span| span.get_days())
}

/// The parts of a rule, each within its limits.
struct Parts {
    freq: Freq,
    interval: u32,
    by_day: Vec<(i8, i8)>,
    by_month_day: Vec<i8>,
    by_month: Vec<i8>,
    times: Vec<(u8, u8)>,
    count: Option<u32>,
    until: Option<Date>,
}

impl Parts {
    fn read(text: &str) -> Result<Self, Refusal> {
        let mut read = Reading::new(text)?;
        let freq = read.freq()?;
        let interval = read.number("INTERVAL")?.unwrap_or(1);
        let by_day = read.list("BYDAY", "such as MO or -1FR", weekday)?;
        let by_month_day = read.list("BYMONTHDAY", "from 1 to 31 or -31 to -1", within(-31, 31))?;
        let by_month = read.list("BYMONTH", "from 1 to 12", within(1, 12))?;
        let hours = read.list("BYHOUR", "from 0 to 23", within(0, 23))?;
        let minutes = read.list("BYMINUTE", "from 0 to 59", within(0, 59))?;
        let count = read.number("COUNT")?;
        let until = read.until()?;
        read.nothing_more()?;
        let refuse = |what: &str, help: &str| Err((what.to_owned(), help.to_owned()));
        if hours.is_empty() {
            return refuse("BYHOUR is missing", "the hours of the day, such as BYHOUR=9");
        }
        if by_month_day.contains(&0) {
            return refuse("BYMONTHDAY has a day 0", "from 1 to 31 or -31 to -1");
        }
        if freq == Freq::Weekly && !by_month_day.is_empty() {
            return refuse("FREQ=WEEKLY takes no BYMONTHDAY", "use FREQ=MONTHLY, or BYDAY");
        }
        let places = by_day.iter().any(|(place, _)| *place != 0);
        let has_months = freq == Freq::Monthly || freq == Freq::Yearly && !by_month.is_empty();
        if places && !has_months {
            let help = "use FREQ=MONTHLY, or FREQ=YEARLY with BYMONTH";
            return refuse("a weekday with a number counts within a month", help);
        }
        if count.is_some() && until.is_some() {
            return refuse("COUNT and UNTIL stand side by side", "keep one of them");
        }
        let minutes = if minutes.is_empty() { vec![0] } else { minutes };
        let pairs = hours.iter().flat_map(|h| minutes.iter().map(|m| (*h as u8, *m as u8)));
        let mut times: Vec<(u8, u8)> = pairs.collect();
        times.sort_unstable();
        if times.len() > TIMES_A_DAY_MAX {
            let message = format!("fires {} times a day", times.len());
            return Err((message, format!("at most {TIMES_A_DAY_MAX}")));
        }
        Ok(Self { freq, interval, by_day, by_month_day, by_month, times, count, until })
    }

    /// Returns the part of the rule that needs a first day.
    fn needs_start(&self) -> Option<&'static str> {
        let names_days = !self.by_day.is_empty() || !self.by_month_day.is_empty();
        if self.interval > 1 {
            Some("INTERVAL")
        } else if self.count.is_some() {
            Some("COUNT")
        } else if self.freq != Freq::Daily && !names_days {
            Some("a rule without BYDAY and BYMONTHDAY")
        } else {
            None
        }
    }
}

/// A rule while it is read: the parts that are left, by name.
struct Reading<'t> {
    parts: Vec<(&'t str, &'t str)>,
}

impl<'t> Reading<'t> {
    fn new(text: &'t str) -> Result<Self, Refusal> {
        let help = || "for example FREQ=MONTHLY;BYMONTHDAY=1;BYHOUR=9".to_owned();
        if text.len() > TEXT_BYTES_MAX {
            return Err((format!("longer than {TEXT_BYTES_MAX} bytes"), help()));
        }
        let mut parts: Vec<(&str, &str)> = Vec::new();
        for part in text.split(';') {
            let Some((name, value)) = part.split_once('=') else {
                return Err((format!("`{part}` is no part of a recurrence"), help()));
            };
            if parts.iter().any(|(other, _)| *other == name) {
                return Err((format!("{name} stands there twice"), "keep one of them".to_owned()));
            }
            parts.push((name, value));
        }
        Ok(Self { parts })
    }

    fn take(&mut self, name: &str) -> Option<&'t str> {
        let index = self.parts.iter().position(|(other, _)| *other == name)?;
        Some(self.parts.remove(index).1)
    }

    fn freq(&mut self) -> Result<Freq, Refusal> {
        let help = || "one of DAILY, WEEKLY, MONTHLY and YEARLY".to_owned();
        match self.take("FREQ") {
            Some("DAILY") => Ok(Freq::Daily),
            Some("WEEKLY") => Ok(Freq::Weekly),
            Some("MONTHLY") => Ok(Freq::Monthly),
            Some("YEARLY") => Ok(Freq::Yearly),
            Some(often @ ("SECONDLY" | "MINUTELY" | "HOURLY")) => {
                Err((format!("FREQ={often} fires too often"), help()))
            }
            Some(other) => Err((format!("`{other}` is no FREQ"), help())),
            None => Err(("FREQ is missing".to_owned(), help())),
        }
    }

    fn number(&mut self, name: &str) -> Result<Option<u32>, Refusal> {
        let Some(text) = self.take(name) else { return Ok(None) };
        let number = text.parse().ok().filter(|n| (1..=NUMBER_MAX).contains(n));
        let refusal = || (format!("{name} is `{text}`"), format!("from 1 to {NUMBER_MAX}"));
        number.map(Some).ok_or_else(refusal)
    }

    fn list<T: PartialEq>(
        &mut self,
        name: &str,
        help: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Vec<T>, Refusal> {
        let Some(text) = self.take(name) else { return Ok(Vec::new()) };
        let mut values = Vec::new();
        for item in text.split(',') {
            let refusal = || (format!("{name} has `{item}`"), help.to_owned());
            let value = read(item).ok_or_else(refusal)?;
            if !values.contains(&value) {
                values.push(value);
            }
        }
        Ok(values)
    }

    fn until(&mut self) -> Result<Option<Date>, Refusal> {
        let Some(text) = self.take("UNTIL") else { return Ok(None) };
        let digits = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
        let day = digits.then(|| Date::strptime("%Y%m%d", text).ok()).flatten();
        let refusal =
            || (format!("UNTIL is `{text}`"), "the last day, such as UNTIL=20261231".to_owned());
        day.map(Some).ok_or_else(refusal)
    }

    fn nothing_more(&self) -> Result<(), Refusal> {
        match self.parts.first() {
            None => Ok(()),
            Some((name, _)) => Err((format!("{name} is not known here"), KNOWN.to_owned())),
        }
    }
}

fn within(low: i8, high: i8) -> impl Fn(&str) -> Option<i8> {
    move |text| i8::from_str(text).ok().filter(|n| (low..=high).contains(n))
}

/// Reads `MO`, or with a position in the month `2MO` or `-1FR`.
fn weekday(text: &str) -> Option<(i8, i8)> {
    const NAMES: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
    let cut = text.len().checked_sub(2)?;
    let (place, name) = (text.get(..cut)?, text.get(cut..)?);
    let weekday = NAMES.iter().position(|known| *known == name)?;
    let weekday = Weekday::from_monday_zero_offset(weekday as i8).ok()?;
    let place = match place {
        "" => 0,
        number => within(-5, 5)(number).filter(|n| *n != 0)?,
    };
    Some((place, weekday.to_monday_one_offset()))
}

#[cfg(test)]
mod tests;
