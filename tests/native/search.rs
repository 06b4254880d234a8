//! Search: what is found by whom, what a change of a record writes, and that no query reads a whole
//! table.
#![allow(clippy::cloned_ref_to_slice_refs, reason = "expected lists read better as lists")]

use super::invariants::assert_sound;
use super::support::fixtures::Counted;
use super::support::{ANN, FORM, MONDAY, number, rows, submission_at, world};
use dripline::domain::access::built_in;
use dripline::domain::access::rights::{Access, Owners};
use dripline::domain::access::role::{Action, FieldAccess, FieldRule, Grant, Reach, Role};
use dripline::domain::base::primitives::{Actor, Ids, KindId, MemberId, RecordId, Span};
use dripline::domain::campaign_file::filter;
use dripline::domain::kind::{Kind, built_in as built_in_kinds};
use dripline::domain::record::PlainRecord;
use dripline::domain::search::{Query, words};
use dripline::domain::segment::Rule;
use dripline::flows::error::FlowError;
use dripline::flows::ingest::form;
use dripline::flows::ports::{Database, DatabaseError};
use dripline::flows::record::edit::{Asked as AskedEdit, Editor};
use dripline::flows::record::kinds;
use dripline::flows::record::read::Reader;
use dripline::flows::record::search::{Asked, Found, find};
use dripline::native::sqlite::Sqlite;
use dripline::native::world::{World, block_on};
use dripline::store::records::LOOKED_PER_PAGE as LISTED_PER_PAGE;
use dripline::store::search::{LOOKED_PER_PAGE, Searched, Start, counts, page};
use dripline::store::statement::{Rows, Statement};
use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeSet;

fn searched(kind: Kind) -> Kind {
    Kind { search: true, ..kind }
}

fn publish(world: &mut World, kind: &Kind) {
    block_on(kinds::publish(&world.db, kind, world.now())).unwrap();
    let all = block_on(kinds::all_kinds(&world.db)).unwrap();
    world.catalog = std::mem::take(&mut world.catalog).with_kinds(all);
}

/// A world in which contacts and companies are searched.
fn search_world() -> World {
    let mut world = world(FORM);
    for kind in built_in_kinds() {
        publish(&mut world, &searched(kind));
    }
    world
}

fn join(world: &mut World, fields: &[(&str, &str)]) -> RecordId {
    let fields: Vec<_> = fields.iter().copied().chain([("consent", "on")]).collect();
    world.submit("/p", &fields).unwrap();
    let found = rows(&world.db, "SELECT id FROM contacts ORDER BY id DESC LIMIT 1");
    RecordId::from(found[0]["id"].as_str().unwrap())
}

fn company(world: &World, fields: Value) -> RecordId {
    let seed = number(&world.db, "SELECT count(*) FROM events") as u64 + 100;
    let asked = AskedEdit { fields: fields.as_object().cloned().unwrap(), ..<_>::default() };
    let access = owner();
    let World { db, catalog, .. } = world;
    let editor = Editor { db, catalog, access: &access, seal_key: None, now: world.now() };
    let mut ids = Ids::new(world.now(), seed);
    let made = block_on(editor.create(&KindId::from("company"), asked, &mut ids)).unwrap();
    made.record.id.clone()
}

fn edit(world: &World, kind: &str, id: &RecordId, fields: Value) {
    let asked = AskedEdit { fields: fields.as_object().cloned().unwrap(), ..<_>::default() };
    let access = owner();
    let World { db, catalog, .. } = world;
    let editor = Editor { db, catalog, access: &access, seal_key: None, now: world.now() };
    let mut ids = Ids::new(world.now(), 3);
    block_on(editor.edit(&KindId::from(kind), id, asked, &mut ids)).unwrap();
}

fn owner() -> Access {
    Access::configured("ci")
}

fn member(id: &str, roles: Vec<Role>) -> Access {
    Access::new(Actor(format!("member:{id}")), Some(id.into()), roles, Owners::default())
}

fn ask(words: &str) -> Asked {
    Asked { words: words.to_owned(), limit: 20, ..<_>::default() }
}

