//! Failing providers: the circuit breaker stops calls, another provider takes over, and nothing is
//! lost or sent twice.

use crate::deliver::{JOURNEY, Office, accepted, answer};
use crate::invariants::assert_sound;
use crate::support::{MONDAY, agrees, number, rows};
use dripline::domain::base::primitives::{Millis, Span};
use dripline::providers::http::{HttpError, HttpResponse};
use dripline::providers::{Provider, postmark, resend};
use serde_json::{Value, json};

type Answer = Result<HttpResponse, HttpError>;

/// This many contacts with one e-mail each, sent one by one by Resend; with Postmark as fallback if
/// `two`.
fn office(people: usize, two: bool) -> Office {
    let mut office = Office::empty(JOURNEY);
    for n in 0..people {
        office.submit(&[("email", &format!("p{n}@x.example")), ("consent", "on")]);
    }
    let resend = Provider::Resend(resend::Account { api_key: "re_key".to_owned() });
    let postmark = Provider::Postmark(postmark::Account {
        server_token: "token".to_owned(),
        broadcast_stream: "broadcast".to_owned(),
    });
    office.world.settings.providers.email = vec![resend];
    office.world.settings.providers.email.extend(two.then_some(postmark));
    office
}

fn unauthorised() -> Answer {
    answer(401, json!({ "name": "invalid_api_key", "message": "why" }))
}

fn by_postmark() -> Answer {
    answer(200, json!({ "ErrorCode": 0, "MessageID": "pm-1" }))
}

/// The number of messages by state, provider and attempts.
fn states(office: &Office) -> String {
    let sql = "SELECT group_concat(line, ', ' ORDER BY line) AS line FROM (
                 SELECT count(*) || ' ' || state || iif(state = 'sent', ' by ' || sender, '') ||
                        ' ' || attempts AS line
                   FROM messages
                  GROUP BY state, iif(state = 'sent', sender, ''), attempts)";
    rows(&office.world.db, sql)[0]["line"].as_str().unwrap().to_owned()
}

fn standing(office: &Office) -> Value {
    let sql = "SELECT name, failures, openings, open_until FROM senders ORDER BY name";
    rows(&office.world.db, sql).into()
}

fn minutes(minutes: i64) -> Millis {
    MONDAY.plus(Span::minutes(minutes))
}

#[test]
fn wrong_credentials_open_the_circuit_and_keep_attempts() {
    let office = office(20, false);
    let wave: Vec<Answer> = (0..6).map(|_| unauthorised()).collect();
    office.deliver(MONDAY, wave);
    assert_eq!(states(&office), "20 queued 0");
    let waits = "SELECT count(*) FROM messages WHERE reason = 'sender_out_of_order'";
    assert_eq!(number(&office.world.db, waits), 20);
    let until = minutes(1).0;
    let expected = json!([{ "name": "resend", "failures": 6, "openings": 1,
                            "open_until": until }]);
    assert_eq!(standing(&office), expected);
    // Not before the time is up; then only one call, and twice the waiting time.
    office.deliver(MONDAY.plus(Span::seconds(59)), vec![]);
    office.deliver(minutes(1), vec![unauthorised()]);
    assert_eq!(standing(&office)[0]["open_until"], minutes(3).0);
    assert_eq!(states(&office), "20 queued 0");
    // The key was repaired: one probe, then all the others.
    office.deliver(minutes(3), (0..20).map(|_| accepted()).collect());
    assert_eq!(states(&office), "20 sent by resend 1");
    assert_eq!(standing(&office)[0]["open_until"], Value::Null);
    assert_sound(&office.world.db, None);
}

#[test]
fn five_consecutive_failures_open_the_circuit() {
    let office = office(4, false);
    let busy = || answer(503, json!({}));
    office.deliver(MONDAY, (0..4).map(|_| busy()).collect());
    assert_eq!(standing(&office)[0]["open_until"], Value::Null);
    office.deliver(minutes(2), (0..4).map(|_| busy()).collect());
    assert_eq!(standing(&office)[0]["failures"], 8);
    office.deliver(minutes(2).plus(Span::seconds(30)), vec![]);
    assert_eq!(states(&office), "4 queued 0");
}

#[test]
fn second_provider_takes_over_while_circuit_is_open() {
    let office = office(20, true);
    let mut answers: Vec<Answer> = (0..6).map(|_| unauthorised()).collect();
    answers.extend((0..20).map(|_| by_postmark()));
    office.deliver(MONDAY, answers);
    assert_eq!(states(&office), "20 sent by postmark 1");
    assert_sound(&office.world.db, None);
}

#[test]
fn first_provider_is_probed_with_one_message() {
    let mut office = office(1, true);
    office.deliver(MONDAY, vec![unauthorised(), by_postmark()]);
    for n in 1..4 {
        office.submit(&[("email", &format!("p{n}@x.example")), ("consent", "on")]);
    }
    office.deliver(minutes(1), vec![accepted(), by_postmark(), by_postmark()]);
    assert_eq!(states(&office), "1 sent by resend 1, 3 sent by postmark 1");
    office.submit(&agrees("last@x.example"));
    office.deliver(minutes(1), vec![accepted()]);
    assert_eq!(states(&office), "2 sent by resend 1, 3 sent by postmark 1");
}

#[test]
fn uncertain_message_never_changes_provider() {
    let office = office(1, true);
    office.deliver(MONDAY, vec![Err(HttpError::TimedOut)]);
    rows(
        &office.world.db,
        "INSERT INTO senders VALUES ('resend', 9, 1, 9999999999999, 'down')
             ON CONFLICT (name) DO UPDATE SET open_until = excluded.open_until",
    );
    office.deliver(minutes(5), vec![]);
    assert_eq!(states(&office), "1 queued 1");
    // Once the idempotency key has expired, nobody can tell any more.
    rows(&office.world.db, "UPDATE messages SET send_at = 0");
    office.deliver(minutes(24 * 60), vec![]);
    assert_eq!(states(&office), "1 unknown 2");
}

#[test]
fn refusals_do_not_open_the_circuit() {
    let office = office(12, false);
    office.deliver(MONDAY, (0..12).map(|_| answer(422, json!({ "name": "no" }))).collect());
    assert_eq!(states(&office), "12 failed 1");
    assert_eq!(standing(&office), json!([]));
}
