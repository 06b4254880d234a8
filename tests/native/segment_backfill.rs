//! Backfilling a segment when it is published: in steps, in two passes, and while slow workers are
//! running.

use super::invariants::assert_sound;
use super::support::{FORM, MONDAY, campaign, number, rows, world};
use dripline::domain::base::primitives::{Ids, Millis, RecordId, Span};
use dripline::domain::campaign::Segment;
use dripline::domain::segment::{Operator, Rule};
use dripline::flows::campaign::backfill::{FILL_DELAY, WORKER_LIFE};
use dripline::flows::campaign::publish;
use dripline::flows::ports::Database;
use dripline::flows::schedule::due;
use dripline::flows::schedule::housekeeping::prepare_work;
use dripline::native::sqlite::Sqlite;
use dripline::native::world::block_on;
use dripline::store::segments::{self, FILL_CONTACTS_PER_STEP, FillRow, StepRow};
use dripline::store::statement::{INTEGER_MAX, Statement, Value};
use serde_json::json;
use std::ops::Range;

const NOW: Millis = MONDAY;
const HOUR: i64 = 3_600_000;

/// All times at which a contact may have been written.
pub const EVER: Range<Millis> = Millis(0)..Millis(INTEGER_MAX);

/// A first pass that has reached this contact.
pub fn a_filling(after_id: &str) -> FillRow {
    let after_id = after_id.to_owned();
    FillRow { segment_id: "c.vips".into(), wave: 1, not_before: NOW, after_id, attempts: 0 }
}

/// Inserts this many contacts as if they had existed for long: every 20th is a VIP, and every 40th
/// was seen an hour ago.
fn populate(db: &Sqlite, count: usize) {
    let contacts = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
         INSERT INTO contacts (id, seq, email, attributes, tags, score, consents, touches,
                               created_at, updated_at)
         SELECT printf('c%06d', i), 1, 'p' || i || '@x.example',
                json_object('vip', json(iif(i % 20 = 0, 'true', 'false'))), '[]', i % 7, '[]', '[]',
                0, 0 FROM n"
    );
    rows(db, &contacts);
    let events = format!(
        "INSERT INTO events (contact_id, seq, at, name, properties)
         SELECT id, 1, {}, iif(CAST(substr(id, 2) AS INTEGER) % 40 = 0, 'seen', 'imported'), '{{}}'
           FROM contacts",
        NOW.0 - HOUR
    );
    rows(db, &events);
}

const VIPS: &str = r#"
    [segment.vips]
    rule = { attribute = "vip", is = true }
    [journey.greet]
    enter = { segment = "vips" }
    purpose = "news"
    [[journey.greet.step]]
    id = "mark"
    update = { add_tags = ["greeted"] }
    [[journey.greet.step]]
    id = "rest"
    wait = "5d"
"#;

const MEMBERS: &str = "SELECT count(*) FROM segment_members";

#[test]
fn new_segment_is_backfilled_and_starts_its_journey() {
    const { assert!(FILL_CONTACTS_PER_STEP < 6_000, "it takes more than one step") };
    let mut world = world(FORM);
    populate(&world.db, 6_000);
    world.publish(campaign(&format!("{FORM}{VIPS}"))).unwrap();
    world.tick().unwrap();
    assert_eq!(number(&world.db, MEMBERS), 0, "not before every isolate knows of it");
    world.after(FILL_DELAY).unwrap();
    assert_eq!(number(&world.db, MEMBERS), 300);
    assert_eq!(number(&world.db, "SELECT count(*) FROM segment_fills WHERE wave = 1"), 0);
    let greeted = "SELECT count(*) FROM contacts WHERE tags = '[\"greeted\"]'";
    assert_eq!(number(&world.db, greeted), 300);
    let standing = "SELECT count(*) FROM enrollments WHERE state = 'active' AND step = 'rest'";
    assert_eq!(number(&world.db, standing), 300);
    let untouched = "SELECT count(*) FROM contacts WHERE seq = 1";
    assert_eq!(number(&world.db, untouched), 5_700, "nobody else was decided on");
    assert_sound(&world.db, None);
}