fn search(world: &World, access: &Access, asked: &Asked) -> Result<Found, FlowError> {
    block_on(find(&world.db, &world.catalog, access, asked, world.now()))
}

/// The ids of what is found.
fn ids(world: &World, access: &Access, words: &str) -> Vec<RecordId> {
    let found = search(world, access, &ask(words)).unwrap();
    found.found.iter().map(|shown| shown.id().clone()).collect()
}

#[test]
fn records_of_all_kinds_are_found_by_words_and_by_two_chinese_characters() {
    let mut world = search_world();
    let ann =
        join(&mut world, &[("email", ANN), ("first_name", "Änn"), ("phone", "+447911123456")]);
    let wang = join(&mut world, &[("email", "w@example.com"), ("first_name", "小明")]);
    edit(&world, "contact", &wang, json!({ "last_name": "王", "company": "云栖科技" }));
    let firm =
        company(&world, json!({ "name": "杭州云栖科技有限公司", "domain": "yunqi.example" }));
    let owner = owner();
    for query in ["ann", "AN", "ånn", ANN, "ann@exa", "3456", "07911 123456", "ann example.com"] {
        assert_eq!(ids(&world, &owner, query), [ann.clone()], "{query}");
    }
    for query in ["王小明", "小明", "王", "小明 云栖", "王小 w@"] {
        assert_eq!(ids(&world, &owner, query), [wang.clone()], "{query}");
    }
    let both: BTreeSet<_> = [wang.clone(), firm.clone()].into();
    assert_eq!(ids(&world, &owner, "云栖科技").into_iter().collect::<BTreeSet<_>>(), both);
    assert_eq!(ids(&world, &owner, "杭州"), [firm.clone()]);
    assert_eq!(ids(&world, &owner, "栖云"), []);
    assert_eq!(ids(&world, &owner, "nobody"), []);
    let kind = Some(KindId::from("company"));
    let found = search(&world, &owner, &Asked { kind, ..ask("云栖") }).unwrap();
    assert_eq!(found.found.iter().map(|shown| shown.id()).collect::<Vec<_>>(), [&firm]);
    assert_sound(&world.db, None);
}

#[test]
fn query_that_cannot_be_searched_is_refused_with_the_reason() {
    let world = world(FORM);
    let reason = |world: &World, asked: &Asked| match search(world, &owner(), asked) {
        Err(FlowError::Rejected(refusal)) => refusal.problems[0].message.clone(),
        other => panic!("{other:?}"),
    };
    assert_snapshot!(reason(&world, &ask("ann")), @"records of no kind are searched");
    let world = search_world();
    assert_snapshot!(reason(&world, &ask(" , ")), @"it has no word");
    let mut none = world;
    let [_, company] = built_in_kinds();
    publish(&mut none, &company);
    let asked = Asked { kind: Some(company.id), ..ask("ann") };
    assert_snapshot!(reason(&none, &asked), @"records of the kind `company` are not searched");
}

// --- Who finds what ---------------------------------------------------------------------------

fn role(scope: Reach, fields: Vec<FieldRule>, personal: FieldAccess) -> Role {
    let grants = vec![Grant { kinds: None, actions: vec![Action::See], scope }];
    let (id, name) = (format!("r{}", fields.len()), "R".to_owned());
    Role { id, name, grants, fields, personal }
}

fn rule(field: &str, access: FieldAccess) -> FieldRule {
    FieldRule { kind: None, field: field.to_owned(), access }
}

#[test]
fn what_is_masked_or_hidden_finds_nothing() {
    let mut world = search_world();
    let ann =
        join(&mut world, &[("email", ANN), ("first_name", "Ann"), ("phone", "+447911123456")]);
    edit(&world, "contact", &ann, json!({ "last_name": "Lee" }));
    let masked = member("m1", vec![built_in::role("read-only").unwrap()]);
    for query in [ANN, "ann@example.com", "example.com", "3456", "447911123456", "lee example"] {
        assert_eq!(ids(&world, &masked, query), [], "{query}");
        assert_eq!(ids(&world, &owner(), query).len(), 1, "{query}");
    }
    assert_eq!(ids(&world, &masked, "ann lee"), [ann.clone()]);
    let found = search(&world, &masked, &ask("lee")).unwrap();
    assert_eq!(found.found[0].fields()["email"], "a***@example.com");
    let hides = |fields| member("m1", vec![role(Reach::All, fields, FieldAccess::Full)]);
    let no_name = hides(vec![rule("last_name", FieldAccess::Hidden)]);
    assert_eq!(ids(&world, &no_name, "lee"), []);
    assert_eq!(ids(&world, &no_name, "ann"), [ann.clone()]);
    let no_record = member("m1", vec![built_in::role("developer").unwrap()]);
    assert_eq!(ids(&world, &no_record, "ann"), []);
}

