//! Reading contacts, with everything that a decision about them needs.

use super::positions::{positions_of_contact, read_positions};
use super::statement::{Statement, Value};
use crate::domain::base::primitives::{
    CampaignId, Channel, KindId, ListId, MemberId, Millis, QualifiedId, RecordId,
};
use crate::domain::base::token::Keyring;
use crate::domain::contact::consent::Consent;
use crate::domain::contact::position::Position;
use crate::domain::contact::suppression::Suppression;
use crate::domain::contact::touch::Touch;
use crate::domain::contact::{Alias, Contact, SoftBounces};
use crate::domain::engine::change::ErasedAddress;
use crate::domain::record::enrollment::Enrollment;
use crate::domain::record::event::{Event, POSITION_EVENTS, Properties};
use crate::domain::record::list::Membership;
use crate::domain::record::{HISTORY_EVENTS_MAX, PlainRecord, Record};
use crate::domain::segment::AnyRecord;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// The columns of a contact and, as JSON, what belongs to it. `?2` is the JSON array of the event
/// names that rules depend on, `?3` how many of the newest events they may use, `?4` the JSON array
/// of the keys under which a journey may be about to be entered, `?5` the time: suppressions that
/// have ended by then are left out.
macro_rules! contact_query {
    ($which:literal) => {
        contact_query!("", $which)
    };
    ($more:expr, $which:literal) => {
        concat!(
            "
SELECT c.id, c.seq, c.email, c.phone, c.external_id, c.attributes, c.tags, c.score, c.locale,
       c.time_zone, c.consents, c.confirmation_mails, c.touches, c.soft_bounces, c.wake_at,
       c.created_at, c.erased_at, c.kind, c.owner, c.title, c.number, c.stage, c.value,
  (SELECT json_group_array(json_object('id', id, 'seq', seq, 'email', email, 'phone', phone,
            'external_id', external_id))
     FROM contacts WHERE merged_into = c.id) AS aliases,
  (SELECT json_group_array(json_object('id', id, 'campaign', campaign_id, 'version', version,
            'journey', journey, 'step', step, 'steps_taken', steps_taken, 'sent', json(sent),
            'state', state, 'reason', reason, 'entry_key', entry_key, 'entered_at', entered_at,
            'since', since, 'due_at', due_at))
     FROM (SELECT *, row_number() OVER (PARTITION BY campaign_id, journey
                                        ORDER BY entered_at DESC) AS place
             FROM enrollments WHERE contact_id = c.id
            ORDER BY state = 'active' DESC, place = 1 DESC,
                     entry_key IN (SELECT value FROM json_each(?4)) DESC, entered_at DESC
            LIMIT 100))
       AS enrollments,
  (SELECT json_group_object(segment_id, entered_at)
     FROM segment_members WHERE contact_id = c.id) AS segments,
  (SELECT json_group_object(list, json_object('since', since, 'source', source))
     FROM list_members WHERE record_id = c.id) AS lists,
  (SELECT json_group_array(json_object('seq', seq, 'at', at, 'name', name,
            'campaign', campaign_id, 'properties', json(properties)))
     FROM events WHERE contact_id = c.id AND seq > c.seq - ?3
       AND name IN (SELECT value FROM json_each(?2))) AS history,
  (SELECT json_group_array(json_object('channel', channel, 'address', address, 'reason', reason,
            'until', until, 'source', source, 'at', at))
     FROM suppressions
    WHERE (channel = 'email' AND address = c.email OR channel = 'sms' AND address = c.phone)
      AND (until IS NULL OR until > ?5)) AS suppressed",
            $more,
            "
  FROM contacts c
 WHERE ",
            $which
        )
    };
}

/// The query for contacts, with their positions if the reader watches the events that make them.
macro_rules! asked_for {
    ($watched_events:ident, $which:literal) => {
        match $watched_events.iter().any(|name| POSITION_EVENTS.contains(&name.as_str())) {
            true => contact_query!(positions_of_contact!(), $which),
            false => contact_query!($which),
        }
    };
}

/// Selects the contacts with these ids. The id of a merged contact selects the one it was merged
/// into.
pub fn by_ids<'a>(
    ids: impl IntoIterator<Item = &'a RecordId>,
    watched_events: &[String],
    entry_keys: &[String],
    now: Millis,
) -> Statement {
    let ids: Vec<&str> = ids.into_iter().map(RecordId::as_str).collect();
    let sql = asked_for!(
        watched_events,
        "c.kind = 'contact'
   AND c.id IN (SELECT coalesce(merged_into, id) FROM contacts
                 WHERE id IN (SELECT value FROM json_each(?1)))"
    );
    Statement::new(sql, params(Value::json(&ids), watched_events, entry_keys, now))
}

