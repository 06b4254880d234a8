//! Deciding: a contact as it was read, and what happened to it, become a list of changes.
//!
//! A decision applies what happened, then lets it take effect until nothing more follows: events
//! start, end and move on journeys and meet goals; segments are entered and left; due steps are
//! taken. This ends: a journey is entered at most once an instant, and every cycle of its steps
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
use crate::domain::contact::enrollment::Enrollment;
use crate::domain::contact::event::{Event, Properties, names};
use crate::domain::contact::message::Message;
use crate::domain::contact::message::{ProviderCharge, SmsCost};
use crate::domain::contact::suppression::{Release, Suppression};
use crate::domain::contact::touch;
use crate::domain::engine::change::{Change, Conversion, Count, Metric};
use crate::domain::form::ConsentCheckbox;
use crate::domain::inbound::bot_detection::FetchFacts;
use crate::domain::inbound::bounce::Bounce;
use crate::domain::inbound::keyword::Keyword;
use crate::domain::publication::catalog::{Catalog, PublishedVersion};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};

/// What happened to a contact.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Nothing but time.
    TimePassed,
    /// A form was sent.
    Submitted(Box<Submitted>),
    /// Something outside was reported through the API.
    CustomEvent(CustomEvent),
    /// Something was reported under an id that something else was reported under before.
    Conflicted(CustomEvent),
    /// The delivery of a message ended.
    Delivered {
        /// The message; its row must be among the contact's.
        message: MessageId,
        /// Which attempt it was.
        attempt: u32,
        /// How it ended.
        outcome: Outcome,
    },
    /// A message was opened or clicked; its row must be among the contact's.
    Engaged(MessageId, Engagement),
    /// Its turn in a broadcast has come.
    Broadcast(Box<BroadcastRecipient>),
    /// The openings and clicks of a message are to be judged anew; its row must be among the
    /// contact's.
    Rejudged(MessageId),
    /// A provider told what became of a message; its row must be among the contact's.
    DeliveryReport(MessageId, DeliveryReport),
    /// One of our own people asked for a test of a message, with this contact's data.
    TestSendRequested(TestSendRequested),
    /// The contact has sent us a text.
    InboundSms(InboundSms),
    /// The owner of the e-mail address confirmed all that waited for it.
    Confirmed {
        /// When the question was shown: what was granted later was not part of it.
        shown_at: Millis,
        /// What had been claimed of the contact by then, as far as the owner takes it over; `None`
        /// if there was nothing.
        details: Option<Claims>,
        /// The message whose link was used.
        message: MessageId,
        /// A keyed hash of the network address it came from.
        origin_hash: String,
    },
    /// The contact chose by a link of a message what it wants and what not.
    Chose(Box<PreferenceUpdate>),
    /// An operator says that the contact's address must not be written to.
    Suppressed(Suppression),
    /// An operator lifts the suppression of the contact's address.
    Released(Release),
    /// The contact wants nothing more on a channel.
    Unsubscribed {
        /// The channel.
        channel: Channel,
        /// The message whose link was used.
        message: MessageId,
        /// A keyed hash of the network address it came from.
        origin_hash: String,
    },
}

impl Input {
    /// What makes two tellings of it the same; `None` where a second telling changes nothing.
    pub fn key(&self) -> Option<String> {
        match self {
            Self::Submitted(submitted) => Some(submitted.key.clone()),
            Self::CustomEvent(reported) => Some(reported.key.clone()),
            Self::Conflicted(reported) => reported.conflict_key(),
            Self::Delivered { message, attempt, .. } => {
                Some(format!("delivery:{message}:{attempt}"))
            }
            Self::Engaged(_, engagement) => Some(engagement.key.clone()),
            Self::Broadcast(turn) => Some(turn_key(&turn.id(), &turn.contact)),
            Self::DeliveryReport(_, heard) => heard.key.clone(),
            Self::TestSendRequested(asked) => Some(asked.message.0.clone()),
            Self::InboundSms(texted) => Some(texted.key.clone()),
            Self::TimePassed
            | Self::Rejudged(_)
            | Self::Confirmed { .. }
            | Self::Chose(_)
            | Self::Suppressed(_)
            | Self::Released(_)
            | Self::Unsubscribed { .. } => None,
        }
    }