#[test]
fn joined_name_is_not_found_if_half_of_it_is_hidden() {
    let mut world = search_world();
    let wang = join(&mut world, &[("email", ANN), ("first_name", "小明")]);
    edit(&world, "contact", &wang, json!({ "last_name": "王" }));
    let hides = vec![rule("last_name", FieldAccess::Masked)];
    let half = member("m1", vec![role(Reach::All, hides, FieldAccess::Full)]);
    assert_eq!(ids(&world, &half, "王小"), []);
    assert_eq!(ids(&world, &half, "小明"), [wang.clone()]);
    assert_eq!(ids(&world, &owner(), "王小"), [wang]);
}

#[test]
fn member_finds_only_records_in_scope_and_by_what_the_role_of_that_scope_shows() {
    let mut world = search_world();
    let mine = join(&mut world, &[("email", ANN), ("first_name", "Ann")]);
    let other = join(&mut world, &[("email", "bob@example.com"), ("first_name", "Ann")]);
    edit(&world, "contact", &mine, json!({ "owner": "m1" }));
    edit(&world, "contact", &other, json!({ "owner": "m2" }));
    let own = role(Reach::Own, Vec::new(), FieldAccess::Full);
    let all = role(Reach::All, Vec::new(), FieldAccess::Masked);
    assert_eq!(ids(&world, &member("m1", vec![own.clone()]), "ann"), [mine.clone()]);
    assert_eq!(ids(&world, &member("m3", vec![own.clone()]), "ann"), []);
    // Own records in full, and all others masked.
    let both = member("m1", vec![own, all]);
    assert_eq!(ids(&world, &both, "ann"), [other, mine.clone()]);
    assert_eq!(ids(&world, &both, "example.com"), [mine.clone()]);
    assert_eq!(ids(&world, &both, "ann example.com"), [mine]);
    assert_eq!(ids(&world, &both, "bob@example.com"), []);
}

// --- What a change writes ---------------------------------------------------------------------

/// An hour with a tick every ten minutes.
fn pass_an_hour(world: &mut World) {
    (0..6).for_each(|_| world.after(Span::minutes(10)).unwrap());
}

fn all_words(world: &World) -> String {
    let sql = "SELECT part || ':' || word AS w FROM words ORDER BY 1";
    let rows = rows(&world.db, sql);
    rows.iter().map(|row| row["w"].as_str().unwrap()).collect::<Vec<_>>().join(" ")
}

#[test]
fn change_writes_only_the_words_that_change() {
    let mut world = search_world();
    let ann = join(&mut world, &[("email", ANN), ("first_name", "Ann")]);
    assert_snapshot!(all_words(&world), @"email:ann email:ann@example.com email:example.com first_name:ann");
    edit(&world, "contact", &ann, json!({ "last_name": "Li" }));
    let changes = || number(&world.db, "SELECT total_changes()");
    let before = changes();
    edit(&world, "contact", &ann, json!({ "score_note": "x" }));
    let without = changes() - before;
    let before = changes();
    edit(&world, "contact", &ann, json!({ "last_name": "Lee" }));
    assert_eq!(changes() - before, without + 3, "a word less, a word more, the record's own row");
    assert_snapshot!(all_words(&world), @"email:ann email:ann@example.com email:example.com first_name:ann last_name:lee");
    edit(&world, "contact", &ann, json!({ "first_name": null, "last_name": null }));
    assert_snapshot!(all_words(&world), @"email:ann email:ann@example.com email:example.com");
    assert_sound(&world.db, None);
}

