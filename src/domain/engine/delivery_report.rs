//! Applies what a provider reports about a message it accepted, in any order, however often.
//!
//! Each fact counts once for a message: the ledger row keeps when it was first reported. The state
//! only moves forwards. A report also settles a message whose answer from the provider was lost or
//! is not recorded yet. Suppressions only get stricter.

use super::Decider;
use crate::domain::base::primitives::{Channel, Millis, Span};
use crate::domain::contact::Contact;
use crate::domain::contact::address::{read_email, read_phone};
use crate::domain::contact::message::{Class, DeliveryTimestamps, Message, MessageState};
use crate::domain::contact::suppression::{Suppression, SuppressionReason};
use crate::domain::engine::apply::facts;
use crate::domain::engine::change::{Change, MessagePatch, Metric};
use crate::domain::engine::consent::Evidence;
use crate::domain::inbound::bounce::{Bounce, BounceKind, BounceReason};
use crate::domain::inbound::delivery_report::{DeliveryReport, DeliveryStatus};
use crate::domain::record::event::names;
use serde_json::{Value, json};

/// From this many soft bounces in a row, without a delivery in between, an address rests.
const SOFT_BOUNCES_MAX: u32 = 5;

/// From this many unexplained refusals in a row, without a delivery in between, an address is
/// suppressed for good.
const REFUSALS_MAX: u32 = 2;

/// The days that an address rests: after the fifth soft bounce, after the sixth, and after each
/// further one.
const REST_DAYS: [i64; 3] = [7, 30, 180];

