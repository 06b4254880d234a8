//! The scheduler. A tick finds what is due and enqueues it; a worker decides on it.
//!
//! Preparing work is not part of it (`prepare_work`). A worker decides on up to
//! `CONTACTS_PER_TASK_MAX` contacts in one `commit`.

use crate::domain::base::primitives::{Ids, MessageId, Millis, QualifiedId, RecordId, Span};
use crate::domain::engine::Input;
use crate::domain::engine::RecordInput;
use crate::domain::publication::catalog::Catalog;
use crate::flows::broadcast::run;
use crate::flows::commit::{Command, CommitError, RecordRef, commit};
use crate::flows::ports::{Database, DatabaseError, WorkQueue, all};
use crate::flows::record::named_companies;
use crate::flows::tasks::{Work, deliveries};
use crate::store::broadcasts::DueRow;
use crate::store::messages::IdRow;
use crate::store::schedule::ClaimedRow;
use crate::store::statement::{Rows, Statement};
use crate::store::{broadcasts, messages, schedule, short_links};
use serde::de::DeserializeOwned;

/// The most contacts, and the most messages, that one tick enqueues. At 100 a batch they are done
/// well within the minute; the next tick enqueues the rest.
pub const DUE_PER_TICK_MAX: usize = 5_000;

/// How many a tick enqueues to test whether a queue that refused works again. The number is small
/// because each refused item costs two writes.
pub const DUE_ON_TRIAL: usize = 100;

/// How long a tick's claim on a contact lasts before another tick enqueues it again.
pub const CLAIM: Span = Span::minutes(5);

/// Claims what is due, up to `limit` contacts and `limit` messages, and enqueues it. Returns the
/// number of tasks. What the queue did not take is released and stays due.
pub async fn hand_out<D: Database, Q: WorkQueue>(
    db: &D,
    queue: &Q,
    limit: usize,
    now: Millis,
) -> Result<usize, HandOutError> {
    let work = claim(db, limit, now).await?;
    if work.is_empty() {
        return Ok(0);
    }
    let Err(refusal) = queue.hand_out(&work).await else { return Ok(work.len()) };
    let left = &work[refusal.handed_out.min(work.len())..];
    db.batch(release(left, now)).await?;
    Err(HandOutError::Queue(refusal.reason))
}

/// The reason why some of what is due was not enqueued.
#[derive(Clone, Debug, PartialEq)]
pub enum HandOutError {
    /// The database failed.
    Database(DatabaseError),
    /// The queue failed.
    Queue(String),
}

impl From<DatabaseError> for HandOutError {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
    }
}

impl std::fmt::Display for HandOutError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Database(error) => error.fmt(f),
            Self::Queue(reason) => write!(f, "the work queue: {reason}"),
        }
    }
}

/// Claims what is due, and records that a tick ran. Contacts whose earlier attempts had no result
/// are tried alone. Messages are claimed later, by the worker that sends them.
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

/// Releases the claims of these tasks.
fn release(tasks: &[Work], now: Millis) -> Vec<Statement> {
    let (mut contacts, mut broadcasts) = (Vec::new(), Vec::new());
    for task in tasks {
        match task {
            Work::DueV1 { contacts: some } => contacts.extend(some),
            Work::AloneV1 { contact } => contacts.push(contact),
            Work::BroadcastV1 { broadcast } => broadcasts.push(broadcast),
            Work::DeliverV1 { .. } | Work::ImportV1 { .. } => {}
        }
    }
    let claimed = |until: Span| now.plus(until);
    vec![
        schedule::release(&contacts, claimed(CLAIM)),
        broadcasts::release(&broadcasts, claimed(run::CLAIM), now),
    ]
}

/// Decides on due contacts. If that fails because of one of them, the others are still decided on,
/// and all are to be tried alone.
pub async fn run<D: Database>(
    db: &D,
    catalog: &Catalog,
    contacts: Vec<RecordId>,
    now: Millis,
    ids: &mut Ids,
) -> Result<Vec<Work>, CommitError> {
    let command = |contact: &RecordId| Command {
        who: RecordRef::Id(contact.clone()),
        inputs: vec![Input::Record(RecordInput::TimePassed)],
    };
    let mut commands: Vec<Command> = contacts.iter().map(command).collect();
    if catalog.uses_companies() {
        match named_companies::commands(db, catalog, &contacts, now, ids).await {
            Ok(named) => commands.extend(named),
            // One of the names is at fault, and only its company is left out.
            Err(error) if error.is_contact_specific() && contacts.len() > 1 => {
                return Ok(Work::alone(contacts));
            }
            Err(error) if error.is_contact_specific() => {
                commands.extend(named_companies::give_up(db, &contacts).await?);
            }
            Err(error) => return Err(error),
        }
    }
    match commit(db, catalog, commands, now, ids).await {
        Ok(decisions) => Ok(deliveries(&decisions)),
        Err(error) if error.is_contact_specific() => Ok(Work::alone(contacts)),
        Err(error) => Err(error),
    }
}

fn ids<T: DeserializeOwned>(rows: Option<&Rows>) -> Result<Vec<T>, DatabaseError> {
    Ok(all::<IdRow<T>>(rows)?.into_iter().map(|row| row.id).collect())
}
