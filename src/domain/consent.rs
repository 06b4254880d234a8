//! Consent: what a contact agreed to, for which purpose, on which channel.

use super::primitives::{Channel, Millis, QualifiedId};
use serde::{Deserialize, Serialize};

/// Where a contact stands with one purpose on one channel: the newest entry of its ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Consent {
    /// The channel.
    pub channel: Channel,
    /// The purpose.
    pub purpose: String,
    /// What was said last.
    pub state: ConsentState,
    /// Whether the form asked for a confirmation by e-mail before `Granted` counts.
    pub double_opt_in: bool,
    /// The form on which it was given.
    pub form: Option<QualifiedId>,
    /// When.
    pub at: Millis,
}

/// What a contact said last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentState {
    /// Agreed on a form.
    Granted,
    /// Agreed, and proved to own the address.
    Confirmed,
    /// Took it back.
    Withdrawn,
}

impl ConsentState {
    /// The word in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Confirmed => "confirmed",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl Consent {
    /// Whether messages may be sent on the strength of it.
    pub fn allows(&self) -> bool {
        match self.state {
            ConsentState::Confirmed => true,
            ConsentState::Granted => !self.double_opt_in,
            ConsentState::Withdrawn => false,
        }
    }
}

/// An entry of the append-only ledger: the evidence for one `Consent`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConsentRecord {
    /// The number of the event that recorded it.
    pub seq: i64,
    /// The channel.
    pub channel: Channel,
    /// The purpose.
    pub purpose: String,
    /// What was said.
    pub state: ConsentState,
    /// Where: a form, an unsubscribe link.
    pub source: String,
    /// The exact words agreed to.
    pub text: String,
    /// A keyed hash of the network address it came from; never the address itself.
    pub origin_hash: String,
    /// When.
    pub at: Millis,
}
