//! The local mailbox: messages that are stored instead of sent, where that is configured.

use super::statement::{Statement, Value};
use crate::domain::base::primitives::Millis;
use crate::domain::contact::message::CapturedMessage;

/// Stores a message, once.
pub fn keep(message: &CapturedMessage, now: Millis) -> Statement {
    Statement::new(
        "INSERT INTO mailbox (id, channel, sender, address, subject, html, text, headers, at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (id) DO NOTHING",
        vec![
            Value::text(&message.id),
            Value::text(&message.channel),
            Value::text(&message.sender),
            Value::text(&message.address),
            Value::text(&message.subject),
            Value::text(&message.html),
            Value::text(&message.text),
            Value::text(&message.headers),
            Value::Int(now.0),
        ],
    )
}

/// Selects the newest stored messages.
pub fn newest(limit: usize) -> Statement {
    Statement::new(
        "SELECT * FROM mailbox ORDER BY at DESC, id DESC LIMIT ?1",
        vec![Value::Int(limit as i64)],
    )
}

/// Selects one stored message.
pub fn one(id: &str) -> Statement {
    Statement::new("SELECT * FROM mailbox WHERE id = ?1", vec![Value::text(id)])
}
