//! Frequency caps, as they are written down.

use super::{Classes, span};
use crate::domain::base::primitives::{Channel, Span};
use serde::{Deserialize, Serialize};

/// The longest time that a cap may look back: places that are older are forgotten.
pub const WITHIN_MAX: Span = Span::days(31);

/// So many messages within any such time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cap {
    /// On this channel; on all together if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// Of these classes.
    #[serde(default)]
    pub class: Classes,
    /// How many.
    pub messages: u32,
    /// Within any time of this length.
    #[serde(deserialize_with = "span")]
    pub within: Span,
}

impl Cap {
    /// What is wrong with it: the key, and what to do.
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
