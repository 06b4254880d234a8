//! The faults, by name, and the database that has them.

use super::defects::Defect;
use super::turns::{Dice, pass};
use crate::domain::base::primitives::{CampaignId, Millis};
use crate::domain::sending::restore_guard::Mark;
use crate::flows::ports::{
    Database, DatabaseError, KeyValue, KeyValueError, QueueError, WorkQueue,
};
use crate::flows::send::restore_guard::MARK_KEY;
use crate::flows::tasks::Work;
use crate::native::sqlite::{STATEMENTS_PER_RUN_MAX, Sqlite};
use crate::native::stores::{Memory, Tray};
use crate::store::statement::{Rows, Statement};
use serde_json::{Map, Value};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The probability of each fault where it can occur, per thousand.
pub const FAULTS: [(&str, u64); 51] = [
    ("database: lost before it was written", 40),
    ("database: written, and the answer lost", 40),
    ("database: overloaded", 30),
    ("database: slow", 60),
    ("worker: killed", 15),
    ("worker: out of time", 1_000),
    ("queue: task dropped", 150),
    ("queue: task twice", 150),
    ("queue: task late", 150),
    ("queue: order changed", 300),
    ("queue: fact given up", 200),
    ("cron: tick missed", 250),
    ("cron: ticks overlap", 200),
    ("clock: five seconds back", 1_000),
    ("clock: an hour ahead", 1_000),
    ("provider: 429", 40),
    ("provider: 429 with Retry-After", 30),
    ("provider: 503, nothing taken", 40),
    ("provider: 5xx, and it was taken", 40),
    ("provider: no connection", 30),
    ("provider: taken, and the answer lost", 50),
    ("provider: taken, and the answer is garbage", 40),
    ("provider: one recipient refused", 30),
    ("provider: a redirect", 20),
    ("provider: key of the API refused", 15),
    ("provider: part of a batch refused", 60),
    ("provider: out of order for hours", 6),
    ("provider: key forgotten", 1_000),
    ("provider: webhook before the answer", 250),
    ("provider: webhook twice", 200),
    ("provider: webhook late", 300),
    ("stranger: webhook forged", 200),
    ("stranger: webhook overheard and repeated", 200),
    ("people: unsubscribed during a send", 1_000),
    ("publish: people inside", 1_000),
    ("journey: paused with people inside", 1_000),
    ("publish: old and new code together", 400),
    ("journey: archived with people inside", 1_000),
    ("broadcast: paused under way", 1_000),
    ("people: erased while something is under way", 1_000),
    ("people: merged while something is under way", 1_000),
    ("restore: an earlier bookmark", 1_000),
    ("kv: takes no writes", 1_000),
    ("kv: write refused", 200),
    ("kv: no answer", 100),
    ("queue: takes no work, or a part of it", 100),
    ("code: older beside newer", 400),
    ("code: task of newer code", 150),
    ("version: damaged", 1_000),
    ("secret: rotated", 1_000),
    ("clock: a year ahead, and back", 1_000),
];

/// The percentage of runs in which each fault is enabled: a run without some of them explores the
/// others more deeply.
const ENABLED_IN_A_HUNDRED: u64 = 75;

/// The shared state of a run: the database, the time, the random numbers, and the broken
/// invariants.
pub struct Shared {
    /// The database; a restore replaces it.
    pub db: RefCell<Rc<Sqlite>>,
    pub dice: Dice,
    pub now: Cell<Millis>,
    /// Whether faults occur at all.
    pub with_faults: Cell<bool>,
    /// The injected defect.
    pub defect: Option<Defect>,
    /// The number of times each fault occurred.
    pub tally: RefCell<BTreeMap<&'static str, u64>>,
    /// The trace of what happened, line by line.
    pub trace: RefCell<Vec<String>>,
    /// The violations of invariants found during the run.
    pub wrong: RefCell<Vec<String>>,
    /// The number of statements that the flows ran.
    pub statements: Cell<u64>,
    pub kv: Memory,
    /// Whether a defect keeps work from being handed out because the key-value store refuses.
    pub kv_in_the_way: Cell<bool>,
    /// The addresses for which an operator got confirmation of their erasure, and when.
    pub erased: RefCell<BTreeMap<String, Millis>>,
    /// The addresses of contacts that an operator has begun to merge or erase.
    pub changed: RefCell<BTreeSet<String>>,
    seed: u64,
}

