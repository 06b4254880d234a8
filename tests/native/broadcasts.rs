//! Broadcasts: everyone gets one message, whatever fails; pauses, versions, time zones, A/B tests
//! and their winners.

use super::interleave::{InTurns, Task, together};
use super::invariants::assert_sound;
use super::support::{FORM, MONDAY, campaign, history, join, number, order, rows, world};
use dripline::domain::base::language::Language;
use dripline::domain::base::primitives::{Ids, Millis, QualifiedId, Span};
use dripline::domain::campaign::ab_test::Reason;
use dripline::domain::campaign::broadcast::BroadcastState::{Cancelled, Paused, Running};
use dripline::domain::campaign::broadcast::BroadcastVerb::{Cancel, Pause, Resume, Start};
use dripline::domain::contact::message::CapturedMessage;
use dripline::domain::inbound::engagement::Engagement;
use dripline::flows::broadcast::run::{self, BATCH_SIZE};
use dripline::flows::commit::CommitError;
use dripline::flows::contact::explain::{Question, explain};
use dripline::flows::error::FlowError;
use dripline::flows::ports::{Database, DatabaseError};
use dripline::flows::tasks::{Intake, Work};
use dripline::native::sqlite::Sqlite;
use dripline::native::world::{World, block_on};
use dripline::store::statement::{Rows, Statement};
use proptest::prelude::*;
use serde_json::json;
use std::cell::Cell;
use std::collections::BTreeSet;

pub const NEWS: &str = r#"
    [segment.readers]
    rule = { attribute = "email", set = true }
    [broadcast.news]
    segment = "readers"
    send = "emails/news"
"#;

fn address(n: usize) -> String {
    format!("reader{n}@example.com")
}

/// A world with this many subscribed readers.
pub fn readers(parts: &str, count: usize) -> World {
    let mut world = world(&format!("{FORM}{parts}"));
    (0..count).for_each(|n| join(&mut world, &address(n)));
    world
}

/// Lets this many minutes pass, with a tick in each.
pub fn minutes(world: &mut World, minutes: i64) {
    for _ in 0..minutes {
        world.step(world.now().plus(Span::minutes(1))).unwrap();
        world.tick().unwrap();
    }
}

/// Every message went to a different address, and there are this many.
pub fn assert_each_once(world: &World, count: usize) {
    let mails = world.captured_messages();
    let addresses: BTreeSet<&str> = mails.iter().map(|l| l.address.as_str()).collect();
    assert_eq!((mails.len(), addresses.len()), (count, count));
    assert_sound(&world.db, Some(world.now()));
}

pub fn state(world: &World) -> String {
    let row = &rows(&world.db, "SELECT state || ' ' || phase AS s FROM broadcasts")[0];
    row["s"].as_str().unwrap().to_owned()
}

#[test]
fn broadcast_sends_once_to_each_consenting_member() {
    let mut world = readers(NEWS, 5);
    world.submit("/p", &[("email", "refuses@example.com")]).unwrap();
    world.submit("/p", &[("phone", "07400 123456"), ("consent", "on")]).unwrap();
    assert_eq!(world.broadcast("c.news", Start).unwrap().state, Some(Running));
    minutes(&mut world, 1);
    assert_each_once(&world, 5);
    assert_eq!(state(&world), "done rest");
    assert_eq!(history(&world.db, "refuses@example.com").last().unwrap(), "broadcast.skipped");
    let Err(FlowError::Conflict(refusal)) = world.broadcast("c.news", Start) else { panic!() };
    assert_eq!(refusal.problems[0].message, "`c.news` has been sent");
    minutes(&mut world, 5);
    assert_each_once(&world, 5);
}

