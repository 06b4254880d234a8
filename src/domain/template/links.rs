//! Links. The links that a template's author wrote are marked when the campaign is published, and
//! only marked links of a rendered message are tagged, counted and shortened. Text that a visitor
//! typed is never a link, whatever it looks like.
//!
//! In a stored template the marks are comments, which any engine renders as nothing. Before a
//! template is parsed here, they become characters that no value can contain; these are removed
//! from the rendered text.

mod html;

pub use html::link_problems;
pub(super) use html::references;

use super::markup::{character, next};
use super::{TemplateSource, Templates, dialect};
use crate::domain::base::web_address::{location, origin, split_scheme};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// Around the URL of a link in HTML.
const HREF: (&str, char) = ("{{!href}}", '\u{1}');
const HREF_END: (&str, char) = ("{{!/href}}", '\u{2}');
/// Before a URL in a text.
const URL: (&str, char) = ("{{!url}}", '\u{3}');
const MARKS: [(&str, char); 3] = [HREF, HREF_END, URL];

type Host = fn(&str) -> (&str, String);

/// Marks the links of a template; runs when publishing, with an HTML parser.
pub fn mark_links(source: &mut TemplateSource) {
    marked(source, html::mark, html::host_in_text);
}

/// Marks links. `in_html` marks HTML; `host` returns the host name at the beginning of a text, and
/// its ASCII form.
fn marked(source: &mut TemplateSource, in_html: fn(&str) -> String, host: Host) {
    match source {
        TemplateSource::Email { html, .. } => *html = in_html(&bare(html)),
        // A partial may be used in a mail or in a text.
        TemplateSource::Partial(text) => *text = in_text(&in_html(&bare(text)), host),
        TemplateSource::Sms(text) => *text = in_text(&bare(text), host),
        TemplateSource::Page(_) | TemplateSource::Subject(_) => {}
    }
}

/// Returns a source without marks and without characters that could be taken for marks.
fn bare(text: &str) -> String {
    MARKS
        .iter()
        .fold(text.to_owned(), |text, (comment, char)| text.replace(comment, "").replace(*char, ""))
}

/// Returns templates ready to be parsed. Templates of a version that was published before links
/// were marked are marked here, without a parser; links that this misses are not tracked.
pub(super) fn prepared(
    sources: &BTreeMap<String, TemplateSource>,
) -> Cow<'_, BTreeMap<String, TemplateSource>> {
    let mut parts = sources.values().flat_map(TemplateSource::parts);
    if parts.any(|(_, text, _)| MARKS.iter().any(|(comment, _)| text.contains(comment))) {
        return Cow::Borrowed(sources);
    }
    let mut sources = sources.clone();
    let as_written = |_: &str| ("", String::new());
    sources.values_mut().for_each(|source| marked(source, in_old_html, as_written));
    Cow::Owned(sources)
}

/// Replaces the comments of a source by mark characters.
pub(super) fn with_marks(text: &str) -> String {
    let text = text.replace(|c| MARKS.iter().any(|(_, mark)| *mark == c), "");
    MARKS.iter().fold(text, |text, (comment, char)| text.replace(comment, &char.to_string()))
}

/// Returns data in which no value contains a mark.
pub(super) fn unmarked(data: &Value) -> Value {
    match data {
        Value::String(text) => Value::String(without_marks(text)),
        Value::Array(items) => items.iter().map(unmarked).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (without_marks(name), unmarked(value))).collect()
        }
        other => other.clone(),
    }
}

/// Removes the marks from a rendered text.
pub(super) fn without_marks(text: &str) -> String {
    text.replace(is_mark, "")
}

fn is_mark(c: char) -> bool {
    MARKS.iter().any(|(_, mark)| *mark == c)
}

/// Marks the links of HTML that was compiled before marks existed: all are in double quotes.
fn in_old_html(html: &str) -> String {
    const BEGIN: &str = "href=\"";
    let mut out = String::with_capacity(html.len());
    let mut at = 0;
    while let Some(start) = next(html, at, BEGIN).map(|found| found + BEGIN.len()) {
        out.push_str(&html[at..start]);
        at = start;
        let Some(end) = next(html, start, "\"") else { break };
        let value = &html[start..end];
        let tag = html[..start].rfind('<').map_or("", |tag| &html[tag + 1..start]);
        let is_link = (tag.starts_with("a ") || tag.starts_with("a\n")) && !tag.contains('>');
        match is_link && (split_scheme(value).is_some() || value.starts_with("{{")) {
            true => out.extend([HREF.0, value, HREF_END.0]),
            false => out.push_str(value),
        }
        at = end;
    }
    out + &html[at..]
}

