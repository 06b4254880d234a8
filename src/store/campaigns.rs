//! Published versions: immutable, numbered, one of them live.

use super::statement::{Statement, Value};
use crate::domain::campaign::Compiled;
use crate::domain::journey::JourneyStatus;
use crate::domain::primitives::{CampaignId, Millis};
use serde::{Deserialize, Serialize};

/// The live version of every campaign.
pub fn live() -> Statement {
    Statement::new(
        "SELECT v.campaign_id, v.version, v.hash, v.compiled, v.published_at
           FROM campaigns c
           JOIN campaign_versions v ON v.campaign_id = c.id AND v.version = c.live_version",
        Vec::new(),
    )
}

/// These versions, asked for as `[[campaign, version], …]`.
pub fn versions(wanted: &[(CampaignId, u32)]) -> Statement {
    Statement::new(
        "SELECT campaign_id, version, hash, compiled, published_at FROM campaign_versions
          WHERE (campaign_id, version) IN
                (SELECT value ->> '$[0]', value ->> '$[1]' FROM json_each(?1))",
        vec![Value::json(wanted)],
    )
}

/// A row of `live` or `versions`.
#[derive(Debug, Deserialize)]
pub struct VersionRow {
    /// The campaign.
    pub campaign_id: CampaignId,
    /// Its version.
    pub version: u32,
    /// SHA-256 of the content, in hexadecimal.
    pub hash: String,
    /// The content.
    #[serde(deserialize_with = "super::contacts::json_text")]
    pub compiled: Compiled,
    /// When it was published.
    pub published_at: Millis,
}

/// Adds the next version of a campaign and returns its number, `version`; nothing, and no row, if
/// the live one has the same content.
pub fn insert_version(campaign: &CampaignId, hash: &str, compiled: &str, now: Millis) -> Statement {
    Statement::new(
        "INSERT INTO campaign_versions (campaign_id, version, hash, compiled, published_at)
         SELECT ?1, coalesce(max(version), 0) + 1, ?2, ?3, ?4
           FROM campaign_versions WHERE campaign_id = ?1
         HAVING NOT EXISTS (SELECT 1 FROM campaigns c
                              JOIN campaign_versions v
                                ON v.campaign_id = c.id AND v.version = c.live_version
                             WHERE c.id = ?1 AND v.hash = ?2)
      RETURNING version",
        vec![
            Value::text(campaign.as_str()),
            Value::text(hash),
            Value::text(compiled),
            Value::Int(now.0),
        ],
    )
}

/// Makes the newest version of a campaign the live one.
pub fn make_newest_live(campaign: &CampaignId) -> Statement {
    Statement::new(
        "INSERT INTO campaigns (id, live_version)
         SELECT ?1, max(version) FROM campaign_versions WHERE campaign_id = ?1
             ON CONFLICT (id) DO UPDATE SET live_version = excluded.live_version",
        vec![Value::text(campaign.as_str())],
    )
}

/// The number of the live version: one row, `version`.
pub fn live_version(campaign: &CampaignId) -> Statement {
    Statement::new(
        "SELECT live_version AS version FROM campaigns WHERE id = ?1",
        vec![Value::text(campaign.as_str())],
    )
}

/// A row of `insert_version` or `live_version`.
#[derive(Debug, Deserialize)]
pub struct NumberRow {
    /// The number.
    pub version: u32,
}

/// Which version of each campaign is live, by campaign.
pub fn live_versions() -> Statement {
    Statement::new(
        "SELECT v.campaign_id AS campaign, v.version, v.published_at FROM campaigns c
           JOIN campaign_versions v ON v.campaign_id = c.id AND v.version = c.live_version
          ORDER BY c.id",
        Vec::new(),
    )
}

/// A row of `live_versions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveRow {
    /// The campaign.
    pub campaign: CampaignId,
    /// The live version's number.
    pub version: u32,
    /// When it was published.
    pub published_at: Millis,
    /// The last word on its journeys that were ever paused or archived; not among the columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub journeys: Vec<JourneyStatus>,
}
