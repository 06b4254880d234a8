//! MJML to HTML. Handlebars tags pass through untouched.

use super::TEMPLATE_BYTES_MAX;
use mrml::prelude::parser::Error;
use mrml::prelude::render::RenderOptions;
use std::fmt;

/// Elements within elements, so that the recursive parser keeps its stack.
const ELEMENT_DEPTH_MAX: usize = 60;
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
    if let Some(at) = too_deep(source) {
        let message = format!("elements nest deeper than {ELEMENT_DEPTH_MAX}");
        return Err(fail(line_at(source, at), &message));
    }
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
            MjmlError { line: cause.pos().row as usize, message: cause.to_string() }
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

/// Where elements nest too deep, if they do.
fn too_deep(source: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(start) = source[at..].find('<').map(|offset| at + offset) {
        let rest = &source[start + 1..];
        at = start + 1;
        if let Some(comment) = rest.strip_prefix("!--") {
            at += 3 + comment.find("-->").unwrap_or(comment.len());
        } else if rest.starts_with('/') {
            depth = depth.saturating_sub(1);
        } else if rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            let tag = &rest[..rest.find('>').unwrap_or(rest.len())];
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
            let name = &tag[..tag.find(|c| !plain(c)).unwrap_or(tag.len())];
            if !tag.ends_with('/') && !VOID.contains(&name) {
                depth += 1;
            }
        }
        if depth > ELEMENT_DEPTH_MAX {
            return Some(start);
        }
    }
    None
}
