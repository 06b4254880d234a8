//! Keeps a contact whose decision fails permanently from stalling others. A contact whose decision
//! failed once is tried alone. One that fails alone too often is quarantined until an operator
//! releases it.

use crate::domain::base::diagnostic::brief;
use crate::domain::base::primitives::{Ids, Millis, RecordId};
use crate::domain::engine::Input;
use crate::domain::engine::RecordInput;
use crate::domain::publication::catalog::Catalog;
use crate::flows::commit::{Command, CommitError, RecordRef, commit};
use crate::flows::ports::{Database, DatabaseError};
use crate::flows::tasks::Work;
use crate::flows::tasks::deliveries;
use crate::store::parked::{self, AttemptsRow, Parked};
use crate::store::statement::Rows;
use serde_json::Value;

/// How often in a row a decision about a contact may fail alone before it is quarantined. Ticks
/// enqueue it five minutes apart, so a fault that passes within half an hour quarantines no
/// contact.
pub const ATTEMPTS_ALONE_MAX: u32 = 5;

/// The reason recorded while a decision is under way. It remains if the worker crashes or is
/// stopped.
const NEVER_ENDED: &str = "a decision about it never ended";

/// Decides on one due contact, and quarantines it if that has failed too often.
pub async fn process_isolated<D: Database>(
    db: &D,
    catalog: &Catalog,
    contact: RecordId,
    now: Millis,
    ids: &mut Ids,
) -> Result<Vec<Work>, CommitError> {
    let rows = db.batch(vec![parked::begin(&contact, NEVER_ENDED, now)]).await?;
    let row = rows.first().map(Rows::first::<AttemptsRow>).transpose();
    let attempts = row.map_err(DatabaseError::Fault)?.flatten().map_or(0, |row| row.attempts);
    if attempts > ATTEMPTS_ALONE_MAX {
        db.batch(vec![parked::quarantine(&contact)]).await?;
        return Ok(Vec::new());
    }
    let command = Command {
        who: RecordRef::Id(contact.clone()),
        inputs: vec![Input::Record(RecordInput::TimePassed)],
    };
    match commit(db, catalog, vec![command], now, ids).await {
        Ok(decisions) => {
            db.batch(vec![parked::clear(&contact)]).await?;
            Ok(deliveries(&decisions))
        }
        Err(error) if error.is_contact_specific() => {
            let mut statements = vec![parked::note(&contact, &brief(&error))];
            if attempts == ATTEMPTS_ALONE_MAX {
                statements.push(parked::quarantine(&contact));
            }
            db.batch(statements).await?;
            Ok(Vec::new())
        }
        Err(error) => {
            db.batch(vec![parked::take_back(&contact)]).await?;
            Err(error)
        }
    }
}

/// Returns the quarantined contacts.
pub async fn list<D: Database>(db: &D) -> Result<Vec<Parked>, DatabaseError> {
    let rows = db.batch(vec![parked::list(ATTEMPTS_ALONE_MAX)]).await?;
    let rows = rows.first().map(Rows::all::<Parked>).transpose().map_err(DatabaseError::Fault)?;
    Ok(rows.unwrap_or_default())
}

/// Releases a quarantined contact, so that the next tick enqueues it. Returns whether it was
/// quarantined.
pub async fn release<D: Database>(
    db: &D,
    contact: &RecordId,
    now: Millis,
) -> Result<bool, DatabaseError> {
    let statements = parked::release(contact, ATTEMPTS_ALONE_MAX, now);
    let rows = db.batch(statements.to_vec()).await?;
    let released = rows.get(1).map(Rows::first::<Value>).transpose();
    Ok(released.map_err(DatabaseError::Fault)?.flatten().is_some())
}
