//! Webhooks of Resend, signed by Svix.

use crate::domain::base::primitives::Span;
use crate::domain::inbound::bounce::BounceKind;
use crate::domain::inbound::delivery_report::{DeliveryReport, DeliveryStatus};
use crate::providers::webhooks::signature::hmac_sha256;
use crate::providers::webhooks::tests::{NOW, SECONDS, Sent};
use crate::providers::webhooks::{Reading, Refusal, WebhookEvent, WebhookProvider};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

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
    insta::assert_snapshot!(sent.events(WebhookProvider::Resend, &svix_secret()), @r#"
    Hard no_such_address 5.1.1 | e.1 re-1 ann@x.example 2026-03-02T08:59:59Z
    "#);
    sent.assert_covered(WebhookProvider::Resend, &svix_secret());
    // While a secret is being rotated, both are accepted.
    let both = format!("whsec_{} {}", STANDARD.encode(b"new"), svix_secret());
    assert!(sent.read(WebhookProvider::Resend, &both).is_ok());
}

#[test]
fn stale_signature_is_refused() {
    let sent = signed_by_svix(&resend_bounce());
    let at = |seconds: i64| {
        let now = NOW.plus(Span::seconds(seconds));
        sent.read_at(WebhookProvider::Resend, &svix_secret(), now).map(|_| ())
    };
    assert_eq!((at(300), at(-300)), (Ok(()), Ok(())));
    assert_eq!((at(301), at(-301)), (Err(Refusal::Stale), Err(Refusal::Stale)));
}

#[test]
fn resend_events_are_mapped() {
    let lines = ["email.sent", "email.delivered", "email.complained", "email.opened", "contact.x"];
    let lines = lines.map(|kind| {
        let mut event = resend_bounce();
        event["type"] = kind.into();
        event["data"]["tags"] = json!([{ "name": "dripline_message", "value": "e_-2" }]);
        let events = signed_by_svix(&event).events(WebhookProvider::Resend, &svix_secret());
        format!("{kind}: {events}.")
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
fn full_mailbox_is_a_soft_bounce() {
    let mut event = resend_bounce();
    event["data"]["bounce"]["diagnosticCode"] = json!(["smtp; 552 5.2.2 mailbox full"]);
    let Ok(Reading::Events(events)) =
        signed_by_svix(&event).read(WebhookProvider::Resend, &svix_secret())
    else {
        panic!()
    };
    let WebhookEvent::Report(_, DeliveryReport { status: DeliveryStatus::Bounced(bounce), .. }) =
        &events[0]
    else {
        panic!()
    };
    assert_eq!(bounce.kind, BounceKind::Soft);
}
