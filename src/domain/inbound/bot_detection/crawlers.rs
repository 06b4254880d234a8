//! Recognises the user agents of crawlers, by the list of the npm package `isbot` (Unlicense),
//! which many people maintain. `crawlers.txt` is that list, one pattern on each line;
//! `scripts/crawlers.mjs` writes it, and an end-to-end test compares it with the package.

use regex_lite::{Regex, RegexBuilder};

const LIST: &str = include_str!("crawlers.txt");

/// The list, split for speed: most of its patterns are plain words.
pub(super) struct Crawlers {
    /// Words that may be anywhere.
    words: Vec<String>,
    /// Words at the beginning.
    beginnings: Vec<String>,
    /// Other patterns at the beginning, combined into one.
    shapes: Regex,
    /// All other patterns.
    others: Vec<Pattern>,
}

/// A pattern that is tried only if its longest word occurs, and that does not count after or before
/// certain words (`regex-lite` has no lookaround).
struct Pattern {
    word: String,
    regex: Regex,
    not_after: Vec<String>,
    not_before: Vec<String>,
}

impl Crawlers {
    /// Reads the list; fails on a pattern that it does not support.
    pub(super) fn read() -> Result<Self, String> {
        let (mut words, mut beginnings) = (Vec::new(), Vec::new());
        let (mut shapes, mut others) = (Vec::new(), Vec::new());
        for line in LIST.lines().filter(|line| !line.is_empty()) {
            if let Some(word) = line.strip_prefix('^').and_then(literal) {
                beginnings.push(word);
            } else if line.starts_with('^') {
                shapes.push(format!("(?:{line})"));
            } else if let Some(word) = literal(line) {
                words.push(word);
            } else {
                others.push(Pattern::read(line)?);
            }
        }
        Ok(Self { words, beginnings, shapes: compile(&shapes.join("|"))?, others })
    }

    /// Returns whether the list contains this user agent, which is in lower case.
    pub(super) fn know(&self, agent: &str) -> bool {
        if is_television(agent) {
            return false;
        }
        let is_phone = is_phone(agent);
        let agent = &without_device(agent);
        let mut others = self.others.iter().filter(|pattern| !(is_phone && pattern.word == "scan"));
        self.words.iter().any(|word| agent.contains(word))
            || self.beginnings.iter().any(|word| agent.starts_with(word))
            || others.any(|pattern| pattern.is_in(agent))
            || self.shapes.is_match(agent)
    }
}

/// Browsers whose name contains that of a search engine, and so of its crawler.
const BROWSERS: [&str; 3] = ["sogoumse", "sogoumobilebrowser", "sogousearch"];

/// Returns a user agent without the names of the device and the browser: there are phones called
/// Discovery, Newsday and M Bot.
fn without_device(agent: &str) -> String {
    let named = agent.strip_prefix("mozilla/5.0 (linux; ").and_then(|rest| rest.split_once(')'));
    let device = named.and_then(|(system, rest)| {
        let (before, after) = system.split_once("android ")?;
        let (version, _) = after.split_once(';')?;
        let is_browser = rest.contains("applewebkit/") && !after.contains("compatible");
        is_browser.then(|| format!("mozilla/5.0 (linux; {before}android {version}){rest}"))
    });
    let plain = device.unwrap_or_else(|| agent.to_owned());
    BROWSERS.iter().fold(plain, |plain, browser| plain.replace(browser, "browser"))
}

/// Returns whether this is the browser of a television set (HbbTV, NetTV).
fn is_television(agent: &str) -> bool {
    let standards = ["hbbtv/", "nettv/", "netrange"];
    let engines = ["presto/", "applewebkit"];
    let robots = ["bot", "crawl", "spider"];
    let has = |words: &[&str]| words.iter().any(|word| agent.contains(word));
    has(&standards) && has(&engines) && !has(&robots)
}

/// Returns whether this is a phone's browser that names nothing else. There, `scan` is part of an
/// app that scans papers or codes, in which people read their mail; the list knows only one such
/// app by name.
fn is_phone(agent: &str) -> bool {
    let phones = ["mozilla/5.0 (linux; android", "mozilla/5.0 (iphone", "mozilla/5.0 (ipad"];
    phones.iter().any(|phone| agent.starts_with(phone))
        && agent.contains("applewebkit/")
        && agent.contains("mobile")
        && !agent.contains("compatible;")
        && !agent.contains("http")
}

impl Pattern {
    fn read(line: &str) -> Result<Self, String> {
        let (not_after, pattern) = without_lookbehind(line);
        let (not_before, pattern) = without_lookahead(pattern);
        let regex = compile(pattern)?;
        Ok(Self { word: longest_word(pattern), regex, not_after, not_before })
    }

