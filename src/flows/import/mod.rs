//! Imports: a table file is uploaded in parts, checked, and done in the background, a few hundred
//! rows at a time. Killed anywhere, it goes on where it was: each row has an idempotency key, and
//! how far it is, is written by one of two workers at most.

mod file;
mod group;
pub mod manage;
pub mod refused;
pub mod run;
mod undo;

use crate::domain::base::primitives::{Millis, Span};
use crate::domain::base::token::Keyring;
use crate::domain::publication::catalog::Catalog;
use crate::domain::table_file::encoding::Gb18030Decoder;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The largest part of a file, in bytes: in base64 it stays below the 2 MB of a row of D1.
pub const PART_BYTES_MAX: usize = 1_000_000;

/// The most parts of a file.
pub const PARTS_MAX: u64 = 2_000;

/// The largest file, in bytes. Stored, it takes a third more, of the 10 GB of a database.
pub const FILE_BYTES_MAX: u64 = 500_000_000;

/// The most bytes that all imports together keep before they are read.
pub const STORED_BYTES_MAX: u64 = 2_000_000_000;

/// The most refused rows of an import. An import with more has a wrong mapping, and stops.
pub const REFUSED_MAX: u64 = 100_000;

/// How long the parts of a file wait for its start, and how long refused rows are kept.
pub const KEPT: Span = Span::days(30);
pub const WAITING: Span = Span::days(7);

/// How long a worker's claim on an import lasts: longer than the time between two writes.
const CLAIM: Span = Span::minutes(5);

/// What imports depend on.
pub struct Importer<'a, D> {
    pub db: &'a D,
    pub catalog: &'a Catalog,
    /// Recognises erased addresses.
    pub keys: &'a Keyring,
    pub decoder: Gb18030Decoder<'a>,
    pub now: Millis,
}

/// How the columns of a sealed file become fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The names of the columns, in their order.
    pub columns: Vec<String>,
    /// The field of each column; `None` for one that is not read.
    pub fields: Vec<Option<String>>,
    /// Fields with the same value in all rows.
    pub constants: BTreeMap<String, String>,
    /// The fields by which a row finds its record.
    pub r#match: Vec<String>,
    /// What to look at before the start.
    pub notes: Vec<String>,
}
