//! Published versions: immutable, numbered, one of them live.

use super::statement::{Statement, Value};
use crate::domain::base::primitives::KindId;
use crate::domain::base::primitives::{CampaignId, Millis};
use crate::domain::campaign::journey::JourneyStatus;
use crate::domain::publication::catalog::{Outage, PublishedVersion, Unreadable};
use crate::domain::publication::unpublished::Unpublished;
use serde::{Deserialize, Serialize};

/// Selects the live version of every campaign.
pub fn live() -> Statement {
    Statement::new(
        "SELECT v.campaign_id, v.version, v.hash, v.compiled, v.published_at
           FROM campaigns c
           JOIN campaign_versions v ON v.campaign_id = c.id AND v.version = c.live_version",
        Vec::new(),
    )
}

/// Selects these versions, bound as `[[campaign, version], …]`.
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
    pub campaign_id: CampaignId,
    pub version: u32,
    /// SHA-256 of the content, in hexadecimal.
    pub hash: String,
    /// The content, as JSON.
    pub compiled: String,
    pub published_at: Millis,
}

impl VersionRow {
    /// Returns the version, if it can be read.
    pub fn version(&self) -> Result<PublishedVersion, Unreadable> {
        PublishedVersion::read(&self.campaign_id, self.version, self.published_at, &self.compiled)
    }
}

