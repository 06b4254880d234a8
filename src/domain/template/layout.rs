//! Layouts and partials of MJML. They are inserted into a body before MJML is compiled, because
//! compiled elements can no longer be combined. Included text keeps track of its file and line.
//!
//! `{{#> layouts/brand title="…"}}…{{/layouts/brand}}` inserts a body where the layout has `{{>
//! @partial-block}}`; `{{> button label="…"}}` includes `partials/button.mjml.hbs`. A named
//! argument replaces that name in the tags of the included text.

use super::dialect::{self, Token, tokens};
use super::{TEMPLATE_BYTES_MAX, TemplateError};
use crate::domain::base::diagnostic::nearest;
use std::collections::{BTreeMap, BTreeSet};

/// The most nested layouts and partials.
const DEPTH_MAX: usize = 10;
/// The most inclusions of one body.
const INCLUDED_MAX: usize = 500;
/// Where a layout inserts the body.
const SLOT: &str = "@partial-block";
/// The prefix of the names of layouts.
const LAYOUTS: &str = "layouts/";

/// A body with everything that it includes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expanded {
    /// The MJML.
    pub text: String,
    /// The template and line that each line came from.
    origins: Vec<(String, usize)>,
}

impl Expanded {
    /// Returns the template and the line in it that a line came from; both count from 1.
    pub fn origin(&self, line: usize) -> Option<(&str, usize)> {
        let (name, line) = self.origins.get(line.checked_sub(1)?)?;
        Some((name, *line))
    }

    /// Returns the templates that its lines came from.
    pub fn files(&self) -> BTreeSet<String> {
        self.origins.iter().map(|(file, _)| file.clone()).collect()
    }

    /// Appends text of a file that begins at the given line of it.
    fn push(&mut self, text: &str, file: &str, mut line: usize) {
        for (index, piece) in text.split('\n').enumerate() {
            if index > 0 {
                line += 1;
                self.text.push('\n');
                self.origins.push((file.to_owned(), line));
            }
            self.stand(piece, (file, line));
            self.text.push_str(piece);
        }
    }

    fn append(&mut self, other: &Self) {
        for (index, piece) in other.text.split('\n').enumerate() {
            let Some((file, line)) = other.origins.get(index) else { return };
            if index > 0 {
                self.text.push('\n');
                self.origins.push((file.clone(), *line));
            }
            self.stand(piece, (file, *line));
            self.text.push_str(piece);
        }
    }

    /// Appends a piece of a line. The line's origin is the first piece on it that is not blank.
    fn stand(&mut self, piece: &str, (file, line): (&str, usize)) {
        let start = self.text.rfind('\n').map_or(0, |at| at + 1);
        let is_blank = self.text[start..].trim().is_empty() && !piece.trim().is_empty();
        match self.origins.last_mut() {
            Some(origin) if is_blank => *origin = (file.to_owned(), line),
            Some(_) => {}
            None => self.origins.push((file.to_owned(), line)),
        }
    }
}

/// Inserts into a body, `emails/welcome/html`, the layouts and partials of MJML that it names.
/// `pieces` are the sources by name, such as `layouts/brand` and `partials/button`.
pub fn expand(
    name: &str,
    body: &str,
    pieces: &BTreeMap<String, String>,
) -> Result<Expanded, TemplateError> {
    let mut work = Work { pieces, out: Expanded::default(), included: 0, path: Vec::new() };
    let source = Source { file: name, text: body, line: 1, given: &BTreeMap::new() };
    work.walk(&source, None)?;
    Ok(work.out)
}

/// A text that is being expanded: its file, its line in that file, and the values of its names.
struct Source<'s> {
    file: &'s str,
    text: &'s str,
    line: usize,
    given: &'s BTreeMap<String, String>,
}

impl Source<'_> {
    fn line_of(&self, at: usize) -> usize {
        self.line + self.text[..at].matches('\n').count()
    }

    fn refuse(&self, at: usize, message: impl Into<String>) -> TemplateError {
        TemplateError {
            template: self.file.to_owned(),
            line: Some(self.line_of(at)),
            message: message.into(),
        }
    }
}

struct Work<'w> {
    pieces: &'w BTreeMap<String, String>,
    out: Expanded,
    included: usize,
    /// The inclusions in progress, from the outside in.
    path: Vec<String>,
}

