//! Work that fails by itself: a filling, a waking or a broadcast whose statements the database
//! refuses. It alone stops, is tried again after longer and longer waits, and is shown until it
//! succeeds.

use crate::domain::base::primitives::{CampaignId, Millis, QualifiedId};
use serde::{Deserialize, Serialize};

/// What kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailingKind {
    /// Members of a segment are looked for, or people for a journey that begins by time.
    Filling,
    /// The people inside a journey are moved to a new version.
    Waking,
    /// A broadcast moves on.
    Broadcast,
}

impl FailingKind {
    /// Its name in the database and in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Filling => "filling",
            Self::Waking => "waking",
            Self::Broadcast => "broadcast",
        }
    }
}

/// One piece of work that fails.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failing {
    /// What kind of work it is.
    pub kind: FailingKind,
    /// The segment, journey or broadcast.
    pub id: QualifiedId,
    /// Whose it is.
    pub campaign_id: CampaignId,
    /// What the database said the last time.
    pub reason: String,
    /// When it first failed.
    pub since: Millis,
    /// How often it has failed in a row.
    pub attempts: u32,
    /// When it is tried again.
    pub retry_at: Millis,
}
