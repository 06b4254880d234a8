//! Words that must not come back, each with the better one. Only whole words count, in code,
//! comments, documents and names of tests; `docs/glossary.md` has the terms.

use std::fs;
use std::path::Path;
use std::process::Command;

/// A word of the past, and the one to use.
const WORDS: [(&str, &str); 13] = [
    ("told", "the noun: event, report, text, address"),
    ("whoever", "a contact who, a person who"),
    ("anew", "again"),
    ("mend", "fix"),
    ("mends", "fixes"),
    ("mended", "fixed"),
    ("mending", "fixing"),
    ("heed", "apply"),
    ("heeds", "applies"),
    ("reckon", "compute"),
    ("quaint", "unusual"),
    ("teller", "fact"),
    ("belongs to the house", "is reserved"),
];

/// Files that may contain such a word, and the reason.
const EXCEPTIONS: [(&str, &str, &str); 3] = [
    ("src/domain/inbound/keyword/", "told", "it is matched against replies to text messages"),
    ("src/domain/engine/apply.rs", "told", "a property of the event `contact.report_refused`"),
    ("src/domain/report/explain.rs", "told", "a property of the event `contact.report_refused`"),
];

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Returns whether a line contains a phrase as whole words, in any case.
fn contains(line: &str, phrase: &str) -> bool {
    let line = line.to_lowercase();
    line.match_indices(phrase).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + phrase.len()..].chars().next();
        !before.is_some_and(is_word_char) && !after.is_some_and(is_word_char)
    })
}

/// The names of tests are checked in tests; elsewhere, all text.
fn is_checked(path: &str, line: &str) -> bool {
    let is_test = path.starts_with("tests/");
    !is_test || line.trim_start().starts_with("fn ") && line.contains('_')
}

fn found(path: &str, text: &str) -> Vec<String> {
    let allowed = |word: &str| {
        EXCEPTIONS
            .iter()
            .any(|(place, only, _)| path.starts_with(place) && (only.is_empty() || *only == word))
    };
    let lines = text.lines().enumerate().filter(|(_, line)| is_checked(path, line));
    lines
        .flat_map(|(index, line)| {
            // In the name of a test, words are separated by underscores.
            let line =
                if path.starts_with("tests/") { line.replace('_', " ") } else { line.into() };
            let words = WORDS.iter().filter(|(word, _)| !allowed(word) && contains(&line, word));
            let breach = |(word, better): &(&str, &str)| {
                format!("{path}:{}: `{word}`; better: {better}", index + 1)
            };
            words.map(breach).collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn old_words_do_not_come_back() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = ["ls-files", "src", "docs", "tests/native", "tests/cli", "README.md"];
    let listed = Command::new("git").args(places).current_dir(root).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let breaches: Vec<String> = listed
        .lines()
        .filter(|path| *path != "tests/native/words.rs")
        .filter_map(|path| Some((path, fs::read_to_string(root.join(path)).ok()?)))
        .flat_map(|(path, text)| found(path, &text))
        .collect();
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
}

#[test]
fn an_old_word_is_detected() {
    let told = "src/x.rs:1: `told`; better: the noun: event, report, text, address";
    assert_eq!(found("src/x.rs", "let told = 1;"), [told]);
    assert_eq!(found("src/x.rs", "// untold; told_by; amended"), [] as [&str; 0]);
    assert_eq!(found("src/domain/inbound/keyword/words.rs", "\"told\""), [] as [&str; 0]);
    assert_eq!(found("tests/native/x.rs", "    let told = 1;"), [] as [&str; 0]);
    assert_eq!(found("tests/native/x.rs", "fn whoever_asks_gets() {").len(), 1);
}
