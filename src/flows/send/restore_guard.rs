//! guard_restore: after the database was restored to an earlier time, nothing that may have left
//! before is sent again without an operator's word.
//!
//! The database cannot tell by itself: all it knows is of before. So a tick makes a mark: it writes
//! it down in the database, and then outside it (in KV). If the database knows only of an earlier
//! one, it was restored. The number of a mark only grows, so no clock that was wrong can hide that.
//! Ticks and deliveries ask for it first: one round trip of one statement. What the gate then holds
//! back is in `domain/sending/restore_guard.rs`.

use crate::domain::base::primitives::{CLOCKS_DIFFER_MAX, Millis, Span};
use crate::domain::sending::restore_guard::{Mark, Resolution, RestoreGuard};
use crate::flows::ports::{Database, DatabaseError, KeyValue, KeyValueError};
use crate::store::restores::{self, GuardRow, WaitingRow};
use crate::store::schedule;
use crate::store::statement::Rows;
use serde::{Deserialize, Serialize};

/// How old the mark may become while nothing is handed out: KV takes 1,000 writes a day for
/// nothing.
pub const MARK_AGE_MAX: Span = Span::minutes(5);

/// Under this key the key-value store keeps the last mark.
pub const MARK_KEY: &str = "mark";

/// The mark outside the database, if there is one.
pub async fn mark<K: KeyValue>(kv: &K) -> Result<Option<Mark>, KeyValueError> {
    Ok(kv.get(MARK_KEY).await?.and_then(|text| Mark::read(&text)))
}

/// Compares the mark outside with the last that the database knows of, which it returns, and writes
/// down if it was restored.
pub async fn watch<D: Database>(
    db: &D,
    mark: Option<Mark>,
    now: Millis,
) -> Result<Option<Mark>, DatabaseError> {
    let rows = db.batch(vec![schedule::last_mark()]).await?;
    let known = rows.first().map(Rows::first::<Mark>).transpose();
    let known = known.map_err(DatabaseError::Fault)?.flatten();
    // A database in which no tick ever ran is a new one.
    if let (Some(known), Some(mark)) = (known, mark)
        && known.number < mark.number
    {
        let reached = mark.at.min(now);
        let since = known.at.min(reached);
        let before = guard(&db.batch(vec![restores::guard()]).await?)?;
        let is_over = before.is_some_and(|guard| guard.is_over(reached));
        let found =
            restores::found(since, reached).into_iter().chain([schedule::record_mark(mark)]);
        db.batch(is_over.then(restores::forget).into_iter().chain(found).collect()).await?;
    }
    Ok(known.max(mark))
}

fn guard(rows: &[Rows]) -> Result<Option<RestoreGuard>, DatabaseError> {
    let guard = rows.first().map(Rows::first::<GuardRow>).transpose();
    Ok(guard.map_err(DatabaseError::Fault)?.flatten().and_then(GuardRow::guard))
}

/// The mark to make after a tick at `now` that handed something out, or did not; `None`: the last
/// will do. A time in the future was written by a clock that was wrong, and says nothing.
pub fn mark_after(last: Option<Mark>, has_work: bool, now: Millis) -> Option<Mark> {
    let at = last.map(|last| last.at).filter(|at| *at <= now.plus(CLOCKS_DIFFER_MAX));
    let is_old = at.is_none_or(|at| at.plus(MARK_AGE_MAX) <= now);
    let next = Mark {
        number: last.map_or(now.0, |last| now.0.max(last.number + 1)),
        at: at.map_or(now, |at| at.max(now)),
    };
    (has_work || is_old).then_some(next)
}

/// Writes a mark down, and then puts it outside. Should that be refused, the former one stays, and
/// is good enough.
pub async fn put_mark<D: Database, K: KeyValue>(
    db: &D,
    kv: &K,
    mark: Mark,
) -> Result<Result<(), KeyValueError>, DatabaseError> {
    db.batch(vec![schedule::record_mark(mark)]).await?;
    Ok(kv.put(MARK_KEY, &mark.text()).await)
}

/// What is known of a restore.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RestoreState {
    /// Whether a restore was found, and waits for an operator's word.
    pub restored: bool,
    /// Up to when messages may have left that the database does not know of.
    pub mark: Option<Millis>,
    /// How many messages wait.
    pub messages: i64,
}

/// How it stands. One round trip, two statements.
pub async fn state<D: Database>(db: &D) -> Result<RestoreState, DatabaseError> {
    let rows = db.batch(vec![restores::guard(), restores::waiting()]).await?;
    let waiting = rows.get(1).map(Rows::first::<WaitingRow>).transpose();
    let messages = waiting.map_err(DatabaseError::Fault)?.flatten().map_or(0, |row| row.messages);
    let guard = guard(&rows)?.filter(|guard| guard.asks(messages));
    Ok(RestoreState { restored: guard.is_some(), mark: guard.map(|guard| guard.mark), messages })
}

/// An operator has its word; says how it stood before. One round trip more, two statements.
pub async fn say<D: Database>(
    db: &D,
    word: Resolution,
    now: Millis,
) -> Result<RestoreState, DatabaseError> {
    let before = state(db).await?;
    if before.restored {
        let said = match word {
            Resolution::Release => restores::forget(),
            Resolution::Drop => restores::drop_waiting(now),
        };
        db.batch(vec![said, restores::wake(now)]).await?;
    }
    Ok(before)
}
