//! `<mj-style inline="inline">`: moves rules into the `style` attribute of the matching elements,
//! for mail clients that ignore style sheets.

use super::tree::Node;
use crate::domain::template::markup::{Token, spanned_tokens};
use css_inline::CSSInliner;

/// The attribute that numbers elements while their styles are computed.
const NUMBER: &str = "data-dripline";

/// Removes the rules to be inlined from the head and returns them.
pub(super) fn take_styles(root: &mut Node) -> String {
    let mut styles = String::new();
    let is_inline =
        |node: &Node| node.name == "mj-style" && node.attribute("inline") == Some("inline");
    for head in root.children.iter_mut().filter(|node| node.name == "mj-head") {
        for style in head.children.iter().filter(|node| is_inline(node)) {
            styles.push_str(&style.content);
            styles.push('\n');
        }
        head.children.retain(|node| !is_inline(node));
    }
    styles
}

/// Adds rules to the matching elements of HTML. The inliner gets a copy, and only the styles of its
/// result are used, because it would move parts that a Handlebars tag holds together.
pub(super) fn inlined(html: &str, styles: &str) -> String {
    if styles.trim().is_empty() {
        return html.to_owned();
    }
    let places = places(html);
    let mut copy = String::with_capacity(html.len() * 2);
    let mut at = 0;
    for (number, place) in places.iter().enumerate() {
        copy.push_str(&html[at..place.name_end]);
        copy.push_str(&format!(" {NUMBER}=\"{number}\""));
        at = place.name_end;
    }
    copy.push_str(&html[at..]);
    let options = CSSInliner::options().load_remote_stylesheets(false).inline_style_tags(false);
    let inliner = options.extra_css(Some(styles.into())).build();
    let Ok(copy) = inliner.inline(&copy) else { return html.to_owned() };
    let mut out = String::with_capacity(html.len() * 2);
    let mut at = 0;
    for (number, style) in styles_of(&copy) {
        let Some(place) = places.get(number).filter(|place| place.name_end >= at) else { continue };
        out.push_str(&html[at..place.name_end]);
        at = place.name_end;
        out.push_str(&format!(" style=\"{style}\""));
        if let Some((from, to)) = place.style {
            out.push_str(&html[at..from]);
            at = to;
        }
    }
    out + &html[at..]
}

/// Where an element's name ends, and the range of its style.
struct Place {
    name_end: usize,
    style: Option<(usize, usize)>,
}

fn places(html: &str) -> Vec<Place> {
    let mut places = Vec::new();
    for (token, span) in spanned_tokens(html) {
        let Token::Open(element) = token else { continue };
        let name_end = span.start + 1 + element.name.len();
        let style = element.attribute("style").map(|value| {
            // The value is a slice of the source.
            let from = value.as_ptr() as usize - html.as_ptr() as usize;
            let quote = usize::from(html[..from].ends_with(['"', '\'']));
            let before = html[name_end..from].to_ascii_lowercase();
            (name_end + before.rfind("style").unwrap_or_default(), from + value.len() + quote)
        });
        places.push(Place { name_end, style });
    }
    places
}

/// Returns the styles of the numbered elements, in order.
fn styles_of(copy: &str) -> Vec<(usize, String)> {
    let elements = spanned_tokens(copy).into_iter().filter_map(|(token, _)| match token {
        Token::Open(element) => {
            let number = element.attribute(NUMBER)?.parse().ok()?;
            Some((number, element.attribute("style")?.to_owned()))
        }
        _ => None,
    });
    let mut styles: Vec<(usize, String)> = elements.collect();
    styles.sort_by_key(|(number, _)| *number);
    styles
}