#[test]
fn contact_matching_by_time_alone_is_woken() {
    let mut world = world(FORM);
    populate(&world.db, 200);
    let quiet = r#"
        [segment.quiet]
        rule = { all = [{ attribute = "vip", is = true }, { not = { event = "seen", within = "2d" } }] }
    "#;
    world.publish(campaign(&format!("{FORM}{quiet}"))).unwrap();
    world.after(FILL_DELAY).unwrap();
    assert_eq!(number(&world.db, MEMBERS), 5, "the VIPs who were not seen");
    world.after(Span(2 * 24 * HOUR - HOUR - FILL_DELAY.0 - 1)).unwrap();
    assert_eq!(number(&world.db, MEMBERS), 5, "a moment before");
    world.after(Span::minutes(1)).unwrap();
    assert_eq!(number(&world.db, MEMBERS), 10);
    assert_sound(&world.db, None);
}

#[test]
fn changed_rule_updates_membership() {
    let mut world = world(&format!("{FORM}{VIPS}"));
    populate(&world.db, 200);
    let version = |rule: &str| campaign(&format!("{FORM}[segment.vips]\nrule = {rule}"));
    world.publish(version("{ score = { gte = 6 } }")).unwrap();
    world.after(FILL_DELAY).unwrap();
    let members = number(&world.db, MEMBERS);
    assert_eq!(members, number(&world.db, "SELECT count(*) FROM contacts WHERE score >= 6"));
    world.publish(version("{ attribute = \"vip\", is = true }")).unwrap();
    world.after(FILL_DELAY).unwrap();
    assert_eq!(number(&world.db, MEMBERS), 10);
    let strangers = "SELECT count(*) FROM segment_members m JOIN contacts c ON c.id = m.contact_id
                      WHERE NOT c.attributes ->> 'vip'";
    assert_eq!(number(&world.db, strangers), 0);
    assert_sound(&world.db, None);
}

#[test]
fn tick_limits_backfill_reads_and_wake_ups() {
    for (rule, looked_at) in [("true", "c050000"), ("[true, false]", "c005000")] {
        let mut world = world(FORM);
        populate(&world.db, 52_000);
        let segment = format!("[segment.s]\nrule = {{ attribute = 'vip', in = {rule} }}\n");
        let segment = segment.replace("in = true", "is = true");
        world.publish(campaign(&format!("{FORM}{segment}"))).unwrap();
        let failures = block_on(prepare_work(&world.db, None, world.now().plus(FILL_DELAY)));
        assert!(failures.is_empty(), "{failures:?}");
        let first_wave = "SELECT after_id FROM segment_fills WHERE wave = 1";
        assert_eq!(rows(&world.db, first_wave), [json!({ "after_id": looked_at })], "{rule}");
    }
}

