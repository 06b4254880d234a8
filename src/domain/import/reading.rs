//! Reading a row: its cells become values of fields, addresses, tags and consents, or problems,
//! each with its field.

use super::consent::{self, ImportedConsent};
use super::row::ADDRESSES;
use crate::domain::base::language::Language;
use crate::domain::base::primitives::{Millis, RecordId};
use crate::domain::contact::address::{read_email, read_phone};
use crate::domain::field::{FieldReason, FieldType, IndexKey, ids};
use crate::domain::kind::{FieldValues, Kind, read_attribute};
use crate::domain::record::edit::FieldEdit;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The longest external id of a contact, in bytes.
const EXTERNAL_ID_BYTES_MAX: usize = 200;

/// The most tags of a row, and the longest tag, in characters.
const TAGS_MAX: usize = 50;
const TAG_CHARS_MAX: usize = 100;

/// The longest name of an attribute that no field declares, in characters.
const NAME_CHARS_MAX: usize = 100;

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq)]
pub struct RowProblem {
    /// The field; empty if it is the whole row.
    pub field: String,
    /// What is wrong, and what to do.
    pub reason: String,
}

impl RowProblem {
    pub fn new(field: &str, reason: impl Into<String>) -> Self {
        Self { field: field.to_owned(), reason: reason.into() }
    }

    fn of(field: &str, reason: &FieldReason) -> Self {
        Self::new(field, reason.message(Language::English))
    }
}

/// A row that was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowValues {
    /// Our id of the record.
    pub id: Option<RecordId>,
    /// The addresses of a contact in normal form, by their names.
    pub addresses: BTreeMap<&'static str, String>,
    /// The values of unique fields, as the index has them.
    pub unique: Vec<(String, IndexKey)>,
    /// The texts of fields, which the kind reads once the record is known.
    texts: FieldValues,
    /// The values of attributes that no field declares.
    attributes: BTreeMap<String, Value>,
    /// The automatic number that the record has elsewhere.
    number: Option<String>,
    pub tags: Vec<String>,
    pub score: Option<i64>,
    pub created_at: Option<Millis>,
    pub consents: Vec<ImportedConsent>,
}

/// How rows are read.
pub struct RowReader<'a> {
    pub kind: &'a Kind,
    /// The country of phone numbers of contacts without `+`, such as `CN`.
    pub region: Option<&'a str>,
    pub now: Millis,
}

impl RowReader<'_> {
    /// Reads the cells of a row, each with its field. An empty cell says nothing.
    pub fn read(&self, cells: &[(&str, &str)]) -> Result<RowValues, Vec<RowProblem>> {
        let mut row = RowValues::default();
        let mut problems = Vec::new();
        let mut evidence = BTreeMap::new();
        for (field, cell) in cells.iter().filter(|(_, cell)| !cell.trim().is_empty()) {
            if field.starts_with(consent::PREFIX) {
                evidence.insert(*field, *cell);
            } else if let Err(problem) = self.cell(field, cell, &mut row) {
                problems.push(problem);
            }
        }
        match consent::read(&evidence, self.now) {
            Ok(consents) => row.consents = consents,
            Err(found) => problems.extend(found),
        }
        self.read_unique(&mut row, &mut problems);
        if problems.is_empty() { Ok(row) } else { Err(problems) }
    }

    fn cell(&self, field: &str, cell: &str, row: &mut RowValues) -> Result<(), RowProblem> {
        let problem = |reason: &str| Err(RowProblem::new(field, reason));
        let trimmed = cell.trim();
        if field == "id" {
            let id = ids::id(trimmed).map_err(|reason| RowProblem::of(field, &reason))?;
            row.id = Some(RecordId(id));
            return Ok(());
        }
        match self.kind.field(field).map(|field| &field.kind) {
            Some(FieldType::AutoNumber { .. }) => row.number = Some(trimmed.to_owned()),
            Some(_) => _ = row.texts.insert(field.to_owned(), cell.into()),
            None => match field {
                "email" | "phone" | "external_id" if self.kind.id.is_contact() => {
                    return self.address(field, trimmed, row);
                }
                "tags" => row.tags = tags(trimmed)?,
                "score" => match trimmed.parse::<i64>() {
                    Ok(score) if score.abs() <= 1_000_000_000 => row.score = Some(score),
                    _ => return problem("write a whole number"),
                },
                "created_at" => match consent::date(trimmed, self.now) {
                    Ok(at) => row.created_at = Some(at),
                    Err(found) => return problem(&found.reason),
                },
                "attributes" => self.attributes(trimmed, row)?,
                "time_zone" if jiff::tz::TimeZone::get(trimmed).is_err() => {
                    return problem("write a time zone as in Europe/Berlin");
                }
                _ => _ = row.texts.insert(field.to_owned(), trimmed.into()),
            },
        }
        Ok(())
    }

    fn address(&self, name: &str, cell: &str, row: &mut RowValues) -> Result<(), RowProblem> {
        let read = match name {
            "email" => read_email(cell),
            "phone" => read_phone(cell, self.region),
            _ if cell.len() <= EXTERNAL_ID_BYTES_MAX && !cell.chars().any(char::is_control) => {
                Ok(cell.to_owned())
            }
            _ => return Err(RowProblem::new(name, "give at most 200 bytes on one line")),
        };
        let read =
            read.map_err(|reason| RowProblem::new(name, reason.message(Language::English)))?;
        let own = ADDRESSES.into_iter().find(|own| *own == name);
        row.addresses.extend(own.map(|own| (own, read)));
        Ok(())
    }

    /// Reads attributes that no field declares, as an export writes them: a JSON object.
    fn attributes(&self, cell: &str, row: &mut RowValues) -> Result<(), RowProblem> {
        let Ok(Value::Object(all)) = serde_json::from_str(cell) else {
            return Err(RowProblem::new("attributes", "write a JSON object"));
        };
        let all: Map<String, Value> = all;
        for (name, value) in all {
            if self.kind.field(&name).is_some() {
                row.texts.insert(name, value);
                continue;
            }
            if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
                let reason = format!("a name has 1 to {NAME_CHARS_MAX} characters");
                return Err(RowProblem::new("attributes", reason));
            }
            let read = read_attribute(&value)
                .map_err(|reason| RowProblem::of(&format!("attributes.{name}"), &reason))?;
            row.attributes.insert(name, read);
        }
        Ok(())
    }

    /// Reads the values of unique fields, by which the row may find its record.
    fn read_unique(&self, row: &mut RowValues, problems: &mut Vec<RowProblem>) {
        for field in self.kind.fields.iter().filter(|field| field.unique) {
            let Some(text) = row.texts.get(&field.name) else { continue };
            let texts = Map::from_iter([(field.name.clone(), text.clone())]);
            match self.kind.read(&texts, Some(&BTreeMap::new()), "UTC", None) {
                Ok(read) => {
                    let key = read.get(&field.name);
                    let key = key.and_then(|edit| field.kind.index_key(&edit.new));
                    row.unique.extend(key.map(|key| (field.name.clone(), key)));
                }
                Err(found) => {
                    let found = found.iter();
                    problems.extend(found.map(|one| RowProblem::of(&one.field, &one.reason)));
                }
            }
        }
    }
}

