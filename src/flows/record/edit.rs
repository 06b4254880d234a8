//! Making and editing records, as a member, a program or an import asks.

use crate::domain::access::rights::{Access, Scope};
use crate::domain::access::role::Action;
use crate::domain::access::shown::TAGS;
use crate::domain::base::diagnostic::{Problem, brief};
use crate::domain::base::language::Language;
use crate::domain::base::primitives::{Ids, KindId, Millis, RecordId};
use crate::domain::contact::Contact;
use crate::domain::engine::{Input, RecordInput};
use crate::domain::field::sealed::{self, SealKey};
use crate::domain::field::{FieldProblem, FieldReason};
use crate::domain::kind::{FieldValues, Kind, Sealer};
use crate::domain::publication::catalog::Catalog;
use crate::domain::record::PlainRecord;
use crate::domain::record::edit::{Edit, EditConflict, FieldEdit, TagEdit};
use crate::domain::segment::{AnyRecord, Subject};
use crate::flows::commit::{Command, RecordRef, commit};
use crate::flows::error::{FlowError, Refusal};
use crate::flows::ports::{Database, DatabaseError, all};
use crate::flows::tasks::{Work, deliveries};
use crate::store::contacts::{self, Addresses, ContactRow};
use crate::store::records::{self, ByKeyRow};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The most tags that an edit may add or remove, and the longest tag, in characters.
const TAGS_MAX: usize = 50;
const TAG_CHARS_MAX: usize = 100;

/// The longest idempotency key of a client, in bytes.
const KEY_BYTES_MAX: usize = 200;

/// What a client asks to set.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The values by field: the new value, or `{ "was": …, "new": … }`.
    #[serde(default)]
    pub fields: FieldValues,
    #[serde(default)]
    pub tags: TagEdit,
    /// The idempotency key: the same key a second time changes nothing.
    #[serde(default)]
    pub key: Option<String>,
}

/// Why nothing was written.
#[derive(Clone, Debug, PartialEq)]
pub enum EditError {
    /// Some values cannot be read.
    Fields(Vec<FieldProblem>),
    /// The author may not change some fields.
    NotAllowed(Vec<FieldProblem>),
    /// Others have changed the same fields meanwhile, or have the same unique values.
    Conflicts(Vec<EditConflict>),
    Flow(FlowError),
}

impl From<FlowError> for EditError {
    fn from(error: FlowError) -> Self {
        Self::Flow(error)
    }
}

impl From<DatabaseError> for EditError {
    fn from(error: DatabaseError) -> Self {
        Self::Flow(error.into())
    }
}

/// A record after an edit.
pub struct Edited {
    pub record: AnyRecord,
    /// Whether this edit made it.
    pub is_new: bool,
    /// What follows.
    pub work: Vec<Work>,
}

/// Somebody who edits records, within what they may do. The owner of a record may change between
/// the look at it and the edit; then what was allowed a moment ago is done.
pub struct Editor<'a, D> {
    pub db: &'a D,
    pub catalog: &'a Catalog,
    pub access: &'a Access,
    /// Encrypts the values of sealed fields; `None` if no key is configured.
    pub seal_key: Option<&'a SealKey>,
    pub now: Millis,
}

