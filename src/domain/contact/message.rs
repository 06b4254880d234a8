//! A message: one e-mail or SMS to one contact, recorded before it is sent.

use crate::domain::base::primitives::{CampaignId, Channel, MessageId, Millis, RecordId, Span};
use crate::domain::contact::message_source::MessageSource;
use serde::{Deserialize, Serialize};

/// A row of the message ledger, written before the message leaves.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The message's id, which is also the provider's idempotency key.
    pub id: MessageId,
    /// The recipient; for a notice, the contact it is about.
    pub contact_id: RecordId,
    pub campaign: CampaignId,
    /// The published version whose template it uses.
    pub version: u32,
    pub source: MessageSource,
    pub queued_at: Millis,
    /// The earliest time to send it.
    pub send_at: Millis,
    /// The number of times it was claimed for sending.
    pub attempts: u32,
    /// Whether an earlier attempt ended without an answer.
    pub uncertain: bool,
    /// The provider that was called last; it matters only while the message is uncertain.
    pub provider: Option<String>,
    /// The idempotency key of a batch call; `None` if the message was sent alone, under its own id.
    pub call: Option<String>,
    /// When the first call under that key began.
    pub called_at: Option<Millis>,
    /// Whether it has waited for a provider's rate limit.
    pub waited: bool,
    /// When a person first opened it.
    pub opened_at: Option<Millis>,
    /// When a person first clicked a link in it.
    pub clicked_at: Option<Millis>,
    /// The address it was sent to, recorded just before sending. `None` for a notice, and for
    /// messages older than this field.
    pub address: Option<String>,
    /// When each kind of delivery report first arrived.
    pub reported: DeliveryTimestamps,
    /// The segments and the price of an SMS, as far as known.
    pub spent: Option<SmsCost>,
    pub state: MessageState,
}

impl Message {
    /// Returns a message to be sent as soon as possible.
    pub fn queue(
        id: MessageId,
        contact_id: RecordId,
        campaign: CampaignId,
        version: u32,
        source: MessageSource,
        now: Millis,
    ) -> Self {
        Self {
            id,
            contact_id,
            campaign,
            version,
            source,
            state: MessageState::Queued,
            queued_at: now,
            send_at: now,
            attempts: 0,
            uncertain: false,
            provider: None,
            call: None,
            called_at: None,
            waited: false,
            opened_at: None,
            clicked_at: None,
            address: None,
            reported: DeliveryTimestamps::default(),
            spent: None,
        }
    }

    pub fn channel(&self) -> Channel {
        self.source.channel()
    }

    /// Returns what the message is for. It decides what may hold the message back.
    pub fn class(&self) -> Class {
        self.source.class()
    }

    /// Returns the key of its counters: the template, or the broadcast and the variant.
    pub fn part(&self) -> String {
        match &self.source {
            MessageSource::Broadcast { name, variant, .. } => broadcast_part(name, variant),
            source => source.template().to_owned(),
        }
    }

    /// Returns whether it is a test: a campaign's message that goes to our own people for review.
    pub fn is_test(&self) -> bool {
        matches!(self.source, MessageSource::Test { .. })
    }
}

/// The built-in templates, which no campaign has to provide.
pub mod system_templates {
    /// The e-mail that asks to confirm the address.
    pub const CONFIRM: &str = "house/confirm";
    /// The note of a confirmation e-mail that asks about the contact's details as well as consent.
    pub const DETAILS: &str = "details";
    /// The notice to a campaign's owner.
    pub const NOTIFY: &str = "house/notify";
    /// The SMS that confirms an opt-out.
    pub const STOP: &str = "house/stop";
    /// The SMS that names the sender and explains how to opt out.
    pub const HELP: &str = "house/help";
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Needs consent.
    Marketing,
    /// Requested by what the contact just did; needs no consent.
    Transactional,
    /// To our own people, about the contact.
    Internal,
}

/// When each kind of delivery report about a message first arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DeliveryTimestamps {
    pub delivered_at: Option<Millis>,
    pub bounced_at: Option<Millis>,
    /// When it was reported as spam.
    pub complained_at: Option<Millis>,
    /// When the contact unsubscribed through it.
    pub unsubscribed_at: Option<Millis>,
}

