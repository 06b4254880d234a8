//! Writing decisions: the changes of many contacts become one batch of a few statements, each
//! with all its rows in one JSON parameter.

use super::statement::{Statement, Value};
use crate::domain::change::{Change, Count};
use crate::domain::contact::Contact;
use crate::domain::decide::Decision;
use crate::domain::message::Message;
use crate::domain::primitives::{ContactId, Millis};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

/// The statements that write these decisions. The events come first: if anybody wrote to one of
/// the contacts since it was read, its next number is taken and the whole batch is refused.
pub fn decisions(decisions: &[&Decision], now: Millis) -> Vec<Statement> {
    let mut rows = RowsByTable::default();
    for decision in decisions {
        if decision.is_idle() {
            rows.wakes.push(wake_row(decision));
            continue;
        }
        rows.contacts.push(contact_row(&decision.contact, now));
        for change in &decision.changes {
            rows.add(&decision.contact.id, change);
        }
    }
    rows.into_statements()
}

#[derive(Default)]
struct RowsByTable {
    events: Vec<Json>,
    contacts: Vec<Json>,
    wakes: Vec<Json>,
    enrollments: BTreeMap<String, Json>,
    /// Whether each contact ends up in each segment, and since when: the last change counts.
    memberships: BTreeMap<[String; 2], Option<Millis>>,
    messages: Vec<Json>,
    /// One a message: `UPDATE … FROM` takes an arbitrary one of several.
    message_changes: BTreeMap<String, serde_json::Map<String, Json>>,
    consents: Vec<Json>,
    suppressions: Vec<Json>,
    conversions: Vec<Json>,
    counts: BTreeMap<[String; 5], i64>,
}

impl RowsByTable {
    fn add(&mut self, contact: &ContactId, change: &Change) {
        match change {
            Change::Event { event, key } => self.events.push(json!({
                "contact_id": contact, "seq": event.seq, "at": event.at, "name": event.name,
                "campaign_id": event.campaign, "properties": event.properties, "key": key,
            })),
            // Of several states of one enrollment in a batch, only the last is written.
            Change::Enrollment(e) => {
                self.enrollments.insert(
                    e.id.0.clone(),
                    json!({
                        "contact_id": contact, "id": e.id, "campaign_id": e.campaign,
                        "version": e.version, "journey": e.journey, "step": e.step,
                        "steps_taken": e.steps_taken, "sent": e.sent, "state": e.state,
                        "reason": e.reason, "entered_at": e.entered_at, "since": e.since,
                        "due_at": e.due_at,
                    }),
                );
            }
            Change::EnterSegment(segment, at) => {
                self.memberships.insert([contact.0.clone(), segment.0.clone()], Some(*at));
            }
            Change::LeaveSegment(segment) => {
                self.memberships.insert([contact.0.clone(), segment.0.clone()], None);
            }
            Change::Queue(message) => self.messages.push(message_row(message)),
            Change::Message { id, state, reason, provider_id, opened_at, clicked_at } => {
                let change = self.message_changes.entry(id.0.clone()).or_default();
                if let Some(state) = state {
                    change.insert("state".to_owned(), json!(state));
                    change.insert("reason".to_owned(), json!(reason));
                }
                let told = [
                    ("provider_id", json!(provider_id)),
                    ("opened_at", json!(opened_at)),
                    ("clicked_at", json!(clicked_at)),
                ];
                let told = told.into_iter().filter(|(_, value)| !value.is_null());
                told.for_each(|(name, value)| drop(change.insert(name.to_owned(), value)));
            }
            Change::Consent(c) => self.consents.push(json!({
                "contact_id": contact, "seq": c.seq, "channel": c.channel, "purpose": c.purpose,
                "state": c.state, "source": c.source, "text": c.text,
                "origin_hash": c.origin_hash, "at": c.at,
            })),
            Change::Suppress { channel, address, reason, at } => self.suppressions.push(json!({
                "channel": channel, "address": address, "reason": reason, "at": at,
            })),
            Change::Convert(c) => self.conversions.push(json!({
                "contact_id": contact, "seq": c.seq, "campaign_id": c.campaign, "at": c.at,
                "value": c.value, "currency": c.currency, "channel": c.channel, "part": c.part,
            })),
            Change::Count(Count { campaign, metric, channel, part, day, by }) => {
                let key = [&campaign.0, metric.as_str(), channel, part, day].map(str::to_owned);
                *self.counts.entry(key).or_default() += by;
            }
        }
    }

