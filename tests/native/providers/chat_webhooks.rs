//! Group chat webhooks, for notifications.

use super::{call, mail, meanings, wire};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dripline::domain::contact::message::Class;
use dripline::providers::{Outgoing, Provider, chat_webhooks};
use hmac::{Hmac, KeyInit, Mac};
use insta::assert_snapshot;
use sha2::Sha256;

fn notice() -> Outgoing {
    Outgoing { class: Class::Internal, to: "owner@house.example".to_owned(), ..mail(1) }
}

#[test]
fn dingtalk() {
    let sender = Provider::DingTalk(chat_webhooks::DingTalk {
        url: "https://oapi.dingtalk.com/robot/send?access_token=t".to_owned(),
        secret: "SECthis is secret".to_owned(),
    });
    let messages = [notice()];
    let one = call(&messages, false);
    // The signature, computed as documented.
    let mut mac = Hmac::<Sha256>::new_from_slice(b"SECthis is secret").unwrap();
    mac.update(format!("{}\nSECthis is secret", super::AT.0).as_bytes());
    let sign = STANDARD.encode(mac.finalize().into_bytes());
    let sign = sign.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let url = sender.request(one).unwrap().url;
    assert!(url.ends_with(&format!("&timestamp={}&sign={sign}", super::AT.0)), "{url}");
    assert_snapshot!(wire(&sender, one), @r#"
    POST https://oapi.dingtalk.com/robot/send?access_token=t&timestamp=1772442000000&sign=Q7
      CSShpR5SFqOU388Ayzic0ZQwgL5ddwL7UXQEJ7unc%3D
    content-type: application/json

    {
      "msgtype": "text",
      "text": {
        "content": "50 % “off” & more\n\nGrüße"
      }
    }
    "#);
    let replies = [
        r#"200 {"errcode":0,"errmsg":"ok"}"#,
        r#"200 {"errcode":310000,"errmsg":"sign not match"}"#,
        r#"200 {"errcode":300001,"errmsg":"token is not exist"}"#,
        r#"200 {"errcode":130101,"errmsg":"send too fast"}"#,
        r#"200 {"errcode":-1,"errmsg":"busy"}"#,
        r#"200 {"errcode":400106,"errmsg":"robot is not exist"}"#,
        r#"200 {"errcode":400013,"errmsg":"group was disbanded"}"#,
        r#"200 {"errcode":430102,"errmsg":"inappropriate text"}"#,
        r#"200 {"errcode":43004,"errmsg":"bad"}"#,
        "200 <html>",
        "502 <html>",
        "silence",
    ];
    assert_snapshot!(meanings(&sender, one, &replies), @r#"
    200 {"errcode":0,"errmsg":"ok"}  => arrived robot
    200 {"errcode":310000,"errmsg":" => stop: 310000 sign not match
    200 {"errcode":300001,"errmsg":" => stop: 300001 token is not exist
    200 {"errcode":130101,"errmsg":" => busy after 10m: 130101 send too fast
    200 {"errcode":-1,"errmsg":"busy => busy: -1 busy
    200 {"errcode":400106,"errmsg":" => stop: 400106 robot is not exist
    200 {"errcode":400013,"errmsg":" => stop: 400013 group was disbanded
    200 {"errcode":430102,"errmsg":" => refused: 430102 inappropriate text
    200 {"errcode":43004,"errmsg":"b => refused: 43004 bad
    200 <html>                       => lost: an answer without a code
    502 <html>                       => lost: status 502
    silence                          => lost: no answer in time
    "#);
}

#[test]
fn wecom() {
    let url = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=k";
    let sender = Provider::WeCom(url.to_owned());
    let messages = [notice()];
    let one = call(&messages, false);
    assert_snapshot!(wire(&sender, one), @r#"
    POST https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=k
    content-type: application/json

    {
      "msgtype": "text",
      "text": {
        "content": "50 % “off” & more\n\nGrüße"
      }
    }
    "#);
    let replies = [
        r#"200 {"errcode":0,"errmsg":"ok"}"#,
        r#"200 {"errcode":93000,"errmsg":"invalid webhook url"}"#,
        r#"200 {"errcode":45009,"errmsg":"api freq out of limit"}"#,
        "garbage",
    ];
    assert_snapshot!(meanings(&sender, one, &replies), @r#"
    200 {"errcode":0,"errmsg":"ok"}  => arrived robot
    200 {"errcode":93000,"errmsg":"i => stop: 93000 invalid webhook url
    200 {"errcode":45009,"errmsg":"a => busy after 10m: 45009 api freq out of limit
    garbage                          => lost: broken connection
    "#);
}

#[test]
fn slack() {
    let sender = Provider::Slack("https://hooks.slack.com/services/T/B/x".to_owned());
    let messages = [notice()];
    let one = call(&messages, false);
    assert_snapshot!(wire(&sender, one), @r#"
    POST https://hooks.slack.com/services/T/B/x
    content-type: application/json

    {
      "text": "50 % “off” &amp; more\n\nGrüße"
    }
    "#);
    let replies = [
        "200 ok",
        "200 <html>",
        "400 invalid_payload",
        "403 action_prohibited",
        "404 no_service",
        "410 channel_is_archived",
        "429 retry-after=30 ratelimited",
        "500 rollup_error",
        "silence",
    ];
    assert_snapshot!(meanings(&sender, one, &replies), @r"
    200 ok                           => arrived robot
    200 <html>                       => lost: an answer that is not ok
    400 invalid_payload              => refused: 400 invalid_payload
    403 action_prohibited            => stop: 403 action_prohibited
    404 no_service                   => stop: 404 no_service
    410 channel_is_archived          => stop: 410 channel_is_archived
    429 retry-after=30 ratelimited   => busy after 30s: 429 ratelimited
    500 rollup_error                 => lost: 500 rollup_error
    silence                          => lost: no answer in time
    ");
}
