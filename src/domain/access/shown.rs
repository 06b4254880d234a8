//! A record as somebody may see it. Views, the API and exports take `Shown` and cannot be given a
//! record, so that a field that is not for the reader cannot reach them.

use crate::domain::access::rights::{Access, Scope};
use crate::domain::access::role::{Action, FieldAccess, Role};
use crate::domain::base::primitives::{KindId, ListId, Millis, RecordId};
use crate::domain::kind::{COMPANY, Kind, Kinds};
use crate::domain::record::event::Event;
use crate::domain::record::list::Membership;
use crate::domain::segment::{AnyRecord, COLUMNS, Rule};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// A record without what is hidden from its reader, and with masks. Only `Access::show` makes one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shown {
    id: RecordId,
    kind: KindId,
    /// The number of its newest event.
    version: i64,
    /// What people call it. Contacts have none: their names and addresses serve.
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<Value>,
    /// The columns and declared fields that have a value and are not hidden, as they are written.
    fields: BTreeMap<String, Value>,
    /// The same of the attributes that no field declares.
    attributes: BTreeMap<String, Value>,
    tags: BTreeSet<String>,
    /// The lists that it is on, where they were read.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    lists: BTreeMap<ListId, Membership>,
    /// The names of the fields whose value is a mask.
    masked: BTreeSet<String>,
    /// The names of the fields with a value that the reader may not change.
    read_only: BTreeSet<String>,
    #[serde(serialize_with = "rfc3339")]
    created_at: Millis,
}

/// An event of a record's log without what is hidden from its reader.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShownEvent {
    seq: i64,
    #[serde(serialize_with = "rfc3339")]
    at: Millis,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    campaign: Option<String>,
    properties: Map<String, Value>,
}

/// The names of a contact's columns that are shown like attributes.
const CONTACT_COLUMNS: [&str; 7] =
    ["email", "phone", "external_id", "locale", "time_zone", "score", "owner"];

/// The name under which the tags of a record may be hidden.
pub const TAGS: &str = "tags";

/// The name under which the lists that a record is on may be hidden.
pub const LISTS: &str = "lists";

/// The characters of a mask, whatever it stands for: its length reveals nothing.
const MASK: &str = "***";

/// The number of characters that remain of a long value, at its end.
const TAIL_CHARS: usize = 4;

/// The length from which the end of a value is shown, in characters: below it, the end would be
/// half of it or more.
const TAIL_OF_CHARS_MIN: usize = 3 * TAIL_CHARS - 3;

impl Access {
    /// Returns a record as it may be shown; `None` if it is outside the scope.
    pub fn show(&self, kind: &Kind, record: &AnyRecord, now: Millis) -> Option<Shown> {
        let seeing = self.roles_that(Action::See, record.subject(), now);
        if seeing.is_empty() {
            return None;
        }
        let editing = self.roles_that(Action::Edit, record.subject(), now);
        let mut shown = Shown {
            id: record.id.clone(),
            kind: record.kind.clone(),
            version: record.seq,
            title: None,
            fields: BTreeMap::new(),
            attributes: BTreeMap::new(),
            tags: BTreeSet::new(),
            lists: BTreeMap::new(),
            masked: BTreeSet::new(),
            read_only: BTreeSet::new(),
            created_at: record.created_at,
        };
        for (name, is_attribute) in names(kind, record) {
            let (Some(kept), access) =
                (record.subject().attribute(name), greatest(&seeing, kind, name))
            else {
                continue;
            };
            let Some(value) = within(access, kind.written(name, &kept)) else { continue };
            if access == FieldAccess::Masked {
                shown.masked.insert(name.to_owned());
            }
            if greatest(&editing, kind, name) < FieldAccess::Full {
                shown.read_only.insert(name.to_owned());
            }
            let values = if is_attribute { &mut shown.attributes } else { &mut shown.fields };
            values.insert(name.to_owned(), value);
        }
        if let (AnyRecord::Plain(plain), Some(field)) = (record, &kind.title) {
            shown.title = within(greatest(&seeing, kind, field), plain.title.as_str().into());
        }
        if greatest(&seeing, kind, TAGS) >= FieldAccess::ReadOnly {
            shown.tags = record.tags.clone();
        }
        if greatest(&seeing, kind, LISTS) >= FieldAccess::ReadOnly {
            shown.lists = record.lists.clone();
        }
        Some(shown)
    }

