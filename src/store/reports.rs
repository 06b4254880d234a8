//! Counters: the data of reports, and how first visits change them.

use super::statement::{Statement, Value};
use crate::domain::base::primitives::{CampaignId, Millis};
use crate::domain::record::enrollment::EnrollmentState;
use serde::{Deserialize, Serialize};

/// A visit to a page, as it came through the intake queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Visit {
    pub campaign_id: String,
    /// The visitor's id: random from a cookie, or a keyed hash (`flows/campaign/landing_page.rs`).
    pub visitor: String,
    /// `<page>/<variant>`.
    pub part: String,
    /// The traffic source.
    pub channel: String,
    pub at: Millis,
}

/// Records visits, and then increases the visitor counters by those that are new. `batch` is a
/// fresh id, so that a batch that is delivered twice counts once.
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

/// Selects a campaign's counters, summed over all days.
pub fn counters(campaign: &CampaignId) -> Statement {
    Statement::new(
        "SELECT metric, channel, part, sum(value) AS value FROM counters
          WHERE campaign_id = ?1 GROUP BY metric, channel, part",
        vec![Value::text(campaign.as_str())],
    )
}

/// Counts the enrollments in a campaign's journeys: a scan of all enrollments without an index, so
/// not for every tick. `part` is the step of active enrollments, otherwise the reason.
pub fn enrollments(campaign: &CampaignId) -> Statement {
    Statement::new(
        "SELECT journey, version, state, iif(state = 'active', step, reason) AS part,
                count(*) AS people
           FROM enrollments WHERE campaign_id = ?1 GROUP BY 1, 2, 3, 4 ORDER BY 1, 2",
        vec![Value::text(campaign.as_str())],
    )
}

/// Selects conversions in currencies other than the campaign's: a scan of all conversions, so not
/// for every tick. Rows are `OtherCurrency`, the largest first.
pub fn other_currencies(campaign: &CampaignId, currency: &str) -> Statement {
    Statement::new(
        "SELECT currency, count(*) AS conversions, sum(value) AS revenue_minor
           FROM conversions WHERE campaign_id = ?1 AND currency <> ?2
          GROUP BY currency ORDER BY count(*) DESC, currency LIMIT 20",
        vec![Value::text(campaign.as_str()), Value::text(currency)],
    )
}

/// A row of `enrollments`.
#[derive(Debug, Deserialize)]
pub struct EnrollmentRow {
    /// The journey's name.
    pub journey: String,
    pub version: u32,
    pub state: EnrollmentState,
    /// The step, or the reason.
    pub part: String,
    pub people: i64,
}

/// A row of `counters`.
#[derive(Clone, Debug, Deserialize)]
pub struct CounterRow {
    pub metric: String,
    /// The traffic source, or the channel of messages.
    pub channel: String,
    /// `<page>/<variant>`, or the template of messages.
    pub part: String,
    /// A count or an amount.
    pub value: i64,
}
