//! The ledger of messages: finding what waits, claiming it, reading rows.

use super::statement::{Statement, Value};
use crate::domain::message::{Class, Message, MessageState, Milestones};
use crate::domain::primitives::{CampaignId, Channel, ContactId, EnrollmentId, MessageId, Millis};
use serde::Deserialize;

const COLUMNS: &str = "id, contact_id, campaign_id, version, enrollment_id, journey, step, channel,
       class, purpose, template, note, queued_at, send_at, attempts, uncertain,
       opened_at, clicked_at, delivered_at, bounced_at, complained_at, unsubscribed_at, state";

/// The ids of messages that may be sent now, the longest-waiting first; those whose delivery was
/// claimed and never ended are among them again once the claim has lapsed.
pub fn outbox(now: Millis, limit: usize) -> Statement {
    Statement::new(
        "SELECT id FROM messages WHERE state IN ('queued', 'sending') AND send_at <= ?1
          ORDER BY send_at LIMIT ?2",
        vec![Value::Int(now.0), Value::Int(limit as i64)],
    )
}

/// Claims those of these messages that may be sent now, until `until`, and returns their rows.
/// A message that was being sent already is marked uncertain, its call may have been made; and
/// once uncertain, it stays so until it is over.
pub fn claim(ids: &[MessageId], now: Millis, until: Millis) -> Statement {
    let sql = format!(
        "UPDATE messages SET uncertain = (uncertain OR state = 'sending'), state = 'sending',
                send_at = ?3, attempts = attempts + 1
          WHERE id IN (SELECT value FROM json_each(?1))
            AND state IN ('queued', 'sending') AND send_at <= ?2
      RETURNING {COLUMNS}"
    );
    let params = vec![Value::json(ids), Value::Int(now.0), Value::Int(until.0)];
    Statement { sql: sql.into(), params }
}

/// Puts a claimed message back to be tried again; only if the claim is still ours. `uncertain`
/// says that the call may have been acted upon.
pub fn retry(
    id: &MessageId,
    attempt: u32,
    send_at: Millis,
    reason: &str,
    uncertain: bool,
) -> Statement {
    Statement::new(
        "UPDATE messages SET state = 'queued', send_at = ?3, reason = ?4,
                uncertain = (uncertain OR ?5)
          WHERE id = ?1 AND attempts = ?2 AND state = 'sending'",
        vec![
            Value::text(id.as_str()),
            Value::Int(attempt.into()),
            Value::Int(send_at.0),
            Value::text(reason),
            Value::Int(uncertain.into()),
        ],
    )
}

/// Gives a claimed message back untried, as if it had not been claimed; only if the claim is still
/// ours.
pub fn release(id: &MessageId, attempt: u32, send_at: Millis) -> Statement {
    Statement::new(
        "UPDATE messages SET state = 'queued', attempts = attempts - 1, send_at = ?3
          WHERE id = ?1 AND attempts = ?2 AND state = 'sending'",
        vec![Value::text(id.as_str()), Value::Int(attempt.into()), Value::Int(send_at.0)],
    )
}

/// The ledger rows of these messages.
pub fn by_ids<'a>(ids: impl IntoIterator<Item = &'a MessageId>) -> Statement {
    let ids: Vec<&str> = ids.into_iter().map(MessageId::as_str).collect();
    let sql =
        format!("SELECT {COLUMNS} FROM messages WHERE id IN (SELECT value FROM json_each(?1))");
    Statement { sql: sql.into(), params: vec![Value::json(&ids)] }
}

/// Whose these messages are: one row, `OwnerRow`, for each that there is.
pub fn owners(ids: &[&MessageId]) -> Statement {
    Statement::new(
        "SELECT id, contact_id FROM messages WHERE id IN (SELECT value FROM json_each(?1))",
        vec![Value::json(ids)],
    )
}

/// A row of `owners`.
#[derive(Deserialize)]
pub struct OwnerRow {
    /// The message.
    pub id: MessageId,
    /// Whose it is.
    pub contact_id: ContactId,
}

/// The most messages that are explained at once.
const EXPLAINED_MAX: i64 = 100;

/// The newest messages whose ids begin with one of these and a point: of enrollments, and of a
/// contact's confirmations. Rows are `MessageExplained`.
pub fn explained(begun_by: Vec<&str>) -> Statement {
    Statement::new(
        // The sign after a point is a slash: a range of the primary key.
        "SELECT m.id AS message, m.step, m.channel, m.template, m.queued_at, m.send_at, m.attempts,
                m.state, m.reason,
                m.campaign_id || iif(m.journey = '', '', '.' || m.journey) AS journey
           FROM json_each(?1) AS begun
           JOIN messages m ON m.id > begun.value || '.' AND m.id < begun.value || '/'
          ORDER BY m.queued_at DESC, m.id DESC LIMIT ?2",
        vec![Value::json(&begun_by), Value::Int(EXPLAINED_MAX)],
    )
}

/// A row of `claim` or `by_ids`.
#[derive(Deserialize)]
pub struct MessageRow {
    id: MessageId,
    contact_id: ContactId,
    campaign_id: CampaignId,
    version: u32,
    enrollment_id: Option<EnrollmentId>,
    journey: String,
    step: String,
    channel: Channel,
    class: Class,
    purpose: String,
    template: String,
    note: String,
    queued_at: Millis,
    send_at: Millis,
    attempts: u32,
    uncertain: u8,
    opened_at: Option<Millis>,
    clicked_at: Option<Millis>,
    delivered_at: Option<Millis>,
    bounced_at: Option<Millis>,
    complained_at: Option<Millis>,
    unsubscribed_at: Option<Millis>,
    state: MessageState,
}

impl From<MessageRow> for Message {
    fn from(row: MessageRow) -> Self {
        Self {
            id: row.id,
            contact_id: row.contact_id,
            campaign: row.campaign_id,
            version: row.version,
            enrollment: row.enrollment_id,
            journey: row.journey,
            step: row.step,
            channel: row.channel,
            class: row.class,
            purpose: row.purpose,
            template: row.template,
            note: row.note,
            queued_at: row.queued_at,
            send_at: row.send_at,
            attempts: row.attempts,
            uncertain: row.uncertain != 0,
            opened_at: row.opened_at,
            clicked_at: row.clicked_at,
            heard: Milestones {
                delivered_at: row.delivered_at,
                bounced_at: row.bounced_at,
                complained_at: row.complained_at,
                unsubscribed_at: row.unsubscribed_at,
            },
            state: row.state,
        }
    }
}

/// A row with nothing but an id.
#[derive(Deserialize)]
pub struct IdRow<T> {
    /// The id.
    pub id: T,
}
