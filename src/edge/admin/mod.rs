//! The web app: pages for people who are signed in, and the local mailbox.

pub mod sessions;
pub mod suppressions;

use super::api;
use super::app::App;
use crate::domain::base::language::Language;
use crate::domain::base::primitives::{CampaignId, Channel, ContactId};
use crate::domain::campaign::journey::RunState;
use crate::domain::contact::message::CapturedMessage;
use crate::domain::form::form_data::FormData;
use crate::domain::sending::auto_pause::NOTE_CHARS_MAX;
use crate::edge::admin::sessions::{door, secret};
use crate::edge::http::request::{Inbound, NoBody};
use crate::edge::http::response::{self, Reply};
use crate::flows::campaign::auto_pause::{self, NotReleased};
use crate::flows::campaign::journey_control::NotSteered;
use crate::flows::campaign::unpublish::{self, NotUnpublished};
use crate::flows::ports::Database;
use crate::flows::report::campaign as reporting;
use crate::flows::schedule::{outages, quarantine};
use crate::flows::settings::is_local_host;
use crate::store;
use crate::store::statement::Rows;
use crate::views::admin::{AdminIndexView, CampaignRow, ParkedRow, admin_index};
use crate::views::format;
use crate::views::mailbox::{
    MailboxMessage, MailboxMessageView, MailboxView, mailbox as mailbox_page,
    mailbox_message as mailbox_message_page,
};
use crate::views::page::{Frame, MAILBOX_POLICY, Section};
use crate::views::report::{ReportView, campaign_report};
use crate::views::visitor::MessageKind;

/// The limit of a body that holds only a percent-encoded note.
const NOTE_BYTES_MAX: usize = 4_096;
/// The number of messages that the mailbox lists.
const LETTERS_MAX: usize = 200;

