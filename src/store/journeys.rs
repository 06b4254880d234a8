//! Journeys at run time: the contacts at each step, the waking of those inside, and the hours of
//! journeys with an hourly limit.

use super::statement::{Statement, Value};
use crate::domain::base::primitives::{CampaignId, Millis, QualifiedId};
use crate::domain::campaign::journey::RunState;
use crate::domain::record::enrollment::HourlyQuota;
use serde::Deserialize;
use std::ops::Range;

/// The number of people of a journey that one tick wakes: half of what it enqueues, so that other
/// due contacts do not wait behind them.
pub const WAKES_PER_STEP: usize = 2_500;

/// Counts the contacts at each step of a campaign's journeys; rows are
/// `publication::diff::EnrollmentCount`. It reads every enrollment: an index would cost one row
/// written at each step of each contact.
pub fn standing(campaign: &CampaignId) -> Statement {
    Statement::new(
        "SELECT journey, version, step, count(*) AS people FROM enrollments
          WHERE campaign_id = ?1 AND state = 'active'
          GROUP BY journey, version, step ORDER BY journey, version, step",
        vec![Value::text(campaign.as_str())],
    )
}

/// Selects the state of every journey that was ever paused or archived; rows are `JourneyStatus`.
pub fn statuses() -> Statement {
    Statement::new(
        "SELECT campaign_id AS campaign, journey, state, since FROM journey_states
          ORDER BY campaign_id, journey",
        Vec::new(),
    )
}

/// Sets the state of a journey. Setting the present state again changes nothing, not even the time.
pub fn set_state(campaign: &CampaignId, journey: &str, state: RunState, now: Millis) -> Statement {
    let word = match state {
        RunState::Running => "running",
        RunState::Paused => "paused",
        RunState::Archived => "archived",
    };
    Statement::new(
        "INSERT INTO journey_states (campaign_id, journey, state, since) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (campaign_id, journey) DO UPDATE SET
                state = excluded.state, since = excluded.since
              WHERE state <> excluded.state",
        vec![
            Value::text(campaign.as_str()),
            Value::text(journey),
            Value::text(word),
            Value::Int(now.0),
        ],
    )
}

/// Counts the people in a journey, on any version: one row, `people`.
pub fn inside(campaign: &CampaignId, journey: &str) -> Statement {
    Statement::new(
        "SELECT count(*) AS people FROM enrollments
          WHERE campaign_id = ?1 AND journey = ?2 AND state = 'active'",
        vec![Value::text(campaign.as_str()), Value::text(journey)],
    )
}

/// Counts the people in the journeys of a campaign, each once: one row, `people`.
pub fn people(campaign: &CampaignId) -> Statement {
    Statement::new(
        "SELECT count(DISTINCT contact_id) AS people FROM enrollments
          WHERE campaign_id = ?1 AND state = 'active'",
        vec![Value::text(campaign.as_str())],
    )
}

/// A row of `inside` or `people`.
#[derive(Deserialize)]
pub struct InsideRow {
    pub people: i64,
}

/// Begins to wake everybody in these journeys of a campaign, from the first contact, in one pass at
/// each of these times.
pub fn begin_wakes(campaign: &CampaignId, journeys: &[&str], waves: [Millis; 2]) -> Statement {
    Statement::new(
        "INSERT INTO journey_wakes (campaign_id, journey, wave, not_before, after_id)
         SELECT ?1, journey.value, wave.key + 1, wave.value, ''
           FROM json_each(?2) AS journey, json_each(?3) AS wave WHERE true
             ON CONFLICT (campaign_id, journey, wave) DO UPDATE SET
                not_before = excluded.not_before, after_id = ''",
        vec![Value::text(campaign.as_str()), Value::json(journeys), Value::json(&waves[..])],
    )
}

/// Does the same for all journeys of a campaign that has contacts in it, and for those of its
/// newest version: an isolate that does not know the change yet may still let contacts enter these.
pub fn begin_all_wakes(campaign: &CampaignId, waves: [Millis; 2]) -> Statement {
    Statement::new(
        "INSERT INTO journey_wakes (campaign_id, journey, wave, not_before, after_id)
         SELECT ?1, journey.name, wave.key + 1, wave.value, ''
           FROM (SELECT key AS name FROM campaign_versions v,
                        json_each(iif(json_valid(v.compiled), v.compiled, '{}'),
                                  '$.campaign.journeys')
                  WHERE v.campaign_id = ?1 AND v.version = (SELECT max(version)
                        FROM campaign_versions WHERE campaign_id = ?1)
                  UNION
                 SELECT journey FROM enrollments WHERE campaign_id = ?1 AND state = 'active')
                AS journey, json_each(?2) AS wave WHERE true
             ON CONFLICT (campaign_id, journey, wave) DO UPDATE SET
                not_before = excluded.not_before, after_id = ''",
        vec![Value::text(campaign.as_str()), Value::json(&waves[..])],
    )
}

