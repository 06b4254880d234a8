//! Broadcasts: queues a recipient's message, and credits the goals that a recipient reaches later.

use super::Decider;
use crate::domain::base::primitives::Channel;
use crate::domain::campaign::broadcast::{BroadcastRecipient, message_id, turn_key};
use crate::domain::contact::Contact;
use crate::domain::contact::message::{Message, broadcast_part};
use crate::domain::contact::message_source::MessageSource;
use crate::domain::engine::change::{Change, Metric};
use crate::domain::engine::journey;
use crate::domain::publication::catalog::PublishedVersion;
use crate::domain::record::event::{Event, names};
use crate::domain::sending::eligibility::{Eligibility, eligibility};
use serde_json::{Value, json};

/// The reason for skipping a recipient on whose clock the broadcast's time has passed.
pub const TOO_LATE: &str = "too_late";

impl Decider<'_, Contact> {
    /// Queues the message of a broadcast, or records why this contact does not get it. Writes
    /// nothing if the contact is not in the segment or on the list now.
    pub(super) fn send_to(&mut self, turn: &BroadcastRecipient) {
        // A contact that was merged into this one since is not a recipient of its own.
        if turn.contact != self.subject.id {
            return;
        }
        let Some(published) = self.catalog.version(&turn.campaign, turn.version) else { return };
        let campaign = &published.compiled.campaign;
        let Some(broadcast) = campaign.broadcasts.get(&turn.broadcast) else { return };
        let Some(rule) = broadcast.target.rule(&campaign.segments) else { return };
        if !rule.evaluate(&self.subject, self.now).holds {
            return;
        }
        let id = turn.id();
        let chosen = turn.variant.as_deref().and_then(|name| broadcast.variant(name));
        let drawn = || broadcast.drawn(&id, &turn.contact);
        let Some(variant) = chosen.or_else(drawn) else { return };
        let message = Message::queue(
            message_id(&id, &turn.contact),
            turn.contact.clone(),
            turn.campaign.clone(),
            turn.version,
            MessageSource::Broadcast {
                name: turn.broadcast.clone(),
                variant: variant.name.clone(),
                purpose: broadcast.purpose.clone(),
                template: variant.template.clone(),
            },
            self.now,
        );
        let zone = journey::zone_of(&self.subject, &published);
        let outcome = match eligibility(&message, &self.subject, &campaign.owner) {
            Eligibility::Closed(reason) => Err(reason),
            Eligibility::Open(_) => broadcast.send_at(&zone, self.now).ok_or(TOO_LATE),
        };
        let channel = message.channel();
        let facts = |more: Value| {
            let mut facts = json!({ "broadcast": turn.broadcast, "channel": channel });
            if let (Some(facts), Value::Object(more)) = (facts.as_object_mut(), more) {
                facts.extend(more);
            }
            facts
        };
        let (name, facts, metric, within) = match outcome {
            Ok(_) => {
                let facts = facts(json!({ "variant": variant.name, "message": message.id }));
                (names::BROADCAST_QUEUED, facts, Metric::Recipients, variant.name.as_str())
            }
            Err(reason) => {
                let facts = facts(json!({ "reason": reason }));
                (names::BROADCAST_SKIPPED, facts, Metric::Excluded, reason)
            }
        };
        let key = Some(turn_key(&id, &turn.contact));
        self.record_keyed(name, Some(&turn.campaign), facts, self.now, key);
        let part = broadcast_part(&turn.broadcast, within);
        self.count(&turn.campaign, metric, channel.as_str(), &part, 1);
        if let Ok(send_at) = outcome {
            self.changes.push(Change::Queue(Box::new(Message { send_at, ..message })));
        }
    }

    /// Credits the event, if it is a campaign's goal, to the newest broadcast of that campaign that
    /// was sent to the contact before the event and within the goal's time.
    pub(super) fn credit_broadcasts(&mut self, event: &Event) {
        let catalog = self.catalog;
        catalog
            .credited_at(event.at)
            .for_each(|published| self.credit_broadcast(&published, event));
    }

    /// Does the same for one campaign.
    pub(super) fn credit_broadcast(&mut self, published: &PublishedVersion, event: &Event) {
        let campaign = &published.compiled.campaign;
        if event.name != campaign.goal.event || campaign.broadcasts.is_empty() {
            return;
        }
        let within = campaign.goal.within;
        let text = |event: &Event, name: &str| {
            event.properties.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let is_ours = |e: &&Event| e.campaign.as_ref() == Some(&campaign.id);
        let sent = |e: &&Event| {
            e.name == names::MESSAGE_SENT
                && e.properties.contains_key("broadcast")
                && e.at <= event.at
                && event.at <= e.at.plus(within)
        };
        let history = || self.subject.history.iter().filter(is_ours);
        let Some(sent) = history().filter(sent).max_by_key(|e| (e.at, e.seq)) else { return };
        let (name, variant) = (text(sent, "broadcast"), text(sent, "step"));
        let is_sms = text(sent, "channel") == Channel::Sms.as_str();
        let channel = if is_sms { Channel::Sms } else { Channel::Email };
        let again = |e: &Event| e.name == names::BROADCAST_CONVERTED && e.has("broadcast", &name);
        let is_first = !history().any(again);
        let value = event.properties.get("value_minor").and_then(Value::as_i64).unwrap_or(0);
        let currency = event.properties.get("currency").and_then(Value::as_str);
        // Other currencies are not added up, but still count as a conversion.
        let is_same = currency.is_none_or(|currency| currency == campaign.currency);
        let earned = if is_same { value } else { 0 };
        let facts = json!({
            "broadcast": name, "variant": variant, "channel": channel, "first": is_first,
            "event": event.name, "event_seq": event.seq, "earned_minor": earned,
        });
        let part = broadcast_part(&name, &variant);
        self.record(names::BROADCAST_CONVERTED, Some(&campaign.id), facts);
        if is_first {
            self.count(&campaign.id, Metric::Converted, channel.as_str(), &part, 1);
        }
        if earned != 0 {
            self.count(&campaign.id, Metric::Earned, channel.as_str(), &part, earned);
        }
    }
}
