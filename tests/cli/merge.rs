//! `dripline merge` against a server with scripted answers.

use super::server::serve;
use super::{dripline, dripline_with};
use serde_json::json;

#[test]
fn contacts_are_merged_after_confirmation() {
    let body = json!({ "contact": "c-2", "merged": "c-1" });
    let one = json!({ "contact": "c-2", "merged": null });
    let (url, requests) = serve(vec![(200, body.to_string()), (200, one.to_string())]);
    let args = ["merge", "a@x.example", "b@x.example", "--to", &url, "--token", "dl_x"];
    dripline_with(&args, &[], "\n").ended(1);
    assert_eq!(dripline_with(&args, &[], "y\n").ended(0).out, "c-1 is c-2 from now on.\n");
    let again = dripline(&[&args[..], &["--yes"]].concat()).ended(0);
    assert_eq!(again.out, "Both are one contact already: c-2.\n");
    assert_eq!(requests.join().unwrap()[0].line, "POST /api/v1/contacts/merge");
}
