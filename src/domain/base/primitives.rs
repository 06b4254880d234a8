//! The basic values: ids, instants, spans, money.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Declares newtypes over `String` that cannot be confused with each other.
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// Returns the id as used in the database and in URLs.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

ids! {
    /// The id of a record of any kind: a UUID version 7 (RFC 9562).
    RecordId;
    /// The kind of a record: `contact`, `company`, or another that was published.
    KindId;
    /// The id of a member of the team: a UUID version 7.
    MemberId;
    /// Who did something: `member:<id>`, `token:<name>`, `import:<id>` or `journey:<id>`.
    Actor;
    /// The id of a campaign: its kebab-case name in the file, such as `spring-webinar`.
    CampaignId;
    /// The id of a form, segment or journey among all campaigns: `<campaign>.<name>`.
    QualifiedId;
    /// The id of a static list, such as `vip`.
    ListId;
    /// The id of an enrollment: a UUID version 7.
    EnrollmentId;
    /// The id of a message; in a journey `<enrollment>.<steps taken>`. The same decision always
    /// gives the same id, so it can serve as the provider's idempotency key.
    MessageId;
}

impl KindId {
    /// The kind of everybody who can be written to.
    pub const CONTACT: &str = "contact";

    pub fn contact() -> Self {
        Self::from(Self::CONTACT)
    }

    pub fn is_contact(&self) -> bool {
        self.0 == Self::CONTACT
    }
}

impl QualifiedId {
    /// Joins a campaign and a name that is unique within it.
    pub fn new(campaign: &CampaignId, name: &str) -> Self {
        Self(format!("{campaign}.{name}"))
    }

    /// Splits it into the campaign and the name within it; `None` without a dot.
    pub fn parts(&self) -> Option<(CampaignId, &str)> {
        let (campaign, name) = self.0.split_once('.')?;
        Some((CampaignId::from(campaign), name))
    }
}

/// An instant: milliseconds since the Unix epoch, UTC.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Millis(pub i64);

/// The largest clock difference between two machines. A time further ahead than that comes from a
/// wrong clock.
pub const CLOCKS_DIFFER_MAX: Span = Span::minutes(2);

impl Millis {
    pub fn plus(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    pub fn minus(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }

    /// Returns the UTC calendar day as `YYYY-MM-DD`.
    pub fn utc_day(self) -> String {
        jiff::Timestamp::from_millisecond(self.0)
            .map(|t| t.to_zoned(jiff::tz::TimeZone::UTC).date().to_string())
            .unwrap_or_else(|_| "1970-01-01".to_owned())
    }

    /// Reads RFC 3339 text with its offset from UTC; `None` for anything else.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|at| Self(at.as_millisecond()))
    }

    /// Returns RFC 3339 text in UTC, for people and for JSON.
    pub fn rfc3339(self) -> String {
        jiff::Timestamp::from_millisecond(self.0).map(|t| t.to_string()).unwrap_or_default()
    }
}

/// A length of time in milliseconds, written `90s`, `30m`, `12h`, `3d` or `2w` in campaign files. A
/// day is always 24 hours here; `calendar` handles calendar days.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Span(pub i64);

impl Span {
    pub const fn seconds(n: i64) -> Self {
        Self(n * 1_000)
    }
    pub const fn minutes(n: i64) -> Self {
        Self(n * 60_000)
    }
    pub const fn hours(n: i64) -> Self {
        Self(n * 3_600_000)
    }
    /// Returns `n` days of 24 hours.
    pub const fn days(n: i64) -> Self {
        Self(n * 86_400_000)
    }

    /// Reads `90s`, `30m`, `12h`, `3d`, `2w`; `None` for anything else, including negative and
    /// fractional numbers.
    pub fn parse(text: &str) -> Option<Self> {
        let unit = text.chars().last()?;
        let digits = &text[..text.len() - unit.len_utf8()];
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let n: i64 = digits.parse().ok()?;
        let unit_ms = match unit {
            's' => 1_000,
            'm' => 60_000,
            'h' => 3_600_000,
            'd' => 86_400_000,
            'w' => 7 * 86_400_000,
            _ => return None,
        };
        n.checked_mul(unit_ms).map(Self)
    }

    /// Returns how a span that is written in another way is written here: `3 days`, `3天` and `3D`
    /// are `3d`.
    pub fn meant(text: &str) -> Option<String> {
        let half = |c: char| match c {
            '０'..='９' => char::from_u32(c as u32 - '０' as u32 + '0' as u32).unwrap_or(c),
            c => c,
        };
        let text: String = text.chars().map(half).filter(|c| !c.is_whitespace()).collect();
        let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
        let unit = match unit.to_lowercase().as_str() {
            "s" | "sec" | "secs" | "second" | "seconds" | "秒" | "秒钟" => 's',
            "m" | "min" | "mins" | "minute" | "minutes" | "分" | "分钟" => 'm',
            "h" | "hr" | "hrs" | "hour" | "hours" | "时" | "小时" => 'h',
            "d" | "day" | "days" | "天" | "日" => 'd',
            "w" | "week" | "weeks" | "周" | "星期" => 'w',
            _ => return None,
        };
        (!digits.is_empty()).then(|| format!("{digits}{unit}"))
    }
}

impl fmt::Display for Span {
    /// Writes the span in the largest unit that divides it, so that `parse` can read it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, ms) in [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000)] {
            if self.0 != 0 && self.0 % ms == 0 {
                return write!(f, "{}{unit}", self.0 / ms);
            }
        }
        write!(f, "{}s", self.0 / 1_000)
    }
}

/// An amount in the smallest unit of its currency (fen, cents, whole yen).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// The number of minor units; may be negative for a refund.
    pub minor: i64,
    /// ISO 4217 code, upper case.
    pub currency: String,
}

