//! Imports: their parts, how far each is, the rows that were refused, and what an undo reads.

use super::contacts::json_text;
use super::statement::{Statement, Value};
use crate::domain::base::primitives::{Actor, KindId, Millis, RecordId};
use crate::domain::contact::Alias;
use crate::domain::import::settings::{Counts, Refusal, Settings, State};
use crate::domain::record::event::Properties;
use serde::de::{DeserializeOwned, Deserializer};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

/// Inserts an import, unless its key is known. The second statement's row is the `ImportRow` with
/// the key, or with the id.
pub fn create(
    id: &str,
    key: Option<&str>,
    settings: &Settings,
    actor: &Actor,
    due_at: Millis,
    now: Millis,
) -> [Statement; 2] {
    let key = key.map_or(Value::Null, Value::text);
    [
        Statement::new(
            "INSERT INTO imports (id, key, kind, actor, settings, state, due_at, created_at,
                                  updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, 'open', ?6, ?7, ?7) ON CONFLICT (key) DO NOTHING",
            vec![
                Value::text(id),
                key.clone(),
                Value::text(settings.kind.as_str()),
                Value::text(actor.as_str()),
                Value::json(settings),
                Value::Int(due_at.0),
                Value::Int(now.0),
            ],
        ),
        Statement::new(
            "SELECT * FROM imports WHERE id = ?1 OR key = ?2",
            vec![Value::text(id), key],
        ),
    ]
}

/// Selects an import: one row, `ImportRow`, or none.
pub fn one(id: &str) -> Statement {
    Statement::new("SELECT * FROM imports WHERE id = ?1", vec![Value::text(id)])
}

/// Selects the newest imports; rows are `ImportRow`.
pub fn list(limit: usize) -> Statement {
    Statement::new(
        "SELECT * FROM imports ORDER BY id DESC LIMIT ?1",
        vec![Value::Int(limit as i64)],
    )
}

/// A row of `imports`.
#[derive(Clone, Debug, Deserialize)]
pub struct ImportRow {
    pub id: String,
    pub kind: KindId,
    pub actor: Actor,
    #[serde(deserialize_with = "json_text")]
    pub settings: Settings,
    pub state: State,
    pub reason: String,
    pub bytes: u64,
    pub total: Option<u64>,
    /// JSON, as `flows/import` wrote it.
    pub plan: Option<String>,
    /// JSON: the place of the next row.
    pub position: Option<String>,
    pub rows_max: Option<u64>,
    #[serde(deserialize_with = "counts")]
    pub counts: Counts,
    #[serde(deserialize_with = "counts")]
    pub undo: UndoCounts,
    pub undo_at: Option<String>,
    pub step: i64,
    pub created_at: Millis,
    pub updated_at: Millis,
}

/// Reads counts; none were written yet if the object is empty.
fn counts<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(
    reader: D,
) -> Result<T, D::Error> {
    let text = std::borrow::Cow::<str>::deserialize(reader)?;
    if text == "{}" {
        return Ok(T::default());
    }
    serde_json::from_str(&text).map_err(serde::de::Error::custom)
}

/// How far an undo is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoCounts {
    /// Records that were removed.
    pub removed: u64,
    /// Records that have their former values again.
    pub restored: u64,
    /// Rows of which something stays.
    pub kept: u64,
}

/// Selects how many bytes all imports keep, and the hash of one part: one row, `StoredRow`.
pub fn stored(id: &str, part: u64) -> Statement {
    Statement::new(
        "SELECT (SELECT coalesce(sum(bytes), 0) FROM imports) AS bytes,
                (SELECT hash FROM import_parts WHERE import_id = ?1 AND part = ?2) AS hash",
        vec![Value::text(id), Value::Int(part as i64)],
    )
}

/// A row of `stored`.
#[derive(Deserialize)]
pub struct StoredRow {
    pub bytes: u64,
    pub hash: Option<String>,
}

/// A part of a file.
pub struct Part<'a> {
    pub number: u64,
    pub bytes: usize,
    pub hash: &'a str,
    /// In base64.
    pub data: String,
}

