//! Publishing kinds of records, and what a new version does to the records there are.

use crate::domain::base::diagnostic::Problem;
use crate::domain::base::language::Language;
use crate::domain::base::primitives::{KindId, Millis, QualifiedId, RecordId};
use crate::domain::base::token::sha256_hex;
use crate::domain::field::{Converted, Field, FieldReason, Reading};
use crate::domain::kind::{KIND_BYTES_MAX, Kind, Kinds, check};
use crate::flows::campaign::backfill::passes;
use crate::flows::error::{FlowError, Refusal};
use crate::flows::ports::{Database, DatabaseError, all};
use crate::flows::record::search;
use crate::store::kinds::{self, KindRow, NumberRow, ValueRow};
use crate::store::segments::{self, FillRow, StepRow};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The most kinds of a deployment.
const KINDS_MAX: usize = 50;

/// The most records whose values are looked at to say what a new version does.
pub const LOOKED_MAX: usize = 50_000;

/// The number of records that one statement reads: at most 2 MB of values.
const RECORDS_PER_READ: usize = 2_000;

/// The most examples of records for each effect.
const EXAMPLES_MAX: usize = 5;

/// The result of publishing a kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Published {
    pub kind: KindId,
    /// The version that is live now, or would be.
    pub version: u32,
    /// Whether this publish creates it; false if the content was live already.
    pub is_new: bool,
    /// What it does to the values that records have.
    pub effects: Vec<Effect>,
    /// The number of records looked at; if there are more, the effects are those on these.
    pub looked: usize,
    /// Whether there are more records than were looked at.
    pub is_partial: bool,
}

/// What a new version does to the values of one field.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Effect {
    pub field: String,
    pub change: FieldChange,
    /// The number of records that it concerns.
    pub records: usize,
    /// Some of them.
    pub examples: Vec<RecordId>,
    /// Why their values do not fit, if they do not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A change of a field with values in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldChange {
    /// The field is gone. Its values stay as attributes that no field declares.
    Removed,
    /// The values fit the new type in another form, which they get when they are next edited.
    Converts,
    /// The values do not fit the new type. They stay, and are shown as they are.
    DoesNotFit,
    /// The field is required now, and these records have no value.
    Missing,
    /// Only one record may have a value now, and several have the same.
    Duplicate,
}

/// Returns all kinds, with the built-in ones.
pub async fn all_kinds<D: Database>(db: &D) -> Result<Kinds, DatabaseError> {
    let rows = db.batch(vec![kinds::live()]).await?;
    let read = all::<KindRow>(rows.first())?.into_iter().filter_map(|row| row.read().ok());
    Ok(Kinds::new(read.map(std::rc::Rc::new)))
}

/// Checks and stores a kind, and makes it live.
pub async fn publish<D: Database>(
    db: &D,
    kind: &Kind,
    now: Millis,
) -> Result<Published, FlowError> {
    let Plan { before, published: planned } = plan(db, kind).await?;
    let text = definition(kind)?;
    let mut statements = kinds::publish(&kind.id, &sha256_hex(&text), &text, now).to_vec();
    if planned.is_new {
        let mut indexed = kept(before.as_ref(), kind, |field| field.indexed);
        indexed.extend(before.iter().flat_map(|before| kind.company_keys_kept(before)));
        let unique = kept(before.as_ref(), kind, |field| field.unique);
        statements.extend(kinds::keep_entries(&kind.id, &indexed, &unique));
        let words = search::has_other_words(before.as_ref(), kind);
        let words = words.then(|| search::fill_of(&kind.id));
        let fills: Vec<_> = [Some(fill_of(&kind.id)), words].into_iter().flatten().collect();
        statements.push(segments::begin_fills(&fills, passes(now)));
    }
    let rows = db.batch(statements).await?;
    let version = all::<NumberRow>(rows.get(2))?.into_iter().next().map(|row| row.version);
    let version = version.ok_or(DatabaseError::Fault("a published kind is not live".to_owned()))?;
    Ok(Published { version, ..planned })
}

/// Returns the fields whose entries in an index stay right: they were in it before as now, with the
/// same type.
fn kept<'k>(before: Option<&Kind>, kind: &'k Kind, is: impl Fn(&Field) -> bool) -> Vec<&'k str> {
    let is_same = |field: &&Field| {
        let old = before.and_then(|before| before.field(&field.name));
        is(field) && old.is_some_and(|old| is(old) && old.kind == field.kind)
    };
    kind.fields.iter().filter(is_same).map(|field| field.name.as_str()).collect()
}

