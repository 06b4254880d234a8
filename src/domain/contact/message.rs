//! A message: one e-mail or SMS to one contact, written down before it is sent.

use crate::domain::base::primitives::{
    CampaignId, Channel, ContactId, EnrollmentId, MessageId, Millis, Span,
};
use serde::{Deserialize, Serialize};

/// A row of the ledger that every message has before anything leaves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Its id, and the provider's idempotency key.
    pub id: MessageId,
    /// To whom, or for a notice about whom.
    pub contact_id: ContactId,
    /// For which campaign.
    pub campaign: CampaignId,
    /// The published version whose template it uses.
    pub version: u32,
    /// The enrollment that asked for it; `None` for a confirmation.
    pub enrollment: Option<EnrollmentId>,
    /// The journey's name; empty for a confirmation.
    pub journey: String,
    /// The step's id, or the variant of a broadcast; empty for a confirmation.
    pub step: String,
    /// The broadcast's name; `None` for other messages.
    pub broadcast: Option<String>,
    /// How it travels.
    pub channel: Channel,
    /// What kind of message it is, which says what may hold it back.
    pub class: Class,
    /// The purpose it needs consent for.
    pub purpose: String,
    /// Its template: `emails/…` or `sms/…` of the version, or a `house/…` one; of a webhook, its
    /// address.
    pub template: String,
    /// A line of the campaign's author for a notice; of a test, the address it goes to; empty
    /// otherwise.
    pub note: String,
    /// When it was decided.
    pub queued_at: Millis,
    /// Not before.
    pub send_at: Millis,
    /// How many times it was taken up for sending.
    pub attempts: u32,
    /// Whether an earlier attempt ended without an answer.
    pub uncertain: bool,
    /// The sender that was asked last; while the message is not uncertain, it does not matter.
    pub sender: Option<String>,
    /// The key of the call in which others went along; `None` if it went alone, under its id.
    pub call: Option<String>,
    /// When the first call under that key began.
    pub called_at: Option<Millis>,
    /// Whether it has waited its turn at a sender that takes only so many calls.
    pub waited: bool,
    /// When a person first opened it.
    pub opened_at: Option<Millis>,
    /// When a person first clicked in it.
    pub clicked_at: Option<Millis>,
    /// The address that it went to, from when it was about to be sent; `None` for a notice, and for
    /// what was sent before that was written down.
    #[serde(default)]
    pub address: Option<String>,
    /// When what became of it was first heard.
    pub heard: DeliveryTimestamps,
    /// What it took, of a text message, as far as that is known.
    #[serde(default)]
    pub spent: Option<SmsCost>,
    /// How far it has come.
    pub state: MessageState,
}

impl Message {
    /// The part of its counters: its template, or of a broadcast the broadcast and the variant.
    pub fn part(&self) -> String {
        match &self.broadcast {
            Some(broadcast) => broadcast_part(broadcast, &self.step),
            None => self.template.clone(),
        }
    }

    /// A message to be sent as soon as may be, on the channel that its template is for. It is of
    /// no enrollment, and needs consent for no purpose, unless the caller says so.
    pub fn queue(
        id: MessageId,
        contact_id: ContactId,
        (campaign, version): (CampaignId, u32),
        (class, template): (Class, &str),
        now: Millis,
    ) -> Self {
        Self {
            id,
            contact_id,
            campaign,
            version,
            enrollment: None,
            journey: String::new(),
            step: String::new(),
            broadcast: None,
            channel: match template.split_once('/') {
                Some(("sms", _)) => Channel::Sms,
                Some(("https:", _)) => Channel::Webhook,
                _ => Channel::Email,
            },
            class,
            purpose: String::new(),
            template: template.to_owned(),
            note: String::new(),
            state: MessageState::Queued,
            queued_at: now,
            send_at: now,
            attempts: 0,
            uncertain: false,
            sender: None,
            call: None,
            called_at: None,
            waited: false,
            opened_at: None,
            clicked_at: None,
            address: None,
            heard: DeliveryTimestamps::default(),
            spent: None,
        }
    }

    /// Whether it is a test: a message of a campaign that goes to our own people, to be looked at.
    pub fn is_test(&self) -> bool {
        self.class == Class::Internal && self.template.starts_with("emails/")
    }
}

/// The house's own templates, which no campaign has to bring.
pub mod house {
    /// The mail that asks for a confirmation of the address.
    pub const CONFIRM: &str = "house/confirm";
    /// The note of such a mail that asks about details of the contact too, and not about consent
    /// alone.
    pub const DETAILS: &str = "details";
    /// The notice to a campaign's owner.
    pub const NOTIFY: &str = "house/notify";
    /// The text that says that no more will come.
    pub const STOP: &str = "house/stop";
    /// The text that says who texts, and how to end it.
    pub const HELP: &str = "house/help";

