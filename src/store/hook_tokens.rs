//! The tokens of webhooks that may count only once.

use super::statement::{Statement, Value};
use crate::domain::base::primitives::Millis;
use serde::{Deserialize, Serialize};

/// The most tokens that are deleted at once.
const FORGOTTEN_MAX: i64 = 1_000;

/// A token that counts once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Token {
    /// The token of the webhook.
    pub token: String,
    /// The arrival of the webhook: a retried task has the same mark.
    pub mark: String,
    /// How long it is stored.
    pub until: Millis,
}

/// Spends these tokens, selects the mark that spent each one first, and deletes expired ones. Rows
/// of the second statement are `Token`.
pub fn spend(tokens: &[Token], now: Millis) -> [Statement; 3] {
    let all = Value::json(tokens);
    [
        Statement::new(
            "INSERT INTO hook_tokens (token, mark, until)
             SELECT value ->> 'token', value ->> 'mark', value ->> 'until' FROM json_each(?1)
              WHERE true ON CONFLICT DO NOTHING",
            vec![all.clone()],
        ),
        Statement::new(
            "SELECT token, mark, until FROM hook_tokens
              WHERE token IN (SELECT value ->> 'token' FROM json_each(?1))",
            vec![all],
        ),
        Statement::new(
            "DELETE FROM hook_tokens WHERE token IN (
                SELECT token FROM hook_tokens WHERE until < ?1 ORDER BY until LIMIT ?2)",
            vec![Value::Int(now.0), Value::Int(FORGOTTEN_MAX)],
        ),
    ]
}
