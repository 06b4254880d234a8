//! The buttons of a quarantined contact.

use crate::domain::base::primitives::RecordId;
use crate::edge::app::App;
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::flows::schedule::quarantine;

/// Releases a contact from quarantine, then shows the list again.
pub async fn release(app: App, inbound: Inbound, id: &str) -> Reply {
    match quarantine::release(&app.db, &RecordId::from(id), app.now).await {
        Ok(_) => Reply::redirect(303, &format!("/admin?lang={}", inbound.language().tag())),
        Err(error) => response::failed(&inbound, "release", &error),
    }
}
