//! An enrollment: one contact's way through one version of a journey.

use crate::domain::base::primitives::{CampaignId, EnrollmentId, MessageId, Millis, Span};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// One contact's passage through one version of a journey.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Enrollment {
    /// Its id.
    pub id: EnrollmentId,
    /// The campaign it belongs to.
    pub campaign: CampaignId,
    /// The published version it is pinned to.
    pub version: u32,
    /// The journey's name within the campaign.
    pub journey: String,
    /// Where it stands: the step that waits, or the last one taken if it has ended.
    pub step: String,
    /// How many steps were taken so far.
    pub steps_taken: u32,
    /// For each send step, the number (of `steps_taken`) at which it was last taken.
    pub sent: BTreeMap<String, u32>,
    /// Whether it goes on, and if not how it ended.
    pub state: EnrollmentState,
    /// Why it ended; empty while active.
    pub reason: String,
    /// What it was entered for; no two passages of a contact through a journey have the same.
    /// Passages of before there were keys have none.
    #[serde(default)]
    pub entry_key: Option<String>,
    /// When it began.
    pub entered_at: Millis,
    /// When it came to `step`.
    pub since: Millis,
    /// When `step` is due; `None` once ended.
    pub due_at: Option<Millis>,
}

/// The states of an enrollment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnrollmentState {
    /// Standing at a step.
    Active,
    /// Came to the end.
    Completed,
    /// Left by its exit rule.
    Exited,
    /// Could not go on; `reason` says why.
    Failed,
}

impl Enrollment {
    /// The message that the send step taken as number `n` queued.
    pub fn message_id(&self, n: u32) -> MessageId {
        MessageId(format!("{}.{n}", self.id))
    }

    /// Whether it is a passage through this journey.
    pub fn is_of(&self, campaign: &CampaignId, journey: &str) -> bool {
        self.campaign == *campaign && self.journey == journey
    }

    /// Whether it was entered for a value, so that another may run beside it for another value.
    pub fn is_for_value(&self) -> bool {
        self.entry_key.as_ref().is_some_and(|key| key.starts_with('='))
    }

    /// Whether it ended before its last step, or was another's too, so that what it has not sent
    /// yet is held back.
    pub fn has_left(&self) -> bool {
        self.state == EnrollmentState::Exited
            || [GOAL_REASON, MERGED_REASON].contains(&&*self.reason)
    }

    /// Whether it has begun; one of a limited journey may wait for its hour.
    pub fn has_begun(&self) -> bool {
        self.steps_taken > 0
    }

    /// Whether it is still on its way.
    pub fn is_active(&self) -> bool {
        self.state == EnrollmentState::Active
    }
}

/// The newest hour of a limited journey in which somebody begins it, counted since 1970, and how
/// many do. Places are given out in the order in which people come, so those before it are full or
/// past.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HourlyQuota {
    /// Hours since 1970, UTC.
    pub hour: i64,
    /// The places that are taken.
    pub taken: u32,
}

impl HourlyQuota {
    /// The hour after one more place is taken, and when whoever takes it begins: at once in the
    /// present hour; later on spread over the hour, so that not all begin at the stroke of it.
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

/// The key of a first passage.
pub fn first_key() -> String {
    String::new()
}

/// The key of a passage that follows another: two cannot follow the same one.
pub fn following_key(last: &Enrollment) -> String {
    format!(">{}", last.id)
}

/// The key of a passage for an occurrence, by the contact's clock: who moves to another zone does
/// not live through the same hour twice.
pub fn occurrence_key(clock: &str) -> String {
    format!("@{clock}")
}

/// The key of a passage for a property's value; `None` where that is no text and no number.
pub fn value_key(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(format!("={text}")),
        Value::Number(number) => Some(format!("={number}")),
        _ => None,
    }
}

/// The reason of an enrollment that ended because its journey's goal was reached.
pub const GOAL_REASON: &str = "goal";

/// Why a passage goes on no further, or what waits of it is held back: the contact was merged into
/// another that has been in the journey itself.
pub const MERGED_REASON: &str = "merged";
