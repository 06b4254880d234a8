//! One failing part never stops the rest: a key-value store or queue that refuses writes, a version
//! that cannot be read, tasks of newer code, a clock that was fast.

use super::broadcasts::Dies;
use super::invariants::assert_sound;
use super::support::{FORM, agrees, campaign, join, number, order, report, rows, world};
use dripline::domain::base::primitives::{CampaignId, Millis, Span};
use dripline::domain::base::token::Purpose;
use dripline::domain::campaign::Compiled;
use dripline::domain::campaign::journey::RunState;
use dripline::flows::campaign::backfill::UNAWARE_MAX;
use dripline::flows::ingest::consume;
use dripline::flows::operations::health::{self, Health, Parts};
use dripline::flows::ports::Database;
use dripline::flows::schedule::outages;
use dripline::flows::schedule::tick::{self, Minute};
use dripline::flows::tasks::Intake;
use dripline::native::world::{World, block_on};
use serde_json::json;
use std::cell::RefCell;

const JOURNEY: &str = r#"
    [journey.j]
    enter = { form = "f" }
    [[journey.j.step]]
    id = "hello"
    send = "emails/hello"
    [[journey.j.step]]
    id = "pause"
    wait = "1d"
    [[journey.j.step]]
    id = "nudge"
    send = "emails/nudge"
    [[journey.j.step]]
    id = "for"
    wait_for = { event = "quiz.done" }
    timeout = "30d"
    then = "well"
    on_timeout = "end"
    [[journey.j.step]]
    id = "well"
    send = "emails/well"

    [journey.buyers]
    enter = { event = "order.completed" }
    [[journey.buyers.step]]
    id = "thanks"
    send = "emails/thanks"
"#;

/// Five contacts, each at a step that is due in a day.
fn five(world: &mut World) {
    for n in 0..5 {
        let email = format!("p{n}@example.com");
        join(world, &email);
    }
}

fn with_five() -> World {
    let mut world = world(&format!("{FORM}{JOURNEY}"));
    five(&mut world);
    world.tick().unwrap();
    world
}

/// A second campaign with its own page and form.
fn other() -> Compiled {
    let mut other = campaign(&format!("{FORM}{JOURNEY}"));
    other.campaign.id = CampaignId::from("d");
    let pages = other.campaign.pages.values_mut();
    pages.for_each(|page| page.path = page.path.replace("/p", "/q"));
    other
}

fn left(world: &World, step: &str) -> i64 {
    let sql =
        format!("SELECT count(*) FROM messages WHERE step = '{step}' AND state = 'delivered'");
    number(&world.db, &sql)
}

fn health(world: &World) -> Health {
    let rows = block_on(world.db.batch(health::questions(world.now())));
    let unreadable = world.catalog.unreadable();
    let parts = Parts { kv: Ok(()), queue: Ok(()), unreadable: &unreadable };
    health::assess(rows, parts, world.now())
}

/// The names of the parts of a tick that failed.
fn failures(world: &mut World) -> Vec<&'static str> {
    world.cron().failures.into_iter().map(|(part, _)| part).collect()
}

fn minutes(world: &mut World, count: i64) {
    for _ in 0..count {
        world.jump(world.now().plus(Span::minutes(1)));
        world.tick().unwrap();
    }
}

// --- The key-value store ------------------------------------------------------------------------

#[test]
fn read_only_kv_fails_readyz_but_not_delivery() {
    let mut world = with_five();
    world.kv.refuses_writes.set(true);
    world.jump(world.now().plus(Span::days(1)));
    let failed = failures(&mut world);
    assert!(failed.contains(&"mark") && !failed.contains(&"due"), "{failed:?}");
    world.do_work().unwrap();
    assert_eq!(left(&world, "nudge"), 5);
    let found = health(&world);
    assert!(found.kv.as_ref().is_some_and(|why| why.contains("no writes")), "{found:?}");
    assert_eq!((found.is_ready, found.words().kv), (false, "failing"));

    world.kv.refuses_writes.set(false);
    world.jump(world.now().plus(Span::minutes(6)));
    world.tick().unwrap();
    assert!(health(&world).is_ready, "{:?}", health(&world));
}

