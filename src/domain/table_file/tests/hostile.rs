//! Files made to break a reader: memory, time and faithful rows.

use super::super::source::PIECE_BYTES;
use super::*;

/// What a reader may hold: the text of a row, its bytes in the file, its cells twice, each with
/// the room by which a `Vec` grows, and a piece.
const HELD_BYTES_MAX: usize = 2 * (4 * ROW_BYTES_MAX + 4 * PIECE_BYTES);

const OPEN_QUOTES: &str =
    "file: more than 100 quotes are opened and not closed; read the file without quotes";

/// Reads a file that is made piece by piece, and checks what is held after each.
fn read_pieces(reading: &Reading, pieces: impl Iterator<Item = Vec<u8>>) -> Vec<String> {
    let mut reader = TableReader::new(reading.clone(), GB18030);
    let mut rows = Vec::new();
    for piece in pieces {
        let mut rest = piece.as_slice();
        while !rest.is_empty() {
            rest = &rest[reader.push(rest)..];
            assert!(reader.held_bytes() <= HELD_BYTES_MAX, "{} bytes", reader.held_bytes());
            rows.extend(drain(&mut reader));
        }
    }
    reader.finish();
    rows.extend(drain(&mut reader));
    rows
}

fn filled(byte: u8, bytes: usize) -> impl Iterator<Item = Vec<u8>> {
    std::iter::repeat_n(vec![byte; 50_000], bytes / 50_000)
}

#[test]
fn too_long_cell_is_skipped_without_being_held() {
    let wrong = "line 2, column `b`: a cell is longer than 1000000 bytes; shorten it";
    for encoding in Encoding::ALL {
        let reading = Reading { encoding, ..comma() };
        for quote in ["", "\""] {
            let encode = |text: &str| super::encodings::encode(text, encoding);
            let begin = std::iter::once(encode(&format!("a,b\n1,{quote}")));
            let end = std::iter::once(encode(&format!("{quote}\n3,4\n")));
            let middle = filled(b'x', 1_500_000).map(|piece| match encoding {
                Encoding::Utf16Le | Encoding::Utf16Be => encode(&"x".repeat(piece.len())),
                _ => piece,
            });
            let rows = read_pieces(&reading, begin.chain(middle).chain(end));
            assert_eq!(rows, [wrong, "3: 3|4"], "{encoding:?} {quote}");
        }
    }
}

#[test]
fn cell_and_row_have_their_exact_limits() {
    let cell = |bytes: usize| "x".repeat(bytes);
    let fits = format!("a,b\n{},{}\n", cell(CELL_BYTES_MAX), cell(CELL_BYTES_MAX - 1));
    assert_eq!(read_in(fits.as_bytes(), &comma(), 1000).len(), 1);
    assert!(read_in(fits.as_bytes(), &comma(), 1000)[0].starts_with("2: x"));
    let long = format!("a\n{}\n1\n", cell(CELL_BYTES_MAX + 1));
    let wrong = "line 2, column `a`: a cell is longer than 1000000 bytes; shorten it";
    assert_eq!(read_in(long.as_bytes(), &comma(), 1000), [wrong, "3: 1"]);
    let long = format!("a,b,c\n{0},{0},{0}\n1,2,3\n", cell(900_000));
    let wrong = "line 2, column `c`: the row is longer than 2000000 bytes; shorten it";
    assert_eq!(read_in(long.as_bytes(), &comma(), 1000), [wrong, "3: 1|2|3"]);
    let json = format!("{{\"a\":\"{}\"}}\n{{\"a\":1}}\n", cell(3_000_000));
    let wrong = "line 1: the row is longer than 2000000 bytes; shorten it";
    assert_eq!(read_in(json.as_bytes(), &json_lines(&["a"]), 1000), [wrong, "2: 1"]);
    let json = format!("{{\"a\":\"{}\"}}\n{{\"a\":1}}\n", cell(CELL_BYTES_MAX + 1));
    let wrong = "line 1, column `a`: a cell is longer than 1000000 bytes; shorten it";
    assert_eq!(read_in(json.as_bytes(), &json_lines(&["a"]), 1000), [wrong, "2: 1"]);
}

#[test]
fn reading_goes_on_after_a_skipped_row_from_a_position_within_it() {
    // In each, the limit is passed within the last pieces of the row.
    let text = |fill: &str| format!("a,b\n1,2\n{fill}\n3,4\n");
    assert_resumes_anywhere(text(&"x".repeat(1_150_000)).as_bytes(), &comma(), 300_000);
    let bytes = super::encodings::encode(&text(&"王".repeat(400_000)), Encoding::Gb18030);
    let reading = Reading { encoding: Encoding::Gb18030, ..comma() };
    assert_resumes_anywhere(&bytes, &reading, 300_000);
}

