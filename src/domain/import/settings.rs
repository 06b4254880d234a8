//! What an operator asks of an import, and how far it is.

use crate::domain::base::diagnostic::Problem;
use crate::domain::base::primitives::KindId;
use crate::domain::table_file::mapping::Mapping;
use crate::domain::table_file::preview::Choice;
use serde::{Deserialize, Serialize};

/// The longest name of a file, in characters: a line of a list.
const FILE_CHARS_MAX: usize = 200;

/// The longest idempotency key, in bytes.
const KEY_BYTES_MAX: usize = 200;

/// The most fields by which records are matched.
const MATCH_MAX: usize = 5;

/// What an operator asks of an import.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub kind: KindId,
    /// The idempotency key: the same key a second time is the same import.
    #[serde(default)]
    pub key: Option<String>,
    /// What people call the file.
    #[serde(default)]
    pub file: String,
    /// How the bytes are read, where it is not detected.
    #[serde(default)]
    pub reading: Choice,
    /// The fields of columns, where they do not follow from the columns' names; and constants.
    #[serde(default)]
    pub mapping: Mapping,
    /// The country of phone numbers of contacts without `+`, such as `CN`.
    #[serde(default)]
    pub region: Option<String>,
    /// The fields by which a row finds its record; if there are none, all unique ones.
    #[serde(default)]
    pub r#match: Vec<String>,
    #[serde(default)]
    pub on_match: OnMatch,
    #[serde(default)]
    pub on_new: OnNew,
    #[serde(default)]
    pub rules: Rules,
}

/// What a row does to the record that it finds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnMatch {
    /// It sets the fields for which it has a value.
    #[default]
    Update,
    /// The same, but only where the record has none.
    OnlyEmpty,
    Skip,
}

/// What a row does that finds no record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnNew {
    #[default]
    Create,
    Skip,
}

/// Whether the events of an import start journeys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rules {
    Run,
    /// They start none. Segments are computed all the same.
    #[default]
    Rest,
}

/// Where an import stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It waits for parts of its file, or for its start.
    Open,
    /// Its rows are decided on, and nothing is written.
    Checking,
    Checked,
    Running,
    /// An operator stopped it, or too many rows were refused. It can go on.
    Stopped,
    /// The file cannot be read further; what was done is done.
    Failed,
    Done,
    Undoing,
    Undone,
}

impl State {
    /// Returns the name in the database and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Checking => "checking",
            Self::Checked => "checked",
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Done => "done",
            Self::Undoing => "undoing",
            Self::Undone => "undone",
        }
    }
}

/// What an operator does with an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Decides on its rows, and writes nothing.
    Check,
    Start,
    Stop,
    Undo,
}

impl Verb {
    const ALL: [Self; 4] = [Self::Check, Self::Start, Self::Stop, Self::Undo];

    /// Returns the word in paths and in the audit log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Undo => "undo",
        }
    }

    /// Finds a verb by its word.
    pub fn read(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.as_str() == word)
    }
}

/// How many rows had which outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Rows that were read, the refused ones too.
    pub rows: u64,
    pub made: u64,
    pub changed: u64,
    /// Rows whose record has all their values.
    pub unchanged: u64,
    /// Rows that were left out because of `on_match` or `on_new`.
    pub skipped: u64,
    pub refused: u64,
}

/// A row that was refused, or a change that could not be undone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refusal {
    /// The number of the row in the file, from 1, without the row of names.
    pub row: u64,
    /// The line on which it begins, from 1.
    pub line: u64,
    /// The field or the column with the problem; empty if it is the whole row.
    pub field: String,
    /// What is wrong, and what to do.
    pub reason: String,
    /// The cells as they came; `None` if they are not kept.
    pub cells: Option<Vec<String>>,
    /// The addresses in it, by which erasing a person finds it.
    pub addresses: Vec<String>,
}

impl Settings {
    /// Returns what is wrong with it, whatever the file has.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.file.chars().count() > FILE_CHARS_MAX || self.file.chars().any(char::is_control) {
            let message = format!("at most {FILE_CHARS_MAX} characters, on one line");
            problems.push(Problem::new("file", message));
        }
        let is_key = |key: &String| {
            (1..=KEY_BYTES_MAX).contains(&key.len()) && !key.chars().any(char::is_control)
        };
        if !self.key.iter().all(is_key) {
            let message = format!("1 to {KEY_BYTES_MAX} bytes, and no control characters");
            problems.push(Problem::new("key", message));
        }
        if self.r#match.len() > MATCH_MAX {
            let message = format!("at most {MATCH_MAX} fields");
            problems.push(Problem::new("match", message));
        }
        problems
    }
}
