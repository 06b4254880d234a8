//! What somebody asks for: terms, each of which a record must meet.

use super::part::joined_digits;
use super::text::{self, Piece};
use crate::domain::base::diagnostic::Problem;

/// The longest query, in characters.
pub const QUERY_CHARS_MAX: usize = 200;

/// The most terms of a query: as many words, or a run of one Chinese character more.
pub const TERMS_MAX: usize = 16;

/// One thing that a word must be, or begin with.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    pub text: String,
    /// Whether the word must be this, not only begin with it: two Chinese characters.
    pub is_whole: bool,
}

/// The last character of Unicode, which no word has.
const LAST: char = '\u{10ffff}';

/// The first character, which no word has.
const FIRST: char = '\u{1}';

impl Term {
    fn new(text: &str, is_whole: bool) -> Self {
        Self { text: text::cut(text), is_whole }
    }

    /// Returns the end of the range of words that meet it, in the order of their bytes. The range
    /// begins with its own text, and does not include its end.
    pub fn end(&self) -> String {
        format!("{}{}", self.text, if self.is_whole { FIRST } else { LAST })
    }

    pub fn is_met_by(&self, word: &str) -> bool {
        match self.is_whole {
            true => word == self.text,
            false => word.starts_with(&self.text),
        }
    }
}

/// A query. It has a term at least.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    pub terms: Vec<Term>,
}

impl Query {
    /// Reads what somebody typed.
    pub fn read(typed: &str) -> Result<Self, Problem> {
        let problem = |message: String| Problem::new("q", message);
        if typed.chars().count() > QUERY_CHARS_MAX {
            let message = format!("it has more than {QUERY_CHARS_MAX} characters");
            return Err(problem(message).help("write some of its words"));
        }
        let folded = text::folded(typed);
        let mut terms: Vec<Term> = match joined_digits(&folded) {
            Some(digits) => vec![Term::new(&digits, false)],
            None => folded.split_whitespace().flat_map(chunk).collect(),
        };
        let mut seen = Vec::new();
        terms.retain(|term| {
            let is_new = !seen.contains(term);
            seen.push(term.clone());
            is_new
        });
        match terms.len() {
            0 => Err(problem("it has no word".to_owned()).help("write letters or digits")),
            1..=TERMS_MAX => Ok(Self { terms }),
            count => {
                let message = format!("it has {count} words or pairs of Chinese characters");
                let help = format!("write at most {TERMS_MAX}, the rarest");
                Err(problem(message).help(help))
            }
        }
    }
}

/// Returns the terms of what stands between two spaces.
fn chunk(text: &str) -> Vec<Term> {
    if let Some(address) = super::part::address(text) {
        return vec![Term::new(&address, false)];
    }
    let term = |piece: Piece| match piece {
        Piece::Word(word) => vec![Term::new(&word, false)],
        Piece::Joined { whole, .. } => vec![Term::new(&whole, false)],
        Piece::Run(run) => {
            let is_whole = run.len() > 1;
            text::pairs(&run).iter().map(|pair| Term::new(pair, is_whole)).collect()
        }
    };
    text::pieces(text).into_iter().flat_map(term).collect()
}
