//! A row of an import: it makes the record, or sets its fields, tags and consents. Consents come
//! with evidence from elsewhere, and never outweigh what the owner of the address has refused here.

use super::consent::hash_of;
use super::edit::edited;
use super::{Decidable, Decider};
use crate::domain::base::primitives::Channel;
use crate::domain::contact::Contact;
use crate::domain::contact::consent::{Consent, ConsentRecord, ConsentState};
use crate::domain::engine::change::{Change, Withdrawal};
use crate::domain::import::consent::{ImportedConsent, ImportedState};
use crate::domain::import::row::{ADDRESSES, ImportedRow};
use crate::domain::import::settings::{OnMatch, OnNew};
use crate::domain::record::edit::{EditConflict, FieldEdit};
use crate::domain::record::event::names;
use serde_json::{Map, Value, json};

impl<S: Decidable> Decider<'_, S> {
    /// Applies a row. If a unique value is another record's, or an address would replace another,
    /// nothing of it is applied. A row that changes nothing leaves no event.
    pub(super) fn apply_import(&mut self, row: ImportedRow) {
        let is_new = self.subject.seq == 0;
        if is_new && row.on_new == OnNew::Skip || !is_new && row.on_match == OnMatch::Skip {
            return;
        }
        self.is_resting = row.rests;
        let only_empty = !is_new && row.on_match == OnMatch::OnlyEmpty;
        let ImportedRow { mut edit, taken, .. } = row;
        edit.fields.retain(|name, _| !only_empty || self.subject.attribute(name).is_none());
        let known = |name: &String| self.subject.attribute(name).unwrap_or_default();
        let conflicts = edit.fields.iter().filter_map(|(name, field)| {
            let now = known(name);
            let is_taken = taken.contains(name) && now != field.new;
            is_taken
                .then(|| EditConflict::Taken { field: name.clone(), new: field.new.clone() })
                .or_else(|| S::address_conflict(name, field, &now))
                .or_else(|| field.conflict(name, &now))
        });
        let conflicts = conflicts.chain(self.taken_among(&edit.fields));
        let conflicts: Vec<_> = conflicts.chain(self.circle_among(&edit.fields)).collect();
        if !conflicts.is_empty() {
            return self.conflicts.extend(conflicts);
        }
        let mut changed = Map::new();
        for (name, field) in edit.fields {
            let before = self.subject.attribute(&name).unwrap_or_default();
            if before != field.new {
                let kind = self.catalog.kind(&self.subject.kind);
                if kind.and_then(|kind| kind.parent()) == Some(&*name) {
                    self.changes.push(Change::CheckParent);
                }
                self.subject.set_field(&name, field.new.clone());
                changed.insert(name, json!([before, field.new]));
            }
        }
        if let Some(score) = row.score.filter(|score| *score != self.subject.score && !only_empty) {
            changed.insert("score".to_owned(), json!([self.subject.score, score]));
            self.subject.score = score;
        }
        if is_new {
            self.subject.created_at = row.created_at.unwrap_or(self.subject.created_at);
            self.subject.take_number(row.number);
        }
        let (added, removed) = self.edit_tags(edit.tags.add, edit.tags.remove);
        let consents = S::news_among(self, row.consents);
        let is_idle = changed.is_empty() && added.is_empty() && removed.is_empty();
        if is_idle && consents.is_empty() && !is_new {
            return;
        }
        let mut properties = edited(&edit.by, changed, added, removed);
        if !consents.is_empty() {
            let given = consents.iter().map(|(_, consent)| {
                json!([consent.channel, consent.purpose, consent.state, consent.at])
            });
            properties["consents"] = given.collect();
        }
        let name = if is_new { names::RECORD_CREATED } else { names::RECORD_EDITED };
        self.record_keyed(name, None, properties, self.now, edit.key);
        S::give(self, &edit.by.0, consents);
    }
}

/// A consent as an import brings it, and as the contact has it from now on.
pub type NewConsent = (ImportedConsent, Consent);

