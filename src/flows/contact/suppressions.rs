//! suppressions: the list of addresses that must not be written to, kept by operators.
//!
//! Reading is one round trip, one statement. Adding and lifting cost one to look (2 statements),
//! and one to write; if the address is a contact's, a commit, so that its history says so. An
//! import is two round trips of one statement, whatever the number of addresses: their contacts
//! find out when a message asks.

use crate::domain::base::primitives::{Channel, Ids, Millis};
use crate::domain::base::token::Keyring;
use crate::domain::contact::address::{AddressProblem, read_email, read_phone};
use crate::domain::contact::suppression::{Listed, Release, Suppression, SuppressionReason};
use crate::domain::engine::Input;
use crate::domain::engine::change::ErasedAddress;
use crate::domain::publication::catalog::Catalog;
use crate::flows::commit::{Command, CommitError, ContactRef, commit};
use crate::flows::ports::{Database, DatabaseError};
use crate::store::erasures::{self, ErasedRow};
use crate::store::statement::Rows;
use crate::store::suppressions::{self as list_of, ContactOf, Wanted};
use crate::store::write;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The most addresses in one import: a batch of D1's takes them in a few milliseconds.
pub const IMPORT_ROWS_MAX: usize = 1_000;

/// The most entries in one answer.
pub const ENTRIES_MAX: usize = 1_000;

/// The longest note and source, in characters.
const NOTE_CHARS_MAX: usize = 300;

/// An address as an operator, or another system, names it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// An e-mail address, or a number in E.164 or as it is dialled in `region`.
    pub address: String,
    /// Its channel; guessed by the `@` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// Why; `manual`, or `imported` in an import, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<SuppressionReason>,
    /// Until when, in milliseconds; for good if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Millis>,
    /// The country of a number without `+`, such as `US`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// To lift what somebody complained about, or an erasure.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
    /// Why it is lifted.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// What an import brings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// Where the list comes from, such as `mailchimp`.
    pub source: String,
    /// The addresses.
    pub rows: Vec<Named>,
}

/// What came of an import.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Imported {
    /// How many are suppressed that were not, or more strictly than before.
    pub added: usize,
    /// How many were suppressed already.
    pub kept: usize,
    /// Those that are no addresses.
    pub problems: Vec<RowProblem>,
}

/// Something wrong with a row of an import. The address itself is not repeated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RowProblem {
    /// Its place among the rows, from 1.
    pub row: usize,
    /// What is wrong.
    pub message: String,
}

/// Why nothing was done.
#[derive(Clone, Debug, PartialEq)]
pub enum NotDone {
    /// What was asked makes no sense, and why.
    Refused(String),
    /// The address is none.
    Address(AddressProblem),
    /// The address is not suppressed.
    Unknown,
    /// It takes `force`, and why.
    NeedsForce(SuppressionReason),
    /// The database failed, or the contact was contended for.
    Failed(CommitError),
}

impl From<CommitError> for NotDone {
    fn from(error: CommitError) -> Self {
        Self::Failed(error)
    }
}

impl From<DatabaseError> for NotDone {
    fn from(error: DatabaseError) -> Self {
        Self::Failed(error.into())
    }
}

/// The entries that are wanted.
pub async fn list<D: Database>(
    db: &D,
    wanted: &Wanted,
    now: Millis,
) -> Result<Vec<Listed>, DatabaseError> {
    let rows = db.batch(vec![list_of::list(wanted, now)]).await?;
    rows.first().map_or(Ok(Vec::new()), Rows::all).map_err(DatabaseError::Fault)
}

/// The entry of an address; of somebody who was erased it is found by its hash.
pub async fn find<D: Database>(
    db: &D,
    keys: &Keyring,
    named: &Named,
) -> Result<Option<Listed>, NotDone> {
    let (channel, address) = read(named)?;
    let (entry, _) = look(db, keys, channel, &address).await?;
    Ok(entry)
}

