//! What a preview detects, and what it refuses.

use super::super::encoding::Evidence;
use super::super::preview::{Choice, PREVIEW_ROWS_MAX, Preview, PreviewRow, preview};
use super::super::problem::{FileProblem, Note, OtherFile};
use super::*;

fn look(bytes: &[u8]) -> Result<Preview, FileProblem> {
    preview(bytes, true, &Choice::default(), GB18030)
}

fn separator_of(text: &str) -> Separator {
    match look(text.as_bytes()).unwrap().reading.format {
        Format::Csv { separator, .. } => separator,
        Format::JsonLines { .. } => panic!("JSON lines"),
    }
}

#[test]
fn separator_is_the_one_with_the_same_count_in_most_rows() {
    for (text, separator) in [
        ("a,b\n1,2\n", Separator::Comma),
        ("a;b\n1,5;2,5\n3,5;4\n", Separator::Semicolon),
        ("name\tnotes\nann\tx, y; z\nbo\t1, 2\n", Separator::Tab),
        ("a|b|c\n1|2|3\n", Separator::Bar),
        ("a,b\n\"1;2;3\",4\n\"5;6;7\",8\n", Separator::Comma),
        ("sep=|\na,b|c\n1,2|3\n", Separator::Bar),
        ("sep=\t\na\tb\n", Separator::Tab),
        ("mail\nann@x.example\n", Separator::Comma),
        ("姓名；公司,邮箱\n王,b\n", Separator::Comma),
    ] {
        assert_eq!(separator_of(text), separator, "{text:?}");
    }
}

#[test]
fn preview_shows_what_an_import_will_read() {
    let text = "姓名,邮箱,,邮箱\r\n王芳,a@x.example,1,2\r\n李雷,b\r\n";
    let bytes = encoding_rs::GBK.encode(text).0;
    let preview = look(&bytes).unwrap();
    assert_eq!(preview.reading, Reading { encoding: Encoding::Gb18030, ..comma() });
    assert_eq!(preview.evidence, Evidence::Characters);
    assert_eq!(preview.columns, ["姓名", "邮箱", "column (3)", "邮箱 (4)"]);
    assert_eq!(
        preview.notes,
        [
            Note::EncodingGuessed { encoding: Encoding::Gb18030, is_ascii: false },
            Note::UnnamedColumn { name: "column (3)".into() },
            Note::SameName { name: "邮箱".into(), renamed: "邮箱 (4)".into() },
        ]
    );
    let PreviewRow::Wrong(error) = &preview.rows[1] else { panic!("{:?}", preview.rows) };
    assert_eq!(error.message(Language::Chinese), "第 3 行：该行有 2 个单元格，应为 4 个");
    let cells = ["王芳", "a@x.example", "1", "2"].map(str::to_owned).to_vec();
    assert_eq!(preview.rows[0], PreviewRow::Cells { line: 2, cells });
    let names_missing = look(b"ann@x.example,Ann\nbo@x.example,Bo\n").unwrap();
    let value = "ann@x.example".to_owned();
    assert!(names_missing.notes.contains(&Note::NamesLookLikeValues { value }));
    assert!(look(b"x\n1\n").unwrap().notes.contains(&Note::OneColumn));
}

#[test]
fn what_an_operator_chooses_wins() {
    let bytes = encoding_rs::GBK.encode("sep=,\na;b,\"c\n\"王;芳,x\n").0;
    let choice = Choice {
        encoding: Encoding::by_name("utf-8"),
        separator: Some(Separator::Semicolon),
        quotes: Some(false),
    };
    let chosen = preview(&bytes, true, &choice, GB18030).unwrap();
    assert_eq!(chosen.evidence, Evidence::Chosen);
    assert_eq!(chosen.columns, ["a", "b,\"c"]);
    // A wrong choice is visible.
    assert!(matches!(chosen.rows[..], [PreviewRow::Wrong(_)]), "{:?}", chosen.rows);
}

