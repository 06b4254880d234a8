//! The cost of each operation in D1: round trips, statements, and rows that change. ARCHITECTURE.md
//! and the documents refer to this table instead of stating the numbers.
//!
//! An operation is what one entry point does: a request, a batch of the intake queue, a tick, or a
//! task of the work queue. Rows are those of tables, as SQLite's `total_changes()` counts them; D1
//! bills a written index entry as one row more. `…, each` is the cost of the whole divided by the
//! number of contacts or messages.

use super::support::fixtures::{Counted, insert_readers};
use super::support::{
    ANN, FORM, MONDAY, agrees, campaign, join, number, sample_world, submission_at, with_steps,
    world,
};
use dripline::domain::base::primitives::{Ids, MessageId, Millis, QualifiedId, Span};
use dripline::domain::base::token::Purpose;
use dripline::domain::campaign::broadcast::BroadcastVerb;
use dripline::domain::contact::message::CapturedMessage;
use dripline::domain::pacing::Rate;
use dripline::flows::broadcast::{control, run};
use dripline::flows::campaign::backfill::{FILL_DELAY, WORKER_LIFE};
use dripline::flows::campaign::catalog_cache::{Library, Shelf};
use dripline::flows::campaign::publish;
use dripline::flows::contact::subscription_links::{self, Confirmation, Link};
use dripline::flows::ingest::{api_events, consume, form};
use dripline::flows::ports::{Database, Http};
use dripline::flows::schedule::due;
use dripline::flows::schedule::tick::{Minute, tick};
use dripline::flows::send::{deliver, restore_guard};
use dripline::flows::tasks::{Intake, MESSAGES_PER_TASK_MAX, Work};
use dripline::native::sqlite::Sqlite;
use dripline::native::stores::Memory;
use dripline::native::world::{World, block_on};
use dripline::providers::http::{HttpError, HttpRequest, HttpResponse};
use dripline::providers::{Provider, resend};
use dripline::store::reports::Visit;
use dripline::store::schedule;
use insta::assert_snapshot;
use serde_json::json;
use std::cell::RefCell;
use std::ops::Range;

/// A journey that sends a message and then waits for two days.
const JOURNEY: &str = r#"
    [journey.j]
    enter = { form = "f" }
    welcome: send = "emails/welcome"
    rest: wait = "1d"
    later: wait = "1d"
"#;

const BROADCAST: &str = r#"
    [segment.readers]
    rule = { consent = "news", channel = "email" }
    [broadcast.news]
    segment = "readers"
    send = "emails/news"
"#;

/// The operations measured so far, one a line.
#[derive(Default)]
struct Costs(Vec<[String; 4]>);

impl Costs {
    /// Runs an operation, and records its cost.
    fn measure<T>(
        &mut self,
        operation: &str,
        db: &Sqlite,
        run: impl AsyncFnOnce(&Counted<&Sqlite>) -> T,
    ) -> T {
        self.measure_each(operation, 1, db, run)
    }

    /// Runs an operation, and records its cost for each of so many contacts or messages.
    fn measure_each<T>(
        &mut self,
        operation: &str,
        count: u64,
        db: &Sqlite,
        run: impl AsyncFnOnce(&Counted<&Sqlite>) -> T,
    ) -> T {
        let changes = || number(db, "SELECT total_changes()") as u64;
        let (counted, before) = (Counted::new(db), changes());
        let result = block_on(run(&counted));
        let numbers = [counted.round_trips.get(), counted.statements.get(), changes() - before];
        let each = numbers.map(|number| (number as f64 / count as f64).to_string());
        let [round_trips, statements, rows] = each;
        self.0.push([operation.to_owned(), round_trips, statements, rows]);
        result
    }

    fn table(&self) -> String {
        let head = ["operation", "round trips", "statements", "rows written"].map(str::to_owned);
        let lines = [head].into_iter().chain(self.0.iter().cloned());
        let width = self.0.iter().map(|[name, ..]| name.chars().count()).max().unwrap_or(0);
        let line = |[name, round_trips, statements, rows]: [String; 4]| {
            format!("{name:width$} | {round_trips:>11} | {statements:>10} | {rows:>12}\n")
        };
        lines.map(line).collect()
    }
}

