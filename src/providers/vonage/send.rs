//! Vonage, for SMS: its Messages API, `POST https://api.nexmo.com/v1/messages`.
//!
//! It has no idempotency key. Our message id travels as `client_ref`
//! (developer.vonage.com/en/api/messages).

use crate::providers::common::{
    accepted, basic, by_status, digits, error_text, json, post_json, retry_after, text,
};
use crate::providers::http::{HttpRequest, HttpResponse};
use crate::providers::sms_template::needs_template;
use crate::providers::{Content, Outgoing, SendResult};
use serde_json::json;

/// The longest `client_ref`, in characters.
const REFERENCE_CHARACTERS_MAX: usize = 100;

#[derive(Clone)]
pub struct Account {
    pub api_key: String,
    pub api_secret: String,
    /// The number or name to send from.
    pub from: String,
}

/// Builds the request that sends an SMS; `None` for any other kind of message, and for a text that
/// needs a provider's template.
pub fn request(account: &Account, message: &Outgoing) -> Option<HttpRequest> {
    let Content::Sms { text } = &message.content else { return None };
    if needs_template(text) {
        return None;
    }
    let mut body = json!({
        "channel": "sms", "message_type": "text", "text": text,
        "to": digits(message), "from": account.from.trim_start_matches('+'),
    });
    let id = message.id.as_str();
    if id.len() <= REFERENCE_CHARACTERS_MAX {
        body["client_ref"] = id.into();
    }
    let headers = vec![
        ("accept", "application/json".to_owned()),
        ("authorization", basic(&account.api_key, &account.api_secret)),
    ];
    Some(post_json("https://api.nexmo.com/v1/messages", headers, &body))
}

/// Interprets the response: 202 with `message_uuid`, or a problem (RFC 9457) whose type ends with a
/// code (developer.vonage.com/api-errors/messages).
pub fn send_result(response: &HttpResponse) -> SendResult {
    let body = json(response);
    if (200..=299).contains(&response.status) {
        return accepted(text(&body, "/message_uuid"));
    }
    let reason = error_text(response.status, text(&body, "/title"), text(&body, "/detail"));
    let kind = text(&body, "/type");
    match kind.rsplit_once('#').map_or("", |(_, code)| code) {
        "1000" => SendResult::Busy { after: retry_after(response), reason },
        // The account is barred, has no credit, or may not send this way.
        "1060" | "1070" | "1080" | "low-balance" | "out-of-credit" => SendResult::Stop(reason),
        // Vonage documents that nothing was submitted.
        "1100" => SendResult::Retry { after: None, reason },
        _ if response.status == 402 => SendResult::Stop(reason),
        _ => by_status(response, reason),
    }
}
