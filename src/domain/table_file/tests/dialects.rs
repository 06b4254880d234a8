//! Tables as spreadsheets and other systems write them.

use super::*;

/// Rows that are read from texts with commas.
#[test]
fn quotes_and_line_breaks_are_read_as_spreadsheets_do() {
    let cases: &[(&str, &[&str])] = &[
        ("a,b\n1,2\n", &["2: 1|2"]),
        ("a,b\n1,2", &["2: 1|2"]),
        ("a,b\r\n1,2\r\n3,4\r\n", &["2: 1|2", "3: 3|4"]),
        ("a,b\r1,2\r3,4\r", &["2: 1|2", "3: 3|4"]),
        ("a,b\r1,2\n3,4\r\n5,6", &["2: 1|2", "3: 3|4", "4: 5|6"]),
        ("\n\r\n  \na,b\n\n\r1,2\n , \n\n3,4\n\n", &["7: 1|2", "10: 3|4"]),
        ("a,b\n\"x,y\",\"say \"\"hi\"\"\"\n", &["2: x,y|say \"hi\""]),
        ("a,b\n\"one\ntwo\r\nthree\rfour\",x\n5,6\n", &["2: one\ntwo\r\nthree\rfour|x", "6: 5|6"]),
        ("a,b\n\"\",\"\"\n,\n\"\",\n", &["2: |", "4: |"]),
        ("a,b\n5\" pipe,6\"\n", &["2: 5\" pipe|6\""]),
        ("a,b\n\"Big\" Jim,x\n", &["2: Big Jim|x"]),
        ("a,b\n x , y \n", &["2:  x | y "]),
        ("a,b,\n1,2,\n3,4\n5,6,,,,\n", &["2: 1|2", "3: 3|4", "4: 5|6"]),
        ("sep=,\na,b\n1,2\n", &["3: 1|2"]),
        ("\"sep=,\"\r\na,b\r\n1,2\r\n", &["3: 1|2"]),
        ("\u{feff}a,b\n1,2\n\u{feff}\"3\",4\n", &["2: 1|2", "3: 3|4"]),
        ("a,b\n'+8613800138000,'=x\n'tis,'' \n", &["2: +8613800138000|=x", "3: 'tis|'' "]),
        ("姓名,邮箱\n王芳,a@x.example\n", &["2: 王芳|a@x.example"]),
    ];
    for (text, rows) in cases {
        assert_eq!(read(text), *rows, "{text:?}");
        assert_resumes_anywhere(text.as_bytes(), &comma(), 2);
    }
}

#[test]
fn every_separator_is_read_and_declared() {
    for separator in Separator::ALL {
        let sign = char::from(separator.byte());
        for head in ["", &format!("sep={sign}\r\n")] {
            let text = format!("{head}a{sign}b\r\n\"1{sign}\"{sign}2\r\n");
            let rows = read_as(text.as_bytes(), &csv(separator));
            let line = if head.is_empty() { 2 } else { 3 };
            assert_eq!(rows, [format!("{line}: 1{sign}|2")]);
        }
    }
    assert_eq!(Separator::declared(b"sep=\\t"), Some(Separator::Tab));
    assert_eq!(Separator::declared(b"SEP=;"), Some(Separator::Semicolon));
    assert_eq!(Separator::declared(b"sep=x"), None);
    assert_eq!(Separator::declared(b"separator"), None);
}

#[test]
fn ragged_row_is_an_error_of_that_row_with_both_counts() {
    let rows = read("a,b,c\n1,2,3\n1,2\n1,2,3,4\n1,2,3,,\n\"x\ny\"\n7,8,9\n");
    assert_eq!(
        rows,
        [
            "2: 1|2|3",
            "line 3: the row has 2 cells, and 3 were expected",
            "line 4: the row has 4 cells, and 3 were expected",
            "5: 1|2|3",
            "line 6: the row has 1 cells, and 3 were expected",
            "8: 7|8|9",
        ]
    );
}