    /// Returns the log of a record that may be shown. Who does not see every field in full is shown
    /// of an event who made it, and the fields that an edit changed and that they see in full: any
    /// other property may quote what is hidden.
    pub fn show_log(
        &self,
        kind: &Kind,
        record: &AnyRecord,
        log: Vec<Event>,
        now: Millis,
    ) -> Vec<ShownEvent> {
        let seeing = self.roles_that(Action::See, record.subject(), now);
        let sees_all = seeing.iter().any(|role| role.shows_all(&kind.id));
        let is_seen = |name: &str| greatest(&seeing, kind, name) >= FieldAccess::ReadOnly;
        let event = |event: Event| {
            let mut properties = event.properties;
            if !sees_all {
                properties.retain(|name, _| ["by", "fields"].contains(&&**name));
            }
            if let Some(Value::Object(fields)) = properties.get_mut("fields") {
                fields.retain(|name, _| is_seen(name));
            }
            kind.write_changes(&mut properties);
            let campaign = event.campaign.map(|campaign| campaign.0);
            ShownEvent { seq: event.seq, at: event.at, name: event.name, campaign, properties }
        };
        log.into_iter().map(event).collect()
    }

    /// Returns what a filter asks about that is not shown in full on every record of the kind in
    /// the scope: which records it finds would reveal what is in the field.
    pub fn hidden_in(&self, kinds: &Kinds, kind: &Kind, rule: &Rule) -> Option<String> {
        let mut hidden = None;
        rule.walk(&mut |part| {
            let field = match part {
                Rule::All(_) | Rule::Any(_) | Rule::Not(_) | Rule::Sample(_) => return,
                Rule::Attribute { attribute, .. } => attribute.as_str(),
                Rule::Tag(_) => TAGS,
                Rule::List(_) => LISTS,
                Rule::Score(_) => "score",
                // Any company may be the one that is asked about.
                Rule::Company { rule, .. } => {
                    let company = KindId::from(COMPANY);
                    let is_whole = self.scope(Action::See, &company) == Scope::All;
                    let known = kinds.get(&company).filter(|_| is_whole && self.sees_all(&kind.id));
                    let inner = match known {
                        Some(company) => self.hidden_in(kinds, company, rule),
                        None => Some("companies".to_owned()),
                    };
                    hidden = hidden.take().or(inner);
                    return;
                }
                // Segments, consents and events may be about any field.
                _ if self.sees_all(&kind.id) => return,
                _ => {
                    hidden = hidden.take().or(Some("events, segments or consents".to_owned()));
                    return;
                }
            };
            if !self.sees_in_full(kind, field) {
                hidden = hidden.take().or(Some(format!("`{field}`")));
            }
        });
        hidden
    }

    /// Returns whether a field is shown in full on every record of the kind in the scope.
    pub fn sees_in_full(&self, kind: &Kind, field: &str) -> bool {
        let mut seeing = self.roles_with(Action::See, &kind.id).peekable();
        let is_shown =
            |role: &Role| role.field(&kind.id, field, kind.class(field)) >= FieldAccess::ReadOnly;
        seeing.peek().is_some() && seeing.all(is_shown)
    }

    /// Returns whether every field is shown in full on every record of the kind in the scope.
    fn sees_all(&self, kind: &KindId) -> bool {
        let mut seeing = self.roles_with(Action::See, kind).peekable();
        seeing.peek().is_some() && seeing.all(|role| role.shows_all(kind))
    }

    /// Returns whether a field of a record may be changed: only if it is seen in full, too.
    pub fn may_edit(&self, kind: &Kind, record: &AnyRecord, field: &str, now: Millis) -> bool {
        let access =
            |action| greatest(&self.roles_that(action, record.subject(), now), kind, field);
        access(Action::Edit) == FieldAccess::Full && access(Action::See) >= FieldAccess::ReadOnly
    }

