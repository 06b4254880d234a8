//! Twilio, for SMS: `POST https://api.twilio.com/2010-04-01/Accounts/<sid>/Messages.json`.
//!
//! It knows no idempotency key: when its answer is lost, nobody can tell whether it sent.

use super::http::{HttpRequest, HttpResponse};
use super::{Attempt, Content, Outgoing, attempt_by_status};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// What Twilio knows us by.
#[derive(Clone)]
pub struct Account {
    /// The account's id, `AC…`.
    pub account_sid: String,
    /// Its secret.
    pub auth_token: String,
    /// The number or messaging service (`MG…`) to send from.
    pub from: String,
}

/// The request that sends an SMS; `None` for an e-mail.
pub fn request(account: &Account, message: &Outgoing) -> Option<HttpRequest> {
    let Content::Sms { text } = &message.content else { return None };
    let sender = if account.from.starts_with("MG") { "MessagingServiceSid" } else { "From" };
    let body = [("To", &message.to), (sender, &account.from), ("Body", text)]
        .map(|(name, value)| format!("{name}={}", percent_encode(value)))
        .join("&");
    let credentials = STANDARD.encode(format!("{}:{}", account.account_sid, account.auth_token));
    Some(HttpRequest {
        method: "POST",
        url: format!(
            "https://api.twilio.com/2010-04-01/Accounts/{}/Messages.json",
            account.account_sid
        ),
        headers: vec![
            ("authorization", format!("Basic {credentials}")),
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ],
        body,
    })
}

/// What the answer means. Its errors are `{ "code", "message", "status" }`.
pub fn outcome(response: &HttpResponse) -> Attempt {
    let body: Value = serde_json::from_str(&response.body).unwrap_or(Value::Null);
    let sid = body.get("sid").and_then(Value::as_str).unwrap_or_default();
    match response.status {
        200..=299 if !sid.is_empty() => {
            Attempt::Accepted { provider_id: sid.to_owned(), arrived: false }
        }
        200..=299 => Attempt::Lost("an answer without a sid".to_owned()),
        // A gateway's word, behind which the message may have been taken. Only 503 says it was not.
        408 | 500..=502 | 504.. => Attempt::Lost(format!("status {}", response.status)),
        _ => {
            let message = body.get("message").and_then(Value::as_str).unwrap_or_default();
            let code = body.get("code").and_then(Value::as_i64).unwrap_or_default();
            attempt_by_status(response, format!("{} {code}: {message}", response.status))
        }
    }
}

/// Percent-encodes for a form body (RFC 3986 unreserved characters stay).
fn percent_encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
