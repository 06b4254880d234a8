//! Merging and erasing companies, and what becomes of positions when contacts are merged and erased.

use super::companies::{
    FOOD, FORM, by, company, edit, erase, id_of, ids, log_of, members, people, put, with_companies,
};
use super::invariants::assert_sound;
use super::support::{join, number, rows};
use dripline::domain::base::primitives::{Ids, KindId, RecordId, Span};
use dripline::domain::engine::{Input, RecordInput};
use dripline::domain::kind::COMPANY;
use dripline::domain::record::list::{ListChange, Listing};
use dripline::flows::commit::{Command, RecordRef, commit};
use dripline::flows::error::FlowError;
use dripline::flows::record::edit::Editor;
use dripline::flows::record::merge::MergedRecord;
use dripline::native::world::{World, block_on};
use serde_json::{Value, json};

fn merge(world: &World, from: &RecordId, into: &RecordId) -> Result<MergedRecord, FlowError> {
    let (by, mut ids) = (by(), ids(world));
    let editor = Editor {
        db: &world.db,
        catalog: &world.catalog,
        access: &by,
        seal_key: None,
        now: world.now(),
    };
    block_on(editor.merge(&KindId::from(COMPANY), from, into, &mut ids))
}

#[test]
fn merged_company_gives_all_it_has_to_the_other() {
    let mut world = with_companies(&format!("{FORM}{FOOD}"));
    let from = json!({ "name": "Larkspan", "domain": "larkspan.example", "industry": "食品",
                       "employees": 250 });
    let from = company(&world, from);
    let into = company(&world, json!({ "name": "Larkspan GmbH", "external_id": "crm-7" }));
    let child = company(&world, json!({ "name": "Child", "parent": from }));
    join(&mut world, "ann@larkspan.example");
    join(&mut world, "bob@example.com");
    put(&world, &from, json!({ "contact": "bob@example.com", "role": "采购" })).unwrap();
    put(&world, &into, json!({ "contact": "bob@example.com", "role": "CEO" })).unwrap();
    assert_eq!(members(&world, "buyers"), ["bob@example.com"]);

    let merged = merge(&world, &from, &into).unwrap();
    assert_eq!(merged, MergedRecord { record: into.clone(), merged: Some(from.clone()) });
    let row =
        rows(&world.db, &format!("SELECT title, attributes FROM contacts WHERE id = '{into}'"));
    assert_eq!(row[0]["title"], "Larkspan GmbH", "the survivor's value wins");
    let values: Value = serde_json::from_str(row[0]["attributes"].as_str().unwrap()).unwrap();
    assert_eq!(values["domain"], "larkspan.example", "an empty one is filled");
    assert_eq!(values["external_id"], "crm-7");
    let unique = "SELECT field, record_id FROM unique_fields ORDER BY field";
    let expected =
        ["domain", "external_id"].map(|name| json!({ "field": name, "record_id": into }));
    assert_eq!(rows(&world.db, unique), expected);
    let all = people(&world, &into);
    assert_eq!(all.len(), 2, "nobody is there twice");
    assert_eq!((&all[1]["role"], &all[1]["main"]), (&json!("CEO"), &json!(1)));
    world.after(Span::minutes(2)).unwrap();
    assert_eq!(members(&world, "food"), ["ann@larkspan.example", "bob@example.com"]);
    assert!(members(&world, "buyers").is_empty());
    assert_eq!(members(&world, "at-big").len(), 2, "the segment of the company goes with it");

    // The id that is gone leads to the survivor: by address, in a link, and in a hierarchy.
    assert_eq!(merge(&world, &from, &into).unwrap().merged, None);
    edit(&world, &from, json!({ "phone": "+4930123456" })).unwrap();
    let phone =
        format!("SELECT count(*) FROM contacts WHERE id = '{into}' AND attributes ->> 'phone'");
    assert_eq!(number(&world.db, &phone), 1);
    let circle = edit(&world, &into, json!({ "parent": child })).unwrap_err();
    assert!(format!("{circle:?}").contains("Circle"), "the parent of the child is the survivor");
    join(&mut world, "new@larkspan.example");
    assert_eq!(people(&world, &into).len(), 3);
    let log = log_of(&world, &into, None, 200).log;
    let names = |name: &str| log.iter().filter(|row| row.name == name).count();
    assert_eq!((names("record.created"), names("record.merged")), (2, 2), "both logs are kept");
    assert_sound(&world.db, None);
}

