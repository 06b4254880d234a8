//! Values: texts, bare words, and the content of brackets.

use super::signs::lookalike;
use super::{Read, Scan};
use jiff::civil::{Date, Time};
use std::collections::BTreeSet;

/// What comes next within a bracket.
#[derive(Clone, Copy, PartialEq)]
enum Next {
    /// A key, within braces.
    Key,
    /// The `=` after a key.
    Equals,
    Value,
    Comma,
}

/// An open bracket.
struct Open<'t> {
    sign: char,
    at: usize,
    next: Next,
    /// The keys in it so far; the last one is in `key`.
    keys: BTreeSet<&'t str>,
    key: &'t str,
}

impl Open<'_> {
    fn new(sign: char, at: usize) -> Self {
        let next = if sign == '{' { Next::Key } else { Next::Value };
        Self { sign, at, next, keys: BTreeSet::new(), key: "" }
    }
}

impl<'t> Scan<'t> {
    /// Reads a value, with everything in its brackets.
    pub(super) fn value(&mut self) -> Read {
        let mut open: Vec<Open<'t>> = Vec::new();
        loop {
            self.skip_blanks();
            let at = self.at;
            let Some(char) = self.rest().chars().next() else {
                return match open.pop() {
                    Some(bracket) => self.never_closed(&bracket),
                    None => self.no_value(at),
                };
            };
            match char {
                '\n' | '\r' | '#' if open.is_empty() => return self.no_value(at),
                '\n' => {
                    self.at += 1;
                    self.next_line(&open)?;
                }
                '\r' => self.at += 1,
                '#' => self.at += self.line().len(),
                _ if lookalike(char).is_some() => return self.lookalike(at),
                ',' | '=' => self.sign(char, open.last_mut())?,
                _ => {
                    match char {
                        ']' | '}' => self.close(char, &mut open)?,
                        _ => self.item(char, &mut open)?,
                    }
                    self.ended = self.at;
                    if open.is_empty() {
                        return Some(());
                    }
                }
            }
        }
    }

    fn no_value(&mut self, at: usize) -> Read {
        self.error(at, "there is no value after `=`", "write one, or delete the key")
    }

    fn no_equals(&mut self, at: usize, key: &str) -> Read {
        self.error(at, format!("`{key}` has no `=`"), format!("write {key} = …"))
    }

    fn no_comma(&mut self) -> Read {
        self.error(self.ended, "a comma is missing here", "put a comma between two values")
    }

    /// Reads a comma or `=` and checks that it is allowed there.
    fn sign(&mut self, sign: char, bracket: Option<&mut Open<'t>>) -> Read {
        let at = self.at;
        self.at += 1;
        let Some(bracket) = bracket else {
            return match sign {
                '=' => self.error(at, "`=` is here twice", "delete one"),
                _ => self.error(at, "there is no value before `,`", "write one"),
            };
        };
        match (sign, bracket.sign, bracket.next) {
            (',', '[', Next::Comma) => bracket.next = Next::Value,
            (',', '{', Next::Comma) => bracket.next = Next::Key,
            ('=', _, Next::Equals) => bracket.next = Next::Value,
            (',', _, Next::Equals) => return self.no_equals(at, bracket.key),
            (',', '{', Next::Value) => return self.no_value(at),
            (',', ..) => return self.error(at, "a comma too many", "delete it"),
            (_, '[', _) => {
                let help = "a table in a list is in braces: { key = value }";
                return self.error(at, "`=` in a list", help);
            }
            (_, _, Next::Value) => return self.error(at, "`=` is here twice", "delete one"),
            (_, _, Next::Comma) => {
                return self.error(at, "`=` after a value", "write key = value, key = value");
            }
            _ => return self.error(at, "there is no key before `=`", "write key = value"),
        }
        Some(())
    }