#[test]
fn operations_cost_what_the_table_says() {
    let mut costs = Costs::default();
    pages(&mut costs);
    forms(&mut costs);
    subscriptions(&mut costs);
    api_requests(&mut costs);
    engagement(&mut costs);
    ticks(&mut costs);
    deliveries(&mut costs);
    broadcasts(&mut costs);
    backfills(&mut costs);
    publishing(&mut costs);
    assert_snapshot!(costs.table(), @"
    operation                                            | round trips | statements | rows written
    landing page, new isolate                            |           0 |          0 |            0
    landing page, same isolate                           |           0 |          0 |            0
    landing page, new isolate, KV is empty               |           2 |          5 |            0
    visit of a landing page, from the queue              |           1 |          2 |            2
    form, new contact                                    |           1 |          7 |           10
    form, known contact                                  |           3 |         13 |            8
    form with double opt-in, new contact                 |           1 |          6 |            8
    confirmation page                                    |           1 |          2 |            0
    confirmation                                         |           3 |          7 |            6
    unsubscribe                                          |           2 |          8 |            6
    API request of 1 order, and its batch from the queue |           3 |          8 |            6
    API request of 100 orders, and their batch, each     |        0.03 |       0.08 |         4.02
    delivery report, from the queue                      |           3 |          4 |            1
    click, from the queue                                |           2 |          7 |            5
    click that moves a journey and enters a segment      |           2 |         10 |           12
    tick, nothing is due                                 |           9 |         23 |            1
    tick, 100 contacts are due                           |          10 |         24 |          103
    task of 100 contacts that are due, each              |        0.02 |       0.04 |            3
    task of 100 messages, in one call to Resend, each    |        0.06 |       0.17 |         5.02
    task of 100 messages, in 100 calls to Resend, each   |        0.46 |       1.57 |         5.22
    start of a broadcast                                 |           4 |          7 |            1
    broadcast to 1,000 recipients, each                  |       0.019 |      0.045 |        5.011
    backfill of a segment, 1,000 contacts enter, each    |       0.048 |       0.11 |        5.012
    publish                                              |           5 |         18 |            4
    ");
}

fn pages(costs: &mut Costs) {
    let world = sample_world("spring-webinar");
    let (kv, empty) = (Memory::default(), Memory::default());
    let filling = Library { db: &world.db, kv: &kv, shelf: &RefCell::default(), now: MONDAY };
    block_on(filling.refresh()).unwrap().unwrap();
    let mut read = |operation: &str, kv: &Memory, shelf: &RefCell<Shelf>| {
        costs.measure(operation, &world.db, async |db| {
            Library { db, kv, shelf, now: MONDAY }.catalog().await.unwrap();
        });
    };
    let shelf = RefCell::default();
    read("landing page, new isolate", &kv, &shelf);
    read("landing page, same isolate", &kv, &shelf);
    read("landing page, new isolate, KV is empty", &empty, &RefCell::default());
    let visit = Visit {
        campaign_id: "spring-webinar".to_owned(),
        visitor: "v".to_owned(),
        part: "webinar/a".to_owned(),
        channel: "direct".to_owned(),
        at: MONDAY,
    };
    take_in(costs, "visit of a landing page, from the queue", &world, Intake::VisitV1(visit));
}

fn forms(costs: &mut Costs) {
    let mut world = sample_world("spring-webinar");
    let mut fields =
        vec![("email", ANN), ("first_name", "Ann"), ("role", "engineer"), ("consent", "on")];
    submit(costs, "form, new contact", &mut world, "/webinar", &fields);
    fields.push(("country", "GB"));
    world.jump(MONDAY.plus(Span::hours(1)));
    submit(costs, "form, known contact", &mut world, "/webinar", &fields);
    let mut world = double_opt_in();
    submit(costs, "form with double opt-in, new contact", &mut world, "/p", &agrees(ANN));
}

/// A world whose form needs a confirmation.
fn double_opt_in() -> World {
    let form = FORM.replace("text = \"Write", "double_opt_in = true, text = \"Write");
    world(&format!("{form}{}", with_steps(JOURNEY)))
}

fn submit(
    costs: &mut Costs,
    operation: &str,
    world: &mut World,
    path: &str,
    fields: &[(&str, &str)],
) {
    let submitted = submission_at(world, path, fields);
    let now = world.now().plus(Span::seconds(10));
    costs.measure(operation, &world.db, async |db| {
        let (keys, ids) = (&world.settings.keys, &mut Ids::new(now, 1));
        form::submit(db, &world.catalog, keys, submitted, now, ids).await.unwrap();
    });
}

/// Measures a batch of one task of the intake queue.
fn take_in(costs: &mut Costs, operation: &str, world: &World, task: Intake) {
    costs.measure(operation, &world.db, async |db| record(db, world, vec![task]).await);
}

async fn record<D: Database>(db: &D, world: &World, tasks: Vec<Intake>) {
    let (keys, now) = (&world.settings.keys, world.now());
    let ids = &mut Ids::new(now, 2);
    consume::record(db, &world.catalog, keys, tasks, now, ids).await.unwrap();
}

fn subscriptions(costs: &mut Costs) {
    let mut world = double_opt_in();
    join(&mut world, ANN);
    let (now, ids) = (world.now(), &mut Ids::new(MONDAY, 3));
    let link = first_link(&world, Purpose::Confirm);
    costs.measure("confirmation page", &world.db, async |db| {
        subscription_links::question(db, &link, now).await.unwrap();
    });
    let work = costs.measure("confirmation", &world.db, async |db| {
        let catalog = &world.catalog;
        let origin_hash = String::new();
        let confirmation = Confirmation { link, shown_at: now, takes_details: true, origin_hash };
        subscription_links::confirm(db, catalog, confirmation, now, ids).await.unwrap()
    });
    let [Work::DeliverV1 { messages }] = &work[..] else { panic!("{work:?}") };
    let (catalog, settings) = (&world.catalog, &world.settings);
    let sent =
        deliver(&world.db, &world.mail_catcher, catalog, settings, messages.clone(), now, ids);
    block_on(sent).unwrap();
    let link = first_link(&world, Purpose::Unsubscribe);
    costs.measure("unsubscribe", &world.db, async |db| {
        subscription_links::unsubscribe(db, catalog, link, "", now, ids).await.unwrap();
    });
}

/// The first link of this kind in the messages so far.
fn first_link(world: &World, purpose: Purpose) -> Link {
    let messages = world.captured_messages();
    let mut links = messages.iter().flat_map(|message| world.links(message, purpose));
    links.next().unwrap()
}

fn api_requests(costs: &mut Costs) {
    let mut world = world(&format!("{FORM}{}", with_steps(JOURNEY)));
    (0..100).for_each(|n| join(&mut world, &address(n)));
    let mut orders = |operation: &str, range: Range<usize>| {
        let count = range.len() as u64;
        let event = |n: usize| {
            json!({ "id": format!("{operation} {n}"), "name": "order.completed",
                    "email": address(n), "value": "10.00", "currency": "GBP" })
        };
        let body = json!({ "events": range.map(event).collect::<Vec<_>>() }).to_string();
        let tasks = api_events::read(body.as_bytes(), world.now(), &mut Ids::new(MONDAY, 4));
        let tasks = tasks.unwrap();
        costs.measure_each(operation, count, &world.db, async |db| {
            assert_eq!(api_events::conflicts(db, &tasks).await, []);
            record(db, &world, tasks).await;
        });
    };
    orders("API request of 1 order, and its batch from the queue", 0..1);
    orders("API request of 100 orders, and their batch, each", 0..100);
}

fn address(n: usize) -> String {
    format!("p{n}@example.com")
}

fn engagement(costs: &mut Costs) {
    let mut world = world(&format!("{FORM}{}", with_steps(JOURNEY)));
    let welcome = welcomed(&mut world, "/p", &agrees(ANN));
    let report = json!({
        "type": "heard_v1", "message": welcome.id,
        "heard": { "news": "delivered", "at": world.now(), "source": "resend" },
    });
    let report = serde_json::from_value(report).unwrap();
    take_in(costs, "delivery report, from the queue", &world, report);
    click(costs, "click, from the queue", &mut world, &welcome);
    let mut world = sample_world("spring-webinar");
    let fields = [("email", ANN), ("first_name", "Ann"), ("role", "lead"), ("consent", "on")];
    let welcome = welcomed(&mut world, "/webinar", &fields);
    click(costs, "click that moves a journey and enters a segment", &mut world, &welcome);
}

/// Submits a form, and returns the message that follows.
fn welcomed(world: &mut World, path: &str, fields: &[(&str, &str)]) -> CapturedMessage {
    world.submit(path, fields).unwrap();
    world.inbox(ANN).remove(0)
}

/// Measures a person's click on the first link of a message, a day later.
fn click(costs: &mut Costs, operation: &str, world: &mut World, message: &CapturedMessage) {
    world.after(Span::hours(25)).unwrap();
    let link = world.links(message, Purpose::Click).next().unwrap();
    let task = json!({
        "type": "engagement_v1", "contact": link.contact, "message": link.message,
        "url": link.rest, "at": world.now(), "key": "click:1",
    });
    take_in(costs, operation, world, serde_json::from_value(task).unwrap());
}

fn ticks(costs: &mut Costs) {
    let mut world = world(&format!("{FORM}{}", with_steps(JOURNEY)));
    (0..100).for_each(|n| join(&mut world, &address(n)));
    world.after(Span::hours(1)).unwrap();
    let minute = world.now().plus(Span::minutes(1));
    assert_eq!(cron(costs, "tick, nothing is due", &world, minute), []);
    let work = cron(costs, "tick, 100 contacts are due", &world, MONDAY.plus(Span::days(2)));
    let [Work::DueV1 { contacts }] = &work[..] else { panic!("{work:?}") };
    costs.measure_each("task of 100 contacts that are due, each", 100, &world.db, async |db| {
        let (catalog, contacts, now) =
            (&world.catalog, contacts.clone(), MONDAY.plus(Span::days(2)));
        due::run(db, catalog, contacts, now, &mut Ids::new(now, 5)).await.unwrap();
    });
}

/// Measures a tick at this time, a minute after another one, and returns what it hands out.
fn cron(costs: &mut Costs, operation: &str, world: &World, now: Millis) -> Vec<Work> {
    let before = schedule::record_tick(now.minus(Span::minutes(1)));
    block_on(world.db.batch(vec![before])).unwrap();
    costs.measure(operation, &world.db, async |db| run_tick(db, world, now).await)
}

async fn run_tick<D: Database>(db: &D, world: &World, now: Millis) -> Vec<Work> {
    let World { kv, queue, catalog, settings, .. } = world;
    let shelf = &RefCell::default();
    let minute = Minute { db, kv, queue, shelf, catalog, settings, now, real_now: now };
    assert_eq!(tick(&minute).await.failures, []);
    queue.take()
}

fn deliveries(costs: &mut Costs) {
    for (operation, batch_max) in [
        ("task of 100 messages, in one call to Resend, each", 100),
        ("task of 100 messages, in 100 calls to Resend, each", 1),
    ] {
        let (world, messages) = queued(MESSAGES_PER_TASK_MAX, batch_max);
        costs.measure_each(operation, messages.len() as u64, &world.db, async |db| {
            restore_guard::watch(db, None, MONDAY).await.unwrap();
            let (catalog, settings) = (&world.catalog, &world.settings);
            let ids = &mut Ids::new(MONDAY, 6);
            deliver(db, &Accepting, catalog, settings, messages, MONDAY, ids).await.unwrap();
        });
        let sent = number(&world.db, "SELECT count(*) FROM messages WHERE state = 'sent'");
        assert_eq!(sent, MESSAGES_PER_TASK_MAX as i64);
    }
}

/// A world in which so many messages wait for Resend.
fn queued(count: usize, batch_max: usize) -> (World, Vec<MessageId>) {
    let mut world = world(&format!("{FORM}{}", with_steps(JOURNEY)));
    world.settings.providers.email =
        vec![Provider::Resend(resend::Account { api_key: "re_1".to_owned() })];
    world.settings.providers.batch_max = batch_max;
    // The calls are not slowed down, so that the task sends all of them.
    let rate = Rate { calls: 1_000_000, per: Span::seconds(1) };
    world.settings.pacing.rates.insert("resend".to_owned(), rate);
    let mut messages = Vec::new();
    for n in 0..count {
        let submitted = submission_at(&mut world, "/p", &agrees(&address(n)));
        let (keys, ids) = (&world.settings.keys, &mut Ids::new(MONDAY, n as u64 + 10));
        let flow = form::submit(&world.db, &world.catalog, keys, submitted, MONDAY, ids);
        for work in block_on(flow).unwrap() {
            let Work::DeliverV1 { messages: queued } = work else { panic!("{work:?}") };
            messages.extend(queued);
        }
    }
    (world, messages)
}

/// A fake of Resend that accepts everything.
struct Accepting;

impl Http for Accepting {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let mails = request.body.matches("\"dripline_message\"").count();
        let body = match request.url.ends_with("/batch") {
            true => json!({ "data": vec![json!({ "id": "re-1" }); mails] }),
            false => json!({ "id": "re-1" }),
        };
        Ok(HttpResponse { status: 200, headers: Vec::new(), body: body.to_string() })
    }
}

