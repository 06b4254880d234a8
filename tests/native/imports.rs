//! Imports: rows find their records, make and change them once whatever is killed, and are undone;
//! what cannot be used is refused by row and field.

use super::invariants::assert_sound;
use super::support::{number, rows, world};
use dripline::domain::base::primitives::{Actor, Ids, KindId, Span};
use dripline::domain::import::settings::{Counts, State, Verb};
use dripline::domain::kind::Kind;
use dripline::flows::error::FlowError;
use dripline::flows::import::manage::shown;
use dripline::flows::import::{Importer, refused, run};
use dripline::flows::ports::{Database, DatabaseError};
use dripline::flows::record::kinds;
use dripline::flows::tasks::Work;
use dripline::native::table_file::decode_gb18030;
use dripline::native::world::{World, block_on};
use dripline::store::imports::ImportRow;
use dripline::store::statement::{Rows, Statement};
use serde_json::{Value, json};
use std::cell::Cell;

const JOURNEY: &str = r#"
    [segment.vips]
    rule = { tag = "vip" }
    [journey.hello]
    enter = { segment = "vips" }
    [[journey.hello.step]]
    id = "wait"
    wait = "1d"
"#;

pub fn with<D: Database, T>(
    world: &World,
    db: &D,
    act: impl AsyncFnOnce(&Importer<'_, D>, &mut Ids) -> T,
) -> T {
    let World { catalog, settings, .. } = world;
    let keys = &settings.keys;
    let importer = Importer { db, catalog, keys, decoder: &decode_gb18030, now: world.now() };
    let seed = number(&world.db, "SELECT total_changes()") as u64 + 1;
    block_on(act(&importer, &mut Ids::new(world.now(), seed)))
}

/// Creates an import and uploads its file in parts of this size.
fn upload(world: &World, settings: Value, file: &[u8], part_bytes: usize) -> ImportRow {
    let settings = serde_json::from_value(settings).unwrap();
    with(world, &world.db, async |importer, ids| {
        let row = importer.create(settings, &Actor::from("token:t"), ids).await.unwrap();
        for (index, bytes) in file.chunks(part_bytes).enumerate() {
            let row = importer.one(&row.id).await.unwrap();
            importer.put(&row, index as u64 + 1, bytes).await.unwrap();
        }
        importer.one(&row.id).await.unwrap()
    })
}

fn one(world: &World, id: &str) -> ImportRow {
    with(world, &world.db, async |importer, _| importer.one(id).await.unwrap())
}

fn act(world: &World, id: &str, verb: Verb) -> Result<(), FlowError> {
    with(world, &world.db, async |importer, ids| {
        let row = importer.one(id).await?;
        let mut work = importer.act(&row, verb, None).await?;
        while let Some(Work::ImportV1 { import }) = work.pop() {
            work.extend(run::work(importer, &import, ids).await.unwrap());
        }
        Ok(())
    })
}

/// Imports a file and returns how it ended.
pub fn import(world: &World, settings: Value, file: &[u8]) -> ImportRow {
    let row = upload(world, settings, file, 700);
    act(world, &row.id, Verb::Start).unwrap();
    one(world, &row.id)
}

fn refused_rows(world: &World, id: &str, phase: &str) -> String {
    let row = one(world, id);
    let page = block_on(refused::page(&world.db, &row, phase, None)).unwrap();
    assert_eq!(page.next, None);
    page.text.trim_start_matches('\u{feff}').replace("\r\n", "\n")
}

fn counts(rows: u64, made: u64, changed: u64, unchanged: u64, refused: u64) -> Counts {
    Counts { rows, made, changed, unchanged, skipped: 0, refused }
}

fn contacts() -> Value {
    json!({ "kind": "contact", "file": "leads.csv" })
}

pub fn value(world: &World, sql: &str) -> Value {
    rows(&world.db, sql).into_iter().next().unwrap_or_default()
}

const LEADS: &str = "E-mail,Phone,First name,Company,tags\n\
    Ann@Example.com,+8613812345678,Ann,Larkspan,\"vip, new\"\n\
    bo@example.com,,Bo,,\n\
    ann@example.com,,Ann,Optics,\n\
    not an address,,Cy,,\n\
    ,,Nobody,,\n";

#[test]
fn rows_make_contacts_and_rows_of_one_file_that_match_follow_in_order() {
    let world = world(JOURNEY);
    let done = import(&world, contacts(), LEADS.as_bytes());
    assert_eq!((done.state, done.counts), (State::Done, counts(5, 2, 1, 0, 2)));
    let ann = value(&world, "SELECT phone, attributes, tags FROM contacts WHERE email LIKE 'ann%'");
    assert_eq!(
        ann,
        json!({ "phone": "+8613812345678", "tags": "[\"new\",\"vip\"]",
                "attributes": "{\"company\":\"Optics\",\"first_name\":\"Ann\"}" })
    );
    insta::assert_snapshot!(refused_rows(&world, &done.id, "import"), @r#"
    import_row,import_line,import_field,import_reason,E-mail,Phone,First name,Company,tags
    4,5,email,"Enter one address only, such as name@example.com.",not an address,,Cy,,
    5,6,,"a new contact needs an e-mail address, a phone number or an external id",,,Nobody,,
    "#);
    assert_eq!(number(&world.db, "SELECT count(*) FROM import_parts"), 0);
    assert_sound(&world.db, None);
    // The same file again changes nothing.
    let again = import(&world, contacts(), LEADS.as_bytes());
    assert_eq!(again.counts, counts(5, 0, 2, 1, 2));
}

#[test]
fn events_of_an_import_that_rests_start_no_journey_and_those_of_one_that_runs_do() {
    let world = world(JOURNEY);
    import(&world, contacts(), LEADS.as_bytes());
    let inside = "SELECT count(*) FROM enrollments";
    assert_eq!(number(&world.db, "SELECT count(*) FROM segment_members"), 1);
    assert_eq!(number(&world.db, inside), 0);
    let mut settings = contacts();
    settings["rules"] = json!("run");
    import(&world, settings, b"email,tags\ncy@example.com,vip\n");
    assert_eq!(number(&world.db, inside), 1);
    assert_sound(&world.db, None);
}

#[test]
fn check_decides_and_writes_nothing() {
    let world = world(JOURNEY);
    let row = upload(&world, contacts(), LEADS.as_bytes(), 50);
    act(&world, &row.id, Verb::Check).unwrap();
    let checked = one(&world, &row.id);
    assert_eq!((checked.state, checked.counts), (State::Checked, counts(5, 2, 1, 0, 2)));
    assert_eq!(number(&world.db, "SELECT count(*) FROM contacts"), 0);
    assert!(refused_rows(&world, &row.id, "check").lines().count() == 3);
    let some = shown(&checked);
    assert_eq!(some["mapping"]["columns"]["E-mail"], "email");
    assert_eq!(some["match"], json!(["email", "phone"]));
    // Then it is done, and the refused rows of the check are gone.
    act(&world, &row.id, Verb::Start).unwrap();
    assert_eq!(one(&world, &row.id).counts, counts(5, 2, 1, 0, 2));
    assert_eq!(refused_rows(&world, &row.id, "check").lines().count(), 1);
}

/// A database that fails after some batches, before or after the last of them is written.
struct Dying<'a> {
    db: &'a dripline::native::sqlite::Sqlite,
    left: Cell<usize>,
    writes_last: bool,
}

impl Database for Dying<'_> {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError> {
        let dead = || DatabaseError::Overloaded("dead".to_owned());
        match self.left.get() {
            0 => Err(dead()),
            1 => {
                self.left.set(0);
                if self.writes_last {
                    self.db.batch(statements).await?;
                }
                Err(dead())
            }
            left => {
                self.left.set(left - 1);
                self.db.batch(statements).await
            }
        }
    }
}

