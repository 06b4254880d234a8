//! Lists of records of any kind. Reading one, with all that a decision needs, is in `contacts`.

use super::contacts::json_text;
use super::kinds::json_key;
use super::rule_sql::{RuleSql, at_once, compact};
use super::segments::IS_SOMEBODY;
use super::statement::{Statement, Value};
use crate::domain::base::primitives::{KindId, MemberId, Millis, RecordId};
use crate::domain::field::IndexKey;
use crate::domain::segment::Rule;
use serde::Deserialize;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// The number of records that one page looks at, at most: about a tenth of a second of D1's one
/// thread.
pub const LOOKED_PER_PAGE: usize = 5_000;

/// Which records a list wants.
pub struct Wanted<'a> {
    pub kind: &'a KindId,
    pub rule: &'a Rule,
    /// A value that the rule asks for and that the kind has an index of: only records with it are
    /// looked at.
    pub indexed: Option<(&'a str, IndexKey)>,
    /// The last record of the page before.
    pub before: Option<&'a RecordId>,
    pub limit: usize,
}

/// Lists records, newest first; rows are `ListedRow`. It looks at `LOOKED_PER_PAGE` records, and
/// the last row then says how far, if more follow.
pub fn list(wanted: &Wanted<'_>, now: Millis) -> Statement {
    let mut sql = RuleSql::new(wanted.kind, now);
    let holds = sql.holds(wanted.rule);
    let (kind, records) = (sql.constant(wanted.kind.as_str()), sql.records());
    // The index of kinds has no contacts, which are read as they come.
    let of_kind = match wanted.kind.is_contact() {
        true => String::new(),
        false => format!(" AND kind = {kind} AND kind <> 'contact'"),
    };
    let looked = match &wanted.indexed {
        Some((field, key)) => {
            let (field, value) = (sql.constant(*field), sql.constant(json_key(key)));
            format!(
                "SELECT record_id AS id FROM field_index
                  WHERE kind = {kind} AND field = {field} AND value = {value} AND record_id < ?2"
            )
        }
        None => format!("SELECT id FROM contacts WHERE id < ?2{of_kind}"),
    };
    // The index says in which order they come, so that a page ends once it is full.
    let (from, place) = match &wanted.indexed {
        Some(_) => {
            let joined = format!("({looked}) AS entry CROSS JOIN {records} ON c.id = entry.id");
            (joined, "entry.id")
        }
        None => (records, "c.id"),
    };
    // Without a condition, a page reads no more than it shows; between contacts are other records.
    let stop = match wanted.rule {
        Rule::All(parts) if parts.is_empty() && !wanted.kind.is_contact() => {
            "SELECT NULL WHERE ?3 IS NULL".to_owned()
        }
        _ => format!("{looked} ORDER BY 1 DESC LIMIT 1 OFFSET ?3 - 1"),
    };
    let text = format!(
        "WITH stop(id) AS MATERIALIZED ({stop}),
         found AS (
             SELECT c.id, c.seq, c.email, c.phone, c.external_id, c.title, c.number, c.owner,
                    c.stage, c.value, c.attributes, c.tags, c.score, c.created_at, c.updated_at,
                    0 AS is_end
               FROM {from}
              WHERE {place} < ?2 AND {place} >= coalesce((SELECT id FROM stop), ''){of_kind}
                AND {IS_SOMEBODY} AND {holds}
              ORDER BY {place} DESC LIMIT ?4)
         SELECT * FROM found
         UNION ALL
         SELECT id, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{{}}', '[]', 0, 0, 0, 1
           FROM stop"
    );
    let before = wanted.before.map_or("~", RecordId::as_str);
    let params = vec![
        sql.constants(),
        Value::text(before),
        Value::Int(at_once(wanted.rule, LOOKED_PER_PAGE)),
        Value::Int(wanted.limit as i64),
    ];
    Statement { sql: compact(&text).into(), params }
}

/// A row of `list`.
#[derive(Clone, Debug, Deserialize)]
pub struct ListedRow {
    pub id: RecordId,
    pub seq: i64,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub external_id: Option<String>,
    pub title: Option<String>,
    pub number: Option<i64>,
    pub owner: Option<MemberId>,
    pub stage: Option<String>,
    pub value: Option<i64>,
    #[serde(deserialize_with = "json_text")]
    pub attributes: BTreeMap<String, Json>,
    #[serde(deserialize_with = "json_text")]
    pub tags: Vec<String>,
    pub score: i64,
    pub created_at: Millis,
    pub updated_at: Millis,
    /// Whether the row is no record, but says how far the list has looked.
    #[serde(deserialize_with = "flag")]
    pub is_end: bool,
}

pub(super) fn flag<'de, D: serde::Deserializer<'de>>(reader: D) -> Result<bool, D::Error> {
    u8::deserialize(reader).map(|flag| flag == 1)
}

/// Selects the record whose log has an event with this idempotency key: one row, `ByKeyRow`.
pub fn by_key(key: &str) -> Statement {
    Statement::new("SELECT contact_id AS id FROM events WHERE key = ?1", vec![Value::text(key)])
}

/// A row of `by_key`.
#[derive(Deserialize)]
pub struct ByKeyRow {
    pub id: RecordId,
}
