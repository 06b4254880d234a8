//! Formats numbers, amounts and dates for one reader, by locale, time zone and currency.
//!
//! English and Chinese follow Unicode CLDR. For other languages, only the separators in numbers are
//! known, and for a few of them the names of months. ICU's data would be larger than the whole
//! module.

use crate::domain::base::primitives::minor_digits;
use crate::domain::time::calendar;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde_json::Value;

/// The most decimal places.
pub const PLACES_MAX: usize = 8;
/// Only numbers below this are formatted: a 64-bit float represents all their digits.
const NUMBER_MAX: f64 = 1e15;
/// The styles of `date`.
pub const DATE_STYLES: &[&str] = &["long", "short", "full", "month", "day", "weekday", "iso"];

/// The formatting options of one reader.
#[derive(Clone, Debug, PartialEq)]
pub struct FormatOptions<'m> {
    /// BCP 47: `zh-CN`, `en-GB`.
    pub locale: &'m str,
    /// An IANA time zone; UTC if it is unknown.
    pub zone: &'m str,
    /// The ISO 4217 code for amounts without a currency.
    pub currency: &'m str,
}

/// The symbols within numbers.
struct Marks {
    group: &'static str,
    decimal: char,
    /// Whether a space precedes the percent sign, and amounts precede their currency symbol.
    is_trailing: bool,
}

/// A date or a time as given.
enum When {
    Day(Date),
    Clock(DateTime),
    Moment(Timestamp),
}

/// Returns the language of a locale, in lower case.
pub fn language_of(locale: &str) -> String {
    locale.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase()
}

/// Reads a number, or a text that is a number; `None` for anything else.
pub fn number_of(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    number.is_finite().then_some(number)
}

