//! Published versions and enrolled contacts: what publishing reports about them, and what happens
//! to them.

use super::invariants::assert_sound;
use super::support::{FORM, MONDAY, campaign, history, join, number, order, rows, subjects, world};
use dripline::domain::base::primitives::Span;
use dripline::domain::campaign::Compiled;
use dripline::domain::campaign::journey::{Migration, RunState};
use dripline::domain::publication::diff::EnrollmentCount;
use dripline::domain::report::{EnrollmentFigures, JourneyRow};
use dripline::flows::campaign::publish::preview;
use dripline::flows::error::FlowError;
use dripline::flows::report::campaign;
use dripline::native::world::{World, block_on};
use std::collections::BTreeMap;

/// `[step, wait, step]`: an e-mail, a wait of two days, another e-mail.
const FIRST: &str = r#"
    [journey.j]
    enter = { form = "f" }
    exit = { event = "order.completed" }
    [[journey.j.step]]
    id = "welcome"
    send = "emails/welcome"
    [[journey.j.step]]
    id = "pause"
    wait = "2d"
    [[journey.j.step]]
    id = "nudge"
    send = "emails/nudge"
"#;

fn version(parts: &str) -> Compiled {
    campaign(&format!("{FORM}{parts}"))
}

/// A world with Ann and Bo at `pause` of version 1.
fn inhabited() -> World {
    let mut world = world(&format!("{FORM}{FIRST}"));
    for email in ["ann@example.com", "bo@example.com"] {
        join(&mut world, email);
    }
    world
}

/// The only enrollment of an address, as `version step state reason`.
fn enrollment(world: &World, email: &str) -> String {
    let sql = format!(
        "SELECT version || ' ' || step || ' ' || state || ' ' || reason AS p FROM enrollments e
           JOIN contacts c ON c.id = e.contact_id WHERE c.email = '{email}'"
    );
    rows(&world.db, &sql)[0]["p"].as_str().unwrap().trim_end().to_owned()
}

#[test]
fn publish_preview_shows_changes_and_affected_contacts() {
    let mut world = inhabited();
    let second = version(
        r#"
        [journey.j]
        enter = { form = "f" }
        migrate = { pause = "rest", welcome = { leave = "starts again" } }
        [[journey.j.step]]
        id = "welcome"
        send = "emails/welcome"
        then = "rest"
        [[journey.j.step]]
        id = "rest"
        wait = "3d"
        [[journey.j.step]]
        id = "nudge"
        send = "emails/nudge"
        [journey.other]
        enter = { event = "x" }
        [[journey.other.step]]
        id = "w"
        wait = "1d"
    "#,
    );
    let planned = block_on(preview(&world.db, second.clone(), world.now())).unwrap();
    assert_eq!((planned.version, planned.is_new), (2, true));
    let [j, other] = &planned.journeys[..] else { panic!("{:?}", planned.journeys) };
    assert_eq!((&j.added[..], &j.removed[..]), (&["rest".into()][..], &["pause".into()][..]));
    assert_eq!(j.changed, ["welcome"], "it leads elsewhere");
    assert!(j.rules_changed, "its exit rule is gone");
    let standing = |people| EnrollmentCount {
        journey: "j".into(),
        version: 1,
        step: "pause".into(),
        people,
        migration: Some(Migration::Move("rest".into())),
    };
    assert_eq!(j.people, [standing(2)]);
    assert_eq!((&other.journey[..], &other.added[..]), ("other", &["w".into()][..]));
    assert_eq!(number(&world.db, "SELECT count(*) FROM campaign_versions"), 1);

    let published = world.publish(second.clone()).unwrap();
    assert_eq!(published, planned, "the plan is what is done");
    let again = world.publish(second).unwrap();
    assert!(!again.is_new && again.journeys.is_empty());
}

#[test]
fn changed_template_marks_its_step_as_changed() {
    let mut world = inhabited();
    let mut second = version(FIRST);
    let nudge = second.templates["emails/welcome"].clone();
    second.templates.insert("emails/nudge".into(), nudge);
    let published = world.publish(second).unwrap();
    assert_eq!(published.journeys[0].changed, ["nudge"]);
    assert_eq!(published.journeys[0].people[0].migration, None, "they stay on their version");
}

