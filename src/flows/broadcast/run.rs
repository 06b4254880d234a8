//! Advances a broadcast: it decides on the next recipients and on the A/B test.
//!
//! A recipient is a decision like any other, under a key of its own in the contact's log. The query
//! selects the contacts without that key, so that a crash at any point neither loses a recipient
//! nor repeats one. The position reached is written after the decisions; it only saves scanning
//! again.

use crate::domain::base::primitives::{Ids, Millis, QualifiedId, RecordId, Span};
use crate::domain::campaign::ab_test::{Finding, Trial, evaluate};
use crate::domain::campaign::broadcast::{
    AbTest, Broadcast, BroadcastRecipient, BroadcastState, Phase,
};
use crate::domain::contact::message::{broadcast_part, of_broadcast_part};
use crate::domain::engine::Input;
use crate::domain::operations::failing::{Failing, FailingKind};
use crate::domain::publication::catalog::{Catalog, PublishedVersion};
use crate::domain::segment::Rule;
use crate::flows::commit::{Command, CommitError, RecordRef, commit, load_versions};
use crate::flows::ports::all;
use crate::flows::ports::{Database, DatabaseError};
use crate::flows::tasks::Work;
use crate::flows::tasks::deliveries;
use crate::store::broadcasts::{self, BroadcastRow, CountRow, RECIPIENTS_PER_PAGE, Step, TurnRow};
use crate::store::failing;
use crate::store::reports::CounterRow;
use crate::store::statement::{Rows, Statement};
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::rc::Rc;

/// The number of recipients per batch of decisions. Such a batch is half a megabyte, and a crash
/// repeats at most this many decisions, which are then recognised as already made.
pub const BATCH_SIZE: usize = 200;

/// The number of reads per task: 5,000 recipients, some 80 round trips and 200 statements of the
/// 1,000 that an invocation on Cloudflare may have.
const PAGES_PER_TASK_MAX: usize = 5;

/// How long a worker's claim on a broadcast lasts: longer than a task takes.
pub const CLAIM: Span = Span::minutes(2);

/// How many rounds retry the recipients whose decision failed, and the time between rounds.
const ROUNDS_MAX: i64 = 5;
const ROUND_WAIT: Span = Span::minutes(10);

/// How often a test is checked again while one of its messages waits, and for how long at most.
const LOOK_AGAIN: Span = Span::minutes(10);
const LATE_MAX: Span = Span::days(1);

/// Advances a broadcast as far as one task goes. Returns the messages to deliver, and the task that
/// continues; if that hint is lost, a tick finds it two minutes later. A broadcast that fails stops
/// alone: the failure is recorded, and it is retried later.
pub async fn run<D: Database>(
    db: &D,
    catalog: &Catalog,
    id: &QualifiedId,
    now: Millis,
    ids: &mut Ids,
) -> Result<Vec<Work>, CommitError> {
    let Some((campaign, name)) = id.parts() else { return Ok(Vec::new()) };
    let kind = FailingKind::Broadcast;
    let statements = vec![broadcasts::one(&campaign, name), failing::one(kind, id)];
    let rows = db.batch(statements).await?;
    let Some(row) = first::<BroadcastRow>(&rows, 0)? else { return Ok(Vec::new()) };
    match move_on(db, catalog, id, row, now, ids).await {
        Ok(work) => {
            if first::<Failing>(&rows, 1)?.is_some() {
                // If this fails, the next task clears it.
                drop(db.batch(vec![failing::clear(kind, id)]).await);
            }
            Ok(work)
        }
        // An overloaded database says nothing about this broadcast.
        Err(error @ CommitError::Database(DatabaseError::Overloaded(_))) => Err(error),
        Err(error) => {
            let note = failing::note(kind, id, &campaign, &error.to_string(), now);
            let noted = db.batch(vec![note, broadcasts::put_off(&campaign, name)]).await;
            noted.map(|_| Vec::new()).map_err(|_| error)
        }
    }
}

async fn move_on<D: Database>(
    db: &D,
    catalog: &Catalog,
    id: &QualifiedId,
    row: BroadcastRow,
    now: Millis,
    ids: &mut Ids,
) -> Result<Vec<Work>, CommitError> {
    let Some((campaign, name)) = id.parts() else { return Ok(Vec::new()) };
    let version = std::iter::once((campaign.clone(), row.version));
    load_versions(db, catalog, version, now).await?;
    let Some(published) = catalog.version(&campaign, row.version) else { return Ok(Vec::new()) };
    let Some((broadcast, rule)) = of(&published, name) else { return Ok(Vec::new()) };
    let run = Run { db, catalog, published: published.clone(), id, broadcast, rule, now };
    match (row.state, row.phase) {
        (BroadcastState::Scheduled, _) => match run.begin(row).await? {
            Some(row) => run.run_pages(row, ids).await,
            None => Ok(Vec::new()),
        },
        (BroadcastState::Running, Phase::Wait) => match run.decide_test(row).await? {
            Some(row) => run.run_pages(row, ids).await,
            None => Ok(Vec::new()),
        },
        (BroadcastState::Running, _) => run.run_pages(row, ids).await,
        _ => Ok(Vec::new()),
    }
}

