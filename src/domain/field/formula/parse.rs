//! Formulas as written.

use super::super::decimal::{Decimal, PLACES};
use super::{Function, Node, Operation, Reference};
use crate::domain::contact::address::half_width;

/// The longest formula, in characters.
pub const FORMULA_CHARS_MAX: usize = 1_000;

/// The most parentheses, functions and signs inside each other.
pub const FORMULA_DEPTH_MAX: usize = 32;

/// The most numbers, names and operators; computing takes a step for each.
pub const FORMULA_PARTS_MAX: usize = 200;

/// The most arguments of a function.
const ARGUMENTS_MAX: usize = 50;

/// Reads a formula.
pub(super) fn parse(text: &str) -> Result<Node, String> {
    if text.chars().nth(FORMULA_CHARS_MAX).is_some() {
        return Err(format!("longer than {FORMULA_CHARS_MAX} characters"));
    }
    let text: String = text.chars().map(half_width).collect();
    let tokens = tokens(&text)?;
    let mut parser = Parser { tokens: &tokens, at: 0, parts: 0 };
    let node = parser.comparison(0)?;
    match parser.next() {
        None => Ok(node),
        Some(token) => Err(format!("`{}` is not expected here", token.shown())),
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number(Decimal),
    /// A name, or two with a dot between them.
    Name(String, Option<String>),
    /// An operator, a parenthesis or a comma.
    Mark(&'static str),
}

impl Token {
    fn shown(&self) -> String {
        match self {
            Self::Number(_) => "a number".to_owned(),
            Self::Name(name, None) => name.clone(),
            Self::Name(name, Some(column)) => format!("{name}.{column}"),
            Self::Mark(mark) => (*mark).to_owned(),
        }
    }
}

/// Longer marks come first.
const MARKS: [&str; 14] =
    ["<=", ">=", "!=", "==", "<>", "+", "-", "*", "/", "(", ")", ",", "<", ">"];

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
        let end = rest.find(|c: char| !is_part(c)).unwrap_or(rest.len());
        let (token, length) = if first.is_ascii_digit() || first == '.' {
            let digits = &rest[..end];
            let wrong = || format!("`{digits}` is not a number with at most {PLACES} decimals");
            (Token::Number(Decimal::parse(digits).ok_or_else(wrong)?), end)
        } else if first.is_ascii_lowercase() {
            (name(&rest[..end])?, end)
        } else if let Some(mark) = MARKS.iter().find(|mark| rest.starts_with(**mark)) {
            (Token::Mark(mark), mark.len())
        } else if first == '=' {
            (Token::Mark("="), 1)
        } else {
            return Err(format!("`{}` has no meaning in a formula", first.escape_debug()));
        };
        found.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(found)
}

fn name(text: &str) -> Result<Token, String> {
    let wrong = || format!("`{text}` is not the name of a field, or of a table and its column");
    let is_good = crate::domain::field::is_field_name;
    match text.split_once('.') {
        None if is_good(text) => Ok(Token::Name(text.to_owned(), None)),
        Some((table, column)) if is_good(table) && is_good(column) => {
            Ok(Token::Name(table.to_owned(), Some(column.to_owned())))
        }
        _ => Err(wrong()),
    }
}

struct Parser<'t> {
    tokens: &'t [Token],
    at: usize,
    parts: usize,
}

