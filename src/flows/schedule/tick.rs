//! The cron run of one minute. What is due is enqueued even if other parts fail, and each part
//! fails independently.
//!
//! The order matters in one place: housekeeping comes before enqueueing, so that the same tick
//! enqueues what it makes due. What needs the key-value store comes afterwards, except the restore
//! mark.

use super::{outages, respell};
use crate::domain::base::primitives::{CLOCKS_DIFFER_MAX, Millis, Span};
use crate::domain::publication::catalog::Catalog;
use crate::domain::report::Report;
use crate::domain::sending::auto_pause::PauseEvent;
use crate::flows::campaign::backfill::passes;
use crate::flows::campaign::catalog_cache::{Library, Shelf};
use crate::flows::campaign::{auto_pause, publish};
use crate::flows::import;
use crate::flows::ports::{Database, DatabaseError, KeyValue, KeyValueError, WorkQueue};
use crate::flows::report::campaign;
use crate::flows::schedule::due::{DUE_ON_TRIAL, DUE_PER_TICK_MAX, HandOutError};
use crate::flows::schedule::{due, housekeeping};
use crate::flows::send::restore_guard;
use crate::flows::settings::Settings;
use crate::store::schedule::Part;
use crate::store::statement::Rows;
use crate::store::{clock, schedule, segments};
use serde::Deserialize;
use std::cell::{Cell, RefCell};
use std::fmt::Display;

/// The environment of one tick.
pub struct Minute<'a, D, K, Q> {
    pub db: &'a D,
    pub kv: &'a K,
    /// The queue for the work.
    pub queue: &'a Q,
    /// The isolate's cache.
    pub shelf: &'a RefCell<Shelf>,
    /// The live versions, as the isolate has them.
    pub catalog: &'a Catalog,
    pub settings: &'a Settings,
    pub now: Millis,
    /// The real time, which tests do not shift.
    pub real_now: Millis,
}

/// The time between two ticks.
const TICK_INTERVAL: Span = Span::minutes(1);

/// The part of a tick that backfills segments and wakes people inside journeys. Each failure in it
/// is recorded and retried separately.
pub const FILLINGS: &str = "fillings";