impl<D: Database> Editor<'_, D> {
    /// Makes a record. The same key a second time returns the record that the first made. A contact
    /// needs an address that no other contact has.
    pub async fn create(
        &self,
        kind: &KindId,
        asked: Asked,
        ids: &mut Ids,
    ) -> Result<Edited, EditError> {
        let kind = kind_of(self.catalog, kind)?;
        check(&asked)?;
        let may_set = |name: &str| self.access.may_set(kind, name);
        refuse_fields(&asked, may_set)?;
        let key = asked.key.as_deref().map(|key| self.key(key));
        if let Some(key) = &key
            && let Some(id) = self.made_with(key).await?
        {
            let record = self.one(&kind.id, &id).await?;
            return Ok(Edited { record, is_new: false, work: Vec::new() });
        }
        let fields = self.read(kind, &asked, None, ids)?;
        let mut edit = Edit { by: self.access.actor().clone(), key, fields, tags: asked.tags };
        self.own(kind, &mut edit)?;
        let who = match kind.id.is_contact() {
            true => self.free_addresses(&edit).await?,
            false => RecordRef::Plain { id: RecordId(ids.uuid()), kind: kind.id.clone() },
        };
        self.write(kind, who, edit, ids).await
    }

    /// Edits a record of any kind. Either the whole edit is made, or nothing of it.
    pub async fn edit(
        &self,
        kind: &KindId,
        id: &RecordId,
        asked: Asked,
        ids: &mut Ids,
    ) -> Result<Edited, EditError> {
        let kind = kind_of(self.catalog, kind)?;
        check(&asked)?;
        let record = self.within(Action::Edit, &kind.id, id).await?;
        refuse_fields(&asked, |name| self.access.may_edit(kind, &record, name, self.now))?;
        let key = asked.key.as_deref().map(|key| self.key(key));
        let fields = self.read(kind, &asked, Some(&record), ids)?;
        refuse_new_address(&record, &fields)?;
        let edit = Edit { by: self.access.actor().clone(), key, fields, tags: asked.tags };
        let (id, kind_id) = (record.id.clone(), kind.id.clone());
        let who = match kind.id.is_contact() {
            true => RecordRef::Id(id),
            false => RecordRef::Plain { id, kind: kind_id },
        };
        self.write(kind, who, edit, ids).await
    }

    /// Returns the addresses of a new contact. If a contact has one of them already, there is a
    /// conflict.
    async fn free_addresses(&self, edit: &Edit) -> Result<RecordRef, EditError> {
        let new = |field: &str| edit.fields.get(field)?.new.as_str().map(str::to_owned);
        let [email, phone, external_id] = ["email", "phone", "external_id"].map(new);
        if email.is_none() && phone.is_none() && external_id.is_none() {
            let reason = FieldReason::NoAddress;
            return Err(EditError::Fields(vec![FieldProblem {
                field: "email".to_owned(),
                reason,
            }]));
        }
        let addresses = Addresses {
            emails: email.iter().cloned().collect(),
            phones: phone.iter().cloned().collect(),
            external_ids: external_id.iter().cloned().collect(),
        };
        let rows = self.db.batch(vec![contacts::by_addresses(&addresses, &[], &[], self.now)]);
        let known = all::<ContactRow>(rows.await?.first())?;
        if known.is_empty() {
            return Ok(RecordRef::Addresses { email, phone, external_id });
        }
        let known: Vec<Contact> = known.into_iter().map(Contact::from).collect();
        let taken = |(field, new): (&str, Option<String>)| {
            let new = new.filter(|new| known.iter().any(|one| one.is_at(new)))?;
            Some(EditConflict::Taken { field: field.to_owned(), new: new.into() })
        };
        let fields = [("email", email), ("phone", phone), ("external_id", external_id)];
        Err(EditError::Conflicts(fields.into_iter().filter_map(taken).collect()))
    }

    /// Reads the values that are asked for. `record` is `None` for a new one.
    fn read(
        &self,
        kind: &Kind,
        asked: &Asked,
        record: Option<&AnyRecord>,
        ids: &mut Ids,
    ) -> Result<BTreeMap<String, FieldEdit>, EditError> {
        let unique = ids.uuid();
        let sealer = self.seal_key.map(|key| Sealer { key, unique: &unique });
        let kept = record.map(|record| &record.attributes);
        kind.read(&asked.fields, kept, "UTC", sealer).map_err(EditError::Fields)
    }

    /// Gives a new record to the member who makes it, unless they may make records for nobody. One
    /// that is outside of their reach is refused.
    fn own(&self, kind: &Kind, edit: &mut Edit) -> Result<(), EditError> {
        let scope = self.access.scope(Action::Create, &kind.id);
        let given = edit.fields.get("owner").filter(|owner| !owner.new.is_null());
        if scope != Scope::All && given.is_none() {
            let owner = self.access.member().map(|member| FieldEdit::to(member.as_str().into()));
            edit.fields.extend(owner.map(|owner| ("owner".to_owned(), owner)));
        }
        let mut made = PlainRecord::unknown(RecordId::from("new"), kind.id.clone(), self.now);
        for (name, field) in &edit.fields {
            made.set_attribute(name, field.new.clone());
        }
        made.tags.extend(edit.tags.add.iter().cloned());
        match scope.includes(&made, self.now) {
            true => Ok(()),
            false => Err(EditError::NotAllowed(vec![not_allowed("owner")])),
        }
    }

    /// Returns a record to which the author may do this. One that they may not even see is answered
    /// like one that does not exist.
    pub(super) async fn within(
        &self,
        action: Action,
        kind: &KindId,
        id: &RecordId,
    ) -> Result<AnyRecord, FlowError> {
        let record = one(self.db, self.catalog, kind, id, self.now).await?;
        let may = |action| self.access.scope(action, kind).includes(record.subject(), self.now);
        if may(action) {
            return Ok(record);
        }
        if !may(Action::See) {
            return Err(missing());
        }
        let problem = Problem::new("id", "your roles do not allow this for this record");
        let detail = "Nothing has changed. Ask its owner, or somebody who manages members.";
        Err(FlowError::Forbidden(Refusal::new("Not allowed", detail, problem)))
    }

    async fn write(
        &self,
        kind: &Kind,
        who: RecordRef,
        edit: Edit,
        ids: &mut Ids,
    ) -> Result<Edited, EditError> {
        let (known, key) = (who.id().cloned(), edit.key.clone());
        let inputs = vec![Input::Record(RecordInput::Edited(Box::new(edit)))];
        let commands = vec![Command { who, inputs }];
        let Self { db, catalog, now, .. } = *self;
        let decisions = commit(db, catalog, commands, now, ids).await.map_err(FlowError::from)?;
        let work = deliveries(&decisions);
        match decisions.into_iter().next() {
            Some(done) if !done.conflicts.is_empty() => {
                let conflicts = done.conflicts.into_iter().map(masked);
                Err(EditError::Conflicts(conflicts.collect()))
            }
            Some(done) => Ok(Edited { is_new: done.read_seq == 0, record: done.subject, work }),
            // The key is known: the edit was made before.
            None => {
                let made = match (known, key) {
                    (Some(id), _) => Some(id),
                    (None, Some(key)) => self.made_with(&key).await?,
                    (None, None) => None,
                };
                let record = self.one(&kind.id, &made.ok_or_else(missing)?).await?;
                Ok(Edited { record, is_new: false, work })
            }
        }
    }

    /// Returns the key under which an edit of this author is recorded.
    fn key(&self, key: &str) -> String {
        format!("edit:{}:{key}", self.access.actor())
    }

    async fn made_with(&self, key: &str) -> Result<Option<RecordId>, DatabaseError> {
        let rows = self.db.batch(vec![records::by_key(key)]).await?;
        Ok(all::<ByKeyRow>(rows.first())?.into_iter().next().map(|row| row.id))
    }

    async fn one(&self, kind: &KindId, id: &RecordId) -> Result<AnyRecord, FlowError> {
        one(self.db, self.catalog, kind, id, self.now).await
    }
}