#[test]
fn unresponsive_kv_does_not_stop_delivery() {
    let mut world = with_five();
    world.kv.is_away.set(true);
    world.jump(world.now().plus(Span::days(1)));
    world.cron();
    world.do_work().unwrap();
    assert_eq!(left(&world, "nudge"), 5);
}

// --- The queue ----------------------------------------------------------------------------------

#[test]
fn refused_queue_writes_are_unclaimed_and_shown_as_late() {
    let mut world = with_five();
    let due = |world: &World| rows(&world.db, "SELECT id, wake_at FROM contacts ORDER BY id");
    let before = due(&world);
    world.queue.room.set(Some(0));
    world.jump(world.now().plus(Span::days(1)).plus(Span::hours(1)));
    for _ in 0..20 {
        assert_eq!(failures(&mut world), ["due"]);
        world.jump(world.now().plus(Span::minutes(1)));
    }
    assert_eq!(due(&world), before, "nobody is claimed");
    assert_eq!(number(&world.db, "SELECT max(handed_out) FROM contacts"), 0);
    let found = health(&world);
    assert!(found.oldest_due_seconds >= 3_600 && !found.is_ready, "{found:?}");
    assert_eq!((found.words().due, found.words().queue), ("late", "failing"));

    world.queue.room.set(None);
    minutes(&mut world, 2);
    assert_eq!(left(&world, "nudge"), 5);
    assert!(health(&world).is_ready, "{:?}", health(&world));
}

#[test]
fn lost_claims_do_not_hide_lateness() {
    let mut world = with_five();
    world.jump(world.now().plus(Span::days(1)));
    for minute in 0..30 {
        world.cron();
        let lost = world.forget_work();
        assert!(minute % 5 != 0 || lost > 0, "handed out again when the claim has lapsed");
        world.jump(world.now().plus(Span::minutes(1)));
    }
    assert!(health(&world).oldest_due_seconds >= 29 * 60, "{:?}", health(&world));
    minutes(&mut world, 6);
    assert_eq!(left(&world, "nudge"), 5);
    assert_eq!(health(&world).oldest_due_seconds, 0);
    assert_eq!(number(&world.db, "SELECT count(*) FROM contacts WHERE due_since NOT NULL"), 0);
}

// --- Versions that cannot be read ---------------------------------------------------------------

/// Ways to break a version: published by newer code that this code does not know, or damaged text.
const SPOILED: [&str; 3] = [
    "UPDATE campaign_versions SET compiled = replace(compiled, '\"wait\":', '\"sleep\":')",
    "UPDATE campaign_versions SET compiled = 'garbage'",
    "UPDATE campaign_versions SET compiled = '{}'",
];

fn spoil(world: &mut World, how: &str) -> Vec<serde_json::Value> {
    let kept = rows(&world.db, "SELECT campaign_id, compiled FROM campaign_versions");
    rows(&world.db, &format!("{how} WHERE campaign_id = 'c'"));
    world.read_catalog().unwrap();
    kept
}

fn repair(world: &mut World, kept: &[serde_json::Value]) {
    for row in kept {
        let text = row["compiled"].as_str().unwrap().replace('\'', "''");
        let id = row["campaign_id"].as_str().unwrap();
        let sql = format!("UPDATE campaign_versions SET compiled = '{text}'");
        rows(&world.db, &format!("{sql} WHERE campaign_id = '{id}'"));
    }
    // A tick notices, and isolates learn of it.
    minutes(world, 1);
    world.read_catalog().unwrap();
}

