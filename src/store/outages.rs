//! Versions that cannot be read: which they are, and the waking of the contacts who were decided on
//! without them, once they can be read again.

use super::segments::IS_SOMEBODY;
use super::statement::{Statement, Value};
use crate::domain::base::primitives::{CampaignId, Millis};
use crate::domain::publication::catalog::Unreadable;
use serde::{Deserialize, Serialize};

/// How many versions are listed at the most.
const LISTED_MAX: i64 = 50;

/// How many contacts one step of a waking looks at: as many as a step of a filling.
const CONTACTS_PER_STEP: i64 = 5_000;

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutageRow {
    /// The campaign.
    pub campaign_id: CampaignId,
    /// The version.
    pub version: u32,
    /// Why it cannot be read.
    pub reason: String,
    /// When that was noticed.
    pub since: Millis,
    /// Since when it can be read again; `None`: it cannot.
    pub until: Option<Millis>,
    /// Which wave of the waking it is, 1 or 2; 3 once it is done.
    pub wave: u8,
    /// Contacts up to this id have been woken in this wave.
    pub after_id: String,
}

/// Whether anything goes by the version `campaign_id`, `version`: it is live, somebody stands on
/// it, or a message of it waits.
macro_rules! is_needed {
    ($of:literal) => {
        concat!(
            "(EXISTS (SELECT 1 FROM campaigns WHERE id = ",
            $of,
            ".campaign_id
                         AND live_version = ",
            $of,
            ".version)
              OR EXISTS (SELECT 1 FROM enrollments AS e WHERE e.campaign_id = ",
            $of,
            ".campaign_id
                            AND e.version = ",
            $of,
            ".version AND e.state = 'active')
              OR EXISTS (SELECT 1 FROM messages AS m WHERE m.campaign_id = ",
            $of,
            ".campaign_id
                            AND m.version = ",
            $of,
            ".version
                            AND m.state IN ('queued', 'sending')))"
        )
    };
}

/// Writes down which versions cannot be read, of those that something goes by. One that is known
/// already keeps its time.
pub fn note(found: &[Unreadable], now: Millis) -> Statement {
    Statement::new(
        concat!(
            "INSERT INTO unreadable_versions (campaign_id, version, reason, since, wave, after_id)
             SELECT campaign_id, version, reason, ?2, 1, ''
               FROM (SELECT value ->> 'campaign' AS campaign_id, value ->> 'version' AS version,
                            value ->> 'reason' AS reason
                       FROM json_each(?1)) AS found
              WHERE ",
            is_needed!("found"),
            " ON CONFLICT (campaign_id, version) DO UPDATE SET
                reason = excluded.reason, until = NULL, wave = 1, after_id = ''
              WHERE until IS NOT NULL OR reason <> excluded.reason"
        ),
        vec![Value::json(found), Value::Int(now.0)],
    )
}

/// The versions that cannot be read, and those that could not be lately; rows are `OutageRow`.
pub fn list() -> Statement {
    Statement::new(
        "SELECT campaign_id, version, reason, since, until, wave, after_id
           FROM unreadable_versions ORDER BY campaign_id, version LIMIT ?1",
        vec![Value::Int(LISTED_MAX)],
    )
}

/// Those of the versions that cannot be read by which nothing goes any more: another one is live,
/// and nobody stands on them. Rows are `OutageRow`.
pub fn unneeded() -> Statement {
    Statement::new(
        concat!(
            "SELECT campaign_id, version, reason, since, until, wave, after_id
               FROM unreadable_versions WHERE until IS NULL AND NOT ",
            is_needed!("unreadable_versions"),
            " ORDER BY campaign_id, version LIMIT ?1"
        ),
        vec![Value::Int(LISTED_MAX)],
    )
}

/// A version can be read again, or is nobody's: whoever was decided on meanwhile is woken from now
/// on.
pub fn end(row: &OutageRow, now: Millis) -> Statement {
    change(row, "until = ?3, wave = 1, after_id = ''", Value::Int(now.0))
}

/// The next wave of the waking.
pub fn next_wave(row: &OutageRow) -> Statement {
    change(row, "wave = ?3, after_id = ''", Value::Int(i64::from(row.wave) + 1))
}

/// Forgets an outage.
pub fn forget(row: &OutageRow) -> Statement {
    Statement::new(
        "DELETE FROM unreadable_versions WHERE campaign_id = ?1 AND version = ?2",
        vec![Value::text(row.campaign_id.as_str()), Value::Int(row.version.into())],
    )
}

fn change(row: &OutageRow, what: &str, to: Value) -> Statement {
    let sql =
        format!("UPDATE unreadable_versions SET {what} WHERE campaign_id = ?1 AND version = ?2");
    let key = [Value::text(row.campaign_id.as_str()), Value::Int(row.version.into())];
    Statement { sql: sql.into(), params: key.into_iter().chain([to]).collect() }
}

/// One step of a waking: of the next contacts, those written since become due; then it moves on.
/// The last statement's row, `ReachedRow`, says how far it has come; nothing at the end.
pub fn wake_step(row: &OutageRow, written_since: Millis, now: Millis) -> [Statement; 2] {
    let end = "SELECT max(id) FROM (SELECT id FROM contacts WHERE id > ?1 ORDER BY id LIMIT ?2)";
    let after = Value::text(&row.after_id);
    let step = Value::Int(CONTACTS_PER_STEP);
    let wake = format!(
        "UPDATE contacts AS c SET wake_at = ?3
          WHERE c.id > ?1 AND c.id <= ({end}) AND c.updated_at >= ?4
            AND (c.wake_at IS NULL OR c.wake_at > ?3) AND {IS_SOMEBODY}"
    );
    let now = Value::Int(now.0);
    let params = vec![after.clone(), step.clone(), now, Value::Int(written_since.0)];
    let key = [Value::text(row.campaign_id.as_str()), Value::Int(row.version.into())];
    [
        Statement { sql: wake.into(), params },
        Statement {
            sql: format!(
                "UPDATE unreadable_versions SET after_id = ({end})
                  WHERE campaign_id = ?3 AND version = ?4 AND after_id = ?1
                    AND EXISTS (SELECT 1 FROM contacts WHERE id > ?1)
              RETURNING after_id"
            )
            .into(),
            params: [after, step].into_iter().chain(key).collect(),
        },
    ]
}

/// A row of `wake_step`.
#[derive(Deserialize)]
pub struct ReachedRow {
    /// Contacts up to this id are done.
    pub after_id: String,
}
