//! Webhooks of Twilio: reports, and inbound SMS.

use crate::providers::webhooks::signature::hmac_sha1;
use crate::providers::webhooks::tests::Sent;
use crate::providers::webhooks::{Refusal, WebhookProvider};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

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
    let lines = all.map(|(status, code)| of(status, code).events(WebhookProvider::Twilio, "token"));
    insta::assert_snapshot!(lines.join("\n"), @r#"

    Sent | e.1 SM1 +447400123456 2026-03-02T09:00:00Z
    Delivered | e.1 SM1 +447400123456 2026-03-02T09:00:00Z
    Hard no_such_address 30005 | e.1 SM1 +447400123456 2026-03-02T09:00:00Z
    Soft unreachable 30003 | e.1 SM1 +447400123456 2026-03-02T09:00:00Z
    Unsubscribed | e.1 SM1 +447400123456 2026-03-02T09:00:00Z
    "#);
    let sent = of("delivered", "");
    assert_eq!(sent.read(WebhookProvider::Twilio, "other"), Err(Refusal::Unverified));
    let elsewhere = Sent { url: report.replace("e.1", "e.2"), ..sent.clone() };
    assert_eq!(elsewhere.read(WebhookProvider::Twilio, "token"), Err(Refusal::Unverified));
    let body = String::from_utf8(sent.body.clone()).unwrap().replace("delivered", "failed");
    let forged = Sent { body: body.into_bytes(), ..sent };
    assert_eq!(forged.read(WebhookProvider::Twilio, "token"), Err(Refusal::Unverified));
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
    let events = sent.events(WebhookProvider::Twilio, "token");
    assert_eq!(events, "text +447400123456 `Please stop` SM2 1772442000000");
}
