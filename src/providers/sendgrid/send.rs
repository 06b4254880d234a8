//! SendGrid, for e-mail: `POST https://api.sendgrid.com/v3/mail/send`.
//!
//! It has no idempotency key. One call may reach a thousand recipients, but all with one content,
//! so each mail is sent in its own call
//! (twilio.com/docs/sendgrid/api-reference/mail-send/mail-send).

use crate::domain::contact::address::mailbox_parts;
use crate::providers::common::{
    MESSAGE_KEY, accepted, by_status, error_text, headers_object, json, post_json, text,
};
use crate::providers::http::{HttpRequest, HttpResponse};
use crate::providers::{Call, Content, SendResult};
use serde_json::json;

#[derive(Clone)]
pub struct Account {
    /// The API key, `SG.…`.
    pub api_key: String,
}

/// Builds the request of a call; `None` for anything but e-mail.
pub fn request(account: &Account, call: Call<'_>) -> Option<HttpRequest> {
    let Content::Email { from, subject, html, text, headers } = &call.first.content else {
        return None;
    };
    let (name, address) = mailbox_parts(from);
    let mut sender = json!({ "email": address });
    if !name.is_empty() {
        sender["name"] = name.into();
    }
    let off = json!({ "enable": false });
    let body = json!({
        "personalizations": [{
            "to": [{ "email": call.first.to }],
            "custom_args": { MESSAGE_KEY: call.first.id },
        }],
        "from": sender,
        "subject": subject,
        // The plain-text part must come first.
        "content": [
            { "type": "text/plain", "value": text },
            { "type": "text/html", "value": html },
        ],
        "headers": headers_object(headers),
        // We handle opens, clicks and unsubscribes ourselves.
        "tracking_settings": {
            "click_tracking": off, "open_tracking": off, "subscription_tracking": off,
        },
    });
    let headers = vec![("authorization", format!("Bearer {}", account.api_key))];
    Some(post_json("https://api.sendgrid.com/v3/mail/send", headers, &body))
}

/// Interprets the response: 202 without a body and the id in `x-message-id`, or errors in `errors`.
pub fn send_result(response: &HttpResponse) -> SendResult {
    if (200..=299).contains(&response.status) {
        let id = response.headers.iter().find(|(name, _)| name == "x-message-id");
        return accepted(id.map(|(_, id)| id.as_str()).unwrap_or_default());
    }
    let body = json(response);
    let reason = error_text(response.status, "", text(&body, "/errors/0/message"));
    match response.status {
        // This campaign's sender is not verified; an operator can fix that.
        403 if text(&body, "/errors/0/field") == "from" => {
            SendResult::Retry { after: None, reason }
        }
        _ => by_status(response, reason),
    }
}
