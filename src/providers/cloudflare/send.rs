//! Cloudflare's own e-mail service, for what people have just asked for: confirmations, and for
//! notices to our own people. Its terms allow no marketing mail
//! (developers.cloudflare.com/email-service/reference/faq).
//!
//! It is a binding, not an address: it stands behind the same seam as a real provider, and an
//! implementation of `Http` knows the address below. It knows no idempotency key.

use crate::domain::contact::address::mailbox_parts;
use crate::domain::contact::message::Class;
use crate::providers::common::{MESSAGE_KEY, headers_object, json, said, tag, text};
use crate::providers::http::{HttpRequest, HttpResponse};
use crate::providers::{Call, Content, SendResult};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The address that no network has.
pub const URL: &str = "cloudflare-email:";

/// A mail as the binding takes it.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Mail {
    /// The name of the sender; empty for none.
    pub from_name: String,
    /// The address of the sender.
    pub from: String,
    /// The recipient.
    pub to: String,
    /// One line.
    pub subject: String,
    /// The HTML part.
    pub html: String,
    /// The plain-text part.
    pub text: String,
    /// Further headers.
    pub headers: Map<String, Value>,
}

/// The request of a call; `None` for marketing, and for what is no e-mail.
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
        // A mail's fields are text and JSON, which always serialise.
        body: serde_json::to_string(&mail).unwrap_or_default(),
    })
}

/// What the binding said: 200 with `id`, or another status with the `code` that it threw and its
/// `message` (developers.cloudflare.com/email-service/api/send-emails/workers-api).
pub fn outcome(response: &HttpResponse) -> SendResult {
    let body = json(response);
    let code = text(&body, "/code");
    let reason = said(code, "", text(&body, "/message"));
    match code {
        "" if response.status == 200 => {
            SendResult::Accepted { provider_id: text(&body, "/id").to_owned(), arrived: false }
        }
        "E_RATE_LIMIT_EXCEEDED" | "E_DAILY_LIMIT_EXCEEDED" => {
            SendResult::Busy { after: None, reason }
        }
        "E_SENDER_NOT_VERIFIED" | "E_SENDER_DOMAIN_NOT_AVAILABLE" => SendResult::Stop(reason),
        // It has no such binding.
        "E_NO_BINDING" => SendResult::Stop(reason),
        "" | "E_INTERNAL_SERVER_ERROR" | "E_DELIVERY_FAILED" => SendResult::Lost(reason),
        _ => SendResult::Refused(reason),
    }
}
