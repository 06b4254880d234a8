//! Checks of field definitions, before they are published.

use super::auto_number::Pattern;
use super::decimal::PLACES;
use super::formula::{self, Formula, Reference};
use super::kind::FieldType;
use super::number::RATING_MAX;
use super::options::{Choice, OPTIONS_MAX};
use super::table::{COLUMNS_MAX, Column};
use super::text::TEXT_CHARS_MAX;
use super::{FIELD_NAME_CHARS_MAX, Field, is_field_name};
use crate::domain::base::diagnostic::{Problem, brief};
use crate::domain::base::primitives::{currency_meant, minor_digits};
use crate::domain::contact::address::is_forbidden_control;
use crate::domain::contact::country;
use std::collections::BTreeSet;

/// The most fields of one kind of record: each is read, checked and kept with every record.
pub const FIELDS_MAX: usize = 200;

/// Returns all problems of the fields of one kind of record. Their keys begin with `key`, such as
/// `kind.deal.fields`, and count from 1.
pub fn check(key: &str, fields: &[Field]) -> Vec<Problem> {
    let mut checker = Checker { problems: Vec::new(), fields };
    if fields.len() > FIELDS_MAX {
        let message = format!("{} fields; at most {FIELDS_MAX} are possible", fields.len());
        checker.problems.push(Problem::new(key, message).help("move some to a kind of their own"));
        return checker.problems;
    }
    let mut names = BTreeSet::new();
    for (index, field) in fields.iter().enumerate() {
        let key = format!("{key}[{}]", index + 1);
        checker.name(&format!("{key}.name"), &field.name, &mut names);
        checker.field(&key, field);
    }
    if let Err(circle) = formula::sorted(fields) {
        let message = format!("formulas refer to each other in a circle: {circle}");
        checker.error(key, message);
    }
    checker.problems
}

struct Checker<'f> {
    problems: Vec<Problem>,
    fields: &'f [Field],
}

