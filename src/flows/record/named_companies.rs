//! The companies that contacts have named, usually in a form: each is found by its name, or made.
//!
//! The decision about the form notes the name and makes the contact due. So the lead is written
//! whatever becomes of the company, and what follows here is repeated until it is done. Two
//! contacts that name one new company at once make one company: its first event has a key made of
//! the name.

use crate::domain::base::primitives::{Actor, Ids, KindId, Millis, RecordId};
use crate::domain::base::token::sha256_hex;
use crate::domain::engine::{Input, RecordInput};
use crate::domain::field::text::TEXT_CHARS_MAX;
use crate::domain::kind::{COMPANY, Kind, normal_name};
use crate::domain::publication::catalog::Catalog;
use crate::domain::record::PlainRecord;
use crate::domain::record::edit::{Edit, FieldEdit, TagEdit};
use crate::flows::commit::{Command, CommitError, RecordRef, commit};
use crate::flows::ports::{Database, DatabaseError, all};
use crate::store::positions::{self, CompanyRow, NamedRow, WantedCompanies};
use crate::store::records::{self, KeyHolderRow};
use std::collections::BTreeMap;

/// The author of a company that was made because a contact has named it.
const AUTHOR: &str = "form";

/// Returns what these contacts named and what became of it, as commands about them. Companies that
/// are not there yet are made.
pub async fn commands<D: Database>(
    db: &D,
    catalog: &Catalog,
    contacts: &[RecordId],
    now: Millis,
    ids: &mut Ids,
) -> Result<Vec<Command>, CommitError> {
    let named = read(db, contacts).await?;
    if named.is_empty() {
        return Ok(Vec::new());
    }
    let typed = named.iter().map(|row| (normal_name(&row.name), row.name.clone()));
    let typed: BTreeMap<String, String> = typed.filter(|(name, _)| !name.is_empty()).collect();
    let kind = catalog.kind(&KindId::from(COMPANY));
    let found = match kind.and_then(|kind| Some((kind, kind.typed_title()?))) {
        Some((kind, title)) => find_or_make(db, catalog, kind, title, &typed, now, ids).await?,
        None => BTreeMap::new(),
    };
    Ok(named
        .into_iter()
        .map(|row| {
            let company = found.get(&normal_name(&row.name)).cloned();
            outcome(row, company)
        })
        .collect())
}

/// Returns commands that leave it at the name: a company cannot be found or made.
pub async fn give_up<D: Database>(
    db: &D,
    contacts: &[RecordId],
) -> Result<Vec<Command>, DatabaseError> {
    Ok(read(db, contacts).await?.into_iter().map(|row| outcome(row, None)).collect())
}

async fn read<D: Database>(db: &D, contacts: &[RecordId]) -> Result<Vec<NamedRow>, DatabaseError> {
    all(db.batch(vec![positions::named(contacts)]).await?.first())
}

fn outcome(row: NamedRow, company: Option<RecordId>) -> Command {
    let NamedRow { contact_id, name } = row;
    Command { who: RecordRef::Id(contact_id), inputs: vec![Input::CompanyFound { name, company }] }
}

/// Returns the company of each name. `typed` has a spelling of each.
async fn find_or_make<D: Database>(
    db: &D,
    catalog: &Catalog,
    kind: &Kind,
    title: &str,
    typed: &BTreeMap<String, String>,
    now: Millis,
    ids: &mut Ids,
) -> Result<BTreeMap<String, RecordId>, CommitError> {
    let names: Vec<String> = typed.keys().cloned().collect();
    let keys: Vec<String> = names.iter().map(|name| key(name)).collect();
    let wanted = WantedCompanies { names: names.clone(), ..<_>::default() };
    let rows = db.batch(vec![positions::companies(&wanted), records::by_keys(&keys)]).await?;
    let mut found = by_name(kind, all(rows.first())?);
    // A company that was made for a name keeps it, even if it is called otherwise since.
    let made = all::<KeyHolderRow>(rows.get(1))?;
    for row in made {
        if let Some(name) = names.iter().find(|name| key(name) == row.key) {
            found.entry(name.clone()).or_insert(row.id);
        }
    }
    let missing = typed.iter().filter(|(name, _)| !found.contains_key(*name));
    let commands: Vec<Command> = missing
        .map(|(name, typed)| {
            let words: Vec<&str> = typed.split_whitespace().collect();
            let text: String = words.join(" ").chars().take(TEXT_CHARS_MAX).collect();
            let edit = Edit {
                by: Actor::from(AUTHOR),
                key: Some(key(name)),
                fields: [(title.to_owned(), FieldEdit::to(text.into()))].into(),
                tags: TagEdit::default(),
            };
            Command {
                who: RecordRef::Plain { id: RecordId(ids.uuid()), kind: kind.id.clone() },
                inputs: vec![Input::Record(RecordInput::Edited(Box::new(edit)))],
            }
        })
        .collect();
    if !commands.is_empty() {
        commit(db, catalog, commands, now, ids).await?;
        // Somebody else may have made it in between.
        let rows = db.batch(vec![positions::companies(&wanted)]).await?;
        for (name, id) in by_name(kind, all(rows.first())?) {
            found.entry(name).or_insert(id);
        }
    }
    Ok(found)
}

/// Returns the companies by name. Of several with one name, it is the oldest: ids are in the order
/// of time.
fn by_name(kind: &Kind, rows: Vec<CompanyRow>) -> BTreeMap<String, RecordId> {
    let mut found = BTreeMap::<String, RecordId>::new();
    for company in rows.into_iter().map(PlainRecord::from) {
        let title = kind.typed_title().and_then(|title| company.attributes.get(title)?.as_str());
        let Some(name) = title.map(normal_name) else { continue };
        let own = found.entry(name).or_insert_with(|| company.id.clone());
        if company.id < *own {
            *own = company.id.clone();
        }
    }
    found
}

/// Returns the idempotency key under which the company of a name is made.
fn key(name: &str) -> String {
    format!("named:{}", &sha256_hex(name)[..36])
}
