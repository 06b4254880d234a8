//! Which column of a file becomes which field. The mapping is data, and knows fields by their names
//! only; what a field accepts is not decided here.

use super::Row;
use crate::domain::base::diagnostic::nearest;
use crate::domain::base::language::Language;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A field that a column may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'t> {
    pub name: &'t str,
    /// Other names of the field, in files of other systems, the most usual first. Case, spaces and
    /// punctuation do not matter.
    pub synonyms: &'t [&'t str],
    /// Whether each row must have it.
    pub is_required: bool,
}

/// Which column becomes which field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// The field of a column; `None` for a column that is ignored on purpose.
    #[serde(default)]
    pub columns: BTreeMap<String, Option<String>>,
    /// Fields with the same value in all rows.
    #[serde(default)]
    pub constants: BTreeMap<String, String>,
}

/// A mapping by the names of the columns, to be confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Guess {
    pub mapping: Mapping,
    /// Columns that no field is known for, in the order of the file.
    pub unknown: Vec<String>,
    /// Columns whose field another column has already, with that field.
    pub rivals: Vec<(String, String)>,
}

/// What is wrong with a mapping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum MappingProblem {
    /// The mapping names a column that the file does not have.
    NoSuchColumn { column: String },
    /// There is no such field; the nearest one may be meant.
    NoSuchField { field: String, nearest: Option<String> },
    /// Several columns, or a column and a constant, give one field.
    SameField { field: String, columns: Vec<String> },
    /// A required field has neither a column nor a constant.
    Missing { field: String },
}

/// Guesses the fields of columns by their names. The name of the field itself comes before its
/// synonyms, and an earlier synonym before a later one.
pub fn guess(columns: &[String], targets: &[Target<'_>]) -> Guess {
    let rank = |column: &str, target: &Target<'_>| {
        let wanted = plain(column);
        let mut names = std::iter::once(&target.name).chain(target.synonyms);
        names.position(|name| plain(name) == wanted).filter(|_| !wanted.is_empty())
    };
    let mut taken: BTreeMap<&str, &str> = BTreeMap::new();
    for target in targets {
        let ranked = columns.iter().filter_map(|column| Some((rank(column, target)?, column)));
        // The first of equals is taken.
        let free = ranked.filter(|(_, column)| !taken.contains_key(column.as_str()));
        if let Some((_, column)) = free.min_by_key(|(rank, _)| *rank) {
            taken.insert(column, target.name);
        }
    }
    let mut guess = Guess { mapping: Mapping::default(), unknown: Vec::new(), rivals: Vec::new() };
    for column in columns {
        let rival = targets.iter().find(|target| rank(column, target).is_some());
        match (taken.get(column.as_str()), rival) {
            (Some(field), _) => {
                guess.mapping.columns.insert(column.clone(), Some((*field).to_owned()));
            }
            (None, Some(target)) => guess.rivals.push((column.clone(), target.name.to_owned())),
            (None, None) => guess.unknown.push(column.clone()),
        }
    }
    guess
}

impl Mapping {
    /// Returns everything that is wrong with it for a file with these columns.
    pub fn problems(&self, columns: &[String], targets: &[Target<'_>]) -> Vec<MappingProblem> {
        let gone = self.columns.keys().filter(|column| !columns.contains(column));
        let mut problems: Vec<MappingProblem> =
            gone.map(|column| MappingProblem::NoSuchColumn { column: column.clone() }).collect();
        let mut sources: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for column in columns {
            if let Some(Some(field)) = self.columns.get(column) {
                sources.entry(field).or_default().push(column.clone());
            }
        }
        let names = || targets.iter().map(|target| target.name);
        let fields = sources.keys().copied().chain(self.constants.keys().map(String::as_str));
        let mut unknown: Vec<&str> =
            fields.filter(|field| !names().any(|name| name == *field)).collect();
        unknown.dedup();
        problems.extend(unknown.into_iter().map(|field| MappingProblem::NoSuchField {
            field: field.to_owned(),
            nearest: nearest(field, names()).map(str::to_owned),
        }));
        for (field, columns) in &sources {
            if columns.len() > 1 || self.constants.contains_key(*field) {
                let (field, columns) = ((*field).to_owned(), columns.clone());
                problems.push(MappingProblem::SameField { field, columns });
            }
        }
        let is_missing = |target: &&Target<'_>| {
            target.is_required
                && !sources.contains_key(target.name)
                && !self.constants.contains_key(target.name)
        };
        problems.extend(
            targets
                .iter()
                .filter(is_missing)
                .map(|target| MappingProblem::Missing { field: target.name.to_owned() }),
        );
        problems
    }

    /// Returns the columns of a file about which it says nothing. They are not read.
    pub fn unmapped<'c>(&self, columns: &'c [String]) -> Vec<&'c str> {
        let unmapped = columns.iter().filter(|column| !self.columns.contains_key(*column));
        unmapped.map(String::as_str).collect()
    }

    /// Returns the values of a row, each with its field. Empty cells are among them.
    pub fn values<'m>(&'m self, row: &Row<'m>) -> Vec<(&'m str, &'m str)> {
        let cells = row.columns().iter().zip(row.cells());
        let mapped = cells.filter_map(|(column, cell)| {
            let field = self.columns.get(column)?.as_deref()?;
            Some((field, cell))
        });
        let constants =
            self.constants.iter().map(|(field, value)| (field.as_str(), value.as_str()));
        mapped.chain(constants).collect()
    }
}

impl MappingProblem {
    /// Returns what is wrong, and what to do, as one sentence without a full stop.
    pub fn message(&self, language: Language) -> String {
        let (english, chinese) = match self {
            Self::NoSuchColumn { column } => (
                format!("the file has no column `{column}`; remove it from the mapping"),
                format!("文件中没有“{column}”列；请从映射中删除"),
            ),
            Self::NoSuchField { field, nearest: Some(near) } => (
                format!("there is no field `{field}`; did you mean `{near}`?"),
                format!("没有字段“{field}”；是否为“{near}”？"),
            ),
            Self::NoSuchField { field, nearest: None } => (
                format!("there is no field `{field}`; choose another, or ignore the column"),
                format!("没有字段“{field}”；请选择其他字段，或忽略该列"),
            ),
            Self::SameField { field, columns } => (
                format!(
                    "the field `{field}` gets more than one value: {}; keep one column or constant",
                    columns.join(", ")
                ),
                format!(
                    "字段“{field}”有多个来源：{}；请只保留一列或一个固定值",
                    columns.join("、")
                ),
            ),
            Self::Missing { field } => (
                format!("the field `{field}` is required; choose its column or a constant"),
                format!("字段“{field}”为必填；请选择对应的列或填写固定值"),
            ),
        };
        language.pick(english, chinese)
    }
}

/// Normalises a name: letters and digits in lower case, half width, without what is in brackets,
/// such as `手机号（必填）`.
fn plain(name: &str) -> String {
    let mut depth = 0_usize;
    let mut plain = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '(' | '（' | '[' | '【' => depth += 1,
            ')' | '）' | ']' | '】' => depth = depth.saturating_sub(1),
            'Ａ'..='Ｚ' | 'ａ'..='ｚ' | '０'..='９' if depth == 0 => {
                let half = char::from_u32(u32::from(c) - 0xFEE0);
                plain.extend(half.unwrap_or(c).to_lowercase());
            }
            c if depth == 0 && c.is_alphanumeric() => plain.extend(c.to_lowercase()),
            _ => {}
        }
    }
    plain
}