impl Shared {
    /// Creates the state at the beginning of a run.
    pub fn new(db: Sqlite, now: Millis, seed: u64, defect: Option<Defect>) -> Self {
        Self {
            db: RefCell::new(Rc::new(db)),
            dice: Dice::new(seed),
            now: Cell::new(now),
            with_faults: Cell::new(true),
            defect,
            tally: RefCell::default(),
            trace: RefCell::default(),
            wrong: RefCell::default(),
            statements: Cell::new(0),
            kv: Memory::default(),
            kv_in_the_way: Cell::new(false),
            erased: RefCell::default(),
            changed: RefCell::default(),
            seed,
        }
    }

    /// Whether the fault occurs here and now; if so, it is counted.
    pub fn strikes(&self, fault: &'static str) -> bool {
        let index = FAULTS.iter().position(|(name, _)| *name == fault).unwrap_or_default();
        let enabled = Dice::new(self.seed ^ ((index as u64 + 1) << 40));
        enabled.below(2);
        let chance = FAULTS[index].1;
        let strikes = self.with_faults.get()
            && enabled.in_a_hundred(ENABLED_IN_A_HUNDRED)
            && (chance == 1_000 || self.dice.below(1_000) < chance);
        if strikes {
            self.count(fault);
        }
        strikes
    }

    /// Counts a fault that occurred.
    pub fn count(&self, fault: &'static str) {
        *self.tally.borrow_mut().entry(fault).or_default() += 1;
        self.log(format!("    {fault}"));
    }

    /// Adds a line to the trace.
    pub fn log(&self, line: String) {
        self.trace.borrow_mut().push(line);
    }

    /// Records that an invariant is broken.
    pub fn accuse(&self, what: String) {
        self.log(format!("!!! {what}"));
        self.wrong.borrow_mut().push(what);
    }

    /// Whether this defect was injected.
    pub fn has(&self, defect: Defect) -> bool {
        self.defect == Some(defect)
    }

    /// The present database.
    pub fn sqlite(&self) -> Rc<Sqlite> {
        self.db.borrow().clone()
    }
}

impl Shared {
    /// The mark that the last tick left outside the database.
    pub fn mark(&self) -> Option<Mark> {
        self.kv.texts.borrow().get(MARK_KEY).and_then(|text| Mark::read(text))
    }
}

/// The database as one flow sees it. Every other flow may run first, D1's faults occur, and the
/// limit of statements per invocation of a worker applies. Older code cannot read the versions of
/// one campaign.
#[derive(Clone)]
pub struct FaultyDatabase {
    /// The shared state of the run.
    pub shared: Rc<Shared>,
    /// The campaign that the flow cannot read, if its code is older.
    pub unreadable: Option<CampaignId>,
    statements: Cell<usize>,
}

impl Database for FaultyDatabase {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError> {
        self.batch_then(statements, || {}).await
    }
}

impl FaultyDatabase {
    /// Creates the database of a new flow.
    pub fn new(shared: Rc<Shared>, unreadable: Option<CampaignId>) -> Self {
        Self { shared, unreadable, statements: Cell::default() }
    }

