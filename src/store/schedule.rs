//! The scheduler's work: contacts whose time has come.

use super::statement::{Statement, Value};
use crate::domain::base::primitives::{ContactId, Millis};
use crate::domain::sending::restore_guard::Mark;
use serde::Deserialize;

/// Claims contacts that are due, the longest-waiting first, by putting their time to wake off until
/// the claim lapses: whoever dies holding it is repaired by a later tick. Since when they have been
/// due is kept. It only spreads the work; that nothing happens twice is the write rule's business.
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
    /// The contact.
    pub id: ContactId,
    /// How many ticks in a row have handed it out, this one included: 1, unless nothing came of it.
    pub handed_out: u32,
}

/// Gives claims back that ended then: nobody was told of them. Who was written meanwhile is left
/// alone.
pub fn give_back(contacts: &[&ContactId], until: Millis) -> Statement {
    Statement::new(
        "UPDATE contacts SET wake_at = coalesce(due_since, wake_at), handed_out = handed_out - 1
          WHERE id IN (SELECT value FROM json_each(?1)) AND wake_at = ?2 AND handed_out > 0",
        vec![Value::json(contacts), Value::Int(until.0)],
    )
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

/// Since when the longest-waiting contact has been due that was handed out, and not decided on
/// since: one row, `at`, null if there is none. A claim ends within `until`; those that have
/// lapsed, or lapse first, are looked at.
pub fn handed_out_since(until: Millis) -> Statement {
    Statement::new(
        "SELECT min(due_since) AS at
           FROM (SELECT due_since FROM contacts WHERE wake_at <= ?1
                  ORDER BY wake_at LIMIT 5000)",
        vec![Value::Int(until.0)],
    )
}

/// Writes down that a tick ran.
pub fn record_tick(now: Millis) -> Statement {
    Statement::new(
        "INSERT INTO scheduler (name, at) VALUES ('tick', ?1)
             ON CONFLICT (name) DO UPDATE SET
                at = max(at, excluded.at)",
        vec![Value::Int(now.0)],
    )
}

/// Records the mark that is about to be put outside the database: see
/// `flows/send/restore_guard.rs`.
pub fn record_mark(mark: Mark) -> Statement {
    Statement::new(
        "INSERT INTO scheduler (name, at) VALUES ('mark', ?1), ('marked', ?2)
             ON CONFLICT (name) DO UPDATE SET at = excluded.at",
        vec![Value::Int(mark.number), Value::Int(mark.at.0)],
    )
}

/// The last mark that the database knows of: one row, `Mark`, or none. Former code wrote only its
/// number, which was its time; before it made marks, the time of the last tick.
pub fn last_mark() -> Statement {
    Statement::new(
        "SELECT at AS number, coalesce((SELECT at FROM scheduler WHERE name = 'marked'), at) AS at
           FROM scheduler WHERE name IN ('mark', 'tick') ORDER BY name = 'tick' LIMIT 1",
        Vec::new(),
    )
}

/// A part of the platform that may refuse what a tick brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The key-value store.
    KeyValue,
    /// The work queue.
    Queue,
}

impl Part {
    /// Under which name it is written down.
    fn name(self) -> Value {
        Value::text(match self {
            Self::KeyValue => "kv refuses",
            Self::Queue => "queue refuses",
        })
    }
}

/// Writes down since when a part refuses what a tick brings, or that it takes it.
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

/// Since when a part refuses: one row, `at`, or none.
pub fn refuses_since(part: Part) -> Statement {
    Statement::new("SELECT at FROM scheduler WHERE name = ?1", vec![part.name()])
}

/// When the last tick ran: one row, `at`, or none.
pub fn last_tick() -> Statement {
    Statement::new("SELECT at FROM scheduler WHERE name = 'tick'", Vec::new())
}
