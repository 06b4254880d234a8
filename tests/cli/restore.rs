//! `dripline restore` against a server with scripted answers.

use super::dripline;
use super::server::serve;
use serde_json::json;

/// The server's answer when a restore hold keeps this many messages; the mark is at 00:01 UTC on 1
/// January 1970.
fn waiting(messages: i64) -> (u16, String) {
    let body = json!({ "restored": true, "mark": 60_000, "messages": messages });
    (200, body.to_string())
}

#[test]
fn restore_hold_is_shown_with_possible_commands() {
    let nothing = json!({ "restored": false, "mark": null, "messages": 0 });
    let (url, requests) = serve(vec![waiting(2), (200, nothing.to_string()), waiting(1)]);
    let args = ["restore", "--to", &url, "--token", "dl_x"];
    insta::assert_snapshot!(dripline(&args).ended(0).out, @"The database was restored, and does not know what was sent until 1 Jan 1970, 00:01 UTC. Waiting: 2 messages. Run `dripline restore release` to send them, or `dripline restore drop`.");
    assert_eq!(dripline(&args).ended(0).out, "No restore is waiting for a decision.\n");
    let answer = dripline(&[&args[..], &["--json"]].concat()).ended(0).json();
    assert_eq!(answer, json!({ "restored": true, "mark": 60_000, "messages": 1 }));
    let requests = requests.join().unwrap();
    assert!(requests.iter().all(|request| request.line == "GET /api/v1/restore"));
    assert!(requests[0].headers.contains("authorization: bearer dl_x"), "{}", requests[0].headers);
}

#[test]
fn restore_release_and_drop_report_their_result() {
    let (url, requests) = serve(vec![waiting(1), waiting(2_000)]);
    let say = |verb| dripline(&["restore", verb, "--to", &url, "--token", "t"]).ended(0).out;
    assert_eq!(say("release"), "Released: 1 message, and all others that are held.\n");
    assert_eq!(say("drop"), "Dropped: 2000 messages; they are not sent.\n");
    let lines: Vec<_> = requests.join().unwrap().into_iter().map(|one| one.line).collect();
    assert_eq!(lines, ["POST /api/v1/restore/release", "POST /api/v1/restore/drop"]);
}

#[test]
fn unknown_restore_verb_lists_the_known_ones() {
    let ran = dripline(&["restore", "forget", "--to", "http://localhost:1", "--token", "t"]);
    let ran = ran.ended(2);
    assert!(ran.err.contains("[possible values: release, drop]"), "{}", ran.err);
}

#[test]
fn refusing_or_foreign_server_is_reported() {
    let refused = json!({ "title": "An API token is needed", "detail": "Send one." });
    let foreign = "<html>".to_owned();
    let (url, requests) = serve(vec![(401, refused.to_string()), (200, foreign)]);
    let args = ["restore", "drop", "--to", &url, "--token", "t"];
    let ran = dripline(&args).ended(1);
    assert!(ran.err.contains("The token is refused"), "{}", ran.err);
    assert!(dripline(&args).ended(1).err.contains("not as dripline does"));
    requests.join().unwrap();
}
