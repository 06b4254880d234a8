//! Rate limits of providers, and the warm-up of new domains.

use super::span;
use crate::domain::base::primitives::{Millis, Span};
use crate::domain::contact::address::read_sender;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// A rate limit: the most calls within a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    pub calls: u32,
    #[serde(deserialize_with = "span")]
    pub per: Span,
}

impl Rate {
    /// Returns the time between two calls in whole milliseconds, rounded up so that the rate is
    /// never exceeded.
    pub fn gap(&self) -> Span {
        let calls = i64::from(self.calls.max(1));
        Span((self.per.0 + calls - 1) / calls)
    }

    /// Returns what is wrong with it, and how to fix it.
    pub fn wrong(&self) -> Option<String> {
        if self.calls == 0 {
            return Some("with no calls at all nothing is ever sent: give 1 or more".to_owned());
        }
        (self.per < Span::seconds(1) || self.per > Span::days(1))
            .then(|| "give `per` as a span between 1s and 1d".to_owned())
    }
}

/// The daily limits of a new domain. They either start with a number that grows by a factor each
/// day, or are listed day by day, with no limit after the last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WarmUp {
    /// The first day, `YYYY-MM-DD`, UTC. Earlier days have the limit of the first day.
    pub start: String,
    /// The limit of the first day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_day: Option<u32>,
    /// The daily growth factor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub growth: Option<f64>,
    /// The limit of each day.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<u32>,
}

/// The daily limit at which a domain is no longer treated as new.
const WARM: f64 = 1_000_000.0;

impl WarmUp {
    /// Returns the limit for the UTC day of `now`; `None` if there is none.
    pub fn limit(&self, now: Millis) -> Option<u32> {
        let start: Date = self.start.parse().ok()?;
        let today: Date = now.utc_day().parse().ok()?;
        let day = i64::from(start.until(today).ok()?.get_days()).max(0);
        if let Some(first) = self.first_day {
            let today = f64::from(first) * self.growth.unwrap_or(1.0).powf(day as f64);
            return (today < WARM).then_some(today as u32);
        }
        self.days.get(usize::try_from(day).ok()?).copied()
    }

    /// Returns what is wrong with it: the key, and how to fix it.
    pub fn wrong(&self) -> Option<(&'static str, String)> {
        if self.start.parse::<Date>().is_err() {
            return Some(("start", "give a day such as 2026-03-01".to_owned()));
        }
        let grows = self.growth.is_none_or(|growth| (1.0..=10.0).contains(&growth));
        let wrong = match (self.first_day, self.growth) {
            (Some(_), _) if !self.days.is_empty() => {
                ("days", "give either `days`, or `first_day` and `growth`")
            }
            (None, None) if self.days.is_empty() => {
                ("first_day", "give `first_day` and `growth`, or `days` as a list of numbers")
            }
            (None, None) if self.days.contains(&0) => {
                ("days", "a day without any message warms nothing up: give 1 or more")
            }
            (None, None) => return None,
            (None, Some(_)) => ("first_day", "give how many messages leave on the first day"),
            (Some(0), _) => ("first_day", "0 never grows: give 1 or more"),
            (Some(_), None) => ("growth", "give how many times more leave each day, such as 1.5"),
            (Some(_), Some(_)) if !grows => {
                ("growth", "below 1 it shrinks and never ends; give a number from 1 to 10")
            }
            (Some(_), Some(_)) => return None,
        };
        Some((wrong.0, wrong.1.to_owned()))
    }
}

/// Returns the domain of a sender (`Name <address>` or a bare address) in normal form.
pub fn domain_of(sender: &str) -> String {
    let read = read_sender(sender).unwrap_or_else(|_| sender.trim().to_ascii_lowercase());
    let address = read.trim_end_matches('>');
    address.rsplit_once('@').map_or(address, |(_, domain)| domain).to_owned()
}
