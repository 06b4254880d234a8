//! What an edit of a record depends on in other records: who has a unique value, and which number
//! is the next.

use super::command::{Command, RecordRef};
use crate::domain::base::primitives::{KindId, RecordId};
use crate::domain::engine::{Input, RecordInput};
use crate::domain::field::IndexKey;
use crate::domain::publication::catalog::Catalog;
use crate::domain::record::edit::Edit;
use crate::flows::ports::{DatabaseError, all};
use crate::store::kinds::{self, Claim, GreatestRow, HolderRow};
use crate::store::statement::{Rows, Statement};
use std::collections::{BTreeMap, BTreeSet};

/// The facts for the edits of one read.
#[derive(Default)]
pub(super) struct FieldFacts {
    /// The greatest number of each kind that numbers its records.
    greatest: BTreeMap<KindId, i64>,
    holders: Vec<HolderRow>,
}

impl FieldFacts {
    /// Returns the questions: none if no command edits a unique field or makes a numbered record.
    pub fn questions(catalog: &Catalog, commands: &[Command]) -> [Option<Statement>; 2] {
        let (numbered, claims) = (numbered(catalog, commands), claims(catalog, commands));
        [
            (!numbered.is_empty()).then(|| kinds::greatest_numbers(&numbered)),
            (!claims.is_empty()).then(|| kinds::holders(&claims)),
        ]
    }

    /// Reads the answers to `questions`.
    pub fn read(numbers: Option<&Rows>, holders: Option<&Rows>) -> Result<Self, DatabaseError> {
        let numbers = all::<GreatestRow>(numbers)?.into_iter();
        let greatest = numbers.map(|row| (row.kind, row.number.unwrap_or(0))).collect();
        Ok(Self { greatest, holders: all::<HolderRow>(holders)? })
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
    let edits = commands.iter().flat_map(|command| {
        let kind = match &command.who {
            RecordRef::Plain { kind, .. } => kind.clone(),
            _ => KindId::contact(),
        };
        command.inputs.iter().filter_map(move |input| Some((kind.clone(), edit(input)?)))
    });
    let claims = edits.flat_map(|(id, edit)| {
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

fn edit(input: &Input) -> Option<&Edit> {
    match input {
        Input::Record(RecordInput::Edited(edit)) => Some(edit),
        Input::Record(RecordInput::Imported(row)) => Some(&row.edit),
        _ => None,
    }
}
