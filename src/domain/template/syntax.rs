//! Parsing a template, with messages for people, and bounding the work that it can make.
//!
//! Tags are matched here before the parser sees them: it names lines far from the slip, and
//! nesting without end would exhaust its stack.

use super::{TEMPLATE_BYTES_MAX, TemplateError};
use handlebars::Template;
use handlebars::template::{HelperTemplate, Parameter, TemplateElement};
use std::collections::BTreeMap;

/// Blocks within blocks: what a person can still follow.
const BLOCK_DEPTH_MAX: usize = 20;
/// Parentheses within a tag, such as `{{#if (eq (lower role) "manager")}}`.
const TAG_DEPTH_MAX: usize = 5;
/// Elements visited in one rendering, where a list counts as 100 items: well under a second.
const WORK_MAX: u64 = 200_000;
/// Items that a list is taken to have: as many as a field has options.
const LIST_ITEMS: u64 = 100;

/// Parses one template, or says at which line it goes wrong.
pub(super) fn parse(name: &str, source: &str) -> Result<Template, TemplateError> {
    let refuse = |line, message| TemplateError { template: name.to_owned(), line, message };
    if source.len() > TEMPLATE_BYTES_MAX {
        let message = format!("{} bytes; the limit is {TEMPLATE_BYTES_MAX}", source.len());
        return Err(refuse(None, message));
    }
    match_tags(source).map_err(|(line, message)| refuse(Some(line), message))?;
    Template::compile_with_name(source, name.to_owned()).map_err(|error| {
        let (line, column) = error.pos().unwrap_or((1, 1));
        let tag = tag_at(source, line, column);
        refuse(Some(line), format!("`{tag}` is not a Handlebars tag"))
    })
}

/// The tag at or after a position, for a message.
fn tag_at(source: &str, line: usize, column: usize) -> String {
    let text = source.lines().nth(line - 1).unwrap_or_default();
    let at = text.char_indices().nth(column - 1).map_or(text.len(), |(at, _)| at);
    let start = text[..at].rfind("{{").unwrap_or(0);
    let end = text[at..].find("}}").map_or(text.len(), |end| at + end + 2);
    text[start..end].chars().take(80).collect()
}

/// Walks the tags of a source and checks that each is closed and every block ended.
fn match_tags(source: &str) -> Result<(), (usize, String)> {
    let mut open: Vec<(String, usize)> = Vec::new();
    let mut at = 0;
    while let Some(start) = source[at..].find("{{").map(|offset| at + offset) {
        let line = 1 + source[..start].matches('\n').count();
        if source[..start].ends_with('\\') {
            at = start + 2;
            continue;
        }
        let rest = &source[start..];
        if rest.starts_with("{{!") {
            let close = if rest.starts_with("{{!--") { "--}}" } else { "}}" };
            let end = rest.find(close).ok_or((line, "this comment is never closed".to_owned()))?;
            at = start + end + close.len();
            continue;
        }
        if rest.starts_with("{{{{") {
            return Err((line, "raw blocks {{{{…}}}} are not offered".to_owned()));
        }
        let inside = tag_inside(rest).map_err(|message| (line, message))?;
        at = start + 2 + inside.len() + 2;
        block(inside, line, &mut open)?;
    }
    match open.pop() {
        Some((name, line)) => Err((line, format!("{{{{#{name}}}}} is never closed"))),
        None => Ok(()),
    }
}

/// Where the tag that begins here ends; the end of the source if it is never closed.
pub(super) fn tag_end(source: &str, start: usize) -> usize {
    let rest = &source[start..];
    let closed = |close: &str| rest.find(close).map(|end| end + close.len());
    let length = if rest.starts_with("{{!--") {
        closed("--}}")
    } else if rest.starts_with("{{!") {
        closed("}}")
    } else {
        tag_inside(rest).ok().map(|inside| {
            let end = inside.len() + 4;
            // `{{{raw}}}` has one more.
            end + usize::from(rest.starts_with("{{{") && rest[end..].starts_with('}'))
        })
    };
    start + length.unwrap_or(rest.len())
}

/// What stands between `{{` and the `}}` that closes it, strings skipped.
pub(super) fn tag_inside(rest: &str) -> Result<&str, String> {
    let (mut quote, mut depth, mut before) = (None, 0_usize, ' ');
    for (at, char) in rest.char_indices().skip(2) {
        match (quote, char) {
            (Some(open), _) if char == open && before != '\\' => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(char),
            (None, '(' | '[') => depth += 1,
            (None, ')' | ']') => depth = depth.saturating_sub(1),
            (None, '}') if rest[at..].starts_with("}}") => return Ok(&rest[2..at]),
            (None, '{') if at > 2 && rest[at..].starts_with("{{") => break,
            _ => {}
        }
        if depth > TAG_DEPTH_MAX {
            return Err(format!("parentheses nest deeper than {TAG_DEPTH_MAX}"));
        }
        before = char;
    }
    let begin: String = rest.lines().next().unwrap_or_default().chars().take(40).collect();
    Err(format!("`{begin}` is never closed with }}}}"))
}

