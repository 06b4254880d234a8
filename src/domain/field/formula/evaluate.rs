//! The value of a formula for one record.

use super::super::Field;
use super::super::decimal::{Decimal, PLACES};
use super::super::kind::FieldType;
use super::order::sorted;
use super::{Formula, FormulaLoop, Function, Node, Operation, Reference};
use crate::domain::base::language::Language;
use crate::domain::base::primitives::minor_digits;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Why a formula has no value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoValue {
    /// This field has no value.
    Empty(String),
    /// The value of this field is not a number, or there is no such field.
    NotANumber(String),
    /// A number divided by nothing.
    DividedByZero,
    /// A number greater than `segment::AMOUNT_MAX`.
    TooGreat,
    /// The text is not a formula; `check` finds these before they are published.
    Broken,
}

impl NoValue {
    /// Returns the reason for the reader of the record.
    pub fn message(&self, language: Language) -> String {
        let (english, chinese) = match self {
            Self::Empty(field) => (format!("{field} is empty."), format!("{field} 为空。")),
            Self::NotANumber(field) => {
                (format!("{field} is not a number."), format!("{field} 不是数字。"))
            }
            Self::DividedByZero => {
                ("A number is divided by zero.".to_owned(), "除数为零。".to_owned())
            }
            Self::TooGreat => ("The number is too great.".to_owned(), "数字过大。".to_owned()),
            Self::Broken => ("The formula is wrong.".to_owned(), "公式有误。".to_owned()),
        };
        language.pick(english, chinese)
    }
}

/// Computes all formulas among `fields` for a record with these kept values, by the names of their
/// fields. A formula may refer to others; if some refer to each other in a circle, nothing is
/// computed.
pub fn compute(
    fields: &[Field],
    kept: &BTreeMap<String, Value>,
) -> Result<BTreeMap<String, Result<Value, NoValue>>, FormulaLoop> {
    let mut values = kept.clone();
    let mut computed = BTreeMap::new();
    for field in sorted(fields)? {
        let FieldType::Formula { expression, currency } = &field.kind else { continue };
        let scope = Scope { fields, values: &values, computed: &computed };
        let result = match Formula::parse(expression) {
            Ok(formula) => scope.value(&formula.root),
            Err(_) => Err(NoValue::Broken),
        };
        let result = result.and_then(|number| to_kept(number, currency.as_deref()));
        match &result {
            Ok(value) => values.insert(field.name.clone(), value.clone()),
            Err(_) => values.remove(&field.name),
        };
        computed.insert(field.name.clone(), result);
    }
    Ok(computed)
}

/// Returns a result as it is kept: a number, or minor units if it is an amount.
fn to_kept(number: Decimal, currency: Option<&str>) -> Result<Value, NoValue> {
    let Some(currency) = currency else { return Ok(number.to_json()) };
    let places = minor_digits(currency);
    let rounded = number.rounded(places).ok_or(NoValue::TooGreat)?;
    let per_minor = 10_i64.pow(PLACES - places.min(PLACES));
    let minor = rounded.units() / per_minor;
    // What a money field can keep.
    if minor.abs() < 1 << 53 { Ok(minor.into()) } else { Err(NoValue::TooGreat) }
}

struct Scope<'a> {
    fields: &'a [Field],
    values: &'a BTreeMap<String, Value>,
    computed: &'a BTreeMap<String, Result<Value, NoValue>>,
}

