//! What several tests use: files read in chunks of any size, shown as text.

mod dialects;
mod encodings;
mod hostile;
mod mapping;
mod previews;
mod round_trips;

use super::encoding::{Encoding, Gb18030Decoder};
use super::problem::ReadError;
use super::reader::{Position, TableReader};
use super::*;
use crate::domain::base::language::Language;

const GB18030: Gb18030Decoder<'static> =
    &|bytes| encoding_rs::GB18030.decode_without_bom_handling(bytes).0.into_owned();

fn csv(separator: Separator) -> Reading {
    Reading { encoding: Encoding::Utf8, format: Format::Csv { separator, quotes: true } }
}

fn comma() -> Reading {
    csv(Separator::Comma)
}

fn json_lines(columns: &[&str]) -> Reading {
    let columns = columns.iter().map(|column| (*column).to_owned()).collect();
    Reading { encoding: Encoding::Utf8, format: Format::JsonLines { columns } }
}

/// Shows what was read as `line: cell|cell`, or as the message of an error.
fn show(read: Result<Row<'_>, ReadError>) -> String {
    match read {
        Ok(row) => format!("{}: {}", row.line, row.cells().collect::<Vec<_>>().join("|")),
        Err(ReadError::Row(error)) => error.message(Language::English),
        Err(ReadError::File(problem)) => format!("file: {}", problem.message(Language::English)),
    }
}

/// Reads what is there; returns how it looks.
fn drain(reader: &mut TableReader<'_>) -> Vec<String> {
    let mut rows = Vec::new();
    while let Some(read) = reader.next_row() {
        rows.push(show(read));
    }
    rows
}

fn push_all(reader: &mut TableReader<'_>, bytes: &[u8], chunk: usize) -> Vec<String> {
    let mut rows = Vec::new();
    for mut rest in bytes.chunks(chunk.max(1)) {
        while !rest.is_empty() {
            rest = &rest[reader.push(rest)..];
            rows.extend(drain(reader));
        }
    }
    rows
}

fn read_in(bytes: &[u8], reading: &Reading, chunk: usize) -> Vec<String> {
    let mut reader = TableReader::new(reading.clone(), GB18030);
    let mut rows = push_all(&mut reader, bytes, chunk);
    reader.finish();
    rows.extend(drain(&mut reader));
    rows
}

/// Reads a file in chunks of several sizes, which must make no difference.
fn read_as(bytes: &[u8], reading: &Reading) -> Vec<String> {
    let whole = read_in(bytes, reading, usize::MAX);
    for chunk in [1, 2, 3, 7] {
        assert_eq!(read_in(bytes, reading, chunk), whole, "in chunks of {chunk}");
    }
    whole
}

fn read(text: &str) -> Vec<String> {
    read_as(text.as_bytes(), &comma())
}

/// The cells of all rows; no row may be wrong.
fn cells(bytes: &[u8], reading: &Reading, chunk: usize) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = TableReader::new(reading.clone(), GB18030);
    let mut rows = Vec::new();
    let mut rest = bytes;
    let mut is_over = false;
    loop {
        match reader.next_row() {
            Some(row) => {
                rows.push(row.expect("a row").cells().map(str::to_owned).collect());
            }
            None if !rest.is_empty() => {
                let taken = reader.push(&rest[..rest.len().min(chunk.max(1))]);
                rest = &rest[taken..];
            }
            None if is_over => return (reader.columns().to_vec(), rows),
            None => {
                reader.finish();
                is_over = true;
            }
        }
    }
}

/// Stops at each place where a row ends, and goes on from there; the rows must be the same.
fn assert_resumes_anywhere(bytes: &[u8], reading: &Reading, chunk: usize) {
    let whole = read_in(bytes, reading, usize::MAX);
    let mut reader = TableReader::new(reading.clone(), GB18030);
    let mut places: Vec<(usize, Position)> = vec![(0, reader.position())];
    let mut count = 0;
    'file: for mut rest in bytes.chunks(chunk.max(1)) {
        while !rest.is_empty() {
            rest = &rest[reader.push(rest)..];
            places.push((count, reader.position()));
            while let Some(read) = reader.next_row() {
                count += 1;
                if matches!(read, Err(ReadError::File(_))) {
                    // There is nothing to go on with.
                    break 'file;
                }
                places.push((count, reader.position()));
            }
        }
    }
    for (count, place) in places {
        let json = serde_json::to_string(&place).expect("JSON");
        let place: Position = serde_json::from_str(&json).expect("a position");
        let rest = &bytes[usize::try_from(place.offset).expect("a place")..];
        let mut reader = TableReader::resume(place, GB18030);
        let mut rows = push_all(&mut reader, rest, 2 * chunk + 64);
        reader.finish();
        rows.extend(drain(&mut reader));
        assert_eq!(rows, whole[count..], "from row {count}, {json}");
    }
}
