//! Webhooks of SendGrid.

use crate::domain::base::primitives::Span;
use crate::providers::webhooks::tests::{NOW, SECONDS, Sent};
use crate::providers::webhooks::{Refusal, WebhookProvider};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};

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
    insta::assert_snapshot!(sent.events(WebhookProvider::Sendgrid, &public), @r#"
    Sent | e.1 sg-1 ann@x.example 2026-03-02T08:59:59Z
    Delivered | e.1 sg-1 ann@x.example 2026-03-02T08:59:59Z
    Hard no_such_address 5.1.1 | e.1 sg-1 ann@x.example 2026-03-02T08:59:59Z
    Block blocked 5.7.1 | e.1 sg-1 ann@x.example 2026-03-02T08:59:59Z
    Hard no_such_address  | e.1 sg-1 ann@x.example 2026-03-02T08:59:59Z
    Complained | e.1 sg-1 ann@x.example 2026-03-02T08:59:59Z
    Unsubscribed | e.1 sg-1 ann@x.example 2026-03-02T08:59:59Z
    "#);
    sendgrid(&json!([of("open", json!({}))]), &key)
        .assert_covered(WebhookProvider::Sendgrid, &public);
    let late = NOW.plus(Span::seconds(301));
    assert_eq!(sent.read_at(WebhookProvider::Sendgrid, &public, late), Err(Refusal::Stale));
}