    /// Whether it answers what somebody has texted, and so may go to a number that has stopped
    /// texts: the last word about that, and help, are owed to everybody (47 CFR 64.1200(a)(12)).
    pub fn answers_a_text(template: &str) -> bool {
        matches!(template, STOP | HELP)
    }
}

/// What a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Needs consent.
    Marketing,
    /// Asked for by what the contact just did; needs no consent.
    Transactional,
    /// To our own people, about the contact.
    Internal,
}

/// What was heard of a message after a provider took it, and when each was first heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DeliveryTimestamps {
    /// That it arrived.
    pub delivered_at: Option<Millis>,
    /// That it came back.
    pub bounced_at: Option<Millis>,
    /// That somebody called it spam.
    pub complained_at: Option<Millis>,
    /// That somebody unsubscribed by it.
    pub unsubscribed_at: Option<Millis>,
}

impl DeliveryTimestamps {
    /// Adds what is new; what was heard before stays.
    pub fn add(&mut self, new: Self) {
        self.delivered_at = self.delivered_at.or(new.delivered_at);
        self.bounced_at = self.bounced_at.or(new.bounced_at);
        self.complained_at = self.complained_at.or(new.complained_at);
        self.unsubscribed_at = self.unsubscribed_at.or(new.unsubscribed_at);
    }
}

/// The states of a message in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    /// Waiting for `send_at`.
    Queued,
    /// Taken up by a delivery.
    Sending,
    /// Accepted by the provider.
    Sent,
    /// Arrived, says the provider.
    Delivered,
    /// Came back.
    Bounced,
    /// Somebody called it spam.
    Complained,
    /// Not sent, on purpose.
    Skipped,
    /// Not sent, by a fault that another attempt would not mend.
    Failed,
    /// Perhaps sent: the answer was lost, and the provider knows no idempotency key.
    Unknown,
}

impl MessageState {
    /// Whether it goes no further by itself.
    pub fn is_over(self) -> bool {
        !matches!(self, Self::Queued | Self::Sending)
    }

    /// Whether it has left, as far as we know.
    pub fn has_left(self) -> bool {
        matches!(self, Self::Sent | Self::Delivered | Self::Bounced | Self::Complained)
    }

    /// Where it goes when this is heard of it: forwards only, for what a provider tells comes in
    /// any order. One that did not leave, as far as we know, stays what it is.
    #[must_use]
    pub fn hearing(self, heard: Self) -> Self {
        let order = [Self::Sent, Self::Delivered, Self::Bounced, Self::Complained];
        let place = |state| order.iter().position(|known| *known == state);
        match (place(self), place(heard)) {
            (Some(here), Some(there)) if there > here => heard,
            _ => self,
        }
    }
}

/// How often a message is tried before it fails.
pub const ATTEMPTS_MAX: u32 = 8;

/// How long to wait after the `attempts`-th failure: 1 minute, doubled each time, at most 6 hours.
pub fn backoff(attempts: u32) -> Span {
    let minutes = 1_i64 << attempts.saturating_sub(1).min(9);
    Span::minutes(minutes.min(360))
}

/// A message as the local mailbox keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CapturedMessage {
    /// The message's id: kept once, however often it is sent.
    pub id: String,
    /// `email` or `sms`.
    pub channel: String,
    /// From whom.
    pub sender: String,
    /// To whom.
    pub address: String,
    /// Empty for SMS.
    pub subject: String,
    /// Empty for SMS.
    pub html: String,
    /// The plain text.
    pub text: String,
    /// The mail headers, as a JSON object in text.
    pub headers: String,
    /// When it was kept.
    #[serde(default)]
    pub at: Millis,
}

/// What stands before the part of a counter that is a broadcast's.
const PART: &str = "broadcast:";

/// The part of a counter: a broadcast's, and within it a variant, or why somebody is left out.
pub fn broadcast_part(broadcast: &str, within: &str) -> String {
    format!("{PART}{broadcast}/{within}")
}

/// The broadcast that a counter's part belongs to, and what within it; `None` for other parts.
pub fn of_broadcast_part(part: &str) -> Option<(&str, &str)> {
    part.strip_prefix(PART)?.split_once('/')
}

/// What a text message took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmsCost {
    /// How many segments.
    pub segments: u32,
    /// What they cost, in millionths of the campaign's currency; 0 where no price is known.
    pub micros: i64,
}

/// What a provider says that a text message took.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderCharge {
    /// How many segments; `None` if it does not say.
    pub segments: Option<u32>,
    /// What it costs, in millionths; `None` if it does not say.
    pub micros: Option<i64>,
    /// The currency of that, such as `EUR`.
    pub currency: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_says_whose_it_is() {
        assert_eq!(of_broadcast_part(&broadcast_part("news", "a")), Some(("news", "a")));
        assert_eq!(of_broadcast_part("emails/news"), None);
    }
}
