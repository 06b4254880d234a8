//! The scheduler's work: contacts whose time has come.

use super::statement::{Statement, Value};
use crate::domain::primitives::{ContactId, Millis};
use serde::Deserialize;

/// Claims contacts that are due, the longest-waiting first, by putting their time to wake off
/// until the claim lapses: whoever dies holding it is repaired by a later tick. It only spreads
/// the work; that nothing happens twice is the write rule's business. Rows are `ClaimedRow`.
pub fn claim(now: Millis, until: Millis, limit: usize) -> Statement {
    Statement::new(
        "UPDATE contacts SET wake_at = ?2, handed_out = handed_out + 1
          WHERE id IN (SELECT id FROM contacts WHERE wake_at <= ?1 ORDER BY wake_at LIMIT ?3)
      RETURNING id, handed_out",
        vec![Value::Int(now.0), Value::Int(until.0), Value::Int(limit as i64)],
    )
}

/// A row of `claim`.
#[derive(Deserialize)]
pub struct ClaimedRow {
    /// The contact.
    pub id: ContactId,
    /// How many ticks in a row have handed it out, this one included: 1, unless nothing came of it.
    pub handed_out: u32,
}

/// The earliest moment at which a contact, a message or a broadcast is due: one row,
/// `at`, null if none waits.
pub fn next() -> Statement {
    Statement::new(
        "SELECT min(at) AS at
           FROM (SELECT min(wake_at) AS at FROM contacts
                 UNION ALL
                 SELECT min(send_at) FROM messages WHERE state IN ('queued', 'sending')
                 UNION ALL
                 SELECT min(due_at) FROM broadcasts WHERE state IN ('scheduled', 'running'))",
        Vec::new(),
    )
}

/// Writes down that a tick ran.
pub fn record_tick(now: Millis) -> Statement {
    Statement::new(
        "INSERT INTO scheduler (name, at) VALUES ('tick', ?1)
             ON CONFLICT (name) DO UPDATE SET at = max(at, excluded.at)",
        vec![Value::Int(now.0)],
    )
}

/// When the last tick ran: one row, `at`, or none.
pub fn last_tick() -> Statement {
    Statement::new("SELECT at FROM scheduler WHERE name = 'tick'", Vec::new())
}
