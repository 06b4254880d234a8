//! A contact: a record that can be written to, one person with addresses and consents. Not here:
//! what it shares with other records (`record`), and the decisions themselves (`engine`).

pub mod address;
pub mod claim;
pub mod consent;
pub mod country;
pub mod free_mail;
pub mod message;
pub mod message_source;
pub mod phone;
pub mod position;
pub mod suppression;
pub mod touch;

use crate::domain::base::primitives::{Channel, KindId, Millis, RecordId};
use crate::domain::contact::consent::{Consent, ConsentState};
use crate::domain::contact::position::Position;
use crate::domain::contact::suppression::{Suppression, SuppressionReason};
use crate::domain::contact::touch::Touch;
use crate::domain::record::Record;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

/// The attribute that disables tracking of a contact's opens and clicks: `true`, or `"true"` as a
/// form field submits it.
pub const DO_NOT_TRACK: &str = "do_not_track";

/// A contact as of event `seq`.
#[derive(Clone, Debug, PartialEq)]
pub struct Contact {
    pub record: Record,
    /// The e-mail address in normal form. Each address belongs to one contact.
    pub email: Option<String>,
    /// The phone number in E.164. Each number belongs to one contact.
    pub phone: Option<String>,
    /// The contact's id in the customer's own system.
    pub external_id: Option<String>,
    /// The language (BCP 47).
    pub locale: Option<String>,
    /// The IANA time zone.
    pub time_zone: Option<String>,
    /// The current consent for each purpose and channel.
    pub consents: Vec<Consent>,
    /// When the newest confirmation e-mails left or are due to leave, oldest first.
    pub confirmation_mails: Vec<Millis>,
    /// The channels on which the address must not be written to, and why.
    pub suppressed: BTreeMap<Channel, Suppression>,
    /// Consecutive soft bounces by channel, from an address that may work another day. A channel
    /// without any delivery report yet has no entry.
    pub soft_bounces: BTreeMap<Channel, SoftBounces>,
    /// The touch with each campaign.
    pub touches: Vec<Touch>,
    /// The contacts that were merged into this one.
    pub aliases: Vec<Alias>,
    /// Where the contact works, if the deployment uses companies.
    pub positions: Vec<Position>,
    /// A company that the contact has named and that is still to be found or made.
    pub named_company: Option<String>,
}

/// A contact has all that a record has.
impl Deref for Contact {
    type Target = Record;

    fn deref(&self) -> &Record {
        &self.record
    }
}

impl DerefMut for Contact {
    fn deref_mut(&mut self) -> &mut Record {
        &mut self.record
    }
}

/// The row of a contact that was merged into another one. Its id and addresses lead to that one.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Alias {
    pub id: RecordId,
    /// The number of its newest event.
    pub seq: i64,
    /// An e-mail address of the person that nothing is sent to.
    pub email: Option<String>,
    /// A phone number of the person that nothing is sent to.
    pub phone: Option<String>,
    /// A former id in the customer's own system.
    pub external_id: Option<String>,
}

/// Consecutive bounces without a delivered message in between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SoftBounces {
    pub count: u32,
    /// When the last of them bounced.
    pub last_at: Millis,
    /// When a message was last delivered. A bounce dated before it is outdated, even if it is
    /// reported later.
    pub arrived_at: Millis,
    /// The number of permanent refusals whose wording is not recognized.
    #[serde(default)]
    pub refused: u32,
}

impl SoftBounces {
    /// Adds a bounce and returns whether it counts.
    pub fn add(&mut self, at: Millis) -> bool {
        self.last_at = self.last_at.max(at);
        let counts = at > self.arrived_at;
        self.count = self.count.saturating_add(counts.into());
        counts
    }

    /// Adds a refusal whose wording is not recognized. Returns the number of them, or 0 if this one
    /// is dated before a delivered message.
    pub fn refuse(&mut self, at: Millis) -> u32 {
        self.last_at = self.last_at.max(at);
        let counts = at > self.arrived_at;
        self.refused = self.refused.saturating_add(counts.into());
        if counts { self.refused } else { 0 }
    }

