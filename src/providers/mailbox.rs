//! The local mailbox: a message is kept in our own database and shown at `/dev/mailbox`.
//!
//! It stands behind the same seam as a real provider: an implementation of `Http` knows its
//! address and keeps what is sent there, once a message id.

use super::http::{HttpRequest, HttpResponse};
use super::{Call, Content, Outgoing, SendResult};
use crate::domain::contact::message::CapturedMessage;

/// The address that no network has.
pub const URL: &str = "mailbox:";

/// How many messages one call may carry: as many as a task does.
pub const BATCH_MAX: usize = 100;

/// Keeps messages: a JSON array of letters.
pub fn request(call: Call<'_>) -> HttpRequest {
    let letters: Vec<CapturedMessage> = call.messages().map(letter).collect();
    HttpRequest {
        method: "POST",
        url: URL.to_owned(),
        headers: Vec::new(),
        // A letter's fields are all text, which always serialises.
        body: serde_json::to_string(&letters).unwrap_or_default(),
    }
}

/// A message is kept, or the database has a fault.
pub fn outcome(response: &HttpResponse) -> SendResult {
    match response.status {
        200 => SendResult::Accepted { provider_id: "mailbox".to_owned(), arrived: true },
        _ => SendResult::Retry { after: None, reason: response.body.clone() },
    }
}

fn letter(message: &Outgoing) -> CapturedMessage {
    let mut letter = CapturedMessage {
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
            letter =
                CapturedMessage { channel, sender: from, subject, html, text, headers, ..letter };
        }
        Content::Sms { text } => {
            letter = CapturedMessage { channel: "sms".to_owned(), text, ..letter }
        }
        Content::Webhook { body } => {
            letter = CapturedMessage { channel: "webhook".to_owned(), text: body, ..letter };
        }
    }
    letter
}
