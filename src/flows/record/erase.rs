//! Erasing a record that is no contact.

use super::edit::Editor;
use crate::domain::access::role::Action;
use crate::domain::base::primitives::{Ids, KindId, RecordId};
use crate::domain::engine;
use crate::domain::segment::AnyRecord;
use crate::flows::commit::CONFLICT_RETRIES_MAX;
use crate::flows::error::FlowError;
use crate::flows::ports::{Database, DatabaseError};
use crate::store::write;

impl<D: Database> Editor<'_, D> {
    /// Erases a record of a kind. Contacts are erased by `flows/contact/erase.rs`, with their
    /// addresses.
    pub async fn erase(
        &self,
        kind: &KindId,
        id: &RecordId,
        ids: &mut Ids,
    ) -> Result<(), FlowError> {
        let Self { db, catalog, access, now, .. } = *self;
        for _ in 0..CONFLICT_RETRIES_MAX {
            let record = self.within(Action::Erase, kind, id).await?;
            let AnyRecord::Plain(record) = record else { break };
            let decision = engine::erase_record(catalog, *record, access.actor(), now, ids);
            let Some(decision) = decision else { break };
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
}
