//! Rules in a campaign file.

use super::amounts::{
    COMPARISONS, Filter, Wanted, amount_comparison, comparison, comparison_table, currency_beside,
    need_currency, wanted,
};
use super::table::{Node, Table};
use crate::domain::base::diagnostic::Problem;
use crate::domain::base::primitives::{Channel, ListId, Span};
use crate::domain::record::event::{VALUE, VALUE_MINOR};
use crate::domain::segment::{
    Comparison, DateTest, Events, JourneyState, Measure, Occurrence, Operator, Relative, Rule,
    Sample, TimeTest,
};

const KINDS: &[&str] = &[
    "all", "any", "not", "attribute", "tag", "consent", "score", "event", "sequence", "segment",
    "list", "journey", "sample", "company",
];
const TESTS: &[&str] = &[
    "is", "is_not", "in", "not_in", "contains", "starts_with", "matches", "eq", "gt", "gte", "lt",
    "lte", "between", "before", "after", "in_last", "in_next", "anniversary", "set",
];
/// The conditions on events; without one, at least one event is required.
const EVENT_TESTS: &[&str] = &["count", "never", "sum", "average", "first", "last"];
const TIME_TESTS: &[&str] = &["before", "after", "in_last"];
/// The other keys beside a kind of condition.
const MORE: &[&str] = &["channel", "within", "where", "span", "state", "step", "role"];

const STATES: &[(&str, JourneyState)] = &[
    ("never", JourneyState::Never),
    ("active", JourneyState::Active),
    ("completed", JourneyState::Completed),
    ("exited", JourneyState::Exited),
    ("failed", JourneyState::Failed),
];

/// The names of channels.
pub(super) const CHANNELS: &[(&str, Channel)] = &[("email", Channel::Email), ("sms", Channel::Sms)];

/// Reads a rule: a table with exactly one kind of condition.
pub(super) fn rule(node: Node<'_>) -> Option<Rule> {
    let mut table = node.table();
    let kinds: Vec<&str> = KINDS.iter().copied().filter(|kind| table.has(kind)).collect();
    match kinds[..] {
        [kind] => read_kind(kind, &mut table),
        [] => {
            table.need_one_of(KINDS, "the rule has no condition");
            [TESTS, EVENT_TESTS, MORE].iter().for_each(|names| swallow(&mut table, names));
            None
        }
        [..] => {
            let advice = "put them into { all = [{ … }, { … }] }, or any";
            let message =
                format!("{} are in one rule, which has one condition", kinds.join(" and "));
            table.report(Problem::new(&table.key, message).help(advice));
            [KINDS, TESTS, EVENT_TESTS, MORE].iter().for_each(|names| swallow(&mut table, names));
            None
        }
    }
}

fn read_kind(kind: &str, table: &mut Table<'_>) -> Option<Rule> {
    match kind {
        "all" => table.get("all", |node| node.list(rule)).map(Rule::All),
        "any" => table.get("any", |node| node.list(rule)).map(Rule::Any),
        "not" => table.get("not", rule).map(|part| Rule::Not(Box::new(part))),
        "tag" => table.get("tag", Node::text).map(Rule::Tag),
        "score" => table.get("score", |node| comparison_table(node)).map(Rule::Score),
        "attribute" => {
            let attribute = table.get("attribute", Node::text);
            let test = test(table);
            Some(Rule::Attribute { attribute: attribute?, test: test? })
        }
        "consent" => {
            let purpose = table.get("consent", Node::text);
            let channel = table.need("channel", |node| node.one_of(CHANNELS).map(Some));
            Some(Rule::Consent { purpose: purpose?, channel: channel? })
        }
        "sequence" => sequence(table),
        "segment" => table.get("segment", Node::qualified).map(Rule::Segment),
        "list" => table.get("list", Node::text).map(|list| Rule::List(ListId(list))),
        "journey" => {
            let journey = table.get("journey", Node::qualified);
            let state = table.need("state", |node| node.one_of(STATES).map(Some));
            let step = table.get("step", Node::text);
            Some(Rule::Journey { journey: journey?, state: state?, step })
        }
        "company" => {
            let inner = table.get("company", rule);
            let role = table.get("role", Node::text);
            Some(Rule::Company { rule: Box::new(inner?), role })
        }
        "sample" => table.get("sample", |node| {
            let mut table = node.table();
            let percent = table.need("percent", |node| node.number().map(Some));
            let seed = table.need("seed", |node| node.text().map(Some));
            Some(Rule::Sample(Sample { percent: percent?, seed: seed? }))
        }),
        _ => event(table),
    }
}

/// Reads a condition on the events of one name.
fn event(table: &mut Table<'_>) -> Option<Rule> {
    let events = events(table);
    let within = table.get("within", |node| node.span().map(Some)).unwrap_or_default();
    let word = match EVENT_TESTS.iter().any(|word| table.has(word)) {
        true => exactly_one(table, EVENT_TESTS)?,
        false => {
            table.know(EVENT_TESTS);
            return Some(Rule::Event { events: events?, count: Comparison::Gte(1.0), within });
        }
    };
    match word {
        "count" => {
            let count = table.get(word, comparison_table);
            Some(Rule::Event { events: events?, count: count?, within })
        }
        "never" => {
            let never = table.get(word, Node::boolean)?;
            let count = if never { Comparison::Eq(0.0) } else { Comparison::Gte(1.0) };
            Some(Rule::Event { events: events?, count, within })
        }
        "sum" | "average" => {
            let measure = if word == "sum" { Measure::Sum } else { Measure::Average };
            let (mut events, mut none) = (events, Filter::new());
            let filter = events.as_mut().map_or(&mut none, |events| &mut events.filter);
            let (property, result) = table.get(word, |node| measured(node, filter))?;
            Some(Rule::Amount { events: events?, measure, property, result, within })
        }
        _ => {
            let which = if word == "first" { Occurrence::First } else { Occurrence::Last };
            let at = table.get(word, time_test)?;
            Some(Rule::EventTime { events: events?, which, at, within })
        }
    }
}

