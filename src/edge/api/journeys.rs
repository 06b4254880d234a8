//! Journeys: their state.

use crate::domain::campaign::journey::RunState;
use crate::edge::app::App;
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};

/// Pauses, resumes or archives a journey.
pub async fn steer(app: App, inbound: Inbound, id: &str, state: RunState) -> Reply {
    match app.steer_journey(id, state).await {
        Ok(steered) => Reply::json(200, &steered),
        Err(error) => response::refused(&inbound, "steer", error),
    }
}
