//! The tasks that the queues carry. Each task is tagged and versioned, because tasks of an older
//! deployment may still be in a queue when a newer one runs.

use crate::domain::base::primitives::{ContactId, MessageId, Millis, QualifiedId};
use crate::domain::engine::Decision;
use crate::domain::engine::{CustomEvent, DeliveryReport, Submitted};
use crate::domain::inbound::bot_detection::FetchFacts;
use crate::store::reports::Visit;
use serde::{Deserialize, Serialize};

/// The maximum number of contacts per task: its body stays under 8 KB, and one batch of writes is
/// short.
pub const CONTACTS_PER_TASK_MAX: usize = 100;

/// The maximum number of messages per task: the size of the largest provider batch. Sent one by
/// one, six at a time and each with the provider's full 20 seconds, they take six minutes.
pub const MESSAGES_PER_TASK_MAX: usize = 100;

/// Facts that are not in the database yet; a lost task is a lost fact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Intake {
    /// A page was viewed.
    VisitV1(Visit),
    /// A link or a pixel of a message was fetched.
    EngagementV1(EngagementTask),
    /// The customer's own system reported an event.
    ReportV1(CustomEventTask),
    /// A provider reported the state of a message.
    HeardV1(DeliveryReportTask),
    /// An inbound SMS arrived.
    TextV1(InboundSmsTask),
    /// A form submission that the overloaded database could not take.
    SubmissionV1(Box<Submitted>),
}

/// A link or pixel that was fetched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EngagementTask {
    /// The contact that the message was sent to.
    pub contact: ContactId,
    pub message: MessageId,
    /// The target, for a link.
    pub url: Option<String>,
    pub at: Millis,
    /// Reasons to classify the fetch as a bot's regardless of the facts. Set by older deployments.
    #[serde(default)]
    pub machine: Vec<String>,
    /// The facts about the fetch. `None` where nothing may be kept, or nothing was sent.
    #[serde(default)]
    pub facts: Option<FetchFacts>,
    /// The idempotency key: two tasks with the same key are the same fetch.
    pub key: String,
}

/// A provider's report about a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeliveryReportTask {
    /// The message, if the provider returned our id; otherwise `heard` has the provider's id.
    pub message: Option<MessageId>,
    pub heard: DeliveryReport,
}

/// An SMS that was sent to us.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InboundSmsTask {
    /// The sender's number, in E.164.
    pub from: String,
    pub text: String,
    /// The name of the provider that received it.
    pub source: String,
    /// The provider's id of the SMS.
    pub id: String,
    pub at: Millis,
    /// Whether we answer STOP and HELP ourselves.
    pub answers: bool,
}

/// An event from the API, with the contact it is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CustomEventTask {
    /// The contact's e-mail address, in normal form.
    pub email: Option<String>,
    /// The contact's number, in E.164.
    pub phone: Option<String>,
    /// The customer's own id of the contact.
    pub external_id: Option<String>,
    /// Our id of the contact.
    pub contact_id: Option<ContactId>,
    pub event: CustomEvent,
}

/// Hints about what to do; the next tick finds the work of a lost hint again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Work {
    /// These contacts are due.
    DueV1 {
        /// At most `CONTACTS_PER_TASK_MAX`.
        contacts: Vec<ContactId>,
    },
    /// This contact is due, and the previous attempt had no result.
    AloneV1 { contact: ContactId },
    /// The next recipients of a broadcast are due.
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
    /// Returns tasks for any number of messages.
    pub fn deliver(messages: &[MessageId]) -> Vec<Self> {
        let chunks = messages.chunks(MESSAGES_PER_TASK_MAX);
        chunks.map(|chunk| Self::DeliverV1 { messages: chunk.to_vec() }).collect()
    }

    /// Returns tasks for any number of contacts.
    pub fn due(contacts: &[ContactId]) -> Vec<Self> {
        let chunks = contacts.chunks(CONTACTS_PER_TASK_MAX);
        chunks.map(|chunk| Self::DueV1 { contacts: chunk.to_vec() }).collect()
    }

    /// Returns one task per contact.
    pub fn alone(contacts: Vec<ContactId>) -> Vec<Self> {
        contacts.into_iter().map(|contact| Self::AloneV1 { contact }).collect()
    }
}

/// Returns tasks for the messages that the decisions queued.
pub fn deliveries(decisions: &[Decision]) -> Vec<Work> {
    let ids: Vec<MessageId> =
        decisions.iter().flat_map(Decision::queued).map(|message| message.id.clone()).collect();
    Work::deliver(&ids)
}
