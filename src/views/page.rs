//! What all pages of the house share: the document's head, the style, the web app's frame, and
//! the headers they must be served with.

use crate::domain::base::language::Language;

/// The style sheet of every page of the house.
pub const STYLE: &str = include_str!("html/style.css");

/// The `Content-Security-Policy` of the house's pages: no script, nothing from elsewhere.
pub const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The policy of landing pages: no script, forms to us only; styles in the page, pictures and
/// fonts from anywhere.
pub const LANDING_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; \
     img-src 'self' data: https:; font-src data: https:; media-src https:; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'self'";

/// The policy of a mailbox message's page: the framed mail inherits it and may show pictures; its
/// frame lets it send no form.
pub const MAILBOX_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; \
     img-src data: http: https:; font-src https:; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'";

/// The policy of the sign-in page: as that of the house, and our own script.
pub const SIGN_IN_POLICY: &str = "default-src 'none'; script-src 'self'; \
     style-src 'unsafe-inline'; img-src data:; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'";

/// The policy of a message's preview: as that of the mailbox, and its form goes to us.
pub const PREVIEW_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; \
     img-src data: https:; font-src https:; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'";

/// The head of a document.
pub(super) struct Page {
    pub(super) language: Language,
    pub(super) title: String,
    pub(super) style: &'static str,
}

impl Page {
    pub(super) fn new(language: Language, title: impl Into<String>) -> Self {
        Self { language, title: title.into(), style: STYLE }
    }
}

/// Where in the web app a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// The list of campaigns and their reports.
    Campaigns,
    /// The list of suppressed addresses.
    Suppressions,
    /// What the queues gave up.
    DeadLetters,
    /// The local mailbox.
    Mailbox,
}

/// What stands around every page of the web app.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// The reader's language. Links carry it on as `?lang=`.
    pub language: Language,
    /// The section that is marked as open.
    pub section: Section,
    /// Whether this deployment keeps a mailbox, and so shows a link to it.
    pub has_mailbox: bool,
    /// Whether the reader can sign out; on one's own machine the mailbox is shown to anybody.
    pub is_signed_in: bool,
}

impl Frame {
    /// An address within the web app that keeps the language.
    pub(super) fn href(&self, path: &str) -> String {
        format!("{path}?lang={}", self.language.tag())
    }

    pub(super) fn other(&self) -> Language {
        other(self.language)
    }

    pub(super) fn is_campaigns(&self) -> bool {
        self.section == Section::Campaigns
    }

    pub(super) fn is_suppressions(&self) -> bool {
        self.section == Section::Suppressions
    }

    pub(super) fn is_dead_letters(&self) -> bool {
        self.section == Section::DeadLetters
    }

    pub(super) fn is_mailbox(&self) -> bool {
        self.section == Section::Mailbox
    }
}

/// The language a switch leads to.
pub(super) fn other(language: Language) -> Language {
    language.pick(Language::Chinese, Language::English)
}