    /// Returns whether a field may be changed on each record of the kind that may be edited at all.
    pub fn may_edit_everywhere(&self, kind: &Kind, field: &str) -> bool {
        let mut editing = self.roles_with(Action::Edit, &kind.id);
        editing.all(|role| role.field(&kind.id, field, kind.class(field)) == FieldAccess::Full)
    }

    /// Returns whether rows of a table may set any field of any record of the kind. A match says
    /// who is there, and a refused row quotes it, so every record must be seen in full, too.
    pub fn may_import(&self, kind: &KindId) -> bool {
        self.scope(Action::Import, kind) == Scope::All
            && self.clear_scope(Action::See, kind) == Scope::All
            && self.roles_with(Action::Import, kind).any(|role| role.sets_all(kind))
    }

    /// Returns whether a field may be set on a new record of the kind.
    pub fn may_set(&self, kind: &Kind, field: &str) -> bool {
        let mut creating = self.roles_with(Action::Create, &kind.id);
        creating.any(|role| role.field(&kind.id, field, kind.class(field)) == FieldAccess::Full)
    }

    /// Returns the value of a field that is masked otherwise, as it is kept. The caller writes the
    /// audit log. `None` if it is hidden, has no value, or may not be unmasked.
    pub fn unmask(
        &self,
        kind: &Kind,
        record: &AnyRecord,
        field: &str,
        now: Millis,
    ) -> Option<Value> {
        let access = greatest(&self.roles_that(Action::Unmask, record.subject(), now), kind, field);
        let is_column = names(kind, record).any(|(name, _)| name == field);
        record.subject().attribute(field).filter(|_| is_column && access >= FieldAccess::Masked)
    }
}

impl Shown {
    pub fn id(&self) -> &RecordId {
        &self.id
    }

    /// Returns the columns and declared fields that have a value and are not hidden, by name.
    pub fn fields(&self) -> &BTreeMap<String, Value> {
        &self.fields
    }

    /// Returns the attributes that no field declares and that are not hidden, by name.
    pub fn attributes(&self) -> &BTreeMap<String, Value> {
        &self.attributes
    }

    /// Returns the value of a field or an attribute that is not hidden.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).or_else(|| self.attributes.get(name))
    }

    /// Returns whether the whole value of a field or an attribute is shown.
    pub fn shows(&self, name: &str) -> bool {
        self.value(name).is_some() && !self.masked.contains(name)
    }

    pub fn created_at(&self) -> Millis {
        self.created_at
    }

    pub fn tags(&self) -> &BTreeSet<String> {
        &self.tags
    }
}

/// Returns the names of a record's columns, fields and attributes, and whether it is an attribute
/// that no field declares.
fn names<'r>(kind: &'r Kind, record: &'r AnyRecord) -> impl Iterator<Item = (&'r str, bool)> {
    let columns: &[&str] = if kind.id.is_contact() { &CONTACT_COLUMNS } else { &COLUMNS };
    let attributes = record.attributes.keys().map(String::as_str);
    let attributes = attributes.filter(|name| !columns.contains(name));
    let attributes = attributes.map(|name| (name, kind.field(name).is_none()));
    columns.iter().map(|name| (*name, false)).chain(attributes)
}

fn greatest(roles: &[&Role], kind: &Kind, field: &str) -> FieldAccess {
    let access = |role: &&Role| role.field(&kind.id, field, kind.class(field));
    roles.iter().map(access).max().unwrap_or(FieldAccess::Hidden)
}

/// Returns what is shown of a value.
fn within(access: FieldAccess, value: Value) -> Option<Value> {
    match access {
        FieldAccess::Hidden => None,
        FieldAccess::Masked => Some(mask(&value)),
        FieldAccess::ReadOnly | FieldAccess::Full => Some(value),
    }
}

fn rfc3339<S: Serializer>(at: &Millis, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.rfc3339())
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
