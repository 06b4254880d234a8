//! Pacing through the real flows: what waits, why, until when, and that no limit is ever passed.

use super::interleave::{InTurns, Task, together};
use super::invariants::assert_sound;
use super::support::{FORM, MONDAY, number, rows, world};
use dripline::domain::base::primitives::{Ids, MessageId, Millis, Span};
use dripline::domain::pacing::DeploymentPacing;
use dripline::domain::sending::auto_pause::PauseState;
use dripline::flows::campaign::auto_pause::NotReleased;
use dripline::flows::ports::Http;
use dripline::flows::send;
use dripline::flows::tasks::Work;
use dripline::native::world::{self, World, block_on};
use dripline::providers::http::{HttpError, HttpRequest, HttpResponse};
use proptest::prelude::*;
use std::cell::{Cell, RefCell};

/// So many journeys that the form begins, each with one mail.
pub fn mails(count: usize) -> String {
    let journey = |n| {
        format!(
            "[journey.j{n}]
             enter = {{ form = \"f\" }}
             [[journey.j{n}.step]]
             id = \"mail\"
             send = \"emails/m{n}\"\n"
        )
    };
    (0..count).map(journey).collect()
}

pub fn campaign(pacing: &str, count: usize) -> World {
    world(&format!("[pacing]\n{pacing}\n{FORM}{}", mails(count)))
}

pub fn house(json: &str) -> DeploymentPacing {
    DeploymentPacing::read(json).unwrap()
}

pub fn send_form(world: &mut World, email: &str, phone: &str) {
    let fields = [("email", email), ("phone", phone), ("consent", "on")];
    world.submit("/p", &fields).unwrap();
}

/// Where the messages stand: how many in each state, for each reason.
pub fn standing(world: &World) -> String {
    let sql = "SELECT group_concat(n || ' ' || state || ' ' || reason, ', '
                                   ORDER BY state, reason) AS line
                 FROM (SELECT state, reason, count(*) AS n FROM messages GROUP BY state, reason)";
    rows(&world.db, sql)[0]["line"].as_str().unwrap().to_owned()
}

/// When letters were kept, after the Monday.
fn sent_at(world: &World) -> Vec<Span> {
    world.letters().iter().map(|letter| Span(letter.at.0 - MONDAY.0)).collect()
}

/// Messages that wait, oldest first.
fn outbox(world: &World) -> Vec<MessageId> {
    let sql = "SELECT id FROM messages WHERE state = 'queued' ORDER BY send_at, id";
    rows(&world.db, sql).iter().map(|row| MessageId::from(row["id"].as_str().unwrap())).collect()
}

#[test]
fn what_falls_into_the_night_waits_and_no_attempt_is_counted() {
    let quiet = r#"quiet = { email = { from = "08:30", to = "10:00" } }"#;
    let mut world = campaign(quiet, 1);
    send_form(&mut world, "ann@x.example", "");
    assert_eq!(standing(&world), "1 queued quiet_hours");
    assert_eq!(number(&world.db, "SELECT attempts FROM messages"), 0);
    world.after(Span::hours(2)).unwrap();
    assert_eq!(sent_at(&world), [Span::hours(1)]);
    assert_eq!(standing(&world), "1 delivered ");
    assert_sound(&world.db, None);
}

#[test]
fn consent_taken_back_in_the_night_is_obeyed_in_the_morning() {
    let quiet = r#"quiet = { email = { from = "08:30", to = "10:00" } }"#;
    let mut world = campaign(quiet, 2);
    world.settings.pacing = house(r#"{ "caps": [{ "messages": 9, "within": "1d" }] }"#);
    send_form(&mut world, "ann@x.example", "");
    rows(&world.db, "UPDATE contacts SET consents = '[]'");
    world.after(Span::hours(2)).unwrap();
    assert_eq!(standing(&world), "2 skipped no_consent");
}

#[test]
fn a_message_of_a_dropping_night_is_skipped_with_its_reason() {
    let quiet = r#"quiet = { email = { from = "08:30", to = "10:00", else = "drop" } }"#;
    let mut world = campaign(quiet, 1);
    send_form(&mut world, "ann@x.example", "");
    assert_eq!(standing(&world), "1 skipped quiet_hours");
}

#[test]
fn whoever_has_had_enough_gets_the_next_one_when_there_is_room() {
    let caps = r#"caps = [{ channel = "email", messages = 1, within = "1d" },
                          { channel = "email", messages = 3, within = "7d" }]"#;
    let mut world = campaign(caps, 5);
    send_form(&mut world, "ann@x.example", "");
    assert_eq!(standing(&world), "1 delivered , 4 queued capped");
    world.after(Span::days(20)).unwrap();
    let days: Vec<i64> = sent_at(&world).iter().map(|span| span.0 / Span::days(1).0).collect();
    assert_eq!(days, [0, 1, 2, 7, 8]);
    // Claimed and put back, each waits for its moment and is not asked about again and again.
    assert!(number(&world.db, "SELECT max(attempts) FROM messages") == 1);
    assert_sound(&world.db, None);
}

#[test]
fn what_would_come_too_late_is_skipped_with_its_reason() {
    let caps = r#"give_up_after = "36h"
                  caps = [{ messages = 1, within = "1d" }]"#;
    let mut world = campaign(caps, 3);
    send_form(&mut world, "ann@x.example", "");
    world.after(Span::days(5)).unwrap();
    assert_eq!(standing(&world), "2 delivered , 1 skipped late_capped");
}

#[test]
fn side_by_side_deliveries_never_pass_a_cap() {
    let count = 8;
    let mut world = campaign("", count);
    world.settings.pacing = house(r#"{ "caps": [{ "messages": 2, "within": "1h" }] }"#);
    // Nothing leaves yet: there is no sender.
    let senders = std::mem::take(&mut world.settings.senders.email);
    send_form(&mut world, "ann@x.example", "");
    rows(&world.db, "UPDATE messages SET send_at = 0");
    world.settings.senders.email = senders;
    let db = InTurns(&world.db);
    let mut sent = Vec::new();
    for round in 0..10 {
        let now = world.now().plus(Span::minutes(30 * round));
        let tasks = outbox(&world).into_iter().map(|id| {
            let (db, world) = (&db, &world);
            Box::pin(async move {
                let (catalog, settings, ids) =
                    (&world.catalog, &world.settings, &mut Ids::new(now, 1));
                send::deliver(db, &world.post, catalog, settings, vec![id], now, ids).await
            }) as Task<'_, Result<Vec<Work>, _>>
        });
        for ended in together(tasks.collect()) {
            ended.unwrap();
        }
        let total = world.letters().len();
        let before = sent.last().map_or(0, |(_, total)| *total);
        assert!(total - before <= 2, "{} at once", total - before);
        sent.push((now, total));
    }
    // Any hour holds two at the most, and everybody gets there.
    for pair in sent.windows(2) {
        let before = sent.iter().rev().find(|(at, _)| *at <= pair[1].0.minus(Span::hours(1)));
        assert!(pair[1].1 - before.map_or(0, |(_, total)| *total) <= 2, "{sent:?}");
    }
    assert_eq!(standing(&world), format!("{count} delivered "));
}

/// A provider that takes no time, on a clock of its own that only waiting moves.
#[derive(Default)]
struct Clocked {
    elapsed: Cell<Span>,
    began: Cell<Millis>,
    calls: RefCell<Vec<(Millis, usize)>>,
}

impl Http for Clocked {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let letters = serde_json::from_str::<Vec<serde_json::Value>>(&request.body).unwrap();
        let at = self.began.get().plus(self.elapsed.get());
        self.calls.borrow_mut().push((at, letters.len()));
        Ok(HttpResponse { status: 200, headers: Vec::new(), body: String::new() })
    }

    fn elapsed(&self) -> Span {
        self.elapsed.get()
    }

    async fn wait_until(&self, elapsed: Span) {
        self.elapsed.set(elapsed.max(self.elapsed.get()));
    }
}

impl Clocked {
    /// A tick and the deliveries that it hands out, one after another, as one queue would.
    fn tick(&self, world: &World, now: Millis) {
        for work in block_on(world::due(&world.db, now)).unwrap() {
            let Work::DeliverV1 { messages } = work else { continue };
            let (began, elapsed) = (now.plus(self.elapsed.take()), Span::default());
            self.began.set(began);
            self.elapsed.set(elapsed);
            let (catalog, settings, ids) = (&world.catalog, &world.settings, &mut Ids::new(now, 1));
            let delivery = send::deliver(&world.db, self, catalog, settings, messages, began, ids);
            block_on(delivery).unwrap();
            // The next one begins when this one has ended.
            self.elapsed.set(Span(began.plus(self.elapsed.get()).0 - now.0));
        }
        self.elapsed.set(Span::default());
    }
}

#[test]
fn after_a_day_without_ticks_everything_leaves_under_the_rate() {
    let (people, per_minute) = (150, 60);
    let mut world = campaign("", 2);
    world.settings.pacing = house(r#"{ "rates": { "mailbox": { "calls": 1, "per": "1s" } } }"#);
    world.settings.senders.batch_max = 1;
    let senders = std::mem::take(&mut world.settings.senders.email);
    for n in 0..people {
        send_form(&mut world, &format!("p{n}@x.example"), "");
    }
    rows(&world.db, "UPDATE messages SET send_at = queued_at");
    world.settings.senders.email = senders;
    let (office, start) = (Clocked::default(), world.now().plus(Span::days(1)));
    for minute in 0..12 {
        office.tick(&world, start.plus(Span::minutes(minute)));
        let calls = office.calls.borrow();
        assert!(calls.windows(2).all(|pair| pair[1].0.0 - pair[0].0.0 >= 1_000), "minute {minute}");
    }
    assert_eq!(standing(&world), format!("{} delivered ", people * 2));
    let calls = office.calls.borrow();
    let last = calls.last().unwrap().0.0 - start.0;
    let least = Span::minutes(people as i64 * 2 / per_minute).0;
    assert!(last <= least * 3, "{} of {}", Span(last), Span(least));
    // Whoever is put back is put back for good reason: a few times at the most.
    assert_eq!(number(&world.db, "SELECT max(attempts) FROM messages"), 1);
}

#[test]
fn a_new_domain_sends_so_much_a_day_and_the_oldest_first() {
    let warm_up = r#"warm_up = { start = 2026-03-02, first_day = 4, growth = 1.5 }"#;
    let mut world = campaign(warm_up, 1);
    for n in 0..20 {
        send_form(&mut world, &format!("p{n:02}@x.example"), "");
    }
    assert_eq!(standing(&world), "4 delivered , 16 queued warm_up");
    world.after(Span::days(4)).unwrap();
    let letters = world.letters();
    let mut by_day = std::collections::BTreeMap::<String, usize>::new();
    for letter in &letters {
        *by_day.entry(letter.at.utc_day()).or_default() += 1;
    }
    assert_eq!(by_day.into_values().collect::<Vec<_>>(), [4, 6, 9, 1]);
    let order = letters.iter().map(|letter| (letter.at.utc_day(), letter.address.as_str()));
    let mut by_age: Vec<&str> = letters.iter().map(|letter| letter.address.as_str()).collect();
    by_age.sort_unstable();
    // Who go together go in any order.
    let order: std::collections::BTreeSet<_> = order.collect();
    assert_eq!(order.into_iter().map(|(_, address)| address).collect::<Vec<_>>(), by_age);
}

/// A campaign of which so many mails were sent, came back and were called spam.
fn judged(sent: i64, bounced: i64, complained: i64) -> World {
    let mut world = campaign("", 1);
    count(&world, "sent", sent);
    count(&world, "hard_bounced", bounced);
    count(&world, "complained", complained);
    world.tick().unwrap();
    world
}

/// Counts more on the present day.
fn count(world: &World, metric: &str, value: i64) {
    let day = world.now().utc_day();
    let sql = format!(
        "INSERT INTO counters VALUES ('c', '{metric}', 'email', 'emails/old', '{day}', {value})
             ON CONFLICT DO UPDATE SET value = value + excluded.value"
    );
    rows(&world.db, &sql);
}

fn brake_log(world: &World) -> String {
    let sql = "SELECT group_concat(state || ' ' || reason, ', ' ORDER BY n) AS line FROM brakes";
    rows(&world.db, sql)[0]["line"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_campaign_that_people_complain_of_is_warned_of_and_then_stopped() {
    let mut world = judged(10_000, 0, 11);
    assert_eq!(brake_log(&world), "warned complaints");
    send_form(&mut world, "ann@x.example", "");
    assert_eq!(standing(&world), "1 delivered ");
    count(&world, "complained", 20);
    world.tick().unwrap();
    world.tick().unwrap();
    assert_eq!(brake_log(&world), "warned complaints, stopped complaints");
    send_form(&mut world, "bob@x.example", "");
    assert_eq!(standing(&world), "1 delivered , 1 queued braked");
    // Nothing of it is lost while it lasts.
    world.after(Span::days(2)).unwrap();
    assert_eq!(standing(&world), "1 delivered , 1 queued braked");
    let report = world.report_in_full("c").unwrap().unwrap();
    assert_eq!(report.brake.map(|word| word.state), Some(PauseState::Stopped));
    let note = || world.release("c", "the bought list is gone");
    assert_eq!(note().unwrap().state, PauseState::Released);
    assert!(matches!(note(), Err(NotReleased::NotStopped(_))));
    world.after(Span::minutes(1)).unwrap();
    assert_eq!(standing(&world), "2 delivered ");
    // What was said before the release does not stop it again; what is said after it does.
    world.after(Span::hours(1)).unwrap();
    assert_eq!(brake_log(&world), "warned complaints, stopped complaints, released ");
    count(&world, "sent", 1_000);
    count(&world, "complained", 4);
    world.tick().unwrap();
    let all = "warned complaints, stopped complaints, released , stopped complaints";
    assert_eq!(brake_log(&world), all);
}

#[test]
fn a_release_on_the_day_itself_counts_from_that_moment_on() {
    let world = judged(1_000, 60, 0);
    assert_eq!(brake_log(&world), "stopped bounces");
    world.release("c", "mended").unwrap();
    let mut world = world;
    world.tick().unwrap();
    count(&world, "sent", 100);
    count(&world, "hard_bounced", 5);
    world.tick().unwrap();
    assert_eq!(brake_log(&world), "stopped bounces, released ");
    count(&world, "hard_bounced", 1);
    world.tick().unwrap();
    assert_eq!(brake_log(&world), "stopped bounces, released , stopped bounces");
}

#[test]
fn refusals_for_the_senders_sake_brake_a_campaign_as_hard_bounces_do() {
    let mut world = judged(1_000, 30, 0);
    count(&world, "blocked", 30);
    world.tick().unwrap();
    assert_eq!(brake_log(&world), "stopped bounces");
}

#[test]
fn a_few_complaints_of_a_few_mails_stop_nothing_and_old_ones_are_forgotten() {
    assert_eq!(brake_log(&judged(99, 99, 99)), "");
    assert_eq!(brake_log(&judged(100, 0, 2)), "");
    let mut world = judged(10_000, 0, 11);
    world.after(Span::days(7)).unwrap();
    count(&world, "sent", 1_000);
    count(&world, "complained", 1);
    world.tick().unwrap();
    assert_eq!(brake_log(&world), "warned complaints, well ");
}

#[test]
fn a_release_wants_a_note_and_a_campaign_that_is_stopped() {
    let world = judged(1_000, 0, 10);
    assert!(matches!(world.release("c", "  "), Err(NotReleased::Note(_))));
    assert!(matches!(world.release("c", &"x".repeat(301)), Err(NotReleased::Note(_))));
    assert!(matches!(world.release("d", "mended"), Err(NotReleased::NotStopped(_))));
    assert_eq!(brake_log(&world), "stopped complaints");
}

#[test]
fn a_stopped_campaign_still_sends_what_was_asked_for() {
    let confirm = FORM.replace("text =", "double_opt_in = true, text =");
    let mut world = world(&format!("{confirm}{}", mails(1)));
    count(&world, "sent", 1_000);
    count(&world, "complained", 10);
    world.tick().unwrap();
    send_form(&mut world, "ann@x.example", "");
    assert_eq!(standing(&world), "1 delivered ");
}

/// What one made-up rule says: a cap, a night and a window, in a file's words.
fn rules() -> impl Strategy<Value = (u32, i64, u16, u16, bool)> {
    (1_u32..4, 1_i64..72, 0_u16..24, 0_u16..24, any::<bool>())
}

const PLACES: [&str; 4] =
    ["Europe/London", "America/New_York", "Asia/Shanghai", "Australia/Lord_Howe"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever the rules and whenever people come: no cap is passed in any window, nothing leaves
    /// in the night of whom it is for, and every message is sent, skipped with a reason, or due.
    #[test]
    fn what_is_sent_keeps_every_rule_and_nothing_is_lost(
        (most, hours, from, to, gives_up) in rules(),
        people in prop::collection::vec((0_i64..4_000, 0_usize..4), 1..8),
        start in 0_i64..365,
    ) {
        prop_assume!(from != to);
        let give_up = if gives_up { "give_up_after = \"40h\"" } else { "" };
        let pacing = format!(
            "{give_up}
             quiet = {{ email = {{ from = \"{from:02}:00\", to = \"{to:02}:00\" }} }}
             caps = [{{ channel = \"email\", messages = {most}, within = \"{hours}h\" }}]");
        let mut world = campaign(&pacing, 4);
        let mut people = people;
        people.sort_unstable();
        world.after(Span::days(start)).unwrap();
        let begin = world.now();
        for (n, (minute, place)) in people.iter().enumerate() {
            let at = begin.plus(Span::minutes(*minute));
            world.after(Span(at.0.saturating_sub(world.now().0).max(0))).unwrap();
            // The zone is known before anything of the form is sent.
            let senders = std::mem::take(&mut world.settings.senders.email);
            send_form(&mut world, &format!("p{n}@x.example"), "");
            let place = PLACES[*place];
            rows(&world.db, &format!(
                "UPDATE contacts SET time_zone = '{place}' WHERE email = 'p{n}@x.example'"));
            rows(&world.db, "UPDATE messages SET send_at = queued_at WHERE attempts = 0
                              AND reason LIKE 'no sender%'");
            world.settings.senders.email = senders;
            world.tick().unwrap();
        }
        world.after(Span::days(30)).unwrap();
        for (n, (_, place)) in people.iter().enumerate() {
            let inbox = world.inbox(&format!("p{n}@x.example"));
            let zone = dripline::domain::time::calendar::zone(&[Some(PLACES[*place])]);
            for letter in &inbox {
                let (_, minute) = dripline::domain::time::calendar::local(letter.at, &zone);
                let is_quiet = match from < to {
                    true => (from * 60..to * 60).contains(&minute),
                    false => minute >= from * 60 || minute < to * 60,
                };
                prop_assert!(!is_quiet, "{} is quiet: {from} to {to}", letter.at.rfc3339());
                let until = letter.at.plus(Span::hours(hours));
                let within = inbox.iter().filter(|l| l.at >= letter.at && l.at < until).count();
                prop_assert!(within <= most as usize, "{within} within {hours}h");
            }
        }
        let lost = "SELECT count(*) FROM messages
                     WHERE NOT (state = 'delivered' OR (state = 'skipped' AND reason <> '')
                                OR (state = 'queued' AND reason <> ''))";
        prop_assert_eq!(number(&world.db, lost), 0);
        assert_sound(&world.db, None);
    }
}
