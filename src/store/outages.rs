//! Versions that cannot be read, and the waking of contacts that were decided on without them, once
//! they can be read again.

use super::segments::IS_SOMEBODY;
use super::statement::{Statement, Value};
use crate::domain::base::primitives::{CampaignId, Millis};
use crate::domain::publication::catalog::Unreadable;
use serde::{Deserialize, Serialize};

/// The most versions that are listed.
const LISTED_MAX: i64 = 50;

/// The number of contacts per step of a waking: as many as in a step of a backfill.
const CONTACTS_PER_STEP: i64 = 5_000;

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutageRow {
    pub campaign_id: CampaignId,
    pub version: u32,
    /// Why it cannot be read.
    pub reason: String,
    /// When that was noticed.
    pub since: Millis,
    /// When it became readable again; `None` if it cannot be read.
    pub until: Option<Millis>,
    /// The pass of the waking, 1 or 2; 3 once it is done.
    pub wave: u8,
    /// Contacts up to this id have been woken in this pass.
    pub after_id: String,
}

/// Whether the version `campaign_id`, `version` is in use: it is live, contacts are on it, or
/// messages of it wait.
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

/// Records which versions cannot be read, of those that are in use. A recorded one keeps its time,
/// unless that is later than now: then it was recorded by a clock that was ahead, and contacts
/// decided on from now on would not be woken.
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
                reason = excluded.reason, since = min(since, excluded.since),
                until = NULL, wave = 1, after_id = ''
              WHERE until IS NOT NULL OR reason <> excluded.reason OR since > excluded.since"
        ),
        vec![Value::json(found), Value::Int(now.0)],
    )
}

/// Selects the versions that cannot be read, and those that recently could not; rows are
/// `OutageRow`.
pub fn list() -> Statement {
    Statement::new(
        "SELECT campaign_id, version, reason, since, until, wave, after_id
           FROM unreadable_versions ORDER BY campaign_id, version LIMIT ?1",
        vec![Value::Int(LISTED_MAX)],
    )
}

/// Selects the unreadable versions that are no longer in use: another one is live, and no contact
/// or message needs them. Rows are `OutageRow`.
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

/// Ends an outage, because the version can be read again or is no longer in use. The contacts
/// decided on during it are woken from now on.
pub fn end(row: &OutageRow, now: Millis) -> Statement {
    change(row, "since = min(since, ?3), until = ?3, wave = 1, after_id = ''", Value::Int(now.0))
}

/// Begins the next pass of the waking.
pub fn next_wave(row: &OutageRow) -> Statement {
    change(row, "wave = ?3, after_id = ''", Value::Int(i64::from(row.wave) + 1))
}

/// Deletes an outage.
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

/// Takes one step of a waking: of the next contacts, those written since `written_since` become
/// due; then the waking advances. The last statement's row, `ReachedRow`, has the position reached;
/// no row at the end.
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
