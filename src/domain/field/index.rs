//! Ordering kept values: what an index of the database holds, and the same order without one.

use super::auto_number::Pattern;
use super::kind::FieldType;
use serde_json::Value;
use std::cmp::Ordering;

/// What an index holds for a value: SQLite orders numbers by size, before texts, and those byte by
/// byte.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub enum IndexKey {
    /// Always finite.
    Number(f64),
    Text(String),
}

impl FieldType {
    /// Returns what an index holds for a kept value: one key, or one for each element of a list;
    /// nothing for types without an index.
    pub fn index_keys(&self, kept: &Value) -> Vec<IndexKey> {
        if !self.is_indexable() {
            return Vec::new();
        }
        match kept {
            Value::Array(items) => items.iter().filter_map(|item| self.key(item)).collect(),
            one => self.key(one).into_iter().collect(),
        }
    }

    /// Returns the only key of a kept value; `None` for a list and for types without an index.
    pub fn index_key(&self, kept: &Value) -> Option<IndexKey> {
        if self.is_indexable() { self.key(kept) } else { None }
    }

    /// Compares two kept values as the index orders them. Lists compare element by element. Values
    /// that no index holds compare as they are exported, so that the order is always the same.
    pub fn compare(&self, one: &Value, other: &Value) -> Ordering {
        if !self.is_indexable() {
            return self.export(one).cmp(&self.export(other));
        }
        let (one, other) = (self.index_keys(one), self.index_keys(other));
        // Keys have no NaN, so any two are comparable.
        one.partial_cmp(&other).unwrap_or(Ordering::Equal)
    }

    fn key(&self, kept: &Value) -> Option<IndexKey> {
        match kept {
            Value::Bool(ticked) => Some(IndexKey::Number(f64::from(u8::from(*ticked)))),
            Value::Number(number) => number.as_f64().map(IndexKey::Number),
            Value::String(text) => Some(IndexKey::Text(match self {
                Self::AutoNumber { pattern } => match Pattern::parse(pattern) {
                    Ok(pattern) => pattern.index_text(text),
                    Err(_) => text.clone(),
                },
                _ => text.clone(),
            })),
            _ => None,
        }
    }
}
