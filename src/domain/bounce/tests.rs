use super::*;

/// `kind reason status` of what was said.
fn told(said: &str) -> String {
    let bounce = read(said);
    let kind = serde_json::to_value(bounce.kind).unwrap();
    format!("{} {} {}", kind.as_str().unwrap(), bounce.reason.as_str(), bounce.status)
}

#[test]
fn what_the_big_receivers_say_is_understood() {
    let said = [
        "550-5.1.1 The email account that you tried to reach does not exist.",
        "552-5.2.2 The email account that you tried to reach is over quota.",
        "550 5.2.1 The email account that you tried to reach is inactive.",
        "421-4.7.28 Gmail has detected an unusual rate of unsolicited mail",
        "550-5.7.26 This mail is blocked: unauthenticated sender",
        "550 5.7.1 Our system has detected likely unsolicited mail.",
        "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)",
        "550 5.5.0 Requested action not taken: mailbox unavailable",
        "550 5.7.606 Access denied, banned sending IP [192.0.2.1]",
        "550 5.7.1 from [192.0.2.1] weren't sent. It is on our block list",
        "554 5.2.2 mailbox full; STOREDRV.Deliver.Exception",
        "554 delivery error: dd This user doesn't have a yahoo.com account",
        "554 5.7.9 Message not accepted for policy reasons.",
        "421 4.7.0 [TSS04] Messages temporarily deferred due to user complaints",
        "550 Mailbox not found. http://service.mail.qq.com/",
        "550 Mail content denied. http://service.mail.qq.com/",
        "550 User not found: x@163.com",
        "552 邮箱已满",
        "550 收件人不存在",
        "550 5.1.1 用户不存在",
        "554 DT:SPM 163 smtp, 垃圾邮件",
        "553 您的发信IP在黑名单中",
        "451 4.7.1 Greylisting in action, please come back later",
        "552 5.3.4 Message size exceeds fixed maximum message size",
        "550 5.1.2 Bad destination host 'exmaple.com'",
        "450 4.1.1 user unknown",
        "550",
        "5.0.0",
        "smtp; 550 5.1.1 <x@example.com>: Recipient address rejected",
        "250 2.1.5 OK",
        "I am out of office until Monday",
        "hello",
        "",
    ];
    let lines: Vec<String> = said.iter().map(|said| format!("{} | {said}", told(said))).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    hard no_such_address 5.1.1 | 550-5.1.1 The email account that you tried to reach does not exist.
    soft mailbox_full 5.2.2 | 552-5.2.2 The email account that you tried to reach is over quota.
    hard inactive 5.2.1 | 550 5.2.1 The email account that you tried to reach is inactive.
    soft busy 4.7.28 | 421-4.7.28 Gmail has detected an unusual rate of unsolicited mail
    ignored not_authenticated 5.7.26 | 550-5.7.26 This mail is blocked: unauthenticated sender
    ignored spam 5.7.1 | 550 5.7.1 Our system has detected likely unsolicited mail.
    hard no_such_address 5.4.1 | 550 5.4.1 Recipient address rejected: Access denied. AS(201806281)
    hard no_such_address 5.5.0 | 550 5.5.0 Requested action not taken: mailbox unavailable
    ignored blocked 5.7.606 | 550 5.7.606 Access denied, banned sending IP [192.0.2.1]
    ignored blocked 5.7.1 | 550 5.7.1 from [192.0.2.1] weren't sent. It is on our block list
    soft mailbox_full 5.2.2 | 554 5.2.2 mailbox full; STOREDRV.Deliver.Exception
    hard no_such_address 554 | 554 delivery error: dd This user doesn't have a yahoo.com account
    ignored policy 5.7.9 | 554 5.7.9 Message not accepted for policy reasons.
    soft busy 4.7.0 | 421 4.7.0 [TSS04] Messages temporarily deferred due to user complaints
    hard no_such_address 550 | 550 Mailbox not found. http://service.mail.qq.com/
    ignored spam 550 | 550 Mail content denied. http://service.mail.qq.com/
    hard no_such_address 550 | 550 User not found: x@163.com
    soft mailbox_full 552 | 552 邮箱已满
    hard no_such_address 550 | 550 收件人不存在
    hard no_such_address 5.1.1 | 550 5.1.1 用户不存在
    ignored spam 554 | 554 DT:SPM 163 smtp, 垃圾邮件
    ignored blocked 553 | 553 您的发信IP在黑名单中
    soft busy 4.7.1 | 451 4.7.1 Greylisting in action, please come back later
    ignored too_large 5.3.4 | 552 5.3.4 Message size exceeds fixed maximum message size
    hard no_such_domain 5.1.2 | 550 5.1.2 Bad destination host 'exmaple.com'
    soft no_such_address 4.1.1 | 450 4.1.1 user unknown
    hard unclear 550 | 550
    hard unclear 5.0.0 | 5.0.0
    hard no_such_address 5.1.1 | smtp; 550 5.1.1 <x@example.com>: Recipient address rejected
    ignored delivered 2.1.5 | 250 2.1.5 OK
    ignored auto_reply  | I am out of office until Monday
    ignored unclear  | hello
    ignored unclear  |
    "#);
}