impl FormatOptions<'_> {
    fn language(&self) -> String {
        language_of(self.locale)
    }

    fn is_american(&self) -> bool {
        self.locale.ends_with("US") && self.language() == "en"
    }

    fn marks(&self) -> Marks {
        let (group, decimal, is_trailing) = match self.language().as_str() {
            "de" if self.locale.ends_with("CH") => ("’", '.', false),
            "de" | "es" | "it" | "da" | "el" | "ro" | "hr" | "sl" | "vi" => (".", ',', true),
            "nl" | "pt" | "id" | "tr" => (".", ',', false),
            "fr" => ("\u{202f}", ',', true),
            "ru" | "uk" | "pl" | "cs" | "sk" | "bg" | "hu" | "fi" | "sv" | "nb" | "no" => {
                ("\u{a0}", ',', true)
            }
            _ => (",", '.', false),
        };
        Marks { group, decimal, is_trailing }
    }

    /// Formats as `1,234.5`. With `places`, always uses that many decimal places; otherwise as many
    /// as the number has, up to three.
    pub fn number(&self, value: f64, places: Option<usize>) -> Option<String> {
        if value.abs() >= NUMBER_MAX {
            return None;
        }
        let written = match places {
            Some(places) => format!("{:.*}", places.min(PLACES_MAX), value.abs()),
            None => {
                let written = format!("{:.3}", value.abs());
                written.trim_end_matches('0').trim_end_matches('.').to_owned()
            }
        };
        let marks = self.marks();
        let (whole, part) = written.split_once('.').unwrap_or((&written, ""));
        let mut text = String::with_capacity(written.len() + 8);
        if value < 0.0 && written.bytes().any(|b| b.is_ascii_digit() && b != b'0') {
            text.push('-');
        }
        for (at, digit) in whole.chars().enumerate() {
            if at > 0 && (whole.len() - at).is_multiple_of(3) {
                text.push_str(marks.group);
            }
            text.push(digit);
        }
        if !part.is_empty() {
            text.push(marks.decimal);
            text.push_str(part);
        }
        Some(text)
    }

    /// Formats 0.25 as `25%`.
    pub fn percent(&self, ratio: f64, places: Option<usize>) -> Option<String> {
        let gap = if self.marks().is_trailing { "\u{a0}" } else { "" };
        Some(format!("{}{gap}%", self.number(ratio * 100.0, places.or(Some(0)))?))
    }

    /// Formats as `¥1,234.00` an amount in whole units, with the decimal places of its currency.
    pub fn money(&self, amount: f64, currency: Option<&str>) -> Option<String> {
        let code = currency.unwrap_or(self.currency).to_ascii_uppercase();
        if code.len() != 3 || !code.bytes().all(|b| b.is_ascii_uppercase()) {
            return None;
        }
        let digits = self.number(amount.abs(), Some(minor_digits(&code) as usize))?;
        let is_chinese = self.language() == "zh";
        let symbol = match code.as_str() {
            "CNY" if is_chinese => "¥".to_owned(),
            "CNY" => "CN¥".to_owned(),
            "JPY" if is_chinese => "JP¥".to_owned(),
            "JPY" => "¥".to_owned(),
            "USD" if self.language() == "en" => "$".to_owned(),
            "USD" => "US$".to_owned(),
            "EUR" => "€".to_owned(),
            "GBP" => "£".to_owned(),
            "HKD" => "HK$".to_owned(),
            "TWD" => "NT$".to_owned(),
            _ => code.clone(),
        };
        let is_word = symbol == code;
        let has_digit = digits.bytes().any(|b| b.is_ascii_digit() && b != b'0');
        let sign = if amount < 0.0 && has_digit { "-" } else { "" };
        Some(match (self.marks().is_trailing, is_word) {
            (true, _) => format!("{sign}{digits}\u{a0}{symbol}"),
            (false, true) => format!("{sign}{symbol}\u{a0}{digits}"),
            (false, false) => format!("{sign}{symbol}{digits}"),
        })
    }

    /// Selects the form of a word for a count, by the classes of CLDR's plural rules for whole
    /// numbers. Languages without plurals use the last form.
    pub fn plural<'w>(&self, count: f64, forms: Forms<'w>) -> &'w str {
        let whole = count.abs();
        let (ones, tens) = (whole % 10.0, whole % 100.0);
        let is_whole = whole.fract() == 0.0;
        let teens = (11.0..=14.0).contains(&tens);
        let few = (2.0..=4.0).contains(&ones) && !teens;
        match self.language().as_str() {
            "zh" | "ja" | "ko" | "vi" | "th" | "id" | "ms" | "lo" | "my" => forms.other,
            _ if !is_whole => forms.other,
            "fr" | "pt" if whole < 2.0 => forms.one,
            "ru" | "uk" | "be" | "sr" | "hr" | "bs" => match (ones == 1.0 && !teens, few) {
                (true, _) => forms.one,
                (_, true) => forms.few.unwrap_or(forms.other),
                _ => forms.many.unwrap_or(forms.other),
            },
            _ if whole == 1.0 => forms.one,
            "pl" if few => forms.few.unwrap_or(forms.other),
            "pl" => forms.many.unwrap_or(forms.other),
            "cs" | "sk" if (2.0..=4.0).contains(&whole) => forms.few.unwrap_or(forms.other),
            _ => forms.other,
        }
    }

    /// Formats a day in one of `DATE_STYLES`. A time is converted to the reader's time zone, or to
    /// `zone`.
    pub fn date(&self, value: &Value, style: &str, zone: Option<&str>) -> Option<String> {
        let day = match when(value)? {
            When::Day(day) => day,
            When::Clock(clock) => clock.date(),
            When::Moment(moment) => self.local(moment, zone).date(),
        };
        Some(self.day(day, style))
    }

    /// Formats the time of day in the reader's time zone, or in `zone`.
    pub fn time(&self, value: &Value, zone: Option<&str>) -> Option<String> {
        let time = match when(value)? {
            When::Day(_) => return None,
            When::Clock(clock) => clock.time(),
            When::Moment(moment) => self.local(moment, zone).time(),
        };
        Some(self.clock(time))
    }

    fn local(&self, moment: Timestamp, zone: Option<&str>) -> Zoned {
        let zone: TimeZone = calendar::zone(&[zone, Some(self.zone)]);
        moment.to_zoned(zone)
    }

    fn clock(&self, time: Time) -> String {
        let (hour, minute) = (time.hour(), time.minute());
        if !self.is_american() {
            return format!("{hour:02}:{minute:02}");
        }
        let half = if hour < 12 { "AM" } else { "PM" };
        let hour = if hour % 12 == 0 { 12 } else { hour % 12 };
        format!("{hour}:{minute:02} {half}")
    }

    fn day(&self, day: Date, style: &str) -> String {
        let (y, m, d) = (day.year(), day.month(), day.day());
        let iso = format!("{y:04}-{m:02}-{d:02}");
        let language = self.language();
        let names =
            months(&language).and_then(|names| names.get(usize::from(m.unsigned_abs()) - 1));
        let week = weekdays(&language)
            .and_then(|names| names.get(usize::from(day.weekday().to_monday_zero_offset() as u8)))
            .copied()
            .unwrap_or_default();
        match (language.as_str(), style, names) {
            (_, "iso", _) => iso,
            (_, "weekday", _) => week.to_owned(),
            ("zh" | "ja", "month", _) => format!("{y}年{m}月"),
            ("zh" | "ja", "day", _) => format!("{m}月{d}日"),
            ("zh" | "ja", "short", _) => format!("{y}/{m}/{d}"),
            ("zh" | "ja", "full", _) => format!("{y}年{m}月{d}日{week}"),
            ("zh" | "ja", _, _) => format!("{y}年{m}月{d}日"),
            (_, "month", Some(name)) => format!("{name} {y}"),
            ("en", _, Some(name)) => self.english(day, style, name, week),
            ("de", _, Some(name)) => match style {
                "day" => format!("{d}. {name}"),
                "short" => format!("{d:02}.{m:02}.{y}"),
                "full" => format!("{week}, {d}. {name} {y}"),
                _ => format!("{d}. {name} {y}"),
            },
            (_, _, Some(name)) => match style {
                "day" => format!("{d} {name}"),
                "short" => format!("{d:02}/{m:02}/{y}"),
                "full" => format!("{week} {d} {name} {y}"),
                _ => format!("{d} {name} {y}"),
            },
            (_, "month", None) => format!("{y:04}-{m:02}"),
            (_, "day", None) => format!("{m:02}-{d:02}"),
            (_, _, None) => iso,
        }
    }

    fn english(&self, day: Date, style: &str, name: &str, week: &str) -> String {
        let (y, d) = (day.year(), day.day());
        let brief = name.get(..3).unwrap_or(name);
        match (style, self.is_american()) {
            ("day", true) => format!("{name} {d}"),
            ("day", false) => format!("{d} {name}"),
            ("short", true) => format!("{brief} {d}, {y}"),
            ("short", false) => format!("{d} {brief} {y}"),
            ("full", true) => format!("{week}, {name} {d}, {y}"),
            ("full", false) => format!("{week} {d} {name} {y}"),
            (_, true) => format!("{name} {d}, {y}"),
            (_, false) => format!("{d} {name} {y}"),
        }
    }
}

