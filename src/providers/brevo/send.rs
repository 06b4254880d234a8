//! Brevo, for e-mail: `POST https://api.brevo.com/v3/smtp/email`.
//!
//! Brevo takes an `idempotencyKey`, a UUID, among the headers of the mail. Its documents disagree
//! on whether the key is remembered for 15 or 30 minutes; this module assumes 15
//! (developers.brevo.com/changelog/email-api-now-supports-idempotency,
//! …/docs/heterogenous-versions-batch-emails). A batch (`messageVersions`) has the same headers for
//! all mails, but each of our mails needs its own one-click unsubscribe header and its own id. So
//! each mail is sent in its own call.

use crate::domain::base::primitives::{MessageId, Span};
use crate::domain::base::token::uuid_of;
use crate::domain::contact::address::mailbox_parts;
use crate::providers::common::{MESSAGE_KEY, accepted, by_status, headers_object, json};
use crate::providers::common::{error_text, post_json, text};
use crate::providers::http::{HttpRequest, HttpResponse};
use crate::providers::{Call, Content, SendResult};
use serde_json::json;

/// The time for which a key is certainly remembered: 15 minutes, less one for safety.
pub const KEY_LIFETIME: Span = Span::minutes(14);

#[derive(Clone)]
pub struct Account {
    /// The API key, `xkeysib-…`.
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
    let MessageId(id) = &call.first.id;
    let mut headers = headers_object(headers);
    headers.insert("idempotencyKey".to_owned(), uuid_of(id).into());
    headers.insert("X-Mailin-custom".to_owned(), format!("{MESSAGE_KEY}:{id}").into());
    let body = json!({
        "sender": sender, "to": [{ "email": call.first.to }], "subject": subject,
        "htmlContent": html, "textContent": text, "headers": headers,
    });
    let headers =
        vec![("accept", "application/json".to_owned()), ("api-key", account.api_key.clone())];
    Some(post_json("https://api.brevo.com/v3/smtp/email", headers, &body))
}

/// Interprets the response: `{ "messageId" }`, or `{ "code", "message" }`.
pub fn send_result(response: &HttpResponse) -> SendResult {
    let body = json(response);
    if (200..=299).contains(&response.status) {
        return accepted(text(&body, "/messageId"));
    }
    let code = text(&body, "/code");
    let reason = error_text(response.status, code, text(&body, "/message"));
    match code {
        // The key is known: the first request was accepted or is in progress.
        "duplicate_request" => SendResult::Unclear(reason),
        "not_enough_credits"
        | "account_under_validation"
        | "unauthorized"
        | "permission_denied" => SendResult::Stop(reason),
        _ => by_status(response, reason),
    }
}
