//! Contacts that members and programs make and edit: an address belongs to one contact, is added
//! where there is none, and never replaced.

use super::records::{asked, publish};
use super::support::{ANN, FORM, agrees, number, rows, world};
use dripline::domain::access::rights::Access;
use dripline::domain::base::primitives::{Ids, KindId, RecordId};
use dripline::domain::field::FieldReason;
use dripline::domain::record::edit::EditConflict;
use dripline::flows::record::edit::{EditError, Edited, Editor};
use dripline::native::world::{World, block_on};
use serde_json::{Value, json};

fn with<T>(
    world: &World,
    act: impl AsyncFnOnce(Editor<'_, dripline::native::sqlite::Sqlite>, &mut Ids) -> T,
) -> T {
    let access = Access::configured("t");
    let seed = number(&world.db, "SELECT count(*) FROM events") as u64 + 1;
    let World { db, catalog, .. } = world;
    let editor = Editor { db, catalog, access: &access, seal_key: None, now: world.now() };
    block_on(act(editor, &mut Ids::new(world.now(), seed)))
}

fn make(world: &World, fields: Value) -> Result<Edited, EditError> {
    with(world, async |editor, ids| editor.create(&KindId::contact(), asked(fields), ids).await)
}

fn set(world: &World, id: &RecordId, fields: Value) -> Result<Edited, EditError> {
    with(world, async |editor, ids| editor.edit(&KindId::contact(), id, asked(fields), ids).await)
}

fn problems(result: Result<Edited, EditError>) -> Vec<(String, FieldReason)> {
    match result {
        Err(EditError::Fields(all)) => all.into_iter().map(|one| (one.field, one.reason)).collect(),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was made"),
    }
}

fn taken(result: Result<Edited, EditError>) -> Vec<String> {
    let field = |conflict| match conflict {
        EditConflict::Taken { field, .. } => field,
        changed => panic!("{changed:?}"),
    };
    match result {
        Err(EditError::Conflicts(all)) => all.into_iter().map(field).collect(),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was made"),
    }
}

#[test]
fn contact_begins_with_an_address_in_its_normal_form() {
    let world = world(FORM);
    let made =
        make(&world, json!({ "email": " Bo@Example.COM ", "city": "杭州", "locale": "zh-CN" }));
    let made = made.unwrap();
    assert!(made.is_new);
    let contact = made.record.contact().unwrap();
    assert_eq!(contact.email.as_deref(), Some("bo@example.com"));
    assert_eq!(contact.attributes["city"], "杭州");
    assert_eq!(contact.locale.as_deref(), Some("zh-CN"));
    let nowhere = problems(make(&world, json!({ "city": "Bonn" })));
    assert_eq!(nowhere, [("email".to_owned(), FieldReason::NoAddress)]);
    assert_eq!(number(&world.db, "SELECT count(*) FROM contacts"), 1);
}

#[test]
fn address_of_another_contact_is_taken() {
    let mut world = world(FORM);
    world.submit("/p", &agrees(ANN)).unwrap();
    assert_eq!(taken(make(&world, json!({ "email": ANN, "phone": "+8613812345678" }))), ["email"]);
    let other = make(&world, json!({ "external_id": "crm-1" })).unwrap().record;
    assert_eq!(taken(set(&world, &other.id, json!({ "email": ANN }))), ["email"]);
    let added = set(&world, &other.id, json!({ "phone": "+8613812345678" })).unwrap();
    assert_eq!(added.record.contact().unwrap().phone.as_deref(), Some("+8613812345678"));
    let ann = RecordId::from(
        rows(&world.db, "SELECT id FROM contacts WHERE email IS NOT NULL")[0]["id"]
            .as_str()
            .unwrap(),
    );
    assert_eq!(taken(set(&world, &ann, json!({ "external_id": "crm-1" }))), ["external_id"]);
    assert_eq!(number(&world.db, "SELECT count(*) FROM contacts"), 2);
}

#[test]
fn address_is_not_replaced_because_consent_was_about_the_one_there_is() {
    let world = world(FORM);
    let made = make(&world, json!({ "email": ANN, "external_id": "crm-1" })).unwrap().record;
    let kept = [("email".to_owned(), FieldReason::AddressKept)];
    for new in [json!("bo@example.com"), Value::Null] {
        assert_eq!(problems(set(&world, &made.id, json!({ "email": new }))), kept);
    }
    let same = set(&world, &made.id, json!({ "email": "ANN@example.com", "external_id": "crm-2" }));
    assert_eq!(same.unwrap().record.contact().unwrap().external_id.as_deref(), Some("crm-2"));
}

#[test]
fn columns_of_a_contact_are_read_by_their_type() {
    let world = world(FORM);
    let made = make(&world, json!({ "email": ANN })).unwrap().record;
    for (field, value, expected) in [
        ("time_zone", json!("Europe/Nowhere"), FieldReason::NotAnOption),
        ("locale", json!("<script>"), FieldReason::NotAnOption),
        ("score", json!(5), FieldReason::Computed),
        ("external_id", json!("x".repeat(201)), FieldReason::TooLong(200)),
    ] {
        let found = problems(set(&world, &made.id, json!({ field: value })));
        assert_eq!(found, [(field.to_owned(), expected)]);
    }
    let phone = problems(set(&world, &made.id, json!({ "phone": "12" })));
    assert!(matches!(&phone[..], [(field, FieldReason::Address(_))] if field == "phone"));
    let edit = json!({ "time_zone": "Asia/Shanghai", "locale": "de" });
    let done = set(&world, &made.id, edit).unwrap().record;
    assert_eq!(done.contact().unwrap().time_zone.as_deref(), Some("Asia/Shanghai"));
    let cleared = set(&world, &made.id, json!({ "time_zone": null })).unwrap().record;
    assert_eq!(cleared.contact().unwrap().time_zone, None);
}

#[test]
fn erased_or_merged_contact_leaves_no_value_in_an_index() {
    let mut world = world(FORM);
    let kind = json!({
        "id": "contact", "label": { "en": "Contact" },
        "fields": [{ "name": "card", "kind": "text", "unique": true },
                   { "name": "city", "kind": "text", "indexed": true }],
    });
    publish(&mut world, &serde_json::from_value(kind).unwrap());
    let card = |email: &str| json!({ "email": email, "card": "X1", "city": "Bonn" });
    make(&world, card(ANN)).unwrap();
    world.erase(ANN).unwrap();
    for table in ["unique_fields", "field_index"] {
        assert_eq!(number(&world.db, &format!("SELECT count(*) FROM {table}")), 0, "{table}");
    }
    let from = make(&world, card("bo@example.com")).unwrap().record;
    let into = make(&world, json!({ "email": "cy@example.com" })).unwrap().record;
    world.merge("bo@example.com", "cy@example.com").unwrap();
    let holder = rows(
        &world.db,
        "SELECT record_id FROM unique_fields UNION ALL
                                  SELECT record_id FROM field_index",
    );
    assert_eq!(holder, vec![json!({ "record_id": into.id }); 2], "not {}", from.id);
    set(&world, &into.id, json!({ "card": "X2" })).unwrap();
    make(&world, card("di@example.com")).unwrap();
}
