//! The rows of an uploaded file: its parts are read a window at a time, and only as far as a row
//! needs.

use super::Plan;
use crate::domain::base::language::Language;
use crate::domain::import::reading::RowProblem;
use crate::domain::table_file::encoding::Gb18030Decoder;
use crate::domain::table_file::problem::{FileProblem, ReadError};
use crate::domain::table_file::reader::{Position, TableReader};
use crate::flows::ports::{Database, DatabaseError, all};
use crate::store::imports::{self, WindowRow};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// How much of a part is read at once, in characters of base64: a few groups of rows.
const WINDOW_CHARS: usize = 256 * 1024;

/// A row that was read.
pub(super) struct ReadRow {
    /// From 1.
    pub number: u64,
    /// From 1.
    pub line: u64,
    pub cells: Vec<String>,
    /// Why its cells cannot be used.
    pub problem: Option<RowProblem>,
}

impl ReadRow {
    /// Returns the values of the row, each with its field.
    pub fn values<'r>(&'r self, plan: &'r Plan) -> Vec<(&'r str, &'r str)> {
        let fields = plan.fields.iter().map(Option::as_deref);
        let mapped = fields.zip(&self.cells);
        let mapped = mapped.filter_map(|(field, cell)| Some((field?, cell.as_str())));
        let constants = plan.constants.iter();
        mapped.chain(constants.map(|(field, value)| (field.as_str(), value.as_str()))).collect()
    }

    pub fn bytes(&self) -> usize {
        self.cells.iter().map(String::len).sum()
    }
}

/// The rows of a file from a position on.
pub(super) struct FileRows<'a, D> {
    db: &'a D,
    import: &'a str,
    /// The bytes of the file.
    total: u64,
    reader: TableReader<'a>,
    /// Bytes that the reader has not taken.
    waiting: Vec<u8>,
    /// How much of them it has taken.
    taken: usize,
    /// The place in the file up to which bytes were read.
    read_to: u64,
    is_finished: bool,
    /// How many rows were read.
    rows: u64,
}

impl<'a, D: Database> FileRows<'a, D> {
    pub fn new(
        db: &'a D,
        import: &'a str,
        total: u64,
        position: Position,
        decoder: Gb18030Decoder<'a>,
    ) -> Self {
        let (read_to, rows) = (position.offset, position.rows);
        let reader = TableReader::resume(position, decoder);
        let waiting = Vec::new();
        Self { db, import, total, reader, waiting, taken: 0, read_to, is_finished: false, rows }
    }

    /// The place of the next row.
    pub fn position(&self) -> Position {
        self.reader.position()
    }

    /// Reads the next row; `None` at the end of the file.
    pub async fn next(&mut self) -> Result<Option<Result<ReadRow, FileProblem>>, DatabaseError> {
        loop {
            match self.reader.next_row() {
                Some(Ok(row)) => {
                    self.rows += 1;
                    let number = self.rows;
                    let cells = row.cells().map(str::to_owned).collect();
                    let line = row.line;
                    return Ok(Some(Ok(ReadRow { number, line, cells, problem: None })));
                }
                Some(Err(ReadError::Row(error))) => {
                    self.rows += 1;
                    let number = self.rows;
                    let field = error.column.clone().unwrap_or_default();
                    let problem = RowProblem::new(&field, error.problem.message(Language::English));
                    let (line, cells) = (error.line, Vec::new());
                    let problem = Some(problem);
                    return Ok(Some(Ok(ReadRow { number, line, cells, problem })));
                }
                Some(Err(ReadError::File(problem))) => return Ok(Some(Err(problem))),
                None if self.taken < self.waiting.len() => {
                    self.taken += self.reader.push(&self.waiting[self.taken..]);
                }
                None if self.read_to < self.total => self.fetch().await?,
                None if !self.is_finished => {
                    self.reader.finish();
                    self.is_finished = true;
                }
                None => return Ok(None),
            }
        }
    }

    async fn fetch(&mut self) -> Result<(), DatabaseError> {
        let bytes = window(self.db, self.import, self.read_to).await?;
        self.read_to += bytes.len() as u64;
        (self.waiting, self.taken) = (bytes, 0);
        Ok(())
    }
}

/// Reads bytes of a file from a place on. There is at least one, before its end.
pub(super) async fn window<D: Database>(
    db: &D,
    import: &str,
    offset: u64,
) -> Result<Vec<u8>, DatabaseError> {
    let rows = db.batch(vec![imports::window(import, offset, WINDOW_CHARS)]).await?;
    let row = all::<WindowRow>(rows.first())?.into_iter().next();
    let missing = || DatabaseError::Fault(format!("a part of import {import} is missing"));
    let row = row.filter(|row| offset < row.start + row.bytes).ok_or_else(missing)?;
    let mut bytes =
        STANDARD.decode(&row.data).map_err(|error| DatabaseError::Fault(error.to_string()))?;
    // The window begins with a whole group of three bytes.
    bytes.drain(..(((offset - row.start) % 3) as usize).min(bytes.len()));
    match bytes.is_empty() {
        true => Err(missing()),
        false => Ok(bytes),
    }
}
