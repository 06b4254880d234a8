//! What visitors and readers of messages reach: pages, forms, links that are followed.

use super::app::App;
use super::inbound::{Inbound, NoBody};
use super::reply::{self, Reply};
use crate::domain::answer::{Answer, BodyProblem, FORM_BODY_BYTES_MAX};
use crate::domain::catalog::Edition;
use crate::domain::form::{FieldProblem, Form};
use crate::domain::language::Language;
use crate::domain::machine::{self, Fetched};
use crate::domain::origin::Origin;
use crate::domain::primitives::QualifiedId;
use crate::domain::token::{Purpose, TokenProblem};
use crate::domain::tracking::location;
use crate::flows::receive::{self, Link};
use crate::flows::serve_page::{self, Showing, Typed};
use crate::flows::submit_form::{self, Checked};
use crate::flows::task::{EngagementReport, Intake};
use crate::store::reports::Visit;
use crate::views::page::LANDING_POLICY;
use crate::views::visitor::{MessageKind, ThanksView, thanks};
use serde_json::{Value, json};
use std::rc::Rc;

/// The visitor's random first-party id: what keeps a page's variant the same.
const VISITOR_COOKIE: &str = "dl_visitor";

/// The icon of every page that names none: a drop. Browsers ask for it unasked.
const ICON: &str = concat!(
    r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><path fill="#0b7189" "##,
    r##"d="M16 3c5 7 9 12 9 17a9 9 0 0 1-18 0c0-5 4-10 9-17z"/></svg>"##,
);

/// What crawlers are asked to leave alone: links that are somebody's own, and what is no page.
const ROBOTS: &str = "User-agent: *\n\
    Disallow: /admin\nDisallow: /api/\nDisallow: /c/\nDisallow: /confirm/\nDisallow: /dev/\n\
    Disallow: /f/\nDisallow: /o/\nDisallow: /preferences/\nDisallow: /s/\nDisallow: /u/\n";

/// A transparent GIF of one pixel.
const PIXEL: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\
\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

