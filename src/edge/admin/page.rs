//! The parts that the pages of the web app share.

use crate::domain::base::primitives::CampaignId;
use crate::edge::app::App;
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::edge::http::session;
use crate::views::page::{Frame, Section};
use crate::views::visitor::MessageKind;

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

/// Answers what belongs to no live campaign: with the page of its campaign if that is unpublished.
pub fn not_live(app: &App, inbound: &Inbound, id: &str) -> Reply {
    let campaign = CampaignId::from(id.split('.').next().unwrap_or_default());
    match app.catalog.unpublished(&campaign) {
        Some(_) => to_campaign(inbound, id),
        None => response::message(inbound, MessageKind::NotFound),
    }
}
