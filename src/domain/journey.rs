//! A journey: a programme of steps that contacts walk through, one enrollment each.

use super::pacing::hours::Hours;
use super::primitives::{Millis, Span};
use super::recurrence::Recurrence;
use super::rule::{Rule, Scalar};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A journey as a campaign file describes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Journey {
    /// What starts an enrollment.
    pub enter: Trigger,
    /// What ends one early, whatever step it stands at.
    pub exit: Option<Trigger>,
    /// What it is for: whoever reaches it has completed the journey, wherever they stood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<Trigger>,
    /// Whether a contact may pass through again.
    pub re_entry: ReEntry,
    /// How many people begin it in an hour at the most; the others begin later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub people_per_hour: Option<u32>,
    /// The only hours in which its messages leave; the campaign's if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Hours>,
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
    /// The last word. One that this code does not know halts the journey, and loses nothing.
    #[serde(deserialize_with = "known_or_paused")]
    pub state: RunState,
    /// When it was said.
    pub since: Millis,
}

fn known_or_paused<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RunState, D::Error> {
    let word = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(word).unwrap_or(RunState::Paused))
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

/// What starts an enrollment, ends it, or is waited for in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// A form of the same campaign was sent (with double opt-in: and then confirmed).
    Form(String),
    /// A segment of the same campaign was entered.
    Segment(String),
    /// A segment of the same campaign was left.
    SegmentLeft(String),
    /// An event happened, with these properties.
    Event(EventPattern),
    /// One of these.
    Any(Vec<Trigger>),
    /// A rule became true; asked after every change, and ends enrollments only.
    Rule(Rule),
    /// A date of the contact's came; starts enrollments only.
    Date(DateMoment),
    /// A schedule came round for the members of a segment; starts enrollments only.
    Schedule(Schedule),
}

/// A recurrence, on the own clock of each member of a segment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// When.
    pub recurrence: Recurrence,
    /// For whom: a segment of the same campaign.
    pub segment: String,
}

/// An event by name, with the exact values that some of its properties must have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventPattern {
    /// The event's name.
    pub event: String,
    /// Properties and the values they must have.
    pub filter: Vec<(String, Scalar)>,
    /// The send step of the same journey whose last message it must be about; only where it is
    /// waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Whether a machine may have done it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub machines: bool,
}

/// Whether a contact who has been in a journey may enter it again. Nobody is in one twice at once,
/// but once for each key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReEntry {
    /// Once in a lifetime.
    Never,
    /// Whenever the last passage has ended.
    Always,
    /// When this long has passed since the last passage began, and it has ended.
    After(Span),
    /// Once for each value of this property of the event that triggers it, such as an order's id.
    OncePer(String),
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
    /// Whether the message it sends is not followed: no link leads through us, and no picture
    /// tells of its opening.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub untracked: bool,
    /// The only hours in which its message leaves; the journey's if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Hours>,
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
    /// Waits until a date of the contact's.
    WaitUntilDate {
        /// The moment.
        moment: DateMoment,
        /// Where to go when the date is absent or the moment past.
        otherwise: Next,
    },
    /// Waits until something happens, or until time is up.
    WaitFor(WaitFor),
    /// Goes where the first rule that holds points.
    Branch {
        /// Tried in order.
        paths: Vec<(Rule, Next)>,
        /// Where to go when none holds.
        otherwise: Next,
    },
    /// Goes one of several ways by weight; a contact always goes the same way.
    Split {
        /// The weight of each path, and where it leads.
        paths: Vec<(u32, Next)>,
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
    /// Calls another program about the contact.
    Webhook {
        /// Its address, `https://…`.
        url: String,
    },
    /// Enters another journey of the same campaign, if that one lets the contact in.
    Enroll {
        /// Its name.
        journey: String,
    },
    /// Ends an enrollment as exited: what it has not sent yet is held back.
    Leave {
        /// The other journey of the same campaign that is left; this one if absent.
        journey: Option<String>,
        /// Why.
        reason: String,
    },
    /// Completes the enrollment.
    End,
}

