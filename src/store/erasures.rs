//! Erasing contacts: which rows are about a person, and what remains of them. Also the list of
//! erased addresses, which contains only keyed hashes.

use super::statement::{Statement, Value};
use crate::domain::base::primitives::{Millis, RecordId};
use crate::domain::contact::ERASED;
use crate::domain::engine::change::ErasedAddress;
use crate::domain::record::event::names;
use serde::Deserialize;
use serde_json::json;

/// The properties of our own events that identify no person and from which counters, or the
/// invariants of `store/invariants.rs`, are computed. All others are deleted, and all properties of
/// events that others sent. The reason is our own constant where a broadcast excluded a contact;
/// elsewhere it may come from a provider.
const KEPT: [&str; 34] = [
    "form", "page", "variant", "channel", "lead", "new", "pending", "purpose", "channels",
    "message", "template", "journey", "step", "enrollment", "first", "opened", "machine", "kind",
    "segment", "version", "from_version", "from", "to", "event", "event_seq", "value_minor",
    "currency", "segments", "broadcast", "copied", "earned_minor", "sms_segments", "cost_micros",
    "list",
];

/// The ids of the messages of these contacts (`?1`): they begin with the contact's own id, or with
/// that of one of its enrollments, and a point. The character after a point is a slash, so that
/// each is a range of the primary key.
const MESSAGES: &str = "
    SELECT m.id FROM (SELECT value AS id FROM json_each(?1)
                       UNION ALL
                      SELECT id FROM enrollments
                       WHERE contact_id IN (SELECT value FROM json_each(?1))) AS begun
      JOIN messages m ON m.id > begun.id || '.' AND m.id < begun.id || '/'";

