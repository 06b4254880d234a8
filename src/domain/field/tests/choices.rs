//! Options, checkboxes, labels, and fields of forms published before there were types of field.

use super::*;
use FieldReason::*;

#[test]
fn option_is_found_by_value_or_label() {
    let kind = FieldType::Select(choices());
    check_texts(
        &kind,
        &[
            ("won", Ok(json!("won"))),
            ("成交", Ok(json!("won"))),
            ("New", Ok(json!("new"))),
            ("WON", Err(NotAnOption)),
            ("<script>", Err(NotAnOption)),
            ("old", Err(RetiredOption)),
            ("旧", Err(RetiredOption)),
        ],
    );
    assert_eq!(read_all(&kind, &["won", "new"]), Err(SeveralValues));
    let twins = vec![Choice::new("a", "same"), Choice::new("b", "same"), Choice::new("same2", "a")];
    assert_eq!(read(&FieldType::Radio(twins.clone()), "same"), Err(NotAnOption));
    assert_eq!(read(&FieldType::Radio(twins), "a"), Ok(Some(json!("a"))), "values come first");
}

#[test]
fn retired_option_stays_where_it_is_kept() {
    let (one, several) = (FieldType::Select(choices()), FieldType::MultiSelect(choices()));
    let (old, both) = (json!("old"), json!(["new", "old"]));
    let texts = ["old".to_owned()];
    assert_eq!(read_typed(&one, &Typed::Strings(&texts), Some(&old)), Ok(Some(old.clone())));
    assert_eq!(read_typed(&one, &Typed::Strings(&texts), Some(&json!("won"))), Err(RetiredOption));
    assert_eq!(one.show(&old, &viewer(Language::Chinese)), "旧");
    let texts = ["old".to_owned(), "new".to_owned()];
    assert_eq!(read_typed(&several, &Typed::Strings(&texts), Some(&both)), Ok(Some(both)));
    assert_eq!(read(&several, "new;old"), Err(RetiredOption));
}

#[test]
fn renaming_a_label_touches_no_data() {
    let mut renamed = choices();
    renamed[1].label = Labels::same("签约");
    let kind = FieldType::Select(renamed);
    assert_eq!(read_typed(&kind, &Typed::Kept(&json!("won")), None), Ok(Some(json!("won"))));
    assert_eq!(kind.show(&json!("won"), &viewer(Language::English)), "签约");
    assert_eq!(kind.show(&json!("gone"), &viewer(Language::English)), "gone");
}

#[test]
fn several_options_come_in_one_cell_or_many_texts() {
    let kind = FieldType::MultiSelect(choices());
    let both = Ok(Some(json!(["new", "won"])));
    for cell in [
        "won; new", "won；new", "won,new", "成交、新客户", "won|new", "[\"won\",\"new\"]",
        "won\nnew;",
    ] {
        assert_eq!(read(&kind, cell), both, "{cell}");
    }
    assert_eq!(read_all(&kind, &["won", "new", "won"]), both);
    assert_eq!(read_json(&kind, json!(["won", "new"])), both);
    assert_eq!(read(&kind, "Won; really"), Ok(Some(json!(["won"]))), "a label with the mark in it");
    assert_eq!(read_json(&kind, json!(["won", 1])), Err(WrongJson));
    assert_eq!(read_json(&kind, json!([["won"]])), Err(WrongJson));
    let odd = FieldType::MultiSelect(vec![Choice::new("a;b", "x"), Choice::new("[c", "y")]);
    let kept = json!(["a;b", "[c"]);
    assert_eq!(odd.export(&kept), "[\"a;b\",\"[c\"]");
    check_round_trip(&odd, &kept);
}

#[test]
fn checkbox_is_yes_no_or_unknown() {
    check_texts(
        &FieldType::Checkbox,
        &[
            ("on", Ok(json!(true))),
            ("否", Ok(json!(false))),
            ("√", Ok(json!(true))),
            ("0", Ok(json!(false))),
            ("maybe", Err(NotYesOrNo)),
        ],
    );
    assert_eq!(read_json(&FieldType::Checkbox, json!(1)), Err(WrongJson));
    assert_eq!(FieldType::Checkbox.index_key(&json!(true)), Some(IndexKey::Number(1.0)));
}

