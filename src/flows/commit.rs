//! The one write rule: read contacts, decide on each, write all in one batch, and let only those
//! decide again whom somebody else wrote to in between.
//!
//! Round trips: one to read, one to write. Two more if somebody is on a version that is not in the
//! catalog: it is fetched, and all is read again. A refused batch costs more, each of them bounded.
//!
//! Statements, for any number of contacts: up to 7 to read (contacts by id, contacts by address,
//! known keys, messages, hours of limited journeys, addresses that were erased, confirmation mails
//! to other spellings of a mailbox), up to 15 to write, one a kind of row (`store::write`), and 1
//! that refuses addresses erased meanwhile.

use crate::domain::base::primitives::{
    CampaignId, ContactId, Ids, MessageId, Millis, QualifiedId, Span,
};
use crate::domain::base::token::Keyring;
use crate::domain::contact::Contact;
use crate::domain::contact::address::other_mailbox;
use crate::domain::contact::claim::{self, Claims};
use crate::domain::contact::enrollment::HourlyQuota;
use crate::domain::contact::message::Message;
use crate::domain::engine::{Decision, Input, StepLimitExceeded, decide};
use crate::domain::publication::catalog::Catalog;
use crate::domain::publication::unpublished::Unpublished;
use crate::flows::ports::{Database, DatabaseError};
use crate::store::contacts::{self, Addresses, ContactRow, KeyRow, MailboxMailRow};
use crate::store::erasures::{ErasedAddressAt, ErasedRow};
use crate::store::journeys::BusyHourRow;
use crate::store::messages::MessageRow;
use crate::store::statement::Rows;
use crate::store::{campaigns, erasures, journeys, messages, outages, write};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// How often a contact is decided on again before the flow gives up: fifty people at once on one
/// contact get through in as many rounds, since each round lets one of them through at least.
pub const CONFLICT_RETRIES_MAX: usize = 60;

/// Something that happened to somebody.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// To whom.
    pub who: ContactRef,
    /// What, in order.
    pub happenings: Vec<Input>,
}

/// How a contact is found.
#[derive(Clone, Debug, PartialEq)]
pub enum ContactRef {
    /// By its id. If there is no such contact, nothing happens.
    Id(ContactId),
    /// By its number. If there is no such contact, nothing happens.
    Phone(String),
    /// By what somebody typed into a form: the contact of the e-mail address, or of the number if
    /// none was given. Whoever else has the number keeps it, and a known contact gets no address by
    /// it: anybody can type anybody's.
    Typed {
        /// In normal form.
        email: Option<String>,
        /// In E.164.
        phone: Option<String>,
    },
    /// By its addresses, the first that is known; if none is, it is a new contact. Whoever tells
    /// them holds a token: an address that the contact lacks becomes its own.
    Addresses {
        /// In normal form.
        email: Option<String>,
        /// In E.164.
        phone: Option<String>,
        /// The id in the customer's own system.
        external_id: Option<String>,
    },
}

impl ContactRef {
    /// The addresses it is found by.
    fn addresses(&self) -> impl Iterator<Item = &String> {
        let given = match self {
            Self::Id(_) => [None; 3],
            Self::Phone(phone) => [Some(phone), None, None],
            Self::Typed { email, phone } => [email.as_ref(), phone.as_ref(), None],
            Self::Addresses { email, phone, external_id } => {
                [email.as_ref(), phone.as_ref(), external_id.as_ref()]
            }
        };
        given.into_iter().flatten()
    }

    /// The mailbox that somebody typed in another spelling than the plain one.
    fn mailbox(&self) -> Option<String> {
        let Self::Typed { email: Some(email), .. } = self else { return None };
        other_mailbox(email)
    }
}

/// Why a commit failed.
#[derive(Clone, Debug, PartialEq)]
pub enum CommitError {
    /// The database did.
    Database(DatabaseError),
    /// Others kept writing to the same contact.
    Contended,
    /// The decision about a contact came to no end.
    StepLimitExceeded(StepLimitExceeded),
}

impl From<DatabaseError> for CommitError {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
    }
}

impl CommitError {
    /// Whether it may lie with one of the contacts, so that another attempt fails again. A database
    /// that is overloaded, or an answer that was lost, says nothing about anybody.
    pub fn may_be_the_contacts(&self) -> bool {
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
            Self::Contended => f.write_str("the contact was written to by others all the time"),
        }
    }
}

