//! Lists of records of any kind. Reading one, with all that a decision needs, is in `contacts`.

use super::contacts::json_text;
use super::kinds::json_key;
use super::rule_sql::{RuleSql, at_once, compact};
use super::scope;
use super::segments::IS_SOMEBODY;
use super::statement::{Statement, Value};
use crate::domain::access::rights::Scope;
use crate::domain::base::primitives::{KindId, ListId, MemberId, Millis, QualifiedId, RecordId};
use crate::domain::contact::Contact;
use crate::domain::contact::consent::Consent;
use crate::domain::field::IndexKey;
use crate::domain::record::list::Membership;
use crate::domain::record::{PlainRecord, Record};
use crate::domain::segment::{AnyRecord, Rule};
use serde::Deserialize;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// The number of records that one page looks at, at most: about a tenth of a second of D1's one
/// thread.
pub const LOOKED_PER_PAGE: usize = 5_000;

/// Which records a list wants.
pub struct Wanted<'a> {
    pub kind: &'a KindId,
    pub rule: &'a Rule,
    /// Which records the reader may see.
    pub scope: &'a Scope,
    /// A value that the rule asks for and that the kind has an index of: only records with it are
    /// looked at.
    pub indexed: Option<(&'a str, IndexKey)>,
    /// The last record of the page before.
    pub before: Option<&'a RecordId>,
    pub limit: usize,
}

/// The most owners whose records come by the index of owners. A larger team has a good part of all
/// records, which come as those of everybody.
const OWNERS_MAX: usize = 20;

/// The slot of the parameter with the constants of the scope.
const SCOPE_SLOT: usize = 5;

impl Wanted<'_> {
    /// Returns the query for the ids of the records to look at, which come by an index.
    fn looked(&self, sql: &mut RuleSql) -> String {
        let kind = sql.constant(self.kind.as_str());
        match (&self.indexed, self.owners()) {
            (Some((field, key)), _) => {
                let (field, value) = (sql.constant(*field), sql.constant(json_key(key)));
                format!(
                    "SELECT record_id AS id FROM field_index
                      WHERE kind = {kind} AND field = {field} AND value = {value}
                        AND record_id < ?2"
                )
            }
            // Of each owner the newest, so that an owner of very many costs no more.
            (None, Some(owners)) => {
                let owners = sql.list(owners);
                format!(
                    "SELECT k.id FROM {owners} o CROSS JOIN contacts k
                      WHERE k.id IN (SELECT id FROM contacts
                                      WHERE owner = o.value AND kind = {kind} AND id < ?2
                                      ORDER BY id DESC LIMIT ?3)"
                )
            }
            // The index of kinds has no contacts, which are read as they come.
            _ if self.kind.is_contact() => "SELECT id FROM contacts WHERE id < ?2".to_owned(),
            _ => format!(
                "SELECT id FROM contacts
                  WHERE id < ?2 AND kind = {kind} AND kind <> 'contact'"
            ),
        }
    }

    /// Returns the owners of the records that are looked at, if the index of owners says which.
    fn owners(&self) -> Option<&BTreeSet<MemberId>> {
        match self.scope {
            Scope::Of { owners, rules } if rules.is_empty() && self.indexed.is_none() => {
                Some(owners).filter(|owners| owners.len() <= OWNERS_MAX)
            }
            _ => None,
        }
    }

    /// Returns whether every record that is looked at is shown. Between contacts are other records.
    fn is_whole(&self) -> bool {
        let asks_nothing = matches!(self.rule, Rule::All(parts) if parts.is_empty());
        asks_nothing && *self.scope == Scope::All && !self.kind.is_contact()
    }
}

