//! Webhooks of Amazon SES through SNS (docs.aws.amazon.com: sns-verify-signature-of-message, SES
//! event publishing). The signature covers a list of the message's fields. The key is in a
//! certificate, which is fetched over https only from the URLs at which SNS serves certificates;
//! `certificate.rs` decides whether to trust it. Only configured topics count: anybody can create a
//! topic, and SNS signs for it.

#[cfg(test)]
mod tests;

use super::certificate::key_of_sns;
use crate::domain::base::primitives::Span;
use crate::domain::inbound::bounce::{Bounce, BounceReason, Opinion, classify};
use crate::domain::inbound::delivery_report::DeliveryStatus;
use crate::providers::webhooks::signature::base64;
use crate::providers::webhooks::{
    Hook, MESSAGE_KEY, RawReport, Reading, Refusal, Sns, WebhookEvent, WebhookProvider, date,
    is_fresh, json, message_of, text,
};
use rsa::PublicKey;
use rsa::pkcs1v15::{Signature, VerifyingKey};
use rsa::signature::Verifier;
use serde_json::Value;
use sha1::Sha1;
use sha2::Sha256;

/// SNS signs once, when a message is published, and may retry delivery for an hour.
const SIGNED_AGO_MAX: Span = Span::minutes(65);

/// The most recipients of an event that are read; our messages have one.
const RECIPIENTS_MAX: usize = 50;

/// The longest URL of SNS, in bytes.
const URL_BYTES_MAX: usize = 2_048;

/// Verifies and reads a webhook, see `webhooks::read`. Checks that may cost a network call come
/// last: shape, topic and time are checked before the certificate.
pub(in crate::providers) fn read(
    hook: &Hook<'_>,
    topics: &[&str],
    sns: &Sns,
    certificate: impl Fn(&str) -> Option<String>,
) -> Result<Reading, Refusal> {
    // The signed fields are inside the JSON: a body that cannot be parsed cannot be verified.
    let envelope = json(hook.body).map_err(|_| Refusal::Unverified)?;
    let url = text(&envelope, "/SigningCertURL");
    let host = certificate_host(url).ok_or(Refusal::Unverified)?;
    let is_signed = !base64(text(&envelope, "/Signature")).is_empty();
    if !topics.contains(&text(&envelope, "/TopicArn")) || !is_signed {
        return Err(Refusal::Unverified);
    }
    match text(&envelope, "/SignatureVersion") {
        "2" => {}
        "1" if sns.takes_version_1 => {}
        "1" => return Err(Refusal::OldSignature),
        _ => return Err(Refusal::Unverified),
    }
    let at = date(text(&envelope, "/Timestamp")).ok_or(Refusal::Unverified)?;
    if !is_fresh(at, hook.now, SIGNED_AGO_MAX) {
        return Err(Refusal::Stale);
    }
    let Some(pem) = certificate(url) else {
        return Ok(Reading::NeedsCertificate(url.to_owned()));
    };
    let key = key_of_sns(&pem, host, &sns.issuers, hook.now).ok_or(Refusal::Unverified)?;
    verify(&envelope, key)?;
    match text(&envelope, "/Type") {
        "Notification" => {
            let event = json(text(&envelope, "/Message").as_bytes());
            // SNS sends a line of plain text when a topic is set up.
            let events = event.map(|event| parse(&event, hook)).unwrap_or_default();
            Ok(Reading::Events(events))
        }
        "SubscriptionConfirmation" => match text(&envelope, "/SubscribeURL") {
            url if confirms(url) => Ok(Reading::Confirm(url.to_owned())),
            _ => Err(Refusal::Unverified),
        },
        _ => Ok(Reading::Events(Vec::new())),
    }
}

/// Splits a URL of SNS into its host and the rest: `https://sns.<region>.amazonaws.com`, in China
/// `….com.cn`. Rejects ports, users, and anything that another parser could take for one.
fn of_sns(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("https://").filter(|_| url.len() <= URL_BYTES_MAX)?;
    let (host, path) = rest.split_at(rest.find('/')?);
    let region = host.strip_prefix("sns.")?;
    let region = region.strip_suffix(".amazonaws.com").or(region.strip_suffix(".amazonaws.com.cn"));
    let in_region = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    let is_region = region.is_some_and(|region| region.len() >= 3 && region.bytes().all(in_region));
    let is_plain = path.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'#' | b'@' | b'\\'));
    (is_region && is_plain).then_some((host, path))
}

/// Returns the host of a URL at which SNS serves a certificate:
/// `/SimpleNotificationService-<hexadecimal>.pem`.
pub(in crate::providers) fn certificate_host(url: &str) -> Option<&str> {
    let (host, path) = of_sns(url)?;
    let name = path.strip_prefix("/SimpleNotificationService-")?.strip_suffix(".pem")?;
    let is_hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    (!name.is_empty() && name.bytes().all(is_hex)).then_some(host)
}

