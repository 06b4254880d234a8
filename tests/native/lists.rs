//! Static lists: who joins and leaves them by requests, forms, steps and merges; rules, journeys
//! and broadcasts about them; and how they are deleted.

use super::interleave::{InTurns, Task, together};
use super::invariants::assert_sound;
use super::support::{
    ANN, FORM, MONDAY, campaign, history, join, number, rows, subjects, with_steps, world,
};
use dripline::domain::access::built_in::role;
use dripline::domain::access::rights::{Access, Owners};
use dripline::domain::base::primitives::{Actor, Ids, KindId, ListId, RecordId, Span};
use dripline::domain::campaign::broadcast::BroadcastVerb;
use dripline::domain::engine::{Input, RecordInput};
use dripline::domain::record::list::{ListChange, Listing};
use dripline::flows::commit::{Command, RecordRef, commit};
use dripline::flows::error::FlowError;
use dripline::flows::list::members::{self, Asked, CHANGED_MAX, Changed};
use dripline::flows::list::{self, ListEdit, NewList, deletion};
use dripline::flows::ports::Database;
use dripline::flows::record::read::Reader;
use dripline::native::world::{World, block_on};
use dripline::store::lists::ListRow;
use dripline::store::statement::{Statement, Value};
use serde_json::json;

const BOB: &str = "bob@example.com";

fn owner() -> Access {
    Access::configured("ci")
}

fn vip() -> ListId {
    ListId::from("vip")
}

fn make(world: &World, id: &str) -> Result<ListRow, FlowError> {
    let asked = NewList { id: id.to_owned(), name: None, description: None };
    block_on(list::create(&world.db, &asked, &Actor::from("token:ci"), world.now()))
}

fn texts(entries: &[&str]) -> Vec<String> {
    entries.iter().map(|entry| (*entry).to_owned()).collect()
}

fn change(world: &World, access: &Access, asked: &Asked) -> Result<Changed, FlowError> {
    let mut ids = Ids::new(world.now(), 9);
    let World { db, catalog, .. } = world;
    let list = vip();
    let done = members::change(db, catalog, access, &list, asked, world.now(), &mut ids);
    block_on(done).map(|(changed, _)| changed)
}

fn add(world: &World, entries: &[&str]) -> Changed {
    change(world, &owner(), &Asked { add: texts(entries), ..Asked::default() }).unwrap()
}

fn remove(world: &World, entries: &[&str]) -> Changed {
    change(world, &owner(), &Asked { remove: texts(entries), ..Asked::default() }).unwrap()
}

/// The addresses on a list, with the sources of their memberships.
fn on_list(world: &World, list: &str) -> Vec<String> {
    let sql = format!(
        "SELECT coalesce(c.email, c.phone) || ' ' || m.source AS one FROM list_members m
           JOIN contacts c ON c.id = m.record_id WHERE m.list = '{list}' ORDER BY c.email"
    );
    rows(&world.db, &sql).iter().map(|row| row["one"].as_str().unwrap().to_owned()).collect()
}

fn problems<T: std::fmt::Debug>(result: Result<T, FlowError>) -> String {
    match result.unwrap_err() {
        FlowError::Rejected(refusal)
        | FlowError::Conflict(refusal)
        | FlowError::NotFound(refusal) => refusal.to_string(),
        other => format!("{other:?}"),
    }
}

