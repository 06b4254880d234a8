//! Days, times and lengths of time as typed in English and Chinese, and as kept.

use super::reason::FieldReason;
use crate::domain::contact::address::half_width;
use crate::domain::time::calendar;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

/// The longest day, time or length of time as typed, in characters: there is room for both days of
/// a range with their words.
const TIME_CHARS_MAX: usize = 64;

/// The longest length of time, in milliseconds: a hundred years.
pub const DURATION_MAX: i64 = 100 * 366 * 86_400_000;

/// What separates the two days of a range.
const RANGE_MARKS: [&str; 8] = [" - ", "至", "到", "~", "–", "—", " to ", "/"];

/// Reads a day: `2026-03-01`, `2026/3/1`, `2026.3.1`, `20260301` or `2026年3月1日`, also with the
/// midnight that spreadsheets add. Days that begin with the day or the month are refused.
pub fn day(typed: &str) -> Result<Date, FieldReason> {
    let text = half(typed).ok_or(FieldReason::NotADay)?;
    let text = match text.split_once([' ', 'T']) {
        Some((day, time)) if is_midnight(time) => day,
        _ => &text,
    };
    civil_day(text)
}

/// Reads a time of day: `09:30`, `9:30:15`, `9点30分`, `下午3:30` or `3:30 pm`. Fractions of a second
/// are left out.
pub fn time(typed: &str) -> Result<Time, FieldReason> {
    let text = half(typed).ok_or(FieldReason::NotATime)?;
    civil_time(&text).ok_or(FieldReason::NotATime)
}

/// Writes a time as kept: `09:30`, with seconds only if there are some.
pub fn written_time(time: Time) -> String {
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    match second {
        0 => format!("{hour:02}:{minute:02}"),
        _ => format!("{hour:02}:{minute:02}:{second:02}"),
    }
}

/// Reads a day with a time and returns it as RFC 3339 in UTC, in whole seconds. Without `Z` or an
/// offset such as `+08:00`, it is read on a clock in `zone`, an IANA name. A time that the clock
/// skips is moved by the length of the gap; of one that it shows twice, the first counts.
pub fn date_time(typed: &str, zone: &str) -> Result<String, FieldReason> {
    let text = half(typed).ok_or(FieldReason::NotADateTime)?.replace('日', "日 ");
    let (day, rest) = text.split_once([' ', 'T', 't']).ok_or(FieldReason::NotADateTime)?;
    let day = match civil_day(day) {
        Err(FieldReason::NotADay) => return Err(FieldReason::NotADateTime),
        day => day?,
    };
    let (time, offset) = split_offset(rest.trim()).ok_or(FieldReason::NotADateTime)?;
    let time = civil_time(time).ok_or(FieldReason::NotADateTime)?;
    let clock = DateTime::from_parts(day, time);
    let instant = match offset {
        Some(offset) => offset.to_timestamp(clock),
        None => clock.to_zoned(calendar::zone(&[Some(zone)])).map(|zoned| zoned.timestamp()),
    };
    let instant: Timestamp = instant.map_err(|_| FieldReason::NotADateTime)?;
    let written = instant.to_string();
    // A zone can move the first and the last day out of the years that RFC 3339 can write.
    let is_written = written.len() == "2026-03-01T09:30:00Z".len();
    if is_written { Ok(written) } else { Err(FieldReason::NotADateTime) }
}

/// Reads a length of time with its units, `1h30m`, `90 min`, `1.5小时`, `3天` or `PT1H30M`, and
/// returns milliseconds; whole seconds only. A number without a unit is refused.
pub fn duration(typed: &str) -> Result<i64, FieldReason> {
    let text = half(typed).ok_or(FieldReason::NotADuration)?.to_lowercase();
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let text = match text.strip_prefix('p') {
        Some(iso) => iso_duration(iso).ok_or(FieldReason::NotADuration)?,
        None => text,
    };
    let mut total: i128 = 0;
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        let unit_end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let unit = unit_seconds(unit).ok_or(FieldReason::NotADuration)?;
        let units = super::decimal::Decimal::parse(number).ok_or(FieldReason::NotADuration)?;
        total += i128::from(units.units()) * unit;
        rest = after;
    }
    let is_whole = total % 10_000 == 0 && !text.is_empty();
    let ms = i64::try_from(total / 10).map_err(|_| FieldReason::NotADuration)?;
    if is_whole && ms <= DURATION_MAX { Ok(ms) } else { Err(FieldReason::NotADuration) }
}

/// Writes milliseconds as `1d2h30m15s`, which `duration` reads.
pub fn written_duration(ms: i64) -> String {
    let parts = duration_parts(ms).into_iter().zip(["d", "h", "m", "s"]);
    let text: String =
        parts.filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n}{unit}")).collect();
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// Splits milliseconds into days, hours, minutes and seconds.
pub fn duration_parts(ms: i64) -> [i64; 4] {
    let seconds = ms / 1_000;
    [seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60]
}

/// Reads two days, given as two texts or as one such as `2026-03-01/2026-03-31`,
/// `2026/3/1 - 2026/3/31` or `2026年3月1日至2026年3月31日`. Returns the first form. Both days belong to
/// the range.
pub fn date_range<S: AsRef<str>>(typed: &[S]) -> Result<String, FieldReason> {
    let (from, to) = match typed {
        [one] => {
            let text = half(one.as_ref()).ok_or(FieldReason::NotARange)?;
            let parts = RANGE_MARKS.iter().find_map(|mark| {
                let (from, to) = text.split_once(mark)?;
                // A slash also separates the parts of a day.
                let is_one = *mark != "/" || from.len() == "2026-03-01".len();
                is_one.then_some((day(from), day(to)))
            });
            parts.ok_or(FieldReason::NotARange)?
        }
        [from, to] => (day(from.as_ref()), day(to.as_ref())),
        _ => return Err(FieldReason::NotARange),
    };
    let (from, to) = (from?, to?);
    if to < from { Err(FieldReason::BackwardRange) } else { Ok(format!("{from}/{to}")) }
}

