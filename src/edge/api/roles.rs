//! Roles: list, write one's own, delete.

use crate::domain::access::role::{ROLE_BYTES_MAX, Role};
use crate::edge::app::App;
use crate::edge::http::body;
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use serde_json::json;

/// Lists the built-in roles and those of the deployment's own.
pub async fn list(app: App, inbound: Inbound) -> Reply {
    match app.office().roles().await {
        Ok(roles) => Reply::json(200, &json!({ "roles": roles })),
        Err(error) => response::failed(&inbound, "roles", &error),
    }
}

/// Writes a role.
pub async fn put(app: App, inbound: Inbound, id: &str) -> Reply {
    let like = "{\"name\": \"…\", \"grants\": [{\"actions\": [\"see\"], \"scope\": \"team\"}]}";
    // More than the limit itself, so that the check can report it.
    let role = match body::json::<Role>(&inbound, ROLE_BYTES_MAX * 2, "Not a role", like).await {
        Ok(role) => Role { id: id.to_owned(), ..role },
        Err(refusal) => return refusal,
    };
    match app.office().put_role(role).await {
        Ok(role) => Reply::json(200, &json!({ "role": role })),
        Err(error) => response::refused(&inbound, "roles", error),
    }
}

/// Deletes a role.
pub async fn delete(app: App, inbound: Inbound, id: &str) -> Reply {
    match app.office().delete_role(id).await {
        Ok(()) => Reply::json(200, &json!({ "deleted": id })),
        Err(error) => response::refused(&inbound, "roles", error),
    }
}