fn many(rows: usize) -> String {
    let row = |n: usize| match n % 10 {
        7 => format!("wrong{n},{n}\n"),
        3 => format!("p{}@example.com,{n}\n", n - 1),
        _ => format!("p{n}@example.com,{n}\n"),
    };
    std::iter::once("email,company\n".to_owned()).chain((0..rows).map(row)).collect()
}

#[test]
fn import_that_is_killed_between_any_two_steps_does_each_row_once() {
    let file = many(450);
    let whole = |world: &World| {
        (
            number(&world.db, "SELECT count(*) FROM contacts"),
            number(&world.db, "SELECT count(*) FROM events"),
            number(&world.db, "SELECT count(*) FROM import_refused"),
        )
    };
    let calm = world(JOURNEY);
    let expected = import(&calm, contacts(), file.as_bytes());
    assert_eq!(expected.counts.rows, 450);
    for (deaths, writes_last) in (1..14).flat_map(|n| [(n, false), (n, true)]) {
        let world = world(JOURNEY);
        let row = upload(&world, contacts(), file.as_bytes(), 1_000);
        let (db, mut tries) = (&world.db, 0);
        with(&world, db, async |importer, _| importer.act(&row, Verb::Start, None).await.unwrap());
        while one(&world, &row.id).state == State::Running {
            // Each worker lives a little longer.
            let dying = Dying { db, left: Cell::new(deaths + tries), writes_last };
            tries += 1;
            let _ =
                with(&world, &dying, async |importer, ids| run::work(importer, &row.id, ids).await);
        }
        let done = one(&world, &row.id);
        assert_eq!((done.state, done.counts), (State::Done, expected.counts), "{deaths}");
        assert_eq!(whole(&world), whole(&calm), "{deaths} {writes_last}");
        assert_sound(&world.db, None);
    }
}

