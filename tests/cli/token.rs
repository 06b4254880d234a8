//! `dripline token`.

use super::server::serve;
use super::{Scratch, dripline, dripline_with};
use dripline::domain::base::token::{Keyring, Purpose};
use dripline::flows::settings::api_token;
use serde_json::json;

const SECRET: &str = "a secret of thirty-two characters, or more";

#[test]
fn new_token_matches_its_entry() {
    let json = dripline(&["token", "new", "--name", "ci", "--json"]).ended(0).json();
    let (token, entry) = (json["token"].as_str().unwrap(), json["entry"].as_str().unwrap());
    assert!(token.starts_with("dl_") && token.len() == 46, "{token}");
    assert!(entry.starts_with("ci:"));
    assert!(api_token(&format!("other:00 {entry}"), token).is_some());

    let ran = dripline(&["token", "new"]).ended(0);
    let token = ran.out.lines().next().unwrap().to_owned();
    assert!(ran.out.contains("wrangler secret put API_TOKENS") && ran.out.contains(".dev.vars"));
    let entry = ran.out.split_whitespace().find(|w| w.starts_with("cli:")).unwrap();
    assert!(api_token(entry, &token).is_some());
    let verified = dripline(&["token", "verify", &token]).ended(0).out;
    assert!(verified.contains("using the API"), "{verified}");
    dripline(&["token", "verify", &token[..40]]).ended(1);
}

#[test]
fn server_makes_sign_in_link_for_token() {
    let secret = format!("dls_{}", "x".repeat(43));
    let made =
        json!({ "path": format!("/admin/sign-in#{secret}"), "expires_at": "2026-03-02T09:15:00Z" });
    let refused = json!({ "title": "An API token is needed", "detail": "Send one." });
    let answers = vec![
        (201, made.to_string()),
        (201, made.to_string()),
        (401, refused.to_string()),
        (201, "{}".into()),
    ];
    let (url, requests) = serve(answers);
    let args = ["token", "sign-in", "--to", &url, "--token", "t"];
    let ran = dripline(&args).ended(0);
    let link = ran.out.trim();
    assert_eq!(link, format!("{url}/admin/sign-in#{secret}"));
    assert!(ran.err.contains("once"), "{}", ran.err);
    let json = dripline(&[&args[..], &["--json"]].concat()).ended(0).json();
    assert_eq!(json, json!({ "url": link, "expires_at": "2026-03-02T09:15:00Z" }));
    assert!(dripline(&args).ended(1).err.contains("The token is refused"));
    assert!(dripline(&args).ended(1).err.contains("not as dripline does"));
    let first = &requests.join().unwrap()[0];
    assert_eq!(first.line, "POST /api/v1/sign-in-links");
    assert!(first.headers.contains("authorization: bearer t"));

    let ran = dripline(&["token", "verify", link]).ended(0);
    assert!(ran.out.contains("signing in to the web app"), "{}", ran.out);
}

#[test]
fn previous_secret_verifies_only_long_lived_links() {
    let text = format!(
        "SIGNING_SECRET=\"a new one of thirty-two characters\"\nSIGNING_SECRET_PREVIOUS=\"{SECRET}\"\n"
    );
    let file = Scratch::new("rotated", &text);
    let old = Keyring::new(SECRET, None);
    let verify = |token: &str, status| {
        dripline(&["token", "verify", token, "--secret-file", file.path()]).ended(status).out
    };
    let out = verify(&old.sign(Purpose::Unsubscribe, "c|spring|m.1|email"), 0);
    assert!(out.contains("signature:  right"), "{out}");
    let out = verify(&old.sign(Purpose::Confirm, "c|spring|m.1|x|1700000000000"), 1);
    assert!(out.contains("key known:  yes") && out.contains("links of old mail only"), "{out}");
    let other = [("SIGNING_SECRET", "another secret")];
    let token = old.sign(Purpose::Unsubscribe, "c|spring|m.1|email");
    let ran = dripline_with(&["token", "verify", &token], &other, "").ended(1);
    assert!(ran.out.contains("key known:  no") && ran.out.contains("wrong"), "{}", ran.out);
}

#[test]
fn expired_and_malformed_tokens_are_refused() {
    let keys = Keyring::new(SECRET, None);
    let variables = [("SIGNING_SECRET", SECRET)];
    let verify = |token: &str| dripline_with(&["token", "verify", token], &variables, "");
    let ran = verify(&keys.sign(Purpose::Confirm, "c|spring|m.1|x|1700000000000")).ended(1);
    assert!(ran.out.contains("too old"), "{}", ran.out);
    let ran = verify(&keys.sign(Purpose::Click, "c|spring|m.1|https://x.example/?a|b")).ended(0);
    assert!(ran.out.contains("target:     https://x.example/?a|b\n"), "{}", ran.out);
    // A sign-in link made by an older version.
    let ran = verify("1iab.MTcwMDAwMDAwMDAwMA.AAAAAAAAAAAAAAAAAAAAAA").ended(1);
    assert!(ran.out.contains("does not know"), "{}", ran.out);
    let ran = verify("1i.nonsense").ended(1);
    assert!(ran.out.contains("not a token"), "{}", ran.out);
}