/// The currencies of ISO 4217 list one, and the lately withdrawn ANG and BGN; no metals, no tests.
const CURRENCIES: &str = "\
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD \
    BTN BWP BYN BZD CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD \
    EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD \
    IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL \
    MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN \
    PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN \
    SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES \
    VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG";

/// Returns the code that was probably meant, if a code is not of a currency in use.
pub fn currency_meant(code: &str) -> Result<(), Option<&'static str>> {
    if CURRENCIES.split(' ').any(|known| known == code) {
        return Ok(());
    }
    let upper = code.to_uppercase();
    let known = CURRENCIES.split(' ').find(|known| *known == upper);
    Err(known.or(match upper.as_str() {
        "RMB" | "CNH" | "YUAN" | "人民币" | "¥" | "元" => Some("CNY"),
        "NTD" | "NT$" => Some("TWD"),
        "$" | "US$" => Some("USD"),
        "€" => Some("EUR"),
        "£" | "UKP" => Some("GBP"),
        _ => None,
    }))
}

/// Returns the number of decimal places of a currency (ISO 4217 list one); most have two.
pub fn minor_digits(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX"
        | "UYI" | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "CLF" | "UYW" => 4,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        _ => 2,
    }
}

impl Money {
    /// Reads a decimal such as `12000.00` exactly. `None` if it is not a decimal number, has more
    /// places than the currency, or does not fit in 2^53 minor units (D1's limit for numbers).
    pub fn parse(amount: &str, currency: &str) -> Option<Self> {
        let (sign, digits) = match amount.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, amount),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let places = minor_digits(currency) as usize;
        let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || fraction.len() > places || digits.ends_with('.') {
            return None;
        }
        if !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        let padded = format!("{whole}{fraction:0<places$}");
        let minor: i64 = padded.parse().ok()?;
        (minor < 1 << 53).then(|| Self { minor: sign * minor, currency: currency.to_owned() })
    }

    /// Returns the plain decimal, such as `12000.00`, without the currency.
    pub fn decimal(&self) -> String {
        let places = minor_digits(&self.currency);
        if places == 0 {
            return self.minor.to_string();
        }
        let unit = 10_i64.pow(places);
        let sign = if self.minor < 0 { "-" } else { "" };
        let (whole, part) = (self.minor.abs() / unit, self.minor.abs() % unit);
        format!("{sign}{whole}.{part:0width$}", width = places as usize)
    }
}

/// The channels on which we write to or about a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Email,
    Sms,
    /// An HTTPS call to another program, about a contact.
    Webhook,
}

impl Channel {
    /// Returns the name used in files, columns and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
            Self::Webhook => "webhook",
        }
    }
}

/// A generator of ids, passed as an argument and seeded from outside, so that a decision repeated
/// with the same seed gives the same ids.
#[derive(Clone, Debug)]
pub struct Ids {
    now: Millis,
    state: u64,
}

impl Ids {
    /// Creates a generator with the time `now` and a `seed`, which must be random outside tests.
    pub fn new(now: Millis, seed: u64) -> Self {
        Self { now, state: seed }
    }

    /// Returns the next 64 bits of SplitMix64 (Steele, Lea, Flood 2014).
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns the next UUID version 7 (RFC 9562 section 5.7): 48 bits of time, 74 random bits.
    pub fn uuid(&mut self) -> String {
        let (high, low) = (self.next_u64(), self.next_u64());
        let ms = (self.now.0 as u64) & 0xffff_ffff_ffff;
        format!(
            "{:08x}-{:04x}-7{:03x}-{:04x}-{:012x}",
            ms >> 16,
            ms & 0xffff,
            high & 0xfff,
            0x8000 | ((high >> 12) & 0x3fff),
            low & 0xffff_ffff_ffff,
        )
    }
}

/// Returns when an id of `Ids` was made; `None` for any other text.
pub fn uuid_time(id: &str) -> Option<Millis> {
    let (high, low) = (id.get(..8)?, id.get(9..13)?);
    id.get(14..).filter(|rest| rest.starts_with('7'))?;
    i64::from_str_radix(&format!("{high}{low}"), 16).ok().map(Millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_round_trip() {
        for text in ["90s", "30m", "12h", "3d", "2w"] {
            assert_eq!(Span::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "3", "d", "-3d", "1.5h", "3 d", "3y", "99999999999999999w", "3天"] {
            assert_eq!(Span::parse(text), None, "{text}");
        }
    }

    #[test]
    fn money_is_exact() {
        assert_eq!(Money::parse("12000.00", "CNY").unwrap().minor, 1_200_000);
        assert_eq!(Money::parse("0.5", "USD").unwrap().decimal(), "0.50");
        assert_eq!(Money::parse("1200", "JPY").unwrap().decimal(), "1200");
        assert_eq!(Money::parse("-3.10", "EUR").unwrap().decimal(), "-3.10");
        for bad in ["", ".5", "1.", "1.005", "1,000", "1e3", "90071992547409.93"] {
            assert_eq!(Money::parse(bad, "CNY"), None, "{bad}");
        }
    }

    #[test]
    fn ids_are_uuid_v7_and_unique() {
        let mut ids = Ids::new(Millis(1_700_000_000_000), 7);
        let made: std::collections::BTreeSet<String> = (0..1_000).map(|_| ids.uuid()).collect();
        assert_eq!(made.len(), 1_000);
        assert!(made.iter().all(|id| id.len() == 36 && id.starts_with("018bcfe5-6800-7")));
        assert!(made.iter().all(|id| uuid_time(id) == Some(Millis(1_700_000_000_000))));
        assert_eq!(uuid_time("a contact, 7 of them"), None);
    }
}
