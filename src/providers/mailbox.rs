//! The local mailbox: keeps messages in our own database and shows them at `/dev/mailbox`.
//!
//! It sits behind the same port as the other providers: an implementation of `Http` recognises its
//! URL and stores what is sent there, once per message id.

use super::http::{HttpRequest, HttpResponse};
use super::{Call, Content, Outgoing, SendResult};
use crate::domain::contact::message::CapturedMessage;

/// A URL that exists on no network.
pub const URL: &str = "mailbox:";

/// The most messages in one call: as many as one task sends.
pub const BATCH_MAX: usize = 100;

/// Builds the request that stores messages: a JSON array.
pub fn request(call: Call<'_>) -> HttpRequest {
    let messages: Vec<CapturedMessage> = call.messages().map(capture).collect();
    HttpRequest {
        method: "POST",
        url: URL.to_owned(),
        headers: Vec::new(),
        // Serialisation cannot fail: all fields are text.
        body: serde_json::to_string(&messages).unwrap_or_default(),
    }
}

/// Interprets the response: the message was stored, or the database failed.
pub fn send_result(response: &HttpResponse) -> SendResult {
    match response.status {
        200 => SendResult::Accepted { provider_id: "mailbox".to_owned(), arrived: true },
        _ => SendResult::Retry { after: None, reason: response.body.clone() },
    }
}

fn capture(message: &Outgoing) -> CapturedMessage {
    let mut captured = CapturedMessage {
        id: message.id.0.clone(),
        channel: String::new(),
        sender: String::new(),
        address: message.to.clone(),
        subject: String::new(),
        html: String::new(),
        text: String::new(),
        headers: "{}".to_owned(),
        at: <_>::default(),
    };
    match message.content.clone() {
        Content::Email { from, subject, html, text, headers } => {
            let headers: serde_json::Map<String, serde_json::Value> =
                headers.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
            let headers = serde_json::Value::Object(headers).to_string();
            let channel = "email".to_owned();
            captured =
                CapturedMessage { channel, sender: from, subject, html, text, headers, ..captured };
        }
        Content::Sms { text } => {
            captured = CapturedMessage { channel: "sms".to_owned(), text, ..captured }
        }
        Content::Webhook { body } => {
            captured = CapturedMessage { channel: "webhook".to_owned(), text: body, ..captured };
        }
    }
    captured
}