#[test]
fn merge_says_what_cannot_be_merged() {
    let mut world = with_companies(FORM);
    join(&mut world, "ann@example.com");
    let (one, two) =
        (company(&world, json!({ "name": "One" })), company(&world, json!({ "name": "Two" })));
    let refused = |from: &RecordId, into: &RecordId| format!("{:?}", merge(&world, from, into));
    assert!(refused(&one, &one).contains("is the record itself"));
    let ann = RecordId(id_of(&world, "ann@example.com"));
    assert!(refused(&ann, &one).contains("is of the kind `contact`"));
    assert!(refused(&one, &RecordId::from("nowhere")).contains("there is no such record"));
    erase(&world, &two);
    assert!(refused(&one, &two).contains("erased"));
    assert!(refused(&two, &one).contains("erased"));
    let (by, mut ids) = (by(), ids(&world));
    let editor = Editor {
        db: &world.db,
        catalog: &world.catalog,
        access: &by,
        seal_key: None,
        now: world.now(),
    };
    let contacts = block_on(editor.merge(&KindId::contact(), &ann, &one, &mut ids));
    assert!(format!("{contacts:?}").contains("contacts/<id>/merge"), "{contacts:?}");
}

#[test]
fn erasing_and_merging_contacts_takes_their_positions_along() {
    let mut world = with_companies(FORM);
    let firm = company(&world, json!({ "name": "Larkspan", "domain": "larkspan.example" }));
    let other = company(&world, json!({ "name": "Other" }));
    join(&mut world, "ann@larkspan.example");
    join(&mut world, "ann@home.example");
    put(&world, &other, json!({ "contact": "ann@home.example", "role": "adviser" })).unwrap();
    world.merge("ann@larkspan.example", "ann@home.example").unwrap();
    let main = |company: &RecordId| {
        people(&world, company).iter().map(|one| one["main"].clone()).collect::<Vec<_>>()
    };
    assert_eq!((main(&firm), main(&other)), (vec![json!(0)], vec![json!(1)]));
    assert_eq!(number(&world.db, "SELECT count(DISTINCT contact_id) FROM positions"), 1);
    world.erase("ann@home.example").unwrap();
    assert_eq!(number(&world.db, "SELECT count(*) FROM positions"), 0);
    let told = "SELECT count(*) FROM events WHERE name = 'company.joined'
                   AND coalesce(properties ->> 'company', properties ->> 'role') IS NOT NULL";
    assert_eq!(number(&world.db, told), 0);
    assert_sound(&world.db, None);
}

#[test]
fn survivor_is_on_the_lists_of_the_other() {
    let world = with_companies(FORM);
    let [from, into] =
        ["Larkspan", "Larkspan Ltd"].map(|name| company(&world, json!({ "name": name })));
    let listing = Listing {
        list: "vip".into(),
        change: ListChange::Join,
        source: "fair".to_owned(),
        by: "token:t".into(),
        key: None,
    };
    let who = RecordRef::Plain { id: from.clone(), kind: KindId::from(COMPANY) };
    let inputs = vec![Input::Record(RecordInput::Listed(Box::new(listing)))];
    let mut ids = Ids::new(world.now(), 9);
    let command = vec![Command { who, inputs }];
    block_on(commit(&world.db, &world.catalog, command, world.now(), &mut ids)).unwrap();
    merge(&world, &from, &into).unwrap();
    let members = rows(&world.db, "SELECT record_id, source FROM list_members");
    assert_eq!(members, [json!({ "record_id": into, "source": "fair" })]);
    assert_sound(&world.db, None);
    erase(&world, &into);
    assert_eq!(number(&world.db, "SELECT count(*) FROM list_members"), 0);
    assert_sound(&world.db, None);
}
