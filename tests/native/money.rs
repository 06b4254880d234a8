//! Amounts in rules: what the API receives, what a rule compares in both evaluators, and what is
//! explained are the same number, exact in the currency's minor unit.

use super::support::{FORM, MONDAY, campaign, number, world};
use dripline::domain::base::language::Language;
use dripline::domain::base::primitives::{Ids, Millis, Money, RecordId, Span};
use dripline::domain::campaign::Segment;
use dripline::domain::campaign_file;
use dripline::domain::contact::Contact;
use dripline::domain::record::event::Event;
use dripline::domain::segment::Rule;
use dripline::flows::contact::explain::{Question, explain};
use dripline::flows::ingest::api_events;
use dripline::flows::tasks::Intake;
use dripline::native::world::{World, block_on};
use dripline::store::segments;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use super::segments::{ids, store};

/// Reports orders as a shop does: `100.00 GBP`.
fn shop(world: &mut World, email: &str, orders: &[&str]) {
    for order in orders {
        let (value, currency) = order.split_once(' ').unwrap();
        let event = json!({ "name": "order.completed", "email": email, "value": value,
                            "currency": currency });
        let body = json!({ "events": [event] }).to_string();
        let mut ids =
            Ids::new(world.now(), number(&world.db, "SELECT count(*) FROM events") as u64);
        world.take_in(api_events::read(body.as_bytes(), world.now(), &mut ids).unwrap()).unwrap();
    }
}

fn has(world: &World, segment: &str) -> bool {
    number(
        &world.db,
        &format!("SELECT count(*) FROM segment_members WHERE segment_id = 'c.{segment}'"),
    ) == 1
}

fn with_rule(rule: &str) -> World {
    world(&format!("{FORM}[segment.s]\nrule = {rule}\n"))
}

#[test]
fn amount_rules_match_reported_orders() {
    let sum = |rest: &str| {
        format!("{{ event = 'order.completed', sum = {{ property = 'value', {rest} }} }}")
    };
    let average = |rest: &str| sum(rest).replace("sum =", "average =");
    let with = |rest: &str| format!("{{ event = 'order.completed', where = {{ {rest} }} }}");
    for (rule, orders, holds) in [
        (sum("gte = 100"), &["99.99 GBP"][..], false),
        (sum("gte = 100"), &["99.99 GBP", "0.01 GBP"], true),
        (sum("gt = '100.00'"), &["100.00 GBP"], false),
        (sum("gt = 99.99"), &["100 GBP"], true),
        (sum("gte = 100"), &["60.00 GBP", "60.00 USD"], false),
        (sum("gte = 100, currency = 'USD'"), &["60.00 GBP", "100.00 USD"], true),
        (sum("gte = 100, currency = 'JPY'"), &["100 JPY"], true),
        (sum("gte = 101, currency = 'JPY'"), &["100 JPY"], false),
        (sum("gte = '0.003', currency = 'KWD'"), &["0.001 KWD", "0.002 KWD"], true),
        (sum("eq = '0.3'"), &["0.10 GBP", "0.20 GBP"], true),
        (sum("lte = -5"), &["10.00 GBP", "-15.00 GBP"], true),
        (sum("gte = '5000000000.01'"), &["5000000000.01 GBP"], true),
        (average("lt = 20"), &["10.00 GBP", "29.99 GBP", "500.00 USD"], true),
        (average("lt = 20"), &["10.00 GBP", "30.00 GBP"], false),
        (with("value = 199"), &["199.00 GBP"], true),
        (with("value = '199.00'"), &["199.00 USD"], false),
        (with("value = '199.00', currency = 'USD'"), &["199.00 USD"], true),
        (with("value = { gte = 10 }"), &["9.99 GBP"], false),
        (with("value = { gte = 10 }"), &["10.00 GBP"], true),
        (with("value = { gte = 10, currency = 'JPY' }"), &["10 JPY"], true),
        (with("currency = 'USD'"), &["1.00 USD"], true),
    ] {
        let mut world = with_rule(&rule);
        shop(&mut world, "ann@x.example", orders);
        assert_eq!(has(&world, "s"), holds, "{rule} of {orders:?}");
        // The other evaluator backfills a new segment.
        let mut old = world_with_orders(orders);
        old.publish(campaign(&format!("{FORM}[segment.s]\nrule = {rule}\n"))).unwrap();
        old.after(Span::hours(1)).unwrap();
        assert_eq!(has(&old, "s"), holds, "filled: {rule} of {orders:?}");
    }
}

fn world_with_orders(orders: &[&str]) -> World {
    // Events that no campaign refers to are not read; this campaign's goal refers to orders.
    let mut world = world(FORM);
    shop(&mut world, "ann@x.example", orders);
    world
}

