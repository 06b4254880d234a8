//! Dead letters: tasks that a queue gave up, kept until somebody has a word on them.

use crate::domain::base::primitives::Millis;
use serde::{Deserialize, Serialize};

/// The tag of a task that nobody can read.
pub const UNREADABLE_TAG: &str = "unreadable";

/// How the reason of a task begins that this code cannot read.
pub const UNREADABLE: &str = "it cannot be read";

/// The reason of a task that waits for its campaign.
pub const CAMPAIGN_UNREADABLE: &str = "the live version of its campaign cannot be read";

/// How many one call replays: far within what a run of a worker may ask the database.
pub const REPLAYED_PER_CALL: usize = 20;

/// What is lost with one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worth {
    /// A hint: nothing, for a tick finds its work by itself.
    Hint,
    /// A visit, an opening or a click: a little of a report.
    Observation,
    /// Anything else: a lead, an order, what a provider told.
    Fact,
}

impl Worth {
    /// What goes first where there is no room.
    pub fn rank(self) -> i64 {
        match self {
            Self::Hint => 0,
            Self::Observation => 1,
            Self::Fact => 2,
        }
    }
}

/// One as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Its id: the same task has the same.
    pub id: String,
    /// What it is: `submission_v1`, `report_v1`, …
    pub tag: String,
    /// When it was given up first.
    pub first_at: Millis,
    /// When it was given up last, or failed when it was replayed.
    pub last_at: Millis,
    /// How often the queue gave it up.
    pub count: i64,
    /// Why the last attempt failed; empty if nobody knows.
    pub error: String,
    /// The beginning of the task, as the queue had it.
    pub body: String,
}

/// How many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetters {
    /// Those that are kept.
    pub kept: i64,
    /// When the longest-kept was given up.
    pub oldest: Option<Millis>,
    /// Those that there was no room for.
    pub lost: i64,
}

/// What becomes of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadVerb {
    /// It is tried again now.
    Replay,
    /// It is forgotten.
    Discard,
}

impl DeadVerb {
    /// By its word in an address.
    pub fn read(word: &str) -> Option<Self> {
        match word {
            "replay" => Some(Self::Replay),
            "discard" => Some(Self::Discard),
            _ => None,
        }
    }
}

/// What a replay came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replayed {
    /// When it was begun: given as `before` with the next call, what has failed since is not tried
    /// a second time.
    pub at: Millis,
    /// How many are done, and kept no more.
    pub replayed: i64,
    /// Those that failed again; they are kept.
    pub failed: Vec<FailedAgain>,
    /// Whether there are more that were not tried.
    pub more: bool,
}

/// One that failed again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedAgain {
    /// Its id.
    pub id: String,
    /// Why.
    pub error: String,
}
