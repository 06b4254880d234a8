//! Segments: a rule has two evaluators that must agree, says when its answer may change, and is
//! filled once when it is published.

use super::invariants::assert_sound;
use super::support::{FORM, MONDAY, campaign, number, rows, world};
use dripline::domain::change::Change;
use dripline::domain::consent::{Consent, ConsentState};
use dripline::domain::contact::Contact;
use dripline::domain::decide::Decision;
use dripline::domain::event::{Event, Properties};
use dripline::domain::primitives::{Channel, ContactId, Millis, Span};
use dripline::domain::rule::{Comparison, Rule, Scalar, Test};
use dripline::flows::run_due::FILL_DELAY;
use dripline::flows::seams::Database;
use dripline::native::sqlite::Sqlite;
use dripline::native::world::block_on;
use dripline::store::segments::{self, FILL_CONTACTS_PER_STEP, FillRow};
use dripline::store::statement::Statement;
use dripline::store::write;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const NOW: Millis = MONDAY;
const HOUR: i64 = 3_600_000;

/// Texts that are easily mistaken: for numbers, for SQL, for paths, for each other.
const TEXTS: [&str; 16] = [
    "", "5", "5.0", "true", "null", "manager", "Manager", "经理", "经理助理", "O'Brien", "a\"b",
    "a\\b", "%", "ÄRGER", "🙂", "x\ny",
];
const NAMES: [&str; 8] = ["role", "list", "n", "email", "phone", "score", "time_zone", "odd.name"];
const EVENTS: [&str; 2] = ["message.clicked", "order.completed"];
const PROPERTIES: [&str; 2] = ["step", "a.b"];

fn text() -> impl Strategy<Value = String> {
    select(TEXTS.as_slice()).prop_map(str::to_owned)
}

fn a_number() -> impl Strategy<Value = f64> {
    select([-1.0, 0.0, 1.0, 2.0, 3.0, 5.0, 5.5, 1e15, 9_007_199_254_740_991.0].as_slice())
}

fn scalar() -> impl Strategy<Value = Scalar> {
    prop_oneof![
        any::<bool>().prop_map(Scalar::Bool),
        a_number().prop_map(Scalar::Number),
        text().prop_map(Scalar::Text),
    ]
}

fn comparison() -> impl Strategy<Value = Comparison> {
    use Comparison::{Eq, Gt, Gte, Lt, Lte};
    (select([Eq as fn(f64) -> _, Gt, Gte, Lt, Lte].as_slice()), a_number())
        .prop_map(|(make, number)| make(number))
}

fn test() -> impl Strategy<Value = Test> {
    let scalars = || prop::collection::vec(scalar(), 0..3);
    prop_oneof![
        scalar().prop_map(Test::Is),
        scalar().prop_map(Test::IsNot),
        scalars().prop_map(Test::In),
        scalars().prop_map(Test::NotIn),
        text().prop_map(Test::Contains),
        text().prop_map(Test::StartsWith),
        comparison().prop_map(Test::Number),
        any::<bool>().prop_map(Test::Set),
    ]
}

fn event_rule() -> impl Strategy<Value = Rule> {
    let within = prop::option::of((0..100_i64).prop_map(|hours| Span(hours * HOUR)));
    let filter = prop::collection::vec((select(PROPERTIES.as_slice()), scalar()), 0..2);
    (select(EVENTS.as_slice()), comparison(), within, filter).prop_map(
        |(event, count, within, filter)| Rule::Event {
            event: event.to_owned(),
            count,
            within,
            filter: filter.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        },
    )
}

