//! The parts that the pages of the web app share.

use crate::edge::app::App;
use crate::edge::http::request::Inbound;
use crate::edge::http::response::Reply;
use crate::edge::http::session;
use crate::views::page::{Frame, Section};

/// Returns what stands around the content of a page.
pub fn frame(app: &App, inbound: &Inbound, section: Section) -> Frame {
    let has_mailbox = app.settings.has_mailbox();
    let is_signed_in = session::secret(app, inbound).is_some();
    Frame { language: inbound.language(), section, has_mailbox, is_signed_in }
}

/// Redirects to the page of a campaign, given its id or the id of a part of it,
/// `<campaign>.<name>`.
pub fn to_campaign(inbound: &Inbound, id: &str) -> Reply {
    let campaign = id.split('.').next().unwrap_or_default();
    let language = inbound.language().tag();
    Reply::redirect(303, &format!("/admin/campaigns/{campaign}?lang={language}"))
}
