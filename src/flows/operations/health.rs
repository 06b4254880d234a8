//! Whether the deployment works, and how late it is. The details are for operators; everybody else
//! gets one status word per part.

use crate::domain::base::primitives::{CLOCKS_DIFFER_MAX, Millis, QualifiedId, Span};
use crate::domain::operations::dead_letter::DeadLetters;
use crate::domain::operations::failing::{Failing, FailingKind};
use crate::domain::publication::catalog::Unreadable;
use crate::flows::ports::DatabaseError;
use crate::flows::schedule::due::CLAIM;
use crate::flows::schedule::quarantine::ATTEMPTS_ALONE_MAX;
use crate::store::circuit_breakers::BreakerRow;
use crate::store::outages::OutageRow;
use crate::store::parked::CountRow;
use crate::store::restores::{GuardRow, WaitingRow};
use crate::store::schedule::Part;
use crate::store::statement::{Rows, Statement};
use crate::store::{circuit_breakers, dead_letters, failing, outages, parked, restores, schedule};
use serde::{Deserialize, Serialize};

/// Without a tick for this long, the scheduler counts as stopped: five of its minutes.
pub const TICK_AGE_MAX: Span = Span::minutes(5);

/// What is due for longer than this is late: a claim without a result has expired twice.
pub const DUE_AGE_MAX: Span = Span::minutes(15);

/// The state of each part; `None` means healthy.
#[derive(Debug, Serialize)]
pub struct Health {
    /// Whether all parts are healthy.
    pub is_ready: bool,
    /// The problem with the database.
    pub database: Option<String>,
    /// The problem with the key-value store.
    pub kv: Option<String>,
    /// The problem with the queue.
    pub queue: Option<String>,
    /// The problem with the scheduler.
    pub scheduler: Option<String>,
    /// The age of the last tick, in seconds.
    pub last_tick_age_seconds: Option<i64>,
    /// How late the longest-waiting step or message is, in seconds, whether claimed or not.
    pub oldest_due_seconds: i64,
    /// Set if `oldest_due_seconds` is above the limit.
    pub due: Option<String>,
    /// The published versions that cannot be read; their campaigns wait.
    pub versions: Vec<Unreadable>,
    /// The number of quarantined contacts.
    pub parked: i64,
    /// The totals of the dead letters.
    pub dead_letters: DeadLetters,
    /// Set if the database was restored and messages wait for an operator's decision.
    pub restored: Option<String>,
    /// The work that the database refuses; each waits alone, and is retried.
    pub failing: Vec<FailingHealth>,
    /// The providers that are out of order; messages that wait for them are not lost.
    #[serde(rename = "senders")]
    pub providers: Vec<ProviderHealth>,
}

/// A public status word for each part: `ok`, `failing`, or `late`.
#[derive(Debug, PartialEq, Serialize)]
pub struct Words {
    /// Whether all parts are healthy.
    pub is_ready: bool,
    pub database: &'static str,
    pub kv: &'static str,
    pub queue: &'static str,
    pub scheduler: &'static str,
    /// Due steps and messages.
    pub due: &'static str,
    /// Segment backfills, waking of journeys, and broadcasts, of which the database may refuse
    /// some.
    pub work: &'static str,
    /// The published versions.
    pub versions: &'static str,
    /// The providers.
    #[serde(rename = "senders")]
    pub providers: &'static str,
    /// Contacts, of which some may be quarantined.
    pub contacts: &'static str,
    /// Whether there are dead letters.
    pub dead_letters: &'static str,
    /// Whether messages wait since the database was restored.
    pub restored: &'static str,
}

impl Health {
    /// Returns the public status words.
    pub fn words(&self) -> Words {
        let status_word = |is_well: bool, otherwise| if is_well { "ok" } else { otherwise };
        Words {
            is_ready: self.is_ready,
            database: status_word(self.database.is_none(), "failing"),
            kv: status_word(self.kv.is_none(), "failing"),
            queue: status_word(self.queue.is_none(), "failing"),
            scheduler: status_word(self.scheduler.is_none(), "late"),
            due: status_word(self.due.is_none(), "late"),
            work: status_word(self.failing.is_empty(), "failing"),
            versions: status_word(self.versions.is_empty(), "failing"),
            providers: status_word(self.providers.is_empty(), "failing"),
            contacts: status_word(self.parked == 0, "failing"),
            dead_letters: status_word(self.dead_letters == DeadLetters::default(), "failing"),
            restored: status_word(self.restored.is_none(), "failing"),
        }
    }
}

/// A segment backfill, waking of a journey, or broadcast that fails.
#[derive(Debug, PartialEq, Serialize)]
pub struct FailingHealth {
    pub kind: FailingKind,
    /// The segment, journey or broadcast.
    pub id: QualifiedId,
    /// The number of failures in a row.
    pub attempts: u32,
    /// The time until the next attempt, in seconds.
    pub tried_again_in_seconds: i64,
}

/// A provider that is out of order.
#[derive(Debug, PartialEq, Serialize)]
pub struct ProviderHealth {
    #[serde(rename = "sender")]
    pub provider: String,
    /// Why its last call failed.
    pub reason: String,
    /// The time until the next attempt, in seconds.
    pub tried_again_in_seconds: i64,
}

#[derive(Deserialize)]
struct AtRow {
    at: Option<Millis>,
}