#[test]
fn preview_counts_recipients_and_exclusions() {
    let mut world = readers(NEWS, 4);
    world.submit("/p", &[("email", "refuses@example.com")]).unwrap();
    let sql = "INSERT INTO suppressions (channel, address, reason, source, at)
               VALUES ('email', 'reader0@example.com', 'bounced', '', 0)";
    rows(&world.db, sql);
    let preview = world.preview_broadcast("c.news").unwrap();
    assert_eq!((preview.audience.members, preview.recipients), (5, 3));
    assert_eq!((preview.audience.suppressed, preview.audience.no_consent), (1, 1));
    assert_eq!(preview.standing.state, None);
    world.broadcast("c.news", Start).unwrap();
    minutes(&mut world, 1);
    assert_each_once(&world, 3);
    assert_eq!(world.preview_broadcast("c.news").unwrap().audience.decided, 5);
}

#[test]
fn late_joiners_and_leavers_get_no_broadcast() {
    let mut world = readers(NEWS, 2);
    world.broadcast("c.news", Start).unwrap();
    world.broadcast("c.news", Pause).unwrap();
    minutes(&mut world, 1);
    join(&mut world, "late@example.com");
    rows(&world.db, "UPDATE contacts SET email = NULL WHERE email = 'reader0@example.com'");
    world.broadcast("c.news", Resume).unwrap();
    minutes(&mut world, 2);
    assert_each_once(&world, 1);
    assert_eq!(world.captured_messages()[0].address, "reader1@example.com");
}

#[test]
fn broadcast_window_overrides_campaign_window() {
    let pacing = "[pacing]\nwindow = { from = '20:00', to = '21:00' }\n";
    let own = "window = { from = '10:00', to = '12:00' }\n[broadcast.late]\nsegment = 'readers'\n\
               send = 'emails/late'";
    let mut world = readers(&format!("{pacing}{NEWS}{own}"), 2);
    world.broadcast("c.news", Start).unwrap();
    world.broadcast("c.late", Start).unwrap();
    minutes(&mut world, 1);
    assert_eq!(world.captured_messages(), []);
    world.after(Span::hours(14)).unwrap();
    let subject = |message: &CapturedMessage| {
        (message.subject.clone(), (message.at.0 - MONDAY.0) / 3_600_000)
    };
    let subjects: BTreeSet<_> = world.captured_messages().iter().map(subject).collect();
    let expected = [("emails/late".to_owned(), 11), ("emails/news".to_owned(), 1)];
    assert_eq!(subjects, BTreeSet::from(expected));
    assert_eq!(world.captured_messages().len(), 4);
}

// --- Crashes ----------------------------------------------------------------------------------

/// A database at which the worker dies: before or after its n-th batch is written.
pub struct Dies<'a> {
    db: &'a Sqlite,
    left: Cell<usize>,
    writes: bool,
}

impl<'a> Dies<'a> {
    pub fn at(db: &'a Sqlite, batch: usize, writes: bool) -> Self {
        Self { db, left: Cell::new(batch), writes }
    }
}

impl Database for Dies<'_> {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError> {
        let died = || Err(DatabaseError::Overloaded("the worker died".to_owned()));
        match self.left.get() {
            0 => died(),
            1 => {
                self.left.set(0);
                if self.writes {
                    self.db.batch(statements).await?;
                }
                died()
            }
            left => {
                self.left.set(left - 1);
                self.db.batch(statements).await
            }
        }
    }
}

fn run(db: &impl Database, world: &World, seed: u64) -> Result<Vec<Work>, CommitError> {
    let (now, id) = (world.now(), QualifiedId::from("c.news"));
    block_on(run::run(db, &world.catalog, &id, now, &mut Ids::new(now, seed)))
}

#[test]
fn worker_death_at_any_batch_loses_and_repeats_no_recipient() {
    let count = BATCH_SIZE + 7;
    let mut world = readers(NEWS, count);
    world.broadcast("c.news", Start).unwrap();
    let begun = world.db.copy().unwrap();
    for writes in [false, true] {
        for batch in 1.. {
            world.db = begun.copy().unwrap();
            world.take_messages();
            let dying = Dies::at(&world.db, batch, writes);
            let ended = run(&dying, &world, 5).is_ok();
            // Nothing of the dead worker's return value is used; ticks find all remaining work.
            minutes(&mut world, 6);
            assert_eq!(state(&world), "done rest", "batch {batch}");
            let sql = "SELECT count(DISTINCT contact_id) AS n FROM messages
                        WHERE broadcast = 'news' AND state = 'delivered'";
            assert_eq!(number(&world.db, sql), count as i64, "batch {batch}");
            assert_sound(&world.db, Some(world.now()));
            if ended {
                assert!(batch > 7, "{batch} batches were tried");
                break;
            }
        }
    }
}

