//! Links and images: where they lead, what they show, and their alternative texts.

use super::{Findings, LintCode};
use crate::domain::template::dialect;
use crate::domain::template::markup::{Element, Token, decoded};

/// Services that hide the target of a link; spam filters know them all.
const SHORTENERS: &[&str] = &[
    "bit.ly", "tinyurl.com", "t.co", "goo.gl", "ow.ly", "is.gd", "buff.ly", "rebrand.ly",
    "cutt.ly", "t.ly", "rb.gy", "tiny.cc", "bl.ink", "shorturl.at", "t.cn", "dwz.cn", "suo.im",
    "url.cn", "u.to", "lnkd.in",
];
/// Helpers whose output may be part of a URL.
const ENCODING: &[&str] = &["encode", "url", "default", "number", "else"];
/// Schemes that run code or read the reader's own disk.
const CODE: &[&str] = &["javascript", "vbscript", "file"];

/// Checks every URL of a body.
pub(super) fn check(found: &mut Findings, source: &str, tokens: &[Token]) {
    for (index, token) in tokens.iter().enumerate() {
        let Token::Open(element) = token else { continue };
        let line = Some(1 + source[..element.at].matches('\n').count());
        image(found, element, line);
        for name in ["href", "src", "background-url", "background"] {
            let Some(written) = element.attribute(name) else { continue };
            // `background` may be a colour; style sheets and fonts are not links.
            let is_loaded = matches!(&*element.name, "link" | "mj-font");
            if is_loaded || (name == "background" && !written.contains("//")) {
                continue;
            }
            address(found, "html", written, line);
            if name == "href" && element.name == "a" {
                misleading(found, written, &text_after(tokens, index), line);
            }
        }
    }
}

fn image(found: &mut Findings, element: &Element, line: Option<usize>) {
    let is_image = matches!(&*element.name, "img" | "mj-image" | "mj-carousel-image");
    if is_image && element.attribute("alt").is_none() {
        let source = element.attribute("src").unwrap_or_default();
        found.add("html", line, LintCode::ImageWithoutAlt, source);
    }
}

/// Checks every web URL of an SMS.
pub(in crate::domain) fn in_text(found: &mut Findings, text: &str) {
    let start = |rest: &str| ["https://", "http://"].iter().filter_map(|s| rest.find(s)).min();
    let mut at = 0;
    while let Some(begin) = start(&text[at..]).map(|begin| at + begin) {
        let rest = &text[begin..];
        let link = &rest[..link_length(rest)];
        let line = Some(1 + text[..begin].matches('\n').count());
        address(found, "", link.trim_end_matches(['.', ',', ';', '!', '?', ')']), line);
        at = begin + link.len();
    }
}

/// Returns the length of a link in a text: up to white space or a non-ASCII letter outside of tags.
fn link_length(rest: &str) -> usize {
    let mut at = 0;
    while let Some(char) = rest[at..].chars().next() {
        if rest[at..].starts_with("{{") {
            at = dialect::tag_end(rest, at);
        } else if char.is_whitespace() || !char.is_ascii() {
            break;
        } else {
            at += 1;
        }
    }
    at
}

/// Splits a URL into the contents of its tags and the URL without them.
fn parted(address: &str) -> (Vec<&str>, String) {
    let (mut tags, mut plain, mut at) = (Vec::new(), String::new(), 0);
    while let Some(start) = address[at..].find("{{").map(|found| at + found) {
        plain.push_str(&address[at..start]);
        at = dialect::tag_end(address, start);
        tags.push(address[start..at].trim_matches(['{', '}', '~', ' ']));
    }
    plain.push_str(&address[at..]);
    (tags, plain)
}

/// Returns the scheme of a URL if it has one: `tel` of `tel:+44…`, none of `a.example:80/x`.
fn scheme(lower: &str) -> Option<&str> {
    let (scheme, rest) = lower.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-".contains(&byte));
    let is_port = rest.starts_with(|c: char| c.is_ascii_digit()) && scheme == "localhost";
    (is_scheme && !is_port).then_some(scheme)
}

fn address(found: &mut Findings, part: &str, written: &str, line: Option<usize>) {
    let address = decoded(written);
    let address = address.trim();
    let lower = address.to_ascii_lowercase();
    let mut add = |code| found.add(part, line, code, address);
    if address.is_empty() || address == "#" {
        add(LintCode::EmptyLink);
    } else if lower.starts_with("data:") {
        add(LintCode::DataImage);
    } else if lower.starts_with("http://") {
        add(LintCode::InsecureLink);
    } else if let Some(rest) = lower.strip_prefix("https://") {
        let host = host_of(rest);
        let is_dynamic = host.contains("{{");
        let (_, plain) = parted(address);
        if SHORTENERS.contains(&host) {
            add(LintCode::ShortenedLink);
        } else if (!is_dynamic && !host.contains('.')) || plain.contains([' ', '\t', '\n', '<']) {
            add(LintCode::BrokenLink);
        }
    } else if scheme(&lower).is_some_and(|scheme| CODE.contains(&scheme)) {
        add(LintCode::BrokenLink);
    } else if !address.starts_with("{{") && !lower.starts_with('#') && scheme(&lower).is_none() {
        match lower.starts_with("http") || lower.starts_with("www.") {
            true => add(LintCode::BrokenLink),
            false => add(LintCode::RelativeLink),
        }
    }
    for value in bare_values(address) {
        found.add(part, line, LintCode::UnencodedValue, value);
    }
}

fn host_of(rest: &str) -> &str {
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    host.strip_prefix("www.").unwrap_or(host)
}

/// Returns the values in a URL that are inserted without encoding.
fn bare_values(address: &str) -> Vec<&str> {
    let mut tags = parted(address).0;
    tags.retain(|tag| {
        let first = tag.split_whitespace().next().unwrap_or_default();
        let is_ours = first.ends_with("_url") || first.starts_with(['>', '!', '#', '/', '^']);
        !is_ours && !ENCODING.contains(&first)
    });
    tags
}

/// Returns the text of the link that begins at a token.
fn text_after(tokens: &[Token], index: usize) -> String {
    let inside = tokens[index + 1..].iter();
    let inside = inside.take_while(|t| !matches!(t, Token::Close { name, .. } if name == "a"));
    let texts = inside.filter_map(|token| match token {
        Token::Text { text, .. } => Some(decoded(text)),
        _ => None,
    });
    texts.collect::<String>().trim().to_owned()
}

/// Warns of a link that shows one site and leads to another: it looks like fraud, also to spam
/// filters.
fn misleading(found: &mut Findings, href: &str, text: &str, line: Option<usize>) {
    let lower = text.to_ascii_lowercase();
    let shown = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://"));
    let host = host_of(shown.unwrap_or(&lower));
    let end = host.rsplit_once('.').map_or("", |(_, end)| end);
    let is_host = !host.contains([' ', '@', '{'])
        && (2..=24).contains(&end.len())
        && end.bytes().all(|b| b.is_ascii_alphabetic())
        && (shown.is_some() || host.len() == lower.trim_start_matches("www.").len());
    let href = decoded(href).to_ascii_lowercase();
    let target = href.strip_prefix("https://").or_else(|| href.strip_prefix("http://"));
    let Some(target) = target.map(host_of) else { return };
    if is_host && target != host && !target.ends_with(&format!(".{host}")) {
        found.add("html", line, LintCode::MisleadingLink, format!("{host} → {target}"));
    }
}
