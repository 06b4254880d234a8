//! Field types: how a value is read, kept, shown, written to files and compared. The one place for
//! this, wherever the value comes from: a form, a page, an import or the API.
//!
//! A value is *kept* as JSON, in one form whatever its spelling was. Not here: the forms of a
//! campaign (`form`), which records exist (`store`), how an input looks (`views`).

pub mod auto_number;
pub mod cell;
pub mod formula;
pub mod ids;
pub mod number;
pub mod options;
pub mod postal;
pub mod region;
pub mod rich_text;
pub mod sealed;
pub mod table;
pub mod text;
pub mod time;

mod check;
mod convert;
mod decimal;
mod index;
mod kind;
mod labels;
mod read;
mod reason;
mod show;

pub use check::check;
pub use convert::Converted;
pub use decimal::Decimal;
pub use index::IndexKey;
pub use kind::FieldType;
pub use labels::Labels;
pub use options::{Choice, OPTIONS_MAX};
pub use read::{Reading, Typed, tick};
pub use reason::{FieldProblem, FieldReason};
pub use show::Viewer;
pub use table::Column;

use crate::domain::base::language::Language;
use crate::domain::contact::country::{self, Country};
use crate::domain::segment::Rule;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The longest name of a field, in characters; names are keys in JSON and columns in files.
pub const FIELD_NAME_CHARS_MAX: usize = 64;

/// A field of a kind of record. Its JSON also reads the fields of published forms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// The name, unique in its kind: `[a-z][a-z0-9_]{0,63}`. The key under which values are kept.
    pub name: String,
    /// The label shown beside it; made from the name if there is none.
    #[serde(default)]
    pub label: Labels,
    /// A hint below the field.
    #[serde(default)]
    pub help: Labels,
    pub kind: FieldType,
    /// Whether an empty value is refused.
    #[serde(default)]
    pub required: bool,
    /// Whether no two records may have the same value.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unique: bool,
    /// Whether the database has an index of it, for lists and filters.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub indexed: bool,
    /// Whether records are found by its words, if their kind is searched.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub search: bool,
    /// Who should see it, unless a role says otherwise.
    #[serde(default, skip_serializing_if = "Sensitivity::is_internal")]
    pub class: Sensitivity,
    /// Pages show the field only while the record meets this rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub show_if: Option<Rule>,
    /// The heading under which pages show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
}

/// How far a value may be spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sensitivity {
    /// Anybody may know it.
    Public,
    /// The members may.
    #[default]
    Internal,
    /// Some members may.
    Confidential,
    /// About a natural person: exported and erased at that person's request.
    Personal,
}

impl Sensitivity {
    fn is_internal(&self) -> bool {
        *self == Self::Internal
    }

    /// Returns whether only some members may know it.
    pub fn is_guarded(self) -> bool {
        matches!(self, Self::Confidential | Self::Personal)
    }
}

impl Field {
    /// Reads a value by the field's type, and refuses a missing one if the field is required. A
    /// computed field is never missing.
    pub fn read(
        &self,
        typed: &Typed<'_>,
        reading: &Reading<'_>,
    ) -> Result<Option<Value>, FieldReason> {
        let read = self.kind.read(typed, reading)?;
        match (&self.kind, &read) {
            _ if !self.required || self.kind.is_computed() => Ok(read),
            (FieldType::Checkbox, Some(Value::Bool(true))) => Ok(read),
            (FieldType::Checkbox, _) => Err(FieldReason::NotTicked),
            (_, None) => Err(FieldReason::Missing),
            _ => Ok(read),
        }
    }

    /// Returns whether its words can be searched: it is text, and not confidential.
    pub fn is_searchable(&self) -> bool {
        let is_text = matches!(
            self.kind,
            FieldType::Text
                | FieldType::Textarea
                | FieldType::Email
                | FieldType::Tel { .. }
                | FieldType::Url
                | FieldType::AutoNumber { .. }
        );
        is_text && self.class != Sensitivity::Confidential
    }

    /// Returns the label in a language; the name with spaces if there is none.
    pub fn title(&self, language: Language) -> String {
        self.label.pick(language).map_or_else(|| self.name.replace('_', " "), str::to_owned)
    }
}

/// Returns whether a text can be the name of a field: `[a-z][a-z0-9_]{0,63}`.
pub fn is_field_name(name: &str) -> bool {
    let is_part = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.len() <= FIELD_NAME_CHARS_MAX
        && name.bytes().all(is_part)
}

/// Reads a country by its code or its name in either language, and returns the code.
pub(super) fn country(typed: &str) -> Result<&'static str, FieldReason> {
    let found = country::find(typed).or_else(|| country_named(typed));
    found.map(|country| country.code).ok_or(FieldReason::NotACountry)
}

fn country_named(typed: &str) -> Option<Country> {
    let is_named = |country: &Country| {
        let names = Language::ALL.map(|language| country.name(language));
        names.iter().any(|name| name.eq_ignore_ascii_case(typed))
    };
    country::all(Language::English).into_iter().find(is_named)
}

#[cfg(test)]
mod tests;
