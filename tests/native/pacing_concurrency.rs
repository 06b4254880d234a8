//! Rate-limited messages, and the slots that concurrent deliveries take: the rules at the moment
//! when a call begins apply, and no limit is exceeded in any window.

use super::interleave::{Task, together};
use super::invariants::assert_sound;
use super::pacing::{campaign, deployment, mails, send_form, standing};
use super::support::{FORM, MONDAY, number, rows, world};
use dripline::domain::base::primitives::{Ids, MessageId, Millis, Span};
use dripline::flows::ports::{Database, DatabaseError, Http};
use dripline::flows::send;
use dripline::native::fault_sim::turns::pass;
use dripline::native::sqlite::Sqlite;
use dripline::native::world::World;
use dripline::providers::http::{HttpError, HttpRequest, HttpResponse};
use dripline::store::statement::{Rows, Statement};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// A clock that advances when all running tasks wait for it; nothing else takes time.
struct Time {
    now: Cell<Millis>,
    /// Whether anything was done since the last check.
    busy: Cell<bool>,
    waited_for: RefCell<Vec<Millis>>,
    under_way: Cell<usize>,
}

impl Time {
    async fn go(&self) {
        while self.under_way.get() > 0 {
            pass().await;
            let next = self.waited_for.borrow().iter().min().copied();
            if !self.busy.replace(false) {
                self.now.set(next.unwrap_or(self.now.get()).max(self.now.get()));
            }
        }
    }
}

/// A provider on this clock. It records when it is called, and runs a closure at the first call.
struct Clocked<'a> {
    began: Millis,
    time: Time,
    calls: RefCell<Vec<Millis>>,
    /// The status that it answers with.
    status: Cell<u16>,
    at_first: Box<dyn Fn() + 'a>,
}

impl<'a> Clocked<'a> {
    fn new(began: Millis, at_first: impl Fn() + 'a) -> Self {
        let (busy, waited_for, under_way, calls) = <_>::default();
        let time = Time { now: Cell::new(began), busy, waited_for, under_way };
        Self { began, time, calls, status: Cell::new(200), at_first: Box::new(at_first) }
    }

    /// The times of the calls, in seconds since the start.
    fn seconds(&self) -> Vec<i64> {
        self.calls.borrow().iter().map(|at| (at.0 - self.began.0) / 1000).collect()
    }
}

impl Http for &Clocked<'_> {
    async fn send(&self, _: HttpRequest) -> Result<HttpResponse, HttpError> {
        self.time.busy.set(true);
        if self.calls.borrow().is_empty() {
            (self.at_first)();
        }
        self.calls.borrow_mut().push(self.time.now.get());
        Ok(HttpResponse { status: self.status.get(), headers: Vec::new(), body: String::new() })
    }

    fn elapsed(&self) -> Span {
        Span(self.time.now.get().0 - self.began.0)
    }

    async fn wait_until(&self, elapsed: Span) {
        let until = self.began.plus(elapsed);
        self.time.waited_for.borrow_mut().push(until);
        while self.time.now.get() < until {
            pass().await;
        }
        self.time.busy.set(true);
        let mut waited_for = self.time.waited_for.borrow_mut();
        let own = waited_for.iter().position(|other| *other == until).unwrap();
        waited_for.swap_remove(own);
    }
}

/// A database at which every caller waits one round before each batch, and which takes no time.
struct Busy<'a>(&'a Sqlite, &'a Time);

impl Database for Busy<'_> {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError> {
        self.1.busy.set(true);
        pass().await;
        self.1.busy.set(true);
        self.0.batch(statements).await
    }
}

/// A world with this many contacts, each with one waiting e-mail, one e-mail per call.
fn crowd(pacing: &str, people: usize, house_rules: &str) -> World {
    let mut world = campaign(pacing, 1);
    fill(&mut world, people);
    world.settings.pacing = deployment(house_rules);
    world
}

fn fill(world: &mut World, people: usize) {
    let senders = std::mem::take(&mut world.settings.providers.email);
    for n in 0..people {
        send_form(world, &format!("p{n:02}@x.example"), "");
    }
    rows(&world.db, "UPDATE messages SET send_at = 0");
    world.settings.providers.email = senders;
    world.settings.providers.batch_max = 1;
}

/// Concurrent deliveries, each of a share of the due messages.
fn side_by_side(world: &World, office: &Clocked<'_>, deliveries: usize) {
    let at = office.began;
    let due = format!("SELECT id FROM messages WHERE state = 'queued' AND send_at <= {}", at.0);
    let due = rows(&world.db, &due);
    let due: Vec<MessageId> =
        due.iter().map(|row| MessageId::from(row["id"].as_str().unwrap())).collect();
    let db = &Busy(&world.db, &office.time);
    office.time.under_way.set(deliveries);
    let tasks = (0..deliveries).map(|n| {
        let share: Vec<_> = due.iter().skip(n).step_by(deliveries).cloned().collect();
        Box::pin(async move {
            let (catalog, settings) = (&world.catalog, &world.settings);
            let ids = &mut Ids::new(at, n as u64);
            send::deliver(db, &office, catalog, settings, share, at, ids).await.unwrap();
            office.time.under_way.update(|count| count - 1);
        }) as Task<'_, ()>
    });
    let go = Box::pin(office.time.go()) as Task<'_, ()>;
    together(tasks.chain([go]).collect());
}

