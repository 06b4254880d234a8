//! Failing work: a segment backfill, a wake-up of a journey's contacts or a broadcast whose
//! statements the database refuses. Only this work stops. It is retried with increasing delays, and
//! shown until it succeeds.

use crate::domain::base::primitives::{CampaignId, Millis, QualifiedId};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailingKind {
    /// The backfill of a segment, or the search for contacts that enter a journey by time.
    Filling,
    /// The wake-up of the contacts in a journey, which moves them to a new version.
    Waking,
    /// The next part of a broadcast.
    Broadcast,
}

impl FailingKind {
    /// Returns the name used in the database and in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Filling => "filling",
            Self::Waking => "waking",
            Self::Broadcast => "broadcast",
        }
    }
}

/// A piece of work that fails.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failing {
    pub kind: FailingKind,
    /// The segment, journey or broadcast.
    pub id: QualifiedId,
    pub campaign_id: CampaignId,
    /// The database's last error.
    pub reason: String,
    /// When it first failed.
    pub since: Millis,
    /// The number of consecutive failures.
    pub attempts: u32,
    /// When it is retried.
    pub retry_at: Millis,
}