/// Marks the URLs that a text's author wrote, either literally or as a tag that contains one.
fn in_text(text: &str, host: Host) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("{{") {
            let end = dialect::tag_end(text, at);
            let inside = text[at..end].trim_matches(['{', '}', '~', ' ']);
            let name = inside.split_whitespace().next().unwrap_or_default();
            if matches!(name, "base_url" | "url") {
                out.push_str(URL.0);
            }
            out.push_str(&text[at..end]);
            at = end;
        } else if let Some((_, after)) = split_scheme(rest) {
            let (host, ascii) = host(after);
            out.push_str(URL.0);
            out.push_str(&rest[..rest.len() - after.len()]);
            out.push_str(&ascii);
            at = text.len() - after.len() + host.len();
        } else {
            let char = rest.chars().next().unwrap_or_default();
            out.push(char);
            at += char.len_utf8();
        }
    }
    out
}

/// Replaces each marked link of rendered HTML by the result of `through`; `None` leaves it
/// unchanged.
pub(super) fn through_html(
    rendered: &str,
    through: &mut dyn FnMut(&str) -> Option<String>,
) -> String {
    let mut out = String::with_capacity(rendered.len() * 2);
    let mut rest = rendered;
    while let Some((before, after)) = rest.split_once(HREF.1) {
        out.push_str(&without_marks(before));
        let (written, after) = after.split_once(HREF_END.1).unwrap_or((after, ""));
        let written = without_marks(written);
        match through(&unescaped(&written)) {
            Some(other) => out.push_str(&escaped(&other)),
            None => out.push_str(&written),
        }
        rest = after;
    }
    out + &without_marks(rest)
}

/// Replaces each marked URL of a rendered text by the result of `through`.
pub(super) fn through_text(
    rendered: &str,
    through: &mut dyn FnMut(&str) -> Option<String>,
) -> String {
    let mut out = String::with_capacity(rendered.len());
    let mut rest = rendered;
    while let Some((before, after)) = rest.split_once(URL.1) {
        out.push_str(&without_marks(before));
        let run = &after[..address_end(after)];
        let address = without_marks(run);
        let address = address.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '\'']);
        if split_scheme(address).is_none_or(|(_, rest)| rest.is_empty()) {
            rest = after;
            continue;
        }
        let ending = &run[run.trim_end_matches(is_ending).len()..];
        match through(address) {
            Some(other) => out.push_str(&other),
            None => out.push_str(address),
        }
        out.push_str(&without_marks(ending));
        rest = &after[run.len()..];
    }
    out + &without_marks(rest)
}

/// Returns whether a character ends a sentence or a bracket rather than a URL.
fn is_ending(c: char) -> bool {
    is_mark(c) || matches!(c, '.' | ',' | ';' | ':' | '!' | '?' | ')' | ']' | '\'')
}

/// Returns where a URL in a text ends, as readers see it. Chinese text may follow without a space,
/// so a non-ASCII character belongs to a URL only where the URL cannot have ended: after a `/`,
/// `?`, `=` or `&`.
fn address_end(text: &str) -> usize {
    let mut before = ' ';
    let is_part = |before: char, c: char| match c {
        _ if is_mark(c) => true,
        '<' | '>' | '"' => false,
        _ if c.is_ascii() => c.is_ascii_graphic(),
        _ => c.is_alphanumeric() && (!before.is_ascii() || matches!(before, '/' | '?' | '=' | '&')),
    };
    for (at, c) in text.char_indices() {
        if !is_part(before, c) {
            return at;
        }
        if !is_mark(c) {
            before = c;
        }
    }
    text.len()
}

/// Returns the origins that the authors of templates link to. A link whose host comes from a value
/// does not count.
pub(super) fn origins(sources: &BTreeMap<String, TemplateSource>) -> BTreeSet<String> {
    let mut origins = BTreeSet::new();
    for (_, text, _) in sources.values().flat_map(TemplateSource::parts) {
        let starts = text.match_indices("://").map(|(at, _)| at);
        for at in starts {
            let from = ["https", "http"].into_iter().find_map(|scheme| {
                let from = at.checked_sub(scheme.len())?;
                split_scheme(text.get(from..)?).map(|_| from)
            });
            let Some((scheme, rest)) = from.and_then(|from| split_scheme(&text[from..])) else {
                continue;
            };
            let is_host = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | ':' | '_' | '%');
            let host = &rest[..rest.find(|c| !is_host(c)).unwrap_or(rest.len())];
            let host = host.trim_end_matches(['.', ':']);
            origins.extend(location(&format!("{scheme}://{host}/")).as_deref().and_then(origin));
        }
    }
    origins
}

impl Templates {
    /// Returns whether a template of this campaign links to the origin of this URL.
    pub fn leads_to(&self, location: &str) -> bool {
        origin(location).is_some_and(|origin| self.origins.contains(&origin))
    }
}

/// Decodes the character references that Handlebars and publishing write into attributes.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let reference = rest.find(';').filter(|end| *end <= 10).map(|end| &rest[1..end]);
        let character = reference.and_then(character);
        match (character, reference) {
            (Some(character), Some(reference)) => {
                out.push(character);
                rest = &rest[reference.len() + 2..];
            }
            _ => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out + rest
}

/// Escapes text as the value of an attribute, for either kind of quotes.
fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('"', "&quot;").replace('\'', "&#39;");
    text.replace('<', "&lt;").replace('>', "&gt;")
}
