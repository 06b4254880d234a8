//! Templates: Handlebars sources for pages, e-mails and SMS, checked at publish, rendered at send.

use serde::{Deserialize, Serialize};

/// A compiled template: MJML has become HTML, Handlebars tags are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TemplateSource {
    /// A whole HTML document for a landing page.
    Page(String),
    /// A fragment that other templates include with `{{> name}}`.
    Partial(String),
    /// The three parts of an e-mail.
    Email {
        /// The subject line; plain text.
        subject: String,
        /// HTML made from MJML.
        html: String,
        /// The plain-text alternative.
        text: String,
    },
    /// The text of a short message.
    Sms(String),
}
