//! Campaigns that are taken off the web again: what of them is over, and what that stops.

use crate::domain::base::primitives::{CampaignId, Millis};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A campaign that is unpublished, or was before its live version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unpublished {
    /// The campaign.
    pub campaign: CampaignId,
    /// When it was unpublished last. Contacts in its journeys by then leave them.
    pub since: Millis,
    /// The newest version, by which its links and figures still go; `None` once it is published
    /// again.
    pub version: Option<u32>,
    /// The paths of the pages that it had.
    pub paths: Vec<String>,
}

/// Why people have left the journeys of an unpublished campaign, and why its messages do not leave.
pub const UNPUBLISHED: &str = "unpublished";

impl Unpublished {
    /// Whether something that was begun or decided then, for one of these campaigns, is over.
    pub fn ends(all: &[Self], campaign: &CampaignId, begun: Millis) -> bool {
        let mut own = all.iter().filter(|one| one.campaign == *campaign);
        own.any(|one| one.version.is_some() || begun <= one.since)
    }
}

/// What unpublishing a campaign stops, or has stopped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stops {
    /// The campaign.
    pub campaign: CampaignId,
    /// Since when it is unpublished; nothing, if it is live.
    pub unpublished_at: Option<Millis>,
    /// How many people are in its journeys, each counted once.
    pub people: i64,
    /// How many are in each.
    pub journeys: BTreeMap<String, i64>,
    /// Its broadcasts that are running or paused: they are cancelled.
    pub cancelled: Vec<String>,
    /// Those that would start by themselves: they do not, unless it is published again in time.
    pub not_started: Vec<String>,
    /// How many of its messages wait to be sent: they are not.
    #[serde(default)]
    pub messages: i64,
}