#[test]
fn required_field_needs_a_value() {
    let mut field: Field =
        serde_json::from_value(json!({ "name": "a", "kind": "text", "required": true })).unwrap();
    let nothing = Reading::default();
    assert_eq!(field.read(&Typed::Strings(&[]), &nothing), Err(Missing));
    assert_eq!(field.read(&Typed::Json(&json!("x")), &nothing), Ok(Some(json!("x"))));
    field.kind = FieldType::Checkbox;
    assert_eq!(field.read(&Typed::Json(&json!(false)), &nothing), Err(NotTicked));
    assert_eq!(field.read(&Typed::Strings(&[]), &nothing), Err(NotTicked));
    field.kind = formula("1");
    assert_eq!(field.read(&Typed::Strings(&[]), &nothing), Ok(None));
}

/// The fields of a form as they were published before labels had two languages.
const PUBLISHED: &str = r#"[
    {"name":"name","label":"姓名","help":null,"kind":"text","required":true},
    {"name":"about","label":null,"help":"Some words","kind":"textarea","required":false},
    {"name":"email","label":null,"help":null,"kind":"email","required":true},
    {"name":"mobile","label":null,"help":null,"kind":{"tel":{"region":"CN"}},"required":false},
    {"name":"staff","label":null,"help":null,"kind":{"number":{"min":1.0,"max":null}},
     "required":false},
    {"name":"site","label":null,"help":null,"kind":"url","required":false},
    {"name":"day","label":null,"help":null,"kind":"date","required":false},
    {"name":"role","label":null,"help":null,
     "kind":{"select":[{"value":"a","label":"A"},{"value":"b","label":"乙"}]},"required":false},
    {"name":"size","label":null,"help":null,"kind":{"radio":[{"value":"s","label":"S"}]},
     "required":false},
    {"name":"ok","label":null,"help":null,"kind":"checkbox","required":false},
    {"name":"topics","label":null,"help":null,"kind":{"multi_select":[{"value":"t","label":"T"}]},
     "required":false},
    {"name":"country","label":null,"help":null,"kind":"country","required":false},
    {"name":"ref","label":null,"help":null,"kind":{"hidden":{"value":"none"}},"required":false}
]"#;

#[test]
fn fields_of_published_forms_are_read_and_written_unchanged() {
    let fields: Vec<Field> = serde_json::from_str(PUBLISHED).unwrap();
    let words: Vec<&str> = fields.iter().map(|field| field.kind.word()).collect();
    assert_eq!(
        words,
        [
            "text", "textarea", "email", "tel", "number", "url", "date", "select", "radio",
            "checkbox", "multi-select", "country", "hidden",
        ]
    );
    assert_eq!(fields[0].title(Language::English), "姓名");
    assert_eq!(fields[7].kind.choices().unwrap()[1].shown(Language::English), "乙");
    assert_eq!(
        serde_json::to_value(&fields).unwrap(),
        serde_json::from_str::<Value>(PUBLISHED).unwrap()
    );
    assert_eq!(check("fields", &fields), []);
}

#[test]
fn labels_are_kept_by_language() {
    for (json, english, chinese) in [
        (json!(null), None, None),
        (json!("a"), Some("a"), Some("a")),
        (json!({ "en": "a", "zh-CN": "乙" }), Some("a"), Some("乙")),
        (json!({ "zh-CN": "乙" }), Some("乙"), Some("乙")),
    ] {
        let labels: Labels = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(labels.pick(Language::English), english, "{json}");
        assert_eq!(labels.pick(Language::Chinese), chinese, "{json}");
        assert_eq!(serde_json::to_value(&labels).unwrap(), json);
    }
    for wrong in [json!(1), json!({ "de": "x" }), json!(["a"])] {
        assert!(serde_json::from_value::<Labels>(wrong).is_err());
    }
}