/// Selects the wakings that are due; one that failed waits for its next attempt.
pub fn wakes(now: Millis) -> Statement {
    Statement::new(
        "SELECT j.campaign_id, j.journey, j.wave, j.not_before, j.after_id,
                coalesce(w.attempts, 0) AS attempts
           FROM journey_wakes j
           LEFT JOIN failing_work w
                  ON w.kind = 'waking' AND w.id = j.campaign_id || '.' || j.journey
          WHERE j.not_before <= ?1
            AND coalesce(w.retry_at, 0) NOT BETWEEN ?1 + 1 AND ?1 + 7200000 LIMIT 20",
        vec![Value::Int(now.0)],
    )
}

/// A row of `wakes`.
#[derive(Clone, Debug, Deserialize)]
pub struct WakeRow {
    pub campaign_id: CampaignId,
    /// The journey's name.
    pub journey: String,
    /// The pass, 1 or 2.
    pub wave: i64,
    /// When the pass began.
    pub not_before: Millis,
    /// Contacts up to this id are done.
    pub after_id: String,
    /// The number of failures in a row.
    pub attempts: u32,
}

/// Takes one step of a waking: of the next contacts in the journey, those last written in this span
/// become due; then the waking advances, or ends. A waking that was restarted since it was read is
/// not changed.
pub fn wake_step(wake: &WakeRow, written: &Range<Millis>, now: Millis) -> [Statement; 3] {
    let params = || {
        vec![
            Value::Int(now.0),
            Value::text(wake.campaign_id.as_str()),
            Value::text(&wake.journey),
            Value::text(&wake.after_id),
            Value::Int(WAKES_PER_STEP as i64),
            Value::Int(wake.wave),
        ]
    };
    let statement = |sql: String| Statement { sql: sql.into(), params: params() };
    let span = [Value::Int(written.start.0), Value::Int(written.end.0)];
    [
        Statement {
            sql: format!(
                "UPDATE contacts SET wake_at = ?1
                  WHERE id IN ({NEXT_INSIDE}) AND (wake_at IS NULL OR wake_at > ?1)
                    AND updated_at >= ?7 AND updated_at < ?8 AND ?6 IS NOT NULL"
            )
            .into(),
            params: params().into_iter().chain(span).collect(),
        },
        statement(format!(
            "DELETE FROM journey_wakes
              WHERE campaign_id = ?2 AND journey = ?3 AND wave = ?6 AND after_id = ?4
                AND ?1 IS NOT NULL AND NOT EXISTS ({NEXT_INSIDE})"
        )),
        statement(format!(
            "UPDATE journey_wakes SET after_id = (SELECT max(contact_id) FROM ({NEXT_INSIDE}))
              WHERE campaign_id = ?2 AND journey = ?3 AND wave = ?6 AND after_id = ?4
                AND ?1 IS NOT NULL"
        )),
    ]
}

const NEXT_INSIDE: &str = "
    SELECT contact_id FROM enrollments
     WHERE contact_id > ?4 AND campaign_id = ?2 AND journey = ?3 AND state = 'active'
     ORDER BY contact_id LIMIT ?5";

/// Selects, for each of these journeys, the latest hour that has reservations, from the present
/// hour on.
pub fn busy_hours(journeys: &[QualifiedId], now: Millis) -> Statement {
    Statement::new(
        // With max(), SQLite takes the other columns from the same row.
        "SELECT journey_id, max(hour) AS hour, taken FROM journey_hours
          WHERE journey_id IN (SELECT value FROM json_each(?1)) AND hour >= ?2
          GROUP BY journey_id",
        vec![Value::json(journeys), Value::Int(now.0.div_euclid(3_600_000))],
    )
}

/// A row of `busy_hours`.
#[derive(Deserialize)]
pub struct BusyHourRow {
    pub journey_id: QualifiedId,
    /// The hour and its reservations.
    #[serde(flatten)]
    pub hour: HourlyQuota,
}
