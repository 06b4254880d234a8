//! Edits: the fields that a member, a program, an import or a journey sets.

use super::{Ancestor, Decidable, Decider};
use crate::domain::base::primitives::Actor;
use crate::domain::engine::change::Change;
use crate::domain::field::IndexKey;
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
        let conflict = |(name, field): (&String, &FieldEdit)| {
            let now = values(&self.subject, name);
            match self.subject.keeps(name, &field.new) {
                true => Some(EditConflict::Changed {
                    field: name.clone(),
                    was: field.was.clone().unwrap_or_default(),
                    now,
                    new: field.new.clone(),
                }),
                false => field.conflict(name, &now),
            }
        };
        let conflicts = fields.iter().filter_map(conflict);
        let conflicts = conflicts.chain(self.taken_among(&fields));
        let conflicts: Vec<_> = conflicts.chain(self.circle_among(&fields)).collect();
        if !conflicts.is_empty() {
            return self.conflicts.extend(conflicts);
        }
        let mut changed = Map::new();
        for (name, field) in fields {
            let before = values(&self.subject, &name);
            if before != field.new {
                if self.catalog.kind(&self.subject.kind).and_then(|kind| kind.parent())
                    == Some(&*name)
                {
                    self.changes.push(Change::CheckParent);
                }
                self.subject.set_field(&name, field.new.clone());
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
            let key = match name {
                "email" | "phone" | "external_id" if self.subject.kind.is_contact() => {
                    edit.new.as_str().map(|text| IndexKey::Text(text.to_owned()))
                }
                _ => field.and_then(|field| field.kind.index_key(&edit.new)),
            };
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

    /// Returns a conflict if the new parent of the record has the record above it.
    pub(super) fn circle_among(
        &self,
        fields: &BTreeMap<String, FieldEdit>,
    ) -> Option<EditConflict> {
        let field = self.catalog.kind(&self.subject.kind)?.parent()?;
        let new = &fields.get(field)?.new;
        let parent = new.as_str()?;
        let way: Vec<&Ancestor> =
            self.ancestors.iter().filter(|above| above.start.as_str() == parent).collect();
        let end = way.iter().position(|above| above.id == self.subject.id)?;
        let titles = || way[..=end].iter().map(|above| above.title.clone());
        // The way begins where it ends.
        let path = titles().next_back().into_iter().chain(titles()).collect();
        Some(EditConflict::Circle { field: field.to_owned(), new: new.clone(), path })
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