    /// Records a delivered message: bounces before it no longer count.
    pub fn end(&mut self, at: Millis) {
        self.arrived_at = self.arrived_at.max(at);
        if self.last_at <= self.arrived_at {
            (self.count, self.refused) = (0, 0);
        }
    }
}

impl Contact {
    /// Returns whether nothing but addresses is known about the contact.
    pub fn is_blank(&self) -> bool {
        self.attributes.is_empty() && self.consents.is_empty() && self.touches.is_empty()
    }

    /// Returns a new contact about which nothing is known.
    pub fn unknown(id: RecordId, now: Millis) -> Self {
        Self::of(Record::unknown(id, KindId::contact(), now))
    }

    /// Returns its record once it is erased or merged: an empty row.
    pub fn emptied(id: RecordId, seq: i64, created_at: Millis) -> Record {
        Record { seq, ..Record::unknown(id, KindId::contact(), created_at) }
    }

    /// Returns a contact of which nothing but the record is known.
    pub fn of(record: Record) -> Self {
        Self {
            record,
            email: None,
            phone: None,
            external_id: None,
            locale: None,
            time_zone: None,
            consents: Vec::new(),
            confirmation_mails: Vec::new(),
            suppressed: BTreeMap::new(),
            soft_bounces: BTreeMap::new(),
            touches: Vec::new(),
            aliases: Vec::new(),
            positions: Vec::new(),
            named_company: None,
        }
    }

    /// Returns whether this is its id, or was the id of a contact that was merged into it.
    pub fn is_known_as(&self, id: &RecordId) -> bool {
        self.id == *id || self.aliases.iter().any(|alias| alias.id == *id)
    }

    /// Returns what the ids of its messages begin with, before a point: the ids of its enrollments,
    /// its own, and those of contacts that were merged into it.
    pub fn message_prefixes(&self) -> Vec<&str> {
        let enrollments = self.enrollments.iter().map(|enrollment| enrollment.id.as_str());
        let contacts = self.aliases.iter().map(|alias| &alias.id).chain([&self.id]);
        enrollments.chain(contacts.map(RecordId::as_str)).collect()
    }

    /// Returns whether a contact that was merged into it had one of these addresses. No other
    /// contact can have them.
    pub fn had(&self, is_it: impl Fn(&Alias) -> bool) -> bool {
        self.aliases.iter().any(is_it)
    }

    /// Returns whether this is one of its addresses, or was one of a contact that was merged into
    /// it.
    pub fn is_at(&self, address: &str) -> bool {
        let own = [&self.email, &self.phone, &self.external_id];
        let former = self.aliases.iter().flat_map(|was| [&was.email, &was.phone, &was.external_id]);
        own.into_iter().chain(former).any(|one| one.as_deref() == Some(address))
    }

    /// Returns the value of an attribute. The names include the contact's own fields.
    pub fn attribute(&self, name: &str) -> Option<Value> {
        let text = |field: &Option<String>| field.clone().map(Value::String);
        match name {
            "email" => text(&self.email),
            "phone" => text(&self.phone),
            "external_id" => text(&self.external_id),
            "locale" => text(&self.locale),
            "time_zone" => text(&self.time_zone),
            "score" => Some(Value::from(self.score)),
            "owner" if self.owner.is_some() => self.owner.as_ref().map(|id| id.as_str().into()),
            _ => self.attributes.get(name).filter(|value| !value.is_null()).cloned(),
        }
    }

    /// Sets an attribute, or one of the fields that a journey may set. Addresses are not among
    /// them.
    pub fn set_attribute(&mut self, name: &str, value: Value) {
        match (name, &value) {
            ("locale", Value::String(text)) => self.locale = Some(text.clone()),
            ("time_zone", Value::String(text)) => self.time_zone = Some(text.clone()),
            ("email" | "phone" | "external_id" | "score", _) => {}
            _ => self.record.set_attribute(name, value),
        }
    }

