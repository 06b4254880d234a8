//! A record: what a log of events is about, with everything that rules and journeys look at. A
//! contact is a record that can be written to. Not here: addresses and consents (`contact`), and
//! the decisions themselves (`engine`).

pub mod edit;
pub mod enrollment;
pub mod event;
pub mod list;

use crate::domain::base::primitives::{
    CampaignId, KindId, ListId, MemberId, Millis, QualifiedId, RecordId,
};
use crate::domain::record::enrollment::{Enrollment, EnrollmentState};
use crate::domain::record::event::Event;
use crate::domain::record::list::Membership;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Deref, DerefMut};

/// The number of a record's newest events that rules look at.
pub const HISTORY_EVENTS_MAX: i64 = 1_000;

/// A record as of event `seq`.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub id: RecordId,
    pub kind: KindId,
    /// The number of its newest event; 0 before the first.
    pub seq: i64,
    /// The member who looks after it.
    pub owner: Option<MemberId>,
    /// Known facts: text, numbers, booleans, lists of text.
    pub attributes: BTreeMap<String, Value>,
    pub tags: BTreeSet<String>,
    pub score: i64,
    /// The active enrollments and the newest ended ones.
    pub enrollments: Vec<Enrollment>,
    /// The segments that it is in, and since when.
    pub segments: BTreeMap<QualifiedId, Millis>,
    /// The lists that it is in.
    pub lists: BTreeMap<ListId, Membership>,
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
    pub fn unknown(id: RecordId, kind: KindId, now: Millis) -> Self {
        Self {
            id,
            kind,
            seq: 0,
            owner: None,
            attributes: BTreeMap::new(),
            tags: BTreeSet::new(),
            score: 0,
            enrollments: Vec::new(),
            segments: BTreeMap::new(),
            lists: BTreeMap::new(),
            history: Vec::new(),
            wake_at: None,
            created_at: now,
            erased_at: None,
        }
    }

    /// Sets an attribute, or the owner; `null` clears it.
    pub fn set_attribute(&mut self, name: &str, value: Value) {
        match (name, value) {
            ("owner", Value::String(id)) => self.owner = Some(MemberId(id)),
            ("owner", Value::Null) => self.owner = None,
            (_, Value::Null) => _ = self.attributes.remove(name),
            (_, value) => _ = self.attributes.insert(name.to_owned(), value),
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

/// A record of another kind than contacts, such as a company.
#[derive(Clone, Debug, PartialEq)]
pub struct PlainRecord {
    pub record: Record,
    /// What people call it.
    pub title: String,
    /// Its number within its kind, from 1, if the kind numbers its records.
    pub number: Option<i64>,
    /// Where it stands in the process of its kind.
    pub stage: Option<String>,
    /// What it is worth, in minor units of the currency of its kind.
    pub value: Option<i64>,
    /// The records that were merged into it.
    pub aliases: Vec<RecordId>,
}

impl PlainRecord {
    /// Returns a new record about which nothing is known.
    pub fn unknown(id: RecordId, kind: KindId, now: Millis) -> Self {
        Self {
            record: Record::unknown(id, kind, now),
            title: String::new(),
            number: None,
            stage: None,
            value: None,
            aliases: Vec::new(),
        }
    }

    /// Returns whether this is its id, or was the id of a record that was merged into it.
    pub fn is_known_as(&self, id: &RecordId) -> bool {
        self.id == *id || self.aliases.contains(id)
    }
}

impl Deref for PlainRecord {
    type Target = Record;

    fn deref(&self) -> &Record {
        &self.record
    }
}

impl DerefMut for PlainRecord {
    fn deref_mut(&mut self) -> &mut Record {
        &mut self.record
    }
}
