//! JSON lines to cells: an object on each line, with one value for each key.
//!
//! Texts are taken as they are, numbers and `true` as they are written, and `null` and a missing
//! key are an empty cell.

use super::csv::Step;
use super::problem::RowProblem;
use super::{CELL_BYTES_MAX, ROW_BYTES_MAX};
use crate::domain::base::diagnostic::brief;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Finds one line at a time. It keeps its place within a line between calls.
#[derive(Default)]
pub(super) struct Lines {
    /// How much of the line has been looked at.
    at: usize,
    is_skipping: bool,
    /// The cells one after another, and where each ends.
    pub cells: Vec<u8>,
    pub ends: Vec<usize>,
}

impl Lines {
    /// Looks for the end of the line with which the text begins, and reads it. A later call gets
    /// the same text, longer, until a line was found. `is_last` says that nothing follows.
    pub fn step(&mut self, text: &[u8], is_last: bool, columns: &[String]) -> Step {
        let rest = &text[self.at..];
        let found = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        let end = self.at + found.unwrap_or(rest.len());
        self.is_skipping |= end > ROW_BYTES_MAX;
        let used = match (text.get(end), text.get(end + 1)) {
            (None, _) if is_last && !text.is_empty() => end,
            (None, _) if self.is_skipping && !is_last => {
                self.at = 0;
                return Step::Dropped;
            }
            (None, _) => {
                self.at = end;
                return Step::More;
            }
            (Some(b'\r'), None) if !is_last => {
                self.at = end;
                return Step::More;
            }
            (Some(b'\r'), Some(b'\n')) => end + 2,
            _ => end + 1,
        };
        self.at = 0;
        if std::mem::take(&mut self.is_skipping) {
            let problem = RowProblem::RowTooLong;
            return Step::Wrong { problem, cell: None, used, lines: 1 };
        }
        let line = text[..end].strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(&text[..end]);
        if line.trim_ascii().is_empty() {
            return Step::Blank { used, lines: 1 };
        }
        match self.read(line, columns) {
            Ok(()) => Step::Row { used, lines: 1 },
            Err((problem, cell)) => Step::Wrong { problem, cell, used, lines: 1 },
        }
    }

    fn read(&mut self, line: &[u8], columns: &[String]) -> Result<(), (RowProblem, Option<usize>)> {
        let object: Object<'_> = match serde_json::from_slice(line) {
            Ok(object) => object,
            Err(error) => {
                return Err((RowProblem::NoObject { why: brief(&error) }, None));
            }
        };
        let mut values: Vec<Option<&str>> = vec![None; columns.len()];
        for (index, (key, value)) in object.0.iter().enumerate() {
            // Keys are usually in the order of the columns.
            let is_next = columns.get(index).is_some_and(|column| column == key.as_ref());
            let place = || columns.iter().position(|column| column == key.as_ref());
            let Some(place) = is_next.then_some(index).or_else(place) else {
                return Err((RowProblem::UnknownKey { key: brief(key) }, None));
            };
            if values[place].replace(value.get()).is_some() {
                return Err((RowProblem::SameKey { key: brief(key) }, None));
            }
        }
        self.cells.clear();
        self.ends.clear();
        for (place, value) in values.into_iter().enumerate() {
            let start = self.cells.len();
            let problem = self.push(value.unwrap_or("null")).err();
            let is_too_long = self.cells.len() - start > CELL_BYTES_MAX;
            let problem = problem.or(is_too_long.then_some(RowProblem::CellTooLong));
            if let Some(problem) = problem {
                return Err((problem, Some(place)));
            }
            self.ends.push(self.cells.len());
        }
        Ok(())
    }

    fn push(&mut self, value: &str) -> Result<(), RowProblem> {
        match value.as_bytes().first() {
            Some(b'{' | b'[') => return Err(RowProblem::Nested),
            Some(b'n') => {}
            Some(b'"') => match serde_json::from_str::<Cow<'_, str>>(value) {
                Ok(text) => self.cells.extend_from_slice(text.as_bytes()),
                Err(error) => return Err(RowProblem::NoObject { why: brief(&error) }),
            },
            _ => self.cells.extend_from_slice(value.as_bytes()),
        }
        Ok(())
    }
}

/// Returns the keys of the object on a line; none if there is no object.
pub(super) fn keys(line: &str) -> Vec<String> {
    let object = serde_json::from_str::<Object<'_>>(line).map(|object| object.0);
    let keys = object.unwrap_or_default().into_iter().map(|(key, _)| key.into_owned());
    keys.collect()
}

/// The members of an object, in their order and with those that occur twice.
struct Object<'t>(Vec<(Cow<'t, str>, &'t RawValue)>);

impl<'t> Deserialize<'t> for Object<'t> {
    fn deserialize<D: Deserializer<'t>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'t> Visitor<'t> for Members {
    type Value = Object<'t>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((Key(key), value)) = map.next_entry::<Key<'t>, &'t RawValue>()? {
            // Far more than columns: the line is not a row.
            if members.len() > 2 * super::COLUMNS_MAX {
                return Err(A::Error::custom("too many keys"));
            }
            members.push((key, value));
        }
        Ok(Object(members))
    }
}

/// A key, borrowed from the line if it has no escapes.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Key<'t>(#[serde(borrow)] Cow<'t, str>);
