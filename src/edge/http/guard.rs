//! Access control: the connection, the origin page and the credential of a request. It runs before
//! every handler.

use crate::domain::access::caller::bearer_token;
use crate::domain::access::rights::{Access, Need};
use crate::domain::access::role::Action;
use crate::domain::base::language::Language;
use crate::edge::app::App;
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::edge::http::session;
use crate::flows::access::caller;
use crate::flows::settings::is_local_host;
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

/// Returns what the author of a request may do, or the reply that refuses it: without its
/// credential, or if the credential does not meet the need of the route.
pub async fn authorize(app: &App, inbound: &Inbound, needed: Credential) -> Result<Access, Reply> {
    let (access, need) = match needed {
        Credential::None => return Ok(Access::nobody()),
        Credential::ApiToken(need) => (by_token(app, inbound).await?, need),
        Credential::Session(need) => (session::access(app, inbound).await?, need),
        Credential::Mailbox => return reader(app, inbound).await,
    };
    permitted(inbound, access, need)
}

/// Returns whether a request is from somebody who keeps the deployment running.
pub async fn is_operator(app: &App, inbound: &Inbound) -> bool {
    let access = match by_token(app, inbound).await {
        Ok(access) => Ok(access),
        Err(_) => session::access(app, inbound).await,
    };
    access.is_ok_and(|access| access.meets(Need::To(Action::Operate)))
}

/// Refuses a request for the mailbox: with 404 where there is none, otherwise unless the reader is
/// signed in as an owner. Local development needs no session if the request names a local host. The
/// host is checked because another site can make its own name resolve to this machine.
async fn reader(app: &App, inbound: &Inbound) -> Result<Access, Reply> {
    if !app.settings.has_mailbox() {
        return Err(response::message(inbound, MessageKind::NotFound));
    }
    if app.settings.is_local() && is_local_host(&inbound.host) {
        return Ok(Access::nobody());
    }
    permitted(inbound, session::access(app, inbound).await?, Need::Owner)
}

/// Returns the access of the holder of the request's API token, or a 401.
async fn by_token(app: &App, inbound: &Inbound) -> Result<Access, Reply> {
    let token = bearer_token(inbound.header("authorization")).unwrap_or_default();
    match caller::by_token(&app.db, &app.api_tokens(), token, app.now).await {
        Ok(Some(access)) => Ok(access),
        Ok(None) => {
            let detail = "Send `Authorization: Bearer <token>` with a token made by \
                          `dripline token new` and known to the deployment (its secret \
                          API_TOKENS), or made by `dripline token add`.";
            let reply = Reply::problem(401, "An API token is needed", detail, Value::Null);
            Err(reply.header("www-authenticate", "Bearer"))
        }
        Err(error) => Err(response::failed(inbound, "token", &error)),
    }
}

/// Returns the access if it meets the need, or a 403.
fn permitted(inbound: &Inbound, access: Access, need: Need) -> Result<Access, Reply> {
    if access.meets(need) {
        return Ok(access);
    }
    if inbound.is_api() {
        let detail = "Nothing was done. Ask an owner for a role that allows it.";
        return Err(Reply::problem(403, "Your roles do not allow this", detail, Value::Null));
    }
    let detail = inbound.language().pick(
        "Your roles do not allow this. Ask an owner for one that does.",
        "您的角色没有此权限，请联系所有者授权。",
    );
    Err(response::message_with(inbound, MessageKind::Forbidden, Some(detail)))
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
