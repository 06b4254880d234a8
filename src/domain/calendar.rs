//! Local clocks: when a time of day next comes round for somebody, daylight saving included.

use super::journey::LocalTime;
use super::primitives::{Millis, Span};
use jiff::civil::{Time, Weekday};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{Timestamp, ToSpan};

/// The zone by its IANA name, or the first fallback that exists, or UTC.
pub fn zone(names: &[Option<&str>]) -> TimeZone {
    names.iter().flatten().find_map(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC)
}

/// Whether the IANA database knows the name.
pub fn is_zone(name: &str) -> bool {
    TimeZone::get(name).is_ok()
}

/// The first instant after `now` at which a clock in `zone` shows `time` on one of its weekdays.
///
/// A time that a spring change skips comes at the same distance after the gap (02:30 becomes
/// 03:30); one that an autumn change repeats comes the first time. RFC 5545 section 3.3.5 has the
/// same two rules.
pub fn next_local_time(now: Millis, time: &LocalTime, zone: &TimeZone) -> Millis {
    let clock = Time::constant(time.hour as i8, time.minute as i8, 0, 0);
    let Ok(start) = Timestamp::from_millisecond(now.0) else { return now };
    let mut day = start.to_zoned(zone.clone()).date();
    // Eight days cover every weekday once and today a second time.
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

/// Monday is 1, Sunday is 7 (ISO 8601).
fn iso_number(weekday: Weekday) -> u8 {
    weekday.to_monday_one_offset() as u8
}

/// How far a clock in `zone` is ahead of UTC at `now`; negative behind it.
pub fn offset(now: Millis, zone: &TimeZone) -> Span {
    let at = Timestamp::from_millisecond(now.0).unwrap_or_default();
    Span::seconds(zone.to_offset(at).seconds().into())
}

/// The same of every zone that there is, by name.
pub fn offsets(now: Millis) -> Vec<(String, Span)> {
    let names = jiff::tz::db().available().map(|name| name.to_string());
    let offset = |name: String| Some((offset(now, &TimeZone::get(&name).ok()?), name));
    names.filter_map(offset).map(|(span, name)| (name, span)).collect()
}

/// Every instant at which a clock in `zone` comes to show `reading` or later, or falls back to
/// earlier than that. `reading` is what it shows, in milliseconds as if it were at UTC. There is
/// one such instant as a rule; three where daylight saving ends and the reading is repeated.
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
    fn the_next_nine_o_clock_is_today_or_tomorrow() {
        check("2026-03-02T00:30:00Z", "Asia/Shanghai", (9, 0), &[], "2026-03-02T01:00:00Z");
        check("2026-03-02T01:00:00Z", "Asia/Shanghai", (9, 0), &[], "2026-03-03T01:00:00Z");
    }

    #[test]
    fn a_weekday_is_the_contacts_own() {
        // 2026-03-06 is a Friday; at 23:30 UTC it is already Saturday in Shanghai.
        check("2026-03-06T23:30:00Z", "Asia/Shanghai", (9, 0), &[1, 5], "2026-03-09T01:00:00Z");
    }

    #[test]
    fn a_skipped_time_comes_after_the_gap() {
        // New York springs forward on 2026-03-08 from 02:00 to 03:00.
        check("2026-03-08T05:00:00Z", "America/New_York", (2, 30), &[], "2026-03-08T07:30:00Z");
    }

    #[test]
    fn a_repeated_time_comes_once() {
        // New York falls back on 2026-11-01: 01:30 happens at 05:30 and 06:30 UTC.
        check("2026-11-01T04:00:00Z", "America/New_York", (1, 30), &[], "2026-11-01T05:30:00Z");
        check("2026-11-01T05:30:00Z", "America/New_York", (1, 30), &[], "2026-11-02T06:30:00Z");
    }

    #[test]
    fn an_unknown_zone_falls_back() {
        assert_eq!(
            zone(&[Some("Mars/Base"), Some("Asia/Shanghai")]).iana_name(),
            Some("Asia/Shanghai")
        );
        assert_eq!(zone(&[None]), TimeZone::UTC);
    }

    #[test]
    fn a_clock_passes_a_reading_once_or_three_times_or_jumps_over_it() {
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
