//! `dripline broadcast` against a server with scripted answers.

use super::dripline;
use super::server::serve;
use serde_json::{Value, json};

const WOULD_GO: &str = "spring.news would go to 1,200 people (of 1,500 in the segment readers; \
                        210 without consent, 90 suppressed). Not started.\n";

fn preview() -> Value {
    json!({
        "broadcast": "spring.news", "state": null, "phase": null, "starts_at": null,
        "started_at": null, "segment": "readers", "purpose": "news", "channel": "email",
        "recipients": 1200, "members": 1500, "no_address": 0, "suppressed": 90, "no_consent": 210,
        "decided": 0,
    })
}

#[test]
fn preview_counts_recipients_and_exclusions() {
    let body = preview();
    let (url, requests) = serve(vec![(200, body.to_string()), (200, body.to_string())]);
    let args = ["broadcast", "preview", "spring.news", "--to", &url, "--token", "t"];
    assert_eq!(dripline(&args).ended(0).out, WOULD_GO);
    assert_eq!(dripline(&[&args[..], &["--json"]].concat()).ended(0).json(), body);
    assert_eq!(requests.join().unwrap()[0].line, "GET /api/v1/broadcasts/spring.news");
}

#[test]
fn broadcast_starts_only_once() {
    let body = json!({ "broadcast": "spring.news", "state": "running", "phase": "rest",
                       "starts_at": null, "started_at": 1_772_442_000_000_i64 });
    let problem = json!({ "title": "The broadcast is in the wrong state", "status": 409, "problems": [
        { "key": "broadcast", "message": "`spring.news` has been sent",
          "help": "a broadcast is sent only once; use a new name for the next one" }] });
    let (url, requests) = serve(vec![(200, body.to_string()), (409, problem.to_string())]);
    let args = ["broadcast", "start", "spring.news", "--yes", "--to", &url, "--token", "t"];
    assert_eq!(dripline(&args).ended(0).out, "spring.news runs.\n");
    let again = dripline(&args).ended(1);
    assert!(again.err.contains("a broadcast is sent only once"), "{}", again.err);
    assert_eq!(requests.join().unwrap()[0].line, "POST /api/v1/broadcasts/spring.news/start");
}

#[test]
fn broadcast_starts_and_is_cancelled_only_if_confirmed() {
    for verb in ["start", "cancel"] {
        let (url, requests) = serve(vec![(200, preview().to_string())]);
        let args = ["broadcast", verb, "spring.news", "--to", &url, "--token", "t"];
        let ran = dripline(&args).ended(1);
        assert!(ran.err.starts_with(WOULD_GO) && ran.err.contains("--yes"), "{}", ran.err);
        assert_eq!(requests.join().unwrap()[0].line, "GET /api/v1/broadcasts/spring.news");
    }
}
