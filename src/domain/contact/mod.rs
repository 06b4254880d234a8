//! A contact: one person we may address, with everything a decision about them needs.

pub mod address;
pub mod claim;
pub mod consent;
pub mod country;
pub mod enrollment;
pub mod event;
pub mod message;
pub mod phone;
pub mod suppression;
pub mod touch;

use crate::domain::base::primitives::{
    CampaignId, Channel, ContactId, MessageId, Millis, QualifiedId,
};
use crate::domain::contact::consent::{Consent, ConsentState};
use crate::domain::contact::enrollment::{Enrollment, EnrollmentState, HourlyQuota};
use crate::domain::contact::event::Event;
use crate::domain::contact::message::Message;
use crate::domain::contact::suppression::{Suppression, SuppressionReason};
use crate::domain::contact::touch::Touch;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// How many of a contact's newest events rules look at.
pub const HISTORY_EVENTS_MAX: i64 = 1_000;

/// The attribute that says that a contact's openings and clicks are not to be followed: `true`, or
/// `"true"` as a form's field has it.
pub const DO_NOT_TRACK: &str = "do_not_track";

/// A contact as it stood at event `seq`.
#[derive(Clone, Debug, PartialEq)]
pub struct Contact {
    /// Its id.
    pub id: ContactId,
    /// The number of its newest event; 0 before the first.
    pub seq: i64,
    /// Its e-mail address, in our normal form; one contact an address.
    pub email: Option<String>,
    /// Its phone number in E.164; one contact a number.
    pub phone: Option<String>,
    /// Its id in the customer's own system.
    pub external_id: Option<String>,
    /// What else is known: text, numbers, true or false, lists of text.
    pub attributes: BTreeMap<String, Value>,
    /// Labels.
    pub tags: BTreeSet<String>,
    /// The lead score.
    pub score: i64,
    /// Its language (BCP 47).
    pub locale: Option<String>,
    /// Its IANA time zone.
    pub time_zone: Option<String>,
    /// Its last word on each purpose and channel.
    pub consents: Vec<Consent>,
    /// When the newest confirmation mails left, or are to leave, oldest first.
    pub confirmation_mails: Vec<Millis>,
    /// The same of contacts whose addresses are other spellings of its mailbox.
    pub mails_to_mailbox: Vec<Millis>,
    /// The channels on which its address must not be written to, and why.
    pub suppressed: BTreeMap<Channel, Suppression>,
    /// The messages that came back in a row on each channel, from an address that may work another
    /// day; a channel on which nothing was heard yet has none.
    pub soft_bounces: BTreeMap<Channel, SoftBounces>,
    /// Its touch with each campaign.
    pub touches: Vec<Touch>,
    /// Its passages through journeys: those under way, and the newest ended ones.
    pub enrollments: Vec<Enrollment>,
    /// The segments it is in, and since when.
    pub segments: BTreeMap<QualifiedId, Millis>,
    /// Its newest events, of the names that some rule or journey asks about, oldest first.
    pub history: Vec<Event>,
    /// The newest busy hour of each limited journey: the places that others have taken.
    pub busy_hours: BTreeMap<QualifiedId, HourlyQuota>,
    /// The ledger rows of the messages that something just happened to.
    pub messages: BTreeMap<MessageId, Message>,
    /// The earliest moment at which time alone may change something about it.
    pub wake_at: Option<Millis>,
    /// When it was first heard of.
    pub created_at: Millis,
    /// When it was erased: nothing more is decided about it.
    pub erased_at: Option<Millis>,
    /// Whom it was before: the contacts that were merged into it.
    pub aliases: Vec<Alias>,
}

/// The row of a contact that was merged into another: its id and addresses lead there.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Alias {
    /// Its id.
    pub id: ContactId,
    /// The number of its newest event.
    pub seq: i64,
    /// An e-mail address of the person that nothing is sent to.
    pub email: Option<String>,
    /// A number of the person that nothing is sent to.
    pub phone: Option<String>,
    /// A former id in the customer's own system.
    pub external_id: Option<String>,
}

/// Messages that came back in a row, with none in between that arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SoftBounces {
    /// How many.
    pub count: u32,
    /// When the last of them came back.
    pub last_at: Millis,
    /// When a message last arrived: what came back before it, and is told after it, is no news.
    pub arrived_at: Millis,
    /// How many were refused for good in words that nobody understands.
    #[serde(default)]
    pub refused: u32,
}

impl SoftBounces {
    /// One more has come back; whether it counts.
    pub fn add(&mut self, at: Millis) -> bool {
        self.last_at = self.last_at.max(at);
        let counts = at > self.arrived_at;
        self.count = self.count.saturating_add(counts.into());
        counts
    }

    /// One more was refused in words that nobody understands; how many there are now, without one
    /// that came back before another arrived.
    pub fn refuse(&mut self, at: Millis) -> u32 {
        self.last_at = self.last_at.max(at);
        let counts = at > self.arrived_at;
        self.refused = self.refused.saturating_add(counts.into());
        if counts { self.refused } else { 0 }
    }

    /// A message has arrived: what came back before it no longer counts.
    pub fn end(&mut self, at: Millis) {
        self.arrived_at = self.arrived_at.max(at);
        if self.last_at <= self.arrived_at {
            (self.count, self.refused) = (0, 0);
        }
    }
}