#[test]
fn triggers_compare_amounts() {
    let journey = |with: &str| {
        format!(
            "{FORM}[journey.j]\nenter = {{ event = 'order.completed', where = {{ {with} }} }}\n\
             [[journey.j.step]]\nid = 'w'\nwait = '1d'\n"
        )
    };
    for (with, entered) in [("value = 25", 1), ("value = '25.00', currency = 'USD'", 0)] {
        let mut world = world(&journey(with));
        shop(&mut world, "ann@x.example", &["25.00 GBP", "24.99 GBP"]);
        assert_eq!(number(&world.db, "SELECT count(*) FROM enrollments"), entered, "{with}");
    }
}

#[test]
fn explanation_shows_the_same_amount() {
    let rule = "{ event = 'order.completed', where = { value = { gt = 1 } },
                  sum = { property = 'value', gte = 100 } }"
        .replace('\n', " ");
    let mut world = with_rule(&rule);
    shop(&mut world, "ann@x.example", &["60.00 GBP", "39.99 GBP"]);
    let question = Question { contact: "ann@x.example".to_owned(), ..Question::default() };
    let explained = explain(&world.db, &world.catalog, &question, world.now(), Language::English);
    let explained = serde_json::to_string(&block_on(explained).unwrap()).unwrap();
    assert!(
        explained.contains("sum of value over order.completed (value > 1.00 GBP) ≥ 100.00 GBP"),
        "{explained}"
    );
    assert!(explained.contains("\"found\":\"99.99 GBP\""), "{explained}");
}

#[test]
fn invalid_amounts_are_reported_with_their_place() {
    for (rule, place, words) in [
        ("sum = { property = 'value', gte = '1.005' }", "sum.gte", "not an amount of GBP"),
        ("sum = { property = 'value', gte = 1e3 }", "sum.gte", "not an amount of GBP"),
        ("sum = { property = 'value', gte = true }", "sum.gte", "expected an amount"),
        ("sum = { property = 'value', gte = 1, currency = 'usd' }", "sum.currency", "USD"),
        ("sum = { property = 'value', gte = '0.5', currency = 'JPY' }", "sum.gte", "whole units"),
        ("sum = { property = 'seats', gte = 1, currency = 'USD' }", "sum.currency", "unknown key"),
        (
            "where = { currency = 'EUR' }, sum = { property = 'value', gte = 1, currency = 'USD' }",
            "sum",
            "not both EUR and USD",
        ),
        ("where = { value = true }", "where.value", "expected an amount"),
        ("where = { value = 'much' }", "where.value", "not an amount of GBP"),
    ] {
        let text = format!(
            "[campaign]\nid = 'c'\nname = 'C'\ntime_zone = 'Europe/London'\ncurrency = 'GBP'\n\
             owner = 'o@house.example'\npostal_address = '1 Road'\n\
             goal = {{ event = 'order.completed', within = '30d' }}\n{FORM}\
             [segment.s]\nrule = {{ event = 'order.completed', {rule} }}\n"
        );
        let found = campaign_file::read("c.toml", &text).unwrap_err();
        let text = format!("{found:?}");
        let is_there = found.iter().any(|one| one.key == format!("segment.s.rule.{place}"));
        assert!(is_there && (text.contains(words) || words == "USD"), "{rule}: {text}");
    }
}

#[test]
fn value_inside_properties_is_refused() {
    for value in [json!(120), json!("120.00"), json!(null)] {
        let body = json!({ "events": [{ "name": "order.completed", "email": "a@x.example",
                                        "properties": { "value": value } }] });
        let mut ids = Ids::new(MONDAY, 1);
        let problems = api_events::read(body.to_string().as_bytes(), MONDAY, &mut ids).unwrap_err();
        assert_eq!(problems[0].key, "events[0].properties");
        assert!(problems[0].message.contains("beside `properties`"), "{problems:?}");
    }
}

#[test]
fn number_instead_of_text_is_refused_with_remedy() {
    for (key, value, remedy) in [
        ("value", json!(60.5), "in quotes: \"60.5\""),
        ("value", json!(["60.50"]), "as text, in quotes"),
        ("phone", json!(447_400_123_456_i64), "in quotes: \"447400123456\""),
        ("at", json!({}), "as text, in quotes"),
    ] {
        let body = json!({ "events": [{ "name": "order.completed", "email": "a@x.example",
                                        "currency": "GBP", key: value }] });
        let mut ids = Ids::new(MONDAY, 1);
        let problems = api_events::read(body.to_string().as_bytes(), MONDAY, &mut ids).unwrap_err();
        assert_eq!(problems[0].key, format!("events[0].{key}"));
        assert!(problems[0].message.ends_with(remedy), "{problems:?}");
    }
}

/// A rule about the value of orders, and its meaning: the currency, what is measured in minor
/// units, and the bound.
#[derive(Clone, Debug)]
struct Asked {
    currency: &'static str,
    measure: &'static str,
    word: &'static str,
    bound: i64,
    within_days: Option<i64>,
}