#[test]
fn concurrent_workers_send_broadcast_once_each() {
    let mut world = readers(NEWS, BATCH_SIZE + 20);
    world.broadcast("c.news", Start).unwrap();
    let turns = InTurns(&world.db);
    let (id, now) = (QualifiedId::from("c.news"), world.now());
    let mut seeds = [Ids::new(now, 1), Ids::new(now, 2), Ids::new(now, 3)];
    let tasks = seeds.iter_mut().map(|ids| {
        let task = run::run(&turns, &world.catalog, &id, now, ids);
        Box::pin(task) as Task<'_, _>
    });
    let ended: Vec<Result<Vec<Work>, CommitError>> = together(tasks.collect());
    assert!(ended.iter().all(Result::is_ok));
    minutes(&mut world, 3);
    assert_each_once(&world, BATCH_SIZE + 20);
}

#[test]
fn unreadable_contact_is_retried_without_blocking_others() {
    let mut world = readers(NEWS, 12);
    let sound = rows(&world.db, "SELECT consents FROM contacts WHERE email LIKE 'reader7@%'");
    let consents = sound[0]["consents"].as_str().unwrap().to_owned();
    rows(&world.db, "UPDATE contacts SET consents = '[7]' WHERE email LIKE 'reader7@%'");
    world.broadcast("c.news", Start).unwrap();
    minutes(&mut world, 2);
    assert_eq!(world.captured_messages().len(), 11);
    assert_eq!(state(&world), "running rest");
    let repair =
        format!("UPDATE contacts SET consents = '{consents}' WHERE email LIKE 'reader7@%'");
    rows(&world.db, &repair);
    minutes(&mut world, 12);
    assert_each_once(&world, 12);
    assert_eq!(state(&world), "done rest");
}

// --- Pauses -----------------------------------------------------------------------------------

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn pauses_lose_and_repeat_no_recipient(
        halts in prop::collection::vec((0_usize..14, any::<bool>()), 1..5),
    ) {
        let count = BATCH_SIZE + 60;
        let mut world = readers(NEWS, count);
        world.broadcast("c.news", Start).unwrap();
        for (seed, (batches, writes)) in halts.into_iter().enumerate() {
            // A worker does part of the work, the broadcast is paused, and deliveries see what was
            // decided.
            let dying = Dies::at(&world.db, batches + 1, writes);
            let _ = run(&dying, &world, 100 + seed as u64);
            world.broadcast("c.news", Pause).unwrap();
            let before = world.captured_messages().len();
            minutes(&mut world, 3);
            prop_assert_eq!(world.captured_messages().len(), before, "nothing leaves during a pause");
            world.broadcast("c.news", Resume).unwrap();
        }
        minutes(&mut world, 6);
        let addresses: BTreeSet<String> =
            world.captured_messages().into_iter().map(|message| message.address).collect();
        prop_assert_eq!((world.captured_messages().len(), addresses.len()), (count, count));
        assert_sound(&world.db, Some(world.now()));
    }
}

