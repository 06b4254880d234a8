//! Pacing through the real flows: which messages wait, why and until when; no limit is ever
//! exceeded.

use super::interleave::{InTurns, Task, together};
use super::invariants::assert_sound;
use super::support::{FORM, MONDAY, number, rows, world};
use dripline::domain::base::primitives::{Ids, MessageId, Millis, Span};
use dripline::domain::pacing::DeploymentPacing;
use dripline::domain::sending::auto_pause::PauseState;
use dripline::flows::error::FlowError;
use dripline::flows::ports::Http;
use dripline::flows::send;
use dripline::flows::tasks::Work;
use dripline::native::world::{self, World, block_on};
use dripline::providers::http::{HttpError, HttpRequest, HttpResponse};
use proptest::prelude::*;
use std::cell::{Cell, RefCell};

/// This many journeys that the form starts, each with one e-mail.
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

pub fn deployment(json: &str) -> DeploymentPacing {
    DeploymentPacing::read(json).unwrap()
}

pub fn send_form(world: &mut World, email: &str, phone: &str) {
    let fields = [("email", email), ("phone", phone), ("consent", "on")];
    world.submit("/p", &fields).unwrap();
}

/// The number of messages in each state, by reason.
pub fn standing(world: &World) -> String {
    let sql = "SELECT group_concat(n || ' ' || state || ' ' || reason, ', '
                                   ORDER BY state, reason) AS line
                 FROM (SELECT state, reason, count(*) AS n FROM messages GROUP BY state, reason)";
    rows(&world.db, sql)[0]["line"].as_str().unwrap().to_owned()
}

/// When messages were captured, measured from `MONDAY`.
fn sent_at(world: &World) -> Vec<Span> {
    world.captured_messages().iter().map(|mail| Span(mail.at.0 - MONDAY.0)).collect()
}

/// Waiting messages, oldest first.
fn outbox(world: &World) -> Vec<MessageId> {
    let sql = "SELECT id FROM messages WHERE state = 'queued' ORDER BY send_at, id";
    rows(&world.db, sql).iter().map(|row| MessageId::from(row["id"].as_str().unwrap())).collect()
}

