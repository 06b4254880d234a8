//! Quarantined contacts: list, release.

use crate::domain::base::primitives::RecordId;
use crate::edge::app::App;
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::flows::schedule::quarantine;
use serde_json::{Value, json};

/// Lists the quarantined contacts.
pub async fn list(app: App, inbound: Inbound) -> Reply {
    match quarantine::list(&app.db).await {
        Ok(quarantined) => Reply::json(200, &json!({ "parked": quarantined })),
        Err(error) => response::failed(&inbound, "parked", &error),
    }
}

/// Releases a contact from quarantine.
pub async fn release(app: App, inbound: Inbound, id: &str) -> Reply {
    match quarantine::release(&app.db, &RecordId::from(id), app.now).await {
        Ok(true) => Reply::json(200, &json!({ "released": id })),
        Ok(false) => {
            let detail = "It is not quarantined: it may have been released already.";
            Reply::problem(404, "No such quarantined contact", detail, Value::Null)
        }
        Err(error) => response::failed(&inbound, "release", &error),
    }
}