impl<'t> Parser<'t> {
    fn next(&mut self) -> Option<&'t Token> {
        let token = self.tokens.get(self.at)?;
        self.at += 1;
        Some(token)
    }

    /// Takes the next token if it is one of the marks.
    fn take(&mut self, marks: &[&str]) -> Option<&'static str> {
        match self.tokens.get(self.at) {
            Some(Token::Mark(mark)) if marks.contains(mark) => {
                self.at += 1;
                Some(mark)
            }
            _ => None,
        }
    }

    fn expect(&mut self, mark: &'static str) -> Result<(), String> {
        match self.take(&[mark]) {
            Some(_) => Ok(()),
            None => Err(match self.tokens.get(self.at) {
                Some(token) => format!("`{mark}` is missing before `{}`", token.shown()),
                None => format!("`{mark}` is missing at the end"),
            }),
        }
    }

    fn part(&mut self, node: Node) -> Result<Node, String> {
        self.parts += 1;
        match self.parts <= FORMULA_PARTS_MAX {
            true => Ok(node),
            false => Err(format!("more than {FORMULA_PARTS_MAX} parts; split it into fields")),
        }
    }

    fn comparison(&mut self, depth: usize) -> Result<Node, String> {
        let left = self.sum(depth)?;
        let marks = ["<=", ">=", "!=", "==", "<>", "<", ">", "="];
        let Some(mark) = self.take(&marks) else { return Ok(left) };
        let operation = match mark {
            "<=" => Operation::LessOrEqual,
            ">=" => Operation::GreaterOrEqual,
            "!=" | "<>" => Operation::NotEqual,
            "<" => Operation::Less,
            ">" => Operation::Greater,
            _ => Operation::Equal,
        };
        let right = self.sum(depth)?;
        if self.take(&marks).is_some() {
            return Err("compare two numbers only; put parentheses around one comparison".into());
        }
        self.part(Node::Binary(operation, Box::new(left), Box::new(right)))
    }

    fn sum(&mut self, depth: usize) -> Result<Node, String> {
        let mut left = self.product(depth)?;
        while let Some(mark) = self.take(&["+", "-"]) {
            let right = Box::new(self.product(depth)?);
            let operation = if mark == "+" { Operation::Add } else { Operation::Subtract };
            left = self.part(Node::Binary(operation, Box::new(left), right))?;
        }
        Ok(left)
    }

    fn product(&mut self, depth: usize) -> Result<Node, String> {
        let mut left = self.signed(depth)?;
        while let Some(mark) = self.take(&["*", "/"]) {
            let right = Box::new(self.signed(depth)?);
            let operation = if mark == "*" { Operation::Multiply } else { Operation::Divide };
            left = self.part(Node::Binary(operation, Box::new(left), right))?;
        }
        Ok(left)
    }

    fn signed(&mut self, depth: usize) -> Result<Node, String> {
        if depth > FORMULA_DEPTH_MAX {
            return Err(format!("more than {FORMULA_DEPTH_MAX} levels; split it into fields"));
        }
        if self.take(&["-"]).is_some() {
            let part = self.signed(depth + 1)?;
            return self.part(Node::Minus(Box::new(part)));
        }
        if self.take(&["("]).is_some() {
            let inner = self.comparison(depth + 1)?;
            self.expect(")")?;
            return Ok(inner);
        }
        match self.next() {
            Some(Token::Number(number)) => self.part(Node::Number(*number)),
            Some(Token::Name(name, None)) if self.take(&["("]).is_some() => self.call(name, depth),
            Some(Token::Name(name, None)) => {
                self.part(Node::Reference(Reference::Field(name.clone())))
            }
            Some(token @ Token::Name(..)) => Err(format!(
                "write sum({0}) instead of {0}: a column has many lines",
                token.shown()
            )),
            Some(Token::Mark(mark)) => {
                Err(format!("a number or a name is missing before `{mark}`"))
            }
            None => Err("a number or a name is missing at the end".to_owned()),
        }
    }

    /// Reads the arguments of a function, after its parenthesis.
    fn call(&mut self, name: &str, depth: usize) -> Result<Node, String> {
        let (function, arguments) = match name {
            "min" => (Function::Min, 1..=ARGUMENTS_MAX),
            "max" => (Function::Max, 1..=ARGUMENTS_MAX),
            "round" => (Function::Round, 1..=2),
            "if" => (Function::If, 3..=3),
            "sum" => (Function::Sum, 1..=ARGUMENTS_MAX),
            _ => return Err(format!("`{name}` is none of min, max, round, if, sum")),
        };
        let mut parts = Vec::new();
        loop {
            parts.push(self.argument(function, depth + 1)?);
            if self.take(&[","]).is_none() {
                break;
            }
        }
        self.expect(")")?;
        if !arguments.contains(&parts.len()) {
            let (least, most) = arguments.into_inner();
            let count =
                if least == most { least.to_string() } else { format!("{least} to {most}") };
            return Err(format!("`{name}` takes {count} arguments, not {}", parts.len()));
        }
        if let (Function::Round, Some(places)) = (function, parts.get(1)) {
            let is_small = |places: &Decimal| {
                (0..=i64::from(PLACES)).any(|n| n * Decimal::ONE.units() == places.units())
            };
            if !matches!(places, Node::Number(places) if is_small(places)) {
                return Err(format!("the places of `round` are a number from 0 to {PLACES}"));
            }
        }
        self.part(Node::Call(function, parts))
    }

    fn argument(&mut self, function: Function, depth: usize) -> Result<Node, String> {
        if let (Function::Sum, Some(Token::Name(table, Some(column)))) =
            (function, self.tokens.get(self.at))
        {
            self.at += 1;
            let (table, column) = (table.clone(), column.clone());
            return self.part(Node::Reference(Reference::Column { table, column }));
        }
        self.comparison(depth)
    }
}
