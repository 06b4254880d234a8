//! Writing decisions: the changes of many contacts become one batch of a few statements, one per
//! table and kind of change, regardless of the number of rows.

use super::kinds::IndexRows;
use super::lists::ListRows;
use super::positions::PositionRows;
use super::statement::{Statement, Value};
use super::{erasures, kinds, merging, search};
use crate::domain::base::primitives::{MessageId, Millis, RecordId};
use crate::domain::contact::Contact;
use crate::domain::contact::address::other_mailbox;
use crate::domain::contact::consent::ConsentRecord;
use crate::domain::contact::message::Message;
use crate::domain::contact::message_source::SourceColumns;
use crate::domain::contact::suppression::{Release, Suppression};
use crate::domain::engine::Decision;
use crate::domain::engine::change::{
    Change, Conversion, Count, ErasedAddress, MessagePatch, Withdrawal,
};
use crate::domain::record::PlainRecord;
use crate::domain::record::enrollment::Enrollment;
use crate::domain::record::event::Event;
use crate::domain::segment::AnyRecord;
use serde::Serialize;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

/// The most parameters that one statement may bind (D1's limit).
const PARAMETERS_MAX: usize = 100;

/// Returns the statements that write these decisions. The events come first: if another writer has
/// changed one of the contacts since it was read, its next event number is taken and the whole
/// batch is refused.
pub fn decisions(decisions: &[&Decision], now: Millis) -> Vec<Statement> {
    let mut rows = RowsByTable::default();
    for decision in decisions {
        // Without an event, nothing would detect a concurrent write to the contact.
        match decision.has_event() {
            true => rows.add_record(&decision.subject, now),
            false => rows.wakes.push(wake_row(decision, now)),
        }
        for change in &decision.changes {
            rows.add(&decision.subject.id, change);
        }
        match &decision.subject {
            AnyRecord::Contact(contact) => rows.positions.look_at(contact),
            // What was merged into an erased record goes too; contacts erase each by a decision.
            AnyRecord::Plain(record) if record.erased_at.is_some() => {
                rows.erased.extend(record.aliases.iter().cloned());
            }
            AnyRecord::Plain(_) => {}
        }
    }
    rows.into_statements(now)
}

/// Returns the statement that suppresses these addresses, whether or not a contact has them. Of two
/// suppressions of one address, the stricter stays.
pub fn suppressions(suppressions: &[Suppression]) -> Option<Statement> {
    SUPPRESSIONS.rows(suppressions.iter().map(suppression_row).collect())
}

/// An INSERT of rows whose values are in the order of the columns.
struct Insert {
    /// `table (column, …)`.
    into: &'static str,
    /// What happens to a row that exists already; if empty, the batch is refused.
    on_conflict: &'static str,
}

const EVENTS: Insert = Insert {
    into: "events (contact_id, seq, at, name, campaign_id, properties, key, content)",
    on_conflict: "",
};

const CONTACTS: Insert = Insert {
    into: "contacts (id, seq, email, phone, external_id, attributes, tags, score, locale,
                     time_zone, consents, confirmation_mails, touches, soft_bounces, wake_at,
                     created_at, mailbox, updated_at, owner)",
    on_conflict: "ON CONFLICT (id) DO UPDATE SET
       seq = excluded.seq, owner = excluded.owner, email = excluded.email, phone = excluded.phone,
       external_id = excluded.external_id, attributes = excluded.attributes,
       tags = excluded.tags, score = excluded.score, locale = excluded.locale,
       time_zone = excluded.time_zone, consents = excluded.consents,
       confirmation_mails = excluded.confirmation_mails,
       touches = excluded.touches, soft_bounces = excluded.soft_bounces,
       wake_at = excluded.wake_at, mailbox = excluded.mailbox,
       updated_at = excluded.updated_at, handed_out = 0, due_since = NULL",
};

const RECORDS: Insert = Insert {
    into: "contacts (id, kind, seq, owner, title, number, stage, value, attributes, tags, score,
                     consents, touches, wake_at, created_at, updated_at)",
    on_conflict: "ON CONFLICT (id) DO UPDATE SET
       seq = excluded.seq, owner = excluded.owner, title = excluded.title,
       number = excluded.number, stage = excluded.stage, value = excluded.value,
       attributes = excluded.attributes, tags = excluded.tags, score = excluded.score,
       wake_at = excluded.wake_at, updated_at = excluded.updated_at, handed_out = 0,
       due_since = NULL",
};

