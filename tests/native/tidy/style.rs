//! The length of functions, lines and files, and markers that were left over.

use super::*;

const FUNCTION_LINES_MAX: usize = 70;
const COLUMNS_MAX: usize = 100;
const FILE_LINES_MAX: usize = 700;

/// Functions longer than a screen. A function ends where a line closes its indentation. Tests may
/// be longer because of their snapshots.
fn long_functions(file: &File) -> Vec<Breach> {
    if !is_rust(file) {
        return Vec::new();
    }
    let lines: Vec<&str> = file.text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start();
        let words = trimmed.split('(').next().unwrap_or_default();
        let is_function = words.split_whitespace().any(|word| word == "fn")
            && !trimmed.starts_with("//")
            && !words.contains('"')
            && (start == 0 || lines[start - 1].trim() != "#[test]");
        if !is_function {
            continue;
        }
        let indentation = &line[..line.len() - trimmed.len()];
        let end = format!("{indentation}}}");
        let length = lines[start..].iter().position(|line| *line == end).unwrap_or(0) + 1;
        if length > FUNCTION_LINES_MAX && !line.trim_end().ends_with([';', '}']) {
            found.push(format!("{}:{}: a function of {length} lines", file.path, start + 1));
        }
    }
    found
}

#[test]
fn functions_are_not_too_long() {
    check(long_functions);
}

#[test]
fn long_function_is_detected() {
    let body = "    let x = 1;\n".repeat(FUNCTION_LINES_MAX - 1);
    let text = format!("/// Long.\npub async fn long() {{\n{body}}}\n\nfn short() {{\n}}\n");
    let found = long_functions(&file("src/x.rs", &text));
    assert_eq!(found, ["src/x.rs:2: a function of 71 lines"]);
    let fits = text.replacen("    let x = 1;\n", "", 1);
    assert_eq!(long_functions(&file("src/x.rs", &fits)), [] as [&str; 0]);
}

/// Files with snapshots of command output, whose lines may be long.
const MAY_HAVE_LONG_LINES: [&str; 1] = ["src/native/cli/tests.rs"];

fn long_lines(file: &File) -> Vec<Breach> {
    let may = MAY_HAVE_LONG_LINES.contains(&file.path.as_str());
    if !is_rust(file) || !file.path.starts_with("src/") || may {
        return Vec::new();
    }
    at_lines(file, |line| {
        let columns = line.chars().count();
        (columns > COLUMNS_MAX).then(|| format!("{columns} columns"))
    })
}

#[test]
fn lines_are_not_too_long() {
    check(long_lines);
}

#[test]
fn long_line_is_detected() {
    let text = format!("{}\n{}", "x".repeat(101), "长".repeat(100));
    assert_eq!(long_lines(&file("src/x.rs", &text)), ["src/x.rs:1: 101 columns"]);
}

fn long_files(file: &File) -> Vec<Breach> {
    let lines = file.text.lines().count();
    let is_long = is_rust(file) && lines > FILE_LINES_MAX;
    is_long.then(|| format!("{}:1: a file of {lines} lines", file.path)).into_iter().collect()
}

#[test]
fn files_are_not_too_long() {
    check(long_files);
}

#[test]
fn long_file_is_detected() {
    let text = "\n".repeat(FILE_LINES_MAX + 1);
    assert_eq!(long_files(&file("tests/x.rs", &text)), ["tests/x.rs:1: a file of 701 lines"]);
    assert_eq!(long_files(&file("x.toml", &text)), [] as [&str; 0]);
}

fn leftovers(file: &File) -> Vec<Breach> {
    // Split in two, so that this file does not match itself.
    let words = [
        ("FIX", "ME"),
        ("TO", "DO"),
        ("XX", "X"),
        ("dbg", "!("),
        ("to", "do!("),
        ("unimple", "mented!("),
    ];
    let words: Vec<String> = words.iter().map(|(a, b)| format!("{a}{b}")).collect();
    let kinds = [".rs", ".toml", ".md", ".mjs", ".ts", ".sql", ".hbs", ".html", ".css", "Makefile"];
    if !kinds.iter().any(|kind| file.path.ends_with(kind)) {
        return Vec::new();
    }
    at_lines(file, |line| {
        let found = words.iter().find(|word| line.contains(word.as_str()));
        found.map(|word| format!("left over: {word}"))
    })
}

#[test]
fn no_leftover_markers_remain() {
    check(leftovers);
}

#[test]
fn leftover_marker_is_detected() {
    let text = format!("// {}: later", ["TO", "DO"].concat());
    assert_eq!(leftovers(&file("src/x.rs", &text)).len(), 1);
    assert_eq!(leftovers(&file("src/x.rs", "let to_do = 1;")), [] as [&str; 0]);
}
