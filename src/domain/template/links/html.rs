//! Links of HTML and MJML, found by an HTML parser. Runs when publishing, never at the edge.

use super::{HREF, HREF_END, escaped};
use crate::domain::base::diagnostic::Problem;
use crate::domain::base::web_address::{encoded, location, split_scheme};
use crate::domain::template::{Markup, dialect};
use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, Tokenizer};
use std::borrow::Cow;

/// Schemes that run code, or that do not lead to a website.
const REFUSED: &[&str] = &["javascript", "vbscript", "data", "file", "blob", "about"];
/// Elements whose `href` is loaded, not followed.
const LOADED: &[&str] = &["link", "base", "mj-font"];

/// Marks the links of HTML, and normalizes their URLs to a form that every mail client reads in the
/// same way.
pub(super) fn mark(html: &str) -> String {
    let mut out = String::with_capacity(html.len() * 2);
    let mut at = 0;
    for Href { element, from, to, .. } in hrefs(html) {
        let is_link = element == "a" || element == "area" || element.starts_with("v:");
        let written = &html[from..to];
        if !is_link || !(begins_with_tag(written) || is_of_the_web(written)) {
            continue;
        }
        out.push_str(&html[at..from]);
        out.extend([HREF.0, &normal(written), HREF_END.0]);
        at = to;
    }
    out + &html[at..]
}

/// Finds problems with the links of a part of a template, each with its line.
pub fn link_problems(key: &str, source: &str, markup: Markup) -> Vec<Problem> {
    if markup == Markup::Plain {
        return Vec::new();
    }
    let mut problems = Vec::new();
    for href in hrefs(source).into_iter().filter(|href| !LOADED.contains(&href.element.as_str())) {
        if let Some((message, help)) = wrong(&href, source) {
            let line = 1 + source[..href.from].matches('\n').count();
            problems.push(Problem { line: Some(line), ..Problem::new(key, message) }.help(help));
        }
    }
    problems
}

/// Returns the problem of a link, and its remedy.
fn wrong(href: &Href, source: &str) -> Option<(String, &'static str)> {
    const BEGIN: &str = "begin it with https://, mailto:, tel: or {{base_url}}";
    let written = &source[href.from..href.to];
    let is_quoted = source[..href.from].ends_with(['"', '\'']);
    if !is_quoted && (source[href.to..].starts_with("{{") || written.contains("{{")) {
        let message = "this link has a tag in it, and no quotes around it".to_owned();
        return Some((message, "put the address in quotes"));
    }
    let segments = segments(written);
    for segment in segments.iter().filter_map(Segment::text) {
        let control = segment.chars().find(|c| c.is_control() && !c.is_whitespace());
        if let Some(control) = control {
            let message =
                format!("a link has the control character U+{:04X} in it", u32::from(control));
            return Some((message, "remove it"));
        }
        let begin = segment.trim_start().to_ascii_lowercase();
        let scheme = begin.split(':').next().filter(|scheme| scheme.len() < begin.len());
        if let Some(refused) = REFUSED.iter().find(|refused| scheme == Some(refused)) {
            return Some((format!("a link must not lead to `{refused}:`"), BEGIN));
        }
        if let Some((_, rest)) = split_scheme(segment.trim_start()) {
            let host = &rest[..rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len())];
            let is_known = |host: &str| location(&format!("https://{host}/")).is_some();
            let name = idna::domain_to_ascii(host);
            if !host.is_empty() && !(is_known(host) && (host.is_ascii() || name.is_ok())) {
                return Some((
                    format!("there can be no site `{host}`"),
                    "write the name of the site as its owner does",
                ));
            }
        }
    }
    // The scheme of `java{{x}}` would depend on the value.
    let first = segments.iter().find(|segment| !segment.is_block());
    let is_begun = |text: &str| text.contains([':', '/', '?', '#', '@', '.']);
    match first.and_then(Segment::text).map(str::trim_start) {
        Some(text) if !text.is_empty() && !is_begun(text) && segments.len() > 1 => {
            Some((format!("a link must not begin with `{text}` and a value"), BEGIN))
        }
        _ => None,
    }
}

