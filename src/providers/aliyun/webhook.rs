//! Webhooks of Alibaba Cloud SMS, pushed in batches (help.aliyun.com: SmsReport, SmsUp). They are
//! not signed; instead, the URL entered in the console ends with a secret.

#[cfg(test)]
mod tests;

use crate::domain::contact::address::read_phone;
use crate::domain::inbound::bounce::{BounceReason, classify_text};
use crate::domain::inbound::delivery_report::DeliveryStatus;
use crate::providers::webhooks::signature::shows_secret;
use crate::providers::webhooks::{
    Hook, RawReport, Refusal, WebhookEvent, WebhookProvider, date_in_china, inbound_sms, json_list,
    message_of, text, text_or_number,
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
        let number = read_phone(text(&event, "/phone_number"), Some("CN")).unwrap_or_default();
        if let Some(said) = event.get("content").and_then(Value::as_str) {
            let at = date_in_china(text(&event, "/send_time")).unwrap_or(hook.now);
            return inbound_sms(
                WebhookProvider::Aliyun,
                &number,
                said,
                text_or_number(&event, "/sequence_id"),
                at,
            );
        }
        let (code, message) = (text(&event, "/err_code"), text(&event, "/err_msg"));
        let status = match event.get("success").and_then(Value::as_bool)? {
            true => DeliveryStatus::Delivered,
            false => match classify_text(code, message) {
                bounce if bounce.reason == BounceReason::OptedOut => DeliveryStatus::Unsubscribed,
                bounce => DeliveryStatus::Bounced(bounce),
            },
        };
        let at = date_in_china(text(&event, "/report_time"));
        let raw = RawReport { status, at, address: &number, provider_id: text(&event, "/biz_id") };
        let report =
            raw.into_event(WebhookProvider::Aliyun, message_of(text(&event, "/out_id")), hook.now);
        Some(report.billed(&text_or_number(&event, "/sms_size"), ("", "")))
    });
    Ok(events.collect())
}