/// Shows a landing page, and counts the visit after the answer.
pub async fn page(mut app: App, inbound: Inbound, path: &str) -> Reply {
    let Some((edition, name, page)) = app.catalog.page_at(path) else {
        return match path {
            _ if app.catalog.may_have_page(path) => reply::unavailable(&inbound),
            _ if app.catalog.had_page(path) => reply::message(&inbound, MessageKind::Gone),
            _ => no_page(&app, &inbound, path),
        };
    };
    let network = inbound.address().map(|address| {
        format!("{address}|{}", machine::known_agent(&inbound.header("user-agent")))
    });
    let (cookie, objects) = (inbound.cookie(VISITOR_COOKIE), inbound.objects_to_tracking());
    let visitor =
        serve_page::visitor(page, cookie, objects, network, &app.settings, app.now, &mut app.ids);
    let campaign = edition.id().as_str();
    let Some(variant) = serve_page::variant_for(page, campaign, name, &visitor.id) else {
        return reply::message(&inbound, MessageKind::NotFound);
    };
    let referrer = inbound.header("referer");
    let origin = Origin::of_visit(name, &variant.name, path, &inbound.query, &referrer);
    let showing = Showing { edition, page, variant, origin: &origin, typed: &Typed::default() };
    let rendered = serve_page::render(&showing, &app.settings, app.now, &mut app.ids);
    let html = match rendered {
        Ok(html) => html,
        Err(error) => {
            reply::log("page.render", &error.to_string());
            return reply::message(&inbound, MessageKind::Fault);
        }
    };
    let visit = Visit {
        campaign_id: campaign.to_owned(),
        visitor: visitor.id.clone(),
        part: format!("{name}/{}", variant.name),
        channel: origin.channel(app.settings.host()),
        at: app.now,
    };
    if machine::judge(&inbound.facts(), Fetched::Link, app.now, None).is_empty() {
        later(app, &inbound, Intake::VisitV1(visit));
    }
    let reply = Reply::html(200, html, LANDING_POLICY);
    if !visitor.is_kept {
        return reply;
    }
    let secure = if inbound.is_secure { "; Secure" } else { "" };
    let (id, seconds) = (visitor.id, serve_page::COOKIE_AGE.0 / 1_000);
    let cookie =
        format!("{VISITOR_COOKIE}={id}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    reply.header("set-cookie", cookie)
}

/// What stands where no campaign has a page: what browsers and crawlers ask for unasked; on the
/// developer's own machine the web app, for whoever opens the bare address.
fn no_page(app: &App, inbound: &Inbound, path: &str) -> Reply {
    match path {
        "/favicon.ico" => Reply::cached(ICON, "image/svg+xml"),
        "/robots.txt" => Reply::cached(ROBOTS, "text/plain; charset=utf-8"),
        "/" if app.settings.is_local() => Reply::redirect(302, "/admin"),
        _ => reply::message(inbound, MessageKind::NotFound),
    }
}

/// Gives a site that embeds a form its fields and a fresh token.
pub fn form_start(mut app: App, inbound: Inbound, id: &str) -> Reply {
    let id = QualifiedId::from(id);
    let Some((_, form)) = app.catalog.form(&id) else {
        return no_form(&app, &inbound, &id);
    };
    let token = serve_page::form_token(&app.settings, &id, app.now, &mut app.ids);
    let boxes: Vec<Value> = form
        .boxes()
        .map(|(name, ask)| json!({ "name": name, "text": ask.text, "required": ask.required }))
        .collect();
    let consent = form.consents.first();
    let body = json!({ "form": id, "token": token, "fields": form.fields, "boxes": boxes,
                       "consent": consent });
    allow_origin(Reply::json(200, &body), form, &inbound)
}

/// Says which other sites may send a form, and what.
pub fn form_preflight(app: &App, inbound: &Inbound, id: &str) -> Reply {
    let id = QualifiedId::from(id);
    let reply = Reply::empty()
        .header("access-control-allow-methods", "GET, POST")
        .header("access-control-allow-headers", "content-type, accept");
    match app.catalog.form(&id) {
        Some((_, form)) => {
            allow_origin(reply.header("access-control-max-age", "3600"), form, inbound)
        }
        // The form of an unpublished campaign is asked for, to be answered that it is gone.
        None if is_unpublished(app, &id) => reply.header("access-control-allow-origin", "*"),
        None => no_form(app, inbound, &id),
    }
}

/// Takes a form.
pub async fn form_send(mut app: App, mut inbound: Inbound, id: &str) -> Reply {
    let id = QualifiedId::from(id);
    let Some((edition, form)) = app.catalog.form(&id) else {
        return match is_unpublished(&app, &id) {
            true => gone_with_answers(&inbound),
            false => no_form(&app, &inbound, &id),
        };
    };
    let (edition, form) = (edition.clone(), form.clone());
    let answer = match read_answer(&mut inbound).await {
        Ok(answer) => answer,
        Err(refused) => return allow_origin(refused, &form, &inbound),
    };
    let origin_hash = app.origin_hash(&inbound);
    let checked =
        submit_form::check(&edition, &id, &form, &answer, &origin_hash, &app.settings, app.now);
    let reply = match checked {
        Checked::Robot => thank(&app, &inbound, &edition, &form),
        Checked::Problems(problems) => {
            show_problems(&mut app, &inbound, &edition, &id, answer, problems)
        }
        Checked::BadToken(problem) => bad_token(&inbound, problem),
        Checked::Good(submitted) => {
            let keys = submit_form::rate_keys(&submitted, &app.settings);
            if is_too_often(&app, &keys).await {
                reply::message(&inbound, MessageKind::TooManyRequests).header("retry-after", "60")
            } else {
                store_lead(&mut app, &inbound, &edition, &form, *submitted).await
            }
        }
    };
    allow_origin(reply, &form, &inbound)
}

/// Whether a form is, or may have been, one of an unpublished campaign.
fn is_unpublished(app: &App, id: &QualifiedId) -> bool {
    let campaign = id.parts().map(|(campaign, _)| campaign);
    campaign.is_some_and(|campaign| app.catalog.unpublished(&campaign).is_some())
}

/// Somebody has sent a form that was taken down while she filled it in.
fn gone_with_answers(inbound: &Inbound) -> Reply {
    let detail = inbound.language().pick(
        "Its sender has taken it down. What you typed was not kept.",
        "发布者已将其下线。您填写的内容未被保存。",
    );
    let gone = reply::message_with(inbound, MessageKind::Gone, Some(detail));
    gone.header("access-control-allow-origin", "*")
}

/// There is no such form, or no more; or nobody knows, because its campaign cannot be read.
fn no_form(app: &App, inbound: &Inbound, id: &QualifiedId) -> Reply {
    if is_unpublished(app, id) {
        // Any site that has it embedded may know.
        let gone = reply::message(inbound, MessageKind::Gone);
        return gone.header("access-control-allow-origin", "*");
    }
    let campaign = id.parts().map(|(campaign, _)| campaign);
    match campaign.and_then(|campaign| app.catalog.unreadable_live(&campaign)) {
        Some(_) => reply::unavailable(inbound),
        None => reply::message(inbound, MessageKind::NotFound),
    }
}

/// Writes the lead down; or, if the database has no room, puts it into the intake queue. Only if
/// that fails too is the visitor asked to try again.
async fn store_lead(
    app: &mut App,
    inbound: &Inbound,
    edition: &Rc<Edition>,
    form: &Form,
    submitted: crate::domain::decide::Submitted,
) -> Reply {
    let flow = submit_form::submit(
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
            reply::log("form.deferred", &error.to_string());
            if let Err(error) = app.take_in(&[Intake::SubmissionV1(Box::new(submitted))]).await {
                reply::log("form.refused", &error);
                return reply::unavailable(inbound);
            }
        }
    }
    thank(app, inbound, edition, form)
}