fn rule() -> impl Strategy<Value = Rule> {
    let leaf = prop_oneof![
        3 => (select(NAMES.as_slice()), test()).prop_map(|(name, test)| Rule::Attribute {
            attribute: name.to_owned(),
            test,
        }),
        1 => text().prop_map(Rule::Tag),
        1 => (text(), select([Channel::Email, Channel::Sms].as_slice()))
            .prop_map(|(purpose, channel)| Rule::Consent { purpose, channel }),
        1 => comparison().prop_map(Rule::Score),
        4 => event_rule(),
    ];
    leaf.prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Rule::All),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Rule::Any),
            inner.prop_map(|part| Rule::Not(Box::new(part))),
        ]
    })
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::from),
        scalar().prop_map(|scalar| scalar.to_json()),
        a_number().prop_map(Value::from),
        text().prop_map(Value::from),
        prop::collection::vec(text(), 0..3).prop_map(Value::from),
        Just(Value::Null),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let properties = prop::collection::btree_map(
        select(["step", "a.b", "machine", "other"].as_slice()).prop_map(str::to_owned),
        value(),
        0..3,
    );
    // Some in the same instant, some older than any window, some dated in the future.
    (select(EVENTS.as_slice()), -110..5_i64, properties).prop_map(|(name, hours, properties)| {
        Event {
            seq: 0,
            at: Millis(NOW.0 + hours * HOUR),
            name: name.to_owned(),
            campaign: None,
            properties: properties.into_iter().collect::<Properties>(),
        }
    })
}

fn consent() -> impl Strategy<Value = Consent> {
    use ConsentState::{Confirmed, Granted, Withdrawn};
    let state = select([Granted, Confirmed, Withdrawn].as_slice());
    (text(), any::<bool>(), state, any::<bool>()).prop_map(
        |(purpose, sms, state, double_opt_in)| {
            let channel = if sms { Channel::Sms } else { Channel::Email };
            Consent { channel, purpose, state, double_opt_in, form: None, at: NOW }
        },
    )
}

fn contact() -> impl Strategy<Value = Contact> {
    let attributes = prop::collection::btree_map(
        select(["role", "list", "n", "odd.name"].as_slice()).prop_map(str::to_owned),
        value(),
        0..4,
    );
    let fields = (prop::option::of(text()), select([-1_i64, 0, 3, 5].as_slice()));
    let consents = prop::collection::vec(consent(), 0..3);
    let tags = prop::collection::btree_set(text(), 0..3);
    let history = prop::collection::vec(event(), 0..6);
    (attributes, fields, consents, tags, history).prop_map(
        |(attributes, (zone, score), consents, tags, mut history)| {
            let mut contact = Contact::unknown(ContactId::from(""), NOW);
            contact.attributes = attributes;
            contact.time_zone = zone;
            contact.score = score;
            contact.tags = tags;
            consents.into_iter().for_each(|consent| contact.put_consent(consent));
            history.iter_mut().enumerate().for_each(|(index, e)| e.seq = index as i64 + 1);
            contact.seq = history.len() as i64;
            contact.history = history;
            contact
        },
    )
}

/// Writes contacts by the same statements as the flows do.
fn store(contacts: Vec<Contact>) -> Sqlite {
    let db = Sqlite::in_memory().unwrap();
    let decisions: Vec<Decision> = contacts
        .into_iter()
        .map(|contact| {
            let mut changes: Vec<Change> = Vec::new();
            changes.extend(
                contact
                    .history
                    .iter()
                    .map(|event| Change::Event { event: event.clone(), key: None }),
            );
            // A decision without changes would write no contact.
            changes.push(Change::LeaveSegment("none".into()));
            Decision { contact, read_seq: 0, changes }
        })
        .collect();
    let decisions: Vec<&Decision> = decisions.iter().collect();
    block_on(db.batch(write::decisions(&decisions, NOW))).unwrap();
    db
}

fn ids(db: &Sqlite, statement: Statement) -> BTreeSet<String> {
    let found = block_on(db.batch(vec![statement])).unwrap();
    let rows = found[0].all::<BTreeMap<String, String>>().unwrap();
    rows.into_iter().flat_map(BTreeMap::into_values).collect()
}

/// Every span that a rule looks back.
fn spans(rule: &Rule, found: &mut Vec<Span>) {
    match rule {
        Rule::All(parts) | Rule::Any(parts) => parts.iter().for_each(|part| spans(part, found)),
        Rule::Not(part) => spans(part, found),
        Rule::Event { within: Some(span), .. } => found.push(*span),
        _ => {}
    }
}

