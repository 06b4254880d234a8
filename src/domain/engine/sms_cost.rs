//! The cost of SMS messages. The ledger row keeps the total. A message counts once it is known to
//! have left: its `message.sent` states the cost, as far as it is known then. A later correction is
//! a `message.charged`, which states the difference.

use super::Decider;
use super::apply::facts;
use crate::domain::base::primitives::Channel;
use crate::domain::contact::Contact;
use crate::domain::contact::message::{Message, ProviderCharge, SmsCost};
use crate::domain::engine::change::{MessagePatch, Metric};
use crate::domain::record::event::names;
use serde_json::Value;

impl Decider<'_, Contact> {
    /// Counts the cost of a message that is known to have left, and adds it to the properties of
    /// the event that records this.
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

    /// Corrects the cost of a message that was counted.
    pub(super) fn correct_sms_cost(&mut self, message: &Message, spent: SmsCost) {
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
            self.patch_message(message, MessagePatch { spent: Some(spent), ..<_>::default() });
        }
    }

    /// Returns the cost of a message according to its provider's charge, for what it adds to the
    /// known cost: the charged price if it is in the campaign's currency, or else the campaign's
    /// price for that number of segments.
    pub(super) fn billed(&self, message: &Message, bill: &ProviderCharge) -> Option<SmsCost> {
        if message.channel() != Channel::Sms {
            return None;
        }
        let published = self.catalog.version(&message.campaign, message.version)?;
        let campaign = &published.compiled.campaign;
        let known = message.spent.unwrap_or_default();
        let segments = bill.segments.unwrap_or(known.segments);
        let named = bill.micros.filter(|_| bill.currency == campaign.currency);
        let own = || {
            let to = self.subject.address_on(Channel::Sms)?;
            Some(campaign.sms.price(to).saturating_mul(segments.into()))
        };
        let micros = named.or_else(|| match segments == known.segments {
            true => Some(known.micros),
            false => own(),
        });
        Some(SmsCost { segments, micros: micros.unwrap_or(known.micros) })
    }

    fn count_charge(&mut self, message: &Message, segments: i64, micros: i64) {
        let (channel, template) = (message.channel().as_str(), message.source.template());
        let counts = [(Metric::Segments, segments), (Metric::MessageCost, micros)];
        for (metric, by) in counts.into_iter().filter(|(_, by)| *by != 0) {
            self.count(&message.campaign, metric, channel, template, by);
        }
    }
}
