//! Webhooks of Brevo.

use crate::providers::webhooks::tests::Sent;
use crate::providers::webhooks::{Refusal, WebhookProvider};
use serde_json::json;

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
    let lines =
        all.map(|(event, reason)| sent(event, reason).events(WebhookProvider::Brevo, "s3cret"));
    insta::assert_snapshot!(lines.join("\n"), @r#"
    Sent | e.1 <b-1> ann@x.example 2026-03-02T08:59:59Z
    Delivered | e.1 <b-1> ann@x.example 2026-03-02T08:59:59Z

    Soft mailbox_full 452 | e.1 <b-1> ann@x.example 2026-03-02T08:59:59Z
    Hard no_such_address 5.1.1 | e.1 <b-1> ann@x.example 2026-03-02T08:59:59Z
    Block policy  | e.1 <b-1> ann@x.example 2026-03-02T08:59:59Z
    Complained | e.1 <b-1> ann@x.example 2026-03-02T08:59:59Z
    Unsubscribed | e.1 <b-1> ann@x.example 2026-03-02T08:59:59Z
    "#);
    let read = sent("spam", "").read(WebhookProvider::Brevo, "s3cret2");
    assert_eq!(read, Err(Refusal::Unverified));
}
