//! Webhooks: another program is told about a contact, signed as Standard Webhooks has it. The
//! message's id is the idempotency key: the same call may come more than once under it.

use super::http::{HttpRequest, HttpResponse};
use super::{Attempt, Content, Outgoing, attempt_by_status};
use crate::domain::primitives::Millis;
use crate::domain::token::Keyring;

/// What a call is signed with.
#[derive(Clone)]
pub struct Signer {
    /// The keys.
    pub keys: Keyring,
    /// The present: receivers refuse what was signed long ago.
    pub at: Millis,
}

/// The call; `None` for what is no webhook.
pub fn request(signer: &Signer, message: &Outgoing) -> Option<HttpRequest> {
    let Content::Webhook { body } = &message.content else { return None };
    let (id, seconds) = (&message.id, signer.at.0.div_euclid(1_000));
    let signatures = signer.keys.webhook_signatures(&format!("{id}.{seconds}.{body}"));
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

/// Any 2xx means that it has arrived; a redirect is not followed and counts as a refusal.
pub fn outcome(response: &HttpResponse) -> Attempt {
    match response.status {
        200..=299 => Attempt::Accepted { provider_id: "webhook".to_owned(), arrived: true },
        status => attempt_by_status(response, format!("the webhook answered {status}")),
    }
}
