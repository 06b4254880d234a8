//! What a campaign file may say, and what is said about every slip in one.

use super::*;
use insta::assert_snapshot;

const SAMPLE: &str = include_str!("sample.toml");

/// What is said about a file, one line a diagnostic.
fn said(text: &str) -> String {
    match read("white-paper.toml", text) {
        Ok(_) => "all good".to_owned(),
        Err(found) => found.iter().map(|d| format!("{d}\n")).collect(),
    }
}

/// What is said about the sample with one piece of text put in place of another.
fn said_of(from: &str, to: &str) -> String {
    assert_eq!(SAMPLE.matches(from).count(), 1, "`{from}` must be in the sample once");
    said(&SAMPLE.replace(from, to))
}

#[test]
fn the_sample_is_all_good() {
    assert_eq!(said(SAMPLE), "all good");
    assert_eq!(said(&SAMPLE.replace('\n', "\r\n")), "all good");
}

/// Every key of a tree with the place where it is written; names that the author chose left out.
fn keys(table: &DeTable<'_>, path: &str, found: &mut Vec<(String, std::ops::Range<usize>)>) {
    for (key, value) in table.iter() {
        let chosen = ["page", "form", "segment", "journey"].contains(&path)
            || [".where", ".set"].iter().any(|free| path.ends_with(free));
        if !chosen {
            found.push((key.get_ref().to_string(), key.span()));
        }
        let dot = if path.is_empty() { "" } else { "." };
        within(value.get_ref(), &format!("{path}{dot}{}", key.get_ref()), found);
    }
}

fn within(value: &DeValue<'_>, path: &str, found: &mut Vec<(String, std::ops::Range<usize>)>) {
    match value {
        DeValue::Table(table) => keys(table, path, found),
        DeValue::Array(array) => array.iter().for_each(|v| within(v.get_ref(), path, found)),
        _ => {}
    }
}

/// The slips of a finger: a letter twice, a letter left out, two letters swapped.
fn slips(key: &str) -> Vec<String> {
    let (start, end) = key.split_at(key.len() / 2);
    let (first, rest) = key.split_at(1);
    let mut slips =
        vec![format!("{first}{first}{rest}"), format!("{key}{}", &key[key.len() - 1..])];
    if key.len() > 3 {
        slips.push(format!("{start}{}", &end[1..]));
        slips.push(format!("{}{}{}{}", start, &end[1..2], &end[..1], &end[2..]));
    }
    slips.retain(|slip| slip != key);
    slips
}

#[test]
fn every_key_misspelt_is_named_with_its_line_and_the_right_one() {
    let tree = DeTable::parse(SAMPLE).unwrap();
    let mut found = Vec::new();
    keys(tree.get_ref(), "", &mut found);
    assert!(found.len() > 120, "only {} keys", found.len());
    for (key, span) in found {
        let line = 1 + SAMPLE[..span.start].matches('\n').count();
        for slip in slips(&key) {
            let text = format!("{}{slip}{}", &SAMPLE[..span.start], &SAMPLE[span.end..]);
            let diagnostics = read("white-paper.toml", &text).unwrap_err();
            let named = diagnostics.iter().any(|found| {
                found.line == line
                    && found.key.ends_with(&slip)
                    && found.message == "unknown key"
                    && found.help.as_deref() == Some(&format!("did you mean `{key}`?"))
            });
            let all: String = diagnostics.iter().map(|found| format!("{found}\n")).collect();
            assert!(named, "line {line}: `{key}` written `{slip}`:\n{all}");
            let echo = diagnostics.iter().any(|f| f.message == "missing" && f.key.ends_with(&key));
            assert!(!echo, "line {line}: `{slip}` is also said to be missing:\n{all}");
        }
    }
}

#[test]
fn every_required_key_left_out_is_named() {
    assert_snapshot!(said(""), @"");
    assert_snapshot!(said("[campaign]\n[page.a]\n[form.b]\n[segment.c]\n[journey.d]\n"), @"");
}
