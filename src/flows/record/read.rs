//! Reading records: one with its log, and lists.

use super::edit::{kind_of, missing, one};
use super::kinds::fill_of;
use crate::domain::access::audit::Act;
use crate::domain::access::rights::Access;
use crate::domain::access::role::Action;
use crate::domain::access::shown::{Shown, ShownEvent};
use crate::domain::base::diagnostic::Problem;
use crate::domain::base::primitives::{Ids, KindId, Millis, RecordId};
use crate::domain::field::IndexKey;
use crate::domain::field::sealed::{self, SealKey};
use crate::domain::kind::Kind;
use crate::domain::publication::catalog::Catalog;
use crate::domain::record::event::Event;
use crate::domain::segment::{Operator, Rule};
use crate::flows::error::{FlowError, Refusal};
use crate::flows::ports::{Database, all};
use crate::store::audit;
use crate::store::contacts::{self, EventRow};
use crate::store::records::{self, ListedRow, Wanted};
use crate::store::segments;
use serde::Serialize;
use serde_json::{Value, json};

/// The most records of a page of a list.
pub const PAGE_MAX: usize = 200;

/// Somebody who reads records, within what they may see.
pub struct Reader<'a, D> {
    pub db: &'a D,
    pub catalog: &'a Catalog,
    pub access: &'a Access,
    pub now: Millis,
}

/// A record with its log.
#[derive(Debug, Serialize)]
pub struct Found {
    #[serde(flatten)]
    pub record: Shown,
    /// The newest events, oldest first, as many as rules may use.
    pub log: Vec<ShownEvent>,
}

/// A page of a list.
#[derive(Debug, Serialize)]
pub struct Page {
    pub records: Vec<Listed>,
    /// Where the next page begins; `None` at the end. A page may be short, and even empty, although
    /// others follow: only so many records are looked at.
    pub next: Option<RecordId>,
}

/// A record of a list.
#[derive(Debug, Serialize)]
pub struct Listed {
    #[serde(flatten)]
    pub record: Shown,
    /// When anything about it last changed (RFC 3339).
    pub updated_at: String,
}

impl<D: Database> Reader<'_, D> {
    /// Returns a record of a kind, with its log.
    pub async fn one(&self, kind: &KindId, id: &RecordId) -> Result<Found, FlowError> {
        let Self { db, catalog, access, now } = *self;
        let kind = kind_of(catalog, kind)?;
        let record = one(db, catalog, &kind.id, id, now).await?;
        let shown = access.show(kind, &record, now).ok_or_else(missing)?;
        let rows = db.batch(vec![contacts::log(&record.id)]).await?;
        let log = all::<EventRow>(rows.first())?.into_iter().map(Event::from).collect();
        Ok(Found { log: access.show_log(kind, &record, log, now), record: shown })
    }

    /// Returns the whole value of a masked or sealed field. That it was seen is in the audit log
    /// before it is shown.
    pub async fn unmask(
        &self,
        kind: &KindId,
        id: &RecordId,
        field: &str,
        seal_keys: &[SealKey],
        ids: &mut Ids,
    ) -> Result<Value, FlowError> {
        let Self { db, catalog, access, now } = *self;
        let kind = kind_of(catalog, kind)?;
        let record = one(db, catalog, &kind.id, id, now).await?;
        access.show(kind, &record, now).ok_or_else(missing)?;
        let kept = access.unmask(kind, &record, field, now);
        let kept = kept.ok_or_else(|| nothing("it has no value that you may unmask"))?;
        let value = match sealed::is_sealed(&kept) {
            true => sealed::open(&kept, seal_keys, &kind.place_of(field))
                .map(Value::from)
                .map_err(|_| nothing("its key is not among SEALING_KEYS"))?,
            false => kind.written(field, &kept),
        };
        let act = Act::new("unmask", "record", id.as_str());
        let act = act.with(json!({ "field": field }));
        db.batch(vec![audit::enter(&act.by(access.actor(), now, ids))]).await?;
        Ok(value)
    }

    /// Lists the records of a kind for which a rule holds, newest first.
    pub async fn list(
        &self,
        kind: &KindId,
        rule: &Rule,
        before: Option<&RecordId>,
        limit: usize,
    ) -> Result<Page, FlowError> {
        let Self { db, catalog, access, now } = *self;
        let definition = kind_of(catalog, kind)?;
        let scope = access.scope(Action::See, kind);
        if let Some(hidden) = access.hidden_in(catalog.kinds(), definition, rule) {
            return Err(asks_too_much(hidden));
        }
        let limit = limit.clamp(1, PAGE_MAX);
        let indexed = indexed(definition, rule);
        let is_indexed = indexed.is_some();
        let wanted = Wanted { kind, rule, scope: &scope, indexed, before, limit };
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
        let found: Vec<ListedRow> = rows.into_iter().filter(|row| !row.is_end).collect();
        let next = found.get(limit - 1).map(|last| last.id.clone()).or(reached);
        let show = |row: ListedRow| {
            let updated_at = row.updated_at.rfc3339();
            let record = access.show(definition, &row.record(), now)?;
            Some(Listed { record, updated_at })
        };
        Ok(Page { records: found.into_iter().filter_map(show).collect(), next })
    }
}

fn nothing(why: &str) -> FlowError {
    let problem = Problem::new("field", why);
    FlowError::NotFound(Refusal::new("Nothing to unmask", "Nothing is shown.", problem))
}

/// Refuses a filter that asks about what is not shown.
pub(super) fn asks_too_much(hidden: String) -> FlowError {
    let problem = Problem::new("filter", format!("your roles do not show you {hidden} in full"));
    let detail = "What a filter finds would reveal it. Leave it out, or ask an owner for a role.";
    FlowError::Forbidden(Refusal::new("Not allowed", detail, problem))
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