/// Stores a part, or replaces it, while the file is not sealed.
pub fn put_part(id: &str, part: Part<'_>, due_at: Millis, now: Millis) -> [Statement; 2] {
    let (number, bytes) = (Value::Int(part.number as i64), Value::Int(part.bytes as i64));
    [
        Statement::new(
            "UPDATE imports SET bytes = bytes + ?3 - coalesce((
                      SELECT bytes FROM import_parts WHERE import_id = ?1 AND part = ?2), 0),
                    due_at = ?4, updated_at = ?5
              WHERE id = ?1 AND total IS NULL",
            vec![
                Value::text(id),
                number.clone(),
                bytes.clone(),
                Value::Int(due_at.0),
                Value::Int(now.0),
            ],
        ),
        Statement::new(
            "INSERT INTO import_parts (import_id, part, bytes, hash, data)
             SELECT ?1, ?2, ?3, ?4, ?5
              WHERE EXISTS (SELECT 1 FROM imports WHERE id = ?1 AND total IS NULL)
                 ON CONFLICT (import_id, part) DO UPDATE SET
                    bytes = excluded.bytes, hash = excluded.hash, data = excluded.data",
            vec![Value::text(id), number, bytes, Value::text(part.hash), Value::Text(part.data)],
        ),
    ]
}

/// Selects the parts of a file in order; rows are `PartRow`.
pub fn parts(id: &str) -> Statement {
    Statement::new(
        "SELECT part, bytes FROM import_parts WHERE import_id = ?1 ORDER BY part",
        vec![Value::text(id)],
    )
}

/// A row of `parts`.
#[derive(Deserialize)]
pub struct PartRow {
    pub part: u64,
    pub bytes: u64,
}

/// Notes where each part begins: `[part, start]`. Fixes the file, the plan and the first position.
pub fn seal(
    id: &str,
    starts: &[(u64, u64)],
    total: u64,
    plan: &str,
    position: &str,
) -> [Statement; 2] {
    [
        Statement::new(
            "UPDATE import_parts SET start = row.value ->> 1 FROM json_each(?2) AS row
              WHERE import_id = ?1 AND part = row.value ->> 0",
            vec![Value::text(id), Value::json(starts)],
        ),
        Statement::new(
            "UPDATE imports SET total = ?2, plan = ?3, position = ?4
              WHERE id = ?1 AND total IS NULL AND bytes = ?2",
            vec![
                Value::text(id),
                Value::Int(total as i64),
                Value::text(plan),
                Value::text(position),
            ],
        ),
    ]
}

/// Selects bytes of a sealed file from an offset on, as many as the part there has, and at most so
/// many characters of base64: one row, `WindowRow`, or none.
pub fn window(id: &str, offset: u64, chars: usize) -> Statement {
    Statement::new(
        "SELECT start, bytes,
                substr(data, CAST((?2 - start) AS INTEGER) / 3 * 4 + 1, CAST(?3 AS INTEGER)) AS data
           FROM import_parts WHERE import_id = ?1 AND start <= ?2 ORDER BY start DESC LIMIT 1",
        vec![Value::text(id), Value::Int(offset as i64), Value::Int(chars as i64)],
    )
}

/// A row of `window`.
#[derive(Deserialize)]
pub struct WindowRow {
    pub start: u64,
    pub bytes: u64,
    pub data: String,
}

/// What becomes of an import by an operator's command.
pub struct Begin<'a> {
    pub id: &'a str,
    /// The step that was read, on which the change is conditional.
    pub step: i64,
    pub state: State,
    pub position: Option<&'a str>,
    pub counts: Counts,
    pub rows_max: Option<u64>,
    pub due_at: Millis,
}

/// Puts an import into another state. The row is `StepRow`; none if another came first.
pub fn begin(begin: &Begin<'_>, now: Millis) -> Statement {
    Statement::new(
        "UPDATE imports SET state = ?3, reason = '', position = coalesce(?4, position),
                counts = ?5, rows_max = ?6, due_at = ?7, updated_at = ?8, step = step + 1
          WHERE id = ?1 AND step = ?2 RETURNING step",
        vec![
            Value::text(begin.id),
            Value::Int(begin.step),
            Value::text(begin.state.as_str()),
            begin.position.map_or(Value::Null, Value::text),
            Value::json(&begin.counts),
            begin.rows_max.map_or(Value::Null, |rows| Value::Int(rows as i64)),
            Value::Int(begin.due_at.0),
            Value::Int(now.0),
        ],
    )
}

