//! Formats numbers, amounts and times for readers of either language.

use crate::domain::base::language::Language;
use crate::domain::base::primitives::{Millis, Money};
use jiff::tz::TimeZone;

/// The placeholder for a missing number.
pub const NONE: &str = "–";

/// Formats as `12,345`.
pub fn count(n: i64) -> String {
    let sign = if n < 0 { "−" } else { "" };
    format!("{sign}{}", grouped(&n.unsigned_abs().to_string()))
}

/// Formats as `$1,234.50` or `CN¥12,000.00`; in Chinese, `¥12,000.00` is yuan.
pub fn money(minor: i64, currency: &str, language: Language) -> String {
    let decimal = Money { minor, currency: currency.to_owned() }.decimal();
    let digits = decimal.trim_start_matches('-');
    let (whole, part) = digits.split_once('.').map_or((digits, None), |(w, p)| (w, Some(p)));
    let symbol = match (currency, language) {
        ("CNY", Language::Chinese) | ("JPY", Language::English) => "¥".to_owned(),
        ("CNY", Language::English) => "CN¥".to_owned(),
        ("JPY", Language::Chinese) => "JP¥".to_owned(),
        ("USD", Language::English) => "$".to_owned(),
        ("USD", Language::Chinese) => "US$".to_owned(),
        ("EUR", _) => "€".to_owned(),
        ("GBP", _) => "£".to_owned(),
        ("HKD", _) => "HK$".to_owned(),
        ("TWD", _) => "NT$".to_owned(),
        (code, _) => format!("{code}\u{a0}"),
    };
    let sign = if minor < 0 { "−" } else { "" };
    let part = part.map(|part| format!(".{part}")).unwrap_or_default();
    format!("{sign}{symbol}{}{part}", grouped(whole))
}

/// Formats 0.125 as `12.5%`; `None` as a dash.
pub fn percent(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| NONE.to_owned(), |ratio| format!("{}%", tenths(ratio * 100.0)))
}

/// Formats a share of visitors; a dash if it is above 100 %. That happens because visitors from one
/// network and browser count once a day.
pub fn share_of_visitors(ratio: Option<f64>) -> String {
    percent(ratio.filter(|ratio| *ratio <= 1.0))
}

/// Formats 1.5 as `+150.0%`, always with a sign; `None` as a dash.
pub fn signed_percent(ratio: Option<f64>) -> String {
    let plus = if ratio.is_some_and(|ratio| ratio > 0.0) { "+" } else { "" };
    format!("{plus}{}", percent(ratio))
}

/// Formats as `1 Mar 2026` or `2026年3月1日` in the time zone; in UTC if the zone is unknown.
pub fn day(at: Millis, time_zone: &str, language: Language) -> String {
    let zone = TimeZone::get(time_zone).unwrap_or(TimeZone::UTC);
    let Ok(timestamp) = jiff::Timestamp::from_millisecond(at.0) else {
        return NONE.to_owned();
    };
    let local = timestamp.to_zoned(zone);
    match language {
        Language::English => local.strftime("%-d %b %Y").to_string(),
        Language::Chinese => {
            format!("{}年{}月{}日", local.year(), local.month(), local.day())
        }
    }
}

/// Formats as `1 Mar 2026, 17:30 UTC+8` or `2026年3月1日 17:30（UTC+8）`; in UTC if the zone is unknown.
pub fn moment(at: Millis, time_zone: &str, language: Language) -> String {
    let zone = TimeZone::get(time_zone).unwrap_or(TimeZone::UTC);
    let Ok(timestamp) = jiff::Timestamp::from_millisecond(at.0) else {
        return NONE.to_owned();
    };
    let local = timestamp.to_zoned(zone);
    let offset = utc_offset(local.offset().seconds());
    let (day, time) = (day(at, time_zone, language), local.strftime("%H:%M"));
    match language {
        Language::English => format!("{day}, {time} {offset}"),
        Language::Chinese => format!("{day} {time}（{offset}）"),
    }
}

/// Formats as `UTC`, `UTC+8`, `UTC−3:30`.
fn utc_offset(seconds: i32) -> String {
    let minutes = seconds.abs() / 60;
    let sign = if seconds < 0 { "−" } else { "+" };
    match (minutes / 60, minutes % 60) {
        (0, 0) => "UTC".to_owned(),
        (hours, 0) => format!("UTC{sign}{hours}"),
        (hours, rest) => format!("UTC{sign}{hours}:{rest:02}"),
    }
}

/// Formats with one decimal place and grouped digits.
fn tenths(value: f64) -> String {
    let text = format!("{:.1}", value.abs());
    let (whole, part) = text.split_once('.').unwrap_or((&text, "0"));
    let sign = if value < 0.0 && text != "0.0" { "−" } else { "" };
    format!("{sign}{}.{part}", grouped(whole))
}

/// Inserts a comma before every third digit from the right.
fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::Language::{Chinese, English};
    use super::*;

    #[test]
    fn counts_and_percents_are_formatted() {
        for (n, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (-1_234_567, "−1,234,567")] {
            assert_eq!(count(n), text);
        }
        assert_eq!(percent(Some(0.125)), "12.5%");
        assert_eq!(percent(None), "–");
        assert_eq!(share_of_visitors(Some(1.0)), "100.0%");
        assert_eq!(share_of_visitors(Some(3.0)), "–");
        assert_eq!(signed_percent(Some(12.5)), "+1,250.0%");
        assert_eq!(signed_percent(Some(-0.35)), "−35.0%");
        assert_eq!(signed_percent(Some(-0.0001)), "0.0%");
        assert_eq!(signed_percent(None), "–");
    }

    #[test]
    fn amounts_are_formatted() {
        for (minor, currency, language, text) in [
            (1_200_000, "CNY", English, "CN¥12,000.00"),
            (1_200_000, "CNY", Chinese, "¥12,000.00"),
            (123_450, "USD", English, "$1,234.50"),
            (-123_450, "EUR", English, "−€1,234.50"),
            (1_234_567, "JPY", English, "¥1,234,567"),
            (1_234_567, "KWD", English, "KWD\u{a0}1,234.567"),
            (5, "USD", Chinese, "US$0.05"),
        ] {
            assert_eq!(money(minor, currency, language), text);
        }
    }

    #[test]
    fn moments_are_formatted() {
        let at = Millis(1_772_357_400_000);
        assert_eq!(moment(at, "Asia/Shanghai", English), "1 Mar 2026, 17:30 UTC+8");
        assert_eq!(moment(at, "Asia/Shanghai", Chinese), "2026年3月1日 17:30（UTC+8）");
        assert_eq!(moment(at, "America/St_Johns", English), "1 Mar 2026, 06:00 UTC−3:30");
        assert_eq!(moment(at, "Nowhere/Land", English), "1 Mar 2026, 09:30 UTC");
    }
}
