//! Frequency caps, as configured.

use super::{Classes, span};
use crate::domain::base::primitives::{Channel, Span};
use serde::{Deserialize, Serialize};

/// The longest period of a cap: older reservations are deleted.
pub const WITHIN_MAX: Span = Span::days(31);

/// The most messages within a period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cap {
    /// The channel; all channels together if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// The classes of messages that count.
    #[serde(default)]
    pub class: Classes,
    /// The most messages.
    pub messages: u32,
    /// The length of the period, which may begin at any time.
    #[serde(deserialize_with = "span")]
    pub within: Span,
}

impl Cap {
    /// Returns what is wrong with it: the key, and how to fix it.
    pub fn wrong(&self) -> Option<(&'static str, String)> {
        if self.messages == 0 {
            let message = "with none nothing is ever sent: give 1 or more, or no cap";
            return Some(("messages", message.to_owned()));
        }
        if self.within < Span::minutes(1) || self.within > WITHIN_MAX {
            return Some((
                "within",
                format!("give a span between 1m and {}", WITHIN_MAX.0 / DAY) + "d",
            ));
        }
        None
    }
}

const DAY: i64 = Span::days(1).0;
