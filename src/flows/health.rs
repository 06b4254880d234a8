//! health: whether the worker can do its work, and how late it is. One round trip, five
//! statements.

use super::park::ATTEMPTS_ALONE_MAX;
use super::seams::DatabaseError;
use crate::domain::primitives::{Millis, Span};
use crate::store::parked::CountRow;
use crate::store::restores::{GuardRow, WaitingRow};
use crate::store::senders::SenderRow;
use crate::store::statement::{Rows, Statement};
use crate::store::{due, parked, restores, senders};
use serde::{Deserialize, Serialize};

/// Without a tick for this long, the scheduler is taken for stopped: five of its minutes.
pub const TICK_AGE_MAX: Span = Span::minutes(5);

/// The state of each part; `None` is well.
#[derive(Debug, Serialize)]
pub struct Health {
    /// Whether all parts are well.
    pub is_ready: bool,
    /// What is wrong with the database.
    pub database: Option<String>,
    /// What is wrong with the key-value store.
    pub kv: Option<String>,
    /// What is wrong with the queue.
    pub queue: Option<String>,
    /// What is wrong with the scheduler.
    pub scheduler: Option<String>,
    /// How long ago the last tick ran, in seconds.
    pub last_tick_age_seconds: Option<i64>,
    /// How late the longest-waiting step or message is, in seconds.
    pub oldest_due_seconds: i64,
    /// How many contacts are parked, because a decision about them fails for good.
    pub parked: i64,
    /// That the database was restored, and messages wait for an operator's word.
    pub restored: Option<String>,
    /// The senders that are out of order; what waits for them is not lost.
    pub senders: Vec<SenderHealth>,
}

/// A sender that is out of order.
#[derive(Debug, PartialEq, Serialize)]
pub struct SenderHealth {
    /// Its name.
    pub sender: String,
    /// Why its last call failed.
    pub reason: String,
    /// In how many seconds it is tried again.
    pub tried_again_in_seconds: i64,
}

#[derive(Deserialize)]
struct AtRow {
    at: Option<Millis>,
}

/// What to ask the database.
pub fn questions() -> Vec<Statement> {
    vec![
        due::last_tick(),
        due::next(),
        parked::count(ATTEMPTS_ALONE_MAX),
        senders::standing(),
        restores::guard(),
        restores::waiting(),
    ]
}

/// Judges its answer, and the other parts'.
pub fn judge(
    database: Result<Vec<Rows>, DatabaseError>,
    kv: Result<(), String>,
    queue: Result<(), String>,
    now: Millis,
) -> Health {
    let at = |index: usize| {
        let row = database.as_ref().ok()?.get(index)?.first::<AtRow>().ok()??;
        row.at
    };
    let seconds_since = |at: Millis| (now.0 - at.0) / 1_000;
    let last_tick_age_seconds = at(0).map(seconds_since);
    let scheduler = match last_tick_age_seconds {
        None => Some("no tick has run yet".to_owned()),
        Some(age) if age > TICK_AGE_MAX.0 / 1_000 => Some(format!("no tick for {age} seconds")),
        Some(_) => None,
    };
    let oldest_due_seconds = at(1).map_or(0, seconds_since).max(0);
    let count = |rows: &Rows| rows.first::<CountRow>().ok().flatten().map(|row| row.parked);
    let parked = database.as_ref().ok().and_then(|rows| count(rows.get(2)?)).unwrap_or(0);
    let senders = database.as_ref().ok().map(|rows| out_of_order(rows.get(3), now));
    let senders = senders.unwrap_or_default();
    let guard = |rows: &Rows| rows.first::<GuardRow>().ok().flatten()?.guard();
    let guard = database.as_ref().ok().and_then(|rows| guard(rows.get(4)?));
    let waiting = |rows: &Rows| rows.first::<WaitingRow>().ok().flatten().map(|row| row.messages);
    let waiting = database.as_ref().ok().and_then(|rows| waiting(rows.get(5)?)).unwrap_or(0);
    let restored = guard.filter(|guard| guard.asks(waiting)).map(|guard| {
        let mark = guard.mark.rfc3339();
        format!("restored from {mark}: messages wait for `dripline restore release` or `drop`")
    });
    let database = database.err().map(|error| error.to_string());
    let (kv, queue) = (kv.err(), queue.err());
    let is_ready =
        [&database, &kv, &queue, &scheduler, &restored].iter().all(|part| part.is_none());
    Health {
        is_ready,
        database,
        kv,
        queue,
        scheduler,
        last_tick_age_seconds,
        oldest_due_seconds,
        parked,
        restored,
        senders,
    }
}

fn out_of_order(rows: Option<&Rows>, now: Millis) -> Vec<SenderHealth> {
    let rows = rows.and_then(|rows| rows.all::<SenderRow>().ok()).unwrap_or_default();
    let of = |row: SenderRow| {
        let until = row.breaker.open_until?;
        let tried_again_in_seconds = ((until.0 - now.0) / 1_000).max(0);
        Some(SenderHealth { sender: row.name, reason: row.breaker.reason, tried_again_in_seconds })
    };
    rows.into_iter().filter_map(of).collect()
}
