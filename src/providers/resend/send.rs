//! Resend, for e-mail: `POST https://api.resend.com/emails`, and `/emails/batch` for up to 100.
//!
//! Both take an `Idempotency-Key` of at most 256 characters and remember it for 24 hours; a batch
//! has one key for all its mails (resend.com/docs/dashboard/emails/idempotency-keys). Under a known
//! key, the same body gets the first response again, and another body gets 409. In permissive mode,
//! Resend sends a batch without the mails that it refuses
//! (resend.com/changelog/batch-validation-modes).

use crate::domain::base::primitives::Span;
use crate::domain::pacing::Rate;
use crate::providers::common::{
    MESSAGE_KEY, accepted, by_status, error_text, headers_object, json, quoted_mailbox, tag, text,
};
use crate::providers::http::{HttpRequest, HttpResponse};
use crate::providers::{BatchResult, Call, Content, Outgoing, SendResult};
use serde_json::{Value, json};

/// The most mails in one call.
pub const BATCH_MAX: usize = 100;

/// The time for which a key is certainly remembered: 24 hours, less one for safety.
pub const KEY_LIFETIME: Span = Span::hours(23);

/// The default rate limit of an account. Some of Resend's pages say 2 calls, newer ones 5; the
/// lower value is safe (resend.com/docs/api-reference/rate-limit).
pub const RATE: Rate = Rate { calls: 2, per: Span::seconds(1) };

#[derive(Clone)]
pub struct Account {
    /// The API key, `re_…`.
    pub api_key: String,
}

/// Builds the request of a call; `None` unless all messages are e-mail.
pub fn request(account: &Account, call: Call<'_>) -> Option<HttpRequest> {
    let mut mails = call.messages().map(mail).collect::<Option<Vec<Value>>>()?;
    let (url, body) = match call.batch {
        Some(_) => ("https://api.resend.com/emails/batch", Value::Array(mails)),
        None => ("https://api.resend.com/emails", mails.pop()?),
    };
    let mut headers = vec![
        ("authorization", format!("Bearer {}", account.api_key)),
        ("content-type", "application/json".to_owned()),
        ("idempotency-key", call.key().to_owned()),
    ];
    headers.extend(call.batch.map(|_| ("x-batch-validation", "permissive".to_owned())));
    Some(HttpRequest { method: "POST", url: url.to_owned(), headers, body: body.to_string() })
}

fn mail(message: &Outgoing) -> Option<Value> {
    let Content::Email { from, subject, html, text, headers } = &message.content else {
        return None;
    };
    Some(json!({
        "from": quoted_mailbox(from), "to": [message.to],
        "subject": subject, "html": html, "text": text,
        "headers": headers_object(headers),
        // Tag values may contain only letters, digits, `_` and `-`.
        "tags": [{ "name": MESSAGE_KEY, "value": tag(&message.id) }],
    }))
}

/// Interprets the response. Errors are `{ "statusCode", "name", "message" }`.
pub fn batch_result(call: Call<'_>, response: &HttpResponse) -> BatchResult {
    let body = json(response);
    let name = text(&body, "/name");
    let reason = error_text(response.status, name, text(&body, "/message"));
    BatchResult::All(match (response.status, name) {
        (200..=299, _) if call.batch.is_some() => return each(call, &body),
        (200..=299, _) => accepted(text(&body, "/id")),
        // The key was used before with a different body, and that earlier mail was accepted.
        (409, "invalid_idempotent_request") => {
            SendResult::Unclear("sent before under the same key, with other content".to_owned())
        }
        // In progress.
        (409, _) => SendResult::Lost(reason),
        // The domain of this campaign's sender is not verified; an operator can fix that.
        (403, "validation_error") => SendResult::Retry { after: None, reason },
        _ => by_status(response, reason),
    })
}

/// Reads the response to a batch: `data` has the ids of the accepted mails, in order, and `errors`
/// has an index and a message for each refused mail.
fn each(call: Call<'_>, body: &Value) -> BatchResult {
    let list = |name: &str| body.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let (data, errors) = (list("data"), list("errors"));
    if data.len() + errors.len() != call.count() {
        return BatchResult::All(SendResult::Lost(
            "an answer that does not fit the batch".to_owned(),
        ));
    }
    let error = |index: usize| {
        let is_it = |error: &&Value| error.get("index").and_then(Value::as_u64) == Some(index as _);
        Some(text(errors.iter().find(is_it)?, "/message").to_owned())
    };
    let mut data = data.iter();
    let outcome = |index: usize| match error(index) {
        Some(why) => SendResult::Refused(why),
        None => accepted(data.next().map(|taken| text(taken, "/id")).unwrap_or_default()),
    };
    BatchResult::Each((0..call.count()).map(outcome).collect())
}