/// Returns what `publish` would return, without writing anything.
pub async fn preview<D: Database>(db: &D, kind: &Kind) -> Result<Published, FlowError> {
    plan(db, kind).await.map(|plan| plan.published)
}

/// What publishing a kind would do.
struct Plan {
    /// The live version, or the built-in one.
    before: Option<Kind>,
    published: Published,
}

async fn plan<D: Database>(db: &D, kind: &Kind) -> Result<Plan, FlowError> {
    let mut problems = check(kind);
    let text = definition(kind)?;
    if text.len() > KIND_BYTES_MAX {
        let message = format!("it has {} bytes; the limit is {KIND_BYTES_MAX}", text.len());
        problems.push(Problem::new("kind", message).help("declare fewer fields or options"));
    }
    let rows = db.batch(vec![kinds::live()]).await?;
    let rows = all::<KindRow>(rows.first())?;
    let row = rows.iter().find(|row| row.kind == kind.id);
    if row.is_none() && rows.len() >= KINDS_MAX {
        let message = format!("there are {KINDS_MAX} kinds already");
        problems.push(Problem::new("kind.id", message).help("use one of them"));
    }
    if !problems.is_empty() {
        let (title, detail) = ("The kind is not valid", "Nothing was published.");
        return Err(FlowError::Rejected(Refusal { title, detail, problems }));
    }
    // A live version that cannot be read is replaced.
    let built_in = || Kinds::default().get(&kind.id).map(|kind| (**kind).clone());
    let before = row.map_or_else(built_in, |row| row.read().ok());
    let is_new = row.is_none_or(|row| row.definition != text);
    let (effects, looked, is_partial) = match before.as_ref().filter(|before| *before != kind) {
        Some(before) => effects(db, before, kind).await?,
        None => (Vec::new(), 0, false),
    };
    let version = row.map_or(0, |row| row.version) + u32::from(is_new);
    let kind = kind.id.clone();
    let published = Published { kind, version, is_new, effects, looked, is_partial };
    Ok(Plan { before, published })
}

fn definition(kind: &Kind) -> Result<String, DatabaseError> {
    serde_json::to_string(kind).map_err(|error| DatabaseError::Fault(error.to_string()))
}

/// Looks at the values of the records, and returns what the new version does to them.
async fn effects<D: Database>(
    db: &D,
    before: &Kind,
    after: &Kind,
) -> Result<(Vec<Effect>, usize, bool), DatabaseError> {
    let mut found = Effects::new(before, after);
    if found.is_settled() {
        return Ok((Vec::new(), 0, false));
    }
    let (mut looked, mut last) = (0, RecordId::from(""));
    while looked < LOOKED_MAX {
        let page = kinds::values(&after.id, &last, RECORDS_PER_READ);
        let rows = all::<ValueRow>(db.batch(vec![page]).await?.first())?;
        let Some(end) = rows.last() else { return Ok((found.into_list(), looked, false)) };
        last = end.id.clone();
        looked += rows.len();
        rows.iter().for_each(|row| found.add(row));
    }
    Ok((found.into_list(), looked, true))
}

/// The effects on the records looked at so far.
struct Effects<'k> {
    /// The fields that are gone.
    removed: Vec<&'k Field>,
    /// The fields whose type has changed, before and after.
    retyped: Vec<(&'k Field, &'k Field)>,
    required: Vec<&'k Field>,
    unique: Vec<&'k Field>,
    seen: BTreeSet<(String, String)>,
    found: BTreeMap<(String, FieldChange), Concerned>,
}

/// The records that one effect concerns.
#[derive(Default)]
struct Concerned {
    records: usize,
    examples: Vec<RecordId>,
    reason: Option<FieldReason>,
}

impl<'k> Effects<'k> {
    fn new(before: &'k Kind, after: &'k Kind) -> Self {
        let is_new = |field: &&Field, is: &dyn Fn(&Field) -> bool| {
            is(field) && before.field(&field.name).is_none_or(|old| !is(old))
        };
        let both = before.fields.iter();
        let both = both.filter_map(|old| Some((old, after.field(&old.name)?)));
        Self {
            removed: before.fields.iter().filter(|f| after.field(&f.name).is_none()).collect(),
            retyped: both.filter(|(old, new)| old.kind != new.kind).collect(),
            required: after.fields.iter().filter(|f| is_new(f, &|f| f.required)).collect(),
            unique: after.fields.iter().filter(|f| is_new(f, &|f| f.unique)).collect(),
            seen: BTreeSet::new(),
            found: BTreeMap::new(),
        }
    }