#[test]
fn cut_head_gives_whole_rows_only() {
    let text = format!("a,b\n{}", "1,2\n".repeat(50));
    for end in 4..text.len() {
        let head = preview(&text.as_bytes()[..end], false, &Choice::default(), GB18030).unwrap();
        assert_eq!(head.rows.len(), ((end - 4) / 4).min(PREVIEW_ROWS_MAX));
    }
    let cut = preview(b"a,b", false, &Choice::default(), GB18030);
    assert_eq!(cut.unwrap_err(), FileProblem::NamesTooLong);
    assert_eq!(look(b"").unwrap_err(), FileProblem::NoColumns);
}

#[test]
fn json_lines_are_recognised_with_the_keys_of_all_objects() {
    let preview = look(b"\xEF\xBB\xBF\n{\"a\":1}\n{\"b\":2,\"a\":{}}\nbroken\n").unwrap();
    assert_eq!(preview.reading.format, Format::JsonLines { columns: vec!["a".into(), "b".into()] });
    assert_eq!(preview.columns, ["a", "b"]);
    assert_eq!(preview.rows.len(), 3);
    let keys: Vec<String> = (0..201).map(|n| format!("\"k{n}\":1")).collect();
    let wide = format!("{{{}}}", keys.join(","));
    assert_eq!(look(wide.as_bytes()).unwrap_err(), FileProblem::TooManyColumns { found: 201 });
}

#[test]
fn files_that_are_no_tables_are_refused_with_advice() {
    let cases: [(&[u8], OtherFile); 15] = [
        (b"PK\x03\x04\x14\0\x06\0[Content_Types].xml", OtherFile::Workbook),
        (b"PK\x03\x04 xl/workbook.xml", OtherFile::Workbook),
        (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", OtherFile::Workbook),
        (b"PK\x03\x04list.csv", OtherFile::Archive),
        (b"\x1F\x8B\x08", OtherFile::Archive),
        (b"%PDF-1.7", OtherFile::Document),
        (b"\x89PNG\r\n", OtherFile::Document),
        (b"SQLite format 3\0", OtherFile::Document),
        (b"\xEF\xBB\xBF\n <HTML><table>", OtherFile::Markup),
        (b"<!DOCTYPE html>", OtherFile::Markup),
        (b"<?xml version=\"1.0\"?>", OtherFile::Markup),
        (b"\xFF\xFE<\0h\0t\0m\0l\0>\0", OtherFile::Markup),
        (b"[\n {\"a\": 1}]", OtherFile::JsonList),
        (b"\xFF\xFE\0\0a\0\0\0", OtherFile::Utf32),
        (b"\0\0\xFE\xFF\0\0\0a", OtherFile::Utf32),
    ];
    for (bytes, file) in cases {
        let problem = look(bytes).unwrap_err();
        assert_eq!(problem, FileProblem::Other { file }, "{bytes:?}");
        for language in [Language::English, Language::Chinese] {
            assert!(!problem.message(language).is_empty());
        }
    }
    assert!(look(b"<name>,<mail>\nann,a@x.example\n").is_ok());
    let western = encoding_rs::WINDOWS_1252.encode("name\nZo\u{eb},\n").0;
    assert_eq!(look(&western).unwrap_err(), FileProblem::UnknownEncoding);
}

#[test]
fn preview_and_position_are_data() {
    let preview = look(b"a;b\n1;2\n").unwrap();
    let json = serde_json::to_string(&preview.reading).unwrap();
    let expected = r#"{"encoding":"utf-8","format":"csv","separator":"semicolon","quotes":true}"#;
    assert_eq!(json, expected);
    assert_eq!(serde_json::from_str::<Reading>(&json).unwrap(), preview.reading);
    let row = serde_json::to_string(&preview.rows[0]).unwrap();
    assert_eq!(row, r#"{"line":2,"cells":["1","2"]}"#);
}
