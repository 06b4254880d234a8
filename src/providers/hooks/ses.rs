//! Amazon SES through SNS (docs.aws.amazon.com: sns-verify-signature-of-message, SES event
//! publishing). What is signed is a list of the message's fields; the key is in a certificate that
//! is fetched, over https, from SNS itself and from nowhere else. Only the topics that are
//! configured count: anybody may make a topic, and SNS would sign for it.

use super::signature::base64;
use super::{
    Hook, MESSAGE_KEY, Provider, Raw, Reading, Refusal, Told, date, is_fresh, json, message_of,
    text,
};
use crate::domain::bounce::{Bounce, BounceReason, classify};
use crate::domain::decide::News;
use crate::domain::primitives::Span;
use rsa::pkcs1v15::{Signature, VerifyingKey};
use rsa::signature::Verifier;
use rsa::{BoxedUint, PublicKey};
use serde_json::Value;
use sha1::Sha1;
use sha2::Sha256;

/// SNS signs once, when a message is published, and may try to deliver it for an hour.
const SIGNED_AGO_MAX: Span = Span::minutes(65);

/// The bits that a key may have.
const KEY_BITS: std::ops::RangeInclusive<u32> = 2_048..=4_096;

/// See `hooks::read`.
pub(super) fn read(
    hook: &Hook<'_>,
    topics: &[&str],
    certificate: impl Fn(&str) -> Option<String>,
) -> Result<Reading, Refusal> {
    // What is signed is inside the JSON: what cannot be read is not verified.
    let envelope = json(hook.body).map_err(|_| Refusal::Unverified)?;
    let url = text(&envelope, "/SigningCertURL");
    if !topics.contains(&text(&envelope, "/TopicArn")) || !is_of_sns(url) {
        return Err(Refusal::Unverified);
    }
    let Some(certificate) = certificate(url) else {
        return Ok(Reading::NeedsCertificate(url.to_owned()));
    };
    verify(&envelope, &certificate)?;
    let at = date(text(&envelope, "/Timestamp")).ok_or(Refusal::Unverified)?;
    if !is_fresh(at, hook.now, SIGNED_AGO_MAX) {
        return Err(Refusal::Stale);
    }
    match text(&envelope, "/Type") {
        "Notification" => {
            let event = json(text(&envelope, "/Message").as_bytes());
            // SNS sends a line of text when a topic is set up.
            let told = event.map(|event| told(&event, hook)).unwrap_or_default();
            Ok(Reading::Told(told))
        }
        "SubscriptionConfirmation" => match text(&envelope, "/SubscribeURL") {
            url if is_of_sns(url) => Ok(Reading::Confirm(url.to_owned())),
            _ => Err(Refusal::Unverified),
        },
        _ => Ok(Reading::Told(Vec::new())),
    }
}

/// Whether an address is one of SNS's own: `https://sns.<region>.amazonaws.com/…`, in China
/// `….com.cn`.
fn is_of_sns(url: &str) -> bool {
    let host = url.strip_prefix("https://sns.").and_then(|rest| rest.split_once('/'));
    let Some((host, _)) = host else { return false };
    let region = host.strip_suffix(".amazonaws.com").or(host.strip_suffix(".amazonaws.com.cn"));
    let in_region = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    region.is_some_and(|region| !region.is_empty() && region.bytes().all(in_region))
}