impl DeliveryTimestamps {
    /// Adds what is new; earlier times stay.
    pub fn add(&mut self, new: Self) {
        self.delivered_at = self.delivered_at.or(new.delivered_at);
        self.bounced_at = self.bounced_at.or(new.bounced_at);
        self.complained_at = self.complained_at.or(new.complained_at);
        self.unsubscribed_at = self.unsubscribed_at.or(new.unsubscribed_at);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    /// Waiting for `send_at`.
    Queued,
    /// Claimed for delivery.
    Sending,
    /// Accepted by the provider.
    Sent,
    /// Delivered, according to the provider.
    Delivered,
    Bounced,
    /// Reported as spam.
    Complained,
    /// Not sent, on purpose.
    Skipped,
    /// Not sent, because of an error that a retry would not fix.
    Failed,
    /// Perhaps sent: the answer was lost, and the provider has no idempotency keys.
    Unknown,
}

impl MessageState {
    /// Returns whether the state no longer changes by itself.
    pub fn is_over(self) -> bool {
        !matches!(self, Self::Queued | Self::Sending)
    }

    /// Returns whether it has left, as far as we know.
    pub fn was_sent(self) -> bool {
        matches!(self, Self::Sent | Self::Delivered | Self::Bounced | Self::Complained)
    }

    /// Returns the state after a delivery report. It only moves forward, because reports arrive in
    /// any order. A message that has not left, as far as we know, keeps its state.
    #[must_use]
    pub fn after(self, reported: Self) -> Self {
        let order = [Self::Sent, Self::Delivered, Self::Bounced, Self::Complained];
        let place = |state| order.iter().position(|known| *known == state);
        match (place(self), place(reported)) {
            (Some(here), Some(there)) if there > here => reported,
            _ => self,
        }
    }
}

/// The number of attempts before a message fails.
pub const ATTEMPTS_MAX: u32 = 8;

/// Returns the delay after the `attempts`-th failure: 1 minute, doubled each time, at most 6 hours.
pub fn backoff(attempts: u32) -> Span {
    let minutes = 1_i64 << attempts.saturating_sub(1).min(9);
    Span::minutes(minutes.min(360))
}

/// A message in the local mailbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CapturedMessage {
    /// The message's id. A message is kept once, however often it is sent.
    pub id: String,
    /// `email` or `sms`.
    pub channel: String,
    pub sender: String,
    pub address: String,
    /// Empty for SMS.
    pub subject: String,
    /// Empty for SMS.
    pub html: String,
    pub text: String,
    /// The mail headers, as JSON text.
    pub headers: String,
    /// When it was stored.
    #[serde(default)]
    pub at: Millis,
}

/// The prefix of a counter's part that belongs to a broadcast.
const PART: &str = "broadcast:";

/// Returns the part of a broadcast's counter. `within` is a variant, or the reason why a recipient
/// is left out.
pub fn broadcast_part(broadcast: &str, within: &str) -> String {
    format!("{PART}{broadcast}/{within}")
}

/// Splits a counter's part into the broadcast and what is within it; `None` for other parts.
pub fn of_broadcast_part(part: &str) -> Option<(&str, &str)> {
    part.strip_prefix(PART)?.split_once('/')
}

/// The segments and the price of an SMS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmsCost {
    pub segments: u32,
    /// The price in millionths of the campaign's currency; 0 if unknown.
    pub micros: i64,
}

/// The segments and the price of an SMS, as reported by a provider.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderCharge {
    /// The number of segments; `None` if not reported.
    pub segments: Option<u32>,
    /// The price in millionths of `currency`; `None` if not reported.
    pub micros: Option<i64>,
    /// The currency of the price, such as `EUR`.
    pub currency: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcast_part_round_trips() {
        assert_eq!(of_broadcast_part(&broadcast_part("news", "a")), Some(("news", "a")));
        assert_eq!(of_broadcast_part("emails/news"), None);
    }
}
