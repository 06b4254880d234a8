//! What each type reads, keeps, shows and refuses. Here: one example of every type, and what holds
//! for all of them.

mod choices;
mod conversion;
mod definitions;
mod formulas;
mod hostile;
mod numbers;
mod places;
mod secrets;
mod tables;
mod texts;
mod times;

use super::sealed::{SealKey, Sealing};
use super::*;
use proptest::prelude::*;
use serde_json::json;
use std::cmp::Ordering;

const UUID: &str = "018bcfe5-6800-7abc-8def-0123456789ab";

fn choices() -> Vec<Choice> {
    let label = |english: &str, chinese: &str| Labels {
        english: Some(english.into()),
        chinese: Some(chinese.into()),
    };
    vec![
        Choice { label: label("New", "新客户"), ..Choice::new("new", "") },
        Choice { label: label("Won; really", "成交"), ..Choice::new("won", "") },
        Choice { label: label("Old", "旧"), retired: true, ..Choice::new("old", "") },
    ]
}

fn columns() -> Vec<Column> {
    let column = |name: &str, kind, required| Column {
        name: name.into(),
        label: Labels::default(),
        kind,
        required,
    };
    vec![
        column("item", FieldType::Text, true),
        column("count", FieldType::Number { min: Some(0.0), max: None }, false),
        column("amount", FieldType::Money { currency: "CNY".into() }, false),
        column("state", FieldType::Select(choices()), false),
    ]
}

fn formula(expression: &str) -> FieldType {
    FieldType::Formula { expression: expression.into(), currency: None }
}

/// Returns every type, with one value as typed and as kept. Computed types have no typed value.
fn examples() -> Vec<(FieldType, &'static str, Value)> {
    let number = FieldType::Number { min: None, max: None };
    let money = FieldType::Money { currency: "CNY".into() };
    let yen = FieldType::Money { currency: "JPY".into() };
    let link = FieldType::Link { to: "company".into() };
    let links = FieldType::Links { to: "company".into() };
    let table = r#"[{"item":"a","amount":"1,234.5"},{},{"item":"b","count":2}]"#;
    let lines = json!([{ "amount": 123_450, "item": "a" }, { "count": 2, "item": "b" }]);
    let address =
        r#"{"region":"江苏省南京市","street":"中山路 1 号","postal_code":"２１００００"}"#;
    let place = json!({ "country": "CN", "region": "CN-3201", "street": ["中山路 1 号"],
        "postal_code": "210000" });
    let tel = FieldType::Tel { region: Some("CN".into()) };
    let pattern = FieldType::AutoNumber { pattern: "D-{year}-{n:4}".into() };
    let total = FieldType::Formula { expression: "1".into(), currency: Some("CNY".into()) };
    vec![
        (FieldType::Text, " 林黛玉 ", json!("林黛玉")),
        (FieldType::Textarea, "a\r\nb", json!("a\nb")),
        (FieldType::RichText, "<b>a</b>&amp;", json!("<strong>a</strong>&amp;")),
        (FieldType::Email, "Lin@Example.com", json!("lin@example.com")),
        (tel, "138 0013 8000", json!("+8613800138000")),
        (FieldType::Url, "HTTP://example.com", json!("http://example.com")),
        (number.clone(), "１,２３４.50", json!(1234.5)),
        (FieldType::Percent { min: None, max: None }, "12.50%", json!(12.5)),
        (FieldType::Rating { max: 5 }, "4", json!(4)),
        (money, "￥500,000.00", json!(50_000_000)),
        (yen, "JPY 1,200", json!(1_200)),
        (FieldType::Date, "2026/3/1", json!("2026-03-01")),
        (FieldType::Time, "下午3:30", json!("15:30")),
        (FieldType::DateTime, "2026-03-01 09:30", json!("2026-03-01T01:30:00Z")),
        (FieldType::Duration, "1小时30分", json!(5_400_000)),
        (FieldType::DateRange, "2026/3/1 - 2026/3/5", json!("2026-03-01/2026-03-05")),
        (FieldType::Select(choices()), "成交", json!("won")),
        (FieldType::Radio(choices()), "new", json!("new")),
        (FieldType::MultiSelect(choices()), "成交；new", json!(["new", "won"])),
        (FieldType::Checkbox, "是", json!(true)),
        (FieldType::Country, "中国", json!("CN")),
        (FieldType::Region, "南京", json!("CN-3201")),
        (FieldType::Address, address, place),
        (FieldType::Person, UUID, json!(UUID)),
        (FieldType::Member, "018BCFE5-6800-7abc-8def-0123456789ab", json!(UUID)),
        (FieldType::Team, "sales/east", json!("sales/east")),
        (link, UUID, json!(UUID)),
        (links, UUID, json!([UUID])),
        (FieldType::Table { columns: columns() }, table, lines),
        (formula("1 + 1"), "", json!(2)),
        (total, "", json!(123_450)),
        (pattern, "", json!("D-2026-0007")),
        (FieldType::Image, "https://example.com/a.png", json!("https://example.com/a.png")),
        (FieldType::File, "https://example.com/a.pdf", json!("https://example.com/a.pdf")),
        (FieldType::Hidden { value: "x".into() }, "y", json!("y")),
        (FieldType::Sealed, "110101199003078515", Value::Null),
    ]
}

