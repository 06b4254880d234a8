//! A group of rows: the records that they find are read at once, and what they do is decided and
//! written by one commit.

use super::file::ReadRow;
use super::{Importer, Plan};
use crate::domain::base::language::Language;
use crate::domain::base::primitives::{Actor, Ids, RecordId};
use crate::domain::engine::change::Change;
use crate::domain::engine::{Decision, Input, RecordInput};
use crate::domain::field::{FieldReason, IndexKey};
use crate::domain::import::reading::{RowProblem, RowReader, RowValues};
use crate::domain::import::row::{ADDRESSES, ImportedRow};
use crate::domain::import::settings::{OnMatch, OnNew, Rules};
use crate::domain::kind::Kind;
use crate::domain::record::Record;
use crate::domain::record::edit::{Edit, EditConflict, TagEdit};
use crate::domain::record::event::names;
use crate::flows::commit::{Command, CommitError, RecordRef, commit_by_address, rehearse};
use crate::flows::ports::{Database, DatabaseError, all};
use crate::flows::tasks::{Work, deliveries};
use crate::store::contacts::Addresses;
use crate::store::erasures::{self, ErasedRow};
use crate::store::imports::{self, FoundRow, ImportRow, KnownRow, Lookup, NumberRow};
use crate::store::kinds::{self, Claim, HolderRow};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// How often a row is planned again whose record others have changed meanwhile.
const ROUNDS_MAX: usize = 3;

/// What became of a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    Made,
    Changed,
    Unchanged,
    Skipped,
    Refused(Vec<RowProblem>),
    /// The row names a person who was erased: its cells are not kept.
    Erased(RowProblem),
}

/// A row whose cells were read.
struct Candidate {
    number: u64,
    values: RowValues,
}

/// What a row is about to do.
struct Planned {
    number: u64,
    id: RecordId,
    row: ImportedRow,
    who: RecordRef,
}

/// What is known of a record that a row found, or that an earlier row makes.
#[derive(Clone, Default)]
struct Kept {
    attributes: BTreeMap<String, Value>,
    addresses: BTreeMap<&'static str, String>,
    /// Addresses of contacts that were merged into it.
    former: BTreeSet<String>,
}

/// What the database says about the rows of a group, and what earlier rows add to it.
#[derive(Default)]
struct Facts {
    /// Records by a unique value: the field and what the index has.
    holders: BTreeMap<(String, String), RecordId>,
    records: BTreeMap<RecordId, Kept>,
    /// Ids that lead to no record of the kind, and why.
    barred: BTreeMap<RecordId, &'static str>,
    /// The events of rows that were done before, by their keys.
    known: BTreeMap<String, String>,
    erased: BTreeSet<String>,
    numbers: BTreeSet<i64>,
}

/// Decides on groups of rows.
pub(super) struct Group<'a, D> {
    pub importer: &'a Importer<'a, D>,
    pub import: &'a ImportRow,
    pub plan: &'a Plan,
    pub kind: &'a Kind,
    /// Whether nothing is written.
    pub is_check: bool,
}

