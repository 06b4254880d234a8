//! Unpublished campaigns: which of their work has ended, and what unpublishing stops.

use crate::domain::base::primitives::{CampaignId, Millis};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A campaign that is unpublished, or was so before its live version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unpublished {
    pub campaign: CampaignId,
    /// When it was last unpublished. Contacts that were in its journeys at that time leave them.
    pub since: Millis,
    /// The newest version, which its links and figures still use; `None` once the campaign is
    /// published again.
    pub version: Option<u32>,
    /// The paths of the pages that it had.
    pub paths: Vec<String>,
}

/// The reason recorded when contacts leave the journeys of an unpublished campaign, and when its
/// messages are not sent.
pub const UNPUBLISHED: &str = "unpublished";

impl Unpublished {
    /// Returns whether something that began or was decided at that time, for one of these
    /// campaigns, has ended.
    pub fn ends(all: &[Self], campaign: &CampaignId, begun: Millis) -> bool {
        let mut own = all.iter().filter(|one| one.campaign == *campaign);
        own.any(|one| one.version.is_some() || begun <= one.since)
    }
}

/// What unpublishing a campaign stops, or has stopped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stops {
    pub campaign: CampaignId,
    /// Since when it is unpublished; `None` if it is live.
    pub unpublished_at: Option<Millis>,
    /// The number of contacts in its journeys, each counted once.
    pub people: i64,
    /// The number of contacts in each journey.
    pub journeys: BTreeMap<String, i64>,
    /// Its running and paused broadcasts, which are cancelled.
    pub cancelled: Vec<String>,
    /// Broadcasts with an automatic start: they do not start unless the campaign is published again
    /// in time.
    pub not_started: Vec<String>,
    /// The number of its waiting messages, which will not be sent.
    #[serde(default)]
    pub messages: i64,
}
