//! Recurrences: compared with another implementation, and tests of our own rules.

use super::*;
use crate::domain::time::calendar::zone;
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

fn recurrence(rule: &str, start: Option<&str>) -> Result<Recurrence, String> {
    let written = Written { rule: rule.to_owned(), start: start.map(str::to_owned) };
    Recurrence::try_from(written)
}

fn millis(text: &str) -> Millis {
    Millis(text.parse::<Timestamp>().unwrap().as_millisecond())
}

/// Returns the first occurrences after an instant, as repeated calls of `next` find them.
fn following(recurrence: &Recurrence, after: Millis, zone: &TimeZone, count: usize) -> Vec<Millis> {
    let next = |at: &Millis| recurrence.next(*at, zone);
    std::iter::successors(next(&after), next).take(count).collect()
}

fn check(rule: &str, start: Option<&str>, zone_name: &str, expected: &[&str]) {
    let recurrence = recurrence(rule, start).unwrap();
    let zone = zone(&[Some(zone_name)]);
    let found = following(&recurrence, millis("2026-01-01T00:00:00Z"), &zone, expected.len());
    let found: Vec<String> = found.into_iter().map(Millis::rfc3339).collect();
    assert_eq!(found, expected, "{rule}");
}

/// Returns what the other implementation finds in UTC.
fn theirs(rule: &str, start: &str, count: u16) -> Vec<Millis> {
    // It expects the end as an instant.
    let rule = rule.replace("UNTIL=20270315", "UNTIL=20270315T235959Z");
    let text = format!("DTSTART:{}T000000Z\nRRULE:{rule};BYSECOND=0", start.replace('-', ""));
    let set: rrule::RRuleSet = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    set.all(count).dates.iter().map(|date| Millis(date.timestamp_millis())).collect()
}

fn list(
    name: &'static str,
    values: Vec<i32>,
    sizes: std::ops::Range<usize>,
) -> impl Strategy<Value = String> {
    subsequence(values, sizes).prop_map(move |chosen| {
        let words: Vec<String> = chosen.iter().map(i32::to_string).collect();
        if words.is_empty() { String::new() } else { format!(";{name}={}", words.join(",")) }
    })
}

