//! `dripline publish` against a server with scripted answers.

use super::server::{nowhere, serve};
use super::{Project, Ran, Scratch, dripline, dripline_with};
use serde_json::{Value, json};

const WEBINAR: &str = "campaigns/spring-webinar.toml";

fn published(campaign: &str, version: u32, is_new: bool) -> (u16, String) {
    let body = json!({ "campaign": campaign, "version": version, "is_new": is_new });
    (200, body.to_string())
}

/// Publishes one campaign to a server that gives this answer.
fn answered(status: u16, body: &str) -> Ran {
    let (url, requests) = serve(vec![(status, body.to_owned())]);
    let ran = dripline(&["publish", WEBINAR, "--to", &url, "--token", "t"]);
    requests.join().unwrap();
    ran
}

#[test]
fn campaigns_are_published_and_reported() {
    let answers = vec![published("spring-webinar", 1, true), published("white-paper", 2, false)];
    let (url, requests) = serve(answers);
    let ran = dripline(&["publish", "--to", &format!("{url}/"), "--token", "dl_x"]).ended(0);
    assert_eq!(
        ran.out,
        format!(
            "spring-webinar: version 1 is live (new)\n  {url}/webinar\n  {url}/webinar/guide\n  \
             {url}/webinar/thanks\nwhite-paper: unchanged, version 2\n  {url}/white-paper\n  \
             {url}/white-paper/read\n  {url}/white-paper/thanks\n"
        )
    );
    let requests = requests.join().unwrap();
    let sent: Value = serde_json::from_str(&requests[0].body).unwrap();
    assert_eq!(requests[0].line, "POST /api/v1/campaigns");
    assert!(requests[0].headers.contains("authorization: bearer dl_x"));
    assert!(requests[0].headers.contains("content-type: application/json"));
    assert_eq!(sent["campaign"]["id"], "spring-webinar");
    assert!(sent["templates"]["emails/webinar-welcome"].is_object());
}

#[test]
fn environment_provides_server_and_token() {
    let (url, requests) = serve(vec![published("spring-webinar", 1, true)]);
    let variables = [("DRIPLINE_URL", url.as_str()), ("DRIPLINE_TOKEN", "dl_y")];
    let ran = dripline_with(&["publish", WEBINAR, "--json"], &variables, "").ended(0);
    assert_eq!(
        ran.json(),
        json!({ "ok": true, "problems": [], "errors": [], "warnings": [],
                "published": [{ "campaign": "spring-webinar", "version": 1, "is_new": true }] })
    );
    assert!(requests.join().unwrap()[0].headers.contains("authorization: bearer dl_y"));
}

#[test]
fn invalid_campaign_is_not_published() {
    let file = Scratch::new("slip.toml", "[campaign]\nid = \"slip\"\nnmae = \"x\"\n");
    let args = ["publish", file.path(), "--to", "http://127.0.0.1:1", "--token", "t"];
    let ran = dripline(&args).ended(1);
    assert!(ran.out.contains("nmae") && ran.err.contains("Nothing was published"));
    let ran = dripline(&[&args[..], &["--json"]].concat()).ended(1);
    assert_eq!(ran.json()["ok"], false);
    assert!(ran.json()["problems"][0]["line"].is_u64());
}

#[test]
fn warnings_do_not_stop_publishing() {
    let root = Project::copied("publish-warns");
    let text = root.join("templates/sms/webinar-reminder.hbs");
    std::fs::write(&text, "Join: {{base_url}}/webinar/nowhere").unwrap();
    let campaign = root.join(WEBINAR);
    let answers = || vec![published("spring-webinar", 4, true)];
    let (url, requests) = serve(answers());
    let args = ["publish", campaign.to_str().unwrap(), "--to", &url, "--token", "t"];
    let ran = dripline(&args).ended(0);
    requests.join().unwrap();
    assert!(ran.out.starts_with("spring-webinar: version 4 is live\n"), "{}", ran.out);
    assert!(ran.err.contains("1:1  dead-page: this campaign has no page at `/webinar/nowhere`"));
    assert!(ran.err.contains("1:1  no-opt-out: does not say how to opt out"), "{}", ran.err);
    let (url, requests) = serve(answers());
    let args = ["publish", campaign.to_str().unwrap(), "--to", &url, "--token", "t", "--json"];
    let answer = dripline(&args).ended(0).json();
    requests.join().unwrap();
    assert_eq!(answer["ok"], true);
    assert_eq!(answer["warnings"][1]["message"], "does not say how to opt out");
    assert_eq!(answer["warnings"][0]["code"], "dead-page");
}

