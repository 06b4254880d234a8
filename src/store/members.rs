//! Members, the roles of the deployment's own, and whom a member may see the records of.

use super::contacts::json_text;
use super::statement::{Statement, Value};
use crate::domain::access::audit::AuditEntry;
use crate::domain::access::member::{MEMBERS_MAX, Member};
use crate::domain::access::rights::{Owners, roles};
use crate::domain::access::role::Role;
use crate::domain::base::primitives::{MemberId, Millis, Span};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The columns of a `CallerRow`, for a member `m` or none, and a JSON list of role ids `held`. `?2`
/// is the time. A team and those below it are a range: the character after `/` is `0`.
macro_rules! caller_columns {
    ($held:literal) => {
        concat!(
            "m.id AS member_id, m.roles AS member_roles,
 (SELECT json_group_object(r.id, json(r.definition)) FROM roles r
   WHERE r.id IN (SELECT value FROM json_each(",
            $held,
            "))) AS own_roles,
 (SELECT json_group_array(o.id) FROM members o
   WHERE o.deputy = m.id AND o.away_until > ?2) AS own,
 (SELECT json_group_array(t.id) FROM members t
   WHERE t.team <> '' AND t.team = m.team) AS team,
 (SELECT json_group_array(id) FROM (
    SELECT b.id FROM members b
     WHERE m.team <> '' AND b.team <> '' AND b.team > m.team || '/' AND b.team < m.team || '0'
     UNION
    SELECT id FROM (
      WITH RECURSIVE reports(id) AS (
        SELECT r.id FROM members r WHERE r.manager = m.id
         UNION
        SELECT r.id FROM reports JOIN members r ON r.manager = reports.id)
      SELECT id FROM reports))) AS below"
        )
    };
}
pub(super) use caller_columns;

/// The part of a row from which an `Access` is made.
#[derive(Debug, Deserialize)]
pub struct CallerRow {
    /// The member; `None` if there is none, or if the member has ended.
    pub member_id: Option<MemberId>,
    member_roles: Option<String>,
    #[serde(deserialize_with = "json_text")]
    own_roles: BTreeMap<String, Role>,
    #[serde(deserialize_with = "json_text")]
    own: BTreeSet<MemberId>,
    #[serde(deserialize_with = "json_text")]
    team: BTreeSet<MemberId>,
    #[serde(deserialize_with = "json_text")]
    below: BTreeSet<MemberId>,
}

impl CallerRow {
    /// Returns the ids of the member's roles.
    pub fn member_roles(&self) -> Vec<String> {
        let text = self.member_roles.as_deref().unwrap_or("[]");
        serde_json::from_str(text).unwrap_or_default()
    }

    /// Returns the roles with these ids, and the owners for their scopes.
    pub fn resolve(self, ids: &[String]) -> (Vec<Role>, Owners) {
        let Self { own_roles, own, team, below, .. } = self;
        (roles(ids, &own_roles), Owners { own, team, below })
    }
}

/// A row of the table.
#[derive(Debug, Deserialize)]
pub struct MemberRow {
    id: MemberId,
    email: String,
    name: String,
    #[serde(deserialize_with = "json_text")]
    roles: Vec<String>,
    team: String,
    manager: Option<MemberId>,
    deputy: Option<MemberId>,
    away_until: Option<Millis>,
    ended_at: Option<Millis>,
    created_at: Millis,
    /// The number of its newest edit.
    pub version: i64,
}

impl From<MemberRow> for Member {
    fn from(row: MemberRow) -> Self {
        let MemberRow { id, email, name, roles, team, manager, deputy, .. } = row;
        let MemberRow { away_until, ended_at, created_at, .. } = row;
        Self { id, email, name, roles, team, manager, deputy, away_until, ended_at, created_at }
    }
}

/// Selects all members, by name; rows are `MemberRow`.
pub fn all() -> Statement {
    Statement::new("SELECT * FROM members ORDER BY name, id LIMIT 2000", Vec::new())
}

/// Selects the member with an id or an e-mail address; a row is a `MemberRow`.
pub fn find(named: &str) -> Statement {
    let sql = "SELECT * FROM members WHERE id = ?1 UNION SELECT * FROM members WHERE email = ?1";
    Statement::new(sql, vec![Value::text(named)])
}

/// Selects which of these ids are of members who have not ended, as rows with `id`.
pub fn active(ids: &[&MemberId]) -> Statement {
    Statement::new(
        "SELECT id FROM members
          WHERE id IN (SELECT value FROM json_each(?1)) AND ended_at IS NULL",
        vec![Value::json(ids)],
    )
}

/// Inserts a member, unless there are `MEMBERS_MAX`. Returns a row if it is written. The e-mail
/// address is unique.
pub fn insert(member: &Member) -> Statement {
    let mut params = columns(member);
    params.push(Value::Int(MEMBERS_MAX as i64));
    Statement::new(
        "INSERT INTO members (id, email, name, roles, team, manager, deputy, away_until, ended_at,
                created_at, version)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 1
          WHERE (SELECT count(*) FROM members) < ?11 RETURNING id",
        params,
    )
}

/// Writes a member over its edit number `version`. Returns a row if that is still its newest.
pub fn update(member: &Member, version: i64) -> Statement {
    let mut params = columns(member);
    params.push(Value::Int(version));
    Statement::new(
        "UPDATE members SET email = ?2, name = ?3, roles = ?4, team = ?5, manager = ?6,
                deputy = ?7, away_until = ?8, ended_at = ?9, created_at = ?10,
                version = version + 1
          WHERE id = ?1 AND version = ?11 RETURNING id",
        params,
    )
}

/// Enters an edit of a member into the audit log, before `update` and under the same condition.
pub fn enter_update(entry: &AuditEntry, version: i64) -> Statement {
    let mut params = super::audit::columns(entry);
    params.push(Value::Int(version));
    Statement::new(
        "INSERT INTO audit (id, at, actor, action, kind, object, detail)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7
          WHERE EXISTS (SELECT 1 FROM members WHERE id = ?6 AND version = ?8)",
        params,
    )
}

/// Returns the columns in the order of `insert`.
fn columns(member: &Member) -> Vec<Value> {
    let Member { id, email, name, roles, team, manager, deputy, .. } = member;
    let id_of =
        |id: &Option<MemberId>| id.as_ref().map_or(Value::Null, |id| Value::text(id.as_str()));
    let time = |at: Option<Millis>| at.map_or(Value::Null, |at| Value::Int(at.0));
    vec![
        Value::text(id.as_str()),
        Value::text(email),
        Value::text(name),
        Value::json(roles),
        Value::text(team),
        id_of(manager),
        id_of(deputy),
        time(member.away_until),
        time(member.ended_at),
        Value::Int(member.created_at.0),
    ]
}

/// Returns the statements that end the sessions, the links and the API tokens of a member.
pub fn end_all(member: &MemberId, now: Millis) -> [Statement; 2] {
    let id = || Value::text(member.as_str());
    [
        Statement::new("DELETE FROM sessions WHERE member = ?1", vec![id()]),
        Statement::new(
            "UPDATE api_tokens SET revoked_at = ?2 WHERE member = ?1 AND revoked_at IS NULL",
            vec![id(), Value::Int(now.0)],
        ),
    ]
}

/// Notes that a sign-in link is about to be mailed to an address. Returns the member, a
/// `MemberRow`; no row if no active member has the address, or if `most` links were mailed to it
/// within the span.
pub fn note_link_mail(email: &str, most: usize, within: Span, now: Millis) -> Statement {
    Statement::new(
        "UPDATE members SET link_mails = (
            SELECT json_group_array(at) FROM (
              SELECT value AS at FROM json_each(link_mails) WHERE value > ?2
               UNION ALL SELECT CAST(?3 AS INTEGER)))
          WHERE email = ?1 AND ended_at IS NULL
            AND (SELECT count(*) FROM json_each(link_mails) WHERE value > ?2) < ?4 RETURNING *",
        vec![
            Value::text(email),
            Value::Int(now.minus(within).0),
            Value::Int(now.0),
            Value::Int(most as i64),
        ],
    )
}

/// Selects the roles of the deployment's own; rows are `RoleRow`.
pub fn own_roles() -> Statement {
    Statement::new("SELECT id, definition FROM roles ORDER BY id LIMIT 200", Vec::new())
}

/// A row of `own_roles`.
#[derive(Debug, Deserialize)]
pub struct RoleRow {
    pub id: String,
    #[serde(deserialize_with = "json_text")]
    pub definition: Role,
}

/// Writes a role, unless it is new and there are `most`. Returns a row if it is written.
pub fn put_role(role: &Role, most: usize) -> Statement {
    Statement::new(
        "INSERT INTO roles (id, definition)
         SELECT ?1, ?2 WHERE (SELECT count(*) FROM roles WHERE id <> ?1) < ?3
             ON CONFLICT (id) DO UPDATE SET definition = excluded.definition RETURNING id",
        vec![Value::text(&role.id), Value::json(role), Value::Int(most as i64)],
    )
}

/// Deletes a role. Its holders keep its id, which then allows nothing.
pub fn delete_role(id: &str) -> Statement {
    Statement::new("DELETE FROM roles WHERE id = ?1 RETURNING id", vec![Value::text(id)])
}
