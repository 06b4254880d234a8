//! A rule: a question about one contact, answered true or false.
//!
//! The same rule has two evaluators: `verdict` here, inside a decision, and its SQL form in
//! `store::segments`, which finds the contacts that must be looked at again. A property test
//! holds them together.

mod dates;
mod events;
mod explain;
mod sample;
mod operator;

pub use dates::{DateTest, MOMENT_FORMS, Moment, Relative};
pub use events::{AMOUNT_MAX, AMOUNT_UNIT, Events, Measure, Occurrence, TimeTest};
pub use explain::{Explained, Words};
pub use operator::{Comparison, Operator, Scalar, matches};
pub use sample::{PRIME, Sample, TAIL};

use crate::domain::base::primitives::{Channel, Millis, QualifiedId, Span};
use crate::domain::contact::Contact;
use crate::domain::contact::enrollment::{Enrollment, EnrollmentState};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A tree of questions; `docs/campaign-files.md` shows how each is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// True if every part is; true when empty.
    All(Vec<Rule>),
    /// True if some part is; false when empty.
    Any(Vec<Rule>),
    /// True if the part is false.
    Not(Box<Rule>),
    /// A question about one attribute (`email`, `first_name`, or any that forms and events set).
    Attribute {
        /// The attribute's name.
        attribute: String,
        /// What is asked of its value.
        test: Operator,
    },
    /// True if the contact has the tag.
    Tag(String),
    /// True if the contact may be written to for this purpose on this channel.
    Consent {
        /// The purpose the consent was given for.
        purpose: String,
        /// The channel it was given for.
        channel: Channel,
    },
    /// A comparison with the lead score.
    Score(Comparison),
    /// A count of events, optionally recent and with certain properties.
    Event {
        /// Which events.
        #[serde(flatten)]
        events: Events,
        /// What the count must be; at least one unless said otherwise.
        count: Comparison,
        /// Only events this recent count: those with `now - within < at`.
        within: Option<Span>,
    },
    /// The sum or the average of a property of events. The sum of none is 0; the average of none
    /// compares with nothing, so the answer is false.
    Amount {
        /// Which events; those whose property is no number are left out.
        #[serde(flatten)]
        events: Events,
        /// How the numbers become one.
        measure: Measure,
        /// The property.
        property: String,
        /// What the result must be.
        result: Comparison,
        /// Only events this recent count.
        within: Option<Span>,
    },
    /// When the first or the last of some events happened; false if there was none.
    EventTime {
        /// Which events.
        #[serde(flatten)]
        events: Events,
        /// The first or the last of them.
        which: Occurrence,
        /// When it must have happened.
        at: TimeTest,
        /// Only events this recent count.
        within: Option<Span>,
    },
    /// True if some event was followed by another one soon enough; false if either is missing.
    Sequence {
        /// What comes first.
        first: Events,
        /// What follows: later, or in the same instant and later in the log.
        then: Events,
        /// How long after the first at the most.
        span: Span,
        /// Only events this recent count.
        within: Option<Span>,
    },
    /// True if the contact is in another segment of the campaign.
    Segment(QualifiedId),
    /// Where the contact stands with a journey of the campaign.
    Journey {
        /// The journey.
        journey: QualifiedId,
        /// How its newest passage stands; one under way counts as newer than any that has ended.
        state: JourneyState,
        /// The step it stands at, or ended at.
        step: Option<String>,
    },
    /// True of a share of all contacts: always the same ones.
    Sample(Sample),
}

/// How a contact's newest passage through a journey stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JourneyState {
    /// There has been none.
    Never,
    /// It is under way.
    Active,
    /// It came to the end.
    Completed,
    /// It was left by an exit rule.
    Exited,
    /// It could not go on.
    Failed,
}

impl JourneyState {
    /// The state of the enrollment that is meant; `None` if there must be none.
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

/// A rule's answer about a contact, and how long it lasts if nothing but time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// The answer.
    pub holds: bool,
    /// The earliest moment at which time alone may change it; `None` for never.
    pub changes_at: Option<Millis>,
}

impl Rule {
    /// Answers the question about `contact` at `now`. Segments and journeys are what the contact
    /// says of them, so a decision judges a segment after those that it asks about.
    pub fn verdict(&self, contact: &Contact, now: Millis) -> Evaluation {
        match self {
            Self::All(parts) => Evaluation::of_all(parts.iter().map(|p| p.verdict(contact, now))),
            Self::Any(parts) => {
                Evaluation::of_all(parts.iter().map(|p| p.verdict(contact, now).opposite()))
                    .opposite()
            }
            Self::Not(part) => part.verdict(contact, now).opposite(),
            Self::Attribute { attribute, test } => {
                let value = contact.attribute(attribute);
                test.verdict(value.as_ref(), contact.time_zone.as_deref(), now)
            }
            Self::Tag(tag) => Evaluation::lasting(contact.tags.contains(tag)),
            Self::Consent { purpose, channel } => {
                Evaluation::lasting(contact.may_be_sent(*channel, purpose))
            }
            Self::Score(comparison) => Evaluation::lasting(comparison.holds(contact.score as f64)),
            Self::Event { events, count, within } => {
                events::count(contact, now, events, *count, *within)
            }
            Self::Amount { events, measure, property, result, within } => {
                let asked = (*measure, property.as_str(), *result);
                events::amount(contact, now, events, asked, *within)
            }
            Self::EventTime { events, which, at, within } => {
                events::time(contact, now, events, (*which, *at), *within)
            }
            Self::Sequence { first, then, span, within } => {
                events::sequence(contact, now, [first, then], *span, *within)
            }
            Self::Segment(segment) => Evaluation::lasting(contact.segments.contains_key(segment)),
            Self::Journey { journey, state, step } => {
                let passage = newest_passage(contact, journey);
                let is_there = step.is_none() || passage.map(|p| &p.step) == step.as_ref();
                let stands = passage.map(|passage| passage.state) == state.enrollment();
                Evaluation::lasting(stands && is_there)
            }
            Self::Sample(sample) => Evaluation::lasting(sample.has(contact.id.as_str())),
        }
    }

    /// Calls `visit` for this rule and every part of it.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Rule)) {
        visit(self);
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.walk(visit)),
            Self::Not(part) => part.walk(visit),
            _ => {}
        }
    }

    /// Adds the names of the events that the rule asks about.
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

    /// The segments that the rule asks about.
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

/// The passage that counts: one under way, or else the one that began last.
fn newest_passage<'c>(contact: &'c Contact, journey: &QualifiedId) -> Option<&'c Enrollment> {
    let (campaign, name) = journey.0.split_once('.')?;
    let passages = contact.enrollments.iter();
    passages
        .filter(|e| e.journey == name && e.campaign.as_str() == campaign)
        .max_by_key(|e| (e.is_active(), e.entered_at, e.id.as_str()))
}

impl Evaluation {
    /// An answer that time alone does not change.
    fn lasting(holds: bool) -> Self {
        Self { holds, changes_at: None }
    }

    fn opposite(self) -> Self {
        Self { holds: !self.holds, ..self }
    }

    /// True parts that must all stay true: the first to change ends it. With false parts among
    /// them, it stays false until the last of those has changed.
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