fn deliver_all(world: &World, office: &Clocked<'_>) {
    side_by_side(world, office, 1);
}

fn places(world: &World) -> i64 {
    number(&world.db, "SELECT count(*) FROM cap_places")
}

const SLOW: &str = r#"{ "rates": { "mailbox": { "calls": 1, "per": "10s" } } }"#;

#[test]
fn rate_limited_message_waits_out_quiet_hours() {
    let quiet = r#"quiet = { email = { from = "09:30", to = "10:00" } }"#;
    let world = crowd(quiet, 4, SLOW);
    // Quiet hours begin in 20 seconds; the calls would be at 0, 10, 20 and 30 seconds.
    let at = MONDAY.plus(Span(Span::minutes(30).0 - 20_000));
    let office = Clocked::new(at, || {});
    deliver_all(&world, &office);
    assert_eq!(office.seconds(), [0, 10]);
    assert_eq!(standing(&world), "2 delivered , 2 queued quiet_hours");
    let due = "SELECT min(send_at) FROM messages WHERE state = 'queued'";
    assert_eq!(number(&world.db, due), MONDAY.plus(Span::hours(1)).0);
    assert_sound(&world.db, None);
}

#[test]
fn message_in_quiet_hours_uses_no_rate_slot() {
    let quiet = r#"quiet = { email = { from = "09:30", to = "10:00" } }"#;
    let world = crowd(quiet, 4, SLOW);
    deliver_all(&world, &Clocked::new(MONDAY.plus(Span::minutes(31)), || {}));
    assert_eq!(standing(&world), "4 queued quiet_hours");
    assert_eq!(number(&world.db, "SELECT count(*) FROM sender_rates"), 0);
}

#[test]
fn unsubscribing_stops_a_rate_limited_message() {
    let world = crowd("", 4, SLOW);
    let withdraw = "UPDATE contacts SET consents = '[]' WHERE email <> 'p00@x.example'";
    let office = Clocked::new(MONDAY, || drop(rows(&world.db, withdraw)));
    deliver_all(&world, &office);
    assert_eq!(office.seconds(), [0]);
    assert_eq!(standing(&world), "1 delivered , 3 skipped no_consent");
}

#[test]
fn rate_limited_message_takes_no_cap_slot() {
    let rules = r#"{ "rates": { "mailbox": { "calls": 1, "per": "1m" } },
                     "caps": [{ "messages": 1, "within": "1d" }] }"#;
    let world = crowd("", 2, rules);
    deliver_all(&world, &Clocked::new(MONDAY, || {}));
    assert_eq!(standing(&world), "1 delivered , 1 queued rate_limited");
    assert_eq!(places(&world), 1);
    // It takes a cap slot when the rate limit lets it be sent.
    deliver_all(&world, &Clocked::new(MONDAY.plus(Span::minutes(2)), || {}));
    assert_eq!(standing(&world), "2 delivered ");
    assert_eq!(places(&world), 2);
}

#[test]
fn skipped_message_frees_cap_and_warm_up_slots() {
    let warm_up = r#"warm_up = { start = 2026-03-02, first_day = 9, growth = 1.5 }
                     caps = [{ messages = 1, within = "1d" }]"#;
    let world = crowd(warm_up, 4, SLOW);
    let withdraw = "UPDATE contacts SET consents = '[]' WHERE email <> 'p00@x.example'";
    let office = Clocked::new(MONDAY, || drop(rows(&world.db, withdraw)));
    deliver_all(&world, &office);
    assert_eq!(places(&world), 1);
    assert_eq!(number(&world.db, "SELECT taken FROM warm_up_days"), 1);
}

#[test]
fn failed_attempt_frees_cap_and_warm_up_slots() {
    let warm_up = r#"warm_up = { start = 2026-03-02, first_day = 9, growth = 1.5 }
                     caps = [{ messages = 1, within = "1d" }]"#;
    let world = crowd(warm_up, 2, "{}");
    let office = Clocked::new(MONDAY, || {});
    office.status.set(500);
    deliver_all(&world, &office);
    assert_eq!(number(&world.db, "SELECT count(*) FROM messages WHERE state = 'queued'"), 2);
    assert_eq!(places(&world), 0);
    assert_eq!(number(&world.db, "SELECT taken FROM warm_up_days"), 0);
    office.status.set(200);
    rows(&world.db, "UPDATE messages SET send_at = 0");
    deliver_all(&world, &office);
    assert_eq!(places(&world), 2);
    assert_eq!(number(&world.db, "SELECT taken FROM warm_up_days"), 2);
}