/// Deletes the refused rows of a phase.
pub fn forget_refused(id: &str, phase: &str) -> Statement {
    Statement::new(
        "DELETE FROM import_refused WHERE import_id = ?1 AND phase = ?2",
        vec![Value::text(id), Value::text(phase)],
    )
}

/// How far an import has come.
pub struct Advance<'a> {
    pub id: &'a str,
    /// The step that was read, on which the write is conditional.
    pub step: i64,
    pub state: State,
    pub reason: &'a str,
    pub position: Option<&'a str>,
    pub counts: Counts,
    pub undo: UndoCounts,
    pub undo_at: Option<&'a str>,
    pub due_at: Option<Millis>,
    pub phase: &'a str,
    pub refused: &'a [Refusal],
    /// Parts that end before this place in the file are deleted.
    pub read_to: u64,
}

/// Writes how far an import has come, with the rows that were refused on the way. The last
/// statement's row is `StepRow`; none if another worker came first, and then nothing was written.
pub fn advance(advance: &Advance<'_>, now: Millis) -> Vec<Statement> {
    let guard = || vec![Value::text(advance.id), Value::Int(advance.step)];
    let mut statements = Vec::new();
    if !advance.refused.is_empty() {
        let rows = advance.refused.iter();
        let rows: Vec<Json> = rows
            .map(|one| json!([one.row, one.field, one.line, one.reason, one.cells, one.addresses]))
            .collect();
        statements.push(Statement::new(
            "INSERT INTO import_refused (import_id, phase, row, field, line, reason, cells)
             SELECT ?1, ?3, r.value ->> 0, r.value ->> 1, r.value ->> 2, r.value ->> 3,
                    r.value ->> 4
               FROM json_each(?4) AS r
              WHERE EXISTS (SELECT 1 FROM imports WHERE id = ?1 AND step = ?2)
                 ON CONFLICT DO NOTHING",
            [guard(), vec![Value::text(advance.phase), Value::json(&rows)]].concat(),
        ));
        if advance.refused.iter().any(|one| !one.addresses.is_empty()) {
            statements.push(Statement::new(
                "INSERT INTO import_addresses (address, import_id, row)
                 SELECT a.value, ?1, r.value ->> 0
                   FROM json_each(?3) AS r, json_each(r.value, '$[5]') AS a
                  WHERE EXISTS (SELECT 1 FROM imports WHERE id = ?1 AND step = ?2)
                     ON CONFLICT DO NOTHING",
                [guard(), vec![Value::json(&rows)]].concat(),
            ));
        }
    }
    if advance.read_to > 0 {
        statements.push(Statement::new(
            "DELETE FROM import_parts WHERE import_id = ?1 AND start + bytes <= ?3 AND EXISTS (
                SELECT 1 FROM imports WHERE id = ?1 AND step = ?2)",
            [guard(), vec![Value::Int(advance.read_to as i64)]].concat(),
        ));
    }
    statements.push(Statement::new(
        "UPDATE imports SET state = ?3, reason = ?4, position = coalesce(?5, position),
                counts = ?6, undo = ?7, undo_at = coalesce(?8, undo_at), due_at = ?9,
                updated_at = ?10, step = step + 1, bytes = max(0, min(bytes, total - ?11))
          WHERE id = ?1 AND step = ?2 RETURNING step",
        [
            guard(),
            vec![
                Value::text(advance.state.as_str()),
                Value::text(advance.reason),
                advance.position.map_or(Value::Null, Value::text),
                Value::json(&advance.counts),
                Value::json(&advance.undo),
                advance.undo_at.map_or(Value::Null, Value::text),
                advance.due_at.map_or(Value::Null, |at| Value::Int(at.0)),
                Value::Int(now.0),
                Value::Int(advance.read_to as i64),
            ],
        ]
        .concat(),
    ));
    statements
}