fn verify(envelope: &Value, certificate: &str) -> Result<(), Refusal> {
    let names: &[&str] = match text(envelope, "/Type") {
        "Notification" => &["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
        _ => &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
    };
    let lines = names.iter().filter_map(|name| {
        let value = envelope.get(*name).and_then(Value::as_str)?;
        Some(format!("{name}\n{value}\n"))
    });
    let signed: String = lines.collect();
    let key = public_key(certificate).ok_or(Refusal::Unverified)?;
    let signature = base64(text(envelope, "/Signature"));
    let signature = Signature::try_from(signature.as_slice()).map_err(|_| Refusal::Unverified)?;
    let verified = match text(envelope, "/SignatureVersion") {
        "1" => VerifyingKey::<Sha1>::new(key).verify(signed.as_bytes(), &signature),
        "2" => VerifyingKey::<Sha256>::new(key).verify(signed.as_bytes(), &signature),
        _ => return Err(Refusal::Unverified),
    };
    verified.map_err(|_| Refusal::Unverified)
}

/// The RSA key in a certificate (RFC 5280, in PEM). Who may use it is not asked: that it was
/// fetched from SNS over https says so.
fn public_key(pem: &str) -> Option<PublicKey> {
    let (_, rest) = pem.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = rest.split_once("-----END CERTIFICATE-----")?;
    let der = base64(&body.split_whitespace().collect::<String>());
    let mut certificate = Der(&der).enter(SEQUENCE)?.enter(SEQUENCE)?;
    // The version may be left out; then come number, algorithm, issuer, validity, subject.
    if certificate.0.first() == Some(&VERSION) {
        certificate.next(VERSION)?;
    }
    certificate.next(INTEGER)?;
    for _ in ["algorithm", "issuer", "validity", "subject"] {
        certificate.next(SEQUENCE)?;
    }
    let mut key = certificate.enter(SEQUENCE)?;
    key.next(SEQUENCE)?;
    let mut numbers = Der(key.next(BIT_STRING)?.strip_prefix(&[0])?).enter(SEQUENCE)?;
    let [modulus, exponent] = [numbers.next(INTEGER)?, numbers.next(INTEGER)?];
    let number = |bytes: &[u8]| BoxedUint::from_be_slice_vartime(bytes);
    let modulus = number(modulus);
    if !KEY_BITS.contains(&modulus.bit_width_vartime()) {
        return None;
    }
    PublicKey::new(modulus, number(exponent)).ok()
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// The rest of something encoded in DER (X.690).
struct Der<'d>(&'d [u8]);

impl<'d> Der<'d> {
    /// The contents of the next element, which must have this tag.
    fn next(&mut self, tag: u8) -> Option<&'d [u8]> {
        let (&found, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=127 => (usize::from(first), rest),
            0x81..=0x83 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
                (bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
            }
            _ => return None,
        };
        let (contents, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        (found == tag).then_some(contents)
    }

    /// What is inside the next element.
    fn enter(&mut self, tag: u8) -> Option<Self> {
        self.next(tag).map(Der)
    }
}

/// What an event tells: one fact for each recipient, and ours have one.
fn told(event: &Value, hook: &Hook<'_>) -> Vec<Told> {
    let kind = match text(event, "/eventType") {
        "" => text(event, "/notificationType"),
        kind => kind,
    };
    let (news, at, address) = match kind {
        "Send" => (News::Sent, "/mail/timestamp", "/mail/destination/0"),
        "Delivery" => (News::Delivered, "/delivery/timestamp", "/delivery/recipients/0"),
        "Complaint" => {
            let address = "/complaint/complainedRecipients/0/emailAddress";
            (News::Complained, "/complaint/timestamp", address)
        }
        "Bounce" => {
            let address = "/bounce/bouncedRecipients/0/emailAddress";
            (News::Bounced(bounce(event)), "/bounce/timestamp", address)
        }
        "Reject" => {
            let bounce = Bounce::of(BounceReason::Spam, "", text(event, "/reject/reason"));
            (News::Bounced(bounce), "/mail/timestamp", "/mail/destination/0")
        }
        "Subscription" => (News::Unsubscribed, "/subscription/timestamp", "/mail/destination/0"),
        _ => return Vec::new(),
    };
    let raw = Raw {
        news,
        at: date(text(event, at)),
        address: text(event, address),
        provider_id: text(event, "/mail/messageId"),
    };
    let message = message_of(text(event, &format!("/mail/tags/{MESSAGE_KEY}/0")));
    vec![raw.told(Provider::Ses, message, hook.now)]
}

/// SES's own verdict, and the receiver's words where it hands them on.
fn bounce(event: &Value) -> Bounce {
    let status = text(event, "/bounce/bouncedRecipients/0/status");
    let said = text(event, "/bounce/bouncedRecipients/0/diagnosticCode");
    let kind = (text(event, "/bounce/bounceType"), text(event, "/bounce/bounceSubType"));
    let of = |reason| Bounce::of(reason, status, said);
    match kind {
        ("Permanent", "NoEmail" | "Suppressed" | "OnAccountSuppressionList") => {
            of(BounceReason::NoSuchAddress)
        }
        ("Permanent", _) => classify(&format!("{status} {said}")).hard(),
        (_, "MailboxFull") => of(BounceReason::MailboxFull),
        (_, "MessageTooLarge") => of(BounceReason::TooLarge),
        (_, "ContentRejected" | "AttachmentRejected") => of(BounceReason::Spam),
        _ => classify(&format!("{status} {said}")).soft(),
    }
}