#[test]
fn quiet_hours_delay_without_counting_an_attempt() {
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
fn consent_withdrawn_in_quiet_hours_is_respected() {
    let quiet = r#"quiet = { email = { from = "08:30", to = "10:00" } }"#;
    let mut world = campaign(quiet, 2);
    world.settings.pacing = deployment(r#"{ "caps": [{ "messages": 9, "within": "1d" }] }"#);
    send_form(&mut world, "ann@x.example", "");
    rows(&world.db, "UPDATE contacts SET consents = '[]'");
    world.after(Span::hours(2)).unwrap();
    assert_eq!(standing(&world), "2 skipped no_consent");
}

#[test]
fn dropping_quiet_hours_skip_the_message() {
    let quiet = r#"quiet = { email = { from = "08:30", to = "10:00", else = "drop" } }"#;
    let mut world = campaign(quiet, 1);
    send_form(&mut world, "ann@x.example", "");
    assert_eq!(standing(&world), "1 skipped quiet_hours");
}

#[test]
fn capped_message_waits_until_the_cap_allows_it() {
    let caps = r#"caps = [{ channel = "email", messages = 1, within = "1d" },
                          { channel = "email", messages = 3, within = "7d" }]"#;
    let mut world = campaign(caps, 5);
    send_form(&mut world, "ann@x.example", "");
    assert_eq!(standing(&world), "1 delivered , 4 queued capped");
    world.after(Span::days(20)).unwrap();
    let days: Vec<i64> = sent_at(&world).iter().map(|span| span.0 / Span::days(1).0).collect();
    assert_eq!(days, [0, 1, 2, 7, 8]);
    // After being claimed and requeued once, each waits for its time instead of being claimed
    // repeatedly.
    assert!(number(&world.db, "SELECT max(attempts) FROM messages") == 1);
    assert_sound(&world.db, None);
}

#[test]
fn message_past_its_deadline_is_skipped() {
    let caps = r#"give_up_after = "36h"
                  caps = [{ messages = 1, within = "1d" }]"#;
    let mut world = campaign(caps, 3);
    send_form(&mut world, "ann@x.example", "");
    world.after(Span::days(5)).unwrap();
    assert_eq!(standing(&world), "2 delivered , 1 skipped late_capped");
}

#[test]
fn concurrent_deliveries_never_exceed_a_cap() {
    let count = 8;
    let mut world = campaign("", count);
    world.settings.pacing = deployment(r#"{ "caps": [{ "messages": 2, "within": "1h" }] }"#);
    // No provider is configured yet, so nothing is sent.
    let senders = std::mem::take(&mut world.settings.providers.email);
    send_form(&mut world, "ann@x.example", "");
    rows(&world.db, "UPDATE messages SET send_at = 0");
    world.settings.providers.email = senders;
    let db = InTurns(&world.db);
    let mut sent = Vec::new();
    for round in 0..10 {
        let now = world.now().plus(Span::minutes(30 * round));
        let tasks = outbox(&world).into_iter().map(|id| {
            let (db, world) = (&db, &world);
            Box::pin(async move {
                let (catalog, settings, ids) =
                    (&world.catalog, &world.settings, &mut Ids::new(now, 1));
                send::deliver(db, &world.mail_catcher, catalog, settings, vec![id], now, ids).await
            }) as Task<'_, Result<Vec<Work>, _>>
        });
        for ended in together(tasks.collect()) {
            ended.unwrap();
        }
        let total = world.captured_messages().len();
        let before = sent.last().map_or(0, |(_, total)| *total);
        assert!(total - before <= 2, "{} at once", total - before);
        sent.push((now, total));
    }
    // No hour has more than two messages, and all messages are sent.
    for pair in sent.windows(2) {
        let before = sent.iter().rev().find(|(at, _)| *at <= pair[1].0.minus(Span::hours(1)));
        assert!(pair[1].1 - before.map_or(0, |(_, total)| *total) <= 2, "{sent:?}");
    }
    assert_eq!(standing(&world), format!("{count} delivered "));
}

/// A provider that answers instantly, with a clock that only waiting advances.
#[derive(Default)]
struct Clocked {
    elapsed: Cell<Span>,
    began: Cell<Millis>,
    calls: RefCell<Vec<(Millis, usize)>>,
}

impl Http for Clocked {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let messages = serde_json::from_str::<Vec<serde_json::Value>>(&request.body).unwrap();
        let at = self.began.get().plus(self.elapsed.get());
        self.calls.borrow_mut().push((at, messages.len()));
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
    /// A tick and the deliveries it hands out, one after another, as a queue would run them.
    fn tick(&self, world: &World, now: Millis) {
        for work in block_on(world::due(&world.db, now)).unwrap() {
            let Work::DeliverV1 { messages } = work else { continue };
            let (began, elapsed) = (now.plus(self.elapsed.take()), Span::default());
            self.began.set(began);
            self.elapsed.set(elapsed);
            let (catalog, settings, ids) = (&world.catalog, &world.settings, &mut Ids::new(now, 1));
            let delivery = send::deliver(&world.db, self, catalog, settings, messages, began, ids);
            block_on(delivery).unwrap();
            // The next delivery begins when this one has ended.
            self.elapsed.set(Span(began.plus(self.elapsed.get()).0 - now.0));
        }
        self.elapsed.set(Span::default());
    }
}

#[test]
fn backlog_is_sent_within_the_rate_limit() {
    let (people, per_minute) = (150, 60);
    let mut world = campaign("", 2);
    world.settings.pacing =
        deployment(r#"{ "rates": { "mailbox": { "calls": 1, "per": "1s" } } }"#);
    world.settings.providers.batch_max = 1;
    let senders = std::mem::take(&mut world.settings.providers.email);
    for n in 0..people {
        send_form(&mut world, &format!("p{n}@x.example"), "");
    }
    rows(&world.db, "UPDATE messages SET send_at = queued_at");
    world.settings.providers.email = senders;
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
    // Messages are requeued only when necessary.
    assert_eq!(number(&world.db, "SELECT max(attempts) FROM messages"), 1);
}

#[test]
fn warm_up_limits_each_day_oldest_first() {
    let warm_up = r#"warm_up = { start = 2026-03-02, first_day = 4, growth = 1.5 }"#;
    let mut world = campaign(warm_up, 1);
    for n in 0..20 {
        send_form(&mut world, &format!("p{n:02}@x.example"), "");
    }
    assert_eq!(standing(&world), "4 delivered , 16 queued warm_up");
    world.after(Span::days(4)).unwrap();
    let messages = world.captured_messages();
    let mut by_day = std::collections::BTreeMap::<String, usize>::new();
    for message in &messages {
        *by_day.entry(message.at.utc_day()).or_default() += 1;
    }
    assert_eq!(by_day.into_values().collect::<Vec<_>>(), [4, 6, 9, 1]);
    let order = messages.iter().map(|message| (message.at.utc_day(), message.address.as_str()));
    let mut by_age: Vec<&str> = messages.iter().map(|message| message.address.as_str()).collect();
    by_age.sort_unstable();
    // Messages of the same day may be in any order.
    let order: std::collections::BTreeSet<_> = order.collect();
    assert_eq!(order.into_iter().map(|(_, address)| address).collect::<Vec<_>>(), by_age);
}

/// A campaign with this many e-mails sent, bounced and complained about.
fn with_tally(sent: i64, bounced: i64, complained: i64) -> World {
    let mut world = campaign("", 1);
    count(&world, "sent", sent);
    count(&world, "hard_bounced", bounced);
    count(&world, "complained", complained);
    world.tick().unwrap();
    world
}

/// Adds to a counter of the current day.
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
fn complaints_warn_then_auto_pause_a_campaign() {
    let mut world = with_tally(10_000, 0, 11);
    assert_eq!(brake_log(&world), "warned complaints");
    send_form(&mut world, "ann@x.example", "");
    assert_eq!(standing(&world), "1 delivered ");
    count(&world, "complained", 20);
    world.tick().unwrap();
    world.tick().unwrap();
    assert_eq!(brake_log(&world), "warned complaints, stopped complaints");
    send_form(&mut world, "bob@x.example", "");
    assert_eq!(standing(&world), "1 delivered , 1 queued braked");
    // Nothing is lost while the campaign is paused.
    world.after(Span::days(2)).unwrap();
    assert_eq!(standing(&world), "1 delivered , 1 queued braked");
    let report = world.report_in_full("c").unwrap().unwrap();
    assert_eq!(report.brake.map(|event| event.state), Some(PauseState::Stopped));
    let note = || world.release("c", "the bought list is gone");
    assert_eq!(note().unwrap().state, PauseState::Released);
    assert!(matches!(note(), Err(FlowError::NotFound(_))));
    world.after(Span::minutes(1)).unwrap();
    assert_eq!(standing(&world), "2 delivered ");
    // Complaints before the release do not pause it again; complaints after it do.
    world.after(Span::hours(1)).unwrap();
    assert_eq!(brake_log(&world), "warned complaints, stopped complaints, released ");
    count(&world, "sent", 1_000);
    count(&world, "complained", 4);
    world.tick().unwrap();
    let all = "warned complaints, stopped complaints, released , stopped complaints";
    assert_eq!(brake_log(&world), all);
}

#[test]
fn release_restarts_counting_on_the_same_day() {
    let world = with_tally(1_000, 60, 0);
    assert_eq!(brake_log(&world), "stopped bounces");
    world.release("c", "fixed").unwrap();
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
fn blocks_auto_pause_like_hard_bounces() {
    let mut world = with_tally(1_000, 30, 0);
    count(&world, "blocked", 30);
    world.tick().unwrap();
    assert_eq!(brake_log(&world), "stopped bounces");
}

#[test]
fn small_or_old_samples_do_not_auto_pause() {
    assert_eq!(brake_log(&with_tally(99, 99, 99)), "");
    assert_eq!(brake_log(&with_tally(100, 0, 2)), "");
    let mut world = with_tally(10_000, 0, 11);
    world.after(Span::days(7)).unwrap();
    count(&world, "sent", 1_000);
    count(&world, "complained", 1);
    world.tick().unwrap();
    assert_eq!(brake_log(&world), "warned complaints, well ");
}

#[test]
fn release_needs_note_and_paused_campaign() {
    let world = with_tally(1_000, 0, 10);
    assert!(matches!(world.release("c", "  "), Err(FlowError::Rejected(_))));
    assert!(matches!(world.release("c", &"x".repeat(301)), Err(FlowError::Rejected(_))));
    assert!(matches!(world.release("d", "fixed"), Err(FlowError::NotFound(_))));
    assert_eq!(brake_log(&world), "stopped complaints");
}

#[test]
fn auto_paused_campaign_still_sends_confirmations() {
    let confirm = FORM.replace("text =", "double_opt_in = true, text =");
    let mut world = world(&format!("{confirm}{}", mails(1)));
    count(&world, "sent", 1_000);
    count(&world, "complained", 10);
    world.tick().unwrap();
    send_form(&mut world, "ann@x.example", "");
    assert_eq!(standing(&world), "1 delivered ");
}

/// A generated rule: a cap, quiet hours, and whether messages expire.
fn rules() -> impl Strategy<Value = (u32, i64, u16, u16, bool)> {
    (1_u32..4, 1_i64..72, 0_u16..24, 0_u16..24, any::<bool>())
}

const PLACES: [&str; 4] =
    ["Europe/London", "America/New_York", "Asia/Shanghai", "Australia/Lord_Howe"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever the rules and arrival times: no cap is exceeded in any window, nothing is sent in a
    /// recipient's quiet hours, and every message is sent, skipped with a reason, or waiting.
    #[test]
    fn pacing_rules_hold_and_no_message_is_lost(
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
            // The time zone is known before any message of the form is sent.
            let senders = std::mem::take(&mut world.settings.providers.email);
            send_form(&mut world, &format!("p{n}@x.example"), "");
            let place = PLACES[*place];
            rows(&world.db, &format!(
                "UPDATE contacts SET time_zone = '{place}' WHERE email = 'p{n}@x.example'"));
            rows(&world.db, "UPDATE messages SET send_at = queued_at WHERE attempts = 0
                              AND reason LIKE 'no sender%'");
            world.settings.providers.email = senders;
            world.tick().unwrap();
        }
        world.after(Span::days(30)).unwrap();
        for (n, (_, place)) in people.iter().enumerate() {
            let inbox = world.inbox(&format!("p{n}@x.example"));
            let zone = dripline::domain::time::calendar::zone(&[Some(PLACES[*place])]);
            for mail in &inbox {
                let (_, minute) = dripline::domain::time::calendar::local(mail.at, &zone);
                let is_quiet = match from < to {
                    true => (from * 60..to * 60).contains(&minute),
                    false => minute >= from * 60 || minute < to * 60,
                };
                prop_assert!(!is_quiet, "{} is quiet: {from} to {to}", mail.at.rfc3339());
                let until = mail.at.plus(Span::hours(hours));
                let within = inbox.iter().filter(|l| l.at >= mail.at && l.at < until).count();
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