#[test]
fn unreadable_version_suspends_its_campaign_without_loss() {
    for how in SPOILED {
        let mut world = with_five();
        world.publish(other()).unwrap();
        world.submit("/q", &agrees("p0@example.com")).unwrap();
        let mail = world.inbox("p4@example.com").remove(0);
        minutes(&mut world, 1);
        let kept = spoil(&mut world, how);

        let c = CampaignId::from("c");
        assert!(world.catalog.unreadable_live(&c).is_some(), "{how}");
        assert!(world.catalog.may_have_page("/p"), "{how}");
        assert!(world.catalog.page_at("/q").is_some());
        minutes(&mut world, 1);
        let found = health(&world);
        assert!(!found.is_ready && found.versions[0].campaign == c, "{found:?}");

        // Unsubscribing works, the other campaign continues, and this one waits.
        assert!(world.unsubscribe(&mail).unwrap());
        let sales: Vec<Intake> = (0..4)
            .map(|n| order(&world, &format!("p{n}@example.com"), 100, "GBP", &format!("o{n}")))
            .collect();
        world.take_in(sales).unwrap();
        world.after(Span::days(2)).unwrap();
        minutes(&mut world, 1);
        let of = "campaign_id || ' ' || step";
        let sql = format!("SELECT {of} AS one FROM messages WHERE step = 'nudge'");
        assert_eq!(rows(&world.db, &sql), [json!({ "one": "d nudge" })], "{how}");
        let active = "SELECT count(*) FROM enrollments WHERE state = 'active' AND journey = 'j'";
        assert_eq!(number(&world.db, active), 6, "{how}");
        let at = world.now();
        let quiz = report(at, "p1@example.com", "quiz.done", json!({}), "quiz");
        world.take_in(vec![quiz]).unwrap();

        repair(&mut world, &kept);
        assert!(health(&world).versions.is_empty());
        world.after(UNAWARE_MAX).unwrap();
        world.read_catalog().unwrap();
        minutes(&mut world, 25);
        assert_eq!(left(&world, "nudge"), 5, "four of c, who had not unsubscribed, and d's: {how}");
        let goals = "SELECT count(*) FROM conversions WHERE campaign_id = 'c'";
        assert_eq!(number(&world.db, goals), 4, "{how}");
        let thanks = "SELECT count(*) FROM messages WHERE step = 'thanks' AND campaign_id = 'c'";
        assert_eq!(number(&world.db, thanks), 4, "{how}");
        assert_sound(&world.db, None);
    }
}

#[test]
fn version_found_unreadable_by_a_clock_ahead_still_wakes_its_contacts() {
    let mut world = with_five();
    minutes(&mut world, 1);
    let kept = spoil(&mut world, SPOILED[1]);
    // The tick of that clock ends here, before it records that it ran.
    let ahead = world.now().plus(Span::days(400));
    assert_eq!(block_on(outages::watch(&world.db, &world.catalog, ahead)), Ok(false));
    world.after(Span::days(2)).unwrap();
    minutes(&mut world, 1);
    assert_eq!(left(&world, "nudge"), 0);

    repair(&mut world, &kept);
    world.after(UNAWARE_MAX).unwrap();
    minutes(&mut world, 25);
    assert_eq!(left(&world, "nudge"), 5);
    assert_sound(&world.db, None);
}

#[test]
fn unreadable_old_version_does_not_stop_the_live_one() {
    let mut world = with_five();
    let more = JOURNEY.replace("wait = \"1d\"", "wait = \"2d\"");
    world.publish(campaign(&format!("{FORM}{more}"))).unwrap();
    let kept = rows(&world.db, "SELECT compiled FROM campaign_versions WHERE version = 1");
    rows(&world.db, "UPDATE campaign_versions SET compiled = 'garbage' WHERE version = 1");
    join(&mut world, "new@example.com");
    world.after(Span::days(3)).unwrap();
    assert_eq!(left(&world, "nudge"), 1);
    assert_eq!(number(&world.db, "SELECT count(*) FROM enrollments WHERE state = 'failed'"), 0);
    let found = health(&world);
    assert!(found.versions.iter().any(|one| one.version == 1), "{found:?}");

    let text = kept[0]["compiled"].as_str().unwrap().replace('\'', "''");
    rows(&world.db, &format!("UPDATE campaign_versions SET compiled = '{text}' WHERE version = 1"));
    minutes(&mut world, 1);
    world.read_catalog().unwrap();
    minutes(&mut world, 20);
    assert_eq!(left(&world, "nudge"), 6);
}

