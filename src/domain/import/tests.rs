//! Reading rows, and which columns become which fields.

use super::consent::ImportedState;
use super::reading::{RowReader, RowValues};
use super::target::Targets;
use crate::domain::base::primitives::Millis;
use crate::domain::kind::{Kind, built_in};
use crate::domain::table_file::mapping::Mapping;
use serde_json::json;
use std::collections::BTreeMap;

const NOW: Millis = Millis(1_772_442_000_000);

fn read(kind: &Kind, cells: &[(&str, &str)]) -> Result<RowValues, Vec<(String, String)>> {
    let reader = RowReader { kind, region: Some("CN"), now: NOW };
    reader.read(cells).map_err(|problems| {
        problems.into_iter().map(|problem| (problem.field, problem.reason)).collect()
    })
}

fn contact() -> Kind {
    built_in()[0].clone()
}

#[test]
fn addresses_are_read_in_their_normal_forms() {
    let cells = [("email", " Ann@Example.COM "), ("phone", "138 1234 5678"), ("city", " ")];
    let row = read(&contact(), &cells).unwrap();
    let expected = [("email", "Ann@example.com"), ("phone", "+8613812345678")];
    let read: Vec<(&str, String)> = row.addresses.into_iter().collect();
    assert_eq!(read.len(), expected.len());
    assert_eq!(read[1], (expected[1].0, expected[1].1.to_owned()));
    assert!(read[0].1.eq_ignore_ascii_case(expected[0].1));
}

#[test]
fn each_wrong_cell_is_named() {
    let cells = [
        ("id", "7"),
        ("email", "ann"),
        ("tags", "[1]"),
        ("score", "many"),
        ("time_zone", "Moon"),
        ("created_at", "2999-01-01"),
        ("attributes", "[]"),
        ("consent.purpose", "news"),
    ];
    let problems = read(&contact(), &cells).unwrap_err();
    let fields: Vec<&str> = problems.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "id", "email", "score", "time_zone", "created_at", "attributes", "consent.source",
            "consent.text", "consent.channel", "consent.date"
        ]
    );
}

#[test]
fn consent_is_read_for_each_channel() {
    let cells = [
        ("consent.purpose", "news"),
        ("consent.channel", "SMS, email"),
        ("consent.source", "fair"),
        ("consent.text", "Send me news"),
        ("consent.date", "2025-04-01"),
        ("consent.state", "Pending"),
    ];
    let row = read(&contact(), &cells).unwrap();
    let states: Vec<ImportedState> = row.consents.iter().map(|one| one.state).collect();
    assert_eq!(states, [ImportedState::Pending, ImportedState::Pending]);
}

#[test]
fn new_record_needs_its_required_fields_and_a_known_one_does_not() {
    let [_, company] = built_in();
    let row = read(&company, &[("domain", "larkspan.example")]).unwrap();
    assert_eq!(row.unique.len(), 1);
    let missing = row.edit(&company, None).unwrap_err();
    assert_eq!(missing[0].field, "name");
    assert_eq!(row.edit(&company, Some(&BTreeMap::new())).unwrap().len(), 1);
}

#[test]
fn columns_get_their_fields_by_name_label_synonym_or_choice() {
    let columns = ["邮箱", "Domain", "Nr", "Shade", "tags"].map(str::to_owned);
    let mapping: Mapping = serde_json::from_value(json!({
        "columns": { "Nr": "external_id" }, "constants": { "source": "fair" } }))
    .unwrap();
    let settled = Targets::of(&contact(), &mapping).settle(&columns, &mapping).unwrap();
    let field = |column: &str| settled.mapping.columns.get(column).cloned().flatten();
    assert_eq!(field("邮箱").as_deref(), Some("email"));
    assert_eq!(field("Nr").as_deref(), Some("external_id"));
    assert_eq!(settled.ignored, ["Domain", "Shade"]);
    let [_, company] = built_in();
    let settled = Targets::of(&company, &Mapping::default());
    let settled = settled.settle(&columns, &Mapping::default()).unwrap();
    assert_eq!(settled.mapping.columns["Domain"].as_deref(), Some("domain"));
    let wrong: Mapping = serde_json::from_value(json!({ "columns": { "Nr": "domian" } })).unwrap();
    assert!(Targets::of(&company, &wrong).settle(&columns, &wrong).is_err());
}
