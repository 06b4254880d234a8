//! Outages: if a version of a campaign could not be read when an event happened, the event has its
//! consequences in that campaign afterwards.

use super::{Decidable, Decider};
use crate::domain::campaign::journey::ReEntry;
use crate::domain::engine::journey::{Cause, rests, triggers};
use crate::domain::publication::catalog::PublishedVersion;
use crate::domain::record::event::Event;
use std::rc::Rc;

impl<S: Decidable> Decider<'_, S> {
    /// Applies the events that happened during recent outages. An event whose consequences were
    /// applied at the time, because some worker could read the version, has none again.
    pub(super) fn catch_up_outages(&mut self) {
        let catalog = self.catalog;
        if self.subject.erased_at.is_some() {
            return;
        }
        for outage in catalog.outages() {
            let Some(published) = catalog.live_version(&outage.campaign) else { continue };
            let is_missed = |event: &&Event| outage.since <= event.at && event.at <= outage.until;
            let missed = self.subject.history.iter().filter(is_missed);
            for event in missed.cloned().collect::<Vec<_>>() {
                self.catch_up(published, &event);
            }
        }
    }

    fn catch_up(&mut self, published: &Rc<PublishedVersion>, event: &Event) {
        let is_inside = |decider: &Self, index: &usize| {
            let enrollment = &decider.subject.enrollments[*index];
            enrollment.campaign == *published.id() && enrollment.entered_at < event.at
        };
        let inside = self.active().into_iter().filter(|index| is_inside(self, index)).collect();
        self.end_by(inside, event);
        let kind = self.subject.kind.clone();
        for (name, journey) in published.journeys_of(&kind) {
            let last = self.subject.last_enrollment(published.id(), name);
            let is_new = matches!(journey.re_entry, ReEntry::OncePer(_))
                || last.is_none_or(|last| last.entered_at < event.at);
            if is_new && !rests(event) && triggers(&journey.enter, published, event) {
                self.enter(published, name, journey, Cause::Event(event));
            }
        }
        S::credit_missed(self, published, event);
    }

    /// Returns whether the event was already credited to the campaign, under this name.
    pub(super) fn is_credited(
        &self,
        name: &str,
        published: &PublishedVersion,
        event: &Event,
    ) -> bool {
        let is_it = |credit: &Event| {
            let seq = credit.properties.get("event_seq").and_then(serde_json::Value::as_i64);
            credit.name == name
                && credit.campaign.as_ref() == Some(published.id())
                && seq == Some(event.seq)
        };
        self.subject.history.iter().any(is_it)
    }
}
