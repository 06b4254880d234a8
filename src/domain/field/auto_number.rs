//! Patterns of automatic numbers, such as `D-{year}-{n:4}`. Not here: the next number, which the
//! store gives, in one batch with the record.

use std::fmt::Write;

/// The longest pattern, in characters.
const PATTERN_CHARS_MAX: usize = 64;

/// The most digits to which a number is padded.
const WIDTH_MAX: usize = 12;

/// The digits of the greatest number, 2^53; in the index, numbers are padded to these.
const INDEX_WIDTH: usize = 16;

/// A pattern that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Year,
    /// The number, padded with zeros to this width.
    Number(usize),
}

impl Pattern {
    /// Reads a pattern: text, `{year}` at most once, and `{n}` or `{n:4}` exactly once. The error
    /// says what is wrong, for the author of the definition.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.chars().nth(PATTERN_CHARS_MAX).is_some() {
            return Err(format!("longer than {PATTERN_CHARS_MAX} characters"));
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (before, after) = rest.split_once('{').map_or((rest, None), |(b, a)| (b, Some(a)));
            let is_plain = |c: char| !(c.is_control() || c == '}' || super::text::is_invisible(c));
            if !before.chars().all(is_plain) {
                return Err("has a stray `}` or an invisible character".to_owned());
            }
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            let Some(after) = after else { break };
            let (word, after) = after.split_once('}').ok_or("has a `{` without its `}`")?;
            parts.push(Part::read(word)?);
            rest = after;
        }
        let count = |wanted: fn(&Part) -> bool| parts.iter().filter(|part| wanted(part)).count();
        if count(|part| matches!(part, Part::Number(_))) != 1 {
            return Err("needs `{n}` once, such as D-{year}-{n:4}".to_owned());
        }
        if count(|part| *part == Part::Year) > 1 {
            return Err("may have `{year}` once only".to_owned());
        }
        Ok(Self { parts })
    }

    /// Returns whether the numbers begin again each year.
    pub fn is_yearly(&self) -> bool {
        self.parts.contains(&Part::Year)
    }

    /// Writes the `n`-th number of a year.
    pub fn write(&self, year: i16, n: u64) -> String {
        self.parts.iter().fold(String::new(), |mut text, part| {
            // Writing to a string cannot fail.
            let _ = match part {
                Part::Text(literal) => write!(text, "{literal}"),
                Part::Year => write!(text, "{year:04}"),
                Part::Number(width) => write!(text, "{n:0width$}"),
            };
            text
        })
    }

    /// Reads a text that the pattern wrote: its year, if the pattern has one, and its number.
    pub fn read(&self, text: &str) -> Option<(Option<i16>, u64)> {
        let (mut year, mut number) = (None, None);
        let mut rest = text;
        for (index, part) in self.parts.iter().enumerate() {
            let taken = self.taken(index, part, rest)?;
            let (own, after) = rest.split_at(taken);
            match part {
                Part::Text(_) => {}
                Part::Year => year = Some(own.parse().ok()?),
                Part::Number(_) => number = Some(own.parse().ok()?),
            }
            rest = after;
        }
        let number = number.filter(|_| rest.is_empty())?;
        let is_written = self.write(year.unwrap_or_default(), number) == text;
        is_written.then_some((year, number))
    }

    /// Returns how many bytes of the text a part takes.
    fn taken(&self, index: usize, part: &Part, rest: &str) -> Option<usize> {
        match part {
            Part::Text(literal) => rest.starts_with(literal.as_str()).then_some(literal.len()),
            Part::Year => is_digits(rest.get(..4)?).then_some(4),
            Part::Number(_) => {
                // Digits of the year may follow directly.
                let is_year_next = self.parts.get(index + 1) == Some(&Part::Year);
                let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
                digits.checked_sub(if is_year_next { 4 } else { 0 }).filter(|n| *n > 0)
            }
        }
    }

    /// Returns a number as the index has it, with its digits padded so that 10000 comes after 9999.
    /// A text that the pattern did not write stays as it is.
    pub(super) fn index_text(&self, kept: &str) -> String {
        self.padded(kept).unwrap_or_else(|| kept.to_owned())
    }

    fn padded(&self, kept: &str) -> Option<String> {
        let mut text = String::with_capacity(kept.len() + INDEX_WIDTH);
        let mut rest = kept;
        for (index, part) in self.parts.iter().enumerate() {
            let taken = self.taken(index, part, rest)?;
            let (own, after) = rest.split_at(taken);
            match part {
                Part::Number(_) => {
                    let _ = write!(text, "{own:0>INDEX_WIDTH$}");
                }
                _ => text.push_str(own),
            }
            rest = after;
        }
        rest.is_empty().then_some(text)
    }
}

impl Part {
    fn read(word: &str) -> Result<Self, String> {
        match word {
            "year" => return Ok(Self::Year),
            "n" => return Ok(Self::Number(1)),
            _ => {}
        }
        let width = word.strip_prefix("n:").filter(|width| is_digits(width));
        let width = width.and_then(|width| width.parse().ok());
        let width = width.filter(|width| (1..=WIDTH_MAX).contains(width));
        width.map(Self::Number).ok_or_else(|| {
            let word = crate::domain::base::diagnostic::brief(&word);
            format!("has `{{{word}}}`; known are {{year}}, {{n}} and {{n:4}}")
        })
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}
