//! Diagnostics about a marketer's input: where the problem is, what it is, and how to fix it.

use serde::Serialize;
use std::fmt;

/// A problem at a dotted key such as `journey.nurture.step[2].timeout` (lists count from 1) or in a
/// template such as `emails/welcome/text`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Problem {
    pub key: String,
    /// The line within the template, from 1. Absent for keys: only their file knows the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    pub message: String,
    /// How to fix it, if that can be guessed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl Problem {
    pub fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { key: key.into(), line: None, message: message.into(), help: None }
    }

    /// Adds advice.
    pub fn help(self, advice: impl Into<String>) -> Self {
        Self { help: Some(advice.into()), ..self }
    }

    /// Adds a suggestion: the name in `known` that is most similar to `name`, or all of them if
    /// none is similar.
    pub fn suggest<'k>(self, name: &str, known: impl IntoIterator<Item = &'k str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        match nearest(name, known.iter().copied()) {
            Some(near) => self.help(format!("did you mean `{near}`?")),
            None if known.is_empty() => self,
            None => self.help(format!("known here: {}", known.join(", "))),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.key)?;
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

/// The most characters of a parser's message that are passed on.
const BRIEF_CHARS_MAX: usize = 200;

/// Returns a parser's message, truncated because it may quote the whole input.
pub fn brief(error: &impl fmt::Display) -> String {
    let text = error.to_string();
    match text.char_indices().nth(BRIEF_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Returns the name that was most likely meant: a few typing errors away, or with a similar
/// beginning.
pub fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let slips_max = 1 + name.chars().count() / 4;
    let alike = |candidate: &str| {
        let slips = strsim::damerau_levenshtein(name, candidate);
        let close = slips <= slips_max && slips < candidate.chars().count().max(2);
        let similarity = strsim::jaro_winkler(name, candidate);
        (close || similarity > 0.85).then_some((slips, -similarity))
    };
    known
        .into_iter()
        .filter_map(|candidate| Some((alike(candidate)?, candidate)))
        .min_by(|a, b| a.0.partial_cmp(&b.0).unwrap_or(std::cmp::Ordering::Equal))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parser_message_is_cut_between_characters() {
        assert_eq!(brief(&"短"), "短");
        assert_eq!(brief(&"长".repeat(201)), "长".repeat(200) + "…");
    }

    #[test]
    fn nearest_name_is_suggested() {
        let known = ["timeout", "on_timeout", "then", "id", "is", "is_not", "白皮书", "感谢页"];
        for (written, meant) in [
            ("timeoout", Some("timeout")),
            ("on_timout", Some("on_timeout")),
            ("iss", Some("is")),
            ("di", Some("id")),
            ("time", Some("timeout")),
            ("白皮书页", Some("白皮书")),
            ("shipping", None),
            ("x", None),
        ] {
            assert_eq!(nearest(written, known), meant, "{written}");
        }
    }
}