/// Returns a broadcast of a version, with the rule of its segment or list.
pub fn of<'e>(
    published: &'e PublishedVersion,
    name: &str,
) -> Option<(&'e Broadcast, Cow<'e, Rule>)> {
    let campaign = &published.compiled.campaign;
    let broadcast = campaign.broadcasts.get(name)?;
    Some((broadcast, broadcast.target.rule(&campaign.segments)?))
}

/// Returns the first phase of a broadcast.
pub fn first_phase(broadcast: &Broadcast) -> Phase {
    if broadcast.test.is_some() { Phase::Test } else { Phase::Rest }
}

/// The work of one task on one broadcast.
struct Run<'r, D> {
    db: &'r D,
    catalog: &'r Catalog,
    published: Rc<PublishedVersion>,
    id: &'r QualifiedId,
    broadcast: &'r Broadcast,
    rule: Cow<'r, Rule>,
    now: Millis,
}

impl<D: Database> Run<'_, D> {
    /// Begins the broadcast if its time has come and every segment that its rule depends on is
    /// backfilled.
    async fn begin(&self, row: BroadcastRow) -> Result<Option<BroadcastRow>, DatabaseError> {
        let zone = &self.published.compiled.campaign.time_zone;
        // A hint may be older than the version that changed the time.
        if self.broadcast.starts_at(zone).is_none_or(|at| at > self.now) {
            return Ok(None);
        }
        let asked = self.rule.segments();
        if !asked.is_empty() {
            let rows = self.db.batch(vec![broadcasts::unfilled(&asked)]).await?;
            if first::<CountRow>(&rows, 0)?.is_some_and(|row| row.count > 0) {
                return Ok(None);
            }
        }
        let (phase, until) = (first_phase(self.broadcast), self.now.plus(CLAIM));
        self.moved(broadcasts::begin(&row, phase, self.now, until)).await
    }

    /// Decides on the next recipients, until all are done, the broadcast is halted, another worker
    /// continues it, or the task has reached its limit.
    async fn run_pages(
        &self,
        mut row: BroadcastRow,
        ids: &mut Ids,
    ) -> Result<Vec<Work>, CommitError> {
        let mut work = Vec::new();
        for _ in 0..PAGES_PER_TASK_MAX {
            let (next, looked) = self.next_turns(&row).await?;
            let Some(looked) = looked else {
                self.end_round(&row).await?;
                return Ok(work);
            };
            let full = next.len() == RECIPIENTS_PER_PAGE;
            let end = next.last().filter(|_| full).map_or(looked, |last| last.0.clone());
            let is_turn = |contact: &RecordId| {
                row.phase != Phase::Test || self.broadcast.is_tester(self.id, contact)
            };
            let turns: Vec<RecordId> = next.into_iter().filter(is_turn).collect();
            let mut batches = turns.chunks(BATCH_SIZE).peekable();
            loop {
                let batch = batches.next().unwrap_or_default();
                let failures = self.take_turns(&row, batch, ids, &mut work).await?;
                let is_last = batches.peek().is_none();
                let here = batch.last().filter(|_| !is_last).map_or(&end, |last| &last.0);
                let due_at = Some(self.now.plus(CLAIM));
                let failures = row.failures + failures;
                let step = Step { after_id: here.clone(), failures, due_at, ..stay(&row) };
                match self.moved(broadcasts::advance(&row, &step, self.now)).await? {
                    Some(moved) if moved.state == BroadcastState::Running => row = moved,
                    _ => return Ok(work),
                }
                if is_last {
                    break;
                }
            }
        }
        work.push(Work::BroadcastV1 { broadcast: self.id.clone() });
        Ok(work)
    }

    /// Returns the candidates for the next recipients, and the position up to which contacts were
    /// scanned; no position at the end.
    async fn next_turns(
        &self,
        row: &BroadcastRow,
    ) -> Result<(Vec<RecordId>, Option<String>), DatabaseError> {
        let rows = self.db.batch(vec![broadcasts::turns(row, &self.rule, self.now)]).await?;
        let rows = all::<TurnRow>(rows.first())?;
        let looked = rows.iter().find_map(|row| row.looked.clone());
        Ok((rows.into_iter().filter_map(|row| row.id).collect(), looked))
    }

    /// Decides on some contacts. If that fails because of one of them, decides on each separately.
    /// Returns how many could not be decided on.
    async fn take_turns(
        &self,
        row: &BroadcastRow,
        contacts: &[RecordId],
        ids: &mut Ids,
        work: &mut Vec<Work>,
    ) -> Result<i64, CommitError> {
        let commands = contacts.iter().map(|contact| self.command(row, contact)).collect();
        match commit(self.db, self.catalog, commands, self.now, ids).await {
            Ok(decisions) => {
                work.extend(deliveries(&decisions));
                return Ok(0);
            }
            Err(error) if error.is_contact_specific() => {}
            Err(error) => return Err(error),
        }
        let mut failures = 0;
        for contact in contacts {
            let command = vec![self.command(row, contact)];
            match commit(self.db, self.catalog, command, self.now, ids).await {
                Ok(decisions) => work.extend(deliveries(&decisions)),
                Err(error) if error.is_contact_specific() => failures += 1,
                Err(error) => return Err(error),
            }
        }
        Ok(failures)
    }

    fn command(&self, row: &BroadcastRow, contact: &RecordId) -> Command {
        let turn = BroadcastRecipient {
            campaign: row.campaign_id.clone(),
            broadcast: row.broadcast.clone(),
            version: row.version,
            contact: contact.clone(),
            variant: row.winner.clone(),
        };
        Command {
            who: RecordRef::Id(contact.clone()),
            inputs: vec![Input::Broadcast(Box::new(turn))],
        }
    }

    /// Ends a round in which all recipients were decided on: waits for the test, retries those
    /// whose decision failed, or finishes the broadcast.
    async fn end_round(&self, row: &BroadcastRow) -> Result<(), DatabaseError> {
        let again = Step { after_id: String::new(), failures: 0, ..stay(row) };
        let step = match (row.phase, &self.broadcast.test) {
            // Recipients that failed in the test are among the rest.
            (Phase::Test, Some(test)) => {
                let at = Some(self.now.plus(test.wait));
                Step { phase: Phase::Wait, due_at: at, decide_at: at, ..again }
            }
            _ if row.failures > 0 && row.rounds < ROUNDS_MAX => {
                let due_at = Some(self.now.plus(ROUND_WAIT));
                Step { rounds: row.rounds + 1, due_at, ..again }
            }
            _ => stay(row),
        };
        self.moved(broadcasts::advance(row, &step, self.now)).await.map(drop)
    }

    /// Decides the test, once its time has come and none of its messages waits, but at most a day
    /// late.
    async fn decide_test(&self, row: BroadcastRow) -> Result<Option<BroadcastRow>, DatabaseError> {
        let (Some(at), Some(test)) = (row.decide_at, &self.broadcast.test) else { return Ok(None) };
        if self.now < at {
            return Ok(None);
        }
        let (campaign, name) = (&row.campaign_id, &row.broadcast);
        let statements = vec![
            broadcasts::waiting(campaign, name),
            broadcasts::counters(campaign, &broadcast_part(name, "")),
        ];
        let rows = self.db.batch(statements).await?;
        let waits = first::<CountRow>(&rows, 0)?.is_some_and(|row| row.count > 0);
        if waits && self.now < at.plus(LATE_MAX) {
            let step = Step { due_at: Some(self.now.plus(LOOK_AGAIN)), ..stay(&row) };
            self.moved(broadcasts::advance(&row, &step, self.now)).await?;
            return Ok(None);
        }
        let (finding, winner) = find(self.broadcast, test, &all(rows.get(1))?);
        let step = Step {
            phase: Phase::Rest,
            due_at: Some(self.now.plus(CLAIM)),
            found: Some((finding, winner)),
            ..stay(&row)
        };
        let moved = self.moved(broadcasts::advance(&row, &step, self.now)).await?;
        Ok(moved.filter(|row| row.state == BroadcastState::Running))
    }

    async fn moved(&self, statement: Statement) -> Result<Option<BroadcastRow>, DatabaseError> {
        let rows = self.db.batch(vec![statement]).await?;
        first(&rows, 0)
    }
}

