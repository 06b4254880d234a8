//! The one write rule: read contacts, decide on each, and write everything in one batch. Only the
//! contacts that another write has changed in between are decided on again.
//!
//! One round trip reads and one writes, for any number of contacts. A form that was posted just now
//! is written without a read, as that of a new contact. If a contact is on a version that is not in
//! the catalog, that version is fetched, and everything is read again. A refused batch costs more,
//! within bounds.

mod command;
mod field_facts;
mod resolve;
mod versions;

pub use command::{Command, RecordRef};
pub use versions::{load_older_versions, load_versions};

use crate::domain::base::primitives::{Ids, MessageId, Millis, QualifiedId, RecordId, Span};
use crate::domain::base::token::Keyring;
use crate::domain::contact::Contact;
use crate::domain::contact::message::Message;
use crate::domain::engine::{
    Decision, DecisionInput, Input, RecordInput, StepLimitExceeded, decide,
};
use crate::domain::publication::catalog::Catalog;
use crate::domain::record::enrollment::HourlyQuota;
use crate::domain::record::{PlainRecord, Record};
use crate::domain::segment::AnyRecord;
use crate::flows::ports::{Database, DatabaseError, all};
use crate::store::contacts::{self, Addresses, ContactRow, KeyRow, MailboxMailRow};
use crate::store::erasures::{ErasedAddressAt, ErasedRow};
use crate::store::journeys::BusyHourRow;
use crate::store::messages::MessageRow;
use crate::store::statement::Statement;
use crate::store::{erasures, journeys, messages, write};
use command::named;
use field_facts::FieldFacts;
use std::collections::{BTreeMap, BTreeSet};
use versions::{credited_late, note_unreadable};

/// The maximum number of rounds without progress before a commit gives up on a contact. Fifty
/// concurrent writers to one contact all succeed within as many rounds, because each round lets at
/// least one of them through.
pub const CONFLICT_RETRIES_MAX: usize = 60;

/// The reason why a commit failed.
#[derive(Clone, Debug, PartialEq)]
pub enum CommitError {
    /// The database failed.
    Database(DatabaseError),
    /// Other writers kept changing the same contact.
    Contended,
    /// The decision about a contact did not terminate.
    StepLimitExceeded(StepLimitExceeded),
}

impl From<DatabaseError> for CommitError {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
    }
}

impl CommitError {
    /// Returns whether one of the contacts may be the cause, in which case another attempt would
    /// fail again. An overloaded database or a lost response says nothing about a contact.
    pub fn is_contact_specific(&self) -> bool {
        match self {
            Self::Database(error) => matches!(error, DatabaseError::Fault(_)),
            Self::Contended | Self::StepLimitExceeded(_) => true,
        }
    }
}

impl std::fmt::Display for CommitError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Database(error) => error.fmt(f),
            Self::StepLimitExceeded(endless) => endless.fmt(f),
            Self::Contended => f.write_str("the contact was changed concurrently too often"),
        }
    }
}

/// Decides on all commands and writes the decisions. Returns the decisions that were written; a
/// command whose inputs were all known already has none.
pub async fn commit<D: Database>(
    db: &D,
    catalog: &Catalog,
    commands: Vec<Command>,
    now: Millis,
    ids: &mut Ids,
) -> Result<Vec<Decision>, CommitError> {
    commit_by_address(db, catalog, None, commands, now, ids).await
}