impl RowValues {
    /// Returns the edit of a record with these attributes, or of a new one.
    pub fn edit(
        &self,
        kind: &Kind,
        kept: Option<&BTreeMap<String, Value>>,
    ) -> Result<BTreeMap<String, FieldEdit>, Vec<RowProblem>> {
        // What is computed here is computed here; a file that was exported has it too.
        let is_typed = |name: &String| {
            kind.field(name).is_none_or(|field| !matches!(field.kind, FieldType::Formula { .. }))
        };
        let typed = self.texts.iter().filter(|(name, _)| is_typed(name));
        let typed: FieldValues = typed.map(|(name, text)| (name.clone(), text.clone())).collect();
        let read = kind.read(&typed, kept, "UTC", None);
        let mut edits = read.map_err(|found| {
            found.iter().map(|one| RowProblem::of(&one.field, &one.reason)).collect::<Vec<_>>()
        })?;
        let address = |(name, address): (&&str, &String)| {
            ((*name).to_owned(), FieldEdit::to(address.as_str().into()))
        };
        edits.extend(self.addresses.iter().map(address));
        let attributes = self.attributes.iter();
        edits.extend(attributes.map(|(name, value)| (name.clone(), FieldEdit::to(value.clone()))));
        Ok(edits)
    }

    /// Returns the automatic number that a new record takes over, and adds it to the edit as it is
    /// written. One that a known record has already is no problem.
    pub fn number(
        &self,
        kind: &Kind,
        kept: Option<&BTreeMap<String, Value>>,
        edit: &mut BTreeMap<String, FieldEdit>,
    ) -> Result<Option<i64>, RowProblem> {
        let (Some(text), Some((field, pattern))) = (&self.number, kind.numbered()) else {
            return Ok(None);
        };
        match kept {
            Some(kept) if kept.get(&field.name).and_then(Value::as_str) == Some(text) => Ok(None),
            Some(_) => Err(RowProblem::of(&field.name, &FieldReason::Computed)),
            None => match kind.number_of(&pattern, text) {
                Some(number) => {
                    edit.insert(field.name.clone(), FieldEdit::to(text.as_str().into()));
                    Ok(Some(number))
                }
                None => Err(RowProblem::new(&field.name, "the pattern does not write this number")),
            },
        }
    }
}

/// Reads a list of tags, separated by commas or semicolons, or a JSON list.
fn tags(cell: &str) -> Result<Vec<String>, RowProblem> {
    let listed = cell.starts_with('[').then(|| serde_json::from_str::<Vec<String>>(cell).ok());
    let split = || {
        let parts = cell.split([',', ';', '，', '；', '、']).map(str::trim);
        parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let tags: Vec<String> = listed.flatten().unwrap_or_else(split);
    let is_tag = |tag: &String| {
        let chars = tag.chars().count();
        (1..=TAG_CHARS_MAX).contains(&chars) && !tag.chars().any(char::is_control)
    };
    match tags.len() <= TAGS_MAX && tags.iter().all(is_tag) {
        true => Ok(tags),
        false => {
            let reason = format!("at most {TAGS_MAX} tags of 1 to {TAG_CHARS_MAX} characters");
            Err(RowProblem::new("tags", reason))
        }
    }
}