    /// Closes a bracket, which must be the last one opened.
    fn close(&mut self, sign: char, open: &mut Vec<Open<'t>>) -> Read {
        let at = self.at;
        let wanted = if sign == ']' { '[' } else { '{' };
        let Some(bracket) = open.pop() else {
            return self.error(at, format!("`{sign}` closes nothing"), "delete it");
        };
        if bracket.sign != wanted {
            let line = self.line_of(bracket.at);
            let message = format!("`{sign}` closes `{}` of line {line}", bracket.sign);
            return self.error(at, message, "close the innermost bracket first");
        }
        match (sign, bracket.next) {
            ('}', Next::Equals) => self.no_equals(at, bracket.key),
            ('}', Next::Value) => self.no_value(at),
            _ => {
                self.at += 1;
                Some(())
            }
        }
    }

    /// Reads the beginning of a key, a text, a word or another bracket.
    fn item(&mut self, char: char, open: &mut Vec<Open<'t>>) -> Read {
        let sign = open.last().map(|bracket| bracket.sign);
        if let Some(bracket) = open.last_mut() {
            match bracket.next {
                Next::Key => return self.inner_key(char, bracket),
                Next::Equals => return self.no_equals(self.at, bracket.key),
                Next::Comma => return self.no_comma(),
                Next::Value => bracket.next = Next::Comma,
            }
        }
        match char {
            '[' | '{' => {
                open.push(Open::new(char, self.at));
                self.at += 1;
                Some(())
            }
            '"' | '\'' => self.quoted(char, sign),
            _ => self.word(),
        }
    }

    /// Reads a key within braces.
    fn inner_key(&mut self, char: char, bracket: &mut Open<'t>) -> Read {
        let (start, line) = (self.at, self.line());
        let ends =
            |c: char| c.is_whitespace() || ",}={[]#\"':".contains(c) || lookalike(c).is_some();
        let length = match char {
            '"' | '\'' => line[1..].find(char).map_or(line.len(), |end| end + 2),
            _ => line.find(ends).unwrap_or(line.len()),
        };
        let key = &line[..length];
        if key.is_empty() && char == '{' {
            let line = self.line_of(bracket.at);
            return self.error(
                start,
                format!("the `{{` of line {line} is not closed"),
                "write } there",
            );
        }
        if key.is_empty() {
            return self.error(start, "there is no key here", "write { key = value }");
        }
        if line[length..].trim_start().starts_with(':') {
            let help = format!("write {key} = …");
            return self.error(start + length, "a colon after a key is YAML or JSON", help);
        }
        let is_bare = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        if !matches!(char, '"' | '\'') && !key.chars().all(is_bare) {
            let help = format!("write \"{key}\" = …");
            return self.error(start, format!("`{key}` needs quotes"), help);
        }
        (bracket.key, bracket.next) = (key, Next::Equals);
        self.at = start + length;
        match bracket.keys.insert(key) {
            true => Some(()),
            false => {
                let message = format!("the key `{key}` is already in these braces");
                self.error(start, message, "keep one of the two")
            }
        }
    }

