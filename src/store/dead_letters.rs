//! Dead letters: tasks that a queue gave up.

use super::statement::{Statement, Value};
use crate::domain::base::primitives::{Millis, Span};
use serde::Deserialize;

/// The most dead letters that are stored; a queue's message has at most 128 kB.
pub const KEPT_MAX: i64 = 2_000;

/// How long a dead letter is stored after its last failure.
pub const KEPT_FOR: Span = Span::days(30);

/// The most dead letters in a list, the newest first.
pub const LISTED_MAX: usize = 100;

/// The most characters of a task in a list.
const BODY_CHARS_LISTED: i64 = 1_000;

/// The most characters of an error that are stored.
pub const ERROR_CHARS_MAX: usize = 300;

/// A dead letter to be stored.
#[derive(Debug)]
pub struct Kept<'a> {
    /// A hash of the body; for a hint, its tag.
    pub id: String,
    /// The type of the task.
    pub tag: String,
    /// The rank of the task's `Worth`: what would be lost with it.
    pub worth: i64,
    /// The task as the queue had it.
    pub body: &'a str,
    /// The queue's id of the message.
    pub message: &'a str,
    /// Why it failed; empty if unknown.
    pub error: String,
}

/// Stores a dead letter. The same task again increases the count, unless the queue only delivered
/// the same message again.
pub fn keep(one: &Kept<'_>, now: Millis) -> Statement {
    Statement::new(
        "INSERT INTO dead_letters
                (id, tag, worth, body, message, first_at, last_at, count, error)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, 1, ?7)
             ON CONFLICT (id) DO UPDATE SET
                count = count + (message <> excluded.message), message = excluded.message,
                body = excluded.body, last_at = excluded.last_at, error = excluded.error",
        vec![
            Value::text(&one.id),
            Value::text(&one.tag),
            Value::Int(one.worth),
            Value::text(one.body),
            Value::text(one.message),
            Value::Int(now.0),
            Value::text(&one.error),
        ],
    )
}

/// Deletes the dead letters for which there is no room, hints and observations first and then the
/// oldest, and counts them.
pub fn make_room(now: Millis) -> [Statement; 2] {
    [
        Statement::new(
            "INSERT INTO dead_letters_lost (one, count, at)
             SELECT 1, kept - ?1, ?2 FROM (SELECT count(*) AS kept FROM dead_letters)
              WHERE kept > ?1
                 ON CONFLICT (one) DO UPDATE SET count = count + excluded.count, at = excluded.at",
            vec![Value::Int(KEPT_MAX), Value::Int(now.0)],
        ),
        Statement::new(
            "DELETE FROM dead_letters WHERE id IN (
                SELECT id FROM dead_letters ORDER BY worth, last_at
                 LIMIT max(0, (SELECT count(*) FROM dead_letters) - ?1))",
            vec![Value::Int(KEPT_MAX)],
        ),
    ]
}

/// How long ticks must have found a dead letter too old before it is deleted.
const OLD_FOR: Span = Span::days(1);

/// The longest allowed gap between two of these ticks.
const TICKS_APART_MAX: Span = Span::hours(1);

/// Marks the dead letters that are too old, and deletes those that ticks have found too old for a
/// day without a gap. A clock that is ahead, temporarily or repeatedly, therefore causes no loss.
pub fn expire(last_tick: Option<Millis>, now: Millis) -> [Statement; 2] {
    let too_old = Value::Int(now.minus(KEPT_FOR).0);
    let is_gap = last_tick.is_none_or(|last| last.plus(TICKS_APART_MAX) < now);
    let counted_from = if is_gap { now } else { Millis(0) };
    [
        Statement::new(
            "UPDATE dead_letters SET old_since = iif(last_at < ?1, ?2, NULL)
              WHERE (last_at < ?1) <> (old_since IS NOT NULL)
                 OR old_since NOT BETWEEN ?3 AND ?2",
            vec![too_old.clone(), Value::Int(now.0), Value::Int(counted_from.0)],
        ),
        Statement::new(
            "DELETE FROM dead_letters WHERE last_at < ?1 AND old_since <= ?2",
            vec![too_old, Value::Int(now.minus(OLD_FOR).0)],
        ),
    ]
}

/// Selects the newest; rows are `domain::operations::dead_letter::DeadLetter`.
pub fn list() -> Statement {
    Statement::new(
        "SELECT id, tag, first_at, last_at, count, error,
                iif(length(body) > ?2, substr(body, 1, ?2) || '…', body) AS body
           FROM dead_letters ORDER BY last_at DESC, id LIMIT ?1",
        vec![Value::Int(LISTED_MAX as i64), Value::Int(BODY_CHARS_LISTED)],
    )
}

/// Selects the totals: one row, `domain::operations::dead_letter::DeadLetters`.
pub fn totals() -> Statement {
    Statement::new(
        "SELECT count(*) AS kept, min(first_at) AS oldest,
                coalesce((SELECT count FROM dead_letters_lost), 0) AS lost
           FROM dead_letters",
        Vec::new(),
    )
}

/// Selects a whole dead letter: one row, `domain::operations::dead_letter::DeadLetter`.
pub fn whole(id: &str) -> Statement {
    Statement::new(
        "SELECT id, tag, first_at, last_at, count, error, body FROM dead_letters WHERE id = ?1",
        vec![Value::text(id)],
    )
}

/// Selects the task of a dead letter: one row, `BodyRow`.
pub fn one(id: &str) -> Statement {
    Statement::new("SELECT id, body FROM dead_letters WHERE id = ?1", vec![Value::text(id)])
}

/// Selects the next dead letters whose last failure is before `before`, longest ago first, so that
/// those that fail each time do not block the others. Rows are `BodyRow`.
pub fn next(before: Millis, limit: usize) -> Statement {
    Statement::new(
        "SELECT id, body FROM dead_letters
          WHERE last_at < ?1 ORDER BY last_at, id LIMIT ?2",
        vec![Value::Int(before.0), Value::Int(limit as i64)],
    )
}

/// A row of `one` or `next`.
#[derive(Debug, Deserialize)]
pub struct BodyRow {
    pub id: String,
    /// The task as the queue had it.
    pub body: String,
}

/// Records why a dead letter failed again.
pub fn note(id: &str, error: &str, now: Millis) -> Statement {
    Statement::new(
        "UPDATE dead_letters SET error = ?2, last_at = ?3 WHERE id = ?1",
        vec![Value::text(id), Value::text(error), Value::Int(now.0)],
    )
}

/// Deletes a dead letter; one row, `IdRow`, if it existed.
pub fn forget(id: &str) -> Statement {
    Statement::new("DELETE FROM dead_letters WHERE id = ?1 RETURNING id", vec![Value::text(id)])
}

/// Deletes all dead letters from before a given time, and the count of those lost by then. Rows are
/// those of `forget`.
pub fn forget_all(before: Millis) -> [Statement; 2] {
    let before = Value::Int(before.0);
    [
        Statement::new(
            "DELETE FROM dead_letters WHERE last_at < ?1 RETURNING id",
            vec![before.clone()],
        ),
        Statement::new("DELETE FROM dead_letters_lost WHERE at < ?1", vec![before]),
    ]
}