const ENROLLMENTS: Insert = Insert {
    into: "enrollments (contact_id, id, campaign_id, version, journey, step, steps_taken, sent,
                        state, reason, entry_key, entered_at, since, due_at)",
    on_conflict: "ON CONFLICT (contact_id, id) DO UPDATE SET
       version = excluded.version,
       step = excluded.step, steps_taken = excluded.steps_taken, sent = excluded.sent,
       state = excluded.state, reason = excluded.reason, since = excluded.since,
       due_at = excluded.due_at",
};

// The CHECK refuses the batch if an hour is full already.
const HOURS: Insert = Insert {
    into: "journey_hours (journey_id, hour, taken, people)",
    on_conflict: "ON CONFLICT (journey_id, hour) DO UPDATE SET
       taken = taken + excluded.taken, people = excluded.people",
};

const MEMBERS: Insert = Insert {
    into: "segment_members (contact_id, segment_id, entered_at)",
    on_conflict: "ON CONFLICT (contact_id, segment_id) DO UPDATE SET
       entered_at = excluded.entered_at",
};

// An existing message is kept.
const MESSAGES: Insert = Insert {
    into: "messages (id, contact_id, campaign_id, version, enrollment_id, journey, step, channel,
                     class, purpose, template, note, state, reason, queued_at, send_at, attempts,
                     uncertain, broadcast)",
    on_conflict: "ON CONFLICT (id) DO NOTHING",
};

const CONSENTS: Insert = Insert {
    into: "consents (contact_id, seq, channel, purpose, state, source, text, origin_hash, at,
                     text_hash, form, basis, cross_border, message_id)",
    on_conflict: "",
};

// The stricter of two stays: permanent is stricter than dated, and a later end stricter than an
// earlier one; if equal, the reasons decide, in the order of `SuppressionReason::ALL`. 9e15 ms
// means permanent.
const SUPPRESSIONS: Insert = Insert {
    into: "suppressions (channel, address, reason, until, source, at)",
    on_conflict: "ON CONFLICT (channel, address) DO UPDATE SET
       reason = excluded.reason, until = excluded.until, source = excluded.source,
       at = excluded.at, released_by = NULL, release_note = NULL
 WHERE (coalesce(excluded.until, 9e15),
        instr('imported manual bounced unsubscribed complained erased', excluded.reason))
     > (coalesce(suppressions.until, 9e15),
        instr('imported manual bounced unsubscribed complained erased', suppressions.reason))",
};

const CONVERSIONS: Insert = Insert {
    into: "conversions (contact_id, seq, campaign_id, at, value, currency, channel, part)",
    on_conflict: "",
};

const COUNTERS: Insert = Insert {
    into: "counters (campaign_id, metric, channel, part, day, value)",
    on_conflict: "ON CONFLICT (campaign_id, metric, channel, part, day) DO UPDATE SET
       value = value + excluded.value",
};

// Only time has passed: no event is written, and the write applies only if the contact's number is
// unchanged. `updated_at` is kept for the second pass of a backfill (`flows/campaign/backfill.rs`).
const UPDATE_WAKES: &str = "
UPDATE contacts SET wake_at = row.value ->> 'wake_at', handed_out = 0, due_since = NULL,
                    updated_at = row.value ->> 'at'
  FROM json_each(?1) AS row
 WHERE contacts.id = row.value ->> 'id' AND contacts.seq = row.value ->> 'seq'";

const DELETE_MEMBERS: &str = "
DELETE FROM segment_members
 WHERE (contact_id, segment_id) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?1))";

const UPDATE_MESSAGES: &str = "
UPDATE messages SET
       state = coalesce(row.value ->> 'state', state),
       reason = iif(row.value ->> 'state' IS NULL, reason, row.value ->> 'reason'),
       provider_id = coalesce(row.value ->> 'provider_id', provider_id),
       opened_at = coalesce(opened_at, row.value ->> 'opened_at'),
       clicked_at = coalesce(clicked_at, row.value ->> 'clicked_at'),
       delivered_at = coalesce(delivered_at, row.value ->> 'delivered_at'),
       bounced_at = coalesce(bounced_at, row.value ->> 'bounced_at'),
       complained_at = coalesce(complained_at, row.value ->> 'complained_at'),
       unsubscribed_at = coalesce(unsubscribed_at, row.value ->> 'unsubscribed_at'),
       sms_segments = coalesce(row.value ->> 'sms_segments', sms_segments),
       cost_micros = coalesce(row.value ->> 'cost_micros', cost_micros)
  FROM json_each(?1) AS row
 WHERE messages.id = row.value ->> 'id'";

