//! The web app: pages for people who are signed in, and the local mailbox.

use super::api;
use super::app::App;
use super::inbound::{Inbound, NoBody};
use super::reply::{self, Reply};
use crate::domain::answer::Answer;
use crate::domain::journey::RunState;
use crate::domain::language::Language;
use crate::domain::message::Letter;
use crate::domain::pacing::brake::NOTE_CHARS_MAX;
use crate::domain::primitives::{CampaignId, Channel, ContactId, Millis};
use crate::domain::token::{Purpose, SESSION_AGE_MAX, SIGN_IN_AGE_MAX};
use crate::flows::brake::{self, NotReleased};
use crate::flows::park;
use crate::flows::report as reporting;
use crate::flows::seams::Database;
use crate::flows::settings::is_api_token;
use crate::flows::steer_journey::NotSteered;
use crate::store;
use crate::store::statement::Rows;
use crate::views::admin::{
    AdminIndexView, CampaignRow, ParkedRow, SignInProblem, SignInView, admin_index,
    sign_in as sign_in_page,
};
use crate::views::format;
use crate::views::mailbox::{
    MailboxMessage, MailboxMessageView, MailboxView, mailbox as mailbox_page,
    mailbox_message as mailbox_message_page,
};
use crate::views::page::{Frame, MAILBOX_POLICY, Section};
use crate::views::report::{ReportView, campaign_report};
use crate::views::visitor::MessageKind;

/// A sign-in form is a token and nothing more.
const SIGN_IN_BYTES_MAX: usize = 4_096;
/// A note, percent-encoded, and nothing more.
const NOTE_BYTES_MAX: usize = 4_096;
/// How many messages the mailbox lists.
const LETTERS_MAX: usize = 200;