#[test]
fn form_costs_nothing_more_unless_contacts_are_searched() {
    let cost = |mut world: World| {
        let fields = [("email", ANN), ("first_name", "Ann"), ("consent", "on")];
        let submitted = submission_at(&mut world, "/p", &fields);
        let (now, before) = (world.now(), number(&world.db, "SELECT total_changes()"));
        let counted = Counted::new(&world.db);
        let (keys, ids) = (&world.settings.keys, &mut Ids::new(now, 1));
        let sent = form::submit(&counted, &world.catalog, keys, submitted, now, ids);
        block_on(sent).unwrap();
        let rows = number(&world.db, "SELECT total_changes()") - before;
        (counted.round_trips.get(), counted.statements.get(), rows)
    };
    let (trips, statements, rows) = cost(world(FORM));
    let more = (trips, statements + 4, rows + 5);
    let what =
        "four words, the row of the record, and a look at the companies, which are published";
    assert_eq!(cost(search_world()), more, "{what}");
}

#[test]
fn erased_and_merged_contacts_are_found_by_nothing() {
    let mut world = search_world();
    let ann = join(&mut world, &[("email", ANN), ("first_name", "Ann")]);
    let bob = join(&mut world, &[("phone", "+447911123456"), ("first_name", "Bobby")]);
    world.merge(ann.as_str(), bob.as_str()).unwrap();
    assert_eq!(ids(&world, &owner(), "ann@"), [bob.clone()], "the survivor has the address");
    assert_eq!(ids(&world, &owner(), "bobby"), [bob.clone()]);
    assert_sound(&world.db, None);
    world.erase(bob.as_str()).unwrap();
    assert_eq!(ids(&world, &owner(), "bobby"), []);
    assert_eq!(number(&world.db, "SELECT count(*) FROM words"), 0);
    assert_eq!(number(&world.db, "SELECT count(*) FROM record_words"), 0);
    let firm = company(&world, json!({ "name": "Larkspan" }));
    let access = owner();
    let World { db, catalog, .. } = &world;
    let editor = Editor { db, catalog, access: &access, seal_key: None, now: world.now() };
    block_on(editor.erase(&KindId::from("company"), &firm, &mut Ids::new(MONDAY, 9))).unwrap();
    assert_eq!(number(&world.db, "SELECT count(*) FROM words"), 0);
    assert_sound(&world.db, None);
}

#[test]
fn words_are_filled_in_when_search_is_switched_on_and_removed_when_it_is_off() {
    let mut world = world(FORM);
    for n in 0..3 {
        join(&mut world, &[("email", &format!("p{n}@example.com")), ("first_name", "Ann")]);
    }
    company(&world, json!({ "name": "Ann Ltd" }));
    assert_eq!(number(&world.db, "SELECT count(*) FROM words"), 0);
    let [contact, firm] = built_in_kinds();
    publish(&mut world, &searched(contact.clone()));
    publish(&mut world, &searched(firm));
    let filling = search(&world, &owner(), &ask("ann")).unwrap();
    assert_eq!(filling.filling.len(), 2, "and says that it is not complete");
    pass_an_hour(&mut world);
    let found = search(&world, &owner(), &ask("ann")).unwrap();
    assert_eq!((found.found.len(), found.filling.len()), (4, 0));
    assert_sound(&world.db, None);
    publish(&mut world, &contact);
    pass_an_hour(&mut world);
    assert_eq!(ids(&world, &owner(), "ann").len(), 1, "the company");
    let left = "SELECT count(*) FROM words WHERE kind = 'contact'";
    assert_eq!(number(&world.db, left), 0);
    assert_eq!(number(&world.db, "SELECT count(*) FROM segment_fills"), 0);
    assert_sound(&world.db, None);
}

#[test]
fn backfill_overwrites_no_newer_words_and_brings_nobody_erased_back() {
    let mut world = world(FORM);
    let ann = join(&mut world, &[("email", ANN), ("first_name", "Ann")]);
    let rows = [json!({ "kind": "contact", "id": ann, "seq": 1, "words": { "email": ["old"] } })];
    let stale = dripline::store::search::put_unchanged(&rows);
    assert!(number(&world.db, "SELECT seq FROM contacts") > 1);
    block_on(world.db.batch(stale)).unwrap();
    assert_eq!(number(&world.db, "SELECT count(*) FROM words"), 0);
}

