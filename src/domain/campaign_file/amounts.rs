//! Conditions on event properties and on the value of events.
//!
//! In a file, `value` is a decimal amount. An event stores `value_minor`, in minor units, and
//! `currency`. A condition on a value therefore becomes two: one on the number and one on its
//! currency. Amounts in other currencies never match.

use super::rules::exactly_one;
use super::table::{Node, Table};
use crate::domain::base::diagnostic::Problem;
use crate::domain::base::primitives::{Money, minor_digits};
use crate::domain::record::event::{CURRENCY, VALUE, VALUE_MINOR};
use crate::domain::segment::{Comparison, Scalar};

/// The names of comparisons.
pub(super) const COMPARISONS: &[&str] = &["eq", "gt", "gte", "lt", "lte"];

/// The conditions on the properties of an event.
#[derive(Default)]
pub(super) struct Wanted {
    /// Exact values.
    pub filter: Filter,
    /// Numeric comparisons.
    pub numbers: Vec<(String, Comparison)>,
}

/// Properties and their exact values.
pub(super) type Filter = Vec<(String, Scalar)>;

/// Returns the currency that an event must have.
fn currency_of(filter: &Filter) -> Option<&str> {
    filter.iter().find_map(|(name, value)| match value {
        Scalar::Text(code) if name == CURRENCY => Some(code.as_str()),
        _ => None,
    })
}

/// Restricts a filter to events in the currency of an amount. Two different currencies are an
/// error.
pub(super) fn need_currency(filter: &mut Filter, currency: &str, node: &Node<'_>) -> Option<()> {
    match currency_of(filter) {
        Some(known) if known != currency => {
            node.error(format!("an event has one currency, not both {known} and {currency}"))
        }
        Some(_) => Some(()),
        None => {
            filter.push((CURRENCY.to_owned(), Scalar::Text(currency.to_owned())));
            Some(())
        }
    }
}

/// Returns the currency of an amount: the one named beside it, that of `where`, or the campaign's.
pub(super) fn currency_beside(
    filter: &Filter,
    table: &mut Table<'_>,
    node: &Node<'_>,
) -> Option<String> {
    let named = table.node(CURRENCY);
    match named {
        Some(named) => code(named),
        None => Some(currency_of(filter).map_or_else(|| node.currency(), str::to_owned)),
    }
}

/// Reads `where`: properties with exact values or, if `compares`, with comparisons.
pub(super) fn wanted(node: Node<'_>, compares: bool) -> Option<Wanted> {
    let mut wanted = Wanted::default();
    let value_key = format!("{}.{VALUE}", node.key);
    // The entries are sorted by name, so that the currency is known before the value is read.
    for (name, node) in node.named(Some)? {
        if node.key == value_key {
            amount(&mut wanted, node, compares);
        } else if compares && node.is_table() {
            wanted.numbers.extend(comparison_table(node).map(|found| (name, found)));
        } else {
            wanted.filter.extend(node.scalar().map(|found| (name, found)));
        }
    }
    Some(wanted)
}

/// Reads the condition on the value of an event: an amount, or a comparison with one.
fn amount(wanted: &mut Wanted, node: Node<'_>, compares: bool) -> Option<()> {
    if !compares || !node.is_table() {
        let currency = currency_of(&wanted.filter).map_or_else(|| node.currency(), str::to_owned);
        let minor = minor(node.clone(), &currency)?;
        wanted.filter.push((VALUE_MINOR.to_owned(), Scalar::Number(minor)));
        return need_currency(&mut wanted.filter, &currency, &node);
    }
    let mut table = node.clone().table();
    let currency = currency_beside(&wanted.filter, &mut table, &node)?;
    let found = amount_comparison(&mut table, &currency)?;
    wanted.numbers.push((VALUE_MINOR.to_owned(), found));
    need_currency(&mut wanted.filter, &currency, &node)
}

/// Reads an ISO 4217 code.
fn code(node: Node<'_>) -> Option<String> {
    let code = node.clone().text()?;
    match code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        true => Some(code),
        false => node.error(format!("`{code}` is not a currency such as \"EUR\"")),
    }
}

/// Reads an amount of a currency, as text or as a number, and returns the exact minor units.
fn minor(node: Node<'_>, currency: &str) -> Option<f64> {
    let text = node.digits()?;
    let money = Money::parse(&text, currency).map(|money| money.minor as f64);
    money.or_else(|| {
        let places = minor_digits(currency);
        let message = format!("`{text}` is not an amount of {currency}");
        let advice = match places {
            0 => "write whole units, such as 100".to_owned(),
            _ => format!("write digits with at most {places} decimals, such as \"100.00\""),
        };
        node.report(Problem::new(&node.key, message).help(advice))
    })
}

/// Reads a table with one comparison with a number.
pub(super) fn comparison_table(node: Node<'_>) -> Option<Comparison> {
    let mut table = node.table();
    let word = exactly_one(&mut table, COMPARISONS)?;
    comparison(word, &mut table, Node::number)?
}

/// Reads the one comparison with an amount in a table.
pub(super) fn amount_comparison(table: &mut Table<'_>, currency: &str) -> Option<Comparison> {
    let word = exactly_one(table, COMPARISONS)?;
    comparison(word, table, |node| minor(node, currency))?
}

/// Reads a comparison: `None` if the word is not a comparison, `Some(None)` if it is one without a
/// valid number.
pub(super) fn comparison<'a>(
    word: &'static str,
    table: &mut Table<'a>,
    number: impl Fn(Node<'a>) -> Option<f64>,
) -> Option<Option<Comparison>> {
    let make = match word {
        "eq" => Comparison::Eq,
        "gt" => Comparison::Gt,
        "gte" => Comparison::Gte,
        "lt" => Comparison::Lt,
        "lte" => Comparison::Lte,
        _ => return None,
    };
    Some(table.get(word, number).map(make))
}
