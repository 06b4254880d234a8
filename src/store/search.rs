//! The words of records: written with the decision that changes them, and searched.

use super::scope;
use super::segments::{FillRow, IS_SOMEBODY};
use super::statement::{Statement, Value};
use crate::domain::access::searched::View;
use crate::domain::base::primitives::{KindId, MemberId, Millis, QualifiedId, RecordId};
use crate::domain::contact::Contact;
use crate::domain::kind::Kind;
use crate::domain::record::{PlainRecord, Record};
use crate::domain::search::{self, Term, Words};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

/// The most records that a page looks at: entries of the words' index, each with a look at the
/// record. About a tenth of a second of D1's one thread.
pub const LOOKED_PER_PAGE: usize = 2_000;

/// The number of records whose words one step of a backfill writes: some ten thousand rows.
pub const RECORDS_PER_FILL: usize = 1_000;

/// The number of rows that one step removes of a kind that is no longer searched.
pub const ROWS_PER_DROP: usize = 10_000;

/// Returns the row of a record's words, for `put`.
pub fn row(kind: &KindId, record: &RecordId, words: &Words) -> Json {
    json!({ "kind": kind, "id": record, "words": words })
}

/// Returns the statements that give records these words, and take from them those that they had.
/// Words that stay are not written. Each row is one of `row`, and no record has two.
pub fn put(rows: &[Json]) -> Vec<Statement> {
    put_from("json_each(?1)", rows)
}

/// Does the same for rows that also have the `seq` of the record as it was read. A record that has
/// changed since keeps the words that came with the change.
pub fn put_unchanged(rows: &[Json]) -> Vec<Statement> {
    put_from(UNCHANGED, rows)
}

const UNCHANGED: &str = "(
    SELECT read.value FROM json_each(?1) AS read
      JOIN contacts c ON c.id = read.value ->> 'id' AND c.seq = read.value ->> 'seq')";

fn put_from(source: &str, rows: &[Json]) -> Vec<Statement> {
    if rows.is_empty() {
        return Vec::new();
    }
    let is_empty = |row: &Json| row["words"].as_object().is_none_or(serde_json::Map::is_empty);
    let emptied = rows.iter().any(is_empty).then_some(REMOVE_ROWS);
    let all = [Some(REMOVE_WORDS), Some(ADD_WORDS), Some(PUT_ROWS), emptied].into_iter().flatten();
    let of = |sql: &str| sql.replace("ROWS", source).into();
    all.map(|sql| Statement { sql: of(sql), params: vec![Value::json(rows)] }).collect()
}

const REMOVE_WORDS: &str = "
DELETE FROM words WHERE (kind, part, word, record_id) IN (
   SELECT r.kind, old.key, word.value, r.record_id
     FROM ROWS AS row
     JOIN record_words r ON r.kind = row.value ->> 'kind' AND r.record_id = row.value ->> 'id'
     JOIN json_each(r.words) AS old
     JOIN json_each(old.value) AS word
    WHERE NOT EXISTS (SELECT 1 FROM json_each(row.value -> 'words') AS new
                        JOIN json_each(new.value) AS kept
                       WHERE new.key = old.key AND kept.value = word.value))";

const ADD_WORDS: &str = "
INSERT INTO words (kind, part, word, record_id)
SELECT row.value ->> 'kind', part.key, word.value, row.value ->> 'id'
  FROM ROWS AS row
  JOIN json_each(row.value -> 'words') AS part
  JOIN json_each(part.value) AS word WHERE true
    ON CONFLICT DO NOTHING";

const PUT_ROWS: &str = "
INSERT INTO record_words (kind, record_id, words)
SELECT row.value ->> 'kind', row.value ->> 'id', row.value -> 'words' FROM ROWS AS row
 WHERE row.value -> 'words' <> '{}'
    ON CONFLICT (kind, record_id) DO UPDATE SET words = excluded.words
 WHERE words <> excluded.words";

const REMOVE_ROWS: &str = "
DELETE FROM record_words WHERE (kind, record_id) IN (
   SELECT row.value ->> 'kind', row.value ->> 'id' FROM ROWS AS row
    WHERE row.value -> 'words' = '{}')";

/// Removes the words of a kind that is not searched, by some rows, and ends the backfill once there
/// are none. The last statement has a row as long as some are left.
pub fn drop_step(fill: &FillRow, kind: &KindId) -> Vec<Statement> {
    let of = |sql: &'static str| {
        Statement::new(sql, vec![Value::text(kind.as_str()), Value::Int(ROWS_PER_DROP as i64)])
    };
    vec![
        of("DELETE FROM words WHERE (kind, part, word, record_id) IN (
               SELECT kind, part, word, record_id FROM words WHERE kind = ?1 LIMIT ?2)"),
        of("DELETE FROM record_words WHERE (kind, record_id) IN (
               SELECT kind, record_id FROM record_words WHERE kind = ?1 LIMIT ?2)"),
        Statement::new(
            "DELETE FROM segment_fills
              WHERE segment_id = ?1 AND wave = ?2 AND after_id = ?3
                AND NOT EXISTS (SELECT 1 FROM words WHERE kind = ?4)
                AND NOT EXISTS (SELECT 1 FROM record_words WHERE kind = ?4)",
            vec![
                Value::text(fill.segment_id.as_str()),
                Value::Int(fill.wave),
                Value::text(&fill.after_id),
                Value::text(kind.as_str()),
            ],
        ),
        Statement::new(
            "SELECT 1 AS yes FROM segment_fills
              WHERE segment_id = ?1 AND wave = ?2 AND after_id = ?3",
            vec![
                Value::text(fill.segment_id.as_str()),
                Value::Int(fill.wave),
                Value::text(&fill.after_id),
            ],
        ),
    ]
}

