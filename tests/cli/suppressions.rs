//! `dripline suppressions` and `dripline consents` against a server with scripted answers.

use super::server::serve;
use super::{Scratch, dripline};
use serde_json::{Value, json};

fn imported(added: usize, kept: usize, problems: Value) -> (u16, String) {
    (200, json!({ "added": added, "kept": kept, "problems": problems }).to_string())
}

#[test]
fn messy_list_is_imported_and_bad_rows_are_listed() {
    let list = "\u{feff}\"Email Address\";Reason\r\n\
                ann@x.example;Hard bounce\r\n\
                \r\n\
                =cmd();x\r\n\
                \"bo@x.example\";\"said \"\"spam\"\"\"\r\n\
                \"open;x\r\n\
                cy@x.example;subscribed\r\n";
    let file = Scratch::new("ugly.csv", list);
    let wrong = Scratch::new("ugly-wrong.csv", "");
    let (url, requests) = serve(vec![imported(1, 1, json!([]))]);
    let args =
        ["suppressions", "import", file.path(), "--wrong", wrong.path(), "--source", "brevo"];
    let ran = dripline(&[&args[..], &["--to", &url, "--token", "t", "--json"]].concat()).ended(1);
    let said = ran.json();
    assert_eq!((&said["rows"], &said["added"], &said["kept"]), (&json!(5), &json!(1), &json!(1)));
    assert_eq!((&said["fine"], &said["wrong"]), (&json!(1), &json!(2)));
    let text = std::fs::read_to_string(wrong.path()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "line,reason,row");
    assert!(lines[1].starts_with("4,") && lines[1].ends_with(",'=cmd();x"), "{text}");
    assert!(lines[2].starts_with("6,\"a quote is not closed"), "{text}");
    let request = &requests.join().unwrap()[0];
    assert_eq!(request.line, "POST /api/v1/suppressions/import");
    let sent: Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!(sent["source"], "brevo");
    let first = json!({ "address": "ann@x.example", "channel": "email", "reason": "bounced" });
    let second = json!({ "address": "bo@x.example", "channel": "email", "reason": "complained" });
    assert_eq!(sent["rows"], json!([first, second]));
}

#[test]
fn interrupted_import_says_where_to_resume() {
    let file = Scratch::new("break.csv", "ann@x.example\nbo@x.example\ncy@x.example\n");
    let refused = json!({ "title": "No", "detail": "The source is wrong." }).to_string();
    let (url, requests) = serve(vec![(422, refused), imported(1, 0, json!([]))]);
    let args = ["suppressions", "import", file.path(), "--to", &url, "--token", "t"];
    let ran = dripline(&args).ended(1);
    assert!(ran.err.contains("continue with --from-line 1"), "{}", ran.err);
    let ran = dripline(&[&args[..], &["--from-line", "3"]].concat()).ended(0);
    assert!(ran.out.starts_with("1 row: 1 newly suppressed"), "{}", ran.out);
    let bodies: Vec<Value> =
        requests.join().unwrap().iter().map(|r| serde_json::from_str(&r.body).unwrap()).collect();
    assert_eq!(bodies[1]["rows"].as_array().unwrap().len(), 1);
    assert_eq!(bodies[1]["source"], *file.path().rsplit('/').next().unwrap());
}

#[test]
fn rows_are_sent_in_thousands_and_problems_keep_line_numbers() {
    let list: String = (0..2_500).map(|n| format!("p{n}@x.example\n")).collect();
    let file = Scratch::new("many.csv", &list);
    let wrong = Scratch::new("many-wrong.csv", "");
    let doubt = json!([{ "row": 3, "message": "no" }]);
    let answers =
        vec![imported(1_000, 0, json!([])), imported(999, 0, doubt), imported(500, 0, json!([]))];
    let (url, requests) = serve(answers);
    let args = ["suppressions", "import", file.path(), "--wrong", wrong.path()];
    dripline(&[&args[..], &["--to", &url, "--token", "t"]].concat()).ended(1);
    let sizes: Vec<usize> = requests
        .join()
        .unwrap()
        .iter()
        .map(|r| serde_json::from_str::<Value>(&r.body).unwrap()["rows"].as_array().unwrap().len())
        .collect();
    assert_eq!(sizes, [1_000, 1_000, 500]);
    assert!(std::fs::read_to_string(wrong.path()).unwrap().contains("\n1003,no,"));
}

#[test]
fn unusable_input_is_a_usage_error() {
    let workbook = Scratch::new("book.xlsx", "PK\u{3}\u{4}...");
    let server = ["--to", "http://localhost:1", "--token", "t"];
    let import = |path: &str| dripline(&[&["suppressions", "import", path], &server[..]].concat());
    assert!(import(workbook.path()).ended(2).err.contains("save it as CSV"));
    assert!(import("/nowhere.csv").ended(2).err.contains("/nowhere.csv"));
    let release = [&["suppressions", "release", "ann@x.example"], &server[..]].concat();
    assert!(dripline(&release).ended(2).err.contains("--note"));
    assert!(
        dripline(&["suppressions", "add", "x", "--reason", "why"]).ended(2).err.contains("bounced")
    );
}

