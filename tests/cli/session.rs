//! `dripline session` against a server with scripted answers.

use super::dripline;
use super::server::serve;
use serde_json::json;

#[test]
fn sessions_are_listed_and_ended() {
    let row = |purpose: &str| {
        json!({ "purpose": purpose, "subject": "ci", "created_at": 0, "used_at": 60_000,
                "expires_at": 900_000 })
    };
    let listed = json!({ "sessions": [row("session"), row("link")] }).to_string();
    let nobody = json!({ "sessions": [] }).to_string();
    let ended = json!({ "ended": 2 }).to_string();
    let (url, requests) =
        serve(vec![(200, listed), (200, nobody), (200, ended), (200, "[]".into())]);
    let server = ["--to", &url, "--token", "t"];
    let out = dripline(&[&["session"], &server[..]].concat()).ended(0).out;
    for text in ["ci", "session", "unused link", "1 Jan 1970, 00:01 UTC", "1 Jan 1970, 00:15 UTC"] {
        assert!(out.contains(text), "{text}: {out}");
    }
    assert_eq!(
        dripline(&[&["session"], &server[..]].concat()).ended(0).out,
        "Nobody is signed in.\n"
    );
    let end = [&["session", "end"], &server[..]].concat();
    assert_eq!(dripline(&end).ended(0).out, "Ended: 2, links that were unused included.\n");
    assert!(dripline(&end).ended(1).err.contains("not as dripline does"));
    let lines: Vec<String> = requests.join().unwrap().into_iter().map(|one| one.line).collect();
    assert_eq!(
        lines[..3],
        ["GET /api/v1/sessions", "GET /api/v1/sessions", "POST /api/v1/sessions/end"]
    );
}
