//! Erasing a contact: what is removed, what is kept, and what happens to pending work. Merging
//! contacts.

use super::invariants::assert_sound;
use super::support::{FORM, MONDAY, agrees, join, number, order, report, rows, submission, world};
use dripline::domain::base::primitives::{Ids, RecordId, Span};
use dripline::domain::base::token::Keyring;
use dripline::domain::inbound::engagement::Engagement;
use dripline::domain::record::event::names;
use dripline::flows::contact::{erase, merge};
use dripline::flows::ingest::form;
use dripline::flows::ports::{Database, DatabaseError};
use dripline::flows::tasks::Intake;
use dripline::native::world::{World, block_on};
use dripline::store::statement::{Rows, Statement, Value};
use serde_json::json;
use std::cell::Cell;

const ANN: &str = "ann.archer@example.com";
const NUMBER: &str = "+447400123456";
const NAME: &str = "Annabel";

/// A journey started by a form, one started once per order, and a segment.
const JOURNEYS: &str = r#"
    [segment.named]
    rule = { attribute = "first_name", set = true }
    [segment.nameless]
    rule = { attribute = "first_name", set = false }
    [journey.j]
    enter = { form = "f" }
    [[journey.j.step]]
    id = "hello"
    send = "emails/hello"
    [[journey.j.step]]
    id = "rest"
    wait = "1d"
    [[journey.j.step]]
    id = "text"
    send = "sms/text"
    [journey.once]
    enter = { event = "order.completed" }
    once_per = "order"
    [[journey.once.step]]
    id = "thanks"
    send = "emails/thanks"
    [[journey.once.step]]
    id = "long"
    wait = "30d"
    [[journey.once.step]]
    id = "tell"
    notify = "owner"
"#;

/// A contact that submitted a form, opened an e-mail, clicked in it, and ordered.
fn busy_world() -> World {
    let mut world = world(&format!("{FORM}{JOURNEYS}"));
    let fields = [("email", ANN), ("phone", NUMBER), ("first_name", NAME), ("consent", "on")];
    world.submit("/p", &fields).unwrap();
    let message = world.inbox(ANN).remove(0);
    assert!(world.click(&message, "/more").unwrap());
    let properties = json!({ "order": NAME, "note": format!("for {ANN}"), "value_minor": 900,
                       "currency": "GBP" });
    let task = report(world.now(), ANN, "order.completed", properties, &format!("api:{ANN}:1"));
    world.take_in(vec![task]).unwrap();
    world
}

/// Every cell of every table that contains one of these texts.
fn cells_with(world: &World, wanted: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for table in rows(&world.db, "SELECT name FROM sqlite_schema WHERE type = 'table'") {
        let table = table["name"].as_str().unwrap().to_owned();
        for row in rows(&world.db, &format!("SELECT * FROM \"{table}\"")) {
            for (column, value) in row.as_object().unwrap() {
                let text = value.to_string().to_lowercase();
                if wanted.iter().any(|one| text.contains(&one.to_lowercase())) {
                    found.push(format!("{table}.{column}: {value}"));
                }
            }
        }
    }
    found
}

fn run(world: &World, sql: &'static str, params: Vec<Value>) {
    block_on(world.db.batch(vec![Statement::new(sql, params)])).unwrap();
}

fn contact_of(world: &World) -> RecordId {
    let row = rows(&world.db, "SELECT id FROM contacts");
    RecordId::from(row[0]["id"].as_str().unwrap())
}

#[test]
fn erasing_removes_identity_from_every_table() {
    let mut world = busy_world();
    // What only a provider, the local mailbox, a fault or a bounce would have written.
    let text = |text: &str| Value::text(text);
    run(
        &world,
        "UPDATE messages SET reason = ?1, state = 'failed' WHERE step = 'thanks'",
        vec![text(&format!("550 no {ANN} here"))],
    );
    run(
        &world,
        "INSERT INTO mailbox SELECT id, channel, '', ?1, '', ?1, '', '', 0 FROM messages",
        vec![text(ANN)],
    );
    run(&world, "INSERT INTO parked SELECT id, ?1, 0, 5 FROM contacts", vec![text(NAME)]);
    run(
        &world,
        "INSERT INTO suppressions (channel, address, reason, at)
                 VALUES ('email', ?1, 'bounced', 0)",
        vec![text(ANN)],
    );
    run(&world, "UPDATE contacts SET external_id = 'crm-4711'", vec![]);
    let known = ["ann.archer", "447400123456", NAME, "crm-4711"];
    let before = cells_with(&world, &known).len();
    assert!(before >= 15, "the test is about something: {before}");

    let erased = world.erase(ANN).unwrap();
    assert_eq!(erased.contact, Some(contact_of(&world)));
    assert_eq!(cells_with(&world, &known), [""; 0]);
    assert_sound_log(&world);

    // Nothing comes back later either.
    world.after(Span::days(40)).unwrap();
    assert_eq!(cells_with(&world, &known), [""; 0]);
}

