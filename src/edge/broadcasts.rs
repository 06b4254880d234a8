//! Broadcasts, in the API and in the web app.

use super::admin::{frame, is_sure};
use super::api::unavailable;
use super::app::App;
use crate::domain::base::diagnostic::Problem;
use crate::domain::base::primitives::QualifiedId;
use crate::domain::campaign::broadcast::BroadcastVerb;
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::flows::broadcast::control::{self, BroadcastProgress, NotSteered};
use crate::views::broadcast::{PreviewView, preview as preview_page};
use crate::views::page::Section;
use crate::views::visitor::MessageKind;
use serde_json::json;

/// Returns who would get a broadcast.
pub async fn preview(app: App, inbound: Inbound, id: &str) -> Reply {
    match control::preview(&app.db, &QualifiedId::from(id), app.now).await {
        Ok(preview) => Reply::json(200, &preview),
        Err(why) => not_steered(&inbound, why),
    }
}

/// Starts, pauses, resumes or cancels a broadcast.
pub async fn steer(app: App, inbound: Inbound, id: &str, verb: BroadcastVerb) -> Reply {
    match steer_here(&app, id, verb).await {
        Ok(standing) => Reply::json(200, &standing),
        Err(why) => not_steered(&inbound, why),
    }
}

/// Executes the verb and sends the work that follows to the queue.
async fn steer_here(
    app: &App,
    id: &str,
    verb: BroadcastVerb,
) -> Result<BroadcastProgress, NotSteered> {
    let id = QualifiedId::from(id);
    let (standing, work) = control::steer(&app.db, &id, verb, app.now).await?;
    app.hint(&work).await;
    Ok(standing)
}

fn not_steered(inbound: &Inbound, why: NotSteered) -> Reply {
    let refuse = |status, title, problem: Problem| {
        let detail = "Nothing has changed. Name a broadcast as <campaign>.<broadcast>.";
        Reply::problem(status, title, detail, json!({ "problems": [problem] }))
    };
    match why {
        NotSteered::Unknown(problem) => refuse(404, "There is no such broadcast", problem),
        NotSteered::Refused(problem) => refuse(409, "The broadcast is in the wrong state", problem),
        NotSteered::Unanswered(problem) => {
            response::log("broadcast.rule", &problem.message);
            let title = "The rule of its segment cannot be answered";
            let detail = "Nothing has changed, and nobody was written to.";
            Reply::problem(422, title, detail, json!({ "problems": [problem] }))
        }
        NotSteered::Database(error) => unavailable(inbound, "broadcast", &error.to_string()),
    }
}

/// Shows who would get a broadcast, with the button that starts it.
pub async fn page(app: App, inbound: Inbound, id: &str) -> Reply {
    match control::preview(&app.db, &QualifiedId::from(id), app.now).await {
        Ok(preview) => {
            let campaign = preview.standing.broadcast.parts().map(|(campaign, _)| campaign);
            let live = campaign.and_then(|campaign| app.catalog.live_edition(&campaign).cloned());
            let zone = live.map_or_else(
                || "UTC".to_owned(),
                |edition| edition.compiled.campaign.time_zone.clone(),
            );
            let view = PreviewView {
                frame: frame(&app, &inbound, Section::Campaigns),
                broadcast: &preview.standing.broadcast,
                state: preview.standing.state,
                starts_at: preview.standing.starts_at,
                segment: &preview.segment,
                purpose: &preview.purpose,
                channel: preview.channel,
                audience: preview.audience,
                time_zone: &zone,
            };
            Reply::page(200, preview_page(&view))
        }
        Err(why) => not_shown(&inbound, why),
    }
}

/// Executes the action of a button, then shows the campaign again.
pub async fn by_hand(app: App, mut inbound: Inbound, id: &str, verb: BroadcastVerb) -> Reply {
    if verb == BroadcastVerb::Cancel && !is_sure(&mut inbound).await {
        return back(&inbound, &QualifiedId::from(id));
    }
    match steer_here(&app, id, verb).await {
        // A button that is pressed twice, or late, shows the present state.
        Ok(BroadcastProgress { broadcast, .. }) => back(&inbound, &broadcast),
        Err(NotSteered::Refused(_)) => back(&inbound, &QualifiedId::from(id)),
        Err(why) => not_shown(&inbound, why),
    }
}

fn back(inbound: &Inbound, broadcast: &QualifiedId) -> Reply {
    let campaign = broadcast.0.split('.').next().unwrap_or_default();
    let language = inbound.language().tag();
    Reply::redirect(303, &format!("/admin/campaigns/{campaign}?lang={language}"))
}

fn not_shown(inbound: &Inbound, why: NotSteered) -> Reply {
    match why {
        NotSteered::Database(error) => {
            response::log("broadcast", &error.to_string());
            response::message(inbound, MessageKind::Unavailable)
        }
        NotSteered::Unanswered(problem) => {
            response::log("broadcast.rule", &problem.message);
            let said = inbound.language().pick(
                "The rule of its segment asks for more than the database can answer at once. Make \
                 a part of the rule a segment of its own, ask about that, and publish again.",
                "该人群的规则过于庞大，数据库无法一次回答。请把规则的一部分设为单独的人群，\
                 在规则中引用它，然后重新发布。",
            );
            response::message_with(inbound, MessageKind::Fault, Some(said))
        }
        _ => response::message(inbound, MessageKind::NotFound),
    }
}