/// Inserts the next version of a campaign and returns its number, `version`. Inserts and returns
/// nothing if the live one has the same content and is `readable`.
pub fn insert_version(
    campaign: &CampaignId,
    hash: &str,
    compiled: &str,
    readable: bool,
    now: Millis,
) -> Statement {
    Statement::new(
        "INSERT INTO campaign_versions (campaign_id, version, hash, compiled, published_at)
         SELECT ?1, coalesce(max(version), 0) + 1, ?2, ?3, ?4
           FROM campaign_versions WHERE campaign_id = ?1
         HAVING NOT EXISTS (SELECT 1 FROM campaigns c
                              JOIN campaign_versions v
                                ON v.campaign_id = c.id AND v.version = c.live_version
                             WHERE c.id = ?1 AND v.hash = ?2 AND ?5 = 1)
      RETURNING version",
        vec![
            Value::text(campaign.as_str()),
            Value::text(hash),
            Value::text(compiled),
            Value::Int(now.0),
            Value::Int(readable.into()),
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

/// Selects the number of the live version: one row, `version`.
pub fn live_version(campaign: &CampaignId) -> Statement {
    Statement::new(
        "SELECT live_version AS version FROM campaigns WHERE id = ?1",
        vec![Value::text(campaign.as_str())],
    )
}

/// A row of `insert_version` or `live_version`.
#[derive(Debug, Deserialize)]
pub struct NumberRow {
    pub version: u32,
}

/// Selects which version of each campaign and of each kind of record is live, ordered by id; rows
/// are `LiveItem`.
pub fn live_versions() -> Statement {
    Statement::new(
        "SELECT v.campaign_id AS id, v.version, v.published_at, false AS is_kind FROM campaigns c
           JOIN campaign_versions v ON v.campaign_id = c.id AND v.version = c.live_version
         UNION ALL
         SELECT v.kind, v.version, v.published_at, true FROM kinds k
           JOIN kind_versions v ON v.kind = k.id AND v.version = k.live_version
          ORDER BY 4, 1",
        Vec::new(),
    )
}

/// A row of `live_versions`.
#[derive(Deserialize)]
pub struct LiveItem {
    id: String,
    version: u32,
    published_at: Millis,
    is_kind: u8,
}

/// Separates the campaigns from the kinds.
pub fn sorted(items: Vec<LiveItem>) -> (Vec<LiveRow>, Vec<LiveKind>) {
    let (kinds, campaigns): (Vec<_>, Vec<_>) = items.into_iter().partition(|one| one.is_kind == 1);
    let campaign = |LiveItem { id, version, published_at, .. }| LiveRow {
        campaign: CampaignId(id),
        version,
        published_at,
        journeys: Vec::new(),
        outages: Vec::new(),
    };
    let kind = |LiveItem { id, version, .. }| LiveKind { kind: KindId(id), version };
    (campaigns.into_iter().map(campaign).collect(), kinds.into_iter().map(kind).collect())
}

/// Which version of a kind of record is live.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LiveKind {
    pub kind: KindId,
    pub version: u32,
}

/// Unpublishes a campaign: none of its versions is live any more, and the paths of its pages are
/// recorded. Repeating it changes nothing, not even the time.
pub fn unpublish(campaign: &CampaignId, now: Millis) -> Statement {
    Statement::new(
        // The version may be one that cannot be read.
        "UPDATE campaigns SET live_version = 0, unpublished_at = ?2, unpublished_paths =
                (SELECT json_group_array(page.value ->> '$.path') FROM campaign_versions v,
                        json_each(iif(json_valid(v.compiled), v.compiled, '{}'),
                                  '$.campaign.pages') page
                  WHERE v.campaign_id = campaigns.id AND v.version = campaigns.live_version
                    AND page.value ->> '$.path' IS NOT NULL)
          WHERE id = ?1 AND live_version > 0",
        vec![Value::text(campaign.as_str()), Value::Int(now.0)],
    )
}

/// Selects a campaign that was ever published: one row, `CampaignRow`.
pub fn one(campaign: &CampaignId) -> Statement {
    Statement::new(
        "SELECT live_version AS version, unpublished_at FROM campaigns WHERE id = ?1",
        vec![Value::text(campaign.as_str())],
    )
}

/// A row of `one`.
#[derive(Debug, Deserialize)]
pub struct CampaignRow {
    /// The live version; 0 while it is unpublished.
    pub version: u32,
    /// When it was last unpublished.
    pub unpublished_at: Option<Millis>,
}

impl CampaignRow {
    /// Returns since when the campaign is unpublished, if it is.
    pub fn unpublished_since(&self) -> Option<Millis> {
        self.unpublished_at.filter(|_| self.version == 0)
    }
}

/// Selects the ids of all campaigns that were ever published, in order: rows are `IdRow`.
pub fn ids() -> Statement {
    Statement::new("SELECT id FROM campaigns ORDER BY id", Vec::new())
}

/// A row of `ids`.
#[derive(Debug, Deserialize)]
pub struct IdRow {
    pub id: CampaignId,
}

/// Selects the campaigns that were ever unpublished, ordered by campaign; rows are
/// `UnpublishedRow`.
pub fn unpublished() -> Statement {
    Statement::new(
        "SELECT id AS campaign, unpublished_at AS since, unpublished_paths AS paths,
                CASE WHEN live_version = 0 THEN
                     (SELECT max(version) FROM campaign_versions WHERE campaign_id = c.id) END
                AS version
           FROM campaigns c WHERE unpublished_at IS NOT NULL ORDER BY id",
        Vec::new(),
    )
}

/// A row of `unpublished`.
#[derive(Debug, Deserialize)]
pub struct UnpublishedRow {
    campaign: CampaignId,
    since: Millis,
    version: Option<u32>,
    paths: String,
}

impl From<UnpublishedRow> for Unpublished {
    fn from(row: UnpublishedRow) -> Self {
        let UnpublishedRow { campaign, since, version, paths } = row;
        // The former paths are not needed once the campaign is published again.
        let paths = version.map(|_| serde_json::from_str(&paths).unwrap_or_default());
        Self { campaign, since, version, paths: paths.unwrap_or_default() }
    }
}

/// The content of the list of live versions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    pub live: Vec<LiveRow>,
    /// The campaigns that were ever unpublished; lists written by older code have none.
    #[serde(default)]
    pub unpublished: Vec<Unpublished>,
    /// The kinds of records that were published.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<LiveKind>,
}

/// Which version of a campaign is live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveRow {
    pub campaign: CampaignId,
    /// The live version's number.
    pub version: u32,
    pub published_at: Millis,
    /// The states of its journeys that were ever paused or archived; not among the columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub journeys: Vec<JourneyStatus>,
    /// The recent outages of its versions that are over; not among the columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outages: Vec<Outage>,
}
