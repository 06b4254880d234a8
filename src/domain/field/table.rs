//! Tables: a list of lines whose columns are simple fields, such as the items of a quote.

use super::kind::FieldType;
use super::labels::Labels;
use super::read::{Reading, Typed};
use super::reason::FieldReason;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The most lines. Each is shown, checked and added up whenever the record is; a longer list is a
/// kind of record of its own with a link to this one.
pub const TABLE_LINES_MAX: usize = 200;

/// The most columns: what fits on a page.
pub const COLUMNS_MAX: usize = 20;

/// The largest table as JSON text, in bytes: a tenth of what a row of D1 may have.
pub const TABLE_BYTES_MAX: usize = 200_000;

/// A column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// The key in each line.
    pub name: String,
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub label: Labels,
    pub kind: FieldType,
    /// Whether a line without it is refused.
    #[serde(default)]
    pub required: bool,
}

/// Reads a table from a JSON list of objects, or from the text of one. Lines without any value are
/// left out; `None` without lines.
pub(super) fn read(
    columns: &[Column],
    typed: &Typed<'_>,
    reading: &Reading<'_>,
) -> Result<Option<Value>, FieldReason> {
    let parsed;
    let (json, is_kept) = match typed {
        Typed::Json(Value::String(text)) => {
            return read(columns, &Typed::Strings(std::slice::from_ref(text)), reading);
        }
        Typed::Kept(json) => (*json, true),
        Typed::Json(json) => (*json, false),
        Typed::Strings(texts) => {
            let Some(text) = super::text::single(texts)? else { return Ok(None) };
            if text.len() > TABLE_BYTES_MAX {
                return Err(FieldReason::TooLong(TABLE_BYTES_MAX));
            }
            parsed = serde_json::from_str(text).map_err(|_| FieldReason::NotATable)?;
            (&parsed, false)
        }
    };
    let lines = match json {
        Value::Null => return Ok(None),
        Value::Array(lines) => lines,
        _ => return Err(FieldReason::NotATable),
    };
    if lines.len() > TABLE_LINES_MAX {
        return Err(FieldReason::TooMany(TABLE_LINES_MAX));
    }
    let mut kept = Vec::with_capacity(lines.len());
    for (index, line) in lines.iter().enumerate() {
        let place = format!("[{}]", index + 1);
        let line = line.as_object().ok_or_else(|| FieldReason::NotATable.at(&*place))?;
        let read = read_line(columns, line, is_kept, reading);
        kept.extend(read.map_err(|(name, reason)| reason.at(format!("{place}.{name}")))?);
    }
    if kept.is_empty() {
        return Ok(None);
    }
    let kept = Value::Array(kept);
    let is_small = kept.to_string().len() <= TABLE_BYTES_MAX;
    if is_small { Ok(Some(kept)) } else { Err(FieldReason::TooLong(TABLE_BYTES_MAX)) }
}

/// Writes a kept table as JSON text whose values are written as `FieldType::export` does.
pub(super) fn exported(columns: &[Column], kept: &Value) -> String {
    let lines = kept.as_array().map(Vec::as_slice).unwrap_or_default();
    let lines = lines.iter().map(|line| {
        let value = |column: &Column| {
            let text = column.kind.export(line.get(&column.name)?);
            Some((column.name.clone(), Value::from(text)))
        };
        Value::Object(columns.iter().filter_map(value).collect())
    });
    Value::Array(lines.collect()).to_string()
}

fn read_line(
    columns: &[Column],
    line: &Map<String, Value>,
    is_kept: bool,
    reading: &Reading<'_>,
) -> Result<Option<Value>, (String, FieldReason)> {
    if let Some(unknown) = line.keys().find(|key| columns.iter().all(|it| it.name != **key)) {
        let name = crate::domain::base::diagnostic::brief(unknown);
        return Err((name, FieldReason::UnknownPart));
    }
    let mut kept = Map::new();
    for column in columns {
        let Some(value) = line.get(&column.name) else { continue };
        let typed = if is_kept { Typed::Kept(value) } else { Typed::Json(value) };
        // What any line has may stay in every line: an option that was retired since.
        let before = reading.kept.map(|table| column_values(table, &column.name));
        let reading = Reading { kept: before.as_ref(), ..*reading };
        let read = column.kind.read(&typed, &reading);
        if let Some(value) = read.map_err(|reason| (column.name.clone(), reason))? {
            kept.insert(column.name.clone(), value);
        }
    }
    if kept.is_empty() {
        return Ok(None);
    }
    let missing = columns.iter().find(|it| it.required && !kept.contains_key(&it.name));
    match missing {
        Some(column) => Err((column.name.clone(), FieldReason::Missing)),
        None => Ok(Some(Value::Object(kept))),
    }
}

fn column_values(table: &Value, column: &str) -> Value {
    let lines = table.as_array().map(Vec::as_slice).unwrap_or_default();
    lines.iter().filter_map(|line| line.get(column)).cloned().collect()
}
