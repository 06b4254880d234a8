//! A simple tokenizer of HTML or MJML that contains Handlebars tags: sufficient for deriving the
//! plain text, and for the linter.

use super::dialect;
use super::links::references;

/// One piece of a source; `at` is where it begins, in bytes.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::domain) enum Token<'s> {
    /// `<a href="…">`.
    Open(Element<'s>),
    /// `</a>`.
    Close { name: String, at: usize },
    /// Text between elements, with Handlebars tags and character references as written.
    Text { text: &'s str, at: usize },
    /// `<!-- … -->`, or a document type; `tokens` leaves them out.
    Comment,
}

/// The range of a token in the source, in bytes.
pub(super) type Span = std::ops::Range<usize>;

/// The opening tag of an element.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::domain) struct Element<'s> {
    /// In lower case.
    pub name: String,
    /// Names in lower case; values as written, without their quotes.
    pub attributes: Vec<(String, &'s str)>,
    pub at: usize,
    /// `<br/>`, or an element that HTML never closes.
    pub is_empty: bool,
}

impl<'s> Element<'s> {
    /// Returns an attribute's value as written.
    pub fn attribute(&self, name: &str) -> Option<&'s str> {
        self.attributes.iter().find(|(other, _)| other == name).map(|(_, value)| *value)
    }

    /// Returns a property of the `style` attribute, in lower case and trimmed.
    pub fn style(&self, property: &str) -> Option<String> {
        let mut declarations = declarations(self.attribute("style")?);
        declarations.find(|(name, _)| name == property).map(|(_, value)| value)
    }
}

/// Returns the declarations of a style attribute or of a rule's block, in lower case.
pub(in crate::domain) fn declarations(style: &str) -> impl Iterator<Item = (String, String)> {
    let declarations = style.split(';').filter_map(|one| one.split_once(':'));
    declarations
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_ascii_lowercase()))
}

/// Elements that HTML never closes.
const EMPTY: &[&str] = &[
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track",
    "wbr",
];

/// Tokenizes a source. Leaves comments out, including Outlook's conditional ones. What cannot be
/// parsed becomes text.
pub(in crate::domain) fn tokens(source: &str) -> Vec<Token<'_>> {
    let tokens = spanned_tokens(source).into_iter().map(|(token, _)| token);
    tokens.filter(|token| *token != Token::Comment).collect()
}

/// Tokenizes a source including comments, each token with its range.
pub(super) fn spanned_tokens(source: &str) -> Vec<(Token<'_>, Span)> {
    let mut tokens = Vec::new();
    let (mut at, mut text_from) = (0, 0);
    while let Some(start) = next(source, at, "<") {
        let rest = &source[start..];
        let (token, end) = if let Some(comment) = rest.strip_prefix("<!") {
            let end = match comment.strip_prefix("--") {
                Some(inner) => inner.find("-->").map(|end| start + 4 + end + 3),
                None => comment.find('>').map(|end| start + 2 + end + 1),
            };
            (Token::Comment, end.unwrap_or(source.len()))
        } else if let Some((token, end)) = element(source, start) {
            (token, end)
        } else {
            at = start + 1;
            continue;
        };
        if text_from < start {
            let text = &source[text_from..start];
            tokens.push((Token::Text { text, at: text_from }, text_from..start));
        }
        (at, text_from) = (end, end);
        // A style sheet or a script is a single text, whatever it contains.
        if let Token::Open(Element { name, .. }) = &token
            && ["style", "script", "mj-style", "title"].contains(&name.as_str())
        {
            at = source[end..].find(&format!("</{name}")).map_or(source.len(), |more| end + more);
        }
        tokens.push((token, start..end));
    }
    if text_from < source.len() {
        let text = &source[text_from..];
        tokens.push((Token::Text { text, at: text_from }, text_from..source.len()));
    }
    tokens
}

/// Returns the next position of a pattern, skipping Handlebars tags.
pub(super) fn next(source: &str, from: usize, pattern: &str) -> Option<usize> {
    let mut at = from;
    loop {
        let found = source.get(at..)?.find(pattern)? + at;
        match source[at..found].find("{{") {
            Some(tag) => at = dialect::tag_end(source, at + tag),
            None => return Some(found),
        }
    }
}

