//! An engagement: a message was opened or clicked.

use super::bot_detection::FetchFacts;
use crate::domain::base::primitives::{MessageId, Millis, RecordId};
use serde::{Deserialize, Serialize};

/// An open or a click: a link or the pixel of a message was fetched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Engagement {
    /// The contact that the message was sent to.
    pub contact: RecordId,
    pub message: MessageId,
    /// The target of the link; `None` for an open.
    pub url: Option<String>,
    pub at: Millis,
    /// Reasons to classify the fetch as a bot's regardless of the facts. Set by older deployments.
    #[serde(default)]
    pub machine: Vec<String>,
    /// The known facts of the fetch; `None` if none may be kept, or none were sent.
    #[serde(default)]
    pub facts: Option<FetchFacts>,
    /// The idempotency key: two engagements with the same key are the same fetch.
    pub key: String,
}
