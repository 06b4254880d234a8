//! E-mail addresses that were kept before each had one form: finding them, and giving it to them.

use super::statement::{Statement, Value};
use super::write;
use crate::domain::base::primitives::{ContactId, Millis};
use crate::domain::contact::event::names;
use crate::domain::contact::suppression::Suppression;
use serde::{Deserialize, Serialize};

/// How many are read at a time: there are hardly any, and each is rewritten once.
const ROWS_MAX: i64 = 100;

/// Contacts whose address has other signs than ASCII's: rows, `OddContact`.
pub fn odd_contacts() -> Statement {
    Statement::new(
        "SELECT id, email FROM contacts INDEXED BY contacts_odd
          WHERE email GLOB '*[^ -~]*' ORDER BY id LIMIT ?1",
        vec![Value::Int(ROWS_MAX)],
    )
}

/// The same of the list of suppressions: rows, `Suppression`.
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
    /// Whose.
    pub id: ContactId,
    /// The address as it is kept.
    pub email: String,
}

/// What an address becomes.
#[derive(Serialize)]
pub struct Respelled {
    /// Whose, if it is a contact's.
    pub id: Option<ContactId>,
    /// As it is kept.
    pub old: String,
    /// Its one form; none if it is no address.
    pub new: Option<String>,
}

/// Whether another contact has the address already, or it is none.
const IS_LOST: &str = "(one.value ->> 'new' IS NULL
    OR EXISTS (SELECT 1 FROM contacts o WHERE o.email = one.value ->> 'new'))";

/// Rewrites the addresses of contacts, each of which becomes another. A contact whose address
/// another has, or whose address is none, keeps it as the attribute `email_given`, and nothing is
/// sent to it.
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

/// Rewrites entries of the list of suppressions, each of which becomes another; of two about one
/// address the stricter stays. What is no address cannot be written to anyway.
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
