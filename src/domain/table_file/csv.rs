//! CSV to cells, by RFC 4180 and what spreadsheets do beyond it.
//!
//! - CR, LF and CRLF end a line, also mixed in one file.
//! - A quote opens a cell only at its beginning; elsewhere it is a character. Text after a closing
//!   quote is added to the cell, as in spreadsheets, if the cell has one line.
//! - In a cell of several lines, text after a closing quote means that the quote was never closed,
//!   and was ended by the opening quote of a later cell. The row is an error, and reading goes on
//!   at the line after the one where the quote began, so it costs one row.
//! - A row of empty cells is skipped unless one of them is quoted. Empty cells beyond the last
//!   column are dropped.

use super::problem::RowProblem;
use super::write::is_guarded;
use super::{CELL_BYTES_MAX, COLUMNS_MAX, ROW_BYTES_MAX};

/// What a look at the text found.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// The row goes on after this text.
    More,
    /// The row is already wrong, and its text is of no more use.
    Dropped,
    /// A row, which used so much text and so many lines. Its cells are in the splitter.
    Row { used: usize, lines: u64 },
    /// Nothing but empty cells.
    Blank { used: usize, lines: u64 },
    /// A wrong row; reading goes on after so much text. The cell is the one with the problem.
    Wrong { problem: RowProblem, cell: Option<usize>, used: usize, lines: u64 },
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    RowStart,
    CellStart,
    /// In a cell without quotes, or after its closing quote.
    Plain,
    Quoted,
    /// After a quote within quotes: the end of the cell, or the first of two.
    QuoteSeen,
    /// In a wrong row, up to the end of the line.
    Skipping,
}

/// Splits one row at a time. It keeps its place within a row between calls.
pub(super) struct Splitter {
    quotes: bool,
    separator: u8,
    /// Which bytes end a run of ordinary characters outside quotes.
    is_special: [bool; 256],
    /// How many cells a row may have.
    columns: usize,
    state: State,
    /// How much of the row's text has been looked at.
    at: usize,
    /// The line breaks within the row so far.
    lines: u64,
    /// The first line break in the quoted cell: how much text and how many lines precede the next
    /// line.
    first_break: Option<(usize, u64)>,
    /// The cells one after another, and where each ends.
    pub cells: Vec<u8>,
    pub ends: Vec<usize>,
    cell_start: usize,
    has_quoted: bool,
    /// How many cells the row has so far, also those beyond the last column.
    found: usize,
    /// The number of the last cell that is not empty.
    filled: usize,
    /// Why the row is skipped.
    wrong: Option<(RowProblem, usize)>,
}

impl Splitter {
    /// Splits rows of as many cells as there are columns; of the names of columns, if it is 0.
    pub fn new(separator: u8, quotes: bool, columns: usize) -> Self {
        let mut is_special = [false; 256];
        for byte in [separator, b'\r', b'\n'] {
            is_special[usize::from(byte)] = true;
        }
        Self {
            quotes,
            separator,
            is_special,
            columns,
            state: State::RowStart,
            at: 0,
            lines: 0,
            first_break: None,
            cells: Vec::new(),
            ends: Vec::new(),
            cell_start: 0,
            has_quoted: false,
            found: 0,
            filled: 0,
            wrong: None,
        }
    }

    pub fn set_columns(&mut self, columns: usize) {
        self.columns = columns;
    }

    /// Looks for the end of the row with which the text begins. A later call gets the same text,
    /// longer, until a row was found. `is_last` says that nothing follows.
    pub fn step(&mut self, text: &[u8], is_last: bool) -> Step {
        loop {
            if self.state == State::RowStart
                && let Some(step) = self.start(text, is_last)
            {
                return step;
            }
            let found = match (self.state, text.get(self.at)) {
                (_, None) => return self.text_ended(text, is_last),
                (State::Skipping, _) => self.skip(text, is_last),
                (State::CellStart, Some(b'"')) if self.quotes => {
                    self.at += 1;
                    self.state = State::Quoted;
                    self.has_quoted = true;
                    self.first_break = None;
                    None
                }
                (State::QuoteSeen, Some(b'"')) => {
                    self.at += 1;
                    self.cells.push(b'"');
                    self.state = State::Quoted;
                    None
                }
                (State::Quoted, _) => self.quoted(text),
                (State::QuoteSeen, Some(byte))
                    if !self.is_special[usize::from(*byte)] && self.first_break.is_some() =>
                {
                    Some(self.open_quote(text))
                }
                _ => self.plain(text, is_last),
            };
            if let Some(step) = found {
                return step;
            }
        }
    }

    /// Begins a row. A byte order mark there comes from files that were joined.
    fn start(&mut self, text: &[u8], is_last: bool) -> Option<Step> {
        const MARK: &[u8] = &[0xEF, 0xBB, 0xBF];
        if text.is_empty() || (text.len() < MARK.len() && MARK.starts_with(text) && !is_last) {
            return Some(Step::More);
        }
        self.cells.clear();
        self.ends.clear();
        (self.lines, self.cell_start, self.found, self.filled) = (0, 0, 0, 0);
        (self.first_break, self.has_quoted) = (None, false);
        self.at = if text.starts_with(MARK) { MARK.len() } else { 0 };
        self.state = State::CellStart;
        None
    }

