//! The brake: when what recipients say of a campaign is bad enough to stop it.

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
    /// The share of hard bounces that stops it. Amazon SES reviews an account from 5 % on.
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

/// So few complaints or bounces are taken for chance, whatever their share.
const CHANCE: u64 = 2;

/// What became of a campaign's e-mails in the days that count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Accepted by the provider.
    pub sent: u64,
    /// Hard bounces.
    pub bounced: u64,
    /// Complaints.
    pub complained: u64,
}

/// What follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Nothing.
    Well,
    /// People complain more than is good.
    Warn,
    /// It is stopped over complaints.
    Complaints,
    /// It is stopped over bounces.
    Bounces,
}

impl Judgement {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Well => "well",
            Self::Warn => "warn",
            Self::Complaints => "complaints",
            Self::Bounces => "bounces",
        }
    }
}

impl Tally {
    /// The plain shares against the limits: bounces of what was sent, complaints of what was sent
    /// and did not bounce. Nothing is estimated; a few cases are no share (`CHANCE`, `least`).
    pub fn judge(&self, limits: &Limits) -> Judgement {
        if self.sent < u64::from(limits.least) {
            return Judgement::Well;
        }
        let passes = |cases: u64, of: u64, percent: f64| {
            cases > CHANCE && cases as f64 * 100.0 > percent * of as f64
        };
        let arrived = self.sent.saturating_sub(self.bounced);
        if passes(self.complained, arrived, limits.complaints) {
            Judgement::Complaints
        } else if passes(self.bounced, self.sent, limits.bounces) {
            Judgement::Bounces
        } else if passes(self.complained, arrived, limits.complaints_warn) {
            Judgement::Warn
        } else {
            Judgement::Well
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_campaign_is_stopped_over_a_share_and_not_over_a_handful() {
        let check = |sent, bounced, complained, expected| {
            let tally = Tally { sent, bounced, complained };
            assert_eq!(tally.judge(&Limits::default()), expected, "{tally:?}");
        };
        check(3, 0, 1, Judgement::Well);
        check(100, 0, 2, Judgement::Well);
        check(100, 0, 3, Judgement::Complaints);
        check(1_000, 0, 3, Judgement::Warn);
        check(1_000, 0, 4, Judgement::Complaints);
        check(10_000, 0, 10, Judgement::Well);
        check(10_000, 0, 11, Judgement::Warn);
        check(10_000, 0, 30, Judgement::Warn);
        check(10_000, 0, 31, Judgement::Complaints);
        check(1_000, 50, 0, Judgement::Well);
        check(1_000, 51, 0, Judgement::Bounces);
        check(99, 99, 0, Judgement::Well);
        // Complaints are a share of what arrived.
        check(10_000, 400, 29, Judgement::Complaints);
    }
}
