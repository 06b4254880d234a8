//! Segments: a rule has two evaluators that must agree, predicts when its answer may change, and is
//! backfilled once when it is published.

mod evaluators;
mod generators;
pub use generators::{contact, named, rule};
mod limits;

use super::segment_backfill::{EVER, a_filling};
use super::support::{FORM, MONDAY, campaign};
use dripline::domain::base::primitives::{Channel, ListId, Millis, QualifiedId, RecordId, Span};
use dripline::domain::contact::Contact;
use dripline::domain::contact::consent::{Consent, ConsentState};
use dripline::domain::engine::Decision;
use dripline::domain::engine::change::Change;
use dripline::domain::publication::validate::{
    OPTIONS_MAX, RULE_DATES_MAX, RULE_DEPTH_MAX, RULE_LEAVES_MAX, check, rule_bytes,
};
use dripline::domain::record::PlainRecord;
use dripline::domain::record::enrollment::{Enrollment, EnrollmentState};
use dripline::domain::record::event::{Event, Properties};
use dripline::domain::record::list::Membership;
use dripline::domain::segment::{
    Comparison, DateTest, Events, Explained, JourneyState, Measure, Occurrence, Operator, Relative,
    Rule, Sample, Scalar, TimeTest,
};
use dripline::flows::ports::Database;
use dripline::native::sqlite::Sqlite;
use dripline::native::world::block_on;
use dripline::store::broadcasts::{self, BroadcastRow};
use dripline::store::segments;
use dripline::store::statement::Statement;
use dripline::store::write;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const NOW: Millis = MONDAY;
const HOUR: i64 = 3_600_000;

/// A database with these contacts, written by the same statements as the flows use.
pub fn store(contacts: Vec<Contact>) -> Sqlite {
    let db = Sqlite::in_memory().unwrap();
    let companies = contacts.iter().flat_map(|contact| &contact.positions);
    let companies: Vec<Decision> = companies.map(|own| written(&own.company)).collect();
    let decisions: Vec<Decision> = contacts
        .into_iter()
        .map(|contact| {
            let mut changes: Vec<Change> = Vec::new();
            changes.extend(contact.history.iter().map(|event| Change::Event {
                event: event.clone(),
                key: None,
                content: None,
            }));
            changes.extend(contact.enrollments.iter().cloned().map(Change::Enrollment));
            let entered = contact.segments.iter();
            changes.extend(entered.map(|(id, at)| Change::EnterSegment(id.clone(), *at)));
            changes.extend(contact.positions.iter().cloned().map(Change::SetPosition));
            let listed = contact.lists.iter();
            changes.extend(listed.map(|(id, of)| Change::JoinList(id.clone(), of.clone())));
            // A decision without changes would not write the contact.
            let (read_seq, subject) = (contact.seq - 1, contact.into());
            Decision { read_seq, subject, changes, conflicts: Vec::new() }
        })
        .collect();
    let decisions: Vec<&Decision> = companies.iter().chain(&decisions).collect();
    block_on(db.batch(write::decisions(&decisions, NOW))).unwrap();
    db
}

/// A decision that writes a company as it is.
fn written(company: &PlainRecord) -> Decision {
    let name = "record.created".to_owned();
    let event = Event { seq: 1, at: NOW, name, campaign: None, properties: Properties::new() };
    let mut changes = vec![Change::Event { event, key: None, content: None }];
    let entered = company.segments.iter();
    changes.extend(entered.map(|(id, at)| Change::EnterSegment(id.clone(), *at)));
    Decision { read_seq: 0, subject: company.clone().into(), changes, conflicts: Vec::new() }
}

/// The ids that a statement returns.
pub fn ids(db: &Sqlite, statement: Statement) -> BTreeSet<String> {
    let found = block_on(db.batch(vec![statement])).unwrap();
    let rows = found[0].all::<BTreeMap<String, String>>().unwrap();
    rows.into_iter().flat_map(BTreeMap::into_values).collect()
}
