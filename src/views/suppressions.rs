//! The list of suppressed addresses, in the web app.

use super::format;
use super::page::{Frame, Page};
use super::render;
use crate::domain::contact::suppression::{Listed, SuppressionReason};
use crate::domain::report::reason::in_words;
use askama::Template;

/// The number of entries per page.
pub const ENTRIES_A_PAGE: usize = 100;

/// The data of the page.
pub struct SuppressionsView<'a> {
    /// The surrounding web app.
    pub frame: Frame,
    /// The entries of this page, and one more if another page follows.
    pub entries: &'a [Listed],
    /// The page number, from 1.
    pub page: usize,
    /// The only reason shown; `None` for all.
    pub reason: Option<SuppressionReason>,
    /// Why the last operation was not done; empty for none.
    pub said: &'a str,
    /// The address whose suppression was not done; empty for none.
    pub typed: &'a str,
}

/// Renders the page.
pub fn suppressions(view: &SuppressionsView) -> String {
    let language = view.frame.language;
    let row = |entry: &Listed| {
        let until = entry.until.map(|until| format::moment(until, "UTC", language));
        let is_strict =
            matches!(entry.reason, SuppressionReason::Complained | SuppressionReason::Erased);
        Row {
            address: entry.address.clone(),
            reason: in_words(entry.reason.as_str(), language),
            source: match entry.source.as_str() {
                "web app" => language.pick("web app", "管理后台").to_owned(),
                source => source.to_owned(),
            },
            at: format::moment(entry.at, "UTC", language),
            until: until.unwrap_or_else(|| language.pick("for good", "永久").to_owned()),
            is_hash: entry.address.starts_with('#'),
            is_strict,
        }
    };
    let reason = view.reason.map_or("", SuppressionReason::as_str);
    let other_page = |page: usize| {
        let path = view.frame.href("/admin/suppressions");
        format!("{path}&reason={reason}&page={page}")
    };
    let has_next = view.entries.len() > ENTRIES_A_PAGE;
    let reasons = SuppressionReason::ALL.map(|one| Choice {
        value: one.as_str(),
        label: in_words(one.as_str(), language),
        is_chosen: view.reason == Some(one),
    });
    render(&SuppressionsTemplate {
        page: Page::new(language, language.pick("Suppressed addresses", "禁发名单")),
        frame: view.frame,
        rows: view.entries.iter().take(ENTRIES_A_PAGE).map(row).collect(),
        reasons: reasons.into(),
        number: view.page,
        before: (view.page > 1).then(|| other_page(view.page - 1)),
        next: has_next.then(|| other_page(view.page + 1)),
        said: view.said,
        typed: view.typed,
        is_narrowed: view.reason.is_some(),
    })
}

#[derive(Template)]
#[template(path = "suppressions.html")]
struct SuppressionsTemplate<'a> {
    page: Page,
    frame: Frame,
    rows: Vec<Row>,
    reasons: Vec<Choice>,
    number: usize,
    before: Option<String>,
    next: Option<String>,
    said: &'a str,
    typed: &'a str,
    is_narrowed: bool,
}

struct Row {
    address: String,
    reason: String,
    source: String,
    at: String,
    until: String,
    is_hash: bool,
    is_strict: bool,
}

struct Choice {
    value: &'static str,
    label: String,
    is_chosen: bool,
}
