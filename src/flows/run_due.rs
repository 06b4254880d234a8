//! run_due: the scheduler. A tick finds what is due and hands it out; a worker decides on it.
//!
//! A tick costs two round trips: one (2 statements) that lists the segments being filled and the
//! journeys being woken, one (5 statements) for the contacts, messages and broadcasts that are due;
//! and while segments are being filled, one (1 statement) for what is live and one (3 statements)
//! for each step, at most ten; and one (3 statements) for each journey being woken. A worker costs
//! two round trips for up to `CONTACTS_PER_TASK_MAX` contacts (`commit`). However many they are, a
//! step that falls due is 1 statement to read and 3 to write (events, contacts, enrollments); 1
//! more where a message is queued.

use super::commit::{Case, CommitError, Who, commit};
use super::publish;
use super::run_broadcast;
use super::seams::{Database, DatabaseError};
use super::submit_form::deliveries;
use super::task::Work;
use crate::domain::catalog::Catalog;
use crate::domain::decide::Happening;
use crate::domain::primitives::{ContactId, Ids, MessageId, Millis, QualifiedId, Span};
use crate::store::broadcasts::DueRow;
use crate::store::due::ClaimedRow;
use crate::store::journeys::WakeRow;
use crate::store::messages::IdRow;
use crate::store::segments::{FillRow, StepRow};
use crate::store::statement::{INTEGER_MAX, Rows};
use crate::store::{broadcasts, due, journeys, messages, segments, short_links};
use serde::de::DeserializeOwned;
use std::collections::VecDeque;
use std::ops::Range;

/// The most contacts, and the most messages, that one tick hands out. At 100 a batch they are
/// done well within the minute, and what is left is handed out by the next tick.
pub const DUE_PER_TICK_MAX: usize = 5_000;

/// The most steps of fillings that a tick takes: at a tenth of a second a step, the database is
/// free for others 59 seconds of the minute.
pub const FILL_STEPS_PER_TICK: usize = 10;

/// How long a tick's claim on a contact lasts before another tick hands it out again.
const CLAIM: Span = Span::minutes(5);

/// How long after a publish its segments begin to be filled: by then every isolate has heard of
/// the version (KV promises a minute), and no worker that begins decides on a contact that a
/// filling has woken without knowing the segment.
pub const FILL_DELAY: Span = Span::minutes(2);

/// How long a worker may live at most (Cloudflare's limit of a cron's and of a queue consumer's
/// wall time: https://developers.cloudflare.com/workers/platform/limits/).
pub const WORKER_LIFE: Span = Span::minutes(15);

/// When contacts are looked at again after a publish at this moment, or after a journey's state has
/// changed: once when no worker begins that does not know of it, and once when none is left that
/// had begun before. That one may have written over what the first wave had done.
pub fn waves(now: Millis) -> [Millis; 2] {
    let first = now.plus(FILL_DELAY);
    [first, first.plus(WORKER_LIFE)]
}

/// Whose contacts' turn it is in a wave that began then: the first's everybody's. The second's are
/// those who were last written by a worker that began before the first wave, for each writes down
/// when it began; the two minutes more are for clocks that differ.
pub fn written(wave: i64, not_before: Millis) -> Range<Millis> {
    match wave {
        1 => Millis(0)..Millis(INTEGER_MAX),
        _ => {
            let first = not_before.minus(WORKER_LIFE);
            first.minus(WORKER_LIFE).minus(FILL_DELAY)..first
        }
    }
}

