//! A table file: rows of cells as bytes, read from and written to CSV and JSON lines.
//!
//! Bytes come in chunks of any size, and memory does not grow with the file. A broken row is an
//! error of that row; the rows after it are read. Not here: where bytes come from, what a field
//! accepts as its value, and what an imported row changes.
//!
//! CSV is split by `csv`, not by the crate `csv-core`. That one counts only LF as a line, gives a
//! quoted cell that never ends as if it had ended, does not say that text follows a closing quote,
//! and cannot go back to the line after a quote that was left open.

pub mod encoding;
mod source;
pub mod problem;
mod header;
mod csv;
mod json_lines;
mod signature;
pub mod reader;
pub mod preview;
pub mod mapping;
pub mod synonyms;
pub mod write;

use crate::domain::table_file::encoding::Encoding;
use serde::{Deserialize, Serialize};

/// The most columns of a table. Exports of other systems have up to about a hundred; more is a file
/// with another separator, or not a table.
pub const COLUMNS_MAX: usize = 200;

/// The longest cell, in bytes of UTF-8: the longest text of a record. A spreadsheet's cell has at
/// most 32,767 characters.
pub const CELL_BYTES_MAX: usize = 1_000_000;

/// The longest row, in bytes of UTF-8 with its separators and quotes: a row of D1 has 2 MB.
pub const ROW_BYTES_MAX: usize = 2_000_000;

/// The most rows of a file: about as many records as one database holds.
pub const ROWS_MAX: u64 = 3_000_000;

/// How many bytes of the beginning of a file a preview needs, if it has so many: some hundred rows.
pub const HEAD_BYTES: usize = 64 * 1024;

/// The longest name of a column, in characters. Longer is a text in the place of the names.
pub const NAME_CHARS_MAX: usize = 200;

/// The most quotes in a file that are opened and never closed. For each of them, up to a row's
/// length is read twice; so many mean that the file uses quotes for something else.
pub const OPEN_QUOTES_MAX: u32 = 100;

/// How the bytes of a file become rows. It is part of a preview, and an operator may correct it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    pub encoding: Encoding,
    #[serde(flatten)]
    pub format: Format,
}

/// The format of the text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "format", rename_all = "snake_case")]
pub enum Format {
    /// Cells between separators; the first row names the columns.
    Csv {
        separator: Separator,
        /// Whether a cell may be in double quotes. Without, a quote is a character like any other.
        quotes: bool,
    },
    /// One JSON object on each line. The columns are the keys that an object may have.
    JsonLines { columns: Vec<String> },
}

/// What separates two cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Separator {
    Comma,
    Semicolon,
    Tab,
    Bar,
}

impl Separator {
    /// All separators, the most usual first.
    pub const ALL: [Self; 4] = [Self::Comma, Self::Semicolon, Self::Tab, Self::Bar];

    /// Returns the character.
    pub fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
            Self::Bar => b'|',
        }
    }

    /// Returns the separator that a first line such as `sep=;` names; spreadsheets write and read
    /// this line.
    pub(crate) fn declared(line: &[u8]) -> Option<Self> {
        let line = line.trim_ascii();
        let line = line.strip_prefix(b"\"").unwrap_or(line);
        let line = line.strip_suffix(b"\"").unwrap_or(line);
        let (name, sign) = line.split_at_checked(4)?;
        let sign = match sign {
            b"\\t" | b"" => b'\t',
            [one] => *one,
            _ => return None,
        };
        let known = Self::ALL.into_iter().find(|separator| separator.byte() == sign);
        known.filter(|_| name.eq_ignore_ascii_case(b"sep="))
    }
}

/// A row of a table, with as many cells as the table has columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'r> {
    /// The line in the file on which the row begins, from 1.
    pub line: u64,
    columns: &'r [String],
    text: &'r str,
    /// Where each cell ends in the text.
    ends: &'r [usize],
}

impl<'r> Row<'r> {
    /// The names of the columns.
    pub fn columns(&self) -> &'r [String] {
        self.columns
    }

    /// The cells, in the order of the columns.
    pub fn cells(&self) -> impl Iterator<Item = &'r str> + use<'r> {
        let (text, ends) = (self.text, self.ends);
        ends.iter().enumerate().map(move |(place, end)| {
            let start = if place == 0 { 0 } else { ends[place - 1] };
            &text[start..*end]
        })
    }
}

#[cfg(test)]
mod tests;
