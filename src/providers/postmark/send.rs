//! Postmark, for e-mail: `POST https://api.postmarkapp.com/email`, and `/email/batch` for many.
//!
//! It has no idempotency key (postmarkapp.com/developer/api/email-api). The response to a batch is
//! 200 with one result per mail, in order.

use crate::domain::contact::message::Class;
use crate::providers::common::{
    MESSAGE_KEY, accepted, by_status, error_text, json, post_json, quoted_mailbox, text,
};
use crate::providers::http::{HttpRequest, HttpResponse};
use crate::providers::{BatchResult, Call, Content, Outgoing, SendResult};
use serde_json::{Value, json};

/// The most mails in one call: Postmark accepts 500, but a task carries fewer.
pub const BATCH_MAX: usize = 100;

/// The longest metadata value, in characters.
const METADATA_CHARACTERS_MAX: usize = 80;

#[derive(Clone)]
pub struct Account {
    /// The token of a Postmark server.
    pub server_token: String,
    /// The message stream for marketing mail.
    pub broadcast_stream: String,
}

/// Builds the request of a call; `None` unless all messages are e-mail.
pub fn request(account: &Account, call: Call<'_>) -> Option<HttpRequest> {
    let mails = call.messages().map(|message| mail(account, message));
    let mut mails = mails.collect::<Option<Vec<Value>>>()?;
    let (url, body) = match call.batch {
        Some(_) => ("https://api.postmarkapp.com/email/batch", Value::Array(mails)),
        None => ("https://api.postmarkapp.com/email", mails.pop()?),
    };
    let headers = vec![
        ("accept", "application/json".to_owned()),
        ("x-postmark-server-token", account.server_token.clone()),
    ];
    Some(post_json(url, headers, &body))
}

fn mail(account: &Account, message: &Outgoing) -> Option<Value> {
    let Content::Email { from, subject, html, text, headers } = &message.content else {
        return None;
    };
    let headers: Vec<Value> =
        headers.iter().map(|(name, value)| json!({ "Name": name, "Value": value })).collect();
    let id = message.id.as_str();
    let metadata = match id.len() <= METADATA_CHARACTERS_MAX {
        true => json!({ MESSAGE_KEY: id }),
        false => json!({}),
    };
    // Marketing mail must use a separate stream, so that it does not harm the delivery of other
    // mail.
    let stream = match message.class {
        Class::Marketing => account.broadcast_stream.as_str(),
        Class::Transactional | Class::Internal => "outbound",
    };
    Some(json!({
        "From": quoted_mailbox(from), "To": message.to, "Subject": subject,
        "HtmlBody": html, "TextBody": text,
        "Headers": headers, "Metadata": metadata, "MessageStream": stream,
        // We track opens and clicks ourselves.
        "TrackOpens": false, "TrackLinks": "None",
    }))
}

/// Interprets the response.
pub fn batch_result(call: Call<'_>, response: &HttpResponse) -> BatchResult {
    let body = json(response);
    let list = body.as_array();
    match (response.status, call.batch, list) {
        (200..=299, Some(_), Some(list)) if list.len() == call.count() => {
            BatchResult::Each(list.iter().map(of_mail).collect())
        }
        (200..=299, Some(_), _) => {
            BatchResult::All(SendResult::Lost("an answer that does not fit the batch".to_owned()))
        }
        (200..=299, None, _) => BatchResult::All(of_mail(&body)),
        (422, ..) => BatchResult::All(of_mail(&body)),
        (status, ..) => {
            let reason = error_text(status, "", text(&body, "/Message"));
            BatchResult::All(by_status(response, reason))
        }
    }
}

/// Interprets Postmark's own codes (postmarkapp.com/developer/api/overview, "API error codes").
fn of_mail(body: &Value) -> SendResult {
    let Some(code) = body.get("ErrorCode").and_then(Value::as_i64) else {
        return SendResult::Lost("an answer without a code".to_owned());
    };
    let reason = error_text(code, "", text(body, "/Message"));
    match code {
        0 => accepted(text(body, "/MessageID")),
        // The token is wrong; the account may not send, or is not approved yet.
        10 | 405 | 412 | 413 => SendResult::Stop(reason),
        // Maintenance; too many requests.
        100 | 429 => SendResult::Busy { after: None, reason },
        // This campaign's sender is unknown or not confirmed; an operator can fix that.
        400 | 401 => SendResult::Retry { after: None, reason },
        _ => SendResult::Refused(reason),
    }
}
