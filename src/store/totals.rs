//! Totals over all contacts, for simulations and checks. They read whole tables, so not for the
//! edge.

use super::statement::Statement;
use crate::domain::base::primitives::{Channel, QualifiedId};
use crate::domain::contact::message::MessageState;
use crate::domain::record::enrollment::EnrollmentState;
use serde::{Deserialize, Serialize};

/// Counts the enrollments of each journey by state and reason.
pub fn enrollments() -> Statement {
    Statement::new(
        "SELECT journey, state, reason, count(*) AS count, sum(steps_taken) AS steps
           FROM enrollments GROUP BY journey, state, reason ORDER BY journey, state, reason",
        Vec::new(),
    )
}

/// A row of `enrollments`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EnrollmentTotal {
    /// The journey's name.
    pub journey: String,
    pub state: EnrollmentState,
    /// Why they ended.
    pub reason: String,
    pub count: i64,
    /// The number of steps they took in total.
    pub steps: i64,
}

/// Counts the messages of each template by state and reason.
pub fn messages() -> Statement {
    Statement::new(
        "SELECT template, channel, state, reason, count(*) AS count
           FROM messages GROUP BY template, channel, state, reason
          ORDER BY template, channel, state, reason",
        Vec::new(),
    )
}

/// A row of `messages`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessageTotal {
    pub template: String,
    pub channel: Channel,
    pub state: MessageState,
    /// The reason, for states that have one.
    pub reason: String,
    pub count: i64,
}

/// Counts the contacts in each segment, and those that have ever been in it.
pub fn segments() -> Statement {
    Statement::new(
        "SELECT segment_id, max(now) AS now, max(ever) AS ever
           FROM (SELECT segment_id, count(*) AS now, 0 AS ever
                   FROM segment_members GROUP BY segment_id
                 UNION ALL
                 SELECT properties ->> 'segment', 0, count(DISTINCT contact_id)
                   FROM events WHERE name = 'segment.entered' GROUP BY 1)
          GROUP BY segment_id ORDER BY segment_id",
        Vec::new(),
    )
}

/// A row of `segments`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SegmentTotal {
    pub segment_id: QualifiedId,
    /// The number of contacts in it now.
    pub now: i64,
    /// The number of contacts that have ever been in it.
    pub ever: i64,
}
