//! Sessions of the web app, and the links that begin them, each by the hash of its secret.

use super::statement::{Statement, Value};
use crate::domain::access::session::{HELD_MAX, Session, SessionPurpose};
use crate::domain::base::primitives::Millis;

/// Inserts a session or link.
pub fn keep(hash: &str, session: &Session) -> Statement {
    Statement::new(
        "INSERT INTO sessions
           (secret_hash, purpose, subject, credential, created_at, used_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        vec![
            Value::text(hash),
            Value::text(session.purpose.as_str()),
            Value::text(&session.subject),
            Value::text(&session.credential),
            Value::Int(session.created_at.0),
            Value::Int(session.used_at.0),
            Value::Int(session.expires_at.0),
        ],
    )
}

/// Selects a session or link by the hash of its secret.
pub fn find(hash: &str) -> Statement {
    Statement::new("SELECT * FROM sessions WHERE secret_hash = ?1", vec![Value::text(hash)])
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

/// Deletes the oldest sessions or links of a token beyond `HELD_MAX`, each kind counted separately.
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

/// Selects all sessions and links, the newest first. Each row is a `Session`.
pub fn all() -> Statement {
    Statement::new("SELECT * FROM sessions ORDER BY created_at DESC LIMIT 1000", Vec::new())
}

/// Deletes all sessions and links.
pub fn end_all() -> Statement {
    Statement::new("DELETE FROM sessions", Vec::new())
}
