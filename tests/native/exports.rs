//! Exports: what somebody may see, as a file that no spreadsheet runs, in the audit log; and
//! everything out of one installation and into another that ends up the same.

use super::imports::{import, value};
use super::invariants::assert_sound;
use super::support::{number, rows, world};
use dripline::domain::access::built_in;
use dripline::domain::access::rights::{Access, Owners};
use dripline::domain::base::primitives::{Actor, Ids, KindId};
use dripline::domain::import::settings::State;
use dripline::domain::kind::Kind;
use dripline::flows::error::FlowError;
use dripline::flows::record::export::{self, Asked, Page};
use dripline::flows::record::kinds;
use dripline::native::cli::transfer;
use dripline::native::world::{World, block_on};
use serde_json::{Value, json};

const JOURNEY: &str = r#"
    [segment.vips]
    rule = { tag = "vip" }
    [journey.hello]
    enter = { segment = "vips" }
    [[journey.hello.step]]
    id = "wait"
    wait = "1d"
"#;

fn access(role: &str) -> Access {
    let roles = built_in::role(role).into_iter().collect();
    Access::new(Actor::from("member:m"), Some("m".into()), roles, Owners::default())
}

/// Exports one page of a kind.
fn page(world: &World, access: &Access, kind: &str, asked: Value) -> Result<Page, FlowError> {
    let asked: Asked = serde_json::from_value(asked).unwrap();
    let mut ids = Ids::new(world.now(), number(&world.db, "SELECT total_changes()") as u64);
    let World { db, catalog, .. } = world;
    block_on(export::page(db, catalog, access, &kind.into(), asked, world.now(), &mut ids))
}

/// Exports all pages of a kind.
fn exported(world: &World, access: &Access, kind: &str, asked: Value) -> Result<String, FlowError> {
    let (mut text, mut after) = (String::new(), None);
    let mut ids = Ids::new(world.now(), number(&world.db, "SELECT total_changes()") as u64);
    loop {
        let mut asked: Asked = serde_json::from_value(asked.clone()).unwrap();
        asked.after = after;
        let World { db, catalog, .. } = world;
        let kind = KindId::from(kind);
        let page = export::page(db, catalog, access, &kind, asked, world.now(), &mut ids);
        let page = block_on(page)?;
        text.push_str(&page.text);
        after = page.next;
        if after.is_none() {
            return Ok(text.replace("\r\n", "\n"));
        }
    }
}

fn people(count: usize) -> String {
    let row = |n: usize| format!("p{n}@example.com,Person {n},{}\n", n % 7);
    std::iter::once("email,name,city\n".to_owned()).chain((0..count).map(row)).collect()
}

fn contacts() -> Value {
    json!({ "kind": "contact" })
}

#[test]
fn export_is_paged_complete_and_one_entry_of_the_audit_log() {
    let world = world(JOURNEY);
    import(&world, contacts(), people(1_203).as_bytes());
    let asked = json!({ "columns": ["email", "city"] });
    let text = exported(&world, &access("owner"), "contact", asked).unwrap();
    assert!(text.starts_with("\u{feff}email,city\n"));
    let mut lines: Vec<&str> = text.lines().skip(1).collect();
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines.len(), 1_203);
    let entry = value(&world, "SELECT actor, detail FROM audit WHERE action = 'export'");
    assert_eq!(entry["actor"], "member:m");
    let detail: Value = serde_json::from_str(entry["detail"].as_str().unwrap()).unwrap();
    assert_eq!((&detail["records"], &detail["of"]), (&json!(1_203), &json!("contact")));
    assert_eq!(number(&world.db, "SELECT count(*) FROM audit"), 1);
    let filter = json!({ "columns": ["city"], "filter": { "attribute": "city", "is": "3" } });
    let text = exported(&world, &access("owner"), "contact", filter).unwrap();
    assert_eq!(text.lines().skip(1).filter(|line| *line == "3").count(), 172);
    assert_eq!(text.lines().count(), 173);
}

