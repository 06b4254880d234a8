//! Robots of group chats, for notices to the operators: DingTalk, WeCom and Slack. Each robot has a
//! URL that contains a secret and accepts a text by POST. Everyone in the group sees the text, so
//! the owner's address is not used. None of them has an idempotency key.

use super::common::{by_status, error_text, json, percent_encode, post_json, retry_after};
use super::http::{HttpRequest, HttpResponse};
use super::sign::hmac;
use super::{Call, Content, SendResult};
use crate::domain::base::primitives::{Millis, Span};
use crate::domain::pacing::Rate;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The longest text that WeCom accepts, in bytes; the others accept more
/// (developer.work.weixin.qq.com/document/path/91770).
const TEXT_BYTES_MAX: usize = 2_000;

/// How long DingTalk and WeCom refuse calls after `GROUP_RATE` was exceeded.
const LIMIT_WAIT: Span = Span::minutes(10);

/// The rate limit of a DingTalk or WeCom robot
/// (open.dingtalk.com/document/group/custom-robot-access,
/// developer.work.weixin.qq.com/document/path/91770).
pub const GROUP_RATE: Rate = Rate { calls: 20, per: Span::minutes(1) };

/// The rate limit of Slack, which allows short bursts above it
/// (docs.slack.dev/apis/web-api/rate-limits).
pub const SLACK_RATE: Rate = Rate { calls: 1, per: Span::seconds(1) };

#[derive(Clone)]
pub struct DingTalk {
    /// The robot's URL, `https://oapi.dingtalk.com/robot/send?access_token=…`.
    pub url: String,
    /// The signing secret, `SEC…`; empty if the robot is protected in another way.
    pub secret: String,
}

/// Builds DingTalk's request, signed with the current time in milliseconds
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

/// Builds WeCom's request to a robot's URL,
/// `https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=…`.
pub fn wecom(url: &str, call: Call<'_>) -> Option<HttpRequest> {
    let body = json!({ "msgtype": "text", "text": { "content": text(call)? } });
    Some(post_json(url, Vec::new(), &body))
}

/// Builds Slack's request to an incoming webhook, `https://hooks.slack.com/services/…`. Escapes the
/// three characters that Slack treats as markup (api.slack.com/reference/surfaces/formatting).
pub fn slack(url: &str, call: Call<'_>) -> Option<HttpRequest> {
    let text = text(call)?.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    Some(post_json(url, Vec::new(), &json!({ "text": text })))
}

/// Renders a notice as text: its subject and its plain-text part, cut to a length that all services
/// accept.
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

/// Interprets the response of DingTalk and WeCom: 200 and `{ "errcode", "errmsg" }`.
pub fn by_errcode(response: &HttpResponse) -> SendResult {
    let body = json(response);
    let Some(code) = body.get("errcode").and_then(Value::as_i64) else {
        return match response.status {
            200..=299 => SendResult::Lost("an answer without a code".to_owned()),
            status => by_status(response, format!("status {status}")),
        };
    };
    let message = body.get("errmsg").and_then(Value::as_str).unwrap_or_default();
    let reason = error_text(code, "", message);
    match code {
        0 => taken(),
        // Busy; too many concurrent calls; too many calls within a minute.
        -1 | 45_033 => SendResult::Busy { after: None, reason },
        130_101 | 410_100 | 45_009 => SendResult::Busy { after: Some(LIMIT_WAIT), reason },
        // DingTalk: the group, the robot or its token no longer exists, or the robot is disabled;
        // or it does not accept the signature, the IP address or the keyword.
        300_001 | 300_005 | 310_000 | 400_013 | 400_101 | 400_102 | 400_106 => {
            SendResult::Stop(reason)
        }
        // WeCom: the URL is wrong, or the robot was removed from the group.
        93_000 => SendResult::Stop(reason),
        _ => SendResult::Refused(reason),
    }
}

/// Interprets the response of Slack: `ok`, or an error code
/// (docs.slack.dev/messaging/sending-messages-using-incoming-webhooks).
pub fn slack_result(response: &HttpResponse) -> SendResult {
    let reason = error_text(response.status, "", response.body.trim());
    match response.status {
        200 if response.body.trim() == "ok" => taken(),
        200 => SendResult::Lost("an answer that is not ok".to_owned()),
        // The webhook or its channel no longer exists.
        403 | 404 | 410 => SendResult::Stop(reason),
        429 => SendResult::Busy { after: retry_after(response), reason },
        _ => by_status(response, reason),
    }
}

/// Returns the result of an accepted notice. A robot returns no id and shows the text at once.
fn taken() -> SendResult {
    SendResult::Accepted { provider_id: "robot".to_owned(), arrived: true }
}
