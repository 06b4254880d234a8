//! Rules, as they stand in a campaign file.

use super::table::{Node, Table};
use crate::domain::primitives::{Channel, Span};
use crate::domain::problem::Problem;
use crate::domain::rule::{Comparison, Rule, Test};

const KINDS: &[&str] = &["all", "any", "not", "attribute", "tag", "consent", "score", "event"];
const TESTS: &[&str] = &[
    "is", "is_not", "in", "not_in", "contains", "starts_with", "eq", "gt", "gte", "lt", "lte",
    "set",
];
const COMPARISONS: &[&str] = &["eq", "gt", "gte", "lt", "lte"];

/// The words for channels.
pub(super) const CHANNELS: &[(&str, Channel)] = &[("email", Channel::Email), ("sms", Channel::Sms)];

/// Reads a rule: a table with exactly one of the kinds of question.
pub(super) fn rule(node: Node<'_>) -> Option<Rule> {
    let mut table = node.table();
    let kinds: Vec<&str> = KINDS.iter().copied().filter(|kind| table.has(kind)).collect();
    match kinds[..] {
        [kind] => read_kind(kind, &mut table),
        [] => {
            table.need_one_of(KINDS, "the rule asks nothing");
            swallow(&mut table, TESTS);
            swallow(&mut table, &["channel", "count", "within", "where"]);
            None
        }
        [..] => {
            let advice = "put them into { all = [{ … }, { … }] }, or any";
            let message = format!("{} stand side by side in one rule", kinds.join(" and "));
            table.report(Problem::new(&table.key, message).help(advice));
            for names in [KINDS, TESTS, &["channel", "count", "within", "where"]] {
                swallow(&mut table, names);
            }
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
            let channel = table.need("channel", |node| node.word(CHANNELS).map(Some));
            Some(Rule::Consent { purpose: purpose?, channel: channel? })
        }
        _ => {
            let event = table.get("event", Node::text);
            let count = match table.node("count") {
                Some(node) => comparison_table(node),
                None => Some(Comparison::Gte(1.0)),
            };
            let within: Option<Span> = table.get("within", Node::span);
            let filter = table.get("where", Node::scalars).unwrap_or_default();
            Some(Rule::Event { event: event?, count: count?, within, filter })
        }
    }
}

/// Reads what is asked of an attribute: exactly one of the tests.
fn test(table: &mut Table<'_>) -> Option<Test> {
    let word = exactly_one(table, TESTS)?;
    if let Some(comparison) = comparison(word, table) {
        return comparison.map(Test::Number);
    }
    match word {
        "is" => table.get(word, Node::scalar).map(Test::Is),
        "is_not" => table.get(word, Node::scalar).map(Test::IsNot),
        "in" => table.get(word, |node| node.list(Node::scalar)).map(Test::In),
        "not_in" => table.get(word, |node| node.list(Node::scalar)).map(Test::NotIn),
        "contains" => table.get(word, Node::text).map(Test::Contains),
        "starts_with" => table.get(word, Node::text).map(Test::StartsWith),
        _ => table.get(word, Node::truth).map(Test::Set),
    }
}

fn comparison_table(node: Node<'_>) -> Option<Comparison> {
    let mut table = node.table();
    let word = exactly_one(&mut table, COMPARISONS)?;
    comparison(word, &mut table)?
}

/// `None` if the word is no comparison, `Some(None)` if it is one whose number is none.
fn comparison(word: &'static str, table: &mut Table<'_>) -> Option<Option<Comparison>> {
    let make = match word {
        "eq" => Comparison::Eq,
        "gt" => Comparison::Gt,
        "gte" => Comparison::Gte,
        "lt" => Comparison::Lt,
        "lte" => Comparison::Lte,
        _ => return None,
    };
    Some(table.get(word, Node::number).map(make))
}

fn exactly_one(table: &mut Table<'_>, words: &'static [&'static str]) -> Option<&'static str> {
    let present: Vec<&'static str> = words.iter().copied().filter(|w| table.has(w)).collect();
    if let [word] = present[..] {
        table.know(words);
        return Some(word);
    }
    match present.is_empty() {
        true => table.need_one_of(words, "nothing is compared"),
        false => table.complain(format!("takes only one of {}", present.join(", "))),
    }
    swallow(table, words);
    None
}

/// Takes the keys as known without reading them, so that one complaint is enough.
fn swallow(table: &mut Table<'_>, words: &[&'static str]) {
    for word in words {
        table.node(word);
    }
}