#[test]
fn export_has_only_what_its_reader_may_see() {
    let world = world(JOURNEY);
    import(&world, contacts(), people(3).as_bytes());
    let role = |actions: Value, scope: Value| {
        let role = json!({ "id": "own", "name": "Own", "personal": "masked",
            "grants": [{ "actions": actions, "scope": scope }],
            "fields": [{ "field": "city", "access": "hidden" }] });
        let role = serde_json::from_value(role).unwrap();
        let owners = Owners::default();
        Access::new(Actor::from("member:m"), Some("m".into()), vec![role], owners)
    };
    let all = role(json!(["see", "export"]), json!("all"));
    let asked = json!({ "columns": ["email", "name", "city", "attributes"] });
    let text = exported(&world, &all, "contact", asked.clone()).unwrap();
    assert!(text.contains("***@example.com,Person 1,,") && !text.contains("city\":"), "{text}");
    let own = role(json!(["see", "export"]), json!("own"));
    let text = exported(&world, &own, "contact", asked.clone()).unwrap();
    assert_eq!(text.lines().count(), 1, "nobody is hers");
    let reader = role(json!(["see"]), json!("all"));
    let refused = exported(&world, &reader, "contact", asked);
    assert!(matches!(refused, Err(FlowError::Forbidden(_))), "{refused:?}");
    let filter = json!({ "filter": { "attribute": "city", "is": "3" } });
    let refused = exported(&world, &all, "contact", filter).unwrap_err();
    assert!(matches!(refused, FlowError::Forbidden(_)), "a filter would reveal it: {refused:?}");
}

#[test]
fn no_cell_is_a_formula_and_every_text_comes_back() {
    let (from, to) = (world(JOURNEY), world(JOURNEY));
    let file = "{\"email\":\"a@example.com\",\"phone\":\"+8613812345678\",\"name\":\"=cmd|'/c calc'!A0\",\
                \"note\":\"@SUM(1)\\nline 2, \\\"quoted\\\"\",\"city\":\"'tis\"}\n";
    let mut settings = contacts();
    settings["mapping"] = json!({ "columns": { "note": "note" } });
    import(&from, settings, file.as_bytes());
    let text = exported(
        &from,
        &access("owner"),
        "contact",
        json!({
        "columns": ["email", "phone", "name", "note", "city"] }),
    )
    .unwrap();
    assert!(
        text.contains(",'+86") && text.contains("\"'=cmd") && text.contains("\"'@SUM"),
        "{text}"
    );
    let mut settings = contacts();
    settings["mapping"] = json!({ "columns": { "note": "note" } });
    assert_eq!(import(&to, settings, text.as_bytes()).counts.made, 1);
    let all = "SELECT email, phone, attributes FROM contacts";
    assert_eq!(value(&from, all), value(&to, all));
}

fn deal() -> Kind {
    serde_json::from_value(json!({
        "id": "deal", "label": { "en": "Deal", "zh-CN": "商机" }, "title": "number",
        "stage": "status", "value": "total",
        "fields": [
            { "name": "number", "kind": { "auto_number": { "pattern": "D-{year}-{n:3}" } } },
            { "name": "status", "kind": { "select": [{ "value": "open" }, { "value": "won" }] },
              "indexed": true },
            { "name": "net", "kind": { "money": { "currency": "EUR" } } },
            { "name": "total", "kind": { "formula": {
                "expression": "round(net * 1.19, 2)", "currency": "EUR" } } },
            { "name": "person", "kind": "person", "indexed": true },
            { "name": "company", "kind": { "link": { "to": "company" } }, "indexed": true },
            { "name": "code", "kind": "text", "unique": true },
            { "name": "span", "kind": "duration" },
            { "name": "notes", "kind": "rich_text" },
            { "name": "tasks", "kind": { "table": { "columns": [
                { "name": "what", "kind": "text" }, { "name": "done", "kind": "checkbox" }] } } },
            { "name": "where_to", "kind": "address" },
        ],
    }))
    .unwrap()
}

