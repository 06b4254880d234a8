//! Circuit breakers of providers: one row for each provider that has failed.

use super::statement::{Statement, Value};
use crate::domain::sending::circuit_breaker::Breaker;
use serde::{Deserialize, Serialize};

/// A row of the table `senders`.
#[derive(Debug, Deserialize, Serialize)]
pub struct BreakerRow {
    /// The provider.
    pub name: String,
    #[serde(flatten)]
    pub breaker: Breaker,
}

/// Selects all rows; there is one for each provider that has failed recently.
pub fn breakers() -> Statement {
    Statement::new(
        "SELECT name, failures, openings, open_until, reason FROM senders ORDER BY name",
        Vec::new(),
    )
}

/// Stores the circuit breakers of these providers. Of two concurrent workers the last write wins,
/// which is as good as the other.
pub fn keep(rows: &[BreakerRow]) -> Statement {
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
