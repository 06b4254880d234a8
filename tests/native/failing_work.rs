//! Work that the database refuses stops alone, is reported, and is retried: backfills, broadcasts,
//! previews. The rules here are larger than `check` accepts, as a version of an older release may
//! be.

use super::support::{FORM, campaign, join, number, rows, world};
use dripline::domain::base::primitives::{CampaignId, Millis, QualifiedId, Span};
use dripline::domain::campaign::Compiled;
use dripline::domain::campaign::Segment;
use dripline::domain::campaign::broadcast::BroadcastVerb::{Pause, Start};
use dripline::domain::campaign::broadcast::Phase;
use dripline::domain::publication::validate::check;
use dripline::domain::segment::{Comparison, Events, Rule, Scalar};
use dripline::flows::campaign::backfill::{FILL_DELAY, passes};
use dripline::flows::campaign::publish;
use dripline::flows::error::FlowError;
use dripline::flows::operations::health;
use dripline::flows::ports::Database;
use dripline::native::world::{World, block_on};
use dripline::store::{broadcasts, campaigns, segments};
use serde_json::{Value, json};

const PARTS: &str = r#"
    [segment.huge]
    rule = { tag = "a" }
    [segment.small]
    rule = { attribute = "email", set = true }
    [journey.greet]
    enter = { segment = "small" }
    purpose = "news"
    [[journey.greet.step]]
    id = "mark"
    update = { add_tags = ["greeted"] }
    [broadcast.doomed]
    segment = "huge"
    send = "emails/news"
    [broadcast.fine]
    segment = "small"
    send = "emails/news"
"#;

/// A rule whose SQL is longer than a statement may be.
fn huge() -> Rule {
    let filter = (0..10).map(|n| (format!("property{n}"), Scalar::Text("x".to_owned()))).collect();
    let (event, numbers) = ("seen".to_owned(), Vec::new());
    let events = Events { event, filter, numbers, machines: false };
    let within = Some(Span::days(1));
    Rule::Any(vec![Rule::Event { events, count: Comparison::Gte(1.0), within }; 300])
}

fn with_huge_rule() -> Compiled {
    let mut compiled = campaign(&format!("{FORM}{PARTS}"));
    compiled.campaign.segments.insert("huge".to_owned(), Segment::of_contacts(huge()));
    compiled
}

/// A world in which the campaign is live although its rule is too large, as after an update.
fn a_world() -> World {
    let mut world = world(FORM);
    for n in 0..3 {
        let address = format!("reader{n}@example.com");
        join(&mut world, &address);
    }
    let (id, text) = (CampaignId::from("c"), serde_json::to_string(&with_huge_rule()).unwrap());
    let fills = ["c.huge", "c.small"].map(QualifiedId::from);
    block_on(world.db.batch(vec![
        campaigns::insert_version(&id, "huge", &text, true, world.now()),
        campaigns::make_newest_live(&id),
        segments::begin_fills(&fills, passes(world.now())),
    ]))
    .unwrap();
    world.catalog = block_on(publish::live(&world.db)).unwrap();
    world
}

fn failing(world: &World) -> Vec<Value> {
    rows(&world.db, "SELECT kind, id, attempts FROM failing_work ORDER BY kind, id")
}

fn ready(world: &World) -> health::Health {
    let answer = block_on(world.db.batch(health::questions(world.now())));
    let parts = health::Parts { kv: Ok(()), queue: Ok(()), unreadable: &[] };
    health::assess(answer, parts, world.now())
}

#[test]
fn check_refuses_rules_that_d1_would_refuse() {
    let problems = check(&with_huge_rule().campaign);
    let keys: Vec<&str> = problems.iter().map(|problem| problem.key.as_str()).collect();
    assert!(!keys.is_empty() && keys.iter().all(|key| *key == "segment.huge.rule"), "{keys:?}");
    let refusal = block_on(publish::publish(&world(FORM).db, with_huge_rule(), Millis(0)));
    assert!(matches!(refusal, Err(FlowError::Rejected(_))));
}

