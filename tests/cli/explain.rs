//! `dripline explain` against a server with scripted answers.

use super::dripline;
use super::server::serve;
use serde_json::{Value, json};

const DAY: i64 = 86_400_000;

#[test]
fn explanation_prints_in_sentences() {
    let enrollment = json!({
        "version": 2, "state": "active", "step": "clicked", "entered_by": "form.submitted",
        "entered_at": 0, "since": 0, "due_at": DAY, "reason": "", "words": "",
        "waits_for": "message.clicked, or until time is up" });
    let body = json!({
        "record": "c1",
        "consents": [{ "purpose": "news", "channel": "email", "state": "withdrawn",
                       "allows": false, "at": 0 }],
        "journeys": [{ "journey": "c.j", "state": "running", "entry": "inside", "enters_again_at": null,
                       "words": "is inside", "passages": [enrollment] }],
        "messages": [{ "message": "e.1", "journey": "c.j", "step": "welcome", "channel": "email",
            "template": "emails/welcome", "queued_at": 0, "send_at": 0, "attempts": 1,
            "state": "skipped", "reason": "no_consent", "words": "not sent: no consent" }],
        "segments": [{ "segment": "c.s", "since": null, "holds": true, "changes_at": DAY,
            "question": { "en": "any of these", "zh-CN": "以下任一成立" }, "parts": [
                { "question": { "en": "score is 5 or more", "zh-CN": "" }, "found": 7, "holds": true },
                { "question": { "en": "has tag vip", "zh-CN": "" }, "holds": false }] }] });
    let (url, requests) = serve(vec![(200, body.to_string())]);
    let ran = dripline(&["explain", "ann@example.com", "--to", &url, "--token", "t"]).ended(0);
    assert_eq!(
        ran.out,
        "Contact c1

Consent to news by email: withdrawn, since 1 Jan 1970, 00:00 UTC

Journey c.j: is inside
  entered 1 Jan 1970, 00:00 UTC by form.submitted (version 2), stands at clicked; waits for \
message.clicked, or until time is up, at the latest 2 Jan 1970, 00:00 UTC

Message emails/welcome (c.j at welcome), 1 Jan 1970, 00:00 UTC
  not sent: no consent

Segment c.s: not in; its rule has become true, and it enters shortly; time may change that on \
2 Jan 1970, 00:00 UTC
  ✓ any of these
    ✓ score is 5 or more (found: 7)
    ✗ has tag vip (no value)
"
    );
    let request = &requests.join().unwrap()[0];
    assert!(!request.line.contains("ann@"), "an address is in no URL: {}", request.line);
    let asked: Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!(asked, json!({ "contact": "ann@example.com" }));
}
