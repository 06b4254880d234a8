//! Landing pages: what their policy, `views::page::LANDING_POLICY`, keeps from running or loading.

use super::{Findings, LintCode};
use crate::domain::template::markup::{Element, Token, tokens};

/// Checks every element of a page.
pub(super) fn check(found: &mut Findings, source: &str) {
    for token in tokens(source) {
        let Token::Open(element) = token else { continue };
        let line = Some(1 + source[..element.at].matches('\n').count());
        if let Some(script) = script(&element) {
            found.add("", line, LintCode::ScriptOnPage, script);
        }
        if let Some(blocked) = blocked(&element) {
            found.add("", line, LintCode::BlockedOnPage, blocked);
        }
    }
}

/// Returns what would run: a script, an event handler, a URL that is code.
fn script(element: &Element) -> Option<String> {
    // Data for search engines is read but never run.
    let is_data = element.attribute("type").is_some_and(|kind| kind.contains("json"));
    if element.name == "script" && !is_data {
        return Some("<script>".to_owned());
    }
    let is_handler = |name: &str| name.len() > 2 && name.starts_with("on");
    let handler = element.attributes.iter().find(|(name, _)| is_handler(name));
    let code = |(_, value): &&(String, &str)| {
        value.trim_start().to_ascii_lowercase().starts_with("javascript:")
    };
    let code = element.attributes.iter().find(code);
    handler.or(code).map(|(name, _)| format!("{name}=\"…\""))
}

fn blocked(element: &Element) -> Option<String> {
    let href = element.attribute("href").unwrap_or_default();
    let rel = element.attribute("rel").unwrap_or_default().to_ascii_lowercase();
    match &*element.name {
        "link" if rel.contains("stylesheet") => Some(format!("<link href=\"{href}\">")),
        "iframe" | "frame" | "object" | "embed" => Some(format!("<{}>", element.name)),
        _ => None,
    }
}
