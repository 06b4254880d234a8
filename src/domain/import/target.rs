//! The fields of a kind that the columns of a file may become.

use super::consent;
use super::row::ADDRESSES;
use crate::domain::field::FieldType;
use crate::domain::field::is_field_name;
use crate::domain::kind::Kind;
use crate::domain::table_file::mapping::{self, Mapping, MappingProblem, Target};
use crate::domain::table_file::synonyms;
use std::collections::BTreeSet;

/// What every record has besides its fields.
const OF_EVERY_RECORD: [&str; 6] = ["id", "owner", "tags", "score", "created_at", "attributes"];

/// What contacts have besides.
const OF_CONTACTS: [&str; 2] = ["locale", "time_zone"];

/// The fields, each with its other names.
pub struct Targets(Vec<(String, Vec<String>)>);

/// A mapping for the columns of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled {
    pub mapping: Mapping,
    /// The columns that are not read.
    pub ignored: Vec<String>,
}

impl Targets {
    /// Returns the fields of a kind. A mapping may name attributes of contacts that no field
    /// declares.
    pub fn of(kind: &Kind, mapping: &Mapping) -> Self {
        let mut all: Vec<(String, Vec<String>)> = Vec::new();
        let mut add = |name: &str, others: Vec<String>| {
            if all.iter().all(|(known, _)| known != name) {
                all.push((name.to_owned(), others));
            }
        };
        let typed = |kind: &FieldType| !matches!(kind, FieldType::Formula { .. });
        for field in kind.fields.iter().filter(|field| typed(&field.kind)) {
            let labels = [&field.label.english, &field.label.chinese].into_iter().flatten();
            let usual = synonyms::CONTACT.iter().filter(|(name, _)| *name == field.name);
            let usual = usual.flat_map(|(_, others)| others.iter().map(|one| (*one).to_owned()));
            add(&field.name, labels.cloned().chain(usual).collect());
        }
        if kind.id.is_contact() {
            for (name, others) in synonyms::CONTACT {
                add(name, others.iter().map(|one| (*one).to_owned()).collect());
            }
            for name in ADDRESSES.iter().chain(&OF_CONTACTS).chain(&consent::COLUMNS) {
                add(name, Vec::new());
            }
        }
        OF_EVERY_RECORD.iter().for_each(|name| add(name, Vec::new()));
        if kind.id.is_contact() {
            let columns = mapping.columns.values().flatten();
            let named = columns.chain(mapping.constants.keys());
            named.filter(|name| is_field_name(name)).for_each(|name| add(name, Vec::new()));
        }
        Self(all)
    }

    /// Completes a mapping by the names of the columns that it does not mention.
    pub fn settle(
        &self,
        columns: &[String],
        mapping: &Mapping,
    ) -> Result<Settled, Vec<MappingProblem>> {
        let synonyms: Vec<Vec<&str>> =
            self.0.iter().map(|(_, all)| all.iter().map(String::as_str).collect()).collect();
        let targets: Vec<Target<'_>> = self
            .0
            .iter()
            .zip(&synonyms)
            .map(|((name, _), synonyms)| Target { name, synonyms, is_required: false })
            .collect();
        let problems = mapping.problems(columns, &targets);
        if !problems.is_empty() {
            return Err(problems);
        }
        let given: BTreeSet<&String> =
            mapping.columns.values().flatten().chain(mapping.constants.keys()).collect();
        let guess = mapping::guess(columns, &targets);
        let mut settled = mapping.clone();
        for (column, field) in guess.mapping.columns {
            let is_free = field.as_ref().is_some_and(|field| !given.contains(field));
            if is_free && !mapping.columns.contains_key(&column) {
                settled.columns.insert(column, field);
            }
        }
        let is_read = |column: &&String| matches!(settled.columns.get(*column), Some(Some(_)));
        let ignored = columns.iter().filter(|column| !is_read(column)).cloned().collect();
        Ok(Settled { mapping: settled, ignored })
    }
}
