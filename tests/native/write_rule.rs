//! The write rule: a decision based on an outdated read is refused and made again.
//!
//! Every flow here lets all others run before each of its batches, so that all have read before the
//! first one writes.

use super::interleave::{InTurns, Task, together};
use super::invariants::assert_sound;
use super::support::fixtures::Counted;
use super::support::{ANN, FORM, MONDAY, agrees, history, number, report, rows, submission, world};
use dripline::domain::base::primitives::{Ids, RecordId, Span};
use dripline::domain::base::token::Purpose;
use dripline::domain::engine::Submitted;
use dripline::domain::inbound::engagement::Engagement;
use dripline::flows::contact::subscription_links::{self, Link};
use dripline::flows::ingest::{consume, form};
use dripline::flows::schedule::due;
use dripline::flows::tasks::{Intake, Work};
use dripline::native::world::{self, World, block_on};
use serde_json::json;
use std::ops::Range;

const JOURNEY: &str = r#"
    [segment.clickers]
    rule = { event = "message.clicked", within = "2d" }
    [journey.j]
    enter = { form = "f" }
    [[journey.j.step]]
    id = "welcome"
    send = "emails/welcome"
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

fn journey_world() -> World {
    world(&format!("{FORM}{JOURNEY}"))
}

const FIELDS: [(&str, &str); 2] = agrees("ann@example.com");

/// Submits all of them concurrently; every one must be accepted.
fn post_together(world: &World, posts: Vec<Submitted>) {
    let db = InTurns(&world.db);
    let now = MONDAY.plus(Span::seconds(10));
    let post = |(index, submitted)| -> Task<'_, _> {
        let (db, catalog, keys) = (&db, &world.catalog, &world.settings.keys);
        Box::pin(async move {
            let mut ids = Ids::new(now, 1_000 + index as u64);
            form::submit(db, catalog, keys, submitted, now, &mut ids).await
        })
    };
    let answers = together(posts.into_iter().enumerate().map(post).collect());
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
}

#[test]
fn concurrent_first_submissions_make_one_contact() {
    let mut world = journey_world();
    let posts = (0..50).map(|_| submission(&mut world, &FIELDS)).collect();
    post_together(&world, posts);
    let db = &world.db;
    assert_eq!(number(db, "SELECT count(*) FROM contacts"), 1);
    assert_eq!(number(db, "SELECT count(*) FROM events WHERE name = 'form.submitted'"), 50);
    assert_eq!(number(db, "SELECT count(*) FROM enrollments"), 1);
    assert_eq!(number(db, "SELECT count(*) FROM messages"), 1);
    assert_eq!(number(db, "SELECT sum(value) FROM counters WHERE metric = 'leads'"), 1);
    assert_sound(db, None);
    world.after(Span::days(5)).unwrap();
    assert_eq!(world.inbox("ann@example.com").len(), 2);
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn repeated_posts_of_one_form_are_one_submission() {
    let mut world = journey_world();
    let posts = vec![submission(&mut world, &FIELDS); 50];
    post_together(&world, posts);
    assert_eq!(
        history(&world.db, "ann@example.com"),
        ["form.submitted", "consent.granted", "journey.entered"]
    );
    assert_sound(&world.db, None);
}

#[test]
fn submissions_with_one_key_are_one_submission() {
    let mut world = journey_world();
    let one = submission(&mut world, &FIELDS);
    let other = Submitted { email: Some("bo@example.com".to_owned()), ..one.clone() };
    post_together(&world, vec![one, other]);
    assert_eq!(number(&world.db, "SELECT count(*) FROM contacts"), 1);
    assert_sound(&world.db, None);
}

#[test]
fn concurrent_submissions_make_separate_contacts() {
    let mut world = journey_world();
    let posts = (0..20)
        .map(|n| submission(&mut world, &[("email", &format!("p{n}@example.com")), FIELDS[1]]));
    let posts = posts.collect();
    post_together(&world, posts);
    assert_eq!(number(&world.db, "SELECT count(*) FROM contacts"), 20);
    assert_eq!(number(&world.db, "SELECT sum(value) FROM counters WHERE metric = 'leads'"), 20);
    assert_sound(&world.db, None);
}

/// The due contacts of the world, as a worker is handed them.
fn everybody(world: &World) -> Vec<RecordId> {
    let rows = rows(&world.db, "SELECT id FROM contacts");
    rows.iter().map(|row| RecordId::from(row["id"].as_str().unwrap())).collect()
}

#[test]
fn concurrent_workers_take_each_step_once() {
    let mut world = journey_world();
    for n in 0..10 {
        let email = format!("p{n}@example.com");
        world.submit("/p", &[("email", &email), FIELDS[1]]).unwrap();
    }
    let now = world.now().plus(Span::days(1));
    let db = InTurns(&world.db);
    let worker = |seed: u64| -> Task<'_, _> {
        let (db, catalog, contacts) = (&db, &world.catalog, everybody(&world));
        Box::pin(
            async move { due::run(db, catalog, contacts, now, &mut Ids::new(now, seed)).await },
        )
    };
    let answers = together((100..104).map(worker).collect());
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    let nudges = "SELECT count(*) FROM messages WHERE step = 'nudge'";
    assert_eq!(number(&world.db, nudges), 10);
    let moves = "SELECT count(*) FROM events WHERE name = 'journey.moved'";
    assert_eq!(number(&world.db, moves), 10);
    assert_sound(&world.db, None);
}