/// Reads the property to aggregate and the comparison of the result. For amounts, the filter is
/// restricted to one currency.
fn measured(node: Node<'_>, filter: &mut Filter) -> Option<(String, Comparison)> {
    let mut table = node.clone().table();
    let property: Option<String> = table.need("property", |node| node.text().map(Some));
    if property.as_deref() != Some(VALUE) {
        let word = exactly_one(&mut table, COMPARISONS)?;
        let result = comparison(word, &mut table, Node::number)?;
        return Some((property?, result?));
    }
    let currency = currency_beside(filter, &mut table, &node)?;
    let result = amount_comparison(&mut table, &currency)?;
    need_currency(filter, &currency, &node)?;
    Some((VALUE_MINOR.to_owned(), result))
}

/// Reads `event`, `where` and `machines`.
fn events(table: &mut Table<'_>) -> Option<Events> {
    let event: Option<String> = table.need("event", |node| node.text().map(Some));
    let Wanted { filter, numbers } =
        table.get("where", |node| wanted(node, true)).unwrap_or_default();
    let machines = table.get("machines", Node::boolean).unwrap_or(false);
    Some(Events { event: event?, filter, numbers, machines })
}

fn time_test(node: Node<'_>) -> Option<TimeTest> {
    let mut table = node.table();
    match exactly_one(&mut table, TIME_TESTS)? {
        "before" => table.get("before", Node::instants).map(|(first, _)| TimeTest::Before(first)),
        "after" => table.get("after", Node::instants).map(|(_, last)| TimeTest::After(last)),
        _ => table.get("in_last", Node::span).map(TimeTest::InLast),
    }
}

fn sequence(table: &mut Table<'_>) -> Option<Rule> {
    let key = table.key_of("sequence");
    let parts = table.get("sequence", |node| node.list(|node| events(&mut node.table())));
    let span: Option<Span> = table.need("span", |node| node.span().map(Some));
    let within = table.get("within", Node::span);
    let parts = parts?;
    let count = parts.len();
    let Ok([first, then]) = <[Events; 2]>::try_from(parts) else {
        let problem = Problem::new(key, format!("{count} events; a sequence has two"));
        let advice = "join longer ones: { all = [{ sequence = … }, { sequence = … }] }";
        table.report(problem.help(advice));
        return None;
    };
    Some(Rule::Sequence { first, then, span: span?, within })
}

/// Reads the condition on an attribute: exactly one of the tests.
fn test(table: &mut Table<'_>) -> Option<Operator> {
    let word = exactly_one(table, TESTS)?;
    if let Some(comparison) = comparison(word, table, Node::number) {
        return comparison.map(Operator::Number);
    }
    match word {
        "is" => table.get(word, Node::scalar).map(Operator::Is),
        "is_not" => table.get(word, Node::scalar).map(Operator::IsNot),
        "in" => table.get(word, |node| node.list(Node::scalar)).map(Operator::In),
        "not_in" => table.get(word, |node| node.list(Node::scalar)).map(Operator::NotIn),
        "contains" => table.get(word, Node::text).map(Operator::Contains),
        "starts_with" => table.get(word, Node::text).map(Operator::StartsWith),
        "matches" => table.get(word, Node::text).map(Operator::Matches),
        "between" => table.get(word, between),
        "before" => {
            table.get(word, Node::moment).map(|date| Operator::Date(DateTest::Before(date)))
        }
        "after" => table.get(word, Node::moment).map(|date| Operator::Date(DateTest::After(date))),
        "in_last" => table.get(word, |node| relative(node, |n| n.span().map(Relative::InLast))),
        "in_next" => table.get(word, |node| relative(node, |n| n.span().map(Relative::InNext))),
        "anniversary" => {
            table.get(word, |node| relative(node, |n| n.count().map(Relative::Anniversary)))
        }
        _ => table.get(word, Node::boolean).map(Operator::Set),
    }
}

/// Reads two numbers or two dates.
fn between(node: Node<'_>) -> Option<Operator> {
    if node.length() != Some(2) {
        return node.error("expected two numbers or two dates: [from, to]");
    }
    if node.is_list_of_numbers() {
        let [from, to] = node.list(Node::number)?.try_into().ok()?;
        return Some(Operator::Between(from, to));
    }
    let [from, to] = node.list(Node::moment)?.try_into().ok()?;
    Some(Operator::Date(DateTest::Between(from, to)))
}

fn relative(node: Node<'_>, read: impl FnOnce(Node<'_>) -> Option<Relative>) -> Option<Operator> {
    let zone = node.time_zone();
    read(node).map(|relative| Operator::Relative { relative, zone })
}

pub(super) fn exactly_one(
    table: &mut Table<'_>,
    words: &'static [&'static str],
) -> Option<&'static str> {
    let present: Vec<&'static str> = words.iter().copied().filter(|w| table.has(w)).collect();
    if let [word] = present[..] {
        table.know(words);
        return Some(word);
    }
    match present.is_empty() {
        true => table.need_one_of(words, "has no comparison"),
        false => table.error(format!("takes only one of {}", present.join(", "))),
    }
    swallow(table, words);
    None
}

/// Marks the keys as known without reading them, so that only one problem is reported.
fn swallow(table: &mut Table<'_>, words: &[&'static str]) {
    for word in words {
        table.node(word);
    }
}
