//! The work of an import: a task does some groups of rows, writes how far it is after each, and
//! hands on. If a hint is lost, a tick finds the import again.

use super::file::{FileRows, ReadRow};
use super::group::{Group, Outcome};
use super::{CLAIM, Importer, KEPT, Plan, REFUSED_MAX, WAITING, undo};
use crate::domain::base::diagnostic::brief;
use crate::domain::base::language::Language;
use crate::domain::base::primitives::{Ids, Millis, Span};
use crate::domain::contact::address::{read_email, read_phone};
use crate::domain::import::reading::RowProblem;
use crate::domain::import::settings::{Counts, Refusal, State};
use crate::domain::table_file::reader::Position;
use crate::flows::commit::CommitError;
use crate::flows::ports::{Database, DatabaseError, all};
use crate::flows::tasks::Work;
use crate::store::imports::{self, Advance, DueRow, ImportRow, StepRow};
use std::collections::BTreeMap;

/// The most rows, and bytes of cells, that one commit takes: its statements stay far below the 2 MB
/// of a parameter.
pub const ROWS_PER_GROUP: usize = 200;
const BYTES_PER_GROUP: usize = 300_000;

/// The groups of a task: a quarter of the 1,000 statements of an invocation on Cloudflare.
const GROUPS_PER_TASK: usize = 10;

/// The rows of refused or expired rows that one step deletes.
const EXPIRED_PER_STEP: usize = 5_000;

/// Claims the due imports. What the queue does not take is claimed again when the claim ends.
pub async fn claim<D: Database>(db: &D, now: Millis) -> Result<Vec<Work>, DatabaseError> {
    let rows = db.batch(vec![imports::claim(now, now.plus(CLAIM))]).await?;
    let due = all::<DueRow>(rows.first())?.into_iter();
    Ok(due.map(|DueRow { id }| Work::ImportV1 { import: id }).collect())
}

/// Does the next part of an import. Returns the work that follows.
pub async fn work<D: Database>(
    importer: &Importer<'_, D>,
    id: &str,
    ids: &mut Ids,
) -> Result<Vec<Work>, CommitError> {
    let rows = importer.db.batch(vec![imports::one(id)]).await?;
    let Some(row) = all::<ImportRow>(rows.first())?.into_iter().next() else {
        return Ok(Vec::new());
    };
    match row.state {
        State::Checking | State::Running => go_on(importer, &row, ids).await,
        State::Undoing => undo::step(importer, &row, ids).await,
        _ => expire(importer, &row).await,
    }
}

/// Deletes what an import has left behind, once it is old.
async fn expire<D: Database>(
    importer: &Importer<'_, D>,
    row: &ImportRow,
) -> Result<Vec<Work>, CommitError> {
    let kept: Span = if row.total.is_none() { WAITING } else { KEPT };
    if row.updated_at.plus(kept) > importer.now {
        return Ok(Vec::new());
    }
    let rows = importer.db.batch(imports::expire(&row.id, EXPIRED_PER_STEP)).await?;
    let is_left = !all::<DueRow>(rows.last())?.is_empty();
    Ok(if is_left { vec![Work::ImportV1 { import: row.id.clone() }] } else { Vec::new() })
}

