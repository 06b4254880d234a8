//! The state and results of a broadcast, in figures.

use crate::domain::base::primitives::Millis;
use crate::domain::campaign::ab_test::Finding;
use crate::domain::campaign::broadcast::{AbMetric, BroadcastState, Phase};
use crate::domain::report::MessageFigures;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One broadcast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BroadcastReport {
    pub broadcast: String,
    /// Its state; `None` if it waits to be started by hand.
    pub state: Option<BroadcastState>,
    /// Its phase, once it has started.
    pub phase: Option<Phase>,
    /// When it starts by itself, while it is scheduled.
    pub starts_at: Option<Millis>,
    /// When it started.
    pub started_at: Option<Millis>,
    /// When its test is to be decided, while it waits for that.
    pub decide_at: Option<Millis>,
    /// When every contact had been decided on, or the broadcast was cancelled.
    pub ended_at: Option<Millis>,
    /// Members of the segment who were left out, by reason.
    pub excluded: BTreeMap<String, i64>,
    /// Contacts that could not be decided on.
    pub undecided: i64,
    /// The metric by which its variants are compared.
    pub metric: AbMetric,
    /// The variant that the rest got after a test.
    pub winner: Option<String>,
    /// The finding of the test; without a test, what the figures show so far.
    pub finding: Option<Finding>,
    pub variants: Vec<VariantFigures>,
}

/// One variant of a broadcast.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VariantFigures {
    pub variant: String,
    /// The number of contacts for whom it was queued.
    pub recipients: i64,
    /// The figures of its messages.
    #[serde(flatten)]
    pub messages: MessageFigures,
    /// Recipients who reached the goal afterwards.
    pub converted: i64,
    /// The value of their goals, in minor units of the campaign's currency.
    pub earned_minor: i64,
}

impl BroadcastReport {
    /// Returns the number of contacts for whom it was queued, in all variants.
    pub fn recipients(&self) -> i64 {
        self.variants.iter().map(|variant| variant.recipients).sum()
    }
}
