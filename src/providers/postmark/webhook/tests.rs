//! Webhooks of Postmark.

use crate::providers::webhooks::tests::Sent;
use crate::providers::webhooks::{Refusal, WebhookProvider};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

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
    let lines = all.map(|event| sent(event).events(WebhookProvider::Postmark, "s3cret"));
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
    assert_eq!(good.read(WebhookProvider::Postmark, "other"), Err(Refusal::Unverified));
    let none = Sent { headers: Vec::new(), ..good.clone() };
    assert_eq!(none.read(WebhookProvider::Postmark, "s3cret"), Err(Refusal::Unverified));
    let garbage = Sent { body: b"{".to_vec(), ..good };
    assert_eq!(garbage.read(WebhookProvider::Postmark, "s3cret"), Err(Refusal::Unreadable));
}