#[test]
fn two_workers_at_once_count_each_row_once() {
    let world = world(JOURNEY);
    let file = many(2_500);
    let row = upload(&world, contacts(), file.as_bytes(), 10_000);
    with(&world, &world.db, async |importer, ids| {
        let mut work = importer.act(&row, Verb::Start, None).await.unwrap();
        work.extend(work.clone());
        while let Some(Work::ImportV1 { import }) = work.pop() {
            work.extend(run::work(importer, &import, ids).await.unwrap());
        }
    });
    let done = one(&world, &row.id);
    assert_eq!(done.counts.rows, 2_500);
    assert_eq!(done.counts.made, number(&world.db, "SELECT count(*) FROM contacts") as u64);
    assert_eq!(done.counts.refused, 250);
}

#[test]
fn lost_hint_is_found_by_a_tick_and_refused_rows_go_after_a_month() {
    let mut world = world(JOURNEY);
    let row = upload(&world, contacts(), LEADS.as_bytes(), 700);
    with(&world, &world.db, async |importer, _| {
        importer.act(&row, Verb::Start, None).await.unwrap()
    });
    world.tick().unwrap();
    assert_eq!(one(&world, &row.id).state, State::Running, "the claim holds");
    world.jump(world.now().plus(Span::minutes(6)));
    world.tick().unwrap();
    assert_eq!(one(&world, &row.id).state, State::Done);
    assert_eq!(number(&world.db, "SELECT count(*) FROM import_refused"), 2);
    world.jump(world.now().plus(Span::days(31)));
    world.tick().unwrap();
    assert_eq!(number(&world.db, "SELECT count(*) FROM import_refused"), 0);
    assert_eq!(number(&world.db, "SELECT count(*) FROM import_addresses"), 0);
}

#[test]
fn same_key_is_the_same_import_and_parts_may_be_sent_twice() {
    let world = world(JOURNEY);
    let mut settings = contacts();
    settings["key"] = json!("monday");
    let first = upload(&world, settings.clone(), LEADS.as_bytes(), 60);
    let again = upload(&world, settings.clone(), LEADS.as_bytes(), 60);
    assert_eq!((&first.id, first.bytes), (&again.id, LEADS.len() as u64));
    act(&world, &first.id, Verb::Start).unwrap();
    act(&world, &first.id, Verb::Start).unwrap_err();
    settings["rules"] = json!("run");
    let other = with(&world, &world.db, async |importer, ids| {
        let settings = serde_json::from_value(settings).unwrap();
        importer.create(settings, &Actor::from("token:t"), ids).await
    });
    assert!(matches!(other, Err(FlowError::Conflict(_))));
    assert_eq!(number(&world.db, "SELECT count(*) FROM contacts"), 2);
}

