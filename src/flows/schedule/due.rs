//! run_due: the scheduler. A tick finds what is due and hands it out; a worker decides on it.
//!
//! A tick costs one round trip (5 statements) for the contacts, messages and broadcasts that are
//! due, and one (2 statements) to give back what the queue does not take; what prepares work is no
//! part of it (`keep_house`). A worker costs two round trips for up to `CONTACTS_PER_TASK_MAX`
//! contacts (`commit`). However many they are, a step that falls due is 1 statement to read and 3
//! to write (events, contacts, enrollments); 1 more where a message is
//! queued.

use crate::domain::base::primitives::{ContactId, Ids, MessageId, Millis, QualifiedId, Span};
use crate::domain::engine::Input;
use crate::domain::publication::catalog::Catalog;
use crate::flows::broadcast::run;
use crate::flows::commit::{Command, CommitError, ContactRef, commit};
use crate::flows::ports::all;
use crate::flows::ports::{Database, DatabaseError, WorkQueue};
use crate::flows::tasks::Work;
use crate::flows::tasks::deliveries;
use crate::store::broadcasts::DueRow;
use crate::store::messages::IdRow;
use crate::store::schedule::ClaimedRow;
use crate::store::statement::{Rows, Statement};
use crate::store::{broadcasts, messages, schedule, short_links};
use serde::de::DeserializeOwned;

/// The most contacts, and the most messages, that one tick hands out. At 100 a batch they are
/// done well within the minute, and what is left is handed out by the next tick.
pub const DUE_PER_TICK_MAX: usize = 5_000;

/// How many it hands out to see whether a queue that refused takes anything again: what is refused
/// is written twice.
pub const DUE_ON_TRIAL: usize = 100;

/// How long a tick's claim on a contact lasts before another tick hands it out again.
pub const CLAIM: Span = Span::minutes(5);

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
        schedule::claim(now, now.plus(CLAIM), limit),
        messages::outbox(now, limit),
        schedule::record_tick(now),
        broadcasts::claim(now, now.plus(run::CLAIM)),
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
        schedule::give_back(&contacts, claimed(CLAIM)),
        broadcasts::give_back(&broadcasts, claimed(run::CLAIM), now),
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
    let case = |contact: &ContactId| Command {
        who: ContactRef::Id(contact.clone()),
        happenings: vec![Input::TimePassed],
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
