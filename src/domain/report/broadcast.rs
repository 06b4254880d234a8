//! How a broadcast stands and what came of it, in figures.

use crate::domain::base::primitives::Millis;
use crate::domain::campaign::ab_test::Finding;
use crate::domain::campaign::broadcast::{AbMetric, BroadcastState, Phase};
use crate::domain::report::MessageFigures;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One broadcast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BroadcastReport {
    /// Its name.
    pub broadcast: String,
    /// How far it has come; nothing, if it waits to be started by hand.
    pub state: Option<BroadcastState>,
    /// Which part of the way it is on, once it has started.
    pub phase: Option<Phase>,
    /// When it starts by itself, while it is scheduled.
    pub starts_at: Option<Millis>,
    /// When it started.
    pub started_at: Option<Millis>,
    /// When its test is decided, while that is waited for.
    pub decide_at: Option<Millis>,
    /// When everybody had been decided on, or it was called off.
    pub ended_at: Option<Millis>,
    /// Members of the segment who were left out, by the reason.
    pub excluded: BTreeMap<String, i64>,
    /// Contacts that could not be decided on.
    pub undecided: i64,
    /// What its variants are compared by.
    pub metric: AbMetric,
    /// The variant that the rest got after a test.
    pub winner: Option<String>,
    /// What the test found; of one without a test, what can be said by now.
    pub finding: Option<Finding>,
    /// By variant.
    pub variants: Vec<VariantFigures>,
}

/// One variant of a broadcast.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VariantFigures {
    /// Its name.
    pub variant: String,
    /// To how many it was queued.
    pub recipients: i64,
    /// How its messages fared.
    #[serde(flatten)]
    pub messages: MessageFigures,
    /// Recipients who reached the goal afterwards.
    pub converted: i64,
    /// What they brought, in minor units of the campaign's currency.
    pub earned_minor: i64,
}

impl BroadcastReport {
    /// To how many it was queued, in all variants.
    pub fn recipients(&self) -> i64 {
        self.variants.iter().map(|variant| variant.recipients).sum()
    }
}