/// Lists records, newest first; rows are `ListedRow`. A rule with conditions, or a scope, looks at
/// `LOOKED_PER_PAGE` records, and the last row then says how far, if more follow.
pub fn list(wanted: &Wanted<'_>, now: Millis) -> Statement {
    let mut sql = RuleSql::new(wanted.kind, now);
    let holds = sql.holds(wanted.rule);
    let scope = scope::condition(wanted.scope, wanted.kind, SCOPE_SLOT, now);
    let in_scope = scope.sql;
    let looked = wanted.looked(&mut sql);
    let (kind, records) = (sql.constant(wanted.kind.as_str()), sql.records());
    let of_kind = match wanted.kind.is_contact() {
        true => String::new(),
        false => format!(" AND kind = {kind} AND kind <> 'contact'"),
    };
    // The index of a field says in which order they come, so that a page ends once it is full.
    let (from, place) = match &wanted.indexed {
        Some(_) => {
            let joined = format!("({looked}) AS entry CROSS JOIN {records} ON c.id = entry.id");
            (joined, "entry.id")
        }
        None => (records, "c.id"),
    };
    let among = match wanted.owners() {
        Some(_) => format!(" AND c.id IN ({looked} ORDER BY 1 DESC LIMIT ?3)"),
        None => String::new(),
    };
    // Without a condition, a page reads no more than it shows.
    let stop = match wanted.is_whole() {
        true => "SELECT NULL WHERE ?3 IS NULL".to_owned(),
        false => format!("{looked} ORDER BY 1 DESC LIMIT 1 OFFSET ?3 - 1"),
    };
    let text = format!(
        "WITH stop(id) AS MATERIALIZED ({stop}),
         found AS (
             SELECT c.id, c.kind, c.seq, c.email, c.phone, c.external_id, c.locale, c.time_zone,
                    c.title, c.number, c.owner, c.stage, c.value, c.attributes, c.tags, c.score,
                    c.consents, c.created_at, c.updated_at,
                    (SELECT json_group_object(segment_id, entered_at)
                       FROM segment_members WHERE contact_id = c.id) AS segments,
                    (SELECT json_group_object(list, json_object('since', since, 'source', source))
                       FROM list_members WHERE record_id = c.id) AS lists,
                    0 AS is_end
               FROM {from}
              WHERE {place} < ?2 AND {place} >= coalesce((SELECT id FROM stop), '')
                    {among}{of_kind} AND {IS_SOMEBODY} AND {in_scope} AND {holds}
              ORDER BY {place} DESC LIMIT ?4)
         SELECT * FROM found
         UNION ALL
         SELECT id, {kind}, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{{}}',
                '[]', 0, '[]', 0, 0, '{{}}', '{{}}', 1
           FROM stop"
    );
    let before = wanted.before.map_or("~", RecordId::as_str);
    let params = [
        sql.constants(),
        Value::text(before),
        Value::Int(at_once(wanted.rule, LOOKED_PER_PAGE)),
        Value::Int(wanted.limit as i64),
    ];
    Statement {
        sql: compact(&text).into(),
        params: params.into_iter().chain(scope.params).collect(),
    }
}

/// A row of `list`.
#[derive(Clone, Debug, Deserialize)]
pub struct ListedRow {
    pub id: RecordId,
    kind: KindId,
    seq: i64,
    email: Option<String>,
    phone: Option<String>,
    external_id: Option<String>,
    locale: Option<String>,
    time_zone: Option<String>,
    title: Option<String>,
    number: Option<i64>,
    owner: Option<MemberId>,
    stage: Option<String>,
    value: Option<i64>,
    #[serde(deserialize_with = "json_text")]
    attributes: BTreeMap<String, Json>,
    #[serde(deserialize_with = "json_text")]
    tags: Vec<String>,
    score: i64,
    #[serde(deserialize_with = "json_text")]
    consents: Vec<Consent>,
    created_at: Millis,
    pub updated_at: Millis,
    #[serde(deserialize_with = "json_text")]
    segments: BTreeMap<QualifiedId, Millis>,
    #[serde(deserialize_with = "json_text")]
    lists: BTreeMap<ListId, Membership>,
    /// Whether the row is no record, but says how far the list has looked.
    #[serde(deserialize_with = "flag")]
    pub is_end: bool,
}

impl ListedRow {
    /// Returns the record without its history and enrollments, about which the rule of a grant
    /// cannot ask.
    pub fn record(self) -> AnyRecord {
        let record = Record {
            seq: self.seq,
            owner: self.owner,
            attributes: self.attributes,
            tags: self.tags.into_iter().collect(),
            score: self.score,
            segments: self.segments,
            lists: self.lists,
            ..Record::unknown(self.id, self.kind, self.created_at)
        };
        if !record.kind.is_contact() {
            let title = self.title.unwrap_or_default();
            let Self { number, stage, value, .. } = self;
            let aliases = Vec::new();
            return PlainRecord { record, title, number, stage, value, aliases }.into();
        }
        Contact {
            email: self.email,
            phone: self.phone,
            external_id: self.external_id,
            locale: self.locale,
            time_zone: self.time_zone,
            consents: self.consents,
            ..Contact::of(record)
        }
        .into()
    }
}

pub(super) fn flag<'de, D: serde::Deserializer<'de>>(reader: D) -> Result<bool, D::Error> {
    u8::deserialize(reader).map(|flag| flag == 1)
}

/// Selects the record whose log has an event with this idempotency key: one row, `ByKeyRow`.
pub fn by_key(key: &str) -> Statement {
    Statement::new("SELECT contact_id AS id FROM events WHERE key = ?1", vec![Value::text(key)])
}

/// A row of `by_key`.
#[derive(Deserialize)]
pub struct ByKeyRow {
    pub id: RecordId,
}

/// Selects the records whose logs have events with these idempotency keys, unless they are erased;
/// rows are `KeyHolderRow`.
pub fn by_keys(keys: &[String]) -> Statement {
    Statement::new(
        "SELECT e.key, coalesce(c.merged_into, c.id) AS id
           FROM events e JOIN contacts c ON c.id = e.contact_id
          WHERE e.key IN (SELECT value FROM json_each(?1)) AND c.erased_at IS NULL",
        vec![Value::json(keys)],
    )
}

/// A row of `by_keys`.
#[derive(Deserialize)]
pub struct KeyHolderRow {
    pub key: String,
    pub id: RecordId,
}