impl<D: Database> Group<'_, D> {
    /// Does a group of rows. Returns what became of each, by its number, and the work that follows.
    pub async fn run(
        &self,
        rows: &[ReadRow],
        ids: &mut Ids,
    ) -> Result<(BTreeMap<u64, Outcome>, Vec<Work>), CommitError> {
        let mut outcomes = BTreeMap::new();
        let mut waiting = Vec::new();
        let settings = &self.import.settings;
        let region = settings.region.as_deref();
        let reader = RowReader { kind: self.kind, region, now: self.importer.now };
        for row in rows {
            let read = match &row.problem {
                Some(problem) => Err(vec![problem.clone()]),
                None => reader.read(&row.values(self.plan)),
            };
            match read {
                Ok(values) => waiting.push(Candidate { number: row.number, values }),
                Err(problems) => _ = outcomes.insert(row.number, Outcome::Refused(problems)),
            }
        }
        let mut work = Vec::new();
        for _ in 0..ROUNDS_MAX {
            if waiting.is_empty() {
                break;
            }
            let (unclear, more) = self.round(&mut outcomes, &waiting, ids).await?;
            work.extend(more);
            waiting.retain(|one| unclear.contains(&one.number));
        }
        Ok((outcomes, work))
    }

    /// Plans and decides on rows. Returns those that are to be planned again.
    async fn round(
        &self,
        outcomes: &mut BTreeMap<u64, Outcome>,
        waiting: &[Candidate],
        ids: &mut Ids,
    ) -> Result<(BTreeSet<u64>, Vec<Work>), CommitError> {
        let mut facts = self.facts(waiting).await?;
        let mut planned = Vec::new();
        for one in waiting {
            match self.plan(one, &mut facts, ids) {
                Ok(plan) => planned.push(plan),
                Err(outcome) => _ = outcomes.insert(one.number, outcome),
            }
        }
        let command = |one: &Planned| Command {
            who: one.who.clone(),
            inputs: vec![Input::Record(RecordInput::Imported(Box::new(one.row.clone())))],
        };
        let commands: Vec<Command> = planned.iter().map(command).collect();
        if commands.is_empty() {
            return Ok(<_>::default());
        }
        let Importer { db, catalog, keys, now, .. } = *self.importer;
        let decisions = match self.is_check {
            true => rehearse(db, catalog, Some(keys), commands, now, ids).await?,
            false => commit_by_address(db, catalog, Some(keys), commands, now, ids).await?,
        };
        let work = if self.is_check { Vec::new() } else { deliveries(&decisions) };
        let unclear = sort(&planned, &decisions, outcomes);
        Ok((unclear, work))
    }

    /// Reads what the rows depend on, in one round trip.
    async fn facts(&self, waiting: &[Candidate]) -> Result<Facts, DatabaseError> {
        let Importer { db, keys, .. } = *self.importer;
        let mut lookup = Lookup::default();
        let mut claims = Vec::new();
        let mut wanted_numbers = Vec::new();
        for Candidate { values, .. } in waiting {
            lookup.ids.extend(values.id.clone());
            for (name, address) in &values.addresses {
                let list = match *name {
                    "email" => &mut lookup.emails,
                    "phone" => &mut lookup.phones,
                    _ => &mut lookup.external_ids,
                };
                list.push(address.clone());
            }
            for (field, key) in &values.unique {
                let claim = Claim::new(&self.kind.id, field, key);
                lookup.unique.push((field.clone(), claim.value.clone()));
                claims.push(claim);
            }
            let number = values.number(self.kind, None, &mut BTreeMap::new());
            wanted_numbers.extend(number.ok().flatten());
        }
        let row_keys: Vec<String> = waiting.iter().map(|one| self.key(one.number)).collect();
        let addresses = Addresses {
            emails: lookup.emails.clone(),
            phones: lookup.phones.clone(),
            external_ids: lookup.external_ids.clone(),
        };
        let hashes = addresses.hashes(keys);
        let listed: Vec<_> = hashes.keys().map(|(kind, hash)| (*kind, hash.clone())).collect();
        let statements = vec![
            imports::found(&self.kind.id, &lookup),
            imports::known(&row_keys),
            kinds::holders(&claims),
            erasures::known(&listed),
            imports::numbers(&self.kind.id, &wanted_numbers),
        ];
        let rows = db.batch(statements).await?;
        let mut facts = Facts::default();
        for row in all::<FoundRow>(rows.first())? {
            facts.add(&self.kind.id, row);
        }
        let known = all::<KnownRow>(rows.get(1))?.into_iter();
        facts.known = known.map(|row| (row.key, row.name)).collect();
        for holder in all::<HolderRow>(rows.get(2))? {
            if let Some(value) = index_text(&holder.value) {
                facts.holders.insert((holder.field, value), holder.record_id);
            }
        }
        let erased: BTreeSet<String> =
            all::<ErasedRow>(rows.get(3))?.into_iter().map(|row| row.hash).collect();
        let gone = hashes.into_iter().filter(|((_, hash), _)| erased.contains(hash));
        facts.erased = gone.map(|(_, address)| address).collect();
        let numbers = all::<NumberRow>(rows.get(4))?.into_iter();
        facts.numbers = numbers.map(|row| row.number).collect();
        Ok(facts)
    }

    fn key(&self, row: u64) -> String {
        ImportedRow::key(&self.import.id, row)
    }

    /// Decides which record a row is about, and what it says about it.
    fn plan(&self, one: &Candidate, facts: &mut Facts, ids: &mut Ids) -> Result<Planned, Outcome> {
        let Candidate { number, values } = one;
        if let Some(name) = facts.known.get(&self.key(*number)) {
            let is_made = name == names::RECORD_CREATED;
            return Err(if is_made { Outcome::Made } else { Outcome::Changed });
        }
        if let Some((name, _)) =
            values.addresses.iter().find(|(_, one)| facts.erased.contains(*one))
        {
            let reason = "it is the address of a person whose data was erased, and stays out";
            return Err(Outcome::Erased(RowProblem::new(name, reason)));
        }
        let settings = &self.import.settings;
        let id = self.find(values, facts)?;
        let is_left_out = match &id {
            Some(_) => settings.on_match == OnMatch::Skip,
            None => settings.on_new == OnNew::Skip,
        };
        if is_left_out {
            return Err(Outcome::Skipped);
        }
        let id = id.or_else(|| values.id.clone()).unwrap_or_else(|| RecordId(ids.uuid()));
        let known = facts.records.get(&id).cloned();
        if known.is_none() && self.kind.id.is_contact() && values.addresses.is_empty() {
            let reason = "a new contact needs an e-mail address, a phone number or an external id";
            return Err(refused("", reason));
        }
        let kept = known.as_ref().map(|known| &known.attributes);
        let mut fields = values.edit(self.kind, kept).map_err(Outcome::Refused)?;
        let new_number = values.number(self.kind, kept, &mut fields);
        let new_number = new_number.map_err(|problem| Outcome::Refused(vec![problem]))?;
        if let Some(number) = new_number.filter(|number| !facts.numbers.insert(*number)) {
            let text = format!("another record has the number {}", number % 1_000_000_000);
            return Err(refused("", text));
        }
        for (name, address) in &values.addresses {
            let Some(known) = &known else { break };
            match known.addresses.get(name) {
                _ if known.former.contains(address) => _ = fields.remove(*name),
                Some(own) if own != address && settings.on_match == OnMatch::OnlyEmpty => {
                    fields.remove(*name);
                }
                Some(own) if own != address => return Err(refused(name, HAS_ANOTHER)),
                _ => {}
            }
        }
        let by = Actor(format!("import:{}", self.import.id));
        let tags = TagEdit { add: values.tags.clone(), remove: Vec::new() };
        let row = ImportedRow {
            edit: Edit { by, key: Some(self.key(*number)), fields, tags },
            score: values.score,
            created_at: values.created_at,
            number: new_number,
            consents: values.consents.clone(),
            on_match: settings.on_match,
            on_new: settings.on_new,
            rests: settings.rules == Rules::Rest,
            taken: Vec::new(),
            at: self.import.created_at,
        };
        facts.note(&id, values, &row);
        let who = self.who(&id, values);
        Ok(Planned { number: *number, id, row, who })
    }

    fn who(&self, id: &RecordId, values: &RowValues) -> RecordRef {
        if !self.kind.id.is_contact() {
            return RecordRef::Plain { id: id.clone(), kind: self.kind.id.clone() };
        }
        let address = |name: &str| values.addresses.get(name).cloned();
        RecordRef::Imported {
            id: id.clone(),
            email: address("email"),
            phone: address("phone"),
            external_id: address("external_id"),
        }
    }

    /// Finds the record of a row by the fields that were chosen for it. The other unique values of
    /// the row must not be another record's.
    fn find(&self, values: &RowValues, facts: &Facts) -> Result<Option<RecordId>, Outcome> {
        let mut found: BTreeMap<RecordId, Vec<String>> = BTreeMap::new();
        let mut others: Vec<(String, RecordId)> = Vec::new();
        let by_id = values.id.iter().map(|id| ("id".to_owned(), Some(id.clone())));
        let by_id: Vec<_> = by_id.collect();
        if let Some(reason) = values.id.as_ref().and_then(|id| facts.barred.get(id)) {
            return Err(refused("id", *reason));
        }
        let addresses = values.addresses.iter();
        let addresses = addresses.map(|(name, address)| ((*name).to_owned(), address.clone()));
        let unique = values.unique.iter().map(|(field, key)| (field.clone(), key_text(key)));
        let held = addresses.chain(unique).map(|(field, value)| {
            let holder = facts.holders.get(&(field.clone(), value)).cloned();
            (field, holder)
        });
        for (field, id) in by_id.into_iter().chain(held.collect::<Vec<_>>()) {
            let Some(id) = id else { continue };
            if field == "id" && !facts.records.contains_key(&id) {
                continue;
            }
            match self.plan.r#match.contains(&field) {
                true => found.entry(id).or_default().push(field),
                false => others.push((field, id)),
            }
        }
        if found.len() > 1 {
            let mut fields: Vec<String> = found.into_values().flatten().collect();
            fields.sort_unstable();
            let reason = format!("it matches different records by {}", fields.join(", "));
            return Err(refused("", reason));
        }
        let id = found.into_keys().next();
        let taken = others.into_iter().find(|(_, other)| id.as_ref() != Some(other));
        if let Some((field, _)) = taken {
            return Err(refused(&field, FieldReason::Taken.message(Language::English)));
        }
        Ok(id)
    }
}

