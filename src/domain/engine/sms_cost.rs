//! What text messages took. The ledger row keeps the whole. A message counts once it is known to
//! have left: its `message.sent` says what it took, as far as that is known then. What is known
//! later is a `message.charged`, which says how much more or less.

use super::Decider;
use super::apply::{MessageChange, facts};
use crate::domain::base::primitives::Channel;
use crate::domain::contact::event::names;
use crate::domain::contact::message::Message;
use crate::domain::contact::message::{ProviderCharge, SmsCost};
use crate::domain::engine::change::Metric;
use serde_json::Value;

impl Decider<'_> {
    /// Counts what a message took that is known to have left, and adds it to the properties of the
    /// event that says so.
    pub(super) fn count_spent(
        &mut self,
        message: &Message,
        spent: SmsCost,
        properties: &mut Value,
    ) {
        let SmsCost { segments, micros } = spent;
        properties["sms_segments"] = Value::from(segments);
        properties["cost_micros"] = Value::from(micros);
        self.count_charge(message, segments.into(), micros);
    }

    /// Puts right what a message took that has been counted.
    pub(super) fn charge(&mut self, message: &Message, spent: SmsCost) {
        let before = message.spent.unwrap_or_default();
        let segments = i64::from(spent.segments) - i64::from(before.segments);
        let micros = spent.micros - before.micros;
        if (segments, micros) != (0, 0) {
            let mut properties = facts(message);
            properties["sms_segments"] = Value::from(segments);
            properties["cost_micros"] = Value::from(micros);
            self.record(names::MESSAGE_CHARGED, Some(&message.campaign), properties);
            self.count_charge(message, segments, micros);
        }
        if message.spent != Some(spent) {
            self.move_message(message, MessageChange { spent: Some(spent), ..<_>::default() });
        }
    }

    /// What a message took by its provider's bill, where that says more than was known: the price
    /// that it names in the campaign's currency, else that of the campaign for so many segments.
    pub(super) fn billed(&self, message: &Message, bill: &ProviderCharge) -> Option<SmsCost> {
        if message.channel != Channel::Sms {
            return None;
        }
        let edition = self.catalog.edition(&message.campaign, message.version)?;
        let campaign = &edition.compiled.campaign;
        let known = message.spent.unwrap_or_default();
        let segments = bill.segments.unwrap_or(known.segments);
        let named = bill.micros.filter(|_| bill.currency == campaign.currency);
        let own = || {
            let to = self.contact.address_on(Channel::Sms)?;
            Some(campaign.sms.price(to).saturating_mul(segments.into()))
        };
        let micros = named.or_else(|| match segments == known.segments {
            true => Some(known.micros),
            false => own(),
        });
        Some(SmsCost { segments, micros: micros.unwrap_or(known.micros) })
    }

    fn count_charge(&mut self, message: &Message, segments: i64, micros: i64) {
        let (channel, template) = (message.channel.as_str(), &message.template);
        let counts = [(Metric::Segments, segments), (Metric::MessageCost, micros)];
        for (metric, by) in counts.into_iter().filter(|(_, by)| *by != 0) {
            self.count(&message.campaign, metric, channel, template, by);
        }
    }
}
