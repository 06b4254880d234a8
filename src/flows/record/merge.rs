//! Merges two records of one kind. Contacts are merged by `flows/contact/merge.rs`, with their
//! addresses and consents.
//!
//! As there, each of the two gets an event in the one batch, so that a concurrent write to either
//! makes one of the writes conflict.

use super::edit::{Editor, missing};
use crate::domain::access::role::Action;
use crate::domain::base::diagnostic::{Problem, brief};
use crate::domain::base::primitives::{Ids, KindId, RecordId};
use crate::domain::engine;
use crate::domain::record::PlainRecord;
use crate::domain::record::event::Event;
use crate::domain::segment::AnyRecord;
use crate::flows::commit::{CONFLICT_RETRIES_MAX, load_older_versions};
use crate::flows::error::{FlowError, Refusal};
use crate::flows::ports::{Database, DatabaseError, all};
use crate::store::contacts::{self, ContactRow, EventRow};
use crate::store::write;
use serde::{Deserialize, Serialize};

/// The result of a merge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MergedRecord {
    /// The record that survives.
    pub record: RecordId,
    /// The record that was merged into it; `None` if both were one before.
    pub merged: Option<RecordId>,
}

impl<D: Database> Editor<'_, D> {
    /// Merges one record into another of the same kind, if the author may do so with both.
    pub async fn merge(
        &self,
        kind: &KindId,
        from: &RecordId,
        into: &RecordId,
        ids: &mut Ids,
    ) -> Result<MergedRecord, FlowError> {
        if kind.is_contact() {
            let problem = Problem::new("kind", "contacts are merged with their addresses");
            return Err(refused(problem.help("use `/api/v1/contacts/<id>/merge`")));
        }
        if from == into {
            let problem = Problem::new("into", "is the record itself");
            return Err(refused(problem.help("name the other one, which stays")));
        }
        let Self { db, catalog, access, now, .. } = *self;
        for _ in 0..CONFLICT_RETRIES_MAX {
            let [from, into] = self.both(kind, from, into).await?;
            if from.id == into.id {
                return Ok(MergedRecord { record: into.record.id, merged: None });
            }
            let log = db.batch(vec![contacts::log(&from.id)]).await?;
            let log = all::<EventRow>(log.first())?.into_iter().map(Event::from).collect();
            let (record, merged) = (into.id.clone(), Some(from.id.clone()));
            let decisions =
                engine::merge_records(catalog, from, log, into, access.actor(), now, ids);
            let [left, survivor] =
                decisions.map_err(|endless| refused(Problem::new("into", endless.to_string())))?;
            match db.batch(write::decisions(&[&left, &survivor], now)).await {
                Ok(_) => return Ok(MergedRecord { record, merged }),
                // Another write came first, or the outcome is unknown: the next read shows it.
                Err(DatabaseError::Conflict(_) | DatabaseError::Lost(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let reason = "the records were changed concurrently too often".to_owned();
        Err(DatabaseError::Overloaded(reason).into())
    }

    /// Reads both, with the versions that they are on.
    async fn both(
        &self,
        kind: &KindId,
        from: &RecordId,
        into: &RecordId,
    ) -> Result<[PlainRecord; 2], FlowError> {
        let Self { db, catalog, now, .. } = *self;
        loop {
            let watched: Vec<String> = catalog.watched_events().into_iter().collect();
            let question = contacts::records_by_ids([from, into], &watched, &[], now);
            let rows = db.batch(vec![question]).await?;
            let found: Vec<AnyRecord> =
                all::<ContactRow>(rows.first())?.into_iter().map(AnyRecord::from).collect();
            let both = [pick(&found, kind, "id", from)?, pick(&found, kind, "into", into)?];
            // An older version may depend on more events.
            let scope = self.access.scope(Action::Merge, kind);
            if both.iter().any(|one| !scope.includes(one, now)) {
                return Err(missing());
            }
            let records = both.iter().map(|one| &one.record);
            if !load_older_versions(db, catalog, records, now).await? {
                return Ok(both);
            }
        }
    }
}

/// Returns the record with this id, if it is of the kind and not erased.
fn pick(
    found: &[AnyRecord],
    kind: &KindId,
    key: &str,
    id: &RecordId,
) -> Result<PlainRecord, FlowError> {
    match found.iter().find(|one| one.is_known_as(id) && one.erased_at.is_none()) {
        Some(AnyRecord::Plain(record)) if record.kind == *kind => Ok((**record).clone()),
        Some(other) => {
            let message = format!("is of the kind `{}`, not `{}`", other.kind, brief(kind));
            let problem = Problem::new(key, message);
            Err(refused(problem.help("only records of one kind can be merged")))
        }
        None => {
            let problem = Problem::new(key, "there is no such record");
            let detail = "It does not exist, or it was erased. Nothing has changed.";
            Err(FlowError::NotFound(Refusal::new("Record not found", detail, problem)))
        }
    }
}

fn refused(problem: Problem) -> FlowError {
    FlowError::Rejected(Refusal::new("They cannot be merged", "Nothing has changed.", problem))
}