fn publish(world: &mut World, kind: &Kind) {
    block_on(kinds::publish(&world.db, kind, world.now())).unwrap();
    let all = block_on(kinds::all_kinds(&world.db)).unwrap();
    world.catalog = std::mem::take(&mut world.catalog).with_kinds(all);
}

/// What must be the same in both installations.
const STATE: [&str; 5] = [
    "SELECT id, kind, email, phone, external_id, attributes, tags, score, locale, time_zone, owner,
            title, number, stage, value, created_at FROM contacts
      WHERE erased_at IS NULL AND merged_into IS NULL ORDER BY id",
    "SELECT c.id, k.value ->> 'channel' AS channel, k.value ->> 'purpose' AS purpose,
            k.value ->> 'state' AS state, k.value ->> 'double_opt_in' AS waits,
            k.value ->> 'at' AS at
       FROM contacts c, json_each(c.consents) AS k ORDER BY 1, 2, 3",
    "SELECT contact_id, channel, purpose, state, source, text, basis, at FROM consents
      WHERE contact_id IN (SELECT id FROM contacts WHERE erased_at IS NULL)
      ORDER BY contact_id, seq",
    "SELECT * FROM field_index ORDER BY kind, field, value, record_id",
    "SELECT * FROM unique_fields ORDER BY kind, field, value",
];

/// An installation with something of everything.
fn full() -> World {
    let mut world = world(JOURNEY);
    publish(&mut world, &deal());
    let contacts_file = "email,phone,external_id,name,tags,locale,time_zone,owner,score,attributes\n\
        ann@example.com,+8613812345678,c-1,Ann,\"vip, new\",zh-CN,Asia/Shanghai,m-1,7,\
        \"{\"\"seats\"\":250,\"\"is_vip\"\":true,\"\"topics\"\":[\"\"a\"\",\"\"b\"\"]}\"\n\
        bo@example.com,,,=Bo,\"[\"\"a,b\"\"]\",,,,,\n,,c-3,Cy,,,,,,\n";
    let done = import(&world, contacts(), contacts_file.as_bytes());
    assert_eq!(done.counts.made, 3, "{:?}", done.counts);
    let consents = "email,consent.purpose,consent.channel,consent.source,consent.text,consent.date,\
        consent.state,consent.basis\n\
        ann@example.com,news,email,fair,Send me news,2025-01-01,granted,consent\n\
        ann@example.com,news,email,letter,,2025-02-01,withdrawn,\n\
        ann@example.com,news,email,mail,,2025-03-01,confirmed,\n\
        ann@example.com,offers,sms,fair,Text me,2025-01-01,pending,legitimate_interest\n\
        bo@example.com,news,email,fair,Send me news,2025-01-01,granted,\n";
    let done = import(&world, contacts(), consents.as_bytes());
    assert_eq!((done.counts.changed, done.counts.refused), (5, 0));
    import(&world, json!({ "kind": "company" }), b"name,domain\nLarkspan,larkspan.example\n");
    let id = |sql: &str| value(&world, sql)["id"].as_str().unwrap().to_owned();
    let ann = id("SELECT id FROM contacts WHERE email LIKE 'ann%'");
    let firm = id("SELECT id FROM contacts WHERE kind = 'company'");
    let deals = format!(
        "number,status,net,person,company,code,span,notes,tasks,where_to\n\
         D-2025-017,open,\"1,250.50\",{ann},{firm},A,2h,<p>Hi <b>you</b></p>,\
         \"[{{\"\"what\"\":\"\"call\"\",\"\"done\"\":true}}]\",\"{{\"\"city\"\":\"\"Bonn\"\"}}\"\n,won,7,,{firm},B,,,,\n"
    );
    let done = import(&world, json!({ "kind": "deal" }), deals.as_bytes());
    assert_eq!((done.counts.made, done.counts.refused), (2, 0));
    import(&world, contacts(), b"email\ngone@example.com\n");
    world.erase("gone@example.com").unwrap();
    world
}

