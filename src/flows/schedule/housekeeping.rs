//! The part of a tick that only prepares work: it backfills segments and wakes the people inside a
//! journey. A part that fails stops alone: the failure is recorded, logged, retried later, and
//! shown until it succeeds.
//!
//! It takes at most `FILL_STEPS_PER_TICK` steps of backfills, and a step of each journey that is
//! being woken. It also deletes dead letters that are too old.

use crate::domain::base::primitives::{CampaignId, Millis, QualifiedId};
use crate::domain::operations::failing::FailingKind;
use crate::domain::publication::catalog::Catalog;
use crate::flows::campaign::backfill::pass_window;
use crate::flows::campaign::publish;
use crate::flows::list::deletion;
use crate::flows::ports::all;
use crate::flows::ports::{Database, DatabaseError};
use crate::flows::record::{kinds, search};
use crate::flows::schedule::due::DUE_PER_TICK_MAX;
use crate::store::journeys::WakeRow;
use crate::store::segments::{FillRow, StepRow};
use crate::store::statement::{Rows, Statement};
use crate::store::{dead_letters, failing, journeys, positions, segments};
use std::collections::VecDeque;

/// The most backfill steps per tick: at a tenth of a second each, the database is free for others
/// 59 seconds of the minute.
pub const FILL_STEPS_PER_TICK: usize = 10;

/// Advances backfills and the waking of journeys by some steps. Returns the failures, one line
/// each, for the log.
pub async fn prepare_work<D: Database>(
    db: &D,
    last_tick: Option<Millis>,
    now: Millis,
) -> Vec<String> {
    let mut housekeeping = Housekeeping { db, last_tick, now, failures: Vec::new() };
    if let Err(error) = housekeeping.keep().await {
        housekeeping.failures.push(error.to_string());
    }
    housekeeping.failures
}

/// The work of one tick.
struct Housekeeping<'d, D> {
    db: &'d D,
    last_tick: Option<Millis>,
    now: Millis,
    failures: Vec<String>,
}

impl<D: Database> Housekeeping<'_, D> {
    async fn keep(&mut self) -> Result<(), DatabaseError> {
        let mut statements = vec![journeys::wakes(self.now), segments::fills(self.now)];
        statements.extend(dead_letters::expire(self.last_tick, self.now));
        let rows = self.db.batch(statements).await?;
        self.wake_journeys(all(rows.first())?).await?;
        self.fill_segments(all(rows.get(1))?).await
    }

    /// Advances the waking of each journey's people by one step: the next of them become due.
    async fn wake_journeys(&mut self, wakes: Vec<WakeRow>) -> Result<(), DatabaseError> {
        for wake in wakes {
            let id = QualifiedId::new(&wake.campaign_id, &wake.journey);
            let span = pass_window(wake.wave, wake.not_before);
            let mut statements = journeys::wake_step(&wake, &span, self.now).to_vec();
            if wake.attempts > 0 {
                statements.push(failing::clear(FailingKind::Waking, &id));
            }
            if let Err(error) = self.db.batch(statements).await {
                self.note(FailingKind::Waking, &id, &wake.campaign_id, &error).await?;
            }
        }
        Ok(())
    }

    /// Advances the segment backfills by some steps, in turns: the contacts that a rule selects
    /// become due. Stops when as many are due as a tick enqueues.
    async fn fill_segments(&mut self, fills: Vec<FillRow>) -> Result<(), DatabaseError> {
        if fills.is_empty() {
            return Ok(());
        }
        // An isolate's cache may lack the newest version, which would end that version's backfills
        // here.
        let catalog = publish::live(self.db).await?;
        let mut under_way = VecDeque::from(fills);
        for _ in 0..FILL_STEPS_PER_TICK {
            let Some(fill) = under_way.pop_front() else { break };
            if publish::fill_waits(&catalog, &fill.segment_id) {
                continue;
            }
            match self.fill_step(&catalog, &fill).await {
                Ok(Some(step)) if step.due >= DUE_PER_TICK_MAX => break,
                Ok(Some(step)) => under_way.push_back(step.fill),
                Ok(None) => {}
                Err(error) => {
                    let campaign = publish::campaign_of_fill(&fill.segment_id);
                    let id = &fill.segment_id;
                    self.note(FailingKind::Filling, id, &campaign, &error).await?;
                    // The other pass would fail in the same way.
                    under_way.retain(|other| other.segment_id != fill.segment_id);
                }
            }
        }
        Ok(())
    }

    /// Takes one step. Returns what is left to do.
    async fn fill_step(
        &self,
        catalog: &Catalog,
        fill: &FillRow,
    ) -> Result<Option<StepRow>, DatabaseError> {
        let of_kind = kinds::kind_of_fill(fill);
        let of_words = search::kind_of_fill(&fill.segment_id);
        let step = match (of_kind, of_words, deletion::list_of_fill(fill)) {
            (Some(kind), ..) => Some(kinds::fill_step(self.db, &kind, fill).await?),
            (_, Some(kind), _) => Some(search::fill_step(self.db, &kind, fill).await?),
            (.., Some(list)) => Some(deletion::step(self.db, catalog, &list, fill).await?),
            _ => None,
        };
        if let Some(step) = step {
            if fill.attempts > 0 {
                self.db.batch(vec![failing::clear(FailingKind::Filling, &fill.segment_id)]).await?;
            }
            return Ok(step);
        }
        let mut statements: Vec<Statement> = Vec::new();
        if fill.attempts > 0 {
            statements.push(failing::clear(FailingKind::Filling, &fill.segment_id));
        }
        match (positions::company_of_fill(fill), publish::filled(catalog, &fill.segment_id)) {
            (Some(company), _) => {
                let step = positions::wake_step(fill, &company, self.now, DUE_PER_TICK_MAX);
                statements.extend(step);
            }
            (None, Some(segment)) => {
                let span = pass_window(fill.wave, fill.not_before);
                let step = segments::fill_step(fill, &segment, &span, self.now, DUE_PER_TICK_MAX);
                statements.extend(step);
            }
            (None, None) => statements.push(segments::end_fill(fill)),
        }
        let rows = self.db.batch(statements).await?;
        let step = rows.last().map(Rows::first::<StepRow>).transpose();
        Ok(step.map_err(DatabaseError::Fault)?.flatten())
    }

    /// Records a failure. If that fails too, the database itself is unavailable.
    async fn note(
        &mut self,
        kind: FailingKind,
        id: &QualifiedId,
        campaign: &CampaignId,
        error: &DatabaseError,
    ) -> Result<(), DatabaseError> {
        let reason = error.to_string();
        self.failures.push(format!("{} {id}: {reason}", kind.as_str()));
        let note = failing::note(kind, id, campaign, &reason, self.now);
        self.db.batch(vec![note]).await.map(drop)
    }
}
