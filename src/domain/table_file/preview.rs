//! The preview of a file: how its bytes are read, its columns and first rows. An operator sees it
//! before anything is imported, and may correct what was detected.

use super::csv::{Splitter, Step};
use super::encoding::{Encoding, Evidence, Gb18030Decoder, detect};
use super::header;
use super::json_lines::keys;
use super::problem::{FileProblem, Note, ReadError, RowError};
use super::reader::TableReader;
use super::signature::other_file;
use super::source::Source;
use super::{COLUMNS_MAX, Format, NAME_CHARS_MAX, Reading, Separator};
use serde::{Deserialize, Serialize};

/// The most rows of a preview: what fits on a page.
pub const PREVIEW_ROWS_MAX: usize = 20;

/// The most objects whose keys become columns. A key that occurs first after them is an error of
/// its row, so none is lost.
const OBJECTS_MAX: usize = 1_000;

/// What an operator says about a file, instead of what would be detected.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Choice {
    pub encoding: Option<Encoding>,
    pub separator: Option<Separator>,
    /// Whether quotes enclose cells.
    pub quotes: Option<bool>,
}

/// What a file looks like.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Preview {
    pub reading: Reading,
    /// What the encoding was detected by.
    pub evidence: Evidence,
    pub columns: Vec<String>,
    /// What to look at.
    pub notes: Vec<Note>,
    /// The first rows.
    pub rows: Vec<PreviewRow>,
}

/// A row of a preview.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum PreviewRow {
    Cells { line: u64, cells: Vec<String> },
    Wrong(RowError),
}

/// Looks at the beginning of a file, `HEAD_BYTES` of it or all. `is_whole` says that the file has
/// no more bytes.
pub fn preview(
    head: &[u8],
    is_whole: bool,
    choice: &Choice,
    decoder: Gb18030Decoder<'_>,
) -> Result<Preview, FileProblem> {
    if let Some(file) = other_file(head) {
        return Err(FileProblem::Other { file });
    }
    let (encoding, evidence) = match choice.encoding {
        Some(encoding) => (encoding, Evidence::Chosen),
        None => detect(head, is_whole).ok_or(FileProblem::UnknownEncoding)?,
    };
    let text = text(head, is_whole, encoding, decoder);
    let mut notes = Vec::new();
    if matches!(evidence, Evidence::Characters | Evidence::AsciiOnly) {
        let is_ascii = evidence == Evidence::AsciiOnly;
        notes.push(Note::EncodingGuessed { encoding, is_ascii });
    }
    let format = match text.trim_ascii_start().starts_with(b"{") && choice.separator.is_none() {
        true => Format::JsonLines { columns: json_columns(&text, is_whole)? },
        false => csv_format(&text, is_whole, choice, &mut notes)?,
    };
    let reading = Reading { encoding, format };
    let (columns, rows) = first_rows(head, is_whole, &reading, decoder)?;
    if columns.len() == 1 {
        notes.push(Note::OneColumn);
    }
    Ok(Preview { reading, evidence, columns, notes, rows })
}

/// Decodes the beginning of a file.
fn text(head: &[u8], is_whole: bool, encoding: Encoding, decoder: Gb18030Decoder<'_>) -> Vec<u8> {
    let mut source = Source::new(encoding, 0, decoder);
    let mut rest = head;
    while !rest.is_empty() {
        match source.push(rest) {
            0 => break,
            taken => rest = &rest[taken..],
        }
    }
    if is_whole {
        source.finish();
    }
    source.text().to_vec()
}

fn json_columns(text: &[u8], is_whole: bool) -> Result<Vec<String>, FileProblem> {
    let mut columns: Vec<String> = Vec::new();
    for line in text.split(|byte| matches!(byte, b'\n' | b'\r')).take(OBJECTS_MAX) {
        for key in keys(&String::from_utf8_lossy(line)) {
            if key.chars().count() > NAME_CHARS_MAX {
                return Err(FileProblem::NameTooLong { column: columns.len() + 1 });
            }
            if !columns.contains(&key) {
                columns.push(key);
            }
        }
    }
    match columns.len() {
        0 if !is_whole => Err(FileProblem::NamesTooLong),
        0 => Err(FileProblem::NoColumns),
        found if found > COLUMNS_MAX => Err(FileProblem::TooManyColumns { found }),
        _ => Ok(columns),
    }
}

