//! Published kinds, the indexes of their fields, and the numbers of their records.

use super::segments::{self, FillRow};
use super::statement::{Statement, Value};
use crate::domain::base::primitives::{KindId, Millis, RecordId};
use crate::domain::field::IndexKey;
use crate::domain::kind::{Entry, Kind, Settled};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;

/// Selects the live version of every kind that was published; rows are `KindRow`.
pub fn live() -> Statement {
    Statement::new(
        "SELECT v.kind, v.version, v.definition, v.published_at FROM kinds k
           JOIN kind_versions v ON v.kind = k.id AND v.version = k.live_version ORDER BY k.id",
        Vec::new(),
    )
}

/// Selects the live version of one kind: one row, `KindRow`, or none.
pub fn one(kind: &KindId) -> Statement {
    Statement::new(
        "SELECT v.kind, v.version, v.definition, v.published_at FROM kinds k
           JOIN kind_versions v ON v.kind = k.id AND v.version = k.live_version
          WHERE k.id = ?1",
        vec![Value::text(kind.as_str())],
    )
}

/// A row of `live` or `one`.
#[derive(Clone, Debug, Deserialize)]
pub struct KindRow {
    pub kind: KindId,
    pub version: u32,
    /// The kind as JSON.
    pub definition: String,
    pub published_at: Millis,
}

impl KindRow {
    /// Reads the kind. Fails if newer code has written it in a form that this code does not know.
    pub fn read(&self) -> Result<Kind, String> {
        serde_json::from_str(&self.definition).map_err(|error| error.to_string())
    }
}

/// Inserts the next version of a kind and makes it live. Does nothing if the live one is the same.
/// The last statement's row, `version`, is the number of the live version.
pub fn publish(kind: &KindId, hash: &str, definition: &str, now: Millis) -> [Statement; 3] {
    let id = || Value::text(kind.as_str());
    [
        Statement::new(
            "INSERT INTO kind_versions (kind, version, hash, definition, published_at)
             SELECT ?1, coalesce(max(version), 0) + 1, ?2, ?3, ?4 FROM kind_versions WHERE kind = ?1
             HAVING NOT EXISTS (SELECT 1 FROM kinds k
                                  JOIN kind_versions v
                                    ON v.kind = k.id AND v.version = k.live_version
                                 WHERE k.id = ?1 AND v.hash = ?2)",
            vec![id(), Value::text(hash), Value::text(definition), Value::Int(now.0)],
        ),
        Statement::new(
            "INSERT INTO kinds (id, live_version)
             SELECT ?1, max(version) FROM kind_versions WHERE kind = ?1
                 ON CONFLICT (id) DO UPDATE SET live_version = excluded.live_version",
            vec![id()],
        ),
        Statement::new("SELECT live_version AS version FROM kinds WHERE id = ?1", vec![id()]),
    ]
}

/// A row of `publish`.
#[derive(Deserialize)]
pub struct NumberRow {
    pub version: u32,
}

/// Selects the greatest number of each of these kinds; rows are `GreatestRow`.
pub fn greatest_numbers(kinds: &[&KindId]) -> Statement {
    Statement::new(
        "SELECT value AS kind, (SELECT max(number) FROM contacts
                                 WHERE kind = wanted.value AND number IS NOT NULL) AS number
           FROM json_each(?1) AS wanted",
        vec![Value::json(kinds)],
    )
}

/// A row of `greatest_numbers`.
#[derive(Deserialize)]
pub struct GreatestRow {
    pub kind: KindId,
    pub number: Option<i64>,
}

/// A value that only one record of a kind may have.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Claim {
    pub kind: KindId,
    pub field: String,
    pub value: serde_json::Value,
}

impl Claim {
    pub fn new(kind: &KindId, field: &str, key: &IndexKey) -> Self {
        Self { kind: kind.clone(), field: field.to_owned(), value: json_key(key) }
    }
}

/// Selects who has these unique values; rows are `HolderRow`.
pub fn holders(claims: &[Claim]) -> Statement {
    Statement::new(
        "SELECT u.field, u.value, u.record_id FROM json_each(?1) AS c
           JOIN unique_fields u ON u.kind = c.value ->> 'kind' AND u.field = c.value ->> 'field'
                               AND u.value = c.value ->> 'value'",
        vec![Value::json(claims)],
    )
}

/// A row of `holders`.
#[derive(Clone, Debug, Deserialize)]
pub struct HolderRow {
    pub field: String,
    pub value: serde_json::Value,
    pub record_id: RecordId,
}

/// Returns the rows that a change of indexes writes, for `write`: removed ones, then added ones,
/// each for both tables.
pub(super) fn index_rows(kind: &KindId, record: &RecordId, settled: &Settled) -> [IndexRows; 2] {
    let rows = |entries: &[Entry], is_unique: bool| {
        let own = entries.iter().filter(|entry| entry.is_unique == is_unique);
        own.map(|entry| json!([kind, entry.field, json_key(&entry.key), record])).collect()
    };
    let of = |entries: &[Entry]| IndexRows {
        indexed: rows(entries, false),
        unique: rows(entries, true),
    };
    [of(&settled.removed), of(&settled.added)]
}