/// Decides all cases and writes the decisions. Returns those that were written; a case whose
/// happenings were all known already has none.
pub async fn commit<D: Database>(
    db: &D,
    catalog: &Catalog,
    cases: Vec<Command>,
    now: Millis,
    ids: &mut Ids,
) -> Result<Vec<Decision>, CommitError> {
    commit_by_address(db, catalog, None, cases, now, ids).await
}

/// The same for what people and programs outside told about somebody by an address: what they told
/// of before that address was erased is dropped (`keys` know it again), or it would bring the
/// person back. One statement more to read; and one to write, if nobody had the address.
pub async fn commit_by_address<D: Database>(
    db: &D,
    catalog: &Catalog,
    keys: Option<&Keyring>,
    cases: Vec<Command>,
    now: Millis,
    ids: &mut Ids,
) -> Result<Vec<Decision>, CommitError> {
    note_unreadable(db, catalog, now).await?;
    let mut done = Vec::new();
    let mut faults = Vec::new();
    let mut waiting = cases;
    for _ in 0..CONFLICT_RETRIES_MAX {
        if waiting.is_empty() {
            break;
        }
        let decided = decide_split(db, (catalog, keys), waiting, &mut faults, now, ids).await?;
        let written = write_split(db, decided, now).await?;
        done.extend(written.done);
        faults.extend(written.faults.into_iter().map(CommitError::Database));
        waiting = written.refused;
    }
    match faults.into_iter().next() {
        Some(fault) => Err(fault),
        None if waiting.is_empty() => Ok(done),
        None => Err(CommitError::Contended),
    }
}

/// How many may fail alone, and none succeed, before the fault is taken for everybody's.
const FAULTS_ALONE_MAX: usize = 3;