/// When the answer really changes first: tried at every instant at which an event leaves a window.
fn first_change(rule: &Rule, contact: &Contact) -> Option<Millis> {
    let mut windows = Vec::new();
    spans(rule, &mut windows);
    let leaving =
        |event: &Event| windows.iter().map(|span| event.at.plus(*span)).collect::<Vec<_>>();
    let moments: BTreeSet<Millis> = contact.history.iter().flat_map(leaving).collect();
    let before = rule.verdict(contact, NOW).holds;
    moments.into_iter().find(|at| *at > NOW && rule.verdict(contact, *at).holds != before)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..<_>::default() })]

    #[test]
    fn both_evaluators_agree(contacts in prop::collection::vec(contact(), 8), rule in rule()) {
        let mut contacts = contacts;
        for (index, contact) in contacts.iter_mut().enumerate() {
            contact.id = ContactId(format!("c{index}"));
            let email = TEXTS[index % TEXTS.len()];
            contact.email = (index % 2 == 0).then(|| email.to_owned());
        }
        let expected: BTreeSet<String> = contacts
            .iter()
            .filter(|contact| rule.verdict(contact, NOW).holds)
            .map(|contact| contact.id.0.clone())
            .collect();
        let db = store(contacts);
        prop_assert_eq!(ids(&db, segments::holding(&rule, NOW)), expected);
    }

    #[test]
    fn an_event_rule_knows_exactly_when_it_changes(contact in contact(), rule in event_rule()) {
        let verdict = rule.verdict(&contact, NOW);
        prop_assert_eq!(verdict.changes_at, first_change(&rule, &contact));
    }

    #[test]
    fn no_rule_changes_before_it_says(contact in contact(), rule in rule()) {
        let verdict = rule.verdict(&contact, NOW);
        let really = first_change(&rule, &contact);
        if let Some(at) = verdict.changes_at {
            prop_assert!(at > NOW, "it would wake the contact for ever");
            prop_assert_eq!(rule.verdict(&contact, Millis(at.0 - 1)).holds, verdict.holds);
        }
        // Woken whenever the rule says, one comes to the change in the very instant it happens.
        let (mut at, mut now) = (verdict.changes_at, NOW);
        while let Some(next) = at {
            prop_assert!(next > now);
            now = next;
            let then = rule.verdict(&contact, now);
            if then.holds != verdict.holds {
                prop_assert_eq!(really, Some(now));
                return Ok(());
            }
            at = then.changes_at;
        }
        prop_assert_eq!(really, None, "never woken for it");
    }
}

/// Puts so many contacts into the database as if they had been there for long: every twentieth is
/// a VIP, and every fortieth of all has been seen an hour ago.
fn populate(db: &Sqlite, count: usize) {
    let contacts = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
         INSERT INTO contacts (id, seq, email, attributes, tags, score, consents, touches,
                               created_at, updated_at)
         SELECT printf('c%06d', i), 1, 'p' || i || '@x.example',
                json_object('vip', json(iif(i % 20 = 0, 'true', 'false'))), '[]', i % 7, '[]', '[]',
                0, 0 FROM n"
    );
    rows(db, &contacts);
    let events = format!(
        "INSERT INTO events (contact_id, seq, at, name, properties)
         SELECT id, 1, {}, iif(CAST(substr(id, 2) AS INTEGER) % 40 = 0, 'seen', 'imported'), '{{}}'
           FROM contacts",
        NOW.0 - HOUR
    );
    rows(db, &events);
}

const VIPS: &str = r#"
    [segment.vips]
    rule = { attribute = "vip", is = true }
    [journey.greet]
    enter = { segment = "vips" }
    purpose = "news"
    [[journey.greet.step]]
    id = "mark"
    update = { add_tags = ["greeted"] }
    [[journey.greet.step]]
    id = "rest"
    wait = "5d"
"#;

const MEMBERS: &str = "SELECT count(*) FROM segment_members";