/// The first version with another wait and this migration map.
fn second(wait: &str, migrate: &str) -> Compiled {
    let text = FIRST
        .replace("wait = \"2d\"", &format!("wait = \"{wait}\""))
        .replace("id = \"pause\"", "id = \"rest\"")
        .replace("emails/nudge", "emails/second-nudge");
    version(&format!("{text}\n[journey.j.migrate]\n{migrate}"))
}

#[test]
fn unmapped_contacts_stay_on_their_version() {
    let mut world = inhabited();
    world.publish(second("2d", "welcome = \"welcome\"")).unwrap();
    world.after(Span::days(5)).unwrap();
    assert_eq!(subjects(&world, "ann@example.com"), ["emails/welcome", "emails/nudge"]);
    assert_eq!(enrollment(&world, "ann@example.com"), "1 nudge completed");
}

#[test]
fn migrated_wait_counts_time_already_waited() {
    let mut world = inhabited();
    world.after(Span::days(1)).unwrap();
    world.publish(second("9d", "pause = \"rest\"")).unwrap();
    world.after(Span::minutes(1)).unwrap();
    assert_eq!(
        enrollment(&world, "ann@example.com"),
        "1 pause active",
        "not every isolate knows yet"
    );
    world.after(Span::minutes(3)).unwrap();
    assert_eq!(enrollment(&world, "ann@example.com"), "2 rest active");
    world.after(Span::hours(22)).unwrap();
    assert_eq!(subjects(&world, "ann@example.com").len(), 1);
    world.after(Span::hours(2)).unwrap();
    assert_eq!(number(&world.db, "SELECT count(*) FROM journey_wakes"), 0);
    for email in ["ann@example.com", "bo@example.com"] {
        assert_eq!(subjects(&world, email), ["emails/welcome", "emails/second-nudge"]);
        assert_eq!(enrollment(&world, email), "2 nudge completed");
    }
    let migrated = "SELECT format('%s %s %s %s', properties ->> 'from', properties ->> 'to',
         properties ->> 'from_version', properties ->> 'version') AS p FROM events
         WHERE name = 'journey.migrated'";
    assert_eq!(rows(&world.db, migrated)[0]["p"], "pause rest 1 2");
    assert_eq!(number(&world.db, &format!("SELECT count(*) FROM ({migrated})")), 2);
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn migrated_wait_ends_if_already_exceeded() {
    let mut world = inhabited();
    world.after(Span::days(1)).unwrap();
    world.publish(second("12h", "pause = \"rest\"")).unwrap();
    world.after(Span::minutes(5)).unwrap();
    assert_eq!(subjects(&world, "ann@example.com"), ["emails/welcome", "emails/second-nudge"]);
}

#[test]
fn migrated_step_of_another_kind_runs_at_once() {
    let mut world = inhabited();
    world.publish(second("2d", "pause = \"nudge\"")).unwrap();
    world.after(Span::minutes(5)).unwrap();
    assert_eq!(subjects(&world, "bo@example.com"), ["emails/welcome", "emails/second-nudge"]);
    assert_eq!(enrollment(&world, "bo@example.com"), "2 nudge completed");
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn migration_map_can_exit_contacts() {
    let mut world = inhabited();
    world.publish(second("2d", "pause = { leave = \"the offer is over\" }")).unwrap();
    world.after(Span::days(5)).unwrap();
    assert_eq!(subjects(&world, "ann@example.com"), ["emails/welcome"]);
    assert_eq!(enrollment(&world, "ann@example.com"), "1 pause exited the offer is over");
    assert_eq!(history(&world.db, "ann@example.com").last().unwrap(), "journey.exited");
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn event_after_publish_meets_the_migrated_step() {
    let mut world = inhabited();
    let waits = FIRST.replace(
        "id = \"pause\"\n    wait = \"2d\"",
        "id = \"clicked\"\n    wait_for = { event = \"message.clicked\", step = \"welcome\" }
         timeout = \"5d\"\n    on_timeout = \"end\"",
    );
    let migrate = "[journey.j.migrate]\npause = \"clicked\"";
    world.publish(version(&format!("{waits}\n{migrate}"))).unwrap();
    let mail = world.inbox("ann@example.com").remove(0);
    assert!(world.click(&mail, "").unwrap());
    assert_eq!(enrollment(&world, "ann@example.com"), "2 nudge completed");
    assert_sound(&world.db, None);
}

#[test]
fn large_migration_continues_tick_by_tick() {
    let mut world = inhabited();
    let many = dripline::store::journeys::WAKES_PER_STEP + 10;
    let sql = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {many})
         INSERT INTO {{}} SELECT {{}} FROM n"
    );
    let into = |table: &str, columns: &str, values: &str| {
        rows(
            &world.db,
            &sql.replacen("{}", &format!("{table} ({columns})"), 1).replacen("{}", values, 1),
        );
    };
    let id = "'z' || i";
    into(
        "contacts",
        "id, seq, attributes, tags, score, consents, touches, created_at, updated_at",
        &format!("{id}, 1, '{{}}', '[]', 0, '[]', '[]', 0, 0"),
    );
    into("events", "contact_id, seq, at, name, properties", &format!("{id}, 1, 0, 'x', '{{}}'"));
    into(
        "enrollments",
        "contact_id, id, campaign_id, version, journey, step, steps_taken, sent, state, reason,
         entered_at, since, due_at",
        &format!(
            "{id}, 'e' || i, 'c', 1, 'j', 'pause', 2, '{{}}', 'active', '', 0, {}, {}",
            MONDAY.0,
            MONDAY.plus(Span::days(9)).0
        ),
    );
    world.publish(second("2d", "pause = { leave = \"gone\" }")).unwrap();
    let left = || "SELECT count(*) FROM enrollments WHERE state = 'exited'";
    let mut after_tick = Vec::new();
    for _ in 0..5 {
        world.step(world.now().plus(Span::minutes(1))).unwrap();
        world.tick().unwrap();
        after_tick.push(number(&world.db, left()));
    }
    let many = i64::try_from(many).unwrap() + 2;
    assert_eq!(after_tick.last(), Some(&many), "{after_tick:?}");
    let step = i64::try_from(dripline::store::journeys::WAKES_PER_STEP).unwrap();
    assert!(after_tick.contains(&step), "no more than so many at once: {after_tick:?}");
}