impl Work<'_> {
    fn walk(&mut self, source: &Source, slot: Option<&Expanded>) -> Result<(), TemplateError> {
        let text = source.text;
        let mut at = 0;
        while let Some(start) = text[at..].find("{{").map(|found| at + found) {
            self.out.push(&text[at..start], source.file, source.line_of(at));
            let end = dialect::tag_end(text, start);
            let tag = &text[start..end];
            let is_escaped = dialect::is_escaped(text, start);
            let inside = tag.trim_start_matches('{').trim_end_matches('}').trim_matches(['~', ' ']);
            at = end;
            let opening = inside.strip_prefix("#>").map(str::trim);
            if is_escaped || inside.starts_with('!') {
                self.out.push(tag, source.file, source.line_of(start));
            } else if let Some(opening) = opening.filter(|opening| opening.starts_with(LAYOUTS)) {
                at = self.layout(source, opening, (start, end), slot)?;
            } else if let Some(name) = inside.strip_prefix('>').map(str::trim) {
                self.include(source, name, (start, end), slot)?;
            } else {
                let tag = substituted(tag, source.given);
                self.out.push(&tag, source.file, source.line_of(start));
            }
            if self.out.text.len() > TEMPLATE_BYTES_MAX {
                let message = format!("with its layout, more than {TEMPLATE_BYTES_MAX} bytes");
                return Err(source.refuse(start, message));
            }
        }
        self.out.push(&text[at..], source.file, source.line_of(at));
        Ok(())
    }

    /// Expands a layout around a body and returns where it ends.
    fn layout(
        &mut self,
        source: &Source,
        opening: &str,
        (start, end): (usize, usize),
        slot: Option<&Expanded>,
    ) -> Result<usize, TemplateError> {
        let (name, given) = arguments(opening, source.given)
            .ok_or_else(|| source.refuse(start, "a layout is given values by name: label=\"…\""))?;
        let Some(layout) = self.pieces.get(&name) else {
            let known = self.pieces.keys().map(String::as_str).filter(|k| k.starts_with(LAYOUTS));
            let known: Vec<&str> = known.collect();
            let advice = match nearest(&name, known.iter().copied()) {
                Some(near) => format!("; did you mean `{near}`?"),
                None => format!("; known here: {}", known.join(", ")),
            };
            return Err(source.refuse(start, format!("there is no layout `{name}`{advice}")));
        };
        if !layout.replace(' ', "").contains(&format!("{{{{>{SLOT}}}}}")) {
            let message = format!("has no place for a body: {{{{> {SLOT}}}}}");
            return Err(TemplateError { template: name, line: None, message });
        }
        let closing = format!("{{{{/{name}}}}}");
        let (body_end, after) = closing_of(source.text, end, &name).ok_or_else(|| {
            // A tag that is never closed swallows everything behind it.
            match dialect::unclosed(&source.text[end..]) {
                Some((at, message)) => source.refuse(end + at, message),
                None => source.refuse(start, format!("{closing} is missing")),
            }
        })?;

        let outer = std::mem::take(&mut self.out);
        let body = &source.text[end..body_end];
        let body = Source { text: body, line: source.line_of(end), ..*source };
        self.walk(&body, slot)?;
        let body = std::mem::replace(&mut self.out, outer);
        self.enter(source, start, &name)?;
        let layout = Source { file: &name, text: layout, line: 1, given: &given };
        self.walk(&layout, Some(&body))?;
        self.path.pop();
        Ok(after)
    }

    fn include(
        &mut self,
        source: &Source,
        inside: &str,
        (start, end): (usize, usize),
        slot: Option<&Expanded>,
    ) -> Result<(), TemplateError> {
        let first = inside.split_whitespace().next().unwrap_or_default();
        let first = first.trim_matches(['"', '\'']);
        let piece = format!("partials/{first}");
        if first == SLOT {
            let body = slot
                .ok_or_else(|| source.refuse(start, format!("{{{{> {SLOT}}}}} is for layouts")))?;
            self.out.append(body);
        } else if let Some(text) = self.pieces.get(&piece) {
            let (_, given) = arguments(inside, source.given).ok_or_else(|| {
                source.refuse(start, "a partial takes values by name only: {{> name label=\"…\"}}")
            })?;
            self.enter(source, start, &piece)?;
            // A partial's last line break would break the line that it is included in.
            let text = text.strip_suffix('\n').unwrap_or(text);
            self.walk(&Source { file: &piece, text, line: 1, given: &given }, None)?;
            self.path.pop();
        } else {
            let tag = substituted(&source.text[start..end], source.given);
            self.out.push(&tag, source.file, source.line_of(start));
        }
        Ok(())
    }

    fn enter(&mut self, source: &Source, at: usize, name: &str) -> Result<(), TemplateError> {
        self.included += 1;
        self.path.push(name.to_owned());
        if self.path[..self.path.len() - 1].iter().any(|other| other == name) {
            let ring = self.path.join(" → ");
            return Err(source.refuse(at, format!("includes itself: {ring}")));
        }
        if self.path.len() > DEPTH_MAX || self.included > INCLUDED_MAX {
            return Err(source.refuse(at, "includes too much: pieces within pieces"));
        }
        Ok(())
    }
}