/// Finds what is due: contacts, messages and broadcasts as tasks for the work queue.
pub async fn tick<D: Database>(db: &D, now: Millis) -> Result<Vec<Work>, DatabaseError> {
    let rows = db.batch(vec![segments::fills(now), journeys::wakes(now)]).await?;
    fill_segments(db, all(rows.first())?, now).await?;
    wake_journeys(db, all(rows.get(1))?, now).await?;
    let statements = vec![
        due::claim(now, now.plus(CLAIM), DUE_PER_TICK_MAX),
        messages::outbox(now, DUE_PER_TICK_MAX),
        due::record_tick(now),
        broadcasts::claim(now, now.plus(run_broadcast::CLAIM)),
        short_links::forget(now),
    ];
    let rows = db.batch(statements).await?;
    let claimed = all::<ClaimedRow>(rows.first())?;
    let outbox: Vec<MessageId> = ids(rows.get(1))?;
    let (fresh, again): (Vec<_>, Vec<_>) = claimed.into_iter().partition(|row| row.handed_out <= 1);
    let contacts = |rows: Vec<ClaimedRow>| rows.into_iter().map(|row| row.id).collect::<Vec<_>>();
    let mut work = Work::due(&contacts(fresh));
    work.extend(Work::alone(contacts(again)));
    work.extend(Work::deliver(&outbox));
    let broadcasts = all::<DueRow>(rows.get(3))?.into_iter();
    work.extend(broadcasts.map(|DueRow { campaign_id, broadcast }| Work::BroadcastV1 {
        broadcast: QualifiedId::new(&campaign_id, &broadcast),
    }));
    Ok(work)
}

/// Decides on contacts whose time has come. If that fails because of one of them, the neighbours
/// are done, and each is to be tried alone.
pub async fn run<D: Database>(
    db: &D,
    catalog: &Catalog,
    contacts: Vec<ContactId>,
    now: Millis,
    ids: &mut Ids,
) -> Result<Vec<Work>, CommitError> {
    let case = |contact: &ContactId| Case {
        who: Who::Id(contact.clone()),
        happenings: vec![Happening::TimePassed],
    };
    match commit(db, catalog, contacts.iter().map(case).collect(), now, ids).await {
        Ok(decisions) => Ok(deliveries(&decisions)),
        Err(error) if error.may_be_the_contacts() => Ok(Work::alone(contacts)),
        Err(error) => Err(error),
    }
}

/// Takes each waking of a journey's people one step further: the next of them become due, in this
/// very tick.
async fn wake_journeys<D: Database>(
    db: &D,
    wakes: Vec<WakeRow>,
    now: Millis,
) -> Result<(), DatabaseError> {
    for wake in wakes {
        let written = written(wake.wave, wake.not_before);
        db.batch(journeys::wake_step(&wake, &written, now).to_vec()).await?;
    }
    Ok(())
}

/// Takes the fillings of segments some steps further, in turns: the contacts that a rule concerns
/// become due, in this very tick. It stops when there are as many due as a tick hands out.
async fn fill_segments<D: Database>(
    db: &D,
    fills: Vec<FillRow>,
    now: Millis,
) -> Result<(), DatabaseError> {
    if fills.is_empty() {
        return Ok(());
    }
    // An isolate may not have heard of the newest version; here it would end its fillings.
    let catalog = publish::live(db).await?;
    let mut under_way = VecDeque::from(fills);
    for _ in 0..FILL_STEPS_PER_TICK {
        let Some(fill) = under_way.pop_front() else { break };
        let statements = match publish::filled(&catalog, &fill.segment_id) {
            Some(rule) => {
                let written = written(fill.wave, fill.not_before);
                segments::fill_step(&fill, &rule, &written, now, DUE_PER_TICK_MAX).to_vec()
            }
            None => vec![segments::end_fill(&fill)],
        };
        let rows = db.batch(statements).await?;
        let step = rows.last().map(Rows::first::<StepRow>).transpose();
        let Some(step) = step.map_err(DatabaseError::Fault)?.flatten() else { continue };
        if step.due >= DUE_PER_TICK_MAX {
            break;
        }
        under_way.push_back(step.fill);
    }
    Ok(())
}

fn ids<T: DeserializeOwned>(rows: Option<&Rows>) -> Result<Vec<T>, DatabaseError> {
    Ok(all::<IdRow<T>>(rows)?.into_iter().map(|row| row.id).collect())
}

fn all<T: DeserializeOwned>(rows: Option<&Rows>) -> Result<Vec<T>, DatabaseError> {
    let rows = rows.map(Rows::all::<T>).transpose().map_err(DatabaseError::Fault)?;
    Ok(rows.unwrap_or_default())
}
