//! The default style of landing pages, so that a page of a few lines of HTML looks decent.

/// The style sheet of pages without one.
const STYLE: &str = include_str!("html/landing.css");

/// Makes phones show a page at their own width.
const VIEWPORT: &str = r#"<meta name="viewport" content="width=device-width, initial-scale=1">"#;

/// Adds the default style to a page that has no `<style>`. A page with one is left as it is.
pub fn styled(html: String) -> String {
    let lower = html.to_ascii_lowercase();
    if lower.contains("<style") {
        return html;
    }
    let place = ["<head", "<html", "<!doctype"].iter().find_map(|tag| end_of_tag(&lower, tag));
    let (before, after) = html.split_at(place.unwrap_or(0));
    let viewport = if lower.contains("viewport") { "" } else { VIEWPORT };
    format!("{before}{viewport}<style>{STYLE}</style>{after}")
}

/// Returns where the first tag ends that begins so. `<head` does not find `<header>`.
fn end_of_tag(html: &str, beginning: &str) -> Option<usize> {
    let is_whole = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_alphanumeric());
    let mut starts = html.match_indices(beginning).map(|(at, _)| at + beginning.len());
    let start = starts.find(|start| is_whole(&html[*start..]))?;
    Some(start + html[start..].find('>')? + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_without_style_get_the_default() {
        let own = "<html><head><STYLE>p{}</STYLE></head><p>Hello</p></html>".to_owned();
        assert_eq!(styled(own.clone()), own);
        let added = format!("{VIEWPORT}<style>{STYLE}</style>");
        for page in [
            "<!DOCTYPE html><html lang=\"en\"><HEAD data-x=\"\">|<title>T</title></head></html>",
            "<!doctype html><html lang=\"en\">|<body><header>T</header></body></html>",
            "<!doctype html>|<p>Hello</p>",
            "|<p>Hello</p>",
        ] {
            assert_eq!(styled(page.replace('|', "")), page.replace('|', &added));
        }
        let meta = "<head><meta name=\"viewport\" content=\"width=600\"></head>".to_owned();
        assert!(!styled(meta).contains(VIEWPORT), "a page may have a viewport of its own");
    }
}