#[test]
fn refused_backfill_stops_alone() {
    let mut world = a_world();
    world.after(FILL_DELAY).unwrap();
    assert_eq!(number(&world.db, "SELECT count(*) FROM segment_members"), 3, "the other is filled");
    let greeted = "SELECT count(*) FROM contacts WHERE tags = '[\"greeted\"]'";
    assert_eq!(number(&world.db, greeted), 3, "and its journey begins");
    let once = json!({ "kind": "filling", "id": "c.huge", "attempts": 1 });
    assert_eq!(failing(&world), [once]);
    let ready = ready(&world);
    assert_eq!((ready.failing[0].id.as_str(), ready.failing[0].attempts), ("c.huge", 1));
    let report = world.report_in_full("c").unwrap().unwrap();
    assert!(report.failing[0].reason.contains("too long"), "{}", report.failing[0].reason);
}

#[test]
fn refused_backfill_is_retried_with_backoff() {
    let mut world = a_world();
    world.after(FILL_DELAY).unwrap();
    let mut tried = vec![0];
    for minute in 1..=130 {
        world.after(Span::minutes(1)).unwrap();
        let attempts = failing(&world)[0]["attempts"].as_i64().unwrap();
        if attempts as usize > tried.len() {
            tried.push(minute);
        }
    }
    assert_eq!(tried, [0, 1, 3, 7, 15, 31, 63, 123], "after an hour at the latest");
}

#[test]
fn newer_version_clears_failure_and_backfills_at_once() {
    let mut world = a_world();
    world.after(Span::hours(5)).unwrap();
    world.publish(campaign(&format!("{FORM}{PARTS}"))).unwrap();
    assert_eq!(failing(&world), [] as [Value; 0]);
    rows(&world.db, "UPDATE contacts SET tags = '[\"a\"]'");
    world.after(FILL_DELAY).unwrap();
    let members = "SELECT count(*) FROM segment_members WHERE segment_id = 'c.huge'";
    assert_eq!(number(&world.db, members), 3);
    assert_eq!(failing(&world), [] as [Value; 0]);
}

#[test]
fn failure_of_removed_segment_is_forgotten() {
    let mut world = a_world();
    world.after(FILL_DELAY).unwrap();
    world.publish(campaign(FORM)).unwrap();
    world.after(Span::minutes(1)).unwrap();
    assert_eq!(failing(&world), [] as [Value; 0]);
    assert_eq!(number(&world.db, "SELECT count(*) FROM segment_fills WHERE wave = 1"), 0);
}

#[test]
fn refused_broadcast_stops_alone() {
    let mut world = a_world();
    let refused = world.broadcast("c.doomed", Start);
    assert!(matches!(refused, Err(FlowError::Rejected(_))), "it is not spent");
    // Started by an older release, which did not ask first.
    let start = broadcasts::start(&CampaignId::from("c"), "doomed", Phase::Rest, world.now());
    block_on(world.db.batch(vec![start])).unwrap();
    world.broadcast("c.fine", Start).unwrap();
    world.after(Span::minutes(1)).unwrap();
    assert_eq!(world.captured_messages().len(), 3, "the other one is sent");
    assert_eq!(ready(&world).failing[0].id.as_str(), "c.doomed");
    let due = number(&world.db, "SELECT due_at FROM broadcasts WHERE broadcast = 'doomed'");
    assert!(due > world.now().0, "it waits");
    world.broadcast("c.doomed", Pause).unwrap();
    assert_eq!(ready(&world).failing, [], "nobody waits for it");
}

#[test]
fn refused_preview_explains_problem_and_remedy() {
    let world = a_world();
    let Err(FlowError::Rejected(mut refusal)) = world.preview_broadcast("c.doomed") else {
        panic!("it was counted")
    };
    let problem = refusal.problems.remove(0);
    assert_eq!(problem.key, "segment.huge.rule");
    assert!(problem.message.contains("too long"), "{}", problem.message);
    assert!(problem.help.unwrap().contains("a segment of its own"));
    assert_eq!(world.preview_broadcast("c.fine").unwrap().audience.members, 3);
}