/// Returns the statements that remove everything identifying from the rows about these contacts,
/// and add the hashes of their addresses to the list.
pub fn empty(contacts: &[RecordId], addresses: &[ErasedAddress], now: Millis) -> [Statement; 17] {
    let of = |sql: &str| Statement {
        sql: sql.replace("MESSAGES", MESSAGES).into(),
        params: vec![Value::json(contacts)],
    };
    let families: Vec<&str> = names::RESERVED.to_vec();
    let [forget, remember] = list(addresses, now);
    let [blank_rows, forget_rows] = refused_rows(addresses);
    [
        Statement::new(
            "UPDATE contacts SET erased_at = ?2 WHERE id IN (SELECT value FROM json_each(?1))",
            vec![Value::json(contacts), Value::Int(now.0)],
        ),
        // The id of an event from a client was chosen by the client and may identify the person.
        // The key of a company that somebody named would keep another of that name from being made.
        Statement::new(
            "UPDATE events SET
                    key = iif(key LIKE 'api:%' OR key LIKE 'api-refused:%'
                              OR key LIKE 'named:%', NULL, key),
                    content = NULL,
                    properties = iif(
                        substr(name, 1, instr(name, '.')) IN (SELECT value FROM json_each(?2)),
                        (SELECT json_group_object(kept.key, events.properties -> kept.key)
                           FROM json_each(events.properties) AS kept
                          WHERE kept.key IN (SELECT value FROM json_each(?3))
                             OR kept.key = 'reason' AND name LIKE 'broadcast.%'),
                        '{}')
              WHERE contact_id IN (SELECT value FROM json_each(?1))",
            vec![Value::json(contacts), Value::json(&families), Value::json(&KEPT[..])],
        ),
        of("UPDATE consents SET origin_hash = ''
             WHERE contact_id IN (SELECT value FROM json_each(?1))"),
        // The value for which a journey was entered is a property of a client's event.
        of("UPDATE enrollments SET entry_key = NULL
             WHERE contact_id IN (SELECT value FROM json_each(?1)) AND entry_key LIKE '=%'"),
        // A claimed message is under way: its delivery checks `eligibility`, or has already done
        // so, and records the outcome. A provider's wording may contain the address.
        Statement {
            sql: format!(
                "UPDATE messages SET provider_id = NULL, address = NULL,
                        reason = CASE state WHEN 'skipped' THEN reason
                                            WHEN 'sending' THEN '' ELSE ?2 END,
                        state = CASE WHEN state <> 'queued' THEN state
                                     WHEN uncertain THEN 'unknown' ELSE 'skipped' END
                  WHERE id IN ({MESSAGES})"
            )
            .into(),
            params: vec![Value::json(contacts), Value::text(ERASED)],
        },
        of("DELETE FROM mailbox WHERE id IN (MESSAGES)"),
        of("DELETE FROM short_links
             WHERE contact_id IN (SELECT value FROM json_each(?1))"),
        of("DELETE FROM cap_places WHERE contact_id IN (SELECT value FROM json_each(?1))"),
        of("DELETE FROM positions WHERE contact_id IN (SELECT value FROM json_each(?1))
                                     OR company_id IN (SELECT value FROM json_each(?1))"),
        of("DELETE FROM named_companies WHERE contact_id IN (SELECT value FROM json_each(?1))"),
        forget_dead_letters(contacts, addresses),
        // Who did what and when remains; what was before and after is the person's.
        of("UPDATE audit SET detail = 'null'
             WHERE object <> '' AND object IN (SELECT value FROM json_each(?1))"),
        of("DELETE FROM parked WHERE contact_id IN (SELECT value FROM json_each(?1))"),
        blank_rows,
        forget_rows,
        forget,
        remember,
    ]
}

/// Returns the statements that clear the refused rows of imports that contain these addresses.
fn refused_rows(addresses: &[ErasedAddress]) -> [Statement; 2] {
    let own: Vec<&String> = addresses.iter().map(|one| &one.address).collect();
    let own = Value::json(&own);
    [
        Statement::new(
            "UPDATE import_refused SET cells = NULL WHERE (import_id, row) IN (
                SELECT import_id, row FROM import_addresses
                 WHERE address IN (SELECT value FROM json_each(?1)))",
            vec![own.clone()],
        ),
        Statement::new(
            "DELETE FROM import_addresses WHERE address IN (SELECT value FROM json_each(?1))",
            vec![own],
        ),
    ]
}

/// Deletes the dead letters that contain one of these contacts, a message or an address of theirs:
/// as the whole value, or within other text, in upper or lower case. Parts of longer addresses
/// (`joann@…`, `….com.au`) belong to others and do not match.
fn forget_dead_letters(contacts: &[RecordId], addresses: &[ErasedAddress]) -> Statement {
    let lower = |one: &ErasedAddress| one.address.to_lowercase();
    let (ids, written): (Vec<_>, Vec<_>) =
        addresses.iter().partition(|one| one.kind == "external_id");
    let ids: Vec<&String> = ids.into_iter().map(|one| &one.address).collect();
    let written: Vec<String> = written.into_iter().map(lower).collect();
    Statement {
        sql: format!(
            "DELETE FROM dead_letters WHERE EXISTS (
                SELECT 1 FROM json_tree(iif(json_valid(body), body, json_array(body))) AS part
                 WHERE part.atom IN (SELECT value FROM json_each(?1))
                    OR part.atom IN ({MESSAGES})
                    OR part.atom IN (SELECT value FROM json_each(?2))
                    OR EXISTS (
                       SELECT 1 FROM (SELECT own.value AS address, length(own.value) AS length,
                                             ' ' || lower(part.atom) || '  ' AS said,
                                             instr(lower(part.atom), own.value) AS at
                                        FROM json_each(?3) AS own) AS found
                        WHERE at > 0
                          AND instr(?4 || '._%+-', substr(said, at, 1)) = 0
                          AND instr(?4 || '-', substr(said, at + length + 1, 1)) = 0
                          AND (substr(said, at + length + 1, 1) <> '.'
                               OR instr(?4, substr(said, at + length + 2, 1)) = 0)))"
        )
        .into(),
        params: vec![
            Value::json(contacts),
            Value::json(&ids),
            Value::json(&written),
            Value::text("abcdefghijklmnopqrstuvwxyz0123456789"),
        ],
    }
}

/// Returns the statements that replace these addresses by their hashes in the list.
fn list(addresses: &[ErasedAddress], now: Millis) -> [Statement; 2] {
    let rows = addresses.iter().map(|one| json!([one.kind, one.address, one.hash]));
    let rows = Value::json(&rows.collect::<Vec<_>>());
    [
        Statement::new(
            "DELETE FROM suppressions WHERE (channel, address) IN (
                SELECT value ->> 0, value ->> 1 FROM json_each(?1))",
            vec![rows.clone()],
        ),
        Statement::new(
            "INSERT INTO suppressions (channel, address, reason, at)
             SELECT value ->> 0, value ->> 2, ?2, ?3 FROM json_each(?1) WHERE true
                 ON CONFLICT (channel, address) DO UPDATE SET at = max(at, excluded.at)",
            vec![rows, Value::text(ERASED), Value::Int(now.0)],
        ),
    ]
}

/// Selects which of these kinds and hashes are in the list: one row, `ErasedRow`, for each.
pub fn known(hashes: &[(&str, String)]) -> Statement {
    if let [(kind, hash)] = hashes {
        let sql =
            "SELECT address AS hash, at FROM suppressions WHERE channel = ?1 AND address = ?2";
        return Statement::new(sql, vec![Value::text(*kind), Value::text(hash)]);
    }
    Statement::new(
        "SELECT address AS hash, at FROM suppressions
          WHERE (channel, address) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?1))",
        vec![Value::json(hashes)],
    )
}

/// An address by its kind and a hash under which it may be erased, and a time.
pub type ErasedAddressAt = (&'static str, String, Millis);

/// Returns a statement that makes its batch fail if one of these addresses was erased at its time
/// or later: it inserts that row of the list again, which violates the primary key.
pub fn refuse_erased(addresses: &[&ErasedAddressAt]) -> Statement {
    if let [(kind, hash, at)] = addresses {
        return Statement::new(
            "INSERT INTO suppressions (channel, address, reason, at)
             SELECT channel, address, reason, at FROM suppressions
              WHERE channel = ?1 AND address = ?2 AND at >= ?3",
            vec![Value::text(*kind), Value::text(hash), Value::Int(at.0)],
        );
    }
    Statement::new(
        "INSERT INTO suppressions (channel, address, reason, at)
         SELECT channel, address, reason, at FROM suppressions
           JOIN json_each(?1) AS row
             ON (channel, address) = (row.value ->> 0, row.value ->> 1) AND at >= row.value ->> 2",
        vec![Value::json(addresses)],
    )
}

/// A row of `known`.
#[derive(Deserialize)]
pub struct ErasedRow {
    /// The hash of an address.
    pub hash: String,
    /// When it was last erased.
    pub at: Millis,
}
