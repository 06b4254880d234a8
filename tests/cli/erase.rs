//! `dripline erase` against a server with scripted answers.

use super::server::serve;
use super::{dripline, dripline_with};
use serde_json::json;

#[test]
fn contact_is_erased_after_confirmation() {
    let body = json!({ "contact": "c-1", "at": 0, "again": false });
    let (url, requests) = serve(vec![(200, body.to_string())]);
    let args = ["erase", "ann@example.com", "--to", &url, "--token", "dl_x"];
    let refused = dripline_with(&args, &[], "n\n").ended(1);
    assert!(refused.err.contains("for good? [y/N]"), "{}", refused.err);
    assert_eq!(dripline_with(&args, &[], "yes\n").ended(0).out, "c-1 is erased.\n");
    let requests = requests.join().unwrap();
    assert_eq!(requests[0].line, "POST /api/v1/contacts/erase", "and no address in it");
}

#[test]
fn yes_flag_erases_without_prompt() {
    let body = json!({ "contact": null, "at": 0, "again": false });
    let gone = json!({ "title": "Contact not found", "status": 404, "problems": [
        { "key": "contact", "message": "there is no such contact", "help": null }] });
    let (url, requests) = serve(vec![(200, body.to_string()), (404, gone.to_string())]);
    let args = ["erase", "crm-1", "--yes", "--to", &url, "--token", "t"];
    assert_eq!(dripline(&[&args[..], &["--json"]].concat()).ended(0).json(), body);
    let ran = dripline(&args).ended(1);
    assert!(ran.err.contains("there is no such contact"), "{}", ran.err);
    requests.join().unwrap();
}
