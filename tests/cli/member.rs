//! `dripline member`, `dripline audit` and the tokens that the server keeps, against a server with
//! scripted answers.

use super::dripline;
use super::server::serve;
use serde_json::json;

fn member() -> serde_json::Value {
    json!({
        "id": "m-1", "email": "ann@example.com", "name": "Ann 李", "roles": ["sales", "analyst"],
        "team": "sales/east", "manager": null, "deputy": null, "away_until": null,
        "ended_at": null, "created_at": 0,
    })
}

#[test]
fn members_are_listed_added_edited_ended_and_mailed_links() {
    let ended = json!({ "ended_at": 60_000 });
    let mut gone = member();
    gone.as_object_mut().unwrap().extend(ended.as_object().unwrap().clone());
    let (url, requests) = serve(vec![
        (200, json!({ "members": [member(), gone] }).to_string()),
        (200, json!({ "members": [] }).to_string()),
        (201, json!({ "member": member() }).to_string()),
        (200, json!({ "member": member() }).to_string()),
        (200, json!({ "member": member() }).to_string()),
        (201, json!({ "mailed": true, "path": "/admin/sign-in#dls_x", "expires_at": "2026-03-02T09:15:00Z" }).to_string()),
        (403, json!({ "title": "Not yours to give", "problems": [{ "key": "roles", "message": "no" }] }).to_string()),
    ]);
    let run = |args: &[&str]| dripline(&[args, &["--to", &url, "--token", "t"]].concat());
    let out = run(&["member", "list"]).ended(0).out;
    for text in ["Ann 李", "sales, analyst", "sales/east", "active", "ended 1 Jan 1970, 00:01 UTC"]
    {
        assert!(out.contains(text), "{text}: {out}");
    }
    assert!(run(&["member", "list"]).ended(0).out.contains("no members yet"));
    let add = [
        "member", "add", "ann@example.com", "--name", "Ann", "--role", "sales", "--role", "analyst",
    ];
    assert!(run(&add).ended(0).out.contains("Added: ann@example.com (m-1)."));
    let edit = ["member", "edit", "ann@example.com", "--team", "", "--away-until", "back"];
    assert!(run(&edit).ended(0).out.contains("Ann 李"));
    assert!(run(&["member", "end", "m-1"]).ended(0).out.contains("every session"));
    let out = run(&["member", "link", "m-1"]).ended(0).out;
    assert!(
        out.starts_with(&format!("{url}/admin/sign-in#dls_x\n")) && out.contains("Mailed"),
        "{out}"
    );
    run(&["member", "edit", "m-1", "--role", "owner"]).ended(1);
    run(&["member", "edit", "a/b"]).ended(2);
    run(&["member", "edit", "m-1", "--away-until", "tomorrow"]).ended(2);
    let requests = requests.join().unwrap();
    let lines: Vec<&str> = requests.iter().map(|one| one.line.as_str()).collect();
    assert_eq!(
        lines[2..6],
        [
            "POST /api/v1/members",
            "POST /api/v1/members/ann@example.com",
            "POST /api/v1/members/m-1/end",
            "POST /api/v1/members/m-1/link",
        ]
    );
    assert!(requests[2].body.contains(r#""roles":["sales","analyst"]"#), "{}", requests[2].body);
    assert_eq!(requests[3].body, r#"{"team":"","away_until":0}"#);
}

#[test]
fn tokens_of_the_server_are_added_listed_and_revoked() {
    let token = json!({
        "id": "t-1", "name": "crm", "member": null, "roles": ["analyst"], "expires_at": 900_000,
        "revoked_at": null, "used_at": null, "created_at": 0, "created_by": "token:cli",
    });
    let (url, requests) = serve(vec![
        (201, json!({ "secret": "dl_secret", "token": token }).to_string()),
        (200, json!({ "tokens": [token] }).to_string()),
        (200, json!({ "token": token }).to_string()),
    ]);
    let run = |args: &[&str]| dripline(&[args, &["--to", &url, "--token", "t"]].concat());
    let out = run(&["token", "add", "crm", "--role", "analyst", "--days", "30"]).ended(0).out;
    assert!(out.starts_with("dl_secret\n") && out.contains("1970-01-01T00:15:00Z"), "{out}");
    let out = run(&["token", "list"]).ended(0).out;
    assert!(out.contains("crm") && out.contains("never") && !out.contains("dl_secret"), "{out}");
    assert_eq!(run(&["token", "revoke", "crm"]).ended(0).out, "Revoked: crm.\n");
    run(&["token", "add", "crm"]).ended(2);
    run(&["token", "add", "crm", "--role", "analyst", "--days", "0"]).ended(2);
    run(&["token", "revoke", "dl_SECRET"]).ended(2);
    let requests = requests.join().unwrap();
    assert_eq!(requests[0].body, r#"{"name":"crm","roles":["analyst"],"days":30}"#);
    assert_eq!(requests[2].line, "POST /api/v1/tokens/crm/revoke");
}

#[test]
fn audit_log_is_shown_and_exported_page_by_page() {
    let entry = |id: &str, object: &str| {
        json!({ "id": id, "at": 0, "actor": "token:ci", "action": "publish", "kind": "campaign",
                "object": object, "detail": { "version": 2 } })
    };
    let (url, requests) = serve(vec![
        (200, json!({ "entries": [entry("b", "spring")], "next": "b" }).to_string()),
        (200, json!({ "entries": [entry("b", "spring")], "next": "b" }).to_string()),
        (200, json!({ "entries": [entry("a", "a,\"b")], "next": null }).to_string()),
        (200, json!({ "entries": [], "next": null }).to_string()),
    ]);
    let run = |args: &[&str]| dripline(&[args, &["--to", &url, "--token", "t"]].concat());
    let out =
        run(&["audit", "--actor", "token:ci", "--since", "2026-03-01T00:00:00Z"]).ended(0).out;
    assert!(out.contains("publish") && out.contains("spring") && out.contains("--csv"), "{out}");
    let out = run(&["audit", "--csv"]).ended(0).out;
    assert_eq!(
        out,
        "at,actor,action,kind,object,detail,id\n\
         1970-01-01T00:00:00Z,token:ci,publish,campaign,spring,\"{\"\"version\"\":2}\",b\n\
         1970-01-01T00:00:00Z,token:ci,publish,campaign,\"a,\"\"b\",\"{\"\"version\"\":2}\",a\n"
    );
    assert_eq!(run(&["audit"]).ended(0).out, "Nothing in the log matches.\n");
    run(&["audit", "--since", "yesterday"]).ended(2);
    let lines: Vec<String> = requests.join().unwrap().into_iter().map(|one| one.line).collect();
    assert_eq!(lines[0], "GET /api/v1/audit?actor=token%3Aci&since=2026-03-01T00%3A00%3A00Z");
    assert!(lines[2].contains("before=b"), "{lines:?}");
}
