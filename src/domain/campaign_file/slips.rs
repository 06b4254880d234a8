//! Explains to people why a file is not TOML: one error for each cause, however many errors a
//! parser would report after it. Only used for files that the parser refused.

mod signs;
mod values;

use crate::domain::base::primitives::Span;
use signs::lookalike;
use std::collections::{BTreeMap, BTreeSet};

/// The most mistakes that are reported; the author has to fix these first.
const SLIPS_MAX: usize = 20;

/// The last parts of the names of lists of tables.
const LISTS: &[&str] = &["step", "fields", "variants", "cost", "options"];

/// A mistake: the position in bytes, what is wrong, and how to fix it.
pub(super) struct Slip {
    pub at: usize,
    pub message: String,
    pub help: String,
}

/// Returns every mistake that is a cause of its own, in the order of the file.
pub(super) fn find(text: &str) -> Vec<Slip> {
    if let Some(slip) = other_format(text) {
        return vec![slip];
    }
    let doubled = text.lines().filter_map(|line| line.trim_start().strip_prefix("[["));
    let lists = doubled.filter_map(|line| line.split_once("]]")).map(|(name, _)| plain(name));
    let mut scan = Scan {
        text,
        at: 0,
        ended: 0,
        slips: Vec::new(),
        table: String::new(),
        keys: BTreeMap::new(),
        lists: lists.collect(),
        blamed: BTreeSet::new(),
    };
    while scan.at < text.len() && scan.slips.len() < SLIPS_MAX {
        if scan.statement().is_none() {
            scan.skip_line();
            scan.skip_value();
        }
    }
    scan.slips
}

/// Returns a table's name without white space and quotes.
fn plain(name: &str) -> String {
    name.chars().filter(|c| !c.is_whitespace() && *c != '"').collect()
}

/// The marks that Git puts around the two sides of a conflict.
const CONFLICT: [&str; 4] = ["<<<<<<<", "|||||||", "=======", ">>>>>>>"];

/// Detects a file that is in another format as a whole.
fn other_format(text: &str) -> Option<Slip> {
    let slip = |at, format: &str| Slip {
        at,
        message: format!("this is {format}, not TOML"),
        help: "a campaign begins with [campaign], then lines such as name = \"Spring\"".to_owned(),
    };
    let at = text.len() - text.trim_start().len();
    let begin = &text[at..];
    let inside = begin[begin.chars().next()?.len_utf8()..].trim_start();
    if begin.starts_with('{') && (inside.starts_with(['"', '}'])) {
        return Some(slip(at, "JSON"));
    }
    if begin.starts_with('[') && inside.starts_with(['{', '"']) {
        return Some(slip(at, "JSON"));
    }
    if begin.starts_with('<') && !begin.starts_with(CONFLICT[0]) {
        return Some(slip(at, "HTML or XML"));
    }
    let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let is_yaml = |line: &&str| {
        let key =
            line.trim_start().trim_start_matches("- ").split_once(':').map_or("", |(key, _)| key);
        !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || "_-".contains(c))
    };
    let (mut all, mut yaml) = (0, 0);
    for line in lines.take(50) {
        all += 1;
        yaml += usize::from(is_yaml(&line) || line.trim_start().starts_with("- ") || line == "---");
    }
    let begins = begin.lines().find(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let is_yaml_first = begins.is_some_and(|line| is_yaml(&line) || line == "---");
    (is_yaml_first && yaml * 2 > all).then(|| slip(at, "YAML"))
}

struct Scan<'t> {
    text: &'t str,
    at: usize,
    /// The end of the last value.
    ended: usize,
    slips: Vec<Slip>,
    /// The table that the lines belong to now, with the number of the element if it is a list.
    table: String,
    /// The first position of each key and table.
    keys: BTreeMap<String, usize>,
    /// The tables that are written `[[name]]` somewhere.
    lists: BTreeSet<String>,
    /// Those of `lists` that were already reported as written `[name]`.
    blamed: BTreeSet<String>,
}

