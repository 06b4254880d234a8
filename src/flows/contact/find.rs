//! Finds a contact by what an operator entered: our id, the customer's own id, an e-mail address,
//! or a number.

use crate::domain::base::diagnostic::Problem;
use crate::domain::base::primitives::{Millis, RecordId};
use crate::domain::contact::Contact;
use crate::domain::contact::address::{read_email, read_phone};
use crate::flows::error::Refusal;
use crate::flows::ports::DatabaseError;
use crate::store::contacts::{self, Addresses, ContactRow};
use crate::store::statement::{Rows, Statement};

/// Returns the addresses that the text may be, in normal form.
pub fn addresses(named: &str) -> Addresses {
    Addresses {
        emails: read_email(named).into_iter().collect(),
        phones: read_phone(named, None).into_iter().collect(),
        external_ids: vec![named.to_owned()],
    }
}

/// Returns the two statements that look up the contact. `watched` are the events that rules depend
/// on.
pub fn questions(named: &str, watched: &[String], now: Millis) -> [Statement; 2] {
    let id = RecordId::from(named);
    [
        contacts::by_ids([&id], watched, &[], now),
        contacts::by_addresses(&addresses(named), watched, &[], now),
    ]
}

/// Returns the contact from the rows of these statements. Our id takes precedence, then the
/// customer's own.
pub fn pick(named: &str, answers: &[Rows]) -> Result<Option<Contact>, DatabaseError> {
    let mut found = Vec::new();
    for rows in answers.iter().take(2) {
        let rows = rows.all::<ContactRow>().map_err(DatabaseError::Fault)?;
        found.extend(rows.into_iter().map(Contact::from));
    }
    let by = |test: &dyn Fn(&Contact) -> bool| found.iter().position(test);
    let chosen = by(&|c| c.is_known_as(&RecordId::from(named)))
        .or_else(|| by(&|c| c.external_id.as_deref() == Some(named)))
        .unwrap_or_default();
    Ok((chosen < found.len()).then(|| found.swap_remove(chosen)))
}

/// Returns the problem that there is no such contact. It does not repeat the text, which may be an
/// address.
pub fn contact_not_found(key: &str) -> Problem {
    let help = "give its id, your own id of it, its e-mail address, or its number with +";
    Problem::new(key, "there is no such contact").help(help)
}

/// Returns the refusal of a change to a contact that does not exist.
pub fn unchanged(key: &str) -> Refusal {
    Refusal::new("Contact not found", "Nothing has changed.", contact_not_found(key))
}
