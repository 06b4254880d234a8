//! An edit: what a member, a program, an import or a journey sets on a record. It says what its
//! author saw before, so that two authors never overwrite each other unseen.

use crate::domain::base::primitives::Actor;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What somebody sets on a record. Either all of it is written or, if a field has another value by
/// now, nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Edit {
    pub by: Actor,
    /// The idempotency key, if the author repeats an edit whose answer was lost.
    pub key: Option<String>,
    /// The fields by name.
    pub fields: BTreeMap<String, FieldEdit>,
    /// The tags to add and to remove.
    #[serde(default)]
    pub tags: TagEdit,
}

/// The new value of a field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldEdit {
    /// The value that the author saw, `null` if there was none. `None` if the author did not look,
    /// such as a program that sets a value whatever it was.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub was: Option<Value>,
    /// The new value; `null` clears the field.
    pub new: Value,
}

/// Reads a value that is there, even if it is `null`.
fn given<'de, D: serde::Deserializer<'de>>(reader: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(reader).map(Some)
}

/// The tags that an edit adds and removes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TagEdit {
    #[serde(default)]
    pub add: Vec<String>,
    #[serde(default)]
    pub remove: Vec<String>,
}

/// Why an edit is not made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum EditConflict {
    /// Somebody else has changed the field since the author looked.
    Changed {
        field: String,
        /// The value that the author saw.
        was: Value,
        /// The value that the field has.
        now: Value,
        /// The value that the author wanted.
        new: Value,
    },
    /// The record would be above itself.
    Circle {
        field: String,
        /// The parent that the author wanted.
        new: Value,
        /// The titles on the way up from the record to itself.
        path: Vec<String>,
    },
    /// Another record has the value, and only one may have it. Which one is not said: the author
    /// may not be allowed to see it.
    Taken {
        field: String,
        /// The value that the author wanted.
        new: Value,
    },
}

impl FieldEdit {
    /// Returns a value that is set whatever it was.
    pub fn to(new: Value) -> Self {
        Self { was: None, new }
    }

    /// Returns the conflict with the value that the field has now. There is none if nobody else has
    /// changed it, or if it already has the new value.
    pub fn conflict(&self, field: &str, now: &Value) -> Option<EditConflict> {
        let was = self.was.as_ref().filter(|was| *was != now && *now != self.new)?;
        let (field, now, new) = (field.to_owned(), now.clone(), self.new.clone());
        Some(EditConflict::Changed { field, was: was.clone(), now, new })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn conflict_is_only_where_both_changed_the_same_field_to_different_values() {
        let edit = |was: Value, new: Value| FieldEdit { was: Some(was), new };
        let is_conflict = |edit: FieldEdit, now: Value| edit.conflict("city", &now).is_some();
        assert!(is_conflict(edit(json!("Bonn"), json!("Berlin")), json!("Hangzhou")));
        assert!(is_conflict(edit(json!(null), json!("Berlin")), json!("Hangzhou")));
        assert!(is_conflict(edit(json!("Bonn"), json!(null)), json!("Hangzhou")));
        assert!(!is_conflict(edit(json!("Bonn"), json!("Berlin")), json!("Bonn")));
        assert!(!is_conflict(edit(json!("Bonn"), json!("Berlin")), json!("Berlin")), "same wish");
        assert!(!is_conflict(FieldEdit::to(json!("Berlin")), json!("Hangzhou")), "did not look");
    }

    #[test]
    fn value_before_may_be_null_or_not_given() {
        let read = |text: &str| serde_json::from_str::<FieldEdit>(text).unwrap().was;
        assert_eq!(read(r#"{"was":null,"new":1}"#), Some(Value::Null));
        assert_eq!(read(r#"{"new":1}"#), None);
    }
}
