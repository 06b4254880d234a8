//! The audit log.

use super::contacts::json_text;
use super::statement::{Statement, Value};
use crate::domain::access::audit::AuditEntry;
use crate::domain::base::primitives::{Actor, Millis};
use serde::{Deserialize, Serialize};

/// The most entries in one answer.
pub const ENTRIES_MAX: usize = 1_000;

/// The longest detail that is kept, in bytes of JSON; a longer one is replaced by a note. A row of
/// D1 holds 2 MB.
pub const DETAIL_BYTES_MAX: usize = 32 * 1024;

/// Which entries of the log are wanted. What is absent does not limit them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditFilter {
    pub actor: Option<String>,
    pub action: Option<String>,
    pub kind: Option<String>,
    pub object: Option<String>,
    /// From this time on.
    pub since: Option<Millis>,
    /// Before this time.
    pub until: Option<Millis>,
    /// The cursor: the id of the last entry of the page before, which is newer than these.
    pub before: Option<String>,
}

/// A row of `list`.
#[derive(Debug, Deserialize)]
pub struct AuditRow {
    id: String,
    at: Millis,
    actor: Actor,
    action: String,
    kind: String,
    object: String,
    #[serde(deserialize_with = "json_text")]
    detail: serde_json::Value,
}

impl From<AuditRow> for AuditEntry {
    fn from(row: AuditRow) -> Self {
        let AuditRow { id, at, actor, action, kind, object, detail } = row;
        Self { id, at, actor, action, kind, object, detail }
    }
}

/// Inserts an entry.
pub fn enter(entry: &AuditEntry) -> Statement {
    Statement::new(
        "INSERT INTO audit (id, at, actor, action, kind, object, detail)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        columns(entry),
    )
}

/// Enters that a session began, if it did.
pub fn enter_sign_in(entry: &AuditEntry, hash: &str) -> Statement {
    let mut params = columns(entry);
    params.push(Value::text(hash));
    Statement::new(
        "INSERT INTO audit (id, at, actor, action, kind, object, detail)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7
          WHERE EXISTS (SELECT 1 FROM sessions WHERE secret_hash = ?8)",
        params,
    )
}

/// Enters, before it is done, that a token is revoked, named by its id or its name. The object is
/// the id.
pub fn enter_revoked(entry: &AuditEntry) -> Statement {
    Statement::new(
        "INSERT INTO audit (id, at, actor, action, kind, object, detail)
         SELECT ?1, ?2, ?3, ?4, ?5, id, ?7 FROM api_tokens
          WHERE (id = ?6 OR name = ?6) AND revoked_at IS NULL",
        columns(entry),
    )
}

/// Returns the columns in the order of `enter`.
pub(super) fn columns(entry: &AuditEntry) -> Vec<Value> {
    let detail = match Value::json(&entry.detail) {
        Value::Text(text) if text.len() > DETAIL_BYTES_MAX => {
            Value::json(&serde_json::json!({ "bytes": text.len() }))
        }
        detail => detail,
    };
    vec![
        Value::text(&entry.id),
        Value::Int(entry.at.0),
        Value::text(entry.actor.as_str()),
        Value::text(&entry.action),
        Value::text(&entry.kind),
        Value::text(&entry.object),
        detail,
    ]
}

/// Selects entries, the newest first; rows are `AuditRow`. Times are bounds of the ids, which begin
/// with them, so that an old page is found as fast as a new one.
pub fn list(filter: &AuditFilter, limit: usize) -> Statement {
    let mut sql = "SELECT id, at, actor, action, kind, object, detail FROM audit".to_owned();
    let mut params = Vec::new();
    let mut and = |condition: &str, value: Value| {
        let word = if params.is_empty() { "WHERE" } else { "AND" };
        params.push(value);
        sql.push_str(&format!(" {word} {condition} ?{}", params.len()));
    };
    for (column, wanted) in [
        ("object <> '' AND object", &filter.object),
        ("actor", &filter.actor),
        ("action", &filter.action),
        ("kind", &filter.kind),
    ] {
        if let Some(wanted) = wanted {
            and(&format!("{column} ="), Value::text(wanted));
        }
    }
    if let Some(since) = filter.since {
        and("id >=", Value::Text(first_id(since)));
    }
    if let Some(until) = filter.until {
        and("id <", Value::Text(first_id(until)));
    }
    if let Some(before) = &filter.before {
        and("id <", Value::text(before));
    }
    params.push(Value::Int(limit.min(ENTRIES_MAX) as i64));
    sql.push_str(&format!(" ORDER BY id DESC LIMIT ?{}", params.len()));
    Statement { sql: sql.into(), params }
}

/// Returns the text that precedes every id made at this time or later, and none made before it.
fn first_id(at: Millis) -> String {
    let ms = at.0.max(0) as u64 & 0xffff_ffff_ffff;
    format!("{:08x}-{:04x}", ms >> 16, ms & 0xffff)
}
