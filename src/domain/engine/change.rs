//! A change: one thing that a decision wants written. All changes of a decision are written in
//! one atomic batch, or none is.

use crate::domain::base::primitives::{
    CampaignId, Channel, ContactId, MessageId, Millis, QualifiedId,
};
use crate::domain::base::token::Keyring;
use crate::domain::contact::address::shown;
use crate::domain::contact::consent::ConsentRecord;
use crate::domain::contact::enrollment::Enrollment;
use crate::domain::contact::event::{Event, Properties};
use crate::domain::contact::message::SmsCost;
use crate::domain::contact::message::{DeliveryTimestamps, Message, MessageState};
use crate::domain::contact::suppression::{Release, Suppression};

/// One thing to write about the contact that was decided on.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Append an event; `key` makes it happen once however often it is told.
    Event {
        /// The event, with its number.
        event: Event,
        /// Its idempotency key.
        key: Option<String>,
        /// A hash of what was told under the key, where others chose it.
        content: Option<String>,
    },
    /// Write an enrollment as it stands now.
    Enrollment(Enrollment),
    /// Take a place in an hour of a journey that so many people may begin in an hour.
    TakePlace {
        /// The journey.
        journey: QualifiedId,
        /// The hour, since 1970.
        hour: i64,
        /// How many may begin in it.
        people: u32,
    },
    /// Enter a segment.
    EnterSegment(QualifiedId, Millis),
    /// Leave a segment.
    LeaveSegment(QualifiedId),
    /// Put a message into the ledger, queued.
    Queue(Box<Message>),
    /// Move a message on in the ledger.
    Message {
        /// Which.
        id: MessageId,
        /// To which state; `None` leaves it.
        state: Option<MessageState>,
        /// Why, for those that were skipped, failed or came back.
        reason: String,
        /// The provider's own id, once accepted.
        provider_id: Option<String>,
        /// When a person first opened it.
        opened_at: Option<Millis>,
        /// When a person first clicked in it.
        clicked_at: Option<Millis>,
        /// What was heard of it for the first time.
        heard: DeliveryTimestamps,
        /// What it took, if that is news.
        spent: Option<SmsCost>,
    },
    /// Give openings and clicks of a message another verdict.
    Rejudge {
        /// The message.
        id: MessageId,
        /// When a person first opened it, by the new verdicts.
        opened_at: Option<Millis>,
        /// When a person first clicked in it, by the new verdicts.
        clicked_at: Option<Millis>,
        /// The events by number, and their properties with the new verdicts.
        events: Vec<(i64, Properties)>,
    },
    /// Add an entry to the consent ledger.
    Consent(ConsentRecord),
    /// Skip the messages that wait to be sent by the right of a consent that was taken back.
    SkipQueued(Withdrawal),
    /// Lift the suppression of an address.
    Release(Release),
    /// Suppress an address; a stricter suppression of it that is there already stays.
    Suppress(Suppression),
    /// Credit a conversion.
    Convert(Conversion),
    /// Move a counter.
    Count(Count),
    /// Take over the passages and messages of this contact: it is merged into the one decided on.
    TakeOver(ContactId),
    /// Empty every row about the contact of what tells who it was; these were its addresses.
    Erase(Vec<ErasedAddress>),
}

/// An address of somebody who was erased: only its hash is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct ErasedAddress {
    /// What it is: one of `KINDS`.
    pub kind: &'static str,
    /// The address itself, to be forgotten.
    pub address: String,
    /// The keyed hash by which it is known from now on.
    pub hash: String,
}

impl ErasedAddress {
    /// The kinds of addresses, as the suppression list names them: two are channels.
    pub const KINDS: [&str; 3] = ["email", "sms", "external_id"];

    /// One of these kinds.
    pub fn new(kind: &'static str, address: &str, keys: &Keyring) -> Self {
        let hash = Self::hashes(kind, address, keys).swap_remove(0);
        Self { kind, address: address.to_owned(), hash }
    }

    /// The hashes by which an address may be known: one a key, the present one's first. No address
    /// begins with their sign. A domain in its own letters is what was hashed before addresses had
    /// one form.
    pub fn hashes(kind: &str, address: &str, keys: &Keyring) -> Vec<String> {
        let before = Some(shown(address)).filter(|before| before != address);
        let spellings = [Some(address), before.as_deref()].into_iter().flatten();
        let hashes = spellings.flat_map(|one| keys.pseudonyms(&format!("erased {kind}"), one));
        hashes.map(|hash| format!("#{hash}")).collect()
    }
}

