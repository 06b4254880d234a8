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
mod delivery_report;
mod merge;
mod inbound_sms;
mod migrate;
mod outage;
mod redate;
mod broadcast;
mod journey;
pub mod change;

pub use broadcast::TOO_LATE;
pub use erase::{erase, take_address};
pub(in crate::domain) use journey::triggers;
pub use merge::merge;
pub use pause::ARCHIVED;

use crate::domain::base::primitives::{CampaignId, Channel, Ids, MessageId, Millis, QualifiedId};
use crate::domain::campaign::broadcast::{BroadcastRecipient, turn_key};
use crate::domain::campaign::journey::RunState;
use crate::domain::contact::Contact;
use crate::domain::contact::claim::Claims;
use crate::domain::contact::message::{Message, SmsCost};
use crate::domain::contact::suppression::{Release, Suppression};
use crate::domain::contact::touch;
use crate::domain::engine::change::{Change, Conversion, Count, Metric};
use crate::domain::form::ConsentCheckbox;
use crate::domain::inbound::custom_event::CustomEvent;
use crate::domain::inbound::delivery_report::DeliveryReport;
use crate::domain::inbound::engagement::Engagement;
use crate::domain::inbound::sms::InboundSms;
use crate::domain::publication::catalog::{Catalog, PublishedVersion};
use crate::domain::record::enrollment::{Enrollment, HourlyQuota};
use crate::domain::record::event::{Event, Properties, names};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};

/// What happened to a contact.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Nothing but time passing.
    TimePassed,
    /// A form was sent.
    Submitted(Box<Submitted>),
    /// The customer's own system reported an event through the API.
    CustomEvent(CustomEvent),
    /// An event was reported under an id that was already used for another event.
    Conflicted(CustomEvent),
    /// The delivery of a message ended.
    Delivered {
        /// The message; its row must be among the decision's.
        message: MessageId,
        attempt: u32,
        outcome: Outcome,
    },
    /// A message was opened or clicked; its row must be among the decision's.
    Engaged(Engagement),
    /// The contact is the next recipient of a broadcast.
    Broadcast(Box<BroadcastRecipient>),
    /// The opens and clicks of a message are to be reclassified; its row must be among the
    /// decision's.
    Reclassified(MessageId),
    /// A provider reported on a message; its row must be among the decision's.
    DeliveryReport(MessageId, DeliveryReport),
    /// An operator asked for a test of a message, with this contact's data.
    TestSendRequested(TestSendRequested),
    /// The contact has sent an SMS.
    InboundSms(InboundSms),
    /// The owner of the e-mail address confirmed everything that waited for it.
    Confirmed {
        /// When the question was shown: later grants were not part of it.
        shown_at: Millis,
        /// The claims made by then, as far as the owner accepts them; `None` if there were none.
        details: Option<Claims>,
        /// The message whose link was used.
        message: MessageId,
        /// A keyed hash of the network address of the request.
        origin_hash: String,
    },
    /// The contact changed its preferences by a link of a message.
    Chose(Box<PreferenceUpdate>),
    /// An operator suppresses the contact's address.
    Suppressed(Suppression),
    /// An operator lifts the suppression of the contact's address.
    Released(Release),
    /// The contact unsubscribed from a channel.
    Unsubscribed {
        channel: Channel,
        /// The message whose link was used.
        message: MessageId,
        /// A keyed hash of the network address of the request.
        origin_hash: String,
    },
}

impl Input {
    /// Returns the idempotency key; `None` if applying the input twice changes nothing.
    pub fn key(&self) -> Option<String> {
        match self {
            Self::Submitted(submitted) => Some(submitted.key.clone()),
            Self::CustomEvent(reported) => Some(reported.key.clone()),
            Self::Conflicted(reported) => reported.conflict_key(),
            Self::Delivered { message, attempt, .. } => {
                Some(format!("delivery:{message}:{attempt}"))
            }
            Self::Engaged(engagement) => Some(engagement.key.clone()),
            Self::Broadcast(turn) => Some(turn_key(&turn.id(), &turn.contact)),
            Self::DeliveryReport(_, report) => report.key.clone(),
            Self::TestSendRequested(test) => Some(test.message.0.clone()),
            Self::InboundSms(sms) => Some(sms.key()),
            Self::TimePassed
            | Self::Reclassified(_)
            | Self::Confirmed { .. }
            | Self::Chose(_)
            | Self::Suppressed(_)
            | Self::Released(_)
            | Self::Unsubscribed { .. } => None,
        }
    }

    /// Returns every key under which the input may be recorded.
    pub fn keys(&self) -> impl Iterator<Item = String> {
        let conflict = match self {
            Self::CustomEvent(reported) => reported.conflict_key(),
            _ => None,
        };
        self.key().into_iter().chain(conflict)
    }