#[test]
fn a_new_segment_is_filled_and_its_journey_begins_for_everybody_in_it() {
    const { assert!(FILL_CONTACTS_PER_STEP < 6_000, "it takes more than one step") };
    let mut world = world(FORM);
    populate(&world.db, 6_000);
    world.publish(campaign(&format!("{FORM}{VIPS}"))).unwrap();
    world.tick().unwrap();
    assert_eq!(number(&world.db, MEMBERS), 0, "not before every isolate knows of it");
    world.after(FILL_DELAY).unwrap();
    assert_eq!(number(&world.db, MEMBERS), 250, "the first 5,000 are done");
    world.tick().unwrap();
    assert_eq!(number(&world.db, MEMBERS), 300);
    world.tick().unwrap();
    assert_eq!(number(&world.db, "SELECT count(*) FROM segment_fills"), 0);
    let greeted = "SELECT count(*) FROM contacts WHERE tags = '[\"greeted\"]'";
    assert_eq!(number(&world.db, greeted), 300);
    let standing = "SELECT count(*) FROM enrollments WHERE state = 'active' AND step = 'rest'";
    assert_eq!(number(&world.db, standing), 300);
    let untouched = "SELECT count(*) FROM contacts WHERE seq = 1";
    assert_eq!(number(&world.db, untouched), 5_700, "nobody else was decided on");
    assert_sound(&world.db, None);
}

#[test]
fn who_comes_to_match_by_time_alone_is_woken_for_it() {
    let mut world = world(FORM);
    populate(&world.db, 200);
    let quiet = r#"
        [segment.quiet]
        rule = { all = [{ attribute = "vip", is = true }, { not = { event = "seen", within = "2d" } }] }
    "#;
    world.publish(campaign(&format!("{FORM}{quiet}"))).unwrap();
    world.after(FILL_DELAY).unwrap();
    assert_eq!(number(&world.db, MEMBERS), 5, "the VIPs who were not seen");
    world.after(Span(2 * 24 * HOUR - HOUR - FILL_DELAY.0 - 1)).unwrap();
    assert_eq!(number(&world.db, MEMBERS), 5, "a moment before");
    world.after(Span::minutes(1)).unwrap();
    assert_eq!(number(&world.db, MEMBERS), 10);
    assert_sound(&world.db, None);
}

#[test]
fn a_changed_rule_moves_people() {
    let mut world = world(&format!("{FORM}{VIPS}"));
    populate(&world.db, 200);
    let version = |rule: &str| campaign(&format!("{FORM}[segment.vips]\nrule = {rule}"));
    world.publish(version("{ score = { gte = 6 } }")).unwrap();
    world.after(FILL_DELAY).unwrap();
    let members = number(&world.db, MEMBERS);
    assert_eq!(members, number(&world.db, "SELECT count(*) FROM contacts WHERE score >= 6"));
    world.publish(version("{ attribute = \"vip\", is = true }")).unwrap();
    world.after(FILL_DELAY).unwrap();
    assert_eq!(number(&world.db, MEMBERS), 10);
    let strangers = "SELECT count(*) FROM segment_members m JOIN contacts c ON c.id = m.contact_id
                      WHERE NOT c.attributes ->> 'vip'";
    assert_eq!(number(&world.db, strangers), 0);
    assert_sound(&world.db, None);
}

#[test]
fn a_filling_that_begins_anew_is_not_ended_by_a_tick_that_is_late() {
    let world = world(&format!("{FORM}{VIPS}"));
    populate(&world.db, 10);
    let fills = || rows(&world.db, "SELECT segment_id, after_id FROM segment_fills");
    let late: FillRow =
        serde_json::from_value(json!({ "segment_id": "c.vips", "after_id": "c000010" })).unwrap();
    assert_eq!(fills().len(), 1, "published a moment ago");
    let rule = Rule::Attribute { attribute: "vip".to_owned(), test: Test::Set(true) };
    block_on(world.db.batch(segments::fill_step(&late, &rule, NOW).to_vec())).unwrap();
    block_on(world.db.batch(vec![segments::end_fill(&late)])).unwrap();
    assert_eq!(fills(), [json!({ "segment_id": "c.vips", "after_id": "" })]);
}
