//! The session of a request to the web app: its cookie, and the way to the sign-in page.

use crate::domain::access::rights::Access;
use crate::domain::form::form_data::percent_encode;
use crate::edge::app::App;
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::flows::access::sign_in;
use crate::route::is_page_of_the_web_app;

/// The parameter of the sign-in page that says where to go after signing in.
const NEXT: &str = "next";

/// Returns what the holder of a request's session may do; a request without a valid session is
/// redirected to the sign-in page. One round trip.
pub async fn access(app: &App, inbound: &Inbound) -> Result<Access, Reply> {
    let secret = secret(app, inbound);
    if let Some(secret) = &secret {
        match sign_in::session(&app.db, &app.api_tokens(), secret, app.now).await {
            Ok(Some(found)) => return Ok(found.access),
            Ok(None) => {}
            Err(error) => return Err(response::failed(inbound, "session", &error)),
        }
    }
    let over = if secret.is_some() { "&over=1" } else { "" };
    let mark = if inbound.query.is_empty() { "" } else { "?" };
    let requested = format!("{}{mark}{}", inbound.path, inbound.query);
    let language = inbound.language().tag();
    let next = match is_page_of_the_web_app(&requested) {
        true => next_parameter(&requested),
        false => String::new(),
    };
    Err(Reply::redirect(303, &format!("/admin/sign-in?lang={language}{over}{next}")))
}

/// Returns the page that was requested before signing in.
pub fn next(inbound: &Inbound) -> Option<String> {
    inbound.parameter(NEXT).filter(|address| is_page_of_the_web_app(address))
}

/// Formats the parameter that leads back to a page after signing in.
pub fn next_parameter(address: &str) -> String {
    format!("&{NEXT}={}", percent_encode(address))
}

/// Returns the session secret in the browser's cookie, unverified.
pub fn secret(app: &App, inbound: &Inbound) -> Option<String> {
    inbound.cookie(cookie_name(app, inbound)).filter(|secret| !secret.is_empty())
}

/// Formats the cookie that holds a session secret for some seconds.
pub fn cookie(app: &App, inbound: &Inbound, secret: &str, seconds: i64) -> String {
    let secure = if is_https(app, inbound) { "; Secure" } else { "" };
    let name = cookie_name(app, inbound);
    format!("{name}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
}

/// `__Host-` binds the cookie to this host and to https. Local development has no https.
fn cookie_name(app: &App, inbound: &Inbound) -> &'static str {
    if is_https(app, inbound) { "__Host-dripline" } else { "dripline" }
}

fn is_https(app: &App, inbound: &Inbound) -> bool {
    app.settings.is_https() || inbound.is_secure()
}