/// A wait for something to happen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "StoredWaitFor")]
pub struct WaitFor {
    /// What is waited for, any of it: events, segments entered and left.
    pub any: Vec<Trigger>,
    /// How long at the most.
    pub timeout: Span,
    /// Where to go when time is up.
    pub on_timeout: Next,
}

/// A wait as versions hold it that were published when a wait was for one event only, or since.
#[derive(Deserialize)]
struct StoredWaitFor {
    #[serde(default)]
    any: Vec<Trigger>,
    pattern: Option<EventPattern>,
    step: Option<String>,
    timeout: Span,
    on_timeout: Next,
}

impl From<StoredWaitFor> for WaitFor {
    fn from(stored: StoredWaitFor) -> Self {
        let StoredWaitFor { mut any, pattern, step, timeout, on_timeout } = stored;
        any.extend(pattern.map(|pattern| Trigger::Event(EventPattern { step, ..pattern })));
        Self { any, timeout, on_timeout }
    }
}

impl WaitFor {
    /// The events it waits for.
    pub fn patterns(&self) -> impl Iterator<Item = &EventPattern> {
        self.any.iter().filter_map(|trigger| match trigger {
            Trigger::Event(pattern) => Some(pattern),
            _ => None,
        })
    }

    /// The send steps to whose messages it looks back.
    pub fn senders(&self) -> impl Iterator<Item = &str> {
        self.patterns().filter_map(|pattern| pattern.step.as_deref())
    }
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

/// A moment that a date among a contact's attributes gives, on the contact's own clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DateMoment {
    /// The attribute that holds the date.
    pub date: String,
    /// Whether every anniversary counts, or only the date itself.
    pub yearly: bool,
    /// So many days after it; before it if negative.
    pub offset_days: i32,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
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

/// The newest hour of a limited journey in which somebody begins it, counted since 1970, and how
/// many do. Places are given out in the order in which people come, so those before it are full or
/// past.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusyHour {
    /// Hours since 1970, UTC.
    pub hour: i64,
    /// The places that are taken.
    pub taken: u32,
}

impl BusyHour {
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
pub fn value_key(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::String(text) if !text.is_empty() => Some(format!("={text}")),
        serde_json::Value::Number(number) => Some(format!("={number}")),
        _ => None,
    }
}

/// The reason of an enrollment that ended because its journey's goal was reached.
pub const GOAL_REASON: &str = "goal";

/// Why a passage goes on no further, or what waits of it is held back: the contact was merged into
/// another that has been in the journey itself.
pub const MERGED_REASON: &str = "merged";

impl Trigger {
    /// The triggers it consists of.
    pub fn parts(&self) -> &[Trigger] {
        match self {
            Self::Any(parts) => parts,
            single => std::slice::from_ref(single),
        }
    }

    /// Whether it comes with time alone.
    pub fn is_of_time(&self) -> bool {
        matches!(self, Self::Date(_) | Self::Schedule(_))
    }

    /// The rules among them.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.parts().iter().filter_map(|part| match part {
            Self::Rule(rule) => Some(rule),
            _ => None,
        })
    }
}

impl Journey {
    /// The rules that end it, goal or exit.
    pub fn ending_rules(&self) -> impl Iterator<Item = &Rule> {
        self.goal.iter().chain(&self.exit).flat_map(Trigger::rules)
    }

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

    /// Whether it is a passage through this journey.
    pub fn is_of(&self, campaign: &super::primitives::CampaignId, journey: &str) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_reads_as_versions_hold_it_that_were_published_before_there_were_several() {
        let stored = r#"{ "wait_for": {
            "pattern": { "event": "message.clicked", "filter": [] }, "step": "welcome",
            "timeout": 1000, "on_timeout": "end" } }"#;
        let Action::WaitFor(wait) = serde_json::from_str(stored).unwrap() else { panic!() };
        assert_eq!(wait.senders().collect::<Vec<_>>(), ["welcome"]);
        let again = serde_json::to_string(&wait).unwrap();
        assert_eq!(serde_json::from_str::<WaitFor>(&again).unwrap(), wait);
    }
}