#[test]
fn stopped_import_goes_on_where_it_was() {
    let world = world(JOURNEY);
    let row = upload(&world, contacts(), many(3_000).as_bytes(), 20_000);
    with(&world, &world.db, async |importer, ids| {
        importer.act(&row, Verb::Start, None).await.unwrap();
        run::work(importer, &row.id, ids).await.unwrap();
        let under_way = importer.one(&row.id).await.unwrap();
        importer.act(&under_way, Verb::Stop, None).await.unwrap();
        assert_eq!(run::work(importer, &row.id, ids).await.unwrap(), []);
    });
    let stopped = one(&world, &row.id);
    assert_eq!((stopped.state, stopped.counts.rows), (State::Stopped, 2_000));
    act(&world, &row.id, Verb::Start).unwrap();
    let done = one(&world, &row.id);
    assert_eq!((done.state, done.counts.rows, done.counts.refused), (State::Done, 3_000, 300));
}

#[test]
fn options_say_what_a_match_and_a_new_row_do() {
    let world = world(JOURNEY);
    import(&world, contacts(), b"email,company,city\nann@example.com,Larkspan,\n");
    let with = |extra: Value| {
        let mut settings = contacts();
        settings.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let file = b"email,company,city\nann@example.com,Optics,Bonn\nbo@example.com,,Bonn\n";
        import(&world, settings, file).counts
    };
    let skipped = |made, changed, skipped| Counts { skipped, ..counts(2, made, changed, 0, 0) };
    assert_eq!(with(json!({ "on_match": "skip", "on_new": "skip" })), skipped(0, 0, 2));
    assert_eq!(with(json!({ "on_match": "only_empty", "on_new": "skip" })), skipped(0, 1, 1));
    let ann = "SELECT attributes AS a FROM contacts WHERE email = 'ann@example.com'";
    assert_eq!(value(&world, ann)["a"], "{\"city\":\"Bonn\",\"company\":\"Larkspan\"}");
    assert_eq!(with(json!({})), counts(2, 1, 1, 0, 0));
    assert_eq!(value(&world, ann)["a"], "{\"city\":\"Bonn\",\"company\":\"Optics\"}");
}

fn deal() -> Kind {
    serde_json::from_value(json!({
        "id": "deal", "label": { "en": "Deal" }, "title": "name",
        "fields": [
            { "name": "name", "kind": "text", "required": true },
            { "name": "code", "kind": "text", "unique": true },
            { "name": "sku", "kind": "text", "unique": true },
            { "name": "number", "kind": { "auto_number": { "pattern": "D-{n:3}" } } },
            { "name": "amount", "kind": { "money": { "currency": "EUR" } } },
            { "name": "notes", "kind": "textarea" },
            { "name": "color", "kind": { "multi_select": (0..1_000).map(|n| {
                json!({ "value": format!("c{n}") }) }).collect::<Vec<_>>() } },
        ],
    }))
    .unwrap()
}

fn deals() -> World {
    let mut world = world(JOURNEY);
    block_on(kinds::publish(&world.db, &deal(), world.now())).unwrap();
    let all = block_on(kinds::all_kinds(&world.db)).unwrap();
    world.catalog = std::mem::take(&mut world.catalog).with_kinds(all);
    world
}