/// Returns whether a GET of this URL confirms a subscription.
fn confirms(url: &str) -> bool {
    let query = of_sns(url).and_then(|(_, path)| path.strip_prefix("/?"));
    query.is_some_and(|query| query.split('&').any(|pair| pair == "Action=ConfirmSubscription"))
}

fn verify(envelope: &Value, key: PublicKey) -> Result<(), Refusal> {
    let names: &[&str] = match text(envelope, "/Type") {
        "Notification" => &["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
        _ => &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
    };
    let lines = names.iter().filter_map(|name| {
        let value = envelope.get(*name).and_then(Value::as_str)?;
        Some(format!("{name}\n{value}\n"))
    });
    let signed: String = lines.collect();
    let signature = base64(text(envelope, "/Signature"));
    let signature = Signature::try_from(signature.as_slice()).map_err(|_| Refusal::Unverified)?;
    let verified = match text(envelope, "/SignatureVersion") {
        "1" => VerifyingKey::<Sha1>::new(key).verify(signed.as_bytes(), &signature),
        "2" => VerifyingKey::<Sha256>::new(key).verify(signed.as_bytes(), &signature),
        _ => return Err(Refusal::Unverified),
    };
    verified.map_err(|_| Refusal::Unverified)
}

/// Reads the facts of an event: one per recipient that it names; our messages have one.
fn parse(event: &Value, hook: &Hook<'_>) -> Vec<WebhookEvent> {
    let kind = match text(event, "/eventType") {
        "" => text(event, "/notificationType"),
        kind => kind,
    };
    let (at, recipients) = match kind {
        "Send" | "Reject" => ("/mail/timestamp", "/mail/destination"),
        "Delivery" => ("/delivery/timestamp", "/delivery/recipients"),
        "Complaint" => ("/complaint/timestamp", "/complaint/complainedRecipients"),
        "Bounce" => ("/bounce/timestamp", "/bounce/bouncedRecipients"),
        "Subscription" => ("/subscription/timestamp", "/mail/destination"),
        _ => return Vec::new(),
    };
    let all = event.pointer(recipients).and_then(Value::as_array);
    let none = [Value::Null];
    let all = all.filter(|all| !all.is_empty()).map_or(&none[..], Vec::as_slice);
    let events = all.iter().take(RECIPIENTS_MAX).map(|recipient| {
        let status = match kind {
            "Send" => DeliveryStatus::Sent,
            "Delivery" => DeliveryStatus::Delivered,
            "Complaint" => DeliveryStatus::Complained,
            "Bounce" => DeliveryStatus::Bounced(bounce(event, recipient)),
            "Reject" => {
                let why = text(event, "/reject/reason");
                DeliveryStatus::Bounced(Bounce::new(BounceReason::Spam, "", why))
            }
            _ => DeliveryStatus::Unsubscribed,
        };
        let address = recipient.as_str().unwrap_or_else(|| text(recipient, "/emailAddress"));
        let provider_id = text(event, "/mail/messageId");
        let raw = RawReport { status, at: date(text(event, at)), address, provider_id };
        let message = message_of(text(event, &format!("/mail/tags/{MESSAGE_KEY}/0")));
        raw.into_event(WebhookProvider::Ses, message, hook.now)
    });
    events.collect()
}

/// Classifies a bounce by the receiver's reply, or by SES's own classification where the reply is
/// unclear.
fn bounce(event: &Value, recipient: &Value) -> Bounce {
    let (status, said) = (text(recipient, "/status"), text(recipient, "/diagnosticCode"));
    let kind = (text(event, "/bounce/bounceType"), text(event, "/bounce/bounceSubType"));
    if let ("Permanent", "Suppressed" | "OnAccountSuppressionList") = kind {
        // SES did not send it, so there is no reply of a receiver.
        return Bounce::new(BounceReason::NoSuchAddress, status, said);
    }
    let bounce = classify(&format!("{status} {said}"));
    match kind {
        ("Permanent", "NoEmail") => bounce.weighed(Opinion::BadAddress),
        ("Permanent", _) => bounce.weighed(Opinion::Permanent),
        ("Transient", "MailboxFull") => bounce.or(BounceReason::MailboxFull),
        ("Transient", "MessageTooLarge") => bounce.or(BounceReason::TooLarge),
        ("Transient", "ContentRejected" | "AttachmentRejected") => bounce.or(BounceReason::Spam),
        ("Transient", _) => bounce.weighed(Opinion::Transient),
        _ => bounce,
    }
}
