//! A contact or template that keeps failing never blocks others.

use super::interleave::{InTurns, Task, together_until};
use super::invariants::assert_sound;
use super::support::{FORM, join, number, report, rows, world};
use dripline::domain::base::primitives::{Ids, RecordId, Span};
use dripline::flows::schedule::quarantine::{self, ATTEMPTS_ALONE_MAX};
use dripline::flows::tasks::Work;
use dripline::native::world::{self, World, block_on};
use dripline::store::parked::Parked;
use serde_json::json;

const JOURNEY: &str = r#"
    [journey.j]
    enter = { form = "f" }
    [[journey.j.step]]
    id = "pause"
    wait = "1d"
    [[journey.j.step]]
    id = "nudge"
    send = "emails/nudge"
    [[journey.j.step]]
    id = "again"
    wait = "1d"
"#;

/// A world with ten contacts at `pause`, and the id of one in the middle.
fn ten() -> (World, RecordId) {
    let mut world = world(&format!("{FORM}{JOURNEY}"));
    for n in 0..10 {
        let email = format!("p{n}@example.com");
        join(&mut world, &email);
    }
    let row = rows(&world.db, "SELECT id FROM contacts WHERE email = 'p5@example.com'");
    let id = RecordId::from(row[0]["id"].as_str().unwrap());
    (world, id)
}

/// The number of nudges sent.
fn nudged(world: &World) -> i64 {
    number(&world.db, "SELECT count(*) FROM messages WHERE step = 'nudge' AND state = 'delivered'")
}

fn parked(world: &World) -> Vec<Parked> {
    block_on(quarantine::list(&world.db)).unwrap()
}

/// An hour, with a tick each minute.
fn an_hour(world: &mut World) {
    for _ in 0..60 {
        world.step(world.now().plus(Span::minutes(1))).unwrap();
        world.tick().unwrap();
    }
}

/// Breaks one of ten contacts; the others continue at once and it is quarantined. Then repairs and
/// releases it.
fn breaks_and_is_fixed(break_it: &str, fix_it: &str, reason: &str) {
    let (mut world, id) = ten();
    let run = |world: &World, sql: &str| rows(&world.db, &sql.replace("$id", id.as_str()));
    run(&world, break_it);
    world.after(Span::days(1)).unwrap();
    world.tick().unwrap();
    assert_eq!(nudged(&world), 9, "the neighbours go on within the minute");
    assert_eq!(parked(&world), [], "nobody is given up after one attempt");
    an_hour(&mut world);
    let [row] = &parked(&world)[..] else { panic!("{:?}", parked(&world)) };
    assert_eq!((&row.contact, row.attempts), (&id, ATTEMPTS_ALONE_MAX));
    assert!(row.reason.contains(reason), "{}", row.reason);
    assert_eq!(number(&world.db, "SELECT count(*) FROM contacts WHERE handed_out > 0"), 1);

    let due = block_on(world::due(&world.db, world.now().plus(Span::hours(9)))).unwrap();
    assert!(!format!("{due:?}").contains(id.as_str()), "no tick hands it out: {due:?}");
    run(&world, fix_it);
    assert!(block_on(quarantine::release(&world.db, &id, world.now())).unwrap());
    assert!(!block_on(quarantine::release(&world.db, &id, world.now())).unwrap(), "only once");
    an_hour(&mut world);
    assert_eq!((nudged(&world), parked(&world)), (10, vec![]));
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn unreadable_contact_is_quarantined_alone() {
    breaks_and_is_fixed(
        "UPDATE contacts SET attributes = '[1]' WHERE id = '$id'",
        "UPDATE contacts SET attributes = '{}' WHERE id = '$id'",
        "invalid type",
    );
}

#[test]
fn contact_failing_in_database_is_quarantined_alone() {
    breaks_and_is_fixed(
        "UPDATE enrollments SET sent = '{' WHERE contact_id = '$id'",
        "UPDATE enrollments SET sent = '{}' WHERE contact_id = '$id'",
        "malformed JSON",
    );
}

#[test]
fn unwritable_contact_is_quarantined_alone() {
    breaks_and_is_fixed(
        "CREATE TRIGGER poison BEFORE INSERT ON events WHEN new.contact_id = '$id'
          BEGIN SELECT raise(ABORT, 'it is too much'); END",
        "DROP TRIGGER poison",
        "it is too much",
    );
}

#[test]
fn endless_decision_is_quarantined_alone() {
    let (mut world, id) = ten();
    // Publishing would refuse such a journey: its waits end before they begin, so it loops for
    // ever.
    rows(
        &world.db,
        "INSERT INTO campaign_versions (campaign_id, version, hash, compiled, published_at)
         SELECT campaign_id, 99, 'none',
                json_set(compiled, '$.campaign.journeys.j.steps[0].action.wait', -1,
                         '$.campaign.journeys.j.steps[2].action.wait', -1,
                         '$.campaign.journeys.j.steps[2].then', json('{\"step\":\"pause\"}')),
                published_at FROM campaign_versions",
    );
    rows(&world.db, &format!("UPDATE enrollments SET version = 99 WHERE contact_id = '{id}'"));
    world.after(Span::days(1)).unwrap();
    an_hour(&mut world);
    assert_eq!(nudged(&world), 9);
    let [row] = &parked(&world)[..] else { panic!("{:?}", parked(&world)) };
    assert_eq!((&row.contact, row.attempts), (&id, ATTEMPTS_ALONE_MAX));
    assert_eq!(row.reason, "the decision came to no end within 5000 events and steps");
}

#[test]
fn many_unreadable_contacts_do_not_block_others() {
    let (mut world, _) = ten();
    rows(&world.db, "UPDATE contacts SET attributes = '[1]' WHERE email <> 'p3@example.com'");
    world.after(Span::days(1)).unwrap();
    an_hour(&mut world);
    assert_eq!((nudged(&world), parked(&world).len()), (1, 9));
}

#[test]
fn events_of_others_in_the_batch_are_recorded() {
    let (mut world, id) = ten();
    rows(&world.db, &format!("UPDATE contacts SET attributes = '[1]' WHERE id = '{id}'"));
    let tell = |n| {
        let (email, key) = (format!("p{n}@example.com"), format!("k{n}"));
        report(world.now(), &email, "order.shipped", json!({}), &key)
    };
    let batch: Vec<_> = (0..10).map(tell).collect();
    assert!(world.take_in(batch).is_err(), "one of them comes again");
    let sql = "SELECT count(*) FROM events WHERE name = 'order.shipped'";
    assert_eq!(number(&world.db, sql), 9);
}

#[test]
fn contact_that_kills_workers_is_isolated_and_quarantined() {
    let (world, id) = ten();
    let now = world.now().plus(Span::days(1));
    let tick = |at| block_on(world::due(&world.db, at)).unwrap();
    let first = tick(now);
    assert!(matches!(&first[..], [Work::DueV1 { contacts }] if contacts.len() == 10), "{first:?}");
    // The worker dies, and nothing was done for any of them.
    let second = tick(now.plus(Span::minutes(5)));
    assert_eq!(second.len(), 10);
    assert!(second.contains(&Work::AloneV1 { contact: id.clone() }), "{second:?}");

    let db = InTurns(&world.db);
    for attempt in 1..=ATTEMPTS_ALONE_MAX + 1 {
        assert_eq!(parked(&world).len(), usize::from(attempt > ATTEMPTS_ALONE_MAX));
        let dies: Task<'_, bool> = Box::pin(async {
            let ids = &mut Ids::new(now, 7);
            quarantine::process_isolated(&db, &world.catalog, id.clone(), now, ids).await.is_ok()
        });
        // It dies in the round that would write: after recording the attempt and reading.
        together_until(vec![(dies, 3)]);
    }
    assert_eq!(parked(&world)[0].reason, "a decision about it never ended");
    let asleep = format!("SELECT wake_at IS NULL AS asleep FROM contacts WHERE id = '{id}'");
    assert_eq!(number(&world.db, &asleep), 1);
}