// --- Pages ------------------------------------------------------------------------------------

/// Inserts so many contacts with a common word, and some companies between.
fn many(world: &World, contacts: usize, companies: usize) {
    let run = |sql: String| {
        block_on(world.db.batch(vec![Statement { sql: sql.into(), params: vec![] }])).unwrap();
    };
    for (kind, count, family, part) in
        [("contact", contacts, "0198", "first_name"), ("company", companies, "0199", "name")]
    {
        run(format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
             INSERT INTO contacts (id, kind, seq, attributes, tags, score, consents, touches,
                                   title, owner, created_at, updated_at)
             SELECT printf('{family}%04x-%04x-7000-8000-%012x', i / 65536, i % 65536, i),
                    '{kind}', 1, json_object('{part}', 'Common'), '[]', 0, '[]', '[]',
                    iif('{kind}' = 'contact', NULL, 'Common'), iif(i % 1000 = 7, 'm1', NULL),
                    0, 0 FROM n"
        ));
        run(format!(
            "INSERT INTO words (kind, part, word, record_id)
             SELECT kind, '{part}', 'common', id FROM contacts WHERE kind = '{kind}'"
        ));
        run(format!(
            "INSERT INTO record_words (kind, record_id, words)
             SELECT kind, id, json_object('{part}', json_array('common')) FROM contacts
              WHERE kind = '{kind}'"
        ));
    }
}

/// Reads all pages of a search.
fn all_pages(world: &World, access: &Access, words: &str, limit: usize) -> (Vec<RecordId>, usize) {
    let (mut seen, mut before, mut pages) = (Vec::new(), None, 0);
    loop {
        let asked = Asked { before, limit, ..ask(words) };
        let found = search(world, access, &asked).unwrap();
        pages += 1;
        seen.extend(found.found.iter().map(|shown| shown.id().clone()));
        before = found.next;
        if before.is_none() || pages > 200 {
            return (seen, pages);
        }
    }
}

#[test]
fn pages_of_several_kinds_have_each_record_once_newest_first() {
    let mut world = search_world();
    for n in 0..7 {
        join(&mut world, &[("email", &format!("p{n}@example.com")), ("first_name", "Ann")]);
        company(&world, json!({ "name": format!("Ann {n}") }));
    }
    let (seen, _) = all_pages(&world, &owner(), "ann", 3);
    let sorted: BTreeSet<_> = seen.iter().cloned().collect();
    assert_eq!((seen.len(), sorted.len()), (14, 14));
    assert!(seen.is_sorted_by(|one, other| one > other));
}

#[test]
fn word_that_too_many_have_is_walked_page_by_page_as_a_whole_word() {
    let world = search_world();
    many(&world, 3 * LOOKED_PER_PAGE, 5);
    let found = search(&world, &owner(), &ask("comm")).unwrap();
    assert_eq!(found.whole[0].word, "comm", "it says so: {found:?}");
    assert!(found.found.iter().all(|shown| json!(shown)["kind"] == "company"));
    let (seen, pages) = all_pages(&world, &owner(), "common", 100);
    assert_eq!(seen.len(), 3 * LOOKED_PER_PAGE + 5);
    assert!(pages <= 62, "{pages}");
    // A member of a few records begins with those.
    let own = member("m1", vec![role(Reach::Own, Vec::new(), FieldAccess::Full)]);
    let (seen, pages) = all_pages(&world, &own, "comm", 100);
    assert_eq!((seen.len(), pages), (6, 1), "also by the beginning of the word");
    // A rule in a scope is asked of each record, so a page may end before it is full.
    let tagged = Reach::Rule(serde_json::from_value(json!({ "tag": "none" })).unwrap());
    let ruled = member("m1", vec![role(tagged, Vec::new(), FieldAccess::Full)]);
    let (seen, pages) = all_pages(&world, &ruled, "common", 100);
    assert_eq!((seen.len(), pages), (0, 4));
}

