//! The work of workers: each job and request as the flow that it starts.

use super::checked_http::{CheckedHttp, Watched};
use super::defects::Defect;
use super::faults::{FaultyDatabase, FaultyKv, FaultyQueue, Shared};
use super::provider::Accepted;
use crate::domain::base::primitives::{
    Actor, CampaignId, Ids, KindId, MessageId, Millis, RecordId,
};
use crate::domain::base::token::sha256_hex;
use crate::domain::engine::{Input, RecordInput, Submitted};
use crate::domain::publication::catalog::Catalog;
use crate::domain::record::edit::{Edit, FieldEdit, TagEdit};
use crate::domain::segment::AnyRecord;
use crate::flows::broadcast::run;
use crate::flows::commit::{CONFLICT_RETRIES_MAX, Command, CommitError, RecordRef, commit};
use crate::flows::contact::subscription_links::{self, Confirmation, Link};
use crate::flows::contact::{erase, merge};
use crate::flows::error::FlowError;
use crate::flows::ingest::{consume, form};
use crate::flows::operations::dead_letters::{Dead, Desk};
use crate::flows::ports::{Database, all};
use crate::flows::schedule::tick::{self, Minute};
use crate::flows::schedule::{due, quarantine};
use crate::flows::send::{self, restore_guard};
use crate::flows::settings::Settings;
use crate::flows::tasks::deliveries;
use crate::flows::tasks::{Intake, Work};
use crate::store::contacts::{self, ContactRow};
use serde_json::Value;
use std::cell::RefCell;
use std::rc::Rc;

/// An entry of a queue.
pub enum Job {
    /// A hint, which may be lost.
    Work(Work),
    /// A fact, which must not be lost.
    Intake(Intake),
    /// The body of a fact that its queue gave up.
    Dead(String),
    /// An operator's command, which is repeated until it succeeds.
    Request(Request),
}

/// An operator's command.
#[derive(Clone)]
pub enum Request {
    /// Erase this contact.
    Erase(String),
    /// Merge the first contact into the second.
    Merge(String, String),
    /// Somebody adds one to the employees of a company, under this key.
    Grow(RecordId, String),
}

/// Reads how many employees a company has, and sets one more. Of those who read the same number,
/// one succeeds; the others read again.
async fn grow(
    db: &FaultyDatabase,
    catalog: &Catalog,
    id: RecordId,
    key: &str,
    now: Millis,
    ids: &mut Ids,
) -> Result<Vec<Work>, CommitError> {
    for _ in 0..CONFLICT_RETRIES_MAX {
        let rows = db.batch(vec![contacts::records_by_ids([&id], &[], &[], now)]).await?;
        let known = all::<ContactRow>(rows.first())?.into_iter().map(AnyRecord::from).next();
        let value = |name: &str| {
            let known = known.as_ref().and_then(|record| record.attributes.get(name));
            known.cloned().unwrap_or_default()
        };
        let more = value(EMPLOYEES).as_i64().unwrap_or(0) + 1;
        // Two who wish the same number are no conflict; that each was the last to count is one.
        let fields = [(EMPLOYEES, more.into()), ("counted", key.into())];
        let fields = fields.map(|(name, new): (&str, Value)| {
            (name.to_owned(), FieldEdit { was: Some(value(name)), new })
        });
        let edit = Edit {
            by: Actor::from("member:m"),
            key: Some(key.to_owned()),
            fields: fields.into(),
            tags: TagEdit::default(),
        };
        let kind = KindId::from("company");
        let who = RecordRef::Plain { id: id.clone(), kind };
        let inputs = vec![Input::Record(RecordInput::Edited(Box::new(edit)))];
        let done = commit(db, catalog, vec![Command { who, inputs }], now, ids).await?;
        // Nothing was decided if the key is known.
        if done.iter().all(|one| one.conflicts.is_empty()) {
            return Ok(deliveries(&done));
        }
    }
    Err(CommitError::Contended)
}

/// The attribute that grows.
pub const EMPLOYEES: &str = "employees";

