//! The messages of a campaign: the list, a preview of each, and tests.

use super::page::{frame, not_live};
use crate::domain::access::role::Action;
use crate::domain::base::language::Language;
use crate::domain::base::primitives::{CampaignId, KindId};
use crate::domain::publication::catalog::PublishedVersion;
use crate::domain::template::{languages, parent_of_version};
use crate::edge::app::App;
use crate::edge::http::body::{self, QUESTION_BYTES_MAX};
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::flows::contact::scope;
use crate::flows::error::{FlowError, Refusal};
use crate::flows::send::preview::{MessageRequest, messages, preview};
use crate::flows::send::render::Shown;
use crate::views::page::{PREVIEW_POLICY, Section};
use crate::views::preview::{
    MessagesView, PreviewView, Sheet, messages as messages_page, preview as preview_page,
};
use crate::views::visitor::MessageKind;

/// Lists the messages of a campaign.
pub async fn list(app: App, inbound: Inbound, id: &str) -> Reply {
    let Some(published) = app.catalog.live_version(&CampaignId::from(id)) else {
        return not_live(&app, &inbound, id);
    };
    let compiled = &published.compiled;
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

/// Shows one message with made-up data.
pub async fn show(app: App, inbound: Inbound, id: &str, name: &str) -> Reply {
    let asked = MessageRequest { template: name.to_owned(), ..MessageRequest::default() };
    preview_reply(&app, &inbound, id, &asked, false).await
}

/// Shows one message with a contact's data, or sends a test of it to the campaign's owner. The
/// contact is in the body, because an address in a URL would end up in logs.
pub async fn ask(mut app: App, inbound: Inbound, id: &str, name: &str) -> Reply {
    let form = match body::web_app_form(&inbound, QUESTION_BYTES_MAX).await {
        Ok(form) => form,
        Err(refusal) => return refusal,
    };
    let given = |name: &str| form.first(name).filter(|text| !text.is_empty()).map(str::to_owned);
    let asked = MessageRequest {
        template: name.to_owned(),
        contact: given("contact"),
        locale: given("locale"),
        to: None,
    };
    if let Some(contact) = &asked.contact {
        // The message quotes the values of fields.
        let scope = app.access.clear_scope(Action::See, &KindId::contact());
        if let Err(error) = scope::check(&app.db, &scope, contact, app.now).await {
            return refused(&app, &inbound, id, &asked, error);
        }
    }
    let is_test = form.first("do") == Some("test");
    if is_test && let Err(error) = app.send_test(id, &asked).await {
        return refused(&app, &inbound, id, &asked, error);
    }
    preview_reply(&app, &inbound, id, &asked, is_test).await
}

async fn preview_reply(
    app: &App,
    inbound: &Inbound,
    id: &str,
    asked: &MessageRequest,
    is_sent: bool,
) -> Reply {
    let Some(published) = app.catalog.live_version(&CampaignId::from(id)) else {
        return not_live(app, inbound, id);
    };
    if !published.compiled.templates.contains_key(&asked.template) {
        return response::message(inbound, MessageKind::NotFound);
    }
    match preview(&app.db, published, &app.settings, asked, app.now).await {
        Ok(shown) => page(app, inbound, published, asked, Ok(shown), is_sent),
        Err(error) => refused(app, inbound, id, asked, error),
    }
}

/// Shows why there is no preview or test in place of it.
fn refused(
    app: &App,
    inbound: &Inbound,
    id: &str,
    asked: &MessageRequest,
    error: FlowError,
) -> Reply {
    match (error, app.catalog.live_version(&CampaignId::from(id))) {
        (FlowError::Rejected(refusal), Some(published)) => {
            page(app, inbound, published, asked, Err(refusal), false)
        }
        (error, _) => response::refused(inbound, "preview", error),
    }
}

fn page(
    app: &App,
    inbound: &Inbound,
    published: &PublishedVersion,
    asked: &MessageRequest,
    shown: Result<Shown, Refusal>,
    is_sent: bool,
) -> Reply {
    let compiled = &published.compiled;
    let first = parent_of_version(&compiled.templates, &asked.template);
    let languages: Vec<String> = languages(&compiled.templates, first).map(str::to_owned).collect();
    let status = if shown.is_ok() { 200 } else { 422 };
    let is_email = asked.template.starts_with("emails/");
    let view = PreviewView {
        frame: frame(app, inbound, Section::Campaigns),
        campaign: published.id().as_str(),
        template: &asked.template,
        shown: shown.as_ref().map(sheet).map_err(|refusal| words(refusal, inbound.language())),
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

/// Returns a refusal in the words of the page.
fn words(refusal: &Refusal, language: Language) -> String {
    if refusal.problems.iter().any(|problem| problem.key == "contact") {
        let english = "There is no such contact. Give its address, number or id.";
        return language.pick(english, "没有这个联系人。请填写邮箱、手机号或编号。").to_owned();
    }
    refusal.to_string()
}
