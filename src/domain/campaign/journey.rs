//! A journey: a programme of steps that contacts walk through, one enrollment each.

use crate::domain::base::primitives::{CampaignId, Millis, Span};
use crate::domain::contact::event::Event;
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
    pub campaign: CampaignId,
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
    pub fn run_state(among: &[Self], campaign: &CampaignId, journey: &str) -> RunState {
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

impl EventPattern {
    /// Whether the event has the pattern's name and every property's value, and a person did it,
    /// or anybody if the pattern says so.
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