/// Reads what all cases need, and decides; if it cannot be read, each half by itself, down to the
/// single cases that cannot.
async fn decide_split<D: Database>(
    db: &D,
    (catalog, keys): (&Catalog, Option<&Keyring>),
    cases: Vec<Command>,
    faults: &mut Vec<CommitError>,
    now: Millis,
    ids: &mut Ids,
) -> Result<Vec<Decided>, CommitError> {
    let mut decided = Vec::new();
    let mut busy_hours = BTreeMap::new();
    let mut groups = vec![cases];
    while let Some(mut group) = groups.pop() {
        match Known::read(db, (catalog, keys), &group, now).await {
            Ok(mut known) => {
                known.busy_hours.append(&mut busy_hours);
                for case in group {
                    let Some((contact, happenings)) = known.open(&case, now, ids) else { continue };
                    let new_addresses = known.new_addresses(&case, &happenings);
                    match decide(catalog, contact, happenings, now, ids) {
                        Ok(decision) => {
                            // The next one takes the next place.
                            known.busy_hours.clone_from(&decision.contact.busy_hours);
                            decided.push(Decided { case, decision, new_addresses });
                        }
                        Err(endless) => faults.push(CommitError::StepLimitExceeded(endless)),
                    }
                }
                busy_hours = known.busy_hours;
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

/// A case, and what was decided of it.
struct Decided {
    case: Command,
    decision: Decision,
    /// The addresses that nobody had, each with the earliest moment that was told of it. Whoever
    /// erases one of them meanwhile finds no contact to write to, so that its number would refuse
    /// this one.
    new_addresses: Vec<ErasedAddressAt>,
}

/// What came of writing decisions.
#[derive(Default)]
struct Written {
    done: Vec<Decision>,
    /// Somebody else wrote first, or nobody knows: to be decided on again.
    refused: Vec<Command>,
    /// What failed alone, so that its neighbours did not.
    faults: Vec<DatabaseError>,
}

/// Writes all decisions in one batch; if it is refused or fails, each half by itself, down to the
/// single decisions that do.
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
            // Whether a lost batch was written, the next reading tells: its keys are known then.
            Err(DatabaseError::Conflict(_) | DatabaseError::Lost(_)) => {
                written.refused.extend(batch.into_iter().map(|one| one.case));
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

/// When each address was erased last: it has a row for each secret that it was erased under.
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

/// What one reading found.
struct Known {
    contacts: Vec<Contact>,
    /// The idempotency keys in the log, each with a hash of what was told under it, if it is kept.
    keys: BTreeMap<String, Option<String>>,
    messages: BTreeMap<MessageId, Message>,
    busy_hours: BTreeMap<QualifiedId, HourlyQuota>,
    /// The addresses among those named that were erased, and when.
    erased: BTreeMap<String, Millis>,
    /// The addresses named, by their kind and a hash under which they may be erased; none if they
    /// are not to be looked for.
    hashes: BTreeMap<(&'static str, String), String>,
    /// The confirmation mails of a day to the mailboxes that were typed in another spelling.
    mails_to_mailboxes: Vec<MailboxMailRow>,
}

impl Known {
    /// Reads what the cases name. If somebody is on an older version that is not in the catalog
    /// yet, that is read too, and then all again, for the older version may ask about more events.
    async fn read<D: Database>(
        db: &D,
        (catalog, keys): (&Catalog, Option<&Keyring>),
        cases: &[Command],
        now: Millis,
    ) -> Result<Self, DatabaseError> {
        let known = Self::read_once(db, (catalog, keys), cases, now).await?;
        let is_any = load_older_versions(db, catalog, &known.contacts, now).await?;
        let credited = credited_late(catalog, cases, &known.contacts);
        if load_versions(db, catalog, credited.into_iter(), now).await? || is_any {
            return Self::read_once(db, (catalog, keys), cases, now).await;
        }
        Ok(known)
    }

    /// Reads every contact, idempotency key and message that the cases name, in one round trip.
    async fn read_once<D: Database>(
        db: &D,
        (catalog, keyring): (&Catalog, Option<&Keyring>),
        cases: &[Command],
        now: Millis,
    ) -> Result<Self, DatabaseError> {
        let (wanted_ids, addresses) = named(cases);
        let happenings = || cases.iter().flat_map(|case| &case.happenings);
        let keys: Vec<String> = happenings().flat_map(Input::keys).collect();
        let about: BTreeSet<&MessageId> = happenings().filter_map(Input::message).collect();

        let mut watched = catalog.watched_events();
        let asked = happenings().flat_map(Input::asks_about);
        watched.extend(asked.map(|name| (*name).to_owned()));
        let watched: Vec<String> = watched.into_iter().collect();
        let entry_keys: Vec<String> = happenings()
            .filter_map(Input::properties)
            .flat_map(|properties| catalog.entry_keys(properties))
            .collect();
        let mut statements = Vec::new();
        let mut ask = |wanted: bool, statement| {
            wanted.then(|| {
                statements.push(statement);
                statements.len() - 1
            })
        };
        let by_id =
            ask(!wanted_ids.is_empty(), contacts::by_ids(wanted_ids, &watched, &entry_keys, now));
        let by_address = contacts::by_addresses(&addresses, &watched, &entry_keys, now);
        let by_address = ask(addresses != Addresses::default(), by_address);
        let known_keys = ask(!keys.is_empty(), contacts::known_keys(&keys));
        let known_messages = ask(!about.is_empty(), messages::by_ids(about));
        let limited = catalog.limited();
        let hours = ask(!limited.is_empty(), journeys::busy_hours(&limited, now));

        let hashes = keyring.map(|keyring| addresses.hashes(keyring)).unwrap_or_default();
        let listed = hashes.keys().map(|(kind, hash)| (*kind, hash.clone())).collect::<Vec<_>>();
        let erased = ask(!listed.is_empty(), erasures::known(&listed));
        let mailboxes: Vec<String> = cases.iter().filter_map(|case| case.who.mailbox()).collect();
        let a_day_ago = now.minus(Span::days(1));
        let mails = contacts::mails_of_mailboxes(&mailboxes, a_day_ago);
        let mails = ask(!mailboxes.is_empty(), mails);

        let rows = db.batch(statements).await?;
        let none = Rows::default();
        let answer = |index: Option<usize>| index.and_then(|i| rows.get(i)).unwrap_or(&none);
        let fault = DatabaseError::Fault;
        let mut found = answer(by_id).all::<ContactRow>().map_err(fault)?;
        found.extend(answer(by_address).all::<ContactRow>().map_err(fault)?);
        let keys = answer(known_keys).all::<KeyRow>().map_err(fault)?;
        let messages = answer(known_messages).all::<MessageRow>().map_err(fault)?;
        let hours = answer(hours).all::<BusyHourRow>().map_err(fault)?;
        let erased = answer(erased).all::<ErasedRow>().map_err(fault)?;
        let mails_to_mailboxes = answer(mails).all::<MailboxMailRow>().map_err(fault)?;
        let known = Self {
            mails_to_mailboxes,
            busy_hours: hours.into_iter().map(|row| (row.journey_id, row.hour)).collect(),
            contacts: found.into_iter().map(Contact::from).collect(),
            keys: keys.into_iter().map(|row| (row.key, row.content)).collect(),
            erased: last_erased(erased, &hashes),
            hashes,
            messages: messages
                .into_iter()
                .map(Message::from)
                .map(|message| (message.id.clone(), message))
                .collect(),
        };
        Ok(known)
    }

    /// The contact of a case, with the happenings that are news; `None` if there are none, or no
    /// such contact.
    fn open(&self, case: &Command, now: Millis, ids: &mut Ids) -> Option<(Contact, Vec<Input>)> {
        let happenings = self.news(case);
        if happenings.is_empty() {
            return None;
        }
        let mut contact = match &case.who {
            ContactRef::Id(id) => self.contacts.iter().find(|c| c.is_known_as(id))?.clone(),
            ContactRef::Phone(phone) => {
                self.contacts.iter().find(|c| c.phone.as_ref() == Some(phone))?.clone()
            }
            ContactRef::Typed { email, phone } => self.resolve_typed(email, phone, now, ids),
            ContactRef::Addresses { email, phone, external_id } => {
                self.resolve(email, phone, external_id, now, ids)
            }
        };
        contact.busy_hours.clone_from(&self.busy_hours);
        contact.mails_to_mailbox = self.mails_to_mailbox(case.who.mailbox(), &contact);
        let about = happenings.iter().filter_map(Input::message);
        let rows = about.filter_map(|id| self.messages.get(id).cloned());
        contact.messages = rows.map(|message| (message.id.clone(), message)).collect();
        let happenings = self.without_taken_phone(&contact, happenings);
        Some((contact, happenings))
    }

    /// When others were mailed whose addresses reach the same mailbox.
    fn mails_to_mailbox(&self, mailbox: Option<String>, contact: &Contact) -> Vec<Millis> {
        let Some(mailbox) = mailbox else { return Vec::new() };
        let all = self.mails_to_mailboxes.iter();
        let others = all.filter(|mail| mail.mailbox == mailbox && mail.id != contact.id);
        others.map(|mail| mail.at).collect()
    }

    /// What of a case is news: neither told before nor, where an address was erased, from before
    /// that. What is told under a key that stands for something else is told as that.
    fn news(&self, case: &Command) -> Vec<Input> {
        let erased_at = case.who.addresses().filter_map(|address| self.erased.get(address)).max();
        let mut seen: BTreeMap<String, Option<String>> = BTreeMap::new();
        let mut news = Vec::new();
        for happening in &case.happenings {
            if happening.at().is_some_and(|at| Some(&at) <= erased_at) {
                continue;
            }
            let Some(key) = happening.key() else {
                news.push(happening.clone());
                continue;
            };
            let known = self.keys.get(&key).or(seen.get(&key)).cloned();
            match (known, happening) {
                (None, _) => {
                    seen.insert(key, happening.content().cloned());
                    news.push(happening.clone());
                }
                (Some(known), Input::CustomEvent(told)) if told.contradicts(known.as_ref()) => {
                    let Some(key) = told.conflict_key() else { continue };
                    if !self.keys.contains_key(&key) && seen.insert(key, None).is_none() {
                        news.push(Input::Conflicted(told.clone()));
                    }
                }
                _ => {}
            }
        }
        news
    }

    /// The addresses of a case that nobody has, as `Decided` keeps them.
    fn new_addresses(&self, case: &Command, happenings: &[Input]) -> Vec<ErasedAddressAt> {
        let Some(at) = happenings.iter().filter_map(Input::at).min() else { return Vec::new() };
        let has = |contact: &Contact, address: &String| {
            let own = [&contact.email, &contact.phone, &contact.external_id];
            own.into_iter().flatten().any(|one| one == address)
        };
        let is_new = |address: &&String| !self.contacts.iter().any(|one| has(one, address));
        let new: Vec<&String> = case.who.addresses().filter(is_new).collect();
        let hashed = self.hashes.iter().filter(|(_, address)| new.contains(address));
        hashed.map(|((kind, hash), _)| (*kind, hash.clone(), at)).collect()
    }

    /// One contact an address: whose e-mail address it is; if none was given, whose number. Nobody
    /// is known by a number who gives an e-mail address that we do not know: it may be anybody's.
    fn resolve_typed(
        &self,
        email: &Option<String>,
        phone: &Option<String>,
        now: Millis,
        ids: &mut Ids,
    ) -> Contact {
        let by = |test: &dyn Fn(&Contact) -> bool| self.contacts.iter().find(|c| test(c)).cloned();
        let is = |given: &Option<String>, own: &Option<String>| given.is_some() && given == own;
        let has_email = |c: &Contact| is(email, &c.email) || c.had(|was| is(email, &was.email));
        let has_phone = |c: &Contact| is(phone, &c.phone) || c.had(|was| is(phone, &was.phone));
        let known = by(&has_email).or_else(|| by(&has_phone).filter(|_| email.is_none()));
        known.unwrap_or_else(|| {
            let phone = phone.clone().filter(|_| by(&has_phone).is_none());
            let contact = Contact::unknown(ContactId(ids.uuid()), now);
            Contact { email: email.clone(), phone, ..contact }
        })
    }

    /// One contact an address: the external id decides, then the e-mail address, then the phone
    /// number, unless that belongs to somebody with another e-mail address.
    fn resolve(
        &self,
        email: &Option<String>,
        phone: &Option<String>,
        external_id: &Option<String>,
        now: Millis,
        ids: &mut Ids,
    ) -> Contact {
        let by = |test: &dyn Fn(&Contact) -> bool| self.contacts.iter().find(|c| test(c)).cloned();
        let is = |given: &Option<String>, own: &Option<String>| given.is_some() && given == own;
        let has_email = |c: &Contact| is(email, &c.email) || c.had(|was| is(email, &was.email));
        let has_phone = |c: &Contact| is(phone, &c.phone) || c.had(|was| is(phone, &was.phone));
        let has_id = |c: &Contact| {
            is(external_id, &c.external_id) || c.had(|was| is(external_id, &was.external_id))
        };
        let mut contact = by(&has_id)
            .or_else(|| by(&has_email))
            .or_else(|| by(&|c| has_phone(c) && (email.is_none() || c.email.is_none())))
            .unwrap_or_else(|| Contact::unknown(ContactId(ids.uuid()), now));
        // An address it lacked and nobody else has is its own from now on.
        if contact.email.is_none() && by(&has_email).is_none() {
            contact.email.clone_from(email);
        }
        if contact.phone.is_none() && by(&has_phone).is_none() {
            contact.phone.clone_from(phone);
        }
        if contact.external_id.is_none() && by(&has_id).is_none() {
            contact.external_id.clone_from(external_id);
        }
        contact
    }

    /// A number that is somebody else's stays theirs, and one that a contact was merged for stays
    /// where it is: it is kept with the submission's event and does not move.
    fn without_taken_phone(&self, contact: &Contact, happenings: Vec<Input>) -> Vec<Input> {
        let others = || self.contacts.iter().filter(|other| other.id != contact.id);
        let is_taken = |given: &Option<String>| {
            let mut all = others().chain([contact]);
            given.is_some()
                && (others().any(|other| other.phone == *given)
                    || all.any(|one| one.had(|was| was.phone == *given)))
        };
        let adjust = |mut happening| {
            match &mut happening {
                Input::Submitted(submitted) if is_taken(&submitted.phone) => {
                    let phone = submitted.phone.take().unwrap_or_default();
                    submitted.attributes.insert("phone_given".into(), phone.into());
                }
                Input::Confirmed { details: Some(claims), .. }
                    if is_taken(&claimed_phone(claims)) =>
                {
                    claims.remove(claim::PHONE);
                }
                _ => {}
            }
            happening
        };
        happenings.into_iter().map(adjust).collect()
    }
}

/// The number among claims.
fn claimed_phone(claims: &Claims) -> Option<String> {
    claims.get(claim::PHONE)?.as_str().map(str::to_owned)
}

/// The ids and the addresses that cases name.
fn named(cases: &[Command]) -> (Vec<&ContactId>, Addresses) {
    let (mut ids, mut addresses) = (Vec::new(), Addresses::default());
    for case in cases {
        let claimed = case.happenings.iter().filter_map(|happening| match happening {
            Input::Confirmed { details: Some(claims), .. } => claimed_phone(claims),
            _ => None,
        });
        addresses.phones.extend(claimed);
        match &case.who {
            ContactRef::Id(id) => ids.push(id),
            ContactRef::Phone(phone) => addresses.phones.push(phone.clone()),
            ContactRef::Typed { email, phone } => {
                addresses.emails.extend(email.clone());
                addresses.phones.extend(phone.clone());
            }
            ContactRef::Addresses { email, phone, external_id } => {
                addresses.emails.extend(email.clone());
                addresses.phones.extend(phone.clone());
                addresses.external_ids.extend(external_id.clone());
            }
        }
    }
    (ids, addresses)
}

/// Writes down which live versions cannot be read, so that whoever is decided on without them is
/// decided on again: one round trip of one statement for each catalog of which it is true.
async fn note_unreadable<D: Database>(
    db: &D,
    catalog: &Catalog,
    now: Millis,
) -> Result<(), DatabaseError> {
    let unreadable = catalog.to_be_noted();
    if !unreadable.is_empty() {
        db.batch(vec![outages::note(&unreadable, now)]).await?;
        catalog.set_noted();
    }
    Ok(())
}

/// Adds to the catalog every version that one of these contacts is on; whether there was one.
pub(super) async fn load_older_versions<D: Database>(
    db: &D,
    catalog: &Catalog,
    contacts: &[Contact],
    now: Millis,
) -> Result<bool, DatabaseError> {
    let active = contacts.iter().flat_map(|c| &c.enrollments).filter(|e| e.is_active());
    let wanted = active.map(|e| (e.campaign.clone(), e.version));
    load_versions(db, catalog, wanted, now).await
}

/// The versions of unpublished campaigns whose goals a late event may be: it happened before, to a
/// contact that the campaign has brought.
fn credited_late(
    catalog: &Catalog,
    cases: &[Command],
    contacts: &[Contact],
) -> Vec<(CampaignId, u32)> {
    let happenings = || cases.iter().flat_map(|case| &case.happenings);
    let is_touched = |id: &CampaignId| {
        contacts.iter().flat_map(|one| &one.touches).any(|touch| touch.campaign == id.0)
    };
    let is_credited = |one: &&Unpublished| {
        happenings().filter_map(Input::at).any(|at| at <= one.since) && is_touched(&one.campaign)
    };
    let late = catalog.all_unpublished().filter(is_credited);
    late.filter_map(|one| Some((one.campaign.clone(), one.version?))).collect()
}

/// Adds versions to the catalog that are not in it; whether there were any. What cannot be read is
/// written down (one round trip of one statement more), so that somebody hears of it.
pub async fn load_versions<D: Database>(
    db: &D,
    catalog: &Catalog,
    wanted: impl Iterator<Item = (CampaignId, u32)>,
    now: Millis,
) -> Result<bool, DatabaseError> {
    let missing: BTreeSet<(CampaignId, u32)> =
        wanted.filter(|(campaign, version)| !catalog.knows(campaign, *version)).collect();
    if missing.is_empty() {
        return Ok(false);
    }
    let missing: Vec<_> = missing.into_iter().collect();
    let rows = db.batch(vec![campaigns::versions(&missing)]).await?;
    let rows = rows.first().map(Rows::all::<campaigns::VersionRow>).transpose();
    let mut unreadable = Vec::new();
    for row in rows.map_err(DatabaseError::Fault)?.unwrap_or_default() {
        let stored = row.edition().map(Rc::new);
        unreadable.extend(stored.as_ref().err().cloned());
        catalog.add_older(stored);
    }
    if !unreadable.is_empty() {
        db.batch(vec![outages::note(&unreadable, now)]).await?;
    }
    Ok(true)
}
