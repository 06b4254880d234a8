//! The ledger of messages: finding messages to send, claiming them, reading rows.

use super::statement::{Statement, Value};
use crate::domain::base::primitives::{
    CampaignId, Channel, EnrollmentId, MessageId, Millis, RecordId,
};
use crate::domain::contact::message::{Class, DeliveryTimestamps, Message, MessageState, SmsCost};
use crate::domain::contact::message_source::{MessageSource, SourceColumns};
use serde::{Deserialize, Serialize};

const COLUMNS: &str = "id, contact_id, campaign_id, version, enrollment_id, journey, step,
       broadcast, channel, class, purpose, template, note, queued_at, send_at, attempts, uncertain,
       nullif(sender, '') AS provider, call, called_at, opened_at, clicked_at, delivered_at,
       bounced_at, complained_at, unsubscribed_at, sms_segments, cost_micros, address, state,
       reason = 'rate_limited' AS waited";

/// Selects the ids of messages that may be sent now, longest-waiting first. Messages whose delivery
/// was claimed and never finished are included once the claim has expired. Messages of one call
/// without an answer are adjacent, so that they are retried together.
pub fn outbox(now: Millis, limit: usize) -> Statement {
    Statement::new(
        "SELECT id FROM messages WHERE state IN ('queued', 'sending') AND send_at <= ?1
          ORDER BY send_at, call, queued_at, id LIMIT ?2",
        vec![Value::Int(now.0), Value::Int(limit as i64)],
    )
}

/// Claims those of these messages that may be sent now, until `until`, and returns their rows. A
/// message whose call had begun under an expired claim becomes uncertain. It then stays uncertain,
/// with its provider, until it is finished.
pub fn claim(ids: &[MessageId], now: Millis, until: Millis) -> Statement {
    let sql = format!(
        "UPDATE messages SET
                uncertain = (uncertain OR (state = 'sending' AND sender IS NOT '')),
                sender = iif(uncertain OR (state = 'sending' AND sender IS NOT ''), sender, ''),
                state = 'sending', send_at = ?3, attempts = attempts + 1
          WHERE id IN (SELECT value FROM json_each(?1))
            AND state IN ('queued', 'sending') AND send_at <= ?2
      RETURNING {COLUMNS}"
    );
    let params = vec![Value::json(ids), Value::Int(now.0), Value::Int(until.0)];
    Statement { sql: sql.into(), params }
}

/// A claimed message whose call is about to begin.
#[derive(Serialize)]
pub struct Calling<'a> {
    pub id: &'a MessageId,
    /// The number of its claim.
    pub attempt: u32,
    /// The provider to call.
    pub provider: &'a str,
    /// The key of the call, if it carries several messages.
    pub call: Option<&'a str>,
}

/// Records that the calls for these messages are about to begin, and the addresses they go to. An
/// uncertain message keeps the address of the attempt that may have been accepted. Returns the ids
/// of those whose claim is still ours; no other may be sent. A notice goes to the deployment's own
/// staff, whose address is not the contact's.
pub fn call<'a>(calling: impl Iterator<Item = &'a Calling<'a>>, now: Millis) -> Statement {
    let calling: Vec<&Calling<'_>> = calling.collect();
    Statement::new(
        "UPDATE messages SET sender = p.value ->> 'provider', call = p.value ->> 'call',
                called_at = iif(uncertain, coalesce(called_at, queued_at), ?2),
                address = CASE WHEN uncertain AND address IS NOT NULL THEN address
                               WHEN class <> 'internal'
                               THEN (SELECT iif(channel = 'sms', c.phone, c.email)
                                       FROM contacts c WHERE c.id = messages.contact_id) END
           FROM (SELECT value FROM json_each(?1)) AS p
          WHERE messages.id = p.value ->> 'id' AND attempts = p.value ->> 'attempt'
            AND state = 'sending'
      RETURNING id",
        vec![Value::json(&calling), Value::Int(now.0)],
    )
}

/// A claimed message that is put back to be retried.
#[derive(Serialize)]
pub struct PutBack {
    pub id: MessageId,
    /// The number of its claim.
    pub attempt: u32,
    /// The earliest time of the next attempt.
    pub send_at: Millis,
    /// `None` keeps the present reason.
    pub reason: Option<String>,
    /// 1 if the provider may have acted upon the attempt.
    pub uncertain: u8,
    /// 1 if there was no attempt, so that none is counted.
    pub untried: u8,
}

