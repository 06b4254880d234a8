//! Dead letters: tasks that the queues gave up are recorded, kept, replayed and discarded.

use super::invariants::assert_sound;
use super::support::{
    FORM, WELCOME, agrees, history, join, number, order, report, rows, submission, world,
};
use dripline::domain::base::primitives::{CampaignId, Ids, Millis, RecordId, Span};
use dripline::domain::operations::dead_letter::REPLAYED_PER_CALL;
use dripline::flows::campaign::publish;
use dripline::flows::contact::erase;
use dripline::flows::operations::dead_letters::{self, Dead, Desk, Discarded};
use dripline::flows::operations::health;
use dripline::flows::ports::{Database, DatabaseError};
use dripline::flows::tasks::{Intake, Work};
use dripline::native::world::{World, block_on};
use dripline::store::dead_letters::{KEPT_FOR, KEPT_MAX};
use dripline::store::invariants::overwrite_version;
use dripline::store::statement::{Rows, Statement};
use serde_json::json;

fn desk<'a, D>(world: &'a World, db: &'a D) -> Desk<'a, D> {
    Desk { db, catalog: &world.catalog, keys: &world.settings.keys, now: world.now() }
}

fn dead(message: &str, body: String) -> Dead {
    Dead { message: message.to_owned(), body }
}

fn fact(message: &str, task: &Intake) -> Dead {
    dead(message, serde_json::to_string(task).unwrap())
}

fn take(world: &World, all: &[Dead]) -> Vec<Work> {
    block_on(desk(world, &world.db).take(all, &mut Ids::new(world.now(), 7))).unwrap()
}

/// One row per line: what, how often, why.
fn kept(world: &World) -> Vec<String> {
    let (messages, totals) = block_on(dead_letters::list(&world.db)).unwrap();
    assert_eq!(totals.kept, i64::try_from(messages.len()).unwrap());
    messages.iter().map(|one| format!("{} {} {}", one.tag, one.count, one.error)).collect()
}

/// A task of newer code that this code cannot read.
fn of_newer_code(n: i64) -> String {
    json!({ "type": "wish_v9", "n": n }).to_string()
}

const UNREADABLE: &str = "it cannot be read: unknown variant";

