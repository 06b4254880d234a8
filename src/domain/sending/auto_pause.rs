//! Auto-pause: stops a campaign with too many complaints or bounces.

use crate::domain::base::primitives::{CampaignId, Millis};
use crate::domain::pacing::Limits;
use serde::{Deserialize, Serialize};

/// Up to this many complaints or bounces are taken for chance, whatever their share.
const CHANCE_CASES_MAX: i64 = 2;

/// The most characters of the note with which an operator releases a campaign.
pub const NOTE_CHARS_MAX: usize = 300;

/// The number of UTC days that are evaluated, including today.
pub const DAYS: i64 = 7;

/// What became of a campaign's e-mails in the evaluated days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Accepted by the provider.
    pub sent: i64,
    /// Hard bounces, and refusals because of the sender.
    pub bounced: i64,
    pub complained: i64,
}

/// The auto-pause state of a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseState {
    /// It has too many complaints, but not enough to stop it.
    Warned,
    /// Its marketing messages wait until an operator releases it.
    Stopped,
    /// An operator released it.
    Released,
    /// It was warned, and has recovered.
    #[serde(rename = "well")]
    Healthy,
}

impl PauseState {
    /// Returns the name used in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warned => "warned",
            Self::Stopped => "stopped",
            Self::Released => "released",
            Self::Healthy => "well",
        }
    }
}

/// A change of a campaign's auto-pause state; the newest counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseEvent {
    pub campaign: CampaignId,
    /// The number of this change for the campaign, from 1.
    pub n: i64,
    pub at: Millis,
    /// The new state.
    pub state: PauseState,
    /// `complaints` or `bounces`; empty unless warned or stopped.
    pub reason: String,
    /// The evaluated tally; for a release, that of its UTC day until then.
    #[serde(flatten)]
    pub tally: Tally,
    /// The note of the operator who released it.
    pub note: String,
}

impl PauseEvent {
    /// Returns the change that follows for a campaign with this tally, after the last one; `None`
    /// if nothing changes. A stopped campaign stays so until an operator releases it.
    pub fn after(
        last: Option<&Self>,
        campaign: &CampaignId,
        tally: Tally,
        limits: &Limits,
        now: Millis,
    ) -> Option<Self> {
        let before = last.map_or(PauseState::Healthy, |event| event.state);
        let (state, reason) = match tally.evaluate(limits) {
            TallyResult::Complaints => (PauseState::Stopped, "complaints"),
            TallyResult::Bounces => (PauseState::Stopped, "bounces"),
            TallyResult::Warn => (PauseState::Warned, "complaints"),
            TallyResult::Healthy if before == PauseState::Warned => (PauseState::Healthy, ""),
            TallyResult::Healthy => return None,
        };
        (before != PauseState::Stopped && before != state).then(|| Self {
            campaign: campaign.clone(),
            n: last.map_or(0, |event| event.n) + 1,
            at: now,
            state,
            reason: reason.to_owned(),
            tally,
            note: String::new(),
        })
    }
}

/// What follows from a tally.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TallyResult {
    Healthy,
    /// Complaints are above the warning limit.
    Warn,
    /// Complaints are above the limit: stop.
    Complaints,
    /// Bounces are above the limit: stop.
    Bounces,
}

impl Tally {
    /// Compares plain shares with the limits: bounces among sent messages, and complaints among
    /// those that were sent and did not bounce. Nothing is estimated, and a few cases do not make a
    /// share (`CHANCE_CASES_MAX`, `min_sent`).
    pub fn evaluate(&self, limits: &Limits) -> TallyResult {
        if self.sent < i64::from(limits.min_sent) {
            return TallyResult::Healthy;
        }
        let passes = |cases: i64, of: i64, percent: f64| {
            cases > CHANCE_CASES_MAX && cases as f64 * 100.0 > percent * of as f64
        };
        let arrived = self.sent - self.bounced;
        if passes(self.complained, arrived, limits.complaints) {
            TallyResult::Complaints
        } else if passes(self.bounced, self.sent, limits.bounces) {
            TallyResult::Bounces
        } else if passes(self.complained, arrived, limits.complaints_warn) {
            TallyResult::Warn
        } else {
            TallyResult::Healthy
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_pause_needs_a_share_and_a_minimum() {
        let check = |sent, bounced, complained, expected| {
            let tally = Tally { sent, bounced, complained };
            assert_eq!(tally.evaluate(&Limits::default()), expected, "{tally:?}");
        };
        check(3, 0, 1, TallyResult::Healthy);
        check(100, 0, 2, TallyResult::Healthy);
        check(100, 0, 3, TallyResult::Complaints);
        check(1_000, 0, 3, TallyResult::Warn);
        check(1_000, 0, 4, TallyResult::Complaints);
        check(10_000, 0, 10, TallyResult::Healthy);
        check(10_000, 0, 11, TallyResult::Warn);
        check(10_000, 0, 30, TallyResult::Warn);
        check(10_000, 0, 31, TallyResult::Complaints);
        check(1_000, 50, 0, TallyResult::Healthy);
        check(1_000, 51, 0, TallyResult::Bounces);
        check(99, 99, 0, TallyResult::Healthy);
        // Complaints are a share of the messages that did not bounce.
        check(10_000, 400, 29, TallyResult::Complaints);
    }

    #[test]
    fn paused_campaign_logs_nothing_until_released() {
        let campaign = CampaignId::from("c");
        let bad = Tally { sent: 1_000, bounced: 0, complained: 10 };
        let (poor, good) = (Tally { complained: 3, ..bad }, Tally { complained: 0, ..bad });
        let mut last = None;
        let mut states = Vec::new();
        for tally in [good, poor, poor, good, good, poor, bad, bad, good, poor] {
            let next =
                PauseEvent::after(last.as_ref(), &campaign, tally, &Limits::default(), Millis(0));
            states.push(next.as_ref().map_or("-", |event| event.state.as_str()));
            last = next.or(last);
        }
        let expected = ["-", "warned", "-", "well", "-", "warned", "stopped", "-", "-", "-"];
        assert_eq!(states, expected);
        last = last.map(|event| PauseEvent { state: PauseState::Released, ..event });
        let again = PauseEvent::after(last.as_ref(), &campaign, bad, &Limits::default(), Millis(0));
        assert_eq!(again.map(|event| event.state), Some(PauseState::Stopped));
    }
}