const CURRENCIES: [&str; 4] = ["GBP", "JPY", "KWD", "USD"];

fn decimal(minor: i64, currency: &str) -> String {
    Money { minor, currency: currency.to_owned() }.decimal()
}

fn minor() -> impl Strategy<Value = i64> {
    prop_oneof![
        select([-1_i64, 0, 1, 9, 10, 99, 100, 101, 9_999, 10_000, 10_001].as_slice()),
        -20_000..20_000_i64,
        select([899_999_999_999_i64, 123_456_789_012].as_slice()),
    ]
}

fn asked() -> impl Strategy<Value = Asked> {
    let within = prop::option::of(select([1_i64, 5].as_slice()));
    let words = select(["eq", "gt", "gte", "lt", "lte"].as_slice());
    let measures = select(["sum", "average", "where", "exactly"].as_slice());
    (select(CURRENCIES.as_slice()), measures, words, minor(), within).prop_map(
        |(currency, measure, word, bound, within_days)| Asked {
            currency,
            measure,
            word,
            bound,
            within_days,
        },
    )
}

impl Asked {
    fn rule(&self) -> Rule {
        let Self { currency, measure, word, bound, .. } = self;
        let amount = decimal(*bound, currency);
        let question = match *measure {
            "where" => {
                format!("where = {{ value = {{ {word} = '{amount}', currency = '{currency}' }} }}")
            }
            "exactly" => format!("where = {{ value = '{amount}', currency = '{currency}' }}"),
            _ => format!(
                "{measure} = {{ property = 'value', {word} = '{amount}', currency = '{currency}' }}"
            ),
        };
        let within = self.within_days.map(|days| format!(", within = '{days}d'"));
        let within = within.unwrap_or_default();
        let rule = format!("{{ event = 'order.completed', {question}{within} }}");
        let read = campaign(&format!("{FORM}[segment.s]\nrule = {rule}\n"));
        read.campaign.segments["s"].rule.clone()
    }

    fn holds(&self, orders: &[(i64, &str, i64)]) -> bool {
        let recent = |days: i64| self.within_days.is_none_or(|within| days < within);
        let counted: Vec<i128> = orders
            .iter()
            .filter(|(_, currency, days)| *currency == self.currency && recent(*days))
            .map(|(minor, ..)| i128::from(*minor))
            .collect();
        let compare = |left: i128, right: i128| match self.word {
            "eq" => left == right,
            "gt" => left > right,
            "gte" => left >= right,
            "lt" => left < right,
            _ => left <= right,
        };
        let (bound, count) = (i128::from(self.bound), counted.len() as i128);
        match self.measure {
            "sum" => compare(counted.iter().sum(), bound),
            "average" => count > 0 && compare(counted.iter().sum(), bound * count),
            "where" => counted.iter().any(|minor| compare(*minor, bound)),
            _ => counted.contains(&bound),
        }
    }
}

/// A contact with orders as the API stores them.
fn customer(index: usize, orders: &[(i64, &str, i64)]) -> Contact {
    let mut contact = Contact::unknown(RecordId(format!("c{index}")), MONDAY);
    for (number, (minor, currency, days)) in orders.iter().enumerate() {
        let event = json!({ "name": "order.completed", "email": "a@x.example",
                            "value": decimal(*minor, currency), "currency": currency });
        let body = json!({ "events": [event] }).to_string();
        let read = api_events::read(body.as_bytes(), MONDAY, &mut Ids::new(MONDAY, 1)).unwrap();
        let [Intake::CustomEventV1 { event, .. }] = &read[..] else { panic!("one event") };
        contact.history.push(Event {
            seq: number as i64 + 1,
            at: Millis(MONDAY.0 - days * 86_400_000),
            name: event.name.clone(),
            campaign: None,
            properties: event.properties.clone(),
        });
    }
    contact.seq = orders.len() as i64;
    contact
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..<_>::default() })]

    #[test]
    fn both_evaluators_count_money_exactly(
        people in prop::collection::vec(
            prop::collection::vec((minor(), select(CURRENCIES.as_slice()), 0..7_i64), 1..5), 6),
        asked in asked(),
    ) {
        let rule = asked.rule();
        let contacts: Vec<Contact> =
            people.iter().enumerate().map(|(index, orders)| customer(index, orders)).collect();
        for (contact, orders) in contacts.iter().zip(&people) {
            let holds = rule.evaluate(contact, MONDAY).holds;
            prop_assert_eq!(holds, asked.holds(orders), "{:?}", orders);
        }
        let holding = contacts.iter().filter(|contact| rule.evaluate(*contact, MONDAY).holds);
        let expected = holding.map(|contact| contact.id.0.clone()).collect();
        let db = store(contacts);
        prop_assert_eq!(ids(&db, segments::holding(&Segment::of_contacts(rule.clone()), MONDAY)), expected);
    }
}