/// The forms of a word by count.
#[derive(Clone, Copy, Debug)]
pub struct Forms<'w> {
    /// For one.
    pub one: &'w str,
    /// For counts such as 2 to 4, in Slavic languages.
    pub few: Option<&'w str>,
    /// For counts such as 5, in Slavic languages.
    pub many: Option<&'w str>,
    /// For any other count.
    pub other: &'w str,
}

/// Reads `2026-03-02`, `2026-03-02T16:00`, RFC 3339, or milliseconds since 1970.
fn when(value: &Value) -> Option<When> {
    match value {
        Value::Number(number) => {
            Some(When::Moment(Timestamp::from_millisecond(number.as_i64()?).ok()?))
        }
        Value::String(text) => {
            let text = text.trim();
            let moment = || Some(When::Moment(text.parse().ok()?));
            match text.len() {
                10 => Some(When::Day(text.parse().ok()?)),
                _ => moment().or_else(|| Some(When::Clock(text.parse().ok()?))),
            }
        }
        _ => None,
    }
}

#[rustfmt::skip]
fn months(language: &str) -> Option<&'static [&'static str; 12]> {
    Some(match language {
        "en" => &["January", "February", "March", "April", "May", "June", "July", "August",
                  "September", "October", "November", "December"],
        "de" => &["Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August",
                  "September", "Oktober", "November", "Dezember"],
        "fr" => &["janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août",
                  "septembre", "octobre", "novembre", "décembre"],
        _ => return None,
    })
}

