//! Outages: if a version of a campaign could not be read when an event happened, the event has its
//! consequences in that campaign afterwards.

use super::Decider;
use crate::domain::campaign::journey::ReEntry;
use crate::domain::engine::journey::{Cause, triggers};
use crate::domain::publication::catalog::PublishedVersion;
use crate::domain::record::event::{Event, names};
use std::rc::Rc;

impl Decider<'_> {
    /// Applies the events that happened during recent outages. An event whose consequences were
    /// applied at the time, because some worker could read the version, has none again.
    pub(super) fn catch_up_outages(&mut self) {
        let catalog = self.catalog;
        if self.contact.erased_at.is_some() {
            return;
        }
        for outage in catalog.outages() {
            let Some(published) = catalog.live_version(&outage.campaign) else { continue };
            let is_missed = |event: &&Event| outage.since <= event.at && event.at <= outage.until;
            let missed = self.contact.history.iter().filter(is_missed);
            for event in missed.cloned().collect::<Vec<_>>() {
                self.catch_up(published, &event);
            }
        }
    }

    fn catch_up(&mut self, published: &Rc<PublishedVersion>, event: &Event) {
        let is_inside = |decider: &Self, index: &usize| {
            let enrollment = &decider.contact.enrollments[*index];
            enrollment.campaign == *published.id() && enrollment.entered_at < event.at
        };
        let inside = self.active().into_iter().filter(|index| is_inside(self, index)).collect();
        self.end_by(inside, event);
        for (name, journey) in &published.compiled.campaign.journeys {
            let last = self.contact.last_enrollment(published.id(), name);
            let is_new = matches!(journey.re_entry, ReEntry::OncePer(_))
                || last.is_none_or(|last| last.entered_at < event.at);
            if is_new && triggers(&journey.enter, published, event) {
                self.enter(published, name, journey, Cause::Event(event));
            }
        }
        if !self.is_credited(names::GOAL_REACHED, published, event) {
            self.meet_goal(published, event);
        }
        if !self.is_credited(names::BROADCAST_CONVERTED, published, event) {
            self.credit_broadcast(published, event);
        }
    }

    /// Returns whether the event was already credited to the campaign, under this name.
    fn is_credited(&self, name: &str, published: &PublishedVersion, event: &Event) -> bool {
        let is_it = |credit: &Event| {
            let seq = credit.properties.get("event_seq").and_then(serde_json::Value::as_i64);
            credit.name == name
                && credit.campaign.as_ref() == Some(published.id())
                && seq == Some(event.seq)
        };
        self.contact.history.iter().any(is_it)
    }
}
