//! Goals: an event that a campaign was made for is credited to the contact's touch with it.

use super::Decider;
use crate::domain::contact::Contact;
use crate::domain::contact::touch;
use crate::domain::engine::change::{Change, Conversion, Metric};
use crate::domain::publication::catalog::PublishedVersion;
use crate::domain::record::event::{Event, names};
use serde_json::{Value, json};

impl Decider<'_, Contact> {
    /// Credits the event to every campaign whose goal it is and with which the contact had a fresh
    /// touch. A late report counts for a campaign that was live when the event happened.
    pub(super) fn meet_goals(&mut self, event: &Event) {
        let catalog = self.catalog;
        catalog.credited_at(event.at).for_each(|published| self.meet_goal(&published, event));
    }

    pub(super) fn meet_goal(&mut self, published: &PublishedVersion, event: &Event) {
        let campaign = &published.compiled.campaign;
        if event.name != campaign.goal.event {
            return;
        }
        let (touches, within) = (&self.subject.touches, campaign.goal.within);
        let touch = touch::credited(touches, &campaign.id, within, event.at).cloned();
        if let Some(touch) = touch {
            self.convert(published, event, &touch);
        }
    }

    /// Records one conversion. An event in another currency counts as a conversion without revenue:
    /// a sum over different currencies would be wrong.
    fn convert(&mut self, published: &PublishedVersion, event: &Event, touch: &touch::Touch) {
        let campaign = &published.compiled.campaign;
        let currency = event.properties.get("currency").and_then(Value::as_str);
        let currency = currency.unwrap_or(&campaign.currency).to_owned();
        let value = event.properties.get("value_minor").and_then(Value::as_i64).unwrap_or(0);
        let part = touch.part();
        self.record(
            names::GOAL_REACHED,
            Some(&campaign.id),
            json!({ "event": event.name, "event_seq": event.seq, "channel": touch.channel,
                    "value_minor": value, "currency": currency }),
        );
        self.changes.push(Change::Convert(Conversion {
            seq: self.subject.seq,
            campaign: campaign.id.clone(),
            at: event.at,
            value,
            currency: currency.clone(),
            channel: touch.channel.clone(),
            part: part.clone(),
        }));
        self.count(&campaign.id, Metric::Conversions, &touch.channel, &part, 1);
        if currency == campaign.currency && value != 0 {
            self.count(&campaign.id, Metric::Revenue, &touch.channel, &part, value);
        }
    }
}
