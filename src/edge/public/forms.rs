//! Forms: fields and tokens for sites that embed them, and submissions.

use crate::domain::base::language::Language;
use crate::domain::base::primitives::QualifiedId;
use crate::domain::base::token::TokenProblem;
use crate::domain::base::web_address::encoded;
use crate::domain::campaign::Page;
use crate::domain::engine::Submitted;
use crate::domain::form::form_data::FormData;
use crate::domain::form::traffic_source::TrafficSource;
use crate::domain::form::{FILL_TIME_MIN, FieldProblem, Form};
use crate::domain::publication::catalog::PublishedVersion;
use crate::edge::app::App;
use crate::edge::http::body;
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::edge::platform::rate_limit;
use crate::flows::campaign::landing_page::{self, Showing, Typed};
use crate::flows::ingest::form::{self, Checked};
use crate::flows::tasks::Intake;
use crate::views::page::LANDING_POLICY;
use crate::views::visitor::{MessageKind, ThanksView, thanks};
use serde_json::{Value, json};
use std::rc::Rc;

/// Returns a form's fields and a fresh token to a site that embeds it.
pub fn form_start(mut app: App, inbound: Inbound, id: &str) -> Reply {
    let id = QualifiedId::from(id);
    let Some((_, form)) = app.catalog.form(&id) else {
        return no_form(&app, &inbound, &id);
    };
    let token = landing_page::form_token(&app.settings, &id, app.now, &mut app.ids);
    let boxes: Vec<Value> = form
        .boxes()
        .map(|(name, ask)| json!({ "name": name, "text": ask.text, "required": ask.required }))
        .collect();
    let consent = form.consents.first();
    let body = json!({ "form": id, "token": token, "fields": form.fields, "boxes": boxes,
                       "consent": consent });
    allow_origin(Reply::json(200, &body), form, &inbound)
}

/// Answers a CORS preflight: which other sites may send a form, and what.
pub fn form_preflight(app: &App, inbound: &Inbound, id: &str) -> Reply {
    let id = QualifiedId::from(id);
    let reply = Reply::empty()
        .header("access-control-allow-methods", "GET, POST")
        .header("access-control-allow-headers", "content-type, accept");
    match app.catalog.form(&id) {
        Some((_, form)) => {
            allow_origin(reply.header("access-control-max-age", "3600"), form, inbound)
        }
        // The form of an unpublished campaign may be requested, so that the request gets its 410.
        None if is_unpublished(app, &id) => reply.header("access-control-allow-origin", "*"),
        None => no_form(app, inbound, &id),
    }
}

/// Receives a submission.
pub async fn form_send(mut app: App, inbound: Inbound, id: &str) -> Reply {
    let id = QualifiedId::from(id);
    let catalog = app.catalog.clone();
    let Some((published, form)) = catalog.form(&id) else {
        return match is_unpublished(&app, &id) {
            true => gone_with_answers(&inbound),
            false => no_form(&app, &inbound, &id),
        };
    };
    let answer = match body::form(&inbound).await {
        Ok(answer) => answer,
        Err(refused) => return allow_origin(refused, form, &inbound),
    };
    let origin_hash = app.origin_hash(&inbound);
    let checked = form::check(published, &id, form, &answer, &origin_hash, &app.settings, app.now);
    let reply = match checked {
        Checked::Robot => {
            let is_asked = form.consents.iter().any(|consent| consent.double_opt_in);
            thank(&app, &inbound, published, form, is_asked)
        }
        Checked::Problems(problems) => {
            show_problems(&mut app, &inbound, published, &id, answer, problems)
        }
        Checked::BadToken(problem) => bad_token(&inbound, problem),
        Checked::Good(submitted) => {
            let keys = form::rate_keys(&submitted, &app.settings);
            if rate_limit::is_exceeded(&app.env, keys).await {
                response::message(&inbound, MessageKind::TooManyRequests)
                    .header("retry-after", "60")
            } else {
                store_lead(&mut app, &inbound, published, form, *submitted).await
            }
        }
    };
    allow_origin(reply, form, &inbound)
}

/// Whether a form is, or may have been, one of an unpublished campaign.
fn is_unpublished(app: &App, id: &QualifiedId) -> bool {
    let campaign = id.parts().map(|(campaign, _)| campaign);
    campaign.is_some_and(|campaign| app.catalog.unpublished(&campaign).is_some())
}

/// Answers a visitor who sent a form that was unpublished while it was being filled in.
fn gone_with_answers(inbound: &Inbound) -> Reply {
    let detail = inbound.language().pick(
        "Its sender has taken it down. What you typed was not kept.",
        "发布者已将其下线。您填写的内容未被保存。",
    );
    let gone = response::message_with(inbound, MessageKind::Gone, Some(detail));
    gone.header("access-control-allow-origin", "*")
}

/// Answers that there is no such form, or that it is gone. If the campaign cannot be read, answers
/// that the service is unavailable.
fn no_form(app: &App, inbound: &Inbound, id: &QualifiedId) -> Reply {
    if is_unpublished(app, id) {
        // Any site that embeds it may read this answer.
        let gone = response::message(inbound, MessageKind::Gone);
        return gone.header("access-control-allow-origin", "*");
    }
    let campaign = id.parts().map(|(campaign, _)| campaign);
    match campaign.and_then(|campaign| app.catalog.unreadable_live(&campaign)) {
        Some(_) => response::unavailable(inbound),
        None => response::message(inbound, MessageKind::NotFound),
    }
}

