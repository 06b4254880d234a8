//! Totals over all contacts, for simulations and checks. They read whole tables: not for the edge.

use super::statement::Statement;
use crate::domain::base::primitives::{Channel, QualifiedId};
use crate::domain::contact::enrollment::EnrollmentState;
use crate::domain::contact::message::MessageState;
use serde::{Deserialize, Serialize};

/// How many passages through each journey there are in each state.
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
    /// How the passages stand.
    pub state: EnrollmentState,
    /// Why they ended.
    pub reason: String,
    /// How many.
    pub count: i64,
    /// How many steps they took altogether.
    pub steps: i64,
}

/// How many messages of each template there are in each state.
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
    /// The template.
    pub template: String,
    /// How they travel.
    pub channel: Channel,
    /// What became of them.
    pub state: MessageState,
    /// Why, where that needs a reason.
    pub reason: String,
    /// How many.
    pub count: i64,
}

/// How many contacts are in each segment, and how many have ever been in it.
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
    /// The segment.
    pub segment_id: QualifiedId,
    /// How many contacts are in it.
    pub now: i64,
    /// How many have been in it at some time.
    pub ever: i64,
}