/// Suppresses an address. Returns its entry as it stands then; a stricter one stays.
pub async fn add<D: Database>(
    db: &D,
    catalog: &Catalog,
    keys: &Keyring,
    (named, by): (&Named, &str),
    now: Millis,
    ids: &mut Ids,
) -> Result<Option<Listed>, NotDone> {
    let (channel, address) = read(named)?;
    let reason = named.reason.unwrap_or(SuppressionReason::Manual);
    if reason == SuppressionReason::Erased {
        return Err(NotDone::Refused("people are erased by `dripline erase`".to_owned()));
    }
    let (known, contact) = look(db, keys, channel, &address).await?;
    if known.is_some_and(|known| known.reason == SuppressionReason::Erased) {
        return find(db, keys, named).await;
    }
    let source = source(by)?;
    let suppression = Suppression { channel, address, reason, until: named.until, source, at: now };
    if let Some(contact) = contact {
        let happenings = vec![Input::Suppressed(suppression)];
        let case = Command { who: ContactRef::Id(contact), happenings };
        commit(db, catalog, vec![case], now, ids).await?;
    } else {
        db.batch(write::suppressions(&[suppression]).into_iter().collect()).await?;
    }
    find(db, keys, named).await
}

/// Lifts the suppression of an address; its entry stays, and says who lifted it and why.
pub async fn release<D: Database>(
    db: &D,
    catalog: &Catalog,
    keys: &Keyring,
    (named, by): (&Named, &str),
    now: Millis,
    ids: &mut Ids,
) -> Result<Listed, NotDone> {
    let (channel, address) = read(named)?;
    if named.note.trim().is_empty() || named.note.chars().count() > NOTE_CHARS_MAX {
        let advice = format!("say in `note` why it is lifted, in up to {NOTE_CHARS_MAX} letters");
        return Err(NotDone::Refused(advice));
    }
    let (known, contact) = look(db, keys, channel, &address).await?;
    let known = known.filter(|known| known.until.is_none_or(|until| until > now));
    let known = known.ok_or(NotDone::Unknown)?;
    let strict = [SuppressionReason::Complained, SuppressionReason::Erased];
    if strict.contains(&known.reason) && !named.force {
        return Err(NotDone::NeedsForce(known.reason));
    }
    let (by, note, at) = (source(by)?, named.note.trim().to_owned(), now);
    let release = Release { channel, address: known.address.clone(), by, note, at };
    let committed = match contact {
        Some(contact) => {
            let happenings = vec![Input::Released(release.clone())];
            let case = Command { who: ContactRef::Id(contact), happenings };
            commit(db, catalog, vec![case], now, ids).await?
        }
        None => Vec::new(),
    };
    if committed.iter().all(|decision| decision.is_idle()) {
        db.batch(write::release(&release).into_iter().collect()).await?;
    }
    let (by, note) = (release.by, release.note);
    Ok(Listed { until: Some(now), released_by: Some(by), release_note: Some(note), ..known })
}

/// Puts the list of another system on ours. Done twice it is as good as done once; what is no
/// address is told by its place, and holds up nothing.
pub async fn import<D: Database>(
    db: &D,
    keys: &Keyring,
    brought: &Import,
    now: Millis,
) -> Result<Imported, NotDone> {
    if brought.rows.is_empty() {
        return Err(NotDone::Refused("there are no rows to import".to_owned()));
    }
    if brought.rows.len() > IMPORT_ROWS_MAX {
        let told = brought.rows.len();
        return Err(NotDone::Refused(format!("{told} rows; the limit is {IMPORT_ROWS_MAX}")));
    }
    let source = source(&brought.source)?;
    let mut imported = Imported::default();
    let mut all = Vec::new();
    for (index, named) in brought.rows.iter().enumerate() {
        let reason = named.reason.unwrap_or(SuppressionReason::Imported);
        match read(named) {
            Ok(_) if reason == SuppressionReason::Erased => {
                let message = "people are erased by `dripline erase`".to_owned();
                imported.problems.push(RowProblem { row: index + 1, message });
            }
            Ok((channel, address)) => {
                let (until, source) = (named.until, source.clone());
                all.push(Suppression { channel, address, reason, until, source, at: now });
            }
            Err(NotDone::Address(problem)) => {
                imported.problems.push(RowProblem { row: index + 1, message: problem.to_string() });
            }
            Err(NotDone::Refused(message)) => {
                imported.problems.push(RowProblem { row: index + 1, message });
            }
            Err(other) => return Err(other),
        }
    }
    let told = all.len();
    leave_out_the_erased(db, keys, &mut all).await?;
    // In the order of the table's key, which is what a large one takes fastest.
    all.sort_by(|a, b| (a.channel.as_str(), &a.address).cmp(&(b.channel.as_str(), &b.address)));
    if let Some(statement) = list_of::put(&all) {
        let rows = db.batch(vec![statement]).await?;
        let written = rows.first().map_or(Ok(Vec::new()), Rows::all::<serde_json::Value>);
        imported.added = written.map_err(DatabaseError::Fault)?.len();
    }
    imported.kept = told.saturating_sub(imported.added);
    Ok(imported)
}

