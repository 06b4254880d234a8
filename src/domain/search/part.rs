//! The parts of a record that are searched, and their words.

use super::Words;
use super::text::{self, Piece};
use crate::domain::contact::phone;
use crate::domain::field::{Field, FieldType};
use crate::domain::kind::Kind;
use crate::domain::segment::Subject;
use serde_json::Value;

/// The digits from which a text of digits and separators is one number, however it is split: fewer
/// may be a date, or two numbers.
const DIGITS_JOINED_MIN: usize = 10;

/// The last digits of a phone number by which it is found.
const TAIL_DIGITS: usize = 4;

/// A part of a record that is searched. It is called by the fields that its words reveal, with `+`
/// between two.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    pub name: String,
    reads: Reads,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Reads {
    Text,
    Email,
    Phone,
    Number,
    /// The two characters where a family name and a given name meet: 王小明 is found by 王小.
    Names,
}

impl Part {
    fn new(name: &str, reads: Reads) -> Self {
        Self { name: name.to_owned(), reads }
    }

    /// Returns the fields whose values its words reveal.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.name.split('+')
    }

    fn words(&self, subject: &dyn Subject) -> Vec<String> {
        let texts: Vec<String> = self.fields().map(|field| value(subject, field)).collect();
        match (self.reads, &texts[..]) {
            (Reads::Names, [family, given]) => names(family, given).into_iter().collect(),
            (Reads::Email, [text, ..]) => email(text),
            (Reads::Phone, [text, ..]) => phone_words(text),
            (Reads::Number, [text, ..]) => number(text),
            (_, [text, ..]) => words_of(text),
            (_, []) => Vec::new(),
        }
    }
}

/// The parts of every contact. Each is left out if the kind declares a field of that name that is
/// not to be searched.
const OF_CONTACTS: [(&str, Reads); 8] = [
    ("email", Reads::Email),
    ("phone", Reads::Phone),
    ("external_id", Reads::Text),
    ("last_name", Reads::Text),
    ("first_name", Reads::Text),
    ("last_name+first_name", Reads::Names),
    ("name", Reads::Text),
    ("company", Reads::Text),
];

/// Returns the parts of the records of a kind, the most important first; none for a kind that is
/// not searched.
pub fn parts(kind: &Kind) -> Vec<Part> {
    if !kind.search {
        return Vec::new();
    }
    let may = |name: &str| kind.field(name).is_none_or(Field::is_searchable);
    let mut parts: Vec<Part> = Vec::new();
    if kind.id.is_contact() {
        let own = OF_CONTACTS.iter().map(|(name, reads)| Part::new(name, *reads));
        parts.extend(own.filter(|part| part.fields().all(may)));
    }
    let title = kind.fields.iter().filter(|field| kind.title.as_ref() == Some(&field.name));
    let declared = title.chain(kind.fields.iter().filter(|field| field.search));
    for field in declared.filter(|field| field.is_searchable()) {
        if !parts.iter().any(|part| part.name == field.name) {
            parts.push(Part::new(&field.name, reads(field)));
        }
    }
    parts
}

fn reads(field: &Field) -> Reads {
    match field.kind {
        FieldType::Email => Reads::Email,
        FieldType::Tel { .. } => Reads::Phone,
        FieldType::AutoNumber { .. } => Reads::Number,
        _ => Reads::Text,
    }
}

/// Returns the words that a record is found by.
pub fn words(kind: &Kind, subject: &dyn Subject) -> Words {
    let mut words = Words::default();
    for part in parts(kind) {
        words.add(&part.name, part.words(subject));
    }
    words
}

/// Returns a value as text: attributes that no field declares may be of any type.
fn value(subject: &dyn Subject, field: &str) -> String {
    match subject.attribute(field) {
        Some(Value::String(text)) => text,
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Array(items)) => {
            let texts: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            texts.join("\n")
        }
        _ => String::new(),
    }
}

fn words_of(text: &str) -> Vec<String> {
    let folded = text::folded(text);
    let mut words: Vec<String> = joined_digits(&folded).into_iter().collect();
    words.extend(folded.split_whitespace().filter_map(address));
    for piece in text::pieces(&folded) {
        match piece {
            Piece::Word(word) => words.push(text::cut(&word)),
            Piece::Joined { whole, parts } => {
                words.push(text::cut(&whole));
                words.extend(parts.iter().map(|part| text::cut(part)));
            }
            Piece::Run(run) => words.extend(text::pairs(&run)),
        }
    }
    words
}

/// Returns the whole address, its domain, and the words of what is before it.
fn email(text: &str) -> Vec<String> {
    let folded = text::folded(text);
    let Some((local, domain)) = folded.rsplit_once('@') else { return words_of(text) };
    let mut words = vec![text::cut(&folded), text::cut(domain)];
    words.extend(local.split(['.', '_', '-', '+']).flat_map(words_of));
    words
}

/// Returns the number with the code of its country and without, and its last digits.
fn phone_words(text: &str) -> Vec<String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    if !text.starts_with('+') || digits.len() <= TAIL_DIGITS {
        return words_of(text);
    }
    let tail = digits[digits.len() - TAIL_DIGITS..].to_owned();
    let national = phone::national(text).map(str::to_owned);
    [Some(digits), national, Some(tail)]
        .into_iter()
        .flatten()
        .map(|word| text::cut(&word))
        .collect()
}

/// Returns the words of a numbered title, the number also without the zeros before it.
fn number(text: &str) -> Vec<String> {
    let mut words = words_of(text);
    let short = words.last().map(|last| last.trim_start_matches('0').to_owned());
    words.extend(short.filter(|short| !short.is_empty()));
    words
}

fn names(family: &str, given: &str) -> Option<String> {
    let (family, given) = (text::folded(family), text::folded(given));
    let (family, given) = (family.trim(), given.trim());
    if !text::is_run(family) || !text::is_run(given) {
        return None;
    }
    Some(family.chars().next_back().into_iter().chain(given.chars().next()).collect())
}

/// Returns the digits of a long number that is written with separators, such as a phone number,
/// without the zeros before it.
pub(super) fn joined_digits(folded: &str) -> Option<String> {
    let text = folded.trim();
    let is_part = |c: char| c.is_ascii_digit() || "+-./() ".contains(c);
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let is_number = text.chars().all(is_part) && digits.len() >= DIGITS_JOINED_MIN;
    let is_split = digits.len() < text.len();
    (is_number && is_split).then(|| text::cut(digits.trim_start_matches('0')))
}

/// Returns the e-mail address, or the beginning of one, that folded text without spaces is.
pub(super) fn address(text: &str) -> Option<String> {
    let text = text.trim_matches(|c: char| "<>()[]{},;:\"'.".contains(c));
    let (local, _) = text.split_once('@')?;
    (!local.is_empty()).then(|| text::cut(text))
}
