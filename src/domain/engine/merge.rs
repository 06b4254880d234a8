//! Merging: two contacts turn out to be one person. One survives; the other becomes an empty row,
//! whose id and addresses lead to the survivor.
//!
//! With the merge of records of other kinds (`merge_record`), it is the only decision about two. It
//! consists of two decisions, written in one batch that fails if either contact has a newer event.

use super::{
    Decidable, Decider, Decision, StepLimitExceeded, forget_entries, forget_words, wake_at,
    words_change, words_of,
};
use crate::domain::base::primitives::{Channel, Ids, KindId, Millis, RecordId};
use crate::domain::campaign::journey::ReEntry;
use crate::domain::contact::consent::{self, Consent, ConsentState};
use crate::domain::contact::touch;
use crate::domain::contact::{Contact, DO_NOT_TRACK};
use crate::domain::engine::change::Change;
use crate::domain::engine::consent::Evidence;
use crate::domain::kind::Settled;
use crate::domain::publication::catalog::Catalog;
use crate::domain::record::Record;
use crate::domain::record::enrollment::{Enrollment, EnrollmentState, MERGED_REASON};
use crate::domain::record::event::{Event, names};
use serde_json::json;

/// The families of events that belong to one contact id: its consents, segments, lists, enrollments
/// and positions. All others are about the person, so rules on the survivor take them into account.
const OF_ONE_ID: [&str; 7] =
    ["consent.", "contact.", "segment.", "list.", "journey.", "company.", "record."];

/// Merges `from` into `into`. `log` holds the newest events of `from`, oldest first. The first of
/// the two decisions is about `from`, which gives up the addresses that `into` takes over.
pub fn merge(
    catalog: &Catalog,
    from: Contact,
    log: Vec<Event>,
    into: Contact,
    now: Millis,
    ids: &mut Ids,
) -> Result<[Decision; 2], StepLimitExceeded> {
    let (read_seq, words) = (into.seq, words_of(catalog, &into));
    let kind = catalog.kind(&into.kind).cloned();
    let entries = |contact: &Contact| {
        kind.as_ref().map(|kind| kind.entries(&contact.attributes)).unwrap_or_default()
    };
    let before = entries(&into);
    let mut decider = Decider::of(catalog, into, now, ids);
    decider.record(names::CONTACT_MERGED, None, json!({ "from": from.id }));
    decider.take_over_consents(&from);
    decider.take_over_profile(&from);
    decider.take_over_positions(&from);
    decider.take_over_memberships(&from);
    decider.take_over_lists(&from);
    decider.take_over_log(&from.id, log);
    decider.changes.push(Change::TakeOver(from.id.clone()));
    decider.take_over_enrollments(&from);
    decider.run_to_fixpoint();
    if decider.exceeds_step_limit() {
        return Err(StepLimitExceeded);
    }
    let Decider { mut subject, mut changes, .. } = decider;
    if let Some(kind) = &kind {
        kind.compute(&mut subject);
        let settled = Settled::between(before, entries(&subject));
        if !settled.is_empty() {
            changes.push(Change::Index(kind.id.clone(), settled));
        }
    }
    changes.extend(words_change(catalog, &subject, words));
    subject.wake_at = wake_at(catalog, &subject, now);
    let left = leave(catalog, from, &subject, now, ids);
    Ok([left.of_any(), Decision { subject, read_seq, changes, conflicts: Vec::new() }.of_any()])
}

/// Returns the decision about the merged contact: it keeps its log, and the addresses that the
/// survivor has not taken over.
fn leave(
    catalog: &Catalog,
    from: Contact,
    survivor: &Contact,
    now: Millis,
    ids: &mut Ids,
) -> Decision<Contact> {
    let read_seq = from.seq;
    let mut decider = Decider::of(catalog, from, now, ids);
    decider.record(names::CONTACT_MERGED, None, json!({ "into": survivor.id }));
    decider.leave_all_segments();
    decider.changes.extend(forget_words(catalog, &KindId::contact()));
    decider.changes.extend(forget_entries(catalog, &decider.subject));
    decider.give_up_positions();
    decider.leave_all_lists();
    let Decider { subject: from, changes, .. } = decider;
    let keep = |own: Option<String>, survivors: &Option<String>| {
        own.filter(|own| survivors.as_ref() != Some(own))
    };
    let Record { id, seq, created_at, .. } = from.record;
    let subject = Contact {
        email: keep(from.email, &survivor.email),
        phone: keep(from.phone, &survivor.phone),
        external_id: keep(from.external_id, &survivor.external_id),
        ..Contact::of(Contact::emptied(id, seq, created_at))
    };
    Decision { subject, read_seq, changes, conflicts: Vec::new() }
}