    /// Returns a hash of the reported content, if the reporter chose the key.
    pub fn content(&self) -> Option<&String> {
        match self {
            Self::CustomEvent(reported) => reported.content.as_ref(),
            _ => None,
        }
    }

    /// Returns the properties that a customer's own system reported.
    pub fn properties(&self) -> Option<&Properties> {
        match self {
            Self::CustomEvent(reported) => Some(&reported.properties),
            _ => None,
        }
    }

    /// Returns the names of the events that the decision needs, besides those that rules refer to.
    pub fn required_history(&self) -> &'static [&'static str] {
        match self {
            Self::Engaged(_) | Self::Reclassified(_) => &engagement::REQUIRED_HISTORY,
            _ => &[],
        }
    }

    /// Returns when it happened, if the input says so.
    pub fn at(&self) -> Option<Millis> {
        match self {
            Self::Submitted(submitted) => Some(submitted.at),
            Self::CustomEvent(reported) | Self::Conflicted(reported) => Some(reported.at),
            Self::InboundSms(sms) => Some(sms.at),
            _ => None,
        }
    }

    /// Returns the message whose ledger row the decision needs.
    pub fn message(&self) -> Option<&MessageId> {
        match self {
            Self::Delivered { message, .. }
            | Self::Engaged(Engagement { message, .. })
            | Self::Reclassified(message)
            | Self::DeliveryReport(message, _)
            | Self::Unsubscribed { message, .. } => Some(message),
            _ => None,
        }
    }
}

/// A submitted form, already checked field by field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Submitted {
    pub form: QualifiedId,
    /// A hash of the form's token and of the answers: it makes two posts of one filled-in form the
    /// same. The same token with other answers is another submission.
    pub key: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    /// The other answers.
    pub attributes: BTreeMap<String, Value>,
    /// The boxes that were ticked.
    #[serde(default, with = "crate::domain::form::boxes")]
    pub agreed: Vec<ConsentCheckbox>,
    /// Where the visitor came from.
    pub touch: touch::Touch,
    /// The language in which the form was shown.
    pub locale: String,
    /// A keyed hash of the network address of the request.
    pub origin_hash: String,
    pub at: Millis,
}

/// Stands for the sender's time zone: the contact has none of its own.
pub const SENDERS_ZONE: &str = "sender";

/// What a contact chose, on its preference page or by undoing an unsubscribe.
#[derive(Clone, Debug, PartialEq)]
pub struct PreferenceUpdate {
    /// The source: `preference page` or `undo link`.
    pub source: &'static str,
    /// The message whose link was used.
    pub message: MessageId,
    /// The channel that the message came on: the link proves that the contact owns the address
    /// there.
    pub proven: Channel,
    /// The consents granted, with the exact words shown.
    pub agreed: Vec<Agreement>,
    /// The consents withdrawn.
    pub withdrawn: Vec<(Channel, String)>,
    /// Whether everything is withdrawn, on every channel, whatever the page showed.
    pub stop_all: bool,
    /// For an undo: when the withdrawal was. A later withdrawal stands.
    pub undoes: Option<Millis>,
    /// Whether tracking of opens and clicks is refused from now on; `None` leaves it.
    pub do_not_track: Option<bool>,
    /// The language from now on (BCP 47); `None` leaves it.
    pub locale: Option<String>,
    /// The IANA time zone from now on, or `SENDERS_ZONE`; `None` leaves it.
    pub time_zone: Option<String>,
    /// A keyed hash of the network address of the request.
    pub origin_hash: String,
}

/// One consent that is granted.
#[derive(Clone, Debug, PartialEq)]
pub struct Agreement {
    pub channel: Channel,
    pub purpose: String,
    /// The exact words shown.
    pub text: String,
}

/// A test of a message, to an address that may receive tests.
#[derive(Clone, Debug, PartialEq)]
pub struct TestSendRequested {
    /// The id of the message to queue.
    pub message: MessageId,
    pub campaign: CampaignId,
    /// The template: `emails/welcome`, or a version of it.
    pub template: String,
    pub to: String,
}

/// How a delivery ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The provider accepted it.
    Accepted {
        /// The provider's id for it.
        provider_id: String,
        /// Whether the provider says at once that it was delivered.
        arrived: bool,
        /// The cost, for an SMS.
        spent: Option<SmsCost>,
    },
    /// It was not sent: no consent, no address, suppressed.
    Skipped(&'static str),
    /// It cannot be sent, for this reason.
    Failed(String),
    /// It may or may not have been sent.
    Unknown {
        /// Why this is unknown.
        reason: String,
        /// The cost if it was sent, for an SMS.
        spent: Option<SmsCost>,
    },
}

