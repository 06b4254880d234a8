//! What the queues carry. Each task is tagged and versioned, for tasks of an older deployment
//! may still be under way in a newer one.

use crate::domain::base::primitives::{ContactId, MessageId, Millis, QualifiedId};
use crate::domain::engine::Decision;
use crate::domain::engine::{CustomEvent, DeliveryReport, Submitted};
use crate::domain::inbound::bot_detection::FetchFacts;
use crate::store::reports::Visit;
use serde::{Deserialize, Serialize};

/// How many contacts one task carries: its body stays under 8 KB, and one batch of writes is short.
pub const CONTACTS_PER_TASK_MAX: usize = 100;

/// How many messages one task carries: what the largest batch of a provider takes. One by one, six
/// at once and each with the provider's whole 20 seconds, they are done in six minutes.
pub const MESSAGES_PER_TASK_MAX: usize = 100;

/// What is not in the database yet; a lost one would be a lost fact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Intake {
    /// A page was looked at.
    VisitV1(Visit),
    /// A link or a pixel of a message was fetched.
    EngagementV1(EngagementTask),
    /// The customer's own system told something.
    ReportV1(CustomEventTask),
    /// A provider told what became of a message.
    HeardV1(DeliveryReportTask),
    /// Somebody has sent us a text.
    TextV1(InboundSmsTask),
    /// A form that found no room in the database.
    SubmissionV1(Box<Submitted>),
}

/// A link or pixel that was fetched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EngagementTask {
    /// Whose message it was.
    pub contact: ContactId,
    /// Which.
    pub message: MessageId,
    /// The target, for a link.
    pub url: Option<String>,
    /// When.
    pub at: Millis,
    /// Why it is a machine's whatever the facts say; an older deployment tells it so.
    #[serde(default)]
    pub machine: Vec<String>,
    /// What is known of the fetch; `None` where nothing is to be kept, or nothing is told.
    #[serde(default)]
    pub facts: Option<FetchFacts>,
    /// What makes two tellings of it the same.
    pub key: String,
}

/// What a provider told of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeliveryReportTask {
    /// Which, if the provider handed our id back; else `heard` has the provider's.
    pub message: Option<MessageId>,
    /// What.
    pub heard: DeliveryReport,
}

/// A text message that somebody has sent us.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InboundSmsTask {
    /// From which number, in E.164.
    pub from: String,
    /// What it says.
    pub text: String,
    /// Through whom: the provider's name.
    pub source: String,
    /// The provider's id of it.
    pub id: String,
    /// When.
    pub at: Millis,
    /// Whether STOP and HELP are for us to answer.
    pub answers: bool,
}

/// An event told through the API, with the contact it is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CustomEventTask {
    /// By its address in normal form.
    pub email: Option<String>,
    /// By its number in E.164.
    pub phone: Option<String>,
    /// By the customer's own id.
    pub external_id: Option<String>,
    /// By ours.
    pub contact_id: Option<ContactId>,
    /// What happened.
    pub event: CustomEvent,
}

/// Hints about what to do; a lost one is found again by the next tick.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Work {
    /// These contacts are due.
    DueV1 {
        /// At most `CONTACTS_PER_TASK_MAX`.
        contacts: Vec<ContactId>,
    },
    /// This contact is due, and nothing came of it the last time.
    AloneV1 {
        /// The contact.
        contact: ContactId,
    },
    /// The next recipients of a broadcast have their turns.
    BroadcastV1 {
        /// `<campaign>.<name>`.
        broadcast: QualifiedId,
    },
    /// These messages wait to be sent.
    DeliverV1 {
        /// At most `MESSAGES_PER_TASK_MAX`.
        messages: Vec<MessageId>,
    },
}

impl Work {
    /// Tasks for any number of messages.
    pub fn deliver(messages: &[MessageId]) -> Vec<Self> {
        let chunks = messages.chunks(MESSAGES_PER_TASK_MAX);
        chunks.map(|chunk| Self::DeliverV1 { messages: chunk.to_vec() }).collect()
    }

    /// Tasks for any number of contacts.
    pub fn due(contacts: &[ContactId]) -> Vec<Self> {
        let chunks = contacts.chunks(CONTACTS_PER_TASK_MAX);
        chunks.map(|chunk| Self::DueV1 { contacts: chunk.to_vec() }).collect()
    }

    /// A task for each contact.
    pub fn alone(contacts: Vec<ContactId>) -> Vec<Self> {
        contacts.into_iter().map(|contact| Self::AloneV1 { contact }).collect()
    }
}

/// What decisions queued, as tasks.
pub fn deliveries(decisions: &[Decision]) -> Vec<Work> {
    let ids: Vec<MessageId> =
        decisions.iter().flat_map(Decision::queued).map(|message| message.id.clone()).collect();
    Work::deliver(&ids)
}
