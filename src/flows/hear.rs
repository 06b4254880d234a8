//! hear: what providers tell of messages, on its way through the intake queue to the contacts that
//! it is about. The deciding is in `domain/decide/hear.rs`.
//!
//! One round trip of one statement for a batch; what it finds goes through `commit` with the rest
//! of the batch.

use super::seams::{Database, DatabaseError};
use super::task::HeardReport;
use crate::domain::decide::Happening;
use crate::domain::primitives::{ContactId, MessageId};
use crate::store::messages::{self, OwnerRow};
use crate::store::statement::Rows;
use std::collections::BTreeMap;

/// Whose messages these reports are about, in their order. One about a message that we do not know
/// is of another system that shares the provider's account, or of a contact that is gone: it is
/// left out.
pub async fn whose<D: Database>(
    db: &D,
    reports: Vec<HeardReport>,
) -> Result<Vec<(ContactId, Happening)>, DatabaseError> {
    if reports.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<&MessageId> = reports.iter().map(|report| &report.message).collect();
    let rows = db.batch(vec![messages::owners(&ids)]).await?;
    let rows = rows.first().map(Rows::all::<OwnerRow>).transpose();
    let rows = rows.map_err(DatabaseError::Fault)?.unwrap_or_default();
    let owners: BTreeMap<MessageId, ContactId> =
        rows.into_iter().map(|row| (row.id, row.contact_id)).collect();
    let found = reports.into_iter().filter_map(|HeardReport { message, heard }| {
        let owner = owners.get(&message)?.clone();
        Some((owner, Happening::Heard(message, heard)))
    });
    Ok(found.collect())
}
