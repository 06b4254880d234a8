//! Records of other kinds than contacts: a company goes through segments and journeys, is woken,
//! edited and set aside like a contact, and nothing that only persons have happens to it.

use super::invariants::assert_sound;
use super::support::{MONDAY, campaign, number, rows, world};
use dripline::domain::access::rights::Access;
use dripline::domain::base::primitives::{Actor, Ids, KindId, RecordId, Span};
use dripline::domain::campaign_file::filter;
use dripline::domain::engine::{Decision, Input, RecordInput};
use dripline::domain::field::FieldType;
use dripline::domain::inbound::custom_event::CustomEvent;
use dripline::domain::kind::Kind;
use dripline::domain::record::edit::{Edit, EditConflict, FieldEdit};
use dripline::domain::segment::Rule;
use dripline::flows::commit::{Command, CommitError, RecordRef, commit};
use dripline::flows::record::edit::{Asked, EditError, Editor};
use dripline::flows::record::kinds::{self, Published};
use dripline::flows::record::read::{Listed, Page, Reader};
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

fn an_edit(fields: &[(&str, Value, Value)]) -> RecordInput {
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
    say(&world, company(), an_edit(&[("employees", Value::Null, json!(250))])).unwrap();
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
        say(&world, who, an_edit(&[("employees", Value::Null, json!(n * 100))])).unwrap();
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
    say(&world, company(), an_edit(&[("city", Value::Null, json!("Bonn"))])).unwrap();
    say(&world, company(), an_edit(&[("city", json!("Bonn"), json!("Hangzhou"))])).unwrap();
    let late = an_edit(&[
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
    let other = an_edit(&[("industry", Value::Null, json!("optics"))]);
    assert!(say(&world, company(), other).unwrap()[0].conflicts.is_empty());
    let log = "SELECT properties AS n FROM events WHERE seq = 3";
    let entry: Value = serde_json::from_str(shown(&world, log)["n"].as_str().unwrap()).unwrap();
    assert_eq!(entry, json!({ "by": "member:m1", "fields": { "industry": [null, "optics"] } }));
    assert_sound(&world.db, None);
}

#[test]
fn input_that_only_a_person_can_have_does_nothing_to_a_company() {
    let world = world(COMPANIES);
    say(&world, company(), an_edit(&[("name", Value::Null, json!("Larkspan"))])).unwrap();
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

// --- Through the flows ------------------------------------------------------------------------

pub(crate) fn deal(extra: Value) -> Kind {
    let mut definition = json!({
        "id": "deal", "label": { "en": "Deal", "zh-CN": "商机" }, "title": "number",
        "stage": "status", "value": "amount",
        "fields": [
            { "name": "number", "kind": { "auto_number": { "pattern": "D-{n:3}" } } },
            { "name": "status", "kind": { "select": [{ "value": "open" }, { "value": "won" }] },
              "indexed": true },
            { "name": "amount", "kind": { "money": { "currency": "EUR" } } },
            { "name": "code", "kind": "text", "unique": true },
        ],
    });
    for (name, value) in extra.as_object().cloned().unwrap_or_default() {
        definition[name.as_str()] = value;
    }
    serde_json::from_value(definition).unwrap()
}

/// A world with the kind `deal`.
pub(crate) fn deals() -> World {
    let mut world = world(NOTHING);
    publish(&mut world, &deal(json!({})));
    world
}

pub(crate) fn publish(world: &mut World, kind: &Kind) -> Published {
    let published = block_on(kinds::publish(&world.db, kind, world.now())).unwrap();
    let all = block_on(kinds::all_kinds(&world.db)).unwrap();
    world.catalog = std::mem::take(&mut world.catalog).with_kinds(all);
    published
}

pub(crate) fn asked(fields: Value) -> Asked {
    Asked { fields: fields.as_object().cloned().unwrap(), ..<_>::default() }
}

pub(crate) fn make(world: &World, asked: Asked) -> Result<Value, EditError> {
    make_as(world, &Access::configured("t"), asked)
}

fn set(world: &World, id: &str, asked: Asked) -> Result<Value, EditError> {
    set_as(world, &Access::configured("t"), id, asked)
}

pub(crate) fn make_as(world: &World, access: &Access, asked: Asked) -> Result<Value, EditError> {
    let kind = KindId::from("deal");
    let seed = number(&world.db, "SELECT count(*) FROM events") as u64 + 1;
    let mut ids = Ids::new(world.now(), seed);
    let World { db, catalog, .. } = world;
    let editor = Editor { db, catalog, access, seal_key: None, now: world.now() };
    let made = block_on(editor.create(&kind, asked, &mut ids))?;
    Ok(json!(access.show(catalog.kind(&kind).unwrap(), &made.record, world.now())))
}

pub(crate) fn set_as(
    world: &World,
    access: &Access,
    id: &str,
    asked: Asked,
) -> Result<Value, EditError> {
    let kind = KindId::from("deal");
    let mut ids = Ids::new(world.now(), 3);
    let World { db, catalog, .. } = world;
    let id = RecordId::from(id);
    let editor = Editor { db, catalog, access, seal_key: None, now: world.now() };
    let done = block_on(editor.edit(&kind, &id, asked, &mut ids))?;
    Ok(json!(access.show(catalog.kind(&kind).unwrap(), &done.record, world.now())))
}

#[test]
fn records_are_numbered_titled_and_indexed() {
    let world = deals();
    let first = make(&world, asked(json!({ "status": "open", "amount": "1,250.50" }))).unwrap();
    let second = make(&world, asked(json!({ "status": "won" }))).unwrap();
    assert_eq!((&first["title"], &second["title"]), (&json!("D-001"), &json!("D-002")));
    assert_eq!(first["fields"]["amount"], "1250.50");
    let row = shown(&world, "SELECT stage, value, number FROM contacts WHERE number = 1");
    assert_eq!(row, json!({ "stage": "open", "value": 125_050, "number": 1 }));
    let won = "SELECT count(*) FROM field_index WHERE field = 'status' AND value = 'won'";
    assert_eq!(number(&world.db, won), 1);
    set(&world, first["id"].as_str().unwrap(), asked(json!({ "status": "won" }))).unwrap();
    assert_eq!(number(&world.db, won), 2);
    assert_eq!(number(&world.db, "SELECT count(*) FROM field_index WHERE field = 'status'"), 2);
    assert_sound(&world.db, None);
}

#[test]
fn unique_value_belongs_to_the_record_that_came_first() {
    let world = deals();
    let first = make(&world, asked(json!({ "code": "A" }))).unwrap();
    let taken = EditConflict::Taken { field: "code".to_owned(), new: json!("A") };
    let conflicts = EditError::Conflicts(vec![taken]);
    assert_eq!(make(&world, asked(json!({ "code": "A" }))), Err(conflicts.clone()));
    let other = make(&world, asked(json!({ "code": "B" }))).unwrap();
    let id = other["id"].as_str().unwrap();
    assert_eq!(set(&world, id, asked(json!({ "code": "A" }))), Err(conflicts));
    // It is free again once its record has another.
    set(&world, first["id"].as_str().unwrap(), asked(json!({ "code": "C" }))).unwrap();
    assert_eq!(set(&world, id, asked(json!({ "code": "A" }))).unwrap()["fields"]["code"], "A");
    assert_eq!(number(&world.db, "SELECT count(*) FROM unique_fields"), 2);
}

#[test]
fn two_batches_that_set_one_unique_value_at_once_are_one_too_many() {
    let world = deals();
    let kind = KindId::from("deal");
    let command = |n: u64| Command {
        who: RecordRef::Plain { id: RecordId(format!("{n}")), kind: kind.clone() },
        inputs: vec![Input::Record(an_edit(&[("code", Value::Null, json!("A"))]))],
    };
    // In one batch the two meet in the database itself.
    let mut ids = Ids::new(world.now(), 5);
    let commands = vec![command(1), command(2)];
    let done = commit(&world.db, &world.catalog, commands, world.now(), &mut ids);
    let conflicts: Vec<usize> =
        block_on(done).unwrap().iter().map(|one| one.conflicts.len()).collect();
    assert_eq!(conflicts.iter().sum::<usize>(), 1, "{conflicts:?}");
    assert_eq!(number(&world.db, "SELECT count(*) FROM unique_fields"), 1);
    assert_eq!(number(&world.db, "SELECT count(*) FROM contacts"), 1);
}

#[test]
fn same_key_makes_one_record() {
    let world = deals();
    let ask = || Asked { key: Some("k1".to_owned()), ..asked(json!({ "status": "open" })) };
    let (first, again) = (make(&world, ask()).unwrap(), make(&world, ask()).unwrap());
    assert_eq!(first["id"], again["id"]);
    assert_eq!(number(&world.db, "SELECT count(*) FROM contacts"), 1);
}

#[test]
fn list_pages_newest_first_and_filters_by_a_rule() {
    let world = deals();
    for n in 0..7 {
        let status = if n % 2 == 0 { "open" } else { "won" };
        make(&world, asked(json!({ "status": status, "amount": n }))).unwrap();
    }
    let kind = KindId::from("deal");
    let rule = filter(&kind, &json!({ "attribute": "status", "is": "open" })).unwrap();
    let page = |rule: &Rule, after: Option<RecordId>| {
        let World { db, catalog, .. } = &world;
        let access = Access::configured("t");
        let reader = Reader { db, catalog, access: &access, now: world.now() };
        block_on(reader.list(&kind, rule, after.as_ref(), 3)).unwrap()
    };
    let titles = |page: &Page| {
        let title = |row: &Listed| json!(row)["title"].as_str().map(str::to_owned);
        page.records.iter().filter_map(title).collect::<Vec<_>>()
    };
    let all = Rule::All(Vec::new());
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = page(&all, after);
        seen.extend(titles(&page));
        after = page.next;
        if after.is_none() || seen.len() > 7 {
            break;
        }
    }
    let mut sorted = seen.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!((seen.len(), sorted.len()), (7, 7), "each once: {seen:?}");
    let open = page(&rule, None);
    assert_eq!(open.records.len(), 3);
    assert_eq!(page(&rule, open.next).records.len(), 1);
    let wrong = filter(&kind, &json!({ "attribute": "status", "iss": "open" })).unwrap_err();
    assert!(wrong.iter().all(|problem| problem.key.starts_with("filter")), "{wrong:?}");
    assert!(filter(&kind, &json!({ "consent": "news", "channel": "email" })).is_err());
}

#[test]
fn new_version_of_a_kind_says_what_it_does_and_loses_nothing() {
    let mut world = deals();
    for (status, code, amount) in [("open", "1", "10"), ("won", "2", "20"), ("won", "x", "30")] {
        let fields = json!({ "status": status, "code": code, "amount": amount });
        make(&world, asked(fields)).unwrap();
    }
    let mut changed = deal(json!({}));
    changed.fields.retain(|field| field.name != "amount");
    changed.value = None;
    for field in &mut changed.fields {
        match field.name.as_str() {
            "status" => field.unique = true,
            "code" => {
                (field.kind, field.unique, field.indexed) =
                    (FieldType::Number { min: None, max: None }, false, true)
            }
            _ => {}
        }
    }
    changed.fields.push(
        serde_json::from_value(json!({ "name": "source", "kind": "text", "required": true }))
            .unwrap(),
    );
    let told = publish(&mut world, &changed);
    let effects: Vec<String> =
        told.effects.iter().map(|e| format!("{} {:?} {}", e.field, e.change, e.records)).collect();
    assert_eq!(
        effects,
        [
            "amount Removed 3", "code Converts 2", "code DoesNotFit 1", "source Missing 3",
            "status Duplicate 1"
        ]
    );
    assert_eq!((told.version, told.looked, told.is_partial), (2, 3, false));
    let kept = "SELECT count(*) FROM contacts WHERE attributes ->> '$.amount' IS NOT NULL";
    assert_eq!(number(&world.db, kept), 3, "its values stay");
    assert!(!publish(&mut world, &changed).is_new, "published again, it is the same");

    // The indexes follow in the background.
    world.after(Span::hours(1)).unwrap();
    assert_eq!(number(&world.db, "SELECT count(*) FROM segment_fills"), 0);
    let unique = "SELECT group_concat(field || '=' || value, ' ') AS n FROM
                  (SELECT * FROM unique_fields ORDER BY value)";
    assert_eq!(shown(&world, unique)["n"], "status=open status=won");
    assert_eq!(number(&world.db, "SELECT count(*) FROM field_index WHERE field = 'code'"), 3);
}

#[test]
fn erased_record_leaves_no_value_behind() {
    let world = deals();
    let made = make(&world, asked(json!({ "code": "secret-7", "status": "open" }))).unwrap();
    let id = RecordId::from(made["id"].as_str().unwrap());
    let (kind, access) = (KindId::from("deal"), Access::configured("t"));
    let mut ids = Ids::new(world.now(), 3);
    let World { db, catalog, .. } = &world;
    let editor = Editor { db, catalog, access: &access, seal_key: None, now: world.now() };
    block_on(editor.erase(&kind, &id, &mut ids)).unwrap();
    for table in ["contacts", "events", "field_index", "unique_fields"] {
        let rows = rows(&world.db, &format!("SELECT * FROM {table}"));
        let text = serde_json::to_string(&rows).unwrap();
        assert!(!text.contains("secret-7"), "{table}: {text}");
    }
    assert!(matches!(set(&world, id.as_str(), asked(json!({}))), Err(EditError::Flow(_))));
    make(&world, asked(json!({ "code": "secret-7" }))).unwrap();
    assert_sound(&world.db, None);
}