fn broadcasts(costs: &mut Costs) {
    let world = readers(BROADCAST);
    let (id, ids) = (QualifiedId::from("c.news"), &mut Ids::new(MONDAY, 7));
    costs.measure("start of a broadcast", &world.db, async |db| {
        control::apply_verb(db, &id, BroadcastVerb::Start, MONDAY).await.unwrap();
    });
    costs.measure_each("broadcast to 1,000 recipients, each", 1_000, &world.db, async |db| {
        let mut messages = 0;
        for work in run::run(db, &world.catalog, &id, MONDAY, ids).await.unwrap() {
            let Work::DeliverV1 { messages: queued } = work else { panic!("{work:?}") };
            messages += queued.len();
        }
        assert_eq!(messages, 1_000);
    });
}

/// A world with 1,000 contacts, who were there before the campaign was published.
fn readers(parts: &str) -> World {
    let mut world = World::new(MONDAY, 1, Vec::new()).unwrap();
    block_on(world.db.batch(insert_readers(1_000))).unwrap();
    world.publish(campaign(&format!("{FORM}{parts}"))).unwrap();
    world
}

fn backfills(costs: &mut Costs) {
    let world = readers(BROADCAST);
    let operation = "backfill of a segment, 1,000 contacts enter, each";
    costs.measure_each(operation, 1_000, &world.db, async |db| {
        for now in [FILL_DELAY, Span(FILL_DELAY.0 + WORKER_LIFE.0)].map(|span| MONDAY.plus(span)) {
            for work in run_tick(db, &world, now).await {
                let Work::DueV1 { contacts } = work else { panic!("{work:?}") };
                let ids = &mut Ids::new(now, 8);
                due::run(db, &world.catalog, contacts, now, ids).await.unwrap();
            }
        }
    });
    assert_eq!(number(&world.db, "SELECT count(*) FROM segment_members"), 1_000);
    assert_eq!(number(&world.db, "SELECT count(*) FROM segment_fills"), 0);
}

fn publishing(costs: &mut Costs) {
    let world = World::new(MONDAY, 1, Vec::new()).unwrap();
    let compiled = campaign(&format!("{FORM}{}{BROADCAST}", with_steps(JOURNEY)));
    costs.measure("publish", &world.db, async |db| {
        publish::publish(db, compiled, MONDAY).await.unwrap();
        let library = Library { db, kv: &world.kv, shelf: &RefCell::default(), now: MONDAY };
        library.refresh().await.unwrap().unwrap();
    });
}
