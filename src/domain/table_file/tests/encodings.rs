//! Bytes of every encoding, also cut within characters.

use super::super::encoding::{Evidence, detect};
use super::*;

fn utf16(text: &str, is_little: bool) -> Vec<u8> {
    let units = text.encode_utf16();
    units.flat_map(|u| if is_little { u.to_le_bytes() } else { u.to_be_bytes() }).collect()
}

/// A text in an encoding, as encoders write it.
pub(super) fn encode(text: &str, encoding: Encoding) -> Vec<u8> {
    match encoding {
        Encoding::Utf8 => text.as_bytes().to_vec(),
        Encoding::Utf16Le => utf16(text, true),
        Encoding::Utf16Be => utf16(text, false),
        Encoding::Gb18030 => encoding_rs::GB18030.encode(text).0.into_owned(),
    }
}

fn reading(encoding: Encoding) -> Reading {
    Reading { encoding, ..comma() }
}

const TEXT: &str = "姓名,备注|说明\r\n王芳,\"第一行\n第二行\"\r\n𠮷野家,|ÿ€\r\nĀ㐀丂,😀\r\n";

#[test]
fn all_encodings_are_read_the_same_with_and_without_mark() {
    let rows = ["2: 王芳|第一行\n第二行", "4: 𠮷野家||ÿ€", "5: Ā㐀丂|😀"];
    for encoding in Encoding::ALL {
        for mark in ["", "\u{feff}"] {
            let bytes = encode(&format!("{mark}{TEXT}"), encoding);
            assert_eq!(bytes.starts_with(encoding.mark()), !mark.is_empty());
            assert_eq!(read_as(&bytes, &reading(encoding)), rows, "{encoding:?}");
            for chunk in [1, 5, 1000] {
                assert_resumes_anywhere(&bytes, &reading(encoding), chunk);
            }
        }
    }
}

#[test]
fn encoding_is_detected_at_any_border() {
    for (encoding, mark) in [
        (Encoding::Utf8, ""),
        (Encoding::Utf8, "\u{feff}"),
        (Encoding::Utf16Le, "\u{feff}"),
        (Encoding::Utf16Be, "\u{feff}"),
        (Encoding::Gb18030, "\u{feff}"),
        (Encoding::Gb18030, ""),
    ] {
        let text = format!("{mark}姓名,公司\r\n王芳,上海某某有限公司\r\n李雷,北京\r\n");
        let bytes = encode(&text, encoding);
        for end in bytes.len() / 2..=bytes.len() {
            let found = detect(&bytes[..end], end == bytes.len());
            let evidence = if mark.is_empty() { Evidence::Characters } else { Evidence::Mark };
            assert_eq!(found, Some((encoding, evidence)), "{encoding:?} {end}");
        }
    }
    let unmarked = encode("name,mail\nann,a@x.example\n", Encoding::Utf16Be);
    assert_eq!(detect(&unmarked, true), Some((Encoding::Utf16Be, Evidence::Characters)));
    assert_eq!(detect(b"a,b\n", true), Some((Encoding::Utf8, Evidence::AsciiOnly)));
    assert_eq!(detect(b"", true), Some((Encoding::Utf8, Evidence::AsciiOnly)));
}

#[test]
fn other_encodings_are_not_taken_for_gb18030() {
    let others = [
        encoding_rs::WINDOWS_1252.encode("Zoë,Søren,café,Müller,Jürgen Groß,Ångström").0,
        encoding_rs::BIG5.encode("姓名,公司\n王小明,臺北市資訊股份有限公司\n陳美麗,高雄").0,
        encoding_rs::SHIFT_JIS
            .encode("氏名,会社\n山田太郎,株式会社アイウエオ\nたなか,とうきょう")
            .0,
        encoding_rs::KOI8_R.encode("Имя,Фамилия\nИван,Петров\n").0,
    ];
    for bytes in others {
        let found = detect(&bytes, true);
        assert_eq!(found, None, "{}", String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn bytes_that_are_no_text_are_an_error_of_their_row() {
    let no_text = |line: u64, column: &str, encoding: &str| {
        format!(
            "line {line}, column `{column}`: the bytes are no text in {encoding}; choose another \
             encoding, or correct the row"
        )
    };
    let cases: [(&[u8], Encoding, &str, &str); 7] = [
        (b"a,b\n1,\xFF\n2,3\n", Encoding::Utf8, "b", "UTF-8"),
        (b"a,b\n\xE4\xBD,\xA0\n2,3\n", Encoding::Utf8, "a", "UTF-8"),
        (b"a,b\n1,\xE4\xBD\n2,3\n", Encoding::Utf8, "b", "UTF-8"),
        (b"a,b\n1,\xB0\n2,3\n", Encoding::Gb18030, "b", "GB18030"),
        (b"a,b\n\x81\x30\x81,1\n2,3\n", Encoding::Gb18030, "a", "GB18030"),
        (b"a,b\n1,\x81\x30\n2,3\n", Encoding::Gb18030, "b", "GB18030"),
        (b"a,b\n\xFF,1\n2,3\n", Encoding::Gb18030, "a", "GB18030"),
    ];
    for (bytes, encoding, column, name) in cases {
        let rows = read_as(bytes, &reading(encoding));
        assert_eq!(rows, [no_text(2, column, name), "3: 2|3".to_owned()], "{bytes:?}");
    }
    for (little, name) in [(true, "UTF-16LE"), (false, "UTF-16BE")] {
        let encoding = if little { Encoding::Utf16Le } else { Encoding::Utf16Be };
        let unit = |unit: u16| if little { unit.to_le_bytes() } else { unit.to_be_bytes() };
        // Half of a pair in the middle, and an odd byte at the end.
        for lone in [0xD83D, 0xDE00] {
            let mut bytes = utf16("a,b\n1,", little);
            bytes.extend(unit(lone));
            bytes.extend(utf16("\n2,3\n4,5", little));
            bytes.push(b'x');
            let rows = read_as(&bytes, &reading(encoding));
            assert_eq!(rows, [no_text(2, "b", name), "3: 2|3".into(), no_text(4, "b", name)]);
            assert_resumes_anywhere(&bytes, &reading(encoding), 3);
        }
    }
}

#[test]
fn gb18030_after_ascii_is_an_error_that_names_the_encoding() {
    let mut bytes = b"a,b\n1,2\n".to_vec();
    bytes.extend(encode("王,芳\n", Encoding::Gb18030));
    let rows = read_as(&bytes, &comma());
    assert!(rows[1].contains("no text in UTF-8; choose another encoding"), "{rows:?}");
}

#[test]
fn encodings_have_their_usual_names() {
    for encoding in Encoding::ALL {
        assert_eq!(Encoding::by_name(encoding.name()), Some(encoding));
        let json = serde_json::to_string(&encoding).expect("JSON");
        assert_eq!(Encoding::by_name(json.trim_matches('"')), Some(encoding));
    }
    for (name, encoding) in [
        ("GBK", Some(Encoding::Gb18030)),
        (" gb2312 ", Some(Encoding::Gb18030)),
        ("utf8", Some(Encoding::Utf8)),
        ("latin1", None),
        ("", None),
    ] {
        assert_eq!(Encoding::by_name(name), encoding);
    }
}
