//! What a decision depends on in other records: who has a unique value, which number is the next,
//! which records are above another, and the companies of contacts.

use super::command::{Command, RecordRef, edited};
use crate::domain::base::primitives::{KindId, RecordId};
use crate::domain::contact::free_mail::company_domain;
use crate::domain::engine::{Ancestor, Input};
use crate::domain::field::IndexKey;
use crate::domain::publication::catalog::Catalog;
use crate::domain::record::PlainRecord;
use crate::domain::record::edit::Edit;
use crate::flows::ports::{DatabaseError, all};
use crate::store::kinds::{self, Claim, GreatestRow, HolderRow};
use crate::store::positions::{self, CompanyRow, WantedCompanies};
use crate::store::statement::{Rows, Statement};
use std::collections::{BTreeMap, BTreeSet};

/// The facts for the edits of one read.
#[derive(Default)]
pub(super) struct FieldFacts {
    /// The greatest number of each kind that numbers its records.
    greatest: BTreeMap<KindId, i64>,
    holders: Vec<HolderRow>,
    ancestors: Vec<Ancestor>,
    companies: Vec<PlainRecord>,
}

impl FieldFacts {
    /// Returns the questions: none if no command edits a unique field or a parent, makes a numbered
    /// record, or concerns a company.
    pub fn questions(catalog: &Catalog, commands: &[Command]) -> [Option<Statement>; 4] {
        let (numbered, claims) = (numbered(catalog, commands), claims(catalog, commands));
        let parents = parents(catalog, commands);
        [
            (!numbered.is_empty()).then(|| kinds::greatest_numbers(&numbered)),
            (!claims.is_empty()).then(|| kinds::holders(&claims)),
            (!parents.is_empty()).then(|| positions::ancestors(&parents)),
            wanted_companies(catalog, commands),
        ]
    }

    /// Reads the answers to `questions`.
    pub fn read(answers: [Option<&Rows>; 4]) -> Result<Self, DatabaseError> {
        let [numbers, holders, ancestors, companies] = answers;
        let numbers = all::<GreatestRow>(numbers)?.into_iter();
        let greatest = numbers.map(|row| (row.kind, row.number.unwrap_or(0))).collect();
        let companies = all::<CompanyRow>(companies)?.into_iter().map(PlainRecord::from).collect();
        Ok(Self { greatest, holders: all(holders)?, ancestors: all(ancestors)?, companies })
    }

    /// Returns the companies that inputs name, and those in whose domains the addresses are.
    pub fn companies(&self) -> &[PlainRecord] {
        &self.companies
    }

    /// Returns the records above those that edits make parents.
    pub fn ancestors(&self) -> &[Ancestor] {
        &self.ancestors
    }

    /// Returns the next number of a kind, and counts it as taken.
    pub fn next_number(&mut self, kind: &KindId) -> Option<i64> {
        let greatest = self.greatest.get_mut(kind)?;
        *greatest += 1;
        Some(*greatest)
    }

    /// Returns the values that other records than this one have, by field.
    pub fn taken(&self, own: &RecordId) -> Vec<(String, IndexKey)> {
        let others = self.holders.iter().filter(|holder| holder.record_id != *own);
        let key = |holder: &HolderRow| match &holder.value {
            serde_json::Value::Number(number) => number.as_f64().map(IndexKey::Number),
            value => value.as_str().map(|text| IndexKey::Text(text.to_owned())),
        };
        others.filter_map(|holder| Some((holder.field.clone(), key(holder)?))).collect()
    }
}

/// Returns the kinds of the commands whose records are numbered.
fn numbered<'c>(catalog: &Catalog, commands: &'c [Command]) -> Vec<&'c KindId> {
    let kinds = commands.iter().filter_map(|command| match &command.who {
        RecordRef::Plain { kind, .. } => Some(kind),
        _ => None,
    });
    let kinds: BTreeSet<&KindId> = kinds.collect();
    let is_numbered =
        |kind: &&KindId| catalog.kind(kind).is_some_and(|kind| kind.numbered().is_some());
    kinds.into_iter().filter(is_numbered).collect()
}

/// Returns the unique values that the commands set.
fn claims(catalog: &Catalog, commands: &[Command]) -> Vec<Claim> {
    let claims = edits(commands).flat_map(|(id, edit)| {
        let unique = catalog.kind(&id).into_iter().flat_map(|kind| &kind.fields);
        let unique = unique.filter(|field| field.unique);
        let claim = |field: &crate::domain::field::Field| {
            let key = field.kind.index_key(&edit.fields.get(&field.name)?.new)?;
            Some(Claim::new(&id, &field.name, &key))
        };
        unique.filter_map(claim).collect::<Vec<_>>()
    });
    claims.collect()
}

/// Returns the records that the commands make parents of others.
fn parents(catalog: &Catalog, commands: &[Command]) -> Vec<RecordId> {
    let parent = |(id, edit): (KindId, &Edit)| {
        let field = catalog.kind(&id)?.parent()?;
        edit.fields.get(field)?.new.as_str().map(RecordId::from)
    };
    edits(commands).filter_map(parent).collect()
}

/// Returns the edits of the commands, each with the kind of its record.
fn edits(commands: &[Command]) -> impl Iterator<Item = (KindId, &Edit)> {
    commands.iter().flat_map(|command| {
        let kind = match &command.who {
            RecordRef::Plain { kind, .. } => kind.clone(),
            _ => KindId::contact(),
        };
        command.inputs.iter().filter_map(move |input| Some((kind.clone(), edited(input)?)))
    })
}

/// Returns the question for companies: none if no input names one and no address can be one's.
fn wanted_companies(catalog: &Catalog, commands: &[Command]) -> Option<Statement> {
    let inputs = || commands.iter().flat_map(|command| &command.inputs);
    let ids = inputs().filter_map(Input::company).cloned().collect();
    let mut domains = Vec::new();
    if catalog.uses_companies() {
        let emails = commands.iter().flat_map(|command| command.who.addresses());
        domains.extend(emails.filter_map(|email| company_domain(email)).map(str::to_owned));
        domains.sort_unstable();
        domains.dedup();
    }
    let wanted = WantedCompanies { ids, domains, names: Vec::new() };
    (wanted != WantedCompanies::default()).then(|| positions::companies(&wanted))
}