/// The result of a tick.
#[derive(Debug, Default)]
pub struct TickOutcome {
    /// The parts that failed, by name, and why.
    pub failures: Vec<(&'static str, String)>,
    /// The pause events that this tick recorded.
    pub pause_events: Vec<PauseEvent>,
}

impl TickOutcome {
    /// Returns the value of a part, or records its failure.
    fn take<T, E: Display>(&mut self, part: &'static str, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.failures.push((part, error.to_string()))).ok()
    }
}

/// Runs the work of one minute.
pub async fn tick<D: Database, K: KeyValue, Q: WorkQueue>(
    minute: &Minute<'_, D, K, Q>,
) -> TickOutcome {
    let Minute { db, queue, catalog, settings, now, real_now, shelf, .. } = *minute;
    let kv = &Watched { kv: minute.kv, refused: Cell::new(None) };
    let mut outcome = TickOutcome::default();

    // --- What this tick needs to know of the last one -------------------------------------------
    let last = outcome.take("clock", last(db, now).await);
    if let Some(last) = &last {
        outcome.take("clock", put_right(db, catalog, last.tick, now).await);
        if outcome.take("clock", record_leap(db, last.tick, now).await).is_none() {
            return outcome;
        }
    }
    let mark = outcome.take("mark", restore_guard::mark(kv).await);
    let watched = outcome.take("restore", restore_guard::watch(db, mark.flatten(), now).await);

    // --- What is due ----------------------------------------------------------------------------
    let readable_again = outcome.take("versions", outages::watch(db, catalog, now).await);
    let last_tick = last.as_ref().and_then(|last| last.tick);
    let failures = housekeeping::prepare_work(db, last_tick, now).await;
    outcome.failures.extend(failures.into_iter().map(|failure| (FILLINGS, failure)));
    let is_on_trial = last.as_ref().is_some_and(|last| last.queue_refuses);
    let limit = if is_on_trial { DUE_ON_TRIAL } else { DUE_PER_TICK_MAX };
    let handed_out = due::hand_out(db, queue, limit, now).await;
    // If the queue refused part of the work, it may have taken the rest.
    let has_work = !matches!(handed_out, Ok(0));
    let queue_refuses = match &handed_out {
        Ok(tasks) => (*tasks > 0).then_some(false),
        Err(HandOutError::Queue(_)) => Some(true),
        Err(HandOutError::Database(_)) => None,
    };
    outcome.take("due", handed_out);
    if last.as_ref().is_some_and(|last| last.has_import) {
        let due = outcome.take("imports", import::run::claim(db, now).await).unwrap_or_default();
        let taken = queue.hand_out(&due).await.map_err(|refusal| refusal.reason);
        outcome.take("imports", taken);
    }

    // --- Housekeeping ---------------------------------------------------------------------------
    // A newer mark in a database that was not compared would hide that it was restored.
    if let (Some(_), Some(last)) = (mark, watched)
        && let Some(mark) = restore_guard::mark_after(last, has_work, now)
        && let Some(put) = outcome.take("mark", restore_guard::put_mark(db, kv, mark).await)
    {
        outcome.take("mark", put);
    }
    outcome.take("addresses", respell::respell(db, now).await);
    let judged = auto_pause::check(db, &settings.pacing.brake, now).await;
    outcome.pause_events = outcome.take("brake", judged).unwrap_or_default();
    let library = Library { db, kv, shelf, now: real_now };
    let copied = match readable_again {
        Some(true) => library.refresh().await,
        _ => library.repair().await,
    };
    if let Some(copied) = outcome.take("versions", copied) {
        outcome.take("versions", copied);
    }
    refresh_snapshots(db, kv, catalog, now, &mut outcome).await;
    if let Some(last) = last {
        let parts = [
            (Part::Queue, queue_refuses, last.queue_refuses),
            (Part::KeyValue, kv.refused.get(), last.kv_refuses),
        ];
        outcome.take("health", record_refusals(db, parts, now).await);
    }
    outcome
}

/// The database's record of the last tick.
struct Last {
    tick: Option<Millis>,
    /// Whether the key-value store refused writes.
    kv_refuses: bool,
    /// Whether the queue refused work.
    queue_refuses: bool,
    /// Whether an import is due.
    has_import: bool,
}

async fn last<D: Database>(db: &D, now: Millis) -> Result<Last, DatabaseError> {
    #[derive(Deserialize)]
    struct Row {
        at: Option<Millis>,
        #[serde(default)]
        imports: u8,
    }
    let questions = vec![
        schedule::last_tick_and_imports(now),
        schedule::refuses_since(Part::KeyValue),
        schedule::refuses_since(Part::Queue),
    ];
    let rows = db.batch(questions).await?;
    let row = |index: usize| {
        let row = rows.get(index).map(Rows::first::<Row>).transpose();
        row.map(Option::flatten).map_err(DatabaseError::Fault)
    };
    let at = |index: usize| row(index).map(|row| row.and_then(|row| row.at));
    let (kv_refuses, queue_refuses) = (at(1)?.is_some(), at(2)?.is_some());
    let has_import = row(0)?.is_some_and(|row| row.imports == 1);
    Ok(Last { tick: at(0)?, kv_refuses, queue_refuses, has_import })
}

/// Corrects dates after a clock error, which shows as a last tick dated in the future. What that
/// clock has dated gets a new date, and all backfills run again, because rules may have been
/// evaluated for the wrong time.
async fn put_right<D: Database>(
    db: &D,
    catalog: &Catalog,
    last: Option<Millis>,
    now: Millis,
) -> Result<(), DatabaseError> {
    let Some(last) = last.filter(|last| *last > now.plus(CLOCKS_DIFFER_MAX)) else {
        return Ok(());
    };
    let mut statements = clock::put_right(last, now);
    statements.push(segments::begin_fills(&publish::fills(catalog), passes(now)));
    db.batch(statements).await.map(drop)
}

/// Records this tick before it does anything, if it comes late: its clock may be ahead. A tick that
/// dies would otherwise leave dates of that clock, and no trace of it.
async fn record_leap<D: Database>(
    db: &D,
    last: Option<Millis>,
    now: Millis,
) -> Result<(), DatabaseError> {
    match last {
        Some(last) if now > last.plus(TICK_INTERVAL).plus(CLOCKS_DIFFER_MAX) => {
            db.batch(vec![schedule::record_tick(now)]).await.map(drop)
        }
        _ => Ok(()),
    }
}

/// Records which parts refuse writes or work, where that has changed. Each part is given with what
/// this tick found, if it tried the part, and with what was recorded before.
async fn record_refusals<D: Database>(
    db: &D,
    parts: [(Part, Option<bool>, bool); 2],
    now: Millis,
) -> Result<(), DatabaseError> {
    let news = parts.into_iter().filter_map(|(part, refuses, known)| {
        let refuses = refuses.filter(|refuses| *refuses != known)?;
        Some(schedule::record_refusal(part, refuses, now))
    });
    let news: Vec<_> = news.collect();
    if news.is_empty() { Ok(()) } else { db.batch(news).await.map(drop) }
}

/// Returns the key of a campaign's last report.
pub fn snapshot_key(campaign: &str) -> String {
    format!("report:{campaign}")
}

/// Keeps a snapshot of every report that has changed, for when the database does not answer.
/// Cloudflare's KV includes 1,000 free writes a day, so unchanged ones are not written.
async fn refresh_snapshots<D: Database, K: KeyValue>(
    db: &D,
    kv: &K,
    catalog: &Catalog,
    now: Millis,
    outcome: &mut TickOutcome,
) {
    for published in catalog.live() {
        let Some(report) = outcome.take("snapshots", campaign::report(db, published, now).await)
        else {
            continue;
        };
        let key = snapshot_key(published.id().as_str());
        // A store that does not answer is not asked again for the next report.
        let Some(known) = outcome.take("snapshots", kv.get(&key).await) else { return };
        let known = known.and_then(|text| serde_json::from_str::<Report>(&text).ok());
        if known.is_some_and(|known| known.is_same_but_for_time(&report)) {
            continue;
        }
        let Some(text) = outcome.take("snapshots", serde_json::to_string(&report)) else {
            continue;
        };
        if outcome.take("snapshots", kv.put(&key, &text).await).is_none() {
            return;
        }
    }
}

/// The key-value store, with a record of whether it refused a write during this tick.
struct Watched<'a, K> {
    kv: &'a K,
    refused: Cell<Option<bool>>,
}

impl<K: KeyValue> KeyValue for Watched<'_, K> {
    async fn get(&self, key: &str) -> Result<Option<String>, KeyValueError> {
        self.kv.get(key).await
    }

    async fn put(&self, key: &str, text: &str) -> Result<(), KeyValueError> {
        let put = self.kv.put(key, text).await;
        self.refused.set(Some(put.is_err() || self.refused.get() == Some(true)));
        put
    }
}
