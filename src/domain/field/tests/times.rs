//! Days, times, instants, lengths of time, ranges of days.

use super::*;
use FieldReason::*;

#[test]
fn days_are_read_year_first() {
    let march = || Ok(json!("2026-03-01"));
    check_texts(
        &FieldType::Date,
        &[
            ("2026-03-01", march()),
            ("2026/3/1", march()),
            ("２０２６/３/１", march()),
            ("2026.3.1", march()),
            ("2026年3月1日", march()),
            ("2026年03月01号", march()),
            ("20260301", march()),
            ("2026/3/1 0:00", march()),
            ("2026-03-01T00:00:00", march()),
            ("2026-03-01 09:30", Err(NotADay)),
            ("3/1/2026", Err(AmbiguousDay)),
            ("01.03.2026", Err(AmbiguousDay)),
            ("3/1/26", Err(AmbiguousDay)),
            ("2026-02-29", Err(NotADay)),
            ("2026-13-01", Err(NotADay)),
            ("2026-3/1", Err(NotADay)),
            ("46082", Err(NotADay)),
            ("March 1, 2026", Err(NotADay)),
            ("+002026-03-01", Err(NotADay)),
            ("2026-03-01-02", Err(NotADay)),
        ],
    );
    assert!(AmbiguousDay.message(Language::English).contains("2026-03-31"));
}

#[test]
fn times_of_day_are_read_in_both_languages() {
    check_texts(
        &FieldType::Time,
        &[
            ("9:30", Ok(json!("09:30"))),
            ("９：３０", Ok(json!("09:30"))),
            ("09:30:00.000", Ok(json!("09:30"))),
            ("09:30:15", Ok(json!("09:30:15"))),
            ("9点30分", Ok(json!("09:30"))),
            ("9点", Ok(json!("09:00"))),
            ("下午3时5分7秒", Ok(json!("15:05:07"))),
            ("12:00 AM", Ok(json!("00:00"))),
            ("12:30pm", Ok(json!("12:30"))),
            ("3 pm", Ok(json!("15:00"))),
            ("24:00", Err(NotATime)),
            ("13:00 pm", Err(NotATime)),
            ("0930", Err(NotATime)),
            ("9", Err(NotATime)),
            ("9:60", Err(NotATime)),
            ("9:3x", Err(NotATime)),
        ],
    );
}

#[test]
fn instants_are_kept_in_utc() {
    check_texts(
        &FieldType::DateTime,
        &[
            ("2026-03-01 09:30", Ok(json!("2026-03-01T01:30:00Z"))),
            ("2026-03-01T09:30:15.999+08:00", Ok(json!("2026-03-01T01:30:15Z"))),
            ("2026-03-01T09:30:15-0530", Ok(json!("2026-03-01T15:00:15Z"))),
            ("2026-03-01T09:30Z", Ok(json!("2026-03-01T09:30:00Z"))),
            ("2026/3/1 9:30", Ok(json!("2026-03-01T01:30:00Z"))),
            ("2026年3月1日上午9点30分", Ok(json!("2026-03-01T01:30:00Z"))),
            ("2026-03-01", Err(NotADateTime)),
            ("09:30", Err(NotADateTime)),
            ("3/1/2026 09:30", Err(AmbiguousDay)),
            ("2026-03-01 25:00", Err(NotADateTime)),
            ("2026-03-01 09:30+99:00", Err(NotADateTime)),
            ("0000-01-01 00:30", Err(NotADateTime)),
            ("9999-12-31 23:59-23:00", Err(NotADateTime)),
        ],
    );
    let skipped = ["2026-03-29 02:30".to_owned()];
    let berlin = Reading { zone: "Europe/Berlin", ..Reading::default() };
    let read = FieldType::DateTime.read(&Typed::Strings(&skipped), &berlin);
    assert_eq!(read, Ok(Some(json!("2026-03-29T01:30:00Z"))), "moved to 03:30");
    let shown =
        FieldType::DateTime.show(&json!("2026-03-01T16:30:00Z"), &viewer(Language::English));
    assert_eq!(shown, "2026-03-02 00:30");
}

#[test]
fn lengths_of_time_need_their_units() {
    let hour = 3_600_000;
    check_texts(
        &FieldType::Duration,
        &[
            ("90m", Ok(json!(hour * 3 / 2))),
            ("1h30m", Ok(json!(hour * 3 / 2))),
            ("1.5 小时", Ok(json!(hour * 3 / 2))),
            ("PT1H30M", Ok(json!(hour * 3 / 2))),
            ("P1DT1H", Ok(json!(hour * 25))),
            ("２ weeks", Ok(json!(hour * 24 * 14))),
            ("3天", Ok(json!(hour * 72))),
            ("0s", Ok(json!(0))),
            ("90", Err(NotADuration)),
            ("1:30", Err(NotADuration)),
            ("-1h", Err(NotADuration)),
            ("0.5s", Err(NotADuration)),
            ("P1Y", Err(NotADuration)),
            ("P1M", Err(NotADuration)),
            ("h", Err(NotADuration)),
            ("P", Err(NotADuration)),
            ("99999999999w", Err(NotADuration)),
        ],
    );
    assert_eq!(read_json(&FieldType::Duration, json!(90)), Err(NotADuration));
    let kept = json!(hour * 25 + 61_000);
    assert_eq!(FieldType::Duration.export(&kept), "1d1h1m1s");
    assert_eq!(FieldType::Duration.show(&kept, &viewer(Language::English)), "1 d 1 h 1 min 1 s");
    assert_eq!(FieldType::Duration.show(&kept, &viewer(Language::Chinese)), "1天1小时1分钟1秒");
}

#[test]
fn ranges_have_two_days_in_order() {
    let week = || Ok(json!("2026-03-01/2026-03-05"));
    check_texts(
        &FieldType::DateRange,
        &[
            ("2026-03-01/2026-03-05", week()),
            ("2026/3/1 - 2026/3/5", week()),
            ("2026/3/1～2026/3/5", week()),
            ("2026年3月1日至2026年3月5日", week()),
            ("2026-03-01 to 2026-03-05", week()),
            ("2026-03-05/2026-03-01", Err(BackwardRange)),
            ("2026-03-01", Err(NotARange)),
            ("3/1/2026 - 3/5/2026", Err(AmbiguousDay)),
        ],
    );
    let kind = FieldType::DateRange;
    assert_eq!(read_all(&kind, &["2026/3/1", "2026/3/5"]), week().map(Some));
    assert_eq!(read_all(&kind, &["2026/3/1", ""]), Err(NotARange));
    assert_eq!(
        read_json(&kind, json!({ "from": "2026-03-01", "to": "2026-03-05" })),
        week().map(Some)
    );
    assert_eq!(read_json(&kind, json!({ "from": "2026-03-01" })), Err(NotARange));
}