    fn into_statements(self) -> Vec<Statement> {
        let counts: Vec<Json> = self.counts.into_iter().map(|(k, by)| json!([k, by])).collect();
        let enrollments: Vec<Json> = self.enrollments.into_values().collect();
        let (entered, left): (Vec<_>, Vec<_>) =
            self.memberships.into_iter().partition(|(_, since)| since.is_some());
        let message_changes = self.message_changes.into_iter().map(|(id, mut change)| {
            change.insert("id".to_owned(), Json::from(id));
            Json::Object(change)
        });
        let tables: [(&'static str, Vec<Json>); 12] = [
            (INSERT_EVENTS, self.events),
            (UPSERT_CONTACTS, self.contacts),
            (UPDATE_WAKES, self.wakes),
            (UPSERT_ENROLLMENTS, enrollments),
            (DELETE_MEMBERS, left.into_iter().map(member_row).collect()),
            (INSERT_MEMBERS, entered.into_iter().map(member_row).collect()),
            (INSERT_MESSAGES, self.messages),
            (UPDATE_MESSAGES, message_changes.collect()),
            (INSERT_CONSENTS, self.consents),
            (INSERT_SUPPRESSIONS, self.suppressions),
            (INSERT_CONVERSIONS, self.conversions),
            (ADD_COUNTS, counts),
        ];
        tables
            .into_iter()
            .filter(|(_, rows)| !rows.is_empty())
            .map(|(sql, rows)| Statement::new(sql, vec![Value::json(&rows)]))
            .collect()
    }
}

fn contact_row(c: &Contact, now: Millis) -> Json {
    json!({
        "id": c.id, "seq": c.seq, "email": c.email, "phone": c.phone,
        "external_id": c.external_id, "attributes": c.attributes, "tags": c.tags,
        "score": c.score, "locale": c.locale, "time_zone": c.time_zone, "consents": c.consents,
        "touches": c.touches, "wake_at": c.wake_at, "created_at": c.created_at, "now": now,
    })
}

fn member_row(([contact, segment], since): ([String; 2], Option<Millis>)) -> Json {
    json!({ "contact_id": contact, "segment_id": segment, "at": since })
}

fn wake_row(decision: &Decision) -> Json {
    let Decision { contact, read_seq, .. } = decision;
    json!({ "id": contact.id, "seq": read_seq, "wake_at": contact.wake_at })
}

fn message_row(m: &Message) -> Json {
    json!({
        "id": m.id, "contact_id": m.contact_id, "campaign_id": m.campaign, "version": m.version,
        "enrollment_id": m.enrollment, "journey": m.journey, "step": m.step,
        "channel": m.channel, "class": m.class, "purpose": m.purpose, "template": m.template,
        "note": m.note, "queued_at": m.queued_at, "send_at": m.send_at,
    })
}

const INSERT_EVENTS: &str = "
INSERT INTO events (contact_id, seq, at, name, campaign_id, properties, key)
SELECT value ->> 'contact_id', value ->> 'seq', value ->> 'at', value ->> 'name',
       value ->> 'campaign_id', value -> 'properties', value ->> 'key'
  FROM json_each(?1)";

// `WHERE true` keeps SQLite from reading ON CONFLICT as a join's ON.
const UPSERT_CONTACTS: &str = "
INSERT INTO contacts (id, seq, email, phone, external_id, attributes, tags, score, locale,
                      time_zone, consents, touches, wake_at, created_at, updated_at)
SELECT value ->> 'id', value ->> 'seq', value ->> 'email', value ->> 'phone',
       value ->> 'external_id', value -> 'attributes', value -> 'tags', value ->> 'score',
       value ->> 'locale', value ->> 'time_zone', value -> 'consents', value -> 'touches',
       value ->> 'wake_at', value ->> 'created_at', value ->> 'now'
  FROM json_each(?1) WHERE true
    ON CONFLICT (id) DO UPDATE SET
       seq = excluded.seq, email = excluded.email, phone = excluded.phone,
       external_id = excluded.external_id, attributes = excluded.attributes,
       tags = excluded.tags, score = excluded.score, locale = excluded.locale,
       time_zone = excluded.time_zone, consents = excluded.consents,
       touches = excluded.touches, wake_at = excluded.wake_at,
       updated_at = excluded.updated_at";

// Nothing happened but time: no event is owed, and a newer reading wins by its number.
const UPDATE_WAKES: &str = "
UPDATE contacts SET wake_at = row.value ->> 'wake_at'
  FROM json_each(?1) AS row
 WHERE contacts.id = row.value ->> 'id' AND contacts.seq = row.value ->> 'seq'";

const UPSERT_ENROLLMENTS: &str = "
INSERT INTO enrollments (contact_id, id, campaign_id, version, journey, step, steps_taken, sent,
                         state, reason, entered_at, since, due_at)
SELECT value ->> 'contact_id', value ->> 'id', value ->> 'campaign_id', value ->> 'version',
       value ->> 'journey', value ->> 'step', value ->> 'steps_taken', value -> 'sent',
       value ->> 'state', value ->> 'reason', value ->> 'entered_at', value ->> 'since',
       value ->> 'due_at'
  FROM json_each(?1) WHERE true
    ON CONFLICT (contact_id, id) DO UPDATE SET
       step = excluded.step, steps_taken = excluded.steps_taken, sent = excluded.sent,
       state = excluded.state, reason = excluded.reason, since = excluded.since,
       due_at = excluded.due_at";

const INSERT_MEMBERS: &str = "
INSERT OR REPLACE INTO segment_members (contact_id, segment_id, entered_at)
SELECT value ->> 'contact_id', value ->> 'segment_id', value ->> 'at' FROM json_each(?1)";

const DELETE_MEMBERS: &str = "
DELETE FROM segment_members
 WHERE (contact_id, segment_id) IN
       (SELECT value ->> 'contact_id', value ->> 'segment_id' FROM json_each(?1))";

// A confirmation's id is the same for a whole hour: the first one stands.
const INSERT_MESSAGES: &str = "
INSERT INTO messages (id, contact_id, campaign_id, version, enrollment_id, journey, step, channel,
                      class, purpose, template, note, state, reason, queued_at, send_at,
                      attempts, uncertain)
SELECT value ->> 'id', value ->> 'contact_id', value ->> 'campaign_id', value ->> 'version',
       value ->> 'enrollment_id', value ->> 'journey', value ->> 'step', value ->> 'channel',
       value ->> 'class', value ->> 'purpose', value ->> 'template', value ->> 'note',
       'queued', '', value ->> 'queued_at', value ->> 'send_at', 0, 0
  FROM json_each(?1) WHERE true
    ON CONFLICT (id) DO NOTHING";

const UPDATE_MESSAGES: &str = "
UPDATE messages SET
       state = coalesce(row.value ->> 'state', state),
       reason = iif(row.value ->> 'state' IS NULL, reason, row.value ->> 'reason'),
       provider_id = coalesce(row.value ->> 'provider_id', provider_id),
       opened_at = coalesce(opened_at, row.value ->> 'opened_at'),
       clicked_at = coalesce(clicked_at, row.value ->> 'clicked_at')
  FROM json_each(?1) AS row
 WHERE messages.id = row.value ->> 'id'";

const INSERT_CONSENTS: &str = "
INSERT INTO consents (contact_id, seq, channel, purpose, state, source, text, origin_hash, at)
SELECT value ->> 'contact_id', value ->> 'seq', value ->> 'channel', value ->> 'purpose',
       value ->> 'state', value ->> 'source', value ->> 'text', value ->> 'origin_hash',
       value ->> 'at'
  FROM json_each(?1)";

// A suppression once made stays: the first reason stands.
const INSERT_SUPPRESSIONS: &str = "
INSERT INTO suppressions (channel, address, reason, at)
SELECT value ->> 'channel', value ->> 'address', value ->> 'reason', value ->> 'at'
  FROM json_each(?1) WHERE true
    ON CONFLICT (channel, address) DO NOTHING";

const INSERT_CONVERSIONS: &str = "
INSERT INTO conversions (contact_id, seq, campaign_id, at, value, currency, channel, part)
SELECT value ->> 'contact_id', value ->> 'seq', value ->> 'campaign_id', value ->> 'at',
       value ->> 'value', value ->> 'currency', value ->> 'channel', value ->> 'part'
  FROM json_each(?1)";

// Each row is [[campaign, metric, channel, part, day], by].
const ADD_COUNTS: &str = "
INSERT INTO counters (campaign_id, metric, channel, part, day, value)
SELECT value ->> '$[0][0]', value ->> '$[0][1]', value ->> '$[0][2]', value ->> '$[0][3]',
       value ->> '$[0][4]', value ->> '$[1]'
  FROM json_each(?1) WHERE true
    ON CONFLICT (campaign_id, metric, channel, part, day) DO UPDATE SET
       value = value + excluded.value";
