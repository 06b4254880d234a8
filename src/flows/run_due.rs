//! run_due: the scheduler. A tick finds what is due and hands it out; a worker decides on it.
//!
//! A tick costs one round trip (5 statements) for the contacts, messages and broadcasts that are
//! due, and one (2 statements) to give back what the queue does not take; what prepares work is no
//! part of it (`keep_house`). A worker costs two round trips for up to `CONTACTS_PER_TASK_MAX`
//! contacts (`commit`). However many they are, a step that falls due is 1 statement to read and 3
//! to write (events, contacts, enrollments); 1 more where a message is
//! queued.

use super::commit::{Case, CommitError, Who, commit};
use super::run_broadcast;
use super::seams::{Database, DatabaseError, WorkQueue};
use super::submit_form::deliveries;
use super::task::Work;
use crate::domain::catalog::Catalog;
use crate::domain::decide::Happening;
use crate::domain::primitives::{ContactId, Ids, MessageId, Millis, QualifiedId, Span};
use crate::store::broadcasts::DueRow;
use crate::store::due::ClaimedRow;
use crate::store::messages::IdRow;
use crate::store::statement::{INTEGER_MAX, Rows, Statement};
use crate::store::{broadcasts, due, messages, short_links};
use serde::de::DeserializeOwned;
use std::ops::Range;

/// The most contacts, and the most messages, that one tick hands out. At 100 a batch they are
/// done well within the minute, and what is left is handed out by the next tick.
pub const DUE_PER_TICK_MAX: usize = 5_000;

/// How many it hands out to see whether a queue that refused takes anything again: what is refused
/// is written twice.
pub const DUE_ON_TRIAL: usize = 100;

/// How long a tick's claim on a contact lasts before another tick hands it out again.
pub const CLAIM: Span = Span::minutes(5);

/// How long after a publish its segments begin to be filled: by then every isolate has heard of
/// the version (KV promises a minute), and no worker that begins decides on a contact that a
/// filling has woken without knowing the segment.
pub const FILL_DELAY: Span = Span::minutes(2);

/// How long a worker may live at most (Cloudflare's limit of a cron's and of a queue consumer's
/// wall time: https://developers.cloudflare.com/workers/platform/limits/).
pub const WORKER_LIFE: Span = Span::minutes(15);

/// How long after a change some worker may still decide without knowing of it: it has begun before
/// every isolate had heard.
pub const UNAWARE_MAX: Span = Span(FILL_DELAY.0 + WORKER_LIFE.0);

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

/// Claims what is due, at most so many contacts and messages, and hands it out; returns how many
/// tasks there were. What the queue did not take is given back, and is due still.
pub async fn hand_out<D: Database, Q: WorkQueue>(
    db: &D,
    queue: &Q,
    limit: usize,
    now: Millis,
) -> Result<usize, NotDone> {
    let work = claim(db, limit, now).await?;
    if work.is_empty() {
        return Ok(0);
    }
    let Err(refusal) = queue.hand_out(&work).await else { return Ok(work.len()) };
    let left = &work[refusal.handed_out.min(work.len())..];
    db.batch(give_back(left, now)).await?;
    Err(NotDone::Queue(refusal.reason))
}

/// Why not all that is due was handed out.
#[derive(Clone, Debug, PartialEq)]
pub enum NotDone {
    /// The database failed.
    Database(DatabaseError),
    /// The queue did.
    Queue(String),
}

impl From<DatabaseError> for NotDone {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
    }
}

impl std::fmt::Display for NotDone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Database(error) => error.fmt(f),
            Self::Queue(reason) => write!(f, "the work queue: {reason}"),
        }
    }
}

/// Claims what is due, and writes down that a tick ran. Contacts who came to nothing before are
/// tried alone; messages are claimed by those who send them.
async fn claim<D: Database>(db: &D, limit: usize, now: Millis) -> Result<Vec<Work>, DatabaseError> {
    let statements = vec![
        due::claim(now, now.plus(CLAIM), limit),
        messages::outbox(now, limit),
        due::record_tick(now),
        broadcasts::claim(now, now.plus(run_broadcast::CLAIM)),
        short_links::forget(now),
    ];
    let rows = db.batch(statements).await?;
    let claimed = all::<ClaimedRow>(rows.first())?;
    let (fresh, again): (Vec<_>, Vec<_>) = claimed.into_iter().partition(|row| row.handed_out <= 1);
    let contacts = |rows: Vec<ClaimedRow>| rows.into_iter().map(|row| row.id).collect::<Vec<_>>();
    let mut work = Work::due(&contacts(fresh));
    work.extend(Work::alone(contacts(again)));
    work.extend(Work::deliver(&ids::<MessageId>(rows.get(1))?));
    let broadcasts = all::<DueRow>(rows.get(3))?.into_iter();
    work.extend(broadcasts.map(|DueRow { campaign_id, broadcast }| Work::BroadcastV1 {
        broadcast: QualifiedId::new(&campaign_id, &broadcast),
    }));
    Ok(work)
}

/// Gives back what was claimed for these tasks.
fn give_back(tasks: &[Work], now: Millis) -> Vec<Statement> {
    let (mut contacts, mut broadcasts) = (Vec::new(), Vec::new());
    for task in tasks {
        match task {
            Work::DueV1 { contacts: some } => contacts.extend(some),
            Work::AloneV1 { contact } => contacts.push(contact),
            Work::BroadcastV1 { broadcast } => broadcasts.push(broadcast),
            Work::DeliverV1 { .. } => {}
        }
    }
    let claimed = |until: Span| now.plus(until);
    vec![
        due::give_back(&contacts, claimed(CLAIM)),
        broadcasts::give_back(&broadcasts, claimed(run_broadcast::CLAIM), now),
    ]
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

fn ids<T: DeserializeOwned>(rows: Option<&Rows>) -> Result<Vec<T>, DatabaseError> {
    Ok(all::<IdRow<T>>(rows)?.into_iter().map(|row| row.id).collect())
}

/// Reads all rows of one answer.
pub(super) fn all<T: DeserializeOwned>(rows: Option<&Rows>) -> Result<Vec<T>, DatabaseError> {
    let rows = rows.map(Rows::all::<T>).transpose().map_err(DatabaseError::Fault)?;
    Ok(rows.unwrap_or_default())
}
