//! The limits of what may be done to a single contact.

use crate::domain::access::rights::Scope;
use crate::domain::base::primitives::Millis;
use crate::domain::contact::Contact;
use crate::flows::contact::find;
use crate::flows::error::FlowError;
use crate::flows::ports::Database;

/// Refuses a contact that is outside a scope, as if there were none. Where the scope is everything,
/// nothing is read. The owner of a contact may change between this and the act itself; then what
/// was allowed a moment ago is done.
pub async fn check<D: Database>(
    db: &D,
    scope: &Scope,
    named: &str,
    now: Millis,
) -> Result<(), FlowError> {
    if *scope == Scope::All {
        return Ok(());
    }
    match scope.includes(&read(db, named, now).await?, now) {
        true => Ok(()),
        false => Err(missing()),
    }
}

async fn read<D: Database>(db: &D, named: &str, now: Millis) -> Result<Contact, FlowError> {
    let named = named.trim();
    let answers = db.batch(find::questions(named, &[], now).to_vec()).await?;
    let found = find::pick(named, &answers)?.filter(|contact| contact.erased_at.is_none());
    found.ok_or_else(missing)
}

/// A contact outside the scope is answered like one that does not exist.
fn missing() -> FlowError {
    FlowError::NotFound(find::unchanged("contact"))
}
