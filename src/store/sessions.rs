//! Sessions of the web app, and the links that begin them, each by the hash of its secret.

use super::members::{CallerRow, caller_columns};
use super::statement::{Statement, Value};
use crate::domain::access::session::{HELD_MAX, Session, SessionPurpose};
use crate::domain::base::primitives::{MemberId, Millis};
use serde::Deserialize;

/// Inserts a session or link.
pub fn keep(hash: &str, session: &Session) -> Statement {
    Statement::new(
        "INSERT INTO sessions
           (secret_hash, purpose, subject, credential, created_at, used_at, expires_at, member)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        vec![
            Value::text(hash),
            Value::text(session.purpose.as_str()),
            Value::text(&session.subject),
            Value::text(&session.credential),
            Value::Int(session.created_at.0),
            Value::Int(session.used_at.0),
            Value::Int(session.expires_at.0),
            session.member.as_ref().map_or(Value::Null, |id| Value::text(id.as_str())),
        ],
    )
}

/// Selects a session or link by the hash of its secret, with what its member may do: a
/// `SessionRow`. In one query, so that a member who ends is out at the next request.
pub fn find(hash: &str, now: Millis) -> Statement {
    Statement::new(
        concat!(
            "SELECT s.purpose, s.subject, s.credential, s.member, s.created_at, s.used_at,
                    s.expires_at, ",
            caller_columns!("m.roles"),
            " FROM sessions s LEFT JOIN members m ON m.id = s.member AND m.ended_at IS NULL
             WHERE s.secret_hash = ?1"
        ),
        vec![Value::text(hash), Value::Int(now.0)],
    )
}

/// A row of `find`.
#[derive(Debug, Deserialize)]
pub struct SessionRow {
    #[serde(flatten)]
    pub session: Session,
    #[serde(flatten)]
    pub caller: CallerRow,
}

/// Turns a link into a session, which uses the link up. Returns a row if the link existed.
pub fn use_link(link: &str, hash: &str, session: &Session) -> Statement {
    Statement::new(
        "UPDATE sessions SET secret_hash = ?2, purpose = ?3, created_at = ?4, used_at = ?5,
                expires_at = ?6
          WHERE secret_hash = ?1 AND purpose = ?7 RETURNING *",
        vec![
            Value::text(link),
            Value::text(hash),
            Value::text(session.purpose.as_str()),
            Value::Int(session.created_at.0),
            Value::Int(session.used_at.0),
            Value::Int(session.expires_at.0),
            Value::text(SessionPurpose::Link.as_str()),
        ],
    )
}

/// Records that a session is used.
pub fn note_use(hash: &str, now: Millis) -> Statement {
    Statement::new(
        "UPDATE sessions SET used_at = ?2 WHERE secret_hash = ?1",
        vec![Value::text(hash), Value::Int(now.0)],
    )
}

/// Deletes a session or link.
pub fn end(hash: &str) -> Statement {
    Statement::new("DELETE FROM sessions WHERE secret_hash = ?1", vec![Value::text(hash)])
}

/// Deletes what has expired.
pub fn forget(now: Millis) -> Statement {
    Statement::new("DELETE FROM sessions WHERE expires_at <= ?1", vec![Value::Int(now.0)])
}

/// Deletes the oldest sessions or links of a token or member beyond `HELD_MAX`, each kind counted
/// separately.
pub fn bound(session: &Session) -> Statement {
    Statement::new(
        "DELETE FROM sessions WHERE secret_hash IN
            (SELECT secret_hash FROM sessions WHERE credential = ?1 AND purpose = ?2
              ORDER BY created_at DESC LIMIT -1 OFFSET ?3)",
        vec![
            Value::text(&session.credential),
            Value::text(session.purpose.as_str()),
            Value::Int(HELD_MAX as i64),
        ],
    )
}

/// Selects all sessions and links, the newest first. Each row is a `ListedRow`.
pub fn all() -> Statement {
    Statement::new(
        "SELECT s.*, m.id AS active FROM sessions s
           LEFT JOIN members m ON m.id = s.member AND m.ended_at IS NULL
          ORDER BY s.created_at DESC LIMIT 1000",
        Vec::new(),
    )
}

/// A row of `all`.
#[derive(Debug, Deserialize)]
pub struct ListedRow {
    #[serde(flatten)]
    pub session: Session,
    /// Its member, if the member has not ended.
    pub active: Option<MemberId>,
}

/// Deletes all sessions and links.
pub fn end_all() -> Statement {
    Statement::new("DELETE FROM sessions", Vec::new())
}
