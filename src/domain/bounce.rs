//! A bounce: a message that came back, and what that says about the address.

use serde::{Deserialize, Serialize};

/// The most characters of a provider's words that are kept.
pub const WORDS_CHARS_MAX: usize = 300;

/// What a bounce says about the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BounceKind {
    /// It is no good, and will not be.
    Hard,
    /// It may work another day.
    Soft,
    /// Nothing: the message was at fault, or its sender.
    Ignored,
}

/// A message that came back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bounce {
    /// What it says about the address.
    pub kind: BounceKind,
    /// Why, as a short word; `domain::reason` has the sentence.
    pub reason: String,
    /// The status code (RFC 3463, RFC 5321), or the provider's own; empty if none was told.
    pub status: String,
    /// What the receiver or the provider said, made safe by `words`.
    pub words: String,
}

/// What somebody outside said, as it may be kept and shown: on one line, without control
/// characters, and not too long. Pages still escape it.
pub fn words(told: &str) -> String {
    let visible = told.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
    let line = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(WORDS_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_from_outside_are_one_short_line_of_visible_characters() {
        assert_eq!(
            words("550-5.1.1 no\r\n550 \u{1b}[31m such user"),
            "550-5.1.1 no 550 [31m such user"
        );
        assert_eq!(words(&"长".repeat(400)).chars().count(), WORDS_CHARS_MAX + 1);
    }
}
