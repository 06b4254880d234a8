//! guard_restore: after the database was restored to an earlier time, nothing that may have left
//! before is sent again without an operator's word.
//!
//! The database cannot tell by itself: all it knows is of before. A mark outside it (in KV: the
//! time of a tick) is newer than its last tick if, and only if, it was restored. Ticks and
//! deliveries ask for that first: one round trip of one statement. What the gate then holds back is
//! in `domain/restore.rs`.

use super::seams::{Database, DatabaseError};
use crate::domain::primitives::{Millis, Span};
use crate::domain::restore::{Guard, Say};
use crate::store::due;
use crate::store::restores::{self, GuardRow, WaitingRow};
use crate::store::statement::Rows;
use serde::{Deserialize, Serialize};

/// How old the mark may become while nothing is handed out: KV takes 1,000 writes a day for
/// nothing.
pub const MARK_AGE_MAX: Span = Span::minutes(5);

#[derive(Deserialize)]
struct AtRow {
    at: Option<Millis>,
}

/// Compares the mark with the database's last tick, and writes down if it was restored.
pub async fn watch<D: Database>(db: &D, mark: Option<Millis>) -> Result<(), DatabaseError> {
    let Some(mark) = mark else { return Ok(()) };
    let rows = db.batch(vec![due::last_tick()]).await?;
    let row = rows.first().map(Rows::first::<AtRow>).transpose();
    let last = row.map_err(DatabaseError::Fault)?.flatten().and_then(|row| row.at);
    // A database in which no tick ever ran is a new one.
    if let Some(last) = last.filter(|last| *last < mark) {
        let before = guard(&db.batch(vec![restores::guard()]).await?)?;
        let is_over = before.is_some_and(|guard| guard.is_over(mark));
        let found = restores::found(last, mark);
        db.batch(is_over.then(restores::forget).into_iter().chain(found).collect()).await?;
    }
    Ok(())
}

fn guard(rows: &[Rows]) -> Result<Option<Guard>, DatabaseError> {
    let guard = rows.first().map(Rows::first::<GuardRow>).transpose();
    Ok(guard.map_err(DatabaseError::Fault)?.flatten().and_then(GuardRow::guard))
}

/// The mark to keep after a tick at `now` that handed something out, or did not; `None`: leave it.
pub fn mark_after(mark: Option<Millis>, has_work: bool, now: Millis) -> Option<Millis> {
    let is_old = mark.is_none_or(|mark| mark.plus(MARK_AGE_MAX) <= now);
    let is_newer = mark.is_none_or(|mark| mark < now);
    (is_newer && (has_work || is_old)).then_some(now)
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
    word: Say,
    now: Millis,
) -> Result<RestoreState, DatabaseError> {
    let before = state(db).await?;
    if before.restored {
        let said = match word {
            Say::Release => restores::forget(),
            Say::Drop => restores::drop_waiting(now),
        };
        db.batch(vec![said, restores::wake(now)]).await?;
    }
    Ok(before)
}
