//! Databases that let others go first, or fail on purpose, and a way to run flows side by side.

use dripline::flows::seams::{Database, DatabaseError};
use dripline::native::sqlite::Sqlite;
use dripline::store::statement::{Rows, Statement};
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// A flow under way.
pub type Task<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Runs flows in turns: each is polled once a round, until all have ended.
pub fn together<T>(tasks: Vec<Task<'_, T>>) -> Vec<T> {
    let ended = together_until(tasks.into_iter().map(|task| (task, usize::MAX)).collect());
    ended.into_iter().flatten().collect()
}

/// The same, but each flow dies after so many turns; then there is no output of it.
pub fn together_until<T>(tasks: Vec<(Task<'_, T>, usize)>) -> Vec<Option<T>> {
    let mut context = Context::from_waker(Waker::noop());
    let mut outputs: Vec<Option<T>> = tasks.iter().map(|_| None).collect();
    let mut running: Vec<_> = tasks.into_iter().enumerate().collect();
    while !running.is_empty() {
        running.retain_mut(|(index, (task, turns))| {
            if *turns == 0 {
                return false;
            }
            *turns -= 1;
            match task.as_mut().poll(&mut context) {
                Poll::Ready(output) => {
                    outputs[*index] = Some(output);
                    false
                }
                Poll::Pending => true,
            }
        });
    }
    outputs
}

/// Lets every other flow go first, once.
pub async fn pass() {
    let mut passed = false;
    poll_fn(|_| match std::mem::replace(&mut passed, true) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
}

/// A database at which everybody waits a round before each batch.
pub struct InTurns<'a>(pub &'a Sqlite);

impl Database for InTurns<'_> {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError> {
        pass().await;
        self.0.batch(statements).await
    }
}

/// Chance that a seed decides: the same seed throws the same dice.
#[derive(Clone)]
pub struct Dice(Rc<Cell<u64>>);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(Rc::new(Cell::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)))
    }

    /// A number below `n` (xorshift64*, Vigna 2016).
    pub fn below(&self, n: u64) -> u64 {
        let mut x = self.0.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.0.set(x);
        (x.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % n
    }

    pub fn in_a_hundred(&self, chance: u64) -> bool {
        self.below(100) < chance
    }
}

/// A database that fails so often in a hundred batches, in one of the ways that D1 does.
pub struct Failing<'a> {
    pub db: &'a Sqlite,
    pub dice: Dice,
    pub in_a_hundred: u64,
    /// What failed, for a report.
    pub faults: RefCell<Vec<&'static str>>,
}

impl Database for Failing<'_> {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError> {
        pass().await;
        if !self.dice.in_a_hundred(self.in_a_hundred) {
            return self.db.batch(statements).await;
        }
        let lost = || Err(DatabaseError::Lost("Network connection lost".to_owned()));
        match self.dice.below(3) {
            0 => {
                self.faults.borrow_mut().push("lost before it was written");
                lost()
            }
            1 => {
                self.faults.borrow_mut().push("written, and the answer lost");
                self.db.batch(statements).await?;
                lost()
            }
            _ => {
                self.faults.borrow_mut().push("overloaded");
                Err(DatabaseError::Overloaded("queued for too long".to_owned()))
            }
        }
    }
}