#[test]
fn rows_are_matched_by_unique_fields_and_an_ambiguous_match_is_refused() {
    let world = deals();
    let settings = json!({ "kind": "deal" });
    let file = "name,code,sku,amount\nOne,A,1,\"1,250.50\"\nTwo,B,2,7\n";
    assert_eq!(import(&world, settings.clone(), file.as_bytes()).counts, counts(2, 2, 0, 0, 0));
    // By `code` alone, another `sku` is a change; one that another deal has is refused.
    let by_code = json!({ "kind": "deal", "match": ["code"] });
    let file = "code,sku,amount\nA,3,8\nB,3,8\nC,2,8\n";
    let done = import(&world, by_code, file.as_bytes());
    assert_eq!(done.counts, counts(3, 0, 1, 0, 2));
    insta::assert_snapshot!(refused_rows(&world, &done.id, "import"), @r#"
    import_row,import_line,import_field,import_reason,code,sku,amount
    2,3,sku,"Another record has this value, and only one may have it.",B,3,8
    3,4,sku,"Another record has this value, and only one may have it.",C,2,8
    "#);
    let done = import(&world, settings, b"code,sku\nA,2\nD,4\n");
    assert_eq!(done.counts, counts(2, 0, 0, 0, 2));
    insta::assert_snapshot!(refused_rows(&world, &done.id, "import"), @r#"
    import_row,import_line,import_field,import_reason,code,sku
    1,2,,"it matches different records by code, sku",A,2
    2,3,name,Fill this in.,D,4
    "#);
    assert_eq!(number(&world.db, "SELECT count(*) FROM contacts"), 2);
    assert_sound(&world.db, None);
}

#[test]
fn half_broken_file_and_huge_values_cost_their_rows_only() {
    let world = deals();
    let options: Vec<String> = (0..10_000).map(|n| format!("c{}", n % 1_000)).collect();
    let file = format!(
        "name,notes,color\nGood,short,c1; c2\n\"never closed,x\nTwo cells\nHuge,{},\nMany,,{}\n\
         Formula,\"'=1+1\",c3\n\u{0},,\nLast,last,\n",
        "x".repeat(900_000),
        options.join(";"),
    );
    let done = import(&world, json!({ "kind": "deal" }), file.as_bytes());
    assert_eq!(done.state, State::Done);
    let refused = refused_rows(&world, &done.id, "import");
    let short: Vec<String> = refused.lines().map(|line| line.chars().take(110).collect()).collect();
    insta::assert_snapshot!(short.join("\n"), @r#"
    import_row,import_line,import_field,import_reason,name,notes,color
    2,3,name,"a quote is opened and not closed; close it, or read the file without quotes",,,
    3,4,,"the row has 1 cells, and 3 were expected",,,
    4,5,notes,Shorten this to 5000 characters.,,,
    5,6,color,Give at most 1000.,,,
    7,8,name,"there is a NUL character; remove it",,,
    "#);
    let names = "SELECT group_concat(title) AS n FROM (SELECT title FROM contacts ORDER BY title)";
    assert_eq!(value(&world, names)["n"], "Formula,Good,Last");
}

#[test]
fn two_imports_that_want_one_unique_value_make_one_record() {
    let world = deals();
    let file = |amount: u32| format!("name,code,amount\nOne,A,{amount}\n");
    let first = upload(&world, json!({ "kind": "deal" }), file(1).as_bytes(), 100);
    let second = upload(&world, json!({ "kind": "deal" }), file(2).as_bytes(), 100);
    // The second import is done between the first one's reading and writing.
    struct Racing<'a>(&'a World, &'a str, Cell<bool>);
    impl Database for Racing<'_> {
        async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError> {
            let is_write = statements.iter().any(|one| one.sql.contains("INTO events"));
            if is_write && !self.2.replace(true) {
                act(self.0, self.1, Verb::Start).unwrap();
            }
            self.0.db.batch(statements).await
        }
    }
    with(&world, &world.db, async |importer, _| {
        importer.act(&first, Verb::Start, None).await.unwrap()
    });
    let racing = Racing(&world, &second.id, Cell::new(false));
    with(&world, &racing, async |importer, ids| run::work(importer, &first.id, ids).await.unwrap());
    assert_eq!(one(&world, &second.id).counts, counts(1, 1, 0, 0, 0));
    assert_eq!(one(&world, &first.id).counts, counts(1, 0, 1, 0, 0));
    assert_eq!(number(&world.db, "SELECT count(*) FROM contacts"), 1);
    assert_sound(&world.db, None);
}

#[test]
fn consent_needs_evidence_and_never_outweighs_a_refusal() {
    let world = world(JOURNEY);
    let mut settings = contacts();
    settings["mapping"] = json!({ "constants": {
        "consent.purpose": "news", "consent.channel": "email sms", "consent.source": "old shop",
        "consent.text": "Send me news.", "consent.date": "2025-04-01" } });
    let file = b"email,phone\nann@example.com,\nbo@example.com,+8613812345678\n";
    let done = import(&world, settings.clone(), file);
    assert_eq!(done.counts, counts(2, 2, 0, 0, 0));
    let ledger = "SELECT count(*) FROM consents WHERE source = 'old shop' AND text = 'Send me \
                  news.' AND at = 1743465600000 AND text_hash <> ''";
    assert_eq!(number(&world.db, ledger), 3, "only for addresses that there are");
    let again = import(&world, settings.clone(), file);
    assert_eq!(again.counts, counts(2, 0, 0, 2, 0));
    // Ann refuses elsewhere, later. The old evidence does not count any more.
    let refusal = b"email,consent.purpose,consent.channel,consent.source,consent.state,\
        consent.date\nann@example.com,news,email,letter,withdrawn,2025-06-01\n";
    assert_eq!(import(&world, contacts(), refusal).counts, counts(1, 0, 1, 0, 0));
    import(&world, settings, file);
    let state = "SELECT consents ->> '$[0].state' || (consents ->> '$[0].double_opt_in') AS s
                   FROM contacts WHERE email LIKE 'ann%'";
    assert_eq!(value(&world, state)["s"], "granted1", "it waits for the owner");
    assert_sound(&world.db, None);
    let bare = b"email,consent.purpose\ncy@example.com,news\n";
    let done = import(&world, contacts(), bare);
    assert_eq!(done.counts.refused, 1);
    assert_eq!(refused_rows(&world, &done.id, "import").lines().count(), 5, "four are missing");
}

#[test]
fn erased_person_stays_out_and_is_not_named() {
    let mut world = world(JOURNEY);
    import(&world, contacts(), LEADS.as_bytes());
    world.erase("ann@example.com").unwrap();
    let clear = "SELECT count(*) FROM import_refused WHERE cells LIKE '%example.com%'";
    assert_eq!(number(&world.db, clear), 0);
    let done = import(&world, contacts(), LEADS.as_bytes());
    assert_eq!(done.counts, counts(5, 0, 0, 1, 4));
    let refused = refused_rows(&world, &done.id, "import");
    assert!(!refused.to_lowercase().contains("ann@"), "{refused}");
    assert!(refused.contains("erased"), "{refused}");
    // A refused row of a person who is erased later loses its cells.
    let done = import(&world, contacts(), b"email,time_zone\nzoe@example.com,Nowhere\n");
    assert!(refused_rows(&world, &done.id, "import").contains("zoe@"));
    world.erase("zoe@example.com").unwrap();
    assert!(!refused_rows(&world, &done.id, "import").contains("zoe@"));
}

#[test]
fn undo_removes_what_was_made_and_gives_back_what_nobody_changed_since() {
    let world = world(JOURNEY);
    let old = "email,company,city,tags\nann@example.com,Larkspan,Bonn,old\n";
    import(&world, contacts(), old.as_bytes());
    let new = "email,phone,company,city,tags\nann@example.com,+8613812345678,Optics,Berlin,vip\n\
               bo@example.com,,Sensors,,\ncy@example.com,,Prisms,,\n";
    let done = import(&world, contacts(), new.as_bytes());
    assert_eq!(done.counts, counts(3, 2, 1, 0, 0));
    // Others change Ann's city, and Cy.
    let later = "email,city\nann@example.com,Ulm\ncy@example.com,Ulm\n";
    import(&world, contacts(), later.as_bytes());
    act(&world, &done.id, Verb::Undo).unwrap();
    let undone = one(&world, &done.id);
    assert_eq!(undone.state, State::Undone);
    let ann = "SELECT phone, attributes, tags FROM contacts WHERE email = 'ann@example.com'";
    assert_eq!(
        value(&world, ann),
        json!({ "phone": null, "tags": "[\"old\"]",
                "attributes": "{\"city\":\"Ulm\",\"company\":\"Larkspan\"}" })
    );
    let left = "SELECT group_concat(email) AS n FROM (SELECT email FROM contacts
                 WHERE erased_at IS NULL ORDER BY email)";
    assert_eq!(value(&world, left)["n"], "ann@example.com,cy@example.com");
    insta::assert_snapshot!(refused_rows(&world, &done.id, "undo"), @r#"
    import_row,import_line,import_field,import_reason,email,phone,company,city,tags
    1,0,city,"it was changed since, and stays",,,,,
    3,0,,the record stays: it has had `record.edited` since,,,,,
    "#);
    assert_sound(&world.db, None);
    // What was removed may come again: nobody asked to be erased.
    assert_eq!(import(&world, contacts(), new.as_bytes()).counts, counts(3, 1, 1, 1, 0));
}

#[test]
fn undo_that_is_killed_goes_on() {
    let world = world(JOURNEY);
    let done = import(&world, contacts(), many(350).as_bytes());
    with(&world, &world.db, async |importer, _| {
        importer.act(&done, Verb::Undo, None).await.unwrap()
    });
    let mut tries = 0;
    while one(&world, &done.id).state == State::Undoing {
        let dying = Dying { db: &world.db, left: Cell::new(3 + tries % 5), writes_last: true };
        tries += 1;
        let _ =
            with(&world, &dying, async |importer, ids| run::work(importer, &done.id, ids).await);
        assert!(tries < 100);
    }
    assert_eq!(number(&world.db, "SELECT count(*) FROM contacts WHERE erased_at IS NULL"), 0);
    assert_eq!(one(&world, &done.id).undo.kept, 0);
    assert_sound(&world.db, None);
}

#[test]
fn files_of_every_dialect_are_read() {
    let text = "姓名;邮箱;城市\r\n张三;zhang@example.com;上海\r\n";
    let wide = |text: &str| {
        let units = text.encode_utf16().flat_map(u16::to_le_bytes);
        [0xFF, 0xFE].into_iter().chain(units).collect::<Vec<u8>>()
    };
    let files: Vec<Vec<u8>> = vec![
        text.as_bytes().to_vec(),
        format!("\u{feff}{text}").into_bytes(),
        wide(text),
        encoding_rs::GB18030.encode(text).0.into_owned(),
        text.replace("\r\n", "\r").into_bytes(),
        format!("sep=;\r\n{text}").into_bytes(),
        text.replace(';', "\t").into_bytes(),
        "{\"姓名\":\"张三\",\"邮箱\":\"zhang@example.com\",\"城市\":\"上海\"}\n".into(),
    ];
    for file in files {
        for part in [1, 7, 1_000] {
            let world = world(JOURNEY);
            let row = upload(&world, contacts(), &file, part);
            act(&world, &row.id, Verb::Start).unwrap();
            assert_eq!(one(&world, &row.id).counts, counts(1, 1, 0, 0, 0));
            let found = value(&world, "SELECT attributes AS a FROM contacts");
            assert_eq!(found["a"], "{\"city\":\"上海\",\"name\":\"张三\"}");
        }
    }
}

#[test]
fn file_that_is_no_table_and_columns_that_fit_nothing_are_refused_at_once() {
    let world = world(JOURNEY);
    for (file, settings, message) in [
        (&b"PK\x03\x04xl/worksheets"[..], contacts(), "workbook"),
        (b"colour,size\nred,3\n", contacts(), "no column"),
        (
            b"email\na@example.com\n",
            json!({ "kind": "contact",
            "mapping": { "columns": { "mail": "email" } } }),
            "no column `mail`",
        ),
        (b"email\na@example.com\n", json!({ "kind": "contact", "match": ["phone"] }), "`phone`"),
    ] {
        let row = upload(&world, settings, file, 700);
        let refusal = act(&world, &row.id, Verb::Start).unwrap_err();
        let FlowError::Rejected(refusal) = refusal else { panic!("{refusal:?}") };
        assert!(refusal.to_string().contains(message), "{message}: {refusal}");
        assert_eq!(one(&world, &row.id).state, State::Open);
    }
    let kind = KindId::from("contact");
    assert!(world.catalog.kind(&kind).is_some());
}
