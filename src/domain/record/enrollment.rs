//! An enrollment: one contact in one version of a journey, from entry to exit.

use crate::domain::base::primitives::{CampaignId, EnrollmentId, MessageId, Millis, Span};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// One contact in one version of a journey, from entry to exit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Enrollment {
    pub id: EnrollmentId,
    pub campaign: CampaignId,
    /// The published version it is pinned to.
    pub version: u32,
    /// The journey's name within the campaign.
    pub journey: String,
    /// The waiting step, or the last step taken if the enrollment has ended.
    pub step: String,
    /// The number of steps taken so far.
    pub steps_taken: u32,
    /// For each send step, the value of `steps_taken` at which it was last taken.
    pub sent: BTreeMap<String, u32>,
    pub state: EnrollmentState,
    /// Why it ended; empty while active.
    pub reason: String,
    /// The key that identifies what the contact entered for. It is unique among a contact's
    /// enrollments in a journey. Enrollments older than this field have none.
    #[serde(default)]
    pub entry_key: Option<String>,
    pub entered_at: Millis,
    /// When it reached `step`.
    pub since: Millis,
    /// When `step` is due; `None` once the enrollment has ended.
    pub due_at: Option<Millis>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnrollmentState {
    /// Waiting at a step.
    Active,
    /// Reached the end.
    Completed,
    /// Left before the end, for example by the exit rule; `reason` says why.
    Exited,
    /// Could not continue; `reason` says why.
    Failed,
}

impl Enrollment {
    /// Returns the id of the message that was queued by the send step taken as number `n`.
    pub fn message_id(&self, n: u32) -> MessageId {
        MessageId(format!("{}.{n}", self.id))
    }

    pub fn is_of(&self, campaign: &CampaignId, journey: &str) -> bool {
        self.campaign == *campaign && self.journey == journey
    }

    /// Returns whether it was entered for a property value, so that another enrollment may run in
    /// parallel for another value.
    pub fn is_for_value(&self) -> bool {
        self.entry_key.as_ref().is_some_and(|key| key.starts_with('='))
    }

    /// Returns whether its unsent messages are held back: it ended before its last step, or its
    /// contact was merged into another one that has been in the journey itself.
    pub fn was_exited(&self) -> bool {
        self.state == EnrollmentState::Exited
            || [GOAL_REASON, MERGED_REASON].contains(&&*self.reason)
    }

    /// Returns whether it has begun. In a journey with an hourly limit an enrollment may wait for
    /// its hour.
    pub fn has_begun(&self) -> bool {
        self.steps_taken > 0
    }

    pub fn is_active(&self) -> bool {
        self.state == EnrollmentState::Active
    }
}

/// The newest hour of a journey with an hourly limit in which enrollments begin, and how many of
/// them do. Reservations are made in order of arrival, so all earlier hours are full or past.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HourlyQuota {
    /// Hours since 1970, UTC.
    pub hour: i64,
    /// The number of reservations in that hour.
    pub taken: u32,
}

impl HourlyQuota {
    /// Makes one more reservation. Returns the hour with it, and when the enrollment begins: at
    /// once in the current hour, otherwise spread over the hour so that not all begin at the same
    /// moment.
    pub fn take(newest: Option<Self>, people: u32, now: Millis) -> (Self, Millis) {
        let present = now.0.div_euclid(HOUR.0);
        let next = match newest {
            Some(Self { hour, taken }) if hour >= present && taken < people => {
                Self { hour, taken: taken + 1 }
            }
            Some(Self { hour, .. }) if hour >= present => Self { hour: hour + 1, taken: 1 },
            _ => Self { hour: present, taken: 1 },
        };
        let share = HOUR.0 * i64::from(next.taken - 1) / i64::from(people.max(1));
        let begins = if next.hour == present { now } else { Millis(next.hour * HOUR.0 + share) };
        (next, begins)
    }
}

const HOUR: Span = Span::hours(1);

/// Returns the key of a contact's first enrollment.
pub fn first_key() -> String {
    String::new()
}

/// Returns the key of an enrollment that follows another. Two enrollments cannot follow the same
/// one.
pub fn following_key(last: &Enrollment) -> String {
    format!(">{}", last.id)
}

/// Returns the key of an enrollment for an occurrence, by the contact's local time: a contact that
/// moves to another time zone does not enter twice for the same local hour.
pub fn occurrence_key(clock: &str) -> String {
    format!("@{clock}")
}

/// Returns the key of an enrollment for a property value; `None` unless the value is a number or a
/// non-empty string.
pub fn value_key(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(format!("={text}")),
        Value::Number(number) => Some(format!("={number}")),
        _ => None,
    }
}

/// The reason of an enrollment that ended because the journey's goal was reached.
pub const GOAL_REASON: &str = "goal";

/// The reason of an enrollment that ended, or of a message held back, because the contact was
/// merged into another one that has been in the journey itself.
pub const MERGED_REASON: &str = "merged";