/// Checks the database without the failed message that the test forged.
fn assert_sound_log(world: &World) {
    let gap = "SELECT count(*) FROM (SELECT 1 FROM events GROUP BY contact_id
               HAVING min(seq) <> 1 OR max(seq) <> count(*))";
    assert_eq!(number(&world.db, gap), 0);
}

#[test]
fn erasing_keeps_anonymous_figures() {
    let mut world = busy_world();
    let figures = "SELECT * FROM counters ORDER BY 1, 2, 3, 4, 5";
    let before = rows(&world.db, figures);
    assert!(before.len() >= 6, "{before:?}");
    world.erase(ANN).unwrap();
    assert_eq!(rows(&world.db, figures), before);
    assert_eq!(number(&world.db, "SELECT count(*) FROM conversions"), 1);
    assert_sound(&world.db, None);
    let log = rows(&world.db, "SELECT name, properties FROM events ORDER BY seq");
    let order = log.iter().find(|row| row["name"] == "order.completed").unwrap();
    assert_eq!(order["properties"], "{}");
    let form = log.iter().find(|row| row["name"] == "form.submitted").unwrap();
    let form: serde_json::Value =
        serde_json::from_str(form["properties"].as_str().unwrap()).unwrap();
    assert_eq!((&form["lead"], &form["form"]), (&json!(true), &json!("c.f")));
    assert!(form.get("answers").is_none(), "{form}");
    // The proof of consent no longer identifies anyone.
    let consents = "SELECT count(*) FROM consents WHERE text <> '' AND origin_hash = ''";
    assert_eq!(number(&world.db, consents), 2);
}

#[test]
fn erased_contact_exits_all_journeys() {
    let mut world = busy_world();
    world.take_messages();
    world.erase(NUMBER).unwrap();
    let enrollments = rows(&world.db, "SELECT DISTINCT state, reason FROM enrollments");
    assert_eq!(enrollments, [json!({ "state": "exited", "reason": "erased" })]);
    // The rule "has no name" would match an empty contact.
    assert_eq!(number(&world.db, "SELECT count(*) FROM segment_members"), 0);
    world.after(Span::days(40)).unwrap();
    assert_eq!(world.captured_messages().len(), 0);
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn queued_message_of_erased_contact_is_skipped() {
    let mut world = world(&format!("{FORM}{JOURNEYS}"));
    let submitted = submission(&mut world, &agrees(ANN));
    let (now, ids) = (world.now().plus(Span::minutes(1)), &mut Ids::new(MONDAY, 5));
    let keys = &world.settings.keys;
    block_on(form::submit(&world.db, &world.catalog, keys, submitted, now, ids)).unwrap();
    world.after(Span(0)).unwrap();
    world.erase(ANN).unwrap();
    world.after(Span::days(1)).unwrap();
    let states = rows(&world.db, "SELECT state, reason FROM messages");
    assert_eq!(states, [json!({ "state": "skipped", "reason": "erased" })]);
    assert_eq!(world.captured_messages().len(), 0);
}

#[test]
fn pending_tasks_of_erased_contact_write_nothing() {
    let mut world = busy_world();
    let contact = contact_of(&world);
    let message = rows(&world.db, "SELECT id FROM messages LIMIT 1")[0]["id"].clone();
    let form = submission(&mut world, &[("email", ANN), ("first_name", NAME)]);
    let sale = order(&world, ANN, 500, "GBP", "o-2");
    let click = Intake::EngagementV1(Engagement {
        contact: contact.clone(),
        message: message.as_str().unwrap().into(),
        url: Some(format!("https://shop.example/?for={ANN}")),
        at: world.now(),
        machine: Vec::new(),
        facts: None,
        key: "late".to_owned(),
    });
    world.after(Span::minutes(1)).unwrap();
    world.erase(contact.as_str()).unwrap();
    let erased_at = number(&world.db, "SELECT seq FROM contacts");
    world.take_in(vec![Intake::SubmissionV1(Box::new(form)), sale, click]).unwrap();
    assert_eq!(number(&world.db, "SELECT count(*) FROM contacts"), 1);
    assert_eq!(number(&world.db, "SELECT seq FROM contacts"), erased_at, "nothing was written");
    assert_eq!(cells_with(&world, &["ann.archer", NAME]), [""; 0]);
}

#[test]
fn erased_contact_returns_as_a_new_one() {
    let mut world = busy_world();
    let old = contact_of(&world);
    world.erase(ANN).unwrap();
    world.take_messages();
    world.after(Span::minutes(1)).unwrap();
    join(&mut world, ANN);
    let row = rows(&world.db, "SELECT id, seq FROM contacts WHERE email IS NOT NULL");
    assert_ne!(row[0]["id"], json!(old));
    assert_eq!(world.inbox(ANN).len(), 1, "consented again, and welcomed");
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn erasing_unknown_address_stops_a_pending_form() {
    let mut world = world(FORM);
    let waiting = submission(&mut world, &[("email", ANN)]);
    world.after(Span::minutes(1)).unwrap();
    let erased = world.erase(&ANN.to_uppercase()).unwrap();
    assert_eq!(erased.contact, None);
    world.take_in(vec![Intake::SubmissionV1(Box::new(waiting))]).unwrap();
    let known = "SELECT count(*) FROM contacts WHERE email IS NOT NULL";
    assert_eq!(number(&world.db, known), 0);
    let listed = rows(
        &world.db,
        "SELECT channel, reason, substr(address, 1, 1) AS sign
                                    FROM suppressions",
    );
    assert_eq!(listed, [json!({ "channel": "email", "reason": "erased", "sign": "#" })]);
    assert!(world.erase("nobody-we-know").is_err());
}

/// A database that answers this many batches, and no more.
struct LostAfter<'a>(&'a World, Cell<usize>);

impl Database for LostAfter<'_> {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError> {
        let Self(world, left) = self;
        left.set(left.get().checked_sub(1).ok_or(DatabaseError::Overloaded("away".to_owned()))?);
        world.db.batch(statements).await
    }
}