// A message that is claimed, or was called for without an answer, may have been sent already: its
// delivery checks consent itself, and records the right outcome.
const SKIP_QUEUED: &str = "
UPDATE messages SET state = 'skipped', reason = 'no_consent'
 WHERE state = 'queued' AND uncertain = 0 AND class = 'marketing' AND id IN (
   SELECT m.id FROM json_each(?1) AS w, json_each(w.value, '$.message_prefixes') AS b
     JOIN messages m ON m.id > b.value || '.' AND m.id < b.value || '/'
    WHERE m.channel = w.value ->> 'channel' AND m.purpose = w.value ->> 'purpose')";

// The row stays, and records who lifted it.
const UPDATE_RELEASES: &str = "
UPDATE suppressions SET until = row.value ->> 'at', released_by = row.value ->> 'by',
       release_note = row.value ->> 'note'
  FROM json_each(?1) AS row
 WHERE suppressions.channel = row.value ->> 'channel'
   AND suppressions.address = row.value ->> 'address'";

// The classification of opens and clicks is the only part of an event that ever changes.
const RECLASSIFY_EVENTS: &str = "
UPDATE events SET properties = row.value ->> 2
  FROM json_each(?1) AS row
 WHERE events.contact_id = row.value ->> 0 AND events.seq = row.value ->> 1";

const RECLASSIFY_MESSAGES: &str = "
UPDATE messages SET opened_at = row.value ->> 'opened_at', clicked_at = row.value ->> 'clicked_at'
  FROM json_each(?1) AS row
 WHERE messages.id = row.value ->> 'id'";

impl Insert {
    /// Returns one statement for all rows. A few rows are bound value by value, which SQLite
    /// processes at twice the speed; more rows go into one JSON parameter.
    fn rows(&self, rows: Vec<Vec<Value>>) -> Option<Statement> {
        let columns = rows.first()?.len();
        let Self { into, on_conflict } = self;
        if rows.len() * columns <= PARAMETERS_MAX {
            let row = format!("({})", vec!["?"; columns].join(", "));
            let all = vec![row; rows.len()].join(", ");
            let sql = format!("INSERT INTO {into} VALUES {all} {on_conflict}");
            let params = rows.into_iter().flatten().collect();
            return Some(Statement { sql: sql.into(), params });
        }
        let values: Vec<String> = (0..columns).map(|index| format!("value ->> {index}")).collect();
        // `WHERE true` keeps SQLite from reading ON CONFLICT as a join's ON.
        let sql = format!(
            "INSERT INTO {into} SELECT {} FROM json_each(?1) WHERE true {on_conflict}",
            values.join(", ")
        );
        Some(Statement { sql: sql.into(), params: vec![Value::json(&rows)] })
    }
}

#[derive(Default)]
struct RowsByTable {
    events: Vec<Vec<Value>>,
    contacts: Vec<Vec<Value>>,
    /// Records of other kinds.
    records: Vec<Vec<Value>>,
    wakes: Vec<Json>,
    /// Of several states of one enrollment in a batch, only the last is written.
    enrollments: BTreeMap<String, Vec<Value>>,
    /// The number of reservations in each hour of each limited journey, and the limit.
    places: BTreeMap<(String, i64), [i64; 2]>,
    /// Whether each contact ends up in each segment, and since when: the last change counts.
    memberships: BTreeMap<[String; 2], Option<Millis>>,
    lists: ListRows,
    messages: Vec<Vec<Value>>,
    /// One per message: `UPDATE … FROM` would take an arbitrary one of several.
    message_patches: BTreeMap<String, serde_json::Map<String, Json>>,
    /// The opens and clicks that were reclassified: contact, number, properties. The last
    /// classification of each counts.
    classifications: BTreeMap<(String, i64), Json>,
    /// When each of those messages was opened and clicked, by the last classifications.
    reclassified: BTreeMap<String, Json>,
    consents: Vec<Vec<Value>>,
    withdrawals: Vec<Json>,
    releases: Vec<Json>,
    suppressions: Vec<Vec<Value>>,
    conversions: Vec<Vec<Value>>,
    counts: BTreeMap<[String; 5], i64>,
    unindexed: IndexRows,
    indexed: IndexRows,
    words: Vec<Json>,
    positions: PositionRows,
    taken_over: Vec<[RecordId; 2]>,
    erased: Vec<RecordId>,
    erased_addresses: Vec<ErasedAddress>,
}

