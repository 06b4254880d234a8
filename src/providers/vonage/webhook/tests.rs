//! Webhooks of Vonage: messages with a signed token, and older receipts.

use crate::domain::base::primitives::Span;
use crate::providers::webhooks::signature::{hex, hmac_sha256, sha256_hex};
use crate::providers::webhooks::tests::{NOW, SECONDS, Sent};
use crate::providers::webhooks::{Reading, Refusal, WebhookEvent, WebhookProvider};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

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
    let lines =
        lines.map(|body| vonage(&body, &hs256, now).events(WebhookProvider::Vonage, "secret"));
    insta::assert_snapshot!(lines.join("\n"), @r#"
    Sent | e.1 vo-1 +447400123456 2026-03-02T08:59:00Z
    Delivered | e.1 vo-1 +447400123456 2026-03-02T08:59:00Z
    Soft unreachable BARRED | e.1 vo-1 +447400123456 2026-03-02T08:59:00Z
    "#);
    let sent = vonage(&of("delivered", ""), &hs256, now);
    sent.assert_covered(WebhookProvider::Vonage, "secret");
    let none = vonage(&of("delivered", ""), &json!({ "alg": "none" }), now);
    assert_eq!(none.read(WebhookProvider::Vonage, "secret"), Err(Refusal::Unverified));
    let old = vonage(&of("delivered", ""), &hs256, now - 301);
    assert_eq!(old.read(WebhookProvider::Vonage, "secret"), Err(Refusal::Stale));
    let said = json!({ "message_uuid": "vo-2", "from": "447400123456", "to": "1", "text": "STOP" });
    let said = vonage(&said, &hs256, now).events(WebhookProvider::Vonage, "secret");
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
    let events = sent.events(WebhookProvider::Vonage, "secret");
    assert_eq!(events, "Delivered | - vo-3 +447400123456 2026-03-02T09:00:00Z");
    let forged = Sent { body: body.replace("delivered", "failed").into_bytes(), ..sent.clone() };
    assert_eq!(forged.read(WebhookProvider::Vonage, "secret"), Err(Refusal::Unverified));
    let late = NOW.plus(Span::seconds(301));
    assert_eq!(sent.read_at(WebhookProvider::Vonage, "secret", late), Err(Refusal::Stale));
}

#[test]
fn vonage_reports_carry_sms_segments_and_price() {
    let charge = |usage: Value, sms: Value| {
        let event = json!({ "message_uuid": "vo-1", "to": "447400123456", "status": "submitted",
                            "usage": usage, "sms": sms });
        let hs256 = json!({ "alg": "HS256", "typ": "JWT" });
        let read = vonage(&event, &hs256, 1_772_442_000).read(WebhookProvider::Vonage, "secret");
        let Ok(Reading::Events(events)) = read else { panic!("{read:?}") };
        let WebhookEvent::Report(_, report) = &events[0] else { panic!("{events:?}") };
        report.billed.clone().map(|bill| (bill.segments, bill.micros, bill.currency))
    };
    let whole =
        charge(json!({ "currency": "EUR", "price": "0.03330000" }), json!({ "count_total": "2" }));
    assert_eq!(whole, Some((Some(2), Some(33_300), "EUR".to_owned())));
    for price in ["NaN", "-1", "1e9", "free"] {
        let none = charge(json!({ "currency": "EUR", "price": price }), json!({}));
        assert_eq!(none, None, "{price}");
    }
}