    /// Every key by which it may be on record.
    pub fn keys(&self) -> impl Iterator<Item = String> {
        let conflict = match self {
            Self::CustomEvent(reported) => reported.conflict_key(),
            _ => None,
        };
        self.key().into_iter().chain(conflict)
    }

    /// A hash of what was told under its key, where others chose that.
    pub fn content(&self) -> Option<&String> {
        match self {
            Self::CustomEvent(reported) => reported.content.as_ref(),
            _ => None,
        }
    }

    /// What a customer's own system told about it.
    pub fn properties(&self) -> Option<&Properties> {
        match self {
            Self::CustomEvent(reported) => Some(&reported.properties),
            _ => None,
        }
    }

    /// The names of the events that the decision needs, beside those that rules ask about.
    pub fn asks_about(&self) -> &'static [&'static str] {
        match self {
            Self::Engaged(..) | Self::Rejudged(_) => &engagement::ASKED,
            _ => &[],
        }
    }

    /// When it happened, where that was told.
    pub fn at(&self) -> Option<Millis> {
        match self {
            Self::Submitted(submitted) => Some(submitted.at),
            Self::CustomEvent(reported) | Self::Conflicted(reported) => Some(reported.at),
            Self::InboundSms(texted) => Some(texted.at),
            _ => None,
        }
    }

    /// The message whose ledger row the decision needs.
    pub fn message(&self) -> Option<&MessageId> {
        match self {
            Self::Delivered { message, .. }
            | Self::Engaged(message, _)
            | Self::Rejudged(message)
            | Self::DeliveryReport(message, _)
            | Self::Unsubscribed { message, .. } => Some(message),
            _ => None,
        }
    }
}

/// A form that was sent, already checked field by field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Submitted {
    /// The form.
    pub form: QualifiedId,
    /// A hash of the form's token and of what was read: what makes two posts of one filled-in form
    /// the same. The same token with other answers is another submission.
    pub key: String,
    /// The address given.
    pub email: Option<String>,
    /// The number given.
    pub phone: Option<String>,
    /// The other answers.
    pub attributes: BTreeMap<String, Value>,
    /// What was agreed to.
    #[serde(default, with = "crate::domain::form::boxes")]
    pub agreed: Vec<ConsentCheckbox>,
    /// Where the visitor came from.
    pub touch: touch::Touch,
    /// The language the form was shown in.
    pub locale: String,
    /// A keyed hash of the network address it came from.
    pub origin_hash: String,
    /// When it was sent.
    pub at: Millis,
}

/// What a contact chose, on the page of its preferences or by taking a refusal back.
#[derive(Clone, Debug, PartialEq)]
pub struct PreferenceUpdate {
    /// Where: `preference page`, `undo link`.
    pub source: &'static str,
    /// The message whose link was used.
    pub message: MessageId,
    /// The channel that it came on: whoever holds it owns the address there.
    pub proven: Channel,
    /// What is agreed to from now on, with the exact words shown.
    pub agreed: Vec<Agreement>,
    /// What is taken back.
    pub withdrawn: Vec<(Channel, String)>,
    /// Whether everything is, on every channel, whatever the page showed.
    pub stop_all: bool,
    /// For what takes a refusal back: when that was. A later one stands.
    pub undoes: Option<Millis>,
    /// Whether opens and clicks may be told from now on; `None` leaves it.
    pub do_not_track: Option<bool>,
    /// The language from now on (BCP 47); `None` leaves it.
    pub locale: Option<String>,
    /// The IANA time zone from now on; `None` leaves it.
    pub time_zone: Option<String>,
    /// A keyed hash of the network address it came from.
    pub origin_hash: String,
}

/// One thing that is agreed to.
#[derive(Clone, Debug, PartialEq)]
pub struct Agreement {
    /// The channel.
    pub channel: Channel,
    /// The purpose.
    pub purpose: String,
    /// The exact words shown.
    pub text: String,
}

