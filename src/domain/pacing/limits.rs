//! From when on a campaign is stopped.

use serde::{Deserialize, Serialize};

/// From when on a campaign is stopped. Shares are in percent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// The share of complaints that is warned of. Google asks to stay below 0.1 %.
    pub complaints_warn: f64,
    /// The share of complaints that stops a campaign. Google: never 0.3 % or more
    /// (support.google.com/mail/answer/81126).
    pub complaints: f64,
    /// The share that stops it of hard bounces, and of refusals for the sender's sake. Amazon SES
    /// reviews an account from 5 % of bounces on.
    pub bounces: f64,
    /// Below so many e-mails sent nothing is judged.
    pub least: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { complaints_warn: 0.1, complaints: 0.3, bounces: 5.0, least: 100 }
    }
}

impl Limits {
    /// What is wrong with them.
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
