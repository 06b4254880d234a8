//! Opens and clicks: whether a person or a bot caused them, and what follows.

use super::invariants::assert_sound;
use super::support::{FORM, WELCOME, history, join, number, rows, world};
use dripline::domain::base::primitives::{Ids, Millis, Span};
use dripline::domain::inbound::bot_detection::{FetchFacts, Network, known_agent};
use dripline::domain::inbound::engagement::Engagement;
use dripline::flows::campaign::reclassify;
use dripline::flows::tasks::Intake;
use dripline::native::world::{World, block_on};

const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15";
const ANN: &str = "ann@x.example";

/// A world in which Ann has just been sent an e-mail, and the e-mail's id.
fn greeted() -> (World, String) {
    let mut world = world(&format!("{FORM}{WELCOME}"));
    join(&mut world, ANN);
    let id = world.inbox(ANN).remove(0).id;
    (world, id)
}

/// A browser fetches a link of the e-mail, or its pixel, this long after now.
fn fetch(world: &mut World, message: &str, url: Option<&str>, after: Span) {
    let facts = FetchFacts { agent: known_agent(PHONE), ..FetchFacts::default() };
    fetch_as(world, message, url, after, facts);
}

fn fetch_as(world: &mut World, message: &str, url: Option<&str>, after: Span, facts: FetchFacts) {
    let contact = rows(&world.db, "SELECT id FROM contacts")[0]["id"].as_str().unwrap().to_owned();
    let at = Millis(world.now().0 + after.0);
    let events = number(&world.db, "SELECT count(*) FROM events");
    let report = Engagement {
        contact: contact.as_str().into(),
        message: message.into(),
        url: url.map(str::to_owned),
        at,
        machine: Vec::new(),
        facts: Some(facts),
        key: format!("click:{events}"),
    };
    world.take_in(vec![Intake::EngagementV1(report)]).unwrap();
}

/// Every counter of opens and clicks.
fn counters(world: &World) -> String {
    let sql = "SELECT metric || ' ' || sum(value) AS line FROM counters
                WHERE metric LIKE '%open%' OR metric LIKE '%click%' GROUP BY metric";
    let lines = rows(&world.db, sql);
    let lines: Vec<&str> = lines.iter().filter_map(|row| row["line"].as_str()).collect();
    lines.join(", ")
}

