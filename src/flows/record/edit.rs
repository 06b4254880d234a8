//! Making and editing records, as a member, a program or an import asks.

use crate::domain::base::diagnostic::{Problem, brief};
use crate::domain::base::language::Language;
use crate::domain::base::primitives::{Actor, Ids, KindId, Millis, RecordId};
use crate::domain::engine::{Input, RecordInput};
use crate::domain::field::{FieldProblem, FieldReason};
use crate::domain::kind::{FieldValues, Kind};
use crate::domain::publication::catalog::Catalog;
use crate::domain::record::edit::{Edit, EditConflict, TagEdit};
use crate::domain::segment::AnyRecord;
use crate::flows::commit::{Command, RecordRef, commit};
use crate::flows::error::{FlowError, Refusal};
use crate::flows::ports::{Database, DatabaseError, all};
use crate::flows::tasks::{Work, deliveries};
use crate::store::contacts::{self, ContactRow};
use crate::store::records::{self, ByKeyRow};
use serde::Deserialize;

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

/// Somebody who edits records.
pub struct Editor<'a, D> {
    pub db: &'a D,
    pub catalog: &'a Catalog,
    pub by: &'a Actor,
    pub now: Millis,
}

impl<D: Database> Editor<'_, D> {
    /// Makes a record of a kind other than contacts. The same key a second time returns the record
    /// that the first made.
    pub async fn create(
        &self,
        kind: &KindId,
        asked: Asked,
        ids: &mut Ids,
    ) -> Result<Edited, EditError> {
        let kind = kind_of(self.catalog, kind)?;
        if kind.id.is_contact() {
            let problem = Problem::new("kind", "a contact begins with an address");
            let problem = problem.help("report an event of the contact, or import it");
            return Err(rejected(problem).into());
        }
        check(&asked)?;
        let key = asked.key.as_deref().map(|key| self.key(key));
        if let Some(key) = &key
            && let Some(id) = self.made_with(key).await?
        {
            let record = self.one(&kind.id, &id).await?;
            return Ok(Edited { record, is_new: false, work: Vec::new() });
        }
        let fields = kind.read(&asked.fields, None, "UTC").map_err(EditError::Fields)?;
        let id = RecordId(ids.uuid());
        let edit = Edit { by: self.by.clone(), key, fields, tags: asked.tags };
        self.write(kind, id, edit, ids).await
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
        let record = self.one(&kind.id, id).await?;
        let key = asked.key.as_deref().map(|key| self.key(key));
        let fields = kind.read(&asked.fields, Some(&record.attributes), "UTC");
        let fields = fields.map_err(EditError::Fields)?;
        let edit = Edit { by: self.by.clone(), key, fields, tags: asked.tags };
        self.write(kind, record.id.clone(), edit, ids).await
    }

    async fn write(
        &self,
        kind: &Kind,
        id: RecordId,
        edit: Edit,
        ids: &mut Ids,
    ) -> Result<Edited, EditError> {
        let who = match kind.id.is_contact() {
            true => RecordRef::Id(id.clone()),
            false => RecordRef::Plain { id: id.clone(), kind: kind.id.clone() },
        };
        let inputs = vec![Input::Record(RecordInput::Edited(Box::new(edit)))];
        let commands = vec![Command { who, inputs }];
        let Self { db, catalog, now, .. } = *self;
        let decisions = commit(db, catalog, commands, now, ids).await.map_err(FlowError::from)?;
        let work = deliveries(&decisions);
        match decisions.into_iter().next() {
            Some(done) if !done.conflicts.is_empty() => Err(EditError::Conflicts(done.conflicts)),
            Some(done) => Ok(Edited { is_new: done.read_seq == 0, record: done.subject, work }),
            // The key is known: the edit was made before.
            None => {
                let record = self.one(&kind.id, &id).await?;
                Ok(Edited { record, is_new: false, work })
            }
        }
    }

    /// Returns the key under which an edit of this author is recorded.
    fn key(&self, key: &str) -> String {
        format!("edit:{}:{key}", self.by)
    }

    async fn made_with(&self, key: &str) -> Result<Option<RecordId>, DatabaseError> {
        let rows = self.db.batch(vec![records::by_key(key)]).await?;
        Ok(all::<ByKeyRow>(rows.first())?.into_iter().next().map(|row| row.id))
    }

    pub(super) async fn one(&self, kind: &KindId, id: &RecordId) -> Result<AnyRecord, FlowError> {
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
    found.ok_or_else(|| {
        let problem = Problem::new("id", "there is no such record of this kind");
        let detail = "It does not exist, or it was erased.";
        FlowError::NotFound(Refusal::new("Record not found", detail, problem))
    })
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