#[test]
fn uncertain_attempt_keeps_its_cap_slot() {
    let rules = r#"{ "rates": { "mailbox": { "calls": 1, "per": "1m" } },
                     "caps": [{ "messages": 1, "within": "1d" }] }"#;
    let world = crowd("", 2, rules);
    rows(&world.db, "UPDATE messages SET uncertain = 1, sender = 'mailbox', called_at = queued_at");
    deliver_all(&world, &Clocked::new(MONDAY, || {}));
    assert_eq!(standing(&world), "1 delivered , 1 queued rate_limited");
    assert_eq!(places(&world), 2);
}

#[test]
fn call_after_midnight_counts_on_the_new_day() {
    let warm_up = "warm_up = { start = 2026-03-02, days = [4, 2] }";
    let world = crowd(warm_up, 4, SLOW);
    let midnight = MONDAY.plus(Span::hours(15));
    let office = Clocked::new(midnight.minus(Span::seconds(15)), || {});
    deliver_all(&world, &office);
    assert_eq!(office.seconds(), [0, 10]);
    assert_eq!(standing(&world), "2 delivered , 2 queued warm_up");
    assert_eq!(number(&world.db, "SELECT taken FROM warm_up_days"), 2);
    deliver_all(&world, &Clocked::new(midnight.plus(Span::minutes(1)), || {}));
    assert_eq!(standing(&world), "4 delivered ");
}

/// Runs concurrent deliveries at these minutes after `MONDAY`; returns when each call was made.
fn at_minutes(world: &World, minutes: impl Iterator<Item = i64>, deliveries: usize) -> Vec<Millis> {
    let mut calls = Vec::new();
    for minute in minutes {
        let office = Clocked::new(MONDAY.plus(Span::minutes(minute)), || {});
        side_by_side(world, &office, deliveries);
        calls.extend(office.calls.take());
    }
    calls.sort_unstable();
    calls
}

/// The number of calls on each day.
fn by_day(calls: &[Millis]) -> Vec<usize> {
    let mut days = BTreeMap::<String, usize>::new();
    for at in calls {
        *days.entry(at.utc_day()).or_default() += 1;
    }
    days.into_values().collect()
}

#[test]
fn hourly_rate_limit_spaces_calls_by_an_hour() {
    let world = crowd("", 3, r#"{ "rates": { "mailbox": { "calls": 1, "per": "1h" } } }"#);
    let calls = at_minutes(&world, 0..200, 3);
    assert_eq!(standing(&world), "3 delivered ");
    assert!(calls.windows(2).all(|pair| pair[1].0 - pair[0].0 >= Span::hours(1).0), "{calls:?}");
}

#[test]
fn concurrent_deliveries_never_exceed_a_rate() {
    let world = crowd("", 60, r#"{ "rates": { "mailbox": { "calls": 2, "per": "5s" } } }"#);
    let calls = at_minutes(&world, 0..10, 7);
    assert_eq!(standing(&world), "60 delivered ");
    let within = |at: &Millis| {
        calls.iter().filter(|other| *other >= at && **other < at.plus(Span::seconds(5))).count()
    };
    assert_eq!(calls.iter().map(within).max(), Some(2), "{calls:?}");
}

#[test]
fn concurrent_deliveries_never_exceed_warm_up() {
    let warm_up = "warm_up = { start = 2026-03-02, days = [5, 8, 13] }";
    let world = crowd(warm_up, 30, "{}");
    let calls = at_minutes(&world, (0..90).map(|hour| hour * 60), 6);
    assert_eq!(by_day(&calls), [5, 8, 13, 4]);
    assert_eq!(standing(&world), "30 delivered ");
}

#[test]
fn concurrent_deliveries_keep_rate_cap_and_warm_up() {
    let text = format!(
        "[pacing]\nwarm_up = {{ start = 2026-03-02, days = [20, 25, 30, 40] }}\n{FORM}{}",
        mails(3)
    );
    let mut world = world(&text);
    fill(&mut world, 25);
    world.settings.pacing = deployment(
        r#"{ "rates": { "mailbox": { "calls": 1, "per": "2s" } },
             "caps": [{ "messages": 1, "within": "1d" }] }"#,
    );
    let calls = at_minutes(&world, (0..6 * 24 * 60).step_by(20), 5);
    assert_eq!(standing(&world), "75 delivered ");
    assert!(calls.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 2_000), "{calls:?}");
    let by_day = by_day(&calls);
    assert!(by_day.iter().zip([20, 25, 30, 40]).all(|(sent, most)| *sent <= most), "{by_day:?}");
    assert_eq!(by_day.iter().sum::<usize>(), 75);
    assert_sound(&world.db, None);
}