/// Returns a record of a kind. The id of one that was merged leads to the other.
pub async fn one<D: Database>(
    db: &D,
    catalog: &Catalog,
    kind: &KindId,
    id: &RecordId,
    now: Millis,
) -> Result<AnyRecord, FlowError> {
    let watched: Vec<String> = catalog.watched_events().into_iter().collect();
    let rows = db.batch(vec![contacts::records_by_ids([id], &watched, &[], now)]).await?;
    let found = all::<ContactRow>(rows.first())?.into_iter().map(AnyRecord::from).next();
    let found = found.filter(|record| record.kind == *kind && record.erased_at.is_none());
    found.ok_or_else(missing)
}

/// Returns that there is no such record. One outside of the scope is answered alike.
pub fn missing() -> FlowError {
    let problem = Problem::new("id", "there is no such record of this kind");
    let detail = "It does not exist, or it was erased.";
    FlowError::NotFound(Refusal::new("Record not found", detail, problem))
}

/// Refuses an edit of fields and tags that the author may not set.
fn refuse_fields(asked: &Asked, may: impl Fn(&str) -> bool) -> Result<(), EditError> {
    let has_tags = !asked.tags.add.is_empty() || !asked.tags.remove.is_empty();
    let tags = has_tags.then_some(TAGS);
    let names = asked.fields.keys().map(String::as_str).chain(tags);
    let refused: Vec<_> = names.filter(|name| !may(name)).map(not_allowed).collect();
    if refused.is_empty() { Ok(()) } else { Err(EditError::NotAllowed(refused)) }
}

