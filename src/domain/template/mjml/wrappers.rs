//! The content between the sections of a wrapper. The engine writes it into a comment that only
//! Outlook reads, and does not support `gap`.

use super::dialect;
use super::tree::Node;
use super::widths::leading;

/// What the engine leaves open between two sections, and how it is closed.
const OUTLOOK: (&str, &str) = ("<!--[if mso | IE]>", "<![endif]-->");

/// Makes the content between sections visible, and separates them by `gap`.
pub(super) fn prepare(root: &mut Node) {
    for body in root.children.iter_mut().filter(|node| node.name == "mj-body") {
        for wrapper in body.children.iter_mut().filter(|node| node.name == "mj-wrapper") {
            wrap(wrapper);
        }
    }
}

fn wrap(wrapper: &mut Node) {
    let gap = wrapper.attribute("gap").and_then(leading).filter(|gap| *gap > 0.0);
    wrapper.attributes.retain(|(name, _)| name != "gap");
    let mut is_first = true;
    for mut child in std::mem::take(&mut wrapper.children) {
        if child.name == "mj-raw" {
            if !is_only_blocks(&child.content) {
                child.content = format!("{}{}{}", OUTLOOK.1, child.content, OUTLOOK.0);
            }
        } else {
            wrapper.children.extend(gap.filter(|_| !is_first).map(spacer));
            is_first = false;
        }
        wrapper.children.push(child);
    }
}

/// Returns a row that has only a height.
fn spacer(height: f64) -> Node {
    let style = format!("height:{height}px;line-height:{height}px;font-size:0px;");
    let content = format!(
        "<tr><td style=\"{style}\">{}<div style=\"{style}\">&#8202;</div>{}</td></tr>",
        OUTLOOK.1, OUTLOOK.0
    );
    Node { name: "mj-raw".to_owned(), content, ..Node::default() }
}

/// Returns whether a text consists of `{{#if …}}` and similar tags only, which show nothing
/// themselves.
fn is_only_blocks(text: &str) -> bool {
    let mut rest = text.trim();
    while rest.starts_with("{{") {
        let (tag, after) = rest.split_at(dialect::tag_end(rest, 0));
        let inside = tag.trim_start_matches(['{', '~', ' ']);
        if !inside.starts_with(['#', '/', '^', '!']) && !inside.starts_with("else") {
            return false;
        }
        rest = after.trim_start();
    }
    rest.is_empty()
}
