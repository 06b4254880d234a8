//! Webhooks of Tencent Cloud: reports, and inbound SMS.

use crate::providers::webhooks::tests::Sent;
use crate::providers::webhooks::{Refusal, WebhookProvider};
use serde_json::json;

#[test]
fn tencent_webhook_needs_the_secret_in_the_url() {
    let body = json!([
        { "user_receive_time": "2026-03-02 17:00:00", "nationcode": "86", "mobile": "13800138000",
          "report_status": "SUCCESS", "errmsg": "DELIVRD", "description": "成功", "sid": "te-1" },
        { "user_receive_time": "2026-03-02 17:00:00", "nationcode": "86", "mobile": "13800138000",
          "report_status": "FAIL", "errmsg": "UNDELIV", "description": "停机", "sid": "te-2" },
        { "extend": "01", "mobile": "13800138000", "nationcode": "86", "sign": "签名",
          "text": "退订", "time": 1_772_442_000 },
    ]);
    let body = body.to_string().into_bytes();
    let sent = Sent { path_secret: "s3cret", body, ..<_>::default() };
    insta::assert_snapshot!(sent.events(WebhookProvider::Tencent, "s3cret"), @r#"
    Delivered | - te-1 +8613800138000 2026-03-02T09:00:00Z
    Soft unreachable UNDELIV | - te-2 +8613800138000 2026-03-02T09:00:00Z
    text +8613800138000 `退订` +8613800138000:1772442000000 1772442000000
    "#);
    assert_eq!(sent.read(WebhookProvider::Tencent, "other"), Err(Refusal::Unverified));
    let none = Sent { path_secret: "", ..sent };
    assert_eq!(none.read(WebhookProvider::Tencent, "s3cret"), Err(Refusal::Unverified));
}
