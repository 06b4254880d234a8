//! The consent ledger, for auditors, and for the words that are shown to people again.

use super::statement::{Rows, Statement, Value};
use crate::domain::base::primitives::{Channel, MessageId, Millis, QualifiedId, RecordId};
use crate::domain::contact::consent::{ConsentRecord, ConsentState, LawfulBasis};
use serde::Deserialize;

/// The most entries read per contact: a person who submits a form every day has as many in three
/// years.
const ENTRIES_MAX: i64 = 1_000;

/// Selects the newest entries of a contact, oldest first; `records` reads the rows.
pub fn of_contact(contact: &RecordId) -> Statement {
    Statement::new(
        "SELECT * FROM (SELECT * FROM consents WHERE contact_id = ?1 ORDER BY seq DESC LIMIT ?2)
          ORDER BY seq, channel, purpose",
        vec![Value::text(contact.as_str()), Value::Int(ENTRIES_MAX)],
    )
}

/// Reads the rows of `of_contact`.
pub fn records(rows: &Rows) -> Result<Vec<ConsentRecord>, String> {
    let rows: Vec<Row> = rows.all()?;
    Ok(rows.into_iter().map(ConsentRecord::from).collect())
}

#[derive(Deserialize)]
struct Row {
    seq: i64,
    channel: Channel,
    purpose: String,
    state: ConsentState,
    source: String,
    form: Option<QualifiedId>,
    basis: LawfulBasis,
    cross_border: u8,
    text: String,
    text_hash: String,
    message_id: Option<MessageId>,
    origin_hash: String,
    at: Millis,
}

impl From<Row> for ConsentRecord {
    fn from(row: Row) -> Self {
        Self {
            seq: row.seq,
            channel: row.channel,
            purpose: row.purpose,
            state: row.state,
            source: row.source,
            form: row.form,
            basis: row.basis,
            cross_border: row.cross_border != 0,
            text: row.text,
            text_hash: row.text_hash,
            message: row.message_id,
            origin_hash: row.origin_hash,
            at: row.at,
        }
    }
}
