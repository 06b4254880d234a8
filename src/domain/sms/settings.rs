//! A campaign's settings for SMS: the signature that some countries require, the opt-out notice,
//! the most segments, and prices.

use crate::domain::contact::message::Class;
use crate::domain::contact::message::SmsCost;
use crate::domain::sms::encoding::{SEGMENTS_MAX, Sms};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Countries where an SMS must begin or end with the sender's name in 【】: China's operators pass no
/// other.
const SIGNED_COUNTRIES: [&str; 1] = ["+86"];

/// Millionths in one currency unit.
pub const MICROS: i64 = 1_000_000;

/// Phrases that explain how to refuse further messages, in lower case.
const REFUSALS: [&str; 8] =
    ["opt out", "opt-out", "unsubscribe", "unsubscribe_url", "退订", "退訂", "取消订阅", "拒收"];
/// The replies that Chinese texts ask for, in lower case: `回T`, `回复R`.
const KEYS: [&str; 6] = ["回t", "回td", "回r", "回复t", "回复td", "回复r"];
/// Words that ask a reader to send STOP.
const ASKING: [&str; 8] = ["reply", "text", "txt", "send", "answer", "respond", "type", "with"];

/// A campaign's settings for SMS.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SmsSettings {
    /// The sender's name for the signature, without brackets; if empty, none is added.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub signature: String,
    /// Whether the signature is at the end rather than at the beginning.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub signature_last: bool,
    /// The notice added to a marketing message that does not explain how to refuse more, such as
    /// `Reply STOP to opt out` or `拒收请回复R`; if empty, none is added.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub opt_out: String,
    /// The most segments of a message, 1 to `SEGMENTS_MAX`, if it is less than that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segments_max: Option<u32>,
    /// Whether tracked links keep their long form instead of being shortened.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub long_links: bool,
    /// The cost of a segment, in millionths of the campaign's currency, by the beginning of the
    /// number: `+86`; `+` stands for every other.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub prices: BTreeMap<String, i64>,
}

/// A preview of an SMS as it would leave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SmsPreview {
    /// The whole text: with signature, opt-out notice and short links.
    pub text: String,
    /// The number that it would go to, which determines signature and price.
    pub to: String,
    /// `GSM-7` or `UCS-2`.
    pub encoding: String,
    /// Septets, or UTF-16 units.
    pub units: usize,
    /// The number of segments.
    pub segments: usize,
    /// The free units in the last segment.
    pub free: usize,
    /// Whether it has more segments than allowed, and would not be sent.
    pub is_too_long: bool,
    /// What it would cost, in millionths of the currency; 0 if no price is known.
    pub cost_micros: i64,
    pub currency: String,
    /// The short links in it: the code and the target of each.
    pub links: Vec<(String, String)>,
}

impl SmsPreview {
    /// Returns the cost, such as `0.045 CNY`; `None` if no price is known.
    pub fn cost(&self) -> Option<String> {
        let Self { cost_micros, currency, .. } = self;
        (*cost_micros > 0).then(|| format!("{} {currency}", in_units(*cost_micros)))
    }
}

/// Returns millionths in units, with two decimals or as many more as needed: `0.045`.
fn in_units(micros: i64) -> String {
    let text = format!("{}.{:06}", micros / MICROS, micros % MICROS);
    let places = text.trim_end_matches('0').rsplit('.').next().map_or(0, str::len).max(2);
    text[..text.len() - 6 + places].to_owned()
}

impl SmsSettings {
    /// Returns whether all settings are at their defaults.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Returns a rendered text as it is sent to a number. The same text always gives the same
    /// result.
    pub fn finish(&self, text: &str, class: Class, to: &str) -> String {
        let mut text = text.trim_end().to_owned();
        if class == Class::Marketing && !self.opt_out.is_empty() && !has_opt_out(&text) {
            // Chinese has no space between sentences.
            let joint = if text.ends_with(|c: char| c.is_ascii()) { " " } else { "" };
            text = format!("{text}{joint}{}", self.opt_out);
        }
        let wants_signature = SIGNED_COUNTRIES.iter().any(|code| to.starts_with(code));
        if !wants_signature || self.signature.is_empty() || is_signed(&text) {
            return text;
        }
        match self.signature_last {
            true => format!("{text}【{}】", self.signature),
            false => format!("【{}】{text}", self.signature),
        }
    }