/// Returns the statements that read the database's part.
pub fn questions(now: Millis) -> Vec<Statement> {
    vec![
        schedule::last_tick(),
        schedule::next(),
        parked::count(ATTEMPTS_ALONE_MAX),
        circuit_breakers::breakers(),
        restores::guard(),
        restores::waiting(),
        schedule::handed_out_since(now.plus(CLAIM)),
        schedule::refuses_since(Part::KeyValue),
        outages::list(),
        schedule::refuses_since(Part::Queue),
        failing::list(None),
        dead_letters::totals(),
    ]
}

/// The state of the other parts.
pub struct Parts<'a> {
    /// The result of reading the key-value store.
    pub kv: Result<(), String>,
    /// The state of the queue.
    pub queue: Result<(), String>,
    /// The versions that this isolate cannot read.
    pub unreadable: &'a [Unreadable],
}

/// Computes the health from the rows of `questions` and the state of the other parts.
pub fn assess(database: Result<Vec<Rows>, DatabaseError>, parts: Parts<'_>, now: Millis) -> Health {
    let (rows, database) = match database {
        Ok(rows) => (rows, None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    let asked = database.is_none();
    let at = |index: usize| rows.get(index)?.first::<AtRow>().ok()??.at;
    let seconds_since = |at: Millis| (now.0 - at.0) / 1_000;
    let last_tick_age_seconds = at(0).map(seconds_since);
    let scheduler = scheduler(last_tick_age_seconds).filter(|_| asked);
    let oldest = at(1).into_iter().chain(at(6)).min();
    let oldest_due_seconds = oldest.map_or(0, seconds_since).max(0);
    let is_late = oldest_due_seconds > DUE_AGE_MAX.0 / 1_000;
    let due = is_late.then(|| format!("something is due for {oldest_due_seconds} seconds"));
    let count = |rows: &Rows| rows.first::<CountRow>().ok().flatten().map(|row| row.parked);
    let dead = |rows: &Rows| rows.first::<DeadLetters>().ok().flatten();
    let guard = |rows: &Rows| rows.first::<GuardRow>().ok().flatten()?.guard();
    let waiting = |rows: &Rows| rows.first::<WaitingRow>().ok().flatten().map(|row| row.messages);
    let waiting = rows.get(5).and_then(waiting).unwrap_or(0);
    let needs_decision = rows.get(4).and_then(guard).filter(|guard| guard.needs_decision(waiting));
    let restored = needs_decision.map(|guard| {
        let mark = guard.mark.rfc3339();
        format!("restored from {mark}: messages wait for `dripline restore release` or `drop`")
    });
    let refuses = |index: usize, what: &str| {
        at(index).map(|since| format!("it takes no {what} since {}", since.rfc3339()))
    };
    let Parts { kv, queue, unreadable } = parts;
    let kv = kv.err().or_else(|| refuses(7, "writes"));
    let queue = queue.err().or_else(|| refuses(9, "work"));
    let out = rows.get(8).and_then(|rows| rows.all::<OutageRow>().ok()).unwrap_or_default();
    let versions = crate::flows::schedule::outages::all(out, unreadable);
    let wrong = [&database, &kv, &queue, &scheduler, &due, &restored];
    Health {
        is_ready: wrong.iter().all(|part| part.is_none()) && versions.is_empty(),
        kv,
        queue,
        scheduler,
        last_tick_age_seconds,
        oldest_due_seconds,
        due,
        versions,
        parked: rows.get(2).and_then(count).unwrap_or(0),
        dead_letters: rows.get(11).and_then(dead).unwrap_or_default(),
        restored,
        failing: failing_work(rows.get(10), now),
        providers: out_of_order(rows.get(3), now),
        database,
    }
}

fn scheduler(last_tick_age_seconds: Option<i64>) -> Option<String> {
    match last_tick_age_seconds {
        None => Some("no tick has run yet".to_owned()),
        Some(age) if age > TICK_AGE_MAX.0 / 1_000 => Some(format!("no tick for {age} seconds")),
        Some(age) if -age > CLOCKS_DIFFER_MAX.0 / 1_000 => Some(format!(
            "the last tick lies {} seconds in the future: a clock was wrong; the next tick puts \
             it right",
            -age
        )),
        Some(_) => None,
    }
}

fn failing_work(rows: Option<&Rows>, now: Millis) -> Vec<FailingHealth> {
    let rows = rows.and_then(|rows| rows.all::<Failing>().ok()).unwrap_or_default();
    let of = |row: Failing| {
        let tried_again_in_seconds = ((row.retry_at.0 - now.0) / 1_000).max(0);
        let Failing { kind, id, attempts, .. } = row;
        FailingHealth { kind, id, attempts, tried_again_in_seconds }
    };
    rows.into_iter().map(of).collect()
}

fn out_of_order(rows: Option<&Rows>, now: Millis) -> Vec<ProviderHealth> {
    let rows = rows.and_then(|rows| rows.all::<BreakerRow>().ok()).unwrap_or_default();
    let of = |row: BreakerRow| {
        let until = row.breaker.open_until?;
        let tried_again_in_seconds = ((until.0 - now.0) / 1_000).max(0);
        Some(ProviderHealth {
            provider: row.name,
            reason: row.breaker.reason,
            tried_again_in_seconds,
        })
    };
    rows.into_iter().filter_map(of).collect()
}
