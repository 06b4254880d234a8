//! A record as somebody may see it. Views, the API and exports take `Shown` and cannot be given a
//! record, so that a field that is not for the reader cannot reach them.

use crate::domain::access::rights::Access;
use crate::domain::access::role::{Action, FieldAccess, Role, Sensitivity};
use crate::domain::base::primitives::{KindId, Millis, RecordId};
use crate::domain::segment::{COLUMNS, Subject};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A record without what is hidden from its reader, and with masks. Only `Access::show` makes one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shown {
    id: RecordId,
    kind: KindId,
    /// The fields that have a value and are not hidden.
    fields: BTreeMap<String, Value>,
    tags: BTreeSet<String>,
    /// The names of the fields whose value is a mask.
    masked: BTreeSet<String>,
    /// The names of the fields that the reader may not change.
    read_only: BTreeSet<String>,
    created_at: Millis,
}

/// The names of a contact's columns that are shown like attributes.
const CONTACT_COLUMNS: [&str; 7] =
    ["email", "phone", "external_id", "locale", "time_zone", "score", "owner"];

/// The name under which the tags of a record may be hidden.
pub const TAGS: &str = "tags";

/// The characters of a mask, whatever it stands for: its length reveals nothing.
const MASK: &str = "***";

/// The number of characters that remain of a long value, at its end.
const TAIL_CHARS: usize = 4;

/// The length from which the end of a value is shown, in characters: below it, the end would be
/// half of it or more.
const TAIL_OF_CHARS_MIN: usize = 3 * TAIL_CHARS - 3;

impl Access {
    /// Returns a record as it may be shown; `None` if it is outside the scope. `sensitivity` says
    /// which fields are personal data.
    pub fn show(
        &self,
        subject: &dyn Subject,
        sensitivity: impl Fn(&str) -> Sensitivity,
        now: Millis,
    ) -> Option<Shown> {
        let seeing = self.roles_that(Action::See, subject, now);
        if seeing.is_empty() {
            return None;
        }
        let editing = self.roles_that(Action::Edit, subject, now);
        let access = |field: &str| greatest(&seeing, subject, field, sensitivity(field));
        let mut shown = Shown {
            id: subject.id.clone(),
            kind: subject.kind.clone(),
            fields: BTreeMap::new(),
            tags: BTreeSet::new(),
            masked: BTreeSet::new(),
            read_only: BTreeSet::new(),
            created_at: subject.created_at,
        };
        for field in names(subject) {
            let (Some(value), access) = (subject.attribute(field), access(field)) else { continue };
            let value = match access {
                FieldAccess::Hidden => continue,
                FieldAccess::Masked => {
                    shown.masked.insert(field.to_owned());
                    mask(&value)
                }
                FieldAccess::ReadOnly | FieldAccess::Full => value,
            };
            if greatest(&editing, subject, field, sensitivity(field)) < FieldAccess::Full {
                shown.read_only.insert(field.to_owned());
            }
            shown.fields.insert(field.to_owned(), value);
        }
        if access(TAGS) >= FieldAccess::ReadOnly {
            shown.tags = subject.tags.clone();
        }
        Some(shown)
    }

    /// Returns the whole value of a field that is masked otherwise. The caller writes the
    /// audit log. `None` if it is hidden, has no value, or may not be unmasked.
    pub fn unmask(
        &self,
        subject: &dyn Subject,
        field: &str,
        sensitivity: Sensitivity,
        now: Millis,
    ) -> Option<Value> {
        let unmasking = self.roles_that(Action::Unmask, subject, now);
        let access = greatest(&unmasking, subject, field, sensitivity);
        let is_column = names(subject).any(|name| name == field);
        subject.attribute(field).filter(|_| is_column && access >= FieldAccess::Masked)
    }
}

impl Shown {
    pub fn id(&self) -> &RecordId {
        &self.id
    }

    pub fn kind(&self) -> &KindId {
        &self.kind
    }

    /// Returns the fields that have a value and are not hidden, by name.
    pub fn fields(&self) -> &BTreeMap<String, Value> {
        &self.fields
    }

    pub fn tags(&self) -> &BTreeSet<String> {
        &self.tags
    }

    /// Returns whether the value of a field is a mask.
    pub fn is_masked(&self, field: &str) -> bool {
        self.masked.contains(field)
    }

    /// Returns whether the reader may change a field that has a value.
    pub fn is_read_only(&self, field: &str) -> bool {
        self.read_only.contains(field)
    }

    pub fn created_at(&self) -> Millis {
        self.created_at
    }
}

/// Returns the names of a record's columns and attributes.
fn names(subject: &dyn Subject) -> impl Iterator<Item = &str> {
    let columns: &[&str] = if subject.kind.is_contact() { &CONTACT_COLUMNS } else { &COLUMNS };
    let attributes = subject.attributes.keys().map(String::as_str);
    columns.iter().copied().chain(attributes.filter(|name| !columns.contains(name)))
}

fn greatest(
    roles: &[&Role],
    subject: &dyn Subject,
    field: &str,
    sensitivity: Sensitivity,
) -> FieldAccess {
    let access = |role: &&Role| role.field(&subject.kind, field, sensitivity);
    roles.iter().map(access).max().unwrap_or(FieldAccess::Hidden)
}

/// Returns what is shown of a masked value: of an e-mail address the first letter and the domain,
/// of other long text the end, of anything else nothing.
pub fn mask(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(mask_text(text)),
        Value::Array(values) => Value::Array(values.iter().map(mask).collect()),
        _ => Value::from(MASK),
    }
}

fn mask_text(text: &str) -> String {
    let count = text.chars().count();
    if let Some((local, domain)) = text.rsplit_once('@')
        && !domain.is_empty()
        && !domain.contains(char::is_whitespace)
    {
        // The first of two letters would be half of the name.
        let first = local.chars().next().filter(|_| local.chars().count() > 2);
        return format!("{}{MASK}@{domain}", first.map(String::from).unwrap_or_default());
    }
    if count < TAIL_OF_CHARS_MIN {
        return MASK.to_owned();
    }
    let tail: String = text.chars().skip(count - TAIL_CHARS).collect();
    format!("{MASK}{tail}")
}