async fn go_on<D: Database>(
    importer: &Importer<'_, D>,
    row: &ImportRow,
    ids: &mut Ids,
) -> Result<Vec<Work>, CommitError> {
    let mut progress = Progress::of(importer, row);
    let plan = row.plan.as_deref().and_then(|text| serde_json::from_str::<Plan>(text).ok());
    let position = row.position.as_deref();
    let position = position.and_then(|text| serde_json::from_str::<Position>(text).ok());
    let (Some(plan), Some(position), Some(total)) = (plan, position, row.total) else {
        progress.end(State::Failed, "the file is gone; import it again");
        progress.save(None).await?;
        return Ok(Vec::new());
    };
    let Some(kind) = importer.catalog.kind(&row.kind) else {
        progress.end(State::Failed, "there is no such kind any more");
        progress.save(None).await?;
        return Ok(Vec::new());
    };
    let is_check = row.state == State::Checking;
    let group = Group { importer, import: row, plan: &plan, kind, is_check };
    let mut file = FileRows::new(importer.db, &row.id, total, position, importer.decoder);
    let mut work = Vec::new();
    for _ in 0..GROUPS_PER_TASK {
        let (rows, end) = read(&mut file, row, progress.counts.rows).await?;
        let (outcomes, more) = decide(&group, &rows, ids).await?;
        work.extend(more);
        progress.take(&plan, &rows, outcomes);
        match end {
            None if progress.counts.refused >= REFUSED_MAX => {
                progress.end(State::Stopped, "too many rows are refused; look at the mapping");
            }
            None => {}
            Some(None) => progress.end(if is_check { State::Checked } else { State::Done }, ""),
            Some(Some(reason)) => progress.end(State::Failed, &reason),
        }
        let position = file.position();
        if !progress.save(Some(&position)).await? || progress.is_over() {
            return Ok(work);
        }
    }
    work.push(Work::ImportV1 { import: row.id.clone() });
    Ok(work)
}

/// Reads a group of rows. The second value says that none follow: because the file ends, or why it
/// cannot be read further.
async fn read<D: Database>(
    file: &mut FileRows<'_, D>,
    import: &ImportRow,
    before: u64,
) -> Result<(Vec<ReadRow>, Option<Option<String>>), DatabaseError> {
    let (mut rows, mut bytes) = (Vec::new(), 0);
    while rows.len() < ROWS_PER_GROUP && bytes < BYTES_PER_GROUP {
        if import.rows_max.is_some_and(|most| before + rows.len() as u64 >= most) {
            return Ok((rows, Some(None)));
        }
        match file.next().await? {
            Some(Ok(row)) => {
                bytes += row.bytes();
                rows.push(row);
            }
            Some(Err(problem)) => {
                return Ok((rows, Some(Some(problem.message(Language::English)))));
            }
            None => return Ok((rows, Some(None))),
        }
    }
    Ok((rows, None))
}

/// Does a group of rows. If one of them fails, each half is tried alone, down to the row at fault.
async fn decide<D: Database>(
    group: &Group<'_, D>,
    rows: &[ReadRow],
    ids: &mut Ids,
) -> Result<(BTreeMap<u64, Outcome>, Vec<Work>), CommitError> {
    let (mut outcomes, mut work) = (BTreeMap::new(), Vec::new());
    let mut waiting = vec![rows];
    while let Some(part) = waiting.pop() {
        match group.run(part, ids).await {
            Ok((some, more)) => {
                outcomes.extend(some);
                work.extend(more);
            }
            Err(error) if error.is_contact_specific() && part.len() > 1 => {
                let (first, second) = part.split_at(part.len() / 2);
                waiting.extend([second, first]);
            }
            Err(error) if error.is_contact_specific() => {
                let reason = format!("the row cannot be written: {}", brief(&error));
                let problem = RowProblem::new("", reason);
                outcomes.extend(
                    part.iter().map(|row| (row.number, Outcome::Refused(vec![problem.clone()]))),
                );
            }
            Err(error) => return Err(error),
        }
    }
    Ok((outcomes, work))
}

/// How far an import is.
pub(super) struct Progress<'a, D> {
    importer: &'a Importer<'a, D>,
    import: &'a ImportRow,
    step: i64,
    state: State,
    reason: String,
    pub counts: Counts,
    refused: Vec<Refusal>,
}

impl<'a, D: Database> Progress<'a, D> {
    fn of(importer: &'a Importer<'a, D>, import: &'a ImportRow) -> Self {
        let (step, state, counts) = (import.step, import.state, import.counts);
        Self { importer, import, step, state, reason: String::new(), counts, refused: Vec::new() }
    }

    fn end(&mut self, state: State, reason: &str) {
        (self.state, self.reason) = (state, reason.to_owned());
    }

    fn is_over(&self) -> bool {
        self.state != self.import.state
    }