/// An event that a customer's own system reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CustomEvent {
    /// Its name.
    pub name: String,
    /// When it happened.
    pub at: Millis,
    /// Its properties; `value_minor` and `currency` are what a conversion is worth.
    pub properties: Properties,
    /// What makes two reports of it the same.
    pub key: String,
    /// A hash of all that was told, where an id of the teller's is in the key: the same id with
    /// another hash is a mistake. Older deployments kept none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
}

/// What the key of a report begins with, before the id that its teller gave it.
pub const API_KEY: &str = "api:";

impl CustomEvent {
    /// Whether this is told under a key that stands for other content. Of what has none nobody
    /// knows, and the key alone counts.
    pub fn contradicts(&self, known: Option<&String>) -> bool {
        known.zip(self.content.as_ref()).is_some_and(|(known, told)| known != told)
    }

    /// The key under which it is put on record that it was refused: once, however often it is told.
    pub fn conflict_key(&self) -> Option<String> {
        Some(format!("api-refused:{}:{}", self.content.as_ref()?, self.key))
    }
}

/// A test of a message, to somebody who may get one.
#[derive(Clone, Debug, PartialEq)]
pub struct TestSendRequested {
    /// The id of the message to queue.
    pub message: MessageId,
    /// Whose message.
    pub campaign: CampaignId,
    /// Which: `emails/welcome`, or a version of it.
    pub template: String,
    /// Where it goes.
    pub to: String,
}

/// How a delivery ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The provider took it; and says at once that it arrived, if `arrived`.
    Accepted {
        /// The provider's id for it.
        provider_id: String,
        /// Whether it is known to have arrived.
        arrived: bool,
        /// What it took, for a text message.
        spent: Option<SmsCost>,
    },
    /// It was held back: no consent, no address, suppressed.
    Skipped(&'static str),
    /// It cannot be sent, and why.
    Failed(String),
    /// It may or may not have been sent.
    Unknown {
        /// Why nobody knows.
        reason: String,
        /// What it took if it was, for a text message.
        spent: Option<SmsCost>,
    },
}

/// An open or a click.
#[derive(Clone, Debug, PartialEq)]
pub struct Engagement {
    /// The target of the link; `None` for an open.
    pub url: Option<String>,
    /// When.
    pub at: Millis,
    /// Why it is a machine's whatever the facts say; empty where nothing is known but those.
    pub machine: Vec<String>,
    /// What is known of the fetch; `None` where nothing is to be kept.
    pub facts: Option<FetchFacts>,
    /// What makes two reports of it the same.
    pub key: String,
}

/// What a provider tells of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeliveryReport {
    /// What.
    pub news: DeliveryStatus,
    /// When it happened.
    pub at: Millis,
    /// The address it is about, in normal form, if the provider named it.
    pub address: Option<String>,
    /// Who tells: the provider's name.
    pub source: String,
    /// The provider's own id of the message.
    pub provider_id: Option<String>,
    /// What makes two tellings the same, where the ledger row does not: each of the news counts
    /// once a message whatever this is.
    pub key: Option<String>,
    /// What the provider says that it took, for a text message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billed: Option<ProviderCharge>,
}

/// A text message that somebody has sent us.
#[derive(Clone, Debug, PartialEq)]
pub struct InboundSms {
    /// From which number, in E.164.
    pub from: String,
    /// What it says.
    pub text: String,
    /// What it asks for, if for one of the things that we understand.
    pub keyword: Option<Keyword>,
    /// When.
    pub at: Millis,
    /// Through whom: the provider's name.
    pub source: String,
    /// What makes two tellings of it the same.
    pub key: String,
    /// Whether it is for us to answer, and not for the provider.
    pub answers: bool,
}

/// What became of a message, says its provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// It was taken.
    Sent,
    /// It arrived.
    Delivered,
    /// It came back.
    Bounced(Bounce),
    /// Somebody called it spam.
    Complained,
    /// Somebody unsubscribed by it, at the provider's.
    Unsubscribed,
}

/// What to write, and what to do once it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The contact as it will stand.
    pub contact: Contact,
    /// What was read: its `seq` is what the write is conditional on.
    pub read_seq: i64,
    /// What is written beside the contact.
    pub changes: Vec<Change>,
}