impl Decider<'_, Contact> {
    /// Takes over consents. A consent goes with its address: it counts if the survivor takes over
    /// that address. A withdrawal counts for the person, whichever address it was for.
    fn take_over_consents(&mut self, from: &Contact) {
        for consent in &from.consents {
            let own = self.subject.consent(consent.channel, &consent.purpose);
            if own.is_some_and(Consent::is_refused) {
                continue;
            }
            let has = |contact: &Contact| contact.address_on(consent.channel).is_some();
            let moves = has(from) && !has(&self.subject);
            let mut consent = consent.clone();
            if consent.is_refused() {
                (consent.state, consent.was_refused) = (ConsentState::Withdrawn, false);
                consent.waiting.clear();
            }
            if moves || consent.state == ConsentState::Withdrawn {
                self.subject.put_consent(consent.clone());
                self.put_merged_on_record(&from.id, &consent);
            }
        }
    }

    /// Takes over the profile. The survivor's values win; missing ones are filled in.
    fn take_over_profile(&mut self, from: &Contact) {
        let contact = &mut self.subject;
        for channel in [Channel::Email, Channel::Sms] {
            let moves = contact.address_on(channel).is_none();
            if moves && let Some(suppression) = from.suppressed.get(&channel) {
                contact.suppressed.insert(channel, suppression.clone());
            }
            if moves && let Some(bounces) = from.soft_bounces.get(&channel) {
                contact.soft_bounces.insert(channel, *bounces);
            }
        }
        let fill = |own: &mut Option<String>, other: &Option<String>| {
            if own.is_none() {
                own.clone_from(other);
            }
        };
        fill(&mut contact.email, &from.email);
        fill(&mut contact.phone, &from.phone);
        fill(&mut contact.external_id, &from.external_id);
        fill(&mut contact.locale, &from.locale);
        fill(&mut contact.time_zone, &from.time_zone);
        for (name, value) in &from.attributes {
            contact.attributes.entry(name.clone()).or_insert_with(|| value.clone());
        }
        // A refusal of tracking under either id counts.
        if from.refuses_tracking() {
            contact.attributes.insert(DO_NOT_TRACK.to_owned(), true.into());
        }
        contact.tags.extend(from.tags.iter().cloned());
        contact.score += from.score;
        // These count whichever address they went to, so that merging does not allow more of them.
        consent::remember_mails(&mut contact.confirmation_mails, &from.confirmation_mails);
        for touch in &from.touches {
            let own = contact.touches.iter().find(|own| own.campaign == touch.campaign);
            if own.is_none_or(|own| own.at < touch.at) {
                touch::remember(&mut contact.touches, touch.clone());
            }
        }
    }
}

impl<S: Decidable> Decider<'_, S> {
    /// Puts the survivor into the segments of the other record, with the original entry times, so
    /// that this is not a new entry. Whether their rules still hold is checked right after.
    pub(super) fn take_over_memberships(&mut self, from: &Record) {
        for (segment, since) in &from.segments {
            if self.subject.segments.contains_key(segment) {
                continue;
            }
            let campaign = segment.parts().map(|(campaign, _)| campaign);
            let properties = json!({ "segment": segment, "copied": from.id });
            self.record(names::SEGMENT_ENTERED, campaign.as_ref(), properties);
            self.subject.segments.insert(segment.clone(), *since);
            self.changes.push(Change::EnterSegment(segment.clone(), *since));
        }
        // None of this triggers anything.
        self.pending_events.clear();
    }

    /// Copies the other record's events about the person or thing into the survivor's log, for
    /// rules to evaluate. A copy triggers nothing and is not counted.
    pub(super) fn take_over_log(&mut self, from: &RecordId, log: Vec<Event>) {
        let is_about_person =
            |event: &Event| !OF_ONE_ID.iter().any(|family| event.name.starts_with(family));
        for mut event in log.into_iter().filter(is_about_person) {
            self.subject.seq += 1;
            event.seq = self.subject.seq;
            event.properties.insert("copied".to_owned(), json!(from));
            self.subject.history.push(event.clone());
            self.changes.push(Change::Event { event, key: None, content: None });
        }
    }

    /// Takes over the enrollments of the other record. If both are in the same journey, the
    /// survivor's own enrollment goes on, unless each is for a different value. In a journey that
    /// can be entered only once and that the survivor has entered before, the other's enrollment
    /// ends, and its waiting messages are held back.
    pub(super) fn take_over_enrollments(&mut self, from: &Record) {
        for enrollment in &from.enrollments {
            let mut others = self.subject.enrollments.iter();
            let is_same = |own: &Enrollment| own.is_of(&enrollment.campaign, &enrollment.journey);
            let is_inside = others.clone().any(|own| {
                is_same(own)
                    && own.is_active()
                    && !(own.is_for_value() && enrollment.is_for_value())
            });
            let has_passed = others.clone().any(is_same);
            let is_taken = others.any(|own| is_same(own) && own.entry_key == enrollment.entry_key);
            let mut enrollment = enrollment.clone();
            if is_taken {
                enrollment.entry_key = None;
            }
            let is_twice = has_passed && self.is_passed_once(&enrollment);
            let ends = is_inside || is_twice || is_taken && enrollment.is_for_value();
            let index = self.subject.enrollments.len();
            self.subject.enrollments.push(enrollment);
            let enrollment = &mut self.subject.enrollments[index];
            if enrollment.is_active() && ends {
                self.end(index, EnrollmentState::Exited, MERGED_REASON);
            } else if is_twice && !enrollment.was_exited() {
                enrollment.reason = MERGED_REASON.to_owned();
                self.changes.push(Change::Enrollment(enrollment.clone()));
            }
        }
    }

    /// Returns whether the journey of an enrollment can be entered only once.
    fn is_passed_once(&self, enrollment: &Enrollment) -> bool {
        let published = self.catalog.live_version(&enrollment.campaign);
        let journey = published.and_then(|published| published.journey(&enrollment.journey));
        journey.is_some_and(|journey| journey.re_entry == ReEntry::Never)
    }
}

impl Decider<'_, Contact> {
    /// Adds an entry to the survivor's ledger, under the merge event. The evidence itself stays in
    /// the other contact's ledger.
    fn put_merged_on_record(&mut self, from: &RecordId, consent: &Consent) {
        let source = format!("merged from {from}");
        let by = Evidence { source: &source, message: None, origin_hash: "" };
        self.put_on_record(consent, consent.form.clone(), "", &by);
    }
}