#[test]
fn slow_worker_unaware_of_segment_keeps_nobody_out() {
    let mut world = world(FORM);
    populate(&world.db, 40);
    let (began, former) = (world.now(), block_on(publish::live(&world.db)).unwrap());
    world.publish(campaign(&format!("{FORM}{VIPS}"))).unwrap();
    block_on(prepare_work(&world.db, None, began.plus(FILL_DELAY)));
    let woken = rows(&world.db, "SELECT id FROM contacts WHERE wake_at IS NOT NULL");
    assert_eq!(woken.len(), 2, "the VIPs");
    let woken = woken.iter().filter_map(|row| row["id"].as_str().map(RecordId::from)).collect();
    block_on(due::run(&world.db, &former, woken, began, &mut Ids::new(began, 99))).unwrap();
    world.after(WORKER_LIFE).unwrap();
    assert_eq!(number(&world.db, MEMBERS), 0, "it has put them to sleep");
    world.after(FILL_DELAY).unwrap();
    assert_eq!(number(&world.db, MEMBERS), 2);
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn second_pass_skips_contacts_already_decided() {
    let mut world = world(FORM);
    populate(&world.db, 40);
    world.publish(campaign(&format!("{FORM}{VIPS}"))).unwrap();
    world.after(FILL_DELAY).unwrap();
    assert_eq!(rows(&world.db, "DELETE FROM segment_members RETURNING contact_id").len(), 2);
    world.after(WORKER_LIFE).unwrap();
    assert_eq!(number(&world.db, "SELECT count(*) FROM segment_fills"), 0, "it has been there");
    assert_eq!(number(&world.db, MEMBERS), 0, "it would have put them back");
}

#[test]
pub fn late_tick_does_not_end_a_restarted_backfill() {
    let world = world(&format!("{FORM}{VIPS}"));
    populate(&world.db, 10);
    let fills = || rows(&world.db, "SELECT wave, after_id FROM segment_fills");
    let late = a_filling("c000010");
    assert_eq!(fills().len(), 2, "published a moment ago");
    let rule = Rule::Attribute { attribute: "vip".to_owned(), test: Operator::Set(true) };
    let step =
        block_on(world.db.batch(
            segments::fill_step(&late, &Segment::of_contacts(rule), &EVER, NOW, 1).to_vec(),
        ));
    assert!(step.unwrap()[2].first::<StepRow>().unwrap().is_none(), "there is no next step of it");
    block_on(world.db.batch(vec![segments::end_fill(&late)])).unwrap();
    assert_eq!(fills(), [1, 2].map(|wave| json!({ "wave": wave, "after_id": "" })));
}

#[test]
fn segments_about_segments_settle_in_one_decision() {
    // The names are in reverse order on purpose: a segment comes before the one it asks about.
    let chain = r#"
        [segment.a]
        rule = { not = { segment = "b" } }
        [segment.b]
        rule = { all = [{ segment = "c" }, { journey = "greet", state = "active", step = "rest" }] }
        [segment.c]
        rule = { attribute = "vip", is = true }
        [segment.once]
        rule = { not = { segment = "other" } }
        [segment.other]
        rule = { segment = "c" }
        [journey.greet]
        enter = { segment = "c" }
        [[journey.greet.step]]
        id = "rest"
        wait = "1d"
    "#;
    let mut world = world(FORM);
    populate(&world.db, 40);
    world.publish(campaign(&format!("{FORM}{chain}"))).unwrap();
    world.after(FILL_DELAY).unwrap();
    let members = |segment: &str| {
        number(
            &world.db,
            &format!("SELECT count(*) FROM segment_members WHERE segment_id = 'c.{segment}'"),
        )
    };
    assert_eq!([members("a"), members("b"), members("c")], [38, 2, 2]);
    assert_eq!([members("once"), members("other")], [38, 2]);
    let hasty = "SELECT count(*) FROM events WHERE name = 'segment.left'
                    AND properties ->> 'segment' = 'c.once'";
    assert_eq!(number(&world.db, hasty), 0, "nobody enters before the other is judged");
    assert_sound(&world.db, None);
}

#[test]
pub fn backfill_does_not_wake_contacts_that_cannot_match() {
    let mut world = world(FORM);
    populate(&world.db, 200);
    let soon = r#"
        [segment.soon]
        rule = { all = [{ attribute = "vip", is = true }, { event = "seen", within = "2d" }] }
    "#;
    world.publish(campaign(&format!("{FORM}{soon}"))).unwrap();
    world.after(FILL_DELAY).unwrap();
    assert_eq!(number(&world.db, MEMBERS), 5);
    let asleep = "SELECT count(*) FROM contacts WHERE wake_at IS NULL";
    assert_eq!(number(&world.db, asleep), 195, "no time makes the others match");
    world.after(Span(2 * 24 * HOUR)).unwrap();
    assert_eq!(number(&world.db, MEMBERS), 0);
    assert_sound(&world.db, None);
}

#[test]
fn integer_beyond_d1_range_is_refused() {
    let db = Sqlite::in_memory().unwrap();
    let bind = |n| Statement::new("SELECT ?1 AS n", vec![Value::Int(n)]);
    assert!(block_on(db.batch(vec![bind(INTEGER_MAX)])).is_ok());
    assert!(block_on(db.batch(vec![bind(INTEGER_MAX + 1)])).is_err());
}
