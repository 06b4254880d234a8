//! The seams between dripline and the world: a database, HTTP, a key-value store, a queue of work.
//!
//! The platform implements them at the edge; SQLite and a scripted world implement them natively.

use crate::domain::base::primitives::Span;
use crate::flows::tasks::Work;
use crate::providers::http::{HttpError, HttpRequest, HttpResponse};
use crate::store::statement::{Rows, Statement};
use serde::de::DeserializeOwned;
use std::future::Future;

/// Where everything is kept: SQLite's language, one writer at a time.
pub trait Database {
    /// Runs the statements in order as one transaction and one round trip, and returns the rows
    /// of each. If any is refused, none has happened.
    fn batch(
        &self,
        statements: Vec<Statement>,
    ) -> impl Future<Output = Result<Vec<Rows>, DatabaseError>>;
}

/// Why a batch failed.
#[derive(Clone, Debug, PartialEq)]
pub enum DatabaseError {
    /// A UNIQUE constraint refused the batch: somebody else wrote first. Nothing was written.
    Conflict(String),
    /// The database has no room in its queue. Nothing was written; later may do.
    Overloaded(String),
    /// The answer was lost: the batch may or may not have been written.
    Lost(String),
    /// Anything else: a fault of ours.
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

/// One HTTP request out, one answer back.
pub trait Http {
    /// Sends the request. An error means that no complete answer came.
    fn send(&self, request: HttpRequest) -> impl Future<Output = Result<HttpResponse, HttpError>>;

    /// How much time has passed since the flow began: calls take time, and what is signed or
    /// claimed is so only for a while. Where nothing takes time, none.
    fn elapsed(&self) -> Span {
        Span::default()
    }

    /// Waits until so much time has passed since the flow began: a sender may take only so many
    /// calls a second. Where nothing takes time, nobody waits.
    fn wait_until(&self, _elapsed: Span) -> impl Future<Output = ()> {
        std::future::ready(())
    }
}

/// Text under a key, read at once and written eventually: copies of what the database knows, for
/// speed. It may refuse, be slow, and be a minute behind; nothing waits for it that can do without.
pub trait KeyValue {
    /// The text under the key, if there is any.
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<String>, KeyValueError>>;

    /// Puts the text under the key.
    fn put(&self, key: &str, text: &str) -> impl Future<Output = Result<(), KeyValueError>>;
}

/// Why the key-value store did not do what it was asked, in its own words.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyValueError(pub String);

impl std::fmt::Display for KeyValueError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "key-value store: {}", self.0)
    }
}

/// Where hints about what to do are left for workers.
pub trait WorkQueue {
    /// Leaves the tasks in their order.
    fn hand_out(&self, work: &[Work]) -> impl Future<Output = Result<(), NotHandedOut>>;
}

/// Why tasks were not handed out, or not all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct NotHandedOut {
    /// How many of the first were.
    pub handed_out: usize,
    /// Why the others were not.
    pub reason: String,
}

/// The rows of one statement, decoded; none if the batch did not answer it.
pub fn all<T: DeserializeOwned>(rows: Option<&Rows>) -> Result<Vec<T>, DatabaseError> {
    let rows = rows.map(Rows::all::<T>).transpose().map_err(DatabaseError::Fault)?;
    Ok(rows.unwrap_or_default())
}