/// Stores the lead in the database, or, if the database cannot take it, in the intake queue. Only
/// if both fail is the visitor asked to try again.
async fn store_lead(
    app: &mut App,
    inbound: &Inbound,
    published: &Rc<PublishedVersion>,
    form: &Form,
    submitted: Submitted,
) -> Reply {
    let is_asked = submitted.agreed.iter().any(|consent| consent.double_opt_in);
    let flow = form::submit(
        &app.db,
        &app.catalog,
        &app.settings.keys,
        submitted.clone(),
        app.now,
        &mut app.ids,
    );
    match flow.await {
        Ok(work) => app.hint(&work).await,
        Err(error) => {
            response::log("form.deferred", &error.to_string());
            if let Err(error) = app.take_in(&[Intake::SubmissionV1(Box::new(submitted))]).await {
                response::log("form.refused", &error);
                return response::unavailable(inbound);
            }
        }
    }
    thank(app, inbound, published, form, is_asked)
}

/// Thanks the visitor, on the form's own page or the built-in one, which says whether a consent is
/// still to be confirmed.
fn thank(
    app: &App,
    inbound: &Inbound,
    published: &Rc<PublishedVersion>,
    form: &Form,
    is_to_be_confirmed: bool,
) -> Reply {
    let campaign = &published.compiled.campaign;
    let page = form.thanks.as_ref().and_then(|name| campaign.pages.get(name));
    if inbound.wants_json() {
        let thanks = page.map(|page| format!("{}{}", app.settings.base_url, encoded(&page.path)));
        return Reply::json(200, &json!({ "status": "ok", "thanks": thanks }));
    }
    if let Some(page) = page {
        return Reply::redirect(303, &page.path);
    }
    let view = ThanksView {
        language: Language::from_locale(&campaign.locale),
        sender_name: &app.settings.sender_name(Some(campaign)),
        is_to_be_confirmed,
        back: None,
    };
    Reply::page(200, thanks(&view))
}

/// Shows the page again with the submitted values and their problems.
fn show_problems(
    app: &mut App,
    inbound: &Inbound,
    published: &Rc<PublishedVersion>,
    id: &QualifiedId,
    values: FormData,
    problems: Vec<FieldProblem>,
) -> Reply {
    let campaign = &published.compiled.campaign;
    let language = Language::from_locale(&campaign.locale);
    let is_right = problems.iter().all(|problem| problem.field.is_empty());
    // Who had time to fill it in needs no more of it to correct a field.
    let shown_at = if is_right { app.now } else { app.now.minus(FILL_TIME_MIN) };
    if inbound.wants_json() {
        let listed: Vec<Value> = problems
            .iter()
            .map(|p| json!({ "field": p.field, "message": p.message(language) }))
            .collect();
        let token = landing_page::form_token(&app.settings, id, shown_at, &mut app.ids);
        let (title, detail) = match is_right {
            true => ("Send the form once more", "Nothing is wrong with it. Use the new token."),
            false => (
                "The form has mistakes",
                "Correct the listed fields and resubmit with the new token.",
            ),
        };
        let more = json!({ "problems": listed, "token": token });
        return Reply::problem(422, title, detail, more);
    }
    let origin = TrafficSource::from_answer(&values);
    let name = id.parts().map(|(_, name)| name.to_owned());
    let with_form = |page: &&Page| page.form == name;
    let page = campaign.pages.get(&origin.page).filter(with_form);
    let Some(page) = page.or_else(|| campaign.pages.values().find(with_form)) else {
        // The form is on none of our pages, so its problems are returned as text.
        let texts: Vec<String> =
            problems.iter().map(|p| format!("{}: {}", p.field, p.message(language))).collect();
        return response::message_with(inbound, MessageKind::BadRequest, Some(&texts.join(" ")));
    };
    let Some(variant) =
        page.variants.iter().find(|v| v.name == origin.variant).or(page.variants.first())
    else {
        return response::message(inbound, MessageKind::Fault);
    };
    let typed = Typed { values, problems };
    let showing = Showing { published, page, variant, origin: &origin, typed: &typed };
    let rendered = landing_page::render(&showing, &app.settings, shown_at, &mut app.ids);
    match rendered {
        Ok(html) => Reply::html(422, html, LANDING_POLICY),
        Err(error) => {
            response::log("page.render", &error.to_string());
            response::message(inbound, MessageKind::Fault)
        }
    }
}

fn bad_token(inbound: &Inbound, problem: TokenProblem) -> Reply {
    let language = inbound.language();
    let text = match problem {
        TokenProblem::Malformed => language.pick(
            "The form was sent without its token (`_token`), or with a part of it.",
            "提交的表单缺少令牌（`_token`），或令牌不完整。",
        ),
        TokenProblem::WrongPurpose => {
            language.pick("The token belongs to another form.", "令牌不属于此表单。")
        }
        TokenProblem::Forged => {
            language.pick("The token was not made here.", "令牌不是由本站签发的。")
        }
    };
    response::message_with(inbound, MessageKind::BadRequest, Some(text))
}

/// Allows the sites in the form's list of origins to read the answer.
fn allow_origin(reply: Reply, form: &Form, inbound: &Inbound) -> Reply {
    let origin = inbound.header("origin").to_owned();
    let reply = reply.header("vary", "origin");
    if form.origins.contains(&origin) {
        reply.header("access-control-allow-origin", origin)
    } else {
        reply
    }
}