fn begins_with_tag(written: &str) -> bool {
    written.trim_start().starts_with("{{")
}

fn is_of_the_web(written: &str) -> bool {
    let first = segments(written).into_iter().next();
    let first = first.as_ref().and_then(Segment::text).map(str::trim_start);
    first.is_some_and(|text| split_scheme(text).is_some())
}

/// A piece of an attribute's value.
enum Segment<'s> {
    /// Literal text, with character references decoded, without line breaks and tabs.
    Text(String),
    /// A Handlebars tag.
    Tag(&'s str),
}

impl Segment<'_> {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Tag(_) => None,
        }
    }

    fn is_block(&self) -> bool {
        matches!(self, Self::Tag(tag) if blanks(tag) == ' ')
    }
}

fn segments(written: &str) -> Vec<Segment<'_>> {
    let mut segments = Vec::new();
    let mut at = 0;
    while at < written.len() {
        let rest = &written[at..];
        let end = match rest.starts_with("{{") {
            true => dialect::tag_end(written, at),
            false => at + rest.find("{{").unwrap_or(rest.len()),
        };
        segments.push(match rest.starts_with("{{") {
            true => Segment::Tag(&written[at..end]),
            false => Segment::Text(decoded(&written[at..end])),
        });
        at = end;
    }
    segments
}

/// Normalizes a URL to a form that every mail client reads in the same way: ASCII, without white
/// space around it.
fn normal(written: &str) -> String {
    let segments = segments(written.trim());
    let last = segments.len().saturating_sub(1);
    let mut out = String::with_capacity(written.len());
    for (index, segment) in segments.iter().enumerate() {
        match segment {
            Segment::Tag(tag) => out.push_str(tag),
            Segment::Text(text) => {
                let text = if index == 0 { text.trim_start() } else { text };
                let text = if index == last { text.trim_end() } else { text };
                out.push_str(&escaped(&ascii(text)));
            }
        }
    }
    out
}

/// Encodes a piece of a URL in ASCII.
fn ascii(text: &str) -> String {
    let Some((scheme, rest)) = split_scheme(text) else { return encoded(text) };
    let (host, rest) = rest.split_at(rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len()));
    format!("{scheme}://{}{}", ascii_host(host), encoded(rest))
}

fn ascii_host(host: &str) -> Cow<'_, str> {
    match host.is_ascii() {
        true => Cow::Borrowed(host),
        false => idna::domain_to_ascii(host).map_or_else(|_| encoded(host).into(), Cow::Owned),
    }
}

/// Returns the host name at the beginning of a text, and its ASCII form. Chinese text after a name
/// that ends in ASCII does not belong to it.
pub(super) fn host_in_text(text: &str) -> (&str, String) {
    let is_host = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.');
    let host = &text[..text.find(|c| !is_host(c)).unwrap_or(text.len())];
    let last = host.rfind('.').map_or(0, |dot| dot + 1);
    let cut = match host[last..].starts_with(|c: char| c.is_ascii()) {
        true => host[last..].find(|c: char| !c.is_ascii()).map_or(host.len(), |at| last + at),
        false => host.len(),
    };
    let host = &host[..cut];
    (host, ascii_host(host).into_owned())
}

/// The URL of an element, and its position.
struct Href {
    element: String,
    from: usize,
    to: usize,
}

/// Returns every `href` of a source, in order, including those in Outlook's conditional comments.
fn hrefs(source: &str) -> Vec<Href> {
    let mut found = Vec::new();
    collect(&as_in_mails(blanked(source)), 0, &mut found);
    found.sort_by_key(|href| href.from);
    found
}

