//! Definitions of fields, and patterns of automatic numbers.

use super::super::auto_number::Pattern;
use super::*;

fn field(name: &str, kind: Value) -> Field {
    serde_json::from_value(json!({ "name": name, "kind": kind })).unwrap()
}

fn messages(fields: &[Field]) -> Vec<String> {
    check("fields", fields).iter().map(ToString::to_string).collect()
}

#[test]
fn every_type_has_its_own_word_and_json() {
    let mut words: Vec<&str> = examples().iter().map(|(kind, ..)| kind.word()).collect();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), 34);
    for (kind, ..) in examples() {
        let json = serde_json::to_value(&kind).unwrap();
        assert_eq!(serde_json::from_value::<FieldType>(json).unwrap(), kind);
    }
}

#[test]
fn names_of_fields_are_keys() {
    let long = "a".repeat(64);
    for good in ["a", "first_name", "x9", &long] {
        assert!(is_field_name(good), "{good}");
    }
    let longer = "a".repeat(65);
    for bad in ["", "A", "1a", "_a", "a-b", "a b", "a.b", "名称", "a\"b", "a\n", "ａ", &longer] {
        assert!(!is_field_name(bad), "{bad:?}");
    }
    let twice = [field("a", json!("text")), field("a", json!("date"))];
    assert_eq!(messages(&twice), ["fields[2].name: another field is called `a`"]);
    let odd = [field("a\n\u{202e}", json!("text"))];
    assert!(messages(&odd)[0].contains("`a\\n\\u{202e}` cannot be a name"), "{:?}", messages(&odd));
}

#[test]
fn ten_thousand_options_are_refused_with_a_better_way() {
    let of = |n: usize| {
        let choices = (0..n).map(|n| Choice::new(&format!("o{n}"), "x")).collect();
        [Field { kind: FieldType::Select(choices), ..field("city", json!("text")) }]
    };
    assert_eq!(messages(&of(1_000)), [] as [&str; 0]);
    let found = messages(&of(10_000));
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("fields[1].options: 10000 options; at most 1000"), "{found:?}");
    assert!(found[0].contains("field of type `link`"), "{found:?}");
}

#[test]
fn wrong_definitions_are_named_with_their_place() {
    let choices = json!([{ "value": "a" }, { "value": " a" }, { "value": "" }]);
    let retired = json!([{ "value": "a", "retired": true }]);
    let inner = json!({ "table": { "columns": [] } });
    let nested = json!([{ "name": "t", "kind": inner }, { "name": "x.y", "kind": "text" }]);
    for (kind, expected) in [
        (json!({ "tel": { "region": "XX" } }), "fields[1].region: must be an ISO"),
        (json!({ "number": { "min": 2.0, "max": 1.0 } }), "fields[1].max: no number"),
        (json!({ "rating": { "max": 0 } }), "fields[1].max: must be from 1 to 10"),
        (json!({ "rating": { "max": 200 } }), "fields[1].max: must be from 1 to 10"),
        (
            json!({ "money": { "currency": "RMB" } }),
            "fields[1].currency: not an ISO 4217 currency code; write CNY",
        ),
        (json!({ "select": choices }), "fields[1].options[2]: another option is called"),
        (json!({ "select": retired }), "fields[1].options: needs at least one"),
        (json!({ "link": { "to": "Company!" } }), "fields[1].to: must be the name of a kind"),
        (
            json!({ "table": { "columns": nested } }),
            "fields[1].columns[1].kind: a column cannot be",
        ),
        (json!({ "table": { "columns": [] } }), "fields[1].columns: a table has 1 to 20"),
        (
            json!({ "auto_number": { "pattern": "D-{year}" } }),
            "fields[1].pattern: needs `{n}` once",
        ),
        (json!({ "formula": { "expression": "x +" } }), "fields[1].expression: a number or a name"),
        (
            json!({ "formula": { "expression": "pric" } }),
            "refers to `pric`, and there is no such field; did you mean `price`?",
        ),
        (json!({ "formula": { "expression": "sum(price.x)" } }), "refers to `price` as a table"),
        (json!({ "formula": { "expression": "words" } }), "refers to `words`, a `text` field"),
        (json!({ "formula": { "expression": "price + cost" } }), "mixes amounts in CNY and USD"),
    ] {
        let fields = [
            field("it", kind.clone()),
            field("price", json!({ "money": { "currency": "CNY" } })),
            field("cost", json!({ "money": { "currency": "USD" } })),
            field("words", json!("text")),
        ];
        let found = messages(&fields);
        assert!(found.iter().any(|it| it.contains(expected)), "{kind}: {found:?}");
    }
}

