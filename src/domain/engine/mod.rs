//! Decides: turns a contact as it was read, and what happened to it, into a list of changes.
//!
//! A decision applies each input, then its consequences until there are none left: events start,
//! end and move on journeys and meet goals; segments are entered and left; due steps are taken.
//! This terminates: a journey is entered at most once in an instant, and every cycle of its steps
//! contains a wait that ends later.

mod consent;
mod apply;
mod sms_cost;
mod engagement;
mod erase;
mod pause;
mod position;
mod delivery_report;
mod merge;
mod merge_record;
mod inbound_sms;
mod migrate;
mod outage;
mod edit;
mod import;
mod redate;
mod goal;
mod input;
mod subject;
mod broadcast;
mod journey;
mod lists;
pub mod change;

pub use broadcast::TOO_LATE;
pub use erase::{erase, erase_record, remove, take_address};
pub use import::NewConsent;
pub use input::{
    Agreement, Input, Outcome, PreferenceUpdate, RecordInput, SENDERS_ZONE, Submitted,
    TestSendRequested,
};
pub(in crate::domain) use journey::triggers;
pub use merge::merge;
pub use merge_record::merge_records;
pub use pause::ARCHIVED;
pub use subject::Decidable;

use crate::domain::base::primitives::{
    CampaignId, Ids, KindId, MessageId, Millis, QualifiedId, RecordId,
};
use crate::domain::campaign::journey::RunState;
use crate::domain::contact::message::Message;
use crate::domain::engine::change::{Change, Count, Metric};
use crate::domain::field::IndexKey;
use crate::domain::import::row::RESTS;
use crate::domain::kind::Settled;
use crate::domain::publication::catalog::Catalog;
use crate::domain::record::edit::EditConflict;
use crate::domain::record::enrollment::{Enrollment, HourlyQuota};
use crate::domain::record::event::{Event, Properties, names};
use crate::domain::record::{PlainRecord, Record};
use crate::domain::search::{self, Words};
use crate::domain::segment::{AnyRecord, Subject};
use position::CompanyFacts;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::ops::Deref;

/// What a decision needs beside its subject. It is read for this decision alone.
#[derive(Clone, Debug, PartialEq)]
pub struct DecisionInput<I = Input> {
    /// What happened, in order.
    pub inputs: Vec<I>,
    /// The ledger rows of the messages that the inputs are about.
    pub messages: BTreeMap<MessageId, Message>,
    /// The newest busy hour of each journey with an hourly limit, with the reservations of other
    /// contacts.
    pub hourly_quotas: BTreeMap<QualifiedId, HourlyQuota>,
    /// When the newest confirmation e-mails to other spellings of the contact's mailbox left or are
    /// due to leave, oldest first.
    pub mails_to_mailbox: Vec<Millis>,
    /// The next free number of the record's kind, if it numbers its records.
    pub next_number: Option<i64>,
    /// The unique values of edits that other records have, by field.
    pub taken: Vec<(String, IndexKey)>,
    /// The companies that the inputs name, and those in whose domain the contact's address is.
    pub companies: Vec<PlainRecord>,
    /// The records above those that an edit makes a parent, and these themselves.
    pub ancestors: Vec<Ancestor>,
}

/// A record on the way from another to the top of its hierarchy.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Ancestor {
    /// Where the way starts.
    pub start: RecordId,
    pub id: RecordId,
    pub title: String,
}

impl<I> Default for DecisionInput<I> {
    fn default() -> Self {
        Self {
            inputs: Vec::new(),
            messages: BTreeMap::new(),
            hourly_quotas: BTreeMap::new(),
            mails_to_mailbox: Vec::new(),
            next_number: None,
            taken: Vec::new(),
            companies: Vec::new(),
            ancestors: Vec::new(),
        }
    }
}

/// What to write, and what to do once it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision<S = AnyRecord> {
    /// The record as it is to be stored.
    pub subject: S,
    /// The `seq` that was read, on which the write is conditional.
    pub read_seq: i64,
    /// What is written besides the record.
    pub changes: Vec<Change>,
    /// Fields of edits that others have changed meanwhile; those edits are not made.
    pub conflicts: Vec<EditConflict>,
}