impl Scope<'_> {
    /// Computes a node. The recursion is as deep as `FORMULA_PARTS_MAX` at most.
    fn value(&self, node: &Node) -> Result<Decimal, NoValue> {
        match node {
            Node::Number(number) => Ok(*number),
            Node::Reference(reference) => self.referred(reference),
            Node::Minus(part) => Decimal::ZERO.minus(self.value(part)?).ok_or(NoValue::TooGreat),
            Node::Binary(operation, left, right) => {
                calculate(*operation, self.value(left)?, self.value(right)?)
            }
            Node::Call(function, parts) => self.call(*function, parts),
        }
    }

    fn call(&self, function: Function, parts: &[Node]) -> Result<Decimal, NoValue> {
        match (function, parts) {
            (Function::If, [condition, then, otherwise]) => {
                let holds = self.value(condition)? != Decimal::ZERO;
                self.value(if holds { then } else { otherwise })
            }
            (Function::Round, [number, rest @ ..]) => {
                let places = match rest.first() {
                    Some(Node::Number(places)) => places.units() / Decimal::ONE.units(),
                    _ => 0,
                };
                let places = u32::try_from(places).unwrap_or(0);
                self.value(number)?.rounded(places).ok_or(NoValue::TooGreat)
            }
            (Function::Sum, parts) => parts.iter().try_fold(Decimal::ZERO, |total, part| {
                let number = match part {
                    // An empty field adds nothing; one that failed otherwise fails the sum.
                    Node::Reference(reference) => match self.referred(reference) {
                        Err(NoValue::Empty(_)) => Decimal::ZERO,
                        found => found?,
                    },
                    other => self.value(other)?,
                };
                total.plus(number).ok_or(NoValue::TooGreat)
            }),
            (function, parts) => {
                let numbers = parts.iter().map(|part| self.value(part));
                let numbers = numbers.collect::<Result<Vec<_>, _>>()?;
                let is_min = function == Function::Min;
                let found = if is_min { numbers.iter().min() } else { numbers.iter().max() };
                found.copied().ok_or(NoValue::Broken)
            }
        }
    }

    fn referred(&self, reference: &Reference) -> Result<Decimal, NoValue> {
        match reference {
            Reference::Field(name) => {
                // A formula without a value passes its reason on.
                if let Some(Err(reason)) = self.computed.get(name) {
                    return Err(reason.clone());
                }
                let unknown = || NoValue::NotANumber(name.clone());
                let field = self.fields.iter().find(|it| it.name == *name).ok_or_else(unknown)?;
                let kept = self.values.get(name).ok_or_else(|| NoValue::Empty(name.clone()))?;
                number(&field.kind, kept).ok_or_else(unknown)
            }
            Reference::Column { table, column } => self.column_sum(table, column),
        }
    }

    fn column_sum(&self, table: &str, column: &str) -> Result<Decimal, NoValue> {
        let unknown = || NoValue::NotANumber(format!("{table}.{column}"));
        let field = self.fields.iter().find(|it| it.name == table).ok_or_else(unknown)?;
        let FieldType::Table { columns } = &field.kind else { return Err(unknown()) };
        let kind = columns.iter().find(|it| it.name == column).ok_or_else(unknown)?;
        let lines = self.values.get(table).and_then(Value::as_array);
        let cells = lines.into_iter().flatten().filter_map(|line| line.get(column));
        cells.map(|cell| number(&kind.kind, cell)).try_fold(Decimal::ZERO, |total, cell| {
            total.plus(cell.ok_or_else(unknown)?).ok_or(NoValue::TooGreat)
        })
    }
}

/// Returns what a kept value counts as; `None` if its type is no number.
fn number(kind: &FieldType, kept: &Value) -> Option<Decimal> {
    let of_minor = |currency: &str| {
        let per_minor = 10_i128.pow(PLACES - minor_digits(currency).min(PLACES));
        Decimal::of_units(i128::from(kept.as_i64()?) * per_minor)
    };
    match kind {
        FieldType::Money { currency } => of_minor(currency),
        FieldType::Formula { currency: Some(currency), .. } => of_minor(currency),
        FieldType::Percent { .. } => Decimal::of_json(kept)?.over(Decimal::of_units(1_000_000)?),
        FieldType::Checkbox => Some(if kept.as_bool()? { Decimal::ONE } else { Decimal::ZERO }),
        kind if kind.is_number() => Decimal::of_json(kept),
        _ => None,
    }
}

fn calculate(operation: Operation, left: Decimal, right: Decimal) -> Result<Decimal, NoValue> {
    let one_if = |holds: bool| Some(if holds { Decimal::ONE } else { Decimal::ZERO });
    let result = match operation {
        Operation::Add => left.plus(right),
        Operation::Subtract => left.minus(right),
        Operation::Multiply => left.times(right),
        Operation::Divide if right == Decimal::ZERO => return Err(NoValue::DividedByZero),
        Operation::Divide => left.over(right),
        Operation::Equal => one_if(left == right),
        Operation::NotEqual => one_if(left != right),
        Operation::Less => one_if(left < right),
        Operation::LessOrEqual => one_if(left <= right),
        Operation::Greater => one_if(left > right),
        Operation::GreaterOrEqual => one_if(left >= right),
    };
    result.ok_or(NoValue::TooGreat)
}
