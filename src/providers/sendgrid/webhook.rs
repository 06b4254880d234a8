//! Webhooks of SendGrid: ECDSA (P-256, SHA-256) over timestamp and body, verified with a public key
//! from its settings (twilio.com/docs/sendgrid/for-developers/tracking-events/
//! getting-started-event-webhook-security-features).

#[cfg(test)]
mod tests;

use crate::domain::inbound::bounce::{Bounce, BounceReason, Opinion, classify};
use crate::domain::inbound::delivery_report::DeliveryStatus;
use crate::providers::webhooks::signature::base64;
use crate::providers::webhooks::{
    Hook, MESSAGE_KEY, RawReport, Refusal, SIGNED_AGO_MAX, WebhookEvent, WebhookProvider, is_fresh,
    json_list, message_of, seconds, signed_seconds, text,
};
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature, VerifyingKey};
use serde_json::Value;

/// The size of an uncompressed point of P-256, which is at the end of the key's DER.
const POINT_BYTES: usize = 65;

pub(in crate::providers) fn read(
    hook: &Hook<'_>,
    keys: &[&str],
) -> Result<Vec<WebhookEvent>, Refusal> {
    verify(hook, keys)?;
    let events = json_list(hook.body)?.into_iter().filter_map(|event| {
        let raw = RawReport {
            status: delivery_status(&event)?,
            at: event.get("timestamp").and_then(Value::as_f64).and_then(seconds),
            address: text(&event, "/email"),
            provider_id: text(&event, "/sg_message_id"),
        };
        // Custom arguments are siblings of the event's own fields.
        let message = message_of(text(&event, &format!("/{MESSAGE_KEY}")));
        Some(raw.into_event(WebhookProvider::Sendgrid, message, hook.now))
    });
    Ok(events.collect())
}

fn verify(hook: &Hook<'_>, keys: &[&str]) -> Result<(), Refusal> {
    let header = |name: &str| (hook.header)(&format!("x-twilio-email-event-webhook-{name}"));
    let timestamp = header("timestamp");
    let at = signed_seconds(&timestamp).ok_or(Refusal::Unverified)?;
    let signature = Signature::from_der(&base64(&header("signature")));
    let signature = signature.map_err(|_| Refusal::Unverified)?;
    let signed = [timestamp.as_bytes(), hook.body].concat();
    let is_signed = keys
        .iter()
        .filter_map(|key| public_key(key))
        .any(|key| key.verify(&signed, &signature).is_ok());
    match is_signed {
        false => Err(Refusal::Unverified),
        true if !is_fresh(at, hook.now, SIGNED_AGO_MAX) => Err(Refusal::Stale),
        true => Ok(()),
    }
}

/// Reads a public key as SendGrid shows it: DER (RFC 5480) in base64.
fn public_key(key: &str) -> Option<VerifyingKey> {
    let der = base64(key);
    let point = der.get(der.len().checked_sub(POINT_BYTES)?..)?;
    VerifyingKey::from_sec1_bytes(point).ok()
}

/// Maps an event. `deferred` is ignored because it is not final, and opens and clicks because we
/// track them ourselves.
fn delivery_status(event: &Value) -> Option<DeliveryStatus> {
    let reply = || match text(event, "/status") {
        "" => text(event, "/reason").to_owned(),
        status => format!("{status} {}", text(event, "/reason")),
    };
    Some(match text(event, "/event") {
        "processed" => DeliveryStatus::Sent,
        "delivered" => DeliveryStatus::Delivered,
        "spamreport" => DeliveryStatus::Complained,
        "unsubscribe" | "group_unsubscribe" => DeliveryStatus::Unsubscribed,
        // SendGrid uses `blocked` if the receiver refused this particular message.
        "bounce" => {
            let opinion = match (text(event, "/type"), text(event, "/bounce_classification")) {
                (_, "Invalid Address") => Opinion::BadAddress,
                ("blocked", _) => Opinion::Transient,
                _ => Opinion::Permanent,
            };
            DeliveryStatus::Bounced(classify(&reply()).weighed(opinion))
        }
        "dropped" => DeliveryStatus::Bounced(dropped(text(event, "/reason"))),
        _ => return None,
    })
}

/// Maps a dropped message: SendGrid did not send it because of its own suppression lists.
fn dropped(reason: &str) -> Bounce {
    let because = match reason {
        "Bounced Address" | "Invalid" => BounceReason::NoSuchAddress,
        "Spam Content" | "Spam Content (if spam checker app enabled)" => BounceReason::Spam,
        _ => BounceReason::Policy,
    };
    Bounce::new(because, "", reason)
}
