//! Events that programs report.

use crate::edge::app::App;
use crate::edge::http::body;
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::flows::ingest::api_events::{self, EVENTS_BODY_BYTES_MAX};
use serde::de::IgnoredAny;
use serde_json::json;

/// Puts events into the intake queue: all of a request, or none.
pub async fn add(mut app: App, inbound: Inbound) -> Reply {
    let body = match body::json_bytes(&inbound, EVENTS_BODY_BYTES_MAX).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    if let Err(error) = serde_json::from_slice::<IgnoredAny>(&body) {
        return body::not_like("The body is not JSON", "`{\"events\": […]}`", &error);
    }
    let facts = match api_events::read(&body, app.now, &mut app.ids) {
        Ok(facts) => facts,
        Err(problems) => {
            let detail = "None of the events was accepted. Fix the listed ones and send all again.";
            let more = json!({ "problems": problems });
            return Reply::problem(422, "Some events are wrong", detail, more);
        }
    };
    let conflicts = api_events::conflicts(&app.db, &facts).await;
    if !conflicts.is_empty() {
        let detail = "None of the events was taken. An id stands for one event.";
        let more = json!({ "problems": conflicts });
        return Reply::problem(409, "An id was used for another event", detail, more);
    }
    match app.take_in(&facts).await {
        Ok(()) => Reply::json(202, &json!({ "accepted": facts.len() })),
        Err(error) => response::failed(&inbound, "events", &error),
    }
}
