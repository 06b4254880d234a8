//! Campaigns that are unpublished while contacts are enrolled and messages are queued.

use super::broadcasts::{NEWS, minutes, readers};
use super::invariants::assert_sound;
use super::support::{
    FORM, agrees, campaign, history, join, number, order, rows, subjects, submission, world,
};
use dripline::domain::base::primitives::{CampaignId, Ids, MessageId, QualifiedId, Span};
use dripline::domain::campaign::broadcast::BroadcastState::Running;
use dripline::domain::campaign::broadcast::BroadcastVerb::{Pause, Start};
use dripline::domain::engine::Submitted;
use dripline::domain::publication::catalog::Catalog;
use dripline::flows::broadcast::control;
use dripline::flows::campaign::publish;
use dripline::flows::campaign::unpublish;
use dripline::flows::error::FlowError;
use dripline::flows::ingest::form;
use dripline::flows::ports::Database;
use dripline::flows::report::campaign as reporting;
use dripline::flows::send::{self, preview};
use dripline::flows::tasks::Intake;
use dripline::native::world::{World, block_on};
use dripline::store::invariants::overwrite_version;

const JOURNEY: &str = r#"
    [journey.j]
    enter = { form = "f" }
    [[journey.j.step]]
    id = "welcome"
    send = "emails/welcome"
    [[journey.j.step]]
    id = "rest"
    wait = "2d"
    [[journey.j.step]]
    id = "nudge"
    send = "emails/nudge"
"#;

fn parts() -> String {
    format!("{FORM}{JOURNEY}")
}

/// A world with Ann and Bo waiting at `rest`.
fn inhabited() -> World {
    let mut world = world(&parts());
    join(&mut world, "ann@example.com");
    join(&mut world, "bo@example.com");
    world
}