/// A row of `begin` and of `advance`.
#[derive(Deserialize)]
pub struct StepRow {
    pub step: i64,
}

/// Claims the due imports by postponing their due time. Rows are `DueRow`.
pub fn claim(now: Millis, until: Millis) -> Statement {
    Statement::new(
        "UPDATE imports SET due_at = ?2 WHERE due_at <= ?1 RETURNING id",
        vec![Value::Int(now.0), Value::Int(until.0)],
    )
}

/// A row of `claim`.
#[derive(Deserialize)]
pub struct DueRow {
    pub id: String,
}

/// Deletes what is left of an import that ended long ago, a part of it at a time. The last row,
/// `DueRow`, says that more is left.
pub fn expire(id: &str, rows: usize) -> Vec<Statement> {
    let of = |sql| Statement::new(sql, vec![Value::text(id), Value::Int(rows as i64)]);
    vec![
        of("DELETE FROM import_parts WHERE rowid IN (
               SELECT rowid FROM import_parts WHERE import_id = ?1 LIMIT min(100, ?2))"),
        of("DELETE FROM import_addresses WHERE (address, import_id, row) IN (
               SELECT address, import_id, row FROM import_addresses
                WHERE import_id = ?1 LIMIT ?2)"),
        of("DELETE FROM import_refused WHERE (import_id, phase, row, field) IN (
               SELECT import_id, phase, row, field FROM import_refused
                WHERE import_id = ?1 LIMIT ?2)"),
        Statement::new(
            "UPDATE imports SET due_at = NULL, bytes = 0
              WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM import_parts WHERE import_id = ?1)
                AND NOT EXISTS (SELECT 1 FROM import_refused WHERE import_id = ?1)
                AND NOT EXISTS (SELECT 1 FROM import_addresses WHERE import_id = ?1)",
            vec![Value::text(id)],
        ),
        Statement::new(
            "SELECT id FROM imports WHERE id = ?1 AND due_at IS NOT NULL",
            vec![Value::text(id)],
        ),
    ]
}

/// Selects refused rows in order, after a row and field; rows are `RefusedRow`.
pub fn refused(id: &str, phase: &str, after: (u64, &str), limit: usize) -> Statement {
    Statement::new(
        "SELECT row, field, line, reason, cells FROM import_refused
          WHERE import_id = ?1 AND phase = ?2 AND (row, field) > (?3, ?4)
          ORDER BY row, field LIMIT ?5",
        vec![
            Value::text(id),
            Value::text(phase),
            Value::Int(after.0 as i64),
            Value::text(after.1),
            Value::Int(limit as i64),
        ],
    )
}

/// A row of `refused`.
#[derive(Clone, Debug, Deserialize)]
pub struct RefusedRow {
    pub row: u64,
    pub field: String,
    pub line: u64,
    pub reason: String,
    #[serde(deserialize_with = "maybe_json")]
    pub cells: Option<Vec<String>>,
}

fn maybe_json<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    reader: D,
) -> Result<Option<T>, D::Error> {
    let text = Option::<String>::deserialize(reader)?;
    text.map(|text| serde_json::from_str(&text)).transpose().map_err(serde::de::Error::custom)
}

// --- What rows find ---------------------------------------------------------------------------

/// What the rows of a group are looked up by.
#[derive(Default, Serialize)]
pub struct Lookup {
    pub ids: Vec<RecordId>,
    pub emails: Vec<String>,
    pub phones: Vec<String>,
    pub external_ids: Vec<String>,
    /// `[field, value]` of unique fields.
    pub unique: Vec<(String, Json)>,
}