    /// Returns whether no record can be concerned.
    fn is_settled(&self) -> bool {
        self.removed.is_empty()
            && self.retyped.is_empty()
            && self.required.is_empty()
            && self.unique.is_empty()
    }

    fn add(&mut self, row: &ValueRow) {
        let value = |field: &Field| row.values.get(&field.name).filter(|kept| !kept.is_null());
        let mut found = Vec::new();
        for field in &self.removed {
            found.extend(value(field).map(|_| (&field.name, FieldChange::Removed, None)));
        }
        for (old, new) in &self.retyped {
            let Some(kept) = value(old) else { continue };
            match new.kind.convert(&old.kind, kept, &Reading::default()) {
                Converted::Same => {}
                Converted::To(_) => found.push((&new.name, FieldChange::Converts, None)),
                Converted::Cannot(why) => {
                    found.push((&new.name, FieldChange::DoesNotFit, Some(why)));
                }
            }
        }
        let is_missing = |field: &&&Field| value(field).is_none();
        for field in self.required.iter().filter(is_missing) {
            found.push((&field.name, FieldChange::Missing, None));
        }
        for field in &self.unique {
            let Some(kept) = value(field) else { continue };
            if !self.seen.insert((field.name.clone(), kept.to_string())) {
                found.push((&field.name, FieldChange::Duplicate, None));
            }
        }
        for (name, change, why) in found {
            let concerned = self.found.entry((name.clone(), change)).or_default();
            concerned.records += 1;
            if concerned.examples.len() < EXAMPLES_MAX {
                concerned.examples.push(row.id.clone());
            }
            concerned.reason = concerned.reason.take().or(why);
        }
    }

    fn into_list(self) -> Vec<Effect> {
        let effect = |((field, change), concerned)| {
            let Concerned { records, examples, reason } = concerned;
            let reason = reason.map(|reason| reason.message(Language::English));
            Effect { field, change, records, examples, reason }
        };
        self.found.into_iter().map(effect).collect()
    }
}

/// The prefix of the backfill of a kind's indexes. No campaign id contains a colon.
const KIND_FILL: &str = "kind:";

/// Returns the backfill of a kind's indexes.
pub(super) fn fill_of(kind: &KindId) -> QualifiedId {
    QualifiedId(format!("{KIND_FILL}{kind}"))
}

/// Returns the kind whose indexes a backfill fills; `None` for a backfill of a segment.
pub fn kind_of_fill(fill: &FillRow) -> Option<KindId> {
    fill.segment_id.as_str().strip_prefix(KIND_FILL).map(KindId::from)
}

/// Takes one step of filling the indexes of a kind, after a version with other indexes was
/// published. Returns what is left to do.
pub async fn fill_step<D: Database>(
    db: &D,
    id: &KindId,
    fill: &FillRow,
) -> Result<Option<StepRow>, DatabaseError> {
    let page = kinds::values(id, &RecordId::from(&*fill.after_id), kinds::RECORDS_PER_FILL);
    let rows = db.batch(vec![kinds::one(id), page]).await?;
    let kind = all::<KindRow>(rows.first())?.into_iter().next().and_then(|row| row.read().ok());
    let values = all::<ValueRow>(rows.get(1))?;
    let (kind, reached) = (kind.as_ref(), values.last().map(|row| &row.id));
    let entries = values.iter().flat_map(|row| {
        let entries = kind.map(|kind| kind.entries(&row.values)).unwrap_or_default().into_iter();
        entries.map(|entry| (row.id.clone(), entry))
    });
    let entries: Vec<_> = entries.collect();
    let rows = db.batch(kinds::fill_step(fill, id, &entries, reached)).await?;
    Ok(all::<StepRow>(rows.last())?.into_iter().next())
}

/// Returns the attributes of a record that no field declares.
pub fn undeclared(kind: &Kind, attributes: &BTreeMap<String, Value>) -> Vec<String> {
    attributes.keys().filter(|name| kind.field(name).is_none()).cloned().collect()
}
