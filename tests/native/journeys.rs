//! The journey language: what starts, moves and ends an enrollment, and when.

use super::interleave::{InTurns, Task, together};
use super::invariants::assert_sound;
use super::support::{
    ANN, MONDAY, agrees, campaign, diary, history, number, report, rows, with_steps, world,
};
use dripline::domain::base::primitives::{Ids, Millis, Span};
use dripline::flows::campaign::backfill::FILL_DELAY;
use dripline::flows::ingest::consume;
use dripline::flows::ports::{Database, DatabaseError};
use dripline::native::world::{World, block_on};
use dripline::store::statement::Statement;
use insta::assert_snapshot;
use serde_json::{Value, json};

/// A page `/p` whose form has every field that the journeys here use.
const FORM: &str = r#"
    [page.p]
    path = "/p"
    template = "pages/p"
    title = "P"
    form = "f"
    [form.f]
    fields = [{ name = "email", type = "email", required = true },
              { name = "role", type = "text" }, { name = "renewal", type = "date" },
              { name = "time_zone", type = "text" }]
    consent = { purpose = "news", channels = ["email"], text = "Write to me." }
    [segment.leads]
    rule = { attribute = "role", is = "lead" }
    [segment.fresh]
    rule = { event = "looked", within = "2d" }
"#;

/// A world with these journeys.
fn with(journeys: &str) -> World {
    world(&file(journeys))
}

/// The parts of a campaign with these journeys.
fn file(journeys: &str) -> String {
    format!("{FORM}{}", with_steps(journeys))
}

fn submit(world: &mut World, email: &str, fields: &[(&str, &str)]) {
    world.submit("/p", &[&agrees(email)[..], fields].concat()).unwrap();
}

/// Forms do not overwrite known values, so clears them before the next submission.
fn forget(world: &World) {
    rows(&world.db, "UPDATE contacts SET attributes = '{}', time_zone = NULL");
}

fn send_event(world: &mut World, email: &str, event: &str, properties: Value) {
    let key = format!("{event}-{}-{email}-{properties}", world.now().0);
    let task = report(world.now(), email, event, properties, &key);
    world.take_in(vec![task]).unwrap();
}