#[test]
fn concurrent_ticks_hand_out_each_contact_once() {
    let mut world = journey_world();
    world.submit("/p", &FIELDS).unwrap();
    let now = world.now().plus(Span::days(1));
    let db = InTurns(&world.db);
    let tick = |()| -> Task<'_, _> { Box::pin(world::due(&db, now)) };
    let handed_out: Vec<Work> =
        together(vec![tick(()), tick(())]).into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(handed_out, [Work::DueV1 { contacts: everybody(&world) }]);
}

#[test]
fn contact_of_dead_worker_is_retried_after_five_minutes() {
    let mut world = journey_world();
    world.submit("/p", &FIELDS).unwrap();
    let now = world.now().plus(Span::days(1));
    let tick = |at| block_on(world::due(&world.db, at)).unwrap();
    assert_eq!(tick(now).len(), 1, "handed to a worker that dies");
    assert_eq!(tick(now.plus(Span::minutes(4))), []);
    assert_eq!(tick(now.plus(Span::minutes(5))).len(), 1);
}

#[test]
fn concurrent_click_and_unsubscribe_are_both_kept() {
    let mut world = journey_world();
    world.submit("/p", &FIELDS).unwrap();
    let mail = world.inbox("ann@example.com").remove(0);
    let now = world.now().plus(Span::minutes(1));
    let link = |path: &str, purpose| {
        let token = mail.html.split(path).nth(1).unwrap().split('"').next().unwrap();
        Link::verify(&world.settings, purpose, token).unwrap()
    };
    let (click, stop) = (link("/c/", Purpose::Click), link("/u/", Purpose::Unsubscribe));
    let report = |key: &str| {
        Intake::EngagementV1(Engagement {
            contact: click.contact.clone(),
            message: click.message.clone(),
            url: Some(click.rest.clone()),
            at: now,
            machine: Vec::new(),
            facts: None,
            key: key.to_owned(),
        })
    };
    let db = InTurns(&world.db);
    let (db, catalog, keys) = (&db, &world.catalog, &world.settings.keys);
    let clicking = |key: &'static str, seed: u64| -> Task<'_, bool> {
        let task = report(key);
        Box::pin(async move {
            let mut ids = Ids::new(now, seed);
            consume::record(db, catalog, keys, vec![task], now, &mut ids).await.is_ok()
        })
    };
    let stopping = |seed: u64| -> Task<'_, bool> {
        let stop = stop.clone();
        Box::pin(async move {
            let mut ids = Ids::new(now, seed);
            subscription_links::unsubscribe(db, catalog, stop, "o", now, &mut ids).await.is_ok()
        })
    };
    let flows = vec![clicking("k1", 1), stopping(2), clicking("k2", 3), stopping(4)];
    assert_eq!(together(flows), [true; 4]);
    let count = |name: &str| {
        history(&world.db, "ann@example.com").iter().filter(|event| *event == name).count()
    };
    assert_eq!((count("message.clicked"), count("consent.withdrawn")), (2, 1));
    let clicked = "SELECT sum(value) FROM counters WHERE metric = 'clicked'";
    assert_eq!(number(&world.db, clicked), 1);
    assert_sound(&world.db, None);
}

#[test]
fn reports_about_new_contacts_in_one_batch_count_once() {
    let mut world = journey_world();
    let order = |key: &str, email: Option<&str>, phone: Option<&str>, id: Option<&str>| {
        let task = report(MONDAY, "", "order.completed", json!({}), key);
        let Intake::CustomEventV1 { event, .. } = task else { unreachable!() };
        Intake::CustomEventV1 {
            email: email.map(str::to_owned),
            phone: phone.map(str::to_owned),
            external_id: id.map(str::to_owned),
            contact_id: None,
            event,
        }
    };
    let (email, phone) = (Some("new@example.com"), Some("+447400123456"));
    let tasks = vec![
        order("k1", email, None, None),
        order("k2", email, phone, None),
        order("k3", email, None, Some("7")),
        order("k4", None, None, Some("7")),
        order("k5", None, phone, None),
        // An external id may be the same text as the e-mail address.
        order("k6", Some("id@example.com"), None, Some("id@example.com")),
    ];
    world.take_in(tasks.clone()).unwrap();
    world.take_in(tasks).unwrap();
    assert_sound(&world.db, None);
    assert_eq!(number(&world.db, "SELECT count(*) FROM events"), 6);
    let owner = json!({ "email": "new@example.com", "phone": "+447400123456", "external_id": "7" });
    let other =
        json!({ "email": "id@example.com", "phone": null, "external_id": "id@example.com" });
    let found = rows(&world.db, "SELECT email, phone, external_id FROM contacts ORDER BY phone");
    assert_eq!(found, [other, owner]);
}