/// Follows a link of a message, and records that after the answer.
pub fn click(app: App, inbound: Inbound, token: &str) -> Reply {
    let Ok(link) = Link::verify(&app.settings, Purpose::Click, token) else {
        return reply::message(&inbound, MessageKind::NotFound);
    };
    follow(app, &inbound, link)
}

/// Leads on to the target of a link. Those of earlier versions may hold what no header does.
fn follow(app: App, inbound: &Inbound, link: Link) -> Reply {
    let Some(target) = location(&link.rest) else {
        return reply::message(inbound, MessageKind::NotFound);
    };
    engaged(app, inbound, Fetched::Link, link);
    Reply::redirect(302, &target)
}

/// Follows a short link of a text message, and records that after the answer.
pub async fn short_link(app: App, inbound: Inbound, code: &str) -> Reply {
    let link = match receive::short_link(&app.db, code, app.now).await {
        Ok(Some(link)) => link,
        Ok(None) => return reply::message(&inbound, MessageKind::NotFound),
        Err(error) => {
            reply::log("short_link", &error.to_string());
            return reply::unavailable(&inbound);
        }
    };
    follow(app, &inbound, link)
}

/// Answers the pixel of a message, and records the opening after the answer.
pub fn open(app: App, inbound: Inbound, token: &str) -> Reply {
    let Ok(link) = Link::verify(&app.settings, Purpose::Open, token) else {
        return reply::message(&inbound, MessageKind::NotFound);
    };
    engaged(app, &inbound, Fetched::Picture, link);
    Reply::gif(PIXEL)
}

/// Reads a form's body, or says what is wrong with it.
pub(super) async fn read_answer(inbound: &mut Inbound) -> Result<Answer, Reply> {
    let language = inbound.language();
    let refuse = |inbound: &Inbound, problem: BodyProblem| {
        let kind = match problem {
            BodyProblem::TooLarge | BodyProblem::TooManyPairs => MessageKind::TooLarge,
            BodyProblem::Multipart | BodyProblem::UnknownType => MessageKind::UnsupportedType,
            _ => MessageKind::BadRequest,
        };
        reply::message_with(inbound, kind, Some(&problem.message(language)))
    };
    let body = match inbound.body(FORM_BODY_BYTES_MAX).await {
        Ok(body) => body,
        Err(NoBody::TooLarge) => return Err(refuse(inbound, BodyProblem::TooLarge)),
        Err(NoBody::Broken) => return Err(reply::message(inbound, MessageKind::BadRequest)),
    };
    Answer::from_body(&inbound.header("content-type"), &body)
        .map_err(|problem| refuse(inbound, problem))
}

/// Whether one of these has been here too often lately. A limiter that does not answer lets
/// everybody in: a lead is worth more than the spam it may bring.
pub(super) async fn is_too_often(app: &App, keys: &[String]) -> bool {
    let Ok(limiter) = app.env.rate_limiter("SUBMIT_LIMIT") else { return false };
    for key in keys {
        if limiter.limit(key.clone()).await.is_ok_and(|outcome| !outcome.success) {
            return true;
        }
    }
    false
}

