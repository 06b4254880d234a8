//! Finds and rewrites e-mail addresses that were stored before each had one normal form.

use super::statement::{Statement, Value};
use super::write;
use crate::domain::base::primitives::{Millis, RecordId};
use crate::domain::contact::suppression::Suppression;
use crate::domain::record::event::names;
use serde::{Deserialize, Serialize};

/// The most rows that are read at a time: there are hardly any, and each is rewritten once.
const ROWS_MAX: i64 = 100;

/// Selects contacts whose address has non-ASCII characters; rows are `OddContact`.
pub fn odd_contacts() -> Statement {
    Statement::new(
        "SELECT id, email FROM contacts INDEXED BY contacts_odd
          WHERE email GLOB '*[^ -~]*' ORDER BY id LIMIT ?1",
        vec![Value::Int(ROWS_MAX)],
    )
}

/// Selects suppressions whose address has non-ASCII characters; rows are `Suppression`.
pub fn odd_suppressions() -> Statement {
    Statement::new(
        "SELECT channel, address, reason, until, source, at
           FROM suppressions INDEXED BY suppressions_odd
          WHERE channel = 'email' AND address GLOB '*[^ -~]*' ORDER BY address LIMIT ?1",
        vec![Value::Int(ROWS_MAX)],
    )
}

/// A row of `odd_contacts`.
#[derive(Deserialize)]
pub struct OddContact {
    pub id: RecordId,
    /// The address as it is stored.
    pub email: String,
}

/// The new form of an address.
#[derive(Serialize)]
pub struct Respelled {
    /// The contact, if it is a contact's address.
    pub id: Option<RecordId>,
    /// The stored form.
    pub old: String,
    /// The normal form; `None` if it is not a valid address.
    pub new: Option<String>,
}

/// Whether another contact has the address already, or it is invalid.
const IS_LOST: &str = "(one.value ->> 'new' IS NULL
    OR EXISTS (SELECT 1 FROM contacts o WHERE o.email = one.value ->> 'new'))";

/// Rewrites the addresses of contacts, all of which change. A contact whose address belongs to
/// another contact, or is invalid, keeps it as the attribute `email_given`, and nothing is sent to
/// it.
pub fn contacts(respelled: &[Respelled], now: Millis) -> [Statement; 2] {
    let params = || vec![Value::json(respelled), Value::Int(now.0)];
    let event = format!(
        "INSERT INTO events (contact_id, seq, at, name, campaign_id, properties, key)
         SELECT c.id, c.seq + 1, ?2, '{}', NULL,
                json_object('same_as', (SELECT o.id FROM contacts o
                                         WHERE o.email = one.value ->> 'new')), NULL
           FROM json_each(?1) one JOIN contacts c ON c.id = one.value ->> 'id'
          WHERE c.email = one.value ->> 'old'",
        names::CONTACT_RESPELLED
    );
    let row = format!(
        "UPDATE contacts SET seq = seq + 1, updated_at = ?2,
                wake_at = iif(merged_into IS NULL, ?2, wake_at),
                email = iif({IS_LOST}, NULL, one.value ->> 'new'),
                attributes = iif({IS_LOST}, json_set(attributes, '$.email_given', email),
                                 attributes)
           FROM json_each(?1) one
          WHERE contacts.id = one.value ->> 'id' AND contacts.email = one.value ->> 'old'"
    );
    [event, row].map(|sql| Statement { sql: sql.into(), params: params() })
}

/// Rewrites suppressions, all of which change. Of two for one address, the stricter stays. An
/// invalid address is deleted, because it cannot be written to anyway.
pub fn suppressions(respelled: &[Respelled], all: &[Suppression]) -> Vec<Statement> {
    let moved = Statement::new(
        "UPDATE OR IGNORE suppressions SET address = one.value ->> 'new'
           FROM json_each(?1) one
          WHERE channel = 'email' AND address = one.value ->> 'old'
            AND one.value ->> 'new' IS NOT NULL",
        vec![Value::json(respelled)],
    );
    let gone = Statement::new(
        "DELETE FROM suppressions WHERE channel = 'email'
            AND address IN (SELECT value ->> 'old' FROM json_each(?1))",
        vec![Value::json(respelled)],
    );
    [moved].into_iter().chain(write::suppressions(all)).chain([gone]).collect()
}
