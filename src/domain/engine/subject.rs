//! What a decision can be about: a contact, or a record of another kind. Here is what differs
//! between the two.

use super::{Decider, Input, NewConsent, RecordInput, import};
use crate::domain::base::primitives::{CLOCKS_DIFFER_MAX, Millis, Span};
use crate::domain::contact::Contact;
use crate::domain::import::consent::ImportedConsent;
use crate::domain::kind::Kind;
use crate::domain::publication::catalog::PublishedVersion;
use crate::domain::record::PlainRecord;
use crate::domain::record::edit::{EditConflict, FieldEdit};
use crate::domain::record::event::{Event, names};
use crate::domain::segment::Subject;
use serde_json::Value;

/// What a decision can be about.
pub trait Decidable: Subject + Sized {
    /// What can happen to it.
    type Input;

    /// The event that records that its dates were corrected.
    const REDATED: &'static str;

    /// Applies what happened to it.
    fn apply(decider: &mut Decider<'_, Self>, input: Self::Input);

    /// Returns whether the input counts even after it was erased.
    fn outlives_erasure(input: &Self::Input) -> bool;

    /// Sets a field or a column as an edit or an import asks.
    fn set_field(&mut self, name: &str, value: Value) {
        self.set_attribute(name, value);
    }

    /// Returns whether a field has a value that no edit replaces.
    fn keeps(&self, _name: &str, _new: &Value) -> bool {
        false
    }

    /// Credits an event to the campaigns whose goal it is.
    fn credit(_: &mut Decider<'_, Self>, _: &Event) {}

    /// Credits an event to a campaign that could not be read when it happened.
    fn credit_missed(_: &mut Decider<'_, Self>, _: &PublishedVersion, _: &Event) {}

    /// Brings what follows from its fields up to date. `next` is the next free number of its kind.
    fn settle(&mut self, kind: &Kind, _next: Option<i64>, _now: Millis) {
        kind.compute(self);
    }

    /// Takes over the number that a new record has elsewhere.
    fn take_number(&mut self, _number: Option<i64>) {}

    /// Returns the conflict of an imported address with the one that is known.
    fn address_conflict(_: &str, _: &FieldEdit, _: &Value) -> Option<EditConflict> {
        None
    }

    /// Returns what the consents of an imported row change.
    fn news_among(_: &Decider<'_, Self>, _: Vec<ImportedConsent>) -> Vec<NewConsent> {
        Vec::new()
    }

    /// Records consents that an import brought.
    fn give(_: &mut Decider<'_, Self>, _by: &str, _: Vec<NewConsent>) {}

    /// Corrects dates of its own that lie ahead of `now`. Returns whether there were any.
    fn date_again(&mut self, _now: Millis) -> bool {
        false
    }
}

impl Decidable for Contact {
    type Input = Input;
    const REDATED: &'static str = names::CONTACT_REDATED;

    fn apply(decider: &mut Decider<'_, Self>, input: Input) {
        let fields = decider.catalog.company_fields();
        let before = fields.into_iter().map(|name| (name, decider.subject.attribute(name)));
        let before = before.collect();
        decider.apply(input);
        decider.note_named_company(&before);
        decider.join_by_domain();
    }

    fn outlives_erasure(input: &Input) -> bool {
        matches!(input, Input::Delivered { .. })
    }

    fn set_field(&mut self, name: &str, value: Value) {
        Self::set_field(self, name, value);
    }

    fn keeps(&self, name: &str, new: &Value) -> bool {
        Self::keeps(self, name, new)
    }

    fn credit(decider: &mut Decider<'_, Self>, event: &Event) {
        decider.meet_goals(event);
        decider.credit_broadcasts(event);
    }

    fn credit_missed(decider: &mut Decider<'_, Self>, published: &PublishedVersion, event: &Event) {
        if !decider.is_credited(names::GOAL_REACHED, published, event) {
            decider.meet_goal(published, event);
        }
        if !decider.is_credited(names::BROADCAST_CONVERTED, published, event) {
            decider.credit_broadcast(published, event);
        }
    }

    fn address_conflict(name: &str, field: &FieldEdit, now: &Value) -> Option<EditConflict> {
        import::address_conflict(name, field, now)
    }

    fn news_among(decider: &Decider<'_, Self>, all: Vec<ImportedConsent>) -> Vec<NewConsent> {
        decider.consents_among(all)
    }

    fn give(decider: &mut Decider<'_, Self>, by: &str, consents: Vec<NewConsent>) {
        decider.give_consents(by, consents);
    }

    fn date_again(&mut self, now: Millis) -> bool {
        let mut found = false;
        let consents = self.consents.iter_mut().map(|consent| &mut consent.at);
        let bounces = self.soft_bounces.values_mut();
        let bounces = bounces.flat_map(|one| [&mut one.last_at, &mut one.arrived_at]);
        let touches = self.touches.iter_mut();
        let touches = touches.flat_map(|touch| [&mut touch.at, &mut touch.fresh_at]);
        for at in consents.chain(bounces).chain(touches) {
            if *at > now.plus(CLOCKS_DIFFER_MAX) {
                (*at, found) = (now, true);
            }
        }
        // One mail may be planned, at most a day ahead.
        let latest = now.plus(Span::days(1));
        let mails = self.confirmation_mails.len();
        self.confirmation_mails.retain(|at| *at <= latest);
        found || self.confirmation_mails.len() < mails
    }
}

impl Decidable for PlainRecord {
    type Input = RecordInput;
    const REDATED: &'static str = names::RECORD_REDATED;

    fn apply(decider: &mut Decider<'_, Self>, input: RecordInput) {
        decider.apply_record(input);
    }

    fn outlives_erasure(_: &RecordInput) -> bool {
        false
    }

    fn settle(&mut self, kind: &Kind, next: Option<i64>, now: Millis) {
        kind.settle(self, next, now);
    }

    fn take_number(&mut self, number: Option<i64>) {
        self.number = number.or(self.number);
    }
}