/// Says thank you: on the form's own page, or on the house's.
fn thank(app: &App, inbound: &Inbound, edition: &Rc<Edition>, form: &Form) -> Reply {
    let campaign = &edition.compiled.campaign;
    let page = form.thanks.as_ref().and_then(|name| campaign.pages.get(name));
    if inbound.wants_json() {
        let thanks = page.map(|page| format!("{}{}", app.settings.base_url, page.path));
        return Reply::json(200, &json!({ "status": "ok", "thanks": thanks }));
    }
    if let Some(page) = page {
        return Reply::redirect(303, &page.path);
    }
    let asks = form.consents.iter().any(|consent| consent.double_opt_in);
    let view = ThanksView {
        language: Language::from_locale(&campaign.locale),
        sender_name: &app.settings.sender_name(Some(campaign)),
        is_to_be_confirmed: asks,
        back: None,
    };
    Reply::page(200, thanks(&view))
}

/// Shows the page again with what was typed and what is wrong with it.
fn show_problems(
    app: &mut App,
    inbound: &Inbound,
    edition: &Rc<Edition>,
    id: &QualifiedId,
    values: Answer,
    problems: Vec<FieldProblem>,
) -> Reply {
    let campaign = &edition.compiled.campaign;
    let language = Language::from_locale(&campaign.locale);
    if inbound.wants_json() {
        let told: Vec<Value> = problems
            .iter()
            .map(|p| json!({ "field": p.field, "message": p.message(language) }))
            .collect();
        let token = serve_page::form_token(&app.settings, id, app.now, &mut app.ids);
        let is_right = problems.iter().all(|problem| problem.field.is_empty());
        let (title, detail) = match is_right {
            true => ("Send the form once more", "Nothing is wrong with it. Use the new token."),
            false => (
                "The form has mistakes",
                "Correct the fields that are named, and send the form with the new token.",
            ),
        };
        let more = json!({ "problems": told, "token": token });
        return Reply::problem(422, title, detail, more);
    }
    let origin = Origin::from_answer(&values);
    let name = id.parts().map(|(_, name)| name.to_owned());
    let with_form = |page: &&crate::domain::campaign::Page| page.form == name;
    let page = campaign.pages.get(&origin.page).filter(with_form);
    let Some(page) = page.or_else(|| campaign.pages.values().find(with_form)) else {
        // A form that is on none of our pages: its sender reads it as text.
        let told: Vec<String> =
            problems.iter().map(|p| format!("{}: {}", p.field, p.message(language))).collect();
        return reply::message_with(inbound, MessageKind::BadRequest, Some(&told.join(" ")));
    };
    let Some(variant) =
        page.variants.iter().find(|v| v.name == origin.variant).or(page.variants.first())
    else {
        return reply::message(inbound, MessageKind::Fault);
    };
    let typed = Typed { values, problems };
    let showing = Showing { edition, page, variant, origin: &origin, typed: &typed };
    let rendered = serve_page::render(&showing, &app.settings, app.now, &mut app.ids);
    match rendered {
        Ok(html) => Reply::html(422, html, LANDING_POLICY),
        Err(error) => {
            reply::log("page.render", &error.to_string());
            reply::message(inbound, MessageKind::Fault)
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
    reply::message_with(inbound, MessageKind::BadRequest, Some(text))
}

/// Lets the pages of the form's own list of sites read the answer.
fn allow_origin(reply: Reply, form: &Form, inbound: &Inbound) -> Reply {
    let origin = inbound.header("origin");
    let reply = reply.header("vary", "origin");
    if form.origins.contains(&origin) {
        reply.header("access-control-allow-origin", origin)
    } else {
        reply
    }
}

/// Records after the answer that a link or the picture of a message was fetched.
fn engaged(mut app: App, inbound: &Inbound, fetched: Fetched, link: Link) {
    let objects = inbound.objects_to_tracking();
    let Some((reasons, facts)) = machine::heed(inbound.facts(), fetched, objects, app.now) else {
        return;
    };
    let (kind, url) = match fetched {
        Fetched::Link => ("click", Some(link.rest)),
        Fetched::Picture => ("open", None),
    };
    let key = format!("{kind}:{}", app.ids.uuid());
    let report = EngagementReport {
        contact: link.contact,
        message: link.message,
        url,
        at: app.now,
        machine: reasons.into_iter().map(str::to_owned).collect(),
        facts,
        key,
    };
    later(app, inbound, Intake::EngagementV1(report));
}

/// Puts a fact into the intake queue once the answer is on its way.
fn later(app: App, inbound: &Inbound, fact: Intake) {
    inbound.context.wait_until(async move {
        if let Err(error) = app.take_in(&[fact]).await {
            reply::log("intake", &error);
        }
    });
}
