//! A custom event: an event that the customer's own system reports through the API.

use crate::domain::base::primitives::Millis;
use crate::domain::record::event::Properties;
use serde::{Deserialize, Serialize};

/// The prefix of the key of a custom event, before the id that its reporter chose.
pub const API_KEY: &str = "api:";

/// An event that the customer's own system reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CustomEvent {
    pub name: String,
    pub at: Millis,
    /// The properties; `value_minor` and `currency` are the value of a conversion.
    pub properties: Properties,
    /// The idempotency key.
    pub key: String,
    /// A hash of the whole report, if its key contains an id of the reporter's: the same id with
    /// another hash is a mistake. Events of older deployments have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
}

impl CustomEvent {
    /// Returns whether this event differs from the one known under the same key. If either has no
    /// hash, only the key counts.
    pub fn contradicts(&self, known: Option<&String>) -> bool {
        known.zip(self.content.as_ref()).is_some_and(|(known, own)| known != own)
    }

    /// Returns the key under which its refusal is recorded once, however often it is reported.
    pub fn conflict_key(&self) -> Option<String> {
        Some(format!("api-refused:{}:{}", self.content.as_ref()?, self.key))
    }
}
