//! Rich text: HTML of a few elements. What is typed is read loosely and written again from an allow
//! list, so whatever a browser makes of the original, the result holds nothing else: no other
//! element, no attribute but the address of a link, and every element closed.

use super::reason::FieldReason;
use super::text;
use crate::domain::contact::address;
use std::borrow::Cow;

/// The longest rich text as kept, in characters with its elements: some ten pages.
pub const RICH_TEXT_CHARS_MAX: usize = 20_000;

/// The longest rich text as typed, in bytes; what word processors paste has much that is dropped.
const TYPED_BYTES_MAX: usize = 256 * 1_024;

/// The most elements inside each other; deeper ones are left out, and their text stays.
const DEPTH_MAX: usize = 24;

/// The elements as typed and as kept.
const ELEMENTS: [(&str, &str); 29] = [
    ("p", "p"),
    ("div", "p"),
    ("br", "br"),
    ("hr", "hr"),
    ("h1", "h2"),
    ("h2", "h2"),
    ("h3", "h3"),
    ("h4", "h4"),
    ("h5", "h4"),
    ("h6", "h4"),
    ("b", "strong"),
    ("strong", "strong"),
    ("i", "em"),
    ("em", "em"),
    ("u", "u"),
    ("ins", "u"),
    ("s", "s"),
    ("del", "s"),
    ("strike", "s"),
    ("ul", "ul"),
    ("ol", "ol"),
    ("li", "li"),
    ("blockquote", "blockquote"),
    ("pre", "pre"),
    ("code", "code"),
    ("a", "a"),
    ("center", "p"),
    ("section", "p"),
    ("article", "p"),
];

/// Elements whose content is no text for people; it is dropped with them.
const DROPPED: [&str; 16] = [
    "script", "style", "title", "head", "template", "iframe", "object", "embed", "svg", "math",
    "textarea", "select", "noscript", "noembed", "noframes", "xmp",
];

/// Character references that people's programs write, apart from numbers.
const REFERENCES: [(&str, char); 16] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", '\u{a0}'),
    ("copy", '©'),
    ("reg", '®'),
    ("hellip", '…'),
    ("mdash", '—'),
    ("ndash", '–'),
    ("lsquo", '‘'),
    ("rsquo", '’'),
    ("ldquo", '“'),
    ("rdquo", '”'),
    ("yen", '¥'),
];

/// Reads HTML and returns it clean; `None` if no text is left. Clean text stays as it is.
pub fn read(typed: &str) -> Result<Option<String>, FieldReason> {
    if typed.len() > TYPED_BYTES_MAX {
        return Err(FieldReason::TooLong(RICH_TEXT_CHARS_MAX));
    }
    let typed = typed.replace("\r\n", "\n").replace('\r', "\n").replace('\t', " ");
    let clean = cleaned(&typed);
    let clean = text::trimmed(&clean);
    // Checked after references are resolved, which may stand for control characters.
    text::check_text(clean, RICH_TEXT_CHARS_MAX, |c| c == '\n')?;
    Ok((!text::trimmed(&plain(clean)).is_empty()).then(|| clean.to_owned()))
}

/// Returns the text of clean HTML, with a line for each block.
pub fn plain(clean: &str) -> String {
    let mut out = String::with_capacity(clean.len());
    let mut rest = clean;
    while let Some((before, after)) = rest.split_once('<') {
        out.push_str(&unescaped(before));
        let (tag, after) = after.split_once('>').unwrap_or((after, ""));
        let is_line = matches!(tag.trim_start_matches('/'), "br" | "hr" | "ul" | "ol")
            || (tag.starts_with('/') && is_block(&tag[1..]));
        if is_line && !out.is_empty() && !out.ends_with('\n') {
            out.push('\n');
        }
        rest = after;
    }
    out.push_str(&unescaped(rest));
    text::trimmed(&out).to_owned()
}

/// Returns a plain text as clean HTML.
pub fn of_plain(plain: &str) -> String {
    escaped(plain).replace('\n', "<br>")
}

fn is_block(element: &str) -> bool {
    matches!(element, "p" | "h2" | "h3" | "h4" | "pre" | "li" | "blockquote")
}

fn is_inline(element: &str) -> bool {
    matches!(element, "strong" | "em" | "u" | "s" | "code" | "a")
}

fn cleaned(typed: &str) -> String {
    let lower = typed.to_ascii_lowercase();
    let mut writer = Writer::default();
    let mut at = 0;
    while let Some(found) = typed[at..].find('<') {
        writer.text(&typed[at..at + found]);
        at += found;
        if typed[at..].starts_with("<!--") {
            at = typed[at..].find("-->").map_or(typed.len(), |end| at + end + 3);
            continue;
        }
        let is_tag = typed[at + 1..]
            .starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'));
        if !is_tag {
            writer.text("<");
            at += 1;
            continue;
        }
        let Some(end) = typed[at..].find('>').map(|end| at + end) else { break };
        let name = name(&lower[at + 1..end]);
        at = match name {
            Some(name) if DROPPED.contains(&name) => content_end(&lower, end + 1, name),
            Some(name) => {
                writer.open(name, &typed[at + 1 + name.len()..end]);
                end + 1
            }
            None => {
                writer.close(lower[at + 1..end].trim_start_matches('/').trim());
                end + 1
            }
        };
    }
    writer.text(&typed[at..]);
    writer.finish()
}

