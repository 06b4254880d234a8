//! Undoing an import, the last row first: a step takes back some rows, and notes what stays.

use super::{CLAIM, Importer, KEPT};
use crate::domain::base::primitives::{Actor, Ids, RecordId};
use crate::domain::engine::{self, Decision, Input, RecordInput};
use crate::domain::import::row::ImportedRow;
use crate::domain::import::settings::{Refusal, State};
use crate::domain::import::undo::{Deed, Later, Undo, Undoing};
use crate::domain::segment::AnyRecord;
use crate::flows::commit::{Command, CommitError, RecordRef, commit};
use crate::flows::ports::{Database, DatabaseError, all};
use crate::flows::tasks::{Work, deliveries};
use crate::store::contacts::{self, ContactRow};
use crate::store::imports::{self, DeedRow, ImportRow, KnownRow, LaterRow, StepRow, UndoCounts};
use crate::store::write;
use std::collections::{BTreeMap, BTreeSet};

/// The rows that one step takes back.
const ROWS_PER_STEP: usize = 100;

/// The newest events of a record that are looked at. A record with more has changed since.
const EVENTS_MAX: usize = 200;

/// Takes back some rows. Returns the work that follows.
pub(super) async fn step<D: Database>(
    importer: &Importer<'_, D>,
    import: &ImportRow,
    ids: &mut Ids,
) -> Result<Vec<Work>, CommitError> {
    let Importer { db, now, .. } = *importer;
    let before = import.undo_at.as_deref();
    let rows = db.batch(vec![imports::deeds(&import.id, before, ROWS_PER_STEP)]).await?;
    let deeds = first_of_each(all::<DeedRow>(rows.first())?);
    let mut counts = import.undo;
    let mut kept = Vec::new();
    let mut work = Vec::new();
    if let Some(facts) = Facts::read(importer, import, &deeds).await? {
        work = facts.take_back(importer, import, &deeds, &mut counts, &mut kept, ids).await?;
    }
    let is_over = deeds.is_empty();
    let advance = imports::Advance {
        id: &import.id,
        step: import.step,
        state: if is_over { State::Undone } else { State::Undoing },
        reason: "",
        position: None,
        counts: import.counts,
        undo: counts,
        undo_at: deeds.last().map(|deed| deed.key.as_str()),
        due_at: Some(now.plus(if is_over { KEPT } else { CLAIM })),
        phase: "undo",
        refused: &kept,
        read_to: 0,
    };
    let rows = db.batch(imports::advance(&advance, now)).await?;
    let is_first = !all::<StepRow>(rows.last())?.is_empty();
    if is_first && !is_over {
        work.push(Work::ImportV1 { import: import.id.clone() });
    }
    Ok(work)
}

/// Returns the deeds up to the first that is about a record that an earlier one is about already:
/// what it finds depends on that one.
fn first_of_each(deeds: Vec<DeedRow>) -> Vec<DeedRow> {
    let mut seen = BTreeSet::new();
    deeds.into_iter().take_while(|deed| seen.insert(deed.record.clone())).collect()
}

/// What a step needs to know.
struct Facts {
    records: Vec<AnyRecord>,
    later: BTreeMap<RecordId, Vec<Later>>,
    /// The keys of rows that were taken back before.
    known: BTreeSet<String>,
}

impl Facts {
    /// Reads the records of the deeds; `None` if there are no deeds.
    async fn read<D: Database>(
        importer: &Importer<'_, D>,
        import: &ImportRow,
        deeds: &[DeedRow],
    ) -> Result<Option<Self>, DatabaseError> {
        if deeds.is_empty() {
            return Ok(None);
        }
        let ids: Vec<&RecordId> = deeds.iter().map(|deed| &deed.record).collect();
        let row = |deed: &DeedRow| ImportedRow::row_of_key(&deed.key).unwrap_or_default();
        let keys: Vec<String> =
            deeds.iter().map(|deed| ImportedRow::undo_key(&import.id, row(deed))).collect();
        let watched: Vec<String> = importer.catalog.watched_events().into_iter().collect();
        let statements = vec![
            contacts::records_by_ids(ids.iter().copied(), &watched, &[], importer.now),
            imports::later(&ids, EVENTS_MAX),
            imports::known(&keys),
        ];
        let rows = importer.db.batch(statements).await?;
        let records = all::<ContactRow>(rows.first())?.into_iter().map(AnyRecord::from).collect();
        let mut later: BTreeMap<RecordId, Vec<Later>> = BTreeMap::new();
        for LaterRow { record, seq, name, key, import } in all(rows.get(1))? {
            later.entry(record).or_default().push(Later { seq, name, key, import });
        }
        let known = all::<KnownRow>(rows.get(2))?.into_iter().map(|row| row.key).collect();
        Ok(Some(Self { records, later, known }))
    }

