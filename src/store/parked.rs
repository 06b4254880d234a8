//! Quarantined contacts: their decisions fail permanently, so ticks do not enqueue them.

use super::statement::{Statement, Value};
use crate::domain::base::primitives::{Millis, RecordId};
use serde::{Deserialize, Serialize};

/// The most quarantined contacts that are listed.
const LISTED_MAX: i64 = 200;

/// Records that a contact is being tried alone, so that a crash of the worker leaves a trace.
/// Returns `attempts`, the number in a row including this one. A contact that is enqueued for the
/// first time starts from one again, because a decision has succeeded in between.
pub fn begin(contact: &RecordId, reason: &str, now: Millis) -> Statement {
    Statement::new(
        "INSERT INTO parked (contact_id, reason, since, attempts) VALUES (?1, ?2, ?3, 1)
             ON CONFLICT (contact_id) DO UPDATE SET
                (since, attempts) =
                    (SELECT iif(handed_out <= 1, excluded.since, parked.since),
                            iif(handed_out <= 1, 1, parked.attempts + 1)
                       FROM (SELECT 1) LEFT JOIN contacts ON id = excluded.contact_id)
      RETURNING attempts",
        vec![Value::text(contact.as_str()), Value::text(reason), Value::Int(now.0)],
    )
}

/// A row of `begin`.
#[derive(Deserialize)]
pub struct AttemptsRow {
    /// The number of attempts in a row.
    pub attempts: u32,
}

/// Records why an attempt failed.
pub fn note(contact: &RecordId, reason: &str) -> Statement {
    Statement::new(
        "UPDATE parked SET reason = ?2 WHERE contact_id = ?1",
        vec![Value::text(contact.as_str()), Value::text(reason)],
    )
}

/// Takes an attempt back that failed for a reason unrelated to the contact.
pub fn take_back(contact: &RecordId) -> Statement {
    Statement::new(
        "UPDATE parked SET attempts = attempts - 1 WHERE contact_id = ?1",
        vec![Value::text(contact.as_str())],
    )
}

/// Deletes the record of a contact's failures.
pub fn clear(contact: &RecordId) -> Statement {
    Statement::new("DELETE FROM parked WHERE contact_id = ?1", vec![Value::text(contact.as_str())])
}

/// Quarantines a contact: no tick enqueues it. Input about it is still decided on.
pub fn quarantine(contact: &RecordId) -> Statement {
    Statement::new(
        "UPDATE contacts SET wake_at = NULL, due_since = NULL WHERE id = ?1",
        vec![Value::text(contact.as_str())],
    )
}

/// Releases a quarantined contact, as if it had never failed; one row, `contact`, if it was
/// quarantined.
pub fn release(contact: &RecordId, attempts_max: u32, now: Millis) -> [Statement; 2] {
    [
        Statement::new(
            "UPDATE contacts SET wake_at = ?3, handed_out = 0
              WHERE id = (SELECT contact_id FROM parked WHERE contact_id = ?1 AND attempts >= ?2)",
            vec![Value::text(contact.as_str()), Value::Int(attempts_max.into()), Value::Int(now.0)],
        ),
        Statement::new(
            "DELETE FROM parked WHERE contact_id = ?1 AND attempts >= ?2
          RETURNING contact_id AS contact",
            vec![Value::text(contact.as_str()), Value::Int(attempts_max.into())],
        ),
    ]
}

/// The condition for quarantine: tried alone too often, and no decision has succeeded since.
const IS_PARKED: &str = "attempts >= ?1
    AND EXISTS (SELECT 1 FROM contacts WHERE id = contact_id AND handed_out > 0)";

/// Selects the quarantined contacts, longest first.
pub fn list(attempts_max: u32) -> Statement {
    let sql = format!(
        "SELECT contact_id AS contact, reason, since, attempts FROM parked WHERE {IS_PARKED}
          ORDER BY since, contact_id LIMIT ?2"
    );
    let params = vec![Value::Int(attempts_max.into()), Value::Int(LISTED_MAX)];
    Statement { sql: sql.into(), params }
}

/// A quarantined contact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parked {
    pub contact: RecordId,
    /// The error of the last attempt.
    pub reason: String,
    /// When it first failed.
    pub since: Millis,
    /// How often it was tried alone.
    pub attempts: u32,
}

/// Counts the quarantined contacts: one row, `parked`.
pub fn count(attempts_max: u32) -> Statement {
    let sql = format!("SELECT count(*) AS parked FROM parked WHERE {IS_PARKED}");
    Statement { sql: sql.into(), params: vec![Value::Int(attempts_max.into())] }
}

/// A row of `count`.
#[derive(Deserialize)]
pub struct CountRow {
    pub parked: i64,
}
