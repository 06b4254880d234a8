//! MJML to HTML. Handlebars tags pass through untouched.

use super::TEMPLATE_BYTES_MAX;
use crate::domain::problem::nearest;
use mrml::prelude::parser::Error;
use mrml::prelude::render::RenderOptions;
use std::fmt;

/// Elements within elements, so that the recursive parser keeps its stack.
const ELEMENT_DEPTH_MAX: usize = 60;
/// The elements of MJML.
#[rustfmt::skip]
const ELEMENTS: &[&str] = &[
    "mjml", "mj-accordion", "mj-accordion-element", "mj-accordion-text", "mj-accordion-title",
    "mj-all", "mj-attributes", "mj-body", "mj-breakpoint", "mj-button", "mj-carousel",
    "mj-carousel-image", "mj-class", "mj-column", "mj-divider", "mj-font", "mj-group", "mj-head",
    "mj-hero", "mj-image", "mj-include", "mj-navbar", "mj-navbar-link", "mj-preview", "mj-raw",
    "mj-section", "mj-social", "mj-social-element", "mj-spacer", "mj-style", "mj-table", "mj-text",
    "mj-title", "mj-wrapper",
];
/// Elements of HTML that are never closed.
const VOID: &[&str] = &[
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track",
    "wbr",
];

/// Why MJML could not be compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MjmlError {
    /// From 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for MjmlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for MjmlError {}

/// Compiles MJML to HTML. Includes of other files are refused; partials serve for that.
pub fn compile_mjml(source: &str) -> Result<String, MjmlError> {
    let fail = |line, message: &str| MjmlError { line, message: message.to_owned() };
    if source.len() > TEMPLATE_BYTES_MAX {
        let message = format!("{} bytes; the limit is {TEMPLATE_BYTES_MAX}", source.len());
        return Err(fail(1, &message));
    }
    match_elements(source)?;
    let parsed = mrml::parse(source).map_err(|error| describe(source, &error))?;
    if let Some(warning) = parsed.warnings.first() {
        let (start, end) = (warning.span.start, warning.span.end);
        let message = format!("{}: {}", warning.kind, excerpt(source, start, end));
        return Err(fail(line_at(source, start), &message));
    }
    let html = parsed.element.render(&RenderOptions::default());
    html.map_err(|error| fail(1, &error.to_string()))
}

fn describe(source: &str, error: &Error) -> MjmlError {
    let last_line = source.lines().count().max(1);
    let at = |span: &mrml::prelude::parser::Span, what: &str| MjmlError {
        line: line_at(source, span.start),
        message: format!("{what}: {}", excerpt(source, span.start, span.end)),
    };
    match error {
        Error::UnexpectedElement { position, .. } => at(position, "not an MJML element here"),
        Error::UnexpectedToken { position, .. } => at(position, "not expected here"),
        Error::InvalidAttribute { position, .. } => at(position, "not a valid attribute"),
        Error::InvalidFormat { position, .. } => at(position, "not well-formed"),
        Error::MissingAttribute { name, position, .. } => {
            at(position, &format!("the attribute `{name}` is missing"))
        }
        Error::IncludeLoaderError { position, .. } => {
            at(position, "mj-include is not offered, partials {{> name}} are")
        }
        Error::EndOfStream { .. } => {
            MjmlError { line: last_line, message: "ends before its elements do".to_owned() }
        }
        Error::NoRootNode => MjmlError { line: 1, message: "has no <mjml> element".to_owned() },
        Error::ParserError { source: cause, .. } => {
            let message = match cause.to_string() {
                cause if cause.contains("attribute") => {
                    "this attribute does not end; quote within quotes {{as 'here'}}".to_owned()
                }
                cause => format!("not well-formed: {cause}"),
            };
            MjmlError { line: cause.pos().row as usize, message }
        }
        Error::SizeLimit { .. } => MjmlError { line: 1, message: error.to_string() },
    }
}

fn line_at(source: &str, at: usize) -> usize {
    1 + source.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count()
}

fn excerpt(source: &str, start: usize, end: usize) -> String {
    let text = source.get(start..end).unwrap_or_default();
    text.lines().next().unwrap_or_default().chars().take(60).collect()
}

/// Walks the tags: elements of MJML must be known and closed in order, which the parser lets
/// pass, and none may nest without end, which would exhaust its stack.
fn match_elements(source: &str) -> Result<(), MjmlError> {
    let fail = |at, message| MjmlError { line: line_at(source, at), message };
    let mut open: Vec<(&str, usize)> = Vec::new();
    let mut at = 0;
    while let Some(start) = source[at..].find('<').map(|offset| at + offset) {
        let rest = &source[start + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            at = start + 4 + comment.find("-->").unwrap_or(comment.len());
            continue;
        }
        let tag = &rest[..tag_length(rest)];
        at = start + 1 + tag.len();
        let closes = tag.starts_with('/');
        let name = element_name(tag.trim_start_matches('/'));
        let is_mjml = name.starts_with("mj");
        if is_mjml && !ELEMENTS.contains(&name) {
            let near = nearest(name, ELEMENTS.iter().copied());
            let advice = near.map(|near| format!("; did you mean <{near}>?")).unwrap_or_default();
            return Err(fail(start, format!("there is no element <{name}>{advice}")));
        }
        if !closes && !name.is_empty() && !tag.ends_with('/') && !VOID.contains(&name) {
            open.push((name, start));
        } else if closes && is_mjml {
            // HTML within MJML may leave its own elements open.
            while open.pop_if(|(other, _)| !other.starts_with("mj")).is_some() {}
            match open.pop() {
                Some((other, _)) if other == name => {}
                Some((other, from)) => {
                    let line = line_at(source, from);
                    let message = format!("</{name}> comes while <{other}> of line {line} is open");
                    return Err(fail(start, message));
                }
                None => return Err(fail(start, format!("</{name}> closes nothing"))),
            }
        } else if closes {
            open.pop_if(|(other, _)| *other == name);
        }
        if open.len() > ELEMENT_DEPTH_MAX {
            return Err(fail(start, format!("elements nest deeper than {ELEMENT_DEPTH_MAX}")));
        }
    }
    match open.iter().rfind(|(name, _)| name.starts_with("mj")) {
        Some((name, from)) => Err(fail(*from, format!("<{name}> is never closed"))),
        None => Ok(()),
    }
}

/// How far a tag goes: to its `>`, those in quotes aside.
fn tag_length(rest: &str) -> usize {
    let mut quote = None;
    let end = rest.find(|char| {
        match (quote, char) {
            (Some(open), _) if char == open => quote = None,
            (None, '"' | '\'') => quote = Some(char),
            _ => {}
        }
        quote.is_none() && char == '>'
    });
    end.unwrap_or(rest.len())
}

fn element_name(tag: &str) -> &str {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let name = &tag[..tag.find(|c| !plain(c)).unwrap_or(tag.len())];
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) { name } else { "" }
}
