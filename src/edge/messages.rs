//! Previews and tests of messages, in the API and in the web app.

use super::admin::frame;
use super::api::{read_json, unavailable};
use super::app::App;
use crate::domain::base::diagnostic::{Problem, brief};
use crate::domain::base::language::Language;
use crate::domain::base::primitives::CampaignId;
use crate::domain::form::form_data::FormData;
use crate::domain::publication::catalog::PublishedVersion;
use crate::domain::template::{languages, parent_of_version};
use crate::edge::http::request::{Inbound, NoBody};
use crate::edge::http::response::{self, Reply};
use crate::flows::send::preview::{Asked, NotShown, Tested, messages, preview, send_test};
use crate::flows::send::render::Shown;
use crate::views::page::{PREVIEW_POLICY, Section};
use crate::views::preview::{
    MessagesView, PreviewView, Sheet, messages as messages_page, preview as preview_page,
};
use crate::views::visitor::MessageKind;
use serde_json::{Value, json};
use std::rc::Rc;

/// The limit of a body that names a message, a contact and little more, in bytes.
const ASKED_BYTES_MAX: usize = 4_096;

/// Previews a message of a campaign, through the API.
pub async fn api_preview(app: App, mut inbound: Inbound, campaign: &str) -> Reply {
    let (edition, asked) = match read(&app, &mut inbound, campaign).await {
        Ok(read) => read,
        Err(refusal) => return refusal,
    };
    match preview(&app.db, &edition, &app.settings, &asked, app.now).await {
        Ok(shown) => Reply::json(200, &shown),
        Err(error) => not_shown(&inbound, error),
    }
}

/// Sends a test of a message, through the API.
pub async fn api_test(mut app: App, mut inbound: Inbound, campaign: &str) -> Reply {
    let (_, asked) = match read(&app, &mut inbound, campaign).await {
        Ok(read) => read,
        Err(refusal) => return refusal,
    };
    match test(&mut app, campaign, &asked).await {
        Ok(tested) => Reply::json(202, &tested),
        Err(error) => not_shown(&inbound, error),
    }
}

async fn read(
    app: &App,
    inbound: &mut Inbound,
    campaign: &str,
) -> Result<(Rc<PublishedVersion>, Asked), Reply> {
    let body = read_json(inbound, ASKED_BYTES_MAX).await?;
    let asked = serde_json::from_slice::<Asked>(&body).map_err(|error| {
        let detail = format!("Send {{\"template\": \"emails/…\"}}: {}.", brief(&error));
        Reply::problem(400, "Not a question", &detail, Value::Null)
    })?;
    match app.catalog.live_edition(&CampaignId::from(campaign)) {
        Some(edition) => Ok((edition.clone(), asked)),
        None => {
            let detail = format!("No campaign `{campaign}` is published.");
            Err(response::message_with(inbound, MessageKind::NotFound, Some(&detail)))
        }
    }
}

/// Writes a test message to the database, and hints at it in the work queue.
async fn test(app: &mut App, campaign: &str, asked: &Asked) -> Result<Tested, NotShown> {
    let campaign = CampaignId::from(campaign);
    let flow =
        send_test(&app.db, &app.catalog, &campaign, &app.settings, asked, app.now, &mut app.ids);
    let (tested, work) = flow.await?;
    app.hint(&work).await;
    Ok(tested)
}

fn not_shown(inbound: &Inbound, error: NotShown) -> Reply {
    match error {
        NotShown::Wrong(problem) => {
            let more = json!({ "problems": [problem] });
            Reply::problem(422, "Nothing to show", "Fix the listed problems and try again.", more)
        }
        NotShown::Database(error) => unavailable(inbound, "preview", &error.to_string()),
    }
}

/// Lists the messages of a campaign, in the web app.
pub async fn list(app: App, inbound: Inbound, id: &str) -> Reply {
    let Some(edition) = app.catalog.live_edition(&CampaignId::from(id)) else {
        return response::message(&inbound, MessageKind::NotFound);
    };
    let compiled = &edition.compiled;
    let with_languages = |name: &str| {
        let languages = languages(&compiled.templates, name).map(str::to_owned).collect();
        (name.to_owned(), languages)
    };
    let messages: Vec<(String, Vec<String>)> = messages(compiled).map(with_languages).collect();
    let view = MessagesView {
        frame: frame(&app, &inbound, Section::Campaigns),
        campaign: id,
        name: &compiled.campaign.name,
        messages: &messages,
    };
    Reply::page(200, messages_page(&view))
}

