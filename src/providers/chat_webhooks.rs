//! Robots of group chats, for notices to our own people: DingTalk, WeCom and Slack. Each has an
//! address with a secret in it, to which a text is posted; whoever is in the group sees it, so the
//! owner's address does not matter. None knows an idempotency key.

use super::common::{by_status, json, percent_encode, post_json, retry_after, said};
use super::http::{HttpRequest, HttpResponse};
use super::sign::hmac;
use super::{Call, Content, SendResult};
use crate::domain::base::primitives::{Millis, Span};
use crate::domain::pacing::Rate;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The longest text that WeCom takes, in bytes; the others take more
/// (developer.work.weixin.qq.com/document/path/91770).
const TEXT_BYTES_MAX: usize = 2_000;

/// How long DingTalk and WeCom take nothing after more than `GROUP_RATE`.
const LIMIT_WAIT: Span = Span::minutes(10);

/// How many texts a robot of DingTalk or WeCom shows
/// (open.dingtalk.com/document/group/custom-robot-access,
/// developer.work.weixin.qq.com/document/path/91770).
pub const GROUP_RATE: Rate = Rate { calls: 20, per: Span::minutes(1) };

/// How many Slack takes; short bursts may be more (docs.slack.dev/apis/web-api/rate-limits).
pub const SLACK_RATE: Rate = Rate { calls: 1, per: Span::seconds(1) };

/// A robot of DingTalk.
#[derive(Clone)]
pub struct DingTalk {
    /// Its address, `https://oapi.dingtalk.com/robot/send?access_token=…`.
    pub url: String,
    /// The secret that it signs with, `SEC…`; empty where another protection was chosen.
    pub secret: String,
}

/// DingTalk's request: signed with the present, in milliseconds
/// (open.dingtalk.com/document/robots/customize-robot-security-settings).
pub fn dingtalk(robot: &DingTalk, call: Call<'_>) -> Option<HttpRequest> {
    let body = json!({ "msgtype": "text", "text": { "content": text(call)? } });
    Some(post_json(signed_url(robot, call.at), Vec::new(), &body))
}

fn signed_url(robot: &DingTalk, at: Millis) -> String {
    if robot.secret.is_empty() {
        return robot.url.clone();
    }
    let to_sign = format!("{}\n{}", at.0, robot.secret);
    let sign = STANDARD.encode(hmac(robot.secret.as_bytes(), &to_sign));
    format!("{}&timestamp={}&sign={}", robot.url, at.0, percent_encode(&sign))
}

/// WeCom's request, to a robot's address, `https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=…`.
pub fn wecom(url: &str, call: Call<'_>) -> Option<HttpRequest> {
    let body = json!({ "msgtype": "text", "text": { "content": text(call)? } });
    Some(post_json(url, Vec::new(), &body))
}

/// Slack's request, to an incoming webhook, `https://hooks.slack.com/services/…`. Three characters
/// are its own markup (api.slack.com/reference/surfaces/formatting).
pub fn slack(url: &str, call: Call<'_>) -> Option<HttpRequest> {
    let text = text(call)?.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    Some(post_json(url, Vec::new(), &json!({ "text": text })))
}

/// A notice as a text: its subject and its plain part, cut to what all of them take.
fn text(call: Call<'_>) -> Option<String> {
    let Content::Email { subject, text, .. } = &call.first.content else { return None };
    let mut whole = format!("{subject}\n\n{text}");
    if whole.len() > TEXT_BYTES_MAX {
        let cut = (0..=TEXT_BYTES_MAX).rev().find(|index| whole.is_char_boundary(*index));
        whole.truncate(cut.unwrap_or_default());
        whole.push('…');
    }
    Some(whole)
}

/// What DingTalk and WeCom answer: 200 and `{ "errcode", "errmsg" }`.
pub fn by_errcode(response: &HttpResponse) -> SendResult {
    let body = json(response);
    let Some(code) = body.get("errcode").and_then(Value::as_i64) else {
        return match response.status {
            200..=299 => SendResult::Lost("an answer without a code".to_owned()),
            status => by_status(response, format!("status {status}")),
        };
    };
    let told = body.get("errmsg").and_then(Value::as_str).unwrap_or_default();
    let reason = said(code, "", told);
    match code {
        0 => taken(),
        // Busy; too many at once; too many within a minute.
        -1 | 45_033 => SendResult::Busy { after: None, reason },
        130_101 | 410_100 | 45_009 => SendResult::Busy { after: Some(LIMIT_WAIT), reason },
        // DingTalk: the group, the robot or its token is gone, or it is switched off; a signature,
        // an address or a word that it does not accept.
        300_001 | 300_005 | 310_000 | 400_013 | 400_101 | 400_102 | 400_106 => {
            SendResult::Stop(reason)
        }
        // WeCom: the address is wrong, or the robot was taken out of the group.
        93_000 => SendResult::Stop(reason),
        _ => SendResult::Refused(reason),
    }
}

/// What Slack answers: `ok`, or a word for what is wrong
/// (docs.slack.dev/messaging/sending-messages-using-incoming-webhooks).
pub fn slack_outcome(response: &HttpResponse) -> SendResult {
    let reason = said(response.status, "", response.body.trim());
    match response.status {
        200 if response.body.trim() == "ok" => taken(),
        200 => SendResult::Lost("an answer that is not ok".to_owned()),
        // The webhook or its channel is gone.
        403 | 404 | 410 => SendResult::Stop(reason),
        429 => SendResult::Busy { after: retry_after(response), reason },
        _ => by_status(response, reason),
    }
}

/// A robot gives no id, and shows the text at once.
fn taken() -> SendResult {
    SendResult::Accepted { provider_id: "robot".to_owned(), arrived: true }
}