#[test]
fn cancelled_broadcast_skips_its_queued_messages() {
    let mut world = readers(NEWS, BATCH_SIZE + 10);
    world.broadcast("c.news", Start).unwrap();
    let dying = Dies::at(&world.db, 5, true);
    run(&dying, &world, 9).unwrap_err();
    assert_eq!(world.broadcast("c.news", Cancel).unwrap().state, Some(Cancelled));
    minutes(&mut world, 5);
    assert_eq!(world.captured_messages().len(), 0);
    let sql = "SELECT count(*) AS n FROM messages
                WHERE state = 'skipped' AND reason = 'broadcast_cancelled'";
    assert_eq!(number(&world.db, sql), BATCH_SIZE as i64);
    let Err(FlowError::Conflict(refusal)) = world.broadcast("c.news", Resume) else { panic!() };
    assert_eq!(refusal.problems[0].message, "`c.news` was cancelled");
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn finished_broadcast_can_pause_its_queued_messages() {
    let mut world = readers(NEWS, 30);
    world.broadcast("c.news", Start).unwrap();
    run(&world.db, &world, 4).unwrap();
    assert_eq!(state(&world), "done rest");
    assert_eq!(world.broadcast("c.news", Pause).unwrap().state, Some(Paused));
    minutes(&mut world, 3);
    assert_eq!(world.captured_messages().len(), 0);
    world.broadcast("c.news", Resume).unwrap();
    minutes(&mut world, 1);
    assert_each_once(&world, 30);
    assert_eq!(state(&world), "done rest");
}

#[test]
fn cancelling_paused_broadcast_skips_messages_at_once() {
    let mut world = readers(NEWS, 3);
    world.broadcast("c.news", Start).unwrap();
    run(&world.db, &world, 4).unwrap();
    world.broadcast("c.news", Pause).unwrap();
    minutes(&mut world, 3);
    world.broadcast("c.news", Cancel).unwrap();
    minutes(&mut world, 2);
    let sql = "SELECT count(*) AS n FROM messages WHERE state = 'skipped'";
    assert_eq!(number(&world.db, sql), 3);
}

// --- Versions and times -----------------------------------------------------------------------

#[test]
fn broadcast_stays_on_its_starting_version() {
    let mut world = readers(NEWS, BATCH_SIZE + 30);
    world.broadcast("c.news", Start).unwrap();
    let dying = Dies::at(&world.db, 5, true);
    run(&dying, &world, 9).unwrap_err();
    let other = NEWS.replace("emails/news", "emails/other").replace("true", "false");
    world.publish(campaign(&format!("{FORM}{other}"))).unwrap();
    minutes(&mut world, 3);
    assert_each_once(&world, BATCH_SIZE + 30);
    assert!(world.captured_messages().iter().all(|message| message.subject == "emails/news"));
}

fn at(text: &str) -> String {
    NEWS.replace("send =", &format!("at = {text}\n    send ="))
}

#[test]
fn broadcast_starts_on_campaign_clock() {
    let mut world = readers(&at("2026-03-03T09:30:00"), 3);
    world.after(Span::hours(24)).unwrap();
    assert_eq!(world.captured_messages().len(), 0);
    assert_eq!(state(&world), "scheduled rest");
    world.after(Span::minutes(31)).unwrap();
    assert_each_once(&world, 3);
    let sent = Millis(1_772_442_000_000).plus(Span::minutes(24 * 60 + 30));
    assert!(world.captured_messages().iter().all(|message| message.at == sent));
}

#[test]
fn publishing_moves_or_removes_scheduled_start() {
    let mut world = readers(&at("2026-03-03T09:30:00"), 3);
    world.publish(campaign(&format!("{FORM}{}", at("2026-03-05T09:30:00")))).unwrap();
    world.after(Span::days(2)).unwrap();
    assert_eq!(world.captured_messages().len(), 0);
    world.publish(campaign(&format!("{FORM}{NEWS}"))).unwrap();
    assert_eq!(number(&world.db, "SELECT count(*) AS n FROM broadcasts"), 0);
    world.publish(campaign(&format!("{FORM}{}", at("2026-03-06T09:30:00")))).unwrap();
    world.broadcast("c.news", Cancel).unwrap();
    world.after(Span::days(9)).unwrap();
    assert_eq!(world.captured_messages().len(), 0);
    // A broadcast that is over may stay in the file with a past time.
    world.publish(campaign(&format!("{FORM}{}", at("2026-03-06T09:31:00")))).unwrap();
}

#[test]
fn start_time_long_past_or_far_ahead_is_refused() {
    let mut world = world(&format!("{FORM}{NEWS}"));
    for (time, wrong) in [
        ("2024-03-03T09:30:00", "the time has passed, more than a day ago"),
        ("2029-03-03T09:30:00", "more than two years ahead"),
    ] {
        let refused = world.publish(campaign(&format!("{FORM}{}", at(time))));
        let Err(FlowError::Rejected(refusal)) = refused else { panic!("{refused:?}") };
        let problems = refusal.problems;
        assert_eq!(
            (problems[0].key.as_str(), problems[0].message.as_str()),
            ("broadcast.news.at", wrong)
        );
    }
    // A start time that is only a few hours late starts at once.
    world.publish(campaign(&format!("{FORM}{}", at("2026-03-02T05:00:00")))).unwrap();
    join(&mut world, "ann@example.com");
    minutes(&mut world, 1);
    assert_eq!(world.captured_messages().len(), 1);
}

#[test]
fn recipient_clock_broadcast_arrives_once_at_local_time() {
    let parts = at("2026-03-29T02:30:00").replace("send =", "zone = \"recipient\"\n    send =");
    let mut world = readers(&parts, 4);
    for (n, zone) in ["Pacific/Kiritimati", "Asia/Shanghai", "Europe/Paris"].into_iter().enumerate()
    {
        let sql =
            format!("UPDATE contacts SET time_zone = '{zone}' WHERE email = '{}'", address(n));
        rows(&world.db, &sql);
    }
    world.after(Span::days(30)).unwrap();
    assert_each_once(&world, 4);
    let when = |n| world.inbox(&address(n))[0].at.rfc3339();
    assert_eq!(when(0), "2026-03-28T12:30:00Z");
    assert_eq!(when(1), "2026-03-28T18:30:00Z");
    // Paris skips 02:30, so it is sent an hour later, at 01:30 UTC. That is also London's 02:30,
    // which exists.
    assert_eq!(when(2), "2026-03-29T01:30:00Z");
    assert_eq!(when(3), "2026-03-29T01:30:00Z");
}

#[test]
fn unsubscribing_before_local_time_skips_the_message() {
    let parts = at("2026-03-03T09:00:00").replace("send =", "zone = \"recipient\"\n    send =");
    let mut world = readers(&parts, 2);
    world.after(Span::hours(12)).unwrap();
    assert_eq!(number(&world.db, "SELECT count(*) AS n FROM messages WHERE state = 'queued'"), 2);
    rows(&world.db, "UPDATE contacts SET consents = '[]' WHERE email LIKE 'reader0@%'");
    world.after(Span::days(1)).unwrap();
    assert_eq!(world.captured_messages().len(), 1);
    let row = &rows(&world.db, "SELECT reason FROM messages WHERE state = 'skipped'")[0];
    assert_eq!(row["reason"], "no_consent");
}

// --- Variants ---------------------------------------------------------------------------------

pub const AB: &str = r#"
    [segment.readers]
    rule = { attribute = "email", set = true }
    [broadcast.news]
    segment = "readers"
    [broadcast.news.ab]
    variants = [{ name = "a", send = "emails/a" }, { name = "b", send = "emails/b" }]
    test_share = 40
    wait = "4h"
    sample_min = 20
    otherwise = "a"
"#;

/// Everyone who got this subject clicks in it; with `reasons`, a scanner does.
fn clicks(world: &mut World, subject: &str, reasons: &[&str]) {
    let sql =
        format!("SELECT id, contact_id FROM messages WHERE template = '{subject}' ORDER BY id");
    let report = |row: &serde_json::Value| Engagement {
        contact: row["contact_id"].as_str().unwrap().into(),
        message: row["id"].as_str().unwrap().into(),
        url: Some("https://go.example/more".to_owned()),
        at: world.now(),
        machine: reasons.iter().map(|reason| (*reason).to_owned()).collect(),
        facts: None,
        key: format!("click:{}", row["id"]),
    };
    let found = rows(&world.db, &sql);
    let tasks = found.iter().map(|row| Intake::EngagementV1(report(row))).collect();
    world.take_in(tasks).unwrap();
}

fn sent(world: &World, subject: &str) -> usize {
    world.captured_messages().iter().filter(|message| message.subject == subject).count()
}

#[test]
fn significant_winner_goes_to_the_rest() {
    let mut world = readers(AB, 150);
    world.broadcast("c.news", Start).unwrap();
    minutes(&mut world, 2);
    let tested = [sent(&world, "emails/a"), sent(&world, "emails/b")];
    assert_eq!(state(&world), "running wait");
    assert!(tested.iter().all(|n| (20..45).contains(n)), "{tested:?}");
    clicks(&mut world, "emails/b", &[]);
    world.after(Span::hours(3)).unwrap();
    assert_eq!(world.captured_messages().len(), tested[0] + tested[1]);
    world.after(Span::hours(2)).unwrap();
    assert_each_once(&world, 150);
    assert_eq!(sent(&world, "emails/a"), tested[0], "the rest got b");
    let row = &rows(&world.db, "SELECT winner, finding FROM broadcasts")[0];
    assert_eq!(row["winner"], "b");
    let finding: dripline::domain::campaign::ab_test::Finding =
        serde_json::from_str(row["finding"].as_str().unwrap()).unwrap();
    assert_eq!(finding.reason, Reason::Winner);
    assert_eq!(finding.trials[1].hits, finding.trials[1].tried);
}

#[test]
fn without_winner_rest_gets_fallback_and_bots_are_ignored() {
    let mut world = readers(AB, 150);
    world.broadcast("c.news", Start).unwrap();
    minutes(&mut world, 2);
    let b = sent(&world, "emails/b");
    clicks(&mut world, "emails/b", &["scanner"]);
    world.after(Span::hours(5)).unwrap();
    assert_each_once(&world, 150);
    assert_eq!(sent(&world, "emails/b"), b, "the rest got a");
    let row = &rows(&world.db, "SELECT finding ->> 'reason' AS why FROM broadcasts")[0];
    assert_eq!(row["why"], "no_difference");
}

#[test]
fn ab_test_with_too_few_recipients_has_no_winner() {
    let mut world = readers(AB, 30);
    world.broadcast("c.news", Start).unwrap();
    minutes(&mut world, 2);
    clicks(&mut world, "emails/b", &[]);
    world.after(Span::hours(5)).unwrap();
    assert_each_once(&world, 30);
    let row = &rows(&world.db, "SELECT winner, finding ->> 'reason' AS why FROM broadcasts")[0];
    assert_eq!((&row["winner"], &row["why"]), (&"a".into(), &"too_few".into()));
}

#[test]
fn paused_ab_test_continues_after_resume() {
    let mut world = readers(AB, 60);
    world.broadcast("c.news", Start).unwrap();
    minutes(&mut world, 2);
    let tested = world.captured_messages().len();
    world.broadcast("c.news", Pause).unwrap();
    world.after(Span::hours(9)).unwrap();
    assert_eq!(world.captured_messages().len(), tested);
    world.broadcast("c.news", Resume).unwrap();
    minutes(&mut world, 3);
    assert_each_once(&world, 60);
}

#[test]
fn short_pause_keeps_ab_test_deadline() {
    let mut world = readers(AB, 60);
    world.broadcast("c.news", Start).unwrap();
    minutes(&mut world, 2);
    let tested = world.captured_messages().len();
    world.broadcast("c.news", Pause).unwrap();
    minutes(&mut world, 1);
    world.broadcast("c.news", Resume).unwrap();
    let sql = "SELECT due_at = decide_at AND phase = 'wait' AS n FROM broadcasts";
    assert_eq!(number(&world.db, sql), 1);
    minutes(&mut world, 10);
    assert_eq!(world.captured_messages().len(), tested);
}

#[test]
fn without_test_share_variants_split_by_weight() {
    let lines = ["test_share = 40", "wait = \"4h\"", "otherwise = \"a\""];
    let parts = lines.iter().fold(AB.to_owned(), |parts, line| parts.replace(line, ""));
    let parts = parts.replace("send = \"emails/b\"", "send = \"emails/b\", weight = 3");
    let mut world = readers(&parts, 200);
    world.broadcast("c.news", Start).unwrap();
    minutes(&mut world, 1);
    assert_each_once(&world, 200);
    assert!((30..70).contains(&sent(&world, "emails/a")), "{}", sent(&world, "emails/a"));
}

#[test]
fn conversion_is_credited_to_variant_once_per_recipient() {
    let mut world = readers(NEWS, 3);
    let early = order(&world, &address(1), 900, "GBP", "early");
    world.take_in(vec![early]).unwrap();
    world.broadcast("c.news", Start).unwrap();
    minutes(&mut world, 2);
    let orders = [
        order(&world, &address(0), 500, "GBP", "o1"),
        order(&world, &address(0), 250, "GBP", "o2"),
        order(&world, &address(2), 700, "EUR", "o3"),
    ];
    world.take_in(orders.to_vec()).unwrap();
    world.after(Span::days(40)).unwrap();
    let late = order(&world, &address(1), 100, "GBP", "late");
    world.take_in(vec![late]).unwrap();
    let sum = |metric: &str| {
        let sql = format!(
            "SELECT coalesce(sum(value), 0) AS n FROM counters
              WHERE part = 'broadcast:news/a' AND metric = '{metric}'"
        );
        number(&world.db, &sql)
    };
    assert_eq!((sum("recipients"), sum("sent"), sum("converted"), sum("earned")), (3, 3, 2, 750));
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn unknown_broadcast_suggests_nearest_name() {
    let mut world = world(&format!("{FORM}{NEWS}"));
    let Err(FlowError::NotFound(refusal)) = world.broadcast("c.new", Start) else { panic!() };
    assert_eq!(refusal.problems[0].help.as_deref(), Some("did you mean `c.news`?"));
    let Err(FlowError::Conflict(refusal)) = world.broadcast("c.news", Pause) else { panic!() };
    assert_eq!(refusal.problems[0].message, "`c.news` has not started");
    assert_eq!(world.broadcast("c.news", Cancel).unwrap().state, Some(Cancelled));
}

#[test]
fn merging_twice_takes_the_messages_along() {
    let mut world = readers(NEWS, 3);
    world.broadcast("c.news", Start).unwrap();
    minutes(&mut world, 3);
    world.merge(&address(0), &address(1)).unwrap();
    world.merge(&address(1), &address(2)).unwrap();
    let owners = "SELECT c.email, count(*) AS messages
                    FROM messages m JOIN contacts c ON c.id = m.contact_id GROUP BY 1";
    assert_eq!(rows(&world.db, owners), [json!({ "email": address(2), "messages": 3 })]);
    let question = Question { contact: address(2), ..Question::default() };
    let asked = explain(&world.db, &world.catalog, &question, world.now(), Language::English);
    assert_eq!(block_on(asked).unwrap().messages.len(), 3);
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn unsubscribing_after_a_merge_skips_what_waits_for_both() {
    let more = "[broadcast.more]\n segment = \"readers\"\n send = \"emails/news\"";
    let mut world = readers(&format!("{NEWS}{more}"), 2);
    world.broadcast("c.news", Start).unwrap();
    minutes(&mut world, 3);
    world.settings.providers.email = Vec::new();
    world.broadcast("c.more", Start).unwrap();
    minutes(&mut world, 3);
    let count = |world: &World, state: &str| {
        number(&world.db, &format!("SELECT count(*) FROM messages WHERE state = '{state}'"))
    };
    assert_eq!(count(&world, "queued"), 2);
    world.merge(&address(0), &address(1)).unwrap();
    let message = world.inbox(&address(1)).remove(0);
    assert!(world.unsubscribe(&message).unwrap());
    assert_eq!((count(&world, "queued"), count(&world, "skipped")), (0, 2));
}
