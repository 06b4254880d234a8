//! An address is normalized: all spellings are one contact, one suppression and one count.
//! Addresses stored before normalization are converted.

use super::invariants::assert_sound;
use super::support::{FORM, WELCOME, agrees, history, join, number, rows, submission, world};
use dripline::domain::base::primitives::{Ids, Span};
use dripline::domain::contact::suppression::Listed;
use dripline::flows::contact::suppressions::{self, Import, Named};
use dripline::flows::ingest::api_events;
use dripline::flows::ingest::form::rate_keys;
use dripline::flows::ports::Database;
use dripline::native::world::{World, block_on};
use dripline::store::statement::Statement;

const KEPT: &str = "info@xn--mller-kva.example";
const SPELLINGS: [&str; 5] = [
    "info@müller.example",
    "Info@XN--MLLER-KVA.example",
    "ｉｎｆｏ＠ｍüｌｌｅｒ。ｅｘａｍｐｌｅ",
    "info@mu\u{308}ller.example.",
    "ⓘnfo@müller.example",
];

fn find(world: &World, address: &str) -> Option<Listed> {
    let named = Named { address: address.to_owned(), ..Named::default() };
    block_on(suppressions::find(&world.db, &world.settings.keys, &named)).unwrap()
}

fn run(world: &World, sql: String) {
    block_on(world.db.batch(vec![Statement { sql: sql.into(), params: Vec::new() }])).unwrap();
}

#[test]
fn spellings_of_an_address_are_one_contact() {
    let mut world = world(&format!("{FORM}{WELCOME}"));
    for spelling in SPELLINGS {
        join(&mut world, spelling);
        let body = format!(r#"{{"events":[{{"name":"seen","email":"{spelling}"}}]}}"#);
        let mut ids = Ids::new(world.now(), 9);
        world.take_in(api_events::read(body.as_bytes(), world.now(), &mut ids).unwrap()).unwrap();
    }
    assert_eq!(rows(&world.db, "SELECT email FROM contacts")[0]["email"], KEPT);
    assert_eq!(number(&world.db, "SELECT count(*) FROM contacts"), 1);
    assert_eq!(history(&world.db, KEPT).iter().filter(|name| *name == "form.submitted").count(), 5);
    assert_eq!(world.inbox(KEPT).len(), 1, "it is sent to in ASCII");
    assert_sound(&world.db, None);
}

#[test]
fn one_suppression_covers_every_spelling() {
    for spelling in SPELLINGS {
        let mut world = world(&format!("{FORM}{WELCOME}"));
        let row = Named { address: spelling.to_owned(), ..Named::default() };
        let list = Import { source: "other".to_owned(), rows: vec![row.clone(), row] };
        let flow = suppressions::import(&world.db, &world.settings.keys, &list, world.now());
        assert!(block_on(flow).unwrap().problems.is_empty(), "{spelling}");
        assert_eq!(number(&world.db, "SELECT count(*) FROM suppressions"), 1);
        for other in SPELLINGS {
            assert_eq!(find(&world, other).unwrap().address, KEPT);
        }
        join(&mut world, "info@müller.example");
        assert!(world.inbox(KEPT).is_empty(), "{spelling}: a suppressed address was written to");
    }
}

#[test]
fn spellings_of_one_mailbox_share_rate_limits() {
    let mut world = world(FORM);
    let mut keys = |email: &str| {
        let submitted = submission(&mut world, &agrees(email));
        rate_keys(&submitted, &world.settings)
    };
    let one = keys("ada.lovelace+news@gmail.com");
    for same in
        ["adalovelace@googlemail.com", "A.D.A.lovelace@gmail.com", "adalovelace+x@gmail.com"]
    {
        assert_eq!(keys(same), one, "{same}");
    }
    assert_ne!(keys("ada.lovelace@example.com"), one);
    assert_eq!(keys("info@müller.example"), keys("info+9@XN--MLLER-KVA.example"));
}

#[test]
fn stored_addresses_are_normalized_by_ticks() {
    let mut world = world(&format!("{FORM}{WELCOME}"));
    join(&mut world, "lina@bücher.example");
    join(&mut world, "lost@example.com");
    run(
        &world,
        "UPDATE contacts SET email = 'lina@bücher.example' WHERE email LIKE 'lina%'".into(),
    );
    // No longer accepted as an address.
    run(
        &world,
        "UPDATE contacts SET email = 'lost@ex\u{301}.a\u{202e}b' WHERE email LIKE 'lost%'".into(),
    );
    run(
        &world,
        "INSERT INTO suppressions (channel, address, reason, until, source, at) VALUES
            ('email', 'info@müller.example', 'complained', NULL, 'old', 5),
            ('email', 'info@ⓜüller.example', 'imported', NULL, 'old', 6),
            ('email', 'x@a\u{202e}b.example', 'imported', NULL, 'old', 7)"
            .into(),
    );
    for _ in 0..3 {
        world.tick().unwrap();
    }
    let emails = rows(&world.db, "SELECT email FROM contacts ORDER BY email");
    assert_eq!(emails[1]["email"], "lina@xn--bcher-kva.example");
    assert!(emails[0]["email"].is_null(), "what is no address is sent nothing");
    assert_eq!(
        history(&world.db, "lina@xn--bcher-kva.example").last().unwrap(),
        "contact.respelled"
    );
    let listed = rows(&world.db, "SELECT address, reason FROM suppressions");
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!((&listed[0]["address"], &listed[0]["reason"]), (&KEPT.into(), &"complained".into()));
    join(&mut world, "info@müller.example");
    assert!(world.inbox(KEPT).is_empty());
    assert_sound(&world.db, None);
}

#[test]
fn normalized_duplicate_loses_its_address_and_names_the_owner() {
    let mut world = world(&format!("{FORM}{WELCOME}"));
    join(&mut world, "old@example.com");
    run(&world, "UPDATE contacts SET email = 'info@müller.example'".into());
    join(&mut world, KEPT);
    assert_eq!(number(&world.db, "SELECT count(*) FROM contacts"), 2);
    world.after(Span::minutes(2)).unwrap();
    let two = rows(
        &world.db,
        "SELECT c.email, c.attributes, e.properties FROM contacts c
           LEFT JOIN events e ON e.contact_id = c.id AND e.name = 'contact.respelled'
          ORDER BY c.email",
    );
    assert!(two[0]["email"].is_null() && two[1]["email"] == KEPT);
    assert!(
        two[0]["attributes"].as_str().unwrap().contains(r#""email_given":"info@müller.example""#)
    );
    let id = rows(&world.db, &format!("SELECT id FROM contacts WHERE email = '{KEPT}'"));
    assert!(two[0]["properties"].as_str().unwrap().contains(id[0]["id"].as_str().unwrap()));
    assert_sound(&world.db, None);
}
