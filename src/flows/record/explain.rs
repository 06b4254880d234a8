//! Shows why a record that is no contact is where it is. Nothing is written.

use super::edit::{kind_of, missing};
use super::read::Reader;
use crate::domain::access::role::Action;
use crate::domain::base::language::Language;
use crate::domain::base::primitives::{KindId, RecordId};
use crate::domain::report::explain::{self, Explanation, wanted_events};
use crate::domain::segment::AnyRecord;
use crate::flows::campaign::publish::statuses;
use crate::flows::commit::load_versions;
use crate::flows::error::FlowError;
use crate::flows::ports::{Database, all};
use crate::store::contacts::{self, ContactRow};
use crate::store::journeys;

/// Explains a record that is no contact.
pub async fn explain<D: Database>(
    reader: &Reader<'_, D>,
    kind: &KindId,
    id: &RecordId,
    language: Language,
) -> Result<Explanation, FlowError> {
    let Reader { db, catalog, access, now } = *reader;
    kind_of(catalog, kind)?;
    let wanted: Vec<String> = wanted_events(catalog).into_iter().collect();
    let questions = vec![contacts::records_by_ids([id], &wanted, &[], now), journeys::statuses()];
    let rows = db.batch(questions).await?;
    let found = all::<ContactRow>(rows.first())?.into_iter().map(AnyRecord::from).next();
    // An explanation quotes the values of fields.
    let scope = access.clear_scope(Action::See, kind);
    let is_meant = |record: &AnyRecord| {
        let stands = record.kind == *kind && record.erased_at.is_none();
        stands && scope.includes(record.subject(), now)
    };
    let record = found.filter(is_meant).ok_or_else(missing)?;
    let versions = record.enrollments.iter().map(|e| (e.campaign.clone(), e.version));
    load_versions(db, catalog, versions, now).await?;
    Ok(explain::explain(catalog, &statuses(rows.get(1))?, &record, Vec::new(), now, language))
}
