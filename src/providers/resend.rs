//! Resend, for e-mail: `POST https://api.resend.com/emails`.
//!
//! It takes an `Idempotency-Key` of at most 256 characters and remembers it for 24 hours
//! (resend.com/docs/dashboard/emails/idempotency-keys).

use super::http::{HttpRequest, HttpResponse};
use super::{Attempt, Content, Outgoing, attempt_by_status};
use serde_json::{Map, Value, json};

/// What Resend knows us by.
#[derive(Clone)]
pub struct Account {
    /// The API key, `re_…`.
    pub api_key: String,
}

/// The request that sends an e-mail; `None` for an SMS.
pub fn request(account: &Account, message: &Outgoing) -> Option<HttpRequest> {
    let Content::Email { from, subject, html, text, headers } = &message.content else {
        return None;
    };
    let headers: Map<String, Value> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
    let body = json!({
        "from": from, "to": [message.to], "subject": subject, "html": html, "text": text,
        "headers": headers,
        // Tag values may be letters, digits, `_` and `-` only.
        "tags": [{ "name": "dripline_message", "value": message.id.0.replace('.', "_") }],
    });
    Some(HttpRequest {
        method: "POST",
        url: "https://api.resend.com/emails".to_owned(),
        headers: vec![
            ("authorization", format!("Bearer {}", account.api_key)),
            ("content-type", "application/json".to_owned()),
            ("idempotency-key", message.id.0.clone()),
        ],
        body: body.to_string(),
    })
}

/// What the answer means. Its errors are `{ "statusCode", "name", "message" }`.
pub fn outcome(response: &HttpResponse) -> Attempt {
    let body: Value = serde_json::from_str(&response.body).unwrap_or(Value::Null);
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    match response.status {
        200..=299 if !text("id").is_empty() => {
            Attempt::Accepted { provider_id: text("id"), arrived: false }
        }
        // Something took it, and what it said cannot be read: the key makes asking again safe.
        200..=299 => Attempt::Lost("an answer without an id".to_owned()),
        // The key was used before for a body that has changed since: that one was taken.
        409 if text("name") == "invalid_idempotent_request" => {
            Attempt::Unclear("sent before under the same key, with other content".to_owned())
        }
        status => {
            let reason = format!("{status} {}: {}", text("name"), text("message"));
            match status {
                // Behind these the message may have been taken, or be under way (409).
                408 | 409 | 500..=502 | 504.. => Attempt::Lost(reason),
                _ => attempt_by_status(response, reason),
            }
        }
    }
}