/// Returns where the body of a layout that began before `from` ends, and where the text after its
/// closing tag begins.
fn closing_of(text: &str, from: usize, name: &str) -> Option<(usize, usize)> {
    let (mut at, mut depth) = (from, 1_usize);
    while let Some(start) = text[at..].find("{{").map(|found| at + found) {
        at = dialect::tag_end(text, start);
        if dialect::is_escaped(text, start) {
            continue;
        }
        let inside = text[start..at].trim_matches(['{', '}', '~', ' ']);
        let opened = inside.strip_prefix("#>").map(|rest| rest.trim());
        let opened = opened.and_then(|rest| rest.split_whitespace().next());
        if opened == Some(name) {
            depth += 1;
        } else if inside.strip_prefix('/').map(str::trim) == Some(name) {
            depth -= 1;
            if depth == 0 {
                return Some((start, at));
            }
        }
    }
    None
}

/// Reads the name in an including tag and its arguments: `button label="Go" href=base_url`. Values
/// are kept as written, except that names given by the including text are replaced.
fn arguments(
    inside: &str,
    outer: &BTreeMap<String, String>,
) -> Option<(String, BTreeMap<String, String>)> {
    let tokens = tokens(inside);
    let mut tokens = tokens.iter().copied().filter(|token| !matches!(token, Token::Gap(_)));
    let (Token::Word(name) | Token::Quoted(name)) = tokens.next()? else { return None };
    let name = name.trim_matches(['"', '\'']);
    let mut given = BTreeMap::new();
    while let Some(token) = tokens.next() {
        let Token::Word(key) = token else { return None };
        if tokens.next()? != Token::Mark("=") {
            return None;
        }
        let value = match tokens.next()? {
            Token::Mark("(") => {
                let (mut value, mut depth) = ("(".to_owned(), 1);
                while depth > 0 {
                    let token = tokens.next()?;
                    match token {
                        Token::Mark("(") => depth += 1,
                        Token::Mark(")") => depth -= 1,
                        _ if !value.ends_with('(') => value.push(' '),
                        _ => {}
                    }
                    let word = token.text();
                    value.push_str(outer.get(word).map_or(word, String::as_str));
                }
                value
            }
            Token::Word(word) => outer.get(word).cloned().unwrap_or_else(|| word.to_owned()),
            Token::Quoted(text) => text.to_owned(),
            _ => return None,
        };
        given.insert(key.to_owned(), value);
    }
    Some((name.to_owned(), given))
}

