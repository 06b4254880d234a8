//! `dripline journey` against a server with scripted answers.

use super::dripline;
use super::server::serve;
use serde_json::json;

#[test]
fn pausing_journey_reports_contacts_inside() {
    let body = json!({ "journey": "spring.nurture", "state": "paused", "people": 12 });
    let (url, requests) = serve(vec![(200, body.to_string()), (200, body.to_string())]);
    let args = ["journey", "pause", "spring.nurture", "--to", &url, "--token", "dl_x"];
    let ran = dripline(&args).ended(0);
    let said = "spring.nurture is paused. Inside: 12 people, who stay where they stand.\n";
    assert_eq!(ran.out, said);
    assert_eq!(dripline(&[&args[..], &["--json"]].concat()).ended(0).json(), body);
    let requests = requests.join().unwrap();
    assert_eq!(requests[0].line, "POST /api/v1/journeys/spring.nurture/pause");
    assert!(requests[0].headers.contains("authorization: bearer dl_x"));
}

#[test]
fn unknown_journey_suggests_nearest_name() {
    let problem = json!({ "title": "There is no such journey", "status": 404, "problems": [
        { "key": "journey", "message": "there is no journey `spring.nurtur`",
          "help": "did you mean `spring.nurture`?" }] });
    let (url, requests) = serve(vec![(404, problem.to_string())]);
    let args = ["journey", "archive", "spring.nurtur", "--yes", "--to", &url, "--token", "t"];
    let ran = dripline(&args).ended(1);
    requests.join().unwrap();
    assert!(ran.err.contains("did you mean `spring.nurture`?"), "{}", ran.err);
}

#[test]
fn journey_is_archived_only_if_confirmed() {
    let url = "http://127.0.0.1:1";
    let ran = dripline(&["journey", "archive", "spring.nurture", "--to", url, "--token", "t"]);
    let ran = ran.ended(1);
    assert!(ran.err.contains("leaves it for good. [y/N]"), "{}", ran.err);
    assert!(ran.err.contains("nothing was done"), "{}", ran.err);
}