#[test]
fn unique_and_index_need_a_suitable_type() {
    let of =
        |kind: Value| Field { unique: true, indexed: true, required: true, ..field("a", kind) };
    assert_eq!(messages(&[of(json!("email"))]), [] as [&str; 0]);
    for (kind, count) in
        [(json!("rich_text"), 2), (json!("sealed"), 2), (json!({ "links": { "to": "x" } }), 1)]
    {
        assert_eq!(messages(&[of(kind.clone())]).len(), count, "{kind}");
    }
    let computed = of(json!({ "auto_number": { "pattern": "{n}" } }));
    assert_eq!(
        messages(&[computed]),
        ["fields[1].required: nobody can fill in a `auto-number` field"]
    );
    let many = vec![field("a", json!("text")); 201];
    assert_eq!(messages(&many).len(), 1);
}

#[test]
fn settings_of_a_field_are_kept_as_json() {
    let json = json!({
        "name": "region", "label": { "en": "Region", "zh-CN": "地区" }, "help": null,
        "kind": "region", "required": false, "indexed": true, "class": "confidential",
        "show_if": { "tag": "vip" }, "section": "Where",
    });
    let field: Field = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(serde_json::to_value(&field).unwrap(), json);
    assert_eq!(field.title(Language::Chinese), "地区");
}

#[test]
fn patterns_write_numbers() {
    for (pattern, n, written) in [
        ("D-{year}-{n:4}", 7, "D-2026-0007"),
        ("D-{year}-{n:4}", 12_345, "D-2026-12345"),
        ("C-{n}", 1, "C-1"),
        ("合同{n:3}号/{year}", 12, "合同012号/2026"),
        ("{n}{year}", 3, "32026"),
    ] {
        let pattern = Pattern::parse(pattern).unwrap();
        assert_eq!(pattern.write(2026, n), written);
        assert_eq!(pattern.is_yearly(), written.contains("2026"));
    }
    let long = format!("{}{{n}}", "x".repeat(64));
    for wrong in [
        "", "D", "{year}", "{n}{n}", "{n}{year}{year}", "{n:0}", "{n:99}", "{n:}", "{m}", "{n",
        "n}", "{n}\u{0}", "{n}\u{202e}", &long,
    ] {
        assert!(Pattern::parse(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn automatic_numbers_are_ordered_as_numbers() {
    for text in ["D-{year}-{n:4}", "{n}{year}"] {
        let kind = FieldType::AutoNumber { pattern: text.into() };
        let pattern = Pattern::parse(text).unwrap();
        let numbers = [1, 9, 10, 9_999, 10_000, 123_456].map(|n| json!(pattern.write(2026, n)));
        for pair in numbers.windows(2) {
            assert_eq!(kind.compare(&pair[0], &pair[1]), Ordering::Less, "{pair:?}");
        }
    }
    let kind = FieldType::AutoNumber { pattern: "D-{n:4}".into() };
    assert_eq!(kind.index_key(&json!("old 7")), Some(IndexKey::Text("old 7".into())));
}

#[test]
fn computed_values_cannot_be_typed_but_may_stay() {
    for (kind, _, kept) in examples().into_iter().filter(|(kind, ..)| kind.is_computed()) {
        assert_eq!(read(&kind, "5"), Err(FieldReason::Computed), "{}", kind.word());
        assert_eq!(read_json(&kind, json!("5")), Err(FieldReason::Computed));
        let own = [kind.export(&kept)];
        assert_eq!(read_typed(&kind, &Typed::Strings(&own), Some(&kept)), Ok(Some(kept)));
    }
}