impl Decider<'_, Contact> {
    /// Applies a delivery report. Ignores a report about an address that the message did not go to:
    /// either the mail was forwarded, or the report is forged.
    pub(super) fn apply_delivery_report(&mut self, message: &Message, report: DeliveryReport) {
        let DeliveryReport { status, at, address, source, provider_id, key, billed } = report;
        if address.as_ref().is_some_and(|reported| !self.went_to(message, reported)) {
            return;
        }
        let known = message.address.clone().or(address);
        let message = &Message { address: known, ..message.clone() };
        let at = at.min(self.now);
        let mut patch = MessagePatch { provider_id, ..<_>::default() };
        let mut state = self.accepted_state(message);
        let seen = message.reported;
        match status {
            DeliveryStatus::Sent => {}
            DeliveryStatus::Delivered => {
                state = state.after(MessageState::Delivered);
                if seen.delivered_at.is_none() && message.state != MessageState::Delivered {
                    patch.reported.delivered_at = Some(at);
                    self.record_about(message, names::MESSAGE_DELIVERED, json!({}), at, key);
                    self.count_if_marketing(message, Metric::Delivered);
                    self.subject.soft_bounces.entry(message.channel()).or_default().end(at);
                }
            }
            DeliveryStatus::Bounced(bounce) => {
                let before = state;
                state = state.after(MessageState::Bounced);
                if state != before {
                    patch.reason = reason_of(&bounce);
                }
                if seen.bounced_at.is_none() {
                    patch.reported.bounced_at = Some(at);
                    let bounce = self.counted_refusal(message, bounce, at);
                    self.apply_bounce(message, &bounce, at, key);
                    self.assess_address(message, &bounce, at, source);
                }
            }
            DeliveryStatus::Complained => {
                state = state.after(MessageState::Complained);
                if seen.complained_at.is_none() {
                    patch.reported.complained_at = Some(at);
                    self.record_about(message, names::MESSAGE_COMPLAINED, json!({}), at, key);
                    self.count_if_marketing(message, Metric::Complained);
                    self.refuse(message, SuppressionReason::Complained, &source);
                }
            }
            DeliveryStatus::Unsubscribed => {
                // A repeated report changes nothing: the owner may have agreed again since. For
                // SMS, reports do not say when it was.
                let is_email = message.channel() == Channel::Email;
                if seen.unsubscribed_at.is_none_or(|before| is_email && before < at) {
                    self.unsubscribed_by(message, at, key);
                    self.withdraw(message.channel(), &Evidence::link(&source, &message.id, ""));
                }
            }
        }
        patch.state = (state != message.state).then_some(state);
        if patch != MessagePatch::default() {
            self.patch_message(message, patch);
        }
        if let Some(spent) = billed.and_then(|bill| self.billed(message, &bill))
            && state.was_sent()
        {
            self.correct_sms_cost(message, spent);
        }
    }

    /// Returns the state of a message that its provider reports on. Such a message was accepted, so
    /// if its outcome is missing, it is recorded as sent.
    fn accepted_state(&mut self, message: &Message) -> MessageState {
        match message.state {
            MessageState::Queued | MessageState::Sending | MessageState::Unknown => {
                let mut properties = facts(message);
                if let Some(spent) = message.spent {
                    self.count_spent(message, spent, &mut properties);
                }
                self.record(names::MESSAGE_SENT, Some(&message.campaign), properties);
                self.count_if_marketing(message, Metric::Sent);
                MessageState::Sent
            }
            state => state,
        }
    }

    fn apply_bounce(
        &mut self,
        message: &Message,
        bounce: &Bounce,
        at: Millis,
        key: Option<String>,
    ) {
        self.record_about(message, names::MESSAGE_BOUNCED, json!(bounce), at, key);
        self.count_if_marketing(message, Metric::Bounced);
        match bounce.kind {
            BounceKind::Hard => self.count_if_marketing(message, Metric::HardBounced),
            BounceKind::Block => self.count_if_marketing(message, Metric::Blocked),
            _ => {}
        }
    }

    /// Applies the consequences of a bounce for the address.
    fn assess_address(&mut self, message: &Message, bounce: &Bounce, at: Millis, source: String) {
        let until = match bounce.kind {
            BounceKind::Ignored | BounceKind::Block | BounceKind::Complaint => return,
            BounceKind::Hard => None,
            BounceKind::Soft => match self.one_more_soft_bounce(message, at) {
                None => return,
                until => until,
            },
        };
        self.suppress_address_of(message, SuppressionReason::Bounced, until, source);
    }

    /// Returns the bounce, made hard if it is the second unexplained refusal in a row.
    fn counted_refusal(&mut self, message: &Message, bounce: Bounce, at: Millis) -> Bounce {
        if message.class() == Class::Internal || bounce.reason != BounceReason::Refused {
            return bounce;
        }
        let bounces = self.subject.soft_bounces.entry(message.channel()).or_default();
        match bounces.refuse(at) {
            REFUSALS_MAX.. => Bounce { kind: BounceKind::Hard, ..bounce },
            _ => bounce,
        }
    }

    /// Returns whether a message went to this address. For a message sent before addresses were
    /// recorded, this is the contact's present address, or one that it had before a merge.
    fn went_to(&self, message: &Message, address: &str) -> bool {
        if message.class() == Class::Internal {
            return true;
        }
        let same = |known: &String| canonical(known) == canonical(address);
        let contact = &self.subject;
        let earlier = contact.aliases.iter().filter_map(|alias| match message.channel() {
            Channel::Sms => alias.phone.as_ref(),
            _ => alias.email.as_ref(),
        });
        match &message.address {
            Some(address) => same(address),
            None => contact.address_on(message.channel()).into_iter().chain(earlier).any(same),
        }
    }

    /// Counts a soft bounce. Returns until when the address rests, once there were too many in a
    /// row.
    fn one_more_soft_bounce(&mut self, message: &Message, at: Millis) -> Option<Millis> {
        if message.class() == Class::Internal {
            return None;
        }
        let bounces = self.subject.soft_bounces.entry(message.channel()).or_default();
        if !bounces.add(at) {
            return None;
        }
        let over = bounces.count.checked_sub(SOFT_BOUNCES_MAX)? as usize;
        Some(self.now.plus(Span::days(REST_DAYS[over.min(REST_DAYS.len() - 1)])))
    }

    /// Withdraws the consents on the message's channel, and suppresses the address for good.
    fn refuse(&mut self, message: &Message, reason: SuppressionReason, source: &str) {
        if message.class() != Class::Internal {
            self.withdraw(message.channel(), &Evidence::link(source, &message.id, ""));
        }
        self.suppress_address_of(message, reason, None, source.to_owned());
    }

    /// Records, once for a message, that its recipient unsubscribed by it.
    pub(super) fn unsubscribed_by(&mut self, message: &Message, at: Millis, key: Option<String>) {
        if message.reported.unsubscribed_at.is_some() {
            return;
        }
        self.record_about(message, names::MESSAGE_UNSUBSCRIBED, json!({}), at, key);
        self.count_if_marketing(message, Metric::Unsubscribed);
        let reported = DeliveryTimestamps { unsubscribed_at: Some(at), ..<_>::default() };
        self.patch_message(message, MessagePatch { reported, ..<_>::default() });
    }

    /// Suppresses the address that a message went to. Does nothing for an internal notice, which
    /// does not go to the contact's address.
    fn suppress_address_of(
        &mut self,
        message: &Message,
        reason: SuppressionReason,
        until: Option<Millis>,
        source: String,
    ) {
        if message.class() == Class::Internal {
            return;
        }
        let own = self.subject.address_on(message.channel()).cloned();
        let Some(address) = message.address.clone().or(own) else { return };
        let (channel, at) = (message.channel(), self.now);
        let suppression = Suppression { channel, address, reason, until, source, at };
        self.suppress(suppression, json!({ "message": message.id }));
    }

    /// Suppresses an address, unless a suppression at least as strict exists. `about` holds further
    /// properties of the event; the address is not among them.
    pub(super) fn suppress(&mut self, suppression: Suppression, about: Value) {
        let Suppression { channel, reason, until, .. } = suppression;
        let is_own = self.subject.address_on(channel) == Some(&suppression.address);
        let known = self.subject.suppressed.get(&channel).filter(|_| is_own);
        if known.is_some_and(|known| !suppression.is_stricter_than(known)) {
            return;
        }
        let mut properties = json!({ "channel": channel, "reason": reason, "until": until,
                                     "source": suppression.source });
        if let (Some(all), Value::Object(about)) = (properties.as_object_mut(), about) {
            all.extend(about);
        }
        self.record(names::CONTACT_SUPPRESSED, None, properties);
        self.changes.push(Change::Suppress(suppression.clone()));
        if is_own {
            self.subject.suppressed.insert(channel, suppression);
        }
    }

    /// Records an event about a message, with more properties than the usual ones.
    fn record_about(
        &mut self,
        message: &Message,
        name: &str,
        more: Value,
        at: Millis,
        key: Option<String>,
    ) {
        let mut properties = facts(message);
        if let (Some(all), Value::Object(more)) = (properties.as_object_mut(), more) {
            all.extend(more);
        }
        self.record_keyed(name, Some(&message.campaign), properties, at, key);
    }
}

/// Returns an address in the form in which it would be stored today.
fn canonical(address: &str) -> String {
    read_email(address)
        .or_else(|_| read_phone(address, None))
        .unwrap_or_else(|_| address.to_owned())
}

/// Returns why a message bounced, for the ledger: the receiver's own words, or else our reason.
fn reason_of(bounce: &Bounce) -> String {
    let Bounce { status, words, .. } = bounce;
    let is_said = words.contains(status.as_str());
    let text = if is_said { words.clone() } else { format!("{status} {words}") };
    match text.trim() {
        "" => bounce.reason.as_str().to_owned(),
        text => text.to_owned(),
    }
}
