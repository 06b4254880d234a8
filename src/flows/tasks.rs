//! The tasks that the queues carry. Each task is tagged and versioned, because tasks of an older
//! deployment may still be in a queue when a newer one runs.

use crate::domain::base::primitives::{MessageId, QualifiedId, RecordId};
use crate::domain::engine::{Decision, Submitted};
use crate::domain::inbound::custom_event::CustomEvent;
use crate::domain::inbound::delivery_report::DeliveryReport;
use crate::domain::inbound::engagement::Engagement;
use crate::domain::inbound::sms::InboundSms;
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
    EngagementV1(Engagement),
    /// The customer's own system reported an event, and named its contact in one of these ways.
    #[serde(rename = "report_v1")]
    CustomEventV1 {
        /// The contact's e-mail address, in normal form.
        email: Option<String>,
        /// The contact's number, in E.164.
        phone: Option<String>,
        /// The customer's own id of the contact.
        external_id: Option<String>,
        /// Our id of the contact.
        contact_id: Option<RecordId>,
        event: CustomEvent,
    },
    /// A provider reported what became of a message.
    #[serde(rename = "heard_v1")]
    DeliveryReportV1 {
        /// The message, if the provider returned our id; otherwise the report has the provider's.
        message: Option<MessageId>,
        #[serde(rename = "heard")]
        report: DeliveryReport,
    },
    /// An inbound SMS arrived.
    #[serde(rename = "text_v1")]
    InboundSmsV1(InboundSms),
    /// A form submission that the overloaded database could not take.
    SubmissionV1(Box<Submitted>),
}

/// Hints about what to do; the next tick finds the work of a lost hint again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Work {
    /// These contacts are due.
    DueV1 {
        /// At most `CONTACTS_PER_TASK_MAX`.
        contacts: Vec<RecordId>,
    },
    /// This contact is due, and the previous attempt had no result.
    AloneV1 { contact: RecordId },
    /// The next recipients of a broadcast are due.
    BroadcastV1 {
        /// `<campaign>.<name>`.
        broadcast: QualifiedId,
    },
    /// An import is to go on.
    ImportV1 { import: String },
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
    pub fn due(contacts: &[RecordId]) -> Vec<Self> {
        let chunks = contacts.chunks(CONTACTS_PER_TASK_MAX);
        chunks.map(|chunk| Self::DueV1 { contacts: chunk.to_vec() }).collect()
    }

    /// Returns one task per contact.
    pub fn alone(contacts: Vec<RecordId>) -> Vec<Self> {
        contacts.into_iter().map(|contact| Self::AloneV1 { contact }).collect()
    }
}

/// Returns tasks for the messages that the decisions queued.
pub fn deliveries(decisions: &[Decision]) -> Vec<Work> {
    let ids: Vec<MessageId> =
        decisions.iter().flat_map(Decision::queued).map(|message| message.id.clone()).collect();
    Work::deliver(&ids)
}