impl Facts {
    fn add(&mut self, kind: &crate::domain::base::primitives::KindId, row: FoundRow) {
        let all_ids = || row.aliases.iter().map(|alias| &alias.id).chain([&row.id]);
        if row.kind != *kind {
            let reason = "a record of another kind has this id";
            self.barred.extend(all_ids().map(|id| (id.clone(), reason)));
            return;
        }
        if row.is_erased == 1 {
            let reason = "the record with this id was erased, and stays out";
            self.barred.extend(all_ids().map(|id| (id.clone(), reason)));
            return;
        }
        let mut kept = Kept { attributes: row.attributes.clone(), ..Kept::default() };
        let own = ADDRESSES.into_iter().zip([&row.email, &row.phone, &row.external_id]);
        for (name, address) in own {
            if let Some(address) = address {
                kept.addresses.insert(name, address.clone());
                self.holders.insert((name.to_owned(), address.clone()), row.id.clone());
            }
        }
        for alias in &row.aliases {
            let own = ADDRESSES.into_iter().zip([&alias.email, &alias.phone, &alias.external_id]);
            for (name, address) in own.filter_map(|(name, one)| Some((name, one.as_ref()?))) {
                kept.former.insert(address.clone());
                self.holders.insert((name.to_owned(), address.clone()), row.id.clone());
            }
        }
        self.records.extend(all_ids().map(|id| (id.clone(), kept.clone())));
    }

