//! Who is on a list: a page of members, and changes of many at once.

use super::{one, rejected};
use crate::domain::access::rights::{Access, Scope};
use crate::domain::access::role::{Action, is_line};
use crate::domain::access::shown::{LISTS, Shown};
use crate::domain::base::diagnostic::Problem;
use crate::domain::base::primitives::{Ids, KindId, ListId, Millis, RecordId};
use crate::domain::engine::change::Change;
use crate::domain::engine::{Decision, Input, RecordInput};
use crate::domain::publication::catalog::Catalog;
use crate::domain::record::list::{ListChange, Listing, SOURCE_CHARS_MAX};
use crate::domain::segment::AnyRecord;
use crate::flows::commit::{Command, RecordRef, commit};
use crate::flows::contact::find;
use crate::flows::error::FlowError;
use crate::flows::ports::{Database, DatabaseError, all};
use crate::flows::record::read::Reader;
use crate::flows::tasks::{Work, deliveries};
use crate::store::contacts::{self, ContactRow};
use crate::store::lists::{self, IdRow, MemberRow, Named, NamedRow};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The most members of a page.
pub const MEMBERS_PAGE_MAX: usize = 200;

/// The most records of one request.
pub const CHANGED_MAX: usize = 1_000;

/// The number of records per batch of decisions: as in a broadcast.
const BATCH_SIZE: usize = 200;

/// The longest text that names a record, and the longest key of a client, in bytes.
const NAMED_BYTES_MAX: usize = 320;
const KEY_BYTES_MAX: usize = 100;

/// A member as its reader may see it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Member {
    pub record: Shown,
    pub since: Millis,
    pub source: String,
}

/// Returns the next members of a list that the reader may see, in the order of their ids, and where
/// the next page begins. A page may be short, and even empty, although others follow: only `limit`
/// members are looked at.
pub async fn page<D: Database>(
    reader: &Reader<'_, D>,
    list: &ListId,
    after: &str,
    limit: usize,
) -> Result<(Vec<Member>, Option<RecordId>), FlowError> {
    let Reader { db, catalog, access, now } = *reader;
    one(db, list).await?;
    let limit = limit.clamp(1, MEMBERS_PAGE_MAX);
    let rows = db.batch(vec![lists::members(list, after, limit + 1)]).await?;
    let mut rows = all::<MemberRow>(rows.first())?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|row| row.record_id.clone());
    let ids = rows.iter().map(|row| &row.record_id);
    let found = db.batch(vec![contacts::records_by_ids(ids, &[], &[], now)]).await?;
    let found = all::<ContactRow>(found.first())?.into_iter().map(AnyRecord::from);
    let shown = found.filter_map(|record| access.show(catalog.kind(&record.kind)?, &record, now));
    let mut shown: BTreeMap<RecordId, Shown> =
        shown.map(|record| (record.id().clone(), record)).collect();
    let member = |row: MemberRow| {
        let record = shown.remove(&row.record_id)?;
        Some(Member { record, since: row.membership.since, source: row.membership.source })
    };
    Ok((rows.into_iter().filter_map(member).collect(), next))
}

/// Who is to join a list, and who is to leave it. A record is named by its id; a contact also by
/// its e-mail address, its number with +, or its id in the customer's own system.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    #[serde(default)]
    pub add: Vec<String>,
    #[serde(default)]
    pub remove: Vec<String>,
    /// Kept with each membership, such as `fair 2026`; `api` if absent.
    #[serde(default)]
    pub source: Option<String>,
    /// The idempotency key: the same key a second time changes nothing.
    #[serde(default)]
    pub key: Option<String>,
}

/// The result of a change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Changed {
    pub list: String,
    pub added: usize,
    pub removed: usize,
    /// The entries for which nothing had to change.
    pub unchanged: usize,
    /// The entries that name no record which the author may change: nothing is done about them.
    pub unknown: Vec<Unknown>,
}

/// An entry that names nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unknown {
    /// `add` or `remove`.
    #[serde(rename = "in")]
    pub list: String,
    /// The place in that list, from 1.
    pub row: usize,
}

