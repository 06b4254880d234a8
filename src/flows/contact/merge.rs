//! Merges two contacts that are one person.
//!
//! It is the only flow whose batch joins two contacts' rows. Each of them gets an event in it, so
//! that a concurrent write to either makes one of the two writes conflict.

use crate::domain::base::primitives::{Ids, Millis, RecordId};
use crate::domain::contact::Contact;
use crate::domain::engine;
use crate::domain::publication::catalog::Catalog;
use crate::domain::record::event::{Event, POSITION_EVENTS};
use crate::flows::commit::{CONFLICT_RETRIES_MAX, load_older_versions};
use crate::flows::contact::find;
use crate::flows::error::{FlowError, Refusal};
use crate::flows::ports::{Database, DatabaseError};
use crate::store::contacts::{self, EventRow};
use crate::store::statement::Rows;
use crate::store::write;
use serde::{Deserialize, Serialize};

/// The result of a merge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Merged {
    /// The contact that survives.
    pub contact: RecordId,
    /// The contact that was merged into it; `None` if both were one before.
    pub merged: Option<RecordId>,
}

/// Merges one contact into another. Each is given by an id or one of its addresses.
pub async fn merge<D: Database>(
    db: &D,
    catalog: &Catalog,
    from: &str,
    into: &str,
    now: Millis,
    ids: &mut Ids,
) -> Result<Merged, FlowError> {
    for _ in 0..CONFLICT_RETRIES_MAX {
        let (from, into) = match read(db, catalog, from.trim(), into.trim(), now).await? {
            (from, into) if from.id == into.id => {
                return Ok(Merged { contact: into.record.id, merged: None });
            }
            both => both,
        };
        let log = db.batch(vec![contacts::log(&from.id)]).await?;
        let log = log.first().map(Rows::all::<EventRow>).transpose();
        let log = log.map_err(DatabaseError::Fault)?.unwrap_or_default();
        let log: Vec<Event> = log.into_iter().map(Event::from).collect();
        let merged = Merged { contact: into.id.clone(), merged: Some(from.id.clone()) };
        let decisions = engine::merge(catalog, from, log, into, now, ids);
        let [left, survivor] = decisions.map_err(|_| endless())?;
        match db.batch(write::decisions(&[&left, &survivor], now)).await {
            Ok(_) => return Ok(merged),
            // Another write came first, or the outcome is unknown: the next read shows it.
            Err(DatabaseError::Conflict(_) | DatabaseError::Lost(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(DatabaseError::Overloaded("the contacts were changed concurrently too often".to_owned())
        .into())
}

/// The decision about the merged contact would not terminate.
fn endless() -> FlowError {
    FlowError::Rejected(Refusal {
        title: "They cannot be merged",
        detail: "A decision about the merged contact would not end. Nothing has changed.",
        problems: Vec::new(),
    })
}

/// Reads both, with the versions that they are on.
async fn read<D: Database>(
    db: &D,
    catalog: &Catalog,
    from: &str,
    into: &str,
    now: Millis,
) -> Result<(Contact, Contact), FlowError> {
    loop {
        // Their positions are taken over, whether or not the deployment uses companies now.
        let mut watched = catalog.watched_events();
        watched.extend(POSITION_EVENTS.map(str::to_owned));
        let watched: Vec<String> = watched.into_iter().collect();
        let questions = [from, into].map(|named| find::questions(named, &watched, now));
        let answers = db.batch(questions.into_iter().flatten().collect()).await?;
        let find = |key: &str, named: &str, answers: &[Rows]| {
            let found = find::pick(named, answers)?.filter(|found| found.erased_at.is_none());
            found.ok_or_else(|| FlowError::NotFound(find::unchanged(key)))
        };
        let from = find("contact", from, answers.get(..2).unwrap_or_default())?;
        let into = find("into", into, answers.get(2..).unwrap_or_default())?;
        let both = [from, into];
        // An older version may depend on more events.
        if !load_older_versions(db, catalog, both.iter().map(|one| &one.record), now).await? {
            let [from, into] = both;
            return Ok((from, into));
        }
    }
}
