//! erase: everything about a person goes (GDPR article 17, PIPL article 47).
//!
//! One round trip to read (2 statements) and one to write: 2 or 3 for the contact, its passages
//! and its memberships, and 10 that empty what else is about it (`store::erasures`). Of an address
//! that nobody has, an empty contact takes it first (one round trip more, 2 statements), so that
//! whoever is about to make a contact of it meets that one; what is still under way about it then
//! comes to nothing.

use crate::domain::base::diagnostic::Problem;
use crate::domain::base::primitives::{ContactId, Ids, Millis};
use crate::domain::base::token::Keyring;
use crate::domain::engine;
use crate::domain::publication::catalog::Catalog;
use crate::flows::commit::CONFLICT_RETRIES_MAX;
use crate::flows::contact::find;
use crate::flows::ports::{Database, DatabaseError};
use crate::store::contacts::Addresses;
use crate::store::write;
use serde::{Deserialize, Serialize};

/// What became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Erased {
    /// Who it was; `None` if nobody had that address.
    pub contact: Option<ContactId>,
    /// When it was erased.
    pub at: Millis,
    /// Whether that had been done before.
    pub again: bool,
}

/// Why nobody was erased.
#[derive(Clone, Debug, PartialEq)]
pub enum NotErased {
    /// There is no such contact.
    Unknown(Problem),
    /// The database failed, or others kept writing to the contact. Saying it again is safe.
    Database(DatabaseError),
}

impl From<DatabaseError> for NotErased {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
    }
}

/// Erases the contact that is named by its id or one of its addresses.
pub async fn erase<D: Database>(
    db: &D,
    catalog: &Catalog,
    keys: &Keyring,
    told: &str,
    now: Millis,
    ids: &mut Ids,
) -> Result<Erased, NotErased> {
    let mut told = told.trim().to_owned();
    let (mut was_told_before, mut had_nobody) = (false, false);
    for _ in 0..CONFLICT_RETRIES_MAX {
        let answers = db.batch(find::questions(&told, &[], now).to_vec()).await?;
        let Some(contact) = find::pick(&told, &answers)? else {
            let Addresses { emails, phones, .. } = find::addresses(&told);
            let address = (emails.into_iter().next(), phones.into_iter().next());
            let Some(decision) = engine::take_address(catalog, address, now, ids) else {
                return Err(NotErased::Unknown(find::nobody("contact")));
            };
            match db.batch(write::decisions(&[&decision], now)).await {
                // It is found now, or somebody else of that address is.
                Ok(_) => had_nobody = true,
                Err(DatabaseError::Conflict(_) | DatabaseError::Lost(_)) => {}
                Err(error) => return Err(error.into()),
            }
            continue;
        };
        let id = contact.id.clone();
        if let Some(at) = contact.erased_at {
            let contact = (!had_nobody).then_some(id);
            return Ok(Erased { contact, at, again: !was_told_before });
        }
        let decisions = engine::erase(catalog, contact, keys, now, ids);
        let decisions: Vec<_> = decisions.iter().collect();
        match db.batch(write::decisions(&decisions, now)).await {
            Ok(_) => {
                let contact = (!had_nobody).then_some(id);
                return Ok(Erased { contact, at: now, again: false });
            }
            // Somebody else wrote first, or nobody knows. Its addresses may be gone already.
            Err(DatabaseError::Conflict(_)) => told = id.0,
            Err(DatabaseError::Lost(_)) => (told, was_told_before) = (id.0, true),
            Err(error) => return Err(error.into()),
        }
    }
    Err(DatabaseError::Overloaded("others kept writing to the contact".to_owned()).into())
}
