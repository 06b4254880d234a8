//! Reading the values that somebody sends for the fields of a record.

use super::Kind;
use crate::domain::base::primitives::Millis;
use crate::domain::field::{FieldProblem, FieldReason, FieldType, Reading, Typed};
use crate::domain::record::edit::FieldEdit;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The values of an edit by field, as a client sends them. Each is the new value, or an object with
/// `was` (the value that the client saw) and `new`.
pub type FieldValues = Map<String, Value>;

/// The most fields of one edit.
const VALUES_MAX: usize = 500;

/// The largest value of an attribute that is no field, in bytes of JSON.
const UNDECLARED_BYTES_MAX: usize = 10_000;

impl Kind {
    /// Reads the values of an edit: each becomes what is kept. `kept` has the attributes of the
    /// record now, and is `None` for a new record, which needs its required fields. All problems
    /// are returned, each with its field.
    pub fn read(
        &self,
        values: &FieldValues,
        kept: Option<&BTreeMap<String, Value>>,
        zone: &str,
    ) -> Result<BTreeMap<String, FieldEdit>, Vec<FieldProblem>> {
        let problem = |field: &str, reason| FieldProblem { field: field.to_owned(), reason };
        if values.len() > VALUES_MAX {
            return Err(vec![problem("fields", FieldReason::TooMany(VALUES_MAX))]);
        }
        let (mut edits, mut problems) = (BTreeMap::new(), Vec::new());
        for (name, sent) in values {
            let (was, new) = parts(sent);
            let known = kept.and_then(|kept| kept.get(name));
            match self.value(name, new, known, zone) {
                Ok(new) => {
                    // What was shown is compared as it is kept.
                    let was = was.map(|was| {
                        self.value(name, was, known, zone).unwrap_or_else(|_| was.clone())
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
    ) -> Result<Value, FieldReason> {
        match self.field(name) {
            Some(field) if field.kind.is_computed() => Err(FieldReason::Computed),
            Some(field) => {
                let reading = Reading { zone, kept, sealing: None };
                let read = field.kind.read(&Typed::Json(sent), &reading)?;
                Ok(read.unwrap_or_default())
            }
            None if name == "owner" => match sent {
                Value::Null | Value::String(_) => Ok(sent.clone()),
                _ => Err(FieldReason::WrongJson),
            },
            None if self.id.is_contact() || sent.is_null() => read_attribute(sent),
            None => Err(FieldReason::Unknown),
        }
    }

    /// Returns the year in which a record that is made now gets its number.
    pub(super) fn year(now: Millis) -> i16 {
        now.utc_day().get(..4).and_then(|year| year.parse().ok()).unwrap_or_default()
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