impl RowsByTable {
    fn add_record(&mut self, record: &AnyRecord, now: Millis) {
        match record {
            AnyRecord::Contact(contact) => self.contacts.push(contact_row(contact, now)),
            AnyRecord::Plain(record) => self.records.push(record_row(record, now)),
        }
    }

    fn add(&mut self, contact: &RecordId, change: &Change) {
        match change {
            Change::Event { event, key, content } => {
                self.events.push(event_row(contact, event, key, content));
            }
            Change::Enrollment(enrollment) => {
                let row = enrollment_row(contact, enrollment);
                self.enrollments.insert(enrollment.id.0.clone(), row);
            }
            Change::ReserveSlot { journey, quota, people } => {
                let place = self.places.entry((journey.0.clone(), quota.hour)).or_default();
                *place = [place[0] + 1, i64::from(*people)];
            }
            Change::EnterSegment(segment, at) => {
                self.memberships.insert([contact.0.clone(), segment.0.clone()], Some(*at));
            }
            Change::LeaveSegment(segment) => {
                self.memberships.insert([contact.0.clone(), segment.0.clone()], None);
            }
            Change::JoinList(list, membership) => self.lists.join(contact, list, membership),
            Change::PutMembership(list, membership) => self.lists.put(contact, list, membership),
            Change::LeaveList(list) => self.lists.leave(contact, list),
            Change::Queue(message) => self.messages.push(message_row(message)),
            Change::Message(id, patch) => self.add_message_patch(id, patch),
            Change::Reclassify { id, opened_at, clicked_at, events } => {
                let row = json!({ "id": id, "opened_at": opened_at, "clicked_at": clicked_at });
                self.reclassified.insert(id.0.clone(), row);
                for (seq, new) in events {
                    self.classifications
                        .insert((contact.0.clone(), *seq), json!([contact, seq, new]));
                }
            }
            Change::Consent(record) => self.consents.push(consent_row(contact, record)),
            Change::SkipQueued(Withdrawal { channel, purpose, message_prefixes }) => {
                let row = json!({ "channel": channel, "purpose": purpose,
                                  "message_prefixes": message_prefixes });
                self.withdrawals.push(row);
            }
            Change::Release(release) => self.releases.push(release_row(release)),
            Change::Suppress(suppression) => {
                self.suppressions.push(suppression_row(suppression));
            }
            Change::Convert(conversion) => {
                self.conversions.push(conversion_row(contact, conversion));
            }
            Change::Count(Count { campaign, metric, channel, part, day, by }) => {
                let key = [&campaign.0, metric.as_str(), channel, part, day].map(str::to_owned);
                *self.counts.entry(key).or_default() += by;
            }
            Change::Index(kind, settled) => {
                let [removed, added] = kinds::index_rows(kind, contact, settled);
                self.unindexed.extend(removed);
                self.indexed.extend(added);
            }
            Change::Words(kind, words) => self.words.push(search::row(kind, contact, words)),
            Change::SetPosition(_)
            | Change::EndPosition(_)
            | Change::NameCompany(_)
            | Change::WakePeople
            | Change::CheckParent
            | Change::TakeOverPeople(_) => self.positions.add(contact, change),
            Change::TakeOver(from) => self.taken_over.push([from.clone(), contact.clone()]),
            Change::Erase(addresses) => {
                self.erased.push(contact.clone());
                self.erased_addresses.extend(addresses.iter().cloned());
            }
        }
    }

    fn add_message_patch(&mut self, id: &MessageId, patch: &MessagePatch) {
        let MessagePatch { state, reason, provider_id, opened_at, clicked_at, reported, spent } =
            patch;
        // An open or click by a person after the reclassification is applied after it.
        if let Some(row) = self.reclassified.get_mut(&id.0) {
            for (name, at) in [("opened_at", opened_at), ("clicked_at", clicked_at)] {
                if row[name].is_null() {
                    row[name] = json!(at);
                }
            }
        }
        let row = self.message_patches.entry(id.0.clone()).or_default();
        row.insert("id".to_owned(), json!(id));
        if let Some(state) = state {
            row.insert("state".to_owned(), json!(state));
            row.insert("reason".to_owned(), json!(reason));
        }
        let columns = [
            ("provider_id", json!(provider_id)),
            ("opened_at", json!(opened_at)),
            ("clicked_at", json!(clicked_at)),
            ("delivered_at", json!(reported.delivered_at)),
            ("bounced_at", json!(reported.bounced_at)),
            ("complained_at", json!(reported.complained_at)),
            ("unsubscribed_at", json!(reported.unsubscribed_at)),
            ("sms_segments", json!(spent.map(|spent| spent.segments))),
            ("cost_micros", json!(spent.map(|spent| spent.micros))),
        ];
        let columns = columns.into_iter().filter(|(_, value)| !value.is_null());
        row.extend(columns.map(|(name, value)| (name.to_owned(), value)));
    }

