//! API tokens that members make: list, add, revoke.

use crate::edge::app::App;
use crate::edge::http::body::{self, QUESTION_BYTES_MAX};
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::edge::platform::clock;
use serde_json::json;

/// Lists the tokens, without their secrets.
pub async fn list(app: App, inbound: Inbound) -> Reply {
    match app.office().tokens().await {
        Ok(tokens) => Reply::json(200, &json!({ "tokens": tokens })),
        Err(error) => response::failed(&inbound, "tokens", &error),
    }
}

/// Makes a token. Its secret is in this answer only.
pub async fn add(app: App, inbound: Inbound) -> Reply {
    let like = "{\"name\": \"crm\", \"roles\": [\"analyst\"], \"days\": 90}";
    let asked = match body::json(&inbound, QUESTION_BYTES_MAX, "Not understood", like).await {
        Ok(asked) => asked,
        Err(refusal) => return refusal,
    };
    let random = match clock::secret() {
        Ok(random) => random,
        Err(error) => return response::failed(&inbound, "tokens", &error),
    };
    match app.office().add_token(&asked, &app.api_tokens(), &random).await {
        Ok(made) => Reply::json(201, &made),
        Err(error) => response::refused(&inbound, "tokens", error),
    }
}

/// Revokes a token.
pub async fn revoke(app: App, inbound: Inbound, named: &str) -> Reply {
    match app.office().revoke_token(named).await {
        Ok(token) => Reply::json(200, &json!({ "token": token })),
        Err(error) => response::refused(&inbound, "tokens", error),
    }
}
