//! The preview of a broadcast, and its buttons.

use super::page::{frame, not_live, to_campaign};
use crate::domain::base::primitives::QualifiedId;
use crate::domain::campaign::broadcast::BroadcastVerb;
use crate::edge::app::App;
use crate::edge::http::body;
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::flows::broadcast::control::{self, Preview};
use crate::flows::error::FlowError;
use crate::views::broadcast::{PreviewView, preview as preview_page};
use crate::views::page::Section;
use crate::views::visitor::MessageKind;

/// Shows who would get a broadcast, with the button that starts it. If its campaign is unpublished,
/// shows the campaign instead, whose page says so.
pub async fn show(app: App, inbound: Inbound, id: &str) -> Reply {
    match control::preview(&app.db, &QualifiedId::from(id), app.now).await {
        Ok(preview) => preview_reply(&app, &inbound, &preview),
        Err(FlowError::NotFound(_) | FlowError::Conflict(_)) => not_live(&app, &inbound, id),
        Err(error) => refused(&inbound, error),
    }
}

fn preview_reply(app: &App, inbound: &Inbound, preview: &Preview) -> Reply {
    let campaign = preview.standing.broadcast.parts().map(|(campaign, _)| campaign);
    let published = campaign.and_then(|campaign| app.catalog.live_version(&campaign));
    let zone = published.map_or("UTC", |published| &published.compiled.campaign.time_zone);
    let view = PreviewView {
        frame: frame(app, inbound, Section::Campaigns),
        broadcast: &preview.standing.broadcast,
        state: preview.standing.state,
        starts_at: preview.standing.starts_at,
        target: &preview.target,
        purpose: &preview.purpose,
        channel: preview.channel,
        audience: preview.audience,
        time_zone: zone,
    };
    Reply::page(200, preview_page(&view))
}

/// Starts, pauses, resumes or cancels a broadcast, then shows its campaign again.
pub async fn control(app: App, inbound: Inbound, id: &str, verb: BroadcastVerb) -> Reply {
    if verb == BroadcastVerb::Cancel && !body::is_confirmed(&inbound).await {
        return to_campaign(&inbound, id);
    }
    match app.control_broadcast(id, verb).await {
        // A button that is pressed twice, or late, shows the present state.
        Ok(_) | Err(FlowError::Conflict(_)) => to_campaign(&inbound, id),
        Err(error) => refused(&inbound, error),
    }
}

fn refused(inbound: &Inbound, error: FlowError) -> Reply {
    let FlowError::Rejected(refusal) = error else {
        return response::refused(inbound, "broadcast", error);
    };
    response::log("broadcast.rule", &refusal.to_string());
    let detail = inbound.language().pick(
        "The rule of its segment asks for more than the database can answer at once. Make a part \
         of the rule a segment of its own, ask about that, and publish again.",
        "该人群的规则过于庞大，数据库无法一次回答。请把规则的一部分设为单独的人群，\
         在规则中引用它，然后重新发布。",
    );
    response::message_with(inbound, MessageKind::Fault, Some(detail))
}
