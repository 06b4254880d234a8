//! Links to our own domain: whether the campaign has a page at the path.

use super::{Findings, LintCode, TemplateSource};
use crate::domain::campaign::Campaign;
use crate::domain::form::form_data::percent_decode;
use crate::domain::publication::validate::{is_reserved, normal_path};
use crate::domain::template::markup::{Token, decoded, tokens};

/// Checks every part that is written by hand. A derived part has the links of the part that it is
/// derived from.
pub(super) fn check(found: &mut Findings, written: &TemplateSource, campaign: &Campaign) {
    for (part, text, _) in written.parts() {
        // Links that begin with the variable, which is our URL in any context.
        for (at, _) in text.match_indices("base_url") {
            let rest = text[at + "base_url".len()..].trim_start();
            if text[..at].trim_end().ends_with("{{")
                && let Some(rest) = rest.strip_prefix("}}")
            {
                let end = |c: char| c.is_whitespace() || "\"'<>()）】，。；".contains(c);
                page(found, campaign, part, (text, at), rest.split(end).next().unwrap_or_default());
            }
        }
        // In a page or a partial, a relative link leads to our own domain.
        if matches!(written, TemplateSource::Page(_) | TemplateSource::Partial(_)) {
            for token in tokens(text) {
                let Token::Open(element) = token else { continue };
                let href = element.attribute("href").filter(|_| element.name == "a");
                if let Some(href) = href.filter(|h| h.starts_with('/') && !h.starts_with("//")) {
                    page(found, campaign, part, (text, element.at), href);
                }
            }
        }
    }
}

/// Warns of a path that no page has. A path that contains a value may be any page.
fn page(
    found: &mut Findings,
    campaign: &Campaign,
    part: &str,
    (text, at): (&str, usize),
    link: &str,
) {
    let link = decoded(link);
    let path = link.split(['?', '#']).next().unwrap_or_default();
    let path = percent_decode(path).unwrap_or_else(|| path.to_owned());
    let path = normal_path(&path);
    if path.contains("{{") || is_reserved(path) {
        return;
    }
    let mut pages = campaign.pages.values();
    if !pages.any(|page| normal_path(&page.path) == path) {
        let line = 1 + text[..at].matches('\n').count();
        found.add(part, Some(line), LintCode::DeadPage, path);
    }
}
