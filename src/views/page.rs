//! What all built-in pages share: the document's head, the style, the web app's frame, and the
//! headers to serve them with.

use crate::domain::base::language::Language;

/// The style sheet of every built-in page.
pub const STYLE: &str = include_str!("html/style.css");

/// The `Content-Security-Policy` of built-in pages: no scripts, nothing from other sites.
pub const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The policy of landing pages: no scripts, forms only to us; styles in the page, images and fonts
/// from anywhere.
pub const LANDING_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; \
     img-src 'self' data: https:; font-src data: https:; media-src https:; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'self'";

/// The policy of a mailbox message's page: the framed mail inherits it and may show images; the
/// sandbox of the frame blocks forms.
pub const MAILBOX_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; \
     img-src data: http: https:; font-src https:; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'";

/// The policy of the sign-in page: that of built-in pages, plus our own script.
pub const SIGN_IN_POLICY: &str = "default-src 'none'; script-src 'self'; \
     style-src 'unsafe-inline'; img-src data:; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'";

/// The policy of a message's preview: like that of the mailbox, with a form that posts to us.
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

/// The section of the web app that a page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// The list of campaigns and their reports.
    Campaigns,
    /// The list of suppressed addresses.
    Suppressions,
    /// The dead letters of the queues.
    DeadLetters,
    Mailbox,
}

/// The frame around every page of the web app.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// The reader's language. Links pass it on as `?lang=`.
    pub language: Language,
    /// The section that is marked as open.
    pub section: Section,
    /// Whether this deployment has a mailbox, and so shows a link to it.
    pub has_mailbox: bool,
    /// Whether the reader can sign out. On a developer's machine, the mailbox is open to anybody.
    pub is_signed_in: bool,
}

impl Frame {
    /// Returns a URL within the web app that keeps the language.
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

/// Returns the language that the switch leads to.
pub(super) fn other(language: Language) -> Language {
    language.pick(Language::Chinese, Language::English)
}