    /// Checks that a line within brackets does not begin like one outside of them.
    fn next_line(&mut self, open: &[Open<'t>]) -> Read {
        let line = self.line().trim();
        let is_name = |name: &str| {
            let name = name.trim();
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
        };
        let header = line.strip_prefix('[').and_then(|rest| rest.split(']').next());
        let header = header.map(|name| name.trim_start_matches('['));
        let is_header = header.is_some_and(|name| is_name(name) && name.parse::<f64>().is_err());
        let is_key = line.split_once('=').is_some_and(|(key, _)| is_name(key));
        let last = open.last()?;
        match is_header || (is_key && (last.sign == '[' || last.next == Next::Comma)) {
            true => {
                let slip = self.never_closed(last);
                // The rest of the file cannot be distinguished from the content of the bracket.
                self.at = self.text.len();
                slip
            }
            false => Some(()),
        }
    }

    fn never_closed<T>(&mut self, bracket: &Open<'_>) -> Option<T> {
        let close = if bracket.sign == '[' { ']' } else { '}' };
        let message = format!("`{}` is never closed", bracket.sign);
        self.error(bracket.at, message, format!("put `{close}` where it ends"))
    }

    /// Reads a text of one or several lines.
    fn quoted(&mut self, quote: char, bracket: Option<char>) -> Read {
        let (start, rest) = (self.at, self.rest());
        let triple: String = std::iter::repeat_n(quote, 3).collect();
        if let Some(body) = rest.strip_prefix(&triple) {
            let Some(end) = body.find(&triple) else {
                self.at = self.text.len();
                return self.error(
                    start,
                    format!("`{triple}` is never closed"),
                    format!("put {triple} at its end"),
                );
            };
            let more = body[end + 3..].chars().take(2).take_while(|c| *c == quote).count();
            self.at = start + 3 + end + 3 + more;
            return Some(());
        }
        let line = self.line();
        let mut chars = line.char_indices().skip(1);
        while let Some((at, char)) = chars.next() {
            match char {
                char if char == quote => {
                    self.at = start + at + 1;
                    return self.after_quote(start, quote, bracket);
                }
                '\\' if quote == '"' => {
                    let escaped = chars.next().map_or(' ', |(_, char)| char);
                    let digits = "xuU".find(escaped).map_or(0, |kind| [2, 4, 8][kind]);
                    let code = line.get(at + 2..at + 2 + digits).unwrap_or(" ");
                    if !code.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                        let help = "write \\\\ for a backslash, or the text in '…'";
                        let message = format!("`\\{escaped}` needs {digits} digits from 0 to f");
                        return self.error(start + at, message, help);
                    }
                    if !"btnfre\"\\uUx".contains(escaped) {
                        let help = "write \\\\ for a backslash, or the text in '…'";
                        return self.error(
                            start + at,
                            format!("`\\{escaped}` means nothing"),
                            help,
                        );
                    }
                }
                char if char.is_control() && char != '\t' => {
                    let message = format!("U+{:04X} is a control character", u32::from(char));
                    return self.error(start + at, message, "delete it");
                }
                '”' | '“' | '＂' | '’' if line[at..].chars().nth(1).is_none() => {
                    return self.lookalike(start + at);
                }
                _ => {}
            }
        }
        let help = format!("put {quote} at its end; text of several lines is in \"\"\"…\"\"\"");
        self.error(start, "this text is not closed on its line", help)
    }

    /// Checks that TOML syntax follows the text. If not, the text contains unescaped quotes.
    fn after_quote(&mut self, start: usize, quote: char, bracket: Option<char>) -> Read {
        let rest = self.line();
        let next = rest.trim_start_matches([' ', '\t']).chars().next();
        match next {
            None | Some(',' | ']' | '}' | '#' | '=' | '.') => Some(()),
            Some(char) if lookalike(char).is_some() || "[{;".contains(char) => Some(()),
            // `"one" "other"`, `{ a = "one" b = 2 }`: here a comma is missing.
            Some(char) if rest.starts_with([' ', '\t']) && may_follow(bracket, char, rest) => {
                Some(())
            }
            Some(_) => {
                let help = match quote {
                    '"' => "write a quote inside text as \\\"; put a comma between values",
                    _ => "write text that contains ' in \"…\"; put a comma between values",
                };
                self.error(start, "there is something after the text", help)
            }
        }
    }

    /// Reads a word outside quotes: a number, a date, `true`.
    fn word(&mut self) -> Read {
        let (start, line) = (self.at, self.line());
        let ends =
            |c: char| c.is_whitespace() || ",]}#=[{\"'".contains(c) || lookalike(c).is_some();
        let mut length = line.find(ends).unwrap_or(line.len()).max(1).min(line.len());
        let next = line[length..].chars().next();
        if next.is_some_and(|c| c.is_alphanumeric() && lookalike(c).is_some()) {
            return self.lookalike(start + length);
        }
        // A space may separate a date from its time.
        if is_day(&line[..length]) && line.get(length + 1..).is_some_and(begins_with_time) {
            let time = &line[length + 1..];
            length += 1 + time.find(ends).unwrap_or(time.len());
        }
        let word = &line[..length];
        self.at = start + word.len();
        if is_value(word) {
            return Some(());
        }
        let (message, help) = meant(word, line);
        self.error(start, message, help)
    }
}

/// Returns whether the characters after a text within a bracket begin another value or key.
fn may_follow(bracket: Option<char>, char: char, rest: &str) -> bool {
    match bracket {
        Some('{') => {
            let key = rest.split('=').next().unwrap_or_default().trim();
            let is_key = |c: char| c.is_ascii_alphanumeric() || "_-.\"".contains(c);
            rest.contains('=') && !key.is_empty() && key.chars().all(is_key)
        }
        Some(_) => {
            let word = rest.trim().split([',', ']', ' ']).next().unwrap_or_default();
            matches!(char, '"' | '\'') || is_value(word)
        }
        None => false,
    }
}

