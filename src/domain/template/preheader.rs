//! The preheader: the text that mailboxes show after the subject. It is hidden at the top of a
//! mail.

use super::dialect;

/// The number of pairs of invisible characters after the preheader. They are more than any mailbox
/// shows, so that none fills the line with the beginning of the body.
const PADDING: usize = 110;
/// A joiner without effect, and a non-breaking space.
const PAD: &str = "\u{34f}\u{200c}\u{a0}";

/// Inserts a preheader at the top of the body. The preheader is plain text with Handlebars tags.
pub fn with_preheader(html: &str, preheader: &str) -> String {
    let words = escaped(&preheader.split_whitespace().collect::<Vec<_>>().join(" "));
    let hidden = format!(
        "<div style=\"display:none;max-height:0;max-width:0;overflow:hidden;opacity:0;\
         font-size:1px;line-height:1px;mso-hide:all\">{words}{}</div>",
        PAD.repeat(PADDING)
    );
    let body = html.find("<body").and_then(|at| Some(at + html[at..].find('>')? + 1));
    let at = body.unwrap_or_default();
    format!("{}{hidden}{}", &html[..at], &html[at..])
}

/// Escapes text as HTML; tags are left alone, because their values are escaped when rendering.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let tag = text[at..].find("{{").map_or(text.len(), |found| at + found);
        let words = text[at..tag].replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        out.push_str(&words);
        at = tag;
        if at < text.len() {
            let end = dialect::tag_end(text, at);
            out.push_str(&text[at..end]);
            at = end;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preheader_is_hidden_padded_and_escaped() {
        let html =
            with_preheader("<html><body class=\"x\">Hi</body>", "Tom & {{upper \"<a>\"}}\n<b>");
        assert!(html.starts_with("<html><body class=\"x\"><div style=\"display:none;"), "{html}");
        assert!(html.contains(">Tom &amp; {{upper \"<a>\"}} &lt;b&gt;\u{34f}"), "{html}");
        assert!(html.ends_with("\u{a0}</div>Hi</body>"), "{html}");
        assert!(with_preheader("Hi", "x").starts_with("<div"));
    }
}
