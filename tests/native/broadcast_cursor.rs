//! Broadcasts: audiences larger than one read, a lost cursor, merged contacts, and an A/B test with
//! a message that still waits.

use super::broadcasts::{AB, NEWS, assert_each_once, minutes, readers, state};
use super::support::{number, rows};
use dripline::domain::base::primitives::Span;
use dripline::domain::campaign::broadcast::BroadcastVerb::Start;
use dripline::native::world::World;
use dripline::store::broadcasts::RECIPIENTS_PER_PAGE;
use std::collections::BTreeSet;

/// Copies the only contact, with its consent, this many times.
fn multiply(world: &World, count: usize) {
    let columns = "SELECT group_concat(name) AS names FROM pragma_table_info('contacts')";
    let columns = rows(&world.db, columns)[0]["names"].as_str().unwrap().to_owned();
    let values = columns.replace("email,", "'more' || n || '@x.example',");
    let values = values.replacen("id,", "id || '-' || printf('%05d', n),", 1);
    assert!(values.contains("printf") && values.contains("more"), "{values}");
    let sql = format!(
        "WITH RECURSIVE more(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM more WHERE n < {count})
         INSERT INTO contacts ({columns}) SELECT {values} FROM contacts, more"
    );
    rows(&world.db, &sql);
}

/// Clears the cursor, as if the broadcast's progress had never been stored.
fn lose_the_place(world: &World) {
    rows(
        &world.db,
        "UPDATE broadcasts SET state = 'running', phase = 'rest', after_id = '', due_at = 0,
                ended_at = NULL",
    );
}

#[test]
fn audience_larger_than_one_read_is_fully_sent() {
    let mut world = readers(NEWS, 1);
    multiply(&world, RECIPIENTS_PER_PAGE + 50);
    world.broadcast("c.news", Start).unwrap();
    minutes(&mut world, 3);
    let messages = world.captured_messages();
    let addresses: BTreeSet<&str> = messages.iter().map(|l| l.address.as_str()).collect();
    assert_eq!(
        (messages.len(), addresses.len()),
        (RECIPIENTS_PER_PAGE + 51, RECIPIENTS_PER_PAGE + 51)
    );
    assert_eq!(state(&world), "done rest");
}

#[test]
fn lost_cursor_sends_nobody_twice() {
    let mut world = readers(NEWS, 3);
    world.broadcast("c.news", Start).unwrap();
    minutes(&mut world, 1);
    lose_the_place(&world);
    minutes(&mut world, 3);
    assert_each_once(&world, 3);
    assert_eq!(state(&world), "done rest");
}

#[test]
fn merged_contact_gets_broadcast_once() {
    let mut world = readers(NEWS, 1);
    let phone = [("phone", "07400 123456"), ("consent", "on")];
    world.submit("/p", &phone).unwrap();
    world.broadcast("c.news", Start).unwrap();
    minutes(&mut world, 1);
    rows(
        &world.db,
        "UPDATE contacts SET email = NULL,
                merged_into = (SELECT id FROM contacts WHERE phone IS NOT NULL)
          WHERE email IS NOT NULL",
    );
    rows(&world.db, "UPDATE contacts SET email = 'reader0@example.com' WHERE phone IS NOT NULL");
    lose_the_place(&world);
    minutes(&mut world, 3);
    assert_eq!(state(&world), "done rest");
    assert_eq!(world.captured_messages().len(), 1);
}

/// A broadcast whose A/B test has one message that waits this long.
fn with_one_that_waits(span: Span) -> World {
    let mut world = readers(AB, 60);
    world.broadcast("c.news", Start).unwrap();
    minutes(&mut world, 2);
    assert_eq!(state(&world), "running wait");
    let until = world.now().plus(span).0;
    let one = "(SELECT id FROM messages WHERE broadcast = 'news' ORDER BY id LIMIT 1)";
    let waits = format!("UPDATE messages SET state = 'queued', send_at = {until} WHERE id = {one}");
    rows(&world.db, &waits);
    world
}

#[test]
fn ab_test_waits_for_its_queued_messages() {
    let mut world = with_one_that_waits(Span::hours(6));
    world.after(Span::hours(5)).unwrap();
    assert_eq!(state(&world), "running wait");
    world.after(Span::minutes(80)).unwrap();
    assert_eq!(state(&world), "done rest");
}

#[test]
fn ab_test_waits_at_most_one_extra_day() {
    let mut world = with_one_that_waits(Span::days(9));
    world.after(Span::hours(27)).unwrap();
    assert_eq!(state(&world), "running wait");
    world.after(Span::hours(2)).unwrap();
    assert_eq!(state(&world), "done rest");
    let waits = "SELECT count(*) FROM messages WHERE state = 'queued'";
    assert_eq!(number(&world.db, waits), 1);
}
