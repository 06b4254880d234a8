//! Local clocks: when a time of day comes next on a contact's clock, with daylight saving.

use crate::domain::base::primitives::{Millis, Span};
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A time of day on certain weekdays, on a contact's own clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LocalTime {
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// Monday is 1, Sunday is 7 (ISO 8601); empty means every day.
    pub weekdays: Vec<u8>,
}

/// A time given by a date in a contact's attributes, on the contact's own clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DateMoment {
    /// The attribute that holds the date.
    pub date: String,
    /// Whether every anniversary counts, or only the date itself.
    pub yearly: bool,
    /// Days after the date; negative for days before it.
    pub offset_days: i32,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
}

/// Returns the zone of the first IANA name that exists, or UTC.
pub fn zone(names: &[Option<&str>]) -> TimeZone {
    names.iter().flatten().find_map(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC)
}

/// Returns whether the IANA database has this name.
pub fn is_zone(name: &str) -> bool {
    TimeZone::get(name).is_ok()
}

/// Returns the first instant after `now` at which a clock in `zone` shows `time` on one of its
/// weekdays.
///
/// A time that a spring change skips is moved by the length of the gap (02:30 becomes 03:30); of
/// one that an autumn change repeats, the first counts. RFC 5545 section 3.3.5 has the same two
/// rules.
pub fn next_local_time(now: Millis, time: &LocalTime, zone: &TimeZone) -> Millis {
    let clock = Time::constant(time.hour as i8, time.minute as i8, 0, 0);
    let Ok(start) = Timestamp::from_millisecond(now.0) else { return now };
    let mut day = start.to_zoned(zone.clone()).date();
    // Nine days cover every weekday, and that of today a second time.
    for _ in 0..9 {
        if time.weekdays.is_empty() || time.weekdays.contains(&iso_number(day.weekday())) {
            let candidate = day.to_datetime(clock).to_zoned(zone.clone());
            if let Ok(found) = candidate.map(|z| Millis(z.timestamp().as_millisecond()))
                && found > now
            {
                return found;
            }
        }
        let Ok(next) = day.checked_add(1.day()) else { return now };
        day = next;
    }
    now
}

/// Returns the first instant after `now` that `moment` gives for a contact's date, `YYYY-MM-DD`;
/// `None` if the contact has no such date, or nothing is left to come.
pub fn next_date(
    now: Millis,
    moment: &DateMoment,
    date: Option<&Value>,
    zone: &TimeZone,
) -> Option<Millis> {
    instants(now, moment, date, zone).into_iter().find(|at| *at > now)
}

/// Returns the last instant until `now` that `moment` gave for a contact's date, if there was one.
pub fn last_date(
    now: Millis,
    moment: &DateMoment,
    date: Option<&Value>,
    zone: &TimeZone,
) -> Option<Millis> {
    instants(now, moment, date, zone).into_iter().rfind(|at| *at <= now)
}

/// Returns the instants around `now` that a moment gives, in order. For 29 February, the
/// anniversary is on the 28th in years without a 29th; the offset counts from there.
fn instants(
    now: Millis,
    moment: &DateMoment,
    date: Option<&Value>,
    zone: &TimeZone,
) -> Vec<Millis> {
    let text = date.and_then(Value::as_str).filter(|text| text.len() == "2026-03-01".len());
    let Some(date) = text.and_then(|text| text.parse::<Date>().ok()) else { return Vec::new() };
    let at = |day: Date| {
        let day = day.checked_add(i64::from(moment.offset_days).days()).ok()?;
        instant(day, moment.hour, moment.minute, zone)
    };
    if !moment.yearly {
        return at(date).into_iter().collect();
    }
    let this_year = day_of(now, zone).map_or(1970, Date::year);
    // With an offset of at most a year, the anniversaries of two years on either side are enough.
    let first = date.year().max(this_year - 2);
    let years = first..=(first + 4);
    let anniversary = |year: i16| {
        let same = Date::new(year, date.month(), date.day());
        same.or_else(|_| Date::new(year, date.month(), 28)).ok()
    };
    years.filter_map(anniversary).filter_map(at).collect()
}

/// Returns the day that a clock in `zone` shows at an instant.
pub fn day_of(now: Millis, zone: &TimeZone) -> Option<Date> {
    Some(Timestamp::from_millisecond(now.0).ok()?.to_zoned(zone.clone()).date())
}

/// Returns the date and time that a clock in `zone` shows at an instant: `2026-03-01T09:30`.
pub fn clock(at: Millis, zone: &TimeZone) -> String {
    let zoned = Timestamp::from_millisecond(at.0).map(|at| at.to_zoned(zone.clone()));
    zoned.map(|zoned| zoned.strftime("%Y-%m-%dT%H:%M").to_string()).unwrap_or_default()
}

