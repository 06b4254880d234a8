//! SQL as data: a statement is text and parameters, and an adapter runs it.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// One SQL statement with its positional parameters (`?1`, `?2`, …; at most 100, D1's limit).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Statement {
    /// The text; built from constants and closed enums only, never from data.
    pub sql: Cow<'static, str>,
    /// The values bound to `?1`, `?2`, … in order.
    pub params: Vec<Value>,
}

/// The largest integer that a JavaScript number holds exactly, and so the largest that may be
/// bound.
pub const INTEGER_MAX: i64 = (1 << 53) - 1;

/// A bound value. Numbers reach D1 as 64-bit floats, so an integer above `INTEGER_MAX` makes the
/// statement fail.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// An integer, bound as a float as D1 does.
    Int(i64),
    Real(f64),
    /// Text, including JSON.
    Text(String),
}

impl Value {
    /// Encodes many values as one: JSON text, for `json_each` and the JSON columns.
    pub fn json<T: serde::Serialize + ?Sized>(value: &T) -> Self {
        // Fails only for maps with keys that are not strings, and there are none.
        Self::Text(serde_json::to_string(value).unwrap_or_default())
    }

    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }
}

impl Statement {
    /// Creates a statement of constant text.
    pub fn new(sql: &'static str, params: Vec<Value>) -> Self {
        Self { sql: Cow::Borrowed(sql), params }
    }
}

/// The rows that one statement returned: a JSON array of objects, with one key per column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows(pub String);

impl Rows {
    /// Reads every row. Fails with the name of the type if the columns do not match it.
    pub fn all<T: DeserializeOwned>(&self) -> Result<Vec<T>, String> {
        if self.0.is_empty() {
            return Ok(Vec::new());
        }
        serde_json::from_str(&self.0)
            .map_err(|error| format!("rows as {}: {error}", std::any::type_name::<T>()))
    }

    /// Reads every row that can be parsed: a row that newer code has written does not hide the
    /// others.
    pub fn readable<T: DeserializeOwned>(&self) -> Result<Vec<T>, String> {
        let rows: Vec<Box<RawValue>> = self.all()?;
        Ok(rows.iter().filter_map(|row| serde_json::from_str(row.get()).ok()).collect())
    }

    /// Reads the first row, if there is one.
    pub fn first<T: DeserializeOwned>(&self) -> Result<Option<T>, String> {
        Ok(self.all::<T>()?.into_iter().next())
    }
}
