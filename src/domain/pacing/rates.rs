//! Rates: how fast a sender may be called, and how much a new domain sends in a day.

use super::span;
use crate::domain::base::primitives::{Millis, Span};
use crate::domain::contact::address::read_sender;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// So many calls in so long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// How many.
    pub calls: u32,
    /// In how long.
    #[serde(deserialize_with = "span")]
    pub per: Span,
}

impl Rate {
    /// The time from one call to the next, in whole milliseconds: rather slower than too fast.
    pub fn gap(&self) -> Span {
        let calls = i64::from(self.calls.max(1));
        Span((self.per.0 + calls - 1) / calls)
    }

    /// What is wrong with it, and what to do.
    pub fn wrong(&self) -> Option<String> {
        if self.calls == 0 {
            return Some("with no calls at all nothing is ever sent: give 1 or more".to_owned());
        }
        (self.per < Span::seconds(1) || self.per > Span::days(1))
            .then(|| "give `per` as a span between 1s and 1d".to_owned())
    }
}

/// How many messages a day leave from a new domain: so many on the first day and so many times more
/// on each day after; or day by day, and without limit after the last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WarmUp {
    /// The first day, `YYYY-MM-DD`, UTC. Before it, as on it.
    pub start: String,
    /// How many on the first day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_day: Option<u32>,
    /// How many times more each day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub growth: Option<f64>,
    /// How many on each day.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<u32>,
}

/// From so many messages a day on, a domain is no longer taken for new.
const WARM: f64 = 1_000_000.0;

impl WarmUp {
    /// How many messages may leave on the UTC day of `now`; `None` if as many as there are.
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

    /// What is wrong with it: the key, and what to do.
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

/// The domain of a sender, `Name <address>` or a bare address, in its one form.
pub fn domain_of(sender: &str) -> String {
    let read = read_sender(sender).unwrap_or_else(|_| sender.trim().to_ascii_lowercase());
    let address = read.trim_end_matches('>');
    address.rsplit_once('@').map_or(address, |(_, domain)| domain).to_owned()
}