/// Selects the next records of a kind, with what words are made of; rows are `NextRow`.
pub fn next_records(kind: &KindId, after: &str) -> Statement {
    // The index of kinds has no contacts, which are read as they come.
    let of_kind = if kind.is_contact() { "" } else { " AND kind <> 'contact'" };
    Statement {
        sql: format!(
            "SELECT id, seq, email, phone, external_id, attributes FROM contacts
              WHERE id > ?2 AND kind = ?1{of_kind} AND erased_at IS NULL AND merged_into IS NULL
              ORDER BY id LIMIT ?3"
        )
        .into(),
        params: vec![
            Value::text(kind.as_str()),
            Value::text(after),
            Value::Int(RECORDS_PER_FILL as i64),
        ],
    }
}

/// A row of `next_records`.
#[derive(Deserialize)]
pub struct NextRow {
    pub id: RecordId,
    pub seq: i64,
    email: Option<String>,
    phone: Option<String>,
    external_id: Option<String>,
    #[serde(deserialize_with = "super::contacts::json_text")]
    attributes: BTreeMap<String, Json>,
}

impl NextRow {
    /// Returns the words that it is found by.
    pub fn words(&self, kind: &Kind) -> Words {
        let record = Record::unknown(self.id.clone(), kind.id.clone(), Millis(0));
        let record = Record { attributes: self.attributes.clone(), ..record };
        if !kind.id.is_contact() {
            let empty = PlainRecord::unknown(self.id.clone(), kind.id.clone(), Millis(0));
            return search::words(kind, &PlainRecord { record, ..empty });
        }
        let Self { email, phone, external_id, .. } = self;
        let (email, phone, external_id) = (email.clone(), phone.clone(), external_id.clone());
        search::words(kind, &Contact { email, phone, external_id, ..Contact::of(record) })
    }
}

/// Selects which of these backfills are under way; rows are `FillingRow`.
pub fn filling(fills: &[QualifiedId]) -> Statement {
    Statement::new(
        "SELECT DISTINCT segment_id FROM segment_fills
          WHERE segment_id IN (SELECT value FROM json_each(?1))",
        vec![Value::json(fills)],
    )
}

/// A row of `filling`.
#[derive(Deserialize)]
pub struct FillingRow {
    pub segment_id: QualifiedId,
}

/// A kind that is searched, as one caller may search it.
pub struct Searched<'a> {
    pub kind: &'a KindId,
    /// The records and parts that each role of the caller shows in full; at least one.
    pub views: &'a [View],
    pub terms: &'a [Term],
    /// Only records made before this one.
    pub before: Option<&'a RecordId>,
}

impl Searched<'_> {
    /// The parts that any of the roles shows.
    fn parts(&self) -> Value {
        let parts: BTreeSet<&String> = self.views.iter().flat_map(|view| &view.parts).collect();
        Value::json(&parts)
    }

    /// The owners whose records are in the scope, if nothing else is.
    fn owners(&self) -> Option<BTreeSet<&MemberId>> {
        let mut owners = BTreeSet::new();
        for view in self.views {
            owners.extend(view.scope.owners_only()?);
        }
        Some(owners)
    }

    fn before(&self) -> Value {
        Value::text(self.before.map_or("~", RecordId::as_str))
    }
}

/// Where a page begins to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At all words that meet this term.
    Term(usize),
    /// At the newest entries of the word that this term is, because too many meet the term.
    Whole(usize),
    /// At the records of the owners in the scope.
    Owners,
}

/// Counts the entries of each term, and the records of the owners in the scope, up to a little more
/// than a page looks at: rows are `CountRow`.
pub fn counts(searched: &Searched<'_>) -> Statement {
    let terms: Vec<_> = searched.terms.iter().map(|term| json!([term.text, term.end()])).collect();
    let owners = searched.owners();
    let count_owners = match &owners {
        Some(_) => {
            "UNION ALL
             SELECT NULL, (SELECT count(*) FROM (
                SELECT 1 FROM contacts WHERE kind = ?1 AND owner IS NOT NULL
                   AND owner IN (SELECT value FROM json_each(?5)) LIMIT ?4))"
        }
        None => "",
    };
    let text = format!(
        "SELECT term.key AS term, (SELECT count(*) FROM (
            SELECT 1 FROM words
             WHERE kind = ?1 AND part IN (SELECT value FROM json_each(?2))
               AND word >= term.value ->> 0 AND word < term.value ->> 1 LIMIT ?4)) AS entries
           FROM json_each(?3) AS term {count_owners}"
    );
    let mut params = vec![
        Value::text(searched.kind.as_str()),
        searched.parts(),
        Value::json(&terms),
        Value::Int(LOOKED_PER_PAGE as i64 + 1),
    ];
    params.extend(owners.map(|owners| Value::json(&owners)));
    Statement { sql: text.into(), params }
}

