//! An input: one thing that happened to a record, about which a decision is made. Not here: what
//! follows from it (`apply`, and a file for each larger kind of input).

use super::engagement;
use crate::domain::base::primitives::{
    CampaignId, Channel, ListId, MessageId, Millis, QualifiedId, RecordId,
};
use crate::domain::campaign::broadcast::{BroadcastRecipient, turn_key};
use crate::domain::contact::claim::Claims;
use crate::domain::contact::message::SmsCost;
use crate::domain::contact::position::{PositionEdit, PositionSource};
use crate::domain::contact::suppression::{Release, Suppression};
use crate::domain::contact::touch;
use crate::domain::form::ConsentCheckbox;
use crate::domain::import::row::ImportedRow;
use crate::domain::inbound::custom_event::CustomEvent;
use crate::domain::inbound::delivery_report::DeliveryReport;
use crate::domain::inbound::engagement::Engagement;
use crate::domain::inbound::sms::InboundSms;
use crate::domain::record::edit::Edit;
use crate::domain::record::event::{POSITION_EVENTS, Properties};
use crate::domain::record::list::Listing;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What happened to a record of any kind.
#[derive(Clone, Debug, PartialEq)]
pub enum RecordInput {
    /// Nothing but time passing.
    TimePassed,
    /// The customer's own system reported an event through the API.
    CustomEvent(CustomEvent),
    /// An event was reported under an id that was already used for another event.
    Conflicted(CustomEvent),
    /// Somebody sets fields of it.
    Edited(Box<Edit>),
    /// Somebody puts it on a list, or takes it off.
    Listed(Box<Listing>),
    /// A row of an import is about it.
    Imported(Box<ImportedRow>),
}

impl RecordInput {
    /// Returns the idempotency key; `None` if applying the input twice changes nothing.
    pub fn key(&self) -> Option<String> {
        match self {
            Self::CustomEvent(reported) => Some(reported.key.clone()),
            Self::Conflicted(reported) => reported.conflict_key(),
            Self::Edited(edit) => edit.key.clone(),
            Self::Listed(listing) => listing.key.clone(),
            Self::Imported(row) => row.edit.key.clone(),
            Self::TimePassed => None,
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
}

/// What happened to a contact.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// What happens to records of any kind.
    Record(RecordInput),
    /// A form was sent.
    Submitted(Box<Submitted>),
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
    /// Somebody says what position the contact has at a company.
    Positioned(PositionEdit),
    /// Somebody says that the contact is no longer at a company.
    LeftCompany { company: RecordId, by: PositionSource },
    /// The company that the contact had named is found or made; `None` if it cannot be.
    CompanyFound {
        /// The name, as the contact typed it.
        name: String,
        company: Option<RecordId>,
    },
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
            Self::Record(input) => input.key(),
            Self::Delivered { message, attempt, .. } => {
                Some(format!("delivery:{message}:{attempt}"))
            }
            Self::Engaged(engagement) => Some(engagement.key.clone()),
            Self::Broadcast(turn) => Some(turn_key(&turn.id(), &turn.contact)),
            Self::DeliveryReport(_, report) => report.key.clone(),
            Self::TestSendRequested(test) => Some(test.message.0.clone()),
            Self::InboundSms(sms) => Some(sms.key()),
            Self::Reclassified(_)
            | Self::Confirmed { .. }
            | Self::Chose(_)
            | Self::Suppressed(_)
            | Self::Released(_)
            | Self::Positioned(_)
            | Self::LeftCompany { .. }
            | Self::CompanyFound { .. }
            | Self::Unsubscribed { .. } => None,
        }
    }

    /// Returns every key under which the input may be recorded.
    pub fn keys(&self) -> impl Iterator<Item = String> {
        let conflict = self.reported().and_then(CustomEvent::conflict_key);
        self.key().into_iter().chain(conflict)
    }

    /// Returns it as what may happen to a record of any kind; `None` if only a contact has that.
    pub fn of_any_record(self) -> Option<RecordInput> {
        match self {
            Self::Record(input) => Some(input),
            _ => None,
        }
    }

    /// Returns the event that a customer's own system reported.
    pub fn reported(&self) -> Option<&CustomEvent> {
        match self {
            Self::Record(RecordInput::CustomEvent(reported)) => Some(reported),
            _ => None,
        }
    }

    /// Returns a hash of the reported content, if the reporter chose the key.
    pub fn content(&self) -> Option<&String> {
        self.reported()?.content.as_ref()
    }

    /// Returns the properties that a customer's own system reported.
    pub fn properties(&self) -> Option<&Properties> {
        self.reported().map(|reported| &reported.properties)
    }

    /// Returns the names of the events that the decision needs, besides those that rules refer to.
    pub fn required_history(&self) -> &'static [&'static str] {
        match self {
            Self::Engaged(_) | Self::Reclassified(_) => &engagement::REQUIRED_HISTORY,
            Self::Positioned(_) | Self::LeftCompany { .. } | Self::CompanyFound { .. } => {
                &POSITION_EVENTS
            }
            _ => &[],
        }
    }

    /// Returns the company that the decision needs.
    pub fn company(&self) -> Option<&RecordId> {
        match self {
            Self::Positioned(edit) => Some(&edit.company),
            Self::CompanyFound { company, .. } => company.as_ref(),
            _ => None,
        }
    }

    /// Returns when it happened, if the input says so.
    pub fn at(&self) -> Option<Millis> {
        match self {
            Self::Submitted(submitted) => Some(submitted.at),
            Self::Record(
                RecordInput::CustomEvent(reported) | RecordInput::Conflicted(reported),
            ) => Some(reported.at),
            Self::Record(RecordInput::Imported(row)) => Some(row.at),
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
    /// The list that the form is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<ListId>,
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