/// Puts records on a list and takes others off it. Nobody gives consent by that. A failure in
/// between leaves some done: the same request again does the rest.
pub async fn change<D: Database>(
    db: &D,
    catalog: &Catalog,
    access: &Access,
    list: &ListId,
    asked: &Asked,
    now: Millis,
    ids: &mut Ids,
) -> Result<(Changed, Vec<Work>), FlowError> {
    check(asked)?;
    one(db, list).await?;
    let source = asked.source.clone().unwrap_or_else(|| "api".to_owned());
    let mut changed = Changed { list: list.0.clone(), ..Changed::default() };
    let (mut work, mut known) = (Vec::new(), 0);
    let parts =
        [(ListChange::Join, "add", &asked.add), (ListChange::Leave, "remove", &asked.remove)];
    for (kind, word, entries) in parts {
        if entries.is_empty() {
            continue;
        }
        let found = resolve(db, catalog, access, entries, now).await?;
        known += found.len();
        let is_missing = |row: &usize| !found.contains_key(&(row - 1));
        let unknown = (1..=entries.len()).filter(is_missing);
        changed.unknown.extend(unknown.map(|row| Unknown { list: word.to_owned(), row }));
        let records: BTreeSet<&RecordId> = found.values().collect();
        for batch in records.into_iter().collect::<Vec<_>>().chunks(BATCH_SIZE) {
            let listing = |record: &&RecordId| Listing {
                list: list.clone(),
                change: kind,
                source: source.clone(),
                by: access.actor().clone(),
                key: asked
                    .key
                    .as_ref()
                    .map(|key| format!("list:{}:{key}:{list}:{word}:{record}", access.actor())),
            };
            let commands = batch.iter().map(|record| command(record, listing(record))).collect();
            let decisions = commit(db, catalog, commands, now, ids).await?;
            let joins = |change: &Change| matches!(change, Change::JoinList(id, _) if id == list);
            let leaves = |change: &Change| matches!(change, Change::LeaveList(id) if id == list);
            match kind {
                ListChange::Join => changed.added += count(&decisions, joins),
                ListChange::Leave => changed.removed += count(&decisions, leaves),
            }
            work.extend(deliveries(&decisions));
        }
    }
    changed.unchanged = known.saturating_sub(changed.added + changed.removed);
    Ok((changed, work))
}

fn command(record: &RecordId, listing: Listing) -> Command {
    let inputs = vec![Input::Record(RecordInput::Listed(Box::new(listing)))];
    Command { who: RecordRef::Id(record.clone()), inputs }
}

/// Counts the records that a change is about. A journey may undo it in the same decision.
fn count(decisions: &[Decision], is_it: impl Fn(&Change) -> bool) -> usize {
    decisions.iter().filter(|decision| decision.changes.iter().any(&is_it)).count()
}

/// Finds the records that entries name, by their place from 0: those within the scope of the
/// author.
async fn resolve<D: Database>(
    db: &D,
    catalog: &Catalog,
    access: &Access,
    entries: &[String],
    now: Millis,
) -> Result<BTreeMap<usize, RecordId>, DatabaseError> {
    let mut named = Named::default();
    for entry in entries {
        let entry = entry.trim();
        let addresses = find::addresses(entry);
        named.ids.push(entry.to_owned());
        named.emails.push(addresses.emails.into_iter().next());
        named.phones.push(addresses.phones.into_iter().next());
    }
    let rows = db.batch(vec![lists::named(&named)]).await?;
    let found = all::<NamedRow>(rows.first())?;
    let mut by_kind: BTreeMap<(&KindId, bool), Vec<&RecordId>> = BTreeMap::new();
    for row in &found {
        let is_by_id = entries.get(row.place).is_some_and(|entry| entry.trim() == row.id.as_str());
        by_kind.entry((&row.kind, is_by_id)).or_default().push(&row.id);
    }
    let (mut within, mut questions) = (BTreeSet::new(), Vec::new());
    for ((kind, is_by_id), ids) in by_kind {
        let definition = catalog.kind(kind);
        if !definition.is_some_and(|kind| access.may_edit_everywhere(kind, LISTS)) {
            continue;
        }
        // Who does not see an address must not find a contact by it.
        let scope = match is_by_id {
            true => access.scope(Action::Edit, kind),
            false => access.clear_scope(Action::Edit, kind),
        };
        match scope {
            Scope::Nothing => {}
            Scope::All => within.extend(ids.into_iter().cloned()),
            scope => questions.push(lists::within(&scope, kind, &ids, now)),
        }
    }
    if !questions.is_empty() {
        for rows in db.batch(questions).await? {
            within.extend(all::<IdRow>(Some(&rows))?.into_iter().map(|row| row.id));
        }
    }
    let found = found.into_iter().filter(|row| within.contains(&row.id));
    Ok(found.map(|row| (row.place, row.id)).collect())
}

fn check(asked: &Asked) -> Result<(), FlowError> {
    let mut problems = Vec::new();
    let mut say = |key: &str, message: String| problems.push(Problem::new(key, message));
    let all = asked.add.len() + asked.remove.len();
    if !(1..=CHANGED_MAX).contains(&all) {
        say("add", format!("{all} records; give 1 to {CHANGED_MAX} at once, in `add` or `remove`"));
    }
    let is_long = |entry: &&String| entry.len() > NAMED_BYTES_MAX;
    if asked.add.iter().chain(&asked.remove).any(|entry| is_long(&entry)) {
        say("add", format!("a record is named by at most {NAMED_BYTES_MAX} bytes"));
    }
    if asked.source.as_ref().is_some_and(|source| !is_line(source, SOURCE_CHARS_MAX)) {
        say("source", format!("write one line of at most {SOURCE_CHARS_MAX} characters"));
    }
    let is_key = |key: &String| is_line(key, KEY_BYTES_MAX) && key.len() <= KEY_BYTES_MAX;
    if !asked.key.iter().all(is_key) {
        say("key", format!("a key has 1 to {KEY_BYTES_MAX} bytes, and no control characters"));
    }
    if problems.is_empty() { Ok(()) } else { Err(rejected(problems)) }
}