/// A row of `counts`.
#[derive(Deserialize)]
pub struct CountRow {
    /// The term; `None` for the records of the owners.
    pub term: Option<usize>,
    pub entries: usize,
}

/// Selects the newest records that meet all terms and are in the scope: rows are `FoundRow`. It
/// looks at `LOOKED_PER_PAGE` records; the last row then says how far, if more may follow.
pub fn page(searched: &Searched<'_>, start: Start, limit: usize, now: Millis) -> Statement {
    let begun = match start {
        Start::Term(index) | Start::Whole(index) => searched.terms.get(index),
        Start::Owners => None,
    };
    // The term that the page begins with is met, unless another role's parts have the word.
    let rest: Vec<_> = searched
        .terms
        .iter()
        .filter(|term| searched.views.len() > 1 || begun != Some(*term))
        .map(|term| json!([term.text, term.end()]))
        .collect();
    let mut params = vec![
        Value::text(searched.kind.as_str()),
        searched.before(),
        Value::Int(LOOKED_PER_PAGE as i64),
        Value::Int(limit as i64),
        Value::json(&rest),
    ];
    let looked = match (start, begun) {
        (Start::Term(_), Some(term)) => {
            params.extend([searched.parts(), Value::text(&term.text), Value::text(term.end())]);
            LOOK_AT_RANGE
        }
        (_, Some(term)) => {
            params.extend([searched.parts(), Value::text(&term.text)]);
            LOOK_AT_WORD
        }
        (_, None) => {
            params.push(Value::json(&searched.owners().unwrap_or_default()));
            LOOK_AT_OWNERS
        }
    };
    let mut views = Vec::new();
    for view in searched.views {
        let scope = scope::condition(&view.scope, searched.kind, params.len() + 1, now);
        params.extend(scope.params);
        let meets = match rest.is_empty() {
            true => "true".to_owned(),
            false => {
                params.push(Value::json(&view.parts));
                meets_all(params.len())
            }
        };
        views.push(format!("{} AND {meets}", scope.sql));
    }
    let views = views.join(" OR ");
    let text = format!(
        "WITH looked(id) AS MATERIALIZED ({looked}),
         found AS (
             SELECT c.id, 0 AS is_end FROM looked
              CROSS JOIN contacts c ON c.id = looked.id
               LEFT JOIN record_words r ON r.kind = ?1 AND r.record_id = looked.id
              WHERE c.kind = ?1 AND ?5 IS NOT NULL AND {IS_SOMEBODY} AND ({views})
              ORDER BY c.id DESC LIMIT ?4)
         SELECT * FROM found
         UNION ALL
         SELECT min(id), 1 FROM looked HAVING count(*) >= ?3"
    );
    Statement { sql: super::rule_sql::compact(&text).into(), params }
}

/// The entries of all words that begin with a text; not more than a page looks at.
const LOOK_AT_RANGE: &str = "
    SELECT DISTINCT record_id FROM words
     WHERE kind = ?1 AND part IN (SELECT value FROM json_each(?6))
       AND word >= ?7 AND word < ?8 AND record_id < ?2
     ORDER BY 1 DESC LIMIT ?3";

/// The newest entries of one word, from each part in the order of its key.
const LOOK_AT_WORD: &str = "
    SELECT DISTINCT entry.value FROM json_each(?6) AS part
      JOIN json_each((SELECT json_group_array(record_id) FROM (
              SELECT record_id FROM words
               WHERE kind = ?1 AND words.part = part.value AND word = ?7 AND record_id < ?2
               ORDER BY record_id DESC LIMIT ?3))) AS entry
     ORDER BY 1 DESC LIMIT ?3";

/// The newest records of some owners.
const LOOK_AT_OWNERS: &str = "
    SELECT id FROM contacts
     WHERE kind = ?1 AND owner IS NOT NULL AND owner IN (SELECT value FROM json_each(?6))
       AND id < ?2
     ORDER BY 1 DESC LIMIT ?3";

/// Returns the condition that a record has a word for every term, among the parts in a parameter.
fn meets_all(parts: usize) -> String {
    format!(
        "NOT EXISTS (
            SELECT 1 FROM json_each(?5) AS term
             WHERE NOT EXISTS (
                SELECT 1 FROM json_each(r.words) AS part
                  JOIN json_each(part.value) AS word
                 WHERE part.key IN (SELECT value FROM json_each(?{parts}))
                   AND word.value >= term.value ->> 0 AND word.value < term.value ->> 1))"
    )
}

/// A row of `page`.
#[derive(Deserialize)]
pub struct FoundRow {
    pub id: RecordId,
    /// Whether the row is no result, but says how far the page has looked.
    #[serde(deserialize_with = "super::records::flag")]
    pub is_end: bool,
}