/// Finds the separator, and notes what is odd about the names of the columns.
fn csv_format(
    text: &[u8],
    is_whole: bool,
    choice: &Choice,
    notes: &mut Vec<Note>,
) -> Result<Format, FileProblem> {
    let quotes = choice.quotes.unwrap_or(true);
    let end = text.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(text.len());
    let declared = Separator::declared(&text[..end]);
    let text = if declared.is_some() { &text[end..] } else { text };
    let best = || {
        // The last of equals is taken, so the most usual comes last.
        let all = Separator::ALL.into_iter().rev();
        all.max_by_key(|separator| fitness(text, is_whole, *separator, quotes))
    };
    let separator = choice.separator.or(declared).or_else(best).unwrap_or(Separator::Comma);
    if let Some(cells) = rows(text, is_whole, separator, quotes).next() {
        let cells: Vec<String> = cells.iter().map(|c| String::from_utf8_lossy(c).into()).collect();
        notes.extend(header::names(cells.iter().map(String::as_str))?.1);
    }
    Ok(Format::Csv { separator, quotes })
}

/// How well a separator fits: how many rows have as many cells as the first one, if it has several;
/// then how many cells that are.
fn fitness(text: &[u8], is_whole: bool, separator: Separator, quotes: bool) -> (usize, usize) {
    let counts: Vec<usize> =
        rows(text, is_whole, separator, quotes).take(PREVIEW_ROWS_MAX).map(|r| r.len()).collect();
    match counts.first() {
        Some(first) if *first > 1 => (counts.iter().filter(|c| *c == first).count(), *first),
        _ => (0, 0),
    }
}

/// The rows of a text as they would be split.
fn rows(
    text: &[u8],
    is_whole: bool,
    separator: Separator,
    quotes: bool,
) -> impl Iterator<Item = Vec<Vec<u8>>> {
    let mut splitter = Splitter::new(separator.byte(), quotes, 0);
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            match splitter.step(rest, is_whole) {
                Step::More | Step::Dropped => return None,
                Step::Blank { used, .. } | Step::Wrong { used, .. } => rest = &rest[used..],
                Step::Row { used, .. } => {
                    rest = &rest[used..];
                    let starts = std::iter::once(0).chain(splitter.ends.iter().copied());
                    let cells = starts.zip(&splitter.ends);
                    let cells = cells.map(|(start, end)| splitter.cells[start..*end].to_vec());
                    return Some(cells.collect());
                }
            }
        }
    })
}

/// Reads the first rows as an import will.
fn first_rows(
    head: &[u8],
    is_whole: bool,
    reading: &Reading,
    decoder: Gb18030Decoder<'_>,
) -> Result<(Vec<String>, Vec<PreviewRow>), FileProblem> {
    let mut reader = TableReader::new(reading.clone(), decoder);
    let mut rows = Vec::new();
    let mut rest = head;
    let mut is_over = false;
    while rows.len() < PREVIEW_ROWS_MAX {
        match reader.next_row() {
            Some(Ok(row)) => {
                let cells = row.cells().map(str::to_owned).collect();
                rows.push(PreviewRow::Cells { line: row.line, cells });
            }
            Some(Err(ReadError::Row(error))) => rows.push(PreviewRow::Wrong(error)),
            Some(Err(ReadError::File(problem))) => return Err(problem),
            None if !rest.is_empty() => rest = &rest[reader.push(rest)..],
            None if is_whole && !is_over => {
                reader.finish();
                is_over = true;
            }
            None => break,
        }
    }
    match reader.columns().is_empty() {
        true => Err(FileProblem::NamesTooLong),
        false => Ok((reader.columns().to_vec(), rows)),
    }
}