impl<S: Into<AnyRecord>> Decision<S> {
    /// Returns it as one about a record of any kind.
    pub fn of_any(self) -> Decision {
        let Self { subject, read_seq, changes, conflicts } = self;
        Decision { subject: subject.into(), read_seq, changes, conflicts }
    }
}

impl<S: Deref<Target = Record>> Decision<S> {
    /// Returns whether there is nothing to write, except perhaps a new wake-up time.
    pub fn is_idle(&self) -> bool {
        self.changes.is_empty()
    }

    /// Returns whether anything happened to the record. If not, the changes at most note facts
    /// about a message that hold in any order, such as the provider's id for it.
    pub fn has_event(&self) -> bool {
        self.subject.seq > self.read_seq
    }

    /// Returns the hours in which it reserves a start, by journey, each with all reservations so
    /// far.
    pub fn reserved(&self) -> impl Iterator<Item = (&QualifiedId, HourlyQuota)> {
        self.changes.iter().filter_map(|change| match change {
            Change::ReserveSlot { journey, quota, .. } => Some((journey, *quota)),
            _ => None,
        })
    }

    /// Returns the queued messages.
    pub fn queued(&self) -> impl Iterator<Item = &Message> {
        self.changes.iter().filter_map(|change| match change {
            Change::Queue(message) => Some(&**message),
            _ => None,
        })
    }
}

/// The most events and steps, together, of one decision. The largest sensible decision enters every
/// journey of a full catalog and stays far below; D1 would not accept more in one parameter.
pub const DECISION_STEPS_MAX: usize = 5_000;

/// A decision that did not end: a bug, or a fault in what was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepLimitExceeded;

impl std::fmt::Display for StepLimitExceeded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the decision came to no end within {DECISION_STEPS_MAX} events and steps")
    }
}

/// Decides what follows from `inputs`, in their order, for `subject` at `now`. The module
/// comment says why this terminates; should that be wrong, the limit turns an endless loop into an
/// error.
///
/// For an erased contact, only the outcomes of messages that were under way are recorded.
pub fn decide<S: Decidable>(
    catalog: &Catalog,
    subject: S,
    input: DecisionInput<S::Input>,
    now: Millis,
    ids: &mut Ids,
) -> Result<Decision<S>, StepLimitExceeded> {
    let read_seq = subject.seq;
    let DecisionInput { inputs, messages, hourly_quotas, mails_to_mailbox, next_number, .. } =
        input;
    let kind = catalog.kind(&subject.kind).cloned();
    let before = kind.as_ref().map(|kind| kind.entries(&subject.attributes)).unwrap_or_default();
    let words = words_of(catalog, &subject);
    let DecisionInput { taken, companies, ancestors, .. } = input;
    let decider = Decider::of(catalog, subject, now, ids);
    let mut decider = Decider { messages, hourly_quotas, mails_to_mailbox, taken, ..decider };
    (decider.companies, decider.ancestors) = (companies, ancestors);
    let facts = CompanyFacts::of(&decider);
    decider.date_again();
    decider.end_archived_journeys();
    decider.migrate_journeys();
    decider.catch_up_journeys();
    decider.catch_up_outages();
    for input in inputs {
        let is_erased = decider.subject.erased_at.is_some();
        if is_erased && !S::outlives_erasure(&input) {
            continue;
        }
        decider.is_resting = false;
        S::apply(&mut decider, input);
        decider.run_to_fixpoint();
    }
    if decider.exceeds_step_limit() {
        return Err(StepLimitExceeded);
    }
    if read_seq > 0 && CompanyFacts::of(&decider) != facts {
        decider.changes.push(Change::WakePeople);
    }
    let Decider { mut subject, mut changes, conflicts, .. } = decider;
    if let Some(kind) = kind.filter(|_| subject.seq > read_seq) {
        subject.settle(&kind, next_number, now);
        let settled = Settled::between(before, kind.entries(&subject.attributes));
        if !settled.is_empty() {
            changes.push(Change::Index(kind.id.clone(), settled));
        }
        changes.extend(words_change(catalog, &subject, words));
    }
    subject.wake_at = wake_at(catalog, &subject, now);
    Ok(Decision { subject, read_seq, changes, conflicts })
}