/// Does the same for input from people and external programs that name a contact by an address.
/// Input from before the address was erased is dropped, because it would bring the person back;
/// `keys` recognises erased addresses.
pub async fn commit_by_address<D: Database>(
    db: &D,
    catalog: &Catalog,
    keys: Option<&Keyring>,
    commands: Vec<Command>,
    now: Millis,
    ids: &mut Ids,
) -> Result<Vec<Decision>, CommitError> {
    note_unreadable(db, catalog, now).await?;
    let mut done = Vec::new();
    let mut faults = Vec::new();
    let mut waiting = commands;
    let mut conflicts = 0;
    let mut basis = Basis { catalog, keys, now, is_first: true };
    while !waiting.is_empty() && conflicts < CONFLICT_RETRIES_MAX {
        let before = waiting.len();
        let decided = decide_split(db, basis, waiting, &mut faults, ids).await?;
        basis.is_first = false;
        let written = write_split(db, decided, now).await?;
        done.extend(written.done);
        faults.extend(written.faults.into_iter().map(CommitError::Database));
        waiting = written.refused;
        conflicts += usize::from(waiting.len() == before);
    }
    match faults.into_iter().next() {
        Some(fault) => Err(fault),
        None if waiting.is_empty() => Ok(done),
        None => Err(CommitError::Contended),
    }
}

/// Decides on all commands and writes nothing. Returns the decisions.
pub async fn rehearse<D: Database>(
    db: &D,
    catalog: &Catalog,
    keys: Option<&Keyring>,
    commands: Vec<Command>,
    now: Millis,
    ids: &mut Ids,
) -> Result<Vec<Decision>, CommitError> {
    let mut faults = Vec::new();
    let basis = Basis { catalog, keys, now, is_first: true };
    let decided = decide_split(db, basis, commands, &mut faults, ids).await?;
    match faults.into_iter().next() {
        Some(fault) => Err(fault),
        None => Ok(decided.into_iter().map(|one| one.decision).collect()),
    }
}

/// The number of single failures, with no success, after which the fault is taken to affect all
/// commands.
const FAULTS_ALONE_MAX: usize = 3;

/// What every round of a commit goes by.
#[derive(Clone, Copy)]
struct Basis<'a> {
    catalog: &'a Catalog,
    /// Recognises erased addresses; `None` if erasures are not checked.
    keys: Option<&'a Keyring>,
    now: Millis,
    /// Whether nothing of these commands has been written, nor refused.
    is_first: bool,
}

impl Basis<'_> {
    /// Returns whether the write alone checks the idempotency keys and the erased addresses of
    /// these commands: it refuses a key in the log, and an erased address. That is enough for a
    /// form posted just now, which is hardly ever a repetition, and cannot be older than an
    /// erasure. If it is refused, the next round reads both.
    fn leaves_checks_to_the_write(&self, commands: &[Command]) -> bool {
        let is_posted_now = |input: &Input| match input {
            Input::Submitted(submitted) => submitted.at == self.now,
            _ => false,
        };
        let mut inputs = commands.iter().flat_map(|command| &command.inputs);
        self.is_first && inputs.all(is_posted_now)
    }

    /// Returns the names of the events whose history decides about these commands.
    fn watched_events(&self, commands: &[Command]) -> Vec<String> {
        let mut watched = self.catalog.watched_events();
        let inputs = commands.iter().flat_map(|command| &command.inputs);
        let asked = inputs.flat_map(Input::required_history);
        watched.extend(asked.map(|name| (*name).to_owned()));
        watched.into_iter().collect()
    }

    /// Returns whether these commands are taken to be about somebody new, without a look at the
    /// database: one form that was posted just now. Most visitors are new, and an address has one
    /// contact, so a known one is refused by the write; the next round then reads the contact. What
    /// concerns others as well is always read: a journey's places of an hour, and the mails to a
    /// mailbox in another spelling.
    fn assumes_new_contact(&self, commands: &[Command]) -> bool {
        let [Command { who: who @ RecordRef::Typed { .. }, .. }] = commands else { return false };
        let is_alone = who.mailbox().is_none() && self.catalog.limited().is_empty();
        is_alone && self.leaves_checks_to_the_write(commands)
    }
}

