//! Mailgun, for e-mail: `POST /v3/<domain>/messages`.
//!
//! It knows no idempotency key. Its batches have one content with variables, so each mail goes by
//! itself (documentation.mailgun.com/docs/mailgun/api-reference/openapi-final/messages).

use crate::providers::common::{
    MESSAGE_KEY, accepted, basic, by_status, form, json, quoted_mailbox, said, text,
};
use crate::providers::http::{HttpRequest, HttpResponse};
use crate::providers::{Call, Content, SendResult};

/// What Mailgun knows us by.
#[derive(Clone)]
pub struct Account {
    /// The API key.
    pub api_key: String,
    /// The domain that mail is sent from.
    pub domain: String,
    /// `api.mailgun.net`, or `api.eu.mailgun.net` for domains in the EU.
    pub host: String,
}

/// The request of a call; `None` for what is no e-mail.
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
        // Openings and clicks are ours to tell.
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

/// What the answer means: `{ "id", "message" }`.
pub fn outcome(response: &HttpResponse) -> SendResult {
    let body = json(response);
    if (200..=299).contains(&response.status) {
        return accepted(text(&body, "/id"));
    }
    let reason = said(response.status, "", text(&body, "/message"));
    match response.status {
        // Payment is due, or there is no such domain.
        402 | 404 => SendResult::Stop(reason),
        _ => by_status(response, reason),
    }
}