/// Shows one message with made-up data, in the web app.
pub async fn show(app: App, inbound: Inbound, id: &str, name: &str) -> Reply {
    page(&app, &inbound, id, Asked { template: name.to_owned(), ..Asked::default() }, false).await
}

/// Shows one message with a contact's data, in the web app, or sends a test of it to the campaign's
/// owner. The contact is in the body, because an address in a URL would end up in logs.
pub async fn ask(mut app: App, mut inbound: Inbound, id: &str, name: &str) -> Reply {
    let body = match inbound.body(ASKED_BYTES_MAX).await {
        Ok(body) => body,
        Err(NoBody::TooLarge) => return response::message(&inbound, MessageKind::TooLarge),
        Err(NoBody::Broken) => return response::message(&inbound, MessageKind::BadRequest),
    };
    let answer = FormData::from_urlencoded(&body).unwrap_or_default();
    let given = |name: &str| answer.first(name).filter(|text| !text.is_empty()).map(str::to_owned);
    let asked = Asked {
        template: name.to_owned(),
        contact: given("contact"),
        locale: given("locale"),
        to: None,
    };
    if answer.first("do") != Some("test") {
        return page(&app, &inbound, id, asked, false).await;
    }
    match test(&mut app, id, &asked).await {
        Ok(_) => page(&app, &inbound, id, asked, true).await,
        Err(error) => problem_page(&app, &inbound, id, &asked, error),
    }
}

async fn page(app: &App, inbound: &Inbound, id: &str, asked: Asked, is_sent: bool) -> Reply {
    let Some(edition) = app.catalog.live_edition(&CampaignId::from(id)) else {
        return response::message(inbound, MessageKind::NotFound);
    };
    if !edition.compiled.templates.contains_key(&asked.template) {
        return response::message(inbound, MessageKind::NotFound);
    }
    match preview(&app.db, edition, &app.settings, &asked, app.now).await {
        Ok(shown) => rendered(app, inbound, edition, &asked, Ok(shown), is_sent),
        Err(error) => problem_page(app, inbound, id, &asked, error),
    }
}

fn problem_page(app: &App, inbound: &Inbound, id: &str, asked: &Asked, error: NotShown) -> Reply {
    let edition = app.catalog.live_edition(&CampaignId::from(id));
    match (error, edition) {
        (NotShown::Wrong(problem), Some(edition)) => {
            rendered(app, inbound, edition, asked, Err(problem), false)
        }
        (NotShown::Wrong(_), None) => response::message(inbound, MessageKind::NotFound),
        (NotShown::Database(error), _) => {
            response::log("preview", &error.to_string());
            response::message(inbound, MessageKind::Unavailable)
        }
    }
}

fn rendered(
    app: &App,
    inbound: &Inbound,
    edition: &PublishedVersion,
    asked: &Asked,
    shown: Result<Shown, Problem>,
    is_sent: bool,
) -> Reply {
    let compiled = &edition.compiled;
    let first = parent_of_version(&compiled.templates, &asked.template);
    let languages: Vec<String> = languages(&compiled.templates, first).map(str::to_owned).collect();
    let status = if shown.is_ok() { 200 } else { 422 };
    let is_email = asked.template.starts_with("emails/");
    let view = PreviewView {
        frame: frame(app, inbound, Section::Campaigns),
        campaign: edition.id().as_str(),
        template: &asked.template,
        shown: shown.as_ref().map(sheet).map_err(|problem| words(problem, inbound.language())),
        languages: &languages,
        first: &compiled.campaign.locale,
        contact: asked.contact.as_deref().unwrap_or_default(),
        locale: asked.locale.as_deref().unwrap_or_default(),
        owner: if is_email { &compiled.campaign.owner } else { "" },
        is_sent,
    };
    Reply::html(status, preview_page(&view), PREVIEW_POLICY)
}

fn sheet(shown: &Shown) -> Sheet<'_> {
    let Shown { template, subject, preheader, html, text, sms, .. } = shown;
    Sheet { template, subject, preheader, html, text, sms: sms.as_ref() }
}

/// Returns a problem in the words of the page.
fn words(problem: &Problem, language: Language) -> String {
    match problem.key.as_str() {
        "contact" => {
            let english = "There is no such contact. Give its address, number or id.";
            language.pick(english, "没有这个联系人。请填写邮箱、手机号或编号。").to_owned()
        }
        _ => problem.to_string(),
    }
}
