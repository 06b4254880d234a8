//! A contact as different roles see it, what is entered when a mask is lifted, and what of the
//! audit log an erasure deletes.

use super::support::{ANN, FORM, agrees, number, rows, world};
use dripline::domain::access::audit::Act;
use dripline::domain::access::built_in::role;
use dripline::domain::access::rights::{Access, Owners, Scope};
use dripline::domain::access::role::Action;
use dripline::domain::base::primitives::{Actor, Ids, KindId, RecordId};
use dripline::flows::access::audit;
use dripline::flows::contact::scope::check;
use dripline::flows::error::FlowError;
use dripline::flows::ports::Database;
use dripline::flows::record::read::Reader;
use dripline::native::world::{World, block_on};
use dripline::store::audit::AuditFilter;
use dripline::store::statement::{Statement, Value};
use serde_json::json;

/// One contact, whose owner is `m-1`.
fn owned_world() -> World {
    let mut world = world(FORM);
    world.submit("/p", &agrees(ANN)).unwrap();
    let sql = "UPDATE contacts SET owner = ?1";
    let own = Statement::new(sql, vec![Value::text("m-1")]);
    block_on(world.db.batch(vec![own])).unwrap();
    world
}

fn access(role_id: &str, member: &str) -> Access {
    let roles = role(role_id).into_iter().collect();
    Access::new(Actor(format!("member:{member}")), Some(member.into()), roles, Owners::default())
}

fn is_missing<T: std::fmt::Debug>(result: Result<T, FlowError>) -> bool {
    matches!(result, Err(FlowError::NotFound(_)))
}

#[test]
fn contact_is_shown_within_the_scope_and_masked_by_role() {
    let world = owned_world();
    let id = RecordId::from(rows(&world.db, "SELECT id FROM contacts")[0]["id"].as_str().unwrap());
    let email = |role: &str, member: &str, id: &RecordId| {
        let access = access(role, member);
        let World { db, catalog, .. } = &world;
        let reader = Reader { db, catalog, access: &access, now: world.now() };
        let found = block_on(reader.one(&KindId::contact(), id));
        found.map(|found| found.record.fields()["email"].clone())
    };
    assert_eq!(email("sales", "m-1", &id), Ok(json!(ANN)));
    assert_eq!(email("analyst", "m-2", &id), Ok(json!("a***@example.com")));
    assert!(is_missing(email("sales", "m-2", &id)), "as if there were none");
    assert!(is_missing(email("owner", "m-2", &"nobody".into())));
    assert!(is_missing(email("developer", "m-1", &id)), "a role that sees no record");
    let scope = access("sales", "m-2").scope(Action::Edit, &KindId::contact());
    assert!(is_missing(block_on(check(&world.db, &scope, ANN, world.now()))));
    assert!(is_missing(block_on(check(&world.db, &Scope::Nothing, ANN, world.now()))));
    let scope = access("sales", "m-1").scope(Action::Edit, &KindId::contact());
    assert_eq!(block_on(check(&world.db, &scope, ANN, world.now())), Ok(()));
}

#[test]
fn owner_of_a_contact_survives_the_next_decision() {
    let mut world = owned_world();
    world.submit("/p", &agrees(ANN)).unwrap();
    assert_eq!(number(&world.db, "SELECT count(*) FROM contacts WHERE owner = 'm-1'"), 1);
}

#[test]
fn lifted_mask_is_in_the_audit_log_before_it_is_shown() {
    let world = owned_world();
    let id = RecordId::from(rows(&world.db, "SELECT id FROM contacts")[0]["id"].as_str().unwrap());
    let lift = |role: &str, field: &str| {
        let access = access(role, "m-9");
        let mut ids = Ids::new(world.now(), 9);
        let World { db, catalog, .. } = &world;
        let reader = Reader { db, catalog, access: &access, now: world.now() };
        block_on(reader.unmask(&KindId::contact(), &id, field, &[], &mut ids))
    };
    assert!(is_missing(lift("analyst", "email")) && is_missing(lift("service", "phone")));
    assert_eq!(rows(&world.db, "SELECT id FROM audit"), [] as [serde_json::Value; 0]);
    assert_eq!(lift("service", "email"), Ok(json!(ANN)));
    let entries = block_on(audit::list(&world.db, &AuditFilter::default(), 10)).unwrap();
    assert_eq!(entries.len(), 1);
    let entry = &entries[0];
    assert_eq!((entry.actor.as_str(), entry.action.as_str()), ("member:m-9", "unmask"));
    assert_eq!(entry.detail, json!({ "field": "email" }));
}

#[test]
fn erasure_deletes_what_the_audit_log_says_about_the_person_and_keeps_who_did_it() {
    let mut world = owned_world();
    let id = rows(&world.db, "SELECT id FROM contacts")[0]["id"].as_str().unwrap().to_owned();
    let mut ids = Ids::new(world.now(), 5);
    for (object, city) in [(id.as_str(), "Bonn"), ("another", "Hangzhou")] {
        let act = Act::new("edit", "contact", object).with(json!({ "before": city }));
        let entry = act.by(&Actor::from("member:m-1"), world.now(), &mut ids);
        block_on(audit::enter(&world.db, &entry)).unwrap();
    }
    world.erase(ANN).unwrap();
    let log = serde_json::to_string(&rows(&world.db, "SELECT * FROM audit")).unwrap();
    assert!(!log.contains("Bonn") && log.contains("Hangzhou"), "{log}");
    let kept = "SELECT count(*) FROM audit WHERE actor = 'member:m-1' AND action = 'edit'";
    assert_eq!(number(&world.db, kept), 2);
}