fn element(source: &str, start: usize) -> Option<(Token<'_>, usize)> {
    let rest = &source[start + 1..];
    let is_close = rest.starts_with('/');
    let name_from = start + 1 + usize::from(is_close);
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == ':';
    let length = source[name_from..].find(|c| !is_part(c)).unwrap_or(source.len() - name_from);
    let name = source[name_from..name_from + length].to_ascii_lowercase();
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let Rest { attributes, end, is_closed } = rest_of_tag(source, name_from + length)?;
    let token = match is_close {
        true => Token::Close { name, at: start },
        false => {
            let is_empty = is_closed || EMPTY.contains(&name.as_str());
            Token::Open(Element { name, attributes, at: start, is_empty })
        }
    };
    Some((token, end))
}

/// The part of an opening tag after the name.
struct Rest<'s> {
    attributes: Vec<(String, &'s str)>,
    /// Where the tag ends.
    end: usize,
    is_closed: bool,
}

fn rest_of_tag(source: &str, from: usize) -> Option<Rest<'_>> {
    let mut attributes = Vec::new();
    let mut at = from;
    loop {
        let rest = &source[at..];
        let char = rest.chars().next()?;
        if rest.starts_with("{{") {
            at = dialect::tag_end(source, at);
        } else if char == '>' {
            let is_closed = source[..at].ends_with('/');
            return Some(Rest { attributes, end: at + 1, is_closed });
        } else if char.is_whitespace() || char == '/' {
            at += char.len_utf8();
        } else {
            let is_end = |c: char| c.is_whitespace() || matches!(c, '=' | '>' | '/');
            let length = rest.find(is_end).unwrap_or(rest.len()).max(char.len_utf8());
            let name = rest[..length].to_ascii_lowercase();
            let after = rest[length..].trim_start();
            at += rest.len() - after.len();
            let mut value = "";
            if let Some(written) = after.strip_prefix('=') {
                (value, at) = attribute_value(source, source.len() - written.trim_start().len())?;
            }
            attributes.push((name, value));
        }
    }
}

/// Returns the value of an attribute at this position, without its quotes, and where the rest
/// begins.
fn attribute_value(source: &str, from: usize) -> Option<(&str, usize)> {
    let rest = &source[from..];
    match rest.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        Some(quote) => {
            let end = next(source, from + 1, quote.encode_utf8(&mut [0; 4]))?;
            Some((&source[from + 1..end], end + 1))
        }
        None => {
            let length = rest.find(|c: char| c.is_whitespace() || c == '>')?;
            Some((&rest[..length], from + length))
        }
    }
}

/// Decodes the character references of a text and keeps Handlebars tags as written.
pub(in crate::domain) fn decoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("{{") {
            let end = dialect::tag_end(text, at);
            out.push_str(&text[at..end]);
            at = end;
            continue;
        }
        let end = rest.find("{{").unwrap_or(rest.len());
        out.push_str(&references(&rest[..end]));
        at += end;
    }
    out
}

/// Returns the character of a reference: `amp`, `#39`.
pub(super) fn character(reference: &str) -> Option<char> {
    if let Some(digits) = reference.strip_prefix('#') {
        let code = match digits.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => digits.parse().ok()?,
        };
        return char::from_u32(code);
    }
    Some(match reference {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        "zwnj" => '\u{200c}',
        "shy" => '\u{ad}',
        "copy" => '©',
        "reg" => '®',
        "trade" => '™',
        "hellip" => '…',
        "ndash" => '–',
        "mdash" => '—',
        "lsquo" => '‘',
        "rsquo" => '’',
        "ldquo" => '“',
        "rdquo" => '”',
        "laquo" => '«',
        "raquo" => '»',
        "middot" => '·',
        "bull" => '•',
        "times" => '×',
        "euro" => '€',
        "pound" => '£',
        "yen" => '¥',
        "larr" => '←',
        "rarr" => '→',
        _ => return None,
    })
}