impl<'f> Checker<'f> {
    fn error(&mut self, key: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(key, message));
    }

    fn name(&mut self, key: &str, name: &'f str, names: &mut BTreeSet<&'f str>) {
        if !is_field_name(name) {
            let message = format!("`{}` cannot be a name", brief(&name.escape_debug()));
            let help = format!(
                "use at most {FIELD_NAME_CHARS_MAX} lower-case letters, digits and underscores, \
                 and begin with a letter"
            );
            self.problems.push(Problem::new(key, message).help(help));
        } else if !names.insert(name) {
            self.error(key, format!("another field is called `{name}`"));
        }
    }

    fn field(&mut self, key: &str, field: &'f Field) {
        let word = field.kind.word();
        for (part, labels) in [("label", &field.label), ("help", &field.help)] {
            for text in labels.all() {
                self.text(&format!("{key}.{part}"), text);
            }
        }
        if let Some(section) = &field.section {
            self.text(&format!("{key}.section"), section);
        }
        if field.unique && !field.kind.may_be_unique() {
            self.error(&format!("{key}.unique"), format!("a `{word}` field cannot be unique"));
        }
        if field.indexed && !field.kind.is_indexable() {
            self.error(&format!("{key}.indexed"), format!("a `{word}` field cannot have an index"));
        }
        if field.required && field.kind.is_computed() {
            let message = format!("nobody can fill in a `{word}` field");
            self.error(&format!("{key}.required"), message);
        }
        self.kind(key, &field.name, &field.kind);
    }

    fn kind(&mut self, key: &str, name: &str, kind: &'f FieldType) {
        let at = |part: &str| format!("{key}.{part}");
        match kind {
            FieldType::Tel { region: Some(region) } => {
                let is_known = country::find(region).is_some_and(|it| it.code == *region);
                if !is_known {
                    self.error(&at("region"), "must be an ISO 3166 country code, such as CN");
                }
            }
            FieldType::Number { min, max } | FieldType::Percent { min, max } => {
                let is_finite = |bound: &Option<f64>| bound.is_none_or(f64::is_finite);
                let is_empty = matches!((min, max), (Some(min), Some(max)) if min > max);
                if is_empty || !is_finite(min) || !is_finite(max) {
                    self.error(&at("max"), "no number is within these bounds");
                }
            }
            FieldType::Rating { max } if !(1..=RATING_MAX).contains(max) => {
                self.error(&at("max"), format!("must be from 1 to {RATING_MAX}"));
            }
            FieldType::Money { currency } => self.currency(&at("currency"), currency),
            FieldType::Select(choices)
            | FieldType::Radio(choices)
            | FieldType::MultiSelect(choices) => self.options(&at("options"), choices),
            FieldType::Link { to } | FieldType::Links { to } if !is_kind_name(to) => {
                self.error(&at("to"), "must be the name of a kind, such as company");
            }
            FieldType::Table { columns } => self.columns(&at("columns"), columns),
            FieldType::Formula { expression, currency } => {
                if let Some(currency) = currency {
                    self.currency(&at("currency"), currency);
                }
                self.formula(&at("expression"), name, expression, currency.as_deref());
            }
            FieldType::AutoNumber { pattern } => {
                if let Err(message) = Pattern::parse(pattern) {
                    self.error(&at("pattern"), message);
                }
            }
            FieldType::Hidden { value } => self.text(&at("value"), value),
            _ => {}
        }
    }

    fn text(&mut self, key: &str, text: &str) {
        if text.chars().any(is_forbidden_control) {
            self.error(key, "has a control character");
        } else if text.chars().nth(TEXT_CHARS_MAX).is_some() {
            self.error(key, format!("longer than {TEXT_CHARS_MAX} characters"));
        }
    }

    fn currency(&mut self, key: &str, currency: &str) {
        if let Err(meant) = currency_meant(currency) {
            let problem = Problem::new(key, "not an ISO 4217 currency code");
            self.problems.push(match meant {
                Some(meant) => problem.help(format!("write {meant}")),
                None => problem.help("write three capitals, such as CNY"),
            });
        }
    }

    fn options(&mut self, key: &str, choices: &'f [Choice]) {
        if choices.len() > OPTIONS_MAX {
            let message = format!("{} options; at most {OPTIONS_MAX} are possible", choices.len());
            let help = "make them records of a kind of their own, and use a field of type `link`, \
                        which is searched instead of listed";
            return self.problems.push(Problem::new(key, message).help(help));
        }
        if choices.iter().all(|choice| choice.retired) {
            self.error(key, "needs at least one option that can be chosen");
        }
        let mut values = BTreeSet::new();
        for (index, choice) in choices.iter().enumerate() {
            let key = format!("{key}[{}]", index + 1);
            self.text(&key, &choice.value);
            choice.label.all().for_each(|label| self.text(&key, label));
            if choice.value.trim().is_empty() {
                self.error(&key, "the value of an option must not be empty");
            } else if !values.insert(choice.value.trim()) {
                self.error(&key, format!("another option is called `{}`", brief(&choice.value)));
            }
        }
    }

    fn columns(&mut self, key: &str, columns: &'f [Column]) {
        if columns.is_empty() || columns.len() > COLUMNS_MAX {
            self.error(key, format!("a table has 1 to {COLUMNS_MAX} columns"));
            return;
        }
        let mut names = BTreeSet::new();
        for (index, column) in columns.iter().enumerate() {
            let key = format!("{key}[{}]", index + 1);
            self.name(&format!("{key}.name"), &column.name, &mut names);
            column.label.all().for_each(|label| self.text(&format!("{key}.label"), label));
            match column.kind.may_be_column() {
                true => self.kind(&key, &column.name, &column.kind),
                false => {
                    let message = format!("a column cannot be of type `{}`", column.kind.word());
                    self.error(&format!("{key}.kind"), message);
                }
            }
        }
    }

    fn formula(&mut self, key: &str, name: &str, expression: &str, currency: Option<&str>) {
        let formula = match Formula::parse(expression) {
            Ok(formula) => formula,
            Err(message) => return self.error(key, message),
        };
        let mut currencies: BTreeSet<&str> = currency.into_iter().collect();
        for reference in formula.references() {
            match self.referred(reference) {
                Ok(FieldType::Money { currency }) => currencies.extend([currency.as_str()]),
                Ok(FieldType::Formula { currency, .. }) => currencies.extend(currency.as_deref()),
                Ok(_) => {}
                Err(problem) => {
                    let message = format!("`{name}` refers to {}", problem.message);
                    self.problems.push(Problem { key: key.to_owned(), message, ..problem });
                }
            }
        }
        if currencies.len() > 1 {
            let codes: Vec<&str> = currencies.iter().copied().collect();
            self.error(key, format!("mixes amounts in {}", codes.join(" and ")));
        }
        if let Some(code) = currencies.iter().find(|code| minor_digits(code) > PLACES) {
            self.error(key, format!("{code} has more decimals than formulas"));
        }
    }

    /// Returns the type of what a formula refers to, if it counts as a number.
    fn referred(&self, reference: &Reference) -> Result<&'f FieldType, Problem> {
        let name = reference.field();
        let Some(field) = self.fields.iter().find(|field| field.name == name) else {
            let known = self.fields.iter().map(|field| field.name.as_str());
            return Err(Problem::new("", format!("`{name}`, and there is no such field"))
                .suggest(name, known));
        };
        let (kind, shown) = match (reference, &field.kind) {
            (Reference::Field(_), kind) => (kind, name.to_owned()),
            (Reference::Column { column, .. }, FieldType::Table { columns }) => {
                let Some(found) = columns.iter().find(|it| it.name == *column) else {
                    let known = columns.iter().map(|it| it.name.as_str());
                    let message = format!("`{name}.{column}`, and there is no such column");
                    return Err(Problem::new("", message).suggest(column, known));
                };
                (&found.kind, format!("{name}.{column}"))
            }
            (Reference::Column { .. }, _) => {
                return Err(Problem::new("", format!("`{name}` as a table, and it is none")));
            }
        };
        let is_counted = kind.is_number() && *kind != FieldType::Duration;
        match is_counted || *kind == FieldType::Checkbox {
            true => Ok(kind),
            false => Err(Problem::new("", format!("`{shown}`, a `{}` field", kind.word()))
                .help("a formula counts numbers, percentages, ratings, amounts and checkboxes")),
        }
    }
}

/// Returns whether a text can be the name of a kind of record, with its desk before a dot or
/// without.
fn is_kind_name(name: &str) -> bool {
    let is_part = |part: &str| {
        let is_plain =
            |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
        !part.is_empty() && part.bytes().all(is_plain)
    };
    name.len() <= FIELD_NAME_CHARS_MAX * 2
        && name.split('.').count() <= 2
        && name.split('.').all(is_part)
}