fn a_rule() -> impl Strategy<Value = String> {
    let freq = select(vec!["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]);
    let plain = vec!["MO", "TU", "SU"];
    let placed = vec!["1MO", "2WE", "-1FR", "-2SU", "5TH"];
    let days = (subsequence(plain, 0..3), subsequence(placed, 0..3));
    let end = prop_oneof![
        Just(String::new()),
        (1..9).prop_map(|n| format!(";COUNT={n}")),
        Just(";UNTIL=20270315".to_owned())
    ];
    let parts = (
        freq,
        1..5,
        days,
        list("BYMONTHDAY", vec![1, 15, 29, 31, -1, -31], 0..3),
        list("BYMONTH", vec![1, 2, 6, 11], 0..3),
        list("BYHOUR", vec![0, 9, 23], 1..3),
        list("BYMINUTE", vec![0, 30], 0..3),
        end,
    );
    parts.prop_map(|(freq, interval, (plain, placed), month_days, months, hours, minutes, end)| {
        let placed_fits = freq == "MONTHLY" || freq == "YEARLY" && !months.is_empty();
        // Never both: the other implementation reads `SU,-2SU` as Sundays that are both, against
        // the RFC.
        let days = if placed_fits && plain.is_empty() { placed } else { plain };
        let days =
            if days.is_empty() { days.concat() } else { format!(";BYDAY={}", days.join(",")) };
        let month_days = if freq == "WEEKLY" { String::new() } else { month_days };
        format!("FREQ={freq};INTERVAL={interval}{days}{month_days}{months}{hours}{minutes}{end}")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn recurrence_agrees_with_another_implementation(
        rule in a_rule(),
        start in select(vec!["2026-01-01", "2026-01-31", "2024-02-29", "2026-06-17"]),
    ) {
        let theirs = theirs(&rule, start, 12);
        let day = start.parse::<Date>().unwrap();
        let horizon = millis(&format!("{start}T00:00:00Z")).0 + SEARCH_DAYS as i64 * 86_400_000;
        match recurrence(&rule, Some(start)) {
            Ok(ours) => {
                let before = Millis(millis(&format!("{day}T00:00:00Z")).0 - 1);
                let found = following(&ours, before, &TimeZone::UTC, 12);
                // Occurrences that are far apart end our search, but not theirs.
                let near: Vec<Millis> = theirs.iter().copied().take(found.len()).collect();
                prop_assert_eq!(&found, &near, "{}", rule);
                let missed = theirs.get(found.len());
                let last = found.last().map_or(before.0, |at| at.0);
                prop_assert!(missed.is_none_or(|at| at.0 - last > 3_600 * 86_400_000), "{}", rule);
            }
            Err(why) => {
                prop_assert!(why.starts_with("never fires"), "{}: {}", rule, why);
                prop_assert!(theirs.first().is_none_or(|at| at.0 >= horizon), "{}", rule);
            }
        }
    }
}

#[test]
fn day_31_is_skipped_in_short_months() {
    let last = &["2026-01-31T09:00:00Z", "2026-02-28T09:00:00Z", "2026-03-31T09:00:00Z"];
    check("FREQ=MONTHLY;BYMONTHDAY=-1;BYHOUR=9", None, "UTC", last);
    let the_31st = &["2026-01-31T09:00:00Z", "2026-03-31T09:00:00Z", "2026-05-31T09:00:00Z"];
    check("FREQ=MONTHLY;BYMONTHDAY=31;BYHOUR=9", None, "UTC", the_31st);
    let leap = &["2028-02-29T09:00:00Z", "2032-02-29T09:00:00Z"];
    check("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=9", None, "UTC", leap);
}

#[test]
fn recurrence_follows_daylight_saving() {
    // New York springs forward on 2026-03-08 and falls back on 2026-11-01.
    let spring = &["2026-03-01T07:30:00Z", "2026-03-08T07:30:00Z", "2026-03-15T06:30:00Z"];
    let rule = "FREQ=WEEKLY;BYDAY=SU;BYMONTH=3;BYHOUR=2;BYMINUTE=30";
    check(rule, None, "America/New_York", spring);
    let autumn = &["2026-11-01T05:30:00Z", "2026-11-08T06:30:00Z"];
    let rule = "FREQ=WEEKLY;BYDAY=SU;BYMONTH=11;BYHOUR=1;BYMINUTE=30";
    check(rule, None, "America/New_York", autumn);
    // Two times that a gap merges are one occurrence.
    let both = &["2026-03-08T07:00:00Z", "2026-03-09T06:00:00Z", "2026-03-09T07:00:00Z"];
    check("FREQ=DAILY;BYHOUR=2,3", Some("2026-03-08"), "America/New_York", both);
}

#[test]
fn last_occurrence_is_the_newest_recent_one() {
    let rule = recurrence("FREQ=DAILY;BYHOUR=9,17", None).unwrap();
    let last = |since: &str, now: &str| {
        rule.last(millis(since), millis(now), &TimeZone::UTC).map(Millis::rfc3339)
    };
    let at = |text: &str| Some(text.to_owned());
    assert_eq!(last("2026-03-01T12:00:00Z", "2026-03-02T12:00:00Z"), at("2026-03-02T09:00:00Z"));
    assert_eq!(last("2026-03-01T12:00:00Z", "2026-03-02T08:59:59Z"), at("2026-03-01T17:00:00Z"));
    assert_eq!(last("2026-03-02T09:00:00Z", "2026-03-02T09:00:00Z"), at("2026-03-02T09:00:00Z"));
    assert_eq!(last("2026-03-02T09:00:01Z", "2026-03-02T12:00:00Z"), None);
}

#[test]
fn invalid_or_never_firing_rules_are_refused() {
    for (rule, said) in [
        ("FREQ=SECONDLY;BYHOUR=9", "FREQ=SECONDLY fires too often"),
        ("FREQ=HOURLY;BYHOUR=9", "FREQ=HOURLY fires too often"),
        ("FREQ=MONTHLY;BYSETPOS=1;BYMONTHDAY=1;BYHOUR=9", "BYSETPOS is not known here"),
        ("FREQ=MONTHLY;BYMONTHDAY=1", "BYHOUR is missing"),
        ("BYHOUR=9", "FREQ is missing"),
        ("every day", "`every day` is no part of a recurrence"),
        ("FREQ=DAILY;BYHOUR=9;BYHOUR=10", "BYHOUR stands there twice"),
        ("FREQ=DAILY;BYHOUR=24", "BYHOUR has `24`"),
        ("FREQ=DAILY;BYHOUR=9,10;BYMINUTE=0,1,2,3,4,5,6,7,8,9,10,11,12", "fires 26 times a day"),
        ("FREQ=DAILY;INTERVAL=0;BYHOUR=9", "INTERVAL is `0`"),
        ("FREQ=DAILY;INTERVAL=2;BYHOUR=9", "INTERVAL counts from a first day"),
        ("FREQ=DAILY;COUNT=2;BYHOUR=9", "COUNT counts from a first day"),
        ("FREQ=WEEKLY;BYHOUR=9", "a rule without BYDAY and BYMONTHDAY counts from a first day"),
        ("FREQ=WEEKLY;BYDAY=1MO;BYHOUR=9", "a weekday with a number counts within a month"),
        ("FREQ=MONTHLY;BYDAY=XX;BYHOUR=9", "BYDAY has `XX`"),
        ("FREQ=WEEKLY;BYMONTHDAY=1;BYHOUR=9", "FREQ=WEEKLY takes no BYMONTHDAY"),
        ("FREQ=MONTHLY;BYMONTHDAY=0;BYHOUR=9", "BYMONTHDAY has a day 0"),
        ("FREQ=DAILY;BYHOUR=9;UNTIL=2026-12-31", "UNTIL is `2026-12-31`"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;BYHOUR=9", "never fires"),
    ] {
        let refusal = recurrence(rule, None).unwrap_err();
        assert!(refusal.starts_with(said), "{rule}: {refusal}");
    }
    let refusal = recurrence("FREQ=DAILY;BYHOUR=9;UNTIL=20260228", Some("2026-03-01")).unwrap_err();
    assert!(refusal.starts_with("never fires"), "{refusal}");
}
