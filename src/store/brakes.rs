//! Auto-pause: the pause events of campaigns, and the complaints and bounces behind them.

use super::statement::{Statement, Value};
use crate::domain::base::primitives::{CampaignId, Millis};
use crate::domain::sending::auto_pause::{PauseEvent, Tally};
use serde::Deserialize;

/// Selects the ids of the stopped campaigns. The table has one row per pause event, so few that an
/// index is not worth its writes.
pub fn stopped() -> Statement {
    Statement::new(
        "SELECT campaign_id AS id FROM brakes AS last
          WHERE state = 'stopped'
            AND n = (SELECT max(n) FROM brakes WHERE campaign_id = last.campaign_id)",
        Vec::new(),
    )
}

/// Selects the newest pause event of all campaigns, or of one; rows are `PauseEvent`.
pub fn newest(campaign: Option<&CampaignId>) -> Statement {
    let campaign = campaign.map_or(Value::Null, |campaign| Value::text(campaign.as_str()));
    Statement::new(
        "SELECT campaign_id AS campaign, n, at, state, reason, sent, bounced, complained, note
           FROM brakes AS last
          WHERE campaign_id = coalesce(?1, campaign_id)
            AND n = (SELECT max(n) FROM brakes WHERE campaign_id = last.campaign_id)",
        vec![campaign],
    )
}

/// Selects the tallies of campaigns with complaints or bounces since a UTC day; rows are
/// `TallyRow`. After a release, the tallies count from that moment: the event's row has what was
/// counted earlier on its own day.
pub fn tallies(since_day: &str) -> Statement {
    Statement::new(
        "WITH hurt AS (
           SELECT c.id, r.sent, r.bounced, r.complained,
                  coalesce(strftime('%Y-%m-%d', r.at / 1000, 'unixepoch'), '') AS released_on
             FROM campaigns c
             LEFT JOIN brakes r ON r.campaign_id = c.id AND r.state = 'released'
                  AND r.n = (SELECT max(n) FROM brakes
                              WHERE campaign_id = c.id AND state = 'released')
            WHERE EXISTS (SELECT 1 FROM counters
                           WHERE campaign_id = c.id AND channel = 'email' AND day >= ?1
                             AND metric IN ('complained', 'hard_bounced', 'blocked')))
         SELECT h.id AS campaign_id,
                sum(iif(k.metric = 'sent', k.value, 0))
                  - iif(released_on >= ?1, h.sent, 0) AS sent,
                sum(iif(k.metric IN ('hard_bounced', 'blocked'), k.value, 0))
                  - iif(released_on >= ?1, h.bounced, 0) AS bounced,
                sum(iif(k.metric = 'complained', k.value, 0))
                  - iif(released_on >= ?1, h.complained, 0) AS complained
           FROM hurt h
           JOIN counters k ON k.campaign_id = h.id AND k.channel = 'email'
                          AND k.metric IN ('sent', 'hard_bounced', 'blocked', 'complained')
                          AND k.day >= max(?1, h.released_on)
          GROUP BY h.id",
        vec![Value::text(since_day)],
    )
}

/// Selects the tally of one campaign on a UTC day: one row, `TallyRow`.
pub fn tally_of_day(campaign: &CampaignId, day: &str) -> Statement {
    Statement::new(
        "SELECT ?1 AS campaign_id,
                coalesce(sum(iif(metric = 'sent', value, 0)), 0) AS sent,
                coalesce(sum(iif(metric IN ('hard_bounced', 'blocked'), value, 0)), 0) AS bounced,
                coalesce(sum(iif(metric = 'complained', value, 0)), 0) AS complained
           FROM counters
          WHERE campaign_id = ?1
            AND metric IN ('sent', 'hard_bounced', 'blocked', 'complained')
            AND channel = 'email' AND day = ?2",
        vec![Value::text(campaign.as_str()), Value::text(day)],
    )
}

/// A row of `tallies` or `tally_of_day`.
#[derive(Clone, Debug, Deserialize)]
pub struct TallyRow {
    pub campaign_id: CampaignId,
    #[serde(flatten)]
    pub tally: Tally,
}

/// Inserts a pause event, unless another one has been inserted since the last was read.
pub fn record(event: &PauseEvent) -> Statement {
    Statement::new(
        "INSERT INTO brakes (campaign_id, n, at, state, reason, sent, bounced, complained, note)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (campaign_id, n) DO NOTHING
      RETURNING n",
        vec![
            Value::text(event.campaign.as_str()),
            Value::Int(event.n),
            Value::Int(event.at.0),
            Value::text(event.state.as_str()),
            Value::text(&event.reason),
            Value::Int(event.tally.sent),
            Value::Int(event.tally.bounced),
            Value::Int(event.tally.complained),
            Value::text(&event.note),
        ],
    )
}

/// Makes the messages that a stopped campaign held due now.
pub fn bring_forward(campaign: &CampaignId, now: Millis) -> Statement {
    Statement::new(
        "UPDATE messages SET send_at = ?2
          WHERE state = 'queued' AND reason = 'braked' AND campaign_id = ?1 AND send_at > ?2",
        vec![Value::text(campaign.as_str()), Value::Int(now.0)],
    )
}
