//! The list of addresses that must not be written to, as operators maintain it.
//!
//! If a contact has the address that is added or lifted, a commit follows, so that its log records
//! it. An import writes only the list, regardless of the number of addresses: whether a contact is
//! suppressed is checked when a message is decided on.

use crate::domain::base::primitives::{Channel, Ids, Millis, RecordId};
use crate::domain::base::token::Keyring;
use crate::domain::contact::address::{AddressProblem, read_email, read_phone};
use crate::domain::contact::suppression::{Listed, Release, Suppression, SuppressionReason};
use crate::domain::engine::Input;
use crate::domain::engine::change::ErasedAddress;
use crate::domain::publication::catalog::Catalog;
use crate::flows::commit::{Command, CommitError, RecordRef, commit};
use crate::flows::ports::{Database, DatabaseError};
use crate::store::erasures::{self, ErasedRow};
use crate::store::statement::Rows;
use crate::store::suppressions::{self as list_of, ContactOf, Wanted};
use crate::store::write;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The most addresses in one import: a D1 batch takes them in a few milliseconds.
pub const IMPORT_ROWS_MAX: usize = 1_000;

/// The most entries in one response.
pub const ENTRIES_MAX: usize = 1_000;

/// The longest note and source, in characters.
const NOTE_CHARS_MAX: usize = 300;

/// What to do instead of suppressing an address as erased.
const ERASE: &str = "to erase a contact, use `dripline erase`";

/// The latest end of a suppression: the last moment of the year 9999.
const UNTIL_MAX: Millis = Millis(253_402_300_799_999);

/// An address as an operator or another system gives it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// An e-mail address, or a number in E.164 or as it is dialled in `region`.
    pub address: String,
    /// Its channel; if absent, inferred from the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// The reason; if absent, `manual`, or `imported` in an import.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<SuppressionReason>,
    /// The end of the suppression, in milliseconds; permanent if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Millis>,
    /// The country of a number without `+`, such as `US`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Required to lift a suppression after a complaint or an erasure.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
    /// Why it is lifted.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// The content of an import.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// The origin of the list, such as `mailchimp`.
    pub source: String,
    pub rows: Vec<Named>,
}

/// The result of an import.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Imported {
    /// The number of addresses that were not suppressed before, or are now suppressed more
    /// strictly.
    pub added: usize,
    /// The number of addresses that were suppressed already.
    pub kept: usize,
    /// The rows that are not valid addresses.
    pub problems: Vec<RowProblem>,
}

/// A problem with a row of an import. It does not repeat the address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RowProblem {
    /// The position among the rows, from 1.
    pub row: usize,
    pub message: String,
}

/// The reason why nothing was changed. This is not a `FlowError`, because the web app shows it in
/// the reader's language.
#[derive(Clone, Debug, PartialEq)]
pub enum SuppressionError {
    /// The request is invalid, and why.
    Rejected(String),
    /// The address is invalid.
    Address(AddressProblem),
    /// The address is not suppressed.
    NotSuppressed,
    /// It needs `force`, because of this reason.
    NeedsForce(SuppressionReason),
    /// The database failed, or other writers kept changing the contact.
    Commit(CommitError),
}

impl From<CommitError> for SuppressionError {
    fn from(error: CommitError) -> Self {
        Self::Commit(error)
    }
}

impl From<DatabaseError> for SuppressionError {
    fn from(error: DatabaseError) -> Self {
        Self::Commit(error.into())
    }
}

/// Returns the entries that match.
pub async fn list<D: Database>(
    db: &D,
    wanted: &Wanted,
    now: Millis,
) -> Result<Vec<Listed>, DatabaseError> {
    let rows = db.batch(vec![list_of::list(wanted, now)]).await?;
    rows.first().map_or(Ok(Vec::new()), Rows::all).map_err(DatabaseError::Fault)
}

/// Returns the entry of an address. The entry of an erased person is found by its hash.
pub async fn find<D: Database>(
    db: &D,
    keys: &Keyring,
    named: &Named,
) -> Result<Option<Listed>, SuppressionError> {
    let (channel, address) = read(named)?;
    let (entry, _) = look(db, keys, channel, &address).await?;
    Ok(entry)
}