#[test]
fn empty_import_fails_with_its_reason() {
    for (list, why) in [
        ("", "the file is empty"),
        ("Email,Reason\r", "names of columns (Email, Reason) and no row"),
        ("Name,City\nAnn,York\n", "no row has an address"),
        ("Email,Status\na@x.example,subscribed\n", "all rows may be written to"),
    ] {
        let file = Scratch::new("nothing.csv", list);
        let wrong = Scratch::new("nothing-wrong.csv", "");
        let args = ["suppressions", "import", file.path(), "--wrong", wrong.path()];
        let server = ["--to", "http://localhost:1", "--token", "t"];
        let ran = dripline(&[&args[..], &server[..]].concat()).ended(1);
        assert!(ran.err.contains("nothing was imported: "), "{list:?}: {}", ran.err);
        assert!(ran.err.contains(why), "{list:?}: {}", ran.err);
        let ran = dripline(&[&args[..], &server[..], &["--json"]].concat()).ended(1);
        let said = ran.json();
        assert_eq!(said["ok"], false);
        let sum = ["added", "kept", "fine", "wrong"].map(|key| said[key].as_u64().unwrap());
        assert_eq!(said["rows"], sum.iter().sum::<u64>());
        assert!(said["error"]["message"].as_str().unwrap().contains(why));
    }
}

#[test]
fn list_with_cr_line_endings_is_read() {
    let file = Scratch::new("mac.csv", "Email\rann@x.example\rbo@x.example\r");
    let (url, requests) = serve(vec![imported(2, 0, json!([]))]);
    let args = ["suppressions", "import", file.path(), "--to", &url, "--token", "t"];
    let ran = dripline(&args).ended(0);
    assert!(ran.out.starts_with("2 rows: 2 newly suppressed"), "{}", ran.out);
    assert!(requests.join().unwrap()[0].body.contains("bo@x.example"));
}

fn entry(address: &str) -> Value {
    json!({ "channel": "sms", "address": address, "reason": "unsubscribed", "until": null,
            "source": "=twilio", "at": 0, "released_by": null, "release_note": null })
}

#[test]
fn export_is_spreadsheet_safe_and_paginated() {
    let first =
        json!({ "suppressions": [entry("+447400123456")], "next": ["sms", "+447400123456"] });
    let last = json!({ "suppressions": [entry("+447400123457")], "next": null });
    let (url, requests) = serve(vec![(200, first.to_string()), (200, last.to_string())]);
    let ran = dripline(&["suppressions", "export", "--to", &url, "--token", "t"]).ended(0);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines[0], "channel,address,reason,since,until,source");
    assert_eq!(lines[1], "sms,'+447400123456,unsubscribed,1970-01-01T00:00:00Z,,'=twilio");
    assert_eq!(lines.len(), 3);
    let second = &requests.join().unwrap()[1];
    assert!(second.body.contains("\"after\":[\"sms\",\"+447400123456\"]"), "{}", second.body);
}

#[test]
fn suppressions_are_listed_added_and_released() {
    let page = json!({ "suppressions": [entry("+447400123456")], "next": null });
    let done = json!({ "suppression": entry("+447400123456") });
    let (url, requests) = serve(vec![
        (200, page.to_string()),
        (200, done.to_string()),
        (409, json!({ "title": "Not lifted", "detail": "Say `force`." }).to_string()),
    ]);
    let server = ["--to", &url, "--token", "t"];
    let run = |args: &[&str]| dripline(&[&["suppressions"], args, &server[..]].concat());
    assert!(run(&["list"]).ended(0).out.contains("+447400123456  unsubscribed"));
    run(&["add", "+447400123456", "--reason", "manual"]).ended(0);
    let ran = run(&["release", "+447400123456", "--note", "why"]).ended(1);
    assert!(ran.err.contains("Say `force`."), "{}", ran.err);
    let requests = requests.join().unwrap();
    assert_eq!(requests[1].body, r#"{"address":"+447400123456","reason":"manual"}"#);
    assert_eq!(requests[2].line, "POST /api/v1/suppressions/release");
}

#[test]
fn consent_ledger_prints_with_proof() {
    let record = |state: &str, proof: Value| {
        json!({ "seq": 2, "channel": "email", "purpose": "news", "state": state, "source": "c.f",
                "form": "c.f", "basis": "consent", "cross_border": false, "text": "Write to me.",
                "text_hash": "ab", "message": null, "origin_hash": "o", "at": 0, "proof": proof })
    };
    let proof = json!({ "seq": 3, "at": 60_000, "message": "m", "origin_hash": "o" });
    let ledger = json!({ "contact": "c-1", "standing": [], "entries": [record("granted", proof)] });
    let (url, requests) = serve(vec![(200, ledger.to_string())]);
    let args = ["consents", "ann@x.example", "--to", &url, "--token", "t"];
    let ran = dripline(&args).ended(0);
    assert!(ran.out.starts_with("Contact c-1\n"), "{}", ran.out);
    let row = "1 Jan 1970, 00:00 UTC  email    news     granted  c.f     1 Jan 1970, 00:01 UTC";
    assert!(ran.out.contains(row), "{}", ran.out);
    let request = &requests.join().unwrap()[0];
    assert_eq!(request.body, r#"{"contact":"ann@x.example"}"#);
}
