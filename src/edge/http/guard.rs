//! Access control: the connection, the origin page and the credential of a request. It runs before
//! every handler.

use crate::domain::access::caller::bearer_token;
use crate::domain::base::language::Language;
use crate::edge::app::App;
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::edge::http::session;
use crate::flows::settings::{api_token_name, is_local_host};
use crate::route::{Area, Credential};
use crate::views::visitor::MessageKind;
use serde_json::Value;

/// Returns the reply that refuses a request, or `None` if the request may proceed.
///
/// Where the public address is https, plain http is not accepted. A page request is redirected to
/// https. A request that may carry a token or change something is refused, because it was readable
/// on its way. A change in the web app must come from a page of ours.
pub fn refuse(app: &App, inbound: &Inbound, area: Area) -> Option<Reply> {
    let is_page = ["GET", "HEAD"].contains(&inbound.method.as_str());
    let is_plain = app.settings.is_https() && !inbound.is_secure();
    match area {
        Area::Public => None,
        Area::Api if is_plain => Some(plain_api(app)),
        Area::Api => None,
        Area::WebApp if is_plain && is_page => Some(Reply::redirect(308, &secure(app, inbound))),
        Area::WebApp if is_plain => Some(plain_form(app, inbound)),
        Area::WebApp if is_page || inbound.is_from_our_page(&app.settings.base_url) => None,
        Area::WebApp => Some(response::message(inbound, MessageKind::Forbidden)),
    }
}

/// Refuses a request that lacks its credential; returns `None` if it may proceed.
pub async fn unauthorized(app: &App, inbound: &Inbound, needed: Credential) -> Option<Reply> {
    match needed {
        Credential::None => None,
        Credential::ApiToken => token_name(app, inbound).err(),
        Credential::Session => session::refuse(app, inbound).await,
        Credential::Mailbox => refuse_reader(app, inbound).await,
    }
}

/// Refuses a request for the mailbox: with 404 where there is none, otherwise unless the reader is
/// signed in. Local development needs no session if the request names a local host. The host is
/// checked because another site can make its own name resolve to this machine.
async fn refuse_reader(app: &App, inbound: &Inbound) -> Option<Reply> {
    if !app.settings.has_mailbox() {
        return Some(response::message(inbound, MessageKind::NotFound));
    }
    if app.settings.is_local() && is_local_host(&inbound.host) {
        return None;
    }
    session::refuse(app, inbound).await
}

/// Returns the name of the request's API token, or a 401 if it is not a configured token.
pub fn token_name(app: &App, inbound: &Inbound) -> Result<String, Reply> {
    let header = inbound.header("authorization");
    let token = bearer_token(header).unwrap_or_default();
    if let Some(name) = api_token_name(&app.api_tokens(), token) {
        return Ok(name.to_owned());
    }
    let detail = "Send `Authorization: Bearer <token>` with a token made by `dripline token new` \
                  and known to the deployment (its secret API_TOKENS).";
    let reply = Reply::problem(401, "An API token is needed", detail, Value::Null);
    Err(reply.header("www-authenticate", "Bearer"))
}

/// Returns the same address with https.
fn secure(app: &App, inbound: &Inbound) -> String {
    let mark = if inbound.query.is_empty() { "" } else { "?" };
    format!("{}{}{mark}{}", app.settings.base_url, inbound.path, inbound.query)
}

fn plain_api(app: &App) -> Reply {
    let base_url = &app.settings.base_url;
    let detail = format!(
        "Nothing was done. Send it to {base_url}. If you sent a token, others may have read it on \
         its way: make another with `dripline token new`, and take this one out of API_TOKENS."
    );
    Reply::problem(403, "The API takes https only", &detail, Value::Null)
}

fn plain_form(app: &App, inbound: &Inbound) -> Reply {
    let base_url = &app.settings.base_url;
    let detail = match inbound.language() {
        Language::English => format!(
            "It came by an insecure connection, so nothing was done. Use {base_url} and, if you \
             entered a token, replace that."
        ),
        Language::Chinese => {
            format!("连接不安全，因此未作处理。请使用 {base_url}；如果输入过令牌，请更换令牌。")
        }
    };
    response::message_with(inbound, MessageKind::Forbidden, Some(&detail))
}
