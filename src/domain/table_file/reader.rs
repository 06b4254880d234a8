//! Reading rows from chunks of bytes, with a position from which reading can go on later.
//!
//! ```text
//! let mut rest = chunk;
//! while !rest.is_empty() {
//!     rest = &rest[reader.push(rest)..];
//!     while let Some(row) = reader.next_row() { … }
//! }
//! ```

use super::csv::{Splitter, Step};
use super::encoding::{Encoding, Gb18030Decoder};
use super::header;
use super::json_lines::Lines;
use super::problem::{FileProblem, ReadError, RowError, RowProblem};
use super::source::Source;
use super::{Format, OPEN_QUOTES_MAX, ROWS_MAX, Reading, Row, Separator};
use serde::{Deserialize, Serialize};

/// A place between two rows of a file, from which reading can go on. It is data: a task writes it
/// down, and another continues with the bytes of the file from `offset` on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Position {
    pub reading: Reading,
    /// The names of the columns; empty before the row with the names.
    pub columns: Vec<String>,
    /// How many bytes of the file precede the next row.
    pub offset: u64,
    /// The line on which the next row begins, from 1.
    pub line: u64,
    /// How many rows were read, with the wrong ones.
    pub rows: u64,
    /// How many quotes were opened and not closed.
    pub open_quotes: u32,
}

/// Reads the rows of a table file.
pub struct TableReader<'d> {
    source: Source<'d>,
    machine: Machine,
    /// Everything about the place of the next row but its offset.
    place: Position,
    /// Where the row began whose text is being dropped.
    dropped_from: Option<u64>,
    /// The cells of the last row one after another, and where each ends.
    text: String,
    ends: Vec<usize>,
    has_failed: bool,
}

enum Machine {
    Csv(Box<Splitter>),
    JsonLines(Lines),
}

impl<'d> TableReader<'d> {
    /// Reads a file from its beginning. The decoder is called for GB18030 only.
    pub fn new(reading: Reading, decoder: Gb18030Decoder<'d>) -> Self {
        let columns = match &reading.format {
            Format::Csv { .. } => Vec::new(),
            Format::JsonLines { columns } => columns.clone(),
        };
        let place = Position { reading, columns, offset: 0, line: 1, rows: 0, open_quotes: 0 };
        Self::resume(place, decoder)
    }

    /// Reads the rest of a file; the bytes to push begin at the offset of the position.
    pub fn resume(place: Position, decoder: Gb18030Decoder<'d>) -> Self {
        let machine = match &place.reading.format {
            Format::Csv { separator, quotes } => Machine::Csv(Box::new(Splitter::new(
                separator.byte(),
                *quotes,
                place.columns.len(),
            ))),
            Format::JsonLines { .. } => Machine::JsonLines(Lines::default()),
        };
        Self {
            source: Source::new(place.reading.encoding, place.offset, decoder),
            machine,
            place,
            dropped_from: None,
            text: String::new(),
            ends: Vec::new(),
            has_failed: false,
        }
    }

    /// Takes some of the bytes, and returns how many. It takes none while rows wait to be read.
    pub fn push(&mut self, bytes: &[u8]) -> usize {
        match self.has_failed {
            // Nothing is read from them.
            true => bytes.len(),
            false => self.source.push(bytes),
        }
    }

    /// Says that the file has ended. The last rows may be read then.
    pub fn finish(&mut self) {
        self.source.finish();
    }

    /// The names of the columns; empty until the row with the names was read, which is before the
    /// first row or error.
    pub fn columns(&self) -> &[String] {
        &self.place.columns
    }

    /// The place of the next row. A file that cannot be read further has none.
    pub fn position(&self) -> Position {
        let offset = self.dropped_from.unwrap_or_else(|| self.source.offset());
        Position { offset, ..self.place.clone() }
    }