/// Work for a worker.
pub enum Flow {
    /// The cron trigger.
    Tick,
    /// A visitor sends a form.
    Submit(Box<Submitted>),
    /// The tasks, and whether the queue keeps them until they are acknowledged.
    Intake(Vec<Intake>, bool),
    /// A body in the dead-letter queue.
    Dead(String),
    /// A contact withdraws all consent.
    Unsubscribe(Link),
    /// A contact confirms an address.
    Confirm(Link),
    /// A task of the work queue.
    Work(Work),
    /// An operator's command.
    Request(Request),
}

/// The result of a flow.
#[derive(Default)]
pub struct Ended {
    /// Tasks to do.
    pub more: Vec<Work>,
    /// Tasks to be delivered again.
    pub again: Vec<Job>,
}

impl Flow {
    /// Returns what the queue delivers again if the worker is killed. A visitor sends a form again.
    pub fn to_deliver_again(&self) -> Vec<Job> {
        match self {
            Self::Submit(post) => vec![Job::Intake(Intake::SubmissionV1(post.clone()))],
            Self::Request(request) => vec![Job::Request(request.clone())],
            Self::Dead(body) => vec![Job::Dead(body.clone())],
            Self::Intake(tasks, true) => tasks.iter().cloned().map(Job::Intake).collect(),
            _ => Vec::new(),
        }
    }
}

/// The environment of a worker.
pub struct FlowContext {
    /// The shared state of the run.
    pub shared: Rc<Shared>,
    /// The messages that the providers accepted.
    pub accepted: Rc<RefCell<Accepted>>,
    pub settings: Rc<Settings>,
    /// The live versions that this isolate has cached.
    pub catalog: Rc<Catalog>,
    /// The campaign whose versions its code cannot read, if it is older.
    pub unreadable: Option<CampaignId>,
    /// When it began.
    pub now: Millis,
    pub ids: Ids,
}

impl FlowContext {
    /// Runs a flow to its end, successful or not.
    pub async fn run(mut self, flow: Flow) -> Ended {
        let (flow, waiting) = self.put_off(flow);
        let waiting: Vec<Job> = waiting.into_iter().map(|job| self.given_up(job)).collect();
        let again = flow.to_deliver_again();
        match self.go(flow).await {
            Ok(more) => Ended { more, again: waiting },
            Err(_) if self.shared.has(Defect::AcknowledgedTooSoon) => Ended::default(),
            Err(_) => {
                let again = again.into_iter().map(|job| self.given_up(job));
                Ended { again: again.chain(waiting).collect(), more: Vec::new() }
            }
        }
    }

    /// Splits a flow into what this code can process now, and what is retried later: facts that it
    /// cannot read, and forms of a campaign that it cannot read.
    fn put_off(&self, flow: Flow) -> (Flow, Vec<Job>) {
        let shared = &self.shared;
        match flow {
            Flow::Intake(tasks, is_kept) => {
                let bodies: Vec<String> = tasks.iter().map(|task| self.body(task)).collect();
                let now = consume::sort(&self.catalog, bodies.iter().map(String::as_str));
                let of_now = |index: &usize| now.iter().any(|(taken, _)| taken == index);
                let all = tasks.into_iter().enumerate();
                let later = all.filter(|(index, _)| is_kept && !of_now(index));
                let later = later.map(|(_, task)| Job::Intake(task)).collect();
                let tasks = now.into_iter().map(|(_, task)| task).collect();
                let is_lost = shared.has(Defect::UnreadableFactsDropped);
                (Flow::Intake(tasks, is_kept), if is_lost { Vec::new() } else { later })
            }
            // The visitor is asked to try again, and does.
            Flow::Submit(post) => {
                let task = Intake::SubmissionV1(post);
                match (consume::waits(&self.catalog, &task), task) {
                    (false, Intake::SubmissionV1(post)) => (Flow::Submit(post), Vec::new()),
                    (_, task) => (Flow::Intake(Vec::new(), false), vec![Job::Intake(task)]),
                }
            }
            flow => (flow, Vec::new()),
        }
    }

    /// Retries a job; a fact may have been retried too often and become a dead letter.
    fn given_up(&self, job: Job) -> Job {
        match job {
            Job::Intake(task) if self.shared.strikes("queue: fact given up") => {
                Job::Dead(self.body(&task))
            }
            job => job,
        }
    }

