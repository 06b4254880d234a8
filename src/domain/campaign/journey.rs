//! A journey: an automated sequence of steps; each contact in it has an enrollment.

use crate::domain::base::primitives::KindId;
use crate::domain::base::primitives::{CampaignId, ListId, Millis, Span};
use crate::domain::record::event::Event;
use crate::domain::segment::{Rule, Scalar};
use crate::domain::time::calendar::{DateMoment, LocalTime};
use crate::domain::time::hours::Hours;
use crate::domain::time::recurrence::Recurrence;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A journey as a campaign file describes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Journey {
    /// The kind of the records that go through it.
    #[serde(default = "KindId::contact", skip_serializing_if = "KindId::is_contact")]
    pub of: KindId,
    /// What starts an enrollment.
    pub enter: Trigger,
    /// What ends an enrollment early, whatever its step.
    pub exit: Option<Trigger>,
    /// The purpose of the journey: a contact that reaches the goal has completed it, whatever its
    /// step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<Trigger>,
    pub re_entry: ReEntry,
    /// The most contacts that begin it in an hour; the others begin later.
    #[serde(rename = "people_per_hour", default, skip_serializing_if = "Option::is_none")]
    pub entries_per_hour: Option<u32>,
    /// The send window of its messages; the campaign's if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Hours>,
    /// The purpose that its messages need consent for.
    pub purpose: String,
    /// At least one; an enrollment begins at the first.
    pub steps: Vec<Step>,
    /// The migration map: what happens to enrollments of older versions, by the id of their step.
    /// An enrollment at a step that is not listed stays on its version.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub migrate: BTreeMap<String, Migration>,
}

/// Whether a journey runs, in all its versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Contacts enter and take steps.
    #[default]
    Running,
    /// Nobody enters, no step is taken, nothing is sent. Contacts can still leave.
    Paused,
    /// Nobody enters, and active enrollments end.
    Archived,
}

impl RunState {
    /// Returns the state after `pause`, `resume` or `archive`.
    pub fn by_verb(verb: &str) -> Option<Self> {
        match verb {
            "pause" => Some(Self::Paused),
            "resume" => Some(Self::Running),
            "archive" => Some(Self::Archived),
            _ => None,
        }
    }

    /// Returns the verb that sets this state.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Paused => "pause",
            Self::Running => "resume",
            Self::Archived => "archive",
        }
    }
}

/// The current run state of a journey.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JourneyStatus {
    pub campaign: CampaignId,
    /// The name within the campaign.
    pub journey: String,
    /// The state. A value unknown to this version of the code pauses the journey, so that nothing
    /// is lost.
    #[serde(deserialize_with = "known_or_paused")]
    pub state: RunState,
    pub since: Millis,
}

fn known_or_paused<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RunState, D::Error> {
    let word = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(word).unwrap_or(RunState::Paused))
}

impl JourneyStatus {
    /// Returns the state of a journey; `Running` if none is recorded.
    pub fn run_state(among: &[Self], campaign: &CampaignId, journey: &str) -> RunState {
        let status = among.iter().find(|s| s.campaign == *campaign && s.journey == journey);
        status.map_or(RunState::Running, |status| status.state)
    }
}

/// What happens to an enrollment at a step of an older version once a new version is live.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Migration {
    /// It moves to this step of the new version.
    Move(String),
    /// It leaves the journey for this reason.
    Leave(String),
}

/// What starts an enrollment, ends it, or ends a wait in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// A form of the same campaign was submitted and, with double opt-in, confirmed.
    Form(String),
    /// The contact entered a segment of the same campaign.
    Segment(String),
    /// The contact left a segment of the same campaign.
    SegmentLeft(String),
    /// An event matched the pattern.
    Event(EventPattern),
    /// Any of these.
    Any(Vec<Trigger>),
    /// A rule became true. It is evaluated after every change and only ends enrollments.
    Rule(Rule),
    /// A date of the contact arrived. It only starts enrollments.
    Date(DateMoment),
    /// A schedule came due for the members of a segment. It only starts enrollments.
    Schedule(Schedule),
}

/// A recurrence, on the local time of each member of a segment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    pub recurrence: Recurrence,
    /// A segment of the same campaign.
    pub segment: String,
}

/// An event name, with the exact values that some properties must have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventPattern {
    pub event: String,
    /// Properties and their required values.
    pub filter: Vec<(String, Scalar)>,
    /// The send step of the same journey whose last message the event must be about. Only for
    /// waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Whether events caused by bots match too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub machines: bool,
}

/// Whether a contact that has been in a journey may enter it again. A contact has at most one
/// active enrollment in a journey for each key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReEntry {
    /// Once in a lifetime.
    Never,
    /// Whenever the last enrollment has ended.
    Always,
    /// When this much time has passed since the last enrollment began, and it has ended.
    After(Span),
    /// Once for each value of this property of the triggering event, such as an order's id.
    OncePer(String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Unique within the journey.
    pub id: String,
    pub action: Action,
    /// The next step; without `then` in the file, the following one.
    pub then: Next,
    /// Whether tracking is disabled for its message: no link redirects through us, and there is no
    /// pixel.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub untracked: bool,
    /// The send window of its message; the journey's if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Hours>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Next {
    /// The step with this id.
    Step(String),
    /// The end of the journey: the enrollment is completed.
    End,
}