/// Returns a text in half-width characters, trimmed; `None` if it is too long.
fn half(typed: &str) -> Option<String> {
    let is_short = typed.chars().nth(TIME_CHARS_MAX).is_none();
    is_short.then(|| typed.chars().map(half_width).collect::<String>().trim().to_owned())
}

fn is_midnight(time: &str) -> bool {
    matches!(civil_time(time.trim()), Some(midnight) if midnight == Time::midnight())
}

fn civil_day(text: &str) -> Result<Date, FieldReason> {
    let is_digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if text.len() == 8 && is_digits(text) {
        return date(&text[..4], &text[4..6], &text[6..]);
    }
    let text = text.replace(['年', '月'], "-");
    let text = text.trim_end_matches(['日', '号', ' ']);
    let mark = text.chars().find(|c| matches!(c, '-' | '/' | '.')).ok_or(FieldReason::NotADay)?;
    let parts: Vec<&str> = text.split(mark).collect();
    let &[first, second, third] = parts.as_slice() else { return Err(FieldReason::NotADay) };
    if ![first, second, third].into_iter().all(is_digits) {
        return Err(FieldReason::NotADay);
    }
    match (first.len(), second.len(), third.len()) {
        (4, 1..=2, 1..=2) => date(first, second, third),
        (1..=2, 1..=2, 1..=4) => Err(FieldReason::AmbiguousDay),
        _ => Err(FieldReason::NotADay),
    }
}

fn date(year: &str, month: &str, day: &str) -> Result<Date, FieldReason> {
    let part = |text: &str| text.parse::<i16>().map_err(|_| FieldReason::NotADay);
    let small = |text: &str| Ok(part(text)? as i8);
    Date::new(part(year)?, small(month)?, small(day)?).map_err(|_| FieldReason::NotADay)
}

fn civil_time(text: &str) -> Option<Time> {
    let text = text.to_lowercase();
    let (text, half_day) = half_day(&text);
    let text = text.replace(['点', '时'], ":").replace('分', ":").replace('秒', "");
    let mut parts = text.trim_end_matches(':').split(':');
    let (hour, minute, second) = (parts.next()?, parts.next().unwrap_or("0"), parts.next());
    let second = second.unwrap_or("0");
    let (second, fraction) = second.split_once('.').unwrap_or((second, "0"));
    let is_bare = !text.contains(':') && half_day.is_none();
    if parts.next().is_some() || is_bare || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number = |part: &str| -> Option<i8> {
        let is_short = (1..=2).contains(&part.len());
        (is_short && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse().ok())?
    };
    let (hour, minute, second) = (number(hour.trim())?, number(minute)?, number(second)?);
    let hour = match half_day {
        None => hour,
        Some(_) if !(1..=12).contains(&hour) => return None,
        Some(is_afternoon) => hour % 12 + if is_afternoon { 12 } else { 0 },
    };
    Time::new(hour, minute, second, 0).ok()
}

/// Removes the word for the half of the day; it is true for the second half.
fn half_day(text: &str) -> (&str, Option<bool>) {
    for (word, is_afternoon) in [("上午", false), ("下午", true)] {
        if let Some(rest) = text.strip_prefix(word) {
            return (rest.trim(), Some(is_afternoon));
        }
    }
    for (word, is_afternoon) in [("am", false), ("pm", true)] {
        if let Some(rest) = text.strip_suffix(word) {
            return (rest.trim(), Some(is_afternoon));
        }
    }
    (text, None)
}

/// Splits `09:30+08:00` into the time and its offset.
fn split_offset(text: &str) -> Option<(&str, Option<Offset>)> {
    if let Some(time) = text.strip_suffix(['Z', 'z']) {
        return Some((time, Some(Offset::UTC)));
    }
    let Some(at) = text.rfind(['+', '-']) else { return Some((text, None)) };
    let (time, offset) = text.split_at(at);
    let digits: String = offset[1..].chars().filter(|c| *c != ':').collect();
    let is_shaped = matches!(digits.len(), 2 | 4) && digits.bytes().all(|b| b.is_ascii_digit());
    if !is_shaped {
        return None;
    }
    let hours: i32 = digits[..2].parse().ok()?;
    let minutes: i32 = if digits.len() == 4 { digits[2..].parse().ok()? } else { 0 };
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let seconds = sign * (hours * 3_600 + minutes * 60);
    let offset = Offset::from_seconds(seconds).ok().filter(|_| hours < 24 && minutes < 60)?;
    Some((time.trim_end(), Some(offset)))
}

/// Returns the rest of an ISO 8601 duration as `1d2h30m`. Years and months are refused: they have
/// no fixed length.
fn iso_duration(rest: &str) -> Option<String> {
    let (days, time) = rest.split_once('t').unwrap_or((rest, ""));
    (!days.contains(['y', 'm'])).then(|| format!("{days}{time}"))
}

fn unit_seconds(unit: &str) -> Option<i128> {
    Some(match unit {
        "s" | "sec" | "secs" | "second" | "seconds" | "秒" | "秒钟" => 1,
        "m" | "min" | "mins" | "minute" | "minutes" | "分" | "分钟" => 60,
        "h" | "hr" | "hrs" | "hour" | "hours" | "时" | "小时" | "个小时" => 3_600,
        "d" | "day" | "days" | "天" | "日" => 86_400,
        "w" | "week" | "weeks" | "周" | "星期" | "个星期" => 604_800,
        _ => return None,
    })
}