fn enrollments(world: &World) -> Vec<String> {
    let sql = "SELECT c.email || ' ' || e.state || ' ' || e.reason AS s
                 FROM enrollments e JOIN contacts c ON c.id = e.contact_id ORDER BY 1";
    rows(&world.db, sql).iter().map(|row| row["s"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn unpublished_campaign_keeps_only_its_former_paths() {
    let mut world = inhabited();
    assert!(world.catalog.page_at("/p").is_some() && !world.catalog.had_page("/p"));
    world.unpublish("c").unwrap();
    let catalog = &world.catalog;
    assert!(catalog.page_at("/p").is_none() && catalog.form(&QualifiedId::from("c.f")).is_none());
    assert!(catalog.had_page("/p") && catalog.had_page("/p/") && !catalog.had_page("/q"));
    assert!(catalog.unpublished(&CampaignId::from("c")).is_some());
    world.publish(campaign(&parts())).unwrap();
    assert!(world.catalog.page_at("/p").is_some() && !world.catalog.had_page("/p"));
}

#[test]
fn unpublishing_exits_all_journeys_and_keeps_records() {
    let mut world = inhabited();
    let kept = "SELECT (SELECT count(*) FROM consents) || ' ' ||
                       (SELECT count(*) FROM messages WHERE state = 'delivered') AS n";
    let before = rows(&world.db, kept);
    let stops = world.unpublish("c").unwrap();
    assert_eq!((stops.people, stops.journeys["j"]), (2, 2));
    minutes(&mut world, 4);
    let left = ["ann@example.com exited unpublished", "bo@example.com exited unpublished"];
    assert_eq!(enrollments(&world), left);
    assert_eq!(history(&world.db, "ann@example.com").last().unwrap(), "journey.exited");
    world.after(Span::days(9)).unwrap();
    assert_eq!(subjects(&world, "ann@example.com"), ["emails/welcome"]);
    assert_eq!(rows(&world.db, kept), before);
    let due = "SELECT count(*) FROM contacts WHERE wake_at IS NOT NULL";
    assert_eq!(number(&world.db, due), 0, "no tick hands them out in vain");
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn links_of_sent_messages_keep_working() {
    let mut world = inhabited();
    world.unpublish("c").unwrap();
    minutes(&mut world, 20);
    let mail = world.inbox("ann@example.com").remove(0);
    assert!(world.click(&mail, "").unwrap());
    assert!(history(&world.db, "ann@example.com").contains(&"message.clicked".to_owned()));
    assert!(world.unsubscribe(&mail).unwrap());
    assert!(history(&world.db, "ann@example.com").contains(&"consent.withdrawn".to_owned()));
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn republishing_does_not_re_enroll_exited_contacts() {
    let mut world = inhabited();
    world.unpublish("c").unwrap();
    // Immediately: no tick has run since.
    let published = world.publish(campaign(&parts())).unwrap();
    assert_eq!((published.version, published.is_new), (2, true));
    join(&mut world, "cy@example.com");
    minutes(&mut world, 4);
    let left = ["ann@example.com exited unpublished", "bo@example.com exited unpublished"];
    assert_eq!(enrollments(&world)[..2], left);
    assert_eq!(enrollments(&world)[2..], ["cy@example.com active "]);
    world.after(Span::days(3)).unwrap();
    assert_eq!(subjects(&world, "bo@example.com"), ["emails/welcome"]);
    assert_eq!(subjects(&world, "cy@example.com"), ["emails/welcome", "emails/nudge"]);
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn earlier_orders_and_report_survive_unpublishing() {
    let mut world = inhabited();
    let bought = order(&world, "ann@example.com", 100, "GBP", "o1");
    world.take_in(vec![bought]).unwrap();
    let before = world.report("c").unwrap().unwrap().total;
    world.unpublish("c").unwrap();
    minutes(&mut world, 20);
    world.publish(campaign(&parts())).unwrap();
    assert_eq!(world.report("c").unwrap().unwrap().total, before);
    assert_eq!(before.conversions, 1);
}

#[test]
fn late_report_of_an_earlier_order_counts() {
    let mut world = inhabited();
    let bought = order(&world, "ann@example.com", 100, "GBP", "o1");
    minutes(&mut world, 1);
    world.unpublish("c").unwrap();
    minutes(&mut world, 4);
    let later = order(&world, "bo@example.com", 100, "GBP", "o2");
    world.take_in(vec![bought, later]).unwrap();
    assert_eq!(number(&world.db, "SELECT count(*) FROM conversions"), 1);
    assert_sound(&world.db, Some(world.now()));
}

const DI: [(&str, &str); 2] = agrees("di@example.com");

/// A contact is enrolled by an isolate that does not know of the change yet: a message is queued.
fn queued_by_an_isolate_that_knows_nothing(
    world: &World,
    (stale, submitted): (&Catalog, Submitted),
) -> MessageId {
    let now = world.now().plus(Span::seconds(10));
    let ids = &mut Ids::new(now, 9);
    block_on(form::submit(&world.db, stale, &world.settings.keys, submitted, now, ids)).unwrap();
    let row = rows(&world.db, "SELECT id FROM messages WHERE state = 'queued'");
    MessageId::from(row[0]["id"].as_str().unwrap())
}

#[test]
fn stale_isolate_sends_nothing_and_its_enrollment_exits() {
    let mut world = inhabited();
    let stale = block_on(publish::live(&world.db)).unwrap();
    let submitted = submission(&mut world, &DI);
    world.unpublish("c").unwrap();
    let message = queued_by_an_isolate_that_knows_nothing(&world, (&stale, submitted));
    let now = world.now().plus(Span::minutes(1));
    let (ids, post) = (&mut Ids::new(now, 10), &world.mail_catcher);
    let flow = send::deliver(&world.db, post, &stale, &world.settings, vec![message], now, ids);
    block_on(flow).unwrap();
    let row = &rows(&world.db, "SELECT state, reason FROM messages WHERE state <> 'delivered'")[0];
    assert_eq!((&row["state"], &row["reason"]), (&"skipped".into(), &"unpublished".into()));
    minutes(&mut world, 20);
    assert_eq!(enrollments(&world)[2..], ["di@example.com exited unpublished"]);
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn queued_messages_stay_unsent_after_republishing() {
    let mut world = inhabited();
    let stale = block_on(publish::live(&world.db)).unwrap();
    let submitted = submission(&mut world, &DI);
    queued_by_an_isolate_that_knows_nothing(&world, (&stale, submitted));
    // It waits until its send time.
    rows(&world.db, "UPDATE messages SET send_at = send_at + 86400000 WHERE state = 'queued'");
    world.step(world.now().plus(Span::minutes(1))).unwrap();
    world.unpublish("c").unwrap();
    world.publish(campaign(&parts())).unwrap();
    minutes(&mut world, 2);
    assert_eq!(number(&world.db, "SELECT count(*) FROM messages WHERE state = 'queued'"), 0);
    world.after(Span::days(9)).unwrap();
    assert_eq!(subjects(&world, "di@example.com"), [""; 0]);
}

#[test]
fn unpublishing_cancels_running_broadcasts() {
    let mut world = readers(NEWS, 30);
    assert_eq!(world.broadcast("c.news", Start).unwrap().state, Some(Running));
    minutes(&mut world, 1);
    world.broadcast("c.news", Pause).unwrap();
    let stops = world.unpublish("c").unwrap();
    assert_eq!(stops.cancelled, ["news"]);
    let sent = world.captured_messages().len();
    minutes(&mut world, 90);
    assert_eq!(world.captured_messages().len(), sent);
    assert_eq!(number(&world.db, "SELECT count(*) FROM messages WHERE state = 'queued'"), 0);
    assert_eq!(rows(&world.db, "SELECT state FROM broadcasts")[0]["state"], "cancelled");
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn scheduled_broadcast_starts_only_if_republished() {
    let planned = format!("{FORM}{NEWS}at = \"2026-03-04T09:00\"\n");
    let mut world = world(&planned);
    join(&mut world, "ann@example.com");
    assert_eq!(world.unpublish("c").unwrap().not_started, ["news"]);
    assert_eq!(number(&world.db, "SELECT count(*) FROM broadcasts"), 0);
    minutes(&mut world, 5);
    world.publish(campaign(&planned)).unwrap();
    world.after(Span::days(4)).unwrap();
    assert_eq!(subjects(&world, "ann@example.com"), ["emails/news"]);
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn unpublishing_is_idempotent() {
    let mut world = inhabited();
    let first = world.unpublish("c").unwrap();
    let since = first.unpublished_at;
    minutes(&mut world, 3);
    let again = world.unpublish("c").unwrap();
    assert_eq!((again.unpublished_at, again.people), (since, 0));
    let id = CampaignId::from("c");
    let (one, other) = (
        unpublish::unpublish(&world.db, &id, world.now()),
        unpublish::unpublish(&world.db, &id, world.now()),
    );
    assert_eq!(block_on(one).unwrap(), block_on(other).unwrap());
    // One publishes while another unpublishes: the later one wins.
    world.publish(campaign(&parts())).unwrap();
    assert!(world.catalog.page_at("/p").is_some());
    assert_eq!(block_on(unpublish::stops(&world.db, &id)).unwrap().unpublished_at, None);
    assert!(world.unpublish("c").unwrap().unpublished_at > since);
}

#[test]
fn unpublishing_unknown_campaign_writes_nothing() {
    let mut world = inhabited();
    let refused = world.unpublish("nobody").unwrap_err();
    assert!(matches!(refused, FlowError::NotFound(_)));
    assert_eq!(number(&world.db, "SELECT count(*) FROM journey_wakes"), 0);
}

#[test]
fn unpublished_campaign_says_so_and_is_suggested_by_name() {
    let mut world = inhabited();
    let published = world.catalog.live_version(&CampaignId::from("c")).unwrap().clone();
    let since = |world: &World| {
        let report = reporting::report_with_journeys(&world.db, &published, world.now());
        block_on(report).unwrap().unpublished_at
    };
    assert_eq!(since(&world), None);
    world.unpublish("c").unwrap();
    assert_eq!(since(&world), Some(world.now()));
    let Err(FlowError::NotFound(refusal)) = world.unpublish("cc") else { panic!() };
    assert_eq!(refusal.problems[0].help.as_deref(), Some("did you mean `c`?"));
    let sought = preview::live(&world.catalog, &CampaignId::from("c"));
    let Err(FlowError::Rejected(refusal)) = sought else { panic!() };
    assert_eq!(refusal.problems[0].message, "`c` is unpublished");
    world.publish(campaign(&parts())).unwrap();
    assert_eq!(since(&world), None);
}

#[test]
fn preview_of_unpublished_broadcast_says_so() {
    let mut world = readers(NEWS, 3);
    let id = QualifiedId::from("c.news");
    world.broadcast("c.news", Start).unwrap();
    assert!(block_on(control::preview(&world.db, &id, world.now())).is_ok());
    world.unpublish("c").unwrap();
    let shown = block_on(control::preview(&world.db, &id, world.now()));
    let Err(FlowError::Conflict(refusal)) = shown else { panic!() };
    assert!(refusal.problems[0].message.starts_with("`c` is unpublished"));
}

#[test]
fn unreadable_version_can_be_unpublished() {
    let mut world = inhabited();
    for (text, is_known) in [
        (r#"{"campaign": {"pages": {"p": {"path": "/p"}}, "journeys": {"j": 1}}}"#, true),
        ("{", false),
    ] {
        world.publish(campaign(&format!("{}# {text}", parts()))).unwrap();
        let version = number(&world.db, "SELECT max(version) FROM campaign_versions");
        let version = u32::try_from(version).unwrap();
        let damage = overwrite_version(&CampaignId::from("c"), version, text);
        block_on(world.db.batch(vec![damage])).unwrap();
        world.unpublish("c").unwrap();
        assert_eq!(world.catalog.had_page("/p"), is_known, "{text}");
        assert!(world.catalog.unreadable().is_empty());
    }
}

#[test]
fn form_accepted_before_unpublishing_is_still_a_lead() {
    let mut world = inhabited();
    let late = submission(&mut world, &agrees("late@example.com"));
    world.unpublish("c").unwrap();
    world.take_in(vec![Intake::SubmissionV1(Box::new(late))]).unwrap();
    let all = history(&world.db, "late@example.com");
    assert!(all.contains(&"form.submitted".to_owned()), "{all:?}");
    assert!(!all.contains(&"journey.entered".to_owned()), "{all:?}");
    assert_sound(&world.db, Some(world.now()));
}
