use super::*;
use insta::assert_snapshot;

/// Reads a file and formats each row as `line: channel address reason`, or its error.
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
fn ambiguous_email_columns_are_refused() {
    for list in [
        "owner email,customer email\nboss@x.example,ann@x.example\n",
        "boss@x.example;ann@x.example\n",
    ] {
        assert_eq!(read(list.as_bytes()), TWO_EMAILS);
    }
    let named = "owner email,email\nboss@x.example,ann@x.example\n";
    assert_snapshot!(read(named.as_bytes()), @"2: email ann@x.example imported");
}

#[test]
fn exports_of_other_systems_are_read() {
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
fn plain_lists_and_phones_are_read() {
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
fn broken_row_does_not_affect_others() {
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
    7: Check the part before the @. <ÿş@x.example,x>
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
fn all_line_endings_and_separators_are_read() {
    let all = "2: email ann@x.example bounced\n3: email bo@x.example complained";
    for end in ["\r", "\n", "\r\n"] {
        let list = format!("email,reason{end}ann@x.example,bounced{end}bo@x.example,spam{end}");
        assert_eq!(read(list.as_bytes()), all, "{end:?}");
    }
    let mixed = b"email,reason\rann@x.example,bounced\r\nbo@x.example,spam";
    assert_eq!(read(mixed), all);
    for (sign, declared) in [(";", ";"), ("|", "|"), ("\t", "\t"), ("\t", "\\t")] {
        let list =
            format!("sep={declared}\r\nreason{sign}Email\r\nspam, he said{sign}a@x.example\r\n");
        assert_eq!(read(list.as_bytes()), "3: email a@x.example complained", "{sign:?}");
    }
    for sign in [',', ';', '|', '\t'] {
        let list = format!("Email{sign}Reason\na@x.example{sign}spam\n");
        assert_eq!(read(list.as_bytes()), "2: email a@x.example complained", "{sign:?}");
    }
    // A line end at the very edge of the read buffer.
    let long = format!("email\r\n{}\r\nb@x.example\r\n", "a".repeat(8 * 1024 - 9));
    assert!(read(long.as_bytes()).ends_with("3: email b@x.example imported"));
}

#[test]
fn lists_in_other_encodings_are_read() {
    let list = "邮箱,原因\r\nann@x.example,退订\r\nbo@x.example,投诉\r\n";
    let all = "2: email ann@x.example unsubscribed\n3: email bo@x.example complained";
    let (gbk, ..) = encoding_rs::GB18030.encode(list);
    assert_eq!(read(&gbk), all);
    for mark in ["", "\u{feff}"] {
        let text = format!("{mark}{list}");
        let units: Vec<u16> = text.encode_utf16().collect();
        let little: Vec<u8> = units.iter().copied().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = units.iter().copied().flat_map(u16::to_be_bytes).collect();
        assert_eq!(read(text.as_bytes()), all);
        assert_eq!(read(&little), all);
        assert_eq!(read(&big), all);
    }
    let western = "E-Mail-Adresse;Grund\nzoë@x.example;spam\nzo@x.example;désabonné, spam\n";
    let (western, ..) = encoding_rs::WINDOWS_1252.encode(western);
    let read = read(&western);
    assert!(read.ends_with("3: email zo@x.example imported"), "{read}");
}

#[test]
fn email_column_is_found_by_name_or_content() {
    for head in [
        "Email", "EMAIL", "Email Address", "email_address", "E-Mail", "EmailAddress", "Recipient",
        "Primary-Email", "邮箱", "电子邮箱", "邮箱地址",
    ] {
        let list = format!("id,{head},Address\nx,a@x.example,1 High Street\n");
        assert_eq!(read(list.as_bytes()), "2: email a@x.example imported", "{head}");
    }
    for head in ["courriel", "Адрес"] {
        let list = format!("id,{head}\nx,a@x.example\n");
        assert_eq!(read(list.as_bytes()), "2: email a@x.example imported", "{head}");
    }
    assert_eq!(read(b"nobody@@x.example\na@x.example\n").lines().count(), 2, "no name of a column");
}

#[test]
fn files_that_are_not_csv_are_refused() {
    let workbook = "the file is a workbook or an archive; save it as CSV";
    assert_eq!(read(b"PK\x03\x04..."), workbook);
    assert_eq!(read(b"\xD0\xCF\x11\xE0..."), workbook);
    assert!(read(b"[{\"email\": 1}]").contains("JSON"));
    assert!(read(b"<table>").contains("HTML"));
    assert_eq!(read(b""), "");
}
