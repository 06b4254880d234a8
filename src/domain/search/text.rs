//! Text to words. A record and a query are read by the same steps, so that what was written is
//! found as it was written.
//!
//! - Letters and digits of most scripts are words: in lower case, without accents, full-width forms
//!   as ordinary ones. An apostrophe joins (`O'Brien`: `obrien`).
//! - A point between letters joins too, and the pieces are words beside the whole (`example.com`).
//! - Chinese, Japanese and Korean have no spaces: each two neighbours are a word. A character that
//!   stands alone is one, too.

use super::WORD_CHARS_MAX;
use icu_normalizer::properties::{CanonicalDecompositionBorrowed, Decomposed};

/// The number of characters of a text that are looked at: those of the longest text field.
const CHARS_MAX: usize = 5_000;

/// A piece of a text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    /// A word.
    Word(String),
    /// Words with points between them.
    Joined { whole: String, parts: Vec<String> },
    /// Characters of a script without spaces.
    Run(Vec<char>),
}

/// Splits a text.
pub(super) fn pieces(text: &str) -> Vec<Piece> {
    let mut chars = Vec::new();
    text.chars().take(CHARS_MAX).for_each(|c| fold(c, &mut chars));
    let mut reader = Reader::default();
    for (index, c) in chars.iter().enumerate() {
        let follows = chars.get(index + 1).is_some_and(|next| is_letter(*next));
        match *c {
            c if is_unspaced(c) => {
                reader.end_word();
                reader.run.push(c);
            }
            c if is_letter(c) => {
                reader.end_run();
                reader.word.push(c);
            }
            '.' if follows && !reader.word.is_empty() => reader.join(),
            '\'' if follows && !reader.word.is_empty() => {}
            _ => reader.end(),
        }
    }
    reader.end();
    reader.pieces
}

/// Folds a text without splitting it.
pub(super) fn folded(text: &str) -> String {
    let mut chars = Vec::new();
    text.chars().take(CHARS_MAX).for_each(|c| fold(c, &mut chars));
    chars.into_iter().collect()
}

/// Returns a word, cut to the length of words.
pub(super) fn cut(word: &str) -> String {
    word.chars().take(WORD_CHARS_MAX).collect()
}

/// Returns each two neighbours of a run; its only character, if it has one.
pub(super) fn pairs(run: &[char]) -> Vec<String> {
    match run {
        [only] => vec![only.to_string()],
        _ => run.windows(2).map(|pair| pair.iter().collect()).collect(),
    }
}

/// Returns whether a text is in a script without spaces only.
pub(super) fn is_run(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_unspaced)
}

#[derive(Default)]
struct Reader {
    pieces: Vec<Piece>,
    word: String,
    /// The words before the last point.
    before: Vec<String>,
    run: Vec<char>,
}

impl Reader {
    fn join(&mut self) {
        self.before.push(std::mem::take(&mut self.word));
    }

    fn end_word(&mut self) {
        let word = std::mem::take(&mut self.word);
        let mut parts = std::mem::take(&mut self.before);
        if word.is_empty() {
            return;
        }
        if parts.is_empty() {
            return self.pieces.push(Piece::Word(word));
        }
        parts.push(word);
        self.pieces.push(Piece::Joined { whole: parts.join("."), parts });
    }

    fn end_run(&mut self) {
        if !self.run.is_empty() {
            self.pieces.push(Piece::Run(std::mem::take(&mut self.run)));
        }
    }

    fn end(&mut self) {
        self.end_word();
        self.end_run();
    }
}

/// Adds a character as words have it.
fn fold(c: char, chars: &mut Vec<char>) {
    let c = match c {
        // Full-width forms.
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{3000}' => ' ',
        '\u{2019}' | '\u{2bc}' => '\'',
        // Accents that follow their letter.
        '\u{300}'..='\u{36f}' => return,
        _ => c,
    };
    for lower in c.to_lowercase() {
        match base(lower) {
            '\u{300}'..='\u{36f}' => {}
            'ß' => chars.extend(['s', 's']),
            'æ' => chars.extend(['a', 'e']),
            'œ' => chars.extend(['o', 'e']),
            'ø' => chars.push('o'),
            'ł' => chars.push('l'),
            'đ' => chars.push('d'),
            'ı' => chars.push('i'),
            base => chars.push(base),
        }
    }
}

/// Returns a letter without its accents: Latin, Greek and Cyrillic. Elsewhere, marks tell words
/// apart.
fn base(c: char) -> char {
    let is_european = matches!(c, '\u{c0}'..='\u{52f}' | '\u{1e00}'..='\u{1fff}');
    if !is_european {
        return c;
    }
    match CanonicalDecompositionBorrowed::new().decompose(c) {
        Decomposed::Default => c,
        Decomposed::Singleton(other) | Decomposed::Expansion(other, _) => base(other),
    }
}

fn is_letter(c: char) -> bool {
    c.is_alphanumeric() && !is_unspaced(c)
}

/// Returns whether a character is of a script without spaces: Chinese characters, kana, Hangul.
fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{3005}'..='\u{3007}'
        | '\u{3041}'..='\u{3096}'
        | '\u{309d}'..='\u{309f}'
        | '\u{30a1}'..='\u{30fa}'
        | '\u{30fc}'..='\u{30ff}'
        | '\u{31f0}'..='\u{31ff}'
        | '\u{3131}'..='\u{318e}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{ff66}'..='\u{ff9d}'
        | '\u{20000}'..='\u{3fffd}')
}
