//! Every type, tried with input that is made to break something.

use super::*;

/// Two megabytes.
fn big() -> String {
    "字<a ,1;[{\"".repeat(180_000)
}

/// Short texts that attack something.
#[rustfmt::skip]
const TEXTS: [&str; 100] = [
    "\u{0}", "a\u{0}b", "a\nb\r\nBcc: c", "a\u{1b}[31mb", "a\u{7f}\u{85}b", "a\u{2028}b",
    "a\u{202e}b\u{2066}c", "\u{feff}a", "\u{e0041}a", "NaN", "-NaN", "inf", "-inf", "1e400",
    "-1e400", "1e-400", "9e999999999", "999999999999999999999999999999", "-9223372036854775808",
    "1e308", "0x7fffffff", "１２３", "٣", "Ⅷ", "½", "=1+1", "@SUM(A1)", "+1+1", "-1+1", "'=1",
    "\t=1", "'; drop table records; --", "\" or \"\"=\"", "%00", "../../etc/passwd", "${7*7}",
    "{{7*7}}", "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "javascript:alert(1)",
    "JaVaScRiPt:alert(1)", "https://a@b.example", "https://example.com/\r\nX: y", "[", "{", "[]",
    "{}", "[[]]", "[null]", "[{}]", "[1]", "{\"a\":1}", "{\"city\":\"\\ud800\"}",
    "[{\"item\":\"\\udc00\"}]", "[\"\\ud800\"]", "null", "true", "••••", "CN-", "-", "/", "--",
    "0000-00-00", "9999-99-99", "99999-01-01", "2026-03-01/", "/2026-03-01", "24:00:00", "T", "Z",
    "P", "PT", "1d1", "{n}", "(", "年月日", "万", "元", "¥", "%", "CNY", "e", ".", "+", ",", ";",
    "￥", "，", "－", "＝1", "::", "1:", "日", "至", "~", "&#0;", "&#x110000;", "</p>", "<", "\\",
];

/// Those, and long ones.
fn texts() -> Vec<String> {
    let long = [
        big(),
        "[".repeat(100_000),
        format!("{}1{}", "[".repeat(100), "]".repeat(100)),
        "{\"city\":".repeat(10_000),
        "9".repeat(100_000),
        "<".repeat(200_000),
        "<b>".repeat(60_000),
        "<!--".repeat(50_000),
        "<script>".repeat(30_000),
        "&".repeat(200_000),
        "<a href=".repeat(30_000) + ">",
        vec!["o"; 10_000].join(";"),
        vec![UUID; 10_000].join(" "),
    ];
    TEXTS.into_iter().map(str::to_owned).chain(long).collect()
}

fn jsons() -> Vec<Value> {
    let nested = (0..100).fold(json!(1), |inner, _| json!([{ "item": inner }]));
    vec![
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(1e308),
        json!(u64::MAX),
        json!(i64::MIN),
        json!([]),
        json!({}),
        json!([[]]),
        json!([{}]),
        json!([null]),
        json!([1, "a"]),
        nested,
        json!({ "from": 1, "to": {} }),
        json!({ "key": "k1", "nonce": "", "sealed": "" }),
        json!({ "street": { "x": 1 } }),
        json!({ "": "" }),
        json!([{ "__proto__": 1 }]),
        json!("字<a ,1;[{\"".repeat(20_000)),
        Value::from(vec![json!("x"); 100_000]),
        json!(["字".repeat(100_000)]),
    ]
}

#[test]
fn every_type_survives_hostile_texts() {
    for text in texts() {
        for (kind, ..) in examples() {
            match read(&kind, &text) {
                Ok(kept) => kept.iter().for_each(|kept| check_safe(&kind, kept, &text)),
                Err(reason) => check_reason(&reason),
            }
            if text.len() < 1_000
                && let Ok(Some(kept)) = read_all(&kind, &[&text, &text])
            {
                check_safe(&kind, &kept, &text);
            }
        }
    }
}

#[test]
fn every_type_survives_hostile_json() {
    for json in jsons() {
        for (kind, ..) in examples() {
            for typed in [Typed::Json(&json), Typed::Kept(&json)] {
                if let Ok(Some(kept)) = read_typed(&kind, &typed, Some(&json)) {
                    check_safe(&kind, &kept, "JSON");
                }
            }
            let _ = kind.export(&json);
            let _ = kind.show(&json, &viewer(Language::Chinese));
            let _ = kind.compare(&json, &Value::Null);
        }
    }
}

/// Checks that a value that was accepted is bounded, has no hidden characters, and round-trips.
fn check_safe(kind: &FieldType, kept: &Value, text: &str) {
    let written = kept.to_string();
    assert!(written.len() <= 200_000, "{} {text:.40}", kind.word());
    let is_hidden = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    assert!(!written.contains(is_hidden), "{} {text:.40}", kind.word());
    for marked in ["\\u0000", "\\u001b", "\\r"] {
        assert!(!written.contains(marked), "{} {text:.40}: {written:.80}", kind.word());
    }
    assert!(*kind != FieldType::RichText || !written.contains("<script"), "{written:.80}");
    if let FieldType::Url | FieldType::Image | FieldType::File = kind {
        assert!(written.starts_with("\"http"), "{written}");
    }
    check_round_trip(kind, kept);
}

/// Checks that a reason has a short message in both languages, and reads back from JSON.
fn check_reason(reason: &FieldReason) {
    let [english, chinese] = Language::ALL.map(|language| reason.message(language));
    assert!(!english.is_empty() && english != chinese, "{reason:?}");
    assert!(english.is_ascii() && english.len() < 300 && chinese.len() < 300, "{english}");
    let kept = serde_json::to_string(reason).unwrap();
    assert_eq!(serde_json::from_str::<FieldReason>(&kept).unwrap(), *reason);
}
