//! The faults, by name, and the database that has them.

use super::defects::Defect;
use super::turns::{Dice, pass};
use crate::domain::primitives::Millis;
use crate::flows::seams::{Database, DatabaseError};
use crate::native::sqlite::Sqlite;
use crate::store::statement::{Rows, Statement};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// How likely each fault is where it may occur, in a thousand.
pub const FAULTS: [(&str, u64); 41] = [
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
];

/// Of a hundred runs, in how many each fault may occur: a run without some of them goes deeper
/// into the others.
const ENABLED_IN_A_HUNDRED: u64 = 75;

/// What all parts of a run share: the database, the time, chance, and what went wrong.
pub struct Shared {
    /// The database; restoring puts another in its place.
    pub db: RefCell<Rc<Sqlite>>,
    /// Chance.
    pub dice: Dice,
    /// The present.
    pub now: Cell<Millis>,
    /// Whether anything fails at all.
    pub stormy: Cell<bool>,
    /// A defect that was put in on purpose.
    pub defect: Option<Defect>,
    /// How often each fault was injected.
    pub tally: RefCell<BTreeMap<&'static str, u64>>,
    /// What happened, line by line.
    pub trace: RefCell<Vec<String>>,
    /// What contradicts an invariant, found on the way.
    pub wrong: RefCell<Vec<String>>,
    /// How many statements the flows ran.
    pub statements: Cell<u64>,
    /// The mark that a tick leaves in KV.
    pub mark: Cell<Option<Millis>>,
    /// The addresses of which an operator was told that they are erased, and when.
    pub erased: RefCell<BTreeMap<String, Millis>>,
    /// The addresses of those whom an operator has begun to merge or to erase.
    pub changed: RefCell<BTreeSet<String>>,
    seed: u64,
}

impl Shared {
    /// A run's, at its beginning.
    pub fn new(db: Sqlite, now: Millis, seed: u64, defect: Option<Defect>) -> Self {
        Self {
            db: RefCell::new(Rc::new(db)),
            dice: Dice::new(seed),
            now: Cell::new(now),
            stormy: Cell::new(true),
            defect,
            tally: RefCell::default(),
            trace: RefCell::default(),
            wrong: RefCell::default(),
            statements: Cell::new(0),
            mark: Cell::new(None),
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
        let strikes = self.stormy.get()
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
        self.tell(format!("    {fault}"));
    }

    /// Adds a line to the trace.
    pub fn tell(&self, line: String) {
        self.trace.borrow_mut().push(line);
    }

    /// Notes that an invariant is broken.
    pub fn accuse(&self, what: String) {
        self.tell(format!("!!! {what}"));
        self.wrong.borrow_mut().push(what);
    }

    /// Whether this defect was put in.
    pub fn has(&self, defect: Defect) -> bool {
        self.defect == Some(defect)
    }

    /// The database as it is now.
    pub fn sqlite(&self) -> Rc<Sqlite> {
        self.db.borrow().clone()
    }
}

/// The database as flows see it: every other flow may go first, and D1's faults happen.
#[derive(Clone)]
pub struct FaultyDatabase(pub Rc<Shared>);

impl Database for FaultyDatabase {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError> {
        self.batch_then(statements, || {}).await
    }
}

impl FaultyDatabase {
    /// The same, and does something the very moment at which the batch has run.
    pub async fn batch_then(
        &self,
        statements: Vec<Statement>,
        then: impl FnOnce(),
    ) -> Result<Vec<Rows>, DatabaseError> {
        let shared = &self.0;
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
        // Whoever dies here has written and does not know.
        pass().await;
        if shared.strikes("database: written, and the answer lost") {
            return lost();
        }
        Ok(rows)
    }

    async fn run(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError> {
        let shared = &self.0;
        shared.statements.set(shared.statements.get() + statements.len() as u64);
        let db = shared.sqlite();
        match shared.defect {
            None => db.batch(statements).await,
            Some(defect) => defect.batch(&db, statements, &shared.dice).await,
        }
    }
}
