//! Deliveries in batches and concurrent calls: what goes into one call, what becomes of each
//! message, and what happens while calls are running.

use super::deliver::{JOURNEY, Office, TEXTS, accepted, answer, wire};
use super::invariants::assert_sound;
use super::support::{MONDAY, agrees, rows};
use dripline::domain::base::primitives::Span;
use dripline::flows::ports::Http;
use dripline::native::fault_sim::turns::pass;
use dripline::native::world::block_on;
use dripline::providers::http::{HttpError, HttpRequest, HttpResponse};
use insta::assert_snapshot;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};

/// This many contacts, with one e-mail or SMS each.
fn crowd(journey: &str, people: usize) -> Office {
    let mut office = Office::empty(journey);
    office.world.settings.providers.batch_max = usize::MAX;
    for n in 0..people {
        let (email, phone) = (format!("p{n}@x.example"), format!("07400 1234{n:02}"));
        office.submit(&[("email", &email), ("phone", &phone), ("consent", "on")]);
    }
    office
}

/// Resend's answer when it accepted this many e-mails.
fn taken(count: usize) -> Result<HttpResponse, HttpError> {
    let data: Vec<Value> = (0..count).map(|n| json!({ "id": format!("re-{n}") })).collect();
    answer(200, json!({ "data": data }))
}

/// The number of messages in each state.
fn states(office: &Office) -> String {
    let sql = "SELECT group_concat(n || ' ' || state, ', ' ORDER BY state) AS line
                 FROM (SELECT state, count(*) AS n FROM messages GROUP BY state)";
    rows(&office.world.db, sql)[0]["line"].as_str().unwrap().to_owned()
}

#[test]
fn many_emails_are_sent_in_one_call() {
    let office = crowd(JOURNEY, 3);
    office.deliver(MONDAY, vec![taken(3)]);
    assert_eq!(states(&office), "3 sent");
    let sql = "SELECT group_concat(provider_id, ' ' ORDER BY id) AS line FROM messages";
    assert_eq!(rows(&office.world.db, sql)[0]["line"], "re-0 re-1 re-2");
    let request = office.script.requests.borrow()[0].clone();
    let mails: Vec<Value> = serde_json::from_str(&request.body).unwrap();
    let to: Vec<&str> = mails.iter().filter_map(|mail| mail["to"][0].as_str()).collect();
    assert_eq!(to, ["p0@x.example", "p1@x.example", "p2@x.example"]);
    let head = HttpRequest { body: String::new(), ..request };
    assert_snapshot!(wire(&head, &office.messages()[0]), @r"
    POST https://api.resend.com/emails/batch
    authorization: Bearer re_key
    content-type: application/json
    idempotency-key: 75843029-ad6a-8708-83bc-d98b802b4a1f
    x-batch-validation: permissive
    ");
    assert_sound(&office.world.db, None);
}

#[test]
fn refused_email_of_a_batch_fails_alone() {
    let office = crowd(JOURNEY, 3);
    let some = json!({ "data": [{ "id": "re-0" }, { "id": "re-2" }],
                       "errors": [{ "index": 1, "message": "no such mailbox" }] });
    office.deliver(MONDAY, vec![answer(200, some)]);
    assert_eq!(office.standing(), "sent||1|0\nfailed|no such mailbox|1|0\nsent||1|0");
}

#[test]
fn refused_batch_is_sent_one_by_one() {
    let office = crowd(JOURNEY, 3);
    let refused = || answer(422, json!({ "name": "invalid", "message": "why" }));
    office.deliver(MONDAY, vec![refused(), accepted(), refused(), accepted()]);
    assert_eq!(office.standing(), "sent||1|0\nfailed|422 invalid: why|1|0\nsent||1|0");
    let keys = office.keys();
    let ids: Vec<String> = office.messages().into_iter().map(|id| id.0).collect();
    assert_eq!(keys[1..], ids);
}

#[test]
fn lost_batch_is_retried_with_same_bytes_and_key() {
    let office = crowd(JOURNEY, 3);
    office.deliver(MONDAY, vec![Err(HttpError::TimedOut)]);
    // A contact that came later gets a call of its own.
    let mut office = office;
    office.submit(&agrees("new@x.example"));
    office.deliver(MONDAY.plus(Span::minutes(2)), vec![taken(3), accepted()]);
    let requests = office.script.requests.borrow();
    assert_eq!(requests[0], requests[1]);
    assert!(requests[2].body.contains("new@x.example"));
    assert_eq!(states(&office), "4 sent");
}

#[test]
fn rest_of_a_lost_batch_keeps_its_key() {
    let office = crowd(JOURNEY, 3);
    office.deliver(MONDAY, vec![Err(HttpError::TimedOut)]);
    rows(&office.world.db, "UPDATE contacts SET consents = '[]' WHERE email = 'p1@x.example'");
    // The provider had accepted the first batch; this body differs.
    let conflict = answer(409, json!({ "name": "invalid_idempotent_request" }));
    office.deliver(MONDAY.plus(Span::minutes(2)), vec![conflict]);
    let keys = office.keys();
    assert_eq!(keys[0], keys[1]);
    assert_eq!(states(&office), "3 unknown");
    office.deliver(MONDAY.plus(Span::hours(2)), vec![]);
}

#[test]
fn mismatched_batch_answer_makes_messages_uncertain() {
    let office = crowd(JOURNEY, 3);
    office.deliver(MONDAY, vec![taken(2)]);
    assert_eq!(states(&office), "3 queued");
    assert!(office.standing().ends_with("queued|an answer that does not fit the batch|1|1"));
}

/// A slow provider; something happens while its calls are running.
struct Slow<'a> {
    office: &'a Office,
    under_way: Cell<usize>,
    most: Cell<usize>,
    bodies: RefCell<Vec<String>>,
    during_the_first: &'static str,
}

