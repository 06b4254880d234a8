//! Positions: a contact joins a company, changes there, and leaves it. All of it is in the
//! contact's log, so that it stays one decision about one record. Companies are read with the
//! decision; a company that is not among them does not exist.

use super::{Decidable, Decider};
use crate::domain::base::primitives::{KindId, Millis, RecordId};
use crate::domain::contact::Contact;
use crate::domain::contact::free_mail::company_domain;
use crate::domain::contact::position::{POSITIONS_MAX, Position, PositionEdit, PositionSource};
use crate::domain::engine::change::Change;
use crate::domain::field::IndexKey;
use crate::domain::kind::{COMPANY, DOMAIN_KEY};
use crate::domain::record::event::{Event, names};
use crate::domain::record::{PlainRecord, Record};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The property with the company of an event.
pub const COMPANY_PROPERTY: &str = "company";

impl Decider<'_, Contact> {
    /// Sets what somebody says about a position. It is a new one if there was none. Nothing happens
    /// if the company does not exist, or if the contact has as many as there may be.
    pub(super) fn apply_position(&mut self, edit: PositionEdit) {
        let index = self.subject.positions.iter().position(|own| own.is_at(&edit.company));
        let before = index.map(|index| self.subject.positions.remove(index));
        let new = || {
            let company = self.companies.iter().find(|one| one.is_known_as(&edit.company))?;
            let is_free = self.subject.positions.len() < POSITIONS_MAX;
            let source = edit.by.clone();
            is_free.then(|| Position::new(company.clone(), source, self.since()))
        };
        let Some(mut position) = before.clone().or_else(new) else { return };
        let is_first = before.is_none() && self.subject.positions.is_empty();
        position.role = edit.role.unwrap_or(position.role);
        position.stance = edit.stance.unwrap_or(position.stance);
        position.is_main = edit.is_main.unwrap_or(position.is_main || is_first);
        if before.as_ref() == Some(&position) {
            return self.subject.positions.push(position);
        }
        if position.is_main {
            self.no_other_is_main();
        }
        let name = match before {
            None => names::COMPANY_JOINED,
            Some(_) => names::COMPANY_CHANGED,
        };
        let mut facts = facts(&position);
        facts["source"] = json!(edit.by);
        self.record(name, None, facts);
        self.changes.push(Change::SetPosition(position.clone()));
        self.subject.positions.push(position);
    }

    /// Ends a position, if there is one.
    pub(super) fn end_position(&mut self, company: &RecordId, by: &PositionSource) {
        let positions = self.subject.positions.iter();
        let Some(index) = positions.clone().position(|own| own.is_at(company)) else { return };
        let position = self.subject.positions.remove(index);
        let mut facts = facts(&position);
        facts["source"] = json!(by);
        self.record(names::COMPANY_LEFT, None, facts);
        self.changes.push(Change::EndPosition(position.company.id.clone()));
    }

    /// Takes a position at the company in whose domain the contact's address is, unless the contact
    /// is there or has left it.
    pub(super) fn join_by_domain(&mut self) {
        let email = self.subject.email.as_deref();
        let Some(domain) = email.and_then(company_domain).map(str::to_owned) else { return };
        let kind = self.catalog.kind(&KindId::from(COMPANY));
        let has_domain = |company: &&PlainRecord| {
            let key = IndexKey::Text(domain.clone());
            let entries = kind.map(|kind| kind.entries(&company.attributes)).unwrap_or_default();
            entries.iter().any(|entry| entry.field == DOMAIN_KEY && entry.key == key)
        };
        // Of several, the oldest: ids are in the order of time.
        let found = self.companies.iter().filter(has_domain).min_by_key(|one| &one.id);
        let Some(company) = found.map(|one| one.id.clone()) else { return };
        let mut own = self.subject.positions.iter();
        if !own.any(|own| own.is_at(&company)) && !self.has_left(&company) {
            self.apply_position(PositionEdit::at(company, PositionSource::domain()));
        }
    }

    /// Takes a position at the company that the contact has named, now that it is known. Without
    /// one, nothing more can be done about the name.
    pub(super) fn join_named(&mut self, name: &str, company: Option<RecordId>) {
        if self.subject.named_company.as_deref() != Some(name) {
            return; // The contact has named another one since, or this is done.
        }
        self.subject.named_company = None;
        self.changes.push(Change::NameCompany(None));
        if let Some(company) = company {
            self.apply_position(PositionEdit::at(company, PositionSource::named()));
        }
    }

    /// Notes the company that the contact has named in one of these attributes, to be found or
    /// made.
    pub(super) fn note_named_company(&mut self, before: &BTreeMap<&str, Option<Value>>) {
        let named = before.iter().find_map(|(attribute, before)| {
            let now = self.subject.attribute(attribute);
            let is_new = now.is_some() && now != *before;
            now.filter(|_| is_new)?.as_str().map(str::to_owned)
        });
        if let Some(name) = named.filter(|name| !name.trim().is_empty()) {
            self.subject.named_company = Some(name.clone());
            self.changes.push(Change::NameCompany(Some(name)));
        }
    }

    /// Takes over the positions of a contact that is merged into this one. The survivor's own stay
    /// as they are. Nothing of this triggers anything.
    pub(super) fn take_over_positions(&mut self, from: &Contact) {
        for position in &from.positions {
            let own = &self.subject.positions;
            let is_there = own.iter().any(|own| own.is_at(&position.company.id));
            if is_there || own.len() >= POSITIONS_MAX {
                continue;
            }
            let is_main = position.is_main && !own.iter().any(|own| own.is_main);
            let position = Position { is_main, ..position.clone() };
            let mut facts = facts(&position);
            facts["copied"] = json!(from.id);
            self.record(names::COMPANY_JOINED, None, facts);
            self.changes.push(Change::SetPosition(position.clone()));
            self.subject.positions.push(position);
        }
        if let Some(name) =
            from.named_company.clone().filter(|_| self.subject.named_company.is_none())
        {
            self.subject.named_company = Some(name.clone());
            self.changes.push(Change::NameCompany(Some(name)));
        }
    }

    /// Gives up the positions of a contact that is merged into another.
    pub(super) fn give_up_positions(&mut self) {
        let ended = std::mem::take(&mut self.subject.positions).into_iter();
        self.changes.extend(ended.map(|own| Change::EndPosition(own.company.id.clone())));
        if self.subject.named_company.take().is_some() {
            self.changes.push(Change::NameCompany(None));
        }
    }

    fn no_other_is_main(&mut self) {
        let mut changed = Vec::new();
        for own in self.subject.positions.iter_mut().filter(|own| own.is_main) {
            own.is_main = false;
            changed.push(Change::SetPosition(own.clone()));
        }
        self.changes.extend(changed);
    }

    /// Returns since when a position that this decision makes is: what led to it belongs to it.
    fn since(&self) -> Millis {
        let recorded = self.changes.iter().filter_map(|change| match change {
            Change::Event { event, .. } => Some(event.at),
            _ => None,
        });
        recorded.min().unwrap_or(self.now).min(self.now)
    }

    fn has_left(&self, company: &RecordId) -> bool {
        let is_it = |event: &Event| event.has(COMPANY_PROPERTY, company.as_str());
        let mut history = self.subject.history.iter();
        history.any(|event| event.name == names::COMPANY_LEFT && is_it(event))
    }
}

/// Returns the properties of an event about a position.
fn facts(position: &Position) -> Value {
    let Position { company, role, stance, is_main, source, .. } = position;
    let mut facts = json!({ COMPANY_PROPERTY: company.id, "main": is_main, "source": source });
    if let Some(role) = role {
        facts["role"] = json!(role);
    }
    if let Some(stance) = stance {
        facts["stance"] = json!(i64::from(*stance));
    }
    facts
}

/// What rules about the people of a company may ask for.
#[derive(PartialEq)]
pub(super) struct CompanyFacts(Record);

impl CompanyFacts {
    /// Returns the facts of a company, if some rule asks about companies; `None` otherwise.
    pub fn of<S: Decidable>(decider: &Decider<'_, S>) -> Option<Self> {
        let record: &Record = &decider.subject;
        let asks = record.kind.as_str() == COMPANY && decider.catalog.asks_about_companies();
        asks.then(|| {
            let empty = Record::unknown(record.id.clone(), record.kind.clone(), record.created_at);
            Self(Record {
                owner: record.owner.clone(),
                attributes: record.attributes.clone(),
                tags: record.tags.clone(),
                score: record.score,
                segments: record.segments.clone(),
                ..empty
            })
        })
    }
}
