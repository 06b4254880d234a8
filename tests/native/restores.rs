//! A restored database: messages that may have been sent before are not sent again unless an
//! operator releases them.

use super::invariants::assert_sound;
use super::support::{FORM, MONDAY, join, rows, world};
use dripline::domain::base::primitives::{Millis, Span};
use dripline::domain::sending::restore_guard::{Mark, Resolution};
use dripline::flows::ports::{Database, DatabaseError};
use dripline::flows::schedule::tick::{Minute, tick};
use dripline::flows::send::restore_guard::{mark_after, resolve, state, watch};
use dripline::native::sqlite::Sqlite;
use dripline::native::world::{World, block_on};
use dripline::store::schedule;
use dripline::store::statement::{Rows, Statement};
use serde_json::{Value, json};
use std::cell::RefCell;

const JOURNEY: &str = r#"
    [journey.j]
    enter = { form = "f" }
    [[journey.j.step]]
    id = "rest"
    wait = "1d"
    [[journey.j.step]]
    id = "hello"
    send = "emails/hello"
"#;

/// A mark of the current time.
fn marked(world: &World) -> Option<Mark> {
    Some(Mark { number: world.now().0, at: world.now() })
}

/// An e-mail to Ann was sent; then the database was restored to before that, and a day has passed.
fn restored() -> World {
    let mut world = world(&format!("{FORM}{JOURNEY}"));
    join(&mut world, "ann@example.com");
    world.tick().unwrap();
    let bookmark = world.db.copy().unwrap();
    world.after(Span::days(2)).unwrap();
    assert_eq!(states(&world), [json!({ "state": "delivered", "reason": "" })]);
    world.db = bookmark;
    block_on(watch(&world.db, marked(&world), world.now())).unwrap();
    world.after(Span::hours(1)).unwrap();
    world
}

fn states(world: &World) -> Vec<Value> {
    rows(&world.db, "SELECT state, reason FROM messages ORDER BY id")
}

#[test]
fn possibly_sent_messages_wait_after_restore() {
    let mut world = restored();
    assert_eq!(states(&world), [json!({ "state": "queued", "reason": "restored" })]);
    let found = block_on(state(&world.db)).unwrap();
    assert_eq!((found.restored, found.messages), (true, 1));
    // New contacts have not been sent anything before.
    join(&mut world, "ben@example.com");
    world.after(Span::days(2)).unwrap();
    assert_eq!(world.inbox("ben@example.com").len(), 1);
    assert_eq!(block_on(state(&world.db)).unwrap().messages, 1);
}

#[test]
fn released_messages_are_sent_at_once() {
    let mut world = restored();
    assert_eq!(block_on(resolve(&world.db, Resolution::Release, world.now())).unwrap().messages, 1);
    world.tick().unwrap();
    assert_eq!(states(&world), [json!({ "state": "delivered", "reason": "" })]);
    assert!(!block_on(state(&world.db)).unwrap().restored);
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn dropped_messages_are_skipped() {
    let mut world = restored();
    block_on(resolve(&world.db, Resolution::Drop, world.now())).unwrap();
    world.tick().unwrap();
    assert_eq!(states(&world), [json!({ "state": "skipped", "reason": "restored" })]);
    let found = block_on(state(&world.db)).unwrap();
    assert_eq!((found.restored, found.messages), (false, 0));
    assert_sound(&world.db, Some(world.now()));
}

/// Two e-mails to Ann were sent, a day apart; then the database was restored to before both.
#[test]
fn enrollment_of_dropped_mail_holds_its_next_mail() {
    let mut world = world(&format!(
        "{FORM}{JOURNEY}
        [[journey.j.step]]
        id = \"rest-again\"
        wait = \"1d\"
        [[journey.j.step]]
        id = \"again\"
        send = \"emails/hello\"
        "
    ));
    join(&mut world, "ann@example.com");
    world.tick().unwrap();
    let bookmark = world.db.copy().unwrap();
    world.after(Span::days(3)).unwrap();
    assert_eq!(world.inbox("ann@example.com").len(), 2);
    world.db = bookmark;
    block_on(watch(&world.db, marked(&world), world.now())).unwrap();
    world.after(Span::hours(1)).unwrap();
    block_on(resolve(&world.db, Resolution::Drop, world.now())).unwrap();
    world.after(Span::days(2)).unwrap();
    let [dropped, waiting] =
        ["skipped", "queued"].map(|state| json!({ "state": state, "reason": "restored" }));
    assert_eq!(states(&world), [dropped.clone(), waiting]);
    let found = block_on(state(&world.db)).unwrap();
    assert_eq!((found.restored, found.messages), (true, 1));
    block_on(resolve(&world.db, Resolution::Drop, world.now())).unwrap();
    world.tick().unwrap();
    assert_eq!(states(&world), [dropped.clone(), dropped]);
    // Much later, another restore is handled separately.
    let bookmark = world.db.copy().unwrap();
    world.after(Span::days(30)).unwrap();
    world.db = bookmark;
    let now = world.now();
    block_on(watch(&world.db, marked(&world), now)).unwrap();
    let found = block_on(state(&world.db)).unwrap();
    assert_eq!((found.restored, found.mark, found.messages), (true, Some(now), 0));
}

#[test]
fn unrestored_database_is_not_held() {
    let mut world = world(FORM);
    block_on(watch(&world.db, marked(&world), world.now())).unwrap();
    assert!(!block_on(state(&world.db)).unwrap().restored, "no tick has run: it is a new one");
    world.tick().unwrap();
    block_on(watch(&world.db, marked(&world), world.now())).unwrap();
    block_on(watch(&world.db, None, world.now())).unwrap();
    assert!(!block_on(state(&world.db)).unwrap().restored);
}

/// A database that does not return its last mark.
struct Silent<'a>(&'a Sqlite);