#[test]
fn request_adds_and_removes_and_names_unknown_rows() {
    let mut world = world(FORM);
    join(&mut world, ANN);
    world.submit("/p", &[("phone", "07400 123456"), ("consent", "on")]).unwrap();
    make(&world, "vip").unwrap();
    let changed = add(&world, &[ANN, "nobody@example.com", "+447400123456", ANN]);
    assert_eq!((changed.added, changed.unchanged), (2, 1), "Ann is named twice");
    assert_eq!(json!(changed.unknown), json!([{ "in": "add", "row": 2 }]));
    assert_eq!(on_list(&world, "vip"), ["+447400123456 api".to_owned(), format!("{ANN} api")]);
    let again = add(&world, &[ANN]);
    assert_eq!((again.added, again.unchanged), (0, 1));
    let left = remove(&world, &[ANN, BOB]);
    assert_eq!((left.removed, left.unknown.len()), (1, 1));
    let listed = history(&world.db, ANN).into_iter().filter(|name| name.starts_with("list."));
    assert_eq!(listed.collect::<Vec<_>>(), ["list.joined", "list.left"], "no event for nothing");
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn same_key_a_second_time_changes_nothing() {
    let mut world = world(FORM);
    join(&mut world, ANN);
    make(&world, "vip").unwrap();
    let key = Some("import-7".to_owned());
    let asked = Asked { add: texts(&[ANN]), key, ..Asked::default() };
    assert_eq!(change(&world, &owner(), &asked).unwrap().added, 1);
    remove(&world, &[ANN]);
    assert_eq!(change(&world, &owner(), &asked).unwrap().added, 0, "a repeated request");
    assert!(on_list(&world, "vip").is_empty());
    assert_eq!(add(&world, &[ANN]).added, 1, "another request");
}

#[test]
fn request_is_limited_and_says_where() {
    let world = world(FORM);
    make(&world, "vip").unwrap();
    let asked = |asked: Asked| problems(change(&world, &owner(), &asked));
    let many = vec!["x".to_owned(); CHANGED_MAX + 1];
    assert!(asked(Asked { add: many, ..Asked::default() }).contains("1001 records"));
    assert!(asked(Asked::default()).contains("0 records"));
    let add = texts(&[ANN]);
    let source = Some("a\nb".to_owned());
    assert!(asked(Asked { add: add.clone(), source, ..Asked::default() }).contains("source"));
    let key = Some("k".repeat(101));
    assert!(asked(Asked { add: add.clone(), key, ..Asked::default() }).contains("key"));
    assert!(asked(Asked { add: vec!["x".repeat(321)], ..Asked::default() }).contains("320"));
    let mut ids = Ids::new(world.now(), 9);
    let asked = Asked { add, ..Asked::default() };
    let (db, catalog, list) = (&world.db, &world.catalog, ListId::from("other"));
    let access = owner();
    let missing = members::change(db, catalog, &access, &list, &asked, MONDAY, &mut ids);
    assert!(problems(block_on(missing).map(drop)).contains("no such list"));
}

#[test]
fn list_has_a_name_in_any_language_and_an_id_for_rules() {
    let world = world(FORM);
    let asked = NewList {
        id: "vip".to_owned(),
        name: Some("贵宾客户 🌟".to_owned()),
        description: Some("上海".to_owned()),
    };
    let by = Actor::from("member:m");
    let made = block_on(list::create(&world.db, &asked, &by, world.now())).unwrap();
    assert_eq!((&*made.name, &*made.created_by, made.members), ("贵宾客户 🌟", "member:m", 0));
    assert!(problems(make(&world, "vip")).contains("there is a list of this id"));
    for id in ["", "VIP", "贵宾", "a b", "a.b", "-a", "a'b", &"x".repeat(41)] {
        assert!(problems(make(&world, id)).contains("use a-z"), "{id}");
    }
    let edit = |name: &str| {
        let edit = ListEdit { name: Some(name.to_owned()), description: None };
        block_on(list::edit(&world.db, &vip(), &edit))
    };
    let edited = edit("重要客户").unwrap();
    assert_eq!((&*edited.name, &*edited.description), ("重要客户", "上海"));
    assert!(problems(edit(" ")).contains("one line"));
    assert!(problems(edit("a\u{202e}b")).contains("one line"));
    assert!(problems(block_on(list::one(&world.db, &"x".into()))).contains("no such list"));
}

#[test]
fn there_are_a_thousand_lists_at_most() {
    let world = world(FORM);
    let fill = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
                INSERT INTO lists (id, name, description, members, created_at, created_by)
                SELECT printf('l%04d', i), 'L', '', 0, 0, 'test' FROM n";
    block_on(world.db.batch(vec![Statement::new(fill, Vec::new())])).unwrap();
    make(&world, "vip").unwrap();
    assert!(problems(make(&world, "more")).contains("1000 lists already"));
    let (first, next) = block_on(list::page(&world.db, "", 200)).unwrap();
    assert_eq!((first.len(), next.as_ref().map(ListId::as_str)), (200, Some("l0200")));
    let (last, next) = block_on(list::page(&world.db, "l0999", 200)).unwrap();
    assert_eq!((last.len(), next), (1, None));
}

#[test]
fn form_puts_the_contact_on_its_list_even_if_there_is_none_yet() {
    let form = FORM.replace("[form.f]", "[form.f]\nlist = \"readers\"");
    let mut world = world(&form);
    join(&mut world, ANN);
    assert_eq!(on_list(&world, "readers"), [format!("{ANN} form:c/f")]);
    let begun = block_on(list::one(&world.db, &"readers".into())).unwrap();
    assert_eq!((&*begun.name, &*begun.created_by, begun.members), ("readers", "form:c/f", 1));
    let since = "SELECT since FROM list_members";
    let first = number(&world.db, since);
    world.jump(world.now().plus(Span::hours(1)));
    join(&mut world, ANN);
    assert_eq!(number(&world.db, since), first, "the first date stays");
    world.submit("/p", &[("email", BOB)]).unwrap();
    assert_eq!(on_list(&world, "readers").len(), 2, "being on a list is no consent");
    let agreed = "SELECT count(*) FROM contacts WHERE email = 'bob@example.com'
                     AND consents = '[]'";
    assert_eq!(number(&world.db, agreed), 1);
    assert_sound(&world.db, Some(world.now()));
}

const STEPS: &str = r#"
    [segment.members]
    rule = { list = "vip" }
    [journey.in]
    enter = { event = "list.joined", where = { list = "fair" } }
    put: add_to_list = "vip"
    off: remove_from_list = "fair"
    [journey.greet]
    enter = { segment = "members" }
    purpose = "news"
    hello: send = "emails/hello"
"#;

#[test]
fn steps_put_on_a_list_and_take_off_and_rules_follow_at_once() {
    let form = FORM.replace("[form.f]", "[form.f]\nlist = \"fair\"");
    let mut world = world(&with_steps(&format!("{form}{STEPS}")));
    join(&mut world, ANN);
    assert_eq!(on_list(&world, "vip"), [format!("{ANN} journey:c/in")]);
    assert!(on_list(&world, "fair").is_empty());
    assert_eq!(subjects(&world, ANN), ["emails/hello"]);
    let names = history(&world.db, ANN);
    let of = |name: &str| names.iter().position(|other| other == name).unwrap();
    assert!(of("list.joined") < of("list.left") && of("list.left") < of("segment.entered"));
    remove(&world, &[ANN]);
    assert_eq!(history(&world.db, ANN).last().unwrap(), "segment.left");
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn company_goes_on_a_list_and_through_steps_for_it() {
    let parts = with_steps(
        r#"
    [segment.key]
    of = "company"
    rule = { list = "vip" }
    [journey.j]
    of = "company"
    enter = { segment = "key" }
    put: add_to_list = "served"
    "#,
    );
    let world = world(&parts);
    let id = RecordId::from("00000001-0000-7000-8000-000000000000");
    let listing = Listing {
        list: vip(),
        change: ListChange::Join,
        source: "import:7".to_owned(),
        by: Actor::from("import:7"),
        key: None,
    };
    let who = RecordRef::Plain { id, kind: KindId::from("company") };
    let inputs = vec![Input::Record(RecordInput::Listed(Box::new(listing)))];
    let mut ids = Ids::new(world.now(), 7);
    let commands = vec![Command { who, inputs }];
    block_on(commit(&world.db, &world.catalog, commands, world.now(), &mut ids)).unwrap();
    let both = "SELECT group_concat(list || ' ' || source) AS n
                  FROM (SELECT * FROM list_members ORDER BY list)";
    assert_eq!(rows(&world.db, both)[0]["n"], "served journey:c/j,vip import:7");
    let changed = remove(&world, &["00000001-0000-7000-8000-000000000000"]);
    assert_eq!(changed.removed, 1);
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn broadcast_goes_to_the_contacts_on_a_list_who_agreed() {
    let news = r#"
    [broadcast.news]
    list = "vip"
    send = "emails/news"
    "#;
    let mut world = world(&format!("{FORM}{news}"));
    for n in 0..1_200 {
        let fields = [("email", &*format!("r{n}@example.com")), ("consent", "on")];
        world.submit("/p", &fields[..if n == 7 { 1 } else { 2 }]).unwrap();
    }
    make(&world, "vip").unwrap();
    let entries: Vec<String> = (0..1_000).map(|n| format!("r{n}@example.com")).collect();
    let asked = Asked { add: entries, ..Asked::default() };
    assert_eq!(change(&world, &owner(), &asked).unwrap().added, 1_000);
    let preview = world.preview_broadcast("c.news").unwrap();
    assert_eq!((preview.audience.members, preview.recipients), (1_000, 999));
    world.broadcast("c.news", BroadcastVerb::Start).unwrap();
    world.after(Span::hours(1)).unwrap();
    let mails = world.captured_messages();
    assert_eq!(mails.len(), 999, "r7 is on the list and has not agreed");
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn broadcast_reads_members_by_key_and_never_all_contacts() {
    let rule = dripline::domain::segment::Rule::List(vip());
    let row = serde_json::from_value(json!({
        "campaign_id": "c", "broadcast": "b", "version": 1, "state": "running", "phase": "rest",
        "after_id": "", "failures": 0, "rounds": 0, "finding": null
    }));
    let world = world(FORM);
    let mut turns = dripline::store::broadcasts::turns(&row.unwrap(), &rule, MONDAY);
    turns.sql = format!("EXPLAIN QUERY PLAN {}", turns.sql).into();
    let rows = block_on(world.db.batch(vec![turns])).unwrap();
    let plan = rows[0].0.clone();
    assert!(plan.contains("list_members_list (list=? AND record_id>?"), "{plan}");
    assert!(!plan.contains("SCAN c") && !plan.contains("SCAN contacts"), "{plan}");
}

#[test]
fn merge_moves_memberships_and_the_earlier_date_counts() {
    let mut world = world(FORM);
    join(&mut world, ANN);
    join(&mut world, BOB);
    make(&world, "vip").unwrap();
    let bob_since = world.now();
    add(&world, &[BOB]);
    world.jump(world.now().plus(Span::days(1)));
    add(&world, &[ANN]);
    world.merge(BOB, ANN).unwrap();
    assert_eq!(on_list(&world, "vip"), [format!("{ANN} api")]);
    assert_eq!(number(&world.db, "SELECT since FROM list_members"), bob_since.0);
    assert_eq!(block_on(list::one(&world.db, &vip())).unwrap().members, 1);
    assert_eq!(remove(&world, &[BOB]).removed, 1, "the former address leads to Ann");
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn merge_puts_the_survivor_on_a_list_of_the_other_without_starting_anything() {
    let parts = with_steps(&format!("{FORM}{STEPS}"));
    let mut world = world(&parts);
    join(&mut world, ANN);
    world.submit("/p", &[("email", BOB)]).unwrap();
    make(&world, "vip").unwrap();
    add(&world, &[BOB]);
    world.after(Span::hours(1)).unwrap();
    world.merge(BOB, ANN).unwrap();
    assert_eq!(on_list(&world, "vip"), [format!("{ANN} api")]);
    assert!(subjects(&world, ANN).is_empty(), "Bob was greeted, and Ann is no new member");
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn erasure_takes_the_person_off_every_list() {
    let mut world = world(FORM);
    join(&mut world, ANN);
    make(&world, "vip").unwrap();
    add(&world, &[ANN]);
    world.erase(ANN).unwrap();
    assert_eq!(number(&world.db, "SELECT count(*) FROM list_members"), 0);
    assert_eq!(block_on(list::one(&world.db, &vip())).unwrap().members, 0);
    assert_eq!(add(&world, &[ANN]).unknown.len(), 1, "erased");
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn member_changes_and_sees_only_the_own_records_on_a_list() {
    let mut world = world(FORM);
    join(&mut world, ANN);
    join(&mut world, BOB);
    let sql = "UPDATE contacts SET owner = ?1 WHERE email = ?2";
    let own = Statement::new(sql, vec![Value::text("m-1"), Value::text(ANN)]);
    block_on(world.db.batch(vec![own])).unwrap();
    make(&world, "vip").unwrap();
    let roles = role("sales").into_iter().collect();
    let by = Actor::from("member:m-1");
    let sales = Access::new(by, Some("m-1".into()), roles, Owners::default());
    let asked = Asked { add: texts(&[BOB, ANN]), ..Asked::default() };
    let changed = change(&world, &sales, &asked).unwrap();
    assert_eq!((changed.added, changed.unknown[0].row), (1, 1), "Bob is as if there were none");
    add(&world, &[BOB]);
    let page = |access: &Access, limit: usize| {
        let World { db, catalog, .. } = &world;
        let reader = Reader { db, catalog, access, now: world.now() };
        block_on(members::page(&reader, &vip(), "", limit)).unwrap()
    };
    assert_eq!((page(&owner(), 9).0.len(), page(&sales, 9).0.len()), (2, 1));
    let (_, next) = page(&owner(), 1);
    assert!(next.is_some());
    let masked = role("analyst").into_iter().collect();
    let analyst = Access::new("member:m-2".into(), Some("m-2".into()), masked, Owners::default());
    let (seen, _) = page(&analyst, 9);
    assert_eq!(seen[0].record.fields()["email"], "a***@example.com");
}

#[test]
fn two_requests_at_once_add_each_record_once() {
    let mut world = world(FORM);
    join(&mut world, ANN);
    make(&world, "vip").unwrap();
    let asked = Asked { add: texts(&[ANN]), ..Asked::default() };
    let (db, catalog, now) = (&world.db, &world.catalog, world.now());
    let (turns, access, list) = (&InTurns(db), &owner(), &vip());
    let one = |seed: u64| -> Task<'_, usize> {
        let asked = &asked;
        Box::pin(async move {
            let mut ids = Ids::new(now, seed);
            let done = members::change(turns, catalog, access, list, asked, now, &mut ids).await;
            done.unwrap().0.added
        })
    };
    assert_eq!(together(vec![one(1), one(2)]).iter().sum::<usize>(), 1);
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn list_in_use_is_not_deleted_and_the_refusal_names_the_places() {
    let form = FORM.replace("[form.f]", "[form.f]\nlist = \"vip\"");
    let news = "[broadcast.news]\nlist = \"vip\"\nsend = \"emails/news\"\n";
    let world = world(&with_steps(&format!("{form}{news}{STEPS}")));
    make(&world, "vip").unwrap();
    let said = problems(block_on(deletion::delete(&world.db, &vip(), world.now())));
    for place in ["form.f.list", "segment.members.rule", "journey.in.step.put", "broadcast.news"] {
        assert!(said.contains(place), "{place}: {said}");
    }
    let grant = json!({ "name": "R", "grants": [{ "actions": ["see"],
                        "scope": { "rule": { "list": "gold" } } }] });
    let sql = "INSERT INTO roles (id, definition) VALUES ('r', ?1)";
    let insert = Statement::new(sql, vec![Value::json(&grant)]);
    block_on(world.db.batch(vec![insert])).unwrap();
    make(&world, "gold").unwrap();
    let said = problems(block_on(deletion::delete(&world.db, &"gold".into(), world.now())));
    assert!(said.contains("the role `r`"), "{said}");
}

#[test]
fn deleted_list_goes_step_by_step_and_its_id_is_free_again() {
    let mut world = world(FORM);
    join(&mut world, ANN);
    make(&world, "vip").unwrap();
    add(&world, &[ANN]);
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 7000)
                INSERT INTO list_members (record_id, list, since, source)
                SELECT printf('z%05d', i), 'vip', 0, 'test' FROM n";
    block_on(world.db.batch(vec![Statement::new(many, Vec::new())])).unwrap();
    block_on(deletion::delete(&world.db, &vip(), world.now())).unwrap();
    assert!(problems(block_on(list::one(&world.db, &vip()))).contains("no such list"));
    assert!(problems(make(&world, "vip")).contains("half an hour"));
    let asked = Asked { add: texts(&[ANN]), ..Asked::default() };
    assert!(problems(change(&world, &owner(), &asked)).contains("no such list"));
    world.after(Span::hours(1)).unwrap();
    assert_eq!(number(&world.db, "SELECT count(*) FROM list_members"), 0);
    assert_eq!(number(&world.db, "SELECT count(*) FROM lists"), 0);
    assert_eq!(number(&world.db, "SELECT count(*) FROM segment_fills"), 0);
    make(&world, "vip").unwrap();
    assert_eq!(add(&world, &[ANN]).added, 1, "as if she had never been on it");
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn list_that_is_published_while_it_is_deleted_stays() {
    let mut world = world(FORM);
    join(&mut world, ANN);
    make(&world, "vip").unwrap();
    add(&world, &[ANN]);
    block_on(deletion::delete(&world.db, &vip(), world.now())).unwrap();
    let rule = "[segment.members]\nrule = { list = \"vip\" }\n";
    let said = problems(world.publish(campaign(&format!("{FORM}{rule}"))));
    assert!(said.contains("being deleted"), "{said}");
    // The publish read the list before the deletion was marked.
    let mark = |sql| block_on(world.db.batch(vec![Statement::new(sql, Vec::new())])).unwrap();
    mark("UPDATE lists SET deleted_at = NULL");
    world.publish(campaign(&format!("{FORM}{rule}"))).unwrap();
    let mark = |sql| block_on(world.db.batch(vec![Statement::new(sql, Vec::new())])).unwrap();
    mark("UPDATE lists SET deleted_at = 1");
    world.after(Span::hours(1)).unwrap();
    assert_eq!(on_list(&world, "vip"), [format!("{ANN} api")]);
    assert_eq!(block_on(list::one(&world.db, &vip())).unwrap().members, 1);
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn publishing_names_lists_that_do_not_exist() {
    let mut world = world(FORM);
    make(&world, "vip").unwrap();
    let parts = "[segment.a]\nrule = { any = [{ list = \"vip\" }, { list = \"vpi\" }] }\n";
    let published = world.publish(campaign(&format!("{FORM}{parts}"))).unwrap();
    assert_eq!(json!(published.unknown_lists), json!(["vpi"]));
    assert_eq!(number(&world.db, "SELECT count(*) FROM lists"), 1, "a rule makes none");
}
