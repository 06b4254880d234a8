//! The list of suppressed addresses: operators' queries, and imports from other systems.

use super::statement::{Statement, Value};
use super::write;
use crate::domain::base::primitives::{Channel, Millis, RecordId};
use crate::domain::contact::suppression::{Suppression, SuppressionReason};
use serde::Deserialize;

/// A filter of entries; `None` matches everything.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Only this channel.
    pub channel: Option<Channel>,
    /// Only this reason.
    pub reason: Option<SuppressionReason>,
    /// Whether lifted and expired entries are included.
    pub with_past: bool,
    /// Only entries after this one, in the order of channel and address.
    pub after: Option<(String, String)>,
    /// The number of entries to skip.
    pub offset: usize,
    /// The most entries.
    pub limit: usize,
}

const COLUMNS: &str = "channel, address, reason, until, source, at, released_by, release_note";

/// Selects the entries that match, in the order of channel and address. Rows are `Listed`.
pub fn list(wanted: &Wanted, now: Millis) -> Statement {
    let (channel, address) = wanted.after.clone().unwrap_or_default();
    let sql = format!(
        "SELECT {COLUMNS} FROM suppressions
          WHERE (channel, address) > (?1, ?2) AND (?3 = '' OR channel = ?3)
            AND (?4 = '' OR reason = ?4) AND (?5 OR until IS NULL OR until > ?6)
          ORDER BY channel, address LIMIT ?7 OFFSET ?8"
    );
    let params = vec![
        Value::Text(channel),
        Value::Text(address),
        Value::text(wanted.channel.map_or("", Channel::as_str)),
        Value::text(wanted.reason.map_or("", SuppressionReason::as_str)),
        Value::Int(wanted.with_past.into()),
        Value::Int(now.0),
        Value::Int(wanted.limit as i64),
        Value::Int(wanted.offset as i64),
    ];
    Statement { sql: sql.into(), params }
}

/// Suppresses a contact's address on a channel after an unsubscription about which no decision can
/// be made, without reading the rest of the contact's row. For a merged contact, it uses the one
/// that it was merged into.
pub fn unsubscribe(contact: &RecordId, channel: Channel, now: Millis) -> Statement {
    Statement::new(
        "INSERT INTO suppressions (channel, address, reason, source, at)
         SELECT ?2, iif(?2 = 'sms', c.phone, c.email), 'unsubscribed', 'unsubscribe link', ?3
           FROM contacts c
          WHERE c.id = (SELECT coalesce(merged_into, id) FROM contacts WHERE id = ?1)
            AND iif(?2 = 'sms', c.phone, c.email) IS NOT NULL
             ON CONFLICT (channel, address) DO UPDATE SET
                reason = excluded.reason, source = excluded.source, at = excluded.at,
                until = NULL, released_by = NULL, release_note = NULL
              WHERE suppressions.until IS NOT NULL",
        vec![Value::text(contact.as_str()), Value::text(channel.as_str()), Value::Int(now.0)],
    )
}

/// Selects the entries of these addresses on these channels. Rows are `Listed`.
pub fn of_addresses(addresses: &[(&str, &str)]) -> Statement {
    let sql = format!(
        "SELECT {COLUMNS} FROM suppressions
          WHERE (channel, address) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?1))"
    );
    Statement { sql: sql.into(), params: vec![Value::json(addresses)] }
}

/// Selects the contact that has an address: one row, `id`, if there is one.
pub fn contact_of(channel: Channel, address: &str) -> Statement {
    let sql = match channel {
        Channel::Email => "SELECT id FROM contacts WHERE email = ?1",
        Channel::Sms | Channel::Webhook => "SELECT id FROM contacts WHERE phone = ?1",
    };
    Statement::new(sql, vec![Value::text(address)])
}

/// A row of `contact_of`.
#[derive(Deserialize)]
pub struct ContactOf {
    pub id: RecordId,
}

/// Adds addresses to the list; one row for each that was not in it, or was suppressed less
/// strictly.
pub fn put(suppressions: &[Suppression]) -> Option<Statement> {
    let Statement { sql, params } = write::suppressions(suppressions)?;
    Some(Statement { sql: format!("{sql} RETURNING 1 AS written").into(), params })
}