impl Database for Silent<'_> {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError> {
        let is_asked = statements.iter().any(|one| one.sql == schedule::last_mark().sql);
        match is_asked {
            true => Err(DatabaseError::Overloaded("busy".to_owned())),
            false => self.0.batch(statements).await,
        }
    }
}

/// Restores a database that `change` has altered, lets the comparison of the next tick fail, and
/// returns whether the tick after it finds the restore.
fn is_found_after_a_failed_comparison(change: &[&'static str]) -> bool {
    let mut world = world(&format!("{FORM}{JOURNEY}"));
    join(&mut world, "ann@example.com");
    world.tick().unwrap();
    let bookmark = world.db.copy().unwrap();
    let change = change.iter().map(|sql| Statement::new(sql, Vec::new()));
    block_on(bookmark.batch(change.collect())).unwrap();
    world.after(Span::days(2)).unwrap();
    world.db = bookmark;
    world.jump(world.now().plus(Span::minutes(6))); // The mark is old by then.
    let said = block_on(tick(&Minute {
        db: &Silent(&world.db),
        kv: &world.kv,
        queue: &world.queue,
        shelf: &RefCell::default(),
        catalog: &world.catalog,
        settings: &world.settings,
        now: world.now(),
        real_now: world.now(),
    }));
    assert!(said.failures.iter().any(|(part, _)| *part == "restore"), "{:?}", said.failures);
    world.cron();
    block_on(state(&world.db)).unwrap().restored
}

#[test]
fn failed_comparison_does_not_hide_a_restore() {
    assert!(is_found_after_a_failed_comparison(&[]));
}

#[test]
fn failed_comparison_before_the_first_mark_does_not_hide_a_restore() {
    let unmarked = "DELETE FROM scheduler WHERE name IN ('mark', 'marked')";
    assert!(is_found_after_a_failed_comparison(&[unmarked]));
}

#[test]
fn fast_clock_does_not_hide_a_restore() {
    let mut world = world(&format!("{FORM}{JOURNEY}"));
    join(&mut world, "ann@example.com");
    world.cron();
    let (right, bookmark) = (world.now(), world.db.copy().unwrap());
    world.jump(right.plus(Span::days(400)));
    world.cron();
    world.jump(right.plus(Span::minutes(1)));
    world.db = bookmark;
    world.cron();
    let found = block_on(state(&world.db)).unwrap();
    assert_eq!((found.restored, found.mark), (true, Some(world.now())));
}

#[test]
fn fast_clock_is_not_taken_for_a_restore() {
    let mut world = world(FORM);
    for days in [0, 400, 1, 2] {
        world.jump(MONDAY.plus(Span::days(days)));
        world.cron();
    }
    assert!(!block_on(state(&world.db)).unwrap().restored);
}

#[test]
fn mark_is_renewed_after_work_or_when_old() {
    let at = |minutes: i64| Millis(0).plus(Span::minutes(minutes));
    let mark = |number: i64, minutes| Some(Mark { number, at: at(minutes) });
    assert_eq!(mark_after(None, false, at(9)), mark(at(9).0, 9));
    assert_eq!(mark_after(mark(1, 0), false, at(4)), None);
    assert_eq!(mark_after(mark(1, 0), false, at(5)), mark(at(5).0, 5));
    assert_eq!(mark_after(mark(1, 0), true, at(1)), mark(at(1).0, 1));
    let number = at(2).0;
    assert_eq!(mark_after(mark(number, 2), true, at(1)), mark(number + 1, 2), "a clock went back");
    let ahead = mark(at(99_999).0, 99_999);
    assert_eq!(mark_after(ahead, false, at(1)), mark(at(99_999).0 + 1, 1), "a clock was ahead");
}
