//! The rules of the code base, checked on the sources: the invariants in ARCHITECTURE.md, and how
//! files are kept. Each rule is a function of named texts, and is tested on a text that breaks it.

mod documents;
mod modules;
mod places;
mod repository;
mod style;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A file of the repository: its path and its text.
struct File {
    path: String,
    text: String,
}

/// A violation, as `path:line: what`.
type Breach = String;

fn file(path: &str, text: &str) -> File {
    File { path: path.to_owned(), text: text.to_owned() }
}

/// Every text file that git tracks or would track.
fn tracked() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let git = ["ls-files", "--cached", "--others", "--exclude-standard"];
    let listed = Command::new("git").args(git).current_dir(root).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let read = |path: &str| Some(file(path, &fs::read_to_string(root.join(path)).ok()?));
    listed.lines().filter_map(read).collect()
}

fn check(rule: impl Fn(&File) -> Vec<Breach>) {
    let breaches: Vec<Breach> = tracked().iter().flat_map(rule).collect();
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
}

/// Violations at the lines of a file about which `wrong` says something.
fn at_lines(file: &File, wrong: impl Fn(&str) -> Option<String>) -> Vec<Breach> {
    let lines = file.text.lines().enumerate();
    lines
        .filter_map(|(index, line)| {
            wrong(line).map(|what| format!("{}:{}: {what}", file.path, index + 1))
        })
        .collect()
}

fn is_rust(file: &File) -> bool {
    file.path.ends_with(".rs")
}

/// The module under `src/` that a file belongs to; for `src/route.rs`, `route`.
fn room(path: &str) -> Option<&str> {
    let inner = path.strip_prefix("src/")?;
    let room = inner.split('/').next()?;
    Some(room.strip_suffix(".rs").unwrap_or(room))
}

/// The code of a line without its comment. A `//` inside a string is not a comment.
fn code(line: &str) -> &str {
    let mut in_text = false;
    let mut before = ' ';
    for (index, c) in line.char_indices() {
        match c {
            '"' if before != '\\' && before != '\'' => in_text = !in_text,
            '/' if before == '/' && !in_text => return &line[..index - 1],
            _ => {}
        }
        before = c;
    }
    line
}

fn is_under(path: &str, places: &[&str]) -> bool {
    places.iter().any(|place| path.starts_with(place))
}