/// The state of each enrollment: journey, step, state, reason.
fn enrollments(world: &World) -> String {
    let sql = "SELECT journey, step, state, reason FROM enrollments ORDER BY entered_at, journey";
    let line = |row: &Value| {
        let text = |column: &str| row[column].as_str().unwrap_or_default().to_owned();
        let words = ["journey", "step", "state", "reason"].map(text);
        words.join(" ").trim().to_owned()
    };
    rows(&world.db, sql).iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn split_always_sends_a_contact_the_same_way() {
    let mut world = with(
        r#"
        [journey.j]
        enter = { event = "go" }
        re_entry = "always"
        halves: split = [{ weight = 1, then = "a" }, { weight = 1, then = "end" }]
        a: send = "emails/a"
    "#,
    );
    let address = |n: usize| format!("p{n}@example.com");
    for _ in 0..3 {
        for n in 0..40 {
            submit(&mut world, &address(n), &[]);
            send_event(&mut world, &address(n), "go", json!({}));
        }
        world.after(Span::days(1)).unwrap();
    }
    let messages: Vec<usize> = (0..40).map(|n| world.inbox(&address(n)).len()).collect();
    assert!(messages.iter().all(|count| [0, 3].contains(count)), "{messages:?}");
    let written_to = messages.iter().filter(|count| **count == 3).count();
    assert!((8..=32).contains(&written_to), "{written_to} of 40");
    assert_sound(&world.db, Some(world.now()));
}

/// What Ann does, or how much time passes.
enum Action {
    Event(&'static str, Value),
    BecomeLead,
    Wait(Span),
}

fn act(world: &mut World, actions: &[Action]) {
    for action in actions {
        match action {
            Action::Event(name, properties) => send_event(world, ANN, name, properties.clone()),
            Action::BecomeLead => submit(world, ANN, &[("role", "lead")]),
            Action::Wait(span) => world.after(*span).unwrap(),
        }
    }
}

const WAITS: &str = r#"
    [journey.j]
    enter = { form = "f" }
    hear: wait_for = { any = [{ event = "a" }, { event = "b", where = { x = 1 } }, \
                              { segment = "leads" }, { segment_left = "fresh" }] }; \
          timeout = "9d"; on_timeout = "late"
    heard: send = "emails/heard"; then = "end"
    late: send = "emails/late"
"#;

#[test]
fn wait_for_ends_with_the_first_match() {
    let text = WAITS.replace("\\\n", "");
    let looked = || Action::Event("looked", json!({}));
    let tries = [
        ("a", vec![Action::Event("a", json!({}))]),
        ("b", vec![Action::Event("b", json!({ "x": 1 }))]),
        ("leads", vec![Action::BecomeLead]),
        ("fresh", vec![looked(), Action::Wait(Span::days(2))]),
    ];
    for (what, actions) in tries {
        let mut world = with(&text);
        submit(&mut world, ANN, &[]);
        send_event(&mut world, ANN, "b", json!({ "x": 2 }));
        assert_eq!(enrollments(&world), "j hear active", "{what}");
        act(&mut world, &actions);
        assert_eq!(enrollments(&world), "j heard completed", "{what}");
    }
    let mut world = with(&text);
    submit(&mut world, ANN, &[]);
    world.after(Span::days(10)).unwrap();
    assert_eq!(enrollments(&world), "j late completed");
}

const RENEWAL: &str = r#"
    [journey.j]
    enter = { form = "f" }
    re_entry = "always"
    ahead: wait_until = { date = "renewal", offset = "-7d", time = "09:00" }; otherwise = "none"
    soon: send = "emails/soon"; then = "end"
    none: send = "emails/none"
"#;

#[test]
fn date_wait_uses_the_contacts_time_zone() {
    let mut world = with(RENEWAL);
    submit(&mut world, ANN, &[("renewal", "2026-04-10"), ("time_zone", "America/New_York")]);
    world.after(Span::days(60)).unwrap();
    // 3 April, 09:00 in New York, where summer time has begun.
    assert_snapshot!(diary(&world.captured_messages()),
        @"2026-04-03T13:00:00Z email ann@example.com | emails/soon");
}

#[test]
fn absent_or_past_date_takes_the_other_branch() {
    for fields in [&[][..], &[("renewal", "2026-03-09")], &[("renewal", "2025-12-01")]] {
        let mut world = with(RENEWAL);
        submit(&mut world, ANN, fields);
        assert_eq!(enrollments(&world), "j none completed", "{fields:?}");
    }
}

#[test]
fn changed_zone_or_date_reschedules_the_wait() {
    let mut world = with(RENEWAL);
    submit(&mut world, ANN, &[("renewal", "2026-04-10")]);
    let due = |world: &World| {
        let rows = rows(&world.db, "SELECT due_at FROM enrollments");
        dripline::domain::base::primitives::Millis(rows[0]["due_at"].as_i64().unwrap()).rfc3339()
    };
    assert_eq!(due(&world), "2026-04-03T08:00:00Z", "nine in London, the campaign's zone");
    submit(&mut world, ANN, &[("time_zone", "Asia/Shanghai")]);
    assert_eq!(due(&world), "2026-04-03T01:00:00Z", "nine in Shanghai");
    assert_eq!(history(&world.db, ANN).last().unwrap(), "journey.rescheduled");
    forget(&world);
    submit(&mut world, ANN, &[("renewal", "2026-04-20"), ("time_zone", "Asia/Shanghai")]);
    assert_eq!(due(&world), "2026-04-13T01:00:00Z", "ten days later");
    assert_sound(&world.db, None);
    forget(&world);
    submit(&mut world, ANN, &[("renewal", "2026-03-01")]);
    assert_eq!(enrollments(&world).lines().next(), Some("j none completed"), "the date is past");
}

#[test]
fn time_of_day_wait_follows_the_contacts_new_zone() {
    let mut world = with(
        r#"
        [journey.j]
        enter = { form = "f" }
        morning: wait_until = { time = "09:30" }
        a: send = "emails/a"
    "#,
    );
    submit(&mut world, ANN, &[]); // Monday, 09:00 in London: half an hour to wait.
    submit(&mut world, ANN, &[("time_zone", "Europe/Berlin")]); // It is already 10:00 there.
    world.after(Span::days(3)).unwrap();
    assert_snapshot!(diary(&world.captured_messages()),
        @"2026-03-03T08:30:00Z email ann@example.com | emails/a");
}

#[test]
fn journey_enrolls_in_another_and_leaves_a_third() {
    let mut world = with(
        r#"
        [journey.first]
        enter = { form = "f" }
        settle: wait = "1d"
        over: enroll = "second"
        drop: leave = { journey = "third", reason = "moved on" }
        bye: leave = { reason = "done here" }
        [journey.second]
        enter = { event = "never.happens" }
        hello: send = "emails/second"
        [journey.third]
        enter = { form = "f" }
        long: wait = "9d"
        late: send = "emails/late"
    "#,
    );
    submit(&mut world, ANN, &[]);
    world.after(Span::days(20)).unwrap();
    assert_snapshot!(enrollments(&world), @"
    first bye exited done here
    third long exited moved on
    second hello completed
    ");
    assert_snapshot!(diary(&world.captured_messages()),
        @"2026-03-03T09:01:00Z email ann@example.com | emails/second");
    assert_sound(&world.db, Some(world.now()));
}

const ENDINGS: &str = r#"
    [journey.j]
    enter = { form = "f" }
    goal = { any = [{ event = "bought" }, { rule = { attribute = "role", is = "lead" } }] }
    exit = { any = [{ event = "bought" }, { event = "lost" }, { segment_left = "fresh" }, \
                    { rule = { event = "looked", count = { gte = 2 }, within = "3d" } }] }
    pause: wait = "9d"
    late: send = "emails/late"
"#;

#[test]
fn goal_completes_and_exit_ends_enrollment_at_any_step() {
    let text = ENDINGS.replace("\\\n", "");
    let event = |name| Action::Event(name, json!({}));
    let (two_days, minute) = (Span::days(2), Span::minutes(1));
    for (ending, actions) in [
        ("completed goal", vec![event("bought")]),
        ("completed goal", vec![Action::BecomeLead]),
        ("exited lost", vec![event("lost")]),
        ("exited segment.left", vec![event("looked"), Action::Wait(two_days)]),
        (
            "exited rule",
            vec![event("looked"), Action::Wait(minute), event("looked"), Action::Wait(minute)],
        ),
    ] {
        let mut world = with(&text);
        submit(&mut world, ANN, &[]);
        act(&mut world, &actions);
        assert_eq!(enrollments(&world), format!("j pause {ending}"));
        world.after(Span::days(20)).unwrap();
        assert_eq!(world.captured_messages(), [], "{ending}");
        assert_sound(&world.db, Some(world.now()));
    }
}

#[test]
fn exit_rule_fires_when_time_makes_it_true() {
    let mut world = with(
        r#"
        [journey.j]
        enter = { event = "looked" }
        exit = { rule = { event = "looked", within = "3d", count = { eq = 0 } } }
        pause: wait = "9d"
        late: send = "emails/late"
    "#,
    );
    send_event(&mut world, ANN, "looked", json!({}));
    world.after(Span::days(3)).unwrap();
    assert_eq!(enrollments(&world), "j pause exited rule");
    let at = number(&world.db, "SELECT at FROM events WHERE name = 'journey.exited'");
    assert_eq!(at, MONDAY.plus(Span::days(3)).0);
}

#[test]
fn contact_matching_goal_rule_is_not_enrolled() {
    let mut world = with(&ENDINGS.replace("\\\n", ""));
    submit(&mut world, ANN, &[("role", "lead")]);
    assert_eq!(enrollments(&world), "");
}

const RENEWALS: &str = r#"
    [journey.j]
    enter = { date = "renewal", every = "year", offset = "-7d", time = "09:00" }
    soon: send = "emails/soon"
"#;

#[test]
fn yearly_date_journey_includes_earlier_contacts() {
    let mut world = with("[journey.other]\nenter = { form = \"f\" }\nw: update = { score = 1 }");
    submit(&mut world, ANN, &[("renewal", "2024-02-29"), ("time_zone", "Asia/Shanghai")]);
    submit(&mut world, "bo@example.com", &[]);
    world.publish(campaign(&file(RENEWALS))).unwrap();
    world.after(FILL_DELAY).unwrap();
    world.after(Span::days(3 * 366)).unwrap();
    // Seven days before the anniversary of a 29 February, at 09:00 in Shanghai.
    assert_snapshot!(diary(&world.captured_messages()), @"
    2027-02-21T01:00:00Z email ann@example.com | emails/soon
    2028-02-22T01:00:00Z email ann@example.com | emails/soon
    2029-02-21T01:00:00Z email ann@example.com | emails/soon
    ");
    assert_sound(&world.db, Some(world.now()));
}

const MONTHLY: &str = r#"
    [journey.j]
    enter = { schedule = "FREQ=MONTHLY;BYMONTHDAY=-1;BYHOUR=9", segment = "leads" }
    news: send = "emails/news"
"#;

#[test]
fn schedule_enrolls_segment_members_each_time() {
    let mut world = with(MONTHLY);
    submit(&mut world, ANN, &[("role", "lead"), ("time_zone", "America/New_York")]);
    submit(&mut world, "bo@example.com", &[]);
    world.after(Span::days(70)).unwrap();
    forget(&world);
    submit(&mut world, ANN, &[("role", "student"), ("time_zone", "America/New_York")]);
    world.after(Span::days(30)).unwrap();
    assert_snapshot!(diary(&world.captured_messages()), @"
    2026-03-31T13:00:00Z email ann@example.com | emails/news
    2026-04-30T13:00:00Z email ann@example.com | emails/news
    ");
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn late_segment_member_waits_for_next_occurrence() {
    let mut world = with(&MONTHLY.replace("FREQ=MONTHLY;BYMONTHDAY=-1", "FREQ=DAILY"));
    world.after(Span::hours(2)).unwrap();
    submit(&mut world, ANN, &[("role", "lead")]);
    assert_eq!(enrollments(&world), "");
    world.after(Span::days(1)).unwrap();
    assert_snapshot!(diary(&world.captured_messages()), @"2026-03-03T09:00:00Z email ann@example.com | emails/news");
}

#[test]
fn missed_occurrence_is_caught_up_within_a_day() {
    let outage = |length: Span| {
        let mut world =
            with(&MONTHLY.replace("FREQ=MONTHLY;BYMONTHDAY=-1", "FREQ=WEEKLY;BYDAY=TU"));
        submit(&mut world, ANN, &[("role", "lead")]);
        rows(&world.db, "UPDATE contacts SET wake_at = NULL");
        world.after(Span(Span::days(1).0 + length.0)).unwrap();
        rows(&world.db, "UPDATE contacts SET wake_at = 0");
        world.after(Span::minutes(5)).unwrap();
        world.captured_messages().len()
    };
    assert_eq!(outage(Span::hours(1)), 1);
    assert_eq!(outage(Span::hours(23)), 1);
    assert_eq!(outage(Span::hours(25)), 0);
}

#[test]
fn zone_change_does_not_repeat_an_occurrence() {
    let mut world = with(&MONTHLY.replace("FREQ=MONTHLY;BYMONTHDAY=-1", "FREQ=DAILY"));
    submit(&mut world, ANN, &[("role", "lead"), ("time_zone", "Asia/Shanghai")]);
    world.after(Span::hours(20)).unwrap(); // Tuesday, 05:00 in London, past 09:00 in Shanghai.
    assert_eq!(world.captured_messages().len(), 1);
    forget(&world);
    submit(&mut world, ANN, &[("role", "lead"), ("time_zone", "Europe/London")]);
    world.after(Span::hours(24)).unwrap();
    assert_snapshot!(diary(&world.captured_messages()), @"2026-03-03T01:00:00Z email ann@example.com | emails/news");
}

/// Reports an order under a key that no other report has.
fn order(world: &mut World, id: Value) {
    let key = format!("{}", number(&world.db, "SELECT count(*) FROM events"));
    let task = report(world.now(), ANN, "order.completed", json!({ "order_id": id }), &key);
    world.take_in(vec![task]).unwrap();
}

const ORDERS: &str = r#"
    [journey.j]
    enter = { event = "order.completed" }
    once_per = "order_id"
    ask: wait = "30d"
"#;

#[test]
fn once_per_value_enrolls_once_for_each_value() {
    let mut world = with(ORDERS);
    for id in [json!("a"), json!("b"), json!("a"), json!(7), json!("7"), json!(null), json!("")] {
        order(&mut world, id);
    }
    let keys = "SELECT entry_key FROM enrollments ORDER BY entry_key";
    let keys: Vec<String> = rows(&world.db, keys).iter().map(|row| row.to_string()).collect();
    assert_eq!(keys.join(" "), r#"{"entry_key":"=7"} {"entry_key":"=a"} {"entry_key":"=b"}"#);
    world.after(Span::days(40)).unwrap();
    order(&mut world, json!("a"));
    assert_eq!(number(&world.db, "SELECT count(*) FROM enrollments"), 3);
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn once_per_value_remembers_every_value() {
    let mut world = with(ORDERS);
    for n in 0..130 {
        order(&mut world, json!(format!("order {n}")));
        world.after(Span::seconds(1)).unwrap();
    }
    order(&mut world, json!("order 0"));
    assert_eq!(number(&world.db, "SELECT count(*) FROM enrollments"), 130);
}

#[test]
fn concurrent_reports_of_one_order_enroll_once() {
    let world = with(ORDERS);
    let db = InTurns(&world.db);
    let send_event = |n: u64| -> Task<'_, _> {
        let (db, catalog, keys) = (&db, &world.catalog, &world.settings.keys);
        let properties = json!({ "order_id": "a" });
        let task = report(MONDAY, ANN, "order.completed", properties, &n.to_string());
        Box::pin(async move {
            let mut ids = Ids::new(MONDAY, n);
            consume::record(db, catalog, keys, vec![task], MONDAY, &mut ids).await
        })
    };
    let results = together((0..20).map(send_event).collect());
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    let orders = "SELECT count(*) FROM events WHERE name = 'order.completed'";
    assert_eq!(number(&world.db, orders), 20);
    assert_eq!(number(&world.db, "SELECT count(*) FROM enrollments"), 1);
    assert_sound(&world.db, None);
}

#[test]
fn database_refuses_duplicate_enrollment() {
    for again in ["never", "always", "after 1d"] {
        let mut world = with(&format!(
            "[journey.j]\nenter = {{ form = \"f\" }}\nre_entry = \"{again}\"\nw: wait = \"1d\""
        ));
        for _ in 0..3 {
            submit(&mut world, ANN, &[]);
            world.after(Span::days(2)).unwrap();
        }
        let enrollments = number(&world.db, "SELECT count(*) FROM enrollments");
        assert_eq!(enrollments, if again == "never" { 1 } else { 3 }, "{again}");
        let copies = "INSERT INTO enrollments SELECT contact_id, id || '2', campaign_id, version,
            journey, step, steps_taken, sent, 'active', reason, entered_at, since, 0, entry_key
            FROM enrollments WHERE true LIMIT 1";
        let copy = Statement { sql: copies.into(), params: Vec::new() };
        let refusal = block_on(world.db.batch(vec![copy]));
        assert!(matches!(refusal, Err(DatabaseError::Conflict(_))), "{refusal:?}");
    }
}

const LIMITED: &str = r#"
    [journey.j]
    enter = { form = "f" }
    exit = { event = "lost" }
    limit = { people = 10, per = "hour" }
    hear: wait_for = { event = "hey" }; timeout = "1m"; on_timeout = "a"; then = "b"
    a: send = "emails/a"; then = "end"
    b: send = "emails/b"
"#;

/// The number of enrollments that begin in each hour, by the counters and by the rows.
fn begun(world: &World) -> String {
    let in_events =
        "SELECT group_concat(taken, ' ') AS n FROM (SELECT * FROM journey_hours ORDER BY hour)";
    let counted = "SELECT group_concat(n, ' ') AS n FROM (SELECT count(*) AS n FROM enrollments
                    WHERE steps_taken > 0 GROUP BY (since - 60000) / 3600000)";
    let text = |sql: &str| rows(&world.db, sql)[0]["n"].as_str().unwrap_or_default().to_owned();
    format!("{} | {}", text(in_events), text(counted))
}

#[test]
fn hourly_limit_delays_later_enrollments_in_order() {
    let mut world = with(LIMITED);
    for n in 0..25 {
        submit(&mut world, &format!("p{n:02}@example.com"), &[]);
        world.after(Span::seconds(10)).unwrap();
    }
    send_event(&mut world, "p15@example.com", "hey", json!({}));
    send_event(&mut world, "p16@example.com", "lost", json!({}));
    let hours = "SELECT count(*) FROM enrollments WHERE steps_taken > 0";
    assert_eq!(number(&world.db, hours), 10, "the others wait");
    world.after(Span::hours(4)).unwrap();
    let mails = world.captured_messages();
    let order: Vec<&str> = mails.iter().map(|mail| &mail.address[1..3]).collect();
    let expected: Vec<String> =
        (0..25).filter(|n| *n != 16).map(|n: u32| format!("{n:02}")).collect();
    assert_eq!(order, expected, "nobody is lost, and who left does not begin");
    assert!(mails.iter().all(|mail| mail.subject == "emails/a"), "what came before is past");
    // Each message is sent a minute after its enrollment begins.
    let hour = |at: Millis| at.0.div_euclid(3_600_000);
    let begun = |n: i64| {
        let hours = mails.iter().map(|mail| hour(mail.at.minus(Span::minutes(1))));
        hours.filter(|at| *at == hour(MONDAY) + n).count()
    };
    assert_eq!([begun(0), begun(1), begun(2)], [10, 9, 5]);
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn hourly_limit_holds_for_concurrent_entries() {
    for batch in [1, 7, 45] {
        let world = with(&LIMITED.replace("form = \"f\"", "event = \"go\""));
        let db = InTurns(&world.db);
        let send_event = |(n, people): (usize, &[usize])| -> Task<'_, _> {
            let (db, catalog, keys) = (&db, &world.catalog, &world.settings.keys);
            let task = |n: &usize| {
                let email = format!("p{n:02}@example.com");
                report(MONDAY, &email, "go", json!({}), &format!("go {n}"))
            };
            let tasks: Vec<_> = people.iter().map(task).collect();
            Box::pin(async move {
                let mut ids = Ids::new(MONDAY, n as u64);
                consume::record(db, catalog, keys, tasks, MONDAY, &mut ids).await
            })
        };
        let people: Vec<usize> = (0..45).collect();
        let results = together(people.chunks(batch).enumerate().map(send_event).collect());
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        assert_eq!(begun(&world), "10 10 10 10 5 | 10", "{batch} at a time");
        assert_eq!(number(&world.db, "SELECT count(*) FROM enrollments"), 45);
        let moments = "SELECT count(DISTINCT due_at) FROM enrollments WHERE steps_taken = 0";
        assert!(batch < 45 || number(&world.db, moments) == 35, "spread over their hours");
        assert_sound(&world.db, None);
    }
}

#[test]
fn outgoing_webhook_is_captured_like_mail() {
    let call = "w: webhook = \"https://a.example.com/\"";
    let mut world = with(&format!("[journey.j]\nenter = {{ form = \"f\" }}\n{call}"));
    submit(&mut world, ANN, &[]);
    let message = world.captured_messages().remove(0);
    assert_eq!((&*message.channel, &*message.address), ("webhook", "https://a.example.com/"));
    assert!(message.text.contains(ANN), "{}", message.text);
    assert_sound(&world.db, Some(world.now()));
}
