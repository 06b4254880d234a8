//! Parked contacts: whose decision fails for good, so that no tick hands them out any more.

use super::statement::{Statement, Value};
use crate::domain::base::primitives::{ContactId, Millis};
use serde::{Deserialize, Serialize};

/// How many parked contacts are listed.
const LISTED_MAX: i64 = 200;

/// Writes down that a contact is being tried alone, so that a worker who dies of it leaves a trace;
/// returns `attempts`, this one included. They are in a row: whoever is handed out for the first
/// time begins anew, for a decision has succeeded in between.
pub fn begin(contact: &ContactId, reason: &str, now: Millis) -> Statement {
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
    /// How many in a row.
    pub attempts: u32,
}

/// Writes down why an attempt failed.
pub fn note(contact: &ContactId, reason: &str) -> Statement {
    Statement::new(
        "UPDATE parked SET reason = ?2 WHERE contact_id = ?1",
        vec![Value::text(contact.as_str()), Value::text(reason)],
    )
}

/// Takes an attempt back: it failed for a reason that is not the contact's.
pub fn take_back(contact: &ContactId) -> Statement {
    Statement::new(
        "UPDATE parked SET attempts = attempts - 1 WHERE contact_id = ?1",
        vec![Value::text(contact.as_str())],
    )
}

/// Forgets what was wrong with a contact.
pub fn clear(contact: &ContactId) -> Statement {
    Statement::new("DELETE FROM parked WHERE contact_id = ?1", vec![Value::text(contact.as_str())])
}

/// Parks a contact: no tick hands it out. Whatever happens to it is still decided on.
pub fn put_to_sleep(contact: &ContactId) -> Statement {
    Statement::new(
        "UPDATE contacts SET wake_at = NULL, due_since = NULL WHERE id = ?1",
        vec![Value::text(contact.as_str())],
    )
}

/// Lets a parked contact be handed out again, as if nothing had been wrong; one row, `contact`, if
/// it was parked.
pub fn release(contact: &ContactId, attempts_max: u32, now: Millis) -> [Statement; 2] {
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

/// Who is parked: tried alone too often, and no decision has succeeded since.
const IS_PARKED: &str = "attempts >= ?1
    AND EXISTS (SELECT 1 FROM contacts WHERE id = contact_id AND handed_out > 0)";

/// The parked contacts, the longest-parked first.
pub fn list(attempts_max: u32) -> Statement {
    let sql = format!(
        "SELECT contact_id AS contact, reason, since, attempts FROM parked WHERE {IS_PARKED}
          ORDER BY since, contact_id LIMIT ?2"
    );
    let params = vec![Value::Int(attempts_max.into()), Value::Int(LISTED_MAX)];
    Statement { sql: sql.into(), params }
}

/// A parked contact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parked {
    /// The contact.
    pub contact: ContactId,
    /// What went wrong the last time.
    pub reason: String,
    /// When it first failed.
    pub since: Millis,
    /// How often it was tried alone.
    pub attempts: u32,
}

/// How many contacts are parked: one row, `parked`.
pub fn count(attempts_max: u32) -> Statement {
    let sql = format!("SELECT count(*) AS parked FROM parked WHERE {IS_PARKED}");
    Statement { sql: sql.into(), params: vec![Value::Int(attempts_max.into())] }
}

/// A row of `count`.
#[derive(Deserialize)]
pub struct CountRow {
    /// How many.
    pub parked: i64,
}
