//! Reports of campaigns.

use crate::domain::base::primitives::CampaignId;
use crate::edge::app::App;
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::flows::error::FlowError;
use crate::flows::ports::KeyValue;
use crate::flows::report::campaign as reporting;
use crate::flows::schedule::tick::snapshot_key;

/// Returns a campaign's report from the database, or the last snapshot if the database does not
/// answer.
pub async fn show(app: App, inbound: Inbound, id: &str) -> Reply {
    let campaign = CampaignId::from(id);
    let Some(published) = app.known_version(&campaign).await else {
        if let Some(one) = app.catalog.unreadable_newest(&campaign) {
            return snapshot(&app, &inbound, id, &one.reason).await;
        }
        let known = app.catalog.campaigns().map(CampaignId::as_str);
        let error = FlowError::unknown_campaign(&campaign, known);
        return response::refused(&inbound, "report", error);
    };
    match reporting::report_with_journeys(&app.db, &published, app.now).await {
        Ok(report) => Reply::json(200, &report),
        Err(error) => snapshot(&app, &inbound, id, &error.to_string()).await,
    }
}

/// Returns the last snapshot of a report that cannot be made now.
async fn snapshot(app: &App, inbound: &Inbound, id: &str, why: &str) -> Reply {
    match app.kv.get(&snapshot_key(id)).await.ok().flatten() {
        Some(text) => Reply::text(200, &text).header("content-type", "application/json"),
        None => response::failed(inbound, "report", &why),
    }
}