/// The result of a read: `None` after a mistake.
type Read = Option<()>;

impl<'t> Scan<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn line_of(&self, at: usize) -> usize {
        1 + self.text[..at].matches('\n').count()
    }

    /// Returns the rest of the line.
    fn line(&self) -> &'t str {
        self.rest().split('\n').next().unwrap_or_default().trim_end_matches('\r')
    }

    fn skip_line(&mut self) {
        self.at += self.rest().find('\n').map_or(self.rest().len(), |end| end + 1);
    }

    /// Skips the lines that can only belong to the value of the line before; they are not reported
    /// as separate mistakes.
    fn skip_value(&mut self) {
        let goes_on = |line: &str| match line.trim_start().chars().next() {
            Some(']' | '}') => true,
            Some('{' | '"' | '\'' | '[') => line.starts_with([' ', '\t']),
            _ => false,
        };
        while !self.rest().is_empty() && goes_on(self.line()) {
            self.skip_line();
        }
    }

    fn skip_blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start_matches([' ', '\t']).len();
    }

    fn error<T>(
        &mut self,
        at: usize,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Option<T> {
        self.slips.push(Slip { at, message: message.into(), help: help.into() });
        None
    }

    /// Reports a character that only looks like TOML syntax.
    fn lookalike<T>(&mut self, at: usize) -> Option<T> {
        let char = self.text[at..].chars().next()?;
        let (what, right) = lookalike(char)?;
        let help = match &*right {
            "" => "delete it".to_owned(),
            " " => "write an ordinary space".to_owned(),
            right => format!("write {right}"),
        };
        let shown = if char.is_whitespace() || char.is_control() || right.is_empty() {
            format!("U+{:04X}", u32::from(char))
        } else {
            char.to_string()
        };
        self.error(at, format!("`{shown}` is {what}"), help)
    }

    /// Reads a blank line, a comment, a header, or `key = value`.
    fn statement(&mut self) -> Read {
        self.skip_blanks();
        let rest = self.rest();
        if CONFLICT.iter().any(|mark| rest.starts_with(mark)) {
            let help = "keep one side, and delete the markers";
            return self.error(self.at, "an unresolved Git conflict", help);
        }
        if rest.starts_with("//") {
            return self.error(self.at, "`//` does not start a comment", "write # instead of //");
        }
        match rest.chars().next()? {
            '\n' | '\r' => self.at += 1,
            '#' => self.skip_line(),
            '[' => return self.header(),
            char if lookalike(char).is_some() => return self.lookalike(self.at),
            _ => {
                self.key()?;
                self.value()?;
                return self.line_end();
            }
        }
        Some(())
    }

    /// Reads `[table]` or `[[table]]`.
    fn header(&mut self) -> Read {
        let (start, line) = (self.at, self.line());
        let is_array = line.starts_with("[[");
        let open = if is_array { "[[" } else { "[" };
        let close = if is_array { "]]" } else { "]" };
        let body = &line[open.len()..];
        let content = body.split(['#', ']']).next().unwrap_or_default();
        let name = content.trim();
        // The lines after a wrong header belong to its table, whatever its name.
        self.table = format!("#{start}");
        if let Some((offset, _)) = content.char_indices().find(|(_, c)| lookalike(*c).is_some()) {
            return self.lookalike(start + open.len() + offset);
        }
        if let Some(char) = content.find('[') {
            let at = start + open.len() + char;
            return self.error(at, "a bracket inside a header", self.written(content));
        }
        let after = &body[content.len()..];
        if !after.starts_with(close) {
            let message = format!("the header `{open}{name}` is not closed by `{close}`");
            let help = match is_array && !self.is_list(&plain(name)) {
                true => format!("write [{name}], or [[{name}]] for one of several"),
                false => self.written(name),
            };
            return self.error(start, message, help);
        }
        if !is_array && after.starts_with("]]") {
            let message = format!("the header `[{name}]]` has one bracket too few");
            return self.error(start, message, self.written(name));
        }
        if let Some((message, help)) = wrong_name(name) {
            return self.error(start, message, help);
        }
        self.at = start + open.len() + content.len() + close.len();
        self.enter(&plain(content), is_array, start)?;
        self.line_end()
    }

    /// Returns how to write the header of a table, as a list or as one table.
    fn written(&self, name: &str) -> String {
        let name = name.replace('[', "");
        match self.is_list(&plain(&name)) {
            true => format!("write [[{name}]]"),
            false => format!("write [{name}]"),
        }
    }

    /// Returns whether there are several tables of this name.
    fn is_list(&self, name: &str) -> bool {
        let last = name.rsplit('.').next().unwrap_or_default();
        self.lists.contains(name) || LISTS.contains(&last)
    }

    /// Enters a table. A table that is not in an array may occur only once.
    fn enter(&mut self, name: &str, is_array: bool, at: usize) -> Read {
        // `form.x.fields` within the second `[[form.x.fields]]` is another table.
        let is_list = is_array || self.is_list(name);
        let mut path = String::new();
        for part in name.split('.') {
            let dot = if path.is_empty() { "" } else { "." };
            path = format!("{path}{dot}{part}");
            let is_last = path.split('.').count() == name.split('.').count();
            if let Some(count) = self.keys.get(&format!("[]{path}")).copied()
                && !(is_last && is_list)
            {
                path = format!("{path}#{count}");
            }
        }
        if is_list {
            let count = self.keys.entry(format!("[]{path}")).or_insert(0);
            *count += 1;
            self.table = format!("{path}#{count}");
            return match is_array || !self.blamed.insert(name.to_owned()) {
                true => Some(()),
                false => self.one_of_a_list(name, at),
            };
        }
        self.table = path.clone();
        match self.keys.insert(format!("[{path}]"), at) {
            None => Some(()),
            Some(first) => {
                // The keys of the duplicate are not reported separately.
                self.table = format!("{path}#{at}");
                let line = self.line_of(first);
                let message = format!("the table [{name}] is already in line {line}");
                self.error(at, message, "join the two, or rename one")
            }
        }
    }

    /// Reports `[journey.x.step]` once, with the lines of the others.
    fn one_of_a_list(&mut self, name: &str, at: usize) -> Read {
        let is_one = |line: &str| {
            let inside = line.trim_start().strip_prefix('[').filter(|rest| !rest.starts_with('['));
            inside.and_then(|rest| rest.split(']').next()).is_some_and(|found| plain(found) == name)
        };
        let lines = self.text.lines().enumerate().filter(|(_, line)| is_one(line));
        let others: Vec<String> = lines.skip(1).map(|(at, _)| (at + 1).to_string()).collect();
        let also = match others.is_empty() {
            true => String::new(),
            false => format!(", also in line {}", others.join(", ")),
        };
        let message = format!("[{name}] is part of a list of tables");
        self.error(at, message, format!("write [[{name}]]{also}"))
    }

    /// Reads the key before `=`.
    fn key(&mut self) -> Read {
        let (start, line) = (self.at, self.line());
        let mut quote = None;
        let mut end = None;
        for (at, char) in line.char_indices() {
            match (quote, char) {
                (Some(open), char) if char == open => quote = None,
                (Some(_), _) => {}
                (None, '"' | '\'') => quote = Some(char),
                (None, '=') => {
                    end = Some(at);
                    break;
                }
                (None, ':') => {
                    let key = line[..at].trim();
                    let help = format!("write {key} = …");
                    return self.error(start + at, "a colon after a key is YAML or JSON", help);
                }
                (None, char) if lookalike(char).is_some() => return self.lookalike(start + at),
                (None, '#') => break,
                _ => {}
            }
        }
        let Some(end) = end else {
            let shown: String = line.chars().take(40).collect();
            let message = format!("`{}` has no `=`", shown.trim_end());
            if line.trim_end().ends_with(']') {
                // A header without its opening bracket: the following lines belong to another
                // table.
                self.table = format!("#{start}");
            }
            return self.error(start, message, "a line is key = value, [table] or # a comment");
        };
        let key = line[..end].trim();
        let is_bare = |c: char| c.is_ascii_alphanumeric() || "_-.\"' ".contains(c);
        if key.is_empty() {
            return self.error(start, "there is no key before `=`", "write key = value");
        }
        if !key.contains(['"', '\'']) && key.split('.').any(|part| part.trim().is_empty()) {
            return self.error(start, format!("`{key}` has one dot too many"), "delete it");
        }
        if !key.starts_with(['"', '\''])
            && (key.trim_end_matches('.').contains(' ') || !key.chars().all(is_bare))
        {
            let help = format!("write \"{key}\" = …");
            return self.error(start, format!("`{key}` needs quotes"), help);
        }
        self.at = start + end + 1;
        let path = format!("{}.{}", self.table, key.replace(['"', ' '], ""));
        match self.keys.insert(path, start) {
            None => Some(()),
            Some(first) => {
                let line = self.line_of(first);
                let message = format!("the key `{key}` is already in line {line}");
                self.error(start, message, "keep one of the two")
            }
        }
    }

    /// Returns how to write a text without quotes (`wait = 3 days`), if the line is one; `rest`
    /// follows its first word.
    fn in_quotes(&self, at: usize, rest: &str) -> Option<String> {
        let line = self.text[..at].rsplit('\n').next()?;
        let (key, word) = line.split_once('=')?;
        let (key, word, rest) = (key.trim(), word.trim(), rest.trim_end());
        let is_bare = !word.is_empty() && !word.starts_with(['"', '\'', '[', '{']);
        let is_text = is_bare && !rest.contains(['=', '"', '#']);
        let text = format!("{word} {rest}");
        let text = Span::meant(&text).unwrap_or(text);
        is_text.then(|| format!("text is in quotes: {key} = \"{text}\""))
    }

    /// Checks that only a comment follows on the line.
    fn line_end(&mut self) -> Read {
        self.skip_blanks();
        let (at, rest) = (self.at, self.line());
        match rest.chars().next() {
            None | Some('#') => {
                self.skip_line();
                Some(())
            }
            Some(char) if lookalike(char).is_some() => self.lookalike(at),
            Some(sign @ (',' | ';')) if rest.len() == 1 => self.error(
                at,
                format!("`{sign}` after a value"),
                "delete it: a line ends by itself",
            ),
            Some(sign @ (']' | '}')) => {
                self.error(at, format!("`{sign}` closes nothing"), "delete it")
            }
            Some(_) => {
                let shown: String = rest.chars().take(20).collect();
                let message = format!("`{}` follows on the same line", shown.trim_end());
                let help = self.in_quotes(at, rest).unwrap_or_else(|| {
                    "write each key on a line of its own; a list is in […]".to_owned()
                });
                self.error(at, message, help)
            }
        }
    }
}

/// Returns what is wrong with a table's name, and how to fix it.
fn wrong_name(name: &str) -> Option<(String, String)> {
    let rule = "use a-z, 0-9, - and _, joined by dots".to_owned();
    if name.is_empty() {
        return Some(("a header without a name".to_owned(), rule));
    }
    if name.contains(['"', '\'']) {
        return None; // A quoted name may contain anything.
    }
    let parts: Vec<&str> = name.split('.').map(str::trim).collect();
    if parts.iter().any(|part| part.is_empty()) {
        return Some((format!("`{name}` has one dot too many"), format!("delete it: {rule}")));
    }
    let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let odd = parts.iter().find(|part| !part.chars().all(is_bare))?;
    Some((format!("`{odd}` is not a table name"), rule))
}
