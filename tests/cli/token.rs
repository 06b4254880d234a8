//! `dripline token`.

use super::{Scratch, dripline, dripline_with};
use dripline::domain::token::{Keyring, Purpose};
use dripline::flows::settings::is_api_token;

const SECRET: &str = "a secret of thirty-two characters, or more";

#[test]
fn a_new_token_is_known_by_its_entry() {
    let json = dripline(&["token", "new", "--name", "ci", "--json"]).ended(0).json();
    let (token, entry) = (json["token"].as_str().unwrap(), json["entry"].as_str().unwrap());
    assert!(token.starts_with("dl_") && token.len() == 46, "{token}");
    assert!(entry.starts_with("ci:"));
    assert!(is_api_token(&format!("other:00 {entry}"), token));

    let ran = dripline(&["token", "new"]).ended(0);
    let token = ran.out.lines().next().unwrap().to_owned();
    assert!(ran.out.contains("wrangler secret put API_TOKENS") && ran.out.contains(".dev.vars"));
    assert!(is_api_token(
        ran.out.split_whitespace().find(|w| w.contains(':') && w.starts_with("cli:")).unwrap(),
        &token
    ));
    let verified = dripline(&["token", "verify", &token]).ended(0).out;
    assert!(verified.contains("using the API"), "{verified}");
    dripline(&["token", "verify", &token[..40]]).ended(1);
}

#[test]
fn a_sign_in_link_is_good_for_signing_in() {
    let file = Scratch::new("vars", &format!("# local\nSIGNING_SECRET=\"{SECRET}\"\nX=1\n"));
    let args = ["token", "sign-in", "--to", "https://go.example/", "--secret-file", file.path()];
    let link = dripline(&args).ended(0).out.trim().to_owned();
    let token = link.strip_prefix("https://go.example/admin/sign-in?t=").unwrap();
    let issued = Keyring::new(SECRET, None).verify(Purpose::SignIn, token).unwrap();
    assert!(issued.parse::<i64>().unwrap() > 1_700_000_000_000);

    let verify = ["token", "verify", &link, "--secret-file", file.path(), "--json"];
    let json = dripline(&verify).ended(0).json();
    assert_eq!((&json["ok"], &json["key_known"]), (&true.into(), &true.into()));
    assert_eq!(json["purpose"], "signing in to the web app");

    let other = [("SIGNING_SECRET", "another secret")];
    let ran = dripline_with(&["token", "verify", &link], &other, "").ended(1);
    assert!(ran.out.contains("key known:  no") && ran.out.contains("wrong"), "{}", ran.out);
}

#[test]
fn old_and_broken_tokens_are_refused() {
    let keys = Keyring::new(SECRET, None);
    let variables = [("SIGNING_SECRET", SECRET)];
    let verify = |token: &str| dripline_with(&["token", "verify", token], &variables, "");
    let ran = verify(&keys.sign(Purpose::SignIn, "1700000000000")).ended(1);
    assert!(ran.out.contains("too old"), "{}", ran.out);
    let ran = verify(&keys.sign(Purpose::Click, "c|spring|m.1|https://x.example/?a|b")).ended(0);
    assert!(ran.out.contains("target:     https://x.example/?a|b\n"), "{}", ran.out);
    let ran = verify("1i.nonsense").ended(1);
    assert!(ran.out.contains("not a token"), "{}", ran.out);
}
