//! Widths of images, computed as by mjml; the engine rounds differently.

use super::tree::Node;

/// The most columns of a group whose widths are corrected.
const COLUMNS_MAX: u8 = 24;

/// Sets the width of each image of the body.
pub(super) fn size_pictures(root: &mut Node) {
    for body in root.children.iter_mut().filter(|node| node.name == "mj-body") {
        let width = body.attribute("width").and_then(leading).unwrap_or(600.0);
        walk_children(body, width);
    }
}

fn walk_children(node: &mut Node, container: f64) {
    let siblings = node.children.iter().filter(|child| child.name != "mj-raw").count();
    node.children.iter_mut().for_each(|child| walk(child, container, siblings));
}

fn walk(node: &mut Node, container: f64, siblings: usize) {
    let paddings = side(node, "padding", "left") + side(node, "padding", "right");
    let borders = border(node, "border", "left") + border(node, "border", "right");
    let inside = match node.name.as_str() {
        "mj-section" | "mj-wrapper" => container.trunc() - paddings - borders,
        "mj-column" => {
            let inner =
                border(node, "inner-border", "left") + border(node, "inner-border", "right");
            share(node, container, siblings) - (paddings + borders + inner)
        }
        "mj-group" => share(node, container, siblings) - paddings,
        "mj-hero" => container - paddings,
        "mj-image" => {
            let room = container.trunc() - paddings - borders;
            let asked = node.attribute("width").map(str::to_owned);
            if asked.as_ref().is_none_or(|asked| !asked.contains("{{")) {
                let asked = asked.as_deref().and_then(leading).map_or(room, f64::trunc);
                node.set("width", format!("{}px", asked.min(room)));
            }
            return;
        }
        _ => return,
    };
    walk_children(node, inside);
}

/// Rounds the widths of columns of a group on phones down to whole percentages: fractions would not
/// always fit beside each other.
pub(super) fn floor_columns(html: String) -> String {
    (3..=COLUMNS_MAX).fold(html, |html, columns| {
        let (part, whole) = (100.0 / f32::from(columns), 100 / columns);
        html.replace(&format!(";width:{part}%;"), &format!(";width:{whole}%;"))
    })
}

/// Returns the width that a column or a group takes of its container.
fn share(node: &Node, container: f64, siblings: usize) -> f64 {
    let Some(width) = node.attribute("width") else { return container / siblings.max(1) as f64 };
    let number = leading(width).unwrap_or_default();
    if width.trim().ends_with('%') { container * number / 100.0 } else { number }
}

/// Returns one side of a property that has four.
pub(super) fn side(node: &Node, name: &str, side: &str) -> f64 {
    let whole = |text: &str| leading(text).unwrap_or_default().trunc();
    if let Some(one) = node.attribute(&format!("{name}-{side}")).filter(|one| !one.is_empty()) {
        return whole(one);
    }
    let said: Vec<&str> = node.attribute(name).unwrap_or_default().split_whitespace().collect();
    match (said[..].len(), side) {
        (0, _) => 0.0,
        (1, _) | (_, "top") | (2, "bottom") => whole(said[0]),
        (_, "bottom") => whole(said[2]),
        (2 | 3, _) | (_, "right") => whole(said[1]),
        _ => whole(said[3]),
    }
}

/// Returns the width of a border on one side: its first number.
fn border(node: &Node, name: &str, side: &str) -> f64 {
    let one = node.attribute(&format!("{name}-{side}")).filter(|one| !one.is_empty());
    let said = one.or(node.attribute(name)).unwrap_or_default();
    said.split(' ').find_map(leading).unwrap_or_default().trunc()
}

/// Returns the number at the beginning of a text.
pub(super) fn leading(text: &str) -> Option<f64> {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-'));
    text[..end.unwrap_or(text.len())].parse().ok()
}
