//! A record: what a log of events is about, with everything that rules and journeys look at. A
//! contact is a record that can be written to. Not here: addresses and consents (`contact`), and
//! the decisions themselves (`engine`).

pub mod enrollment;
pub mod event;

use crate::domain::base::primitives::{CampaignId, ContactId, Millis, QualifiedId};
use crate::domain::record::enrollment::{Enrollment, EnrollmentState};
use crate::domain::record::event::Event;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The number of a record's newest events that rules look at.
pub const HISTORY_EVENTS_MAX: i64 = 1_000;

/// A record as of event `seq`.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub id: ContactId,
    /// The number of its newest event; 0 before the first.
    pub seq: i64,
    /// Known facts: text, numbers, booleans, lists of text.
    pub attributes: BTreeMap<String, Value>,
    pub tags: BTreeSet<String>,
    pub score: i64,
    /// The active enrollments and the newest ended ones.
    pub enrollments: Vec<Enrollment>,
    /// The segments that it is in, and since when.
    pub segments: BTreeMap<QualifiedId, Millis>,
    /// The newest events, oldest first, limited to the names that a rule or journey uses.
    pub history: Vec<Event>,
    /// The earliest moment at which time alone may change something about it.
    pub wake_at: Option<Millis>,
    pub created_at: Millis,
    /// When it was erased. No further decisions are made about it.
    pub erased_at: Option<Millis>,
}

impl Record {
    /// Returns a new record about which nothing is known.
    pub fn unknown(id: ContactId, now: Millis) -> Self {
        Self {
            id,
            seq: 0,
            attributes: BTreeMap::new(),
            tags: BTreeSet::new(),
            score: 0,
            enrollments: Vec::new(),
            segments: BTreeMap::new(),
            history: Vec::new(),
            wake_at: None,
            created_at: now,
            erased_at: None,
        }
    }

    /// Returns the newest enrollment in a journey.
    pub fn last_enrollment(&self, campaign: &CampaignId, journey: &str) -> Option<&Enrollment> {
        self.enrollments
            .iter()
            .filter(|e| e.is_of(campaign, journey))
            .max_by_key(|e| (e.state == EnrollmentState::Active, e.entered_at))
    }
}
