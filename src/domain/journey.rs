//! A journey: a programme of steps that contacts walk through, one enrollment each.

use super::primitives::{Millis, Span};
use super::rule::{Rule, Scalar};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A journey as a campaign file describes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Journey {
    /// What starts an enrollment.
    pub enter: Trigger,
    /// What ends one early, whatever step it stands at.
    pub exit: Option<Trigger>,
    /// Whether a contact may pass through again.
    pub re_entry: ReEntry,
    /// The purpose its messages need consent for.
    pub purpose: String,
    /// At least one; the first is where an enrollment begins.
    pub steps: Vec<Step>,
    /// What becomes of those who stand at a step of an older version, by that step's id; whoever
    /// stands at another stays on their version.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub migrate: BTreeMap<String, Migration>,
}

/// Whether a journey runs, whatever its version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// People enter and walk.
    #[default]
    Running,
    /// Nobody enters, no step is taken, nothing is sent. People can still leave.
    Paused,
    /// Nobody enters, and whoever is inside leaves.
    Archived,
}

impl RunState {
    /// What `pause`, `resume` and `archive` lead to.
    pub fn by_verb(verb: &str) -> Option<Self> {
        match verb {
            "pause" => Some(Self::Paused),
            "resume" => Some(Self::Running),
            "archive" => Some(Self::Archived),
            _ => None,
        }
    }
}

/// The last word on whether a journey runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JourneyStatus {
    /// The campaign it belongs to.
    pub campaign: super::primitives::CampaignId,
    /// Its name within the campaign.
    pub journey: String,
    /// The last word.
    pub state: RunState,
    /// When it was said.
    pub since: Millis,
}

impl JourneyStatus {
    /// Whether a journey runs, among these last words; one that none is about does.
    pub fn run_state(
        among: &[Self],
        campaign: &super::primitives::CampaignId,
        journey: &str,
    ) -> RunState {
        let status = among.iter().find(|s| s.campaign == *campaign && s.journey == journey);
        status.map_or(RunState::Running, |status| status.state)
    }
}

/// What becomes of somebody at a step of an older version, once a new one is live.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Migration {
    /// They go to this step of the new version, and stay on that.
    Move(String),
    /// They leave the journey for this reason.
    Leave(String),
}

/// What happens to a contact that starts or ends an enrollment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// A form of the same campaign was sent (with double opt-in: and then confirmed).
    Form(String),
    /// A segment of the same campaign was entered.
    Segment(String),
    /// An event happened, with these properties.
    Event(EventPattern),
}

/// An event by name, with the exact values that some of its properties must have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventPattern {
    /// The event's name.
    pub event: String,
    /// Properties and the values they must have.
    pub filter: Vec<(String, Scalar)>,
}

/// Whether a contact who has been in a journey may enter it again. Nobody is in one twice at once.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReEntry {
    /// Once in a lifetime.
    Never,
    /// Whenever the last passage has ended.
    Always,
    /// When this long has passed since the last passage began, and it has ended.
    After(Span),
}

/// One unit of a journey.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Unique within the journey.
    pub id: String,
    /// What it does.
    pub action: Action,
    /// Where it leads; for a step without `then`, the next one in the file.
    pub then: Next,
}

/// Where a step leads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Next {
    /// To the step with this id.
    Step(String),
    /// Out of the journey: the enrollment is completed.
    End,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Queues a message made from a template, `emails/welcome` or `sms/reminder`.
    Send {
        /// The template's name; its folder is the channel.
        template: String,
    },
    /// Waits this long.
    Wait(Span),
    /// Waits until the clock shows this time, in the contact's time zone.
    WaitUntil(LocalTime),
    /// Waits until something happens, or until time is up.
    WaitFor {
        /// What is waited for; properties come from `step` and `where`.
        pattern: EventPattern,
        /// The earlier send step the event must belong to; then events since that step count.
        step: Option<String>,
        /// How long at the most.
        timeout: Span,
        /// Where to go when time is up.
        on_timeout: Next,
    },
    /// Goes where the first rule that holds points.
    Branch {
        /// Tried in order.
        paths: Vec<(Rule, Next)>,
        /// Where to go when none holds.
        otherwise: Next,
    },
    /// Changes the contact.
    Update {
        /// Attributes to set.
        set: Vec<(String, Scalar)>,
        /// Tags to add.
        add_tags: Vec<String>,
        /// Tags to take away.
        remove_tags: Vec<String>,
        /// Added to the lead score; may be negative.
        score: i64,
    },
    /// Writes to the campaign's owner about the contact.
    Notify {
        /// A line for the owner; a house default if absent.
        note: Option<String>,
    },
    /// Completes the enrollment.
    End,
}

/// A time of day on certain weekdays, on a contact's own clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LocalTime {
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// Monday is 1, Sunday is 7 (ISO 8601); empty means every day.
    pub weekdays: Vec<u8>,
}

/// One contact's passage through one version of a journey.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Enrollment {
    /// Its id.
    pub id: super::primitives::EnrollmentId,
    /// The campaign it belongs to.
    pub campaign: super::primitives::CampaignId,
    /// The published version it is pinned to.
    pub version: u32,
    /// The journey's name within the campaign.
    pub journey: String,
    /// Where it stands: the step that waits, or the last one taken if it has ended.
    pub step: String,
    /// How many steps were taken so far.
    pub steps_taken: u32,
    /// For each send step, the number (of `steps_taken`) at which it was last taken.
    pub sent: std::collections::BTreeMap<String, u32>,
    /// Whether it goes on, and if not how it ended.
    pub state: EnrollmentState,
    /// Why it ended; empty while active.
    pub reason: String,
    /// When it began.
    pub entered_at: Millis,
    /// When it came to `step`.
    pub since: Millis,
    /// When `step` is due; `None` once ended.
    pub due_at: Option<Millis>,
}

impl Journey {
    /// The step with this id.
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == id)
    }
}

impl Enrollment {
    /// The message that the send step taken as number `n` queued.
    pub fn message_id(&self, n: u32) -> super::primitives::MessageId {
        super::primitives::MessageId(format!("{}.{n}", self.id))
    }

    /// Whether it is still on its way.
    pub fn is_active(&self) -> bool {
        self.state == EnrollmentState::Active
    }
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
