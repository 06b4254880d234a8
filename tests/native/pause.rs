//! Journeys that are paused, resumed and archived while contacts are enrolled.

use super::invariants::assert_sound;
use super::support::{FORM, agrees, history, join, number, order, rows, subjects, world};
use dripline::domain::base::primitives::{Ids, MessageId, RecordId, Span};
use dripline::domain::campaign::journey::RunState::{Archived, Paused, Running};
use dripline::flows::campaign::publish;
use dripline::flows::error::FlowError;
use dripline::flows::ingest::form;
use dripline::flows::schedule::due;
use dripline::flows::send;
use dripline::native::world::{World, block_on};

const JOURNEY: &str = r#"
    [journey.j]
    enter = { form = "f" }
    exit = { event = "order.completed" }
    [[journey.j.step]]
    id = "welcome"
    send = "emails/welcome"
    [[journey.j.step]]
    id = "clicked"
    wait_for = { event = "message.clicked", step = "welcome" }
    timeout = "2d"
    on_timeout = "nudge"
    [[journey.j.step]]
    id = "thanks"
    send = "emails/thanks"
    then = "end"
    [[journey.j.step]]
    id = "nudge"
    send = "emails/nudge"
"#;

/// A world with Ann and Bo waiting at `clicked`.
fn inhabited() -> World {
    let mut world = world(&format!("{FORM}{JOURNEY}"));
    join(&mut world, "ann@example.com");
    join(&mut world, "bo@example.com");
    world
}