/// Returns the words that a record is found by.
fn words_of(catalog: &Catalog, subject: &dyn Subject) -> Words {
    let kind = catalog.kind(&subject.kind).filter(|_| subject.erased_at.is_none());
    kind.map(|kind| search::words(kind, subject)).unwrap_or_default()
}

/// Returns the change of a record's words, if they were others before.
fn words_change(catalog: &Catalog, subject: &dyn Subject, before: Words) -> Option<Change> {
    let after = words_of(catalog, subject);
    (after != before).then(|| Change::Words(subject.kind.clone(), after))
}

/// Returns the change after which a record of a searched kind is found by no word.
fn forget_words(catalog: &Catalog, kind: &KindId) -> Option<Change> {
    let kind = catalog.kind(kind).filter(|kind| kind.search)?;
    Some(Change::Words(kind.id.clone(), Words::default()))
}

/// Returns the change after which no index has a value of a record.
fn forget_entries(catalog: &Catalog, record: &Record) -> Option<Change> {
    let kind = catalog.kind(&record.kind)?;
    let removed = kind.entries(&record.attributes);
    let settled = Settled { added: Vec::new(), removed };
    (!settled.is_empty()).then(|| Change::Index(kind.id.clone(), settled))
}

/// A decision in the making.
pub struct Decider<'a, S> {
    catalog: &'a Catalog,
    subject: S,
    messages: BTreeMap<MessageId, Message>,
    hourly_quotas: BTreeMap<QualifiedId, HourlyQuota>,
    mails_to_mailbox: Vec<Millis>,
    now: Millis,
    ids: &'a mut Ids,
    changes: Vec<Change>,
    conflicts: Vec<EditConflict>,
    taken: Vec<(String, IndexKey)>,
    companies: Vec<PlainRecord>,
    ancestors: Vec<Ancestor>,
    /// Events whose consequences are not applied yet.
    pending_events: VecDeque<Event>,
    /// Journeys that `enroll` steps named and that are not entered yet.
    enrolled: VecDeque<(CampaignId, String)>,
    /// The number of events recorded and steps taken.
    steps: usize,
    /// Whether the events recorded now start no journey.
    is_resting: bool,
}

impl<'a, S> Decider<'a, S> {
    /// Starts a decision about this record, without an input.
    fn of(catalog: &'a Catalog, subject: S, now: Millis, ids: &'a mut Ids) -> Self {
        Self {
            catalog,
            subject,
            messages: BTreeMap::new(),
            hourly_quotas: BTreeMap::new(),
            mails_to_mailbox: Vec::new(),
            now,
            ids,
            changes: Vec::new(),
            conflicts: Vec::new(),
            taken: Vec::new(),
            companies: Vec::new(),
            ancestors: Vec::new(),
            pending_events: VecDeque::new(),
            enrolled: VecDeque::new(),
            steps: 0,
            is_resting: false,
        }
    }
}