/// Puts claimed messages back; each only if the claim is still ours.
pub fn put_back(rows: &[PutBack]) -> Statement {
    Statement::new(
        "UPDATE messages SET state = 'queued', send_at = p.value ->> 'send_at',
                reason = coalesce(p.value ->> 'reason', reason),
                attempts = attempts - (p.value ->> 'untried'),
                uncertain = (uncertain OR p.value ->> 'uncertain')
           FROM (SELECT value FROM json_each(?1)) AS p
          WHERE messages.id = p.value ->> 'id' AND attempts = p.value ->> 'attempt'
            AND state = 'sending'",
        vec![Value::json(rows)],
    )
}

/// Makes the waiting messages of a campaign due, except built-in ones; the gate decides on them
/// again. It scans the messages that wait to be sent.
pub fn wake_campaign(campaign: &CampaignId, now: Millis) -> Statement {
    Statement::new(
        "UPDATE messages SET send_at = ?2, reason = ''
          WHERE state IN ('queued', 'sending') AND state = 'queued' AND send_at > ?2
            AND campaign_id = ?1 AND (journey <> '' OR broadcast IS NOT NULL)",
        vec![Value::text(campaign.as_str()), Value::Int(now.0)],
    )
}

/// Counts the messages of a campaign's journeys and broadcasts that wait to be sent: one row,
/// `WaitingRow`.
pub fn waiting_of(campaign: &CampaignId) -> Statement {
    Statement::new(
        "SELECT count(*) AS messages FROM messages
          WHERE state IN ('queued', 'sending') AND state = 'queued'
            AND campaign_id = ?1 AND (journey <> '' OR broadcast IS NOT NULL)",
        vec![Value::text(campaign.as_str())],
    )
}

/// A row of `waiting_of`.
#[derive(Deserialize)]
pub struct WaitingRow {
    pub messages: i64,
}

/// Selects the ledger rows of these messages.
pub fn by_ids<'a>(ids: impl IntoIterator<Item = &'a MessageId>) -> Statement {
    let ids: Vec<&str> = ids.into_iter().map(MessageId::as_str).collect();
    let sql =
        format!("SELECT {COLUMNS} FROM messages WHERE id IN (SELECT value FROM json_each(?1))");
    Statement { sql: sql.into(), params: vec![Value::json(&ids)] }
}

/// Selects the contacts of these messages: one row, `OwnerRow`, for each that exists.
pub fn owners(ids: &[&MessageId]) -> Statement {
    Statement::new(
        "SELECT id, contact_id FROM messages WHERE id IN (SELECT value FROM json_each(?1))",
        vec![Value::json(ids)],
    )
}

/// Selects the contacts of these SMS. Each is given by a provider's id and, if known, the number it
/// went to, because a call with many SMS has one id for all. Rows are `OwnerRow`.
pub fn owners_of_texts(sent: &[[Option<&String>; 2]]) -> Statement {
    Statement::new(
        "SELECT DISTINCT m.id, m.contact_id, m.provider_id, coalesce(m.address, c.phone) AS phone
           FROM json_each(?1) AS sent
           JOIN messages m ON m.provider_id = sent.value ->> 0 AND m.channel = 'sms'
           JOIN contacts c ON c.id = m.contact_id
          WHERE sent.value ->> 1 IS NULL OR coalesce(m.address, c.phone) = sent.value ->> 1",
        vec![Value::json(sent)],
    )
}

/// A row of `owners` or `owners_of_texts`.
#[derive(Deserialize)]
pub struct OwnerRow {
    /// The message.
    pub id: MessageId,
    /// Its contact.
    pub contact_id: RecordId,
    /// The provider's id of it; only in `owners_of_texts`.
    #[serde(default)]
    pub provider_id: Option<String>,
    /// The number that it went to; only in `owners_of_texts`.
    #[serde(default)]
    pub phone: Option<String>,
}

/// Selects the next messages of the ledger, in the order of their ids, with whether each belongs to
/// the campaign and was opened or clicked, by a person or a bot. Rows are `FetchedRow`.
pub fn fetched(campaign: &CampaignId, after: &str, limit: i64) -> Statement {
    Statement::new(
        "SELECT m.id, m.contact_id, m.campaign_id = ?1 AND EXISTS (
                SELECT 1 FROM events e
                 WHERE e.contact_id = m.contact_id
                   AND e.name IN ('message.opened', 'message.clicked')
                   AND e.properties ->> 'message' = m.id) AS is_fetched
           FROM messages m WHERE m.id > ?2 ORDER BY m.id LIMIT ?3",
        vec![Value::text(campaign.as_str()), Value::text(after), Value::Int(limit)],
    )
}

