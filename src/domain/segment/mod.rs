//! A rule: a condition on one record, which holds or does not.
//!
//! The same rule has two evaluators: `evaluate` here, used inside a decision, and its SQL form in
//! `store::segments`, which finds the contacts to evaluate again. A property test compares the two.

mod company;
mod dates;
mod events;
mod explain;
mod sample;
mod operator;
mod subject;

pub use dates::{DateTest, MOMENT_FORMS, Moment, Relative};
pub use events::{AMOUNT_MAX, AMOUNT_UNIT, Events, Measure, Occurrence, TimeTest};
pub use explain::{Explained, Words};
pub use operator::{Comparison, Operator, Scalar, matches};
pub use sample::{PRIME, Sample, TAIL};
pub use subject::{AnyRecord, COLUMNS, Subject};

use crate::domain::base::primitives::{Channel, ListId, Millis, QualifiedId, Span};
use crate::domain::contact::consent::Consent;
use crate::domain::record::Record;
use crate::domain::record::enrollment::{Enrollment, EnrollmentState};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A tree of conditions; `docs/campaign-files.md` shows how each is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// True if every part is; true when empty.
    All(Vec<Rule>),
    /// True if some part is; false when empty.
    Any(Vec<Rule>),
    /// True if the part is false.
    Not(Box<Rule>),
    /// A condition on one attribute (`email`, `first_name`, or any that forms and events set).
    Attribute {
        attribute: String,
        /// The condition on its value.
        test: Operator,
    },
    /// True if the contact has the tag.
    Tag(String),
    /// True if the contact may be written to for this purpose on this channel.
    Consent { purpose: String, channel: Channel },
    /// A comparison with the lead score.
    Score(Comparison),
    /// A condition on the count of events, optionally recent ones and with certain properties.
    Event {
        #[serde(flatten)]
        events: Events,
        /// The condition on the count; at least one by default.
        count: Comparison,
        /// How recent events must be to count: those with `now - within < at`.
        within: Option<Span>,
    },
    /// A condition on the sum or the average of a property of events. The sum of no events is 0;
    /// for the average of none, the result is false.
    Amount {
        /// Which events; those whose property is not a number are left out.
        #[serde(flatten)]
        events: Events,
        /// How the numbers become one.
        measure: Measure,
        property: String,
        /// The condition on the sum or average.
        result: Comparison,
        /// How recent events must be to count.
        within: Option<Span>,
    },
    /// A condition on when the first or the last of some events happened; false if there was none.
    EventTime {
        #[serde(flatten)]
        events: Events,
        which: Occurrence,
        /// The condition on its time.
        at: TimeTest,
        /// How recent events must be to count.
        within: Option<Span>,
    },
    /// True if some event was followed by another within `span`; false if either is missing.
    Sequence {
        /// The earlier event.
        first: Events,
        /// The event that follows: later, or in the same instant and later in the log.
        then: Events,
        /// The longest time between the two.
        span: Span,
        /// How recent events must be to count.
        within: Option<Span>,
    },
    /// True if the contact is in another segment of the campaign.
    Segment(QualifiedId),
    /// True if the record is on the list.
    List(ListId),
    /// A condition on the contact's enrollment in a journey of the campaign.
    Journey {
        journey: QualifiedId,
        /// The state of the newest enrollment; an active one counts as newer than any that has
        /// ended.
        state: JourneyState,
        /// The step at which the enrollment is, or ended.
        step: Option<String>,
    },
    /// True for a fixed share of all contacts.
    Sample(Sample),
    /// True if the rule holds for one of the companies where the contact has a position.
    Company {
        rule: Box<Rule>,
        /// The role that the contact must have there; any, if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<String>,
    },
}

/// The state of a contact's newest enrollment in a journey.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JourneyState {
    /// There is no enrollment.
    Never,
    Active,
    Completed,
    /// It ended early.
    Exited,
    Failed,
}

impl JourneyState {
    /// Returns the enrollment state; `None` if there must be no enrollment.
    pub fn enrollment(self) -> Option<EnrollmentState> {
        match self {
            Self::Never => None,
            Self::Active => Some(EnrollmentState::Active),
            Self::Completed => Some(EnrollmentState::Completed),
            Self::Exited => Some(EnrollmentState::Exited),
            Self::Failed => Some(EnrollmentState::Failed),
        }
    }
}

/// The result of a rule for a contact, and how long it lasts if nothing but time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// The result.
    pub holds: bool,
    /// The earliest time at which time alone may change it; `None` for never.
    pub changes_at: Option<Millis>,
}

