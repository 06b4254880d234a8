//! A change: one thing that a decision writes. All changes of a decision are written in one atomic
//! batch, or none is.

use crate::domain::base::primitives::KindId;
use crate::domain::base::primitives::{
    CampaignId, Channel, ListId, MessageId, Millis, QualifiedId, RecordId,
};
use crate::domain::base::token::Keyring;
use crate::domain::contact::address::shown;
use crate::domain::contact::consent::ConsentRecord;
use crate::domain::contact::message::SmsCost;
use crate::domain::contact::message::{DeliveryTimestamps, Message, MessageState};
use crate::domain::contact::position::Position;
use crate::domain::contact::suppression::{Release, Suppression};
use crate::domain::kind::Settled;
use crate::domain::record::enrollment::{Enrollment, HourlyQuota};
use crate::domain::record::event::{Event, Properties};
use crate::domain::record::list::Membership;
use crate::domain::search::Words;

/// One thing to write about the contact of the decision.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Append an event; `key` makes repeated reports of it count once.
    Event {
        /// The event, with its sequence number.
        event: Event,
        /// The event's idempotency key.
        key: Option<String>,
        /// A hash of the reported content, if the reporter chose the key.
        content: Option<String>,
    },
    /// Write the current state of an enrollment.
    Enrollment(Enrollment),
    /// Reserve a start in one hour of a journey that limits its starts per hour.
    ReserveSlot {
        journey: QualifiedId,
        /// The hour, with this reservation and all before it.
        quota: HourlyQuota,
        /// The most starts in an hour.
        people: u32,
    },
    /// Enter a segment.
    EnterSegment(QualifiedId, Millis),
    /// Leave a segment.
    LeaveSegment(QualifiedId),
    /// Join a list; one that does not exist begins to.
    JoinList(ListId, Membership),
    /// Correct the date and source of a membership.
    PutMembership(ListId, Membership),
    /// Leave a list.
    LeaveList(ListId),
    /// Add a queued message to the ledger.
    Queue(Box<Message>),
    /// Update a message in the ledger.
    Message(MessageId, MessagePatch),
    /// Reclassify opens and clicks of a message.
    Reclassify {
        id: MessageId,
        /// When a person first opened the message, as reclassified.
        opened_at: Option<Millis>,
        /// When a person first clicked in the message, as reclassified.
        clicked_at: Option<Millis>,
        /// The events by sequence number, with their new properties.
        events: Vec<(i64, Properties)>,
    },
    /// Add an entry to the consent ledger.
    Consent(ConsentRecord),
    /// Skip the queued messages that depended on a withdrawn consent.
    SkipQueued(Withdrawal),
    /// Lift the suppression of an address.
    Release(Release),
    /// Suppress an address; an existing stricter suppression stays.
    Suppress(Suppression),
    /// Credit a conversion.
    Convert(Conversion),
    /// Move a counter.
    Count(Count),
    /// Change the entries of the record in the indexes of its kind.
    Index(KindId, Settled),
    /// Give the record of this kind these words to be found by, and no others.
    Words(KindId, Words),
    /// Take or change a position at a company.
    SetPosition(Position),
    /// End the position at a company.
    EndPosition(RecordId),
    /// Note the company that the contact has named, to be found or made; `None`: that is done.
    NameCompany(Option<String>),
    /// Decide again about the people of this company, because rules ask about it.
    WakePeople,
    /// The record has another parent: the batch is refused if that makes a circle.
    CheckParent,
    /// Take over the enrollments and messages of this contact, which is merged into the decision's.
    TakeOver(RecordId),
    /// Take over the people of this company, which is merged into the decision's.
    TakeOverPeople(RecordId),
    /// Clear everything that identifies the contact from its rows; these were its addresses.
    Erase(Vec<ErasedAddress>),
}

/// What changes of a message in the ledger; what is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MessagePatch {
    pub state: Option<MessageState>,
    /// The reason, for messages that were skipped, failed or bounced. It is written with the state.
    pub reason: String,
    /// The provider's own id, once the message is accepted.
    pub provider_id: Option<String>,
    /// When a person first opened the message.
    pub opened_at: Option<Millis>,
    /// When a person first clicked in the message.
    pub clicked_at: Option<Millis>,
    /// The times of facts reported for the first time.
    pub reported: DeliveryTimestamps,
    /// The cost, if it has changed.
    pub spent: Option<SmsCost>,
}