impl Contact {
    /// Whether nothing is known of it but its addresses.
    pub fn is_blank(&self) -> bool {
        self.attributes.is_empty() && self.consents.is_empty() && self.touches.is_empty()
    }

    /// Somebody we have never heard of.
    pub fn unknown(id: ContactId, now: Millis) -> Self {
        Self {
            id,
            seq: 0,
            email: None,
            phone: None,
            external_id: None,
            attributes: BTreeMap::new(),
            tags: BTreeSet::new(),
            score: 0,
            locale: None,
            time_zone: None,
            consents: Vec::new(),
            confirmation_mails: Vec::new(),
            mails_to_mailbox: Vec::new(),
            suppressed: BTreeMap::new(),
            soft_bounces: BTreeMap::new(),
            touches: Vec::new(),
            enrollments: Vec::new(),
            segments: BTreeMap::new(),
            history: Vec::new(),
            busy_hours: BTreeMap::new(),
            messages: BTreeMap::new(),
            wake_at: None,
            created_at: now,
            erased_at: None,
            aliases: Vec::new(),
        }
    }

    /// Whether this is its id, or was the id of a contact that was merged into it.
    pub fn is_known_as(&self, id: &ContactId) -> bool {
        self.id == *id || self.aliases.iter().any(|alias| alias.id == *id)
    }

    /// Whether a contact that was merged into it had one of these addresses; nobody else can.
    pub fn had(&self, is_it: impl Fn(&Alias) -> bool) -> bool {
        self.aliases.iter().any(is_it)
    }

    /// The value of an attribute; the contact's own fields have names among them.
    pub fn attribute(&self, name: &str) -> Option<Value> {
        let text = |field: &Option<String>| field.clone().map(Value::String);
        match name {
            "email" => text(&self.email),
            "phone" => text(&self.phone),
            "external_id" => text(&self.external_id),
            "locale" => text(&self.locale),
            "time_zone" => text(&self.time_zone),
            "score" => Some(Value::from(self.score)),
            _ => self.attributes.get(name).filter(|value| !value.is_null()).cloned(),
        }
    }

    /// Sets an attribute, or one of the fields a journey may set; addresses are not among them.
    pub fn set_attribute(&mut self, name: &str, value: Value) {
        match (name, &value) {
            ("locale", Value::String(text)) => self.locale = Some(text.clone()),
            ("time_zone", Value::String(text)) => self.time_zone = Some(text.clone()),
            ("email" | "phone" | "external_id" | "score", _) => {}
            _ => {
                self.attributes.insert(name.to_owned(), value);
            }
        }
    }

    /// Where it stands with a purpose on a channel, if it ever said anything.
    pub fn consent(&self, channel: Channel, purpose: &str) -> Option<&Consent> {
        self.consents.iter().find(|c| c.channel == channel && c.purpose == purpose)
    }

    /// Whether only the owner of the address on a channel can agree to this purpose there: it was
    /// taken back, everything on the channel was, or the address is suppressed for that.
    pub fn has_refused(&self, channel: Channel, purpose: &str) -> bool {
        let suppressed = self.suppressed.get(&channel);
        let said = || self.consents.iter().filter(|consent| consent.channel == channel);
        suppressed.is_some_and(|known| known.reason == SuppressionReason::Unsubscribed)
            || self.consent(channel, purpose).is_some_and(Consent::is_refused)
            || said().next().is_some() && said().all(Consent::is_refused)
    }

    /// Its address on a channel.
    pub fn address_on(&self, channel: Channel) -> Option<&String> {
        match channel {
            Channel::Email => self.email.as_ref(),
            Channel::Sms => self.phone.as_ref(),
            Channel::Webhook => None,
        }
    }

    /// Whether its consent covers a message for this purpose on this channel.
    pub fn may_be_sent(&self, channel: Channel, purpose: &str) -> bool {
        self.consent(channel, purpose).is_some_and(Consent::allows)
    }

    /// Whether its owner has proved the address on a channel: by the link of a confirmation mail,
    /// of the preference page, or by a text from the number.
    pub fn is_proved(&self, channel: Channel) -> bool {
        let mut said = self.consents.iter().filter(|consent| consent.channel == channel);
        said.any(|consent| consent.state == ConsentState::Confirmed)
    }

    /// Whether it wants its openings and clicks to be followed by nobody.
    pub fn refuses_tracking(&self) -> bool {
        let said = self.attributes.get(DO_NOT_TRACK);
        said.is_some_and(|said| *said == Value::Bool(true) || said.as_str() == Some("true"))
    }

    /// Replaces what it said about the same purpose and channel.
    pub fn put_consent(&mut self, consent: Consent) {
        self.consents.retain(|c| c.channel != consent.channel || c.purpose != consent.purpose);
        self.consents.push(consent);
    }

    /// The newest passage through a journey.
    pub fn last_passage(&self, campaign: &CampaignId, journey: &str) -> Option<&Enrollment> {
        self.enrollments
            .iter()
            .filter(|e| e.is_of(campaign, journey))
            .max_by_key(|e| (e.state == EnrollmentState::Active, e.entered_at))
    }
}

/// Why the passages and the waiting messages of an erased contact have ended.
pub const ERASED: &str = "erased";