/// Returns whether a bare word is a TOML value.
fn is_value(word: &str) -> bool {
    let number = word.replace('_', "");
    let digits = number.trim_start_matches(['+', '-']);
    let is_padded =
        digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
    let is_based = ["0x", "0o", "0b"].iter().any(|base| digits.starts_with(base));
    let is_number =
        number.parse::<f64>().is_ok() && !digits.starts_with('.') && !digits.ends_with('.');
    matches!(word, "true" | "false")
        || (is_number && !is_padded && !word.eq_ignore_ascii_case("infinity"))
        || is_based
        || is_moment(word)
}

/// Returns whether a word has the form of a day: `2026-03-01`.
fn is_day(word: &str) -> bool {
    word.len() == 10
        && word.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

/// Returns whether a text begins like a time of day: `09:30`.
fn begins_with_time(text: &str) -> bool {
    let mut bytes = text.bytes();
    let mut digit = || bytes.next().is_some_and(|byte| byte.is_ascii_digit());
    digit() && digit() && bytes.next() == Some(b':')
}

/// Returns whether a word is a valid day, a time of day, or both.
fn is_moment(word: &str) -> bool {
    let (day, time) = match word.get(..10).is_some_and(is_day) {
        true => (Some(&word[..10]), word[10..].trim_start_matches(['T', 't', ' '])),
        false => (None, word),
    };
    let zone = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
    let is_there = day.is_some() || begins_with_time(time);
    is_there
        && day.is_none_or(|day| day.parse::<Date>().is_ok())
        && (time.is_empty() || time[..zone].parse::<Time>().is_ok())
}

/// Returns what is wrong with a bare word and what was probably meant.
fn meant(word: &str, line: &str) -> (String, String) {
    let error = |message: &str, help: String| (format!("`{word}` {message}"), help);
    match word.to_lowercase().as_str() {
        "yes" | "y" | "on" | "true" | "是" => {
            return error("is not a boolean of TOML", "write true".into());
        }
        "no" | "n" | "off" | "false" | "否" => {
            return error("is not a boolean of TOML", "write false".into());
        }
        "null" | "nil" | "none" | "undefined" => {
            return error(
                "is not a value of TOML",
                "delete the key: a missing key is not set".into(),
            );
        }
        _ => {}
    }
    let parts: Vec<&str> = word.split(['/', '-', '.']).collect();
    let are_numbers =
        parts.iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    if word.get(..10).is_some_and(is_day) {
        let is_right = word[..10].parse::<Date>().is_ok();
        let help = match is_right {
            true => "write a date and time as 2026-03-01T09:30:00".to_owned(),
            false => days_of(word),
        };
        let message =
            if is_right { "is not a time of day" } else { "is not a day of the calendar" };
        return error(message, help);
    }
    if begins_with_time(word) {
        return error("is not a time of day", "write it as text: \"09:30\"".to_owned());
    }
    if parts.len() == 3 && are_numbers {
        return error("is not a date of TOML", "write a date as 2026-03-01".into());
    }
    if word.bytes().all(|byte| byte.is_ascii_digit()) {
        let digits = word.trim_start_matches('0');
        let help = format!("write {digits} for the number, \"{word}\" for the text");
        return error("is a number with a leading 0", help);
    }
    // The text extends to the end of the line, or to the comma.
    let text = line.split(['#', ',', ']', '}']).next().unwrap_or(word).trim_end();
    error("needs quotes", format!("write \"{}\"", text.replace('"', "")))
}

/// Returns advice for an invalid date: the number of days of its month, or the format.
fn days_of(day: &str) -> String {
    let first = format!("{}-01", &day[..7]).parse::<Date>();
    match first {
        Ok(first) => {
            let (month, days) = (first.strftime("%B %Y"), first.days_in_month());
            format!("{month} has {days} days")
        }
        Err(_) => "write a date as 2026-03-01".to_owned(),
    }
}
