use super::*;
use insta::assert_snapshot;

/// What is read of a file: `line: channel address reason`, or why not.
fn read(bytes: &[u8]) -> String {
    read_as(bytes, Reading::default())
}

fn read_as(bytes: &[u8], reading: Reading) -> String {
    let mut file = match SuppressionFile::open(bytes, reading).unwrap() {
        Ok(file) => file,
        Err(problem) => return problem,
    };
    let mut lines = Vec::new();
    while let Some((line, row)) = file.next_row().unwrap() {
        lines.push(match row {
            Row::Suppress(named) => format!(
                "{line}: {} {} {}",
                named.channel.map_or("", Channel::as_str),
                named.address,
                named.reason.map_or("", SuppressionReason::as_str)
            ),
            Row::Fine => format!("{line}: fine"),
            Row::Wrong(why, row) => format!("{line}: {why} <{row}>"),
        });
    }
    lines.join("\n")
}

#[test]
fn lists_of_other_systems_are_understood() {
    let mailchimp = "\u{feff}Email Address,First Name,UNSUB_TIME,UNSUB_REASON\r\n\
                     ann@x.example,Ann,2025-01-02,NORMAL (No longer interested)\r\n";
    assert_snapshot!(read(mailchimp.as_bytes()), @"2: email ann@x.example unsubscribed");
    let sendgrid = "status,reason,email,created\n\
                    5.1.1,\"550 5.1.1, no such user\",bo@x.example,1700000000\n\
                    4.2.2,452 mailbox full,cy@x.example,1700000000\n";
    assert_snapshot!(read(sendgrid.as_bytes()), @r"
    2: email bo@x.example bounced
    3: fine
    ");
    let mailgun = "address,code,error,created_at\ndi@x.example,605,Not delivering,Mon\n";
    let complained = Reading { reason: Some(SuppressionReason::Complained), ..Reading::default() };
    assert_snapshot!(read_as(mailgun.as_bytes(), complained), @"2: email di@x.example complained");
    let brevo = "email;Reason;Date\ned@x.example;Unsubscribed via email;2024\n\
                 flo@x.example;Spam complaint;2024\ngus@x.example;adminBlocked;2024\n";
    assert_snapshot!(read(brevo.as_bytes()), @r"
    2: email ed@x.example unsubscribed
    3: email flo@x.example complained
    4: email gus@x.example manual
    ");
    let listmonk = "uuid,email,name,attributes,status,created_at\n\
                    u1,hal@x.example,Hal,\"{\"\"city\"\": \"\"York, UK\"\"}\",blocklisted,x\n\
                    u2,ida@x.example,Ida,{},enabled,x\n";
    assert_snapshot!(read(listmonk.as_bytes()), @r"
    2: email hal@x.example manual
    3: fine
    ");
    let hubspot = "Email,Unsubscribed from all email,Hard bounced\n\
                   jo@x.example,true,false\nkim@x.example,false,false\nlou@x.example,,TRUE\n";
    assert_snapshot!(read(hubspot.as_bytes()), @r"
    2: email jo@x.example unsubscribed
    3: fine
    4: email lou@x.example bounced
    ");
}

#[test]
fn a_plain_list_and_numbers_are_read() {
    assert_snapshot!(read(b"ann@x.example\n\n  Bo@X.Example  \nnobody\n"), @r"
    1: email ann@x.example imported
    3: email Bo@X.Example imported
    4: An e-mail address has an @ in it, such as name@example.com. <nobody>
    ");
    let chinese = Reading { region: Some("CN".into()), ..Reading::default() };
    let list = "手机号\t原因\n138 0013 8000\t退订\n'+447400123456\t投诉\n12\t\n";
    assert_snapshot!(read_as(list.as_bytes(), chinese), @r"
    2: sms 138 0013 8000 unsubscribed
    3: sms +447400123456 complained
    4: There is no such phone number. Check the digits. <12>
    ");
}

#[test]
fn a_broken_row_costs_itself_only() {
    let ugly = b"email,reason\n\
                 \"never closed,bounced\n\
                 ann@x.example,bounced\n\
                 bo@x.example,\"two\nlines, spam\"\n\
                 5\" screen,x\n\
                 \xff\xfe@x.example,x\n\
                 ,x\n\
                 cy@x.example\n\
                 \"di@x.example\",\"say \"\"hi\"\"\"\n";
    assert_snapshot!(read(ugly), @r#"
    2: a quote is not closed, or a cell has several lines <"never closed,bounced>
    3: email ann@x.example bounced
    4: email bo@x.example complained
    6: Enter one address only, such as name@example.com. <5" screen,x>
    7: not UTF-8; save the file as CSV in UTF-8 <��@x.example,x>
    8: there is no address <,x>
    9: email cy@x.example imported
    10: email di@x.example imported
    "#);
    let mut long = b"email\n".to_vec();
    long.extend(vec![b'x'; 3 * LINE_BYTES_MAX]);
    long.extend(b"\nann@x.example\n");
    assert_snapshot!(read(&long), @r"
    2: the line is longer than 65536 bytes <>
    3: email ann@x.example imported
    ");
}

#[test]
fn what_is_no_csv_in_utf8_is_told_so() {
    assert_snapshot!(read(b"\xff\xfee\0m\0"), @"the file is UTF-16; save it as CSV in UTF-8");
    let workbook = "the file is a workbook or an archive; save it as CSV";
    assert_eq!(read(b"PK\x03\x04..."), workbook);
    assert_eq!(read(b""), "");
}
