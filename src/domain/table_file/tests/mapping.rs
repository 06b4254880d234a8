//! Names of columns become fields.

use super::super::mapping::{Mapping, MappingProblem, Target, guess};
use super::super::synonyms::CONTACT;
use super::*;
use std::collections::BTreeMap;

fn targets() -> Vec<Target<'static>> {
    let target = |(name, synonyms): &(&'static str, &'static [&'static str])| Target {
        name,
        synonyms,
        is_required: *name == "email",
    };
    CONTACT.iter().map(target).collect()
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn no_two_fields_share_a_name() {
    let all: Vec<&str> = CONTACT
        .iter()
        .flat_map(|(name, more)| std::iter::once(*name).chain(more.iter().copied()))
        .collect();
    let guessed = |name: &str| guess(&names(&[name]), &targets()).mapping.columns;
    let mut fields: BTreeMap<&str, String> = BTreeMap::new();
    for (name, more) in CONTACT {
        for one in std::iter::once(name).chain(*more) {
            let column = guessed(one);
            assert_eq!(column[*one].as_deref(), Some(*name), "{one}");
            fields.insert(one, (*name).to_owned());
        }
    }
    assert_eq!(fields.len(), all.len(), "a synonym stands twice");
}

#[test]
fn exports_of_other_systems_are_mapped_by_their_names() {
    /// Columns, their fields, and the columns without one.
    type Case =
        (&'static [&'static str], &'static [(&'static str, &'static str)], &'static [&'static str]);
    let cases: &[Case] = &[
        (
            &["Email Address", "First Name", "Last Name", "Phone Number", "MEMBER_RATING"],
            &[
                ("Email Address", "email"),
                ("First Name", "first_name"),
                ("Last Name", "last_name"),
                ("Phone Number", "phone"),
            ],
            &["MEMBER_RATING"],
        ),
        (
            &["FirstName", "LastName", "Email", "MobilePhone", "AccountName", "Title"],
            &[
                ("AccountName", "company"),
                ("Email", "email"),
                ("FirstName", "first_name"),
                ("LastName", "last_name"),
                ("MobilePhone", "phone"),
                ("Title", "job_title"),
            ],
            &[],
        ),
        (
            &["firstname", "lastname", "company", "position", "email", "mobile", "points"],
            &[
                ("company", "company"),
                ("email", "email"),
                ("firstname", "first_name"),
                ("lastname", "last_name"),
                ("mobile", "phone"),
                ("position", "job_title"),
            ],
            &["points"],
        ),
        (
            &["姓名*", "帐号", "职务", "部门（必填）", "手机号【必填】", "Ｅ-ｍａｉｌ"],
            &[
                ("姓名*", "name"),
                ("手机号【必填】", "phone"),
                ("职务", "job_title"),
                ("部门（必填）", "department"),
                ("Ｅ-ｍａｉｌ", "email"),
            ],
            &["帐号"],
        ),
    ];
    for (columns, fields, unknown) in cases {
        let guess = guess(&names(columns), &targets());
        let found = guess.mapping.columns.iter();
        let mut found: Vec<(&str, &str)> =
            found.map(|(c, f)| (c.as_str(), f.as_deref().unwrap_or(""))).collect();
        let mut fields = fields.to_vec();
        found.sort_unstable();
        fields.sort_unstable();
        assert_eq!(found, fields);
        assert_eq!(guess.unknown, *unknown);
        assert_eq!(guess.rivals, []);
    }
}

#[test]
fn better_name_wins_and_its_rival_is_listed() {
    let guess = guess(&names(&["Work email", "", "电话", "手机", "Email", "***"]), &targets());
    assert_eq!(guess.mapping.columns["Email"].as_deref(), Some("email"));
    assert_eq!(guess.mapping.columns["手机"].as_deref(), Some("phone"));
    assert_eq!(
        guess.rivals,
        [("Work email".to_owned(), "email".to_owned()), ("电话".to_owned(), "phone".to_owned())]
    );
    assert_eq!(guess.unknown, ["", "***"]);
}

#[test]
fn wrong_mapping_is_refused_with_every_problem() {
    let json = r#"{"columns": {"a": "phone", "b": "phone", "c": "emial", "gone": "name",
                  "d": null, "e": "city"}, "constants": {"city": "York"}}"#;
    let mapping: Mapping = serde_json::from_str(json).unwrap();
    let columns = names(&["a", "b", "c", "d", "e", "f"]);
    let problems = mapping.problems(&columns, &targets());
    assert_eq!(
        problems,
        [
            MappingProblem::NoSuchColumn { column: "gone".into() },
            MappingProblem::NoSuchField { field: "emial".into(), nearest: Some("email".into()) },
            MappingProblem::SameField { field: "city".into(), columns: names(&["e"]) },
            MappingProblem::SameField { field: "phone".into(), columns: names(&["a", "b"]) },
            MappingProblem::Missing { field: "email".into() },
        ]
    );
    assert_eq!(
        problems[4].message(Language::Chinese),
        "字段“email”为必填；请选择对应的列或填写固定值"
    );
    assert_eq!(mapping.unmapped(&columns), ["f"]);
    let constant = r#"{"columns": {"a": "phone"}, "constants": {"email": "a@x.example"}}"#;
    let mapping: Mapping = serde_json::from_str(constant).unwrap();
    assert_eq!(mapping.problems(&columns, &targets()), []);
}

#[test]
fn values_of_a_row_have_their_fields() {
    let json = r#"{"columns": {"Mail": "email", "x": null}, "constants": {"city": "York"}}"#;
    let mapping: Mapping = serde_json::from_str(json).unwrap();
    let mut reader = TableReader::new(comma(), GB18030);
    reader.push(b"x,Mail,y\n1,a@x.example,2\n");
    let row = reader.next_row().unwrap().unwrap();
    assert_eq!(mapping.values(&row), [("email", "a@x.example"), ("city", "York")]);
}
