//! Compiles MJML to HTML. Handlebars tags pass through unchanged.
//!
//! The engine, `mrml`, gets only the layout. Contents of elements, and values that it would change,
//! are replaced by placeholders for its run, and attributes are resolved beforehand.

mod fonts;
mod heroes;
mod inline;
mod resolve;
mod tree;
mod widths;
mod wrappers;

pub(in crate::domain) use fonts::fetched_fonts;
pub(in crate::domain) use tree::stray_texts;

use super::{TEMPLATE_BYTES_MAX, dialect};
use mrml::prelude::render::RenderOptions;
use std::collections::HashMap;
use std::fmt;
use tree::Node;

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
/// The prefix and suffix of a placeholder's number.
const ASIDE: (&str, &str) = ("~aside-", "~");

/// The reason why MJML could not be compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MjmlError {
    /// From 1.
    pub line: usize,
    pub message: String,
}

impl fmt::Display for MjmlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for MjmlError {}

/// Compiles MJML to HTML. Refuses includes of other files; partials replace them.
pub fn compile_mjml(source: &str) -> Result<String, MjmlError> {
    let fail = |message: String| MjmlError { line: 1, message };
    if source.len() > TEMPLATE_BYTES_MAX {
        return Err(fail(format!("{} bytes; the limit is {TEMPLATE_BYTES_MAX}", source.len())));
    }
    let source = source.replace(ASIDE.0, "");
    let mut root = tree::parse(&source)?;
    resolve::resolve(&mut root);
    widths::size_pictures(&mut root);
    heroes::prepare(&mut root);
    wrappers::prepare(&mut root);
    let styles = inline::take_styles(&mut root);
    let fonts = fonts::take(&mut root);
    let mut writer = Writer::default();
    writer.root(&root);
    let parsed = mrml::parse(&writer.mjml).map_err(|error| fail(error.to_string()))?;
    let options = RenderOptions { fonts: HashMap::new(), ..RenderOptions::default() };
    let html = parsed.element.render(&options).map_err(|error| fail(error.to_string()))?;
    // With the engine's comma, no mail client would show the arrows of a carousel.
    let html = html.replace("@media screen, yahoo", "@media screen yahoo");
    let html = heroes::with_ratios(&widths::floor_columns(html));
    let html = fonts::with_fonts(&writer.restored(&html), &fonts, &styles);
    Ok(inline::inlined(&html, &styles))
}

/// Writes a tree as the MJML that the engine gets.
#[derive(Default)]
struct Writer {
    mjml: String,
    /// The replaced contents, by number.
    aside: Vec<String>,
}

impl Writer {
    /// Writes the root, without attributes that the engine does not know, such as `version`.
    fn root(&mut self, root: &Node) {
        let known = |name: &str| matches!(name, "lang" | "dir" | "owa");
        let attributes = root.attributes.iter().filter(|(name, _)| known(name)).cloned().collect();
        // The head comes first because the body depends on it.
        let mut children = root.children.clone();
        children.sort_by_key(|child| child.name != "mj-head");
        self.node(&Node { name: root.name.clone(), attributes, children, ..Node::default() });
    }

    fn node(&mut self, node: &Node) {
        self.mjml.push_str(&format!("<{}", node.name));
        for (name, value) in &node.attributes {
            // The engine writes values as Rust debug strings: a backslash twice, a joiner as
            // `\u{200d}`.
            let is_changed = format!("{value:?}").len() != value.len() + 2;
            let value = match is_changed || value.contains(['<', '>', '&', '"', '{']) {
                true => self.put_aside(quoted(value)),
                false => value.clone(),
            };
            // The engine drops `sizes`, without which a browser selects another image.
            let value = match node.attribute("sizes").filter(|_| name == "srcset") {
                Some(sizes) => format!("{value}{}", self.put_aside(sizes_after(sizes))),
                None => value,
            };
            self.mjml.push_str(&format!(" {name}=\"{value}\""));
        }
        self.mjml.push('>');
        if !node.content.is_empty() {
            // A title is also used as an attribute.
            let content = match node.name == "mj-title" {
                true => quoted(&node.content),
                false => node.content.clone(),
            };
            let content = self.put_aside(content);
            self.mjml.push_str(&content);
        }
        node.children.iter().for_each(|child| self.node(child));
        self.mjml.push_str(&format!("</{}>", node.name));
    }

    fn put_aside(&mut self, text: String) -> String {
        self.aside.push(text);
        format!("{}{}{}", ASIDE.0, self.aside.len() - 1, ASIDE.1)
    }

    /// Replaces the placeholders in HTML by the original contents.
    fn restored(&self, html: &str) -> String {
        let mut out = String::with_capacity(html.len() * 2);
        let mut rest = html;
        while let Some((before, after)) = rest.split_once(ASIDE.0) {
            out.push_str(before);
            let (number, after) = after.split_once(ASIDE.1).unwrap_or((after, ""));
            let text = number.parse().ok().and_then(|number: usize| self.aside.get(number));
            out.push_str(text.map_or("", String::as_str));
            rest = after;
        }
        out + rest
    }
}

/// Returns the attribute `sizes` as text to append to the preceding attribute's value.
fn sizes_after(sizes: &str) -> String {
    format!("\" sizes=\"{}", quoted(sizes))
}

/// Escapes a value for double quotes; its tags stay unchanged.
fn quoted(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut at = 0;
    while let Some(start) = value[at..].find("{{").map(|found| at + found) {
        let end = dialect::tag_end(value, start);
        out.push_str(&value[at..start].replace('"', "&quot;"));
        out.push_str(&value[start..end]);
        at = end;
    }
    out + &value[at..].replace('"', "&quot;")
}

fn line_at(source: &str, at: usize) -> usize {
    1 + source.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count()
}
