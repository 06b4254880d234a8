//! Sign-in, sign-out and sessions of the web app.

use crate::domain::access::caller::bearer_token;
use crate::domain::access::session::SESSION_AGE_MAX;
use crate::domain::form::form_data::{FormData, percent_encode};
use crate::edge::api::unavailable;
use crate::edge::app::App;
use crate::edge::http::guard;
use crate::edge::http::request::{Inbound, NoBody};
use crate::edge::http::response::{self, Reply};
use crate::edge::platform::clock;
use crate::edge::public::forms::is_too_often;
use crate::flows::operations::sign_in as signing;
use crate::route::{SessionRoute, is_page_of_the_web_app};
use crate::views::admin::{SIGN_IN_SCRIPT, SignInProblem, SignInView, sign_in as sign_in_page};
use crate::views::page::SIGN_IN_POLICY;
use crate::views::visitor::MessageKind;
use serde_json::json;

/// The limit of a sign-in form's body, in bytes: the form holds one token.
const SIGN_IN_BYTES_MAX: usize = 4_096;

/// The parameter of the sign-in page that says where to go after signing in.
const NEXT: &str = "next";

/// Answers the requests about sessions.
pub async fn answer(app: App, inbound: Inbound, found: SessionRoute) -> Reply {
    match found {
        SessionRoute::Ask => sign_in_ask(&inbound),
        SessionRoute::Script => Reply::script(SIGN_IN_SCRIPT),
        SessionRoute::SignIn => sign_in(app, inbound).await,
        SessionRoute::SignOut => sign_out(app, inbound).await,
        SessionRoute::ApiLink => make_link(app, inbound).await,
        SessionRoute::ApiList => list(app, inbound).await,
        SessionRoute::ApiEndAll => end_all(app, inbound).await,
    }
}

/// Makes a one-time sign-in link to the web app.
async fn make_link(app: App, inbound: Inbound) -> Reply {
    let random = match guard::token_name(&app, &inbound).map(|_| clock::secret()) {
        Ok(Ok(random)) => random,
        Ok(Err(error)) => return unavailable(&inbound, "sign_in_link", &error.to_string()),
        Err(refusal) => return refusal,
    };
    let header = inbound.header("authorization");
    let token = bearer_token(&header).unwrap_or_default();
    let configured = app.api_tokens();
    match signing::make_link(&app.db, &configured, token, &random, app.now).await {
        Ok(Some(link)) => {
            // A browser does not send what follows the `#`, so it appears in no log and no
            // `Referer`.
            let path = format!("/admin/sign-in#{}", link.secret);
            let expires_at = link.expires_at.rfc3339();
            Reply::json(201, &json!({ "path": path, "expires_at": expires_at }))
        }
        Ok(None) => response::message(&inbound, MessageKind::Forbidden),
        Err(error) => unavailable(&inbound, "sign_in_link", &error.to_string()),
    }
}

/// Lists the sessions and the unused sign-in links.
async fn list(app: App, inbound: Inbound) -> Reply {
    match signing::list(&app.db, &app.api_tokens(), app.now).await {
        Ok(sessions) => Reply::json(200, &json!({ "sessions": sessions })),
        Err(error) => unavailable(&inbound, "sessions", &error.to_string()),
    }
}

async fn end_all(app: App, inbound: Inbound) -> Reply {
    match signing::end_all(&app.db, &app.api_tokens(), app.now).await {
        Ok(ended) => Reply::json(200, &json!({ "ended": ended.len() })),
        Err(error) => unavailable(&inbound, "sessions", &error.to_string()),
    }
}

/// Shows the sign-in page. The browser puts the secret of a link into the form. GET changes
/// nothing, so a program that fetches links does not use one up.
fn sign_in_ask(inbound: &Inbound) -> Reply {
    let is_over = inbound.parameter("over").is_some();
    show_door(inbound, 200, is_over.then_some(SignInProblem::SessionOver))
}