/// Shows the campaigns and the quarantined contacts.
pub async fn index(app: App, inbound: Inbound) -> Reply {
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
    let campaigns: Vec<CampaignRow> = app
        .catalog
        .live()
        .map(|edition| {
            let campaign = &edition.compiled.campaign;
            CampaignRow {
                id: campaign.id.clone(),
                name: campaign.name.clone(),
                version: edition.version.into(),
                published_at: edition.published_at,
                time_zone: campaign.time_zone.clone(),
                paths: campaign.pages.values().map(|page| page.path.clone()).collect(),
            }
        })
        .collect();
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

/// Shows a campaign's report.
pub async fn report(app: App, inbound: Inbound, id: &str) -> Reply {
    let id = CampaignId::from(id);
    let Some(edition) = app.known_edition(&id).await else {
        return no_campaign(&app, &inbound, &id);
    };
    let stops = unpublish::stops(&app.db, &id).await.ok();
    match reporting::report_with_journeys(&app.db, &edition, app.now).await {
        Ok(report) => {
            let view = ReportView {
                frame: frame(&app, &inbound, Section::Campaigns),
                report: &report,
                stops: stops.as_ref(),
                time_zone: &edition.compiled.campaign.time_zone,
            };
            Reply::page(200, campaign_report(&view))
        }
        Err(error) => {
            response::log("report", &error.to_string());
            response::message(&inbound, MessageKind::Unavailable)
        }
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

/// Starts or stops a journey, then shows its campaign again.
pub async fn steer(app: App, mut inbound: Inbound, id: &str, state: RunState) -> Reply {
    if state == RunState::Archived && !is_sure(&mut inbound).await {
        let campaign = id.split('.').next().unwrap_or_default();
        let language = inbound.language().tag();
        return Reply::redirect(303, &format!("/admin/campaigns/{campaign}?lang={language}"));
    }
    match api::steer_here(&app, id, state).await {
        Ok(steered) => {
            let campaign = steered.journey.parts().map(|(campaign, _)| campaign);
            let campaign = campaign.unwrap_or_else(|| CampaignId::from(""));
            let language = inbound.language().tag();
            Reply::redirect(303, &format!("/admin/campaigns/{campaign}?lang={language}"))
        }
        Err(NotSteered::Unknown(_)) => response::message(&inbound, MessageKind::NotFound),
        Err(NotSteered::Database(error)) => {
            response::log("steer", &error.to_string());
            response::message(&inbound, MessageKind::Unavailable)
        }
    }
}

/// Unpublishes a campaign, then shows what is left of it.
pub async fn unpublish(app: App, mut inbound: Inbound, id: &str) -> Reply {
    if is_sure(&mut inbound).await {
        match api::unpublish_here(&app, id).await {
            Ok(_) => {}
            Err(NotUnpublished::Unknown(_)) => {
                return response::message(&inbound, MessageKind::NotFound);
            }
            Err(NotUnpublished::Database(error)) => {
                response::log("unpublish", &error.to_string());
                return response::message(&inbound, MessageKind::Unavailable);
            }
        }
    }
    let language = inbound.language().tag();
    Reply::redirect(303, &format!("/admin/campaigns/{id}?lang={language}"))
}

/// Whether the confirmation box beside a button that cannot be undone was ticked.
pub(super) async fn is_sure(inbound: &mut Inbound) -> bool {
    let body = inbound.body(SURE_BYTES_MAX).await.unwrap_or_default();
    FormData::from_urlencoded(&body).is_ok_and(|answer| answer.first("sure") == Some("1"))
}

/// The limit of a form with one checkbox, in bytes.
const SURE_BYTES_MAX: usize = 1_024;

/// Releases a contact from quarantine, then shows the list again.
pub async fn release(app: App, inbound: Inbound, id: &str) -> Reply {
    match quarantine::release(&app.db, &ContactId::from(id), app.now).await {
        Ok(_) => Reply::redirect(303, &format!("/admin?lang={}", inbound.language().tag())),
        Err(error) => {
            response::log("release", &error.to_string());
            response::message(&inbound, MessageKind::Unavailable)
        }
    }
}

/// Releases an auto-paused campaign, then shows it again.
pub async fn release_campaign(app: App, mut inbound: Inbound, id: &str) -> Reply {
    let body = match inbound.body(NOTE_BYTES_MAX).await {
        Ok(body) => body,
        Err(NoBody::TooLarge) => return response::message(&inbound, MessageKind::TooLarge),
        Err(NoBody::Broken) => return response::message(&inbound, MessageKind::BadRequest),
    };
    let answer = FormData::from_urlencoded(&body).unwrap_or_default();
    let note = answer.first("note").unwrap_or_default();
    match auto_pause::release(&app.db, &CampaignId::from(id), note, app.now).await {
        // A campaign that was released in the meantime is shown as released.
        Ok(_) | Err(NotReleased::NotStopped(_)) => {
            let language = inbound.language().tag();
            Reply::redirect(303, &format!("/admin/campaigns/{id}?lang={language}"))
        }
        Err(NotReleased::Note(_)) => {
            let wanted = inbound.language().pick(
                format!("Say in 1 to {NOTE_CHARS_MAX} characters why the campaign may go on."),
                format!("请用 1 至 {NOTE_CHARS_MAX} 个字说明为何可以恢复。"),
            );
            response::message_with(&inbound, MessageKind::BadRequest, Some(&wanted))
        }
        Err(NotReleased::Database(error)) => {
            response::log("brake", &error.to_string());
            response::message(&inbound, MessageKind::Unavailable)
        }
    }
}

/// Shows the local mailbox. It does not exist where messages really leave.
pub async fn mailbox(app: App, inbound: Inbound) -> Reply {
    let letters = match letters(&app, store::mailbox::newest(LETTERS_MAX)).await {
        Ok(letters) => letters,
        Err(error) => {
            response::log("mailbox", &error);
            return response::message(&inbound, MessageKind::Unavailable);
        }
    };
    if inbound.wants_json() {
        return Reply::json(200, &letters);
    }
    let language = inbound.language();
    let messages: Vec<MailboxMessage> =
        letters.into_iter().map(|letter| shown(letter, language)).collect();
    let frame = frame(&app, &inbound, Section::Mailbox);
    Reply::page(200, mailbox_page(&MailboxView { frame, messages: &messages }))
}

/// Shows one message of the mailbox.
pub async fn mailbox_message(app: App, inbound: Inbound, id: &str) -> Reply {
    let letter = match letters(&app, store::mailbox::one(id)).await {
        Ok(letters) => letters.into_iter().next(),
        Err(error) => {
            response::log("mailbox", &error);
            return response::message(&inbound, MessageKind::Unavailable);
        }
    };
    let Some(letter) = letter else {
        return response::message(&inbound, MessageKind::NotFound);
    };
    if inbound.wants_json() {
        return Reply::json(200, &letter);
    }
    let message = shown(letter, inbound.language());
    let frame = frame(&app, &inbound, Section::Mailbox);
    let view = MailboxMessageView { frame, message: &message };
    Reply::html(200, mailbox_message_page(&view), MAILBOX_POLICY)
}

async fn letters(
    app: &App,
    statement: store::statement::Statement,
) -> Result<Vec<CapturedMessage>, String> {
    let rows = app.db.batch(vec![statement]).await.map_err(|error| error.to_string())?;
    rows.first().map(Rows::all::<CapturedMessage>).unwrap_or_else(|| Ok(Vec::new()))
}

fn shown(letter: CapturedMessage, language: Language) -> MailboxMessage {
    let channels = [Channel::Sms, Channel::Webhook];
    let channel = channels.into_iter().find(|channel| channel.as_str() == letter.channel);
    MailboxMessage {
        id: letter.id,
        channel: channel.unwrap_or(Channel::Email),
        to: letter.address,
        subject: letter.subject,
        at: format::moment(letter.at, "UTC", language),
        html: Some(letter.html).filter(|html| !html.is_empty()),
        text: letter.text,
    }
}

pub(super) fn frame(app: &App, inbound: &Inbound, section: Section) -> Frame {
    let has_mailbox = app.settings.has_mailbox();
    let is_signed_in = secret(app, inbound).is_some();
    Frame { language: inbound.language(), section, has_mailbox, is_signed_in }
}

/// Refuses a request for the mailbox: with 404 where there is none, otherwise unless the reader is
/// signed in. Local development needs no session if the request names a local host. The host is
/// checked because another site can make its own name resolve to this machine.
pub(in crate::edge) async fn refuse_reader(app: &App, inbound: &Inbound) -> Option<Reply> {
    if !app.settings.has_mailbox() {
        return Some(response::message(inbound, MessageKind::NotFound));
    }
    if app.settings.is_local() && is_local_host(&inbound.host) {
        return None;
    }
    door(app, inbound).await
}
