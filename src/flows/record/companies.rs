//! The people of a company, and its log. Positions are changed by decisions about the contacts.

use super::edit::{kind_of, missing, one};
use super::read::Reader;
use crate::domain::access::rights::{Access, Scope};
use crate::domain::access::role::{Action, is_line};
use crate::domain::access::shown::Shown;
use crate::domain::base::diagnostic::Problem;
use crate::domain::base::primitives::{Ids, KindId, Millis, RecordId};
use crate::domain::contact::Contact;
use crate::domain::contact::position::{
    POSITIONS_MAX, Position, PositionEdit, PositionSource, ROLE_CHARS_MAX, Stance,
};
use crate::domain::engine::Input;
use crate::domain::kind::COMPANY;
use crate::domain::publication::catalog::Catalog;
use crate::domain::record::event::POSITION_EVENTS;
use crate::domain::segment::AnyRecord;
use crate::flows::commit::{Command, RecordRef, commit};
use crate::flows::contact::find;
use crate::flows::error::{FlowError, Refusal};
use crate::flows::ports::{Database, all};
use crate::flows::tasks::{Work, deliveries};
use crate::store::companies::{self, LogRow, PersonRow, Place};
use crate::store::contacts::{self, ContactRow};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

/// The most people of a page: all that is known of each is read.
pub const PEOPLE_PER_PAGE: usize = 100;

/// The most events of a page of a company's log.
pub const EVENTS_PER_PAGE: usize = 200;

/// What a client says about a position. What is absent stays as it is; `null` clears it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskedPosition {
    /// The contact: our id, the client's own id of it, an e-mail address, or a number with `+`.
    pub contact: String,
    #[serde(default, deserialize_with = "given")]
    pub role: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    pub stance: Option<Option<Stance>>,
    #[serde(default)]
    pub main: Option<bool>,
}

/// Reads a value that is there, even if it is `null`.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    reader: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(reader).map(Some)
}

/// A position as the API shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PositionShown {
    pub contact: RecordId,
    pub company: RecordId,
    pub role: Option<String>,
    pub stance: Option<Stance>,
    pub main: bool,
    pub source: String,
    pub since: String,
}

impl PositionShown {
    fn of(contact: &RecordId, position: &Position) -> Self {
        let Position { company, role, stance, is_main, source, since } = position;
        Self {
            contact: contact.clone(),
            company: company.id.clone(),
            role: role.clone(),
            stance: *stance,
            main: *is_main,
            source: source.as_str().to_owned(),
            since: since.rfc3339(),
        }
    }
}

/// Sets what somebody says about the position of a contact at a company. Returns the position.
pub async fn set_position<D: Database>(
    db: &D,
    catalog: &Catalog,
    company: &RecordId,
    asked: AskedPosition,
    access: &Access,
    now: Millis,
    ids: &mut Ids,
) -> Result<(PositionShown, Vec<Work>), FlowError> {
    let role = asked.role.map(|role| role.map(|role| role.trim().to_owned()));
    if role.iter().flatten().any(|role| !is_line(role, ROLE_CHARS_MAX)) {
        let message = format!("one line of 1 to {ROLE_CHARS_MAX} characters");
        return Err(rejected(Problem::new("role", message).help("null clears it")));
    }
    let company = seen(&Reader { db, catalog, access, now }, company).await?;
    let contact = person(db, &asked.contact, now).await?;
    let is_there = contact.positions.iter().any(|own| own.is_at(&company.id));
    if !is_there && contact.positions.len() >= POSITIONS_MAX {
        let message = format!("has {POSITIONS_MAX} positions, which is the limit");
        return Err(rejected(Problem::new("contact", message).help("end one of them first")));
    }
    let by = PositionSource::by(access.actor());
    let edit = PositionEdit {
        role,
        stance: asked.stance,
        is_main: asked.main,
        ..PositionEdit::at(company.id.clone(), by)
    };
    let (contact, work) =
        decide(db, catalog, &contact.id, Input::Positioned(edit), now, ids).await?;
    let position = contact.positions.iter().find(|own| own.is_at(&company.id));
    match position {
        Some(position) => Ok((PositionShown::of(&contact.id, position), work)),
        // It was erased, or the last free place was taken, in between.
        None => Err(rejected(Problem::new("contact", "cannot take the position now"))),
    }
}

/// Ends the position of a contact at a company. Returns whether there was one.
pub async fn end_position<D: Database>(
    db: &D,
    catalog: &Catalog,
    company: &RecordId,
    contact: &str,
    access: &Access,
    now: Millis,
    ids: &mut Ids,
) -> Result<(bool, Vec<Work>), FlowError> {
    let company = seen(&Reader { db, catalog, access, now }, company).await?;
    let contact = person(db, contact, now).await?;
    let was_there = contact.positions.iter().any(|own| own.is_at(&company.id));
    let (company, by) = (company.id.clone(), PositionSource::by(access.actor()));
    let input = Input::LeftCompany { company, by };
    let (_, work) = decide(db, catalog, &contact.id, input, now, ids).await?;
    Ok((was_there, work))
}

/// Reads a company that the one who asks may see.
async fn seen<D: Database>(
    reader: &Reader<'_, D>,
    company: &RecordId,
) -> Result<AnyRecord, FlowError> {
    let Reader { db, catalog, access, now } = *reader;
    let kind = KindId::from(COMPANY);
    let company = one(db, catalog, &kind, company, now).await?;
    let is_seen = access.scope(Action::See, &kind).includes(company.subject(), now);
    if is_seen { Ok(company) } else { Err(missing()) }
}

