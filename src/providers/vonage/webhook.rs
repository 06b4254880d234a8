//! Webhooks of Vonage: the Messages API signs with a JWT (RFC 7519, HS256) that contains the hash
//! of the body; the SMS API with the parameter `sig`, HMAC-SHA256 over the sorted parameters
//! (developer.vonage.com/en/getting-started/concepts/webhooks, …/concepts/signing-messages).

#[cfg(test)]
mod tests;

use crate::domain::base::primitives::Millis;
use crate::domain::inbound::bounce::{BounceReason, classify_text};
use crate::domain::inbound::delivery_report::DeliveryStatus;
use crate::providers::webhooks::signature::{equal, hex, hmac_sha256, sha256_hex};
use crate::providers::webhooks::{
    Hook, RawReport, Refusal, SIGNED_AGO_MAX, WebhookEvent, WebhookProvider, date, form,
    inbound_sms, is_fresh, json, message_of, seconds, text, text_or_number,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

pub(in crate::providers) fn read(
    hook: &Hook<'_>,
    secrets: &[&str],
) -> Result<Vec<WebhookEvent>, Refusal> {
    let authorization = (hook.header)("authorization");
    let event = match authorization.strip_prefix("Bearer ") {
        Some(jwt) => {
            verify_jwt(jwt.trim(), hook, secrets)?;
            json(hook.body)?
        }
        None => {
            let parameters = parameters(hook.body).ok_or(Refusal::Unverified)?;
            verify_parameters(&parameters, hook.now, secrets)?;
            Value::Object(parameters)
        }
    };
    let first = |paths: &[&str]| {
        paths.iter().map(|path| text_or_number(&event, path)).find(|text| !text.is_empty())
    };
    let id = first(&["/message_uuid", "/messageId"]).unwrap_or_default();
    let status = text(&event, "/status");
    if status.is_empty() {
        let from = first(&["/from", "/msisdn"]).unwrap_or_default();
        let said =
            inbound_sms(WebhookProvider::Vonage, &plus(&from), text(&event, "/text"), id, hook.now);
        return Ok(said.into_iter().collect());
    }
    let Some(status) = delivery_status(&event, status) else { return Ok(Vec::new()) };
    // Under both names, the number is the recipient's.
    let to = first(&["/msisdn", "/to"]).unwrap_or_default();
    let at = date(text(&event, "/timestamp"));
    let carried = first(&["/client_ref", "/client-ref"]).unwrap_or_default();
    let raw = RawReport { status, at, address: &plus(&to), provider_id: &id };
    let report = raw.into_event(WebhookProvider::Vonage, message_of(&carried), hook.now);
    let segments = text_or_number(&event, "/sms/count_total");
    let price = text_or_number(&event, "/usage/price");
    Ok(vec![report.billed(&segments, (&price, text(&event, "/usage/currency")))])
}

/// Adds the plus of E.164, which Vonage omits.
fn plus(number: &str) -> String {
    format!("+{}", number.trim_start_matches('+'))
}

fn verify_jwt(jwt: &str, hook: &Hook<'_>, secrets: &[&str]) -> Result<(), Refusal> {
    let (signed, signature) = jwt.rsplit_once('.').ok_or(Refusal::Unverified)?;
    let (header, claims) = signed.split_once('.').ok_or(Refusal::Unverified)?;
    let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal::Unverified);
    let signature = decoded(signature)?;
    let mut keys = secrets.iter().map(|secret| secret.as_bytes());
    if !keys.any(|key| equal(&hmac_sha256(key, &[signed.as_bytes()]), &signature)) {
        return Err(Refusal::Unverified);
    }
    let [header, claims] = [json(&decoded(header)?)?, json(&decoded(claims)?)?];
    // Refuses `none` and other algorithms: only an HS256 signature was verified.
    let is_hs256 = text(&header, "/alg") == "HS256";
    let hash = text(&claims, "/payload_hash").to_ascii_lowercase();
    if !is_hs256 || !equal(hash.as_bytes(), sha256_hex(hook.body).as_bytes()) {
        return Err(Refusal::Unverified);
    }
    let at = claims.get("iat").and_then(Value::as_f64).and_then(seconds);
    let at = at.ok_or(Refusal::Unverified)?;
    if is_fresh(at, hook.now, SIGNED_AGO_MAX) { Ok(()) } else { Err(Refusal::Stale) }
}

/// Reads the parameters of the SMS API, from JSON or from a form; all of them are text.
fn parameters(body: &[u8]) -> Option<Map<String, Value>> {
    if let Ok(Value::Object(map)) = json(body) {
        return Some(map);
    }
    let form = form(body).ok()?;
    let pairs = form
        .names()
        .map(|name| (name.to_owned(), Value::from(form.first(name).unwrap_or_default())));
    Some(pairs.collect())
}

fn verify_parameters(
    parameters: &Map<String, Value>,
    now: Millis,
    secrets: &[&str],
) -> Result<(), Refusal> {
    let all = Value::Object(parameters.clone());
    let given = text(&all, "/sig").to_ascii_lowercase();
    let mut names: Vec<&String> = parameters.keys().filter(|name| *name != "sig").collect();
    names.sort_unstable();
    let signed: String = names
        .into_iter()
        .map(|name| {
            let value =
                text_or_number(&all, &format!("/{}", name.replace('~', "~0").replace('/', "~1")));
            format!("&{name}={}", value.replace(['&', '='], "_"))
        })
        .collect();
    let is_signed = secrets.iter().any(|secret| {
        let mac = hmac_sha256(secret.as_bytes(), &[signed.as_bytes()]);
        equal(hex(&mac).as_bytes(), given.as_bytes())
    });
    if !is_signed {
        return Err(Refusal::Unverified);
    }
    let at = text_or_number(&all, "/timestamp").parse().ok().and_then(seconds);
    match at {
        Some(at) if !is_fresh(at, now, SIGNED_AGO_MAX) => Err(Refusal::Stale),
        Some(_) => Ok(()),
        None => Err(Refusal::Unverified),
    }
}

/// Maps the states of the Messages API and of delivery receipts.
fn delivery_status(event: &Value, status: &str) -> Option<DeliveryStatus> {
    Some(match status {
        "submitted" | "accepted" => DeliveryStatus::Sent,
        "delivered" | "read" => DeliveryStatus::Delivered,
        "rejected" | "undeliverable" | "failed" | "expired" => {
            let code = match text(event, "/error/title") {
                "" => text_or_number(event, "/err-code"),
                title => title.to_owned(),
            };
            match classify_text(by_receipt(&code), text(event, "/error/detail")) {
                bounce if bounce.reason == BounceReason::OptedOut => DeliveryStatus::Unsubscribed,
                bounce => DeliveryStatus::Bounced(bounce),
            }
        }
        _ => return None,
    })
}

/// Translates the codes of delivery receipts
/// (developer.vonage.com/en/messaging/sms/guides/delivery-receipts) to the terms that
/// `classify_text` knows.
fn by_receipt(code: &str) -> &str {
    match code {
        "1" | "1410" => "UNKNOWN SUBSCRIBER",
        "2" | "3" | "1320" => "ABSENT SUBSCRIBER",
        "4" | "1260" => "BARRED",
        "6" | "1220" | "1230" => "SPAM FILTER",
        "9" | "1340" => "INVALID NUMBER",
        "13" | "15" | "1360" | "1380" => "POLICY",
        other => other,
    }
}
