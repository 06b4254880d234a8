//! Restores of the database to an earlier time: the restore that was found, and the messages that
//! wait because of it. They are stored beside the last tick in `scheduler`.

use super::statement::{Statement, Value};
use crate::domain::base::primitives::Millis;
use crate::domain::sending::restore_guard::{RESTORED, RestoreGuard};
use serde::Deserialize;

/// Records that the database was restored to `since`, while the mark outside had reached `mark`.
/// Another restore before the first is over is combined with it.
pub fn found(since: Millis, mark: Millis) -> [Statement; 3] {
    [
        Statement::new(
            "INSERT INTO scheduler (name, at) VALUES ('restore mark', ?1)
                 ON CONFLICT (name) DO UPDATE SET at = max(at, excluded.at)",
            vec![Value::Int(mark.0)],
        ),
        Statement::new(
            "INSERT INTO scheduler (name, at) VALUES ('restore since', ?1)
                 ON CONFLICT (name) DO UPDATE SET at = min(at, excluded.at)",
            vec![Value::Int(since.0)],
        ),
        Statement::new("DELETE FROM scheduler WHERE name = 'restore dropped'", Vec::new()),
    ]
}

/// Selects the restore that was found, and the operator's decision on it: one row, `GuardRow`.
pub fn guard() -> Statement {
    Statement::new(
        "SELECT (SELECT at FROM scheduler WHERE name = 'restore mark') AS mark,
                (SELECT at FROM scheduler WHERE name = 'restore since') AS since,
                (SELECT at FROM scheduler WHERE name = 'restore dropped') AS dropped_at",
        Vec::new(),
    )
}

/// A row of `guard`.
#[derive(Deserialize)]
pub struct GuardRow {
    mark: Option<Millis>,
    since: Option<Millis>,
    dropped_at: Option<Millis>,
}

impl GuardRow {
    /// Returns the restore, if one was found.
    pub fn guard(self) -> Option<RestoreGuard> {
        let Self { mark, since, dropped_at } = self;
        mark.map(|mark| RestoreGuard { mark, since: since.unwrap_or(mark), dropped_at })
    }
}

/// Counts the messages that wait because of it: one row, `messages`.
pub fn waiting() -> Statement {
    Statement::new(
        "SELECT count(*) AS messages FROM messages
          WHERE state IN ('queued', 'sending') AND state = 'queued' AND reason = ?1",
        vec![Value::text(RESTORED)],
    )
}

/// A row of `waiting`.
#[derive(Deserialize)]
pub struct WaitingRow {
    pub messages: i64,
}

/// Deletes the record of a restore: the waiting messages may be sent.
pub fn forget() -> Statement {
    Statement::new(
        "DELETE FROM scheduler
          WHERE name IN ('restore mark', 'restore since', 'restore dropped')",
        Vec::new(),
    )
}

/// Records that the waiting messages, and everything else queued until now, are not to be sent.
pub fn drop_waiting(now: Millis) -> Statement {
    Statement::new(
        "INSERT INTO scheduler (name, at) VALUES ('restore dropped', ?1)
             ON CONFLICT (name) DO UPDATE SET at = excluded.at",
        vec![Value::Int(now.0)],
    )
}

/// Makes the waiting messages due now.
pub fn wake(now: Millis) -> Statement {
    Statement::new(
        "UPDATE messages SET send_at = ?1
          WHERE state IN ('queued', 'sending') AND state = 'queued' AND reason = ?2
            AND send_at > ?1",
        vec![Value::Int(now.0), Value::text(RESTORED)],
    )
}