    /// Serialises a fact for the queue, sometimes as newer code would write it.
    fn body(&self, task: &Intake) -> String {
        let body = serde_json::to_string(task).unwrap_or_default();
        match self.shared.strikes("code: task of newer code") {
            true => body.replacen("_v1\"", "_v2\"", 1),
            false => body,
        }
    }

    async fn go(&mut self, flow: Flow) -> Result<Vec<Work>, CommitError> {
        let Self { shared, settings, catalog, now, ids, unreadable, .. } = self;
        let db = &FaultyDatabase::new(shared.clone(), unreadable.clone());
        let now = *now;
        match flow {
            Flow::Tick => {
                let queue = FaultyQueue::new(shared.clone());
                tick::tick(&Minute {
                    db,
                    kv: &FaultyKv(shared.clone()),
                    queue: &queue,
                    shelf: &RefCell::default(),
                    catalog,
                    settings,
                    now,
                    real_now: now,
                })
                .await;
                Ok(queue.take())
            }
            Flow::Submit(post) => form::submit(db, catalog, &settings.keys, *post, now, ids).await,
            Flow::Intake(tasks, _) => {
                consume::record(db, catalog, &settings.keys, tasks, now, ids).await
            }
            Flow::Dead(body) => {
                let desk = Desk { db, catalog, keys: &settings.keys, now };
                let dead = Dead { message: sha256_hex(&body), body };
                Ok(desk.take(&[dead], ids).await?)
            }
            Flow::Unsubscribe(link) => {
                let done = subscription_links::unsubscribe(db, catalog, link, "o", now, ids).await;
                done.map(|_| Vec::new())
            }
            Flow::Confirm(link) => {
                let origin_hash = "o".to_owned();
                let confirmation =
                    Confirmation { link, shown_at: now, takes_details: true, origin_hash };
                subscription_links::confirm(db, catalog, confirmation, now, ids).await
            }
            Flow::Request(Request::Erase(address)) => {
                match erase::erase(db, catalog, &settings.keys, &address, now, ids).await {
                    Ok(_) => shared.erased.borrow_mut().insert(address, now),
                    Err(FlowError::Database(error)) => return Err(error.into()),
                    // The contact is unknown.
                    Err(_) => None,
                };
                Ok(Vec::new())
            }
            Flow::Request(Request::Merge(from, into)) => {
                match merge::merge(db, catalog, &from, &into, now, ids).await {
                    Ok(_) | Err(FlowError::NotFound(_)) => Ok(Vec::new()),
                    Err(FlowError::Database(error)) => Err(error.into()),
                    Err(refusal) => {
                        shared.accuse(format!("a merge was refused: {refusal:?}"));
                        Ok(Vec::new())
                    }
                }
            }
            Flow::Request(Request::Grow(id, key)) => grow(db, catalog, id, &key, now, ids).await,
            Flow::Work(Work::DueV1 { contacts }) => due::run(db, catalog, contacts, now, ids).await,
            Flow::Work(Work::AloneV1 { contact }) => {
                quarantine::process_isolated(db, catalog, contact, now, ids).await
            }
            Flow::Work(Work::BroadcastV1 { broadcast }) => {
                run::run(db, catalog, &broadcast, now, ids).await
            }
            Flow::Work(Work::ImportV1 { .. }) => Ok(Vec::new()),
            Flow::Work(Work::DeliverV1 { messages }) => self.deliver(db, messages).await,
        }
    }

    async fn deliver(
        &mut self,
        db: &FaultyDatabase,
        messages: Vec<MessageId>,
    ) -> Result<Vec<Work>, CommitError> {
        let mark = restore_guard::mark(&FaultyKv(self.shared.clone())).await.ok().flatten();
        restore_guard::watch(db, mark, self.now).await?;
        let http = CheckedHttp::new(self, messages.clone());
        let (db, now) = (&Watched { db, http: &http }, self.now);
        send::deliver(db, &http, &self.catalog, &self.settings, messages, now, &mut self.ids).await
    }
}
