//! The two seams between dripline and the world: a database and HTTP.
//!
//! D1 and `fetch` implement them at the edge; SQLite and a scripted world implement them natively.

use crate::domain::primitives::Span;
use crate::providers::http::{HttpError, HttpRequest, HttpResponse};
use crate::store::statement::{Rows, Statement};
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