/// Returns a source of the same length that the tokenizer reads like a mail client. Mail clients
/// run no scripts, so they show the content of `noscript`, and they do not show that of `noframes`.
fn as_in_mails(mut source: String) -> String {
    let lower = source.to_ascii_lowercase();
    for (name, other) in [("noscript", "x-script"), ("noframes", "textarea")] {
        for (at, _) in lower.match_indices(name) {
            if lower[..at].ends_with('<') || lower[..at].ends_with("</") {
                source.replace_range(at..at + name.len(), other);
            }
        }
    }
    source
}

fn collect(source: &str, offset: usize, found: &mut Vec<Href>) {
    let (mut element, mut attribute) = (String::new(), String::new());
    // If an attribute occurs twice, the first one counts; the content of `template` is never shown.
    let (mut has_href, mut templates) = (false, 0_usize);
    let mut comments = Vec::new();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let emitter = CallbackEmitter::new(|event: CallbackEvent<'_>, span: Span<usize>| {
        match event {
            CallbackEvent::OpenStartTag { name } => {
                (element, has_href) = (text(name), false);
                templates += usize::from(element == "template");
            }
            CallbackEvent::EndTag { name } => {
                element.clear();
                templates = templates.saturating_sub(usize::from(name == b"template"));
            }
            CallbackEvent::AttributeName { name } => attribute = text(name),
            CallbackEvent::AttributeValue { .. } if attribute == "href" && !has_href => {
                has_href = true;
                if templates == 0 {
                    let (from, to) = (offset + span.start, offset + span.end);
                    found.push(Href { element: element.clone(), from, to });
                }
            }
            CallbackEvent::Comment { value }
                if value.starts_with(b"[if ") || value.starts_with(b"[if(") =>
            {
                comments.push(span);
            }
            _ => {}
        }
        None::<()>
    });
    let mut emitter = emitter;
    emitter.naively_switch_states(true);
    let _ = Tokenizer::new_with_emitter(source, emitter).count();
    for Span { start, end } in comments {
        let comment = source.get(start..end).unwrap_or_default();
        let begin = comment.find("]>").map_or(comment.len(), |at| at + 2);
        let inside = &comment[begin..comment.rfind("<![").unwrap_or(comment.len()).max(begin)];
        collect(inside, offset + start + begin, found);
    }
}

/// Returns a source of the same length without Handlebars: values become letters, and block tags
/// become white space.
fn blanked(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut at = 0;
    while let Some(start) = source[at..].find("{{").map(|found| at + found) {
        let end = dialect::tag_end(source, start);
        out.push_str(&source[at..start]);
        out.extend(std::iter::repeat_n(blanks(&source[start..end]), end - start));
        at = end;
    }
    out + &source[at..]
}

/// Returns the character that replaces a tag while HTML is parsed.
fn blanks(tag: &str) -> char {
    let inside = tag.trim_matches(['{', '}', '~', ' ']);
    let is_block = inside.starts_with(['#', '/', '^', '!']) || inside.starts_with("else");
    if is_block { ' ' } else { 'x' }
}

/// Decodes the character references of a piece of a URL, and removes line breaks and tabs.
fn decoded(written: &str) -> String {
    references(written).replace(['\t', '\n', '\r'], "")
}

/// Decodes the character references of a text by the rules of HTML.
pub(in crate::domain::template) fn references(written: &str) -> String {
    if !written.contains('&') {
        return written.to_owned();
    }
    let source = format!("<a x=\"{}\">", written.replace('"', "&quot;"));
    let mut value = String::new();
    let emitter = CallbackEmitter::new(|event: CallbackEvent<'_>, _: Span<()>| {
        if let CallbackEvent::AttributeValue { value: bytes } = event {
            value = String::from_utf8_lossy(bytes).into_owned();
        }
        None::<()>
    });
    let _ = Tokenizer::new_with_emitter(&source, emitter).count();
    value
}
