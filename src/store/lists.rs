//! Static lists and their members. Who joins and leaves is written with the decision about the
//! record (`write.rs`); the condition of rules is in `rule_sql.rs`.

use super::scope;
use super::segments::end_fill;
use super::statement::{Statement, Value};
use crate::domain::access::rights::Scope;
use crate::domain::base::primitives::{KindId, ListId, Millis, RecordId};
use crate::domain::record::list::{LISTS_MAX, Membership};
use crate::store::segments::FillRow;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;

/// The number of memberships that one step of a deletion removes: about a tenth of a second of D1's
/// one thread.
pub const MEMBERS_PER_STEP: i64 = 5_000;

/// The memberships that decisions change.
#[derive(Default)]
pub(super) struct ListRows {
    /// The last change of each record and list counts; `None` if the record left.
    memberships: BTreeMap<(RecordId, ListId), Option<Membership>>,
    /// By how much the number of members of each list changes.
    growth: BTreeMap<ListId, i64>,
}

impl ListRows {
    pub fn join(&mut self, record: &RecordId, list: &ListId, membership: &Membership) {
        self.put(record, list, membership);
        *self.growth.entry(list.clone()).or_default() += 1;
    }

    pub fn put(&mut self, record: &RecordId, list: &ListId, membership: &Membership) {
        self.memberships.insert((record.clone(), list.clone()), Some(membership.clone()));
    }

    pub fn leave(&mut self, record: &RecordId, list: &ListId) {
        self.memberships.insert((record.clone(), list.clone()), None);
        *self.growth.entry(list.clone()).or_default() -= 1;
    }

    /// Returns the statements: none if there are no changes. A list that something joins begins to
    /// exist, so that a form never fails because of its list.
    pub fn into_statements(self) -> Vec<Statement> {
        let (mut joined, mut left) = (Vec::new(), Vec::new());
        for ((record, list), membership) in &self.memberships {
            match membership {
                Some(Membership { since, source }) => {
                    joined.push(json!([record, list, since, source]));
                }
                None => left.push(json!([record, list])),
            }
        }
        let mut statements = Vec::new();
        if !joined.is_empty() {
            let joined = Value::json(&joined);
            statements.push(Statement::new(BEGIN, vec![joined.clone()]));
            statements.push(Statement::new(JOIN, vec![joined]));
        }
        if !left.is_empty() {
            statements.push(Statement::new(LEAVE, vec![Value::json(&left)]));
        }
        let growth: Vec<_> = self.growth.iter().filter(|(_, by)| **by != 0).collect();
        if !growth.is_empty() {
            statements.push(Statement::new(GROW, vec![Value::json(&growth)]));
        }
        statements
    }
}

const BEGIN: &str = "
INSERT INTO lists (id, name, description, members, created_at, created_by)
SELECT value ->> 1, value ->> 1, '', 0, min(value ->> 2), value ->> 3
  FROM json_each(?1) GROUP BY value ->> 1
    ON CONFLICT (id) DO NOTHING";

const JOIN: &str = "
INSERT INTO list_members (record_id, list, since, source)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?1) WHERE true
    ON CONFLICT (record_id, list) DO UPDATE SET since = excluded.since, source = excluded.source";

const LEAVE: &str = "
DELETE FROM list_members
 WHERE (record_id, list) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?1))";

const GROW: &str = "
UPDATE lists SET members = members + (row.value ->> 1)
  FROM json_each(?1) AS row WHERE lists.id = row.value ->> 0";

/// A list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ListRow {
    pub id: ListId,
    /// What people call it, in any language.
    pub name: String,
    pub description: String,
    /// The number of its members.
    pub members: i64,
    pub created_at: Millis,
    /// Who made it or, if it began with its first member, the source of that.
    pub created_by: String,
    /// Since when its memberships are being removed.
    pub deleted_at: Option<Millis>,
}