fn key() -> SealKey {
    SealKey::new("k1", [7; 32])
}

/// Reads texts on a clock in Shanghai, with a key for secrets.
fn read_all(kind: &FieldType, texts: &[&str]) -> Result<Option<Value>, FieldReason> {
    let texts: Vec<String> = texts.iter().map(|text| text.to_string()).collect();
    read_typed(kind, &Typed::Strings(&texts), None)
}

fn read(kind: &FieldType, text: &str) -> Result<Option<Value>, FieldReason> {
    read_all(kind, &[text])
}

fn read_json(kind: &FieldType, json: Value) -> Result<Option<Value>, FieldReason> {
    read_typed(kind, &Typed::Json(&json), None)
}

fn read_typed(
    kind: &FieldType,
    typed: &Typed<'_>,
    kept: Option<&Value>,
) -> Result<Option<Value>, FieldReason> {
    let key = key();
    let sealing = Some(Sealing { key: &key, unique: "1", about: "r/x" });
    kind.read(typed, &Reading { zone: "Asia/Shanghai", kept, sealing })
}

fn viewer(language: Language) -> Viewer<'static> {
    Viewer { language, zone: "Asia/Shanghai", name_of: &|_| None }
}

/// Checks a table of texts and what they are kept as.
fn check_texts(kind: &FieldType, cases: &[(&str, Result<Value, FieldReason>)]) {
    for (text, expected) in cases {
        let expected = expected.clone().map(Some);
        assert_eq!(read(kind, text), expected, "{} {text:?}", kind.word());
    }
}

#[test]
fn every_type_reads_its_example() {
    for (kind, typed, kept) in examples() {
        if !kind.is_computed() && kind != FieldType::Sealed {
            assert_eq!(read(&kind, typed), Ok(Some(kept)), "{}", kind.word());
        }
    }
}

#[test]
fn every_type_takes_nothing_as_none() {
    for (kind, _, _) in examples() {
        for texts in [&[][..], &[""], &["", " \u{3000}\u{feff}"]] {
            assert_eq!(read_all(&kind, texts), Ok(None), "{} {texts:?}", kind.word());
        }
        for json in [Value::Null, json!("")] {
            assert_eq!(read_json(&kind, json.clone()), Ok(None), "{} {json}", kind.word());
        }
    }
}

/// Checks that a kept value is read as itself, in each form in which it can come back.
fn check_round_trip(kind: &FieldType, kept: &Value) {
    let word = kind.word();
    let again = read_typed(kind, &Typed::Kept(kept), None);
    assert_eq!(again.as_ref(), Ok(&Some(kept.clone())), "{word} as kept");
    let exported = kind.export(kept);
    let again = read_typed(kind, &Typed::Strings(std::slice::from_ref(&exported)), Some(kept));
    assert_eq!(again, Ok(Some(kept.clone())), "{word} as exported: {exported}");
    let again = read_typed(kind, &Typed::Json(&json!(exported)), Some(kept));
    assert_eq!(again, Ok(Some(kept.clone())), "{word} as JSON text: {exported}");
    let unguarded = cell::guarded(&exported);
    assert_eq!(cell::unguarded(&unguarded), exported, "{word} as cell");
    let has_other_units =
        matches!(kind, FieldType::Money { .. } | FieldType::Duration | FieldType::Table { .. });
    if !has_other_units && !kind.is_computed() && *kind != FieldType::Sealed {
        let again = read_typed(kind, &Typed::Json(kept), None);
        assert_eq!(again, Ok(Some(kept.clone())), "{word} as JSON");
    }
    assert_eq!(kind.compare(kept, kept), Ordering::Equal, "{word}");
    for language in Language::ALL {
        assert!(!kind.show(kept, &viewer(language)).is_empty(), "{word} {kept}");
    }
}

