//! The local mailbox: a message is kept in our own database and shown at `/dev/mailbox`.
//!
//! It stands behind the same seam as a real provider: an implementation of `Http` knows its
//! address and keeps what is sent there, once a message id.

use super::http::{HttpRequest, HttpResponse};
use super::{Attempt, Content, Outgoing};
use crate::domain::message::Letter;

/// The address that no network has.
pub const URL: &str = "mailbox:";

/// Keeps a message.
pub fn request(message: &Outgoing) -> HttpRequest {
    let letter = match message.content.clone() {
        Content::Email { from, subject, html, text, headers } => {
            let headers: serde_json::Map<String, serde_json::Value> =
                headers.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
            Letter {
                channel: "email".to_owned(),
                sender: from,
                subject,
                html,
                text,
                headers: serde_json::Value::Object(headers).to_string(),
                ..letter(message)
            }
        }
        Content::Sms { text } => Letter { channel: "sms".to_owned(), text, ..letter(message) },
        Content::Webhook { body } => {
            Letter { channel: "webhook".to_owned(), text: body, ..letter(message) }
        }
    };
    HttpRequest {
        method: "POST",
        url: URL.to_owned(),
        headers: Vec::new(),
        // A letter's fields are all text, which always serialises.
        body: serde_json::to_string(&letter).unwrap_or_default(),
    }
}

/// A message is kept, or the database has a fault.
pub fn outcome(response: &HttpResponse) -> Attempt {
    match response.status {
        200 => Attempt::Accepted { provider_id: "mailbox".to_owned(), arrived: true },
        _ => Attempt::Retry { after: None, reason: response.body.clone() },
    }
}

fn letter(message: &Outgoing) -> Letter {
    Letter {
        id: message.id.0.clone(),
        channel: String::new(),
        sender: String::new(),
        address: message.to.clone(),
        subject: String::new(),
        html: String::new(),
        text: String::new(),
        headers: "{}".to_owned(),
        at: <_>::default(),
    }
}
