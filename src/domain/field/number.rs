//! Numbers as typed: plain numbers, percentages, ratings, and amounts of money.

use super::decimal::{self, Decimal};
use super::reason::FieldReason;
use crate::domain::base::primitives::{Money, currency_meant, minor_digits};
use crate::domain::contact::address::half_width;
use serde_json::Value;

/// The decimal places of a percentage, so that its ratio is exact in ten-thousandths.
pub const PERCENT_PLACES: u32 = 2;

/// The most stars of a rating: nobody counts more at a glance.
pub const RATING_MAX: u8 = 10;

/// The greatest number of minor units that JSON and D1 keep exactly.
const MINOR_MAX: i64 = 1 << 53;

/// Reads a decimal number; whole numbers are kept as integers.
pub fn number(value: &str, min: Option<f64>, max: Option<f64>) -> Result<Value, FieldReason> {
    let number: f64 = decimal::plain(value)?.parse().map_err(|_| FieldReason::NotANumber)?;
    if !number.is_finite() {
        return Err(FieldReason::NotANumber);
    }
    within(number, min, max)?;
    // Above 2^53 a float does not represent every whole number, so the value stays a float.
    Ok(match number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 {
        true => (number as i64).into(),
        false => number.into(),
    })
}

/// Reads a percentage, `12.5` or `12.5%`, with at most two decimal places. Kept is what is written
/// before the sign: 12.5, not 0.125.
pub fn percent(value: &str, min: Option<f64>, max: Option<f64>) -> Result<Value, FieldReason> {
    let text: String = value.chars().map(half_width).collect();
    let number = exact(text.trim_end_matches('%').trim_end(), PERCENT_PLACES)?;
    let kept = number.to_json();
    within(kept.as_f64().unwrap_or_default(), min, max)?;
    Ok(kept)
}

/// Reads a rating: a whole number from 1 to `max`.
pub fn rating(value: &str, max: u8) -> Result<Value, FieldReason> {
    let stars = exact(value, 0)?.to_json();
    within(stars.as_f64().unwrap_or_default(), Some(1.0), Some(f64::from(max)))?;
    Ok(stars)
}

/// Reads an amount such as `1,234.50`, `￥1,234.5`, `1234.5元` or `CNY 1234.50` and returns its minor
/// units. The sign or code of another currency is refused.
pub fn money(value: &str, currency: &str) -> Result<Value, FieldReason> {
    let text: String = value.chars().map(|c| if c == '￥' { '¥' } else { half_width(c) }).collect();
    let amount = without_currency(text.trim(), currency)?;
    let plain = decimal::plain(&amount)?;
    let places = minor_digits(currency);
    let (whole, part) = plain.split_once('.').unwrap_or((&plain, ""));
    let part = part.trim_end_matches('0');
    if part.len() > places as usize && part.bytes().all(|b| b.is_ascii_digit()) {
        return Err(FieldReason::TooManyDecimals(places));
    }
    let whole = whole.strip_prefix('+').unwrap_or(whole);
    let exact = if part.is_empty() { whole.to_owned() } else { format!("{whole}.{part}") };
    let is_digits = whole.trim_start_matches('-').bytes().all(|b| b.is_ascii_digit());
    match Money::parse(&exact, currency) {
        Some(money) => Ok(money.minor.into()),
        None if is_digits && whole.len() > 10 => {
            Err(FieldReason::TooGreat((MINOR_MAX / 10_i64.pow(places)) as f64))
        }
        None => Err(FieldReason::NotANumber),
    }
}

/// Checks minor units as kept.
pub fn minor_units(kept: &Value) -> Result<Value, FieldReason> {
    let minor = kept.as_i64().filter(is_exact);
    minor.map(Value::from).ok_or(FieldReason::WrongJson)
}

/// Writes minor units as an amount such as `1234.50`; `None` if they are none.
pub fn amount(kept: &Value, currency: &str) -> Option<String> {
    let minor = kept.as_i64().filter(is_exact)?;
    Some(Money { minor, currency: currency.to_owned() }.decimal())
}

fn is_exact(minor: &i64) -> bool {
    (-MINOR_MAX..=MINOR_MAX).contains(minor)
}

/// The signs of currencies, each with those that it may mean.
const SIGNS: [(&str, &[&str]); 12] = [
    ("人民币", &["CNY"]),
    ("RMB", &["CNY"]),
    ("元", &["CNY"]),
    ("US$", &["USD"]),
    ("HK$", &["HKD"]),
    ("NT$", &["TWD"]),
    ("CN¥", &["CNY"]),
    ("JP¥", &["JPY"]),
    ("¥", &["CNY", "JPY"]),
    ("€", &["EUR"]),
    ("£", &["GBP"]),
    ("$", &["USD", "AUD", "CAD", "HKD", "NZD", "SGD", "TWD", "MXN"]),
];

/// Removes the sign or the code of the currency before and after an amount. One minus sign may
/// precede it.
fn without_currency(text: &str, currency: &str) -> Result<String, FieldReason> {
    let (minus, mut rest) = match text.strip_prefix(['-', '\u{2212}']) {
        Some(rest) => ("-", rest.trim_start()),
        None => ("", text),
    };
    let other = || Err(FieldReason::OtherCurrency(currency.to_owned()));
    for (sign, currencies) in SIGNS {
        let found = rest.strip_prefix(sign).or_else(|| rest.strip_suffix(sign));
        let Some(left) = found else { continue };
        if !currencies.contains(&currency) {
            return other();
        }
        rest = left.trim();
    }
    let is_code = |code: &&str| code.len() == 3 && code.bytes().all(|b| b.is_ascii_alphabetic());
    let first = rest.get(..3).filter(is_code).map(|code| (code, rest[3..].trim_start()));
    let start = rest.len().saturating_sub(3);
    let last = || rest.get(start..).filter(is_code).map(|code| (code, rest[..start].trim_end()));
    match first.or_else(last) {
        Some((code, left)) if code.eq_ignore_ascii_case(currency) => Ok(format!("{minus}{left}")),
        Some((code, _)) if currency_meant(&code.to_uppercase()).is_ok() => other(),
        _ => Ok(format!("{minus}{rest}")),
    }
}

/// Reads an exact decimal with at most `places` decimal places.
fn exact(value: &str, places: u32) -> Result<Decimal, FieldReason> {
    let plain = decimal::plain(value.trim())?;
    let part = plain.split_once('.').map_or("", |(_, part)| part).trim_end_matches('0');
    if part.len() > places as usize && part.bytes().all(|b| b.is_ascii_digit()) {
        return Err(FieldReason::TooManyDecimals(places));
    }
    Decimal::parse(&plain).ok_or(FieldReason::NotANumber)
}

fn within(number: f64, min: Option<f64>, max: Option<f64>) -> Result<(), FieldReason> {
    match (min, max) {
        (Some(min), _) if number < min => Err(FieldReason::TooSmall(min)),
        (_, Some(max)) if number > max => Err(FieldReason::TooGreat(max)),
        _ => Ok(()),
    }
}
