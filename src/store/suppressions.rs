//! The list of suppressed addresses, as operators read it and other systems' lists are put into it.

use super::statement::{Statement, Value};
use super::write;
use crate::domain::base::primitives::{Channel, ContactId, Millis};
use crate::domain::contact::suppression::{Suppression, SuppressionReason};
use serde::Deserialize;

/// Which entries are wanted; what is `None` does not matter.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Of this channel.
    pub channel: Option<Channel>,
    /// For this reason.
    pub reason: Option<SuppressionReason>,
    /// Those that are lifted or over, too.
    pub with_past: bool,
    /// After this entry, in the order of channel and address.
    pub after: Option<(String, String)>,
    /// So many of the first are left out.
    pub offset: usize,
    /// At most so many.
    pub limit: usize,
}

const COLUMNS: &str = "channel, address, reason, until, source, at, released_by, release_note";

/// The entries that are wanted, in the order of channel and address. Rows are `Listed`.
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

/// Suppresses the address that a contact has on a channel, for it has unsubscribed and no decision
/// about it can be made: its row is not read. Whoever was merged into another is that one.
pub fn unsubscribe(contact: &ContactId, channel: Channel, now: Millis) -> Statement {
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

/// The entries of these addresses on these channels. Rows are `Listed`.
pub fn of_addresses(addresses: &[(&str, &str)]) -> Statement {
    let sql = format!(
        "SELECT {COLUMNS} FROM suppressions
          WHERE (channel, address) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?1))"
    );
    Statement { sql: sql.into(), params: vec![Value::json(addresses)] }
}

/// The contact that has an address: one row, `id`, if there is one.
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
    /// Its id.
    pub id: ContactId,
}

/// Puts addresses on the list; a row for each that was not there, or more leniently.
pub fn put(suppressions: &[Suppression]) -> Option<Statement> {
    let Statement { sql, params } = write::suppressions(suppressions)?;
    Some(Statement { sql: format!("{sql} RETURNING 1 AS written").into(), params })
}
