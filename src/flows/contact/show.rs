//! A contact as the one who asks may see it; and the limits of what may be done to a single one.

use crate::domain::access::audit::Act;
use crate::domain::access::rights::{Access, Scope};
use crate::domain::access::shown::Shown;
use crate::domain::base::diagnostic::Problem;
use crate::domain::base::primitives::{Ids, KindId, Millis};
use crate::domain::contact::Contact;
use crate::domain::publication::catalog::Catalog;
use crate::flows::contact::find;
use crate::flows::error::{FlowError, Refusal};
use crate::flows::ports::Database;
use crate::flows::record::edit;
use crate::store::audit;
use serde_json::{Value, json};

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

/// Returns a contact without what is hidden from the one who asks, and with masks.
pub async fn show<D: Database>(
    db: &D,
    catalog: &Catalog,
    access: &Access,
    named: &str,
    now: Millis,
) -> Result<Shown, FlowError> {
    let kind = edit::kind_of(catalog, &KindId::contact())?;
    let contact = read(db, named, now).await?.into();
    access.show(kind, &contact, now).ok_or_else(missing)
}

/// Returns the whole value of a masked field. That it was seen is in the audit log before it is
/// shown.
pub async fn unmask<D: Database>(
    db: &D,
    catalog: &Catalog,
    access: &Access,
    named: &str,
    field: &str,
    now: Millis,
    ids: &mut Ids,
) -> Result<Value, FlowError> {
    let kind = edit::kind_of(catalog, &KindId::contact())?;
    let contact = read(db, named, now).await?.into();
    access.show(kind, &contact, now).ok_or_else(missing)?;
    let value = access.unmask(kind, &contact, field, now).ok_or_else(|| {
        let problem = Problem::new("field", "it has no value that you may unmask");
        FlowError::NotFound(Refusal::new("Nothing to unmask", "Nothing is shown.", problem))
    })?;
    let act = Act::new("unmask", "contact", contact.id.as_str()).with(json!({ "field": field }));
    db.batch(vec![audit::enter(&act.by(access.actor(), now, ids))]).await?;
    Ok(value)
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