/// Selects lists by id, at most `limit` after this one; rows are `ListRow`.
pub fn page(after: &str, limit: usize) -> Statement {
    Statement::new(
        "SELECT id, name, description, members, created_at, created_by, deleted_at FROM lists
          WHERE id > ?1 ORDER BY id LIMIT ?2",
        vec![Value::text(after), Value::Int(limit as i64)],
    )
}

/// Selects the lists with these ids; rows are `ListRow`.
pub fn by_ids<'a>(ids: impl IntoIterator<Item = &'a ListId>) -> Statement {
    let ids: Vec<&ListId> = ids.into_iter().collect();
    Statement::new(
        "SELECT id, name, description, members, created_at, created_by, deleted_at FROM lists
          WHERE id IN (SELECT value FROM json_each(?1))",
        vec![Value::json(&ids)],
    )
}

/// Makes a list. Returns its row; none if there are `LISTS_MAX` already. The batch is refused if
/// there is one of this id.
pub fn insert(list: &ListRow) -> Statement {
    Statement::new(
        "INSERT INTO lists (id, name, description, members, created_at, created_by)
         SELECT ?1, ?2, ?3, 0, ?4, ?5 WHERE (SELECT count(*) FROM lists) < ?6
      RETURNING id, name, description, members, created_at, created_by, deleted_at",
        vec![
            Value::text(list.id.as_str()),
            Value::text(&list.name),
            Value::text(&list.description),
            Value::Int(list.created_at.0),
            Value::text(&list.created_by),
            Value::Int(LISTS_MAX as i64),
        ],
    )
}

/// Changes what people read about a list; `None` leaves it. Returns its row, if there is one.
pub fn edit(id: &ListId, name: Option<&str>, description: Option<&str>) -> Statement {
    let maybe = |text: Option<&str>| text.map_or(Value::Null, Value::text);
    Statement::new(
        "UPDATE lists SET name = coalesce(?2, name), description = coalesce(?3, description)
          WHERE id = ?1 AND deleted_at IS NULL
      RETURNING id, name, description, members, created_at, created_by, deleted_at",
        vec![Value::text(id.as_str()), maybe(name), maybe(description)],
    )
}

/// Begins to delete a list: its memberships are removed step by step.
pub fn begin_deletion(id: &ListId, now: Millis) -> Statement {
    Statement::new(
        "UPDATE lists SET deleted_at = ?2 WHERE id = ?1 AND deleted_at IS NULL",
        vec![Value::text(id.as_str()), Value::Int(now.0)],
    )
}

/// Takes one step of a deletion. The last row of the last statement is a `segments::StepRow`, if
/// there is more to do in this pass; the list itself goes with the last pass, so that what was
/// under way when the deletion began is removed too.
pub fn deletion_step(id: &ListId, fill: &FillRow) -> Vec<Statement> {
    let list = || Value::text(id.as_str());
    let fill_id = || Value::text(fill.segment_id.as_str());
    vec![
        Statement::new(
            "DELETE FROM list_members
              WHERE (record_id, list) IN (
                    SELECT record_id, list FROM list_members
                     WHERE list = ?1 AND EXISTS (SELECT 1 FROM lists
                                                  WHERE id = ?1 AND deleted_at IS NOT NULL)
                     ORDER BY record_id LIMIT ?2)",
            vec![list(), Value::Int(MEMBERS_PER_STEP)],
        ),
        Statement::new(
            "DELETE FROM segment_fills
              WHERE segment_id = ?1 AND wave = ?2
                AND NOT EXISTS (SELECT 1 FROM list_members WHERE list = ?3)",
            vec![fill_id(), Value::Int(fill.wave), list()],
        ),
        Statement::new(
            "DELETE FROM lists
              WHERE id = ?1 AND deleted_at IS NOT NULL
                AND NOT EXISTS (SELECT 1 FROM list_members WHERE list = ?1)
                AND NOT EXISTS (SELECT 1 FROM segment_fills WHERE segment_id = ?2)",
            vec![list(), fill_id()],
        ),
        Statement::new(
            "UPDATE segment_fills SET after_id = after_id WHERE segment_id = ?1 AND wave = ?2
          RETURNING segment_id, wave, not_before, after_id, 0 AS due",
            vec![fill_id(), Value::Int(fill.wave)],
        ),
    ]
}