/// The classification of each open and click, in order.
fn classifications(world: &World) -> Vec<String> {
    let sql = "SELECT coalesce(properties ->> 'reasons', 'a person') AS result FROM events
                WHERE name IN ('message.opened', 'message.clicked') ORDER BY seq";
    let found = rows(&world.db, sql);
    found.iter().map(|row| row["result"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn fetch_faster_than_reading_is_a_bot() {
    let (mut world, mail) = greeted();
    fetch(&mut world, &mail, None, Span::seconds(4));
    fetch(&mut world, &mail, Some("https://a.example/"), Span(4_999));
    assert_eq!(classifications(&world), [r#"["too_fast"]"#, r#"["too_fast"]"#]);
    assert_eq!(counters(&world), "machine_clicks 1, machine_opens 1");
    fetch(&mut world, &mail, Some("https://a.example/"), Span::seconds(5));
    assert_eq!(classifications(&world)[2], "a person");
    assert_eq!(counters(&world), "clicked 1, machine_clicks 1, machine_opens 1, opened 1");
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn fetch_facts_are_stored_without_ip_address() {
    let (mut world, mail) = greeted();
    let facts = FetchFacts {
        agent: known_agent(PHONE),
        asn: Some(8075),
        network: Some(Network::Microsoft),
        ..FetchFacts::default()
    };
    fetch_as(&mut world, &mail, Some("https://a.example/"), Span::minutes(1), facts);
    let sql = "SELECT properties ->> 'facts' AS facts FROM events WHERE name = 'message.clicked'";
    let kept = rows(&world.db, sql)[0]["facts"].as_str().unwrap().to_owned();
    insta::assert_snapshot!(kept.replace(",\"", ",\n\""), @r#"
    {"agent":"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1",
    "asn":8075,
    "network":"microsoft"}
    "#);
    assert_eq!(classifications(&world), [r#"["scanner_network"]"#]);
}

#[test]
fn several_links_at_once_reclassify_all_as_bot() {
    let (mut world, mail) = greeted();
    let links = ["https://a.example/1", "https://a.example/2", "https://a.example/3"];
    fetch(&mut world, &mail, None, Span::seconds(60));
    fetch(&mut world, &mail, Some(links[0]), Span::seconds(61));
    fetch(&mut world, &mail, Some(links[0]), Span::seconds(62));
    fetch(&mut world, &mail, Some(links[1]), Span::seconds(63));
    assert_eq!(classifications(&world), ["a person"; 4]);
    assert_eq!(counters(&world), "clicked 1, opened 1");
    fetch(&mut world, &mail, Some(links[2]), Span::seconds(70));
    let at_once = r#"["every_link"]"#;
    assert_eq!(classifications(&world), ["a person", at_once, at_once, at_once, at_once]);
    assert_eq!(counters(&world), "clicked 0, machine_clicks 4, opened 1");
    let kept = |time| number(&world.db, &format!("SELECT {time} IS NOT NULL FROM messages"));
    assert_eq!((kept("opened_at"), kept("clicked_at")), (1, 0));
    assert_sound(&world.db, Some(world.now()));
    assert_eq!(history(&world.db, ANN).last().unwrap(), "message.rejudged");

    // Eleven seconds later is another visit.
    fetch(&mut world, &mail, Some(links[0]), Span::seconds(81));
    assert_eq!(classifications(&world)[5], "a person");
    assert_eq!(counters(&world), "clicked 1, machine_clicks 4, opened 1");
    assert_eq!(number(&world.db, "SELECT clicked_at IS NULL FROM messages"), 0);
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn links_in_one_batch_are_judged_together() {
    let (mut world, mail) = greeted();
    let contact = rows(&world.db, "SELECT id FROM contacts")[0]["id"].as_str().unwrap().to_owned();
    let facts = FetchFacts { agent: known_agent(PHONE), ..FetchFacts::default() };
    let clicks = [(1, 60), (2, 61), (3, 62), (1, 90), (2, 95)].map(|(link, second)| {
        Intake::EngagementV1(Engagement {
            contact: contact.as_str().into(),
            message: mail.as_str().into(),
            url: Some(format!("https://a.example/{link}")),
            at: world.now().plus(Span::seconds(second)),
            machine: Vec::new(),
            facts: Some(facts.clone()),
            key: format!("click:{second}"),
        })
    });
    world.take_in(clicks.to_vec()).unwrap();
    assert_eq!(counters(&world), "clicked 1, machine_clicks 3, opened 1");
    let at = number(&world.db, "SELECT clicked_at FROM messages");
    assert_eq!(at, world.now().0 + 90_000);
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn do_not_track_contact_leaves_no_trace() {
    let (mut world, mail) = greeted();
    rows(&world.db, r#"UPDATE contacts SET attributes = '{"do_not_track":true}'"#);
    fetch(&mut world, &mail, None, Span::minutes(1));
    fetch(&mut world, &mail, Some("https://a.example/"), Span::minutes(2));
    assert_eq!(classifications(&world), [] as [&str; 0]);
    assert_eq!(counters(&world), "");
}

#[test]
fn rules_ignore_bot_clicks_by_default() {
    let rules = r#"
        [segment.people]
        rule = { event = "message.clicked" }
        [segment.anybody]
        rule = { event = "message.clicked", machines = true }
    "#;
    let mut world = world(&format!("{FORM}{WELCOME}{rules}"));
    join(&mut world, ANN);
    let mail = world.inbox(ANN).remove(0).id;
    let segments = |world: &World| {
        let found = rows(&world.db, "SELECT segment_id FROM segment_members ORDER BY 1");
        found.iter().map(|row| row["segment_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    fetch(&mut world, &mail, Some("https://a.example/"), Span::seconds(1));
    assert_eq!(segments(&world), ["c.anybody"]);
    fetch(&mut world, &mail, Some("https://a.example/"), Span::hours(1));
    assert_eq!(segments(&world), ["c.anybody", "c.people"]);
}

#[test]
fn reclassified_bot_leaves_the_segment() {
    let rules = "[segment.people]\nrule = { event = \"message.clicked\" }";
    let mut world = world(&format!("{FORM}{WELCOME}{rules}"));
    join(&mut world, ANN);
    let mail = world.inbox(ANN).remove(0).id;
    for (link, second) in [("1", 60), ("2", 61)] {
        fetch(&mut world, &mail, Some(link), Span::seconds(second));
    }
    assert_eq!(number(&world.db, "SELECT count(*) FROM segment_members"), 1);
    fetch(&mut world, &mail, Some("3"), Span::seconds(62));
    assert_eq!(number(&world.db, "SELECT count(*) FROM segment_members"), 0);
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn reclassify_applies_present_knowledge() {
    let (mut world, mail) = greeted();
    fetch(&mut world, &mail, None, Span::minutes(1));
    fetch(&mut world, &mail, Some("https://a.example/"), Span::minutes(2));
    let again = |world: &World| {
        let (db, catalog, now) = (&world.db, &world.catalog, world.now());
        let mut ids = Ids::new(now, 7);
        let campaign = "c".into();
        let flow = reclassify::reclassify(db, catalog, &campaign, "", now, &mut ids);
        let page = block_on(flow).unwrap();
        (page.judged, page.changed, page.after)
    };
    assert_eq!(again(&world), (1, 0, None));
    // As if the network had only now become known as a scanner's.
    let network =
        "UPDATE events SET properties = json_set(properties, '$.facts.network', 'mimecast')
                    WHERE name = 'message.clicked'";
    rows(&world.db, network);
    assert_eq!(again(&world), (1, 1, None));
    assert_eq!(classifications(&world), ["a person", r#"["scanner_network"]"#]);
    assert_eq!(counters(&world), "clicked 0, machine_clicks 1, opened 1");
    assert_sound(&world.db, Some(world.now()));
    assert_eq!(again(&world), (1, 0, None));
    rows(&world.db, &network.replace("'mimecast'", "NULL"));
    assert_eq!(again(&world), (1, 1, None));
    assert_eq!(counters(&world), "clicked 1, machine_clicks 0, opened 1");
    assert_sound(&world.db, Some(world.now()));
}