/// A consent that was taken back, and whose messages it concerns.
#[derive(Clone, Debug, PartialEq)]
pub struct Withdrawal {
    /// The channel.
    pub channel: Channel,
    /// The purpose.
    pub purpose: String,
    /// What the ids of the contact's messages begin with: its passages, and the contact itself.
    pub begun_by: Vec<String>,
}

/// A goal that was reached, and what it is credited to.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversion {
    /// The number of the `goal.reached` event.
    pub seq: i64,
    /// The campaign.
    pub campaign: CampaignId,
    /// When.
    pub at: Millis,
    /// What it is worth in minor units of `currency`.
    pub value: i64,
    /// ISO 4217.
    pub currency: String,
    /// The credited channel.
    pub channel: String,
    /// The credited `<page>/<variant>`.
    pub part: String,
}

/// What counters count. Each can be rebuilt from the rows named beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// First visits (`visits`).
    Visitors,
    /// Contacts' first submissions to the campaign (`form.submitted` with `lead: true`).
    Leads,
    /// Contacts first heard of through the campaign (`form.submitted` with `new: true`).
    Contacts,
    /// Messages accepted (`message.sent`).
    Sent,
    /// Messages arrived (`message.delivered`).
    Delivered,
    /// Messages opened by a person, each once (`message.opened` with `first: true`, and
    /// `message.clicked` with `opened: true`).
    Opened,
    /// Messages clicked by a person, each once (`message.clicked` with `first: true`).
    Clicked,
    /// Segments of text messages that were sent (`message.sent` and `message.charged` with
    /// `sms_segments`).
    Segments,
    /// What they cost, in millionths of the campaign's currency (the same with `cost_micros`).
    MessageCost,
    /// Openings that are machines', each of them (`message.opened` with `machine: true`).
    MachineOpens,
    /// Clicks that are machines', each of them (`message.clicked` with `machine: true`).
    MachineClicks,
    /// Messages that came back, each once (`message.bounced`).
    Bounced,
    /// Those among them whose address is no good (`message.bounced` with `kind: "hard"`).
    HardBounced,
    /// Those that were refused for the sender's sake, or the message's (`kind: "block"`).
    Blocked,
    /// Messages called spam, each once (`message.complained`).
    Complained,
    /// Messages by which somebody unsubscribed, each once (`message.unsubscribed`).
    Unsubscribed,
    /// Goals reached (`conversions`).
    Conversions,
    /// Their value in minor units of the campaign's currency (`conversions`).
    Revenue,
    /// Contacts to whom a broadcast was queued (`broadcast.queued`).
    Recipients,
    /// Contacts of its segment who were left out, by the reason (`broadcast.skipped`).
    Excluded,
    /// Recipients who reached the goal afterwards, each once (`broadcast.converted` with
    /// `first: true`).
    Converted,
    /// What they brought, in minor units of the campaign's currency (`broadcast.converted`).
    Earned,
}

impl Metric {
    /// The word in the database and in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Visitors => "visitors",
            Self::Leads => "leads",
            Self::Contacts => "contacts",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Opened => "opened",
            Self::Clicked => "clicked",
            Self::Segments => "segments",
            Self::MessageCost => "message_cost",
            Self::MachineOpens => "machine_opens",
            Self::MachineClicks => "machine_clicks",
            Self::Bounced => "bounced",
            Self::HardBounced => "hard_bounced",
            Self::Blocked => "blocked",
            Self::Complained => "complained",
            Self::Unsubscribed => "unsubscribed",
            Self::Conversions => "conversions",
            Self::Revenue => "revenue",
            Self::Recipients => "recipients",
            Self::Excluded => "excluded",
            Self::Converted => "converted",
            Self::Earned => "earned",
        }
    }
}

/// A step of a counter.
#[derive(Clone, Debug, PartialEq)]
pub struct Count {
    /// The campaign it belongs to.
    pub campaign: CampaignId,
    /// What is counted.
    pub metric: Metric,
    /// The source of visitors, or for messages the channel they travel on.
    pub channel: String,
    /// `<page>/<variant>`; for messages the template, or `broadcast:<name>/<variant>`.
    pub part: String,
    /// The UTC day.
    pub day: String,
    /// By how much.
    pub by: i64,
}
