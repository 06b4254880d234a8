//! Cloudflare's own e-mail service, for mail that people have just asked for, such as
//! confirmations, and for notices to the operators. Its terms forbid marketing mail
//! (developers.cloudflare.com/email-service/reference/faq).
//!
//! The service is a binding, not a URL. It sits behind the same port as the other providers: an
//! implementation of `Http` recognises the URL below. It has no idempotency key.

use crate::domain::contact::address::mailbox_parts;
use crate::domain::contact::message::Class;
use crate::providers::common::{MESSAGE_KEY, error_text, headers_object, json, tag, text};
use crate::providers::http::{HttpRequest, HttpResponse};
use crate::providers::{Call, Content, SendResult};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A URL that exists on no network.
pub const URL: &str = "cloudflare-email:";

/// A mail in the form that the binding takes.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Mail {
    /// The sender's name; empty for none.
    pub from_name: String,
    /// The sender's address.
    pub from: String,
    pub to: String,
    /// One line.
    pub subject: String,
    pub html: String,
    pub text: String,
    /// Additional headers.
    pub headers: Map<String, Value>,
}

/// Builds the request of a call; `None` for marketing, and for anything but e-mail.
pub fn request(call: Call<'_>) -> Option<HttpRequest> {
    let Content::Email { from, subject, html, text, headers } = &call.first.content else {
        return None;
    };
    if call.first.class == Class::Marketing {
        return None;
    }
    let (name, address) = mailbox_parts(from);
    let mut headers = headers_object(headers);
    let header = format!("X-{}", MESSAGE_KEY.replace('_', "-"));
    headers.insert(header, tag(&call.first.id).into());
    let mail = Mail {
        from_name: name,
        from: address.to_owned(),
        to: call.first.to.clone(),
        subject: subject.clone(),
        html: html.clone(),
        text: text.clone(),
        headers,
    };
    Some(HttpRequest {
        method: "POST",
        url: URL.to_owned(),
        headers: Vec::new(),
        // Serialisation cannot fail: a mail's fields are text and JSON.
        body: serde_json::to_string(&mail).unwrap_or_default(),
    })
}

/// Interprets the binding's result: 200 with `id`, or another status with the `code` and `message`
/// of the error it threw (developers.cloudflare.com/email-service/api/send-emails/workers-api).
pub fn send_result(response: &HttpResponse) -> SendResult {
    let body = json(response);
    let code = text(&body, "/code");
    let reason = error_text(code, "", text(&body, "/message"));
    match code {
        "" if response.status == 200 => {
            SendResult::Accepted { provider_id: text(&body, "/id").to_owned(), arrived: false }
        }
        "E_RATE_LIMIT_EXCEEDED" | "E_DAILY_LIMIT_EXCEEDED" => {
            SendResult::Busy { after: None, reason }
        }
        "E_SENDER_NOT_VERIFIED" | "E_SENDER_DOMAIN_NOT_AVAILABLE" => SendResult::Stop(reason),
        // The deployment has no such binding.
        "E_NO_BINDING" => SendResult::Stop(reason),
        "" | "E_INTERNAL_SERVER_ERROR" | "E_DELIVERY_FAILED" => SendResult::Lost(reason),
        _ => SendResult::Refused(reason),
    }
}
