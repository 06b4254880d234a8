//! Heroes, rendered as by mjml: the engine has another name for their fluid mode, omits the `%`
//! there, and ignores a padding without a unit.

use super::tree::Node;
use super::widths::side;

/// The beginning of the engine's fluid hero, before the number without a unit.
const RATIO: &str = "mso-padding-bottom-alt:0;padding-bottom:";

/// Translates the mode and the vertical padding of each hero for the engine.
pub(super) fn prepare(node: &mut Node) {
    node.children.iter_mut().for_each(prepare);
    if node.name != "mj-hero" {
        return;
    }
    if node.attribute("mode") == Some("fluid-height") {
        node.set("mode", "fluid".to_owned());
    }
    for edge in ["top", "bottom"] {
        let padding = side(node, "padding", edge);
        if padding > 0.0 {
            node.set(&format!("padding-{edge}"), format!("{padding}px"));
        }
    }
}

/// Corrects the height of fluid heroes in HTML to a whole percentage of their width.
pub(super) fn with_ratios(html: &str) -> String {
    let mut parts = html.split(RATIO);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (ratio, rest) = part.split_at(part.find(';').unwrap_or(0));
        out.push_str(RATIO);
        match ratio.parse::<f64>() {
            Ok(ratio) => out.push_str(&format!("{}%", ratio.round())),
            Err(_) => out.push_str(ratio),
        }
        out.push_str(rest);
    }
    out
}

#[cfg(test)]
mod tests {
    use crate::domain::template::compile_mjml;

    fn hero(attributes: &str) -> String {
        let text = "<mj-text>Hello</mj-text>";
        compile_mjml(&format!(
            "<mjml><mj-body><mj-hero {attributes}>{text}</mj-hero></mj-body></mjml>"
        ))
        .unwrap()
    }

    #[test]
    fn fluid_hero_keeps_the_image_ratio() {
        let html =
            hero(r#"mode="fluid-height" background-width="600px" background-height="125px""#);
        assert_eq!(html.matches("padding-bottom:21%;").count(), 2, "{html}");
        assert!(!html.contains("height=\"0\""), "{html}");
    }

    #[test]
    fn fixed_hero_height_includes_padding() {
        for padding in ["40px 0", "40px 0 40px", "40px", "30px 0 50px 0"] {
            let html = hero(&format!(r#"mode="fixed-height" height="200px" padding="{padding}""#));
            assert!(html.contains("height=\"120\""), "{padding}: {html}");
        }
    }
}
