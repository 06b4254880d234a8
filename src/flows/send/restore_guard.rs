//! After the database was restored to an earlier time, messages that may have been sent already
//! wait for an operator's decision.
//!
//! The database cannot detect a restore by itself, because it is in the earlier state. So a tick
//! makes a mark: it writes the mark to the database, and then outside it (to KV). If the database
//! knows only an earlier mark, it was restored. The number of a mark only grows, so a wrong clock
//! cannot hide a restore. Ticks and deliveries check it first. Which messages the gate then holds
//! back is decided in `domain/sending/restore_guard.rs`.

use crate::domain::base::primitives::{CLOCKS_DIFFER_MAX, Millis, Span};
use crate::domain::sending::restore_guard::{Mark, Resolution, RestoreGuard};
use crate::flows::ports::{Database, DatabaseError, KeyValue, KeyValueError};
use crate::store::restores::{self, GuardRow, WaitingRow};
use crate::store::schedule;
use crate::store::statement::Rows;
use serde::{Deserialize, Serialize};

/// The maximum age of the mark while nothing is enqueued: KV includes 1,000 free writes a day.
pub const MARK_AGE_MAX: Span = Span::minutes(5);

/// The key of the last mark in the key-value store.
pub const MARK_KEY: &str = "mark";

/// Returns the mark outside the database, if there is one.
pub async fn mark<K: KeyValue>(kv: &K) -> Result<Option<Mark>, KeyValueError> {
    Ok(kv.get(MARK_KEY).await?.and_then(|text| Mark::read(&text)))
}

/// Compares the mark outside with the last mark in the database, and records a restore if there was
/// one. Returns the newer mark.
pub async fn watch<D: Database>(
    db: &D,
    mark: Option<Mark>,
    now: Millis,
) -> Result<Option<Mark>, DatabaseError> {
    let rows = db.batch(vec![schedule::last_mark()]).await?;
    let known = rows.first().map(Rows::first::<Mark>).transpose();
    let known = known.map_err(DatabaseError::Fault)?.flatten();
    // A database without any tick is new, not restored.
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

/// Returns the mark to make after a tick at `now`, given whether it enqueued work; `None` if the
/// last mark suffices. A mark dated in the future was written with a wrong clock, and its date is
/// ignored.
pub fn mark_after(last: Option<Mark>, has_work: bool, now: Millis) -> Option<Mark> {
    let at = last.map(|last| last.at).filter(|at| *at <= now.plus(CLOCKS_DIFFER_MAX));
    let is_old = at.is_none_or(|at| at.plus(MARK_AGE_MAX) <= now);
    let next = Mark {
        number: last.map_or(now.0, |last| now.0.max(last.number + 1)),
        at: at.map_or(now, |at| at.max(now)),
    };
    (has_work || is_old).then_some(next)
}

/// Writes a mark to the database, and then outside. If the second write fails, the former mark
/// stays, which is sufficient.
pub async fn put_mark<D: Database, K: KeyValue>(
    db: &D,
    kv: &K,
    mark: Mark,
) -> Result<Result<(), KeyValueError>, DatabaseError> {
    db.batch(vec![schedule::record_mark(mark)]).await?;
    Ok(kv.put(MARK_KEY, &mark.text()).await)
}

/// The state of a restore.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RestoreState {
    /// Whether a restore was found and waits for an operator's decision.
    pub restored: bool,
    /// The time until which messages may have left that are not in the database.
    pub mark: Option<Millis>,
    /// The number of waiting messages.
    pub messages: i64,
}

/// Reads the state.
pub async fn state<D: Database>(db: &D) -> Result<RestoreState, DatabaseError> {
    let rows = db.batch(vec![restores::guard(), restores::waiting()]).await?;
    let waiting = rows.get(1).map(Rows::first::<WaitingRow>).transpose();
    let messages = waiting.map_err(DatabaseError::Fault)?.flatten().map_or(0, |row| row.messages);
    let guard = guard(&rows)?.filter(|guard| guard.needs_decision(messages));
    Ok(RestoreState { restored: guard.is_some(), mark: guard.map(|guard| guard.mark), messages })
}

/// Applies an operator's decision, and returns the state before it.
pub async fn resolve<D: Database>(
    db: &D,
    resolution: Resolution,
    now: Millis,
) -> Result<RestoreState, DatabaseError> {
    let before = state(db).await?;
    if before.restored {
        let change = match resolution {
            Resolution::Release => restores::forget(),
            Resolution::Drop => restores::drop_waiting(now),
        };
        db.batch(vec![change, restores::wake(now)]).await?;
    }
    Ok(before)
}