fn states(world: &World) -> String {
    let sql = "SELECT group_concat(state || ' ' || reason, ', ') AS s FROM enrollments";
    rows(&world.db, sql)[0]["s"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn paused_journey_enrolls_nobody_and_takes_no_step() {
    let mut world = inhabited();
    assert_eq!(world.set_journey_state("c.j", Paused).unwrap().people, 2);
    join(&mut world, "cy@example.com");
    world.after(Span::days(9)).unwrap();
    assert_eq!(subjects(&world, "cy@example.com"), [""; 0]);
    assert_eq!(subjects(&world, "ann@example.com"), ["emails/welcome"]);
    assert_eq!(states(&world), "active , active ");
    let due = "SELECT count(*) FROM contacts WHERE wake_at IS NOT NULL";
    assert_eq!(number(&world.db, due), 0, "no tick hands them out in vain");
}

#[test]
fn steps_due_during_a_pause_run_after_resume() {
    let mut world = inhabited();
    world.set_journey_state("c.j", Paused).unwrap();
    world.after(Span::days(9)).unwrap();
    assert_eq!(world.set_journey_state("c.j", Running).unwrap().people, 2);
    world.after(Span::minutes(1)).unwrap();
    assert_eq!(subjects(&world, "ann@example.com").len(), 1, "not every isolate knows yet");
    step(&mut world, 3);
    for email in ["ann@example.com", "bo@example.com"] {
        assert_eq!(subjects(&world, email), ["emails/welcome", "emails/nudge"]);
    }
    step(&mut world, 1);
    assert_eq!(number(&world.db, "SELECT count(*) FROM journey_wakes WHERE wave = 1"), 0);
    assert_sound(&world.db, Some(world.now()));
    join(&mut world, "cy@example.com");
    assert_eq!(subjects(&world, "cy@example.com"), ["emails/welcome"], "people enter again");
}

/// Lets this many minutes pass, with a tick in each.
fn step(world: &mut World, minutes: i64) {
    for _ in 0..minutes {
        world.step(world.now().plus(Span::minutes(1))).unwrap();
        world.tick().unwrap();
    }
}

#[test]
fn slow_worker_unaware_of_resume_delays_nobody() {
    let mut world = inhabited();
    world.set_journey_state("c.j", Paused).unwrap();
    world.after(Span::minutes(1)).unwrap();
    let (began, former) = (world.now(), block_on(publish::live(&world.db)).unwrap());
    world.set_journey_state("c.j", Running).unwrap();
    step(&mut world, 5);
    let inside = "SELECT id FROM contacts WHERE wake_at IS NOT NULL";
    let woken = rows(&world.db, inside);
    assert_eq!(woken.len(), 2, "each to wake when the wait is over");
    let contacts = woken.iter().filter_map(|row| row["id"].as_str().map(RecordId::from)).collect();
    let mut ids = Ids::new(began, 99);
    block_on(due::run(&world.db, &former, contacts, began, &mut ids)).unwrap();
    assert_eq!(rows(&world.db, inside).len(), 0, "it believes that they sleep until a resuming");
    world.after(Span::days(3)).unwrap();
    assert_eq!(subjects(&world, "ann@example.com"), ["emails/welcome", "emails/nudge"]);
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn click_during_a_pause_counts_after_resume() {
    let mut world = inhabited();
    world.set_journey_state("c.j", Paused).unwrap();
    let message = world.inbox("ann@example.com").remove(0);
    world.after(Span::days(1)).unwrap();
    world.click(&message, "").unwrap();
    assert_eq!(subjects(&world, "ann@example.com").len(), 1);
    world.after(Span::days(8)).unwrap();
    world.set_journey_state("c.j", Running).unwrap();
    step(&mut world, 4);
    assert_eq!(subjects(&world, "ann@example.com"), ["emails/welcome", "emails/thanks"]);
    assert_eq!(subjects(&world, "bo@example.com"), ["emails/welcome", "emails/nudge"]);
}

#[test]
fn click_after_the_timeout_does_not_count() {
    let mut world = inhabited();
    world.set_journey_state("c.j", Paused).unwrap();
    let message = world.inbox("ann@example.com").remove(0);
    world.after(Span::days(3)).unwrap();
    world.click(&message, "").unwrap();
    world.set_journey_state("c.j", Running).unwrap();
    step(&mut world, 4);
    assert_eq!(subjects(&world, "ann@example.com"), ["emails/welcome", "emails/nudge"]);
}

#[test]
fn order_during_a_pause_exits_the_journey() {
    let mut world = inhabited();
    world.set_journey_state("c.j", Paused).unwrap();
    let bought = order(&world, "ann@example.com", 100, "GBP", "o1");
    world.take_in(vec![bought]).unwrap();
    world.set_journey_state("c.j", Running).unwrap();
    world.after(Span::days(9)).unwrap();
    assert_eq!(subjects(&world, "ann@example.com"), ["emails/welcome"]);
    assert_eq!(subjects(&world, "bo@example.com"), ["emails/welcome", "emails/nudge"]);
}

#[test]
fn archived_journey_exits_all_and_enrolls_nobody() {
    let mut world = inhabited();
    assert_eq!(world.set_journey_state("c.j", Archived).unwrap().people, 2);
    join(&mut world, "cy@example.com");
    step(&mut world, 4);
    assert_eq!(states(&world), "exited archived, exited archived");
    assert_eq!(history(&world.db, "bo@example.com").last().unwrap(), "journey.exited");
    world.after(Span::days(9)).unwrap();
    assert_eq!(world.captured_messages().len(), 2, "the two welcomes");
    assert_sound(&world.db, Some(world.now()));
}

/// A contact is enrolled by an isolate that does not know of the change yet: a message is queued.
fn queued_by_an_isolate_that_knows_nothing(world: &mut World) -> MessageId {
    let submitted = super::support::submission(world, &agrees("di@example.com"));
    let stale = block_on(dripline::flows::campaign::publish::live(&world.db)).unwrap();
    let stale = stale.with_statuses(Vec::new());
    let now = world.now().plus(Span::seconds(10));
    let ids = &mut Ids::new(now, 9);
    block_on(form::submit(&world.db, &stale, &world.settings.keys, submitted, now, ids)).unwrap();
    let row = rows(&world.db, "SELECT id FROM messages WHERE state = 'queued'");
    MessageId::from(row[0]["id"].as_str().unwrap())
}

fn deliver_by_an_isolate_that_knows_nothing(world: &World, message: MessageId) {
    let stale = block_on(dripline::flows::campaign::publish::live(&world.db)).unwrap();
    let stale = stale.with_statuses(Vec::new());
    let now = world.now().plus(Span::minutes(1));
    let ids = &mut Ids::new(now, 10);
    let flow = send::deliver(
        &world.db,
        &world.mail_catcher,
        &stale,
        &world.settings,
        vec![message],
        now,
        ids,
    );
    block_on(flow).unwrap();
}

#[test]
fn message_of_paused_journey_is_held() {
    let mut world = inhabited();
    world.set_journey_state("c.j", Paused).unwrap();
    let message = queued_by_an_isolate_that_knows_nothing(&mut world);
    deliver_by_an_isolate_that_knows_nothing(&world, message);
    assert_eq!(subjects(&world, "di@example.com"), [""; 0]);
    let row =
        &rows(&world.db, "SELECT state, attempts FROM messages WHERE state <> 'delivered'")[0];
    assert_eq!((&row["state"], &row["attempts"]), (&"queued".into(), &0.into()));
    world.set_journey_state("c.j", Running).unwrap();
    world.after(Span::minutes(20)).unwrap();
    assert_eq!(subjects(&world, "di@example.com"), ["emails/welcome"], "it leaves afterwards");
}

#[test]
fn message_of_archived_journey_is_skipped() {
    let mut world = inhabited();
    world.set_journey_state("c.j", Archived).unwrap();
    let message = queued_by_an_isolate_that_knows_nothing(&mut world);
    deliver_by_an_isolate_that_knows_nothing(&world, message);
    let row = &rows(&world.db, "SELECT state, reason FROM messages WHERE state <> 'delivered'")[0];
    assert_eq!((&row["state"], &row["reason"]), (&"skipped".into(), &"archived".into()));
}

#[test]
fn unknown_journey_suggests_nearest_name() {
    let mut world = inhabited();
    let Err(FlowError::NotFound(refusal)) = world.set_journey_state("c.jj", Paused) else {
        panic!()
    };
    assert_eq!(refusal.problems[0].help.as_deref(), Some("did you mean `c.j`?"));
    assert_eq!(number(&world.db, "SELECT count(*) FROM journey_states"), 0);
}
