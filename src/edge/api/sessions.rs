//! Sessions of the web app: make a sign-in link, list, end all.

use crate::domain::access::caller::bearer_token;
use crate::edge::app::App;
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::edge::platform::clock;
use crate::flows::access::sign_in;
use serde_json::{Value, json};

/// Makes a one-time sign-in link to the web app.
pub async fn make_link(app: App, inbound: Inbound) -> Reply {
    let random = match clock::secret() {
        Ok(random) => random,
        Err(error) => return response::failed(&inbound, "sign_in_link", &error),
    };
    let header = inbound.header("authorization");
    let token = bearer_token(header).unwrap_or_default();
    let configured = app.api_tokens();
    match sign_in::make_link(&app.db, &configured, token, &random, app.now).await {
        Ok(Some(link)) => {
            // A browser does not send what follows the `#`, so it appears in no log and no
            // `Referer`.
            let path = format!("/admin/sign-in#{}", link.secret);
            let expires_at = link.expires_at.rfc3339();
            Reply::json(201, &json!({ "path": path, "expires_at": expires_at }))
        }
        Ok(None) => {
            let detail = "Only a token in API_TOKENS makes such links. A member asks for one on \
                          the sign-in page, by e-mail address.";
            Reply::problem(403, "This token makes no sign-in links", detail, Value::Null)
        }
        Err(error) => response::failed(&inbound, "sign_in_link", &error),
    }
}

/// Lists the sessions and the unused sign-in links.
pub async fn list(app: App, inbound: Inbound) -> Reply {
    match sign_in::list(&app.db, &app.api_tokens(), app.now).await {
        Ok(sessions) => Reply::json(200, &json!({ "sessions": sessions })),
        Err(error) => response::failed(&inbound, "sessions", &error),
    }
}

/// Ends all sessions and sign-in links.
pub async fn end_all(app: App, inbound: Inbound) -> Reply {
    match sign_in::end_all(&app.db, &app.api_tokens(), app.now).await {
        Ok(ended) => Reply::json(200, &json!({ "ended": ended.len() })),
        Err(error) => response::failed(&inbound, "sessions", &error),
    }
}