    /// Reads the next row. `None` says that more bytes are needed, or that the file has ended, or
    /// that it cannot be read further.
    pub fn next_row(&mut self) -> Option<Result<Row<'_>, ReadError>> {
        let line = match self.advance()? {
            Ok(line) => line,
            Err(error) => return Some(Err(error)),
        };
        let (columns, ends) = (self.place.columns.as_slice(), self.ends.as_slice());
        Some(Ok(Row { line, columns, text: &self.text, ends }))
    }

    /// How many bytes are held at the moment.
    #[cfg(test)]
    pub(super) fn held_bytes(&self) -> usize {
        let cells = match &self.machine {
            Machine::Csv(splitter) => splitter.cells.capacity(),
            Machine::JsonLines(lines) => lines.cells.capacity(),
        };
        self.source.held_bytes() + self.text.capacity() + cells
    }

    /// Reads the next row into `text` and `ends`, and returns its line.
    fn advance(&mut self) -> Option<Result<u64, ReadError>> {
        while !self.has_failed {
            let line = self.place.line;
            let step = self.step();
            if let Step::Row { used, .. } | Step::Wrong { used, .. } = &step
                && self.is_separator_line(*used)
            {
                self.read(*used, 1);
                continue;
            }
            let outcome = match step {
                Step::More => return self.end(),
                Step::Dropped => {
                    self.dropped_from.get_or_insert(self.source.offset());
                    self.source.read(self.source.text().len());
                    return None;
                }
                Step::Blank { used, lines } => {
                    self.read(used, lines);
                    continue;
                }
                Step::Row { used, lines } => {
                    self.read(used, lines);
                    self.take_cells(line)
                }
                Step::Wrong { problem, cell, used, lines } => {
                    self.read(used, lines);
                    Err(self.wrong(line, problem, cell))
                }
            };
            if self.place.columns.is_empty() {
                if let Err(problem) = self.take_names(outcome) {
                    return Some(Err(self.fail(problem)));
                }
                continue;
            }
            if self.place.rows == ROWS_MAX {
                return Some(Err(self.fail(FileProblem::TooManyRows)));
            }
            self.place.rows += 1;
            if self.place.open_quotes > OPEN_QUOTES_MAX {
                return Some(Err(self.fail(FileProblem::OpenQuotes)));
            }
            return Some(outcome.map(|()| line).map_err(ReadError::Row));
        }
        None
    }

    fn step(&mut self) -> Step {
        let (text, is_last) = (self.source.text(), self.source.is_finished());
        match &mut self.machine {
            Machine::Csv(splitter) => splitter.step(text, is_last),
            Machine::JsonLines(lines) => lines.step(text, is_last, &self.place.columns),
        }
    }

    fn read(&mut self, used: usize, lines: u64) {
        self.source.read(used);
        self.place.line += lines;
        self.dropped_from = None;
    }

    /// No row is left in what was pushed. A file without any row is an error.
    fn end(&mut self) -> Option<Result<u64, ReadError>> {
        let is_empty = self.source.is_finished() && self.place.columns.is_empty();
        is_empty.then(|| Err(self.fail(FileProblem::NoColumns)))
    }

    /// Whether this row is a first line such as `sep=;`, whose separator the preview has found.
    fn is_separator_line(&self, used: usize) -> bool {
        let is_first = self.place.line == 1 && self.place.columns.is_empty();
        let text = self.source.text().get(..used).filter(|_| is_first);
        text.is_some_and(|line| Separator::declared(trim_break(line)).is_some())
    }

    /// Takes the cells of the row that was just found, if they are text.
    fn take_cells(&mut self, line: u64) -> Result<(), RowError> {
        let (cells, ends) = match &mut self.machine {
            Machine::Csv(splitter) => (&mut splitter.cells, &mut splitter.ends),
            Machine::JsonLines(lines) => (&mut lines.cells, &mut lines.ends),
        };
        std::mem::swap(&mut self.ends, ends);
        let bytes = std::mem::take(cells);
        let encoding = self.place.reading.encoding;
        let problem = match String::from_utf8(bytes) {
            Ok(text) => {
                *cells = std::mem::replace(&mut self.text, text).into_bytes();
                wrong_text(&self.text, &self.ends, encoding)
            }
            Err(error) => {
                let bytes = error.into_bytes();
                let wrong =
                    wrong_cell(&bytes, &self.ends, |cell| std::str::from_utf8(cell).is_err());
                *cells = bytes;
                Some((RowProblem::NoText { encoding }, wrong))
            }
        };
        match problem {
            Some((problem, cell)) => Err(self.wrong(line, problem, Some(cell))),
            None => Ok(()),
        }
    }

    fn wrong(&mut self, line: u64, problem: RowProblem, cell: Option<usize>) -> RowError {
        self.place.open_quotes += u32::from(problem == RowProblem::OpenQuote);
        let column = cell.and_then(|cell| self.place.columns.get(cell)).cloned();
        RowError { line, column, problem }
    }

    /// Takes the row that was just read as the names of the columns.
    fn take_names(&mut self, outcome: Result<(), RowError>) -> Result<(), FileProblem> {
        match outcome {
            Ok(()) => {}
            Err(RowError { problem: RowProblem::CellCount { found, .. }, .. }) => {
                return Err(FileProblem::TooManyColumns { found });
            }
            Err(error) => return Err(FileProblem::WrongNames { error }),
        }
        let row = Row { line: 1, columns: &[], text: &self.text, ends: &self.ends };
        let (names, _) = header::names(row.cells())?;
        if let Machine::Csv(splitter) = &mut self.machine {
            splitter.set_columns(names.len());
        }
        self.place.columns = names;
        Ok(())
    }

    fn fail(&mut self, problem: FileProblem) -> ReadError {
        self.has_failed = true;
        ReadError::File(problem)
    }
}

fn trim_break(line: &[u8]) -> &[u8] {
    let line = line.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(line);
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Returns what is wrong with the text of a row, and in which cell.
fn wrong_text(text: &str, ends: &[usize], encoding: Encoding) -> Option<(RowProblem, usize)> {
    let bytes = text.as_bytes();
    // Bytes of two cells may form a character when they stand together.
    if !ends.iter().all(|end| text.is_char_boundary(*end)) {
        let cell = wrong_cell(bytes, ends, |cell| std::str::from_utf8(cell).is_err());
        return Some((RowProblem::NoText { encoding }, cell));
    }
    // The decoder's sign for bytes that are no text.
    if encoding == Encoding::Gb18030 && text.contains('\u{fffd}') {
        let cell =
            wrong_cell(bytes, ends, |cell| String::from_utf8_lossy(cell).contains('\u{fffd}'));
        return Some((RowProblem::NoText { encoding }, cell));
    }
    let has_nul = |cell: &[u8]| cell.contains(&0);
    has_nul(bytes).then(|| (RowProblem::Nul, wrong_cell(bytes, ends, has_nul)))
}

/// Returns the number of the first cell that is wrong.
fn wrong_cell(bytes: &[u8], ends: &[usize], is_wrong: impl Fn(&[u8]) -> bool) -> usize {
    let mut start = 0;
    for (place, end) in ends.iter().enumerate() {
        if is_wrong(&bytes[start..*end]) {
            return place;
        }
        start = *end;
    }
    0
}