#[test]
fn a_status_is_no_piece_of_an_address_or_a_version() {
    assert_eq!(enhanced_status("host 5.1.1.20 said: 550 5.7.1 no"), Some("5.7.1"));
    assert_eq!(enhanced_status("smtp v15.1.1 said 4.2.2"), Some("4.2.2"));
    assert_eq!(enhanced_status("550-5.1.1 no"), Some("5.1.1"));
    assert_eq!(enhanced_status("5.1.12345"), None);
    assert_eq!(reply_code("host mx1 port 25 said: 550 no"), Some("550"));
    assert_eq!(reply_code("192.0.2.550"), None);
}

const REPORT: &str = "Date: Mon, 2 Mar 2026 09:00:00 +0000\r
From: MAILER-DAEMON@mx.example\r
Subject: Undelivered Mail Returned to Sender\r
Auto-Submitted: auto-replied\r
Content-Type: multipart/report; report-type=delivery-status;\r
\tboundary=\"a/b\"\r
\r
--a/b\r
Content-Type: text/plain\r
\r
Your message could not be delivered. 550 spam\r
\r
--a/b\r
Content-Type: message/delivery-status\r
\r
Reporting-MTA: dns; mx.example\r
\r
Final-Recipient: rfc822; x@example.com\r
Action: failed\r
Status: 5.0.0\r
Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried to\r
 reach does not exist\r
\r
--a/b\r
Content-Type: message/rfc822\r
\r
Subject: Action: delivered\r
\r
--a/b--\r
";

#[test]
fn a_delivery_status_message_is_read_to_its_diagnostic() {
    assert_eq!(told(REPORT), "hard no_such_address 5.1.1");
    assert_eq!(
        read(REPORT).words,
        "550-5.1.1 The email account that you tried to reach does not exist"
    );
    let delayed = REPORT.replace("Action: failed", "Action: delayed");
    assert_eq!(told(&delayed), "ignored delayed 5.0.0");
    let without =
        REPORT.replace("Diagnostic-Code: smtp; 550-5.1.1", "X: ").replace("5.0.0", "5.2.2");
    assert_eq!(told(&without), "soft mailbox_full 5.2.2");
    let arrived = REPORT.replace("Action: failed", "Action: delivered");
    assert_eq!(told(&arrived), "ignored delivered 5.0.0");
}

#[test]
fn an_absence_notice_is_no_bounce() {
    let notice = "Subject: Automatic reply: hello\nAuto-Submitted: auto-replied\n\nI am away.\n";
    assert_eq!(told(notice), "ignored auto_reply ");
    let chinese = "Subject: 自动回复：您好\n\n我在休假。\n";
    assert_eq!(told(chinese), "ignored auto_reply ");
}

#[test]
fn a_huge_or_garbled_message_is_read_without_harm() {
    let parts = "--b\nContent-Type: text/plain\n\nx\n".repeat(50_000);
    let huge = format!("Content-Type: multipart/report; boundary=b\n\n{parts}");
    assert_eq!(read(&huge).kind, BounceKind::Ignored);
    for end in (0..REPORT.len()).step_by(7) {
        read(&REPORT[..end]);
    }
    read(&format!("A: {}", "长".repeat(200_000)));
}

#[test]
fn what_carriers_say_of_a_number_is_understood() {
    let kind = |code: &str, told: &str| {
        let bounce = classify_text(code, told);
        (bounce.kind, bounce.reason)
    };
    use BounceKind::{Hard, Ignored, Soft};
    assert_eq!(kind("30005", ""), (Hard, BounceReason::NoSuchAddress));
    assert_eq!(kind("30003", ""), (Soft, BounceReason::Unreachable));
    assert_eq!(kind("30007", ""), (Ignored, BounceReason::Blocked));
    assert_eq!(kind("21610", ""), (Ignored, BounceReason::OptedOut));
    assert_eq!(kind("MK:0001", "空号"), (Hard, BounceReason::NoSuchAddress));
    assert_eq!(kind("UNDELIV", "停机"), (Soft, BounceReason::Unreachable));
    assert_eq!(kind("MBBLACK", "用户已退订"), (Ignored, BounceReason::OptedOut));
    assert_eq!(kind("XA:1", "未知"), (Soft, BounceReason::Unclear));
}