/// Suppresses an address. Returns the entry that results; a stricter existing entry stays.
pub async fn add<D: Database>(
    db: &D,
    catalog: &Catalog,
    keys: &Keyring,
    named: &Named,
    by: &str,
    now: Millis,
    ids: &mut Ids,
) -> Result<Option<Listed>, SuppressionError> {
    let (channel, address) = read(named)?;
    let reason = named.reason.unwrap_or(SuppressionReason::Manual);
    if reason == SuppressionReason::Erased {
        return Err(SuppressionError::Rejected(ERASE.to_owned()));
    }
    let (known, contact) = look(db, keys, channel, &address).await?;
    if known.is_some_and(|known| known.reason == SuppressionReason::Erased) {
        return find(db, keys, named).await;
    }
    let source = source(by)?;
    let suppression = Suppression { channel, address, reason, until: named.until, source, at: now };
    if let Some(contact) = contact {
        let inputs = vec![Input::Suppressed(suppression)];
        let command = Command { who: RecordRef::Id(contact), inputs };
        commit(db, catalog, vec![command], now, ids).await?;
    } else {
        db.batch(write::suppressions(&[suppression]).into_iter().collect()).await?;
    }
    find(db, keys, named).await
}

/// Lifts the suppression of an address. Its entry stays, with who lifted it and why.
pub async fn release<D: Database>(
    db: &D,
    catalog: &Catalog,
    keys: &Keyring,
    named: &Named,
    by: &str,
    now: Millis,
    ids: &mut Ids,
) -> Result<Listed, SuppressionError> {
    let (channel, address) = read(named)?;
    if named.note.trim().is_empty() || named.note.chars().count() > NOTE_CHARS_MAX {
        let advice = format!("give the reason in `note`, at most {NOTE_CHARS_MAX} characters");
        return Err(SuppressionError::Rejected(advice));
    }
    let (known, contact) = look(db, keys, channel, &address).await?;
    let known = known.filter(|known| known.until.is_none_or(|until| until > now));
    let known = known.ok_or(SuppressionError::NotSuppressed)?;
    let strict = [SuppressionReason::Complained, SuppressionReason::Erased];
    if strict.contains(&known.reason) && !named.force {
        return Err(SuppressionError::NeedsForce(known.reason));
    }
    let (by, note, at) = (source(by)?, named.note.trim().to_owned(), now);
    let release = Release { channel, address: known.address.clone(), by, note, at };
    let committed = match contact {
        Some(contact) => {
            let inputs = vec![Input::Released(release.clone())];
            let command = Command { who: RecordRef::Id(contact), inputs };
            commit(db, catalog, vec![command], now, ids).await?
        }
        None => Vec::new(),
    };
    if committed.iter().all(|decision| decision.is_idle()) {
        db.batch(write::release(&release).into_iter().collect()).await?;
    }
    let (by, note) = (release.by, release.note);
    Ok(Listed { until: Some(now), released_by: Some(by), release_note: Some(note), ..known })
}