#[test]
fn successful_decision_ends_quarantine() {
    let (mut world, id) = ten();
    let run = |world: &World, sql: &str| rows(&world.db, &sql.replace("$id", id.as_str()));
    run(&world, "UPDATE contacts SET attributes = '[1]' WHERE id = '$id'");
    world.after(Span::days(1)).unwrap();
    an_hour(&mut world);
    assert_eq!(parked(&world).len(), 1);
    run(&world, "UPDATE contacts SET attributes = '{}' WHERE id = '$id'");
    join(&mut world, "p5@example.com");
    an_hour(&mut world);
    assert_eq!((nudged(&world), parked(&world)), (10, vec![]));

    run(&world, "UPDATE contacts SET attributes = '[1]', wake_at = 0 WHERE id = '$id'");
    world.tick().unwrap();
    world.tick().unwrap();
    assert_eq!(parked(&world), [], "its attempts are counted from zero");
}

#[test]
fn lost_hints_quarantine_nobody() {
    let (mut world, _) = ten();
    let mut now = world.now().plus(Span::days(1));
    for _ in 0..20 {
        block_on(world::due(&world.db, now)).unwrap();
        now = now.plus(Span::minutes(5));
    }
    world.after(Span::days(1)).unwrap();
    an_hour(&mut world);
    world.after(Span::hours(3)).unwrap();
    assert_eq!((nudged(&world), parked(&world)), (10, vec![]));
    assert_eq!(number(&world.db, "SELECT count(*) FROM parked"), 0);
}

#[test]
fn message_of_unreadable_contact_does_not_block_others() {
    let (mut world, id) = ten();
    world.after(Span::days(1)).unwrap();
    rows(&world.db, "UPDATE messages SET state = 'queued', send_at = 0");
    rows(&world.db, "DELETE FROM events WHERE name LIKE 'message.%'");
    let sql = format!("UPDATE contacts SET attributes = '[1]' WHERE id = '{id}'");
    rows(&world.db, &sql);
    rows(
        &world.db,
        "UPDATE contacts SET seq = (SELECT max(seq) FROM events WHERE contact_id = id)",
    );
    world.tick().unwrap();
    let row = rows(
        &world.db,
        "SELECT contact_id, state, reason FROM messages WHERE state <> 'delivered'",
    );
    assert_eq!(row.len(), 1, "{row:?}");
    assert_eq!((&row[0]["contact_id"], &row[0]["state"]), (&id.as_str().into(), &"queued".into()));
    assert!(row[0]["reason"].as_str().unwrap().contains("invalid type"), "{row:?}");
}

#[test]
fn unrenderable_message_fails_alone_with_reason() {
    let (mut world, id) = ten();
    let huge = format!(
        "UPDATE contacts SET attributes = json_object('first_name', printf('%.*c', 600000, 'x'))
          WHERE id = '{id}'"
    );
    rows(&world.db, &huge);
    world.after(Span::days(1)).unwrap();
    world.tick().unwrap();
    assert_eq!(nudged(&world), 9);
    let row = rows(&world.db, "SELECT contact_id, reason FROM messages WHERE state = 'failed'");
    assert_eq!(row[0]["contact_id"], id.as_str());
    assert!(row[0]["reason"].as_str().unwrap().contains("renders to more than"), "{row:?}");
    assert_eq!(parked(&world), [], "the contact itself goes on");
}