#[rustfmt::skip]
fn weekdays(language: &str) -> Option<&'static [&'static str; 7]> {
    Some(match language {
        "zh" => &["星期一", "星期二", "星期三", "星期四", "星期五", "星期六", "星期日"],
        "ja" => &["月曜日", "火曜日", "水曜日", "木曜日", "金曜日", "土曜日", "日曜日"],
        "de" => &["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag",
                  "Sonntag"],
        "fr" => &["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"],
        "en" => &["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn manner(locale: &str) -> FormatOptions<'_> {
        FormatOptions { locale, zone: "Asia/Shanghai", currency: "CNY" }
    }

    #[test]
    fn numbers_follow_the_locale() {
        for (locale, text) in [
            ("en", "1,234,567.5"),
            ("zh-CN", "1,234,567.5"),
            ("de-DE", "1.234.567,5"),
            ("de-CH", "1’234’567.5"),
            ("fr", "1\u{202f}234\u{202f}567,5"),
            ("xx", "1,234,567.5"),
        ] {
            assert_eq!(manner(locale).number(1_234_567.5, None).unwrap(), text, "{locale}");
        }
        let en = manner("en");
        assert_eq!(en.number(-0.0004, None).unwrap(), "0");
        assert_eq!(en.number(-1234.0, Some(2)).unwrap(), "-1,234.00");
        assert_eq!(en.number(1e15, None), None);
        assert_eq!(en.percent(0.07, None).unwrap(), "7%");
        assert_eq!(en.percent(0.1234, Some(1)).unwrap(), "12.3%");
        assert_eq!(manner("de").percent(0.25, None).unwrap(), "25\u{a0}%");
    }

    #[test]
    fn amounts_follow_currency_and_locale() {
        for (locale, amount, currency, text) in [
            ("zh-CN", 1234.0, None, "¥1,234.00"),
            ("en-GB", 1234.0, None, "CN¥1,234.00"),
            ("en", 1234.5, Some("usd"), "$1,234.50"),
            ("zh", 1234.5, Some("USD"), "US$1,234.50"),
            ("en", -5.0, Some("GBP"), "-£5.00"),
            ("en", 1234.0, Some("JPY"), "¥1,234"),
            ("de", 1234.0, Some("EUR"), "1.234,00\u{a0}€"),
            ("en", 3.0, Some("KWD"), "KWD\u{a0}3.000"),
        ] {
            assert_eq!(manner(locale).money(amount, currency).unwrap(), text);
        }
        assert_eq!(manner("en").money(1.0, Some("<b>")), None);
    }

    #[test]
    fn dates_and_times_follow_locale_and_zone() {
        let at = json!("2026-03-01T22:30:00Z"); // 06:30 on the next day in Shanghai.
        for (locale, style, text) in [
            ("zh-CN", "long", "2026年3月2日"),
            ("zh-CN", "full", "2026年3月2日星期一"),
            ("zh-CN", "short", "2026/3/2"),
            ("zh-CN", "month", "2026年3月"),
            ("en-GB", "long", "2 March 2026"),
            ("en-US", "long", "March 2, 2026"),
            ("en-US", "full", "Monday, March 2, 2026"),
            ("en", "short", "2 Mar 2026"),
            ("en", "day", "2 March"),
            ("en", "weekday", "Monday"),
            ("de", "full", "Montag, 2. März 2026"),
            ("fr", "long", "2 mars 2026"),
            ("pt", "long", "2026-03-02"),
            ("en", "iso", "2026-03-02"),
        ] {
            assert_eq!(manner(locale).date(&at, style, None).unwrap(), text, "{locale} {style}");
        }
        assert_eq!(manner("zh-CN").time(&at, None).unwrap(), "06:30");
        assert_eq!(manner("en-US").time(&at, Some("UTC")).unwrap(), "10:30 PM");
        assert_eq!(manner("en").time(&json!("2026-03-02T16:05"), None).unwrap(), "16:05");
        assert_eq!(manner("en").time(&json!("2026-03-02"), None), None);
        let millis = json!(1_772_357_400_000_i64);
        assert_eq!(manner("en").date(&millis, "long", None).unwrap(), "1 March 2026");
        for wrong in [json!("soon"), json!(null), json!([1]), json!("2026-02-30"), json!(1e300)] {
            assert_eq!(manner("en").date(&wrong, "long", None), None, "{wrong}");
        }
    }

    #[test]
    fn plurals_follow_the_language() {
        let forms = Forms { one: "1", few: Some("few"), many: Some("many"), other: "n" };
        for (locale, expected) in [
            ("en", ["n", "1", "n", "n", "n"]),
            ("zh-CN", ["n", "n", "n", "n", "n"]),
            ("fr", ["1", "1", "n", "n", "n"]),
            ("ru", ["many", "1", "few", "many", "1"]),
            ("pl", ["many", "1", "few", "many", "many"]),
        ] {
            let counts = [0.0, 1.0, 2.0, 5.0, 21.0];
            let said = counts.map(|count| manner(locale).plural(count, forms));
            assert_eq!(said, expected, "{locale}");
        }
    }
}
