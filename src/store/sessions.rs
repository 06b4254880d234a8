//! Sessions of the web app, and the links that begin them; each by the hash of its secret.

use super::statement::{Statement, Value};
use crate::domain::access::session::{HELD_MAX, Session, SessionPurpose};
use crate::domain::base::primitives::Millis;

/// Keeps one.
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

/// One, by the hash of its secret.
pub fn find(hash: &str) -> Statement {
    Statement::new("SELECT * FROM sessions WHERE secret_hash = ?1", vec![Value::text(hash)])
}

/// Makes a session of a link, which is thereby used up. Returns a row if it was there to be used.
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

/// Notes that one is used.
pub fn note_use(hash: &str, now: Millis) -> Statement {
    Statement::new(
        "UPDATE sessions SET used_at = ?2 WHERE secret_hash = ?1",
        vec![Value::text(hash), Value::Int(now.0)],
    )
}

/// Ends one.
pub fn end(hash: &str) -> Statement {
    Statement::new("DELETE FROM sessions WHERE secret_hash = ?1", vec![Value::text(hash)])
}

/// Forgets what is over.
pub fn forget(now: Millis) -> Statement {
    Statement::new("DELETE FROM sessions WHERE expires_at <= ?1", vec![Value::Int(now.0)])
}

/// Forgets the oldest of a token's beyond `HELD_MAX`, sessions and links each for themselves.
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

/// All of them, the newest first. Each row is a `Session`.
pub fn all() -> Statement {
    Statement::new("SELECT * FROM sessions ORDER BY created_at DESC LIMIT 1000", Vec::new())
}

/// Ends all of them.
pub fn end_all() -> Statement {
    Statement::new("DELETE FROM sessions", Vec::new())
}
