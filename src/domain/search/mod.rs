//! Search: the words that a record is found by, and what a query asks for. Not here: where the
//! words are kept (`store/search.rs`), and who may search which of them (`access/searched.rs`).

mod part;
mod query;
mod text;
#[cfg(test)]
mod tests;

pub use part::{Part, parts, words};
pub use query::{QUERY_CHARS_MAX, Query, TERMS_MAX, Term};

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The most words of a record: each is a row. Names and addresses come first, so that a long text
/// never displaces them.
pub const WORDS_MAX: usize = 60;

/// The longest word, in characters; a longer one is found by its beginning.
pub const WORD_CHARS_MAX: usize = 64;

/// The words of a record, by the part of it that has them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Words(BTreeMap<String, BTreeSet<String>>);

impl Words {
    /// Adds the words of a part, as far as they fit.
    fn add(&mut self, part: &str, words: Vec<String>) {
        for word in words {
            if self.count() >= WORDS_MAX {
                return;
            }
            self.0.entry(part.to_owned()).or_default().insert(word);
        }
    }

    fn count(&self) -> usize {
        self.0.values().map(BTreeSet::len).sum()
    }

    /// Returns whether the record is found by nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns all words with their parts.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        let of = |(part, words)| {
            let words: &BTreeSet<String> = words;
            let part: &String = part;
            words.iter().map(move |word| (part.as_str(), word.as_str()))
        };
        self.0.iter().flat_map(of)
    }

    /// Returns whether some word, in the parts that count, meets the term.
    pub fn meet(&self, term: &Term, counts: impl Fn(&str) -> bool) -> bool {
        self.all().any(|(part, word)| counts(part) && term.is_met_by(word))
    }
}