/// Rows of the two tables of indexes, each `[kind, field, value, record]`.
#[derive(Default)]
pub(super) struct IndexRows {
    pub indexed: Vec<serde_json::Value>,
    pub unique: Vec<serde_json::Value>,
}

impl IndexRows {
    pub(super) fn extend(&mut self, other: Self) {
        self.indexed.extend(other.indexed);
        self.unique.extend(other.unique);
    }
}

// Removing comes first: a value may move from one record to another in one batch.
pub(super) const REMOVE_INDEXED: &str = "
DELETE FROM field_index WHERE (kind, field, value, record_id) IN (
   SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?1))";

pub(super) const REMOVE_UNIQUE: &str = "
DELETE FROM unique_fields WHERE (kind, field, value) IN (
   SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1))
   AND record_id IN (SELECT value ->> 3 FROM json_each(?1))";

pub(super) const ADD_INDEXED: &str = "
INSERT INTO field_index (kind, field, value, record_id)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?1) WHERE true
    ON CONFLICT DO NOTHING";

// Another record's value makes the whole batch fail; the record's own does not.
pub(super) const ADD_UNIQUE: &str = "
INSERT INTO unique_fields (kind, field, value, record_id)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?1) AS row
 WHERE NOT EXISTS (SELECT 1 FROM unique_fields u
                    WHERE u.kind = row.value ->> 0 AND u.field = row.value ->> 1
                      AND u.value = row.value ->> 2 AND u.record_id = row.value ->> 3)";

/// The number of records whose index entries one step adds: at most some hundred rows each of few
/// bytes.
pub const RECORDS_PER_FILL: usize = 500;

/// Removes the entries of a kind from the indexes, except those of these fields.
pub fn keep_entries(kind: &KindId, indexed: &[&str], unique: &[&str]) -> [Statement; 2] {
    let of = |sql, fields: &[&str]| {
        Statement::new(sql, vec![Value::text(kind.as_str()), Value::json(fields)])
    };
    [
        of(
            "DELETE FROM field_index
              WHERE kind = ?1 AND field NOT IN (SELECT value FROM json_each(?2))",
            indexed,
        ),
        of(
            "DELETE FROM unique_fields
              WHERE kind = ?1 AND field NOT IN (SELECT value FROM json_each(?2))",
            unique,
        ),
    ]
}

/// Selects the next records of a kind with their values; rows are `ValueRow`.
pub fn values(kind: &KindId, after: &RecordId, count: usize) -> Statement {
    let sql = match kind.is_contact() {
        true => {
            "SELECT id, attributes AS \"values\" FROM contacts
              WHERE id > ?2 AND kind = ?1 AND erased_at IS NULL AND merged_into IS NULL
              ORDER BY id LIMIT ?3"
        }
        false => {
            "SELECT id, attributes AS \"values\" FROM contacts
              WHERE id > ?2 AND kind = ?1 AND kind <> 'contact'
                AND erased_at IS NULL AND merged_into IS NULL
              ORDER BY id LIMIT ?3"
        }
    };
    let params =
        vec![Value::text(kind.as_str()), Value::text(after.as_str()), Value::Int(count as i64)];
    Statement::new(sql, params)
}

/// A row of `values`.
#[derive(Deserialize)]
pub struct ValueRow {
    pub id: RecordId,
    #[serde(deserialize_with = "super::contacts::json_text")]
    pub values: BTreeMap<String, serde_json::Value>,
}

/// Adds the entries of the next records, whose last is `reached`, and advances the backfill, or
/// ends it. The last statement's row is a `StepRow`; no row at the end.
pub fn fill_step(
    fill: &FillRow,
    kind: &KindId,
    entries: &[(RecordId, Entry)],
    reached: Option<&RecordId>,
) -> Vec<Statement> {
    let rows = |is_unique: bool| {
        let own = entries.iter().filter(|(_, entry)| entry.is_unique == is_unique);
        own.map(|(id, entry)| json!([kind, entry.field, json_key(&entry.key), id]))
            .collect::<Vec<_>>()
    };
    let added = [(ADD_INDEXED, rows(false)), (FILL_UNIQUE, rows(true))].into_iter();
    let added = added.filter(|(_, rows)| !rows.is_empty());
    let mut statements: Vec<Statement> =
        added.map(|(sql, rows)| Statement::new(sql, vec![Value::json(&rows)])).collect();
    statements.push(match reached {
        None => segments::end_fill(fill),
        Some(reached) => segments::advance_fill(fill, reached),
    });
    statements
}

// The first record with a value keeps it.
const FILL_UNIQUE: &str = "
INSERT INTO unique_fields (kind, field, value, record_id)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?1) WHERE true
    ON CONFLICT DO NOTHING";

pub(super) fn json_key(key: &IndexKey) -> serde_json::Value {
    match key {
        IndexKey::Number(number) => json!(number),
        IndexKey::Text(text) => json!(text),
    }
}