#[test]
fn unsubscribing_works_with_unreadable_version() {
    let mut world = with_five();
    spoil(&mut world, SPOILED[1]);
    let message = world.inbox("p0@example.com").remove(0);
    let link = world.links(&message, Purpose::Unsubscribe).next().unwrap();
    assert!(world.follow(Purpose::Unsubscribe, link).unwrap());
    let withdrawn = "SELECT count(*) FROM consents WHERE state = 'withdrawn'";
    assert!(number(&world.db, withdrawn) > 0);
    let message = world.inbox("p1@example.com").remove(0);
    world.click(&message, "").unwrap();
}

#[test]
fn unsubscribing_works_with_unreadable_contact() {
    let mut world = with_five();
    rows(&world.db, "UPDATE contacts SET attributes = 'garbage' WHERE email = 'p0@example.com'");
    let message = world.inbox("p0@example.com").remove(0);
    assert!(world.unsubscribe(&message).unwrap());
    let kept = rows(&world.db, "SELECT channel, address, reason, until FROM suppressions");
    let entry = json!({ "channel": "email", "address": "p0@example.com",
                        "reason": "unsubscribed", "until": null });
    assert_eq!(kept, [entry]);
}

#[test]
fn republishing_repairs_an_unreadable_campaign() {
    let mut world = with_five();
    spoil(&mut world, SPOILED[1]);
    let published = world.publish(campaign(&format!("{FORM}{JOURNEY}"))).unwrap();
    assert_eq!((published.version, published.is_new), (2, true));
    assert!(world.catalog.unreadable_live(&CampaignId::from("c")).is_none());
}

#[test]
fn unused_unreadable_version_does_not_fail_readyz() {
    let mut replaced = world(FORM);
    spoil(&mut replaced, SPOILED[1]);
    minutes(&mut replaced, 3);
    assert_eq!(health(&replaced).versions.len(), 1);
    replaced.publish(campaign(&format!("{FORM}{JOURNEY}"))).unwrap();
    minutes(&mut replaced, 3);
    assert_eq!(health(&replaced).versions, []);

    let mut left = with_five();
    spoil(&mut left, SPOILED[1]);
    minutes(&mut left, 3);
    assert_eq!(health(&left).versions.len(), 1);
    left.unpublish("c").unwrap();
    minutes(&mut left, 6);
    assert_eq!(health(&left).versions, []);
    assert_sound(&left.db, None);
}

#[test]
fn journey_in_unknown_state_is_paused() {
    let mut world = with_five();
    world.set_journey_state("c.j", RunState::Paused).unwrap();
    rows(&world.db, "UPDATE journey_states SET state = 'frozen'");
    world.read_catalog().unwrap();
    assert_eq!(world.catalog.run_state(&CampaignId::from("c"), "j"), RunState::Paused);
    world.after(Span::days(2)).unwrap();
    assert_eq!(left(&world, "nudge"), 0);
}

// --- Tasks --------------------------------------------------------------------------------------

#[test]
fn tasks_of_newer_code_and_unreadable_campaigns_are_deferred() {
    let mut world = with_five();
    let form = super::support::submission(&mut world, &[("email", "x@example.com")]);
    let form = Intake::SubmissionV1(Box::new(form));
    let order_task = order(&world, "p0@example.com", 100, "GBP", "o");
    let bodies = [&form, &order_task].map(|task| serde_json::to_string(task).unwrap());
    let newer = bodies[1].replace("report_v1", "report_v9");
    let all = [bodies[0].as_str(), &newer, &bodies[1], "garbage"];
    let places = |world: &World| {
        let sorted = consume::sort(&world.catalog, all.into_iter());
        sorted.into_iter().map(|(place, _)| place).collect::<Vec<_>>()
    };
    assert_eq!(places(&world), [0, 2]);
    spoil(&mut world, SPOILED[1]);
    assert_eq!(places(&world), [2]);
}