/// Returns the instant at which a clock in `zone` shows this time on this day, by the rules of
/// `next_local_time`.
pub fn instant(day: Date, hour: u8, minute: u8, zone: &TimeZone) -> Option<Millis> {
    let clock = Time::new(hour as i8, minute as i8, 0, 0).ok()?;
    let zoned = day.to_datetime(clock).to_zoned(zone.clone()).ok()?;
    Some(Millis(zoned.timestamp().as_millisecond()))
}

/// Returns 1 for Monday to 7 for Sunday (ISO 8601).
fn iso_number(weekday: Weekday) -> u8 {
    weekday.to_monday_one_offset() as u8
}

/// Returns how far a clock in `zone` is ahead of UTC at `now`; negative if behind.
pub fn offset(now: Millis, zone: &TimeZone) -> Span {
    let at = Timestamp::from_millisecond(now.0).unwrap_or_default();
    Span::seconds(zone.to_offset(at).seconds().into())
}

/// Returns this offset for every zone of the database, by name.
pub fn offsets(now: Millis) -> Vec<(String, Span)> {
    let names = jiff::tz::db().available().map(|name| name.to_string());
    let offset = |name: String| Some((offset(now, &TimeZone::get(&name).ok()?), name));
    names.filter_map(offset).map(|(span, name)| (name, span)).collect()
}

/// Returns what a clock in `zone` shows at `now`, in milliseconds as if it were at UTC.
pub fn reading(now: Millis, zone: &TimeZone) -> i64 {
    now.plus(offset(now, zone)).0
}

/// Returns the weekday (Monday is 1, Sunday is 7) and minute of the day on a clock in `zone`.
pub fn local(now: Millis, zone: &TimeZone) -> (u8, u16) {
    let reading = reading(now, zone);
    let day = Span::days(1).0;
    // 1 January 1970 was a Thursday.
    let weekday = (reading.div_euclid(day) + 3).rem_euclid(7) + 1;
    (weekday as u8, (reading.rem_euclid(day) / 60_000) as u16)
}

/// Returns every instant at which a clock in `zone` reaches or passes `reading`, or falls back
/// behind it. `reading` is what the clock shows, in milliseconds as if it were at UTC. There is
/// usually one such instant; there are three where daylight saving ends and the reading is
/// repeated.
pub fn moments_showing(reading: i64, zone: &TimeZone) -> Vec<Millis> {
    let Ok(shown) = Timestamp::from_millisecond(reading) else { return Vec::new() };
    let shown = Offset::UTC.to_datetime(shown);
    let at = |offset: Offset| Millis(reading - i64::from(offset.seconds()) * 1_000);
    let change_after = |at: Millis| {
        let at = Timestamp::from_millisecond(at.0).ok()?;
        let change = zone.following(at).next()?;
        Some(Millis(change.timestamp().as_millisecond()))
    };
    match zone.to_ambiguous_timestamp(shown).offset() {
        AmbiguousOffset::Unambiguous { offset } => vec![at(offset)],
        AmbiguousOffset::Gap { after, .. } => change_after(at(after)).into_iter().collect(),
        AmbiguousOffset::Fold { before, after } => {
            let first = at(before);
            [Some(first), change_after(first), Some(at(after))].into_iter().flatten().collect()
        }
    }
}

