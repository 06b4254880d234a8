//! A kind of record, such as companies: its labels, its fields, and which of them lists show. Kinds
//! are published, as campaigns are. Not here: the types of fields (`field`), and the records
//! themselves (`record`).

mod built_in;
mod check;
mod company;
mod reading;
mod settle;

pub use built_in::{COMPANY, built_in};
pub use check::{KIND_BYTES_MAX, check};
pub use company::{DOMAIN, DOMAIN_KEY, NAME_KEY, normal_domain, normal_name};
pub use reading::{FieldValues, Sealer, read_attribute};
pub use settle::{Entry, Settled};

use crate::domain::base::language::Language;
use crate::domain::base::primitives::KindId;
use crate::domain::field::auto_number::Pattern;
use crate::domain::field::{Field, FieldType, Labels, Sensitivity};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A kind of record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kind {
    /// The name in addresses and files: `company`.
    pub id: KindId,
    /// What one record is called: `Company`.
    pub label: Labels,
    /// What several are called: `Companies`.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub plural: Labels,
    /// The field that a record is called by. Contacts have none: their names and addresses serve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The field that says where a record stands, a `select`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// The field that says what a record is worth, a `money`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Whether records are found by their words (`search`): each word is a row of the database.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub search: bool,
    /// The labels of the sections that group fields on a page, in the order of the page.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sections: Vec<Section>,
    #[serde(default)]
    pub fields: Vec<Field>,
}

/// A group of fields on a page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Section {
    pub name: String,
    pub label: Labels,
}

impl Kind {
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Returns who should see a field. An attribute of a contact that no field declares is for
    /// every member, for forms set such; one of another kind comes from a field that was removed,
    /// and may have been confidential.
    pub fn class(&self, name: &str) -> Sensitivity {
        match self.field(name) {
            Some(field) => field.class,
            None if ["email", "phone", "external_id"].contains(&name) => Sensitivity::Personal,
            None if self.id.is_contact() || ["score", "owner", "tags", "lists"].contains(&name) => {
                Sensitivity::Internal
            }
            None => Sensitivity::Confidential,
        }
    }

    /// Returns a kept value as the API and pages write it.
    pub fn written(&self, name: &str, kept: &Value) -> Value {
        match self.field(name).map(|field| &field.kind) {
            Some(kind) if kind.is_written() => Value::from(kind.export(kept)),
            _ => kept.clone(),
        }
    }

    /// Writes the values of an edit's event, each before and after, as `written` does.
    pub fn write_changes(&self, properties: &mut Map<String, Value>) {
        let Some(Value::Object(fields)) = properties.get_mut("fields") else { return };
        for (name, values) in fields {
            let both = values.as_array_mut().into_iter().flatten();
            both.for_each(|kept| *kept = self.written(name, kept));
        }
    }

    /// Returns what one record is called.
    pub fn name(&self, language: Language) -> &str {
        self.label.pick(language).unwrap_or(self.id.as_str())
    }

    /// Returns the field that numbers the records, with its pattern.
    pub fn numbered(&self) -> Option<(&Field, Pattern)> {
        self.fields.iter().find_map(|field| match &field.kind {
            FieldType::AutoNumber { pattern } => Some((field, Pattern::parse(pattern).ok()?)),
            _ => None,
        })
    }
}

/// The kinds of a deployment: those that were published, and the built-in ones that were not.
#[derive(Clone, Debug)]
pub struct Kinds {
    all: BTreeMap<KindId, Rc<Kind>>,
    /// Those that were published.
    published: BTreeSet<KindId>,
}

impl Default for Kinds {
    /// Returns the built-in kinds.
    fn default() -> Self {
        Self::new([])
    }
}

impl Kinds {
    pub fn new(published: impl IntoIterator<Item = Rc<Kind>>) -> Self {
        let built_in = built_in().into_iter().map(Rc::new);
        let published: Vec<Rc<Kind>> = published.into_iter().collect();
        let ids = published.iter().map(|kind| kind.id.clone()).collect();
        let all = built_in.chain(published).map(|kind| (kind.id.clone(), kind));
        Self { all: all.collect(), published: ids }
    }

    /// Returns whether a kind was published, and is not only built in.
    pub fn is_published(&self, id: &KindId) -> bool {
        self.published.contains(id)
    }

    /// Returns these kinds without those that cannot be read.
    pub fn without(mut self, unreadable: Vec<KindId>) -> Self {
        self.all.retain(|id, _| !unreadable.contains(id));
        self
    }

    pub fn get(&self, id: &KindId) -> Option<&Rc<Kind>> {
        self.all.get(id)
    }

    /// Returns all kinds, ordered by id.
    pub fn all(&self) -> impl Iterator<Item = &Rc<Kind>> {
        self.all.values()
    }
}

#[cfg(test)]
mod tests;
