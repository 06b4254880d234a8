//! Dead letters: tasks that a queue gave up, kept until they are replayed or discarded.

use crate::domain::base::primitives::Millis;
use serde::{Deserialize, Serialize};

/// The tag of a task that cannot be parsed.
pub const UNREADABLE_TAG: &str = "unreadable";

/// The beginning of the reason of a task that this version of the code cannot read.
pub const UNREADABLE: &str = "it cannot be read";

/// The reason of a task that waits for its campaign.
pub const CAMPAIGN_UNREADABLE: &str = "the live version of its campaign cannot be read";

/// The number of dead letters that one call replays: far below the database queries that one Worker
/// invocation may make.
pub const REPLAYED_PER_CALL: usize = 20;

/// The value of a task, which is lost with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worth {
    /// A hint. Nothing is lost, because a tick finds the work by itself.
    Hint,
    /// A visit, an open or a click. A report becomes slightly wrong.
    Observation,
    /// Anything else: a lead, an order, a delivery report.
    Fact,
}

impl Worth {
    /// Returns the order of deletion when there is no room: the lowest goes first.
    pub fn rank(self) -> i64 {
        match self {
            Self::Hint => 0,
            Self::Observation => 1,
            Self::Fact => 2,
        }
    }
}

/// A dead letter as listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The id; the same task always has the same one.
    pub id: String,
    /// The kind of task: `submission_v1`, `report_v1`, …
    pub tag: String,
    /// When it was first given up.
    pub first_at: Millis,
    /// When it was last given up, or when its replay failed.
    pub last_at: Millis,
    /// The number of times the queue gave it up.
    pub count: i64,
    /// Why the last attempt failed; empty if unknown.
    pub error: String,
    /// The beginning of the task, as it was in the queue.
    pub body: String,
}

/// The counts of dead letters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetters {
    /// The number kept.
    pub kept: i64,
    /// When the oldest one was given up.
    pub oldest: Option<Millis>,
    /// The number lost because there was no room.
    pub lost: i64,
}

/// An action on a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadVerb {
    /// Tries it again now.
    Replay,
    /// Deletes it.
    Discard,
}

impl DeadVerb {
    /// Reads the action from a URL.
    pub fn read(word: &str) -> Option<Self> {
        match word {
            "replay" => Some(Self::Replay),
            "discard" => Some(Self::Discard),
            _ => None,
        }
    }

    /// Returns the name used in URLs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Replay => "replay",
            Self::Discard => "discard",
        }
    }
}

/// The result of a replay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replayed {
    /// When the replay began. Passed as `before` with the next call, it prevents a second attempt
    /// at what has failed since.
    pub at: Millis,
    /// The number replayed; they are deleted.
    pub replayed: i64,
    /// Those that failed again; they are kept.
    pub failed: Vec<FailedAgain>,
    /// Whether there are more that were not tried.
    pub more: bool,
}

/// A dead letter whose replay failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedAgain {
    pub id: String,
    pub error: String,
}