#[test]
fn too_many_columns_are_refused_and_too_many_cells_are_counted() {
    let wide = format!("{}x\n1\n", "x,".repeat(9_999));
    let refusal = "file: the file has 10000 columns, and at most 200 are read; remove some, or \
                   choose another separator";
    assert_eq!(read(&wide), [refusal]);
    let names: Vec<String> = (1..=200).map(|n| format!("c{n}")).collect();
    let rows = read(&format!("{}\n{}x\n", names.join(","), "x,".repeat(9_999)));
    assert_eq!(rows, ["line 2: the row has 10000 cells, and 200 were expected"]);
    let name = format!("{},b\n", "x".repeat(NAME_CHARS_MAX + 1));
    assert!(read(&name)[0].starts_with("file: the name of column 1 is longer"));
}

#[test]
fn quote_bombs_end_in_time() {
    // Quotes alone, quotes that stay open, and lines that are open however they are read.
    let bomb = |line: &str| {
        let text = line.repeat(200_000 / line.len());
        std::iter::once(b"a,b,c\n".to_vec()).chain(std::iter::repeat_n(text.into_bytes(), 5))
    };
    for line in ["\"", "\"\"", "\"\n", "a,\"b\n", "\"a\"\"\n", "a\",\"\n", "a\"b,\"\n", "\"\r"] {
        let rows = read_pieces(&comma(), bomb(line));
        let is_ended = rows.last().is_some_and(|row| row == OPEN_QUOTES);
        let is_wrong = rows.iter().all(|row| row.starts_with("line ") || row == OPEN_QUOTES);
        assert!(is_ended || is_wrong || line == "\"\"", "{line:?}: {:?}", rows.last());
    }
}

#[test]
fn file_is_refused_after_a_hundred_open_quotes() {
    let rows = read(&format!("a,b\n{}1,2\n", "1,\"x\n".repeat(100)));
    assert_eq!((rows.len(), rows[100].as_str()), (101, "102: 1|2"));
    let rows = read(&format!("a,b\n{}1,2\n", "1,\"x\n".repeat(101)));
    assert_eq!((rows.len(), rows[100].as_str()), (101, OPEN_QUOTES));
}

#[test]
fn nul_is_an_error_that_names_the_column() {
    let wrong = "line 2, column `b`: there is a NUL character; remove it";
    assert_eq!(read("a,b\n1,x\0\n2,3\n"), [wrong, "3: 2|3"]);
    let json = b"{\"b\":\"\\u0000\"}\n{\"b\":1}";
    let rows = read_as(json, &json_lines(&["b"]));
    assert_eq!(rows, ["line 1, column `b`: there is a NUL character; remove it", "2: 1"]);
}

#[test]
fn nothing_is_read_after_the_file_failed() {
    let mut reader = TableReader::new(comma(), GB18030);
    reader.push(format!("{}\n", "x,".repeat(300) + "x").as_bytes());
    assert_eq!(drain(&mut reader).len(), 1);
    assert_eq!(reader.push(b"a,b\n1,2\n"), 8);
    reader.finish();
    assert_eq!(drain(&mut reader).len(), 0);
    for empty in ["", "\u{feff}", "\n\n", ",,,\n", " \r\n"] {
        let rows = read(empty);
        assert_eq!(rows, ["file: the file is empty; its first row must name the columns"]);
    }
    assert_eq!(read("a,b\n"), [] as [&str; 0]);
}

#[test]
fn reader_takes_nothing_while_rows_wait() {
    let mut reader = TableReader::new(comma(), GB18030);
    let rows = b"a,b\n".repeat(20_000);
    let mut taken = 0;
    loop {
        match reader.push(&rows) {
            0 => break,
            more => taken += more,
        }
        assert!(taken < HELD_BYTES_MAX);
    }
    assert!(drain(&mut reader).len() > 100_000);
    assert!(reader.push(&rows) > 0);
}

#[test]
fn control_and_direction_marks_reach_the_cells_unchanged() {
    let text = "a,b\n\u{202e}x\u{200b},\u{1}\u{7f}\u{85}\u{2028}\u{fffd}\n";
    assert_eq!(read(text), ["2: \u{202e}x\u{200b}|\u{1}\u{7f}\u{85}\u{2028}\u{fffd}"]);
}
