//! What one row of an import says about one record.

use super::consent::ImportedConsent;
use super::settings::{OnMatch, OnNew};
use crate::domain::base::primitives::Millis;
use crate::domain::record::edit::Edit;

/// The property of events that start no journey.
pub const RESTS: &str = "rests";

/// The columns of a contact by which it is found, and which an import sets like fields.
pub const ADDRESSES: [&str; 3] = ["email", "phone", "external_id"];

/// What a row says about a record, or what an undo takes back of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportedRow {
    /// The values, the addresses among them. Its key is that of the row.
    pub edit: Edit,
    /// The points of the score that it sets.
    pub score: Option<i64>,
    /// When the record was made elsewhere, if this row makes it here.
    pub created_at: Option<Millis>,
    /// The automatic number that the record has elsewhere, as `PlainRecord::number` keeps it. As it
    /// is written, it is among the fields.
    pub number: Option<i64>,
    pub consents: Vec<ImportedConsent>,
    pub on_match: OnMatch,
    pub on_new: OnNew,
    /// Whether its events start no journey.
    pub rests: bool,
    /// The addresses in it that other contacts have, by their names.
    pub taken: Vec<String>,
    /// When the import was created: an address that was erased later stays so.
    pub at: Millis,
}

impl ImportedRow {
    /// Returns the idempotency key of a row. Keys sort in the order of the file.
    pub fn key(import: &str, row: u64) -> String {
        format!("import:{import}:{row:010}")
    }

    /// Returns the idempotency key of the undo of a row.
    pub fn undo_key(import: &str, row: u64) -> String {
        format!("undo:{import}:{row:010}")
    }

    /// Returns the number of the row with a key.
    pub fn row_of_key(key: &str) -> Option<u64> {
        key.rsplit_once(':')?.1.parse().ok()
    }
}
