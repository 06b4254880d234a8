//! Broadcasts: who would get one, and its state.

use crate::domain::base::primitives::QualifiedId;
use crate::domain::campaign::broadcast::BroadcastVerb;
use crate::edge::app::App;
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::flows::broadcast::control;
use crate::flows::error::FlowError;

/// Returns who would get a broadcast.
pub async fn preview(app: App, inbound: Inbound, id: &str) -> Reply {
    match control::preview(&app.db, &QualifiedId::from(id), app.now).await {
        Ok(preview) => Reply::json(200, &preview),
        Err(error) => refused(&inbound, error),
    }
}

/// Starts, pauses, resumes or cancels a broadcast.
pub async fn control(app: App, inbound: Inbound, id: &str, verb: BroadcastVerb) -> Reply {
    match app.control_broadcast(id, verb).await {
        Ok(progress) => Reply::json(200, &progress),
        Err(error) => refused(&inbound, error),
    }
}

/// Logs a rule that the database refuses, because the operator of the deployment must know too.
fn refused(inbound: &Inbound, error: FlowError) -> Reply {
    if let FlowError::Rejected(refusal) = &error {
        response::log("broadcast.rule", &refusal.to_string());
    }
    response::refused(inbound, "broadcast", error)
}
