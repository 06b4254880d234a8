//! Webhooks of Mailgun.

use crate::domain::base::primitives::Span;
use crate::providers::webhooks::signature::{hex, hmac_sha256};
use crate::providers::webhooks::tests::{NOW, SECONDS, Sent};
use crate::providers::webhooks::{ONCE, Reading, Refusal, WebhookEvent, WebhookProvider};
use serde_json::{Value, json};

/// The two signed values are adjacent: no part of one may count as a part of the other.
#[test]
fn mailgun_signature_covers_timestamp_and_token() {
    let mac = hex(&hmac_sha256(b"key", &[SECONDS.as_bytes(), b"e0ab12"]));
    let read = |timestamp: &str, token: &str| {
        let signature = json!({ "timestamp": timestamp, "token": token, "signature": mac });
        let body = json!({ "signature": signature, "event-data": { "event": "opened" } });
        let sent = Sent { body: body.to_string().into_bytes(), ..<_>::default() };
        sent.read_at(WebhookProvider::Mailgun, "key", NOW).map(|_| ())
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
    let lines = all.map(|event| signed(event).events(WebhookProvider::Mailgun, "key"));
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
    let Ok(Reading::Events(events)) = sent.read(WebhookProvider::Mailgun, "key") else { panic!() };
    let WebhookEvent::Report(_, report) = &events[0] else { panic!() };
    let token = |key: &Option<String>| key.clone().unwrap().split_once(ONCE).unwrap().0.to_owned();
    assert_eq!(token(&report.key), "hook:mailgun:tok");
    // An event that means nothing to us also uses the token up.
    for event in ["opened", "clicked", "whatever"] {
        let silent = signed(of(event, "", json!({})));
        let Ok(Reading::Events(events)) = silent.read(WebhookProvider::Mailgun, "key") else {
            panic!()
        };
        let [WebhookEvent::Report(None, report)] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!(token(&report.key), "hook:mailgun:tok");
    }
    assert_eq!(sent.read(WebhookProvider::Mailgun, "other"), Err(Refusal::Unverified));
    let late = NOW.plus(Span::minutes(481));
    assert_eq!(sent.read_at(WebhookProvider::Mailgun, "key", late), Err(Refusal::Stale));
    let garbage = Sent { body: b"\xff{".to_vec(), ..<_>::default() };
    assert_eq!(garbage.read(WebhookProvider::Mailgun, "key"), Err(Refusal::Unverified));
}