#[test]
fn every_example_round_trips() {
    for (kind, typed, kept) in examples() {
        let kept = if kept.is_null() { read(&kind, typed).unwrap().unwrap() } else { kept };
        check_round_trip(&kind, &kept);
    }
}

/// Texts that some type accepts, and texts that none should.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,40}",
        "[-+]?[0-9]{1,3}(,[0-9]{3}){0,3}(\\.[0-9]{1,5})?[%万元]?",
        "[-+]?[0-9]{1,20}(\\.[0-9]{1,4})?(e[0-9]{1,3})?",
        "[0-9]{4}[-/年.][0-9]{1,2}[-/月.][0-9]{1,2}日?( [0-9]{1,2}:[0-9]{2})?Z?",
        "2026-0[1-6]-[012][0-9]( - |/|至|~)2026-0[6-9]-[012][0-9]",
        "[0-9]{1,2}:[0-5][0-9](:[0-5][0-9])?( ?pm)?",
        "([0-9]{1,5}(\\.5)?(s|m|h|d|w|天|小时)){1,3}",
        "(<(p|b|ul|li|a href=\"https://a.example/?b=1&amp;c\"|script|br|/p|/ul)>|a|&|;|\"|<){0,20}",
        "(CN-)?[1-6][0-9](0[1-9])?(0000)?",
        "[A-Z]{2}-[A-Z0-9]{1,3}",
        "(new|won|成交|新客户|[;,]){1,5}",
        "[a-z]{1,8}@[a-z]{1,8}\\.(com|cn)",
        "https?://[a-z]{1,8}\\.com/[a-z?=&#]{0,10}",
        "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
        "\\[(\\{\"item\":\"[a-z=+]{1,3}\",\"amount\":[0-9]{1,9}(\\.5)?\\},?){1,1}\\]",
        "\\{\"city\":\"[a-z]{1,5}\",\"street\":\\[\"[a-z ]{1,5}\"\\]\\}",
        Just("江苏省南京市".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_is_accepted_round_trips(text in any_text()) {
        for (kind, _, _) in examples() {
            if let Ok(Some(kept)) = read(&kind, &text) {
                check_round_trip(&kind, &kept);
            }
        }
    }

    #[test]
    fn index_and_comparison_agree(one in any_text(), other in any_text()) {
        for (kind, _, _) in examples() {
            let (Ok(Some(one)), Ok(Some(other))) = (read(&kind, &one), read(&kind, &other)) else {
                continue;
            };
            let order = kind.compare(&one, &other);
            prop_assert_eq!(order.reverse(), kind.compare(&other, &one));
            if let (Some(a), Some(b)) = (kind.index_key(&one), kind.index_key(&other)) {
                prop_assert_eq!(Some(order), a.partial_cmp(&b));
                prop_assert_eq!(order == Ordering::Equal, one == other);
            }
        }
    }

    #[test]
    fn conversion_never_fails_badly(text in any_text()) {
        let reading = Reading { zone: "Asia/Shanghai", ..Reading::default() };
        for (from, _, _) in examples() {
            let Ok(Some(kept)) = read(&from, &text) else { continue };
            for (to, _, _) in examples() {
                if let Converted::To(value) = to.convert(&from, &kept, &reading) {
                    let again = to.read(&Typed::Kept(&value), &reading);
                    prop_assert_eq!(again, Ok(Some(value)), "{} to {}", from.word(), to.word());
                }
            }
        }
    }
}
