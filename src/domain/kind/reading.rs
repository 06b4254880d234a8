//! Reading the values that somebody sends for the fields of a record.

use super::Kind;
use crate::domain::base::primitives::Millis;
use crate::domain::field::sealed::{SealKey, Sealing};
use crate::domain::field::{FieldProblem, FieldReason, FieldType, Reading, Typed};
use crate::domain::record::edit::FieldEdit;
use crate::domain::time::time_zones;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The values of an edit by field, as a client sends them. Each is the new value, or an object with
/// `was` (the value that the client saw) and `new`.
pub type FieldValues = Map<String, Value>;

/// The columns of a contact that are read here; the owner is one of every kind.
const CONTACT_COLUMNS: [&str; 6] =
    ["email", "phone", "external_id", "locale", "time_zone", "score"];

/// The longest id in the customer's own system, in bytes, as the API of events takes it.
const EXTERNAL_ID_BYTES_MAX: usize = 200;

/// What encrypts the sealed values of one edit.
#[derive(Clone, Copy, Debug)]
pub struct Sealer<'a> {
    /// The newest key.
    pub key: &'a SealKey,
    /// What no other edit has, such as a new id.
    pub unique: &'a str,
}

/// The most fields of one edit.
const VALUES_MAX: usize = 500;

/// The largest value of an attribute that is no field, in bytes of JSON.
const UNDECLARED_BYTES_MAX: usize = 10_000;

impl Kind {
    /// Reads the values of an edit: each becomes what is kept. `kept` has the attributes of the
    /// record now, and is `None` for a new record, which needs its required fields. All problems
    /// are returned, each with its field. `sealer` encrypts the values of sealed fields.
    pub fn read(
        &self,
        values: &FieldValues,
        kept: Option<&BTreeMap<String, Value>>,
        zone: &str,
        sealer: Option<Sealer<'_>>,
    ) -> Result<BTreeMap<String, FieldEdit>, Vec<FieldProblem>> {
        let problem = |field: &str, reason| FieldProblem { field: field.to_owned(), reason };
        if values.len() > VALUES_MAX {
            return Err(vec![problem("fields", FieldReason::TooMany(VALUES_MAX))]);
        }
        let (mut edits, mut problems) = (BTreeMap::new(), Vec::new());
        for (name, sent) in values {
            let (was, new) = parts(sent);
            let known = kept.and_then(|kept| kept.get(name));
            match self.value(name, new, known, zone, sealer) {
                Ok(new) => {
                    // What was shown is compared as it is kept.
                    let was = was.map(|was| {
                        let was_read = self.value(name, was, known, zone, sealer);
                        was_read.unwrap_or_else(|_| was.clone())
                    });
                    edits.insert(name.clone(), FieldEdit { was, new });
                }
                Err(reason) => problems.push(problem(name, reason)),
            }
        }
        let required = self.fields.iter().filter(|field| field.required);
        let missing = required.filter(|field| match edits.get(&field.name) {
            Some(edit) => edit.new.is_null(),
            None => kept.is_none() && !values.contains_key(&field.name),
        });
        problems.extend(missing.map(|field| problem(&field.name, FieldReason::Missing)));
        if problems.is_empty() { Ok(edits) } else { Err(problems) }
    }

    /// Reads one value; `null` if it is empty.
    fn value(
        &self,
        name: &str,
        sent: &Value,
        kept: Option<&Value>,
        zone: &str,
        sealer: Option<Sealer<'_>>,
    ) -> Result<Value, FieldReason> {
        match self.field(name) {
            Some(field) if field.kind.is_computed() => Err(FieldReason::Computed),
            Some(field) => {
                let about = self.place_of(name);
                let sealing =
                    sealer.map(|Sealer { key, unique }| Sealing { key, unique, about: &about });
                let reading = Reading { zone, kept, sealing };
                let read = field.kind.read(&Typed::Json(sent), &reading)?;
                Ok(read.unwrap_or_default())
            }
            None if self.id.is_contact() && CONTACT_COLUMNS.contains(&name) => column(name, sent),
            None if name == "owner" => match sent {
                Value::Null | Value::String(_) => Ok(sent.clone()),
                _ => Err(FieldReason::WrongJson),
            },
            None if self.id.is_contact() || sent.is_null() => read_attribute(sent),
            None => Err(FieldReason::Unknown),
        }
    }

    /// Returns the place that a sealed value of a field is bound to.
    pub fn place_of(&self, field: &str) -> String {
        format!("{}/{field}", self.id)
    }

    /// Returns the year in which a record that is made now gets its number.
    pub(super) fn year(now: Millis) -> i16 {
        now.utc_day().get(..4).and_then(|year| year.parse().ok()).unwrap_or_default()
    }
}

/// Reads the value of a contact's own column.
fn column(name: &str, sent: &Value) -> Result<Value, FieldReason> {
    let field = match name {
        "email" => FieldType::Email,
        "phone" => FieldType::Tel { region: None },
        "score" => return Err(FieldReason::Computed),
        _ => FieldType::Text,
    };
    let read = field.read(&Typed::Json(sent), &Reading::default())?.unwrap_or_default();
    let text = read.as_str().unwrap_or_default();
    let is_tag_part = |part: &str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    match name {
        _ if text.is_empty() => Ok(Value::Null),
        "time_zone" if !time_zones::is_offered(text) => Err(FieldReason::NotAnOption),
        // A language tag (BCP 47).
        "locale" if !text.split('-').all(is_tag_part) => Err(FieldReason::NotAnOption),
        "external_id" if text.len() > EXTERNAL_ID_BYTES_MAX => {
            Err(FieldReason::TooLong(EXTERNAL_ID_BYTES_MAX))
        }
        _ => Ok(read),
    }
}

/// Splits what was sent into the value that its author saw, if any, and the new one.
fn parts(sent: &Value) -> (Option<&Value>, &Value) {
    match sent.as_object() {
        Some(parts) if parts.len() == 2 => match (parts.get("was"), parts.get("new")) {
            (Some(was), Some(new)) => (Some(was), new),
            _ => (None, sent),
        },
        _ => (None, sent),
    }
}

/// Reads the value of an attribute that no field declares: text, a number, a boolean or a list of
/// texts, as forms and events set them.
pub fn read_attribute(sent: &Value) -> Result<Value, FieldReason> {
    let is_plain = match sent {
        Value::Object(_) => false,
        Value::Array(items) => items.iter().all(Value::is_string),
        _ => true,
    };
    if !is_plain {
        return Err(FieldReason::WrongJson);
    }
    match sent {
        Value::String(text) => {
            let read = FieldType::Textarea.read(&Typed::Json(sent), &Reading::default())?;
            Ok(if text.is_empty() { Value::Null } else { read.unwrap_or_default() })
        }
        _ if sent.to_string().len() > UNDECLARED_BYTES_MAX => {
            Err(FieldReason::TooLong(UNDECLARED_BYTES_MAX))
        }
        _ => Ok(sent.clone()),
    }
}