    fn plain(&mut self, text: &[u8], is_last: bool) -> Option<Step> {
        let rest = &text[self.at..];
        let run = rest.iter().position(|byte| self.is_special[usize::from(*byte)]);
        let piece = &rest[..run.unwrap_or(rest.len())];
        if !piece.is_empty() {
            self.cells.extend_from_slice(piece);
            self.at += piece.len();
            self.state = State::Plain;
        }
        if let Some(problem) = self.too_long() {
            self.skip_from_here(problem);
            return None;
        }
        let special = rest.get(run?).copied();
        if special == Some(self.separator) {
            self.at += 1;
            self.end_cell();
            self.state = State::CellStart;
            return None;
        }
        let used = self.line_end(text, is_last)?;
        Some(match used {
            0 => Step::More,
            used => self.end_row(used, self.lines + 1),
        })
    }

    fn quoted(&mut self, text: &[u8]) -> Option<Step> {
        let rest = &text[self.at..];
        let run = rest.iter().position(|byte| matches!(byte, b'"' | b'\r' | b'\n'));
        let length = run.unwrap_or(rest.len());
        self.cells.extend_from_slice(&rest[..length]);
        self.at += length;
        if let Some(problem) = self.too_long() {
            return match self.first_break {
                Some(_) => Some(self.open_quote(text)),
                None => {
                    self.skip_from_here(problem);
                    None
                }
            };
        }
        match text.get(self.at) {
            Some(b'"') => {
                self.at += 1;
                self.state = State::QuoteSeen;
            }
            Some(byte) => {
                let is_second = *byte == b'\n' && self.at > 0 && text[self.at - 1] == b'\r';
                self.cells.push(*byte);
                self.at += 1;
                self.lines += u64::from(!is_second);
                match self.first_break {
                    Some((end, lines)) if is_second && end + 1 == self.at => {
                        self.first_break = Some((self.at, lines));
                    }
                    None => self.first_break = Some((self.at, self.lines)),
                    Some(_) => {}
                }
            }
            None => {}
        }
        None
    }

    /// The error of a quote that is not closed. Reading goes on at the line after it.
    fn open_quote(&mut self, text: &[u8]) -> Step {
        let (used, lines) = self.first_break.unwrap_or((text.len(), self.lines + 1));
        self.state = State::RowStart;
        Step::Wrong { problem: RowProblem::OpenQuote, cell: Some(self.found), used, lines }
    }

    fn too_long(&self) -> Option<RowProblem> {
        if self.cells.len() - self.cell_start > CELL_BYTES_MAX {
            return Some(RowProblem::CellTooLong);
        }
        (self.at > ROW_BYTES_MAX).then_some(RowProblem::RowTooLong)
    }

    fn skip_from_here(&mut self, problem: RowProblem) {
        self.wrong = Some((problem, self.found));
        self.state = State::Skipping;
    }

    fn skip(&mut self, text: &[u8], is_last: bool) -> Option<Step> {
        let rest = &text[self.at..];
        let run = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        self.at += run.unwrap_or(rest.len());
        run?;
        match self.line_end(text, is_last)? {
            0 => Some(Step::More),
            used => Some(self.end_skipping(used)),
        }
    }

    fn end_skipping(&mut self, used: usize) -> Step {
        self.state = State::RowStart;
        let (problem, cell) = self.wrong.take().unwrap_or((RowProblem::RowTooLong, 0));
        Step::Wrong { problem, cell: Some(cell), used, lines: self.lines + 1 }
    }

    /// Returns where the line ends whose break is the next byte; 0 if the text ends after a CR,
    /// which an LF may follow.
    fn line_end(&self, text: &[u8], is_last: bool) -> Option<usize> {
        match (text.get(self.at)?, text.get(self.at + 1)) {
            (b'\r', Some(b'\n')) => Some(self.at + 2),
            (b'\r', None) if !is_last => Some(0),
            _ => Some(self.at + 1),
        }
    }

    fn end_cell(&mut self) {
        if self.cells.get(self.cell_start) == Some(&b'\'')
            && is_guarded(&self.cells[self.cell_start..])
        {
            self.cells.remove(self.cell_start);
        }
        self.found += 1;
        if self.cells.len() > self.cell_start {
            self.filled = self.found;
        }
        let kept = if self.columns == 0 { COLUMNS_MAX } else { self.columns };
        match self.ends.len() < kept {
            true => self.ends.push(self.cells.len()),
            false => self.cells.truncate(self.cell_start),
        }
        self.cell_start = self.cells.len();
    }

    fn end_row(&mut self, used: usize, lines: u64) -> Step {
        self.end_cell();
        self.state = State::RowStart;
        if !self.has_quoted
            && self.cells.iter().all(u8::is_ascii_whitespace)
            && self.filled <= self.ends.len()
        {
            return Step::Blank { used, lines };
        }
        if self.columns == 0 {
            self.ends.truncate(self.filled.max(1));
        }
        let expected = if self.columns == 0 { self.ends.len() } else { self.columns };
        // Empty cells beyond the last column are no cells.
        let found = if self.found > expected { self.filled.max(expected) } else { self.found };
        if found != expected {
            let problem = RowProblem::CellCount { expected, found };
            return Step::Wrong { problem, cell: None, used, lines };
        }
        Step::Row { used, lines }
    }

    fn text_ended(&mut self, text: &[u8], is_last: bool) -> Step {
        match self.state {
            State::Skipping if is_last => self.end_skipping(text.len()),
            State::Skipping => {
                self.at = 0;
                Step::Dropped
            }
            _ if !is_last => Step::More,
            State::Quoted => self.open_quote(text),
            _ => self.end_row(text.len(), self.lines + 1),
        }
    }
}
