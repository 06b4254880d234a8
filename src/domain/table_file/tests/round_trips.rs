//! What the writers write, our reader reads unchanged.

use super::super::write::{EXCEL_MARK, write_csv_row, write_json_row};
use super::*;
use proptest::prelude::*;

fn written(cell: &str) -> String {
    let mut out = String::new();
    write_csv_row([cell], Separator::Comma, &mut out);
    out.trim_end_matches("\r\n").to_owned()
}

#[test]
fn formulas_are_guarded_and_numbers_are_not() {
    for (cell, expected) in [
        ("=1+2\";=1+2", "\"'=1+2\"\";=1+2\""),
        ("+8613800138000", "'+8613800138000"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-5", "-5"),
        ("-0.25", "-0.25"),
        ("-5+cmd|' /C calc'!A0", "\"'-5+cmd|' /C calc'!A0\""),
        ("-", "'-"),
        ("-007", "'-007"),
        ("-1.", "'-1."),
        ("-1e9", "'-1e9"),
        ("-1234567890123456", "'-1234567890123456"),
        ("\t=1", "\"'\t=1\""),
        ("\r=1", "\"'\r=1\""),
        ("\n=1", "\"'\n=1\""),
        ("＝1", "'＝1"),
        ("＋1", "'＋1"),
        ("－1", "'－1"),
        ("＠a", "'＠a"),
        (" =1", "\"' =1\""),
        ("\u{3000}＝1", "\"'\u{3000}＝1\""),
        ("'=1", "''=1"),
        ("'-5", "''-5"),
        ("'tis", "'tis"),
        ("'", "'"),
        ("a=1", "a=1"),
        ("a;b", "\"a;b\""),
        ("", "\"\""),
        (" x", "\" x\""),
        ("\u{feff}x", "\"\u{feff}x\""),
    ] {
        assert_eq!(written(cell), expected, "{cell:?}");
        let unquoted = expected.trim_matches('"');
        let begins =
            unquoted.starts_with(['=', '+', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
        assert!(!begins, "{cell:?} is a formula");
    }
}

/// Any text without NUL, with many of the characters that matter.
fn cell() -> impl Strategy<Value = String> {
    let sign = prop::sample::select(vec![
        '=', '+', '-', '@', '\t', '\r', '\n', '＝', '－', '\'', '"', ',', ';', '|', ' ', '5', 'a',
        '王', '\u{feff}', '\u{3000}', '😀', '\u{1}', '\u{85}', '{', '\\',
    ]);
    let signs = prop::collection::vec(sign, 0..6).prop_map(|signs| signs.into_iter().collect());
    let any = "[^\\x00]{0,8}".prop_map(String::from);
    prop_oneof![4 => signs, 1 => any]
}

fn table() -> impl Strategy<Value = Vec<Vec<String>>> {
    (1..4_usize).prop_flat_map(|columns| {
        prop::collection::vec(prop::collection::vec(cell(), columns), 0..6)
    })
}

fn columns(rows: &[Vec<String>]) -> Vec<String> {
    let count = rows.first().map_or(2, Vec::len);
    (1..=count).map(|number| format!("column {number}")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..<_>::default() })]

    #[test]
    fn written_csv_is_read_unchanged(
        rows in table(),
        place in 0..4_usize,
        chunk in 1..40_usize,
        has_mark: bool,
        encoding in prop::sample::select(Encoding::ALL.to_vec()),
    ) {
        let separator = Separator::ALL[place];
        let columns = columns(&rows);
        let mut out = String::from(if has_mark { EXCEL_MARK } else { "" });
        write_csv_row(&columns, separator, &mut out);
        for row in &rows {
            write_csv_row(row, separator, &mut out);
        }
        let format = Format::Csv { separator, quotes: true };
        let bytes = super::encodings::encode(&out, encoding);
        let reading = Reading { encoding, format };
        // U+FFFD is what the decoder of GB18030 gives for bytes that are no text.
        prop_assume!(encoding != Encoding::Gb18030 || !out.contains('\u{fffd}'));
        prop_assert_eq!(cells(&bytes, &reading, chunk), (columns, rows));
        assert_resumes_anywhere(&bytes, &reading, chunk);
    }

    #[test]
    fn written_json_is_read_unchanged(rows in table(), chunk in 1..40_usize) {
        let columns = columns(&rows);
        let mut out = String::new();
        for row in &rows {
            write_json_row(&columns, row, &mut out);
        }
        let names: Vec<&str> = columns.iter().map(String::as_str).collect();
        let reading = json_lines(&names);
        prop_assert_eq!(cells(out.as_bytes(), &reading, chunk), (columns.clone(), rows));
        assert_resumes_anywhere(out.as_bytes(), &reading, chunk);
    }

    /// No input makes the reader panic, and chunks and stops make no difference to it.
    #[test]
    fn any_bytes_are_read_the_same_in_any_chunks(
        pieces in prop::collection::vec(prop::sample::select(vec![
            &b"a"[..], b",", b";", b"\"", b"\"\"", b"\n", b"\r", b"\r\n", b"\0", b"\xEF\xBB\xBF",
            b"\xEF", b"\x81", b"\x30", b"\xFF", b"\xFE", b"\xD8\x3D", b"'", b"=", b"{\"a\":1}",
            "王".as_bytes(), b"sep=;",
        ]), 0..40),
        chunk in 1..20_usize,
        encoding in prop::sample::select(Encoding::ALL.to_vec()),
        is_json: bool,
    ) {
        let bytes = pieces.concat();
        let format = if is_json { json_lines(&["a"]).format } else { comma().format };
        let reading = Reading { encoding, format };
        let whole = read_in(&bytes, &reading, usize::MAX);
        prop_assert_eq!(read_in(&bytes, &reading, chunk), whole);
        assert_resumes_anywhere(&bytes, &reading, chunk);
    }

    /// Another reader agrees about the cells of what we write.
    #[test]
    fn other_readers_see_the_same_rows(rows in table()) {
        let mut out = String::new();
        for row in &rows {
            write_csv_row(row, Separator::Comma, &mut out);
        }
        let mut reader = ::csv::ReaderBuilder::new().has_headers(false).from_reader(out.as_bytes());
        for (row, record) in rows.iter().zip(reader.records()) {
            let record = record.unwrap();
            for (cell, theirs) in row.iter().zip(record.iter()) {
                let same = theirs == cell || theirs.strip_prefix('\'') == Some(cell.as_str());
                prop_assert!(same, "{:?} {:?}", cell, theirs);
            }
        }
    }
}