    /// Counts what became of rows, and keeps the refused ones.
    fn take(&mut self, plan: &Plan, rows: &[ReadRow], outcomes: BTreeMap<u64, Outcome>) {
        let counts = &mut self.counts;
        for row in rows {
            counts.rows += 1;
            let (problems, is_kept) = match outcomes.get(&row.number) {
                Some(Outcome::Made) => {
                    counts.made += 1;
                    continue;
                }
                Some(Outcome::Changed) => {
                    counts.changed += 1;
                    continue;
                }
                Some(Outcome::Skipped) => {
                    counts.skipped += 1;
                    continue;
                }
                Some(Outcome::Refused(problems)) => (problems.as_slice(), true),
                Some(Outcome::Erased(problem)) => (std::slice::from_ref(problem), false),
                Some(Outcome::Unchanged) | None => {
                    counts.unchanged += 1;
                    continue;
                }
            };
            counts.refused += 1;
            let region = self.import.settings.region.as_deref();
            let refusal = |problem: &RowProblem| Refusal {
                row: row.number,
                line: row.line,
                field: problem.field.clone(),
                reason: problem.reason.clone(),
                cells: is_kept.then(|| row.cells.clone()).filter(|cells| is_short(cells)),
                addresses: if is_kept { addresses(plan, row, region) } else { Vec::new() },
            };
            self.refused.extend(problems.iter().map(refusal));
        }
    }

    /// Writes how far it is. Returns whether it was written: not if another worker came first, or
    /// an operator has stopped it.
    async fn save(&mut self, position: Option<&Position>) -> Result<bool, CommitError> {
        let Importer { db, now, .. } = *self.importer;
        let refused = std::mem::take(&mut self.refused);
        let text = position.and_then(|position| serde_json::to_string(position).ok());
        let is_check = self.import.state == State::Checking;
        let read_to = match (is_check, self.state, position) {
            (true, ..) => 0,
            (_, State::Done | State::Failed, _) => self.import.total.unwrap_or_default(),
            (_, _, Some(position)) => position.offset,
            (_, _, None) => 0,
        };
        let after = match self.state {
            State::Checking | State::Running => CLAIM,
            State::Checked => WAITING,
            _ => KEPT,
        };
        let advance = Advance {
            id: &self.import.id,
            step: self.step,
            state: self.state,
            reason: &self.reason,
            position: text.as_deref(),
            counts: self.counts,
            undo: self.import.undo,
            undo_at: None,
            due_at: Some(now.plus(after)),
            phase: if is_check { "check" } else { "import" },
            refused: &refused,
            read_to,
        };
        let rows = db.batch(imports::advance(&advance, now)).await?;
        let step = all::<StepRow>(rows.last())?.into_iter().next();
        self.step = step.as_ref().map_or(self.step, |row| row.step);
        Ok(step.is_some())
    }
}

/// Whether the cells of a refused row are kept: the largest rows are not.
fn is_short(cells: &[String]) -> bool {
    const CELLS_BYTES_MAX: usize = 20_000;
    cells.iter().map(String::len).sum::<usize>() <= CELLS_BYTES_MAX
}

/// Returns the addresses among the cells, by which erasing a person finds the row.
fn addresses(plan: &Plan, row: &ReadRow, region: Option<&str>) -> Vec<String> {
    let is_id = |field: &Option<String>| field.as_deref() == Some("external_id");
    let id = plan.fields.iter().position(is_id).and_then(|place| row.cells.get(place));
    let short = row.cells.iter().filter(|cell| cell.len() <= 320);
    let read = short.flat_map(|cell| {
        let email = read_email(cell).ok().filter(|_| cell.contains('@'));
        let digits = cell.bytes().filter(u8::is_ascii_digit).count();
        [email, read_phone(cell, region).ok().filter(|_| digits >= 7)]
    });
    let mut found: Vec<String> = read.flatten().chain(id.map(|id| id.trim().to_owned())).collect();
    found.sort_unstable();
    found.dedup();
    found
}
