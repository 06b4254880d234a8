//! Webhooks of Mailgun: HMAC-SHA256 over timestamp and token, inside the JSON body
//! (documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks).
//!
//! The signature does not cover the event, so an attacker who has seen one signed webhook could
//! attach its signature to another event. Therefore each token counts only once, whatever event it
//! came with. An event that means nothing to us also uses its token up.

#[cfg(test)]
mod tests;

use crate::domain::base::primitives::Span;
use crate::domain::inbound::bounce::{Bounce, Opinion, classify};
use crate::domain::inbound::delivery_report::{DeliveryReport, DeliveryStatus};
use crate::providers::webhooks::signature::{equal, hex, hmac_sha256, sha256_hex};
use crate::providers::webhooks::{
    Hook, MESSAGE_KEY, ONCE, RawReport, Refusal, WebhookEvent, WebhookProvider, is_fresh, json,
    message_of, seconds, signed_seconds, text, text_or_number,
};
use serde_json::Value;

/// Mailgun retries for eight hours, and does not document that it signs each attempt separately.
const SIGNED_AGO_MAX: Span = Span::hours(8);

pub(in crate::providers) fn read(
    hook: &Hook<'_>,
    keys: &[&str],
) -> Result<Vec<WebhookEvent>, Refusal> {
    // The signed fields are inside the JSON: a body that cannot be parsed cannot be verified.
    let body = json(hook.body).map_err(|_| Refusal::Unverified)?;
    let token = verify(&body, hook, keys)?;
    let Some(event) = body.get("event-data") else { return Err(Refusal::Unreadable) };
    let mark = &sha256_hex(hook.body)[..MARK_CHARS];
    let key = Some(format!("hook:mailgun:{token}{ONCE}{}-{mark}", hook.now.0));
    let Some(status) = delivery_status(event) else {
        let (status, source) = (DeliveryStatus::Sent, WebhookProvider::Mailgun.as_str().to_owned());
        let (address, provider_id, billed) = (None, None, None);
        let report =
            DeliveryReport { status, at: hook.now, address, source, provider_id, key, billed };
        return Ok(vec![WebhookEvent::Report(None, report)]);
    };
    let raw = RawReport {
        status,
        at: event.get("timestamp").and_then(Value::as_f64).and_then(seconds),
        address: text(event, "/recipient"),
        provider_id: text(event, "/message/headers/message-id"),
    };
    let message = message_of(text(event, &format!("/user-variables/{MESSAGE_KEY}")));
    let mut event = raw.into_event(WebhookProvider::Mailgun, message, hook.now);
    if let WebhookEvent::Report(_, report) = &mut event {
        report.key = key;
    }
    Ok(vec![event])
}

/// The length of the body hash that distinguishes two arrivals within one millisecond.
const MARK_CHARS: usize = 16;

/// Verifies the signature and returns its token.
fn verify(body: &Value, hook: &Hook<'_>, keys: &[&str]) -> Result<String, Refusal> {
    let timestamp = text_or_number(body, "/signature/timestamp");
    let token = text(body, "/signature/token");
    let given = text(body, "/signature/signature").to_ascii_lowercase();
    let at = signed_seconds(&timestamp).ok_or(Refusal::Unverified)?;
    let is_signed = !token.is_empty()
        && token.len() <= 100
        && token.bytes().all(|b| b.is_ascii_alphanumeric())
        && keys.iter().any(|key| {
            let mac = hmac_sha256(key.as_bytes(), &[timestamp.as_bytes(), token.as_bytes()]);
            equal(hex(&mac).as_bytes(), given.as_bytes())
        });
    match is_signed {
        false => Err(Refusal::Unverified),
        true if !is_fresh(at, hook.now, SIGNED_AGO_MAX) => Err(Refusal::Stale),
        true => Ok(token.to_owned()),
    }
}

/// Maps an event. Temporary failures are ignored because they are not final, and opens and clicks
/// because we track them ourselves.
fn delivery_status(event: &Value) -> Option<DeliveryStatus> {
    Some(match text(event, "/event") {
        "accepted" => DeliveryStatus::Sent,
        "delivered" => DeliveryStatus::Delivered,
        "complained" => DeliveryStatus::Complained,
        "unsubscribed" => DeliveryStatus::Unsubscribed,
        "failed" if text(event, "/severity") == "permanent" => {
            DeliveryStatus::Bounced(bounce(event))
        }
        "rejected" => DeliveryStatus::Bounced(bounce(event)),
        _ => return None,
    })
}

fn bounce(event: &Value) -> Bounce {
    let status = event.get("delivery-status").unwrap_or(&Value::Null);
    let message = ["/message", "/description"].map(|path| text(status, path));
    let message = message.into_iter().find(|message| !message.is_empty());
    let message = message.unwrap_or_else(|| text(event, "/reject/reason"));
    let code = match text(status, "/enhanced-code") {
        "" => text_or_number(status, "/code"),
        code => code.to_owned(),
    };
    // Mailgun uses 605 and similar codes of its own: it did not send, because the address is on its
    // suppression list.
    let bounce = classify(&format!("{code} {message}"));
    match (text(event, "/reason"), text(status, "/bounce-type")) {
        ("suppress-bounce", _) => bounce.weighed(Opinion::BadAddress),
        (_, "soft") => bounce.weighed(Opinion::Transient),
        _ => bounce.weighed(Opinion::Permanent),
    }
}
