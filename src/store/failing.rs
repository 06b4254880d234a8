//! Background work that fails by itself, and is retried after longer and longer waits.

use super::statement::{Statement, Value};
use crate::domain::base::primitives::{CampaignId, Millis, QualifiedId, Span};
use crate::domain::operations::failing::FailingKind;

/// The first wait; each further one is twice as long.
const FIRST_WAIT: Span = Span::minutes(1);

/// The longest wait.
const WAIT_MAX: Span = Span::hours(1);

/// The most characters of a reason that are stored.
const REASON_CHARS_MAX: usize = 300;

/// The most rows listed; with more failures than that, they probably have a common cause.
const LISTED_MAX: i64 = 50;

const COLUMNS: &str = "kind, id, campaign_id, reason, since, attempts, retry_at";

/// Records that an attempt failed.
pub fn note(
    kind: FailingKind,
    id: &QualifiedId,
    campaign: &CampaignId,
    reason: &str,
    now: Millis,
) -> Statement {
    Statement::new(
        "INSERT INTO failing_work (kind, id, campaign_id, reason, since, attempts, retry_at)
         VALUES (?1, ?2, ?3, ?4, ?5, 1, ?5 + ?6)
             ON CONFLICT (kind, id) DO UPDATE SET
                campaign_id = excluded.campaign_id, reason = excluded.reason,
                attempts = attempts + 1,
                retry_at = excluded.since + min(?7, (1 << min(attempts, 20)) * ?6)",
        vec![
            Value::text(kind.as_str()),
            Value::text(id.as_str()),
            Value::text(campaign.as_str()),
            Value::Text(reason.chars().take(REASON_CHARS_MAX).collect()),
            Value::Int(now.0),
            Value::Int(FIRST_WAIT.0),
            Value::Int(WAIT_MAX.0),
        ],
    )
}

/// Deletes the record after an attempt succeeded.
pub fn clear(kind: FailingKind, id: &QualifiedId) -> Statement {
    Statement::new(
        "DELETE FROM failing_work WHERE kind = ?1 AND id = ?2",
        vec![Value::text(kind.as_str()), Value::text(id.as_str())],
    )
}

/// Deletes all records of a campaign, so that a new version is tried at once.
pub fn clear_campaign(campaign: &CampaignId) -> Statement {
    Statement::new(
        "DELETE FROM failing_work WHERE campaign_id = ?1",
        vec![Value::text(campaign.as_str())],
    )
}

/// Selects the work that fails, of one campaign or of all; rows are `Failing`. Work that has ended
/// or is halted is left out, because its record remains if the response to the statement that ended
/// it was lost.
pub fn list(campaign: Option<&CampaignId>) -> Statement {
    let sql = format!(
        "SELECT {COLUMNS} FROM failing_work w
          WHERE (?1 IS NULL OR campaign_id = ?1)
            AND CASE kind
                WHEN 'filling' THEN
                     EXISTS (SELECT 1 FROM segment_fills f WHERE f.segment_id = w.id)
                WHEN 'waking' THEN
                     EXISTS (SELECT 1 FROM journey_wakes j
                              WHERE j.campaign_id = w.campaign_id
                                AND j.campaign_id || '.' || j.journey = w.id)
                ELSE EXISTS (SELECT 1 FROM broadcasts b
                              WHERE b.campaign_id = w.campaign_id
                                AND b.campaign_id || '.' || b.broadcast = w.id
                                AND b.state IN ('scheduled', 'running')) END
          ORDER BY since, kind, id LIMIT ?2"
    );
    let campaign = campaign.map_or(Value::Null, |id| Value::text(id.as_str()));
    Statement { sql: sql.into(), params: vec![campaign, Value::Int(LISTED_MAX)] }
}

/// Selects the record of one piece of work: one row, `Failing`, if it fails.
pub fn one(kind: FailingKind, id: &QualifiedId) -> Statement {
    let sql = format!("SELECT {COLUMNS} FROM failing_work WHERE kind = ?1 AND id = ?2");
    let params = vec![Value::text(kind.as_str()), Value::text(id.as_str())];
    Statement { sql: sql.into(), params }
}
