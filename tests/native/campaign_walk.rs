//! The sample campaigns, walked from the form to the revenue.

use dripline::domain::primitives::{Millis, Span};
use dripline::native::project;
use dripline::native::world::{Sent, World};
use std::path::Path;

fn world() -> World {
    let campaigns = project::load(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    // Monday, 2 March 2026, 09:00 UTC.
    World::new(Millis(1_772_442_000_000), 1, campaigns).unwrap()
}

#[test]
fn a_lead_is_welcomed_nudged_and_counted() {
    let mut world = world();
    world.visit("v1", "/webinar", "utm_source=linkedin").unwrap();
    let fields = [
        ("first_name", "Ann"),
        ("email", "Ann@Example.com"),
        ("role", "engineer"),
        ("country", "GB"),
        ("consent", "on"),
    ];
    let sent = world.submit_from("/webinar", "utm_source=linkedin", &fields).unwrap();
    assert_eq!(sent, Sent::Thanks);
    let inbox = world.inbox("ann@example.com");
    assert_eq!(inbox.len(), 1, "{:?}", world.letters());
    println!("{}", inbox[0].subject);
    world.after(Span::days(10)).unwrap();
    for letter in world.letters() {
        println!(
            "{} {} {} | {}",
            letter.at.rfc3339(),
            letter.channel,
            letter.address,
            letter.subject
        );
    }
    println!("{:#?}", world.report("spring-webinar").unwrap().unwrap());
}