impl<'a> Slow<'a> {
    fn new(office: &'a Office, during_the_first: &'static str) -> Self {
        let (under_way, most, bodies) = <_>::default();
        Self { office, under_way, most, bodies, during_the_first }
    }
}

impl Http for Slow<'_> {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        self.under_way.set(self.under_way.get() + 1);
        self.most.set(self.most.get().max(self.under_way.get()));
        let is_first = self.bodies.borrow().is_empty();
        self.bodies.borrow_mut().push(request.body);
        pass().await;
        if is_first && !self.during_the_first.is_empty() {
            rows(&self.office.world.db, self.during_the_first);
        }
        self.under_way.set(self.under_way.get() - 1);
        accepted()
    }
}

#[test]
fn at_most_six_calls_run_concurrently() {
    let office = crowd(TEXTS, 15);
    let slow = Slow::new(&office, "");
    block_on(office.delivery(&office.world.db, &slow, MONDAY)).unwrap();
    assert_eq!((slow.most.get(), slow.bodies.borrow().len()), (6, 15));
    assert_eq!(states(&office), "15 sent");
}

#[test]
fn unsubscribing_during_a_delivery_stops_later_calls() {
    let office = crowd(TEXTS, 8);
    let refuse = "UPDATE contacts SET consents = '[]'
                   WHERE phone IN ('+447400123400', '+447400123407')";
    let slow = Slow::new(&office, refuse);
    block_on(office.delivery(&office.world.db, &slow, MONDAY)).unwrap();
    // The call for the first was already running; the one for the last was not.
    assert_eq!(states(&office), "7 sent, 1 skipped");
    assert!(!slow.bodies.borrow().iter().any(|body| body.contains("447400123407")));
}

#[test]
fn pausing_during_a_delivery_stops_later_calls() {
    let office = crowd(TEXTS, 8);
    let pause = "INSERT INTO journey_states VALUES ('c', 't', 'paused', 0)";
    let slow = Slow::new(&office, pause);
    block_on(office.delivery(&office.world.db, &slow, MONDAY)).unwrap();
    assert_eq!(states(&office), "2 queued, 6 sent");
}
