//! Webhooks of Tencent Cloud SMS (cloud.tencent.com/document/product/382: status and reply
//! callbacks). They are not signed; instead, the URL entered in the console ends with a secret.
//! They do not contain our message id: a report is matched by `sid`, which is the `SerialNo` of the
//! response to sending.

#[cfg(test)]
mod tests;

use crate::domain::inbound::bounce::{BounceReason, classify_text};
use crate::domain::inbound::delivery_report::DeliveryStatus;
use crate::providers::webhooks::signature::shows_secret;
use crate::providers::webhooks::{
    Hook, RawReport, Refusal, WebhookEvent, WebhookProvider, date_in_china, inbound_sms, json_list,
    seconds, text, text_or_number,
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
        let country = text_or_number(&event, "/nationcode");
        let number = format!("+{country}{}", text_or_number(&event, "/mobile"));
        if let Some(said) = event.get("text").and_then(Value::as_str) {
            let sent = event.get("time").and_then(Value::as_f64);
            let at = sent.and_then(seconds).unwrap_or(hook.now);
            let id = format!("{number}:{}", at.0);
            return inbound_sms(WebhookProvider::Tencent, &number, said, id, at);
        }
        let (code, message) = (text(&event, "/errmsg"), text(&event, "/description"));
        let status = match text(&event, "/report_status") {
            "SUCCESS" => DeliveryStatus::Delivered,
            "FAIL" => match classify_text(code, message) {
                bounce if bounce.reason == BounceReason::OptedOut => DeliveryStatus::Unsubscribed,
                bounce => DeliveryStatus::Bounced(bounce),
            },
            _ => return None,
        };
        let at = date_in_china(text(&event, "/user_receive_time"));
        let raw = RawReport { status, at, address: &number, provider_id: text(&event, "/sid") };
        Some(raw.into_event(WebhookProvider::Tencent, None, hook.now))
    });
    Ok(events.collect())
}