/// Undoes the beginning of a deletion, because something has begun to use the list meanwhile.
pub fn undo_deletion(id: &ListId, fill: &FillRow) -> Vec<Statement> {
    vec![
        Statement::new(
            "UPDATE lists SET deleted_at = NULL,
                    members = (SELECT count(*) FROM list_members WHERE list = ?1)
              WHERE id = ?1 AND deleted_at IS NOT NULL",
            vec![Value::text(id.as_str())],
        ),
        end_fill(fill),
    ]
}

/// A row of `members`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct MemberRow {
    pub record_id: RecordId,
    #[serde(flatten)]
    pub membership: Membership,
}

/// Selects members of a list in the order of their ids, at most `limit` after this one; rows are
/// `MemberRow`.
pub fn members(list: &ListId, after: &str, limit: usize) -> Statement {
    Statement::new(
        "SELECT record_id, since, source FROM list_members
          WHERE list = ?1 AND record_id > ?2 ORDER BY record_id LIMIT ?3",
        vec![Value::text(list.as_str()), Value::text(after), Value::Int(limit as i64)],
    )
}

/// What the entries of a request may mean, in the order of the request: for each an id, and each
/// address that it can be read as, in normal form.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Named {
    pub ids: Vec<String>,
    pub emails: Vec<Option<String>>,
    pub phones: Vec<Option<String>>,
}

/// Selects the records that entries mean: rows are `NamedRow`. Merged records lead to the others.
pub fn named(entries: &Named) -> Statement {
    Statement::new(
        "WITH found(place, rank, id) AS (
             SELECT a.key, 1, coalesce(c.merged_into, c.id)
               FROM json_each(?1, '$.ids') a JOIN contacts c ON c.id = a.value
             UNION ALL
             SELECT a.key, 2, coalesce(c.merged_into, c.id)
               FROM json_each(?1, '$.ids') a JOIN contacts c ON c.external_id = a.value
             UNION ALL
             SELECT a.key, 3, coalesce(c.merged_into, c.id)
               FROM json_each(?1, '$.emails') a JOIN contacts c ON c.email = a.value
             UNION ALL
             SELECT a.key, 4, coalesce(c.merged_into, c.id)
               FROM json_each(?1, '$.phones') a JOIN contacts c ON c.phone = a.value)
         SELECT f.place, min(f.rank) AS rank, c.id, c.kind
           FROM found f JOIN contacts c ON c.id = f.id
          WHERE c.erased_at IS NULL AND c.merged_into IS NULL
          GROUP BY f.place",
        vec![Value::json(entries)],
    )
}

/// A row of `named`.
#[derive(Clone, Debug, Deserialize)]
pub struct NamedRow {
    /// The index of the entry, from 0.
    pub place: usize,
    pub id: RecordId,
    pub kind: KindId,
}

/// Selects those of these records of a kind that are in a scope: one row, `id`, for each.
pub fn within(scope: &Scope, kind: &KindId, ids: &[&RecordId], now: Millis) -> Statement {
    let condition = scope::condition(scope, kind, 3, now);
    let sql = format!(
        "SELECT c.id FROM contacts c
          WHERE c.id IN (SELECT value FROM json_each(?1)) AND c.kind = ?2 AND {}",
        condition.sql
    );
    let mut params = vec![Value::json(ids), Value::text(kind.as_str())];
    params.extend(condition.params);
    Statement { sql: sql.into(), params }
}

/// A row of `within`.
#[derive(Clone, Debug, Deserialize)]
pub struct IdRow {
    pub id: RecordId,
}
