//! MJML as a tree. The content of an element that holds HTML is kept as written.

use super::{ELEMENTS, MjmlError};
use crate::domain::base::diagnostic::nearest;
use crate::domain::template::dialect;
use crate::domain::template::markup::{Element, Span, Token, spanned_tokens};

/// The most nested elements, so that recursion cannot exhaust the stack.
const DEPTH_MAX: usize = 60;
/// The most nested HTML elements; HTML may leave elements open.
const HTML_DEPTH_MAX: usize = 1_000;
/// Attributes that the engine does not know and that change how a mail looks.
const NOT_OFFERED: &[&str] = &["gap", "gutter"];
/// The element that nevertheless has a `gap`.
const WITH_GAP: &str = "mj-wrapper";
/// Elements that contain HTML, text or CSS, but no MJML.
const HOLDERS: &[&str] = &[
    "mj-text", "mj-button", "mj-table", "mj-raw", "mj-style", "mj-title", "mj-preview",
    "mj-navbar-link", "mj-accordion-title", "mj-accordion-text", "mj-social-element",
    "mj-carousel-image",
];
/// The elements that each element may contain.
const CHILDREN: &[(&str, &[&str])] = &[
    ("mjml", &["mj-head", "mj-body", "mj-raw"]),
    (
        "mj-head",
        &[
            "mj-attributes", "mj-breakpoint", "mj-font", "mj-preview", "mj-style", "mj-title",
            "mj-raw",
        ],
    ),
    ("mj-body", &["mj-section", "mj-wrapper", "mj-hero", "mj-raw"]),
    ("mj-wrapper", &["mj-section", "mj-hero", "mj-raw"]),
    ("mj-section", &["mj-column", "mj-group", "mj-raw"]),
    ("mj-group", &["mj-column", "mj-raw"]),
    ("mj-column", CONTENT),
    ("mj-hero", CONTENT),
    ("mj-accordion", &["mj-accordion-element", "mj-raw"]),
    ("mj-accordion-element", &["mj-accordion-title", "mj-accordion-text", "mj-raw"]),
    ("mj-carousel", &["mj-carousel-image"]),
    ("mj-navbar", &["mj-navbar-link", "mj-raw"]),
    ("mj-social", &["mj-social-element", "mj-raw"]),
];
const CONTENT: &[&str] = &[
    "mj-accordion", "mj-button", "mj-carousel", "mj-divider", "mj-image", "mj-navbar", "mj-raw",
    "mj-social", "mj-spacer", "mj-table", "mj-text",
];

/// An element of MJML.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    pub name: String,
    /// As written, in the same order.
    pub attributes: Vec<(String, String)>,
    /// The HTML of an element that holds HTML, trimmed.
    pub content: String,
    pub children: Vec<Node>,
    /// Where it begins, in bytes.
    pub at: usize,
}

impl Node {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    pub fn set(&mut self, name: &str, value: String) {
        match self.attributes.iter_mut().find(|(other, _)| other == name) {
            Some((_, old)) => *old = value,
            None => self.attributes.push((name.to_owned(), value)),
        }
    }

    pub fn child(&self, name: &str) -> Option<&Node> {
        self.children.iter().find(|child| child.name == name)
    }
}

/// Parses a source; errors have line numbers.
pub(in crate::domain) fn parse(source: &str) -> Result<Node, MjmlError> {
    read(source).map(|(root, _)| root)
}

/// Returns texts between elements that would not be shown, each with its line.
pub(in crate::domain) fn stray_texts(source: &str) -> Vec<(usize, String)> {
    read(source).map(|(_, strays)| strays).unwrap_or_default()
}

fn read(source: &str) -> Result<(Node, Vec<(usize, String)>), MjmlError> {
    let (open, strays) = (vec![Node::default()], Vec::new());
    let mut reader = Reader { source, open, held_from: 0, depth: 0, strays };
    for (token, span) in spanned_tokens(source) {
        reader.read(token, span)?;
    }
    let strays = std::mem::take(&mut reader.strays);
    Ok((reader.finish()?, strays))
}

struct Reader<'s> {
    source: &'s str,
    /// The enclosing elements; the first represents the document.
    open: Vec<Node>,
    /// Where the content of the innermost element begins, if it holds HTML.
    held_from: usize,
    /// The number of open HTML elements in it.
    depth: usize,
    strays: Vec<(usize, String)>,
}