#[test]
fn erasing_unknown_address_leaves_nothing_behind_wherever_it_stops() {
    let world = world(FORM);
    for batches in 0..4 {
        let db = LostAfter(&world, Cell::new(batches));
        let (mut ids, now) = (Ids::new(world.now(), batches as u64), world.now());
        let keys = &world.settings.keys;
        let _ = block_on(erase::erase(&db, &world.catalog, keys, ANN, now, &mut ids));
        assert_eq!(number(&world.db, "SELECT count(*) FROM contacts WHERE email IS NOT NULL"), 0);
    }
    assert_sound(&world.db, Some(world.now()));
}

/// A database at which Ann is erased between the first batch and the second.
struct ErasedMeanwhile<'a>(&'a World, Cell<usize>);

impl Database for ErasedMeanwhile<'_> {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError> {
        let Self(world, batches) = self;
        if batches.replace(batches.get() + 1) == 1 {
            let (now, keys) = (world.now().plus(Span::minutes(1)), &world.settings.keys);
            let mut ids = Ids::new(now, 9);
            let done = erase::erase(&world.db, &world.catalog, keys, ANN, now, &mut ids);
            assert!(done.await.is_ok());
        }
        world.db.batch(statements).await
    }
}

#[test]
fn address_erased_mid_submission_stays_erased() {
    let mut world = world(FORM);
    let post = submission(&mut world, &[("email", ANN)]);
    let db = ErasedMeanwhile(&world, Cell::new(0));
    let (mut ids, keys, now) = (Ids::new(world.now(), 7), &world.settings.keys, world.now());
    let work = form::submit(&db, &world.catalog, keys, post, now, &mut ids);
    assert_eq!(block_on(work).map(|work| work.len()), Ok(0));
    assert_eq!(db.1.get(), 3, "read, refused, read again: nothing is left to write");
    assert_eq!(cells_with(&world, &["ann.archer"]), [""; 0]);
    assert_sound(&world.db, None);
}

