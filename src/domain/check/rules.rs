//! Whether rules make sense.

use super::{Check, OPTIONS_MAX, RULE_DEPTH_MAX, RULE_LEAVES_MAX, TEXT_CHARS_MAX};
use crate::domain::rule::{Comparison, Rule, Scalar, Test};

impl Check<'_> {
    /// Checks a whole rule: its size, and each question in it.
    pub(super) fn rule(&mut self, key: &str, rule: &Rule) {
        let (depth, leaves) = size(rule);
        if depth > RULE_DEPTH_MAX {
            return self.say(key, format!("{depth} levels deep; the limit is {RULE_DEPTH_MAX}"));
        }
        self.count(key, leaves, RULE_LEAVES_MAX, "questions");
        self.part(key, rule);
    }

    fn part(&mut self, key: &str, rule: &Rule) {
        match rule {
            Rule::All(parts) => self.parts(&format!("{key}.all"), parts),
            Rule::Any(parts) => self.parts(&format!("{key}.any"), parts),
            Rule::Not(part) => self.part(&format!("{key}.not"), part),
            Rule::Attribute { attribute, test } => {
                self.attribute(&format!("{key}.attribute"), attribute);
                self.test(key, test);
            }
            Rule::Tag(tag) => self.tag(&format!("{key}.tag"), tag),
            Rule::Consent { purpose, .. } => self.name(&format!("{key}.consent"), purpose),
            Rule::Score(comparison) => self.comparison(&format!("{key}.score"), *comparison),
            Rule::Event { event, count, within, filter } => {
                self.event(&format!("{key}.event"), event);
                self.comparison(&format!("{key}.count"), *count);
                if let Some(within) = within {
                    self.span(&format!("{key}.within"), *within);
                }
                self.filter(&format!("{key}.where"), filter);
            }
        }
    }

    fn parts(&mut self, key: &str, parts: &[Rule]) {
        for (index, part) in parts.iter().enumerate() {
            self.part(&format!("{key}[{}]", index + 1), part);
        }
    }

    fn test(&mut self, key: &str, test: &Test) {
        match test {
            Test::Is(value) => self.scalar(&format!("{key}.is"), value),
            Test::IsNot(value) => self.scalar(&format!("{key}.is_not"), value),
            Test::In(values) => self.scalars(&format!("{key}.in"), values),
            Test::NotIn(values) => self.scalars(&format!("{key}.not_in"), values),
            Test::Contains(text) => self.needle(&format!("{key}.contains"), text),
            Test::StartsWith(text) => self.needle(&format!("{key}.starts_with"), text),
            Test::Number(comparison) => self.comparison(key, *comparison),
            Test::Set(_) => {}
        }
    }

    fn needle(&mut self, key: &str, text: &str) {
        self.say_unless(!text.is_empty(), key, "must not be empty");
        self.text(key, text);
    }

    fn scalars(&mut self, key: &str, values: &[Scalar]) {
        self.say_unless(!values.is_empty(), key, "must not be empty");
        self.count(key, values.len(), OPTIONS_MAX, "values");
        for value in values {
            self.scalar(key, value);
        }
    }

    /// A single value: numbers must be finite, texts short enough to be bound many times.
    pub(super) fn scalar(&mut self, key: &str, value: &Scalar) {
        let fits = match value {
            Scalar::Bool(_) => true,
            Scalar::Number(number) => number.is_finite(),
            Scalar::Text(text) => text.chars().count() <= TEXT_CHARS_MAX,
        };
        self.say_unless(fits, key, "is too large a value");
    }

    fn comparison(&mut self, key: &str, comparison: Comparison) {
        let (Comparison::Eq(number)
        | Comparison::Gt(number)
        | Comparison::Gte(number)
        | Comparison::Lt(number)
        | Comparison::Lte(number)) = comparison;
        self.say_unless(number.is_finite(), key, "is not a number");
    }

    /// Properties of an event and the values they must have.
    pub(super) fn filter(&mut self, key: &str, filter: &[(String, Scalar)]) {
        self.count(key, filter.len(), 10, "properties");
        for (name, value) in filter {
            self.event(&format!("{key}.{name}"), name);
            self.scalar(&format!("{key}.{name}"), value);
        }
    }
}

/// How many levels a rule has, and how many questions.
fn size(rule: &Rule) -> (usize, usize) {
    let all = |parts: &[Rule]| {
        let sizes = parts.iter().map(size);
        sizes.fold((0, 0), |(depth, leaves), (d, l)| (depth.max(d), leaves + l))
    };
    let (depth, leaves) = match rule {
        Rule::All(parts) | Rule::Any(parts) => all(parts),
        Rule::Not(part) => size(part),
        _ => (0, 1),
    };
    (depth + 1, leaves)
}