impl Decider<'_, Contact> {
    /// Returns what the consents of a row change.
    pub(super) fn consents_among(&self, imported: Vec<ImportedConsent>) -> Vec<NewConsent> {
        let news = imported.into_iter().filter_map(|one| {
            let consent = self.consent_of(&one)?;
            Some((one, consent))
        });
        news.collect()
    }

    /// Returns the consent that follows from an imported one; `None` if it changes nothing. What
    /// was refused here waits for the owner, as with a form; only a later proof from elsewhere
    /// counts.
    fn consent_of(&self, one: &ImportedConsent) -> Option<Consent> {
        let ImportedConsent { channel, purpose, state, form, at, .. } = one;
        let known = self.subject.consent(*channel, purpose);
        let is_refused = self.subject.has_refused(*channel, purpose);
        let is_pending = *state == ImportedState::Pending || is_refused;
        let consent = |state, double_opt_in| Consent {
            channel: *channel,
            purpose: purpose.clone(),
            state,
            double_opt_in,
            form: form.clone(),
            waiting: Vec::new(),
            was_refused: is_refused && double_opt_in,
            at: *at,
        };
        match state {
            ImportedState::Withdrawn => {
                let is_newer = known
                    .is_none_or(|known| known.state != ConsentState::Withdrawn && known.at <= *at);
                is_newer.then(|| consent(ConsentState::Withdrawn, false))
            }
            _ if self.subject.address_on(*channel).is_none() => None,
            ImportedState::Confirmed => {
                let refused_at = known.filter(|known| known.is_refused()).map(|known| known.at);
                let suppressed_at = self.subject.suppressed.get(channel).map(|known| known.at);
                let is_proved = known.is_some_and(|one| one.state == ConsentState::Confirmed);
                let is_late = |refused| refused >= *at;
                let is_refused = refused_at.is_some_and(is_late)
                    || is_refused && suppressed_at.is_some_and(is_late);
                (!is_proved && !is_refused).then(|| consent(ConsentState::Confirmed, false))
            }
            _ if known.is_some_and(Consent::allows) => None,
            _ if is_pending && known.is_some_and(Consent::is_pending) => None,
            _ => Some(consent(ConsentState::Granted, is_pending)),
        }
    }

    /// Records consents that an import brought, each with its evidence.
    pub(super) fn give_consents(&mut self, by: &str, consents: Vec<NewConsent>) {
        for (one, consent) in consents {
            let had_effect = self.subject.may_be_sent(consent.channel, &consent.purpose);
            self.subject.put_consent(consent.clone());
            let mut properties = json!({ "purpose": consent.purpose, "channel": consent.channel,
                                         "import": by, "given_at": one.at });
            let name = match consent.state {
                ConsentState::Granted => {
                    properties["channels"] = json!([consent.channel]);
                    names::CONSENT_GRANTED
                }
                ConsentState::Confirmed => names::CONSENT_CONFIRMED,
                ConsentState::Withdrawn => names::CONSENT_WITHDRAWN,
            };
            self.record(name, None, properties);
            self.changes.push(Change::Consent(ConsentRecord {
                seq: self.subject.seq,
                channel: consent.channel,
                purpose: consent.purpose.clone(),
                state: consent.state,
                source: one.source,
                form: one.form,
                basis: one.basis,
                cross_border: one.cross_border,
                text_hash: hash_of(&one.text),
                text: one.text,
                message: None,
                origin_hash: String::new(),
                at: one.at,
            }));
            if consent.state == ConsentState::Withdrawn && had_effect {
                self.skip_queued(consent.channel, consent.purpose);
            }
        }
    }

    fn skip_queued(&mut self, channel: Channel, purpose: String) {
        let prefixes = self.subject.message_prefixes().into_iter().map(str::to_owned);
        let message_prefixes = prefixes.collect();
        self.changes.push(Change::SkipQueued(Withdrawal { channel, purpose, message_prefixes }));
    }
}

/// Returns the conflict of an address that a contact has already, and that is another one. An
/// import sets addresses, and replaces none; an undo says which one it saw.
pub(super) fn address_conflict(name: &str, field: &FieldEdit, now: &Value) -> Option<EditConflict> {
    let is_other = field.was.is_none() && !now.is_null() && *now != field.new;
    (ADDRESSES.contains(&name) && is_other).then(|| EditConflict::Changed {
        field: name.to_owned(),
        was: Value::Null,
        now: now.clone(),
        new: field.new.clone(),
    })
}