/// Refuses another address for a contact that has one: what it consented to was about that one.
fn refuse_new_address(
    record: &AnyRecord,
    fields: &BTreeMap<String, FieldEdit>,
) -> Result<(), EditError> {
    let Some(contact) = record.contact() else { return Ok(()) };
    let kept = fields.iter().filter(|(name, field)| contact.keeps(name, &field.new));
    let problem = |(name, _): (&String, &FieldEdit)| FieldProblem {
        field: name.clone(),
        reason: FieldReason::AddressKept,
    };
    let problems: Vec<_> = kept.map(problem).collect();
    if problems.is_empty() { Ok(()) } else { Err(EditError::Fields(problems)) }
}

fn not_allowed(field: &str) -> FieldProblem {
    FieldProblem { field: field.to_owned(), reason: FieldReason::NotAllowed }
}

/// Returns the definition of a kind.
pub fn kind_of<'c>(catalog: &'c Catalog, id: &KindId) -> Result<&'c Kind, FlowError> {
    catalog.kind(id).map(|kind| &**kind).ok_or_else(|| {
        let problem = Problem::new("kind", format!("there is no kind `{id}`"));
        let known = catalog.kinds().all().map(|kind| kind.id.as_str());
        let detail = "Publish a kind before its records.";
        let problem = problem.suggest(id.as_str(), known);
        FlowError::NotFound(Refusal::new("There is no such kind", detail, problem))
    })
}

/// Checks what no field checks: tags and the key.
fn check(asked: &Asked) -> Result<(), FlowError> {
    let tags = || asked.tags.add.iter().chain(&asked.tags.remove);
    let is_tag = |tag: &String| {
        let chars = tag.chars().count();
        (1..=TAG_CHARS_MAX).contains(&chars) && !tag.chars().any(char::is_control)
    };
    if tags().count() > TAGS_MAX || !tags().all(is_tag) {
        let message = format!("at most {TAGS_MAX} tags of 1 to {TAG_CHARS_MAX} characters");
        return Err(rejected(Problem::new("tags", message)));
    }
    let is_key = |key: &String| {
        (1..=KEY_BYTES_MAX).contains(&key.len()) && !key.chars().any(char::is_control)
    };
    if !asked.key.iter().all(is_key) {
        let message = format!("a key has 1 to {KEY_BYTES_MAX} bytes, and no control characters");
        return Err(rejected(Problem::new("key", message)));
    }
    Ok(())
}

fn rejected(problem: Problem) -> FlowError {
    FlowError::Rejected(Refusal::new("Not possible", "Nothing has changed.", problem))
}

/// Returns the problems of fields in the form in which the API answers.
pub fn problems(problems: &[FieldProblem]) -> Vec<Problem> {
    let problem = |one: &FieldProblem| {
        Problem::new(format!("fields.{}", one.field), one.reason.message(Language::English))
    };
    problems.iter().map(problem).collect()
}

/// Returns a conflict with masks in the place of sealed values.
fn masked(conflict: EditConflict) -> EditConflict {
    let mask = |value: Value| match sealed::is_sealed(&value) {
        true => sealed::masked(&value).into(),
        false => value,
    };
    match conflict {
        EditConflict::Changed { field, was, now, new } => {
            EditConflict::Changed { field, was: mask(was), now: mask(now), new: mask(new) }
        }
        EditConflict::Taken { field, new } => EditConflict::Taken { field, new: mask(new) },
        circle => circle,
    }
}

/// Returns a conflict in the form of a problem, for clients that know only those.
pub fn conflict_problem(conflict: &EditConflict) -> Problem {
    match conflict {
        EditConflict::Changed { field, now, .. } => {
            let message = format!("somebody else has set it meanwhile, to {}", brief(now));
            let help = "send that value as `was` to set yours all the same";
            Problem::new(format!("fields.{field}"), message).help(help)
        }
        EditConflict::Circle { field, path, .. } => {
            let message = format!("it would be above itself: {}", path.join(" → "));
            let help = "choose a record that is not below this one";
            Problem::new(format!("fields.{field}"), message).help(help)
        }
        EditConflict::Taken { field, .. } => {
            let message = FieldReason::Taken.message(Language::English);
            Problem::new(format!("fields.{field}"), message)
        }
    }
}