/// Selects the records of any kind with these ids, merged ones as `by_ids` does.
pub fn records_by_ids<'a>(
    ids: impl IntoIterator<Item = &'a RecordId>,
    watched_events: &[String],
    entry_keys: &[String],
    now: Millis,
) -> Statement {
    let ids: Vec<&str> = ids.into_iter().map(RecordId::as_str).collect();
    let sql = asked_for!(
        watched_events,
        "c.id IN (SELECT coalesce(merged_into, id) FROM contacts
                   WHERE id IN (SELECT value FROM json_each(?1)))"
    );
    Statement::new(sql, params(Value::json(&ids), watched_events, entry_keys, now))
}

/// Selects the contacts that have one of these addresses: e-mail addresses, phone numbers and
/// external ids, each compared with its own column.
pub fn by_addresses(
    addresses: &Addresses,
    watched_events: &[String],
    entry_keys: &[String],
    now: Millis,
) -> Statement {
    // The most common case, since nearly every form asks for an e-mail address. SQLite needs a
    // third of the time for it.
    if let Some(email) = addresses.lone_email() {
        let sql = asked_for!(
            watched_events,
            "c.id = (SELECT coalesce(merged_into, id) FROM contacts WHERE email = ?1)"
        );
        return Statement::new(sql, params(Value::text(email), watched_events, entry_keys, now));
    }
    // Each part of the OR has its own index, and SQLite uses all three.
    let sql = asked_for!(
        watched_events,
        "c.id IN (SELECT coalesce(merged_into, id) FROM contacts
                   WHERE email IN (SELECT value FROM json_each(?1, '$.emails'))
                      OR phone IN (SELECT value FROM json_each(?1, '$.phones'))
                      OR external_id IN (SELECT value FROM json_each(?1, '$.external_ids')))"
    );
    Statement::new(sql, params(Value::json(addresses), watched_events, entry_keys, now))
}

/// Selects the confirmation mails since a given time to contacts whose addresses are other
/// spellings of these mailboxes (`MailboxMailRow`).
pub fn mails_of_mailboxes(mailboxes: &[String], since: Millis) -> Statement {
    let sql = "
SELECT c.id, c.mailbox, mail.value AS at
  FROM contacts c, json_each(c.confirmation_mails) mail
 WHERE c.mailbox IN (SELECT value FROM json_each(?1)) AND c.confirmation_mails <> '[]'
   AND mail.value > ?2";
    Statement::new(sql, vec![Value::json(mailboxes), Value::Int(since.0)])
}

/// A row of `mails_of_mailboxes`.
#[derive(Debug, Deserialize)]
pub struct MailboxMailRow {
    /// The contact that it went to.
    pub id: RecordId,
    pub mailbox: String,
    /// When it left, or is to leave.
    pub at: Millis,
}

fn params(
    which: Value,
    watched_events: &[String],
    entry_keys: &[String],
    now: Millis,
) -> Vec<Value> {
    let history = Value::Int(HISTORY_EVENTS_MAX);
    vec![which, Value::json(watched_events), history, Value::json(entry_keys), Value::Int(now.0)]
}

/// The addresses by which contacts are looked up.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Addresses {
    /// E-mail addresses in normal form.
    pub emails: Vec<String>,
    /// Phone numbers in E.164.
    pub phones: Vec<String>,
    /// Ids in the customer's own system.
    pub external_ids: Vec<String>,
}

impl Addresses {
    /// Returns the e-mail address, if it is the only address.
    fn lone_email(&self) -> Option<&String> {
        let Self { emails, phones, external_ids } = self;
        let [email] = &emails[..] else { return None };
        (phones.is_empty() && external_ids.is_empty()).then_some(email)
    }

    /// Returns each address by its kind and by each hash under which it may be in the list of
    /// erased addresses.
    pub fn hashes(&self, keys: &Keyring) -> BTreeMap<(&'static str, String), String> {
        let kinds = ErasedAddress::KINDS.into_iter();
        let kinds = kinds.zip([&self.emails, &self.phones, &self.external_ids]);
        let hashed = kinds.flat_map(|(kind, addresses)| {
            addresses.iter().flat_map(move |address| {
                let hashes = ErasedAddress::hashes(kind, address, keys).into_iter();
                hashes.map(move |hash| ((kind, hash), address.clone()))
            })
        });
        hashed.collect()
    }
}

/// Selects the newest events of a contact, oldest first, as many as rules may use; rows are
/// `EventRow`.
pub fn log(contact: &RecordId) -> Statement {
    Statement::new(
        "SELECT seq, at, name, campaign_id AS campaign, properties FROM events
          WHERE contact_id = ?1
            AND seq > (SELECT max(seq) FROM events WHERE contact_id = ?1) - ?2 ORDER BY seq",
        vec![Value::text(contact.as_str()), Value::Int(HISTORY_EVENTS_MAX)],
    )
}

/// A row of `log`.
#[derive(Deserialize)]
pub struct EventRow {
    seq: i64,
    at: Millis,
    name: String,
    campaign: Option<CampaignId>,
    #[serde(deserialize_with = "json_text")]
    properties: Properties,
}