    fn is_in(&self, agent: &str) -> bool {
        let counts = |start: usize, end: usize| {
            !self.not_after.iter().any(|word| agent[..start].ends_with(word))
                && !self.not_before.iter().any(|word| agent[end..].starts_with(word))
        };
        agent.contains(&self.word)
            && self.regex.find_iter(agent).any(|found| counts(found.start(), found.end()))
    }
}

/// Splits `(?<!a|b)` off the beginning of a pattern; returns its words, and the rest.
fn without_lookbehind(pattern: &str) -> (Vec<String>, &str) {
    match pattern.strip_prefix("(?<!").and_then(|rest| rest.split_once(')')) {
        Some((words, rest)) => (words.split('|').map(str::to_owned).collect(), rest),
        None => (Vec::new(), pattern),
    }
}

/// Splits `(?!a|b)` or `(?!(?:a|b))` off the end of a pattern; returns its words, and the rest.
fn without_lookahead(pattern: &str) -> (Vec<String>, &str) {
    match pattern.strip_suffix(')').and_then(|rest| rest.split_once("(?!")) {
        Some((rest, words)) => {
            let words = words.trim_start_matches("(?:").trim_end_matches(')');
            (words.split('|').map(str::to_owned).collect(), rest)
        }
        None => (Vec::new(), pattern),
    }
}

/// Returns the text that a pattern matches, if it is a literal.
fn literal(pattern: &str) -> Option<String> {
    let mut text = String::new();
    let mut characters = pattern.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => text.push(characters.next().filter(|c| !c.is_alphanumeric())?),
            c if c.is_alphanumeric() || " _-/;<@+".contains(c) => text.push(c),
            _ => return None,
        }
    }
    Some(text)
}

/// Returns the longest run of plain text outside groups and classes, which every match contains.
fn longest_word(pattern: &str) -> String {
    let (mut longest, mut run) = (String::new(), String::new());
    let (mut depth, mut characters) = (0, pattern.chars());
    while let Some(c) = characters.next() {
        let plain = match c {
            '(' | '[' => {
                depth += 1;
                None
            }
            ')' | ']' => {
                depth -= 1;
                None
            }
            '\\' => characters.next().filter(|c| !c.is_alphanumeric()),
            // Either side may match.
            '|' if depth == 0 => return String::new(),
            '?' | '*' | '{' => {
                run.pop();
                None
            }
            c => Some(c).filter(|c| !"+|.^$".contains(*c)),
        };
        match plain.filter(|_| depth == 0) {
            Some(c) => run.push(c),
            None => run.clear(),
        }
        if run.len() > longest.len() && !characters.as_str().starts_with(['?', '*', '{']) {
            longest.clone_from(&run);
        }
    }
    longest
}

fn compile(pattern: &str) -> Result<Regex, String> {
    // The list is meant for case-insensitive matching, and agents are passed in lower case.
    let built = RegexBuilder::new(pattern).case_insensitive(true).build();
    built.map_err(|error| format!("{pattern}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_crawler_list_is_parsed() {
        let list = Crawlers::read().unwrap();
        let sizes = [list.words.len(), list.beginnings.len(), list.others.len()];
        assert!(sizes.iter().all(|size| *size > 10), "{sizes:?}");
        assert!(
            list.others.iter().all(|pattern| !pattern.word.is_empty()),
            "nothing is tried in vain"
        );
    }

    #[test]
    fn longest_literal_word_of_a_pattern_is_found() {
        for (pattern, word) in [
            (r"\.com\b", ".com"),
            ("(?:^|[^g])news", "news"),
            (r"bots?(?:\b|_)", "bot"),
            (r"ptst[ /]\d", "ptst"),
            ("one|three", ""),
            (r"ab+c", "ab"),
        ] {
            assert_eq!(longest_word(pattern), word, "{pattern}");
        }
    }

    #[test]
    fn context_of_a_word_decides() {
        let list = Crawlers::read().unwrap();
        let app =
            "mozilla/5.0 (linux; android 13) applewebkit/537.0 chrome/125.0 mobile safari/537.0";
        for harmless in
            ["", " camscanner/4.5", " scanner/1.0", " cubot", " google/google", " java;"]
        {
            assert!(!list.know(&format!("{app}{harmless}")), "{harmless}");
        }
        for telling in
            [" (compatible; scanner/1.0)", " somebot/2.0", " google-thing", " http://x.example"]
        {
            assert!(list.know(&format!("{app}{telling}")), "{telling}");
        }
    }
}
