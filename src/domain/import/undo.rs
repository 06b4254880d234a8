//! Undoing an import: what it made goes, what it changed goes back, and what others have changed
//! since stays as it is.

use super::consent::{ImportedConsent, ImportedState};
use super::row::ImportedRow;
use super::settings::{OnMatch, OnNew};
use crate::domain::base::primitives::{Actor, Channel, Millis, RecordId};
use crate::domain::contact::consent::{Consent, ConsentState, LawfulBasis};
use crate::domain::record::edit::{Edit, FieldEdit, TagEdit};
use crate::domain::record::event::{Properties, names};
use crate::domain::segment::{AnyRecord, Subject};
use serde_json::Value;

/// The source of the withdrawal of a consent that an import brought.
pub const SOURCE: &str = "undone import";

/// What a row of an import did, as the log has it.
pub struct Deed {
    pub row: u64,
    pub record: RecordId,
    pub seq: i64,
    pub name: String,
    pub properties: Properties,
}

/// A later event of the record.
pub struct Later {
    pub seq: i64,
    pub name: String,
    pub key: Option<String>,
    /// The import that it belongs to, if it says so.
    pub import: Option<String>,
}

/// What is taken back of a row.
pub enum Undo {
    /// Nothing is left to take back.
    Nothing,
    /// The record was made by the row, and goes.
    Remove,
    /// The record gets its former values.
    Restore(Box<ImportedRow>),
}

/// An import that is undone.
pub struct Undoing<'a> {
    pub import: &'a str,
    pub now: Millis,
}

impl Undoing<'_> {
    /// Decides what to take back of a row, and what cannot be: each with its field and the reason.
    pub fn plan(
        &self,
        deed: &Deed,
        record: &AnyRecord,
        later: &[Later],
    ) -> (Undo, Vec<(String, String)>) {
        if record.erased_at.is_some() {
            return (Undo::Nothing, Vec::new());
        }
        if deed.name == names::RECORD_CREATED {
            let others = later.iter().filter(|event| event.seq > deed.seq && !self.is_own(event));
            return match others.max_by_key(|event| event.seq) {
                None => (Undo::Remove, Vec::new()),
                Some(event) => {
                    let reason = format!("the record stays: it has had `{}` since", event.name);
                    (self.consents_only(deed, record), vec![(String::new(), reason)])
                }
            };
        }
        self.restore(deed, record)
    }

    /// Whether an event followed from the import itself: from a row, an undo, or by the computation
    /// of segments.
    fn is_own(&self, event: &Later) -> bool {
        let of = |family: &str| format!("{family}:{}:", self.import);
        let key = event.key.as_deref().unwrap_or_default();
        key.starts_with(&of("import"))
            || key.starts_with(&of("undo"))
            || event.import.as_deref() == Some(&self.actor().0)
            || [names::SEGMENT_ENTERED, names::SEGMENT_LEFT].contains(&event.name.as_str())
    }

    /// Returns who an import's events name as their author.
    fn actor(&self) -> Actor {
        Actor(format!("import:{}", self.import))
    }

    fn restore(&self, deed: &Deed, record: &AnyRecord) -> (Undo, Vec<(String, String)>) {
        let mut row = self.row(deed);
        let mut kept = Vec::new();
        let fields = deed.properties.get("fields").and_then(Value::as_object);
        for (name, change) in fields.into_iter().flatten() {
            let (before, after) = (&change[0], &change[1]);
            if value(record, name) != *after {
                kept.push((name.clone(), "it was changed since, and stays".to_owned()));
            } else if name == "score" {
                row.score = before.as_i64();
            } else {
                let edit = FieldEdit { was: Some(after.clone()), new: before.clone() };
                row.edit.fields.insert(name.clone(), edit);
            }
        }
        let tags = |name: &str| {
            let tags = deed.properties.get(name).and_then(Value::as_array);
            let tags = tags.into_iter().flatten().filter_map(Value::as_str);
            tags.map(str::to_owned).collect::<Vec<_>>()
        };
        row.edit.tags = TagEdit { add: tags("tags_removed"), remove: tags("tags_added") };
        self.withdraw(deed, record, &mut row, &mut kept);
        (Undo::Restore(Box::new(row)), kept)
    }

    fn consents_only(&self, deed: &Deed, record: &AnyRecord) -> Undo {
        let mut row = self.row(deed);
        self.withdraw(deed, record, &mut row, &mut Vec::new());
        match row.consents.is_empty() {
            true => Undo::Nothing,
            false => Undo::Restore(Box::new(row)),
        }
    }

    /// Withdraws the consents that the row brought, unless the owner has decided since.
    fn withdraw(
        &self,
        deed: &Deed,
        record: &AnyRecord,
        row: &mut ImportedRow,
        kept: &mut Vec<(String, String)>,
    ) {
        let given = deed.properties.get("consents").and_then(Value::as_array);
        for consent in given.into_iter().flatten() {
            let read = serde_json::from_value::<(Channel, String, ConsentState, Millis)>;
            let Ok((channel, purpose, state, at)) = read(consent.clone()) else { continue };
            let known = record.contact().and_then(|contact| contact.consent(channel, &purpose));
            let is_same = |known: &Consent| known.state == state && known.at == at;
            if state == ConsentState::Withdrawn || !known.is_some_and(is_same) {
                let field = format!("consent.{purpose}");
                kept.push((field, "the owner decides about it, and it stays".to_owned()));
                continue;
            }
            row.consents.push(ImportedConsent {
                channel,
                purpose,
                state: ImportedState::Withdrawn,
                source: SOURCE.to_owned(),
                text: String::new(),
                basis: LawfulBasis::Consent,
                cross_border: false,
                form: None,
                at: self.now,
            });
        }
    }

    fn row(&self, deed: &Deed) -> ImportedRow {
        let key = Some(ImportedRow::undo_key(self.import, deed.row));
        let edit = Edit { by: self.actor(), key, fields: <_>::default(), tags: <_>::default() };
        ImportedRow {
            edit,
            score: None,
            created_at: None,
            number: None,
            consents: Vec::new(),
            on_match: OnMatch::Update,
            on_new: OnNew::Skip,
            rests: true,
            taken: Vec::new(),
            at: self.now,
        }
    }
}

fn value(record: &AnyRecord, name: &str) -> Value {
    let found = match record {
        AnyRecord::Contact(contact) => contact.attribute(name),
        AnyRecord::Plain(record) => Subject::attribute(&**record, name),
    };
    found.unwrap_or_default()
}