#[test]
fn sms_reaches_the_contact_that_gains_its_number_in_the_same_batch() {
    let mut world = journey_world();
    let (email, phone) = ("new@example.com", "+447400123456");
    let event = json!({ "name": "seen", "at": MONDAY, "key": "k1", "properties": {} });
    let task = json!({ "type": "report_v1", "email": email, "phone": phone, "event": event });
    let sms = json!({ "type": "text_v1", "from": phone, "text": "STOP", "source": "twilio",
                      "id": "1", "at": MONDAY, "answers": true });
    let tasks = [task, sms].map(|task| serde_json::from_value(task).unwrap());
    world.take_in(tasks.to_vec()).unwrap();
    let names = history(&world.db, email);
    assert!(names.iter().any(|name| name.contains("contact.suppressed")), "{names:?}");
    assert_sound(&world.db, None);
}

/// An API event about a contact under these names; its key is also the event's name.
fn event_about(key: &str, email: Option<&str>, external_id: Option<&str>) -> Intake {
    let event = json!({ "name": key, "at": MONDAY, "key": key, "properties": {} });
    let task = json!({ "type": "report_v1", "email": email, "external_id": external_id,
                       "event": event });
    serde_json::from_value(task).unwrap()
}

#[test]
fn many_external_ids_of_one_person_cost_as_much_as_one() {
    let world = journey_world();
    let mut ids = Ids::new(world.now(), 1);
    let mut take = |numbers: Range<usize>| {
        let task = |n| event_about(&format!("seen.{n}"), Some(ANN), Some(&format!("id-{n}")));
        let (counted, tasks) = (Counted::new(&world.db), numbers.map(task).collect());
        let (keys, now) = (&world.settings.keys, world.now());
        let flow = consume::record(&counted, &world.catalog, keys, tasks, now, &mut ids);
        block_on(flow).unwrap();
        counted.round_trips.get()
    };
    assert_eq!(take(0..100), 2, "a new person: one round trip reads, one writes");
    assert_eq!(take(100..200), 2, "a known one");
    assert_eq!(number(&world.db, "SELECT count(*) FROM contacts"), 1);
    assert_eq!(number(&world.db, "SELECT count(*) FROM events"), 200);
}

#[test]
fn events_of_a_batch_keep_their_order_however_the_person_is_named() {
    let mut world = journey_world();
    let named = [
        event_about("first", Some(ANN), None),
        event_about("second", Some(ANN), Some("7")),
        event_about("third", None, Some("7")),
        event_about("fourth", Some(ANN), None),
        event_about("fifth", None, Some("7")),
    ];
    world.take_in(named.to_vec()).unwrap();
    assert_eq!(history(&world.db, ANN), ["first", "second", "third", "fourth", "fifth"]);
    assert_sound(&world.db, None);
}

#[test]
fn two_contents_of_one_key_in_a_batch_are_a_conflict_under_any_name() {
    let mut world = journey_world();
    let order = |email: &str, amount: i64| {
        let event = json!({ "name": "order.completed", "at": MONDAY, "key": "api:1",
                            "properties": { "value_minor": amount, "currency": "GBP" },
                            "content": amount.to_string() });
        let task = json!({ "type": "report_v1", "email": email, "event": event });
        serde_json::from_value(task).unwrap()
    };
    world.take_in(vec![order(ANN, 100), order("bob@example.com", 200)]).unwrap();
    let names = rows(&world.db, "SELECT name FROM events ORDER BY name");
    assert_eq!(
        names,
        [json!({ "name": "contact.report_refused" }), json!({ "name": "order.completed" })]
    );
}

#[test]
fn form_posted_while_its_address_is_erased_is_refused_by_the_write() {
    let mut world = journey_world();
    let submitted = submission(&mut world, &FIELDS);
    world.after(Span::minutes(1)).unwrap();
    world.erase(ANN).unwrap();
    let submitted = Submitted { at: MONDAY.plus(Span::seconds(10)), ..submitted };
    post_together(&world, vec![submitted]);
    let sent = "SELECT count(*) FROM events WHERE name = 'form.submitted'";
    assert_eq!(number(&world.db, sent), 0);
    assert_sound(&world.db, None);
}