#[test]
fn each_server_error_has_its_own_message() {
    let detail = r#"{"type":"about:blank","title":"no","status":401,"detail":"no such token"}"#;
    let ran = answered(401, detail).ended(1);
    assert!(ran.err.contains("The token is refused (status 401). No such token."), "{}", ran.err);
    assert!(ran.err.contains("DRIPLINE_TOKEN"));

    let ran = answered(413, r#"{"title":"too large","status":413}"#).ended(1);
    assert!(ran.err.contains("larger than the server takes"), "{}", ran.err);

    let problem = json!({ "title": "the campaign has mistakes", "status": 422, "problems": [
        { "key": "page.webinar.path", "message": "`/webinar` is a page of campaign `old`",
          "help": "choose another path" }, { "key": "", "message": "and more" }] });
    let ran = answered(422, &problem.to_string()).ended(1);
    let line = "  page.webinar.path: `/webinar` is a page of campaign `old`; choose another path\n";
    assert!(ran.err.contains(line), "{}", ran.err);
    assert!(ran.err.contains("  and more\n"), "{}", ran.err);

    let ran = answered(503, "<html>busy</html>").ended(1);
    assert!(ran.err.contains("status 503") && ran.err.contains("trying again is safe"));

    let ran = answered(404, "<html>nothing here</html>").ended(1);
    assert!(ran.err.contains("not as dripline does (status 404)"), "{}", ran.err);

    let ran = answered(200, "<html>hello</html>").ended(1);
    assert!(ran.err.contains("not as dripline does"), "{}", ran.err);

    let ran = answered(308, "").ended(1);
    assert!(ran.err.contains("redirects"), "{}", ran.err);
}

#[test]
fn unreachable_server_is_reported_once() {
    let url = nowhere();
    let ran = dripline(&["publish", "--to", &url, "--token", "t"]).ended(1);
    assert!(ran.err.contains(&format!("Nothing listens at {url}")), "{}", ran.err);
    assert!(ran.err.contains("Not published: spring-webinar, white-paper"), "{}", ran.err);
    let ran = dripline(&["publish", "--to", &url, "--token", "t", "--json"]).ended(1);
    assert_eq!(ran.json()["errors"].as_array().unwrap().len(), 2);
    assert_eq!(ran.json()["errors"][0]["status"], Value::Null);
}

#[test]
fn token_is_sent_over_https_or_to_localhost_only() {
    let publish = |to: &str| dripline(&["publish", WEBINAR, "--to", to, "--token", "secret"]);
    for to in ["http://go.example.com", "http://10.0.0.7:8787", "http://localhost@evil.example"] {
        let ran = publish(to).ended(2);
        assert!(ran.err.contains("over http anybody on the way could read"), "{to}: {}", ran.err);
    }
    for to in ["go.example.com", "ftp://go.example.com", "https://", "http://a b"] {
        let ran = publish(to).ended(2);
        assert!(ran.err.contains("give a whole address"), "{to}: {}", ran.err);
    }
    for host in ["localhost", "127.0.0.1", "[::1]", "dev.localhost"] {
        let ran = publish(&format!("http://{host}:1"));
        assert!(!ran.err.contains("over http"), "{host}: {}", ran.err);
    }
}

#[test]
fn refused_campaign_does_not_block_the_next() {
    let answers = vec![(422, r#"{"title":"no"}"#.to_owned()), published("white-paper", 1, true)];
    let (url, requests) = serve(answers);
    let ran = dripline(&["publish", "--to", &url, "--token", "t"]).ended(1);
    requests.join().unwrap();
    assert!(ran.out.starts_with("white-paper: version 1 is live (new)\n"), "{}", ran.out);
    assert!(ran.err.starts_with("spring-webinar: The server refused (status 422). No."));
}

#[test]
fn dry_run_shows_changes_and_publishes_nothing() {
    let body = json!({ "campaign": "spring-webinar", "version": 3, "is_new": true, "journeys": [{
        "journey": "nurture", "added": ["rest"], "removed": ["settle"], "changed": [],
        "rules_changed": true, "people": [
            { "version": 2, "step": "settle", "people": 12, "migration": { "move": "rest" } },
            { "version": 1, "step": "who", "people": 1, "migration": { "leave": "too late" } },
            { "version": 1, "step": "nudge", "people": 3, "migration": null }] }] });
    let (url, requests) = serve(vec![(200, body.to_string()), (200, body.to_string())]);
    let args = ["publish", WEBINAR, "--dry-run", "--to", &url, "--token", "t"];
    let ran = dripline(&args).ended(0);
    let expected = "spring-webinar: would become version 3
  journey nurture
    added: rest
    removed: settle
    begins, ends or is entered again by other rules
    12 people at settle of version 2: move to rest
    1 person at who of version 1: leave: too late
    3 people at nudge of version 1: stay on version 1
";
    assert_eq!(ran.out, expected);
    let ran = dripline(&[&args[..], &["--json"]].concat()).ended(0);
    assert_eq!(ran.json()["planned"][0]["journeys"][0]["people"][0]["people"], 12);
    for request in requests.join().unwrap() {
        assert_eq!(request.line, "POST /api/v1/campaigns/diff");
    }
}
