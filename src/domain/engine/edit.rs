//! Edits: the fields that a member, a program, an import or a journey sets.

use super::{Decidable, Decider};
use crate::domain::base::primitives::Actor;
use crate::domain::record::edit::{Edit, EditConflict, FieldEdit};
use crate::domain::record::event::names;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

impl<S: Decidable> Decider<'_, S> {
    /// Sets the fields of an edit, or reports the conflicts with what others have set meanwhile. An
    /// edit that changes nothing leaves no event, unless it creates the record.
    pub(super) fn apply_edit(&mut self, edit: Edit) {
        let Edit { by, key, fields, tags } = edit;
        let values = |subject: &S, name: &str| subject.attribute(name).unwrap_or_default();
        let conflicts = fields
            .iter()
            .filter_map(|(name, field)| field.conflict(name, &values(&self.subject, name)));
        let conflicts: Vec<_> = conflicts.chain(self.taken_among(&fields)).collect();
        if !conflicts.is_empty() {
            return self.conflicts.extend(conflicts);
        }
        let mut changed = Map::new();
        for (name, field) in fields {
            let before = values(&self.subject, &name);
            if before != field.new {
                self.subject.set_attribute(&name, field.new.clone());
                changed.insert(name, json!([before, field.new]));
            }
        }
        let (added, removed) = self.edit_tags(tags.add, tags.remove);
        let is_new = self.subject.seq == 0;
        if changed.is_empty() && added.is_empty() && removed.is_empty() && !is_new {
            return;
        }
        let properties = edited(&by, changed, added, removed);
        let name = if is_new { names::RECORD_CREATED } else { names::RECORD_EDITED };
        self.record_keyed(name, None, properties, self.now, key);
    }

    /// Returns a conflict for each value that another record has and only one may have.
    pub(super) fn taken_among(&self, fields: &BTreeMap<String, FieldEdit>) -> Vec<EditConflict> {
        let kind = self.catalog.kind(&self.subject.kind);
        let is_taken = |name: &str, edit: &FieldEdit| {
            let field = kind.and_then(|kind| kind.field(name)).filter(|field| field.unique);
            let key = field.and_then(|field| field.kind.index_key(&edit.new));
            key.is_some_and(|key| {
                self.taken.iter().any(|(own, taken)| own == name && *taken == key)
            })
        };
        let taken = fields.iter().filter(|(name, edit)| is_taken(name, edit));
        let conflict = |(name, edit): (&String, &FieldEdit)| EditConflict::Taken {
            field: name.clone(),
            new: edit.new.clone(),
        };
        taken.map(conflict).collect()
    }

    /// Adds and removes tags. Returns those that were added, and those that were removed.
    pub(super) fn edit_tags(
        &mut self,
        add: Vec<String>,
        remove: Vec<String>,
    ) -> (Vec<String>, Vec<String>) {
        let tags = &mut self.subject.tags;
        let added: Vec<String> = add.into_iter().filter(|tag| tags.insert(tag.clone())).collect();
        let removed = remove.into_iter().filter(|tag| tags.remove(tag)).collect();
        (added, removed)
    }
}

/// Returns the properties of the event: who, and each value before and after.
pub(super) fn edited(
    by: &Actor,
    fields: Map<String, Value>,
    added: Vec<String>,
    removed: Vec<String>,
) -> Value {
    let mut properties = json!({ "by": by });
    if !fields.is_empty() {
        properties["fields"] = Value::Object(fields);
    }
    if !added.is_empty() {
        properties["tags_added"] = json!(added);
    }
    if !removed.is_empty() {
        properties["tags_removed"] = json!(removed);
    }
    properties
}