/// Returns the test's finding from the counters, and the variant for the rest.
fn find(broadcast: &Broadcast, test: &AbTest, counters: &[CounterRow]) -> (Finding, String) {
    let finding = evaluate(trials(broadcast, counters), broadcast.standard);
    let winner = finding.winner.clone().unwrap_or_else(|| test.otherwise.clone());
    (finding, winner)
}

/// Returns for each variant how many messages were sent, and how many met the test's metric.
pub fn trials(broadcast: &Broadcast, counters: &[CounterRow]) -> Vec<Trial> {
    let sum = |variant: &str, metric: &str| {
        let of = |row: &&CounterRow| {
            row.metric == metric
                && of_broadcast_part(&row.part).is_some_and(|(_, name)| name == variant)
        };
        let sum: i64 = counters.iter().filter(of).map(|row| row.value).sum();
        sum.unsigned_abs()
    };
    let trial = |variant: &str| Trial {
        variant: variant.to_owned(),
        tried: sum(variant, "sent"),
        hits: sum(variant, broadcast.metric.as_str()),
    };
    broadcast.variants.iter().map(|variant| trial(&variant.name)).collect()
}

/// Returns a step that changes nothing. Without a due time, the broadcast is done.
fn stay(row: &BroadcastRow) -> Step {
    Step {
        phase: row.phase,
        after_id: row.after_id.clone(),
        failures: row.failures,
        rounds: row.rounds,
        due_at: None,
        decide_at: None,
        found: None,
    }
}

fn first<T: DeserializeOwned>(rows: &[Rows], index: usize) -> Result<Option<T>, DatabaseError> {
    Ok(all(rows.get(index))?.into_iter().next())
}