#[test]
fn everything_out_and_into_an_empty_installation_is_the_same() {
    let from = full();
    let mut to = world(JOURNEY);
    let owner = access("owner");
    let all: Vec<Kind> = from.catalog.kinds().all().map(|kind| (**kind).clone()).collect();
    for kind in &all {
        publish(&mut to, kind);
    }
    let records = all.iter().map(|kind| (kind, "records"));
    let contact = all.iter().find(|kind| kind.id.is_contact()).unwrap();
    for (kind, what) in records.chain([(contact, "consents")]) {
        let file = exported(&from, &owner, kind.id.as_str(), json!({ "what": what })).unwrap();
        let names = file.lines().next().unwrap();
        let settings = transfer::settings(kind, names, "x.csv");
        let done = import(&to, settings, file.as_bytes());
        assert_eq!((done.state, done.counts.refused), (State::Done, 0), "{} {what}", kind.id);
    }
    for sql in STATE {
        assert_eq!(rows(&from.db, sql), rows(&to.db, sql), "{sql}");
    }
    assert_eq!(number(&to.db, "SELECT count(*) FROM enrollments"), 0);
    assert_sound(&to.db, None);
    // A second time changes nothing.
    let file = exported(&from, &owner, "deal", json!({})).unwrap();
    let deal = all.iter().find(|kind| kind.id.as_str() == "deal").unwrap();
    let settings = transfer::settings(deal, file.lines().next().unwrap(), "x.csv");
    assert_eq!(import(&to, settings, file.as_bytes()).counts.unchanged, 2);
    // The next number follows the greatest that came.
    import(&to, json!({ "kind": "deal" }), b"status\nopen\n");
    let greatest = "SELECT max(title) AS t FROM contacts WHERE kind = 'deal'";
    let greatest = |world: &World| value(world, greatest)["t"].as_str().unwrap().to_owned();
    assert_eq!(greatest(&to), "D-2026-002");
    assert_eq!(greatest(&from), "D-2026-001");
}

#[test]
fn next_page_continues_only_the_same_export_of_the_same_member() {
    let world = world(JOURNEY);
    import(&world, contacts(), people(700).as_bytes());
    let first = page(&world, &access("owner"), "contact", json!({ "columns": ["email"] })).unwrap();
    let next = first.next.unwrap();
    let (entry, last) = next.split_once('.').unwrap();
    let old = format!("00000000-0000-7000-8000-000000000001.{last}");
    let end = format!("{entry}.~");
    for (asked, why) in [
        (json!({ "columns": ["email"], "after": old }), "an entry that is not there"),
        (json!({ "columns": ["id"], "after": end }), "other columns"),
        (json!({ "columns": ["email"], "what": "consents", "after": next }), "something else"),
    ] {
        let refused = page(&world, &access("owner"), "contact", asked);
        assert!(matches!(refused, Err(FlowError::Rejected(_))), "{why}: {refused:?}");
    }
    let again = json!({ "columns": ["email"], "after": next });
    assert!(page(&world, &access("owner"), "contact", again.clone()).is_ok());
    let entry = value(&world, "SELECT count(*) AS n, max(detail ->> 'records') AS most FROM audit");
    assert_eq!(entry, json!({ "n": 1, "most": 700 }));
}

#[test]
fn ledger_of_consents_is_not_for_those_who_see_masks() {
    let world = world(JOURNEY);
    import(&world, contacts(), people(3).as_bytes());
    let asked = || json!({ "what": "consents" });
    let refused = exported(&world, &access("analyst"), "contact", asked());
    assert!(matches!(refused, Err(FlowError::Forbidden(_))), "{refused:?}");
    assert!(exported(&world, &access("owner"), "contact", asked()).is_ok());
}