    /// Notes a record as a row will leave it, for the rows after it.
    fn note(&mut self, id: &RecordId, values: &RowValues, row: &ImportedRow) {
        let kept = self.records.entry(id.clone()).or_default();
        for (name, edit) in &row.edit.fields {
            kept.attributes.insert(name.clone(), edit.new.clone());
        }
        for (name, address) in &values.addresses {
            kept.addresses.entry(name).or_insert_with(|| address.clone());
            self.holders.insert(((*name).to_owned(), address.clone()), id.clone());
        }
        for (field, key) in &values.unique {
            self.holders.insert((field.clone(), key_text(key)), id.clone());
        }
    }
}

/// Sorts rows by what the decisions say about them. Returns those that are to be planned again, of
/// which the outcome so far is that they are refused.
fn sort(
    planned: &[Planned],
    decisions: &[Decision],
    outcomes: &mut BTreeMap<u64, Outcome>,
) -> BTreeSet<u64> {
    let events = decisions.iter().flat_map(|decision| &decision.changes);
    let keyed = events.filter_map(|change| match change {
        Change::Event { event, key: Some(key), .. } => Some((key.as_str(), event.name.as_str())),
        _ => None,
    });
    let keyed: BTreeMap<&str, &str> = keyed.collect();
    let mut unclear = BTreeSet::new();
    for one in planned {
        let key = one.row.edit.key.as_deref().unwrap_or_default();
        let decision = decisions.iter().find(|decision| decision.subject.is_known_as(&one.id));
        let outcome = match (keyed.get(key), decision) {
            (Some(&names::RECORD_CREATED), _) => Outcome::Made,
            (Some(_), _) => Outcome::Changed,
            (None, Some(decision)) => match conflict(one, decision) {
                None => Outcome::Unchanged,
                Some(problem) => {
                    unclear.insert(one.number);
                    Outcome::Refused(vec![problem])
                }
            },
            (None, None) => {
                unclear.insert(one.number);
                let reason = "others changed the record at the same time; import the row again";
                refused("", reason)
            }
        };
        outcomes.insert(one.number, outcome);
    }
    unclear
}

/// Returns why a row is not applied, if it is not.
fn conflict(one: &Planned, decision: &Decision) -> Option<RowProblem> {
    let record: &Record = &decision.subject;
    if record.erased_at.is_some() {
        return Some(RowProblem::new("", "the record was erased, and stays out"));
    }
    let is_own = |field: &String, new: &Value| {
        one.row.edit.fields.get(field).is_some_and(|edit| edit.new == *new)
    };
    decision.conflicts.iter().find_map(|conflict| match conflict {
        EditConflict::Taken { field, new } if is_own(field, new) => {
            Some(RowProblem::new(field, FieldReason::Taken.message(Language::English)))
        }
        EditConflict::Changed { field, new, .. } if is_own(field, new) => {
            Some(RowProblem::new(field, HAS_ANOTHER))
        }
        EditConflict::Circle { field, new, .. } if is_own(field, new) => {
            Some(RowProblem::new(field, "the record would be above itself"))
        }
        _ => None,
    })
}

const HAS_ANOTHER: &str = "the contact has another one, which an import does not replace";

fn refused(field: &str, reason: impl Into<String>) -> Outcome {
    Outcome::Refused(vec![RowProblem::new(field, reason)])
}

fn key_text(key: &IndexKey) -> String {
    match key {
        IndexKey::Number(number) => number.to_string(),
        IndexKey::Text(text) => text.clone(),
    }
}

/// Returns what `key_text` gives for a value of the index.
fn index_text(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(number.as_f64()?.to_string()),
        value => value.as_str().map(str::to_owned),
    }
}
