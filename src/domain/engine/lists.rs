//! Lists: a record joins and leaves them by what others do, by forms and by steps of journeys.
//! A change that changes nothing leaves no event.

use super::{Decidable, Decider};
use crate::domain::base::primitives::{CampaignId, ListId, QualifiedId};
use crate::domain::engine::change::Change;
use crate::domain::record::Record;
use crate::domain::record::event::names;
use crate::domain::record::list::{ListChange, Listing, Membership};
use serde_json::{Value, json};

/// Returns the source of a membership that a form has caused.
pub(super) fn from_form(form: &QualifiedId) -> String {
    format!("form:{}", form.0.replacen('.', "/", 1))
}

impl<S: Decidable> Decider<'_, S> {
    /// Applies what a member, a program or an import does.
    pub(super) fn apply_listing(&mut self, listing: Listing) {
        let properties = listing.properties();
        let Listing { list, change, source, key, .. } = listing;
        match change {
            ListChange::Join => self.join(list, source, None, properties, key),
            ListChange::Leave => self.leave_one(list, None, properties, key),
        }
    }

    /// Joins a list because of a campaign.
    pub(super) fn join_list(&mut self, list: &ListId, source: &str, campaign: Option<&CampaignId>) {
        let properties = json!({ "list": list, "source": source });
        self.join(list.clone(), source.to_owned(), campaign, properties, None);
    }

    /// Leaves a list because of a campaign.
    pub(super) fn leave_list(
        &mut self,
        list: &ListId,
        source: &str,
        campaign: Option<&CampaignId>,
    ) {
        let properties = json!({ "list": list, "source": source });
        self.leave_one(list.clone(), campaign, properties, None);
    }

    /// Leaves all lists.
    pub(super) fn leave_all_lists(&mut self) {
        for list in self.subject.lists.keys().cloned().collect::<Vec<_>>() {
            let properties = json!({ "list": list });
            self.leave_one(list, None, properties, None);
        }
    }

    /// Returns the campaign of an enrollment, and the source of a membership that a step of it has
    /// caused.
    pub(super) fn listing_of(&self, index: usize) -> (CampaignId, String) {
        let enrollment = &self.subject.enrollments[index];
        let (campaign, journey) = (&enrollment.campaign, &enrollment.journey);
        (campaign.clone(), format!("journey:{campaign}/{journey}"))
    }

    fn join(
        &mut self,
        list: ListId,
        source: String,
        campaign: Option<&CampaignId>,
        properties: Value,
        key: Option<String>,
    ) {
        if self.subject.lists.contains_key(&list) {
            return;
        }
        let membership = Membership { since: self.now, source };
        self.subject.lists.insert(list.clone(), membership.clone());
        self.changes.push(Change::JoinList(list, membership));
        self.record_keyed(names::LIST_JOINED, campaign, properties, self.now, key);
    }

    fn leave_one(
        &mut self,
        list: ListId,
        campaign: Option<&CampaignId>,
        properties: Value,
        key: Option<String>,
    ) {
        if self.subject.lists.remove(&list).is_none() {
            return;
        }
        self.changes.push(Change::LeaveList(list));
        self.record_keyed(names::LIST_LEFT, campaign, properties, self.now, key);
    }
}

impl<S: Decidable> Decider<'_, S> {
    /// Puts the survivor of a merge on the lists of the other record. If both are on one, the
    /// earlier date counts. None of this triggers anything.
    pub(super) fn take_over_lists(&mut self, from: &Record) {
        for (list, membership) in &from.lists {
            match self.subject.lists.get(list).map(|own| own.since) {
                None => {
                    let source = &membership.source;
                    let properties = json!({ "list": list, "source": source, "copied": from.id });
                    self.record(names::LIST_JOINED, None, properties);
                    self.changes.push(Change::JoinList(list.clone(), membership.clone()));
                }
                Some(since) if membership.since < since => {
                    self.changes.push(Change::PutMembership(list.clone(), membership.clone()));
                }
                Some(_) => continue,
            }
            self.subject.lists.insert(list.clone(), membership.clone());
        }
        self.pending_events.clear();
    }
}
