//! What mail clients do not show, or show differently: style sheets, elements, dark mode.
//!
//! The support of each client is from the data of caniemail.com (June 2026). Only features whose
//! absence does harm are listed, and only for Gmail, Outlook and Yahoo, in which most people read
//! mail.

use super::{Findings, LintCode};
use crate::domain::template::markup::{Element, Token, declarations, tokens};

const WINDOWS: &str = "Outlook for Windows";
const MOST: &str = "Gmail, Outlook, Yahoo";

/// A property, the beginning of its value (empty for any), and the clients that do not support it.
const PROPERTIES: &[(&str, &str, &str)] = &[
    ("display", "flex", WINDOWS),
    ("display", "inline-flex", WINDOWS),
    ("display", "grid", WINDOWS),
    ("display", "inline-grid", WINDOWS),
    ("grid-template-columns", "", "Gmail, Outlook, Yahoo"),
    ("position", "absolute", "Gmail, Outlook for Windows"),
    ("position", "fixed", "Gmail, Outlook for Windows"),
    ("position", "sticky", "Gmail, Outlook for Windows"),
    ("position", "relative", "Gmail, Outlook for Windows"),
    ("z-index", "", "Gmail, Outlook for Windows"),
    ("background-image", "", WINDOWS),
    ("float", "left", WINDOWS),
    ("float", "right", WINDOWS),
    ("opacity", "", WINDOWS),
    ("object-fit", "", "Outlook for Windows, Yahoo"),
    ("gap", "", "Outlook for Windows, Yahoo"),
    ("column-count", "", "Outlook for Windows, Yahoo"),
    ("animation", "", MOST),
    ("transform", "", MOST),
    ("filter", "", MOST),
    ("clip-path", "", MOST),
    ("shape-outside", "", MOST),
];
/// Functions that may occur anywhere in a value.
const FUNCTIONS: &[(&str, &str)] = &[
    ("var(", MOST),
    ("calc(", "Outlook, Yahoo"),
    ("clamp(", "Outlook, Yahoo"),
    ("linear-gradient(", "Outlook, Yahoo"),
    ("conic-gradient(", MOST),
];
/// Elements that clients remove.
const ELEMENTS: &[(&str, &str)] = &[
    ("svg", MOST),
    ("video", MOST),
    ("audio", MOST),
    ("object", MOST),
    ("embed", MOST),
    ("iframe", MOST),
    ("script", MOST),
    ("form", WINDOWS),
    ("input", WINDOWS),
    ("select", WINDOWS),
    ("textarea", WINDOWS),
];
/// The common notations of black and white.
const BLACK: &[&str] = &["#000", "#000000", "black", "rgb(0,0,0)"];
const WHITE: &[&str] = &["#fff", "#ffffff", "white", "rgb(255,255,255)"];

/// Checks the source as the author wrote it.
pub(super) fn written(found: &mut Findings, source: &str, tokens: &[Token]) {
    let line_of = |at: usize| 1 + source[..at].matches('\n').count();
    let mut sheet = false;
    for token in tokens {
        match token {
            Token::Open(element) => {
                let line = line_of(element.at);
                sheet = matches!(&*element.name, "style" | "mj-style");
                if let Some((name, clients)) = ELEMENTS.iter().find(|(n, _)| *n == element.name) {
                    let detail = format!("<{name}>: {clients}");
                    found.add("html", Some(line), LintCode::UnsupportedElement, detail);
                }
                for (name, value) in declarations(element.attribute("style").unwrap_or_default()) {
                    declaration(found, &name, &value, line);
                }
            }
            Token::Text { text, at } if sheet => style_sheet(found, text, line_of(*at)),
            _ => {}
        }
    }
    if !source.contains("color-scheme") {
        // The head is in the layout, if there is one.
        let head = source.find("<mj-head").or_else(|| source.find("<mjml"));
        found.add("html", head.map(line_of), LintCode::NoColorScheme, "");
    }
}

