//! HTML that the house itself renders: the form inside landing pages, the pages around it, and
//! the web app. Data in, text out; every value is escaped by the templates in `html/`.

pub mod page;
pub mod form;
pub mod visitor;
pub mod preferences;
pub mod mail;
pub mod mailbox;
pub mod admin;
pub mod report;
pub mod preview;
pub mod broadcast;
pub mod suppressions;
pub mod dead_letters;
pub mod format;

#[cfg(test)]
mod tests;

use askama::Template;

/// Renders a template. It cannot fail: all that templates call is infallible and a `String` takes
/// everything; should that ever change, the page is empty rather than the isolate dead.
fn render(template: &impl Template) -> String {
    template.render().unwrap_or_default()
}