/// The action of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Queues a message made from a template, `emails/welcome` or `sms/reminder`.
    Send {
        /// The template's name; its folder determines the channel.
        template: String,
    },
    /// Waits for this time.
    Wait(Span),
    /// Waits until this local time in the contact's time zone.
    WaitUntil(LocalTime),
    /// Waits until a date of the contact.
    WaitUntilDate {
        moment: DateMoment,
        /// The next step if the date is absent or the moment has passed.
        otherwise: Next,
    },
    /// Waits until something happens, or until the timeout.
    WaitFor(WaitFor),
    /// Continues at the first rule that is true.
    Branch {
        /// The rules, evaluated in order.
        paths: Vec<(Rule, Next)>,
        /// The next step if no rule is true.
        otherwise: Next,
    },
    /// Chooses one of several paths by weight; a contact always gets the same one.
    Split {
        /// The weight of each path and its next step.
        paths: Vec<(u32, Next)>,
    },
    /// Changes the contact.
    Update {
        /// Attributes to set.
        set: Vec<(String, Scalar)>,
        /// Tags to add.
        add_tags: Vec<String>,
        /// Tags to remove.
        remove_tags: Vec<String>,
        /// Added to the lead score; may be negative.
        score: i64,
    },
    /// Puts the record on a list.
    AddToList(ListId),
    /// Takes the record off a list.
    RemoveFromList(ListId),
    /// Sends a notice about the contact to the campaign's owner.
    Notify {
        /// A line for the owner; a built-in default if absent.
        note: Option<String>,
    },
    /// Sends an outgoing webhook about the contact.
    Webhook {
        /// The URL, `https://…`.
        url: String,
    },
    /// Enters another journey of the same campaign, if that journey admits the contact.
    Enroll { journey: String },
    /// Ends an enrollment as exited; its unsent messages are held back.
    Leave {
        /// The other journey of the same campaign to leave; this one if absent.
        journey: Option<String>,
        reason: String,
    },
    /// Completes the enrollment.
    End,
}

/// A wait for something to happen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "StoredWaitFor")]
pub struct WaitFor {
    /// The triggers, any of which ends the wait: events, segments entered and left.
    pub any: Vec<Trigger>,
    /// The maximum waiting time.
    pub timeout: Span,
    /// The next step after the timeout.
    pub on_timeout: Next,
}

/// A wait as stored in published versions: either in the present form, or from the time when a wait
/// was for one event only.
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
    /// Returns the events it waits for.
    pub fn patterns(&self) -> impl Iterator<Item = &EventPattern> {
        self.any.iter().filter_map(|trigger| match trigger {
            Trigger::Event(pattern) => Some(pattern),
            _ => None,
        })
    }

    /// Returns the send steps whose messages it refers to.
    pub fn senders(&self) -> impl Iterator<Item = &str> {
        self.patterns().filter_map(|pattern| pattern.step.as_deref())
    }
}

impl Trigger {
    /// Returns the triggers it consists of.
    pub fn parts(&self) -> &[Trigger] {
        match self {
            Self::Any(parts) => parts,
            single => std::slice::from_ref(single),
        }
    }

    /// Returns whether it depends on time alone.
    pub fn is_of_time(&self) -> bool {
        matches!(self, Self::Date(_) | Self::Schedule(_))
    }

    /// Returns the rules among its parts.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.parts().iter().filter_map(|part| match part {
            Self::Rule(rule) => Some(rule),
            _ => None,
        })
    }
}

impl Journey {
    /// Returns the rules that end an enrollment, by goal or by exit.
    pub fn ending_rules(&self) -> impl Iterator<Item = &Rule> {
        self.goal.iter().chain(&self.exit).flat_map(Trigger::rules)
    }

    /// Returns the step with this id.
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == id)
    }
}

impl EventPattern {
    /// Returns whether the event has the pattern's name and every required value, and was caused by
    /// a person. With `machines` an event caused by a bot matches too.
    pub fn matches(&self, event: &Event) -> bool {
        event.name == self.event
            && (self.machines || event.is_human())
            && self.filter.iter().all(|(name, value)| {
                event.properties.get(name).is_some_and(|found| value.equals(found))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_stored_wait_for_is_still_readable() {
        let stored = r#"{ "wait_for": {
            "pattern": { "event": "message.clicked", "filter": [] }, "step": "welcome",
            "timeout": 1000, "on_timeout": "end" } }"#;
        let Action::WaitFor(wait) = serde_json::from_str(stored).unwrap() else { panic!() };
        assert_eq!(wait.senders().collect::<Vec<_>>(), ["welcome"]);
        let again = serde_json::to_string(&wait).unwrap();
        assert_eq!(serde_json::from_str::<WaitFor>(&again).unwrap(), wait);
    }
}
