//! The brake: when what recipients say of a campaign is bad enough to stop it.

use crate::domain::base::primitives::{CampaignId, Millis};
use crate::domain::pacing::Limits;
use serde::{Deserialize, Serialize};

/// So few complaints or bounces are taken for chance, whatever their share.
const CHANCE: i64 = 2;

/// Characters of the note of whoever releases a campaign.
pub const NOTE_CHARS_MAX: usize = 300;

/// How many UTC days are judged, today among them.
pub const DAYS: i64 = 7;

/// What became of a campaign's e-mails in the days that count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Accepted by the provider.
    pub sent: i64,
    /// Hard bounces, and refusals for the sender's sake.
    pub bounced: i64,
    /// Complaints.
    pub complained: i64,
}

/// How a campaign's brake stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseState {
    /// More complaints than is good.
    Warned,
    /// Its marketing messages wait until an operator releases it.
    Stopped,
    /// An operator let it go on.
    Released,
    /// It was warned, and is well again.
    Well,
}

impl PauseState {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warned => "warned",
            Self::Stopped => "stopped",
            Self::Released => "released",
            Self::Well => "well",
        }
    }
}

/// A word on a campaign's brake; the last one counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseEvent {
    /// The campaign.
    pub campaign: CampaignId,
    /// Its number among those about the campaign, from 1.
    pub n: i64,
    /// When it was said.
    pub at: Millis,
    /// How the brake stands since.
    pub state: PauseState,
    /// `complaints` or `bounces`; empty unless warned or stopped.
    pub reason: String,
    /// The tally judged; of a release, that of its UTC day until then.
    #[serde(flatten)]
    pub tally: Tally,
    /// Of whoever released it.
    pub note: String,
}

impl PauseEvent {
    /// What is to be said of a campaign with this tally, after the last word; `None` if nothing is
    /// new. One that is stopped stays so: only an operator releases it.
    pub fn after(
        last: Option<&Self>,
        campaign: &CampaignId,
        tally: Tally,
        limits: &Limits,
        now: Millis,
    ) -> Option<Self> {
        let before = last.map_or(PauseState::Well, |word| word.state);
        let (state, reason) = match tally.judge(limits) {
            Judgement::Complaints => (PauseState::Stopped, "complaints"),
            Judgement::Bounces => (PauseState::Stopped, "bounces"),
            Judgement::Warn => (PauseState::Warned, "complaints"),
            Judgement::Well if before == PauseState::Warned => (PauseState::Well, ""),
            Judgement::Well => return None,
        };
        (before != PauseState::Stopped && before != state).then(|| Self {
            campaign: campaign.clone(),
            n: last.map_or(0, |word| word.n) + 1,
            at: now,
            state,
            reason: reason.to_owned(),
            tally,
            note: String::new(),
        })
    }
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

impl Tally {
    /// The plain shares against the limits: bounces of what was sent, complaints of what was sent
    /// and did not bounce. Nothing is estimated; a few cases are no share (`CHANCE`, `least`).
    pub fn judge(&self, limits: &Limits) -> Judgement {
        if self.sent < i64::from(limits.least) {
            return Judgement::Well;
        }
        let passes = |cases: i64, of: i64, percent: f64| {
            cases > CHANCE && cases as f64 * 100.0 > percent * of as f64
        };
        let arrived = self.sent - self.bounced;
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

    #[test]
    fn a_stopped_campaign_says_nothing_more_until_it_is_released() {
        let campaign = CampaignId::from("c");
        let bad = Tally { sent: 1_000, bounced: 0, complained: 10 };
        let (poor, good) = (Tally { complained: 3, ..bad }, Tally { complained: 0, ..bad });
        let mut last = None;
        let mut told = Vec::new();
        for tally in [good, poor, poor, good, good, poor, bad, bad, good, poor] {
            let said =
                PauseEvent::after(last.as_ref(), &campaign, tally, &Limits::default(), Millis(0));
            told.push(said.as_ref().map_or("-", |word| word.state.as_str()));
            last = said.or(last);
        }
        let expected = ["-", "warned", "-", "well", "-", "warned", "stopped", "-", "-", "-"];
        assert_eq!(told, expected);
        last = last.map(|word| PauseEvent { state: PauseState::Released, ..word });
        let again = PauseEvent::after(last.as_ref(), &campaign, bad, &Limits::default(), Millis(0));
        assert_eq!(again.map(|word| word.state), Some(PauseState::Stopped));
    }
}