    async fn take_back<D: Database>(
        &self,
        importer: &Importer<'_, D>,
        import: &ImportRow,
        deeds: &[DeedRow],
        counts: &mut UndoCounts,
        kept: &mut Vec<Refusal>,
        ids: &mut Ids,
    ) -> Result<Vec<Work>, CommitError> {
        let undoing = Undoing { import: &import.id, now: importer.now };
        let (mut removed, mut restored) = (Vec::new(), Vec::new());
        for deed in deeds {
            let row = ImportedRow::row_of_key(&deed.key).unwrap_or_default();
            let record = self.records.iter().find(|record| record.is_known_as(&deed.record));
            let Some(record) = record else { continue };
            if self.known.contains(&ImportedRow::undo_key(&import.id, row)) {
                counts.restored += 1;
                continue;
            }
            if record.id != deed.record && record.erased_at.is_none() {
                counts.kept += 1;
                let reason = "the record was merged into another, and stays as it is";
                kept.push(stay(row, String::new(), reason.to_owned()));
                continue;
            }
            let done = Deed {
                row,
                record: record.id.clone(),
                seq: deed.seq,
                name: deed.name.clone(),
                properties: deed.properties.clone(),
            };
            let later = self.later.get(&deed.record).map_or(&[][..], Vec::as_slice);
            let (undo, stays) = undoing.plan(&done, record, later);
            counts.kept += u64::from(!stays.is_empty());
            kept.extend(stays.into_iter().map(|(field, reason)| stay(row, field, reason)));
            match undo {
                Undo::Nothing if record.erased_at.is_some() => counts.removed += 1,
                Undo::Nothing => {}
                Undo::Remove => removed.push((row, record)),
                Undo::Restore(imported) => restored.push((row, record, imported)),
            }
        }
        let failed = remove(importer, &removed, ids).await?;
        counts.removed += (removed.len() - failed.len()) as u64;
        counts.kept += failed.len() as u64;
        let reason = "the record stays: others changed it at the same time, or merged it";
        kept.extend(failed.into_iter().map(|row| stay(row, String::new(), reason.to_owned())));
        restore(importer, restored, counts, kept, ids).await
    }
}

fn stay(row: u64, field: String, reason: String) -> Refusal {
    Refusal { row, line: 0, field, reason, cells: None, addresses: Vec::new() }
}

/// Removes records that the import had made. Returns the rows of those that stay.
async fn remove<D: Database>(
    importer: &Importer<'_, D>,
    records: &[(u64, &AnyRecord)],
    ids: &mut Ids,
) -> Result<Vec<u64>, CommitError> {
    let Importer { db, catalog, now, .. } = *importer;
    let by = Actor::from("undo");
    let mut failed = Vec::new();
    let mut decisions: Vec<(u64, Decision)> = Vec::new();
    for (row, record) in records {
        let decision = match (*record).clone() {
            AnyRecord::Contact(contact) => engine::remove(catalog, *contact, now, ids),
            AnyRecord::Plain(record) if record.aliases.is_empty() => {
                engine::erase_record(catalog, *record, &by, now, ids)
            }
            AnyRecord::Plain(_) => None,
        };
        match decision {
            Some(decision) => decisions.push((*row, decision)),
            None => failed.push(*row),
        }
    }
    let mut batches = vec![decisions.as_slice()];
    while let Some(batch) = batches.pop() {
        if batch.is_empty() {
            continue;
        }
        let all: Vec<&Decision> = batch.iter().map(|(_, decision)| decision).collect();
        match db.batch(write::decisions(&all, now)).await {
            Ok(_) => {}
            Err(DatabaseError::Conflict(_)) if batch.len() > 1 => {
                let (first, second) = batch.split_at(batch.len() / 2);
                batches.extend([second, first]);
            }
            Err(DatabaseError::Conflict(_)) => failed.extend(batch.iter().map(|(row, _)| *row)),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(failed)
}

/// Gives records their former values.
async fn restore<D: Database>(
    importer: &Importer<'_, D>,
    rows: Vec<(u64, &AnyRecord, Box<ImportedRow>)>,
    counts: &mut UndoCounts,
    kept: &mut Vec<Refusal>,
    ids: &mut Ids,
) -> Result<Vec<Work>, CommitError> {
    let Importer { db, catalog, now, .. } = *importer;
    let (mut commands, mut of) = (Vec::new(), Vec::new());
    for (row, record, imported) in rows {
        let says_nothing = imported.edit.fields.is_empty()
            && imported.edit.tags == <_>::default()
            && imported.consents.is_empty()
            && imported.score.is_none();
        if says_nothing {
            continue;
        }
        of.push((row, record.id.clone()));
        let who = match record {
            AnyRecord::Contact(_) => RecordRef::Id(record.id.clone()),
            AnyRecord::Plain(_) => {
                RecordRef::Plain { id: record.id.clone(), kind: record.kind.clone() }
            }
        };
        commands
            .push(Command { who, inputs: vec![Input::Record(RecordInput::Imported(imported))] });
    }
    let decisions = commit(db, catalog, commands, now, ids).await?;
    for (row, id) in of {
        let decision = decisions.iter().find(|decision| decision.subject.is_known_as(&id));
        match decision.filter(|decision| !decision.conflicts.is_empty()) {
            None => counts.restored += 1,
            Some(_) => {
                counts.kept += 1;
                let reason = "others changed it at the same time, and it stays".to_owned();
                kept.push(stay(row, String::new(), reason));
            }
        }
    }
    Ok(deliveries(&decisions))
}
