//! A database that lets others run first, and a way to run flows concurrently.

use dripline::flows::ports::{Database, DatabaseError};
pub use dripline::native::fault_sim::turns::Task;
use dripline::native::fault_sim::turns::pass;
use dripline::native::sqlite::Sqlite;
use dripline::store::statement::{Rows, Statement};
use std::task::{Context, Poll, Waker};

/// Runs flows in rounds: each is polled once per round, until all have ended.
pub fn together<T>(tasks: Vec<Task<'_, T>>) -> Vec<T> {
    let ended = together_until(tasks.into_iter().map(|task| (task, usize::MAX)).collect());
    ended.into_iter().flatten().collect()
}

/// The same, but each flow dies after its number of rounds and then has no output.
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

/// A database at which every caller waits one round before each batch.
pub struct InTurns<'a>(pub &'a Sqlite);

impl Database for InTurns<'_> {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError> {
        pass().await;
        self.0.batch(statements).await
    }
}
