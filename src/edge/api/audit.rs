//! The audit log, page by page.

use crate::domain::base::primitives::Millis;
use crate::edge::app::App;
use crate::edge::http::request::Inbound;
use crate::edge::http::response::{self, Reply};
use crate::flows::access::audit;
use crate::store::audit::{AuditFilter, ENTRIES_MAX};
use serde_json::{Value, json};

/// The default number of entries in an answer.
const ENTRIES_USUAL: usize = 100;

/// Lists the entries that match the parameters, the newest first, and where the next page begins.
pub async fn list(app: App, inbound: Inbound) -> Reply {
    let filter = match filter(&inbound) {
        Ok(filter) => filter,
        Err(refusal) => return refusal,
    };
    let limit = inbound.parameter("limit").and_then(|text| text.parse::<usize>().ok());
    let limit = limit.unwrap_or(ENTRIES_USUAL).clamp(1, ENTRIES_MAX);
    match audit::list(&app.db, &filter, limit).await {
        Ok(entries) => {
            let next = entries.last().filter(|_| entries.len() == limit).map(|entry| &entry.id);
            let body = json!({ "entries": entries, "next": next });
            // The log names its readers, too.
            Reply::json(200, &body).about("", json!({ "filter": filter, "entries": entries.len() }))
        }
        Err(error) => response::failed(&inbound, "audit", &error),
    }
}

fn filter(inbound: &Inbound) -> Result<AuditFilter, Reply> {
    let given = |name: &str| inbound.parameter(name).filter(|text| !text.is_empty());
    let time = |name: &str| given(name).map(|text| moment(name, &text)).transpose();
    Ok(AuditFilter {
        actor: given("actor"),
        action: given("action"),
        kind: given("kind"),
        object: given("object"),
        since: time("since")?,
        until: time("until")?,
        before: given("before"),
    })
}

/// Reads an instant in RFC 3339.
fn moment(name: &str, text: &str) -> Result<Millis, Reply> {
    Millis::from_rfc3339(text).ok_or_else(|| {
        let detail = format!("`{name}` is no time. Write it as 2026-03-05T10:15:00Z.");
        Reply::problem(400, "Not understood", &detail, Value::Null)
    })
}
