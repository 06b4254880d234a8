use super::signature::{hex, hmac_sha1, hmac_sha256, sha256_hex};
use super::*;
use crate::domain::inbound::bounce::BounceKind;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::json;

/// 2026-03-02T09:00:00Z.
const NOW: Millis = Millis(1_772_442_000_000);
const SECONDS: &str = "1772442000";

/// A request that a provider may have sent.
#[derive(Clone, Default)]
struct Sent {
    headers: Vec<(&'static str, String)>,
    path_secret: &'static str,
    url: String,
    body: Vec<u8>,
}

impl Sent {
    fn read_at(&self, provider: Provider, secret: &str, now: Millis) -> Result<Reading, Refusal> {
        let issuer = include_str!("fixtures/issuer.pem");
        let get = |name: &str| match name {
            "SNS_ISSUERS" => Some(issuer.to_owned()),
            name => (name == provider.setting()).then(|| secret.to_owned()),
        };
        let secrets = Secrets::read(get).unwrap();
        let header = |name: &str| {
            let found = self.headers.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        let Self { path_secret, url, body, .. } = self;
        let hook = Hook { url: url.clone(), path_secret, header: &header, body, now };
        let certificate = include_str!("fixtures/certificate.pem");
        read(provider, &hook, &secrets, |_| Some(certificate.to_owned()))
    }

    fn read(&self, provider: Provider, secret: &str) -> Result<Reading, Refusal> {
        self.read_at(provider, secret, NOW)
    }

    /// Returns the facts in it, one per line.
    fn summary(&self, provider: Provider, secret: &str) -> String {
        let Ok(Reading::Events(events)) = self.read(provider, secret) else {
            panic!("{:?}", self.read(provider, secret));
        };
        events.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// Asserts that the signature covers every byte of the body.
    fn assert_covered(&self, provider: Provider, secret: &str) {
        for place in 0..self.body.len() {
            let mut forged = self.clone();
            forged.body[place] ^= 1;
            assert_eq!(forged.read(provider, secret), Err(Refusal::Unverified), "{place}");
        }
        let wrong = self.read(provider, "d2hvZXZlcg==");
        assert_eq!(wrong, Err(Refusal::Unverified));
        let none = Sent { headers: Vec::new(), path_secret: "", ..self.clone() };
        assert_eq!(none.read(provider, secret), Err(Refusal::Unverified));
        let empty = Sent { body: Vec::new(), ..self.clone() };
        assert_eq!(empty.read(provider, secret), Err(Refusal::Unverified));
    }
}

fn line(event: &WebhookEvent) -> String {
    match event {
        WebhookEvent::Sms(text) => {
            format!("text {} `{}` {} {}", text.from, text.text, text.id, text.at.0)
        }
        WebhookEvent::Report(message, heard) => {
            let news = match &heard.news {
                DeliveryStatus::Bounced(bounce) => {
                    format!("{:?} {} {}", bounce.kind, bounce.reason.as_str(), bounce.status)
                }
                other => format!("{other:?}"),
            };
            let shown = |text: Option<&str>| text.unwrap_or("-").to_owned();
            let message = shown(message.as_ref().map(MessageId::as_str));
            let address = shown(heard.address.as_deref());
            let id = shown(heard.provider_id.as_deref());
            format!("{news} | {message} {id} {address} {}", heard.at.rfc3339())
        }
    }
}

fn signed_by_svix(body: &Value) -> Sent {
    let body = body.to_string().into_bytes();
    let mac =
        hmac_sha256(b"0123456789abcdef01234567", &[b"msg_1.", SECONDS.as_bytes(), b".", &body]);
    let signature = format!("v1,AAAA v2,x v1,{}", STANDARD.encode(mac));
    let headers = vec![
        ("svix-id", "msg_1".to_owned()),
        ("svix-timestamp", SECONDS.to_owned()),
        ("svix-signature", signature),
    ];
    Sent { headers, body, ..<_>::default() }
}

fn svix_secret() -> String {
    format!("whsec_{}", STANDARD.encode(b"0123456789abcdef01234567"))
}

fn resend_bounce() -> Value {
    json!({ "type": "email.bounced", "created_at": "2026-03-02T08:59:59.000Z", "data": {
        "email_id": "re-1", "to": ["Ann@X.example"],
        "bounce": { "type": "Permanent", "subType": "General", "message": "rejected",
                    "diagnosticCode": ["smtp; 550 5.1.1 user unknown"] },
        "tags": { "dripline_message": "e_-1" } } })
}

#[test]
fn resend_webhook_needs_svix_signature() {
    let sent = signed_by_svix(&resend_bounce());
    insta::assert_snapshot!(sent.summary(Provider::Resend, &svix_secret()), @r#"
    Hard no_such_address 5.1.1 | e.1 re-1 ann@x.example 2026-03-02T08:59:59Z
    "#);
    sent.assert_covered(Provider::Resend, &svix_secret());
    // While a secret is being rotated, both are accepted.
    let both = format!("whsec_{} {}", STANDARD.encode(b"new"), svix_secret());
    assert!(sent.read(Provider::Resend, &both).is_ok());
}

#[test]
fn stale_signature_is_refused() {
    let sent = signed_by_svix(&resend_bounce());
    let at = |seconds: i64| {
        let now = NOW.plus(Span::seconds(seconds));
        sent.read_at(Provider::Resend, &svix_secret(), now).map(|_| ())
    };
    assert_eq!((at(300), at(-300)), (Ok(()), Ok(())));
    assert_eq!((at(301), at(-301)), (Err(Refusal::Stale), Err(Refusal::Stale)));
}

#[test]
fn provider_without_secret_is_refused() {
    let secrets = Secrets::read(|name| (name != "SMS_ANSWERS").then(|| " ".to_owned())).unwrap();
    let header = |_: &str| String::new();
    let hook = Hook { url: String::new(), path_secret: "", header: &header, body: b"{}", now: NOW };
    for provider in Provider::ALL {
        let read = read(provider, &hook, &secrets, |_| None);
        assert_eq!(read, Err(Refusal::Unconfigured));
    }
}

#[test]
fn resend_events_are_mapped() {
    let lines = ["email.sent", "email.delivered", "email.complained", "email.opened", "contact.x"];
    let lines = lines.map(|kind| {
        let mut event = resend_bounce();
        event["type"] = kind.into();
        event["data"]["tags"] = json!([{ "name": "dripline_message", "value": "e_-2" }]);
        let summary = signed_by_svix(&event).summary(Provider::Resend, &svix_secret());
        format!("{kind}: {summary}.")
    });
    insta::assert_snapshot!(lines.join("\n"), @r#"
    email.sent: Sent | e.2 re-1 ann@x.example 2026-03-02T08:59:59Z.
    email.delivered: Delivered | e.2 re-1 ann@x.example 2026-03-02T08:59:59Z.
    email.complained: Complained | e.2 re-1 ann@x.example 2026-03-02T08:59:59Z.
    email.opened: .
    contact.x: .
    "#);
}

#[test]
fn postmark_webhook_needs_its_secret() {
    let sent = |body: Value| Sent {
        headers: vec![("authorization", format!("Basic {}", STANDARD.encode("hook:s3cret")))],
        body: body.to_string().into_bytes(),
        ..<_>::default()
    };
    let of = |kind: &str, details: &str| {
        json!({ "RecordType": "Bounce", "Type": kind, "Details": details, "MessageID": "pm-1",
                "Email": "ann@x.example", "BouncedAt": "2026-03-02T08:00:00Z",
                "Metadata": { "dripline_message": "e.1" } })
    };
    let change = |suppress: bool, reason: &str| {
        json!({ "RecordType": "SubscriptionChange", "SuppressSending": suppress,
                "SuppressionReason": reason, "Recipient": "ann@x.example",
                "ChangedAt": "2026-03-02T08:00:00Z", "MessageID": "pm-1", "Metadata": {} })
    };
    let all = [
        of("HardBounce", "smtp;550 5.1.1 The email account does not exist"),
        of("HardBounce", "something"),
        of("SoftBounce", "smtp;452 4.2.2 mailbox full"),
        of("SpamNotification", "spam"),
        of("AutoResponder", "I am away"),
        of("SpamComplaint", ""),
        change(true, "ManualSuppression"),
        change(false, "ManualSuppression"),
        json!({ "RecordType": "Delivery", "Recipient": "ann@x.example", "MessageID": "pm-1",
                "DeliveredAt": "2026-03-02T08:00:01Z", "Metadata": { "dripline_message": "e.1" } }),
    ];
    let lines = all.map(|event| sent(event).summary(Provider::Postmark, "s3cret"));
    insta::assert_snapshot!(lines.join("\n"), @r#"
    Hard no_such_address 5.1.1 | e.1 pm-1 ann@x.example 2026-03-02T08:00:00Z
    Hard no_such_address  | e.1 pm-1 ann@x.example 2026-03-02T08:00:00Z
    Soft mailbox_full 4.2.2 | e.1 pm-1 ann@x.example 2026-03-02T08:00:00Z
    Block spam  | e.1 pm-1 ann@x.example 2026-03-02T08:00:00Z

    Complained | e.1 pm-1 ann@x.example 2026-03-02T08:00:00Z
    Unsubscribed | - pm-1 ann@x.example 2026-03-02T08:00:00Z

    Delivered | e.1 pm-1 ann@x.example 2026-03-02T08:00:01Z
    "#);
    let good = sent(of("HardBounce", ""));
    assert_eq!(good.read(Provider::Postmark, "other"), Err(Refusal::Unverified));
    let none = Sent { headers: Vec::new(), ..good.clone() };
    assert_eq!(none.read(Provider::Postmark, "s3cret"), Err(Refusal::Unverified));
    let garbage = Sent { body: b"{".to_vec(), ..good };
    assert_eq!(garbage.read(Provider::Postmark, "s3cret"), Err(Refusal::Unreadable));
}

const TOPIC: &str = "arn:aws:sns:eu-west-1:1:bounces";
const V2: &str = include_str!("fixtures/v2.json");
const PEM: &str = include_str!("fixtures/certificate.pem");
const CERTIFICATE_URL: &str = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem";

fn sns(body: &str) -> Sent {
    Sent { body: body.as_bytes().to_vec(), ..<_>::default() }
}

/// Returns settings in which `issuer.pem` is an issuer of SNS certificates.
fn sns_setting(name: &str) -> Option<String> {
    match name {
        "SES_TOPIC_ARN" => Some(TOPIC.to_owned()),
        "SNS_ISSUERS" => Some(include_str!("fixtures/issuer.pem").to_owned()),
        _ => None,
    }
}

fn read_sns(
    body: &str,
    setting: impl Fn(&str) -> Option<String>,
    pem: Option<&str>,
) -> Result<Reading, Refusal> {
    let secrets = Secrets::read(setting).unwrap();
    let header = |_: &str| String::new();
    let body = body.as_bytes();
    let hook = Hook { url: String::new(), path_secret: "", header: &header, body, now: NOW };
    read(Provider::Ses, &hook, &secrets, |_| pem.map(str::to_owned))
}

#[test]
fn ses_webhook_needs_sns_signature() {
    insta::assert_snapshot!(sns(V2).summary(Provider::Ses, TOPIC), @r#"
    Hard no_such_address 5.1.1 | e.1 ses-1 ann@x.example 2026-03-02T09:00:00Z
    "#);
    let forged = sns(&V2.replace("Permanent", "Transient"));
    assert_eq!(forged.read(Provider::Ses, TOPIC), Err(Refusal::Unverified));
    // SNS signs for anybody's topic.
    let other = sns(V2).read(Provider::Ses, "arn:aws:sns:eu-west-1:2:bounces");
    assert_eq!(other, Err(Refusal::Unverified));
    let late = NOW.plus(Span::minutes(66));
    assert_eq!(sns(V2).read_at(Provider::Ses, TOPIC, late), Err(Refusal::Stale));
}

#[test]
fn old_sns_signature_needs_permission() {
    let v1 = include_str!("fixtures/v1.json");
    assert_eq!(read_sns(v1, sns_setting, Some(PEM)), Err(Refusal::OldSignature));
    let allowing = |name: &str| match name {
        "SNS_SIGNATURE_VERSION" => Some("1".to_owned()),
        name => sns_setting(name),
    };
    assert!(
        matches!(read_sns(v1, allowing, Some(PEM)), Ok(Reading::Events(all)) if all.len() == 1)
    );
    assert!(read_sns(V2, allowing, Some(PEM)).is_ok());
    let forged = v1.replace("Permanent", "Transient");
    assert_eq!(read_sns(&forged, allowing, Some(PEM)), Err(Refusal::Unverified));
    // A signature of one version is not accepted as one of the other.
    let relabelled = v1.replace(r#""SignatureVersion": "1""#, r#""SignatureVersion": "2""#);
    assert_ne!(relabelled, v1);
    assert_eq!(read_sns(&relabelled, allowing, Some(PEM)), Err(Refusal::Unverified));
}

#[test]
fn sns_certificate_url_must_be_an_sns_address() {
    for elsewhere in [
        "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-1.pem",
        "https://evil.example/sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.@evil.example/.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com:443/SimpleNotificationService-1.pem",
        "https://u@sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://SNS.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.evil.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.s3.amazonaws.com.cn.example/SimpleNotificationService-1.pem",
        "https://sns..amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.a.amazonaws.com/SimpleNotificationService-1.pem",
        "https://s3.amazonaws.com/SimpleNotificationService-1.pem",
        "https://169.254.169.254/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com/x.pem",
        "https://sns.eu-west-1.amazonaws.com/?Action=Publish&x=/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem?x",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem#x",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem/",
        "https://sns.eu-west-1.amazonaws.com//SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com/x/../SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-xyz.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem\n",
        " https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "",
    ] {
        let url = elsewhere.replace('\n', "\\n");
        let forged = V2.replace(CERTIFICATE_URL, &url);
        assert_ne!(forged, V2);
        // The certificate is not even requested.
        assert_eq!(read_sns(&forged, sns_setting, None), Err(Refusal::Unverified), "{elsewhere}");
    }
    let wanted = Ok(Reading::NeedsCertificate(CERTIFICATE_URL.to_owned()));
    assert_eq!(read_sns(V2, sns_setting, None), wanted);
    let china = CERTIFICATE_URL.replace("eu-west-1.amazonaws.com", "cn-north-1.amazonaws.com.cn");
    let wanted = Ok(Reading::NeedsCertificate(china.clone()));
    assert_eq!(read_sns(&V2.replace(CERTIFICATE_URL, &china), sns_setting, None), wanted);
}

#[test]
fn invalid_sns_messages_fetch_no_certificate() {
    for (right, wrong) in [
        (TOPIC, "arn:aws:sns:eu-west-1:2:bounces"),
        (
            "2026-03-02T09:00:00.000Z\", \"SignatureVersion",
            "2026-03-01T09:00:00Z\", \"SignatureVersion",
        ),
        ("\"SignatureVersion\": \"2\"", "\"SignatureVersion\": \"3\""),
        ("\"Signature\": \"", "\"Signature\": \"!"),
    ] {
        let forged = V2.replace(right, wrong);
        assert_ne!(forged, V2, "{right}");
        assert!(read_sns(&forged, sns_setting, None).is_err(), "{right}");
    }
}

#[test]
fn sns_certificate_needs_name_issuer_and_validity() {
    let regional = include_str!("fixtures/regional.pem");
    for good in [PEM, regional, &format!("\n{PEM}\n")] {
        assert!(read_sns(V2, sns_setting, Some(good)).is_ok());
    }
    let bad = [
        include_str!("fixtures/bad/another-region.pem"),
        include_str!("fixtures/bad/another-name.pem"),
        include_str!("fixtures/bad/name-in-subject-only.pem"),
        include_str!("fixtures/bad/expired.pem"),
        include_str!("fixtures/bad/not-yet.pem"),
        include_str!("fixtures/bad/authority.pem"),
        include_str!("fixtures/bad/self-signed.pem"),
        include_str!("fixtures/bad/signed-by-another.pem"),
        include_str!("fixtures/bad/says-amazon.pem"),
        include_str!("fixtures/issuer.pem"),
        "",
        "x",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        &format!("<html>{PEM}</html>"),
        &format!("{PEM}{PEM}"),
        &format!("<Error>{PEM}"),
        &format!("{PEM}\nx"),
        &format!("{PEM}{}", " ".repeat(20_000)),
    ];
    for pem in bad {
        assert_eq!(read_sns(V2, sns_setting, Some(pem)), Err(Refusal::Unverified), "{pem}");
    }
    // Without the setting, only Amazon's own issuers are accepted.
    let amazons = |name: &str| sns_setting(name).filter(|_| name != "SNS_ISSUERS");
    assert_eq!(read_sns(V2, amazons, Some(PEM)), Err(Refusal::Unverified));
    for end in (0..PEM.len()).step_by(3) {
        let cut = format!("{}-----END CERTIFICATE-----", &PEM[..end]);
        assert_eq!(read_sns(V2, sns_setting, Some(&cut)), Err(Refusal::Unverified));
    }
}

#[test]
fn sns_issuer_setting_is_validated() {
    assert_eq!(
        crate::providers::ses::certificate::check_issuers(include_str!("../ses/amazon.pem")),
        Ok(())
    );
    for wrong in ["x", PEM, "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"] {
        let get = |name: &str| (name == "SNS_ISSUERS").then(|| wrong.to_owned());
        assert!(Secrets::read(get).is_err(), "{wrong}");
    }
    let get = |name: &str| (name == "SNS_SIGNATURE_VERSION").then(|| "3".to_owned());
    assert!(Secrets::read(get).is_err());
}

#[test]
fn sns_subscription_needs_signature_and_sns_url() {
    let body = include_str!("fixtures/sub.json");
    let url = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t";
    assert_eq!(sns(body).read(Provider::Ses, TOPIC), Ok(Reading::Confirm(url.to_owned())));
    let forged = sns(&body.replace("Token=t", "Token=u"));
    assert_eq!(forged.read(Provider::Ses, TOPIC), Err(Refusal::Unverified));
    // Signed, but for another host or another action.
    for evil in [
        include_str!("fixtures/evil.json"),
        include_str!("fixtures/bad/sub-0.json"),
        include_str!("fixtures/bad/sub-1.json"),
        include_str!("fixtures/bad/sub-2.json"),
        include_str!("fixtures/bad/sub-3.json"),
    ] {
        assert_eq!(sns(evil).read(Provider::Ses, TOPIC), Err(Refusal::Unverified));
    }
}

#[test]
fn every_ses_recipient_is_reported() {
    let body = include_str!("fixtures/complaint.json");
    insta::assert_snapshot!(sns(body).summary(Provider::Ses, TOPIC), @r#"
    Complained | e.1 ses-1 somebody@else.example 2026-03-02T09:00:00Z
    Complained | e.1 ses-1 ann@x.example 2026-03-02T09:00:00Z
    "#);
}

fn sendgrid(events: &Value, key: &SigningKey) -> Sent {
    let body = events.to_string().into_bytes();
    let signature: Signature = key.sign(&[SECONDS.as_bytes(), &body].concat());
    let headers = vec![
        ("x-twilio-email-event-webhook-timestamp", SECONDS.to_owned()),
        ("x-twilio-email-event-webhook-signature", STANDARD.encode(signature.to_der())),
    ];
    Sent { headers, body, ..<_>::default() }
}

#[test]
fn sendgrid_webhook_needs_its_signature() {
    let key = SigningKey::from_slice(&[7; 32]).unwrap();
    // The prefix of every P-256 public key, before the point (RFC 5480).
    let head = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE";
    let point = key.verifying_key().to_sec1_point(false);
    let der = [STANDARD.decode(head).unwrap(), point.as_bytes()[1..].to_vec()].concat();
    let public = STANDARD.encode(der);
    let of = |event: &str, more: Value| {
        let mut all = json!({ "email": "ann@x.example", "timestamp": 1_772_441_999,
            "event": event, "sg_event_id": "ev", "sg_message_id": "sg-1",
            "dripline_message": "e.1" });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let events = json!([
        of("processed", json!({})),
        of("deferred", json!({ "response": "400 try again later" })),
        of("delivered", json!({ "response": "250 OK" })),
        of("bounce", json!({ "type": "bounce", "status": "5.1.1", "reason": "550 no such user" })),
        of("bounce", json!({ "type": "blocked", "reason": "554 5.7.1 listed at Spamhaus" })),
        of("dropped", json!({ "reason": "Bounced Address" })),
        of("spamreport", json!({})),
        of("unsubscribe", json!({})),
        of("open", json!({})),
    ]);
    let sent = sendgrid(&events, &key);
    insta::assert_snapshot!(sent.summary(Provider::Sendgrid, &public), @r#"
    Sent | e.1 sg-1 ann@x.example 2026-03-02T08:59:59Z
    Delivered | e.1 sg-1 ann@x.example 2026-03-02T08:59:59Z
    Hard no_such_address 5.1.1 | e.1 sg-1 ann@x.example 2026-03-02T08:59:59Z
    Block blocked 5.7.1 | e.1 sg-1 ann@x.example 2026-03-02T08:59:59Z
    Hard no_such_address  | e.1 sg-1 ann@x.example 2026-03-02T08:59:59Z
    Complained | e.1 sg-1 ann@x.example 2026-03-02T08:59:59Z
    Unsubscribed | e.1 sg-1 ann@x.example 2026-03-02T08:59:59Z
    "#);
    sendgrid(&json!([of("open", json!({}))]), &key).assert_covered(Provider::Sendgrid, &public);
    let late = NOW.plus(Span::seconds(301));
    assert_eq!(sent.read_at(Provider::Sendgrid, &public, late), Err(Refusal::Stale));
}

/// The two signed values are adjacent: no part of one may count as a part of the other.
#[test]
fn mailgun_signature_covers_timestamp_and_token() {
    let mac = hex(&hmac_sha256(b"key", &[SECONDS.as_bytes(), b"e0ab12"]));
    let read = |timestamp: &str, token: &str| {
        let signature = json!({ "timestamp": timestamp, "token": token, "signature": mac });
        let body = json!({ "signature": signature, "event-data": { "event": "opened" } });
        let sent = Sent { body: body.to_string().into_bytes(), ..<_>::default() };
        sent.read_at(Provider::Mailgun, "key", NOW).map(|_| ())
    };
    assert_eq!(read(SECONDS, "e0ab12"), Ok(()));
    assert_eq!(read(&format!("{SECONDS}e0"), "ab12"), Err(Refusal::Unverified));
    assert_eq!(read(&format!("{SECONDS}e0ab12"), ""), Err(Refusal::Unverified));
}

#[test]
fn mailgun_events_carry_their_token() {
    let signed = |event: Value| {
        let mac = hmac_sha256(b"key", &[SECONDS.as_bytes(), b"tok"]);
        let signature = json!({ "timestamp": SECONDS, "token": "tok", "signature": hex(&mac) });
        let body = json!({ "signature": signature, "event-data": event });
        Sent { body: body.to_string().into_bytes(), ..<_>::default() }
    };
    let of = |event: &str, severity: &str, status: Value| {
        json!({ "event": event, "severity": severity, "timestamp": 1_772_441_999.5,
                "recipient": "ann@x.example", "delivery-status": status,
                "message": { "headers": { "message-id": "mg-1" } },
                "user-variables": { "dripline_message": "e.1" } })
    };
    let gone = json!({ "code": 550, "message": "5.1.1 no such user", "bounce-type": "hard" });
    let all = [
        of("accepted", "", json!({})),
        of("delivered", "", json!({ "code": 250 })),
        of("failed", "temporary", json!({ "code": 421 })),
        of("failed", "permanent", gone.clone()),
        of("failed", "permanent", json!({ "code": 552, "message": "mailbox full" })),
        of("complained", "", json!({})),
        of("unsubscribed", "", json!({})),
    ];
    let lines = all.map(|event| signed(event).summary(Provider::Mailgun, "key"));
    insta::assert_snapshot!(lines.join("\n"), @r#"
    Sent | e.1 mg-1 ann@x.example 2026-03-02T08:59:59.5Z
    Delivered | e.1 mg-1 ann@x.example 2026-03-02T08:59:59.5Z
    Sent | - - - 2026-03-02T09:00:00Z
    Hard no_such_address 5.1.1 | e.1 mg-1 ann@x.example 2026-03-02T08:59:59.5Z
    Soft mailbox_full 552 | e.1 mg-1 ann@x.example 2026-03-02T08:59:59.5Z
    Complained | e.1 mg-1 ann@x.example 2026-03-02T08:59:59.5Z
    Unsubscribed | e.1 mg-1 ann@x.example 2026-03-02T08:59:59.5Z
    "#);
    let sent = signed(of("failed", "permanent", gone));
    let Ok(Reading::Events(events)) = sent.read(Provider::Mailgun, "key") else { panic!() };
    let WebhookEvent::Report(_, heard) = &events[0] else { panic!() };
    let token = |key: &Option<String>| key.clone().unwrap().split_once(ONCE).unwrap().0.to_owned();
    assert_eq!(token(&heard.key), "hook:mailgun:tok");
    // An event that means nothing to us also uses the token up.
    for event in ["opened", "clicked", "whatever"] {
        let silent = signed(of(event, "", json!({})));
        let Ok(Reading::Events(events)) = silent.read(Provider::Mailgun, "key") else { panic!() };
        let [WebhookEvent::Report(None, heard)] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!(token(&heard.key), "hook:mailgun:tok");
    }
    assert_eq!(sent.read(Provider::Mailgun, "other"), Err(Refusal::Unverified));
    let late = NOW.plus(Span::minutes(481));
    assert_eq!(sent.read_at(Provider::Mailgun, "key", late), Err(Refusal::Stale));
    let garbage = Sent { body: b"\xff{".to_vec(), ..<_>::default() };
    assert_eq!(garbage.read(Provider::Mailgun, "key"), Err(Refusal::Unverified));
}

#[test]
fn brevo_webhook_needs_its_secret_and_carries_our_id() {
    let sent = |event: &str, reason: &str| Sent {
        headers: vec![("authorization", "Bearer s3cret".to_owned())],
        body: json!({ "event": event, "email": "ann@x.example", "ts_event": 1_772_441_999,
            "message-id": "<b-1>", "reason": reason,
            "X-Mailin-custom": "a:b|dripline_message:e.1" })
        .to_string()
        .into_bytes(),
        ..<_>::default()
    };
    let all = [
        ("request", ""),
        ("delivered", ""),
        ("deferred", "later"),
        ("soft_bounce", "452 mailbox full"),
        ("hard_bounce", "550 5.1.1 no such user"),
        ("blocked", "blocked"),
        ("spam", ""),
        ("unsubscribed", ""),
        ("opened", ""),
    ];
    let lines = all.map(|(event, reason)| sent(event, reason).summary(Provider::Brevo, "s3cret"));
    insta::assert_snapshot!(lines.join("\n"), @r#"
    Sent | e.1 <b-1> ann@x.example 2026-03-02T08:59:59Z
    Delivered | e.1 <b-1> ann@x.example 2026-03-02T08:59:59Z

    Soft mailbox_full 452 | e.1 <b-1> ann@x.example 2026-03-02T08:59:59Z
    Hard no_such_address 5.1.1 | e.1 <b-1> ann@x.example 2026-03-02T08:59:59Z
    Block policy  | e.1 <b-1> ann@x.example 2026-03-02T08:59:59Z
    Complained | e.1 <b-1> ann@x.example 2026-03-02T08:59:59Z
    Unsubscribed | e.1 <b-1> ann@x.example 2026-03-02T08:59:59Z
    "#);
    let read = sent("spam", "").read(Provider::Brevo, "s3cret2");
    assert_eq!(read, Err(Refusal::Unverified));
}

fn twilio(url: &str, fields: &[(&str, &str)]) -> Sent {
    let encode = |text: &str| text.replace('+', "%2B").replace(' ', "+");
    let body: Vec<String> =
        fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    let mut sorted = fields.to_vec();
    sorted.sort_unstable();
    let signed: String = sorted.iter().map(|(name, value)| format!("{name}{value}")).collect();
    let mac = hmac_sha1(b"token", &[url.as_bytes(), signed.as_bytes()]);
    Sent {
        headers: vec![("x-twilio-signature", STANDARD.encode(mac))],
        url: url.to_owned(),
        body: body.join("&").into_bytes(),
        ..<_>::default()
    }
}

#[test]
fn twilio_signature_covers_url_and_fields() {
    let report = "https://go.example/hooks/twilio?m=e.1";
    let of = |status: &str, code: &str| {
        let fields = [("MessageSid", "SM1"), ("MessageStatus", status), ("ErrorCode", code)];
        twilio(report, &[&fields[..], &[("To", "+447400123456")]].concat())
    };
    let all = [
        ("queued", ""),
        ("sent", ""),
        ("delivered", ""),
        ("undelivered", "30005"),
        ("undelivered", "30003"),
        ("failed", "21610"),
    ];
    let lines = all.map(|(status, code)| of(status, code).summary(Provider::Twilio, "token"));
    insta::assert_snapshot!(lines.join("\n"), @r#"

    Sent | e.1 SM1 +447400123456 2026-03-02T09:00:00Z
    Delivered | e.1 SM1 +447400123456 2026-03-02T09:00:00Z
    Hard no_such_address 30005 | e.1 SM1 +447400123456 2026-03-02T09:00:00Z
    Soft unreachable 30003 | e.1 SM1 +447400123456 2026-03-02T09:00:00Z
    Unsubscribed | e.1 SM1 +447400123456 2026-03-02T09:00:00Z
    "#);
    let sent = of("delivered", "");
    assert_eq!(sent.read(Provider::Twilio, "other"), Err(Refusal::Unverified));
    let elsewhere = Sent { url: report.replace("e.1", "e.2"), ..sent.clone() };
    assert_eq!(elsewhere.read(Provider::Twilio, "token"), Err(Refusal::Unverified));
    let body = String::from_utf8(sent.body.clone()).unwrap().replace("delivered", "failed");
    let forged = Sent { body: body.into_bytes(), ..sent };
    assert_eq!(forged.read(Provider::Twilio, "token"), Err(Refusal::Unverified));
}

#[test]
fn inbound_sms_is_read_from_twilio() {
    let fields = [
        ("SmsStatus", "received"),
        ("MessageSid", "SM2"),
        ("From", "+447400123456"),
        ("Body", "Please stop"),
    ];
    let sent = twilio("https://go.example/hooks/twilio", &fields);
    let summary = sent.summary(Provider::Twilio, "token");
    assert_eq!(summary, "text +447400123456 `Please stop` SM2 1772442000000");
}

fn vonage(body: &Value, header: &Value, iat: i64) -> Sent {
    let body = body.to_string().into_bytes();
    let claims = json!({ "iat": iat, "payload_hash": sha256_hex(&body), "api_key": "k" });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(&claims));
    let mac = URL_SAFE_NO_PAD.encode(hmac_sha256(b"secret", &[signed.as_bytes()]));
    let headers = vec![("authorization", format!("Bearer {signed}.{mac}"))];
    Sent { headers, body, ..<_>::default() }
}

#[test]
fn vonage_token_must_match_the_body() {
    let hs256 = json!({ "alg": "HS256", "typ": "JWT" });
    let of = |status: &str, title: &str| {
        json!({ "message_uuid": "vo-1", "to": "447400123456", "from": "DRIP", "channel": "sms",
                "timestamp": "2026-03-02T08:59:00Z", "status": status, "client_ref": "e.1",
                "error": { "title": title, "detail": "" } })
    };
    let lines = [of("submitted", ""), of("delivered", ""), of("undeliverable", "1260")];
    let now = 1_772_442_000;
    let lines = lines.map(|body| vonage(&body, &hs256, now).summary(Provider::Vonage, "secret"));
    insta::assert_snapshot!(lines.join("\n"), @r#"
    Sent | e.1 vo-1 +447400123456 2026-03-02T08:59:00Z
    Delivered | e.1 vo-1 +447400123456 2026-03-02T08:59:00Z
    Soft unreachable BARRED | e.1 vo-1 +447400123456 2026-03-02T08:59:00Z
    "#);
    let sent = vonage(&of("delivered", ""), &hs256, now);
    sent.assert_covered(Provider::Vonage, "secret");
    let none = vonage(&of("delivered", ""), &json!({ "alg": "none" }), now);
    assert_eq!(none.read(Provider::Vonage, "secret"), Err(Refusal::Unverified));
    let old = vonage(&of("delivered", ""), &hs256, now - 301);
    assert_eq!(old.read(Provider::Vonage, "secret"), Err(Refusal::Stale));
    let said = json!({ "message_uuid": "vo-2", "from": "447400123456", "to": "1", "text": "STOP" });
    let said = vonage(&said, &hs256, now).summary(Provider::Vonage, "secret");
    assert_eq!(said, "text +447400123456 `STOP` vo-2 1772442000000");
}

#[test]
fn vonage_receipts_need_signed_parameters() {
    let signed = format!(
        "&err-code=0&messageId=vo-3&msisdn=447400123456&status=delivered&timestamp={SECONDS}"
    );
    let sig = hex(&hmac_sha256(b"secret", &[signed.as_bytes()])).to_uppercase();
    let body = format!("{}&sig={sig}", &signed[1..]);
    let sent = Sent { body: body.clone().into_bytes(), ..<_>::default() };
    let summary = sent.summary(Provider::Vonage, "secret");
    assert_eq!(summary, "Delivered | - vo-3 +447400123456 2026-03-02T09:00:00Z");
    let forged = Sent { body: body.replace("delivered", "failed").into_bytes(), ..sent.clone() };
    assert_eq!(forged.read(Provider::Vonage, "secret"), Err(Refusal::Unverified));
    let late = NOW.plus(Span::seconds(301));
    assert_eq!(sent.read_at(Provider::Vonage, "secret", late), Err(Refusal::Stale));
}

#[test]
fn chinese_providers_need_the_secret_in_the_url() {
    let aliyun = json!([
        { "phone_number": "13800138000", "send_time": "2026-03-02 16:59:00", "success": true,
          "report_time": "2026-03-02 17:00:00", "err_code": "DELIVERED", "err_msg": "用户接收成功",
          "sms_size": "1", "biz_id": "al-1", "out_id": "e.1" },
        { "phone_number": "13800138000", "send_time": "2026-03-02 16:59:00", "success": false,
          "report_time": "2026-03-02 17:00:00", "err_code": "MK:0001", "err_msg": "空号",
          "biz_id": "al-2" },
        { "phone_number": "13800138000", "send_time": "2026-03-02 17:00:00", "content": "TD",
          "sign_name": "签名", "dest_code": "1234", "sequence_id": 12_345 },
    ]);
    let tencent = json!([
        { "user_receive_time": "2026-03-02 17:00:00", "nationcode": "86", "mobile": "13800138000",
          "report_status": "SUCCESS", "errmsg": "DELIVRD", "description": "成功", "sid": "te-1" },
        { "user_receive_time": "2026-03-02 17:00:00", "nationcode": "86", "mobile": "13800138000",
          "report_status": "FAIL", "errmsg": "UNDELIV", "description": "停机", "sid": "te-2" },
        { "extend": "01", "mobile": "13800138000", "nationcode": "86", "sign": "签名",
          "text": "退订", "time": 1_772_442_000 },
    ]);
    let sent = |body: &Value| Sent {
        path_secret: "s3cret",
        body: body.to_string().into_bytes(),
        ..<_>::default()
    };
    let lines = [
        sent(&aliyun).summary(Provider::Aliyun, "s3cret"),
        sent(&tencent).summary(Provider::Tencent, "s3cret"),
    ];
    insta::assert_snapshot!(lines.join("\n"), @r#"
    Delivered | e.1 al-1 +8613800138000 2026-03-02T09:00:00Z
    Hard no_such_address MK:0001 | - al-2 +8613800138000 2026-03-02T09:00:00Z
    text +8613800138000 `TD` 12345 1772442000000
    Delivered | - te-1 +8613800138000 2026-03-02T09:00:00Z
    Soft unreachable UNDELIV | - te-2 +8613800138000 2026-03-02T09:00:00Z
    text +8613800138000 `退订` +8613800138000:1772442000000 1772442000000
    "#);
    for (provider, body) in [(Provider::Aliyun, aliyun), (Provider::Tencent, tencent)] {
        assert_eq!(sent(&body).read(provider, "other"), Err(Refusal::Unverified));
        let none = Sent { path_secret: "", ..sent(&body) };
        assert_eq!(none.read(provider, "s3cret"), Err(Refusal::Unverified));
    }
}

#[test]
fn full_mailbox_is_a_soft_bounce() {
    let mut event = resend_bounce();
    event["data"]["bounce"]["diagnosticCode"] = json!(["smtp; 552 5.2.2 mailbox full"]);
    let Ok(Reading::Events(events)) = signed_by_svix(&event).read(Provider::Resend, &svix_secret())
    else {
        panic!()
    };
    let WebhookEvent::Report(_, DeliveryReport { news: DeliveryStatus::Bounced(bounce), .. }) =
        &events[0]
    else {
        panic!()
    };
    assert_eq!(bounce.kind, BounceKind::Soft);
}

#[test]
fn garbage_is_refused() {
    let bodies: [&[u8]; 7] = [b"", b"{", b"[]", b"\xff\xfe", b"null", b"[[[[[[", b"a=b&%zz=%"];
    for provider in Provider::ALL {
        for body in bodies {
            let sent = Sent {
                body: body.to_vec(),
                headers: vec![
                    ("authorization", "Bearer a.b.c".to_owned()),
                    ("svix-timestamp", "NaN".to_owned()),
                    ("x-twilio-email-event-webhook-timestamp", "1e400".to_owned()),
                ],
                ..<_>::default()
            };
            assert_eq!(sent.read(provider, "s3cret"), Err(Refusal::Unverified), "{provider:?}");
        }
    }
}

#[test]
fn provider_reports_carry_sms_segments_and_price() {
    let bill = |events: Vec<WebhookEvent>| match events.into_iter().next() {
        Some(WebhookEvent::Report(_, DeliveryReport { billed, .. })) => {
            billed.map(|bill| (bill.segments, bill.micros, bill.currency))
        }
        other => panic!("{other:?}"),
    };
    let read = |sent: Sent, provider: Provider| {
        let Ok(Reading::Events(events)) = sent.read(provider, "s3cret") else { panic!() };
        bill(events)
    };
    let aliyun = |size: &Value| {
        let event = json!([{ "phone_number": "13800138000", "success": true, "sms_size": size,
                             "biz_id": "al-1" }]);
        let body = event.to_string().into_bytes();
        read(Sent { path_secret: "s3cret", body, ..<_>::default() }, Provider::Aliyun)
    };
    assert_eq!(aliyun(&json!("2")), Some((Some(2), None, String::new())));
    for none in [json!("0"), json!("256"), json!("-1"), json!("two"), json!(null)] {
        assert_eq!(aliyun(&none), None, "{none}");
    }
    let metered = |usage: Value, sms: Value| {
        let event = json!({ "message_uuid": "vo-1", "to": "447400123456", "status": "submitted",
                            "usage": usage, "sms": sms });
        let hs256 = json!({ "alg": "HS256", "typ": "JWT" });
        let sent = vonage(&event, &hs256, 1_772_442_000);
        let Ok(Reading::Events(events)) = sent.read(Provider::Vonage, "secret") else { panic!() };
        bill(events)
    };
    let whole =
        metered(json!({ "currency": "EUR", "price": "0.03330000" }), json!({ "count_total": "2" }));
    assert_eq!(whole, Some((Some(2), Some(33_300), "EUR".to_owned())));
    for price in ["NaN", "-1", "1e9", "free"] {
        let none = metered(json!({ "currency": "EUR", "price": price }), json!({}));
        assert_eq!(none, None, "{price}");
    }
}
