//! Exact decimals in ten-thousandths, and decimals as people write them: with full-width digits and
//! commas before each three digits.

use super::reason::FieldReason;
use crate::domain::contact::address::half_width;
use crate::domain::segment::{AMOUNT_MAX, AMOUNT_UNIT};
use serde_json::Value;

/// The ten-thousandths of one, as rules add numbers up (`segment::AMOUNT_UNIT`).
const UNIT: i64 = AMOUNT_UNIT as i64;

/// The decimal places that a `Decimal` has.
pub const PLACES: u32 = 4;

/// The greatest decimal, in ten-thousandths: `segment::AMOUNT_MAX`. A 64-bit float represents all
/// of them, so JSON keeps them exactly.
const MAX: i64 = AMOUNT_MAX as i64 * UNIT;

/// The longest number as typed, in characters: the greatest 64-bit float has 309 digits.
const NUMBER_CHARS_MAX: usize = 400;

/// A number in ten-thousandths, at most `segment::AMOUNT_MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decimal(i64);

impl Decimal {
    /// No and yes of a comparison are 0 and 1.
    pub const ZERO: Self = Self(0);
    /// One.
    pub const ONE: Self = Self(UNIT);

    /// Returns the decimal of that many ten-thousandths; `None` if it is too great.
    pub fn of_units(units: i128) -> Option<Self> {
        let units = i64::try_from(units).ok()?;
        (units.abs() <= MAX).then_some(Self(units))
    }

    /// Returns the ten-thousandths.
    pub fn units(self) -> i64 {
        self.0
    }

    /// Reads plain digits such as `-12.5`, with at most four decimal places; `None` for anything
    /// else and for what is too great.
    pub fn parse(text: &str) -> Option<Self> {
        let (is_negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        let part = part.trim_end_matches('0');
        let is_plain = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if (whole.is_empty() && part.is_empty()) || part.len() > PLACES as usize {
            return None;
        }
        if !is_plain(whole) || !is_plain(part) {
            return None;
        }
        let units: i128 = format!("0{whole}{part:0<4}").parse().ok()?;
        Self::of_units(if is_negative { -units } else { units })
    }

    /// Reads a JSON number, rounded to ten-thousandths; `None` for anything else.
    pub fn of_json(value: &Value) -> Option<Self> {
        let units = (value.as_f64()? * AMOUNT_UNIT).round();
        // A float that is too great for `i128` becomes the greatest one, which is refused.
        Self::of_units(units as i128)
    }

    /// Returns the number as JSON: an integer if it is whole.
    pub fn to_json(self) -> Value {
        match self.0 % UNIT {
            0 => (self.0 / UNIT).into(),
            _ => (self.0 as f64 / AMOUNT_UNIT).into(),
        }
    }

    /// Returns the number rounded to `places` decimal places, half away from zero.
    pub fn rounded(self, places: u32) -> Option<Self> {
        let step = 10_i128.pow(PLACES.saturating_sub(places));
        Self::of_units(divided(i128::from(self.0), step)? * step)
    }

    /// Returns the sum; `None` if it is too great, as of the following.
    pub fn plus(self, other: Self) -> Option<Self> {
        Self::of_units(i128::from(self.0) + i128::from(other.0))
    }

    /// Returns the difference.
    pub fn minus(self, other: Self) -> Option<Self> {
        Self::of_units(i128::from(self.0) - i128::from(other.0))
    }

    /// Returns the product, rounded half away from zero.
    pub fn times(self, other: Self) -> Option<Self> {
        Self::of_units(divided(i128::from(self.0) * i128::from(other.0), i128::from(UNIT))?)
    }

    /// Returns the quotient, rounded half away from zero; `None` also if `other` is zero.
    pub fn over(self, other: Self) -> Option<Self> {
        Self::of_units(divided(i128::from(self.0) * i128::from(UNIT), i128::from(other.0))?)
    }
}

/// Divides, rounded half away from zero; `None` by zero. The dividend is a product of two decimals
/// at most, so nothing overflows.
fn divided(dividend: i128, divisor: i128) -> Option<i128> {
    if divisor == 0 {
        return None;
    }
    let half = divisor.abs() / 2;
    let magnitude = (dividend.abs() + half) / divisor.abs();
    Some(if (dividend < 0) == (divisor < 0) { magnitude } else { -magnitude })
}

/// Returns a number as typed in plain ASCII: half-width, without the commas before each three
/// digits. Refuses units such as 万, and everything that is not made of digits, signs, a point and
/// an exponent. The caller parses the result.
pub fn plain(typed: &str) -> Result<String, FieldReason> {
    if typed.chars().nth(NUMBER_CHARS_MAX).is_some() {
        return Err(FieldReason::NotANumber);
    }
    let text: String = typed.chars().map(half_width).map(minus_sign).collect();
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | ',');
    let digits = text.trim_end_matches(['万', '萬', '亿', '億', '千', '百', 'k', 'K', 'w', 'W']);
    let digits = digits.trim_end();
    if digits.len() < text.len() && !digits.is_empty() && digits.chars().all(is_number) {
        return Err(FieldReason::ShortNumber);
    }
    if !text.chars().all(|c| is_number(c) || matches!(c, 'e' | 'E')) {
        return Err(FieldReason::NotANumber);
    }
    if text.contains(',') { ungrouped(&text) } else { Ok(text) }
}

fn minus_sign(c: char) -> char {
    if c == '\u{2212}' { '-' } else { c }
}

/// Removes the commas of `1,234,567.5`; any other use of a comma is refused, because elsewhere it
/// is a decimal point.
fn ungrouped(text: &str) -> Result<String, FieldReason> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = whole.trim_start_matches(['-', '+']);
    let mut groups = digits.split(',');
    let is_digits = |group: &str| group.bytes().all(|b| b.is_ascii_digit());
    let is_first = |group: &str| (1..=3).contains(&group.len()) && is_digits(group);
    let is_grouped = groups.next().is_some_and(is_first)
        && groups.all(|group| group.len() == 3 && is_digits(group));
    if is_grouped && !part.contains(',') {
        Ok(text.replace(',', ""))
    } else {
        Err(FieldReason::Grouping)
    }
}

/// Writes plain digits such as `1234567.5` with commas: `1,234,567.5`.
pub fn grouped(plain: &str) -> String {
    let (sign, digits) = plain.split_at(usize::from(plain.starts_with('-')));
    let (whole, part) = digits.find('.').map_or((digits, ""), |point| digits.split_at(point));
    if !whole.bytes().all(|b| b.is_ascii_digit()) {
        return plain.to_owned();
    }
    let mut text = sign.to_owned();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text + part
}