/// The list of campaigns, and of contacts that are parked.
pub async fn index(app: App, inbound: Inbound) -> Reply {
    if let Some(door) = door(&app, &inbound) {
        return door;
    }
    // The campaigns are shown even if the database does not answer.
    let parked = park::list(&app.db).await.unwrap_or_else(|error| {
        reply::log("parked", &error.to_string());
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
    let view = AdminIndexView {
        frame: frame(&app, &inbound, Section::Campaigns),
        campaigns: &campaigns,
        parked: &parked,
        base_url: &app.settings.base_url,
    };
    Reply::page(200, admin_index(&view))
}

/// A campaign's report.
pub async fn report(app: App, inbound: Inbound, id: &str) -> Reply {
    if let Some(door) = door(&app, &inbound) {
        return door;
    }
    let Some(edition) = app.catalog.live_edition(&CampaignId::from(id)) else {
        return reply::message(&inbound, MessageKind::NotFound);
    };
    match reporting::report_with_journeys(&app.db, edition, app.now).await {
        Ok(report) => {
            let view = ReportView {
                frame: frame(&app, &inbound, Section::Campaigns),
                report: &report,
                time_zone: &edition.compiled.campaign.time_zone,
            };
            Reply::page(200, campaign_report(&view))
        }
        Err(error) => {
            reply::log("report", &error.to_string());
            reply::message(&inbound, MessageKind::Unavailable)
        }
    }
}

/// Lets a journey run, or halts it, and shows its campaign again.
pub async fn steer(app: App, inbound: Inbound, id: &str, state: RunState) -> Reply {
    if inbound.is_cross_site() {
        return reply::message(&inbound, MessageKind::Forbidden);
    }
    if let Some(door) = door(&app, &inbound) {
        return door;
    }
    match api::steer_here(&app, id, state).await {
        Ok(steered) => {
            let campaign = steered.journey.parts().map(|(campaign, _)| campaign);
            let campaign = campaign.unwrap_or_else(|| CampaignId::from(""));
            let language = inbound.language().tag();
            Reply::redirect(303, &format!("/admin/campaigns/{campaign}?lang={language}"))
        }
        Err(NotSteered::Unknown(_)) => reply::message(&inbound, MessageKind::NotFound),
        Err(NotSteered::Database(error)) => {
            reply::log("steer", &error.to_string());
            reply::message(&inbound, MessageKind::Unavailable)
        }
    }
}

/// Lets a parked contact be decided on again, and shows the list again.
pub async fn release(app: App, inbound: Inbound, id: &str) -> Reply {
    if inbound.is_cross_site() {
        return reply::message(&inbound, MessageKind::Forbidden);
    }
    if let Some(door) = door(&app, &inbound) {
        return door;
    }
    match park::release(&app.db, &ContactId::from(id), app.now).await {
        Ok(_) => Reply::redirect(303, &format!("/admin?lang={}", inbound.language().tag())),
        Err(error) => {
            reply::log("release", &error.to_string());
            reply::message(&inbound, MessageKind::Unavailable)
        }
    }
}

/// Lets a campaign that its brake stopped go on, and shows it again.
pub async fn release_campaign(app: App, mut inbound: Inbound, id: &str) -> Reply {
    if inbound.is_cross_site() {
        return reply::message(&inbound, MessageKind::Forbidden);
    }
    if let Some(door) = door(&app, &inbound) {
        return door;
    }
    let body = match inbound.body(NOTE_BYTES_MAX).await {
        Ok(body) => body,
        Err(NoBody::TooLarge) => return reply::message(&inbound, MessageKind::TooLarge),
        Err(NoBody::Broken) => return reply::message(&inbound, MessageKind::BadRequest),
    };
    let answer = Answer::from_urlencoded(&body).unwrap_or_default();
    let note = answer.first("note").unwrap_or_default();
    match brake::release(&app.db, &CampaignId::from(id), note, app.now).await {
        // Who was released meanwhile is shown as that.
        Ok(_) | Err(NotReleased::NotStopped(_)) => {
            let language = inbound.language().tag();
            Reply::redirect(303, &format!("/admin/campaigns/{id}?lang={language}"))
        }
        Err(NotReleased::Note(_)) => {
            let wanted = inbound.language().pick(
                format!("Say in 1 to {NOTE_CHARS_MAX} characters why the campaign may go on."),
                format!("请用 1 至 {NOTE_CHARS_MAX} 个字说明为何可以恢复。"),
            );
            reply::message_with(&inbound, MessageKind::BadRequest, Some(&wanted))
        }
        Err(NotReleased::Database(error)) => {
            reply::log("brake", &error.to_string());
            reply::message(&inbound, MessageKind::Unavailable)
        }
    }
}

/// The door, or for a sign-in link a button: nothing happens by GET.
pub fn sign_in_ask(app: &App, inbound: &Inbound) -> Reply {
    let link = inbound.parameter("t");
    let is_old = link.as_ref().is_some_and(|token| !is_link(app, token));
    let problem = is_old.then_some(SignInProblem::SessionOver);
    let token = link.filter(|_| !is_old).unwrap_or_default();
    let view = SignInView { language: inbound.language(), problem, token: &token };
    Reply::page(200, sign_in_page(&view))
}

/// Lets in whoever brings an API token or a fresh sign-in link.
pub async fn sign_in(app: App, mut inbound: Inbound) -> Reply {
    if inbound.is_cross_site() {
        return reply::message(&inbound, MessageKind::Forbidden);
    }
    let body = match inbound.body(SIGN_IN_BYTES_MAX).await {
        Ok(body) => body,
        Err(NoBody::TooLarge) => return reply::message(&inbound, MessageKind::TooLarge),
        Err(NoBody::Broken) => return reply::message(&inbound, MessageKind::BadRequest),
    };
    let answer = Answer::from_urlencoded(&body).unwrap_or_default();
    let token = answer.first("token").unwrap_or_default().trim();
    let configured = app.variable("API_TOKENS").unwrap_or_default();
    if !is_link(&app, token) && !is_api_token(&configured, token) {
        let problem = Some(SignInProblem::WrongToken);
        let view = SignInView { language: inbound.language(), problem, token: "" };
        return Reply::page(401, sign_in_page(&view));
    }
    let session = app.settings.keys.sign(Purpose::Session, &app.now.0.to_string());
    let seconds = SESSION_AGE_MAX.0 / 1_000;
    let home = format!("/admin?lang={}", inbound.language().tag());
    Reply::redirect(303, &home).header("set-cookie", cookie(&inbound, &session, seconds))
}

/// Forgets the session.
pub fn sign_out(_app: &App, inbound: &Inbound) -> Reply {
    if inbound.is_cross_site() {
        return reply::message(inbound, MessageKind::Forbidden);
    }
    Reply::redirect(303, "/admin/sign-in").header("set-cookie", cookie(inbound, "", 0))
}

/// The local mailbox; nothing is there where messages leave for good.
pub async fn mailbox(app: App, inbound: Inbound) -> Reply {
    if let Some(refusal) = refuse_reader(&app, &inbound) {
        return refusal;
    }
    let letters = match letters(&app, store::mailbox::newest(LETTERS_MAX)).await {
        Ok(letters) => letters,
        Err(error) => {
            reply::log("mailbox", &error);
            return reply::message(&inbound, MessageKind::Unavailable);
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

/// One message of it.
pub async fn mailbox_message(app: App, inbound: Inbound, id: &str) -> Reply {
    if let Some(refusal) = refuse_reader(&app, &inbound) {
        return refusal;
    }
    let letter = match letters(&app, store::mailbox::one(id)).await {
        Ok(letters) => letters.into_iter().next(),
        Err(error) => {
            reply::log("mailbox", &error);
            return reply::message(&inbound, MessageKind::Unavailable);
        }
    };
    let Some(letter) = letter else {
        return reply::message(&inbound, MessageKind::NotFound);
    };
    if inbound.wants_json() {
        return Reply::json(200, &letter);
    }
    let message = shown(letter, inbound.language());
    let frame = frame(&app, &inbound, Section::Mailbox);
    let view = MailboxMessageView { frame, message: &message };
    Reply::html(200, mailbox_message_page(&view), MAILBOX_POLICY)
}

async fn letters(app: &App, statement: store::statement::Statement) -> Result<Vec<Letter>, String> {
    let rows = app.db.batch(vec![statement]).await.map_err(|error| error.to_string())?;
    rows.first().map(Rows::all::<Letter>).unwrap_or_else(|| Ok(Vec::new()))
}

fn shown(letter: Letter, language: Language) -> MailboxMessage {
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
    Frame { language: inbound.language(), section, has_mailbox }
}

/// Without a mailbox there is nothing to read; with one, on a machine that others reach, it is
/// for people who are signed in.
fn refuse_reader(app: &App, inbound: &Inbound) -> Option<Reply> {
    if !app.settings.has_mailbox() {
        return Some(reply::message(inbound, MessageKind::NotFound));
    }
    if app.settings.is_local() { None } else { door(app, inbound) }
}

/// Where to send somebody who is not signed in; `None` for who is.
pub(super) fn door(app: &App, inbound: &Inbound) -> Option<Reply> {
    let session = inbound.cookie(cookie_name(inbound)).unwrap_or_default();
    let since = app.settings.keys.verify(Purpose::Session, &session).ok();
    let since = since.and_then(|text| text.parse().ok()).map(Millis);
    let is_in = since.is_some_and(|since| app.now <= since.plus(SESSION_AGE_MAX));
    let query =
        if inbound.query.is_empty() { String::new() } else { format!("?{}", inbound.query) };
    (!is_in).then(|| Reply::redirect(303, &format!("/admin/sign-in{query}")))
}

fn is_link(app: &App, token: &str) -> bool {
    let issued = app.settings.keys.verify(Purpose::SignIn, token).ok();
    let issued = issued.and_then(|text| text.parse().ok()).map(Millis);
    issued.is_some_and(|issued| app.now <= issued.plus(SIGN_IN_AGE_MAX))
}

/// `__Host-` binds the cookie to this host and to https; a laptop has no https.
fn cookie_name(inbound: &Inbound) -> &'static str {
    if inbound.is_secure { "__Host-dripline" } else { "dripline" }
}

fn cookie(inbound: &Inbound, value: &str, seconds: i64) -> String {
    let secure = if inbound.is_secure { "; Secure" } else { "" };
    let name = cookie_name(inbound);
    format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
}
