//! Formulas: a number computed from other fields of the same record. `parse.rs` reads one,
//! `evaluate.rs` computes it, `order.rs` sorts those of a record.
//!
//! Numbers are exact in ten-thousandths, at most `segment::AMOUNT_MAX`; products and quotients are
//! rounded to them, half away from zero. Amounts count in whole units of their currency, a
//! percentage as its ratio (20 % is 0.2), yes as 1 and no as 0. A field without a value gives no
//! result, except to `sum`, which leaves it out: a wrong number is worse than none.

mod evaluate;
mod order;
mod parse;

pub use evaluate::{NoValue, compute};
pub use order::{FormulaLoop, sorted};
pub use parse::{FORMULA_CHARS_MAX, FORMULA_DEPTH_MAX, FORMULA_PARTS_MAX};

use super::decimal::Decimal;

/// A formula that was read: a tree of bounded size and depth.
#[derive(Clone, Debug, PartialEq)]
pub struct Formula {
    root: Node,
}

/// What a formula refers to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reference {
    /// A field of the record.
    Field(String),
    /// A column of a table, with all its lines; only within `sum`.
    Column { table: String, column: String },
}

impl Reference {
    /// Returns the field that it needs.
    pub fn field(&self) -> &str {
        match self {
            Self::Field(name) => name,
            Self::Column { table, .. } => table,
        }
    }
}

impl Formula {
    /// Reads a formula such as `round(sum(lines.amount) * (1 - discount), 2)`. The error says what
    /// is wrong and where, for the author of the definition.
    pub fn parse(text: &str) -> Result<Self, String> {
        parse::parse(text).map(|root| Self { root })
    }

    /// Returns everything that it refers to, in the order written.
    pub fn references(&self) -> Vec<&Reference> {
        let mut found = Vec::new();
        let mut open = vec![&self.root];
        while let Some(node) = open.pop() {
            match node {
                Node::Number(_) => {}
                Node::Reference(reference) => found.push(reference),
                Node::Minus(part) => open.push(part),
                Node::Binary(_, left, right) => open.extend([&**right, &**left]),
                Node::Call(_, parts) => open.extend(parts.iter().rev()),
            }
        }
        found
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Number(Decimal),
    Reference(Reference),
    Minus(Box<Node>),
    Binary(Operation, Box<Node>, Box<Node>),
    Call(Function, Vec<Node>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Min,
    Max,
    /// A number and, optionally, the decimal places.
    Round,
    /// A condition, the result if it is not 0, the result if it is.
    If,
    Sum,
}
