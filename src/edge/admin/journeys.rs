//! The buttons of a journey.

use super::page::to_campaign;
use crate::domain::campaign::journey::RunState;
use crate::edge::app::App;
use crate::edge::http::body;
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};

/// Pauses, resumes or archives a journey, then shows its campaign again.
pub async fn set_state(app: App, inbound: Inbound, id: &str, state: RunState) -> Reply {
    if state == RunState::Archived && !body::is_confirmed(&inbound).await {
        return to_campaign(&inbound, id);
    }
    match app.set_journey_state(id, state).await {
        Ok(_) => to_campaign(&inbound, id),
        Err(error) => response::refused(&inbound, "journey_state", error),
    }
}
