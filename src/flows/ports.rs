//! The ports between dripline and the outside world: a database, HTTP, a key-value store and a work
//! queue.
//!
//! `edge` implements them with the platform's services; `native` implements them with SQLite and a
//! scripted world.

use crate::domain::base::primitives::Span;
use crate::flows::tasks::Work;
use crate::providers::http::{HttpError, HttpRequest, HttpResponse};
use crate::store::statement::{Rows, Statement};
use serde::de::DeserializeOwned;
use std::future::Future;

/// A database that speaks SQLite's SQL and has one writer at a time. It holds all state.
pub trait Database {
    /// Runs the statements in order, as one transaction and in one round trip. Returns the rows of
    /// each statement. If one statement is refused, none takes effect.
    fn batch(
        &self,
        statements: Vec<Statement>,
    ) -> impl Future<Output = Result<Vec<Rows>, DatabaseError>>;
}

/// The reason why a batch failed.
#[derive(Clone, Debug, PartialEq)]
pub enum DatabaseError {
    /// A UNIQUE constraint refused the batch because another write came first. Nothing was written.
    Conflict(String),
    /// The database's queue is full. Nothing was written; a later attempt may succeed.
    Overloaded(String),
    /// The response was lost: the batch may or may not have been written.
    Lost(String),
    /// Any other error: a bug in dripline.
    Fault(String),
}

impl std::fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (kind, detail) = match self {
            Self::Conflict(detail) => ("conflict", detail),
            Self::Overloaded(detail) => ("overloaded", detail),
            Self::Lost(detail) => ("answer lost", detail),
            Self::Fault(detail) => ("fault", detail),
        };
        write!(f, "database {kind}: {detail}")
    }
}

/// A client for HTTP requests.
pub trait Http {
    /// Sends the request. An error means that no complete response arrived.
    fn send(&self, request: HttpRequest) -> impl Future<Output = Result<HttpResponse, HttpError>>;

    /// Returns the time since the flow began. Calls take time, while signatures and claims are
    /// valid only for a limited time. The default, for worlds in which nothing takes time, is zero.
    fn elapsed(&self) -> Span {
        Span::default()
    }

    /// Waits until this much time has passed since the flow began, because a provider allows only a
    /// limited number of calls per second. The default, for worlds in which nothing takes time,
    /// returns at once.
    fn wait_until(&self, _elapsed: Span) -> impl Future<Output = ()> {
        std::future::ready(())
    }
}

/// An eventually consistent store of text by key. It holds copies of what is in the database, for
/// speed. It may fail, be slow, and lag by a minute; whatever can work without it does not wait for
/// it.
pub trait KeyValue {
    /// Returns the text under the key, if there is one.
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<String>, KeyValueError>>;

    /// Stores the text under the key.
    fn put(&self, key: &str, text: &str) -> impl Future<Output = Result<(), KeyValueError>>;
}

/// The reason why a key-value operation failed, as the store reports it.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyValueError(pub String);

impl std::fmt::Display for KeyValueError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "key-value store: {}", self.0)
    }
}

/// A queue of hints for workers about what to do.
pub trait WorkQueue {
    /// Enqueues the tasks in order.
    fn hand_out(&self, work: &[Work]) -> impl Future<Output = Result<(), QueueError>>;
}

/// The reason why some or all tasks were not enqueued.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueError {
    /// The number of tasks, from the first, that were enqueued.
    pub handed_out: usize,
    /// The reason why the others were not.
    pub reason: String,
}

/// Decodes the rows of one statement. Returns none if the batch has no rows for it.
pub fn all<T: DeserializeOwned>(rows: Option<&Rows>) -> Result<Vec<T>, DatabaseError> {
    let rows = rows.map(Rows::all::<T>).transpose().map_err(DatabaseError::Fault)?;
    Ok(rows.unwrap_or_default())
}
