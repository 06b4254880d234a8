//! Exports: which records are next, their consents, and the one entry of the audit log.

use super::audit;
use super::contacts::json_text;
use super::rule_sql::{RuleSql, at_once, compact};
use super::scope;
use super::segments::IS_SOMEBODY;
use super::statement::{Statement, Value};
use crate::domain::access::audit::AuditEntry;
use crate::domain::access::rights::Scope;
use crate::domain::base::primitives::{
    Actor, Channel, KindId, Millis, QualifiedId, RecordId, Span,
};
use crate::domain::contact::consent::{ConsentState, LawfulBasis};
use crate::domain::segment::Rule;
use serde::Deserialize;

/// The most records that one page looks at.
const LOOKED_MAX: usize = 5_000;

/// Which records an export wants.
pub struct Wanted<'a> {
    pub kind: &'a KindId,
    pub rule: &'a Rule,
    pub scope: &'a Scope,
    pub after: &'a RecordId,
    pub limit: usize,
}

/// Selects the next records in the order of their ids; rows are `NextRow`. The last row says how
/// far was looked, if more follow.
pub fn next(wanted: &Wanted<'_>, now: Millis) -> Statement {
    let mut sql = RuleSql::new(wanted.kind, now);
    let holds = sql.holds(wanted.rule);
    let (kind, records) = (sql.constant(wanted.kind.as_str()), sql.records());
    let within = scope::condition(wanted.scope, wanted.kind, 5, now);
    // The index of kinds has no contacts, which are read as they come.
    let of_kind = match wanted.kind.is_contact() {
        true => String::new(),
        false => format!(" AND kind = {kind} AND kind <> 'contact'"),
    };
    let text = format!(
        "WITH stop(id) AS MATERIALIZED (
             SELECT id FROM contacts WHERE id > ?2{of_kind} ORDER BY id LIMIT 1 OFFSET ?3 - 1),
         found AS (
             SELECT c.id FROM {records}
              WHERE c.id > ?2 AND c.id <= coalesce((SELECT id FROM stop), '~')
                AND {IS_SOMEBODY} AND {holds} AND {}
              ORDER BY c.id LIMIT ?4)
         SELECT id, 0 AS is_end FROM found UNION ALL SELECT id, 1 FROM stop",
        within.sql
    );
    let mut params = vec![
        sql.constants(),
        Value::text(wanted.after.as_str()),
        Value::Int(at_once(wanted.rule, LOOKED_MAX)),
        Value::Int(wanted.limit as i64),
    ];
    params.extend(within.params);
    Statement { sql: compact(&text).into(), params }
}

/// A row of `next`.
#[derive(Deserialize)]
pub struct NextRow {
    pub id: RecordId,
    pub is_end: u8,
}

/// Selects the consents of contacts in the order in which they were recorded; rows are
/// `ConsentRow`.
pub fn consents(contacts: &[&RecordId]) -> Statement {
    Statement::new(
        "SELECT k.contact_id, k.channel, k.purpose, k.state, k.source, k.text, k.basis,
                k.cross_border, k.form, k.at
           FROM consents k WHERE k.contact_id IN (SELECT value FROM json_each(?1))
          ORDER BY k.contact_id, k.seq, k.channel, k.purpose",
        vec![Value::json(contacts)],
    )
}

/// A row of `consents`.
#[derive(Clone, Deserialize)]
pub struct ConsentRow {
    pub contact_id: RecordId,
    pub channel: Channel,
    pub purpose: String,
    pub state: ConsentState,
    pub source: String,
    pub text: String,
    pub basis: LawfulBasis,
    pub cross_border: u8,
    pub form: Option<QualifiedId>,
    pub at: Millis,
}

/// Enters an export into the audit log, or brings its entry up to date. A row says that it was
/// entered: not if the entry is another actor's.
pub fn enter(entry: &AuditEntry) -> Statement {
    Statement::new(
        "INSERT INTO audit (id, at, actor, action, kind, object, detail)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (id) DO UPDATE SET detail = excluded.detail
          WHERE audit.actor = excluded.actor AND audit.action = excluded.action
            AND audit.kind = excluded.kind
      RETURNING id",
        audit::columns(entry),
    )
}

/// A row of `enter`.
#[derive(Deserialize)]
pub struct IdRow {
    pub id: String,
}

/// Selects what the audit log says about an export; one row, `CountRow`.
pub fn entered(id: &str) -> Statement {
    Statement::new(
        "SELECT at, actor, detail FROM audit WHERE id = ?1 AND action = 'export'",
        vec![Value::text(id)],
    )
}

/// A row of `entered`.
#[derive(Deserialize)]
pub struct CountRow {
    at: Millis,
    actor: Actor,
    #[serde(deserialize_with = "json_text")]
    pub detail: serde_json::Value,
}

impl CountRow {
    /// Returns the number of records until now, if the entry is of an export of this actor that
    /// began within the last day and asks for the same. `asked` returns the detail of an entry.
    pub fn records(
        &self,
        actor: &Actor,
        asked: impl Fn(u64) -> serde_json::Value,
        now: Millis,
    ) -> Option<u64> {
        let count = self.detail["records"].as_u64()?;
        let is_fresh = self.at.plus(EXPORT_SPAN) >= now;
        (is_fresh && self.actor == *actor && self.detail == asked(count)).then_some(count)
    }
}

/// How long the pages of one export may take.
const EXPORT_SPAN: Span = Span::days(1);