/// Imports the list of another system. Importing it again has no effect. Invalid rows are reported
/// by position and do not stop the others.
pub async fn import<D: Database>(
    db: &D,
    keys: &Keyring,
    brought: &Import,
    now: Millis,
) -> Result<Imported, SuppressionError> {
    if brought.rows.is_empty() {
        return Err(SuppressionError::Rejected("there are no rows to import".to_owned()));
    }
    if brought.rows.len() > IMPORT_ROWS_MAX {
        let rows = brought.rows.len();
        let advice = format!("{rows} rows; the limit is {IMPORT_ROWS_MAX}");
        return Err(SuppressionError::Rejected(advice));
    }
    let source = source(&brought.source)?;
    let mut imported = Imported::default();
    let mut all = Vec::new();
    for (index, named) in brought.rows.iter().enumerate() {
        let reason = named.reason.unwrap_or(SuppressionReason::Imported);
        match read(named) {
            Ok(_) if reason == SuppressionReason::Erased => {
                let message = ERASE.to_owned();
                imported.problems.push(RowProblem { row: index + 1, message });
            }
            Ok((channel, address)) => {
                let (until, source) = (named.until, source.clone());
                all.push(Suppression { channel, address, reason, until, source, at: now });
            }
            Err(SuppressionError::Address(problem)) => {
                imported.problems.push(RowProblem { row: index + 1, message: problem.to_string() });
            }
            Err(SuppressionError::Rejected(message)) => {
                imported.problems.push(RowProblem { row: index + 1, message });
            }
            Err(other) => return Err(other),
        }
    }
    let valid = all.len();
    leave_out_the_erased(db, keys, &mut all).await?;
    // In the order of the table's primary key, which is the fastest for a large table.
    all.sort_by(|a, b| (a.channel.as_str(), &a.address).cmp(&(b.channel.as_str(), &b.address)));
    if let Some(statement) = list_of::put(&all) {
        let rows = db.batch(vec![statement]).await?;
        let written = rows.first().map_or(Ok(Vec::new()), Rows::all::<serde_json::Value>);
        imported.added = written.map_err(DatabaseError::Fault)?.len();
    }
    imported.kept = valid.saturating_sub(imported.added);
    Ok(imported)
}

/// Removes erased addresses: they are stored as hashes only, and suppressed already.
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

/// Returns the entry of an address, and the contact that has it.
async fn look<D: Database>(
    db: &D,
    keys: &Keyring,
    channel: Channel,
    address: &str,
) -> Result<(Option<Listed>, Option<RecordId>), DatabaseError> {
    let hashes = hashes(keys, channel, address);
    let forms = hashes.iter().map(String::as_str).chain([address]);
    let forms: Vec<(&str, &str)> = forms.map(|form| (channel.as_str(), form)).collect();
    let statements = vec![list_of::of_addresses(&forms), list_of::contact_of(channel, address)];
    let rows = db.batch(statements).await?;
    let fault = DatabaseError::Fault;
    let entries = rows.first().map_or(Ok(Vec::new()), Rows::all::<Listed>).map_err(fault)?;
    let contact = rows.get(1).map_or(Ok(None), Rows::first::<ContactOf>).map_err(fault)?;
    // Of several entries, the erasure is the strictest.
    let entry = entries.into_iter().max_by_key(|entry| entry.reason);
    Ok((entry, contact.map(|contact| contact.id)))
}

/// Returns the channel and the normal form of an address, or why it is invalid.
fn read(named: &Named) -> Result<(Channel, String), SuppressionError> {
    if named.until.is_some_and(|until| !(Millis(0)..=UNTIL_MAX).contains(&until)) {
        let message = "`until` is in milliseconds since 1970, and before the year 10000";
        return Err(SuppressionError::Rejected(message.to_owned()));
    }
    let text = named.address.trim();
    // A number has no letters.
    let is_number = !text.contains(|sign: char| sign == '@' || sign.is_alphabetic());
    let guessed = if is_number { Channel::Sms } else { Channel::Email };
    let channel = named.channel.unwrap_or(guessed);
    let read: Result<String, AddressProblem> = match channel {
        Channel::Email => read_email(text),
        Channel::Sms => read_phone(text, named.region.as_deref()),
        Channel::Webhook => {
            return Err(SuppressionError::Rejected(
                "a webhook has no address to suppress".to_owned(),
            ));
        }
    };
    read.map(|address| (channel, address)).map_err(SuppressionError::Address)
}

/// Checks the name of the source, including its length.
fn source(by: &str) -> Result<String, SuppressionError> {
    let by = by.trim();
    if by.is_empty() || by.chars().count() > NOTE_CHARS_MAX || by.chars().any(char::is_control) {
        let advice = format!("name the source in one line of up to {NOTE_CHARS_MAX} characters");
        return Err(SuppressionError::Rejected(advice));
    }
    Ok(by.to_owned())
}
