//! Webhooks of Brevo. They are not signed; they present a secret by basic authentication or as a
//! bearer token (developers.brevo.com/docs/username-and-password-authentication).

#[cfg(test)]
mod tests;

use crate::domain::base::primitives::MessageId;
use crate::domain::inbound::bounce::{Bounce, BounceReason, Opinion, classify};
use crate::domain::inbound::delivery_report::DeliveryStatus;
use crate::providers::webhooks::signature::shows_secret;
use crate::providers::webhooks::{
    Hook, MESSAGE_KEY, RawReport, Refusal, WebhookEvent, WebhookProvider, json_list, message_of,
    seconds, text,
};
use serde_json::Value;

pub(in crate::providers) fn read(
    hook: &Hook<'_>,
    secrets: &[&str],
) -> Result<Vec<WebhookEvent>, Refusal> {
    if !shows_secret(hook, secrets) {
        return Err(Refusal::Unverified);
    }
    let events = json_list(hook.body)?.into_iter().filter_map(|event| {
        let at = ["ts_event", "ts"].iter().find_map(|name| event.get(*name)?.as_f64());
        let raw = RawReport {
            status: delivery_status(&event)?,
            at: at.and_then(seconds),
            address: text(&event, "/email"),
            provider_id: text(&event, "/message-id"),
        };
        Some(raw.into_event(WebhookProvider::Brevo, message(&event), hook.now))
    });
    Ok(events.collect())
}

/// Returns our message id. It travels in the header `X-Mailin-custom` as `name:value`, or as a tag.
fn message(event: &Value) -> Option<MessageId> {
    let tags = event.get("tags").and_then(Value::as_array);
    let tags = tags.into_iter().flatten().filter_map(Value::as_str);
    let all = [text(event, "/X-Mailin-custom"), text(event, "/tag")].into_iter().chain(tags);
    let mut pieces = all.flat_map(|text| text.split('|'));
    let ours = pieces.find_map(|piece| piece.strip_prefix(MESSAGE_KEY)?.strip_prefix(':'));
    message_of(ours.unwrap_or_default().trim())
}

/// Maps the events of transactional mail (developers.brevo.com/docs/transactional-webhooks).
fn delivery_status(event: &Value) -> Option<DeliveryStatus> {
    let reason = text(event, "/reason");
    let of = |because| DeliveryStatus::Bounced(Bounce::new(because, "", reason));
    Some(match text(event, "/event") {
        "request" | "sent" => DeliveryStatus::Sent,
        "delivered" => DeliveryStatus::Delivered,
        "spam" | "complaint" => DeliveryStatus::Complained,
        "unsubscribed" => DeliveryStatus::Unsubscribed,
        "hard_bounce" => DeliveryStatus::Bounced(classify(reason).weighed(Opinion::BadAddress)),
        "soft_bounce" => DeliveryStatus::Bounced(classify(reason).weighed(Opinion::Transient)),
        "invalid_email" | "invalid" => of(BounceReason::NoSuchAddress),
        "blocked" | "error" => of(BounceReason::Policy),
        _ => return None,
    })
}
