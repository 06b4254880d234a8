//! Reads what a reply to an SMS asks for: STOP, HELP or START, in the words of the regulations and
//! in those of people, in English and in Chinese.
//!
//! A sentence counts only as a whole: every word of it must belong to the request. So "please stop
//! texting me" is a request, and "don't stop, I like them" or "when does it end?" is not. Among
//! several sentences, one that names messages is enough ("Wrong number. Stop texting me."), unless
//! another one asks for the opposite ("don't call me, text me"). What is not understood is left for
//! a person to read. If it is unclear what should stop ("cancel it"), it is taken to be the
//! messages, because that can be undone.
//!
//! STOP words: 47 CFR 64.1200(a)(10) (stop, quit, end, revoke, opt out, cancel, unsubscribe); CTIA
//! Messaging Principles and Best Practices 2023, section 5.1.3 (natural language); ARRET and AIDE
//! are asked for in Canada; 退订, TD, T and R are the replies that Chinese messages ask for.
//!
//! `english.rs` and `chinese.rs` contain the grammar of a sentence, `words.rs` the words.

mod chinese;
mod english;
#[cfg(test)]
mod tests;
mod words;

use english::Sentence;
use serde::{Deserialize, Serialize};

/// What a reply asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keyword {
    /// No more messages.
    Stop,
    /// Who is writing, and how to opt out.
    Help,
    /// Messages again. `yes` is not among its words, because it may answer anything.
    Start,
}

/// The longest text that can be a request, in characters; a longer one is for a person to read.
const REQUEST_CHARS_MAX: usize = 120;

/// The emoji of a stop sign.
const STOP_SIGN: char = '\u{1f6d1}';

/// Reads a reply; returns `None` if it asks for none of the three, or for something else as well.
pub fn classify(text: &str) -> Option<Keyword> {
    if text.chars().nth(REQUEST_CHARS_MAX).is_some() {
        return None;
    }
    let parts = parts(text);
    if parts.iter().any(|part| english::wants_texts(part)) {
        return None;
    }
    sentence(text).or_else(|| several(&parts))
}

/// Returns what a text asks for, read as one sentence.
fn sentence(text: &str) -> Option<Keyword> {
    let mut words = plain_words(text);
    if words.len() > 1 && words.iter().all(|word| word.chars().nth(1).is_none()) {
        // Letters with spaces between them: "S T O P".
        words = vec![words.concat()];
    }
    if words.is_empty() && text.contains(STOP_SIGN) {
        return Some(Keyword::Stop);
    }
    if let [word] = words.as_slice()
        && let Some(keyword) = find(&words::WHOLE, word)
    {
        return Some(keyword);
    }
    english::read(&Sentence::of(&words)).or_else(|| chinese::read(&words.concat()))
}

/// Returns the sentences of a text, and their parts between commas.
fn parts(text: &str) -> Vec<String> {
    let ends = |c: char| "\n.!?;,—–。！？；，".contains(c);
    let text = text.replace(" - ", ", ");
    let parts = text.split(ends).map(str::trim).filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}

/// Returns `Stop` if one of several sentences asks to stop the messages, and none asks for the
/// opposite. It must be clear that the messages are meant: by naming them, by capitals, or because
/// all the other sentences only say no or why.
fn several(parts: &[String]) -> Option<Keyword> {
    if parts.len() < 2 {
        return None;
    }
    let is_shouted =
        |part: &str| part.chars().any(char::is_uppercase) && part == part.to_uppercase();
    let read = |part: &String| Sentence::of(&plain_words(part));
    let asks = |part: &&String| {
        let is_clear = read(part).is_clear() || !part.is_ascii();
        sentence(part) == Some(Keyword::Stop) && (is_clear || is_shouted(part))
    };
    let is_contrary = |part: &String| {
        sentence(part) == Some(Keyword::Start)
            || read(part).wants_more()
            || chinese::wants_more(part)
            || chinese::is_question(part)
    };
    let only_says_no = |part: &String| {
        let sentence = read(part);
        sentence.says_stop() || sentence.says_no_or_why()
    };
    let names = |part: &String| read(part).names_messages();
    let stops = |part: &String| read(part).says_stop() || read(part).stops_it();
    let asked = parts.iter().any(|part| asks(&part))
        || parts.iter().any(stops) && parts.iter().any(names)
        || parts.iter().any(|part| read(part).says_stop()) && parts.iter().all(only_says_no);
    (asked && !parts.iter().any(is_contrary)).then_some(Keyword::Stop)
}

fn find(table: &[(Keyword, &[&str])], word: &str) -> Option<Keyword> {
    table.iter().find(|(_, known)| known.contains(&word)).map(|(keyword, _)| *keyword)
}

/// Returns the words of a text in lower case, without punctuation, emoji and apostrophes inside
/// words (`don't` becomes `dont`); full-width letters become normal ones.
fn plain_words(text: &str) -> Vec<String> {
    let narrow = text.chars().map(|c| match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(c as u32 - 0xFEE0).unwrap_or(c),
        other => other,
    });
    // Marks that carry no meaning but would split a word.
    let unseen = ['\'', '\u{2018}', '\u{2019}', '\u{200B}', '\u{200D}', '\u{FEFF}', '\u{FE0F}'];
    let kept: String = narrow.filter(|c| !unseen.contains(c)).collect();
    let lower = kept.to_lowercase();
    lower
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
        .map(str::to_owned)
        .collect()
}
