//! Counters are derived: each can be recomputed from the rows that it was updated with.

use super::invariants::assert_sound;
use super::support::{FORM, order, rows, world};
use dripline::domain::base::primitives::Span;
use dripline::domain::inbound::engagement::Engagement;
use dripline::flows::tasks::Intake;
use dripline::native::world::World;
use dripline::store::invariants::COUNTERS_THAT_DIFFER;

const JOURNEY: &str = r#"
    [journey.j]
    enter = { form = "f" }
    [[journey.j.step]]
    id = "welcome"
    send = "emails/welcome"
    [[journey.j.step]]
    id = "text"
    send = "sms/text"
    [[journey.j.step]]
    id = "tell"
    notify = "owner"
"#;

/// A world in which every counter was changed in more than one way.
fn busy_world() -> World {
    let mut world = world(&format!("{FORM}{JOURNEY}"));
    for (visitor, query) in [("v1", "utm_source=a"), ("v2", "utm_source=b"), ("v1", "")] {
        world.visit(visitor, "/p", query).unwrap();
    }
    let agreed = ("consent", "on");
    for (email, query) in [("ann@x.example", "utm_source=a"), ("bo@x.example", "")] {
        let fields = [("email", email), ("phone", "07400 123456"), agreed];
        world.submit_from("/p", query, &fields).unwrap();
        world.submit_from("/p", "utm_source=c", &fields).unwrap();
    }
    world.submit("/p", &[("email", "refuses@x.example")]).unwrap();

    let mail = world.inbox("ann@x.example").remove(0);
    world.click(&mail, "/more").unwrap();
    world.click(&mail, "/more").unwrap();
    let contact = rows(&world.db, "SELECT id FROM contacts WHERE email = 'bo@x.example'");
    let contact = contact[0]["id"].as_str().unwrap();
    let message = world.inbox("bo@x.example").remove(0).id;
    for (key, machine) in [("scan", vec!["prefetch".to_owned()]), ("open", vec![]), ("two", vec![])]
    {
        let report = Engagement {
            contact: contact.into(),
            message: message.as_str().into(),
            url: None,
            at: world.now(),
            machine,
            facts: None,
            key: key.to_owned(),
        };
        world.take_in(vec![Intake::EngagementV1(report)]).unwrap();
    }
    let orders = [
        order(&world, "ann@x.example", 1_000, "GBP", "o1"),
        order(&world, "ann@x.example", -250, "GBP", "o2"),
        order(&world, "bo@x.example", 700, "EUR", "o3"),
        order(&world, "bo@x.example", 0, "GBP", "o4"),
    ];
    world.take_in(orders.to_vec()).unwrap();
    world.after(Span::days(1)).unwrap();
    world
}

#[test]
fn every_counter_matches_its_rows() {
    let world = busy_world();
    assert_sound(&world.db, Some(world.now()));
    let kept =
        rows(&world.db, "SELECT metric || ' ' || sum(value) AS line FROM counters GROUP BY metric");
    let lines: Vec<&str> = kept.iter().filter_map(|row| row["line"].as_str()).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    clicked 1
    contacts 3
    conversions 4
    delivered 3
    leads 3
    machine_opens 1
    opened 2
    revenue 750
    segments 1
    sent 3
    visitors 2
    ");
}

#[test]
fn counter_one_too_high_is_detected() {
    let world = busy_world();
    rows(&world.db, "UPDATE counters SET value = value + 1 WHERE metric = 'clicked'");
    assert_eq!(rows(&world.db, COUNTERS_THAT_DIFFER).len(), 2);
}

#[test]
fn uncounted_row_is_detected() {
    let world = busy_world();
    rows(&world.db, "DELETE FROM counters WHERE metric = 'visitors' AND channel = 'b'");
    assert_eq!(rows(&world.db, COUNTERS_THAT_DIFFER).len(), 1);
}
