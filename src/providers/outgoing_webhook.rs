//! Outgoing webhooks: report a contact to another program, signed according to Standard Webhooks.
//! The message's id is the idempotency key: the same call may arrive more than once under it.

use super::common::retry_after;
use super::http::{HttpRequest, HttpResponse};
use super::{Call, Content, SendResult};
use crate::domain::base::primitives::Span;
use crate::domain::base::token::Keyring;

/// How long a call may be retried under the same id. Standard Webhooks sets no limit; receivers
/// that follow its advice remember ids for days.
pub const KEY_LIFETIME: Span = Span::hours(23);

/// Builds the call, signed with these keys; `None` for anything but a webhook. It is signed with
/// the current time, because receivers refuse old signatures.
pub fn request(keys: &Keyring, call: Call<'_>) -> Option<HttpRequest> {
    let message = call.first;
    let Content::Webhook { body } = &message.content else { return None };
    let (id, seconds) = (&message.id, call.at.0.div_euclid(1_000));
    let signatures = keys.webhook_signatures(&format!("{id}.{seconds}.{body}"));
    Some(HttpRequest {
        method: "POST",
        url: message.to.clone(),
        headers: vec![
            ("content-type", "application/json".to_owned()),
            ("webhook-id", id.to_string()),
            ("webhook-timestamp", seconds.to_string()),
            ("webhook-signature", signatures),
        ],
        body: body.clone(),
    })
}

/// Interprets the response. Any 2xx means delivered; a redirect is not followed and counts as a
/// refusal. A failing receiver says nothing about the others, so no status stops or delays them.
pub fn send_result(response: &HttpResponse) -> SendResult {
    let reason = format!("the webhook answered {}", response.status);
    match response.status {
        200..=299 => SendResult::Accepted { provider_id: "webhook".to_owned(), arrived: true },
        401 | 403 | 408 | 409 | 425 | 429 | 500.. => {
            SendResult::Retry { after: retry_after(response), reason }
        }
        _ => SendResult::Refused(reason),
    }
}