/// Finds a contact, with its positions.
async fn person<D: Database>(db: &D, named: &str, now: Millis) -> Result<Contact, FlowError> {
    let named = named.trim();
    let watched = POSITION_EVENTS.map(str::to_owned);
    let answers = db.batch(find::questions(named, &watched, now).to_vec()).await?;
    let found = find::pick(named, &answers)?.filter(|found| found.erased_at.is_none());
    found.ok_or_else(|| FlowError::NotFound(find::unchanged("contact")))
}

async fn decide<D: Database>(
    db: &D,
    catalog: &Catalog,
    contact: &RecordId,
    input: Input,
    now: Millis,
    ids: &mut Ids,
) -> Result<(Contact, Vec<Work>), FlowError> {
    let command = Command { who: RecordRef::Id(contact.clone()), inputs: vec![input] };
    let decisions = commit(db, catalog, vec![command], now, ids).await?;
    let work = deliveries(&decisions);
    let decided = decisions.into_iter().next().and_then(|one| one.subject.into_contact());
    let decided = decided.ok_or_else(|| FlowError::NotFound(find::unchanged("contact")))?;
    Ok((decided, work))
}

/// One of the people of a company, as the one who asks may see them.
#[derive(Clone, Debug, Serialize)]
pub struct Person {
    pub contact: Shown,
    pub role: Option<String>,
    pub stance: Option<Stance>,
    pub main: bool,
    pub source: String,
    pub since: String,
}

/// A page of the people of a company.
#[derive(Clone, Debug, Serialize)]
pub struct People {
    pub people: Vec<Person>,
    /// Where the next page begins; `None` at the end. A page may be short, and even empty, although
    /// others follow: it leaves out those whom the one who asks may not see.
    pub next: Option<RecordId>,
}

/// Lists the people of a company.
pub async fn people<D: Database>(
    reader: &Reader<'_, D>,
    company: &RecordId,
    after: Option<&str>,
    limit: usize,
) -> Result<People, FlowError> {
    let Reader { db, catalog, access, now } = *reader;
    let kind = kind_of(catalog, &KindId::contact())?;
    let company = seen(reader, company).await?;
    let limit = limit.clamp(1, PEOPLE_PER_PAGE);
    let page = companies::people(&company.id, after.unwrap_or_default(), limit);
    let rows = all::<PersonRow>(db.batch(vec![page]).await?.first())?;
    let next = rows.get(limit - 1).map(|last| last.id.clone());
    let contacts = contacts::by_ids(rows.iter().map(|row| &row.id), &[], &[], now);
    let contacts = all::<ContactRow>(db.batch(vec![contacts]).await?.first())?;
    let contacts = contacts.into_iter().map(AnyRecord::from);
    let contacts: BTreeMap<_, _> = contacts.map(|contact| (contact.id.clone(), contact)).collect();
    let person = |row: PersonRow| {
        let contact = contacts.get(&row.id).filter(|contact| contact.erased_at.is_none())?;
        Some(Person {
            contact: access.show(kind, contact, now)?,
            role: row.role,
            stance: row.stance,
            main: row.main == 1,
            source: row.source,
            since: row.since.rfc3339(),
        })
    };
    Ok(People { people: rows.into_iter().filter_map(person).collect(), next })
}

/// A page of the log of a company.
#[derive(Clone, Debug, Serialize)]
pub struct CompanyLog {
    /// The newest first.
    pub log: Vec<LogRow>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
}

/// Lists the events of a company, and those of its people since they came, newest first. Events
/// quote fields, so the one who asks must see every field of the company and of all contacts.
pub async fn log<D: Database>(
    reader: &Reader<'_, D>,
    company: &RecordId,
    before: Option<&str>,
    limit: usize,
) -> Result<CompanyLog, FlowError> {
    let Reader { db, catalog, access, now } = *reader;
    let before = before.map(|text| {
        let problem = || Problem::new("after", "is not the `next` of a page");
        Place::read(text).ok_or_else(|| rejected(problem()))
    });
    let before = before.transpose()?;
    let company = seen(reader, company).await?;
    let is_clear = access.clear_scope(Action::See, &company.kind).includes(company.subject(), now);
    if !is_clear || access.clear_scope(Action::See, &KindId::contact()) != Scope::All {
        let problem = Problem::new("id", "its log quotes fields that your roles do not show you");
        let detail = "It needs a role that sees every field of the company and of all contacts.";
        return Err(FlowError::Forbidden(Refusal::new("Not allowed", detail, problem)));
    }
    let limit = limit.clamp(1, EVENTS_PER_PAGE);
    let page = companies::log(&company.id, before.as_ref(), limit);
    let mut log = all::<LogRow>(db.batch(vec![page]).await?.first())?;
    for row in &mut log {
        let is_own = row.record == company.id;
        let kind = if is_own { company.kind.clone() } else { KindId::contact() };
        kind_of(catalog, &kind)?.write_changes(&mut row.properties);
    }
    let next = log.get(limit - 1).map(|last| last.place().to_string());
    Ok(CompanyLog { log, next })
}

fn rejected(problem: Problem) -> FlowError {
    FlowError::Rejected(Refusal::new("Not possible", "Nothing has changed.", problem))
}