fn style_sheet(found: &mut Findings, text: &str, first: usize) {
    let line_of = |at: usize| first + text[..at].matches('\n').count();
    for (word, clients) in [("@import", "Gmail, Outlook.com, Yahoo"), ("@keyframes", MOST)] {
        if let Some(at) = text.find(word) {
            let detail = format!("{word}: {clients}");
            found.add("html", Some(line_of(at)), LintCode::UnsupportedCss, detail);
        }
    }
    let mut at = 0;
    for piece in text.split_inclusive(['{', '}', ';']) {
        let one = piece.trim_end_matches(['{', '}', ';']);
        // A selector may contain a colon too; a piece that ends with `{` is a selector.
        if !piece.ends_with('{')
            && let Some((name, value)) = declarations(one).next()
        {
            let begins = at + (one.len() - one.trim_start().len());
            declaration(found, &name, &value, line_of(begins));
        }
        at += piece.len();
    }
}

fn declaration(found: &mut Findings, name: &str, value: &str, line: usize) {
    let property = PROPERTIES
        .iter()
        .find(|(other, begins, _)| *other == name && value.starts_with(begins) && value != "none");
    let function = FUNCTIONS.iter().find(|(function, _)| value.contains(function));
    let image = name == "background" && value.contains("url(");
    let (what, clients) = match (property, function) {
        (Some((name, "", clients)), _) => ((*name).to_owned(), *clients),
        (Some((name, value, clients)), _) => (format!("{name}:{value}"), *clients),
        (None, Some((function, clients))) => (format!("{function})"), *clients),
        (None, None) if image => ("background:url()".to_owned(), WINDOWS),
        (None, None) => return,
    };
    found.add("html", Some(line), LintCode::UnsupportedCss, format!("{what}: {clients}"));
}

/// The colours that surround an element.
#[derive(Clone, Default)]
struct Around {
    name: String,
    color: Option<String>,
    background: Option<String>,
}

/// Checks the rendered colours: warns of those that a client's own background would hide.
pub(super) fn rendered(found: &mut Findings, html: &str) {
    let mut open: Vec<Around> = Vec::new();
    for token in tokens(html) {
        match token {
            Token::Open(element) if !element.is_empty => {
                let outer = open.last().cloned().unwrap_or_default();
                open.push(inside(&element, &outer));
            }
            Token::Close { name, .. } => {
                if let Some(at) = open.iter().rposition(|around| around.name == name) {
                    open.truncate(at);
                }
            }
            Token::Text { text, .. } if text.chars().any(char::is_alphanumeric) => {
                let is_shown =
                    !open.iter().any(|a| matches!(&*a.name, "head" | "style" | "title" | "hidden"));
                if let Some(around) = open.last().filter(|_| is_shown) {
                    colours(found, around);
                }
            }
            _ => {}
        }
    }
}

fn inside(element: &Element, outer: &Around) -> Around {
    let colour = |text: String| text.replace(' ', "").replace("!important", "");
    let background = element.style("background-color").or_else(|| element.style("background"));
    let background = background.or_else(|| element.attribute("bgcolor").map(str::to_lowercase));
    let background = background.map(colour).filter(|b| b != "transparent" && b != "none");
    let is_hidden = element.style("display").is_some_and(|display| display.starts_with("none"));
    Around {
        name: if is_hidden { "hidden".to_owned() } else { element.name.clone() },
        color: element.style("color").map(colour).or_else(|| outer.color.clone()),
        background: background.or_else(|| outer.background.clone()),
    }
}

fn colours(found: &mut Findings, around: &Around) {
    let Some(color) = &around.color else { return };
    match &around.background {
        None if BLACK.contains(&&**color) || WHITE.contains(&&**color) => {
            found.add("html", None, LintCode::TextWithoutBackground, color.as_str());
        }
        Some(background) if background == color => {
            found.add("html", None, LintCode::HiddenText, color.as_str());
        }
        _ => {}
    }
}