    fn into_statements(self, now: Millis) -> Vec<Statement> {
        let (mut entered, mut left) = (Vec::new(), Vec::new());
        for ([contact, segment], since) in self.memberships {
            match since {
                Some(at) => entered.push(vec![text(contact), text(segment), int(at.0)]),
                None => left.push([contact, segment]),
            }
        }
        let places = self.places.into_iter().map(|((journey, hour), [taken, people])| {
            vec![text(journey), int(hour), int(taken), int(people)]
        });
        let message_patches: Vec<_> = self.message_patches.into_values().collect();
        let reclassified: Vec<_> = self.reclassified.into_values().collect();
        let classifications: Vec<_> = self.classifications.into_values().collect();
        let counts = self
            .counts
            .into_iter()
            .map(|(key, by)| key.into_iter().map(text).chain([int(by)]).collect());
        let first =
            [EVENTS.rows(self.events), CONTACTS.rows(self.contacts), RECORDS.rows(self.records)];
        let taken_over = self.taken_over.iter();
        let taken_over = taken_over.flat_map(|[from, into]| merging::take_over(from, into));
        let statements = [
            of_json(UPDATE_WAKES, &self.wakes),
            ENROLLMENTS.rows(self.enrollments.into_values().collect()),
            HOURS.rows(places.collect()),
            of_json(DELETE_MEMBERS, &left),
            MEMBERS.rows(entered),
            MESSAGES.rows(self.messages),
            of_json(UPDATE_MESSAGES, &message_patches),
            of_json(UPDATE_RELEASES, &self.releases),
            of_json(SKIP_QUEUED, &self.withdrawals),
            of_json(RECLASSIFY_EVENTS, &classifications),
            of_json(RECLASSIFY_MESSAGES, &reclassified),
            CONSENTS.rows(self.consents),
            SUPPRESSIONS.rows(self.suppressions),
            CONVERSIONS.rows(self.conversions),
            COUNTERS.rows(counts.collect()),
            of_json(kinds::REMOVE_INDEXED, &self.unindexed.indexed),
            of_json(kinds::REMOVE_UNIQUE, &self.unindexed.unique),
            of_json(kinds::ADD_INDEXED, &self.indexed.indexed),
            of_json(kinds::ADD_UNIQUE, &self.indexed.unique),
        ];
        let positions = self.positions.into_statements(&self.erased, now);
        // Last, so that rows that this batch itself writes are cleared too.
        let erasures = match self.erased.is_empty() {
            true => Vec::new(),
            false => erasures::empty(&self.erased, &self.erased_addresses, now).to_vec(),
        };
        let words = search::put(&self.words);
        let statements = statements.into_iter().flatten().chain(positions).chain(words);
        let statements = self.lists.into_statements().into_iter().chain(statements).chain(erasures);
        first.into_iter().flatten().chain(taken_over).chain(statements).collect()
    }
}

fn event_row(
    contact: &RecordId,
    e: &Event,
    key: &Option<String>,
    content: &Option<String>,
) -> Vec<Value> {
    vec![
        text(contact),
        int(e.seq),
        int(e.at.0),
        text(&e.name),
        maybe(&e.campaign),
        Value::json(&e.properties),
        maybe(key),
        maybe(content),
    ]
}

fn enrollment_row(contact: &RecordId, e: &Enrollment) -> Vec<Value> {
    vec![
        text(contact),
        text(&e.id),
        text(&e.campaign),
        int(e.version),
        text(&e.journey),
        text(&e.step),
        int(e.steps_taken),
        Value::json(&e.sent),
        enum_name(&e.state),
        text(&e.reason),
        maybe(&e.entry_key),
        int(e.entered_at.0),
        int(e.since.0),
        when(e.due_at),
    ]
}