    /// Runs a batch, and calls `then` at the moment it has run.
    pub async fn batch_then(
        &self,
        statements: Vec<Statement>,
        then: impl FnOnce(),
    ) -> Result<Vec<Rows>, DatabaseError> {
        let shared = &self.shared;
        self.statements.set(self.statements.get() + statements.len());
        if self.statements.get() > STATEMENTS_PER_RUN_MAX {
            shared.accuse(format!("a flow ran more than {STATEMENTS_PER_RUN_MAX} statements"));
        }
        pass().await;
        if shared.strikes("database: slow") {
            for _ in 0..shared.dice.below(12) {
                pass().await;
            }
        }
        let lost = || Err(DatabaseError::Lost("Network connection lost".to_owned()));
        if shared.strikes("database: lost before it was written") {
            if let Some(part) = shared.defect.and_then(|d| d.half_of(&statements)) {
                self.run(part).await?;
            }
            return lost();
        }
        if shared.strikes("database: overloaded") {
            return Err(DatabaseError::Overloaded("queued for too long".to_owned()));
        }
        let rows = self.run(statements).await?;
        then();
        // A worker that is killed here has written without knowing it.
        pass().await;
        if shared.strikes("database: written, and the answer lost") {
            return lost();
        }
        Ok(rows)
    }

    async fn run(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError> {
        let shared = &self.shared;
        shared.statements.set(shared.statements.get() + statements.len() as u64);
        let db = shared.sqlite();
        let rows = match shared.defect {
            None => db.batch(statements).await?,
            Some(defect) => defect.batch(&db, statements, &shared.dice).await?,
        };
        Ok(match &self.unreadable {
            None => rows,
            Some(campaign) => rows.into_iter().map(|rows| as_older_code(rows, campaign)).collect(),
        })
    }
}

/// Makes rows unreadable to older code: it does not know what newer code has written into the
/// versions of this campaign.
fn as_older_code(rows: Rows, campaign: &CampaignId) -> Rows {
    if !rows.0.contains("\"compiled\":") {
        return rows;
    }
    let Ok(mut all) = rows.all::<Map<String, Value>>() else { return rows };
    for row in &mut all {
        if row.get("campaign_id").and_then(Value::as_str) == Some(campaign.as_str()) {
            row.insert("compiled".to_owned(), "{\"of\": \"newer code\"}".into());
        }
    }
    Rows(serde_json::to_string(&all).unwrap_or_default())
}

/// The key-value store as flows see it. The mark can always be read: an undetectable restore is a
/// separate fault.
pub struct FaultyKv(pub Rc<Shared>);

impl KeyValue for FaultyKv {
    async fn get(&self, key: &str) -> Result<Option<String>, KeyValueError> {
        pass().await;
        if key != MARK_KEY && self.0.strikes("kv: no answer") {
            return Err(KeyValueError("no answer within 2 s".to_owned()));
        }
        self.0.kv.get(key).await
    }

    async fn put(&self, key: &str, text: &str) -> Result<(), KeyValueError> {
        pass().await;
        if self.0.strikes("kv: write refused") {
            return Err(KeyValueError("429 Too Many Requests".to_owned()));
        }
        let put = self.0.kv.put(key, text).await;
        if put.is_err() && self.0.has(Defect::KvInTheWay) {
            self.0.kv_in_the_way.set(true);
        }
        put
    }
}

/// The work queue as ticks see it.
pub struct FaultyQueue {
    shared: Rc<Shared>,
    tray: Tray,
}

impl FaultyQueue {
    pub fn new(shared: Rc<Shared>) -> Self {
        Self { shared, tray: Tray::default() }
    }

    /// Takes the tasks that were handed out.
    pub fn take(&self) -> Vec<Work> {
        self.tray.take()
    }
}

impl WorkQueue for FaultyQueue {
    async fn hand_out(&self, work: &[Work]) -> Result<(), QueueError> {
        pass().await;
        let shared = &self.shared;
        if shared.kv_in_the_way.get() {
            return Ok(());
        }
        let refuses = shared.strikes("queue: takes no work, or a part of it");
        self.tray.room.set(refuses.then(|| shared.dice.below(work.len() as u64 + 1) as usize));
        self.tray.hand_out(work).await
    }
}