/// Keeps count of blocks: `#if` opens one, `/if` closes it.
fn block(
    inside: &str,
    line: usize,
    open: &mut Vec<(String, usize)>,
) -> Result<(), (usize, String)> {
    let inside = inside.trim_matches(['~', ' ', '\t', '\n', '\r']);
    if let Some(opening) = inside.strip_prefix('#') {
        let words = opening.trim_start_matches(['>', '*', ' ']);
        let name = words.split([' ', '\n', '\t', '\r']).next().unwrap_or_default();
        open.push((name.to_owned(), line));
        if open.len() > BLOCK_DEPTH_MAX {
            return Err((line, format!("blocks nest deeper than {BLOCK_DEPTH_MAX}")));
        }
    } else if let Some(closing) = inside.strip_prefix('/') {
        let closing = closing.trim();
        match open.pop() {
            Some((name, _)) if name == closing => {}
            Some((name, at)) => {
                let message = format!(
                    "{{{{/{closing}}}}} closes nothing: {{{{#{name}}}}} of line {at} is still open"
                );
                return Err((line, message));
            }
            None => return Err((line, format!("{{{{/{closing}}}}} closes nothing"))),
        }
    } else if open.is_empty() && matches!(inside.split(' ').next(), Some("else" | "^")) {
        return Err((line, "{{else}} belongs inside a block".to_owned()));
    }
    Ok(())
}

/// Whether a name in the registry belongs to a page or message rather than to a partial.
pub(super) fn is_message(name: &str) -> bool {
    ["pages/", "emails/", "sms/"].iter().any(|folder| name.starts_with(folder))
}

/// Refuses a template that includes itself, or that makes more work than the limit.
pub(super) fn bound(name: &str, parsed: &BTreeMap<String, Template>) -> Result<(), TemplateError> {
    let folder = if is_message(name) { "" } else { "partials/" };
    let refuse =
        |message| TemplateError { template: format!("{folder}{name}"), line: None, message };
    let work = parsed
        .get(name)
        .map_or(Ok(0), |template| work(template, parsed, &mut vec![name.to_owned()]));
    match work {
        Err(ring) => Err(refuse(format!("includes itself: {}", ring.join(" → ")))),
        Ok(work) if work > WORK_MAX => {
            Err(refuse("makes too much work: lists within lists, or too many partials".to_owned()))
        }
        Ok(_) => Ok(()),
    }
}

fn work(
    template: &Template,
    parsed: &BTreeMap<String, Template>,
    path: &mut Vec<String>,
) -> Result<u64, Vec<String>> {
    let mut sum = 0_u64;
    for element in &template.elements {
        let more = match element {
            TemplateElement::HelperBlock(block) => block_work(block, parsed, path)?,
            TemplateElement::PartialExpression(partial)
            | TemplateElement::PartialBlock(partial) => {
                let name = partial.name.as_name().unwrap_or_default();
                let Some(template) = parsed.get(name) else { continue };
                let seen = path.iter().any(|other| other == name);
                path.push(name.to_owned());
                if seen || path.len() > BLOCK_DEPTH_MAX {
                    return Err(path.clone());
                }
                let included = work(template, parsed, path)?;
                path.pop();
                included
            }
            _ => 1,
        };
        sum = sum.saturating_add(more);
        if sum > WORK_MAX {
            break; // Enough is known, and a chain of partials could take exponential time.
        }
    }
    Ok(sum)
}

fn block_work(
    block: &HelperTemplate,
    parsed: &BTreeMap<String, Template>,
    path: &mut Vec<String>,
) -> Result<u64, Vec<String>> {
    let mut sum = 1_u64;
    for (template, times) in [(&block.template, items(block)), (&block.inverse, 1)] {
        let Some(template) = template else { continue };
        sum = sum.saturating_add(work(template, parsed, path)?.max(1).saturating_mul(times));
    }
    Ok(sum)
}

fn items(block: &HelperTemplate) -> u64 {
    match &block.name {
        Parameter::Name(name) if name == "each" => LIST_ITEMS,
        Parameter::Path(_) if block.name.as_name() == Some("each") => LIST_ITEMS,
        _ => 1,
    }
}