#[test]
fn erasure_under_two_secrets_counts_from_the_latest() {
    for former in ["a", "b", "c", "d"] {
        let mut world = world(FORM);
        world.settings.keys = Keyring::new("new", Some(former));
        join(&mut world, ANN);
        world.erase(ANN).unwrap();
        world.after(Span::hours(1)).unwrap();
        join(&mut world, ANN);
        let late = submission(&mut world, &[("email", ANN)]);
        world.after(Span::hours(1)).unwrap();
        // A worker that does not know of the new secret yet.
        world.settings.keys = Keyring::new(former, None);
        world.erase(ANN).unwrap();
        world.settings.keys = Keyring::new("new", Some(former));
        let (mut ids, keys, now) = (Ids::new(world.now(), 7), &world.settings.keys, world.now());
        let work = form::submit(&world.db, &world.catalog, keys, late, now, &mut ids);
        assert_eq!(block_on(work).map(|work| work.len()), Ok(0), "{former}");
        assert_eq!(cells_with(&world, &["ann.archer"]), [""; 0]);
    }
}

#[test]
fn erasing_again_changes_nothing() {
    let mut world = busy_world();
    let id = world.erase(ANN).unwrap().contact.unwrap();
    let log = "SELECT count(*) FROM events";
    let events = number(&world.db, log);
    world.after(Span::hours(1)).unwrap();
    let again = world.erase(id.as_str()).unwrap();
    assert!(again.again);
    assert_eq!(number(&world.db, log), events);
    assert_eq!(names::CONTACT_ERASED, "contact.erased");
}

// --- Merging ---------------------------------------------------------------------------------

const WORK: &str = "ann@work.example";

/// Ann with two addresses: at home she has a phone and has ordered, at work she has a name.
fn two_anns(parts: &str) -> World {
    let mut world = world(&format!("{FORM}{parts}"));
    let home = [("email", ANN), ("phone", NUMBER), ("consent", "on")];
    world.submit("/p", &home).unwrap();
    world.submit("/p", &[("email", WORK), ("first_name", NAME), ("consent", "on")]).unwrap();
    world
}

fn id_of(world: &World, email: &str) -> String {
    let row = rows(&world.db, &format!("SELECT id FROM contacts WHERE email = '{email}'"));
    row[0]["id"].as_str().unwrap().to_owned()
}

