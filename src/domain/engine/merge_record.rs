//! Merging two records of one kind that are no contacts, such as two entries for one company. As
//! with contacts, one survives, and the other becomes an empty row whose id leads to it: links to
//! the other one resolve to the survivor, and are not rewritten, for that would be as many
//! decisions.

use super::{
    Decidable, Decider, Decision, StepLimitExceeded, forget_words, wake_at, words_change, words_of,
};
use crate::domain::base::primitives::{Actor, Ids, Millis};
use crate::domain::engine::change::Change;
use crate::domain::field::FieldType;
use crate::domain::kind::{COMPANY, Kind, Settled};
use crate::domain::publication::catalog::Catalog;
use crate::domain::record::event::{Event, names};
use crate::domain::record::{PlainRecord, Record};
use serde_json::{Value, json};

/// Merges `from` into `into`, which are of one kind. `log` holds the newest events of `from`,
/// oldest first. The first of the two decisions is about `from`, which gives up the unique values
/// that `into` takes over.
pub fn merge_records(
    catalog: &Catalog,
    from: PlainRecord,
    log: Vec<Event>,
    into: PlainRecord,
    by: &Actor,
    now: Millis,
    ids: &mut Ids,
) -> Result<[Decision; 2], StepLimitExceeded> {
    let (read_seq, words) = (into.seq, words_of(catalog, &into));
    let kind = catalog.kind(&into.kind).cloned();
    let entries = |record: &Record| {
        kind.as_ref().map(|kind| kind.entries(&record.attributes)).unwrap_or_default()
    };
    let before = entries(&into);
    let mut decider = Decider::of(catalog, into, now, ids);
    let merged = json!({ "from": from.id, "by": by });
    decider.record(names::RECORD_MERGED, None, merged);
    decider.take_over_values(&from, kind.as_deref());
    decider.take_over_memberships(&from);
    decider.take_over_lists(&from);
    decider.take_over_log(&from.id, log);
    decider.changes.push(Change::TakeOver(from.id.clone()));
    decider.changes.push(Change::TakeOverPeople(from.id.clone()));
    if from.kind.as_str() == COMPANY && catalog.asks_about_companies() {
        decider.changes.push(Change::WakePeople);
    }
    decider.take_over_enrollments(&from);
    decider.run_to_fixpoint();
    if decider.exceeds_step_limit() {
        return Err(StepLimitExceeded);
    }
    let Decider { mut subject, mut changes, .. } = decider;
    if let Some(kind) = &kind {
        subject.settle(kind, None, now);
        let settled = Settled::between(before, kind.entries(&subject.attributes));
        if !settled.is_empty() {
            changes.push(Change::Index(kind.id.clone(), settled));
        }
    }
    changes.extend(words_change(catalog, &subject, words));
    subject.wake_at = wake_at(catalog, &subject, now);
    let left = leave(catalog, from, &subject, by, now, ids);
    Ok([left.of_any(), Decision { subject, read_seq, changes, conflicts: Vec::new() }.of_any()])
}

/// Returns the decision about the merged record: it keeps its log and its number, and nothing else.
fn leave(
    catalog: &Catalog,
    from: PlainRecord,
    survivor: &PlainRecord,
    by: &Actor,
    now: Millis,
    ids: &mut Ids,
) -> Decision<PlainRecord> {
    let read_seq = from.seq;
    let kind = catalog.kind(&from.kind).cloned();
    let removed = kind.map(|kind| kind.entries(&from.attributes)).unwrap_or_default();
    let mut decider = Decider::of(catalog, from, now, ids);
    decider.record(names::RECORD_MERGED, None, json!({ "into": survivor.id, "by": by }));
    decider.leave_all_segments();
    decider.leave_all_lists();
    decider.changes.extend(forget_words(catalog, &decider.subject.kind));
    let Decider { subject: from, mut changes, .. } = decider;
    let settled = Settled { added: Vec::new(), removed };
    if !settled.is_empty() {
        changes.push(Change::Index(from.kind.clone(), settled));
    }
    let PlainRecord { record: Record { id, kind, seq, created_at, .. }, number, .. } = from;
    let mut subject = PlainRecord::unknown(id, kind, created_at);
    (subject.seq, subject.number) = (seq, number);
    Decision { subject, read_seq, changes, conflicts: Vec::new() }
}

impl Decider<'_, PlainRecord> {
    /// Takes over values, tags, score and owner. The survivor's values win; missing ones are filled
    /// in. Neither of the two is above the other afterwards.
    fn take_over_values(&mut self, from: &PlainRecord, kind: Option<&Kind>) {
        let parent = kind.and_then(Kind::parent);
        let own_id = self.subject.id.clone();
        let is_either = |value: &Value| {
            let id = value.as_str().map(Into::into);
            id.is_some_and(|id| id == own_id || from.is_known_as(&id))
        };
        if let Some(parent) = parent
            && self.subject.attributes.get(parent).is_some_and(is_either)
        {
            self.subject.attributes.remove(parent);
            self.changes.push(Change::CheckParent);
        }
        let is_own = |name: &str| {
            let field = kind.and_then(|kind| kind.field(name));
            field.is_some_and(|field| {
                matches!(field.kind, FieldType::AutoNumber { .. } | FieldType::Formula { .. })
            })
        };
        for (name, value) in &from.attributes {
            let is_parent = parent == Some(name.as_str());
            let is_filled = self.subject.attributes.get(name).is_some_and(|own| !own.is_null());
            if is_filled || is_own(name) || is_parent && is_either(value) {
                continue;
            }
            if is_parent {
                self.changes.push(Change::CheckParent);
            }
            self.subject.attributes.insert(name.clone(), value.clone());
        }
        self.subject.tags.extend(from.tags.iter().cloned());
        self.subject.score += from.score;
        self.subject.owner = self.subject.owner.take().or_else(|| from.owner.clone());
    }
}
