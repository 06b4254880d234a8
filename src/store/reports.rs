//! Counters: what reports are made of, and how first visits move them.

use super::statement::{Statement, Value};
use crate::domain::base::primitives::{CampaignId, Millis};
use crate::domain::contact::enrollment::EnrollmentState;
use serde::{Deserialize, Serialize};

/// A visit to a page, as it came through the intake queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Visit {
    /// The campaign.
    pub campaign_id: String,
    /// The visitor's random first-party id.
    pub visitor: String,
    /// `<page>/<variant>`.
    pub part: String,
    /// The source.
    pub channel: String,
    /// When.
    pub at: Millis,
}

/// Writes visits down and moves the visitors' counters by those that are new, in that order.
/// `batch` is fresh, so that a batch told twice counts once.
pub fn record_visits(visits: &[Visit], batch: &str, day: &str) -> [Statement; 2] {
    [
        Statement::new(
            "INSERT INTO visits (campaign_id, visitor, part, channel, at, batch)
             SELECT value ->> 'campaign_id', value ->> 'visitor', value ->> 'part',
                    value ->> 'channel', value ->> 'at', ?2
               FROM json_each(?1) WHERE true
                 ON CONFLICT (campaign_id, visitor) DO NOTHING",
            vec![Value::json(visits), Value::text(batch)],
        ),
        Statement::new(
            "INSERT INTO counters (campaign_id, metric, channel, part, day, value)
             SELECT campaign_id, 'visitors', channel, part, ?3, count(*)
               FROM visits
              WHERE batch = ?2
                AND (campaign_id, visitor) IN
                    (SELECT value ->> 'campaign_id', value ->> 'visitor' FROM json_each(?1))
              GROUP BY campaign_id, channel, part
                 ON CONFLICT (campaign_id, metric, channel, part, day) DO UPDATE SET
                    value = value + excluded.value",
            vec![Value::json(visits), Value::text(batch), Value::text(day)],
        ),
    ]
}

/// A campaign's counters, all days added up.
pub fn counters(campaign: &CampaignId) -> Statement {
    Statement::new(
        "SELECT metric, channel, part, sum(value) AS value FROM counters
          WHERE campaign_id = ?1 GROUP BY metric, channel, part",
        vec![Value::text(campaign.as_str())],
    )
}

/// The passages through a campaign's journeys, counted anew: an index-free scan of all enrollments,
/// so not for every tick. `part` is the step of those under way, and else the reason.
pub fn passages(campaign: &CampaignId) -> Statement {
    Statement::new(
        "SELECT journey, version, state, iif(state = 'active', step, reason) AS part,
                count(*) AS people
           FROM enrollments WHERE campaign_id = ?1 GROUP BY 1, 2, 3, 4 ORDER BY 1, 2",
        vec![Value::text(campaign.as_str())],
    )
}

/// Conversions in currencies other than the campaign's: a scan of all conversions, so not for every
/// tick. Rows are `OtherCurrency`, the largest first.
pub fn other_currencies(campaign: &CampaignId, currency: &str) -> Statement {
    Statement::new(
        "SELECT currency, count(*) AS conversions, sum(value) AS revenue_minor
           FROM conversions WHERE campaign_id = ?1 AND currency <> ?2
          GROUP BY currency ORDER BY count(*) DESC, currency LIMIT 20",
        vec![Value::text(campaign.as_str()), Value::text(currency)],
    )
}

/// A row of `passages`.
#[derive(Debug, Deserialize)]
pub struct PassageRow {
    /// The journey's name.
    pub journey: String,
    /// The version.
    pub version: u32,
    /// Whether they are under way, and how they ended if not.
    pub state: EnrollmentState,
    /// The step, or the reason.
    pub part: String,
    /// How many.
    pub people: i64,
}

/// A row of `counters`.
#[derive(Clone, Debug, Deserialize)]
pub struct CounterRow {
    /// What is counted.
    pub metric: String,
    /// The source, or the channel of messages.
    pub channel: String,
    /// `<page>/<variant>`, or the template of messages.
    pub part: String,
    /// How many, or how much.
    pub value: i64,
}
