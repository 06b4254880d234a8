//! Links to our own domain: whether a page of the campaign is there.

use super::{Findings, LintCode, TemplateSource};
use crate::domain::campaign::Campaign;
use crate::domain::form::form_data::percent_decode;
use crate::domain::publication::validate::{is_reserved, normal_path};
use crate::domain::template::markup::{Token, decoded, tokens};

/// Looks at every part that is written by hand. What is derived from another part has its links.
pub(super) fn look(found: &mut Findings, written: &TemplateSource, campaign: &Campaign) {
    for (part, text, _) in written.parts() {
        // Links after the variable, which is our address wherever it stands.
        for (at, _) in text.match_indices("base_url") {
            let rest = text[at + "base_url".len()..].trim_start();
            if text[..at].trim_end().ends_with("{{")
                && let Some(rest) = rest.strip_prefix("}}")
            {
                let end = |c: char| c.is_whitespace() || "\"'<>()）】，。；".contains(c);
                page(found, campaign, part, (text, at), rest.split(end).next().unwrap_or_default());
            }
        }
        // A page, and a piece of one, is on our domain itself.
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

/// Warns of a path that no page has. One that a value is part of may be any page.
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