impl<'s> Reader<'s> {
    fn fail<T>(&self, at: usize, message: String) -> Result<T, MjmlError> {
        Err(MjmlError { line: super::line_at(self.source, at), message })
    }

    fn inner(&self) -> &str {
        self.open.last().map_or("", |node| node.name.as_str())
    }

    fn read(&mut self, token: Token<'s>, span: Span) -> Result<(), MjmlError> {
        let is_held = HOLDERS.contains(&self.inner());
        match token {
            Token::Open(element) if is_held => self.open_held(&element),
            Token::Open(element) => self.open(element, span),
            Token::Close { name, at } if is_held && name != self.inner() => {
                self.depth = self.depth.saturating_sub(1);
                match name.starts_with("mj") {
                    true => self.close(&name, at),
                    false => Ok(()),
                }
            }
            Token::Close { name, at } => {
                if is_held {
                    let content = self.source[self.held_from..at].trim().to_owned();
                    if let Some(node) = self.open.last_mut() {
                        node.content = content;
                    }
                }
                self.close(&name, at)
            }
            Token::Text { .. } | Token::Comment if is_held => Ok(()),
            Token::Text { text, at } => self.text(text, at),
            Token::Comment => self.comment(span),
        }
    }

    /// Opens an element within an element that holds HTML.
    fn open_held(&mut self, element: &Element) -> Result<(), MjmlError> {
        let Element { name, at, is_empty, .. } = element;
        let holder = self.inner().to_owned();
        self.known(name, *at)?;
        if name.starts_with("mj-") {
            let message = format!(
                "<{name}> stands in <{holder}> of line {}: is </{holder}> missing? Or move it into \
                 <{}>",
                super::line_at(self.source, self.held_from),
                home(name)
            );
            return self.fail(*at, message);
        }
        self.depth += usize::from(!is_empty);
        if self.depth > HTML_DEPTH_MAX {
            return self.fail(*at, format!("elements nest deeper than {HTML_DEPTH_MAX}"));
        }
        Ok(())
    }

    fn open(&mut self, element: Element, span: Span) -> Result<(), MjmlError> {
        let Element { name, attributes, at, .. } = element;
        let parent = self.inner().to_owned();
        let is_in_attributes = self.open.iter().any(|node| node.name == "mj-attributes");
        if name == "mj-include" {
            return self.fail(at, "mj-include is not offered, partials {{> name}} are".to_owned());
        }
        self.known(&name, at)?;
        if parent.is_empty() && name != "mjml" {
            return self.fail(at, format!("<{name}> stands outside <mjml>"));
        }
        let allowed = CHILDREN.iter().find(|(other, _)| *other == parent).map(|(_, them)| *them);
        let may_stand = parent.is_empty()
            || is_in_attributes
            || allowed.is_some_and(|allowed| allowed.contains(&name.as_str()));
        if !may_stand {
            let advice = match name.starts_with("mj") {
                true => format!("move it into <{}>", home(&name)),
                false => "put HTML into <mj-text>, or <mj-raw> between elements".to_owned(),
            };
            return self.fail(at, format!("<{name}> must not stand in <{parent}>; {advice}"));
        }
        let is_refused = |no: &str| NOT_OFFERED.contains(&no) && (name != WITH_GAP || no != "gap");
        if let Some((no, _)) = attributes.iter().find(|(no, _)| is_refused(no)) {
            let message = format!("the attribute `{no}` is not offered; use padding, or mj-spacer");
            return self.fail(at, message);
        }
        if self.open.len() > DEPTH_MAX {
            return self.fail(at, format!("elements nest deeper than {DEPTH_MAX}"));
        }
        // If an attribute occurs twice, the first one counts.
        let mut all: Vec<(String, String)> = Vec::new();
        for (name, value) in attributes {
            if !all.iter().any(|(other, _)| *other == name) {
                all.push((name, value.to_owned()));
            }
        }
        let attributes = all;
        let node = Node { name, attributes, at, ..Node::default() };
        let is_closed = self.source[..span.end].ends_with("/>");
        self.open.push(node);
        (self.held_from, self.depth) = (span.end, 0);
        if is_closed { self.leave() } else { Ok(()) }
    }

