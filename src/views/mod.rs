//! Built-in HTML: the form inside landing pages, the pages around it, and the web app. Data in,
//! text out; the templates in `html/` escape every value.

pub mod page;
pub mod form;
pub mod landing;
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

/// Renders a template. It cannot fail: everything that templates call is infallible, and a `String`
/// accepts any text. If that ever changes, the page is empty instead of the isolate crashing.
fn render(template: &impl Template) -> String {
    template.render().unwrap_or_default()
}