#[test]
fn a_providers_own_verdict_counts_where_the_words_say_nothing() {
    let unclear = classify("something went wrong");
    assert_eq!(unclear.clone().hard().kind, BounceKind::Hard);
    // A provider that takes a full mailbox for a bad address does not make it one.
    assert_eq!(classify("552 5.2.2 mailbox full").hard().kind, BounceKind::Soft);
    assert_eq!(classify("550 5.1.1 no such user").soft().kind, BounceKind::Soft);
}

#[test]
fn words_from_outside_are_one_short_line_of_visible_characters() {
    let told = words("550-5.1.1 no\r\n550 \u{1b}[31m such\u{202e} user");
    assert_eq!(told, "550-5.1.1 no 550 [31m such user");
    assert_eq!(words(&"长".repeat(400)).chars().count(), WORDS_CHARS_MAX + 1);
}

#[test]
fn receivers_are_understood_in_their_own_languages() {
    for absent in [
        "550 Postfach existiert nicht",
        "550 Empfänger unbekannt",
        "550 Boîte aux lettres inconnue",
        "550 Cette adresse n'existe pas",
        "550 El usuario no existe",
        "550 O usuário não existe",
        "550 La casella non esiste",
        "550 Deze mailbox bestaat niet",
        "550 ユーザーが見つかりません",
        "550 пользователь не найден",
        "550 此使用者不存在",
    ] {
        assert_eq!(told(absent), "hard no_such_address 550", "{absent}");
    }
    for full in [
        "552 Das Postfach ist voll",
        "552 Boîte pleine",
        "552 El buzón está lleno",
        "552 Caixa de correio cheia",
        "552 Casella piena",
        "552 メールボックスがいっぱいです",
        "552 почтовый ящик переполнен",
        "552 信箱已滿",
    ] {
        assert_eq!(told(full), "soft mailbox_full 552", "{full}");
    }
}

#[test]
fn what_travels_encoded_is_read() {
    // Base64 of: 550 收件人不存在
    let plain = "Subject: x\nContent-Type: text/plain; charset=utf-8\n\
                 Content-Transfer-Encoding: base64\n\nNTUwIOaUtuS7tuS6uuS4jeWtmOWc\nqA==\n";
    assert_eq!(told(plain), "hard no_such_address 550");
    let quoted = "Subject: x\nContent-Transfer-Encoding: quoted-printable\n\n\
                  550 Empf=C3=A4nger un=\nbekannt\n";
    assert_eq!(told(quoted), "hard no_such_address 550");
    let several = "Subject: x\nContent-Type: multipart/mixed; boundary=\"b\"\n\n--b\n\
                   Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n\
                   NTUwIOaUtuS7tuS6uuS4jeWtmOWcqA==\n--b\nContent-Type: message/rfc822\n\n\
                   Subject: the mailbox is full of offers\n--b--\n";
    assert_eq!(told(several), "hard no_such_address 550", "what was returned is not asked");
    let bare =
        "Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n550 mailbox full\n--b--";
    assert_eq!(told(bare), "soft mailbox_full 550");
    for subject in [
        "=?utf-8?B?6Ieq5Yqo5Zue5aSN77ya5L2g5aW9?=",
        "=?UTF-8?Q?Abwesenheit:_Gr=C3=BC=C3=9Fe?=",
        "=?utf-8?b?6Ieq5Yqo?= =?utf-8?b?5Zue5aSN?=",
        "Re: =?utf-8?q?R=C3=A9ponse?= automatique",
    ] {
        assert_eq!(told(&format!("Subject: {subject}\n\nhi")), "ignored auto_reply ", "{subject}");
    }
    for broken in ["=?utf-8?B?%%%?= x", "=?utf-8?X?a?=", "=?", "a =?utf-8?Q", "=?a?b?c=?="] {
        assert_eq!(told(&format!("Subject: {broken}\n\nhi")), "ignored unclear ", "{broken}");
    }
}

#[test]
fn a_readers_complaint_is_no_bounce_and_is_told_as_one() {
    let report = |kind: &str| {
        format!(
            "Subject: x\nContent-Type: multipart/report; boundary=b\n\n\
             --b\nContent-Type: text/plain\n\nThis is an abuse report.\n--b\n\
             Content-Type: message/feedback-report\n\nFeedback-Type: {kind}\nVersion: 1\n\n--b--"
        )
    };
    assert_eq!(told(&report("abuse")), "ignored complaint ");
    assert_eq!(told(&report("auth-failure")), "ignored unclear ");
    assert_eq!(told("Content-Type: message/feedback-report\n\nVersion: 1"), "ignored complaint ");
}