// --- Plans ------------------------------------------------------------------------------------

/// A database that keeps the statements that it is asked.
struct Recorded<'a> {
    db: &'a Sqlite,
    asked: RefCell<Vec<Statement>>,
}

impl Database for Recorded<'_> {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError> {
        self.asked.borrow_mut().extend(statements.iter().cloned());
        self.db.batch(statements).await
    }
}

/// The tables that a statement reads from one end to the other, with its plan.
fn scans(world: &World, statement: &Statement) -> Vec<String> {
    let sql = format!("EXPLAIN QUERY PLAN {}", statement.sql);
    let explained = Statement { sql: sql.into(), params: statement.params.clone() };
    let rows: Vec<Value> =
        block_on(world.db.batch(vec![explained])).unwrap()[0].all().unwrap_or_default();
    let lines = rows.iter().map(|row| row["detail"].as_str().unwrap());
    let is_table = |line: &&str| {
        let name = line.strip_prefix("SCAN ").map(|rest| rest.split(' ').next().unwrap());
        // Lists in parameters, and what the statement itself has made.
        let own = ["looked", "found", "stop", "CONSTANT"];
        name.is_some_and(|name| !own.contains(&name) && !name.starts_with('('))
            && !line.contains("VIRTUAL TABLE")
    };
    let all: Vec<&str> = lines.collect();
    let found = all.iter().copied().filter(is_table);
    found.map(|line| format!("{line} in\n{}\n{}", statement.sql, all.join("\n"))).collect()
}

#[test]
fn search_reads_no_whole_table_wherever_it_begins() {
    let world = search_world();
    many(&world, 500, 50);
    block_on(world.db.batch(vec![Statement::new("ANALYZE", vec![])])).unwrap();
    let terms = Query::read("ann 小明 li").unwrap().terms;
    let rule = Reach::Rule(serde_json::from_value(json!({ "tag": "t" })).unwrap());
    let own = || role(Reach::Own, vec![], FieldAccess::Full);
    let accesses = [
        owner(),
        member("m1", vec![own()]),
        member("m1", vec![own(), role(rule, vec![], FieldAccess::Masked)]),
    ];
    for access in &accesses {
        for kind in world.catalog.kinds().all() {
            let (views, before) = (access.views(kind), RecordId::from("0199"));
            let before = Some(&before);
            let searched = Searched { kind: &kind.id, views: &views, terms: &terms, before };
            let starts = [Start::Term(0), Start::Whole(1), Start::Owners];
            let pages = starts.map(|start| page(&searched, start, 20, MONDAY));
            for statement in pages.into_iter().chain([counts(&searched)]) {
                assert_eq!(scans(&world, &statement), Vec::<String>::new());
            }
        }
    }
}

#[test]
fn lists_pages_edits_and_searches_read_no_whole_table() {
    let mut world = search_world();
    let [contact, _] = built_in_kinds();
    let city = json!({ "name": "city", "kind": "text", "indexed": true });
    let fields = vec![serde_json::from_value(city).unwrap()];
    publish(&mut world, &Kind { fields, ..searched(contact) });
    pass_an_hour(&mut world);
    many(&world, 500, 50);
    let id = join(&mut world, &[("email", ANN), ("first_name", "Ann")]);
    block_on(world.db.batch(vec![Statement::new("ANALYZE", vec![])])).unwrap();
    let db = Recorded { db: &world.db, asked: RefCell::default() };
    let (catalog, now) = (&world.catalog, world.now());
    let access = owner();
    let reader = Reader { db: &db, catalog, access: &access, now };
    for kind in ["contact", "company"].map(KindId::from) {
        for asked in [
            json!({ "all": [] }),
            json!({ "attribute": "city", "is": "Bonn" }),
            json!({ "attribute": "name", "is": "Ann" }),
            json!({ "score": { "gte": 1 } }),
        ] {
            let rule = match asked["all"].is_array() {
                true => Rule::All(Vec::new()),
                false => filter(&kind, &asked).unwrap(),
            };
            block_on(reader.list(&kind, &rule, None, 20)).unwrap();
        }
    }
    let kind = KindId::contact();
    block_on(reader.one(&kind, &id)).unwrap();
    let asked = ask("ann common");
    block_on(find(&db, catalog, &owner(), &asked, now)).unwrap();
    let editor = Editor { db: &db, catalog, access: &access, seal_key: None, now };
    let fields = json!({ "last_name": "Lee" }).as_object().cloned().unwrap();
    let asked = AskedEdit { fields, ..<_>::default() };
    block_on(editor.edit(&kind, &id, asked, &mut Ids::new(now, 3))).unwrap();
    let asked = db.asked.into_inner();
    assert!(asked.len() > 20, "{}", asked.len());
    for statement in &asked {
        assert_eq!(scans(&world, statement), Vec::<String>::new());
    }
}

