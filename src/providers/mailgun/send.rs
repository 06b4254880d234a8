//! Mailgun, for e-mail: `POST /v3/<domain>/messages`.
//!
//! It has no idempotency key. Its batches share one content with variables, so each mail is sent in
//! its own call (documentation.mailgun.com/docs/mailgun/api-reference/openapi-final/messages).

use crate::providers::common::{
    MESSAGE_KEY, accepted, basic, by_status, error_text, form, json, quoted_mailbox, text,
};
use crate::providers::http::{HttpRequest, HttpResponse};
use crate::providers::{Call, Content, SendResult};

#[derive(Clone)]
pub struct Account {
    pub api_key: String,
    /// The domain that mail is sent from.
    pub domain: String,
    /// `api.mailgun.net`, or `api.eu.mailgun.net` for domains in the EU.
    pub host: String,
}

/// Builds the request of a call; `None` for anything but e-mail.
pub fn request(account: &Account, call: Call<'_>) -> Option<HttpRequest> {
    let Content::Email { from, subject, html, text, headers } = &call.first.content else {
        return None;
    };
    let variable = format!("v:{MESSAGE_KEY}");
    let headers: Vec<(String, &str)> =
        headers.iter().map(|(name, value)| (format!("h:{name}"), value.as_str())).collect();
    let from = quoted_mailbox(from);
    let fields = [
        ("from", from.as_str()),
        ("to", &call.first.to),
        ("subject", subject),
        ("text", text),
        ("html", html),
        // We track opens and clicks ourselves.
        ("o:tracking", "no"),
        (&variable, call.first.id.as_str()),
    ];
    let further = headers.iter().map(|(name, value)| (name.as_str(), *value));
    Some(HttpRequest {
        method: "POST",
        url: format!("https://{}/v3/{}/messages", account.host, account.domain),
        headers: vec![
            ("authorization", basic("api", &account.api_key)),
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ],
        body: form(fields.into_iter().chain(further)),
    })
}

/// Interprets the response: `{ "id", "message" }`.
pub fn send_result(response: &HttpResponse) -> SendResult {
    let body = json(response);
    if (200..=299).contains(&response.status) {
        return accepted(text(&body, "/id"));
    }
    let reason = error_text(response.status, "", text(&body, "/message"));
    match response.status {
        // Payment is due, or the domain does not exist.
        402 | 404 => SendResult::Stop(reason),
        _ => by_status(response, reason),
    }
}