fn only(world: &World, sql: &str) -> serde_json::Value {
    let mut found = rows(&world.db, sql);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[test]
fn merged_contact_keeps_data_of_both() {
    let mut world = two_anns("");
    let (home, work) = (id_of(&world, ANN), id_of(&world, WORK));
    let merged = world.merge(ANN, WORK).unwrap();
    assert_eq!(
        (merged.contact.0.as_str(), merged.merged.unwrap().0),
        (work.as_str(), home.clone())
    );
    let survivor = only(
        &world,
        "SELECT email, phone, attributes FROM contacts
                                  WHERE merged_into IS NULL",
    );
    assert_eq!((&survivor["email"], &survivor["phone"]), (&json!(WORK), &json!(NUMBER)));
    assert!(survivor["attributes"].as_str().unwrap().contains(NAME));
    // All that is left of the other contact is its address, which leads to the survivor.
    let left = only(
        &world,
        "SELECT id, email, phone, attributes, consents, merged_into
                               FROM contacts WHERE merged_into IS NOT NULL",
    );
    assert_eq!(
        left,
        json!({ "id": home, "email": ANN, "phone": null, "attributes": "{}",
                             "consents": "[]", "merged_into": work })
    );
    world.submit("/p", &[("email", ANN), ("first_name", "Anna")]).unwrap();
    assert_eq!(number(&world.db, "SELECT count(*) FROM contacts"), 2);
    let kept = only(&world, "SELECT attributes, email FROM contacts WHERE merged_into IS NULL");
    assert!(kept["attributes"].as_str().unwrap().contains("Anna"), "{kept}");
    assert_eq!(kept["email"], WORK);
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn repeated_or_unknown_merge_changes_nothing() {
    let mut world = two_anns("");
    let home = id_of(&world, ANN);
    world.merge(ANN, WORK).unwrap();
    let events = number(&world.db, "SELECT count(*) FROM events");
    assert_eq!(world.merge(&home, WORK).unwrap().merged, None);
    assert_eq!(world.merge(WORK, ANN).unwrap().merged, None);
    assert!(world.merge("nobody@example.com", WORK).is_err());
    assert_eq!(number(&world.db, "SELECT count(*) FROM events"), events);
}

#[test]
fn merge_keeps_withdrawn_consent_withdrawn() {
    for (from, into) in [(ANN, WORK), (WORK, ANN)] {
        let mut world = two_anns(JOURNEYS);
        let message = world.inbox(ANN).remove(0);
        world.unsubscribe(&message).unwrap();
        world.take_messages();
        world.merge(from, into).unwrap();
        world.after(Span::days(40)).unwrap();
        let mails: Vec<_> = world
            .captured_messages()
            .into_iter()
            .filter(|message| message.channel == "email")
            .collect();
        assert_eq!(mails.len(), 0, "{from} into {into}: {mails:?}");
        assert_sound(&world.db, Some(world.now()));
    }
}

#[test]
fn merge_does_not_transfer_consent_to_another_address() {
    let mut world = world(FORM);
    join(&mut world, ANN);
    world.submit("/p", &[("email", WORK)]).unwrap();
    world.merge(ANN, WORK).unwrap();
    let consents =
        "SELECT json_each.value FROM contacts, json_each(consents) WHERE merged_into IS NULL
                       AND json_each.value ->> 'channel' = 'email'";
    assert!(rows(&world.db, consents).is_empty(), "nobody agreed for the address at work");
}

#[test]
fn links_of_merged_contact_still_work() {
    let mut world = two_anns(JOURNEYS);
    let mail = world.inbox(ANN).remove(0);
    world.merge(ANN, WORK).unwrap();
    assert!(world.click(&mail, "/more").unwrap());
    let click = only(
        &world,
        "SELECT c.email FROM events e JOIN contacts c ON c.id = e.contact_id
                               WHERE e.name = 'message.clicked'",
    );
    assert_eq!(click["email"], WORK);
    world.unsubscribe(&mail).unwrap();
    world.take_messages();
    world.after(Span::days(40)).unwrap();
    assert_eq!(world.inbox(WORK).len() + world.inbox(ANN).len(), 0);
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn merge_keeps_one_enrollment_per_journey() {
    let mut world = two_anns(JOURNEYS);
    let enrollments = "SELECT state, reason FROM enrollments WHERE journey = 'j' ORDER BY state";
    assert_eq!(rows(&world.db, enrollments).len(), 2);
    world.take_messages();
    world.merge(ANN, WORK).unwrap();
    let ended = json!({ "state": "exited", "reason": "merged" });
    assert_eq!(rows(&world.db, enrollments), [json!({ "state": "active", "reason": "" }), ended]);
    world.after(Span::days(2)).unwrap();
    assert_eq!(world.captured_messages().len(), 1, "the text, once");
    // An enrollment that existed before is not repeated.
    join(&mut world, ANN);
    assert_eq!(rows(&world.db, enrollments).len(), 2);
    assert_sound(&world.db, Some(world.now()));
}

/// A journey of one e-mail, and one of two.
const MAILS: &str = r#"
    [journey.short]
    enter = { form = "f" }
    [[journey.short.step]]
    id = "only"
    send = "emails/hello"
    [journey.long]
    enter = { form = "f" }
    [[journey.long.step]]
    id = "begin"
    send = "emails/hello"
    [[journey.long.step]]
    id = "rest"
    wait = "10d"
    [[journey.long.step]]
    id = "last"
    send = "emails/thanks"
"#;

/// Submits the form without delivering the messages that follow.
fn submit_without_delivery(world: &mut World, email: &str) {
    let post = submission(world, &agrees(email));
    let (mut ids, keys, now) = (Ids::new(world.now(), 8), &world.settings.keys, world.now());
    let work = form::submit(&world.db, &world.catalog, keys, post, now, &mut ids);
    assert!(block_on(work).is_ok());
}

#[test]
fn mail_queued_for_both_is_sent_to_survivor_once() {
    let mut world = world(&format!("{FORM}{MAILS}"));
    submit_without_delivery(&mut world, ANN);
    submit_without_delivery(&mut world, WORK);
    let waiting = "SELECT count(*) FROM messages WHERE state = 'queued'";
    assert_eq!(number(&world.db, waiting), 4, "of each the mail of both journeys");
    world.merge(ANN, WORK).unwrap();
    world.after(Span::days(11)).unwrap();
    assert_eq!((world.inbox(WORK).len(), world.inbox(ANN).len()), (3, 0));
    let held = "SELECT count(*) FROM messages WHERE reason = 'left_journey'";
    assert_eq!(number(&world.db, held), 2);
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn completed_journey_of_survivor_ends_the_other_enrollment() {
    for (re_entry, mails) in [("never", 3), ("always", 4)] {
        let mails_of = MAILS.replace("long]\n", &format!("long]\n    re_entry = \"{re_entry}\"\n"));
        let mut world = world(&format!("{FORM}{mails_of}"));
        join(&mut world, WORK);
        world.after(Span::days(11)).unwrap();
        join(&mut world, ANN);
        world.merge(ANN, WORK).unwrap();
        world.after(Span::days(11)).unwrap();
        assert_eq!(world.inbox(WORK).len(), mails, "re-entry: {re_entry}");
        assert_sound(&world.db, Some(world.now()));
    }
}

#[test]
fn survivor_continues_the_other_enrollments() {
    let mut world = world(&format!("{FORM}{JOURNEYS}"));
    let properties = |order: &str| json!({ "order": order, "value_minor": 1, "currency": "GBP" });
    for (n, email) in [ANN, ANN, WORK].iter().enumerate() {
        let properties = properties(&format!("o{n}"));
        let task = report(world.now(), email, "order.completed", properties, &n.to_string());
        world.take_in(vec![task]).unwrap();
    }
    world.merge(ANN, WORK).unwrap();
    let enrollments = "SELECT count(*) FROM enrollments e JOIN contacts c ON c.id = e.contact_id
                     WHERE e.state = 'active' AND c.email = 'ann@work.example'";
    assert_eq!(number(&world.db, enrollments), 3, "each is for an order of its own");
    world.after(Span::days(31)).unwrap();
    let notices = world.inbox("owner@house.example").len();
    assert_eq!(notices, 3);
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn rules_see_events_of_both_merged_contacts() {
    let segments = r#"
        [segment.twice]
        rule = { event = "order.completed", count = { gte = 2 } }
        [journey.loyal]
        enter = { segment = "twice" }
        [[journey.loyal.step]]
        id = "tell"
        notify = "owner"
        [journey.first]
        enter = { event = "order.completed" }
        re_entry = "always"
        [[journey.first.step]]
        id = "tell"
        notify = "owner"
    "#;
    let mut world = two_anns(segments);
    world
        .take_in(vec![order(&world, ANN, 1, "GBP", "a"), order(&world, WORK, 1, "GBP", "b")])
        .unwrap();
    assert_eq!(world.inbox("owner@house.example").len(), 2);
    world.merge(ANN, WORK).unwrap();
    world.after(Span::hours(1)).unwrap();
    assert_eq!(number(&world.db, "SELECT count(*) FROM segment_members"), 1);
    assert_eq!(world.inbox("owner@house.example").len(), 3, "loyal, and no order reported again");
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn erasing_survivor_erases_merged_contact() {
    let mut world = two_anns(JOURNEYS);
    world.merge(ANN, WORK).unwrap();
    world.erase(ANN).unwrap();
    let known = ["ann.archer", "ann@work", "447400123456", NAME];
    assert_eq!(cells_with(&world, &known), [""; 0]);
    assert_sound(&world.db, None);
    world.after(Span::days(40)).unwrap();
    assert_eq!(cells_with(&world, &known), [""; 0]);
}

#[test]
fn merge_chain_resolves_to_its_last_contact() {
    let mut world = two_anns(JOURNEYS);
    join(&mut world, "ann@school.example");
    let mail = world.inbox(ANN).remove(0);
    world.merge(ANN, WORK).unwrap();
    world.merge(WORK, "ann@school.example").unwrap();
    assert!(world.click(&mail, "/more").unwrap());
    let click = only(
        &world,
        "SELECT c.email FROM events e JOIN contacts c ON c.id = e.contact_id
                               WHERE e.name = 'message.clicked'",
    );
    assert_eq!(click["email"], "ann@school.example");
    world.after(Span::days(40)).unwrap();
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn concurrent_merges_merge_only_once() {
    // Two concurrent merges of the same contacts, in opposite directions: one finds it already
    // done.
    let mut world = two_anns(JOURNEYS);
    let db = super::interleave::InTurns(&world.db);
    let (catalog, now) = (&world.catalog, world.now());
    let (db, mut one, mut other) = (&db, Ids::new(now, 51), Ids::new(now, 52));
    let flows: Vec<super::interleave::Task<'_, _>> = vec![
        Box::pin(merge::merge(db, catalog, ANN, WORK, now, &mut one)),
        Box::pin(merge::merge(db, catalog, WORK, ANN, now, &mut other)),
    ];
    let ended: Vec<_> =
        super::interleave::together(flows).into_iter().map(Result::unwrap).collect();
    assert_eq!(ended.iter().filter(|one| one.merged.is_some()).count(), 1, "{ended:?}");
    assert_eq!(ended[0].contact, ended[1].contact);
    assert_sound(&world.db, None);
    world.after(Span::days(40)).unwrap();
    assert_sound(&world.db, Some(world.now()));
}