#[test]
fn contacts_behind_newer_companies_are_listed_in_bounded_steps() {
    let world = search_world();
    many(&world, 30, 3 * LISTED_PER_PAGE);
    let (kind, all, access) = (KindId::contact(), Rule::All(Vec::new()), owner());
    let World { db, catalog, .. } = &world;
    let reader = Reader { db, catalog, access: &access, now: world.now() };
    let (mut before, mut pages, mut seen, mut most) = (None, 0, 0, 0);
    loop {
        let steps = world.db.steps();
        let page = block_on(reader.list(&kind, &all, before.as_ref(), 20)).unwrap();
        most = most.max(world.db.steps() - steps);
        (pages, seen) = (pages + 1, seen + page.records.len());
        before = page.next;
        if before.is_none() || pages > 9 {
            break;
        }
    }
    assert_eq!((pages, seen), (5, 30));
    assert!(most < 40 * LISTED_PER_PAGE as u64, "{most}");
}

// --- Whatever the text ------------------------------------------------------------------------

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, failure_persistence: None, ..<_>::default() })]

    #[test]
    fn company_is_found_by_each_of_its_words(
        name in "[a-zA-Zé0-9.'@ -]{0,10}[一-龥ａ-ｚ👩 ]{1,8}[a-z%_\"\\\\]{1,5}",
    ) {
        let world = search_world();
        let id = company(&world, json!({ "name": name }));
        let other = company(&world, json!({ "name": "zzz" }));
        let kind = world.catalog.kind(&KindId::from("company")).unwrap().clone();
        let mut record = PlainRecord::unknown(id.clone(), kind.id.clone(), MONDAY);
        record.attributes.insert("name".to_owned(), json!(name.trim()));
        let made = words(&kind, &record);
        prop_assume!(!made.is_empty());
        for (_, word) in made.all() {
            let found = ids(&world, &owner(), word);
            prop_assert!(found.contains(&id), "{word:?} of {name:?}: {found:?}");
            prop_assert!(!found.contains(&other) || word.starts_with('z'), "{word:?}");
        }
    }
}

#[test]
fn hostile_query_is_only_text() {
    let world = search_world();
    company(&world, json!({ "name": "Larkspan" }));
    for query in ["' OR 1=1 --", "%", "_ark", "\u{0}lark", "lark\"; DROP TABLE words", "(", "*"] {
        if let Ok(found) = search(&world, &owner(), &ask(query)) {
            assert!(found.found.len() <= 1, "{query}");
        }
    }
    assert_eq!(ids(&world, &owner(), "lark").len(), 1);
    let asked = Asked { before: Some(RecordId::from("'")), ..ask("lark") };
    assert_eq!(search(&world, &owner(), &asked).unwrap().found, []);
}

#[test]
fn owners_of_a_deputy_are_searched_together() {
    let mut world = search_world();
    let mine = join(&mut world, &[("email", ANN), ("first_name", "Ann")]);
    edit(&world, "contact", &mine, json!({ "owner": "m'2" }));
    let owners = Owners { own: [MemberId::from("m'2")].into(), ..Owners::default() };
    let roles = vec![role(Reach::Own, Vec::new(), FieldAccess::Full)];
    let access = Access::new(Actor::from("member:m1"), Some("m1".into()), roles, owners);
    assert_eq!(ids(&world, &access, "ann"), [mine]);
}
