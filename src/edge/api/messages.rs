//! Messages of a campaign: previews and tests.

use crate::domain::access::role::Action;
use crate::domain::base::primitives::{CampaignId, KindId};
use crate::domain::publication::catalog::PublishedVersion;
use crate::edge::app::App;
use crate::edge::http::body::{self, QUESTION_BYTES_MAX};
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::flows::contact::scope;
use crate::flows::send::preview::{self, MessageRequest, live};
use std::rc::Rc;

/// Renders a message of a campaign.
pub async fn preview(app: App, inbound: Inbound, campaign: &str) -> Reply {
    let (published, asked) = match read(&app, &inbound, campaign).await {
        Ok(read) => read,
        Err(refusal) => return refusal,
    };
    match preview::preview(&app.db, &published, &app.settings, &asked, app.now).await {
        Ok(shown) => Reply::json(200, &shown),
        Err(error) => response::refused(&inbound, "preview", error),
    }
}

/// Sends a test of a message.
pub async fn send_test(mut app: App, inbound: Inbound, campaign: &str) -> Reply {
    let (_, asked) = match read(&app, &inbound, campaign).await {
        Ok(read) => read,
        Err(refusal) => return refusal,
    };
    match app.send_test(campaign, &asked).await {
        Ok(tested) => Reply::json(202, &tested),
        Err(error) => response::refused(&inbound, "preview", error),
    }
}

async fn read(
    app: &App,
    inbound: &Inbound,
    campaign: &str,
) -> Result<(Rc<PublishedVersion>, MessageRequest), Reply> {
    let like = "{\"template\": \"emails/…\"}";
    let asked: MessageRequest =
        body::json(inbound, QUESTION_BYTES_MAX, "Not a question", like).await?;
    if let Some(contact) = &asked.contact {
        // The message quotes the values of fields.
        let scope = app.access.clear_scope(Action::See, &KindId::contact());
        let checked = scope::check(&app.db, &scope, contact, app.now).await;
        checked.map_err(|error| response::refused(inbound, "contact", error))?;
    }
    match live(&app.catalog, &CampaignId::from(campaign)) {
        Ok(published) => Ok((published.clone(), asked)),
        Err(error) => Err(response::refused(inbound, "preview", error)),
    }
}