#[test]
fn report_counts_enrollments_per_version() {
    let mut world = inhabited();
    world.publish(second("2d", "welcome = \"welcome\"")).unwrap();
    join(&mut world, "cy@example.com");
    let bought = order(&world, "ann@example.com", 100, "GBP", "o1");
    world.take_in(vec![bought]).unwrap();
    world.set_journey_state("c.j", RunState::Paused).unwrap();
    let version = world.catalog.live().next().unwrap();
    let report = block_on(campaign::report_with_journeys(&world.db, version, world.now())).unwrap();
    let count = |name: &str| BTreeMap::from([(name.to_owned(), 1)]);
    let first = EnrollmentFigures {
        version: 1,
        entered: 2,
        active: 1,
        exited: 1,
        by_step: count("pause"),
        by_reason: count("order.completed"),
        ..EnrollmentFigures::default()
    };
    let second = EnrollmentFigures {
        version: 2,
        entered: 1,
        active: 1,
        by_step: count("rest"),
        ..EnrollmentFigures::default()
    };
    let row =
        JourneyRow { journey: "j".into(), state: RunState::Paused, versions: vec![first, second] };
    assert_eq!(report.journeys, [row]);
}

fn refused(world: &mut World, compiled: Compiled) -> String {
    match world.publish(compiled) {
        Err(FlowError::Rejected(refusal)) => format!("{refusal}\n"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn unknown_step_in_migration_map_suggests_nearest_name() {
    let mut world = inhabited();
    assert_eq!(
        refused(&mut world, second("2d", "puase = \"rest\"")),
        "journey.j.migrate.puase: no older version has a step `puase`; did you mean `pause`?\n"
    );
    assert_eq!(number(&world.db, "SELECT count(*) FROM campaign_versions"), 1);
}

#[test]
fn published_migration_map_may_stay_in_the_file() {
    let mut world = inhabited();
    world.publish(second("2d", "pause = \"rest\"")).unwrap();
    world.after(Span::days(9)).unwrap();
    assert!(world.publish(second("3d", "pause = \"rest\"")).unwrap().is_new);
    let fresh = World::new(MONDAY, 1, vec![second("3d", "pause = \"rest\"")]);
    assert!(fresh.is_ok(), "nobody stands anywhere on a new server");
}

#[test]
fn migration_map_may_name_steps_of_any_occupied_version() {
    let mut world = inhabited();
    world.publish(version(&FIRST.replace("id = \"pause\"", "id = \"other\""))).unwrap();
    world.publish(second("2d", "pause = \"rest\"\nother = \"rest\"")).unwrap();
    world.after(Span::minutes(5)).unwrap();
    assert_eq!(enrollment(&world, "ann@example.com"), "3 rest active");
}
