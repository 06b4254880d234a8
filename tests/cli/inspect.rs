//! `dripline inspect email|phone|sms|user-agent|bounce`.

use super::{dripline, dripline_with, dripline_with_bytes};

#[test]
fn single_address_is_explained() {
    let ran = dripline(&["inspect", "email", " Ann@Example.COM"]).ended(0);
    assert_eq!(ran.out, " Ann@Example.COM: accepted, kept as ann@example.com\n");
    let ran = dripline(&["inspect", "phone", "13800138000", "--region", "cn"]).ended(0);
    assert_eq!(ran.out, "13800138000: accepted, kept as +8613800138000\n");
    let ran = dripline(&["inspect", "phone", "13800138000"]).ended(1);
    assert_eq!(ran.out, "13800138000: refused: Begin with + and the country code, such as +44.\n");
}

#[test]
fn piped_list_gives_one_result_per_line() {
    let ran = dripline_with(&["inspect", "email", "--json"], &[], "a@b.co\n\n王@例子.中国\n");
    let lines: Vec<serde_json::Value> =
        ran.ended(1).out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        lines,
        [
            serde_json::json!({ "input": "a@b.co", "ok": true, "normal": "a@b.co",
                                "reason": null, "message": null }),
            serde_json::json!({ "input": "王@例子.中国", "ok": false, "normal": null,
                                "reason": "local_part",
                                "message": "Check the part before the @." }),
        ]
    );
}

fn objects(out: &str) -> Vec<serde_json::Value> {
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn sms_is_counted_and_costly_characters_are_named() {
    let ran = dripline(&["inspect", "sms", "Your code: 1234"]).ended(0);
    assert_eq!(ran.out, "Your code: 1234: GSM-7, 15 units, 1 segment, 145 free\n");
    let ran = dripline(&["inspect", "sms", "It’s on"]).ended(0);
    assert_eq!(
        ran.out,
        "It’s on: UCS-2, 7 units, 1 segment, 63 free\n  U+2019 `’`: `'` would do, in GSM-7\n"
    );
    let text = format!("{}€b", "a".repeat(159));
    let ran = dripline(&["inspect", "sms", "--json", &text]).ended(0);
    let [found] = &objects(&ran.out)[..] else { panic!("{}", ran.out) };
    assert_eq!(found["encoding"], "GSM-7");
    assert_eq!((&found["units"], &found["segments"]), (&162.into(), &2.into()));
    assert_eq!(found["parts"][1], text[153..]);
    let ran = dripline(&["inspect", "sms", "--json", &"中".repeat(671)]).ended(1);
    assert_eq!(objects(&ran.out)[0]["message"], "it takes 11 segments; the most is 10");
}

#[test]
fn user_agent_is_judged_person_or_bot() {
    let iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15";
    let lines = format!("{iphone}\ncurl/8.5.0\nMozilla/5.0\n");
    let ran = dripline_with(&["inspect", "user-agent", "--json"], &[], &lines).ended(0);
    let found = objects(&ran.out);
    let judged = |object: &serde_json::Value| {
        (object["human"].as_bool(), object["open"]["reason"].as_str().map(str::to_owned))
    };
    assert_eq!(judged(&found[0]), (Some(true), None));
    assert_eq!(judged(&found[1]), (Some(false), Some("http_library".to_owned())));
    assert_eq!(judged(&found[2]), (Some(false), Some("privacy_proxy".to_owned())));
    assert_eq!(found[1]["message"], "a program fetched it, not a browser");
    assert_eq!(ran.err, "3 looked at, 0 refused\n");
}

#[test]
fn unreadable_line_does_not_stop_others() {
    let mut piped = b"one\n\xff\xfe\n\n".to_vec();
    piped.extend("x".repeat(100_000).bytes());
    piped.extend(b"\nlast \r\n");
    let ran = dripline_with_bytes(&["inspect", "sms", "--json"], &[], &piped).ended(1);
    let found = objects(&ran.out);
    let reasons: Vec<_> = found.iter().map(|object| object["reason"].as_str()).collect();
    assert_eq!(reasons, [None, Some("not_utf8"), Some("line_too_long"), None]);
    // A trailing space is a unit that is paid for.
    assert_eq!((&found[3]["input"], &found[3]["units"]), (&"last ".into(), &5.into()));
    assert_eq!(ran.err, "4 looked at, 2 refused\n");
}

#[test]
fn bounce_text_is_classified() {
    let ran = dripline(&["inspect", "bounce", "550 5.1.1 no such user"]).ended(0);
    assert_eq!(ran.out, "550 5.1.1 no such user: hard: the address does not exist (5.1.1)\n");
    let lines = "552 5.2.2 over quota\nwhat?\n";
    let ran = dripline_with(&["inspect", "bounce", "--json"], &[], lines).ended(1);
    assert_eq!(
        objects(&ran.out),
        [
            serde_json::json!({ "input": "552 5.2.2 over quota", "ok": true, "kind": "soft",
                                "reason": "mailbox_full", "status": "5.2.2",
                                "message": "the mailbox is full",
                                "words": "552 5.2.2 over quota" }),
            serde_json::json!({ "input": "what?", "ok": false, "kind": "ignored",
                                "reason": "unclear", "status": "", "message": "no reason was given",
                                "words": "what?" }),
        ]
    );
}

#[test]
fn bounce_messages_are_parsed_from_message_or_mbox() {
    let report = "Return-Path: <>\nContent-Type: multipart/report; boundary=b\n\n--b\n\
                  Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n\
                  Action: failed\nStatus: 5.1.1\n\n--b--\n";
    let ran = dripline_with(&["inspect", "bounce"], &[], report).ended(0);
    assert_eq!(ran.out, "Return-Path: <>: hard: the address does not exist (5.1.1)\n");
    let mailbox = format!(
        "From MAILER-DAEMON Mon Mar  2 09:00:00 2026\n{report}\n\
         From ann@x.example Mon Mar  2 09:00:01 2026\nSubject: Out of office\n\nAway.\n"
    );
    let ran = dripline_with(&["inspect", "bounce", "--json"], &[], &mailbox).ended(0);
    let found: Vec<_> = objects(&ran.out).iter().map(|one| one["reason"].clone()).collect();
    assert_eq!(found, ["no_such_address", "auto_reply"]);
    assert_eq!(ran.err, "2 looked at, 0 not understood\n");
}