fn consent_row(contact: &RecordId, c: &ConsentRecord) -> Vec<Value> {
    vec![
        text(contact),
        int(c.seq),
        enum_name(&c.channel),
        text(&c.purpose),
        enum_name(&c.state),
        text(&c.source),
        text(&c.text),
        text(&c.origin_hash),
        int(c.at.0),
        text(&c.text_hash),
        maybe(&c.form),
        enum_name(&c.basis),
        int(i64::from(c.cross_border)),
        maybe(&c.message),
    ]
}

fn suppression_row(s: &Suppression) -> Vec<Value> {
    vec![
        enum_name(&s.channel),
        text(&s.address),
        enum_name(&s.reason),
        when(s.until),
        text(&s.source),
        int(s.at.0),
    ]
}

fn conversion_row(contact: &RecordId, c: &Conversion) -> Vec<Value> {
    vec![
        text(contact),
        int(c.seq),
        text(&c.campaign),
        int(c.at.0),
        int(c.value),
        text(&c.currency),
        text(&c.channel),
        text(&c.part),
    ]
}

fn contact_row(c: &Contact, now: Millis) -> Vec<Value> {
    vec![
        text(&c.id),
        int(c.seq),
        maybe(&c.email),
        maybe(&c.phone),
        maybe(&c.external_id),
        Value::json(&c.attributes),
        Value::json(&c.tags),
        int(c.score),
        maybe(&c.locale),
        maybe(&c.time_zone),
        Value::json(&c.consents),
        Value::json(&c.confirmation_mails),
        Value::json(&c.touches),
        Value::json(&c.soft_bounces),
        when(c.wake_at),
        int(c.created_at.0),
        maybe(&c.email.as_deref().and_then(other_mailbox)),
        int(now.0),
        maybe(&c.owner),
    ]
}

fn record_row(r: &PlainRecord, now: Millis) -> Vec<Value> {
    vec![
        text(&r.id),
        text(&r.kind),
        int(r.seq),
        maybe(&r.owner),
        text(&r.title),
        maybe_int(r.number),
        maybe(&r.stage),
        maybe_int(r.value),
        Value::json(&r.attributes),
        Value::json(&r.tags),
        int(r.score),
        text("[]"),
        text("[]"),
        when(r.wake_at),
        int(r.created_at.0),
        int(now.0),
    ]
}

fn message_row(m: &Message) -> Vec<Value> {
    let SourceColumns { enrollment, journey, step, broadcast, .. } = m.source.columns();
    let SourceColumns { class, purpose, template, note, .. } = m.source.columns();
    vec![
        text(&m.id),
        text(&m.contact_id),
        text(&m.campaign),
        int(m.version),
        maybe(&enrollment),
        text(journey),
        text(step),
        enum_name(&m.channel()),
        enum_name(&class),
        text(purpose),
        text(template),
        text(note),
        text("queued"),
        text(""),
        int(m.queued_at.0),
        int(m.send_at.0),
        int(0),
        int(0),
        maybe(&broadcast),
    ]
}

fn release_row(release: &Release) -> Json {
    let Release { channel, address, by, note, at } = release;
    json!({ "channel": channel, "address": address, "by": by, "note": note, "at": at })
}

/// Returns the statement that lifts the suppression of an address without a known contact.
pub fn release(release: &Release) -> Option<Statement> {
    of_json(UPDATE_RELEASES, &[release_row(release)])
}

fn wake_row(decision: &Decision, now: Millis) -> Json {
    let Decision { subject, read_seq, .. } = decision;
    json!({ "id": subject.id, "seq": read_seq, "wake_at": subject.wake_at, "at": now })
}

/// Returns a statement whose rows are in one JSON parameter; `None` for no rows.
pub(super) fn of_json<T: Serialize>(sql: &'static str, rows: &[T]) -> Option<Statement> {
    (!rows.is_empty()).then(|| Statement::new(sql, vec![Value::json(rows)]))
}

fn text(value: impl std::fmt::Display) -> Value {
    Value::Text(value.to_string())
}

fn maybe(value: &Option<impl std::fmt::Display>) -> Value {
    value.as_ref().map_or(Value::Null, text)
}

fn int(value: impl Into<i64>) -> Value {
    Value::Int(value.into())
}

fn maybe_int(value: Option<i64>) -> Value {
    value.map_or(Value::Null, Value::Int)
}

fn when(at: Option<Millis>) -> Value {
    maybe_int(at.map(|at| at.0))
}

/// Converts an enum without fields to the word that it serialises to.
fn enum_name(value: &impl Serialize) -> Value {
    match serde_json::to_value(value) {
        Ok(Json::String(word)) => Value::Text(word),
        _ => Value::Null,
    }
}
