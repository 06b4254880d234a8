//! Answers that no provider documents, and calls that could not be made.

use super::super::deliver::{JOURNEY, Office, accepted, answer};
use super::super::support::{MONDAY, rows};
use dripline::domain::base::primitives::Span;
use dripline::providers::http::HttpError;
use serde_json::json;

#[test]
fn request_that_could_not_be_made_is_surely_not_sent() {
    let office = Office::new(JOURNEY);
    let invalid = || Err(HttpError::NotSent("invalid header value".to_owned()));
    office.deliver(MONDAY, vec![invalid()]);
    assert_eq!(office.standing(), "queued|invalid header value|1|0");
    // The key has been corrected.
    office.deliver(MONDAY.plus(Span::hours(1)), vec![accepted()]);
    assert!(office.standing().starts_with("sent|"), "{}", office.standing());
}

#[test]
fn interim_response_is_no_refusal() {
    let office = Office::new(JOURNEY);
    office.deliver(MONDAY, vec![answer(100, json!({}))]);
    assert_eq!(office.standing(), "queued|no answer after 100|1|1");
}

#[test]
fn provider_id_is_kept_within_bounds() {
    let office = Office::new(JOURNEY);
    let id = format!("re\0-{}", "é".repeat(50_000));
    office.deliver(MONDAY, vec![answer(200, json!({ "id": id }))]);
    let kept = rows(&office.world.db, "SELECT provider_id AS id FROM messages").remove(0);
    let kept = kept["id"].as_str().unwrap();
    assert!(kept.starts_with("re-é") && kept.len() <= 500, "{}", kept.len());
}