impl Decision {
    /// Whether there is nothing to record but perhaps a new time to wake.
    pub fn is_idle(&self) -> bool {
        self.changes.is_empty()
    }

    /// Whether anything happened to the contact. If not, at most it is noted of a message what is
    /// true in any order, such as the name that its provider has for it.
    pub fn has_event(&self) -> bool {
        self.contact.seq > self.read_seq
    }

    /// The messages it queued.
    pub fn queued(&self) -> impl Iterator<Item = &Message> {
        self.changes.iter().filter_map(|change| match change {
            Change::Queue(message) => Some(&**message),
            _ => None,
        })
    }
}

/// The most that one decision may record and walk, events and steps together. The largest that
/// makes sense enters every journey of a full catalog and is far below; D1 would take no more in
/// one parameter.
pub const DECISION_STEPS_MAX: usize = 5_000;

/// A decision that came to no end: a fault of ours, or of what was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepLimitExceeded;

impl std::fmt::Display for StepLimitExceeded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the decision came to no end within {DECISION_STEPS_MAX} events and steps")
    }
}

/// Decides what follows from `happenings`, in their order, for `contact` at `now`. That it ends is
/// shown above; should that be wrong one day, the ceiling turns an endless loop into an error.
///
/// Of an erased contact, only what became of messages that were under way is put on record.
pub fn decide(
    catalog: &Catalog,
    contact: Contact,
    happenings: Vec<Input>,
    now: Millis,
    ids: &mut Ids,
) -> Result<Decision, StepLimitExceeded> {
    let read_seq = contact.seq;
    let mut decider = Decider::of(catalog, contact, now, ids);
    decider.date_again();
    decider.end_archived_journeys();
    decider.migrate_journeys();
    decider.catch_up_journeys();
    decider.catch_up_outages();
    for happening in happenings {
        let is_about_nobody = decider.contact.erased_at.is_some();
        if is_about_nobody && !matches!(happening, Input::Delivered { .. }) {
            continue;
        }
        decider.apply(happening);
        decider.settle();
    }
    if decider.is_exhausted() {
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
    now: Millis,
    ids: &'a mut Ids,
    changes: Vec<Change>,
    /// Events whose consequences are still to be drawn.
    unsettled: VecDeque<Event>,
    /// Journeys that `enroll` steps named and that are still to be entered.
    enrolled: VecDeque<(CampaignId, String)>,
    /// How many events were recorded and steps taken.
    effort: usize,
}

impl<'a> Decider<'a> {
    /// One about this contact, with nothing decided yet.
    fn of(catalog: &'a Catalog, contact: Contact, now: Millis, ids: &'a mut Ids) -> Self {
        let (unsettled, enrolled) = (VecDeque::new(), VecDeque::new());
        Self { catalog, contact, now, ids, changes: Vec::new(), unsettled, enrolled, effort: 0 }
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
        self.effort += 1;
        self.contact.seq += 1;
        let properties = match properties {
            Value::Object(map) => map,
            _ => Properties::new(),
        };
        let campaign = campaign.cloned();
        let event =
            Event { seq: self.contact.seq, at, name: name.to_owned(), campaign, properties };
        self.contact.history.push(event.clone());
        self.unsettled.push_back(event.clone());
        self.changes.push(Change::Event { event, key, content: None });
    }

    /// Appends an event that others told, with a hash of what they did.
    fn record_told(
        &mut self,
        name: &str,
        properties: Value,
        at: Millis,
        (key, told): (Option<String>, Option<String>),
    ) {
        self.record_keyed(name, None, properties, at, key);
        if let Some(Change::Event { content, .. }) = self.changes.last_mut() {
            *content = told;
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

    /// Whether it has done more than any decision may.
    fn is_exhausted(&self) -> bool {
        self.effort > DECISION_STEPS_MAX
    }

    /// Draws consequences until there are none left; nothing follows for somebody who was erased.
    fn settle(&mut self) {
        if self.contact.erased_at.is_some() {
            return self.unsettled.clear();
        }
        while !self.is_exhausted() {
            while let Some(event) = self.unsettled.pop_front() {
                self.end_journeys(&event);
                self.resume_journeys(&event);
                self.enter_journeys(&event);
                self.meet_goals(&event);
                self.credit_broadcasts(&event);
            }
            self.judge_segments();
            self.ask_ending_rules();
            if !self.unsettled.is_empty() {
                continue; // Whoever leaves is out before a step is taken.
            }
            self.take_due_steps();
            self.enter_by_time();
            self.enter_enrolled();
            if self.unsettled.is_empty() {
                return;
            }
        }
    }

    /// Compares every segment's rule with the contact's membership, in an order in which none is
    /// judged before those that it asks about.
    fn judge_segments(&mut self) {
        let catalog = self.catalog;
        for edition in catalog.live() {
            for (segment, rule) in edition.segments() {
                let is_in = self.contact.segments.contains_key(segment);
                let should_be = rule.verdict(&self.contact, self.now).holds;
                if is_in == should_be {
                    continue;
                }
                let properties = json!({ "segment": segment });
                if should_be {
                    self.contact.segments.insert(segment.clone(), self.now);
                    self.changes.push(Change::EnterSegment(segment.clone(), self.now));
                    self.record(names::SEGMENT_ENTERED, Some(edition.id()), properties);
                } else {
                    self.contact.segments.remove(segment);
                    self.changes.push(Change::LeaveSegment(segment.clone()));
                    self.record(names::SEGMENT_LEFT, Some(edition.id()), properties);
                }
            }
        }
    }

    /// Credits the event to every campaign whose goal it is, and that the contact had a fresh
    /// touch with. What is reported late counts for a campaign that was live when it happened.
    fn meet_goals(&mut self, event: &Event) {
        let catalog = self.catalog;
        catalog.credited_at(event.at).for_each(|edition| self.meet_goal(&edition, event));
    }

    fn meet_goal(&mut self, edition: &PublishedVersion, event: &Event) {
        let campaign = &edition.compiled.campaign;
        if event.name != campaign.goal.event {
            return;
        }
        let (touches, within) = (&self.contact.touches, campaign.goal.within);
        let touch = touch::credited(touches, &campaign.id, within, event.at).cloned();
        if let Some(touch) = touch {
            self.convert(edition, event, &touch);
        }
    }

    /// Writes one conversion down. An event in another currency counts as a conversion without
    /// revenue: adding up different moneys would be a wrong figure.
    fn convert(&mut self, edition: &PublishedVersion, event: &Event, touch: &touch::Touch) {
        let campaign = &edition.compiled.campaign;
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

/// The earliest moment at which time alone may change something: a step falls due, a date or
/// schedule starts a journey, or the answer of a segment's rule, or of one that ends an enrollment,
/// may turn.
fn wake_at(catalog: &Catalog, contact: &Contact, now: Millis) -> Option<Millis> {
    if contact.erased_at.is_some() {
        return None;
    }
    // Resuming a journey wakes the people inside, and so does a version that is readable again.
    let runs = |e: &&Enrollment| {
        catalog.run_state(&e.campaign, &e.journey) == RunState::Running
            && !catalog.waits(&e.campaign, e.version)
    };
    let steps = contact.enrollments.iter().filter(|e| e.is_active()).filter(runs);
    let steps = steps.filter_map(|e| e.due_at);
    let rules = catalog
        .live()
        .flat_map(|edition| edition.compiled.campaign.segments.values())
        .filter_map(|rule| rule.verdict(contact, now).changes_at);
    let endings = contact.enrollments.iter().filter(|e| e.is_active()).filter_map(|enrollment| {
        let edition = catalog.edition(&enrollment.campaign, enrollment.version)?;
        let rules = edition.journey(&enrollment.journey)?.ending_rules();
        rules.filter_map(|rule| rule.verdict(contact, now).changes_at).min()
    });
    let starts = catalog.live().flat_map(|edition| {
        let journeys = edition.compiled.campaign.journeys.iter();
        journeys.filter_map(move |(name, journey)| {
            journey::next_occurrence(contact, edition, (name, journey), now)
        })
    });
    steps.chain(rules).chain(endings).chain(starts).min()
}