/// Selects the records that rows find; rows are `FoundRow`. A merged record leads to the other.
pub fn found(kind: &KindId, lookup: &Lookup) -> Statement {
    let which = match kind.is_contact() {
        true => {
            "id IN (SELECT value FROM json_each(?1, '$.ids'))
                OR email IN (SELECT value FROM json_each(?1, '$.emails'))
                OR phone IN (SELECT value FROM json_each(?1, '$.phones'))
                OR external_id IN (SELECT value FROM json_each(?1, '$.external_ids'))
                OR id IN (SELECT record_id FROM holders)"
        }
        false => {
            "id IN (SELECT value FROM json_each(?1, '$.ids'))
                OR id IN (SELECT record_id FROM holders)"
        }
    };
    let text = format!(
        "WITH holders AS MATERIALIZED (
             SELECT u.record_id FROM json_each(?1, '$.unique') AS w
               JOIN unique_fields u ON u.kind = ?2 AND u.field = w.value ->> 0
                                   AND u.value = w.value ->> 1)
         SELECT c.id, c.kind, c.email, c.phone, c.external_id, c.attributes,
                c.erased_at IS NOT NULL AS is_erased,
                (SELECT json_group_array(json_object('id', a.id, 'seq', a.seq, 'email', a.email,
                          'phone', a.phone, 'external_id', a.external_id))
                   FROM contacts a WHERE a.merged_into = c.id) AS aliases
           FROM contacts c
          WHERE c.id IN (SELECT coalesce(merged_into, id) FROM contacts WHERE {which})"
    );
    Statement { sql: text.into(), params: vec![Value::json(lookup), Value::text(kind.as_str())] }
}

/// A row of `found`.
#[derive(Clone, Debug, Deserialize)]
pub struct FoundRow {
    pub id: RecordId,
    pub kind: KindId,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub external_id: Option<String>,
    #[serde(deserialize_with = "json_text")]
    pub attributes: BTreeMap<String, Json>,
    pub is_erased: u8,
    #[serde(deserialize_with = "json_text")]
    pub aliases: Vec<Alias>,
}

/// Selects which of these keys are in the log, each with its event; rows are `KnownRow`.
pub fn known(keys: &[String]) -> Statement {
    Statement::new(
        "SELECT key, name FROM events WHERE key IN (SELECT value FROM json_each(?1))",
        vec![Value::json(keys)],
    )
}

/// A row of `known`.
#[derive(Deserialize)]
pub struct KnownRow {
    pub key: String,
    pub name: String,
}

/// Selects which of these automatic numbers of a kind records have; rows are `NumberRow`.
pub fn numbers(kind: &KindId, numbers: &[i64]) -> Statement {
    Statement::new(
        "SELECT number FROM contacts WHERE kind = ?1 AND number IS NOT NULL
            AND number IN (SELECT value FROM json_each(?2))",
        vec![Value::text(kind.as_str()), Value::json(numbers)],
    )
}

/// A row of `numbers`.
#[derive(Deserialize)]
pub struct NumberRow {
    pub number: i64,
}

// --- Undo -------------------------------------------------------------------------------------

/// Selects what the rows of an import did, the last first, from before a key on; rows are
/// `DeedRow`.
pub fn deeds(id: &str, before: Option<&str>, limit: usize) -> Statement {
    let last = format!("import:{id};");
    Statement::new(
        "SELECT key, contact_id AS record, seq, name, properties FROM events
          WHERE key IS NOT NULL AND key > ?1 AND key < ?2 ORDER BY key DESC LIMIT ?3",
        vec![
            Value::Text(format!("import:{id}:")),
            Value::text(before.unwrap_or(&last)),
            Value::Int(limit as i64),
        ],
    )
}

/// A row of `deeds`.
#[derive(Deserialize)]
pub struct DeedRow {
    pub key: String,
    pub record: RecordId,
    pub seq: i64,
    pub name: String,
    #[serde(deserialize_with = "json_text")]
    pub properties: Properties,
}

/// Selects the newest events of records, without their content; rows are `LaterRow`.
pub fn later(records: &[&RecordId], limit: usize) -> Statement {
    Statement::new(
        "SELECT r.value AS record, e.seq, e.name, e.key, e.properties ->> 'import' AS import
           FROM json_each(?1) AS r
           JOIN events e ON e.contact_id = r.value
            AND e.seq > (SELECT seq FROM contacts WHERE id = r.value) - ?2",
        vec![Value::json(records), Value::Int(limit as i64)],
    )
}

/// A row of `later`.
#[derive(Deserialize)]
pub struct LaterRow {
    pub record: RecordId,
    pub seq: i64,
    pub name: String,
    pub key: Option<String>,
    pub import: Option<String>,
}
