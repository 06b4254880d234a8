//! How senders have done lately: a row for each that fails.

use super::statement::{Statement, Value};
use crate::domain::sending::circuit_breaker::Breaker;
use serde::{Deserialize, Serialize};

/// A row of `standing`.
#[derive(Debug, Deserialize, Serialize)]
pub struct SenderRow {
    /// The sender.
    pub name: String,
    /// How it has done.
    #[serde(flatten)]
    pub breaker: Breaker,
}

/// All rows; there are as many as senders that have failed lately.
pub fn standing() -> Statement {
    Statement::new(
        "SELECT name, failures, openings, open_until, reason FROM senders ORDER BY name",
        Vec::new(),
    )
}

/// Keeps how these senders have done. Of two workers the last word counts, which is as good a guess
/// as the other's.
pub fn keep(rows: &[SenderRow]) -> Statement {
    Statement::new(
        "INSERT INTO senders (name, failures, openings, open_until, reason)
         SELECT value ->> 'name', value ->> 'failures', value ->> 'openings',
                value ->> 'open_until', value ->> 'reason' FROM json_each(?1) WHERE true
             ON CONFLICT (name) DO UPDATE SET failures = excluded.failures,
                openings = excluded.openings, open_until = excluded.open_until,
                reason = excluded.reason",
        vec![Value::json(rows)],
    )
}
