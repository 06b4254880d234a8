//! API tokens that members made, each by its hash.

use super::contacts::json_text;
use super::members::{CallerRow, caller_columns};
use super::statement::{Statement, Value};
use crate::domain::base::primitives::{Actor, MemberId, Millis};
use serde::{Deserialize, Serialize};

/// The most tokens that are neither revoked nor expired. Each is a program that somebody looks
/// after.
pub const TOKENS_MAX: usize = 500;

/// A token as operators see it, without its hash.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApiToken {
    pub id: String,
    /// What it is for; unique, because the audit log names it.
    pub name: String,
    /// The member that it acts for; it ends with the member.
    pub member: Option<MemberId>,
    pub roles: Vec<String>,
    pub expires_at: Millis,
    pub revoked_at: Option<Millis>,
    /// When it was last used, accurate to ten minutes.
    pub used_at: Option<Millis>,
    pub created_at: Millis,
    pub created_by: Actor,
}

/// A row of `all`.
#[derive(Debug, Deserialize)]
pub struct ApiTokenRow {
    id: String,
    name: String,
    member: Option<MemberId>,
    #[serde(deserialize_with = "json_text")]
    roles: Vec<String>,
    expires_at: Millis,
    revoked_at: Option<Millis>,
    used_at: Option<Millis>,
    created_at: Millis,
    created_by: Actor,
}

impl From<ApiTokenRow> for ApiToken {
    fn from(row: ApiTokenRow) -> Self {
        let ApiTokenRow { id, name, member, roles, expires_at, revoked_at, used_at, .. } = row;
        let ApiTokenRow { created_at, created_by, .. } = row;
        Self { id, name, member, roles, expires_at, revoked_at, used_at, created_at, created_by }
    }
}

/// A row of `find`.
#[derive(Debug, Deserialize)]
pub struct HolderRow {
    pub name: String,
    #[serde(deserialize_with = "json_text")]
    pub roles: Vec<String>,
    pub member: Option<MemberId>,
    pub expires_at: Millis,
    pub used_at: Option<Millis>,
    #[serde(flatten)]
    pub caller: CallerRow,
}

/// Selects a token that is not revoked, with what it may do, a `HolderRow`. One of a member who has
/// ended is not found.
pub fn find(hash: &str, now: Millis) -> Statement {
    Statement::new(
        concat!(
            "SELECT t.name, t.roles, t.member, t.expires_at, t.used_at, ",
            caller_columns!("t.roles"),
            " FROM api_tokens t LEFT JOIN members m ON m.id = t.member AND m.ended_at IS NULL
             WHERE t.hash = ?1 AND t.revoked_at IS NULL AND t.expires_at > ?2
               AND (t.member IS NULL OR m.id IS NOT NULL)"
        ),
        vec![Value::text(hash), Value::Int(now.0)],
    )
}

/// Inserts a token, unless there are `TOKENS_MAX`. Returns a row if it is written. Its name is
/// unique.
pub fn insert(hash: &str, token: &ApiToken) -> Statement {
    let member = token.member.as_ref().map_or(Value::Null, |id| Value::text(id.as_str()));
    Statement::new(
        "INSERT INTO api_tokens (hash, id, name, member, roles, expires_at, created_at, created_by)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8
          WHERE (SELECT count(*) FROM api_tokens
                  WHERE revoked_at IS NULL AND expires_at > ?7) < ?9 RETURNING id",
        vec![
            Value::text(hash),
            Value::text(&token.id),
            Value::text(&token.name),
            member,
            Value::json(&token.roles),
            Value::Int(token.expires_at.0),
            Value::Int(token.created_at.0),
            Value::text(token.created_by.as_str()),
            Value::Int(TOKENS_MAX as i64),
        ],
    )
}

/// Selects the tokens, the newest first; rows are `ApiTokenRow`.
pub fn all() -> Statement {
    Statement::new("SELECT * FROM api_tokens ORDER BY created_at DESC, id LIMIT 1000", Vec::new())
}

/// Revokes a token by its id or its name. Returns a row, an `ApiTokenRow`, if it was not revoked.
pub fn revoke(named: &str, now: Millis) -> Statement {
    Statement::new(
        "UPDATE api_tokens SET revoked_at = ?2
          WHERE (id = ?1 OR name = ?1) AND revoked_at IS NULL RETURNING *",
        vec![Value::text(named), Value::Int(now.0)],
    )
}

/// Records that a token is used.
pub fn note_use(hash: &str, now: Millis) -> Statement {
    Statement::new(
        "UPDATE api_tokens SET used_at = ?2 WHERE hash = ?1",
        vec![Value::text(hash), Value::Int(now.0)],
    )
}
