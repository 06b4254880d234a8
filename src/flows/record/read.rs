//! Reading records: one with its log, and lists.

use super::edit::{kind_of, one};
use super::kinds::fill_of;
use crate::domain::base::primitives::{KindId, Millis, RecordId};
use crate::domain::field::{FieldType, IndexKey};
use crate::domain::kind::Kind;
use crate::domain::publication::catalog::Catalog;
use crate::domain::record::event::Event;
use crate::domain::segment::{AnyRecord, Operator, Rule};
use crate::flows::error::FlowError;
use crate::flows::ports::{Database, all};
use crate::store::contacts::{self, EventRow};
use crate::store::records::{self, ListedRow, Wanted};
use crate::store::segments;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The most records of a page of a list.
pub const PAGE_MAX: usize = 200;

/// A record with its log.
pub struct Found {
    pub record: AnyRecord,
    /// The newest events, oldest first, as many as rules may use.
    pub log: Vec<Event>,
}

/// Returns a record of a kind, with its log.
pub async fn found<D: Database>(
    db: &D,
    catalog: &Catalog,
    kind: &KindId,
    id: &RecordId,
    now: Millis,
) -> Result<Found, FlowError> {
    let record = one(db, catalog, kind, id, now).await?;
    let rows = db.batch(vec![contacts::log(&record.id)]).await?;
    let log = all::<EventRow>(rows.first())?.into_iter().map(Event::from).collect();
    Ok(Found { record, log })
}

/// A page of a list.
pub struct Page {
    pub records: Vec<ListedRow>,
    /// Where the next page begins; `None` at the end. A page may be short, and even empty, although
    /// others follow: only so many records are looked at.
    pub next: Option<RecordId>,
}

/// Lists the records of a kind for which a rule holds, newest first.
pub async fn list<D: Database>(
    db: &D,
    catalog: &Catalog,
    kind: &KindId,
    rule: &Rule,
    before: Option<RecordId>,
    limit: usize,
    now: Millis,
) -> Result<Page, FlowError> {
    let definition = kind_of(catalog, kind)?;
    let limit = limit.clamp(1, PAGE_MAX);
    let before = before.as_ref();
    let indexed = indexed(definition, rule);
    let is_indexed = indexed.is_some();
    let wanted = Wanted { kind, rule, indexed, before, limit };
    let mut statements = vec![records::list(&wanted, now)];
    if is_indexed {
        statements.push(segments::is_filling(&fill_of(kind)));
    }
    let mut rows = db.batch(statements).await?;
    // An index that is being filled lacks records.
    if is_indexed && !all::<Value>(rows.get(1))?.is_empty() {
        rows = db.batch(vec![records::list(&Wanted { indexed: None, ..wanted }, now)]).await?;
    }
    let rows = all::<ListedRow>(rows.first())?;
    let reached = rows.iter().find(|row| row.is_end).map(|row| row.id.clone());
    let records: Vec<ListedRow> = rows.into_iter().filter(|row| !row.is_end).collect();
    let next = match records.get(limit - 1) {
        Some(last) => Some(last.id.clone()),
        None => reached,
    };
    Ok(Page { records, next })
}

/// Returns a value that the rule asks for, of a field of which the kind has an index.
fn indexed<'r>(kind: &Kind, rule: &'r Rule) -> Option<(&'r str, IndexKey)> {
    match rule {
        Rule::All(parts) => parts.iter().find_map(|part| indexed(kind, part)),
        Rule::Attribute { attribute, test: Operator::Is(value) } => {
            let field = kind.field(attribute).filter(|field| field.indexed)?;
            Some((attribute, field.kind.index_key(&value.to_json())?))
        }
        _ => None,
    }
}

/// Returns a record as the API shows it: the values of its fields as they are written, and beside
/// them the attributes that no field declares.
pub fn shown(kind: &Kind, record: &AnyRecord) -> Value {
    let mut shown = json!({
        "id": record.id, "kind": record.kind, "version": record.seq, "owner": record.owner,
        "tags": record.tags, "score": record.score, "lists": record.lists,
        "created_at": record.created_at.rfc3339(),
    });
    match record {
        AnyRecord::Contact(contact) => {
            shown["email"] = json!(contact.email);
            shown["phone"] = json!(contact.phone);
            shown["external_id"] = json!(contact.external_id);
            shown["locale"] = json!(contact.locale);
            shown["time_zone"] = json!(contact.time_zone);
        }
        AnyRecord::Plain(record) => shown["title"] = json!(record.title),
    }
    put_values(&mut shown, kind, &record.attributes);
    shown
}

/// Returns a record of a list as the API shows it.
pub fn shown_row(kind: &Kind, row: &ListedRow) -> Value {
    let mut shown = json!({
        "id": row.id, "kind": kind.id, "version": row.seq, "owner": row.owner,
        "tags": row.tags, "score": row.score, "created_at": row.created_at.rfc3339(),
        "updated_at": row.updated_at.rfc3339(),
    });
    if kind.id.is_contact() {
        shown["email"] = json!(row.email);
        shown["phone"] = json!(row.phone);
        shown["external_id"] = json!(row.external_id);
    } else {
        shown["title"] = json!(row.title);
    }
    put_values(&mut shown, kind, &row.attributes);
    shown
}

fn put_values(shown: &mut Value, kind: &Kind, values: &BTreeMap<String, Value>) {
    let (mut fields, mut attributes) = (Map::new(), Map::new());
    for (name, kept) in values {
        match kind.field(name) {
            Some(field) => {
                let is_written =
                    matches!(field.kind, FieldType::Money { .. } | FieldType::Duration)
                        || matches!(field.kind, FieldType::Formula { .. } | FieldType::Sealed);
                let value = match is_written {
                    true => Value::from(field.kind.export(kept)),
                    false => kept.clone(),
                };
                fields.insert(name.clone(), value);
            }
            None => _ = attributes.insert(name.clone(), kept.clone()),
        }
    }
    shown["fields"] = Value::Object(fields);
    shown["attributes"] = Value::Object(attributes);
}