    /// Sets a field or a column as an edit or an import asks.
    pub fn set_field(&mut self, name: &str, value: Value) {
        let text = || value.as_str().map(str::to_owned);
        match name {
            "email" => self.email = text(),
            "phone" => self.phone = text(),
            "external_id" => self.external_id = text(),
            "locale" => self.locale = text(),
            "time_zone" => self.time_zone = text(),
            _ => self.set_attribute(name, value),
        }
    }

    /// Returns whether a field has an address that an edit cannot replace: consents, suppressions
    /// and the links in messages are about the address that there is.
    pub fn keeps(&self, name: &str, new: &Value) -> bool {
        let kept = match name {
            "email" => self.email.as_deref(),
            "phone" => self.phone.as_deref(),
            _ => None,
        };
        kept.is_some_and(|kept| new.as_str() != Some(kept))
    }

    /// Returns the consent for a purpose on a channel, if any was ever recorded.
    pub fn consent(&self, channel: Channel, purpose: &str) -> Option<&Consent> {
        self.consents.iter().find(|c| c.channel == channel && c.purpose == purpose)
    }

    /// Returns whether only the owner of the address on a channel can agree to this purpose there:
    /// this consent was withdrawn, or the contact is unsubscribed from the channel.
    pub fn has_refused(&self, channel: Channel, purpose: &str) -> bool {
        self.consent(channel, purpose).is_some_and(Consent::is_refused)
            || self.is_unsubscribed(channel)
    }

    /// Returns whether every consent on a channel was withdrawn, or the address there is suppressed
    /// for unsubscribing.
    pub fn is_unsubscribed(&self, channel: Channel) -> bool {
        let suppressed = self.suppressed.get(&channel);
        let given = || self.consents.iter().filter(|consent| consent.channel == channel);
        suppressed.is_some_and(|known| known.reason == SuppressionReason::Unsubscribed)
            || given().next().is_some() && given().all(Consent::is_refused)
    }

    /// Returns whether the address on a channel is suppressed for a reason that its owner cannot
    /// lift.
    pub fn is_barred(&self, channel: Channel, now: Millis) -> bool {
        let suppressed = self.suppressed.get(&channel).filter(|known| known.holds(now));
        suppressed.is_some_and(|known| known.reason != SuppressionReason::Unsubscribed)
    }

    pub fn address_on(&self, channel: Channel) -> Option<&String> {
        match channel {
            Channel::Email => self.email.as_ref(),
            Channel::Sms => self.phone.as_ref(),
            Channel::Webhook => None,
        }
    }

    /// Returns whether its consent covers a message for this purpose on this channel.
    pub fn may_be_sent(&self, channel: Channel, purpose: &str) -> bool {
        self.consent(channel, purpose).is_some_and(Consent::allows)
    }

    /// Returns whether the owner has proved the address on a channel: by the link of a confirmation
    /// e-mail or of the preference page, or by an SMS from the number.
    pub fn is_proved(&self, channel: Channel) -> bool {
        let mut given = self.consents.iter().filter(|consent| consent.channel == channel);
        given.any(|consent| consent.state == ConsentState::Confirmed)
    }

    /// Returns whether the contact does not want its opens and clicks to be tracked.
    pub fn refuses_tracking(&self) -> bool {
        let given = self.attributes.get(DO_NOT_TRACK);
        given.is_some_and(|given| *given == Value::Bool(true) || given.as_str() == Some("true"))
    }

    /// Replaces the consent for the same purpose and channel.
    pub fn put_consent(&mut self, consent: Consent) {
        self.consents.retain(|c| c.channel != consent.channel || c.purpose != consent.purpose);
        self.consents.push(consent);
    }
}

/// The reason for ending the enrollments and waiting messages of an erased contact.
pub const ERASED: &str = "erased";