#[test]
fn message_of_newer_code_does_not_block_others() {
    let mut world = with_five();
    world.jump(world.now().plus(Span::days(1)));
    world.cron();
    let work = "UPDATE messages SET channel = 'pigeon' WHERE step = 'hello' AND rowid % 2";
    let again = "UPDATE messages SET state = 'queued', send_at = 0 WHERE step = 'hello'";
    let before = left(&world, "hello");
    rows(&world.db, work);
    rows(&world.db, again);
    world.tick().unwrap();
    let sql = "SELECT count(*) FROM messages WHERE step = 'hello' AND state = 'delivered'";
    assert!(before == 5 && number(&world.db, sql) >= 2);
    assert_eq!(left(&world, "nudge"), 5);
}

// --- The clock ----------------------------------------------------------------------------------

#[test]
fn next_tick_corrects_dates_from_a_fast_clock() {
    let mut world = with_five();
    let now = world.now();
    world.jump(now.plus(Span::days(365)));
    world.cron();
    assert!(world.forget_work() > 0, "claimed for a year");
    world.jump(now.plus(Span::minutes(1)));
    let found = health(&world);
    assert!(found.scheduler.as_ref().is_some_and(|why| why.contains("in the future")), "{found:?}");
    minutes(&mut world, 2);
    assert!(health(&world).is_ready, "{:?}", health(&world));
    world.after(Span::days(1)).unwrap();
    assert_eq!(left(&world, "nudge"), 5);
    let restored = "SELECT count(*) FROM scheduler WHERE name LIKE 'restore%'";
    assert_eq!(number(&world.db, restored), 0, "the mark of that clock is none of a restore");
}

#[test]
fn tick_of_a_fast_clock_that_dies_anywhere_delays_nothing() {
    for (batch, writes) in (1..=8).flat_map(|batch| [(batch, false), (batch, true)]) {
        let mut world = with_five();
        let segment = "[segment.s]\nrule = { event = 'form.submitted', within = '700d' }\n";
        world.publish(campaign(&format!("{FORM}{JOURNEY}{segment}"))).unwrap();
        minutes(&mut world, 1);
        let ahead = world.now().plus(Span::days(400));
        let outcome = block_on(tick::tick(&Minute {
            db: &Dies::at(&world.db, batch, writes),
            kv: &world.kv,
            queue: &world.queue,
            shelf: &RefCell::default(),
            catalog: &world.catalog,
            settings: &world.settings,
            now: ahead,
            real_now: ahead,
        }));
        assert!(!outcome.failures.is_empty(), "it died: {batch} {writes}");

        minutes(&mut world, 25);
        let members = number(&world.db, "SELECT count(*) FROM segment_members");
        assert_eq!(members, 5, "{batch} {writes}");
        world.after(Span::days(1)).unwrap();
        assert_eq!(left(&world, "nudge"), 5, "{batch} {writes}");
        assert_sound(&world.db, None);
    }
}

#[test]
fn fast_clock_does_not_prolong_waits() {
    let mut world = world(&format!("{FORM}{JOURNEY}"));
    let now = world.now();
    world.jump(now.plus(Span::days(365)));
    five(&mut world);
    world.tick().unwrap();
    world.jump(now);
    minutes(&mut world, 2);
    world.after(Span(Span::days(1).0 + Span::minutes(5).0)).unwrap();
    assert_eq!(left(&world, "nudge"), 5);
    let ahead = Millis(world.now().0 + 600_000).0;
    for (table, column) in [
        ("contacts", "wake_at"),
        ("segment_fills", "not_before"),
        ("journey_wakes", "not_before"),
        ("senders", "open_until"),
        // The number of a mark is not a time.
        ("(SELECT at FROM scheduler WHERE name <> 'mark')", "at"),
    ] {
        let sql = format!("SELECT count(*) FROM {table} WHERE {column} > {ahead} + 2678400000");
        assert_eq!(number(&world.db, &sql), 0, "{table}.{column}");
    }
    assert_sound(&world.db, None);
}