/// An address of an erased contact: only its hash is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct ErasedAddress {
    /// The kind: one of `KINDS`.
    pub kind: &'static str,
    /// The address itself, which is not kept.
    pub address: String,
    /// The keyed hash that replaces the address.
    pub hash: String,
}

impl ErasedAddress {
    /// The kinds of addresses, as the suppression list names them; two are also channels.
    pub const KINDS: [&str; 3] = ["email", "sms", "external_id"];

    pub fn new(kind: &'static str, address: &str, keys: &Keyring) -> Self {
        let hash = Self::hashes(kind, address, keys).swap_remove(0);
        Self { kind, address: address.to_owned(), hash }
    }

    /// Returns the hashes under which an address may be stored: one for each key, the current key's
    /// first. Each begins with `#`, which no address does. A domain in its own script is hashed
    /// too, as was done before addresses had a single form.
    pub fn hashes(kind: &str, address: &str, keys: &Keyring) -> Vec<String> {
        let before = Some(shown(address)).filter(|before| before != address);
        let spellings = [Some(address), before.as_deref()].into_iter().flatten();
        let hashes = spellings.flat_map(|one| keys.pseudonyms(&format!("erased {kind}"), one));
        hashes.map(|hash| format!("#{hash}")).collect()
    }
}

/// A consent that was withdrawn, and the messages it concerns.
#[derive(Clone, Debug, PartialEq)]
pub struct Withdrawal {
    pub channel: Channel,
    pub purpose: String,
    /// `Contact::message_prefixes`.
    pub message_prefixes: Vec<String>,
}

/// A goal that was reached, and what it is credited to.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversion {
    /// The number of the `goal.reached` event.
    pub seq: i64,
    pub campaign: CampaignId,
    pub at: Millis,
    /// The value in minor units of `currency`.
    pub value: i64,
    /// The ISO 4217 code.
    pub currency: String,
    /// The credited channel.
    pub channel: String,
    /// The credited `<page>/<variant>`.
    pub part: String,
}

/// What counters count. Each can be rebuilt from the rows named with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// First visits (`visits`).
    Visitors,
    /// First submissions of contacts to the campaign (`form.submitted` with `lead: true`).
    Leads,
    /// Contacts that the campaign created (`form.submitted` with `new: true`).
    Contacts,
    /// Accepted messages (`message.sent`).
    Sent,
    /// Delivered messages (`message.delivered`).
    Delivered,
    /// Messages opened by a person, each once (`message.opened` with `first: true`, and
    /// `message.clicked` with `opened: true`).
    Opened,
    /// Messages clicked by a person, each once (`message.clicked` with `first: true`).
    Clicked,
    /// SMS segments that were sent (`message.sent` and `message.charged` with `sms_segments`).
    Segments,
    /// The cost of those segments, in millionths of the campaign's currency (the same events with
    /// `cost_micros`).
    MessageCost,
    /// Opens by bots, each counted (`message.opened` with `machine: true`).
    MachineOpens,
    /// Clicks by bots, each counted (`message.clicked` with `machine: true`).
    MachineClicks,
    /// Bounced messages, each once (`message.bounced`).
    Bounced,
    /// Bounces because of an invalid address (`message.bounced` with `kind: "hard"`).
    HardBounced,
    /// Bounces because of the sender or the message (`kind: "block"`).
    Blocked,
    /// Messages marked as spam, each once (`message.complained`).
    Complained,
    /// Messages that led to an unsubscribe, each once (`message.unsubscribed`).
    Unsubscribed,
    /// Goals reached (`conversions`).
    Conversions,
    /// The value of conversions in minor units of the campaign's currency (`conversions`).
    Revenue,
    /// Contacts for whom a broadcast was queued (`broadcast.queued`).
    Recipients,
    /// Contacts of the segment who were left out, by reason (`broadcast.skipped`).
    Excluded,
    /// Recipients who reached the goal afterwards, each once (`broadcast.converted` with
    /// `first: true`).
    Converted,
    /// The value of their goals, in minor units of the campaign's currency (`broadcast.converted`).
    Earned,
}

impl Metric {
    /// Returns the name used in the database and in reports.
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

/// A change of a counter.
#[derive(Clone, Debug, PartialEq)]
pub struct Count {
    pub campaign: CampaignId,
    pub metric: Metric,
    /// The source of visitors; for messages the channel.
    pub channel: String,
    /// `<page>/<variant>`; for messages the template, or `broadcast:<name>/<variant>`.
    pub part: String,
    /// The UTC day.
    pub day: String,
    pub by: i64,
}
