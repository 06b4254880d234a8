//! Campaigns: publish, compare, unpublish, release, reclassify.

use crate::domain::base::primitives::CampaignId;
use crate::domain::campaign::Compiled;
use crate::edge::app::App;
use crate::edge::http::body::{self, QUESTION_BYTES_MAX};
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::flows::campaign::publish::{self, COMPILED_BYTES_MAX};
use crate::flows::campaign::reclassify::{self, Page};
use crate::flows::campaign::{auto_pause, unpublish as unpublishing};
use crate::flows::error::FlowError;
use serde::Deserialize;
use serde_json::json;

/// Publishes a compiled campaign.
pub async fn publish(app: App, inbound: Inbound) -> Reply {
    let compiled = match read(&inbound).await {
        Ok(compiled) => compiled,
        Err(refusal) => return refusal,
    };
    match publish::publish(&app.db, compiled, app.now).await {
        Ok(published) => {
            app.refresh("publish.copy").await;
            let detail = json!({ "version": published.version, "new": published.is_new });
            Reply::json(if published.is_new { 201 } else { 200 }, &published)
                .about(&published.campaign, detail)
        }
        Err(error) => response::refused(&inbound, "publish", error),
    }
}

/// Returns what publishing a compiled campaign would change.
pub async fn diff(app: App, inbound: Inbound) -> Reply {
    let compiled = match read(&inbound).await {
        Ok(compiled) => compiled,
        Err(refusal) => return refusal,
    };
    match publish::preview(&app.db, compiled, app.now).await {
        Ok(preview) => Reply::json(200, &preview),
        Err(error) => response::refused(&inbound, "publish", error),
    }
}

async fn read(inbound: &Inbound) -> Result<Compiled, Reply> {
    // More than the limit itself, so that the check can report how far a campaign exceeds it.
    let bytes_max = COMPILED_BYTES_MAX * 2;
    body::json(inbound, bytes_max, "Not a compiled campaign", "what `dripline publish` sends").await
}

/// Returns what unpublishing a campaign would stop.
pub async fn stops(app: App, inbound: Inbound, id: &str) -> Reply {
    match unpublishing::stops(&app.db, &CampaignId::from(id)).await {
        Ok(stops) => Reply::json(200, &stops),
        Err(error) => response::refused(&inbound, "unpublish", error),
    }
}

/// Unpublishes a campaign, and returns what that stopped.
pub async fn unpublish(app: App, inbound: Inbound, id: &str) -> Reply {
    match app.unpublish(id).await {
        Ok(stops) => Reply::json(200, &stops),
        Err(error) => response::refused(&inbound, "unpublish", error),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    note: String,
}

/// Releases an auto-paused campaign.
pub async fn release(app: App, inbound: Inbound, id: &str) -> Reply {
    let like = "{\"note\": \"…\"}";
    let Note { note } = match body::json(&inbound, QUESTION_BYTES_MAX, "No note", like).await {
        Ok(note) => note,
        Err(refusal) => return refusal,
    };
    match auto_pause::release(&app.db, &CampaignId::from(id), &note, app.now).await {
        Ok(event) => Reply::json(200, &event),
        Err(error) => response::refused(&inbound, "brake", error),
    }
}

/// Reclassifies the next page of a campaign's opens and clicks.
pub async fn reclassify(mut app: App, inbound: Inbound, id: &str) -> Reply {
    let id = CampaignId::from(id);
    if app.known_version(&id).await.is_none() {
        let known = app.catalog.campaigns().map(CampaignId::as_str);
        let error = FlowError::unknown_campaign(&id, known);
        return response::refused(&inbound, "rejudge", error);
    }
    let after = inbound.parameter("after").unwrap_or_default();
    let (db, catalog) = (&app.db, &app.catalog);
    match reclassify::reclassify(db, catalog, &id, &after, app.now, &mut app.ids).await {
        Ok(page) => {
            app.hint(&page.work).await;
            let Page { judged, changed, after, .. } = page;
            Reply::json(200, &json!({ "judged": judged, "changed": changed, "after": after }))
        }
        Err(error) => response::failed(&inbound, "rejudge", &error),
    }
}
