//! Webhooks of Resend, which uses Svix: HMAC-SHA256 over `id.timestamp.body`
//! (resend.com/docs/webhooks/verify-webhooks-requests, docs.svix.com/receiving/verifying-payloads).

#[cfg(test)]
mod tests;

use crate::domain::inbound::bounce::{Bounce, BounceReason, Opinion, classify};
use crate::domain::inbound::delivery_report::DeliveryStatus;
use crate::providers::webhooks::signature::{base64, equal, hmac_sha256};
use crate::providers::webhooks::{
    Hook, MESSAGE_KEY, RawReport, Refusal, SIGNED_AGO_MAX, WebhookEvent, WebhookProvider, date,
    is_fresh, json, message_of, signed_seconds, text,
};
use serde_json::Value;

pub(in crate::providers) fn read(
    hook: &Hook<'_>,
    secrets: &[&str],
) -> Result<Vec<WebhookEvent>, Refusal> {
    verify(hook, secrets)?;
    let event = json(hook.body)?;
    let Some(status) = delivery_status(&event) else { return Ok(Vec::new()) };
    let to = event.pointer("/data/to/0").or_else(|| event.pointer("/data/to"));
    let raw = RawReport {
        status,
        at: date(text(&event, "/created_at")),
        address: to.and_then(Value::as_str).unwrap_or_default(),
        provider_id: text(&event, "/data/email_id"),
    };
    Ok(vec![raw.into_event(WebhookProvider::Resend, message_of(tag(&event)), hook.now)])
}

/// Verifies the signature. The headers are Svix's own or those of Standard Webhooks; several
/// signatures mean that the secret is being rotated.
fn verify(hook: &Hook<'_>, secrets: &[&str]) -> Result<(), Refusal> {
    let header = |name: &str| match (hook.header)(&format!("svix-{name}")) {
        value if value.is_empty() => (hook.header)(&format!("webhook-{name}")),
        value => value,
    };
    let (id, timestamp) = (header("id"), header("timestamp"));
    let signatures = header("signature");
    let at = signed_seconds(&timestamp).ok_or(Refusal::Unverified)?;
    let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", hook.body];
    let is_signed = secrets.iter().any(|secret| {
        let key = base64(secret.strip_prefix("whsec_").unwrap_or(secret));
        let mac = hmac_sha256(&key, &signed);
        let given = signatures.split(' ').filter_map(|one| one.strip_prefix("v1,"));
        !key.is_empty() && given.map(base64).any(|given| equal(&mac, &given))
    });
    match is_signed {
        false => Err(Refusal::Unverified),
        true if !is_fresh(at, hook.now, SIGNED_AGO_MAX) => Err(Refusal::Stale),
        true => Ok(()),
    }
}

/// Returns our tag. Tags come as an object of names and values, or as a list of name-value pairs.
fn tag(event: &Value) -> &str {
    let tags = event.pointer("/data/tags");
    let listed = tags.and_then(Value::as_array).and_then(|tags| {
        let ours = tags.iter().find(|tag| text(tag, "/name") == MESSAGE_KEY)?;
        ours.get("value")
    });
    let found = listed.or_else(|| tags.and_then(|tags| tags.get(MESSAGE_KEY)));
    found.and_then(Value::as_str).unwrap_or_default()
}

/// Maps an event. Opens and clicks are ignored because we track them ourselves, and delays because
/// another event follows.
fn delivery_status(event: &Value) -> Option<DeliveryStatus> {
    Some(match text(event, "/type") {
        "email.sent" => DeliveryStatus::Sent,
        "email.delivered" => DeliveryStatus::Delivered,
        "email.complained" => DeliveryStatus::Complained,
        "email.bounced" => DeliveryStatus::Bounced(bounce(event)),
        // The address is on Resend's own suppression list: an earlier message bounced or was
        // complained about.
        "email.suppressed" => {
            let why = text(event, "/data/suppressed/message");
            DeliveryStatus::Bounced(Bounce::new(BounceReason::NoSuchAddress, "", why))
        }
        "email.failed" => {
            let why = text(event, "/data/failed/reason");
            DeliveryStatus::Bounced(Bounce::new(BounceReason::Policy, "", why))
        }
        _ => return None,
    })
}

fn bounce(event: &Value) -> Bounce {
    let diagnostic = event.pointer("/data/bounce/diagnosticCode");
    let diagnostic = match diagnostic {
        Some(Value::Array(all)) => all.first().and_then(Value::as_str),
        other => other.and_then(Value::as_str),
    };
    let bounce = match diagnostic {
        Some(said) => classify(said),
        // Resend's own text is advice, not the receiver's reply.
        None => Bounce::new(BounceReason::Unclear, "", text(event, "/data/bounce/message")),
    };
    match (text(event, "/data/bounce/type"), text(event, "/data/bounce/subType")) {
        ("Permanent", "NoEmail" | "Suppressed" | "OnAccountSuppressionList") => {
            bounce.weighed(Opinion::BadAddress)
        }
        ("Permanent", _) => bounce.weighed(Opinion::Permanent),
        ("Transient", "MailboxFull") => bounce.or(BounceReason::MailboxFull),
        ("Transient", "ContentRejected" | "AttachmentRejected") => bounce.or(BounceReason::Spam),
        ("Transient", _) => bounce.weighed(Opinion::Transient),
        _ => bounce,
    }
}