/// Returns the name of an opening tag, given what stands between `<` and `>`.
fn name(tag: &str) -> Option<&str> {
    let end = tag.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(tag.len());
    tag.get(..end).filter(|name| !name.is_empty())
}

/// Returns where the content of a dropped element ends: after its closing tag, or at the end.
fn content_end(lower: &str, from: usize, name: &str) -> usize {
    let closing = format!("</{name}");
    let Some(close) = lower[from..].find(&closing).map(|at| from + at) else {
        return lower.len();
    };
    lower[close..].find('>').map_or(lower.len(), |end| close + end + 1)
}

#[derive(Default)]
struct Writer {
    out: String,
    /// The open elements, outermost first.
    open: Vec<&'static str>,
}

impl Writer {
    fn text(&mut self, typed: &str) {
        let text = unescaped(typed);
        if text.is_empty() || (self.is_in_list() && text::trimmed(&text).is_empty()) {
            return;
        }
        self.enter_item();
        self.out.push_str(&escaped(&text));
    }

    fn open(&mut self, name: &str, attributes: &str) {
        let known = ELEMENTS.iter().find(|(typed, _)| *typed == name);
        let Some((_, element)) = known.copied() else { return };
        match element {
            "br" if self.is_in_list() => return,
            "br" => return self.out.push_str("<br>"),
            "hr" => {
                self.close_to(&["li", "blockquote"]);
                return self.out.push_str("<hr>");
            }
            "li" if !self.open.iter().any(|it| matches!(*it, "ul" | "ol")) => return,
            "li" => self.close_to(&["ul", "ol"]),
            _ if is_inline(element) => {
                if self.open.contains(&element) {
                    return;
                }
                self.enter_item();
            }
            _ => self.close_to(&["li", "blockquote"]),
        }
        if self.open.len() >= DEPTH_MAX {
            return;
        }
        if element == "a" {
            let Some(address) = href(attributes).and_then(|href| link(&href)) else { return };
            let address = escaped(&address);
            self.out.push_str(&format!("<a href=\"{address}\" rel=\"noopener nofollow\">"));
        } else {
            self.out.push_str(&format!("<{element}>"));
        }
        self.open.push(element);
    }

    fn close(&mut self, name: &str) {
        let known = ELEMENTS.iter().find(|(typed, _)| *typed == name);
        let Some((_, element)) = known.copied() else { return };
        if self.open.contains(&element) {
            while self.pop() != Some(element) {}
        }
    }

    /// Closes elements until one of `bounds` is the innermost.
    fn close_to(&mut self, bounds: &[&str]) {
        while self.open.last().is_some_and(|last| !bounds.contains(last)) {
            self.pop();
        }
    }

    fn pop(&mut self) -> Option<&'static str> {
        let last = self.open.pop()?;
        self.out.push_str(&format!("</{last}>"));
        Some(last)
    }

    fn is_in_list(&self) -> bool {
        matches!(self.open.last(), Some(&"ul" | &"ol"))
    }

    /// Begins an item for text that stands directly in a list.
    fn enter_item(&mut self) {
        if self.is_in_list() {
            self.out.push_str("<li>");
            self.open.push("li");
        }
    }

    fn finish(mut self) -> String {
        while self.pop().is_some() {}
        self.out
    }
}

/// Returns the value of the attribute `href`.
fn href(attributes: &str) -> Option<Cow<'_, str>> {
    let is_gap = |c: char| c.is_whitespace() || c == '/';
    let mut rest = attributes;
    loop {
        rest = rest.trim_start_matches(is_gap);
        let end = rest.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let after = after.trim_start();
        let Some(value) = after.strip_prefix('=').map(str::trim_start) else {
            if after.is_empty() {
                return None;
            }
            rest = after;
            continue;
        };
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (value, after) = match quote {
            Some(quote) => value[1..].split_once(quote).unwrap_or((&value[1..], "")),
            None => value.split_at(value.find(char::is_whitespace).unwrap_or(value.len())),
        };
        if name.eq_ignore_ascii_case("href") {
            return Some(unescaped(value));
        }
        rest = after;
    }
}

/// Returns the address of a link if it is one that a text may have: http, https or mailto.
fn link(href: &str) -> Option<String> {
    let href = text::trimmed(href);
    match href.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("mailto:")) {
        Some(_) => address::read_email(&href[7..]).ok().map(|email| format!("mailto:{email}")),
        None => text::url(href).ok(),
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            _ => out.push(c),
        }
    }
    out
}

/// Resolves character references; one that is not known stays text.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        // The longest reference that is known has eight characters.
        let end = after.bytes().take(9).position(|b| b == b';');
        match end.and_then(|end| Some((reference(&after[..end])?, &after[end + 1..]))) {
            Some((c, after)) => {
                out.push(c);
                rest = after;
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

fn reference(name: &str) -> Option<char> {
    let code = match name.strip_prefix('#') {
        None => return REFERENCES.iter().find(|(known, _)| *known == name).map(|(_, c)| *c),
        Some(code) => match code.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => code.parse().ok()?,
        },
    };
    char::from_u32(code)
}