impl From<EventRow> for Event {
    fn from(row: EventRow) -> Self {
        let EventRow { seq, at, name, campaign, properties } = row;
        Self { seq, at, name, campaign, properties }
    }
}

/// Selects which of these idempotency keys are already in the log: one row, `KeyRow`, for each.
pub fn known_keys(keys: &[String]) -> Statement {
    if let [key] = keys {
        let sql = "SELECT key, content FROM events WHERE key = ?1";
        return Statement::new(sql, vec![Value::text(key)]);
    }
    Statement::new(
        "SELECT key, content FROM events WHERE key IN (SELECT value FROM json_each(?1))",
        vec![Value::json(keys)],
    )
}

/// A row of `known_keys`.
#[derive(Deserialize)]
pub struct KeyRow {
    pub key: String,
    /// The hash of the event's content, if its key was chosen by a client and the hash is known.
    #[serde(default)]
    pub content: Option<String>,
}

/// A row of `by_ids` or `by_addresses`.
#[derive(Deserialize)]
pub struct ContactRow {
    id: RecordId,
    seq: i64,
    email: Option<String>,
    phone: Option<String>,
    external_id: Option<String>,
    #[serde(deserialize_with = "json_text")]
    attributes: BTreeMap<String, serde_json::Value>,
    #[serde(deserialize_with = "json_text")]
    tags: Vec<String>,
    score: i64,
    locale: Option<String>,
    time_zone: Option<String>,
    #[serde(deserialize_with = "json_text")]
    consents: Vec<Consent>,
    #[serde(deserialize_with = "json_text")]
    confirmation_mails: Vec<Millis>,
    #[serde(deserialize_with = "json_text")]
    touches: Vec<Touch>,
    #[serde(deserialize_with = "json_text")]
    soft_bounces: BTreeMap<Channel, SoftBounces>,
    wake_at: Option<Millis>,
    created_at: Millis,
    erased_at: Option<Millis>,
    kind: KindId,
    owner: Option<MemberId>,
    title: Option<String>,
    number: Option<i64>,
    stage: Option<String>,
    value: Option<i64>,
    #[serde(deserialize_with = "json_text")]
    aliases: Vec<Alias>,
    #[serde(deserialize_with = "json_text")]
    enrollments: Vec<Enrollment>,
    #[serde(deserialize_with = "json_text")]
    segments: BTreeMap<QualifiedId, Millis>,
    #[serde(deserialize_with = "json_text")]
    lists: BTreeMap<ListId, Membership>,
    #[serde(deserialize_with = "json_text")]
    history: Vec<Event>,
    #[serde(deserialize_with = "json_text")]
    suppressed: Vec<Suppression>,
    /// Only where they are asked for.
    #[serde(default, deserialize_with = "read_positions")]
    positions: Vec<Position>,
    #[serde(default)]
    named_company: Option<String>,
}

impl ContactRow {
    /// Splits off what a record of any kind has.
    fn record(&mut self) -> Record {
        Record {
            id: self.id.clone(),
            kind: self.kind.clone(),
            seq: self.seq,
            owner: self.owner.take(),
            attributes: std::mem::take(&mut self.attributes),
            tags: std::mem::take(&mut self.tags).into_iter().collect(),
            score: self.score,
            enrollments: std::mem::take(&mut self.enrollments),
            segments: std::mem::take(&mut self.segments),
            lists: std::mem::take(&mut self.lists),
            history: std::mem::take(&mut self.history),
            wake_at: self.wake_at,
            created_at: self.created_at,
            erased_at: self.erased_at,
        }
    }
}

impl From<ContactRow> for Contact {
    fn from(mut row: ContactRow) -> Self {
        Self {
            record: row.record(),
            email: row.email,
            phone: row.phone,
            external_id: row.external_id,
            locale: row.locale,
            time_zone: row.time_zone,
            consents: row.consents,
            confirmation_mails: row.confirmation_mails,
            suppressed: row.suppressed.into_iter().map(|one| (one.channel, one)).collect(),
            soft_bounces: row.soft_bounces,
            touches: row.touches,
            aliases: row.aliases,
            positions: row.positions,
            named_company: row.named_company,
        }
    }
}

impl From<ContactRow> for AnyRecord {
    fn from(mut row: ContactRow) -> Self {
        if row.kind.is_contact() {
            return Contact::from(row).into();
        }
        PlainRecord {
            record: row.record(),
            title: row.title.unwrap_or_default(),
            number: row.number,
            stage: row.stage,
            value: row.value,
            aliases: row.aliases.into_iter().map(|alias| alias.id).collect(),
        }
        .into()
    }
}

/// Reads a column that holds JSON as text.
pub(super) fn json_text<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<T, D::Error> {
    let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
    serde_json::from_str(&text).map_err(serde::de::Error::custom)
}