/// Reads what all commands need, and decides on each contact once. If the read fails, it tries each
/// half separately, down to the single commands that cannot be read.
async fn decide_split<D: Database>(
    db: &D,
    basis: Basis<'_>,
    commands: Vec<Command>,
    faults: &mut Vec<CommitError>,
    ids: &mut Ids,
) -> Result<Vec<Decided>, CommitError> {
    let mut decided = Vec::new();
    let mut hourly_quotas = BTreeMap::new();
    let mut groups = vec![commands];
    while let Some(mut group) = groups.pop() {
        match Loaded::read(db, basis, &group).await {
            Ok(mut loaded) => {
                loaded.hourly_quotas.append(&mut hourly_quotas);
                for prepared in loaded.by_contact(group, basis.now, ids) {
                    match loaded.decide(basis, prepared, ids) {
                        Ok(one) => decided.push(one),
                        Err(endless) => faults.push(CommitError::StepLimitExceeded(endless)),
                    }
                }
                hourly_quotas = loaded.hourly_quotas;
            }
            Err(DatabaseError::Fault(_)) if group.len() > 1 => {
                let half = group.split_off(group.len() / 2);
                groups.extend([half, group]);
            }
            Err(fault @ DatabaseError::Fault(_))
                if faults.len() < FAULTS_ALONE_MAX || !decided.is_empty() =>
            {
                faults.push(fault.into());
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(decided)
}

/// What the commands of a batch say about one contact, in order.
struct Prepared {
    commands: Vec<Command>,
    subject: AnyRecord,
    /// The inputs that are new.
    inputs: Vec<Input>,
    mails_to_mailbox: Vec<Millis>,
    /// The addresses that no contact had.
    new_addresses: BTreeSet<String>,
}

impl Prepared {
    /// Returns what a command says about a record that is no contact.
    fn about_record(record: AnyRecord, command: Command, inputs: Vec<Input>) -> Self {
        Self {
            commands: vec![command],
            subject: record,
            inputs,
            mails_to_mailbox: Vec::new(),
            new_addresses: BTreeSet::new(),
        }
    }

    /// Adds what a later command says about the same contact.
    fn extend(&mut self, later: Self) {
        self.commands.extend(later.commands);
        self.subject = later.subject;
        self.inputs.extend(later.inputs);
        self.new_addresses.extend(later.new_addresses);
        if self.mails_to_mailbox.is_empty() {
            self.mails_to_mailbox = later.mails_to_mailbox;
        }
    }
}

/// The decision about one contact, and the commands that it answers.
struct Decided {
    commands: Vec<Command>,
    decision: Decision,
    /// The addresses that no contact had, each with the time of the earliest input. If one of them
    /// is erased in the meantime, there is no contact whose event number could make this write
    /// conflict, so the batch checks these addresses.
    new_addresses: Vec<ErasedAddressAt>,
}

/// The result of writing decisions.
#[derive(Default)]
struct Written {
    done: Vec<Decision>,
    /// Commands to decide on again: another write came first, or the outcome is unknown.
    refused: Vec<Command>,
    /// Faults that occurred in a batch of one, separate from other decisions.
    faults: Vec<DatabaseError>,
}

/// Writes all decisions in one batch. If the batch is refused or fails, it writes each half
/// separately, down to the single decisions that fail.
async fn write_split<D: Database>(
    db: &D,
    decided: Vec<Decided>,
    now: Millis,
) -> Result<Written, CommitError> {
    let mut written = Written::default();
    let mut batches = vec![decided];
    while let Some(mut batch) = batches.pop() {
        let decisions: Vec<&Decision> = batch.iter().map(|one| &one.decision).collect();
        let mut statements = write::decisions(&decisions, now);
        if statements.is_empty() {
            continue;
        }
        let new_addresses: Vec<_> = batch.iter().flat_map(|one| &one.new_addresses).collect();
        if !new_addresses.is_empty() {
            statements.push(erasures::refuse_erased(&new_addresses));
        }
        match db.batch(statements).await {
            Ok(_) => written.done.extend(batch.into_iter().map(|one| one.decision)),
            Err(DatabaseError::Conflict(_) | DatabaseError::Fault(_)) if batch.len() > 1 => {
                let half = batch.split_off(batch.len() / 2);
                batches.extend([half, batch]);
            }
            // The next read shows whether a lost batch was written: its keys are known then.
            Err(DatabaseError::Conflict(_) | DatabaseError::Lost(_)) => {
                written.refused.extend(batch.into_iter().flat_map(|one| one.commands));
            }
            Err(fault @ DatabaseError::Fault(_))
                if written.faults.len() < FAULTS_ALONE_MAX || !written.done.is_empty() =>
            {
                written.faults.push(fault);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(written)
}

/// Returns when each address was last erased. An address has one row per secret that it was erased
/// under.
fn last_erased(
    rows: Vec<ErasedRow>,
    hashes: &BTreeMap<(&'static str, String), String>,
) -> BTreeMap<String, Millis> {
    let mut last = BTreeMap::<String, Millis>::new();
    for row in rows {
        if let Some((_, address)) = hashes.iter().find(|((_, hash), _)| *hash == row.hash) {
            let at = last.entry(address.clone()).or_insert(row.at);
            *at = row.at.max(*at);
        }
    }
    last
}

/// Separates the contacts from records of other kinds.
fn by_kind(rows: Vec<ContactRow>) -> (Vec<Contact>, Vec<PlainRecord>) {
    let (mut contacts, mut records) = (Vec::new(), Vec::new());
    for record in rows.into_iter().map(AnyRecord::from) {
        match record {
            AnyRecord::Contact(contact) => contacts.push(*contact),
            AnyRecord::Plain(record) => records.push(*record),
        }
    }
    (contacts, records)
}

/// The result of one read.
struct Loaded {
    contacts: Vec<Contact>,
    /// Records of other kinds.
    records: Vec<PlainRecord>,
    /// The idempotency keys in the log, each with the hash of its content, if that is kept.
    keys: BTreeMap<String, Option<String>>,
    messages: BTreeMap<MessageId, Message>,
    hourly_quotas: BTreeMap<QualifiedId, HourlyQuota>,
    /// The addresses in the commands that were erased, and when.
    erased: BTreeMap<String, Millis>,
    /// The addresses in the commands, by kind and by a hash under which they may be erased. Empty
    /// if erasures are not checked.
    hashes: BTreeMap<(&'static str, String), String>,
    field_facts: FieldFacts,
    /// The confirmation mails of the last day to mailboxes that were typed in another spelling.
    mails_to_mailboxes: Vec<MailboxMailRow>,
}

impl Loaded {
    /// Reads what the commands refer to. If a contact is on an older version that is not in the
    /// catalog yet, this loads the version and reads everything again, because the older version
    /// may depend on more events.
    async fn read<D: Database>(
        db: &D,
        basis: Basis<'_>,
        commands: &[Command],
    ) -> Result<Self, DatabaseError> {
        let Basis { catalog, now, .. } = basis;
        let loaded = Self::read_once(db, basis, commands).await?;
        let is_any = load_older_versions(db, catalog, loaded.all(), now).await?;
        let credited = credited_late(catalog, commands, &loaded.contacts);
        if load_versions(db, catalog, credited.into_iter(), now).await? || is_any {
            return Self::read_once(db, basis, commands).await;
        }
        Ok(loaded)
    }

    /// Reads every contact, idempotency key and message that the commands refer to, in one round
    /// trip.
    async fn read_once<D: Database>(
        db: &D,
        basis: Basis<'_>,
        commands: &[Command],
    ) -> Result<Self, DatabaseError> {
        let Basis { catalog, keys: keyring, now, .. } = basis;
        let is_checked = !basis.leaves_checks_to_the_write(commands);
        let (wanted_ids, addresses) = named(commands);
        let inputs = || commands.iter().flat_map(|command| &command.inputs);
        let keys: Vec<String> = inputs().flat_map(Input::keys).collect();
        let about: BTreeSet<&MessageId> = inputs().filter_map(Input::message).collect();

        let watched = basis.watched_events(commands);
        let entry_keys: Vec<String> = inputs()
            .filter_map(Input::properties)
            .flat_map(|properties| catalog.entry_keys(properties))
            .collect();
        let mut statements = Vec::new();
        let mut ask = |statement: Option<Statement>| {
            statement.map(|statement| {
                statements.push(statement);
                statements.len() - 1
            })
        };
        let by_id = ask((!wanted_ids.is_empty()).then(|| {
            contacts::records_by_ids(wanted_ids.iter().copied(), &watched, &entry_keys, now)
        }));
        let is_looked_up =
            addresses != Addresses::default() && !basis.assumes_new_contact(commands);
        let by_address =
            ask(is_looked_up
                .then(|| contacts::by_addresses(&addresses, &watched, &entry_keys, now)));
        let known_keys = ask((is_checked && !keys.is_empty()).then(|| contacts::known_keys(&keys)));
        let known_messages =
            ask((!about.is_empty()).then(|| messages::by_ids(about.iter().copied())));
        let limited = catalog.limited();
        let hours = ask((!limited.is_empty()).then(|| journeys::busy_hours(&limited, now)));

        let hashes = keyring.map(|keyring| addresses.hashes(keyring)).unwrap_or_default();
        let listed = hashes.keys().map(|(kind, hash)| (*kind, hash.clone())).collect::<Vec<_>>();
        let erased = ask((is_checked && !listed.is_empty()).then(|| erasures::known(&listed)));
        let mailboxes: Vec<String> =
            commands.iter().filter_map(|command| command.who.mailbox()).collect();
        let since = now.minus(Span::days(1));
        let mails =
            ask((!mailboxes.is_empty()).then(|| contacts::mails_of_mailboxes(&mailboxes, since)));
        let facts = FieldFacts::questions(catalog, commands).map(ask);

        let rows = if statements.is_empty() { Vec::new() } else { db.batch(statements).await? };
        let answer = |index: Option<usize>| index.and_then(|index| rows.get(index));
        let mut found = all::<ContactRow>(answer(by_id))?;
        found.extend(all::<ContactRow>(answer(by_address))?);
        let (contacts, records) = by_kind(found);
        let keys = all::<KeyRow>(answer(known_keys))?.into_iter();
        let messages = all::<MessageRow>(answer(known_messages))?;
        let hours = all::<BusyHourRow>(answer(hours))?.into_iter();
        let messages = messages.into_iter().map(Message::from);
        Ok(Self {
            mails_to_mailboxes: all(answer(mails))?,
            hourly_quotas: hours.map(|row| (row.journey_id, row.hour)).collect(),
            contacts,
            records,
            keys: keys.map(|row| (row.key, row.content)).collect(),
            erased: last_erased(all(answer(erased))?, &hashes),
            hashes,
            messages: messages.map(|message| (message.id.clone(), message)).collect(),
            field_facts: FieldFacts::read(facts.map(answer))?,
        })
    }

    /// Sorts the commands by contact. A command may name an address that an earlier one has given
    /// to its contact, so each is resolved as if the earlier ones were written.
    fn by_contact(&mut self, commands: Vec<Command>, now: Millis, ids: &mut Ids) -> Vec<Prepared> {
        let mut all: Vec<Prepared> = Vec::new();
        let mut rest = commands.into_iter();
        while let Some(command) = rest.next() {
            let Some(one) = self.prepare(command, now, ids) else { continue };
            if !rest.as_slice().is_empty() {
                self.note(&one);
            }
            match all.iter_mut().find(|earlier| earlier.subject.id == one.subject.id) {
                Some(earlier) => earlier.extend(one),
                None => all.push(one),
            }
        }
        all
    }

    /// Finds or creates the contact of a command. Returns `None` if there is no such contact, or
    /// nothing new about it.
    fn prepare(&self, command: Command, now: Millis, ids: &mut Ids) -> Option<Prepared> {
        let news = self.news(&command);
        if news.is_empty() {
            return None;
        }
        let contact = match &command.who {
            RecordRef::Id(id) => match self.by_id(id)? {
                AnyRecord::Contact(contact) => *contact,
                record @ AnyRecord::Plain(_) => {
                    return Some(Prepared::about_record(record, command, news));
                }
            },
            RecordRef::Plain { id, kind } => {
                let new = || PlainRecord::unknown(id.clone(), kind.clone(), now).into();
                let record = self.by_id(id).unwrap_or_else(new);
                if record.kind != *kind {
                    return None;
                }
                return Some(Prepared::about_record(record, command, news));
            }
            RecordRef::Imported { id, .. } => match self.by_id(id) {
                Some(AnyRecord::Contact(contact)) => *contact,
                Some(AnyRecord::Plain(_)) => return None,
                None => Contact::unknown(id.clone(), now),
            },
            RecordRef::Phone(phone) => {
                self.contacts.iter().find(|c| c.phone.as_ref() == Some(phone))?.clone()
            }
            RecordRef::Typed { email, phone } => self.resolve_typed(email, phone, now, ids),
            RecordRef::Addresses { email, phone, external_id } => {
                self.resolve(email, phone, external_id, now, ids)
            }
        };
        Some(Prepared {
            inputs: self.without_taken_addresses(&contact, news),
            mails_to_mailbox: self.mails_to_mailbox(command.who.mailbox(), &contact),
            new_addresses: self.free_addresses(&command).cloned().collect(),
            subject: contact.into(),
            commands: vec![command],
        })
    }

    fn all(&self) -> impl Iterator<Item = &Record> {
        let contacts = self.contacts.iter().map(|contact| &contact.record);
        contacts.chain(self.records.iter().map(|record| &record.record))
    }

    /// Returns the record with this id, or that it was merged into.
    fn by_id(&self, id: &RecordId) -> Option<AnyRecord> {
        let contact = self.contacts.iter().find(|contact| contact.is_known_as(id));
        let record = || self.records.iter().find(|record| record.is_known_as(id));
        contact.cloned().map(AnyRecord::from).or_else(|| record().cloned().map(AnyRecord::from))
    }

    /// Notes the contact as it will be, and the keys that its log will have.
    fn note(&mut self, one: &Prepared) {
        match one.subject.clone() {
            AnyRecord::Contact(contact) => {
                self.contacts.retain(|known| known.id != contact.id);
                self.contacts.push(*contact);
            }
            AnyRecord::Plain(record) => {
                self.records.retain(|known| known.id != record.id);
                self.records.push(*record);
            }
        }
        let keys = one.inputs.iter().filter_map(|input| Some((input.key()?, input.content())));
        self.keys.extend(keys.map(|(key, content)| (key, content.cloned())));
    }

    /// Decides on one contact. The next one takes the next place of an hour.
    fn decide(
        &mut self,
        basis: Basis<'_>,
        prepared: Prepared,
        ids: &mut Ids,
    ) -> Result<Decided, StepLimitExceeded> {
        let Prepared { commands, subject, inputs, mails_to_mailbox, new_addresses } = prepared;
        let new_addresses = self.hashed(&new_addresses, &inputs);
        let about = inputs.iter().filter_map(Input::message);
        let messages = about.filter_map(|id| self.messages.get_key_value(id));
        let messages = messages.map(|(id, message)| (id.clone(), message.clone())).collect();
        let hourly_quotas = self.hourly_quotas.clone();
        let Basis { catalog, now, .. } = basis;
        let decision = match subject {
            AnyRecord::Contact(contact) => {
                let mut taken = self.field_facts.taken(&contact.id);
                taken.extend(self.taken_addresses(&contact));
                let input = DecisionInput {
                    inputs,
                    messages,
                    hourly_quotas,
                    mails_to_mailbox,
                    taken,
                    companies: self.field_facts.companies().to_vec(),
                    ..<_>::default()
                };
                decide(catalog, *contact, input, now, ids)?.of_any()
            }
            AnyRecord::Plain(record) => {
                let inputs = inputs.into_iter().filter_map(Input::of_any_record).collect();
                let taken = self.field_facts.taken(&record.id);
                let next_number = match record.number {
                    None => self.field_facts.next_number(&record.kind),
                    Some(_) => None,
                };
                let ancestors = self.field_facts.ancestors().to_vec();
                let input = DecisionInput {
                    inputs,
                    hourly_quotas,
                    taken,
                    next_number,
                    ancestors,
                    ..<_>::default()
                };
                decide(catalog, *record, input, now, ids)?.of_any()
            }
        };
        for (journey, quota) in decision.reserved() {
            self.hourly_quotas.insert(journey.clone(), quota);
        }
        Ok(Decided { commands, decision, new_addresses })
    }

    /// Returns when other contacts whose addresses reach the same mailbox were sent mail.
    fn mails_to_mailbox(&self, mailbox: Option<String>, contact: &Contact) -> Vec<Millis> {
        let Some(mailbox) = mailbox else { return Vec::new() };
        let all = self.mails_to_mailboxes.iter();
        let others = all.filter(|mail| mail.mailbox == mailbox && mail.id != contact.id);
        others.map(|mail| mail.at).collect()
    }

    /// Returns the inputs of a command that are new: their keys are not in the log, and they do not
    /// predate the erasure of an address. An event whose key belongs to different content becomes
    /// `Input::Conflicted`.
    fn news(&self, command: &Command) -> Vec<Input> {
        let erased_at =
            command.who.addresses().filter_map(|address| self.erased.get(address)).max();
        let mut seen: BTreeMap<String, Option<String>> = BTreeMap::new();
        let mut news = Vec::new();
        for input in &command.inputs {
            if input.at().is_some_and(|at| Some(&at) <= erased_at) {
                continue;
            }
            let Some(key) = input.key() else {
                news.push(input.clone());
                continue;
            };
            let known = self.keys.get(&key).or(seen.get(&key)).cloned();
            match (known, input) {
                (None, _) => {
                    seen.insert(key, input.content().cloned());
                    news.push(input.clone());
                }
                (Some(known), Input::Record(RecordInput::CustomEvent(event)))
                    if event.contradicts(known.as_ref()) =>
                {
                    let Some(key) = event.conflict_key() else { continue };
                    if !self.keys.contains_key(&key) && seen.insert(key, None).is_none() {
                        let conflicted = RecordInput::Conflicted(event.clone());
                        news.push(Input::Record(conflicted));
                    }
                }
                _ => {}
            }
        }
        news
    }

    /// Returns the addresses of a command that no contact has.
    fn free_addresses<'a>(&'a self, command: &'a Command) -> impl Iterator<Item = &'a String> {
        let has = |contact: &Contact, address: &String| {
            let own = [&contact.email, &contact.phone, &contact.external_id];
            own.into_iter().flatten().any(|one| one == address)
        };
        command.who.addresses().filter(move |free| !self.contacts.iter().any(|one| has(one, free)))
    }

    /// Returns addresses in the form in which `Decided` keeps them.
    fn hashed(&self, addresses: &BTreeSet<String>, inputs: &[Input]) -> Vec<ErasedAddressAt> {
        let Some(at) = inputs.iter().filter_map(Input::at).min() else { return Vec::new() };
        let hashed = self.hashes.iter().filter(|(_, address)| addresses.contains(*address));
        hashed.map(|((kind, hash), _)| (*kind, hash.clone(), at)).collect()
    }
}