    /// Returns the cost of a finished text to a number; an error if it has too many segments.
    pub fn spend(&self, text: &str, to: &str) -> Result<SmsCost, String> {
        let segments = Sms::of(text).segments.len();
        let most = self.segments_max.map_or(SEGMENTS_MAX, |max| max as usize).min(SEGMENTS_MAX);
        if segments > most {
            return Err(format!("the text takes {segments} segments; the most is {most}"));
        }
        let segments = u32::try_from(segments).unwrap_or(u32::MAX);
        Ok(SmsCost { segments, micros: self.price(to).saturating_mul(segments.into()) })
    }

    /// Returns a preview of a finished text.
    pub fn leaving(
        &self,
        text: String,
        to: String,
        currency: &str,
        links: Vec<(String, String)>,
    ) -> SmsPreview {
        let Sms { encoding, units, segments, free } = Sms::of(&text);
        let count = i64::try_from(segments.len()).unwrap_or(i64::MAX);
        SmsPreview {
            is_too_long: self.spend(&text, &to).is_err(),
            cost_micros: self.price(&to).saturating_mul(count),
            encoding: encoding.as_str().to_owned(),
            units,
            segments: segments.len(),
            free,
            currency: currency.to_owned(),
            links,
            text,
            to,
        }
    }

    /// Returns the price of a segment to a number: that of the longest matching prefix.
    pub fn price(&self, to: &str) -> i64 {
        let fitting = self.prices.iter().filter(|(begin, _)| to.starts_with(begin.as_str()));
        fitting.max_by_key(|(begin, _)| begin.len()).map_or(0, |(_, micros)| *micros)
    }
}

