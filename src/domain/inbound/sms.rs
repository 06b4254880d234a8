//! An inbound SMS.

use super::keyword::{self, Keyword};
use crate::domain::base::primitives::Millis;
use crate::domain::base::token::sha256_hex;
use serde::{Deserialize, Serialize};

/// An SMS that was sent to us.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InboundSms {
    /// The number of its author, in E.164.
    pub from: String,
    pub text: String,
    /// The name of the provider that received it.
    pub source: String,
    /// The provider's id of the SMS; empty if it gives none.
    pub id: String,
    pub at: Millis,
    /// Whether we answer STOP and HELP, and not the provider.
    pub answers: bool,
}

impl InboundSms {
    /// Returns the keyword, if the text is one that we understand.
    pub fn keyword(&self) -> Option<Keyword> {
        keyword::classify(&self.text)
    }

    /// Returns the idempotency key. Where the provider gives no id, the content is the key: one key
    /// for all of them would drop the second person's STOP.
    pub fn key(&self) -> String {
        let Self { from, text, source, id, at, .. } = self;
        match id.is_empty() {
            true => {
                let hash = sha256_hex(&format!("{from} {} {text}", at.0));
                format!("text:{source}:{}", &hash[..32])
            }
            false => format!("text:{source}:{id}"),
        }
    }
}
