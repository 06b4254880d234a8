//! Static lists: which records somebody has put together, each with its date and source. A segment
//! is a rule that is evaluated again and again; a list changes only when something joins or leaves.

use crate::domain::base::primitives::{Actor, ListId, Millis};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The most lists of a deployment: more than people can keep apart. All are read when one is made.
pub const LISTS_MAX: usize = 1_000;

/// The longest source of a membership, in characters.
pub const SOURCE_CHARS_MAX: usize = 200;

/// The membership of a record in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Membership {
    pub since: Millis,
    /// What has put it there: `form:<campaign>/<form>`, `journey:<campaign>/<journey>`, or what a
    /// program said.
    pub source: String,
}

/// Whether a record joins a list or leaves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListChange {
    Join,
    Leave,
}

/// What a member, a program or an import does with a record and a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listing {
    pub list: ListId,
    pub change: ListChange,
    /// Kept with the membership and with the event.
    pub source: String,
    pub by: Actor,
    /// The idempotency key, if the author repeats a change whose answer was lost.
    pub key: Option<String>,
}

impl Listing {
    /// Returns the properties of its event.
    pub fn properties(&self) -> Value {
        serde_json::json!({ "list": self.list, "source": self.source, "by": self.by })
    }
}
