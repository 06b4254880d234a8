//! Broadcasts: more people than one reading finds, a place that is lost, somebody who has become
//! another, and a test of which a message still waits.

use super::broadcasts::{AB, NEWS, assert_each_once, minutes, readers, state};
use super::support::{number, rows};
use dripline::domain::base::primitives::Span;
use dripline::domain::campaign::broadcast::BroadcastVerb::Start;
use dripline::native::world::World;
use dripline::store::broadcasts::TURNS_PER_READING;
use std::collections::BTreeSet;

/// Makes more people of the one that there is, who agreed to the same.
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

/// As if the place up to which it has come had never been written down.
fn lose_the_place(world: &World) {
    rows(
        &world.db,
        "UPDATE broadcasts SET state = 'running', phase = 'rest', after_id = '', due_at = 0,
                ended_at = NULL",
    );
}

#[test]
fn nobody_is_passed_over_where_one_reading_does_not_find_all() {
    let mut world = readers(NEWS, 1);
    multiply(&world, TURNS_PER_READING + 50);
    world.broadcast("c.news", Start).unwrap();
    minutes(&mut world, 3);
    let letters = world.letters();
    let addresses: BTreeSet<&str> = letters.iter().map(|l| l.address.as_str()).collect();
    assert_eq!((letters.len(), addresses.len()), (TURNS_PER_READING + 51, TURNS_PER_READING + 51));
    assert_eq!(state(&world), "done rest");
}

#[test]
fn were_its_place_lost_nobody_would_get_it_again() {
    let mut world = readers(NEWS, 3);
    world.broadcast("c.news", Start).unwrap();
    minutes(&mut world, 1);
    lose_the_place(&world);
    minutes(&mut world, 3);
    assert_each_once(&world, 3);
    assert_eq!(state(&world), "done rest");
}

#[test]
fn whoever_has_become_another_does_not_get_it_again_as_that_one() {
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
    assert_eq!(world.letters().len(), 1);
}

/// A test of which one message waits for so long.
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
fn a_test_is_not_decided_while_one_of_its_messages_waits() {
    let mut world = with_one_that_waits(Span::hours(6));
    world.after(Span::hours(5)).unwrap();
    assert_eq!(state(&world), "running wait");
    world.after(Span::minutes(80)).unwrap();
    assert_eq!(state(&world), "done rest");
}

#[test]
fn but_it_is_decided_a_day_late_at_the_most() {
    let mut world = with_one_that_waits(Span::days(9));
    world.after(Span::hours(27)).unwrap();
    assert_eq!(state(&world), "running wait");
    world.after(Span::hours(2)).unwrap();
    assert_eq!(state(&world), "done rest");
    let waits = "SELECT count(*) FROM messages WHERE state = 'queued'";
    assert_eq!(number(&world.db, waits), 1);
}