/// Returns whether a text, or a template, explains how to refuse further messages.
pub fn has_opt_out(text: &str) -> bool {
    let lower = text.to_lowercase();
    let names_key = |key: &&str| {
        let mut after = lower.match_indices(*key).map(|(at, key)| &lower[at + key.len()..]);
        after.any(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
    };
    REFUSALS.iter().any(|words| lower.contains(words))
        || KEYS.iter().any(names_key)
        || asks_for_stop(text)
}

/// Returns whether the reader is asked to send STOP: a one-stop shop, or a sale that does not stop,
/// does not ask for that.
fn asks_for_stop(text: &str) -> bool {
    let words: Vec<&str> =
        text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let is_asking = |word: &&str| ASKING.contains(&word.to_ascii_lowercase().as_str());
    words.iter().enumerate().any(|(at, word)| {
        // `Reply HELP for help or STOP`, but `reply stop`.
        let near = if *word == "STOP" { 5 } else { 1 };
        let ends = words.get(at + 1).is_some_and(|next| ["to", "2"].contains(next));
        word.eq_ignore_ascii_case("stop")
            && (words[at.saturating_sub(near)..at].iter().any(is_asking)
                || (*word == "STOP" && ends))
    })
}

/// Returns whether a text begins or ends with a signature in 【】.
pub fn is_signed(text: &str) -> bool {
    text.starts_with('【') && text.contains('】') || text.ends_with('】') && text.contains('【')
}

/// Reads a price in units of a currency, with up to six decimals, as millionths: `0.045`.
pub fn read_price(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || part.len() > 6 || !is_digits(whole) || !is_digits(part) {
        return None;
    }
    let part: i64 = format!("{part:0<6}").parse().ok()?;
    whole.parse::<i64>().ok()?.checked_mul(MICROS)?.checked_add(part)
}

/// Converts millionths of a currency to its minor units, rounded half up; `digits` is the
/// currency's number of decimals.
pub fn in_minor_units(micros: i64, digits: u32) -> i64 {
    let unit = MICROS / 10_i64.pow(digits.min(6));
    (micros + unit / 2).div_euclid(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texting() -> SmsSettings {
        SmsSettings {
            signature: "砺川装备".to_owned(),
            opt_out: "拒收请回复R".to_owned(),
            segments_max: Some(2),
            prices: [("+86", 45_000), ("+861", 50_000), ("+", 80_000)]
                .map(|(begin, micros)| (begin.to_owned(), micros))
                .into(),
            ..SmsSettings::default()
        }
    }

    #[test]
    fn sms_is_signed_where_the_country_requires_it() {
        let texting = texting();
        let finish = |text| texting.finish(text, Class::Transactional, "+8613800138000");
        assert_eq!(finish("您好"), "【砺川装备】您好");
        assert_eq!(finish("【别的】您好"), "【别的】您好");
        assert_eq!(finish("您好【别的】"), "您好【别的】");
        assert_eq!(finish("第【1】条"), "【砺川装备】第【1】条");
        let abroad = texting.finish("Hi", Class::Transactional, "+447400123456");
        assert_eq!(abroad, "Hi");
        let last = SmsSettings { signature_last: true, ..texting };
        assert_eq!(
            last.finish("您好", Class::Marketing, "+8613800138000"),
            "您好拒收请回复R【砺川装备】"
        );
    }

    #[test]
    fn marketing_sms_gets_an_opt_out() {
        let texting = SmsSettings { opt_out: "Reply STOP to opt out".to_owned(), ..texting() };
        let finish = |text, class| texting.finish(text, class, "+447400123456");
        assert_eq!(finish("Sale! ", Class::Marketing), "Sale! Reply STOP to opt out");
        assert_eq!(finish("Sale! Text STOP to end", Class::Marketing), "Sale! Text STOP to end");
        assert_eq!(finish("退订回T", Class::Marketing), "退订回T");
        let shop = "Our one-stop shop";
        assert_eq!(finish(shop, Class::Marketing), "Our one-stop shop Reply STOP to opt out");
        assert_eq!(finish("Your code: 1", Class::Transactional), "Your code: 1");
    }

    #[test]
    fn opt_out_instructions_are_recognized() {
        for text in [
            "Reply STOP",
            "reply stop to end",
            "HELP for help, STOP to end",
            "STOP 2 end",
            "Reply HELP for help or STOP.",
            "Reply with 'stop'",
            "opt out: x.example",
            "拒收请回复R",
            "回T退订",
            "回T",
            "回复TD",
            "退订回N",
        ] {
            assert!(has_opt_out(text), "{text}");
        }
        for not in [
            "Our one-stop shop", "Non-stop sale", "DON'T STOP ME NOW", "Next stop: Bristol",
            "回Tesla展厅看看", "unstoppable", "回头见",
        ] {
            assert!(!has_opt_out(not), "{not}");
        }
    }

    #[test]
    fn sms_cost_is_per_segment_and_limited() {
        let texting = texting();
        let spend = |text: &str, to| texting.spend(text, to).map(|s| (s.segments, s.micros));
        assert_eq!(spend("a", "+447400123456"), Ok((1, 80_000)));
        assert_eq!(spend(&"a".repeat(161), "+13105550100"), Ok((2, 160_000)));
        assert_eq!(spend("a", "+8613800138000"), Ok((1, 50_000)));
        assert_eq!(spend("a", "+8620123456"), Ok((1, 45_000)));
        let long = spend(&"a".repeat(307), "+1");
        assert_eq!(long, Err("the text takes 3 segments; the most is 2".to_owned()));
        assert_eq!(SmsSettings::default().spend("a", "+1").map(|s| s.micros), Ok(0));
        let most = SmsSettings::default().spend(&"a".repeat(153 * 10 + 1), "+1");
        assert_eq!(most, Err("the text takes 11 segments; the most is 10".to_owned()));
    }

    #[test]
    fn sms_preview_shows_segments_and_exact_cost() {
        let texting = texting();
        let shown = |text: &str, to: &str| {
            let shown = texting.leaving(text.to_owned(), to.to_owned(), "CNY", Vec::new());
            (shown.segments, shown.free, shown.is_too_long, shown.cost())
        };
        let cost = |cost: &str| Some(format!("{cost} CNY"));
        assert_eq!(shown("您好", "+8620123456"), (1, 68, false, cost("0.045")));
        assert_eq!(shown(&"中".repeat(71), "+861"), (2, 63, false, cost("0.10")));
        assert_eq!(shown(&"a".repeat(307), "+1"), (3, 152, true, cost("0.24")));
        let free =
            SmsSettings::default().leaving("a".to_owned(), "+1".to_owned(), "EUR", Vec::new());
        assert_eq!(free.cost(), None);
        assert_eq!(in_units(12_000_000), "12.00");
        assert_eq!(in_units(1), "0.000001");
    }

    #[test]
    fn prices_are_read_to_the_millionth() {
        assert_eq!(read_price("0.0079"), Some(7_900));
        assert_eq!(read_price("12"), Some(12_000_000));
        assert_eq!(read_price("0.000001"), Some(1));
        for wrong in ["", ".5", "-1", "0.0000001", "1e3", "1,5", "99999999999999"] {
            assert_eq!(read_price(wrong), None, "{wrong}");
        }
        assert_eq!(in_minor_units(7_900, 2), 1);
        assert_eq!(in_minor_units(4_999, 2), 0);
        assert_eq!(in_minor_units(5_000, 2), 1);
        assert_eq!(in_minor_units(1_499_999, 0), 1);
    }
}
