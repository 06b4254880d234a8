//! Webhooks of Postmark. They are not signed; they present a secret by basic authentication
//! (postmarkapp.com/developer/webhooks/webhooks-overview).

#[cfg(test)]
mod tests;

use crate::domain::inbound::bounce::{Bounce, BounceReason, Opinion, classify};
use crate::domain::inbound::delivery_report::DeliveryStatus;
use crate::providers::webhooks::signature::shows_secret;
use crate::providers::webhooks::{
    Hook, MESSAGE_KEY, RawReport, Refusal, WebhookEvent, WebhookProvider, date, json, message_of,
    text,
};
use serde_json::Value;

pub(in crate::providers) fn read(
    hook: &Hook<'_>,
    secrets: &[&str],
) -> Result<Vec<WebhookEvent>, Refusal> {
    if !shows_secret(hook, secrets) {
        return Err(Refusal::Unverified);
    }
    let event = json(hook.body)?;
    let Some(status) = delivery_status(&event) else { return Ok(Vec::new()) };
    let first = |paths: &[&str]| {
        let found = paths.iter().map(|path| text(&event, path)).find(|text| !text.is_empty());
        found.unwrap_or_default()
    };
    let raw = RawReport {
        status,
        at: date(first(&["/DeliveredAt", "/BouncedAt", "/ChangedAt"])),
        address: first(&["/Recipient", "/Email"]),
        provider_id: text(&event, "/MessageID"),
    };
    let message = message_of(text(&event, &format!("/Metadata/{MESSAGE_KEY}")));
    Ok(vec![raw.into_event(WebhookProvider::Postmark, message, hook.now)])
}

fn delivery_status(event: &Value) -> Option<DeliveryStatus> {
    Some(match text(event, "/RecordType") {
        "Delivery" => DeliveryStatus::Delivered,
        "SpamComplaint" => DeliveryStatus::Complained,
        "Bounce" => return bounce(event),
        "SubscriptionChange" if event.get("SuppressSending") == Some(&Value::Bool(true)) => {
            match text(event, "/SuppressionReason") {
                "ManualSuppression" => DeliveryStatus::Unsubscribed,
                // The bounce or the complaint is reported in a webhook of its own.
                _ => return None,
            }
        }
        _ => return None,
    })
}

/// Maps the bounce types (postmarkapp.com/developer/api/bounce-api#bounce-types).
fn bounce(event: &Value) -> Option<DeliveryStatus> {
    let details = match text(event, "/Details") {
        "" => text(event, "/Description"),
        details => details,
    };
    let of = |reason| Bounce::new(reason, "", details);
    let bounce = match text(event, "/Type") {
        "HardBounce" | "BadEmailAddress" | "ManuallyDeactivated" => {
            classify(details).weighed(Opinion::BadAddress)
        }
        "SoftBounce" | "Transient" | "DnsError" | "Undeterminable" | "TemplateRenderingFailed" => {
            classify(details).weighed(Opinion::Transient)
        }
        "SpamComplaint" => return Some(DeliveryStatus::Complained),
        "Unsubscribe" => return Some(DeliveryStatus::Unsubscribed),
        "SpamNotification" | "VirusNotification" => of(BounceReason::Spam),
        "Blocked" | "ISPBlock" => of(BounceReason::Blocked),
        "DMARCPolicy" => of(BounceReason::NotAuthenticated),
        "SMTPApiError" | "InboundError" => of(BounceReason::Policy),
        // Replies by people and autoresponders, notices of a new address, tests.
        _ => return None,
    };
    Some(DeliveryStatus::Bounced(bounce))
}
