//! Deletes everything about a person (GDPR article 17, PIPL article 47).
//!
//! If no contact has the address, an empty contact takes it first, in the same batch. A concurrent
//! writer that would create a contact with the address then conflicts with that one, and input
//! about it that is still in a queue has no effect.

use crate::domain::base::primitives::{Ids, Millis, RecordId};
use crate::domain::base::token::Keyring;
use crate::domain::engine;
use crate::domain::publication::catalog::Catalog;
use crate::flows::commit::CONFLICT_RETRIES_MAX;
use crate::flows::contact::find;
use crate::flows::error::FlowError;
use crate::flows::ports::{Database, DatabaseError};
use crate::store::contacts::Addresses;
use crate::store::write;
use serde::{Deserialize, Serialize};

/// The result of an erasure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Erased {
    /// The erased contact; `None` if no contact had that address.
    pub contact: Option<RecordId>,
    /// When it was erased.
    pub at: Millis,
    /// Whether it had been erased before.
    pub again: bool,
}

/// Erases the contact with this id or address.
pub async fn erase<D: Database>(
    db: &D,
    catalog: &Catalog,
    keys: &Keyring,
    named: &str,
    now: Millis,
    ids: &mut Ids,
) -> Result<Erased, FlowError> {
    let mut named = named.trim().to_owned();
    let mut was_lost = false;
    for _ in 0..CONFLICT_RETRIES_MAX {
        let answers = db.batch(find::questions(&named, &[], now).to_vec()).await?;
        let Some(contact) = find::pick(&named, &answers)? else {
            let Addresses { emails, phones, .. } = find::addresses(&named);
            let (email, phone) = (emails.into_iter().next(), phones.into_iter().next());
            let Some(decision) = engine::take_address(catalog, email, phone, now, ids) else {
                return Err(FlowError::NotFound(find::unchanged("contact")));
            };
            // In one batch, so that the address is never left behind.
            let contact = decision.subject.clone();
            let mut statements = write::decisions(&[&decision.of_any()], now);
            let erased = engine::erase(catalog, contact, keys, now, ids);
            statements.extend(write::decisions(&erased.iter().collect::<Vec<_>>(), now));
            match db.batch(statements).await {
                Ok(_) => return Ok(Erased { contact: None, at: now, again: false }),
                // Another contact has the address now, or the outcome is unknown.
                Err(DatabaseError::Conflict(_) | DatabaseError::Lost(_)) => {}
                Err(error) => return Err(error.into()),
            }
            continue;
        };
        let id = contact.id.clone();
        if let Some(at) = contact.erased_at {
            return Ok(Erased { contact: Some(id), at, again: !was_lost });
        }
        let decisions = engine::erase(catalog, contact, keys, now, ids);
        let decisions: Vec<_> = decisions.iter().collect();
        match db.batch(write::decisions(&decisions, now)).await {
            Ok(_) => return Ok(Erased { contact: Some(id), at: now, again: false }),
            // Another write came first, or the outcome is unknown. The contact's addresses may be
            // gone already.
            Err(DatabaseError::Conflict(_)) => named = id.0,
            Err(DatabaseError::Lost(_)) => (named, was_lost) = (id.0, true),
            Err(error) => return Err(error.into()),
        }
    }
    Err(DatabaseError::Overloaded("the contact was changed concurrently too often".to_owned())
        .into())
}