const OPEN: &str = "a quote is opened and not closed; close it, or read the file without quotes";

#[test]
fn open_quote_costs_its_own_row_only() {
    // It ends at the end of the file, or at the next quote, which opens a cell.
    for end in ["", "\"y\",2\n", "z,\"y\"\n"] {
        let rows = read(&format!("a,b\n1,2\n3,\"x\n4,5\n6,7\n{end}"));
        assert_eq!(rows[..2], ["2: 1|2".to_owned(), format!("line 3, column `b`: {OPEN}")]);
        assert_eq!(rows[2..4], ["4: 4|5", "5: 6|7"], "{end:?}");
    }
    // A cell of two lines stands before it.
    let rows = read("a,b,c\n\"1\n2\",\"x,3\n4,5,6\n");
    assert_eq!(rows, [format!("line 2, column `b`: {OPEN}"), "4: 4|5|6".to_owned()]);
    let rows = read("a,b\r\n\"x,1\r\n2,3\r\n");
    assert_eq!(rows, [format!("line 2, column `a`: {OPEN}"), "3: 2|3".to_owned()]);
}

#[test]
fn quotes_are_ordinary_characters_if_the_file_has_none() {
    let reading = Reading {
        encoding: Encoding::Utf8,
        format: Format::Csv { separator: Separator::Tab, quotes: false },
    };
    let rows = read_as(b"a\tb\n\"x\t\"y\"\n", &reading);
    assert_eq!(rows, ["2: \"x|\"y\""]);
}

#[test]
fn columns_without_a_name_or_with_the_same_get_their_own() {
    let mut reader = TableReader::new(comma(), GB18030);
    reader.push("Email, Full\r\n,\"Full\nname\",Email,,Email (3),,\n1,2,3,4,5\n".as_bytes());
    reader.finish();
    assert!(reader.next_row().is_some());
    assert_eq!(reader.columns(), ["Email", "Full"]);
    let mut reader = TableReader::new(comma(), GB18030);
    let names = " Email ,\"Full\nname\",Email,,Email (3),\u{200b},x,,\n1,2,3,4,5,6,7\n";
    reader.push(names.as_bytes());
    let row = reader.next_row().expect("a row").expect("a good one");
    assert_eq!(row.cells().collect::<Vec<_>>(), ["1", "2", "3", "4", "5", "6", "7"]);
    assert_eq!(
        row.columns(),
        ["Email", "Full name", "Email (4)", "column (4)", "Email (3)", "column (6)", "x"]
    );
}

#[test]
fn json_lines_are_read_with_an_error_for_each_wrong_line() {
    let text = "{\"a\":\"x\",\"b\":1}\n\n{\"b\":null,\"a\":\"\\u4f60\\n\"}\r\n{}\r\
                {\"a\":12345678901234567890.50,\"b\":true}\n{\"a\":[1]}\n{\"b\":{\"c\":1}}\n\
                {\"a\":1,\"a\":2}\n{\"c\":1}\n[1]\nx\n{\"a\":1}{\n\u{feff}{\"a\":\"=1\"}";
    let rows = read_as(text.as_bytes(), &json_lines(&["a", "b"]));
    assert_eq!(
        rows,
        [
            "1: x|1",
            "3: 你\n|",
            "4: |",
            "5: 12345678901234567890.50|true",
            "line 6, column `a`: the value is a list or an object; give one text or number for \
             each key",
            "line 7, column `b`: the value is a list or an object; give one text or number for \
             each key",
            "line 8: the key `a` occurs twice; remove one",
            "line 9: the key `c` is not among the columns; add it to them",
            "line 10: the line is not a JSON object: invalid type: sequence, expected an object at \
             line 1 column 0",
            "line 11: the line is not a JSON object: expected value at line 1 column 1",
            "line 12: the line is not a JSON object: trailing characters at line 1 column 8",
            "13: =1|",
        ]
    );
    assert_resumes_anywhere(text.as_bytes(), &json_lines(&["a", "b"]), 3);
}
