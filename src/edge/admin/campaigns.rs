//! The list of campaigns, a campaign's report, and its buttons.

use super::page::{frame, to_campaign};
use crate::domain::base::primitives::CampaignId;
use crate::domain::publication::catalog::PublishedVersion;
use crate::domain::sending::auto_pause::NOTE_CHARS_MAX;
use crate::edge::app::App;
use crate::edge::http::body;
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::flows::campaign::{auto_pause, unpublish as unpublishing};
use crate::flows::error::FlowError;
use crate::flows::report::campaign as reporting;
use crate::flows::schedule::{outages, quarantine};
use crate::views::admin::{AdminIndexView, CampaignRow, ParkedRow, admin_index};
use crate::views::page::Section;
use crate::views::report::{ReportView, campaign_report};
use crate::views::visitor::MessageKind;

/// The limit of a body that holds only a percent-encoded note.
const NOTE_BYTES_MAX: usize = 4_096;

/// Shows the campaigns and the quarantined contacts.
pub async fn list(app: App, inbound: Inbound) -> Reply {
    // Shows the campaigns even if the database does not answer.
    let parked = quarantine::list(&app.db).await.unwrap_or_else(|error| {
        response::log("parked", &error.to_string());
        Vec::new()
    });
    let parked = parked.into_iter().map(|row| ParkedRow {
        contact: row.contact,
        reason: row.reason,
        since: row.since,
    });
    let parked: Vec<ParkedRow> = parked.collect();
    let campaigns: Vec<CampaignRow> = app.catalog.live().map(|live| row(live)).collect();
    let unreadable = outages::unreadable(&app.db, &app.catalog).await.unwrap_or_else(|error| {
        response::log("outages", &error.to_string());
        app.catalog.unreadable()
    });
    let unpublished: Vec<_> = app.catalog.all_unpublished().cloned().collect();
    let view = AdminIndexView {
        frame: frame(&app, &inbound, Section::Campaigns),
        campaigns: &campaigns,
        unpublished: &unpublished,
        unreadable: &unreadable,
        parked: &parked,
        base_url: &app.settings.base_url,
    };
    Reply::page(200, admin_index(&view))
}

fn row(published: &PublishedVersion) -> CampaignRow {
    let campaign = &published.compiled.campaign;
    CampaignRow {
        id: campaign.id.clone(),
        name: campaign.name.clone(),
        version: published.version.into(),
        published_at: published.published_at,
        time_zone: campaign.time_zone.clone(),
        paths: campaign.pages.values().map(|page| page.path.clone()).collect(),
    }
}

/// Shows a campaign's report.
pub async fn report(app: App, inbound: Inbound, id: &str) -> Reply {
    let id = CampaignId::from(id);
    let Some(published) = app.known_version(&id).await else {
        return no_campaign(&app, &inbound, &id);
    };
    let stops = unpublishing::stops(&app.db, &id).await.ok();
    match reporting::report_with_journeys(&app.db, &published, app.now).await {
        Ok(report) => {
            let view = ReportView {
                frame: frame(&app, &inbound, Section::Campaigns),
                report: &report,
                stops: stops.as_ref(),
                time_zone: &published.compiled.campaign.time_zone,
            };
            Reply::page(200, campaign_report(&view))
        }
        Err(error) => response::failed(&inbound, "report", &error),
    }
}

/// Answers that there is no such campaign, or why its live version cannot be read.
fn no_campaign(app: &App, inbound: &Inbound, id: &CampaignId) -> Reply {
    let Some(one) = app.catalog.unreadable_newest(id) else {
        return response::message(inbound, MessageKind::NotFound);
    };
    let (version, reason) = (one.version, &one.reason);
    let words = match app.catalog.unpublished(id) {
        Some(_) => inbound.language().pick(
            format!("Version {version} of `{id}` cannot be read ({reason}). It is unpublished."),
            format!("`{id}` 的第 {version} 版无法读取（{reason}）。该活动已下线。"),
        ),
        None => inbound.language().pick(
            format!("Version {version} of `{id}` cannot be read ({reason}). Its journeys wait."),
            format!("`{id}` 的第 {version} 版无法读取（{reason}）。其旅程正在等待。"),
        ),
    };
    response::message_with(inbound, MessageKind::Unavailable, Some(&words))
        .header("retry-after", "30")
}

/// Unpublishes a campaign, then shows what is left of it.
pub async fn unpublish(app: App, inbound: Inbound, id: &str) -> Reply {
    if body::is_confirmed(&inbound).await
        && let Err(error) = app.unpublish(id).await
    {
        return response::refused(&inbound, "unpublish", error);
    }
    to_campaign(&inbound, id)
}

/// Releases an auto-paused campaign, then shows it again.
pub async fn release(app: App, inbound: Inbound, id: &str) -> Reply {
    let form = match body::web_app_form(&inbound, NOTE_BYTES_MAX).await {
        Ok(form) => form,
        Err(refusal) => return refusal,
    };
    let note = form.first("note").unwrap_or_default();
    match auto_pause::release(&app.db, &CampaignId::from(id), note, app.now).await {
        // A campaign that was released in the meantime is shown as released.
        Ok(_) | Err(FlowError::NotFound(_)) => to_campaign(&inbound, id),
        Err(FlowError::Rejected(_)) => {
            let wanted = inbound.language().pick(
                format!("Say in 1 to {NOTE_CHARS_MAX} characters why the campaign may go on."),
                format!("请用 1 至 {NOTE_CHARS_MAX} 个字说明为何可以恢复。"),
            );
            response::message_with(&inbound, MessageKind::BadRequest, Some(&wanted))
        }
        Err(error) => response::refused(&inbound, "brake", error),
    }
}
