//! The limits of auto-pause.

use serde::{Deserialize, Serialize};

/// The limits at which a campaign is auto-paused. Rates are in percent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// The complaint rate that causes a warning. Google asks to stay below 0.1 %.
    pub complaints_warn: f64,
    /// The complaint rate that pauses a campaign. Google: never 0.3 % or more
    /// (support.google.com/mail/answer/81126).
    pub complaints: f64,
    /// The rate that pauses a campaign, for hard bounces and for refusals because of the sender.
    /// Amazon SES reviews an account from a bounce rate of 5 %.
    pub bounces: f64,
    /// The number of sent e-mails below which the rates are not evaluated.
    #[serde(rename = "least")]
    pub min_sent: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { complaints_warn: 0.1, complaints: 0.3, bounces: 5.0, min_sent: 100 }
    }
}

impl Limits {
    /// Returns what is wrong with them.
    pub fn wrong(&self) -> Option<String> {
        let is_share = |share: f64| share > 0.0 && share <= 100.0;
        let all = [self.complaints_warn, self.complaints, self.bounces];
        if !all.into_iter().all(is_share) {
            return Some("give shares in percent, above 0 and at most 100".to_owned());
        }
        (self.complaints_warn > self.complaints)
            .then(|| "`complaints_warn` is above `complaints`: nobody would be warned".to_owned())
    }
}