#[test]
fn processable_dead_letter_is_recorded_once_and_not_kept() {
    let mut world = world(FORM);
    let post = Intake::SubmissionV1(Box::new(submission(&mut world, &agrees("ann@example.com"))));
    take(&world, &[fact("m1", &post), fact("m1", &post)]);
    assert_eq!(history(&world.db, "ann@example.com")[0], "form.submitted");
    assert_eq!(kept(&world), [""; 0]);
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn unreadable_dead_letter_is_kept_until_discarded() {
    let world = world(FORM);
    let lines = [dead("m1", of_newer_code(1)), dead("m2", "{".to_owned())];
    take(&world, &lines);
    let said = kept(&world);
    assert_eq!(said.len(), 2);
    assert!(
        said.iter().any(|line| line.starts_with(&format!("wish_v9 1 {UNREADABLE}"))),
        "{said:?}"
    );
    assert!(said.iter().any(|line| line.starts_with("unreadable 1 it cannot")), "{said:?}");
    let (messages, _) = block_on(dead_letters::list(&world.db)).unwrap();
    let id = &messages.iter().find(|one| one.tag == "wish_v9").unwrap().id;
    let desk = desk(&world, &world.db);
    let ids = &mut Ids::new(world.now(), 7);
    let (replayed, _) = block_on(desk.replay(id, ids)).unwrap().unwrap();
    assert_eq!((replayed.replayed, replayed.failed.len()), (0, 1));
    assert_eq!(block_on(dead_letters::discard(&world.db, Discarded::One(id))), Ok(1));
    assert_eq!(block_on(dead_letters::discard(&world.db, Discarded::One(id))), Ok(0));
    assert!(block_on(desk.replay(id, ids)).unwrap().is_none());
    assert_eq!(kept(&world).len(), 1);
}

#[test]
fn replayed_lead_of_repaired_campaign_counts_once() {
    let mut world = world(FORM);
    let fields = agrees("ann@example.com");
    let post = Intake::SubmissionV1(Box::new(submission(&mut world, &fields)));
    let campaign = CampaignId::from("c");
    let text = serde_json::to_string(&world.catalog.live_version(&campaign).unwrap().compiled);
    let write = |text: &str| block_on(world.db.batch(vec![overwrite_version(&campaign, 1, text)]));
    write("{}").unwrap();
    world.catalog = block_on(publish::live(&world.db)).unwrap();
    take(&world, &[fact("m1", &post)]);
    assert_eq!(kept(&world), ["submission_v1 1 the live version of its campaign cannot be read"]);
    block_on(world.db.batch(vec![overwrite_version(&campaign, 1, &text.unwrap())])).unwrap();
    world.catalog = block_on(publish::live(&world.db)).unwrap();
    let (messages, _) = block_on(dead_letters::list(&world.db)).unwrap();
    for _ in 0..2 {
        // The second time, somebody else reads it before it is deleted.
        let desk = desk(&world, &world.db);
        let ids = &mut Ids::new(world.now(), 7);
        block_on(desk.take(&[fact("m1", &post)], ids)).unwrap();
        block_on(desk.replay(&messages[0].id, ids)).unwrap();
    }
    assert_eq!(kept(&world), [""; 0]);
    let events = history(&world.db, "ann@example.com");
    assert_eq!(events.iter().filter(|name| *name == "form.submitted").count(), 1, "{events:?}");
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn dead_hints_are_kept_once_per_kind() {
    let mut world = world(FORM);
    let hint = |n: usize| {
        let contacts = vec![RecordId(format!("c{n}"))];
        serde_json::to_string(&Work::DueV1 { contacts }).unwrap()
    };
    take(&world, &[dead("m1", hint(1)), dead("m2", hint(2)), dead("m2", hint(2))]);
    assert_eq!(kept(&world), ["due_v1 2 "]);
    let desk = desk(&world, &world.db);
    let (replayed, work) =
        block_on(desk.replay("due_v1", &mut Ids::new(world.now(), 7))).unwrap().unwrap();
    assert_eq!((replayed.replayed, work.len()), (1, 1));
    assert_eq!(kept(&world), [""; 0]);
    world.after(Span::minutes(10)).unwrap();
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn repeated_dead_letter_counts_once_per_queue_message() {
    let mut world = world(FORM);
    take(&world, &[dead("m1", of_newer_code(1))]);
    take(&world, &[dead("m1", of_newer_code(1))]);
    assert!(kept(&world)[0].starts_with("wish_v9 1 "));
    world.step(world.now().plus(Span::minutes(1))).unwrap();
    take(&world, &[dead("m2", of_newer_code(1))]);
    assert!(kept(&world)[0].starts_with("wish_v9 2 "));
    let times = "SELECT last_at - first_at AS ms FROM dead_letters";
    assert_eq!(number(&world.db, times), 60_000);
}

/// A database that cannot be reached.
struct Away;

impl Database for Away {
    async fn batch(&self, _: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError> {
        Err(DatabaseError::Fault("away".to_owned()))
    }
}

#[test]
fn dead_letters_are_not_acknowledged_without_database() {
    let mut world = world(FORM);
    let fields = agrees("ann@example.com");
    let post = Intake::SubmissionV1(Box::new(submission(&mut world, &fields)));
    let ids = &mut Ids::new(world.now(), 7);
    block_on(desk(&world, &Away).take(&[fact("m1", &post)], ids)).unwrap_err();
}

#[test]
fn full_store_evicts_observations_then_oldest_and_counts() {
    let mut world = world(FORM);
    let fill = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {KEPT_MAX})
         INSERT INTO dead_letters
         SELECT 'old' || i, iif(i = 7, 'visit_v1', 'wish_v9'), iif(i = 7, 1, 2), '{{}}', 'm', i, i,
                1, '', NULL FROM n"
    );
    rows(&world.db, &fill);
    world.step(world.now().plus(Span::minutes(1))).unwrap();
    take(&world, &[dead("m1", of_newer_code(1)), dead("m2", of_newer_code(2))]);
    assert_eq!(number(&world.db, "SELECT count(*) FROM dead_letters"), KEPT_MAX);
    assert_eq!(number(&world.db, "SELECT count FROM dead_letters_lost"), 2);
    let gone = "SELECT count(*) FROM dead_letters WHERE id IN ('old7', 'old1')";
    assert_eq!(number(&world.db, gone), 0);
    take(&world, &[dead("m3", of_newer_code(3))]);
    assert_eq!(number(&world.db, "SELECT count FROM dead_letters_lost"), 3);
    let (now, later) = (world.now(), world.now().plus(Span::minutes(1)));
    let discard = |before| block_on(dead_letters::discard(&world.db, Discarded::Before(before)));
    assert_eq!(discard(now), Ok(KEPT_MAX as usize - 3), "those of now came in meanwhile");
    assert_eq!(discard(later), Ok(3));
    let (_, totals) = block_on(dead_letters::list(&world.db)).unwrap();
    assert_eq!((totals.kept, totals.lost), (0, 0));
}

#[test]
fn replay_all_tries_each_once_across_calls() {
    let mut world = world(FORM);
    let bodies = (0..30).map(|n| dead(&format!("m{n}"), of_newer_code(n)));
    take(&world, &bodies.collect::<Vec<_>>());
    let began = world.now().plus(Span::minutes(1));
    let (mut tried, mut calls) = (0, 0);
    loop {
        world.step(world.now().plus(Span::minutes(1))).unwrap();
        let ids = &mut Ids::new(world.now(), 7);
        let (said, _) = block_on(desk(&world, &world.db).replay_next(began, ids)).unwrap();
        assert!(said.failed.len() <= REPLAYED_PER_CALL);
        tried += said.failed.len();
        calls += 1;
        if !said.more {
            break;
        }
    }
    assert_eq!((tried, calls), (30, 2));
}

#[test]
fn ticks_expire_dead_letters_unless_a_clock_is_fast() {
    let mut world = world(FORM);
    take(&world, &[dead("m1", of_newer_code(1))]);
    let given_up = world.now();
    let tick_at = |world: &mut World, at: Millis| {
        world.jump(at);
        world.cron();
        kept(world).len()
    };
    // Fast clocks for a while, again and again, with no correct clock in between: nothing is
    // deleted.
    for day in [1, 2, 3, 5] {
        let ahead = given_up.plus(Span::days(400 + day));
        assert_eq!(tick_at(&mut world, ahead), 1);
        assert_eq!(tick_at(&mut world, ahead.plus(Span::minutes(50))), 1);
    }
    let old = given_up.plus(KEPT_FOR);
    assert_eq!(tick_at(&mut world, old), 1);
    for hour in 1..=24 {
        let at = old.plus(Span::hours(hour));
        assert_eq!(tick_at(&mut world, at), 1, "it has to be too old for a day");
    }
    assert_eq!(tick_at(&mut world, old.plus(Span::hours(25))), 0);
}

#[test]
fn erasing_removes_the_contacts_dead_letters() {
    let mut world = world(FORM);
    join(&mut world, "ann@example.com");
    let body_about = |email: &str| {
        let properties = json!({ "plan": "gold" });
        let task = report(world.now(), email, "plan.chosen", properties, email);
        let body = serde_json::to_string(&task).unwrap();
        dead(email, body.replace("report_v1", "report_v9"))
    };
    take(&world, &[body_about("ann@example.com"), body_about("bo@example.com")]);
    let ids = &mut Ids::new(world.now(), 7);
    let (catalog, keys) = (&world.catalog, &world.settings.keys);
    let flow = erase::erase(&world.db, catalog, keys, "ann@example.com", world.now(), ids);
    block_on(flow).unwrap();
    let left = rows(&world.db, "SELECT body FROM dead_letters");
    assert_eq!(left.len(), 1);
    assert!(left[0]["body"].as_str().unwrap().contains("bo@example.com"));
}

#[test]
fn erasing_matches_whole_addresses_in_dead_letters() {
    let mut world = world(&format!("{FORM}{WELCOME}"));
    join(&mut world, "ann@example.com");
    world.after(Span::minutes(5)).unwrap();
    let message = world.inbox("ann@example.com").remove(0).id;
    let body_with = |email: &str| json!({ "type": "wish_v9", "said": email }).to_string();
    let about = [
        body_with("Ann@Example.COM"),
        body_with("452 4.2.2 <ann@example.com> mailbox full"),
        body_with("nobody has ann@example.com."),
        body_with(&json!({ "to": ["ann@example.com"] }).to_string()),
        "{ann@example.com".to_owned(),
        body_with(message.as_str()),
    ];
    let others = [
        body_with("joann@example.com"),
        body_with("o.ann@example.com"),
        body_with("ann@example.com.au"),
        body_with("ann@example.community"),
        body_with(&format!("{message}0")),
    ];
    let all = about.iter().chain(&others).enumerate();
    let all: Vec<_> = all.map(|(n, body)| dead(&format!("m{n}"), body.clone())).collect();
    take(&world, &all);
    assert_eq!(kept(&world).len(), about.len() + others.len());
    world.erase("ann@example.com").unwrap();
    let left = rows(&world.db, "SELECT body FROM dead_letters");
    let mut left: Vec<&str> = left.iter().map(|row| row["body"].as_str().unwrap()).collect();
    let mut expected: Vec<&str> = others.iter().map(String::as_str).collect();
    left.sort_unstable();
    expected.sort_unstable();
    assert_eq!(left, expected);
}

#[test]
fn failing_dead_letters_do_not_block_others() {
    let mut world = world(FORM);
    let facts = (0..30).map(|n| dead(&format!("m{n}"), of_newer_code(n)));
    take(&world, &facts.collect::<Vec<_>>());
    world.step(world.now().plus(Span::minutes(1))).unwrap();
    let hint = serde_json::to_string(&Work::DueV1 { contacts: Vec::new() }).unwrap();
    take(&world, &[dead("m30", hint)]);
    for _ in 0..2 {
        world.step(world.now().plus(Span::minutes(1))).unwrap();
        let ids = &mut Ids::new(world.now(), 7);
        block_on(desk(&world, &world.db).replay_next(world.now(), ids)).unwrap();
    }
    assert_eq!(number(&world.db, "SELECT count(*) FROM dead_letters WHERE tag = 'due_v1'"), 0);
}

#[test]
fn reason_has_no_terminal_control_characters() {
    let world = world(FORM);
    let body = json!({ "type": "\u{1b}[31mRED\u{1b}]0;x\u{7}\u{202e}abc" }).to_string();
    take(&world, &[dead("m1", body)]);
    let said = kept(&world).remove(0);
    assert!(!said.contains(|c: char| c.is_control() || c == '\u{202e}'), "{said:?}");
}

#[test]
fn readyz_shows_counts_to_operators_only() {
    let mut world = world(FORM);
    world.tick().unwrap();
    let well = || health::Parts { kv: Ok(()), queue: Ok(()), unreadable: &[] };
    let ask = |world: &World| {
        let answer = block_on(world.db.batch(health::questions(world.now())));
        health::assess(answer, well(), world.now())
    };
    assert_eq!(ask(&world).words().dead_letters, "ok");
    take(&world, &[dead("m1", of_newer_code(1))]);
    let said = ask(&world);
    assert_eq!((said.dead_letters.kept, said.dead_letters.oldest), (1, Some(world.now())));
    assert!(said.is_ready, "nothing that comes in is the worse for it");
    assert_eq!(said.words().dead_letters, "failing");
}

#[test]
fn replayed_order_counts_once() {
    let mut world = world(FORM);
    join(&mut world, "ann@example.com");
    let bought = order(&world, "ann@example.com", 100, "GBP", "o1");
    take(&world, &[fact("m1", &bought)]);
    take(&world, &[fact("m2", &bought)]);
    assert_eq!(number(&world.db, "SELECT count(*) FROM conversions"), 1);
    assert_eq!(kept(&world), [""; 0]);
}