/// What a decision needs beside the contact. It is read for this decision alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DecisionInput {
    /// What happened to the contact, in order.
    pub inputs: Vec<Input>,
    /// The ledger rows of the messages that the inputs are about.
    pub messages: BTreeMap<MessageId, Message>,
    /// The newest busy hour of each journey with an hourly limit, with the reservations of other
    /// contacts.
    pub hourly_quotas: BTreeMap<QualifiedId, HourlyQuota>,
    /// When the newest confirmation e-mails to other spellings of the contact's mailbox left or are
    /// due to leave, oldest first.
    pub mails_to_mailbox: Vec<Millis>,
}

/// What to write, and what to do once it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The contact as it is to be stored.
    pub contact: Contact,
    /// The `seq` that was read, on which the write is conditional.
    pub read_seq: i64,
    /// What is written besides the contact.
    pub changes: Vec<Change>,
}

impl Decision {
    /// Returns whether there is nothing to write, except perhaps a new wake-up time.
    pub fn is_idle(&self) -> bool {
        self.changes.is_empty()
    }

    /// Returns whether anything happened to the contact. If not, the changes at most note facts
    /// about a message that hold in any order, such as the provider's id for it.
    pub fn has_event(&self) -> bool {
        self.contact.seq > self.read_seq
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

/// Decides what follows from `inputs`, in their order, for `contact` at `now`. The module
/// comment says why this terminates; should that be wrong, the limit turns an endless loop into an
/// error.
///
/// For an erased contact, only the outcomes of messages that were under way are recorded.
pub fn decide(
    catalog: &Catalog,
    contact: Contact,
    input: DecisionInput,
    now: Millis,
    ids: &mut Ids,
) -> Result<Decision, StepLimitExceeded> {
    let read_seq = contact.seq;
    let DecisionInput { inputs, messages, hourly_quotas, mails_to_mailbox } = input;
    let decider = Decider::of(catalog, contact, now, ids);
    let mut decider = Decider { messages, hourly_quotas, mails_to_mailbox, ..decider };
    decider.date_again();
    decider.end_archived_journeys();
    decider.migrate_journeys();
    decider.catch_up_journeys();
    decider.catch_up_outages();
    for input in inputs {
        let is_erased = decider.contact.erased_at.is_some();
        if is_erased && !matches!(input, Input::Delivered { .. }) {
            continue;
        }
        decider.apply(input);
        decider.run_to_fixpoint();
    }
    if decider.exceeds_step_limit() {
        return Err(StepLimitExceeded);
    }
    let Decider { mut contact, changes, .. } = decider;
    contact.wake_at = wake_at(catalog, &contact, now);
    Ok(Decision { contact, read_seq, changes })
}

/// A decision in the making.
struct Decider<'a> {
    catalog: &'a Catalog,
    contact: Contact,
    messages: BTreeMap<MessageId, Message>,
    hourly_quotas: BTreeMap<QualifiedId, HourlyQuota>,
    mails_to_mailbox: Vec<Millis>,
    now: Millis,
    ids: &'a mut Ids,
    changes: Vec<Change>,
    /// Events whose consequences are not applied yet.
    pending_events: VecDeque<Event>,
    /// Journeys that `enroll` steps named and that are not entered yet.
    enrolled: VecDeque<(CampaignId, String)>,
    /// The number of events recorded and steps taken.
    steps: usize,
}

impl<'a> Decider<'a> {
    /// Starts a decision about this contact, without an input.
    fn of(catalog: &'a Catalog, contact: Contact, now: Millis, ids: &'a mut Ids) -> Self {
        Self {
            catalog,
            contact,
            messages: BTreeMap::new(),
            hourly_quotas: BTreeMap::new(),
            mails_to_mailbox: Vec::new(),
            now,
            ids,
            changes: Vec::new(),
            pending_events: VecDeque::new(),
            enrolled: VecDeque::new(),
            steps: 0,
        }
    }
}

impl Decider<'_> {
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
        self.contact.seq += 1;
        let properties = match properties {
            Value::Object(map) => map,
            _ => Properties::new(),
        };
        let campaign = campaign.cloned();
        let event =
            Event { seq: self.contact.seq, at, name: name.to_owned(), campaign, properties };
        self.contact.history.push(event.clone());
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
        if self.contact.erased_at.is_some() {
            return self.pending_events.clear();
        }
        while !self.exceeds_step_limit() {
            while let Some(event) = self.pending_events.pop_front() {
                self.end_journeys(&event);
                self.resume_journeys(&event);
                self.enter_journeys(&event);
                self.meet_goals(&event);
                self.credit_broadcasts(&event);
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

    /// Compares every segment's rule with the contact's membership, each segment after those that
    /// its rule refers to.
    fn evaluate_segments(&mut self) {
        let catalog = self.catalog;
        for published in catalog.live() {
            for (segment, rule) in published.segments() {
                let is_in = self.contact.segments.contains_key(segment);
                let should_be = rule.evaluate(&self.contact, self.now).holds;
                if is_in == should_be {
                    continue;
                }
                let properties = json!({ "segment": segment });
                if should_be {
                    self.contact.segments.insert(segment.clone(), self.now);
                    self.changes.push(Change::EnterSegment(segment.clone(), self.now));
                    self.record(names::SEGMENT_ENTERED, Some(published.id()), properties);
                } else {
                    self.contact.segments.remove(segment);
                    self.changes.push(Change::LeaveSegment(segment.clone()));
                    self.record(names::SEGMENT_LEFT, Some(published.id()), properties);
                }
            }
        }
    }

    /// Credits the event to every campaign whose goal it is and with which the contact had a fresh
    /// touch. A late report counts for a campaign that was live when the event happened.
    fn meet_goals(&mut self, event: &Event) {
        let catalog = self.catalog;
        catalog.credited_at(event.at).for_each(|published| self.meet_goal(&published, event));
    }

    fn meet_goal(&mut self, published: &PublishedVersion, event: &Event) {
        let campaign = &published.compiled.campaign;
        if event.name != campaign.goal.event {
            return;
        }
        let (touches, within) = (&self.contact.touches, campaign.goal.within);
        let touch = touch::credited(touches, &campaign.id, within, event.at).cloned();
        if let Some(touch) = touch {
            self.convert(published, event, &touch);
        }
    }

    /// Records one conversion. An event in another currency counts as a conversion without revenue:
    /// a sum over different currencies would be wrong.
    fn convert(&mut self, published: &PublishedVersion, event: &Event, touch: &touch::Touch) {
        let campaign = &published.compiled.campaign;
        let currency = event.properties.get("currency").and_then(Value::as_str);
        let currency = currency.unwrap_or(&campaign.currency).to_owned();
        let value = event.properties.get("value_minor").and_then(Value::as_i64).unwrap_or(0);
        let part = touch.part();
        self.record(
            names::GOAL_REACHED,
            Some(&campaign.id),
            json!({ "event": event.name, "event_seq": event.seq, "channel": touch.channel,
                    "value_minor": value, "currency": currency }),
        );
        self.changes.push(Change::Convert(Conversion {
            seq: self.contact.seq,
            campaign: campaign.id.clone(),
            at: event.at,
            value,
            currency: currency.clone(),
            channel: touch.channel.clone(),
            part: part.clone(),
        }));
        self.count(&campaign.id, Metric::Conversions, &touch.channel, &part, 1);
        if currency == campaign.currency && value != 0 {
            self.count(&campaign.id, Metric::Revenue, &touch.channel, &part, value);
        }
    }
}

/// Returns the earliest time at which time alone may change something: a step falls due, a date or
/// schedule starts a journey, or the result of a rule (of a segment, or one that ends an
/// enrollment) may change.
fn wake_at(catalog: &Catalog, contact: &Contact, now: Millis) -> Option<Millis> {
    if contact.erased_at.is_some() {
        return None;
    }
    // Resuming a journey wakes its contacts, and so does a version that becomes readable again.
    let runs = |e: &&Enrollment| {
        catalog.run_state(&e.campaign, &e.journey) == RunState::Running
            && !catalog.waits(&e.campaign, e.version)
    };
    let steps = contact.enrollments.iter().filter(|e| e.is_active()).filter(runs);
    let steps = steps.filter_map(|e| e.due_at);
    let rules = catalog
        .live()
        .flat_map(|published| published.compiled.campaign.segments.values())
        .filter_map(|rule| rule.evaluate(contact, now).changes_at);
    let endings = contact.enrollments.iter().filter(|e| e.is_active()).filter_map(|enrollment| {
        let published = catalog.version(&enrollment.campaign, enrollment.version)?;
        let rules = published.journey(&enrollment.journey)?.ending_rules();
        rules.filter_map(|rule| rule.evaluate(contact, now).changes_at).min()
    });
    let starts = catalog.live().flat_map(|published| {
        let journeys = published.compiled.campaign.journeys.iter();
        journeys.filter_map(move |(name, journey)| {
            journey::next_occurrence(contact, published, name, journey, now)
        })
    });
    steps.chain(rules).chain(endings).chain(starts).min()
}