impl Rule {
    /// Evaluates the rule for `subject` at `now`. Memberships and enrollments are taken from the
    /// subject, so a decision evaluates a segment after the segments that its rule refers to.
    pub fn evaluate(&self, subject: &dyn Subject, now: Millis) -> Evaluation {
        match self {
            Self::All(parts) => Evaluation::of_all(parts.iter().map(|p| p.evaluate(subject, now))),
            Self::Any(parts) => {
                Evaluation::of_all(parts.iter().map(|p| p.evaluate(subject, now).opposite()))
                    .opposite()
            }
            Self::Not(part) => part.evaluate(subject, now).opposite(),
            Self::Attribute { attribute, test } => {
                let value = subject.attribute(attribute);
                test.evaluate(value.as_ref(), subject.time_zone(), now)
            }
            Self::Tag(tag) => Evaluation::lasting(subject.tags.contains(tag)),
            Self::Consent { purpose, channel } => {
                Evaluation::lasting(subject.consent(*channel, purpose).is_some_and(Consent::allows))
            }
            Self::Score(comparison) => Evaluation::lasting(comparison.holds(subject.score as f64)),
            Self::Event { events, count, within } => {
                events::count(&events.within(*within, subject, now), *count)
            }
            Self::Amount { events, measure, property, result, within } => {
                let window = events.within(*within, subject, now);
                events::amount(&window, *measure, property, *result)
            }
            Self::EventTime { events, which, at, within } => {
                events::time(&events.within(*within, subject, now), *which, *at)
            }
            Self::Sequence { first, then, span, within } => {
                let first = first.within(*within, subject, now);
                let then = then.within(*within, subject, now);
                events::sequence(&first, &then, *span)
            }
            Self::Segment(segment) => Evaluation::lasting(subject.segments.contains_key(segment)),
            Self::List(list) => Evaluation::lasting(subject.lists.contains_key(list)),
            Self::Journey { journey, state, step } => {
                let enrollment = newest_enrollment(subject, journey);
                let is_there = step.is_none() || enrollment.map(|p| &p.step) == step.as_ref();
                let stands = enrollment.map(|enrollment| enrollment.state) == state.enrollment();
                Evaluation::lasting(stands && is_there)
            }
            Self::Sample(sample) => Evaluation::lasting(sample.has(subject.id.as_str())),
            Self::Company { rule, role } => company::evaluate(rule, role.as_deref(), subject, now),
        }
    }

    /// Calls `visit` for this rule and every part of it that is about the same record.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Rule)) {
        visit(self);
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.walk(visit)),
            Self::Not(part) => part.walk(visit),
            _ => {}
        }
    }

    /// Adds the names of the events that the rule refers to.
    pub fn event_names<'a>(&'a self, names: &mut BTreeSet<&'a str>) {
        self.walk(&mut |rule| match rule {
            Self::Event { events, .. }
            | Self::Amount { events, .. }
            | Self::EventTime { events, .. } => {
                names.insert(&events.event);
            }
            Self::Sequence { first, then, .. } => names.extend([&*first.event, &*then.event]),
            _ => {}
        });
    }

    /// Returns whether the rule asks about the companies of a contact.
    pub fn asks_about_companies(&self) -> bool {
        let mut asks = false;
        self.walk(&mut |rule| asks |= matches!(rule, Self::Company { .. }));
        asks
    }

    /// Returns the segments that the rule refers to.
    pub fn segments(&self) -> Vec<&QualifiedId> {
        let mut found = Vec::new();
        self.walk(&mut |rule| {
            if let Self::Segment(segment) = rule {
                found.push(segment);
            }
        });
        found
    }
}

/// Returns the enrollment that counts: an active one, or else the one that began last.
fn newest_enrollment<'r>(record: &'r Record, journey: &QualifiedId) -> Option<&'r Enrollment> {
    let (campaign, name) = journey.0.split_once('.')?;
    let enrollments = record.enrollments.iter();
    enrollments
        .filter(|e| e.journey == name && e.campaign.as_str() == campaign)
        .max_by_key(|e| (e.is_active(), e.entered_at, e.id.as_str()))
}

impl Evaluation {
    /// Returns a result that time alone does not change.
    fn lasting(holds: bool) -> Self {
        Self { holds, changes_at: None }
    }

    fn opposite(self) -> Self {
        Self { holds: !self.holds, ..self }
    }

    /// Combines parts that must all hold. If all hold, the result lasts until the first of them
    /// changes. Otherwise it stays false until the last false part has changed.
    fn of_all(parts: impl Iterator<Item = Evaluation>) -> Self {
        let (mut first_of_true, mut last_of_false) = (None, None);
        for Evaluation { holds, changes_at } in parts {
            let at = changes_at.unwrap_or(Millis(i64::MAX));
            if holds {
                first_of_true = Some(first_of_true.map_or(at, |first: Millis| first.min(at)));
            } else {
                last_of_false = Some(last_of_false.map_or(at, |last: Millis| last.max(at)));
            }
        }
        let changes_at = last_of_false.or(first_of_true).filter(|at| at.0 != i64::MAX);
        Self { holds: last_of_false.is_none(), changes_at }
    }
}
