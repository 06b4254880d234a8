use super::*;
use crate::domain::base::primitives::{Millis, RecordId};
use crate::domain::field::{FieldReason, IndexKey};
use crate::domain::record::PlainRecord;
use insta::assert_snapshot;
use serde_json::{Value, json};

/// Monday, 2 March 2026, 09:00 UTC.
const NOW: Millis = Millis(1_772_442_000_000);

fn kind(definition: Value) -> Kind {
    serde_json::from_value(definition).unwrap()
}

fn deal() -> Kind {
    kind(json!({
        "id": "deal", "label": { "en": "Deal", "zh-CN": "商机" },
        "title": "number", "stage": "status", "value": "total",
        "fields": [
            { "name": "number", "kind": { "auto_number": { "pattern": "D-{year}-{n:4}" } } },
            { "name": "status", "kind": { "select": [{ "value": "open" }, { "value": "won" }] },
              "required": true, "indexed": true },
            { "name": "net", "kind": { "money": { "currency": "EUR" } } },
            { "name": "total", "kind": { "formula": { "expression": "net * 1.2",
                                                      "currency": "EUR" } } },
            { "name": "code", "kind": "text", "unique": true },
        ],
    }))
}

fn problems(kind: &Kind) -> String {
    let lines =
        check(kind).into_iter().map(|problem| format!("{}: {}\n", problem.key, problem.message));
    lines.collect()
}

#[test]
fn built_in_kinds_are_valid() {
    for kind in built_in() {
        assert_eq!(problems(&kind), "");
    }
    assert_eq!(problems(&deal()), "");
}

#[test]
fn kind_that_refers_to_what_it_lacks_is_refused() {
    let wrong = kind(json!({
        "id": "Deal", "label": {}, "title": "nothing", "stage": "net", "value": "status",
        "fields": [
            { "name": "net", "kind": { "money": { "currency": "EUR" } }, "section": "sums" },
            { "name": "status", "kind": { "select": [{ "value": "open" }] } },
            { "name": "score", "kind": "text" },
        ],
    }));
    assert_snapshot!(problems(&wrong), @"
    kind.id: is not a name for a kind
    kind.label: has no label
    kind.title: no field can be the title
    kind.stage: no field can be the stage
    kind.value: no field can be the value
    field[3].name: every record has its own `score`
    field[1].section: `sums` is not a section
    ");
}

#[test]
fn only_open_text_of_a_searched_kind_can_be_searched() {
    let of = |search: bool| {
        kind(json!({
            "id": "deal", "label": { "en": "Deal" }, "title": "name", "search": search,
            "fields": [
                { "name": "name", "kind": "text", "search": true },
                { "name": "key", "kind": "sealed", "search": true },
                { "name": "margin", "kind": "text", "class": "confidential", "search": true },
                { "name": "net", "kind": { "money": { "currency": "EUR" } } },
            ],
        }))
    };
    assert_snapshot!(problems(&of(true)), @"
    field[2].search: this field cannot be searched
    field[3].search: this field cannot be searched
    ");
    assert_snapshot!(problems(&of(false)), @"
    field[1].search: the kind itself is not searched
    field[2].search: the kind itself is not searched
    field[3].search: the kind itself is not searched
    ");
}

#[test]
fn values_are_read_by_their_fields_and_all_problems_are_told() {
    let read = |values: Value, kept: Option<&BTreeMap<String, Value>>| {
        deal().read(values.as_object().unwrap(), kept, "UTC", None)
    };
    let good = read(json!({ "status": "open", "net": "1,250.50" }), None).unwrap();
    assert_eq!(good["net"].new, json!(125_050));
    let bad = read(json!({ "net": "many", "total": 5, "colour": "red" }), None).unwrap_err();
    let reasons: Vec<_> = bad.into_iter().map(|one| (one.field, one.reason)).collect();
    assert_eq!(
        reasons,
        [
            ("colour".to_owned(), FieldReason::Unknown),
            ("net".to_owned(), FieldReason::NotANumber),
            ("total".to_owned(), FieldReason::Computed),
            ("status".to_owned(), FieldReason::Missing),
        ]
    );
    // A value that was seen is compared as it is kept.
    let kept = BTreeMap::from([("net".to_owned(), json!(100))]);
    let edit = read(json!({ "net": { "was": "1.00", "new": "2.00" } }), Some(&kept)).unwrap();
    assert_eq!((edit["net"].was.clone(), edit["net"].new.clone()), (Some(json!(100)), json!(200)));
    // What nobody declared can be cleared, so that nothing is stuck.
    assert!(read(json!({ "colour": null }), Some(&kept)).is_ok());
}

#[test]
fn record_gets_its_number_sums_title_stage_and_value() {
    let deal = deal();
    let mut record = PlainRecord::unknown(RecordId::from("1"), deal.id.clone(), NOW);
    record.attributes.insert("status".to_owned(), json!("open"));
    record.attributes.insert("net".to_owned(), json!(10_000));
    deal.settle(&mut record, Some(7), NOW);
    assert_eq!(record.title, "D-2026-0001", "a year begins with 1");
    assert_eq!((record.stage.as_deref(), record.value), (Some("open"), Some(12_000)));
    let next = record.number.map(|number| number + 1);
    let mut second = PlainRecord::unknown(RecordId::from("2"), deal.id.clone(), NOW);
    deal.settle(&mut second, next, NOW);
    assert_eq!((second.title.as_str(), second.stage, second.value), ("D-2026-0002", None, None));
    // A formula without a result clears its field, and a number stays.
    record.attributes.remove("net");
    deal.settle(&mut record, Some(99), NOW);
    assert_eq!((record.title.as_str(), record.value), ("D-2026-0001", None));
    assert!(!record.attributes.contains_key("total"));
}

#[test]
fn indexes_change_only_where_values_do() {
    let deal = deal();
    let values = |status: &str, code: &str| {
        BTreeMap::from([("status".to_owned(), json!(status)), ("code".to_owned(), json!(code))])
    };
    let of = |status: &str, code: &str| deal.entries(&values(status, code));
    let settled = Settled::between(of("open", "a"), of("won", "a"));
    let entry = |key: &str| Entry {
        field: "status".to_owned(),
        key: IndexKey::Text(key.to_owned()),
        is_unique: false,
    };
    assert_eq!(settled, Settled { added: vec![entry("won")], removed: vec![entry("open")] });
    assert!(Settled::between(of("open", "a"), of("open", "a")).is_empty());
}
