//! Journeys: their state.

use crate::domain::campaign::journey::RunState;
use crate::edge::app::App;
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};

/// Pauses, resumes or archives a journey.
pub async fn set_state(app: App, inbound: Inbound, id: &str, state: RunState) -> Reply {
    match app.set_journey_state(id, state).await {
        Ok(changed) => Reply::json(200, &changed),
        Err(error) => response::refused(&inbound, "journey_state", error),
    }
}