/// A row of `fetched`.
#[derive(Deserialize)]
pub struct FetchedRow {
    /// The message.
    pub id: MessageId,
    /// Its contact.
    pub contact_id: RecordId,
    /// 1 if it belongs to the campaign and was opened or clicked.
    pub is_fetched: u8,
}

/// The most messages that are explained at once.
const EXPLAINED_MAX: i64 = 100;

/// Selects the newest messages whose ids begin with one of these (`Contact::message_prefixes`) and
/// a point. Rows are `MessageExplained`.
pub fn explained(prefixes: &[&str]) -> Statement {
    Statement::new(
        // The character after a point is a slash, so this is a range of the primary key.
        "SELECT m.id AS message, m.step, m.channel, m.template, m.queued_at, m.send_at, m.attempts,
                m.state, m.reason,
                m.campaign_id || coalesce('.' || m.broadcast,
                                          iif(m.journey = '', '', '.' || m.journey)) AS journey
           FROM json_each(?1) AS p
           JOIN messages m ON m.id > p.value || '.' AND m.id < p.value || '/'
          ORDER BY m.queued_at DESC, m.id DESC LIMIT ?2",
        vec![Value::json(prefixes), Value::Int(EXPLAINED_MAX)],
    )
}

/// A row of `claim` or `by_ids`. A row whose columns are no source of this code is unreadable.
#[derive(Deserialize)]
#[serde(try_from = "MessageColumns")]
pub struct MessageRow(Message);

#[derive(Deserialize)]
struct MessageColumns {
    id: MessageId,
    contact_id: RecordId,
    campaign_id: CampaignId,
    version: u32,
    enrollment_id: Option<EnrollmentId>,
    journey: String,
    step: String,
    broadcast: Option<String>,
    channel: Channel,
    class: Class,
    purpose: String,
    template: String,
    note: String,
    queued_at: Millis,
    send_at: Millis,
    attempts: u32,
    uncertain: u8,
    provider: Option<String>,
    call: Option<String>,
    called_at: Option<Millis>,
    opened_at: Option<Millis>,
    clicked_at: Option<Millis>,
    delivered_at: Option<Millis>,
    bounced_at: Option<Millis>,
    complained_at: Option<Millis>,
    unsubscribed_at: Option<Millis>,
    sms_segments: Option<u32>,
    cost_micros: Option<i64>,
    address: Option<String>,
    state: MessageState,
    waited: u8,
}

impl TryFrom<MessageColumns> for MessageRow {
    type Error = String;

    fn try_from(row: MessageColumns) -> Result<Self, String> {
        let source = MessageSource::of(SourceColumns {
            enrollment: row.enrollment_id.as_ref(),
            journey: &row.journey,
            step: &row.step,
            broadcast: row.broadcast.as_deref(),
            class: row.class,
            purpose: &row.purpose,
            template: &row.template,
            note: &row.note,
        });
        let agrees =
            |source: &MessageSource| (source.channel(), source.class()) == (row.channel, row.class);
        let source = source.filter(agrees);
        Ok(Self(Message {
            source: source.ok_or_else(|| format!("message {} has no known source", row.id))?,
            id: row.id,
            contact_id: row.contact_id,
            campaign: row.campaign_id,
            version: row.version,
            queued_at: row.queued_at,
            send_at: row.send_at,
            attempts: row.attempts,
            uncertain: row.uncertain != 0,
            waited: row.waited != 0,
            provider: row.provider,
            call: row.call,
            called_at: row.called_at,
            opened_at: row.opened_at,
            clicked_at: row.clicked_at,
            address: row.address,
            reported: DeliveryTimestamps {
                delivered_at: row.delivered_at,
                bounced_at: row.bounced_at,
                complained_at: row.complained_at,
                unsubscribed_at: row.unsubscribed_at,
            },
            spent: row
                .sms_segments
                .zip(row.cost_micros)
                .map(|(segments, micros)| SmsCost { segments, micros }),
            state: row.state,
        }))
    }
}

impl From<MessageRow> for Message {
    fn from(MessageRow(message): MessageRow) -> Self {
        message
    }
}

/// A row with only an id.
#[derive(Deserialize)]
pub struct IdRow<T> {
    pub id: T,
}
