//! The scheduler's statements: due contacts, ticks, marks, and refusals.

use super::statement::{Statement, Value};
use crate::domain::base::primitives::{Millis, RecordId};
use crate::domain::sending::restore_guard::Mark;
use serde::Deserialize;

/// Claims due contacts, longest-waiting first, by postponing their wake time until the claim
/// expires: if the worker crashes, a later tick enqueues them again. `due_since` keeps the original
/// time. The claim only distributes the work; the write rule ensures that nothing happens twice.
/// Rows are `ClaimedRow`.
pub fn claim(now: Millis, until: Millis, limit: usize) -> Statement {
    Statement::new(
        "UPDATE contacts SET wake_at = ?2, handed_out = handed_out + 1,
                             due_since = coalesce(due_since, wake_at)
          WHERE id IN (SELECT id FROM contacts WHERE wake_at <= ?1 ORDER BY wake_at LIMIT ?3)
      RETURNING id, handed_out",
        vec![Value::Int(now.0), Value::Int(until.0), Value::Int(limit as i64)],
    )
}

/// A row of `claim`.
#[derive(Deserialize)]
pub struct ClaimedRow {
    pub id: RecordId,
    /// The number of ticks in a row that have enqueued it, including this one: 1, unless the
    /// previous attempt had no result.
    pub handed_out: u32,
}

/// Releases the claims that end at `until`, because their tasks were not enqueued. Contacts that
/// were written in between are not changed.
pub fn release(contacts: &[&RecordId], until: Millis) -> Statement {
    Statement::new(
        "UPDATE contacts SET wake_at = coalesce(due_since, wake_at), handed_out = handed_out - 1
          WHERE id IN (SELECT value FROM json_each(?1)) AND wake_at = ?2 AND handed_out > 0",
        vec![Value::json(contacts), Value::Int(until.0)],
    )
}

/// Selects the earliest time at which a contact, a message or a broadcast is due: one row, `at`,
/// null if none waits.
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

/// Selects since when the longest-waiting contact has been due that was enqueued and not decided on
/// since: one row, `at`, null if there is none. A claim ends by `until`; the query reads the claims
/// that expire first.
pub fn handed_out_since(until: Millis) -> Statement {
    Statement::new(
        "SELECT min(due_since) AS at
           FROM (SELECT due_since FROM contacts WHERE wake_at <= ?1
                  ORDER BY wake_at LIMIT 5000)",
        vec![Value::Int(until.0)],
    )
}

/// Records that a tick ran. If there is no mark yet, the time of the tick before becomes the mark:
/// a tick that could not compare the database must not move what it is compared by.
pub fn record_tick(now: Millis) -> Statement {
    Statement::new(
        "INSERT INTO scheduler (name, at)
             VALUES ('mark', coalesce((SELECT at FROM scheduler WHERE name = 'tick'), ?1)),
                    ('tick', ?1)
             ON CONFLICT (name) DO UPDATE SET
                at = max(at, excluded.at)
              WHERE scheduler.name = 'tick'",
        vec![Value::Int(now.0)],
    )
}

/// Records the mark that is about to be written outside the database: see
/// `flows/send/restore_guard.rs`.
pub fn record_mark(mark: Mark) -> Statement {
    Statement::new(
        "INSERT INTO scheduler (name, at) VALUES ('mark', ?1), ('marked', ?2)
             ON CONFLICT (name) DO UPDATE SET at = excluded.at",
        vec![Value::Int(mark.number), Value::Int(mark.at.0)],
    )
}

/// Selects the last mark in the database: one row, `Mark`, or none. Older code stored only its
/// number, which was its time; before there were marks, it is the time of the last tick.
pub fn last_mark() -> Statement {
    Statement::new(
        "SELECT at AS number, coalesce((SELECT at FROM scheduler WHERE name = 'marked'), at) AS at
           FROM scheduler WHERE name IN ('mark', 'tick') ORDER BY name = 'tick' LIMIT 1",
        Vec::new(),
    )
}

/// A part of the platform that may refuse what a tick writes or enqueues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    KeyValue,
    Queue,
}

impl Part {
    /// Returns the name under which the refusal is stored.
    fn name(self) -> Value {
        Value::text(match self {
            Self::KeyValue => "kv refuses",
            Self::Queue => "queue refuses",
        })
    }
}

/// Records since when a part refuses what a tick writes or enqueues, or that it no longer does.
pub fn record_refusal(part: Part, refuses: bool, now: Millis) -> Statement {
    if !refuses {
        return Statement::new("DELETE FROM scheduler WHERE name = ?1", vec![part.name()]);
    }
    Statement::new(
        "INSERT INTO scheduler (name, at) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET at = min(at, excluded.at)",
        vec![part.name(), Value::Int(now.0)],
    )
}

/// Selects since when a part refuses: one row, `at`, or none.
pub fn refuses_since(part: Part) -> Statement {
    Statement::new("SELECT at FROM scheduler WHERE name = ?1", vec![part.name()])
}

/// Selects when the last tick ran: one row, `at`, or none.
pub fn last_tick() -> Statement {
    Statement::new("SELECT at FROM scheduler WHERE name = 'tick'", Vec::new())
}

/// Selects when the last tick ran, and whether an import is due: one row, `at` (NULL for never) and
/// `imports`. One statement, so that a tick of a deployment without imports costs nothing more.
pub fn last_tick_and_imports(now: Millis) -> Statement {
    Statement::new(
        "SELECT (SELECT at FROM scheduler WHERE name = 'tick') AS at,
                EXISTS (SELECT 1 FROM imports WHERE due_at <= ?1) AS imports",
        vec![Value::Int(now.0)],
    )
}