/// Returns when the UTC day after that of `now` begins.
pub fn next_day(now: Millis) -> Millis {
    Millis((now.0.div_euclid(Span::days(1).0) + 1) * Span::days(1).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(now: &str, zone_name: &str, time: (u8, u8), weekdays: &[u8], expected: &str) {
        let now = Millis(now.parse::<Timestamp>().unwrap().as_millisecond());
        let time = LocalTime { hour: time.0, minute: time.1, weekdays: weekdays.to_vec() };
        let found = next_local_time(now, &time, &zone(&[Some(zone_name)]));
        assert_eq!(found.rfc3339(), expected);
    }

    #[test]
    fn next_nine_o_clock_is_today_or_tomorrow() {
        check("2026-03-02T00:30:00Z", "Asia/Shanghai", (9, 0), &[], "2026-03-02T01:00:00Z");
        check("2026-03-02T01:00:00Z", "Asia/Shanghai", (9, 0), &[], "2026-03-03T01:00:00Z");
    }

    #[test]
    fn weekday_uses_the_contacts_zone() {
        // 2026-03-06 is a Friday; at 23:30 UTC it is already Saturday in Shanghai.
        check("2026-03-06T23:30:00Z", "Asia/Shanghai", (9, 0), &[1, 5], "2026-03-09T01:00:00Z");
    }

    #[test]
    fn skipped_time_moves_after_the_dst_gap() {
        // New York springs forward on 2026-03-08 from 02:00 to 03:00.
        check("2026-03-08T05:00:00Z", "America/New_York", (2, 30), &[], "2026-03-08T07:30:00Z");
    }

    #[test]
    fn repeated_time_occurs_once() {
        // New York falls back on 2026-11-01: 01:30 happens at 05:30 and 06:30 UTC.
        check("2026-11-01T04:00:00Z", "America/New_York", (1, 30), &[], "2026-11-01T05:30:00Z");
        check("2026-11-01T05:30:00Z", "America/New_York", (1, 30), &[], "2026-11-02T06:30:00Z");
    }

    /// The rules of docs/campaign-files.md, "Time zones", for dates. Columns: the date, the moment,
    /// the zone of the clock, the present time, the last instant and the next one.
    const DATES: &str = "
        Once, and no more when it is past.
        2026-04-10 once -7 09:00 Asia/Shanghai    2026-03-01T00:00Z - 2026-04-03T01:00Z
        2026-04-10 once -7 09:00 Asia/Shanghai    2026-04-03T01:00Z 2026-04-03T01:00Z -
        A gap: 02:30 does not exist on 8 March, and comes an hour later.
        2026-03-08 once 0  02:30 America/New_York 2026-03-01T00:00Z - 2026-03-08T07:30Z
        An overlap: 01:30 exists twice on 1 November, and the first counts.
        2026-11-01 once 0  01:30 America/New_York 2026-03-01T00:00Z - 2026-11-01T05:30Z
        An offset counts days of the calendar, across the change of the clock.
        2026-03-09 once -1 09:00 America/New_York 2026-03-01T00:00Z - 2026-03-08T13:00Z
        29 February has its anniversary on the 28th, and the offset counts from there.
        2024-02-29 year 0  09:00 UTC 2026-03-01T00:00Z 2026-02-28T09:00Z 2027-02-28T09:00Z
        2024-02-29 year 0  09:00 UTC 2027-03-01T00:00Z 2027-02-28T09:00Z 2028-02-29T09:00Z
        2024-02-29 year 1  09:00 UTC 2026-02-28T12:00Z 2025-03-01T09:00Z 2026-03-01T09:00Z
        An anniversary whose moment is in the year before.
        2000-01-01 year -7 09:00 UTC 2026-12-20T00:00Z 2025-12-25T09:00Z 2026-12-25T09:00Z
        2000-06-01 year -365 09:00 UTC 2026-06-02T00:00Z 2026-06-01T09:00Z 2027-06-02T09:00Z
        No anniversary comes before the date itself, however far it is.
        2040-06-01 year 0  09:00 UTC 2026-06-02T00:00Z - 2040-06-01T09:00Z
        The 31st is a day like others.
        2025-05-31 year 0  23:59 Asia/Shanghai 2026-06-01T00:00Z 2026-05-31T15:59Z 2027-05-31T15:59Z
        What is no date.
        2026-02-30 year 0  09:00 UTC 2026-06-01T00:00Z - -
        10.04.2026 year 0  09:00 UTC 2026-06-01T00:00Z - -";

    #[test]
    fn date_moments_use_the_contacts_zone() {
        let rows = DATES.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let mut tried = 0;
        for row in rows {
            let [date, every, offset, clock, place, now, last, next] = row[..] else { continue };
            if !offset.starts_with(['-', '0', '1']) {
                continue;
            }
            let (hour, minute) = clock.split_once(':').unwrap();
            let moment = DateMoment {
                date: "renewal".to_owned(),
                yearly: every == "year",
                offset_days: offset.parse().unwrap(),
                hour: hour.parse().unwrap(),
                minute: minute.parse().unwrap(),
            };
            let instant = |text: &str| text.replace('Z', ":00Z").parse::<Timestamp>().unwrap();
            let now = Millis(instant(now).as_millisecond());
            let (value, zone) = (Value::from(date), zone(&[Some(place)]));
            let tell = |at: Option<Millis>| {
                at.map_or("-".to_owned(), |at| at.rfc3339().replace(":00Z", "Z"))
            };
            assert_eq!(tell(last_date(now, &moment, Some(&value), &zone)), last, "{row:?}");
            assert_eq!(tell(next_date(now, &moment, Some(&value), &zone)), next, "{row:?}");
            tried += 1;
        }
        assert_eq!(tried, 14);
    }

    #[test]
    fn unknown_zone_falls_back() {
        assert_eq!(
            zone(&[Some("Mars/Base"), Some("Asia/Shanghai")]).iana_name(),
            Some("Asia/Shanghai")
        );
        assert_eq!(zone(&[None]), TimeZone::UTC);
    }

    #[test]
    fn moments_showing_a_reading_cover_dst_changes() {
        let moments = |reading: &str, name: &str| -> Vec<String> {
            let reading: Timestamp = format!("{reading}Z").parse().unwrap();
            let found = moments_showing(reading.as_millisecond(), &zone(&[Some(name)]));
            found.into_iter().map(Millis::rfc3339).collect()
        };
        let new_york = "America/New_York";
        assert_eq!(moments("2026-03-02T09:00:00", "Asia/Shanghai"), ["2026-03-02T01:00:00Z"]);
        assert_eq!(moments("2026-03-08T02:30:00", new_york), ["2026-03-08T07:00:00Z"]);
        assert_eq!(
            moments("2026-11-01T01:30:00", new_york),
            ["2026-11-01T05:30:00Z", "2026-11-01T06:00:00Z", "2026-11-01T06:30:00Z"]
        );
    }
}