    /// Keeps comments that Outlook reads, and drops the others.
    fn comment(&mut self, span: Span) -> Result<(), MjmlError> {
        let (comment, at) = (&self.source[span.clone()], span.start);
        let is_for_outlook = comment.starts_with("<!--[if") || comment.starts_with("<!--<![endif");
        let is_among_elements = CHILDREN.iter().any(|(name, _)| *name == self.inner());
        match is_for_outlook && is_among_elements && self.open.len() > 2 {
            true => self.raw(comment, at),
            false => Ok(()),
        }
    }

    /// Adds text that goes unchanged into the HTML.
    fn raw(&mut self, content: &str, at: usize) -> Result<(), MjmlError> {
        let (name, content) = ("mj-raw".to_owned(), content.to_owned());
        if let Some(node) = self.open.last_mut() {
            node.children.push(Node { name, content, at, ..Node::default() });
        }
        Ok(())
    }

    fn known(&self, name: &str, at: usize) -> Result<(), MjmlError> {
        if !name.starts_with("mj") || ELEMENTS.contains(&name) {
            return Ok(());
        }
        let near = nearest(name, ELEMENTS.iter().copied());
        let advice = near.map(|near| format!("; did you mean <{near}>?")).unwrap_or_default();
        self.fail(at, format!("there is no element <{name}>{advice}"))
    }

    fn text(&mut self, text: &str, at: usize) -> Result<(), MjmlError> {
        let is_outside = self.open.len() == 1;
        let begin = at + text.len() - text.trim_start().len();
        let text = text.trim();
        if text.is_empty() || (is_outside && text.starts_with("<?xml")) {
            return Ok(());
        }
        let allowed = CHILDREN.iter().find(|(name, _)| *name == self.inner());
        let may_be_raw = allowed.is_some_and(|(_, allowed)| allowed.contains(&"mj-raw"));
        if may_be_raw && self.inner() != "mjml" && is_only_tags(text) {
            return self.raw(text, begin);
        }
        if let Some(tag) = text.find('<') {
            let message = "this tag does not end: a quote or a `>` is missing".to_owned();
            return self.fail(begin + tag, message);
        }
        if !is_outside {
            let excerpt = text.lines().next().unwrap_or_default().chars().take(60).collect();
            self.strays.push((super::line_at(self.source, begin), excerpt));
            return Ok(());
        }
        match text.contains("{{") {
            true => Ok(()),
            false => self.fail(begin, "has no <mjml> element".to_owned()),
        }
    }

    fn close(&mut self, name: &str, at: usize) -> Result<(), MjmlError> {
        self.known(name, at)?;
        let Some(node) = self.open.last().filter(|_| self.open.len() > 1) else {
            return self.fail(at, format!("</{name}> closes nothing"));
        };
        if node.name != name {
            let line = super::line_at(self.source, node.at);
            let other = &node.name;
            let message = format!("</{name}> comes while <{other}> of line {line} is open");
            return self.fail(at, message);
        }
        self.leave()
    }

    fn leave(&mut self) -> Result<(), MjmlError> {
        if let (Some(node), Some(parent)) = (self.open.pop(), self.open.last_mut()) {
            parent.children.push(node);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Node, MjmlError> {
        if let Some(node) = self.open.get(1) {
            let node = self.open.last().unwrap_or(node);
            return self.fail(node.at, format!("<{}> is never closed", node.name));
        }
        let document = self.open.pop().unwrap_or_default();
        let Some(root) = document.children.into_iter().next() else {
            return Err(MjmlError { line: 1, message: "has no <mjml> element".to_owned() });
        };
        match root.child("mj-body") {
            Some(_) => Ok(root),
            None => Err(MjmlError { line: 1, message: "has no <mj-body> element".to_owned() }),
        }
    }
}

/// Returns whether a text consists of Handlebars tags only, which are allowed between elements.
fn is_only_tags(text: &str) -> bool {
    let mut at = 0;
    while text[at..].starts_with("{{") {
        at = dialect::tag_end(text, at);
        at += text[at..].len() - text[at..].trim_start().len();
    }
    at == text.len()
}

/// Returns the element that usually contains this one.
fn home(name: &str) -> &'static str {
    let home = CHILDREN.iter().find(|(_, children)| children.contains(&name));
    home.map_or("mj-attributes", |(home, _)| *home)
}
