//! A delivery report: what a provider says became of a message.

use super::bounce::Bounce;
use crate::domain::base::primitives::Millis;
use crate::domain::contact::message::ProviderCharge;
use serde::{Deserialize, Serialize};

/// A provider's report about a message. Which message that is stands beside it: until the message
/// is found, only the provider's own id may be known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeliveryReport {
    #[serde(rename = "news")]
    pub status: DeliveryStatus,
    pub at: Millis,
    /// The address it is about, normalized, if the provider named it.
    pub address: Option<String>,
    /// The name of the provider.
    pub source: String,
    /// The provider's own id of the message.
    pub provider_id: Option<String>,
    /// The idempotency key, for what the ledger row does not deduplicate; each status counts once
    /// for a message in any case.
    pub key: Option<String>,
    /// What the provider charged, for an SMS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billed: Option<ProviderCharge>,
}

/// What became of a message, according to its provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// It was accepted.
    Sent,
    Delivered,
    /// It was returned.
    Bounced(Bounce),
    /// The recipient marked it as spam.
    Complained,
    /// The recipient unsubscribed by it, at the provider.
    Unsubscribed,
}
