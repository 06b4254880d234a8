//! Records of other kinds than contacts: a company goes through segments and journeys, is woken,
//! edited and set aside like a contact, and nothing that only persons have happens to it.

use super::invariants::assert_sound;
use super::support::{MONDAY, campaign, number, rows, world};
use dripline::domain::base::primitives::{Actor, Ids, KindId, RecordId, Span};
use dripline::domain::engine::{Decision, Input, RecordInput};
use dripline::domain::inbound::custom_event::CustomEvent;
use dripline::domain::record::edit::{Edit, EditConflict, FieldEdit};
use dripline::flows::commit::{Command, CommitError, RecordRef, commit};
use dripline::native::world::{World, block_on};
use serde_json::{Value, json};

const COMPANIES: &str = r#"
    [segment.big]
    of = "company"
    rule = { attribute = "employees", gte = 100 }

    [segment.people]
    rule = { attribute = "employees", gte = 100 }

    [journey.welcome]
    of = "company"
    enter = { segment = "big" }
    [[journey.welcome.step]]
    id = "later"
    wait = "3d"
    [[journey.welcome.step]]
    id = "mark"
    update = { set = { followed = true }, add_tags = ["welcomed"] }
"#;

const NOTHING: &str = r#"
    [journey.other]
    enter = { event = "other" }
    [[journey.other.step]]
    id = "wait"
    wait = "1d"
"#;

fn id() -> RecordId {
    RecordId::from("00000001-0000-7000-8000-000000000000")
}

fn company() -> RecordRef {
    RecordRef::Plain { id: id(), kind: KindId::from("company") }
}

fn say(world: &World, who: RecordRef, input: RecordInput) -> Result<Vec<Decision>, CommitError> {
    let command = Command { who, inputs: vec![Input::Record(input)] };
    let mut ids = Ids::new(world.now(), 7);
    block_on(commit(&world.db, &world.catalog, vec![command], world.now(), &mut ids))
}

fn edit(fields: &[(&str, Value, Value)]) -> RecordInput {
    let fields = fields.iter().map(|(name, was, new)| {
        (name.to_string(), FieldEdit { was: Some(was.clone()), new: new.clone() })
    });
    let by = Actor::from("member:m1");
    let fields = fields.collect();
    RecordInput::Edited(Box::new(Edit { by, key: None, fields, tags: <_>::default() }))
}

fn shown(world: &World, sql: &str) -> Value {
    rows(&world.db, sql).into_iter().next().unwrap_or_default()
}

#[test]
fn company_goes_through_segments_and_journeys_of_companies_only() {
    let mut world = world(COMPANIES);
    say(&world, company(), edit(&[("employees", Value::Null, json!(250))])).unwrap();
    let members = "SELECT group_concat(segment_id) AS n FROM segment_members";
    assert_eq!(shown(&world, members)["n"], "c.big");
    world.after(Span::days(2)).unwrap();
    assert_eq!(number(&world.db, "SELECT count(*) FROM contacts WHERE tags <> '[]'"), 0);
    world.after(Span::days(2)).unwrap();
    let found = shown(&world, "SELECT kind, tags, attributes, email FROM contacts");
    assert_eq!(
        found,
        json!({ "kind": "company", "tags": "[\"welcomed\"]", "email": null,
                "attributes": "{\"employees\":250,\"followed\":true}" })
    );
    assert_eq!(number(&world.db, "SELECT count(*) FROM messages"), 0);
    assert_sound(&world.db, None);
}

#[test]
fn segment_published_later_finds_the_records_of_its_kind() {
    let mut world = world(NOTHING);
    for n in 0..3 {
        let id = RecordId(format!("0000000{n}-0000-7000-8000-000000000000"));
        let who = RecordRef::Plain { id, kind: KindId::from("company") };
        say(&world, who, edit(&[("employees", Value::Null, json!(n * 100))])).unwrap();
    }
    world.publish(campaign(COMPANIES)).unwrap();
    world.after(Span::hours(1)).unwrap();
    let members = "SELECT count(*) FROM segment_members WHERE segment_id = 'c.big'";
    assert_eq!(number(&world.db, members), 2);
    assert_eq!(number(&world.db, "SELECT count(*) FROM segment_members"), 2, "no contact is big");
    assert_eq!(number(&world.db, "SELECT count(*) FROM segment_fills"), 0);
    assert_sound(&world.db, None);
}

#[test]
fn edit_of_a_field_that_another_has_changed_is_refused_with_both_values() {
    let world = world(NOTHING);
    say(&world, company(), edit(&[("city", Value::Null, json!("Bonn"))])).unwrap();
    say(&world, company(), edit(&[("city", json!("Bonn"), json!("Hangzhou"))])).unwrap();
    let late = edit(&[
        ("city", json!("Bonn"), json!("Berlin")),
        ("industry", Value::Null, json!("optics")),
    ]);
    let decisions = say(&world, company(), late).unwrap();
    let conflict = EditConflict::Changed {
        field: "city".to_owned(),
        was: json!("Bonn"),
        now: json!("Hangzhou"),
        new: json!("Berlin"),
    };
    assert_eq!(decisions[0].conflicts, [conflict]);
    let found = shown(&world, "SELECT attributes, seq FROM contacts");
    assert_eq!(found, json!({ "attributes": "{\"city\":\"Hangzhou\"}", "seq": 2 }));

    // Different fields are no conflict.
    let other = edit(&[("industry", Value::Null, json!("optics"))]);
    assert!(say(&world, company(), other).unwrap()[0].conflicts.is_empty());
    let log = "SELECT properties AS n FROM events WHERE seq = 3";
    let entry: Value = serde_json::from_str(shown(&world, log)["n"].as_str().unwrap()).unwrap();
    assert_eq!(entry, json!({ "by": "member:m1", "fields": { "industry": [null, "optics"] } }));
    assert_sound(&world.db, None);
}

#[test]
fn input_that_only_a_person_can_have_does_nothing_to_a_company() {
    let world = world(COMPANIES);
    say(&world, company(), edit(&[("name", Value::Null, json!("Larkspan"))])).unwrap();
    let report = CustomEvent {
        key: "api:1".to_owned(),
        name: "contract.signed".to_owned(),
        at: MONDAY,
        properties: <_>::default(),
        content: None,
    };
    say(&world, RecordRef::Id(id()), RecordInput::CustomEvent(report)).unwrap();
    let who = RecordRef::Id(id());
    let unsubscribed = Input::Unsubscribed {
        channel: dripline::domain::base::primitives::Channel::Email,
        message: "m".into(),
        origin_hash: String::new(),
    };
    let command = Command { who, inputs: vec![unsubscribed] };
    let mut ids = Ids::new(world.now(), 7);
    block_on(commit(&world.db, &world.catalog, vec![command], world.now(), &mut ids)).unwrap();
    let log = "SELECT group_concat(name) AS n FROM (SELECT name FROM events ORDER BY seq)";
    assert_eq!(shown(&world, log)["n"], "record.created,contract.signed");
    assert_sound(&world.db, None);
}