/// Whoever was erased is known by a hash only, and suppressed already.
async fn leave_out_the_erased<D: Database>(
    db: &D,
    keys: &Keyring,
    all: &mut Vec<Suppression>,
) -> Result<(), DatabaseError> {
    if all.is_empty() {
        return Ok(());
    }
    let hashes: Vec<Vec<String>> =
        all.iter().map(|s| hashes(keys, s.channel, &s.address)).collect();
    let named = all.iter().zip(&hashes);
    let pairs: Vec<(&str, String)> = named
        .flat_map(|(s, hashes)| hashes.iter().map(|hash| (s.channel.as_str(), hash.clone())))
        .collect();
    let rows = db.batch(vec![erasures::known(&pairs)]).await?;
    let known = rows.first().map_or(Ok(Vec::new()), Rows::all::<ErasedRow>);
    let known = known.map_err(DatabaseError::Fault)?;
    let known: BTreeSet<String> = known.into_iter().map(|row| row.hash).collect();
    if !known.is_empty() {
        let mut is_free = hashes.iter().map(|own| own.iter().all(|hash| !known.contains(hash)));
        all.retain(|_| is_free.next().unwrap_or(true));
    }
    Ok(())
}

fn hashes(keys: &Keyring, channel: Channel, address: &str) -> Vec<String> {
    ErasedAddress::hashes(channel.as_str(), address, keys)
}

/// The entry of an address, and the contact that has it.
async fn look<D: Database>(
    db: &D,
    keys: &Keyring,
    channel: Channel,
    address: &str,
) -> Result<(Option<Listed>, Option<crate::domain::base::primitives::ContactId>), DatabaseError> {
    let hashes = hashes(keys, channel, address);
    let forms = hashes.iter().map(String::as_str).chain([address]);
    let forms: Vec<(&str, &str)> = forms.map(|form| (channel.as_str(), form)).collect();
    let statements = vec![list_of::of_addresses(&forms), list_of::contact_of(channel, address)];
    let rows = db.batch(statements).await?;
    let fault = DatabaseError::Fault;
    let entries = rows.first().map_or(Ok(Vec::new()), Rows::all::<Listed>).map_err(fault)?;
    let contact = rows.get(1).map_or(Ok(None), Rows::first::<ContactOf>).map_err(fault)?;
    // Of several the erasure is the strictest.
    let entry = entries.into_iter().max_by_key(|entry| entry.reason);
    Ok((entry, contact.map(|contact| contact.id)))
}

/// The channel and the normal form of an address, or why it is none.
fn read(named: &Named) -> Result<(Channel, String), NotDone> {
    let told = named.address.trim();
    // A number has no letters.
    let is_number = !told.contains(|sign: char| sign == '@' || sign.is_alphabetic());
    let guessed = if is_number { Channel::Sms } else { Channel::Email };
    let channel = named.channel.unwrap_or(guessed);
    let read: Result<String, AddressProblem> = match channel {
        Channel::Email => read_email(told),
        Channel::Sms => read_phone(told, named.region.as_deref()),
        Channel::Webhook => {
            return Err(NotDone::Refused("a webhook has no address to suppress".to_owned()));
        }
    };
    read.map(|address| (channel, address)).map_err(NotDone::Address)
}

/// Who says so, in a length that a column may have.
fn source(by: &str) -> Result<String, NotDone> {
    let by = by.trim();
    if by.is_empty() || by.chars().count() > NOTE_CHARS_MAX || by.chars().any(char::is_control) {
        let advice = format!("name the source in one line of up to {NOTE_CHARS_MAX} letters");
        return Err(NotDone::Refused(advice));
    }
    Ok(by.to_owned())
}
