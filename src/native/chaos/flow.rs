//! What workers do: each job and request as the flow that it begins.

use super::defects::Defect;
use super::faults::{FaultyDatabase, Shared};
use super::provider::Accepted;
use super::way::{Watched, Way};
use crate::domain::catalog::Catalog;
use crate::domain::decide::Submitted;
use crate::domain::primitives::{Ids, MessageId, Millis};
use crate::flows::commit::CommitError;
use crate::flows::erase::{self, NotErased};
use crate::flows::merge::{self, NotMerged};
use crate::flows::receive::{self, Link};
use crate::flows::settings::Settings;
use crate::flows::task::{Intake, Work};
use crate::flows::{
    deliver, guard_restore, park, record_touches, run_broadcast, run_due, submit_form,
};
use std::cell::RefCell;
use std::rc::Rc;

/// What waits in a queue.
pub enum Job {
    /// A hint, which may be lost.
    Work(Work),
    /// A fact, which may not.
    Intake(Intake),
    /// What an operator says again until it is done.
    Say(Said),
}

/// What an operator says.
#[derive(Clone)]
pub enum Said {
    /// Erase this one.
    Erase(String),
    /// Merge the first into the second.
    Merge(String, String),
}

/// Something for a worker to do.
pub enum Flow {
    /// The cron.
    Tick,
    /// A visitor sends a form.
    Submit(Box<Submitted>),
    /// The tasks, and whether the queue keeps them until they are acknowledged.
    Intake(Vec<Intake>, bool),
    /// Somebody takes back all consent.
    Unsubscribe(Link),
    /// Somebody confirms an address.
    Confirm(Link),
    /// A hint is followed.
    Work(Work),
    /// An operator says something.
    Say(Said),
}

/// What a flow led to: tasks to do, or tasks to be delivered again.
pub enum Ended {
    /// Tasks to do.
    More(Vec<Work>),
    /// Tasks to be delivered again.
    Again(Vec<Job>),
}

impl Flow {
    /// What its queue delivers again if it dies. A visitor sends a form again.
    pub fn to_deliver_again(&self) -> Vec<Job> {
        match self {
            Self::Submit(post) => vec![Job::Intake(Intake::SubmissionV1(post.clone()))],
            Self::Say(said) => vec![Job::Say(said.clone())],
            Self::Intake(tasks, true) => tasks.iter().cloned().map(Job::Intake).collect(),
            _ => Vec::new(),
        }
    }
}

/// What a worker has at hand.
pub struct FlowContext {
    /// What the parts of the run share.
    pub shared: Rc<Shared>,
    /// What the providers accepted.
    pub accepted: Rc<RefCell<Accepted>>,
    /// The configuration.
    pub settings: Rc<Settings>,
    /// What this isolate takes for live.
    pub catalog: Rc<Catalog>,
    /// When it began.
    pub now: Millis,
    /// Fresh ids.
    pub ids: Ids,
}

impl FlowContext {
    /// Runs a flow to its end, well or not.
    pub async fn run(mut self, flow: Flow) -> Ended {
        let again = flow.to_deliver_again();
        match self.go(flow).await {
            Ok(work) => Ended::More(work),
            Err(_) if self.shared.has(Defect::AcknowledgedTooSoon) => Ended::Again(Vec::new()),
            Err(_) => Ended::Again(again),
        }
    }

    async fn go(&mut self, flow: Flow) -> Result<Vec<Work>, CommitError> {
        let Self { shared, settings, catalog, now, ids, .. } = self;
        let (db, now) = (&FaultyDatabase(shared.clone()), *now);
        match flow {
            Flow::Tick => {
                guard_restore::watch(db, shared.mark.get()).await?;
                let work = run_due::tick(db, now).await?;
                let mark = guard_restore::mark_after(shared.mark.get(), !work.is_empty(), now);
                shared.mark.set(mark.or(shared.mark.get()));
                Ok(work)
            }
            Flow::Submit(post) => {
                submit_form::submit(db, catalog, &settings.keys, *post, now, ids).await
            }
            Flow::Intake(tasks, _) => {
                record_touches::record(db, catalog, &settings.keys, tasks, now, ids).await
            }
            Flow::Unsubscribe(link) => {
                let done = receive::unsubscribe(db, catalog, link, "o", now, ids).await;
                done.map(|_| Vec::new())
            }
            Flow::Confirm(link) => receive::confirm(db, catalog, link, now, "o", now, ids).await,
            Flow::Say(Said::Erase(told)) => {
                match erase::erase(db, catalog, &settings.keys, &told, now, ids).await {
                    Ok(_) => shared.erased.borrow_mut().insert(told, now),
                    Err(NotErased::Unknown(_)) => None,
                    Err(NotErased::Database(error)) => return Err(error.into()),
                };
                Ok(Vec::new())
            }
            Flow::Say(Said::Merge(from, into)) => {
                match merge::merge(db, catalog, (&from, &into), now, ids).await {
                    Ok(_) | Err(NotMerged::Unknown(_)) => Ok(Vec::new()),
                    Err(NotMerged::Database(error)) => Err(error.into()),
                    Err(NotMerged::Endless) => {
                        shared.accuse("a merging does not end".to_owned());
                        Ok(Vec::new())
                    }
                }
            }
            Flow::Work(Work::DueV1 { contacts }) => {
                run_due::run(db, catalog, contacts, now, ids).await
            }
            Flow::Work(Work::AloneV1 { contact }) => {
                park::run_alone(db, catalog, contact, now, ids).await
            }
            Flow::Work(Work::BroadcastV1 { broadcast }) => {
                run_broadcast::run(db, catalog, &broadcast, now, ids).await
            }
            Flow::Work(Work::DeliverV1 { messages }) => self.deliver(db, messages).await,
        }
    }

    async fn deliver(
        &mut self,
        db: &FaultyDatabase,
        messages: Vec<MessageId>,
    ) -> Result<Vec<Work>, CommitError> {
        guard_restore::watch(db, self.shared.mark.get()).await?;
        let way = Way::new(self, messages.clone());
        let (db, now) = (&Watched { db, way: &way }, self.now);
        deliver::deliver(db, &way, &self.catalog, &self.settings, messages, now, &mut self.ids)
            .await
    }
}
