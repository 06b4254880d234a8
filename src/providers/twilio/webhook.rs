//! Webhooks of Twilio: HMAC-SHA1 over the called URL and the sorted form parameters. Of a JSON body
//! only the hash is signed, in the query (twilio.com/docs/usage/webhooks/webhooks-security).
//!
//! A delivery report has our message id in its URL, which the signature covers. It contains no
//! time; a replay only repeats known facts.

#[cfg(test)]
mod tests;

use crate::domain::form::form_data::{FormData, query_pairs};
use crate::domain::inbound::bounce::{BounceReason, classify_text};
use crate::domain::inbound::delivery_report::DeliveryStatus;
use crate::providers::webhooks::signature::{base64, equal, hmac_sha1, sha256_hex};
use crate::providers::webhooks::{
    Hook, RawReport, Refusal, WebhookEvent, WebhookProvider, form, inbound_sms, message_of,
};

/// The parameter of the callback URL that carries our message id.
const MESSAGE_PARAMETER: &str = "m";

pub(in crate::providers) fn read(
    hook: &Hook<'_>,
    secrets: &[&str],
) -> Result<Vec<WebhookEvent>, Refusal> {
    let query = hook.url.split_once('?').map_or("", |(_, query)| query);
    let query = query_pairs(query);
    let parameter =
        |name: &str| query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let form = match parameter("bodySHA256") {
        Some(hash) if !equal(hash.as_bytes(), sha256_hex(hook.body).as_bytes()) => {
            return Err(Refusal::Unverified);
        }
        Some(_) => FormData::default(),
        None => form(hook.body).map_err(|_| Refusal::Unverified)?,
    };
    verify(hook, &form, secrets)?;
    let field = |name: &str| form.first(name).unwrap_or_default();
    if field("SmsStatus") == "received" {
        let text = inbound_sms(
            WebhookProvider::Twilio,
            field("From"),
            field("Body"),
            field("MessageSid").into(),
            hook.now,
        );
        return Ok(text.into_iter().collect());
    }
    let Some(status) = delivery_status(field("MessageStatus"), field("ErrorCode")) else {
        return Ok(Vec::new());
    };
    let provider_id = field("MessageSid");
    let raw = RawReport { status, at: None, address: field("To"), provider_id };
    let message = message_of(parameter(MESSAGE_PARAMETER).unwrap_or_default());
    Ok(vec![raw.into_event(WebhookProvider::Twilio, message, hook.now)])
}

fn verify(hook: &Hook<'_>, form: &FormData, secrets: &[&str]) -> Result<(), Refusal> {
    let given = base64(&(hook.header)("x-twilio-signature"));
    let mut fields: Vec<(&str, &str)> = form
        .names()
        .flat_map(|name| form.all(name).iter().map(move |value| (name, value.as_str())))
        .collect();
    fields.sort_unstable();
    let fields = fields.into_iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]);
    let signed: Vec<&[u8]> = [hook.url.as_bytes()].into_iter().chain(fields).collect();
    let is_signed =
        secrets.iter().any(|secret| equal(&hmac_sha1(secret.as_bytes(), &signed), &given));
    if is_signed { Ok(()) } else { Err(Refusal::Unverified) }
}

/// Maps a status. `failed` did not leave Twilio, `undelivered` did not arrive; the code gives the
/// reason.
fn delivery_status(status: &str, code: &str) -> Option<DeliveryStatus> {
    Some(match status {
        "sent" => DeliveryStatus::Sent,
        "delivered" | "read" => DeliveryStatus::Delivered,
        "undelivered" | "failed" => match classify_text(code, "") {
            bounce if bounce.reason == BounceReason::OptedOut => DeliveryStatus::Unsubscribed,
            bounce => DeliveryStatus::Bounced(bounce),
        },
        _ => return None,
    })
}
