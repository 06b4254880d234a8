//! Erasing a record that is no contact.

use super::edit::one;
use crate::domain::base::primitives::{Actor, Ids, KindId, Millis, RecordId};
use crate::domain::engine;
use crate::domain::publication::catalog::Catalog;
use crate::domain::segment::AnyRecord;
use crate::flows::commit::CONFLICT_RETRIES_MAX;
use crate::flows::error::FlowError;
use crate::flows::ports::{Database, DatabaseError};
use crate::store::write;

/// Erases a record of a kind. Contacts are erased by `flows/contact/erase.rs`, with their addresses.
pub async fn erase<D: Database>(
    db: &D,
    catalog: &Catalog,
    kind: &KindId,
    id: &RecordId,
    by: &Actor,
    now: Millis,
    ids: &mut Ids,
) -> Result<(), FlowError> {
    for _ in 0..CONFLICT_RETRIES_MAX {
        let AnyRecord::Plain(record) = one(db, catalog, kind, id, now).await? else { break };
        let Some(decision) = engine::erase_record(catalog, *record, by, now, ids) else { break };
        match db.batch(write::decisions(&[&decision], now)).await {
            Ok(_) => return Ok(()),
            // Another write came first, or the outcome is unknown.
            Err(DatabaseError::Conflict(_) | DatabaseError::Lost(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let reason = "the record was changed concurrently too often".to_owned();
    Err(DatabaseError::Overloaded(reason).into())
}
