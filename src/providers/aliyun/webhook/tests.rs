//! Webhooks of Alibaba Cloud: reports, and inbound SMS.

use crate::providers::webhooks::tests::Sent;
use crate::providers::webhooks::{Reading, Refusal, WebhookEvent, WebhookProvider};
use serde_json::{Value, json};

fn sent(body: &Value) -> Sent {
    Sent { path_secret: "s3cret", body: body.to_string().into_bytes(), ..<_>::default() }
}

#[test]
fn aliyun_webhook_needs_the_secret_in_the_url() {
    let body = json!([
        { "phone_number": "13800138000", "send_time": "2026-03-02 16:59:00", "success": true,
          "report_time": "2026-03-02 17:00:00", "err_code": "DELIVERED", "err_msg": "用户接收成功",
          "sms_size": "1", "biz_id": "al-1", "out_id": "e.1" },
        { "phone_number": "13800138000", "send_time": "2026-03-02 16:59:00", "success": false,
          "report_time": "2026-03-02 17:00:00", "err_code": "MK:0001", "err_msg": "空号",
          "biz_id": "al-2" },
        { "phone_number": "13800138000", "send_time": "2026-03-02 17:00:00", "content": "TD",
          "sign_name": "签名", "dest_code": "1234", "sequence_id": 12_345 },
    ]);
    insta::assert_snapshot!(sent(&body).events(WebhookProvider::Aliyun, "s3cret"), @r#"
    Delivered | e.1 al-1 +8613800138000 2026-03-02T09:00:00Z
    Hard no_such_address MK:0001 | - al-2 +8613800138000 2026-03-02T09:00:00Z
    text +8613800138000 `TD` 12345 1772442000000
    "#);
    assert_eq!(sent(&body).read(WebhookProvider::Aliyun, "other"), Err(Refusal::Unverified));
    let none = Sent { path_secret: "", ..sent(&body) };
    assert_eq!(none.read(WebhookProvider::Aliyun, "s3cret"), Err(Refusal::Unverified));
}

#[test]
fn aliyun_reports_carry_sms_segments() {
    let segments = |size: &Value| {
        let event = json!([{ "phone_number": "13800138000", "success": true, "sms_size": size,
                             "biz_id": "al-1" }]);
        let read = sent(&event).read(WebhookProvider::Aliyun, "s3cret");
        let Ok(Reading::Events(events)) = read else { panic!("{read:?}") };
        let WebhookEvent::Report(_, report) = &events[0] else { panic!("{events:?}") };
        report.billed.clone().map(|bill| (bill.segments, bill.micros, bill.currency))
    };
    assert_eq!(segments(&json!("2")), Some((Some(2), None, String::new())));
    for none in [json!("0"), json!("256"), json!("-1"), json!("two"), json!(null)] {
        assert_eq!(segments(&none), None, "{none}");
    }
}