/// Signs in with an API token or an unused sign-in link.
async fn sign_in(app: App, mut inbound: Inbound) -> Reply {
    let body = match inbound.body(SIGN_IN_BYTES_MAX).await {
        Ok(body) => body,
        Err(NoBody::TooLarge) => return response::message(&inbound, MessageKind::TooLarge),
        Err(NoBody::Broken) => return response::message(&inbound, MessageKind::BadRequest),
    };
    // Every attempt counts against the rate limit, which stops guessing. A request without a
    // network address is not limited.
    let origin = Some(app.origin_hash(&inbound)).filter(|hash| !hash.is_empty());
    let tries: Vec<String> = origin.iter().map(|hash| format!("sign-in:{hash}")).collect();
    if is_too_often(&app, &tries).await {
        let door = show_door(&inbound, 429, Some(SignInProblem::TooManyTries));
        return door.header("retry-after", "60");
    }
    let random = match clock::secret() {
        Ok(random) => random,
        Err(error) => return unavailable(&inbound, "sign_in", &error.to_string()),
    };
    let answer = FormData::from_urlencoded(&body).unwrap_or_default();
    let proof = answer.first("token").unwrap_or_default().trim();
    let former = secret(&app, &inbound);
    let configured = app.api_tokens();
    let flow = signing::sign_in(&app.db, &configured, proof, former.as_deref(), &random, app.now);
    match flow.await {
        Ok(Some(session)) => {
            let home = format!("/admin?lang={}", inbound.language().tag());
            let next = next(&inbound).unwrap_or(home);
            let seconds = SESSION_AGE_MAX.0 / 1_000;
            let cookie = cookie(&app, &inbound, &session, seconds);
            Reply::redirect(303, &next).header("set-cookie", cookie)
        }
        Ok(None) => show_door(&inbound, 401, Some(SignInProblem::WrongToken)),
        Err(error) => unavailable(&inbound, "sign_in", &error.to_string()),
    }
}

/// Ends the session in the browser and in the database, so that a copied cookie becomes worthless.
async fn sign_out(app: App, inbound: Inbound) -> Reply {
    if let Some(secret) = secret(&app, &inbound)
        && let Err(error) = signing::sign_out(&app.db, &secret).await
    {
        return unavailable(&inbound, "sign_out", &error.to_string());
    }
    let door = format!("/admin/sign-in?lang={}", inbound.language().tag());
    Reply::redirect(303, &door).header("set-cookie", cookie(&app, &inbound, "", 0))
}

/// Redirects a request without a valid session to the sign-in page; returns `None` if it has one.
/// One round trip.
pub(in crate::edge) async fn door(app: &App, inbound: &Inbound) -> Option<Reply> {
    let secret = secret(app, inbound);
    if let Some(secret) = &secret {
        match signing::session(&app.db, &app.api_tokens(), secret, app.now).await {
            Ok(Some(_)) => return None,
            Ok(None) => {}
            Err(error) => return Some(unavailable(inbound, "session", &error.to_string())),
        }
    }
    let over = if secret.is_some() { "&over=1" } else { "" };
    let mark = if inbound.query.is_empty() { "" } else { "?" };
    let asked = format!("{}{mark}{}", inbound.path, inbound.query);
    let language = inbound.language().tag();
    let next = match is_page_of_the_web_app(&asked) {
        true => format!("&{NEXT}={}", percent_encode(&asked)),
        false => String::new(),
    };
    Some(Reply::redirect(303, &format!("/admin/sign-in?lang={language}{over}{next}")))
}

/// Returns the session secret in the browser's cookie, unverified.
pub(super) fn secret(app: &App, inbound: &Inbound) -> Option<String> {
    inbound.cookie(cookie_name(app, inbound)).filter(|secret| !secret.is_empty())
}

fn show_door(inbound: &Inbound, status: u16, problem: Option<SignInProblem>) -> Reply {
    let next = next(inbound).map(|next| format!("&{NEXT}={}", percent_encode(&next)));
    let next = next.unwrap_or_default();
    let view = SignInView { language: inbound.language(), problem, next: &next };
    Reply::html(status, sign_in_page(&view), SIGN_IN_POLICY)
}

/// Returns the page that was requested before signing in.
fn next(inbound: &Inbound) -> Option<String> {
    inbound.parameter(NEXT).filter(|address| is_page_of_the_web_app(address))
}

/// `__Host-` binds the cookie to this host and to https. Local development has no https.
fn cookie_name(app: &App, inbound: &Inbound) -> &'static str {
    if is_https(app, inbound) { "__Host-dripline" } else { "dripline" }
}

fn cookie(app: &App, inbound: &Inbound, value: &str, seconds: i64) -> String {
    let secure = if is_https(app, inbound) { "; Secure" } else { "" };
    let name = cookie_name(app, inbound);
    format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
}

fn is_https(app: &App, inbound: &Inbound) -> bool {
    app.settings.is_https() || inbound.is_secure
}