impl<S: Decidable> Decider<'_, S> {
    /// Appends an event, dated now.
    fn record(&mut self, name: &str, campaign: Option<&CampaignId>, properties: Value) {
        self.record_keyed(name, campaign, properties, self.now, None);
    }

    /// Appends an event with its own date and idempotency key.
    fn record_keyed(
        &mut self,
        name: &str,
        campaign: Option<&CampaignId>,
        properties: Value,
        at: Millis,
        key: Option<String>,
    ) {
        self.steps += 1;
        self.subject.seq += 1;
        let mut properties = match properties {
            Value::Object(map) => map,
            _ => Properties::new(),
        };
        if self.is_resting {
            properties.insert(RESTS.to_owned(), true.into());
        }
        let campaign = campaign.cloned();
        let event =
            Event { seq: self.subject.seq, at, name: name.to_owned(), campaign, properties };
        self.subject.history.push(event.clone());
        self.pending_events.push_back(event.clone());
        self.changes.push(Change::Event { event, key, content: None });
    }

    /// Appends a reported event, with a hash of the report.
    fn record_reported(
        &mut self,
        name: &str,
        properties: Value,
        at: Millis,
        key: Option<String>,
        hash: Option<String>,
    ) {
        self.record_keyed(name, None, properties, at, key);
        if let Some(Change::Event { content, .. }) = self.changes.last_mut() {
            *content = hash;
        }
    }

    /// Moves a counter.
    fn count(&mut self, campaign: &CampaignId, metric: Metric, channel: &str, part: &str, by: i64) {
        self.changes.push(Change::Count(Count {
            campaign: campaign.clone(),
            metric,
            channel: channel.to_owned(),
            part: part.to_owned(),
            day: self.now.utc_day(),
            by,
        }));
    }

    /// Returns whether it has done more than any decision may.
    fn exceeds_step_limit(&self) -> bool {
        self.steps > DECISION_STEPS_MAX
    }

    /// Applies consequences until there are none left. For an erased contact there are none.
    fn run_to_fixpoint(&mut self) {
        if self.subject.erased_at.is_some() {
            return self.pending_events.clear();
        }
        while !self.exceeds_step_limit() {
            while let Some(event) = self.pending_events.pop_front() {
                self.end_journeys(&event);
                self.resume_journeys(&event);
                self.enter_journeys(&event);
                S::credit(self, &event);
            }
            self.evaluate_segments();
            self.apply_ending_rules();
            if !self.pending_events.is_empty() {
                continue; // Exits take effect before steps are taken.
            }
            self.take_due_steps();
            self.enter_by_time();
            self.enter_enrolled();
            if self.pending_events.is_empty() {
                return;
            }
        }
    }

    /// Compares every segment's rule with the record's membership, each segment after those that
    /// its rule refers to.
    fn evaluate_segments(&mut self) {
        let catalog = self.catalog;
        let kind = self.subject.kind.clone();
        for published in catalog.live() {
            for (segment, rule) in published.segments_of(&kind) {
                let is_in = self.subject.segments.contains_key(segment);
                let should_be = rule.evaluate(&self.subject, self.now).holds;
                if is_in == should_be {
                    continue;
                }
                let properties = json!({ "segment": segment });
                if should_be {
                    self.subject.segments.insert(segment.clone(), self.now);
                    self.changes.push(Change::EnterSegment(segment.clone(), self.now));
                    self.record(names::SEGMENT_ENTERED, Some(published.id()), properties);
                } else {
                    self.subject.segments.remove(segment);
                    self.changes.push(Change::LeaveSegment(segment.clone()));
                    self.record(names::SEGMENT_LEFT, Some(published.id()), properties);
                }
            }
        }
    }
}

/// Returns the earliest time at which time alone may change something: a step falls due, a date or
/// schedule starts a journey, or the result of a rule (of a segment, or one that ends an
/// enrollment) may change.
fn wake_at<S: Subject>(catalog: &Catalog, subject: &S, now: Millis) -> Option<Millis> {
    if subject.erased_at.is_some() {
        return None;
    }
    // Resuming a journey wakes its records, and so does a version that becomes readable again.
    let runs = |e: &&Enrollment| {
        catalog.run_state(&e.campaign, &e.journey) == RunState::Running
            && !catalog.waits(&e.campaign, e.version)
    };
    let steps = subject.enrollments.iter().filter(|e| e.is_active()).filter(runs);
    let steps = steps.filter_map(|e| e.due_at);
    let rules = catalog
        .live()
        .flat_map(|published| published.segments_of(&subject.kind))
        .filter_map(|(_, rule)| rule.evaluate(subject, now).changes_at);
    let endings = subject.enrollments.iter().filter(|e| e.is_active()).filter_map(|enrollment| {
        let published = catalog.version(&enrollment.campaign, enrollment.version)?;
        let rules = published.journey(&enrollment.journey)?.ending_rules();
        rules.filter_map(|rule| rule.evaluate(subject, now).changes_at).min()
    });
    let starts = catalog.live().flat_map(|published| {
        let journeys = published.journeys_of(&subject.kind);
        journeys.filter_map(move |(name, journey)| {
            journey::next_occurrence(subject, published, name, journey, now)
        })
    });
    let named = subject.names_company().then_some(now);
    steps.chain(rules).chain(endings).chain(starts).chain(named).min()
}
