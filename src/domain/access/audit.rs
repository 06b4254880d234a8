//! The audit log: who did what, when, to which object. Not here: the history of a record, which is
//! its own log of events.

use crate::domain::base::primitives::{Actor, Ids, Millis};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An entry of the audit log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// A UUID version 7: in order of time.
    pub id: String,
    pub at: Millis,
    pub actor: Actor,
    /// What was done: `publish`, `sign_in`, `edit`.
    pub action: String,
    /// The kind of the object: `campaign`, `contact`, `member`.
    pub kind: String,
    /// The id of the object; empty if it has none. Never an address.
    pub object: String,
    /// Further facts, such as `before` and `after`. Erasing a person deletes those about it.
    pub detail: Value,
}

/// An act, as it is entered into the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Act {
    pub action: &'static str,
    pub kind: &'static str,
    pub object: String,
    pub detail: Value,
}

impl Act {
    pub fn new(action: &'static str, kind: &'static str, object: impl Into<String>) -> Self {
        Self { action, kind, object: object.into(), detail: Value::Null }
    }

    pub fn with(self, detail: Value) -> Self {
        Self { detail, ..self }
    }

    /// Returns its entry in the log.
    pub fn by(self, actor: &Actor, now: Millis, ids: &mut Ids) -> AuditEntry {
        let Self { action, kind, object, detail } = self;
        AuditEntry {
            id: ids.uuid(),
            at: now,
            actor: actor.clone(),
            action: action.to_owned(),
            kind: kind.to_owned(),
            object,
            detail,
        }
    }
}