/// Replaces the given names in a tag by their values. A tag that consists only of a name whose
/// value is a text becomes that text.
fn substituted(tag: &str, given: &BTreeMap<String, String>) -> String {
    if given.is_empty() {
        return tag.to_owned();
    }
    let inside = tag.trim_start_matches('{').trim_end_matches('}').trim_matches(['~', ' ']);
    if let Some(value) = given.get(inside) {
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
        return match quote {
            Some(_) => dialect::unquoted(value)
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('"', "&quot;"),
            None if value.starts_with(|c: char| c.is_ascii_digit()) => value.clone(),
            None => format!("{{{{{}}}}}", value.trim_start_matches('(').trim_end_matches(')')),
        };
    }
    let tokens = tokens(tag.trim_start_matches('{').trim_end_matches('}'));
    let mut inside = String::new();
    for (at, token) in tokens.iter().enumerate() {
        let is_key = tokens.get(at + 1) == Some(&Token::Mark("="));
        match token {
            Token::Word(word) if !is_key => {
                inside.push_str(given.get(*word).map_or(word, String::as_str));
            }
            other => inside.push_str(other.text()),
        }
    }
    let braces = tag.len() - tag.trim_start_matches('{').len();
    format!("{}{inside}{}", "{".repeat(braces), "}".repeat(braces))
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    fn pieces() -> BTreeMap<String, String> {
        let pieces = [
            (
                "layouts/brand",
                "<mjml>\n<mj-title>{{title}}</mj-title>\n{{> @partial-block}}\n{{> foot}}\n\
                 </mjml>\n",
            ),
            ("layouts/none", "<mjml></mjml>"),
            (
                "layouts/outer",
                "<a>\n{{#> layouts/brand title=title}}\n{{> @partial-block}}\n\
                 {{/layouts/brand}}</a>",
            ),
            (
                "partials/button",
                "<mj-button href=\"{{href}}\">\n{{#if (eq label \"x\")}}{{label}}{{/if}}\n\
                 </mj-button>\n",
            ),
            ("partials/ring", "{{> ring}}"),
            ("partials/foot", "{{> footer label=\"a\"}}"),
        ];
        let owned = |(name, text): (&str, &str)| (name.to_owned(), text.to_owned());
        pieces.map(owned).into()
    }

    /// Returns each line with its origin.
    fn errors(body: &str) -> String {
        match expand("emails/a/html", body, &pieces()) {
            Err(error) => error.to_string().replacen(": ", ":\n", 1),
            Ok(expanded) => {
                let lines = expanded.text.split('\n').enumerate();
                let errors = lines.map(|(at, line)| {
                    let (file, from) = expanded.origin(at + 1).unwrap();
                    format!("{file}:{from} |{line}\n")
                });
                errors.collect()
            }
        }
    }

    #[test]
    fn layout_wraps_body_and_lines_keep_their_file() {
        assert_snapshot!(errors(
            "{{! brand }}{{#> layouts/brand title=\"Tom & Co\"}}\n<p>{{first_name}}</p>\n\
             {{> button href=base_url label=(default plan 'x')}}\n{{/layouts/brand}}\n"
        ), @r#"
    emails/a/html:1 |{{! brand }}<mjml>
    layouts/brand:2 |<mj-title>Tom &amp; Co</mj-title>
    layouts/brand:3 |
    emails/a/html:2 |<p>{{first_name}}</p>
    partials/button:1 |<mj-button href="{{base_url}}">
    partials/button:2 |{{#if (eq (default plan 'x') "x")}}{{default plan 'x'}}{{/if}}
    partials/button:3 |</mj-button>
    emails/a/html:4 |
    partials/foot:1 |{{> footer label="a"}}
    layouts/brand:5 |</mjml>
    layouts/brand:6 |
    emails/a/html:5 |
    "#);
        assert_snapshot!(errors(
            "{{#> layouts/outer title=campaign.name}}\nbody\n{{/layouts/outer}}"
        ), @r#"
    layouts/outer:1 |<a>
    layouts/brand:1 |<mjml>
    layouts/brand:2 |<mj-title>{{campaign.name}}</mj-title>
    layouts/brand:3 |
    layouts/outer:3 |
    emails/a/html:2 |body
    emails/a/html:3 |
    layouts/outer:4 |
    partials/foot:1 |{{> footer label="a"}}
    layouts/brand:5 |</mjml>
    layouts/outer:4 |</a>
    "#);
    }

    #[test]
    fn failed_include_is_reported_with_its_line() {
        assert_snapshot!(errors("\n{{#> layouts/brnd}}x{{/layouts/brnd}}"), @"
    emails/a/html:2:
    there is no layout `layouts/brnd`; did you mean `layouts/brand`?
    ");
        assert_snapshot!(errors("\n{{#> layouts/brand}}x"), @"
    emails/a/html:2:
    {{/layouts/brand}} is missing
    ");
        assert_snapshot!(errors("{{#> layouts/brand}}x\n{{first_name}\n{{/layouts/brand}}"), @"
    emails/a/html:2:
    `{{first_name}` is never closed with }}
    ");
        assert_snapshot!(errors("{{#> layouts/none}}x{{/layouts/none}}"), @"
    layouts/none:
    has no place for a body: {{> @partial-block}}
    ");
        assert_snapshot!(errors("\n\n{{> ring}}"), @"
    partials/ring:1:
    includes itself: partials/ring → partials/ring
    ");
        assert_snapshot!(errors("{{> @partial-block}}"), @"
    emails/a/html:1:
    {{> @partial-block}} is for layouts
    ");
        assert_snapshot!(errors("{{> button first_name}}"), @r#"
    emails/a/html:1:
    a partial takes values by name only: {{> name label="…"}}
    "#);
        let (twice, mut many) = ("{{> p1}}{{> p1}}", pieces());
        for n in 1..9 {
            let next = twice.replace("p1", &format!("p{}", n + 1));
            many.insert(format!("partials/p{n}"), next);
        }
        many.insert("partials/p9".to_owned(), "x".to_owned());
        let error = expand("emails/a/html", twice, &many).unwrap_err();
        assert_eq!(error.message, "includes too much: pieces within pieces");
    }
}
