//! `dripline parked` against a server with scripted answers.

use super::dripline;
use super::server::serve;
use serde_json::json;

#[test]
fn quarantined_contacts_are_listed_with_reasons() {
    let row = json!({ "contact": "c-1", "reason": "malformed JSON", "since": 0, "attempts": 5 });
    let nobody = json!({ "parked": [] }).to_string();
    let (url, requests) = serve(vec![(200, json!({ "parked": [row] }).to_string()), (200, nobody)]);
    let args = ["parked", "--to", &url, "--token", "t"];
    let ran = dripline(&args).ended(0);
    assert!(ran.out.contains("c-1      1 Jan 1970, 00:00 UTC  malformed JSON"), "{}", ran.out);
    assert_eq!(dripline(&args).ended(0).out, "No contact is in quarantine.\n");
    assert_eq!(requests.join().unwrap()[0].line, "GET /api/v1/parked");
}

#[test]
fn quarantined_contact_is_released() {
    let gone =
        json!({ "title": "No such quarantined contact", "detail": "It is not quarantined." });
    let (url, requests) =
        serve(vec![(200, json!({ "released": "c-1" }).to_string()), (404, gone.to_string())]);
    let args = ["parked", "release", "c-1", "--to", &url, "--token", "t"];
    assert_eq!(dripline(&args).ended(0).out, "c-1 is released; the next tick processes it.\n");
    assert!(dripline(&args).ended(1).err.contains("It is not quarantined."));
    assert_eq!(requests.join().unwrap()[0].line, "POST /api/v1/parked/c-1/release");
}
