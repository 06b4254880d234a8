//! Web fonts that a template uses and that a reader's mail client loads.

use super::tree::Node;
use crate::domain::template::markup::{Token, tokens};

/// Fonts whose URLs MJML knows.
const KNOWN: &[(&str, &str)] = &[
    ("Open Sans", "https://fonts.googleapis.com/css?family=Open+Sans:300,400,500,700"),
    ("Droid Sans", "https://fonts.googleapis.com/css?family=Droid+Sans:300,400,500,700"),
    ("Lato", "https://fonts.googleapis.com/css?family=Lato:300,400,500,700"),
    ("Roboto", "https://fonts.googleapis.com/css?family=Roboto:300,400,500,700"),
    ("Ubuntu", "https://fonts.googleapis.com/css?family=Ubuntu:300,400,500,700"),
];

/// Removes the fonts from the head and returns each name with its URL.
pub(super) fn take(root: &mut Node) -> Vec<(String, String)> {
    let mut fonts: Vec<(String, String)> =
        KNOWN.iter().map(|(name, url)| ((*name).to_owned(), (*url).to_owned())).collect();
    for head in root.children.iter_mut().filter(|node| node.name == "mj-head") {
        for font in head.children.iter().filter(|node| node.name == "mj-font") {
            let said = font.attribute("name").zip(font.attribute("href"));
            let Some((name, url)) = said else { continue };
            fonts.retain(|(other, _)| other != name);
            fonts.push((name.to_owned(), url.to_owned()));
        }
        head.children.retain(|node| node.name != "mj-font");
    }
    fonts
}

/// Makes HTML load the fonts that it uses.
pub(super) fn with_fonts(html: &str, fonts: &[(String, String)], styles: &str) -> String {
    let used = fonts.iter().filter(|(name, _)| is_used(html, name) || names(styles, name));
    let used: Vec<&String> = used.map(|(_, url)| url).collect();
    let Some(end) = html.find("</head>").filter(|_| !used.is_empty()) else {
        return html.to_owned();
    };
    let link =
        |url: &&String| format!("<link href=\"{url}\" rel=\"stylesheet\" type=\"text/css\">");
    let links: String = used.iter().map(link).collect();
    let imports: String = used.iter().map(|url| format!("@import url({url});")).collect();
    let tags = format!(
        "<!--[if !mso]><!-->{links}<style type=\"text/css\">{imports}</style><!--<![endif]-->"
    );
    format!("{}{tags}{}", &html[..end], &html[end..])
}

/// Returns whether an attribute in HTML names a font.
fn is_used(html: &str, name: &str) -> bool {
    html.split('"').skip(1).step_by(2).any(|value| names(value, name))
}

/// Returns whether CSS names a font.
fn names(css: &str, name: &str) -> bool {
    let (css, name) = (css.to_ascii_lowercase(), name.to_ascii_lowercase());
    css.split("font-family:").skip(1).any(|after| {
        after.split([';', '}']).next().is_some_and(|families| families.contains(&name))
    })
}

/// Returns the URLs from which HTML loads fonts or style sheets.
pub(in crate::domain) fn fetched_fonts(html: &str) -> Vec<String> {
    let tokens = tokens(html).into_iter();
    let links = tokens.filter_map(|token| match token {
        Token::Open(element) if element.name == "link" => {
            element.attribute("href").map(str::to_owned)
        }
        _ => None,
    });
    links.collect()
}
