//! Deliveries: the exact bytes of a request, and what each kind of answer leads to.

use super::interleave::{InTurns, Task, together, together_until};
use super::invariants::assert_sound;
use super::support::{FORM, MONDAY, agrees, number, rows, submission, world};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dripline::domain::base::primitives::{Ids, MessageId, Millis, Span};
use dripline::flows::commit::CommitError;
use dripline::flows::ingest::form;
use dripline::flows::ports::{Database, DatabaseError, Http};
use dripline::flows::send;
use dripline::flows::tasks::Work;
use dripline::native::fault_sim::turns::pass;
use dripline::native::world::{World, block_on};
use dripline::providers::http::{HttpError, HttpRequest, HttpResponse};
use dripline::providers::{Provider, resend, twilio};
use dripline::store::statement::{Rows, Statement};
use hmac::{Hmac, KeyInit, Mac};
use insta::assert_snapshot;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};

pub const JOURNEY: &str = r#"
    [journey.j]
    enter = { form = "f" }
    exit = { event = "order.completed" }
    [[journey.j.step]]
    id = "welcome"
    send = "emails/welcome"
    [[journey.j.step]]
    id = "rest"
    wait = "30d"
"#;

pub const TEXTS: &str = r#"
    [journey.t]
    enter = { form = "f" }
    [[journey.t.step]]
    id = "text"
    send = "sms/text"
"#;

/// A world whose messages wait for a provider that follows a script.
pub struct Office {
    pub world: World,
    pub script: Script,
}

#[derive(Default)]
pub struct Script {
    answers: RefCell<VecDeque<Result<HttpResponse, HttpError>>>,
    pub requests: RefCell<Vec<HttpRequest>>,
}

impl Http for Script {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        self.requests.borrow_mut().push(request);
        self.answers.borrow_mut().pop_front().expect("a call that the script does not know")
    }
}

pub fn answer(status: u16, body: Value) -> Result<HttpResponse, HttpError> {
    Ok(HttpResponse { status, headers: Vec::new(), body: body.to_string() })
}

pub fn accepted() -> Result<HttpResponse, HttpError> {
    answer(200, json!({ "id": "re-1", "sid": "SM1" }))
}

fn resend() -> Vec<Provider> {
    vec![Provider::Resend(resend::Account { api_key: "re_key".to_owned() })]
}

impl Office {
    /// A form was submitted, and the messages that follow are queued.
    pub fn new(journey: &str) -> Self {
        let mut office = Self::empty(journey);
        office.submit(&[
            ("email", "ann@x.example"),
            ("phone", "07400 123456"),
            ("first_name", "Ann & Söhne"),
            ("consent", "on"),
        ]);
        office
    }

    pub fn empty(journey: &str) -> Self {
        let mut world = world(&format!("{FORM}{journey}"));
        world.settings.providers.email = resend();
        // One by one; batches have their own tests.
        world.settings.providers.batch_max = 1;
        world.settings.providers.sms = vec![Provider::Twilio(twilio::Account {
            account_sid: "AC1".to_owned(),
            auth_token: "token".to_owned(),
            from: "+447400000000".to_owned(),
            reports_to: "https://go.example/hooks/twilio".to_owned(),
        })];
        Self { world, script: Script::default() }
    }

    pub fn submit(&mut self, fields: &[(&str, &str)]) {
        let submitted = submission(&mut self.world, fields);
        let (world, ids) = (&self.world, &mut Ids::new(MONDAY, submitted.key.len() as u64));
        let post =
            form::submit(&world.db, &world.catalog, &world.settings.keys, submitted, MONDAY, ids);
        block_on(post).unwrap();
    }

    pub fn messages(&self) -> Vec<MessageId> {
        let found = rows(&self.world.db, "SELECT id FROM messages ORDER BY id");
        found.iter().map(|row| MessageId::from(row["id"].as_str().unwrap())).collect()
    }

    /// Delivers all messages at this time; the provider gives these answers in turn.
    pub fn deliver(&self, at: Millis, answers: Vec<Result<HttpResponse, HttpError>>) {
        self.script.answers.borrow_mut().extend(answers);
        self.try_to_deliver(&self.world.db, at).unwrap();
        assert_eq!(self.script.answers.borrow().len(), 0, "calls that were not made");
    }

    fn try_to_deliver<D: Database>(&self, db: &D, at: Millis) -> Result<Vec<Work>, String> {
        block_on(self.delivery(db, &self.script, at)).map_err(|error| error.to_string())
    }

    /// Delivers all messages through this database and this HTTP client.
    pub async fn delivery<D: Database, H: Http>(
        &self,
        db: &D,
        http: &H,
        at: Millis,
    ) -> Result<Vec<Work>, CommitError> {
        let (world, ids) = (&self.world, &mut Ids::new(at, at.0 as u64));
        let (catalog, settings) = (&world.catalog, &world.settings);
        send::deliver(db, http, catalog, settings, self.messages(), at, ids).await
    }

    /// The idempotency keys of all calls so far.
    pub fn keys(&self) -> Vec<String> {
        let requests = self.script.requests.borrow();
        requests.iter().map(|request| header(request, "idempotency-key")).collect()
    }

    /// The state of the only message: state, reason, attempts, and whether it is uncertain.
    pub fn standing(&self) -> String {
        let sql =
            "SELECT group_concat(state || '|' || reason || '|' || attempts || '|' || uncertain,
                                       char(10) ORDER BY id) AS line FROM messages";
        rows(&self.world.db, sql)[0]["line"].as_str().unwrap().to_owned()
    }

    fn calls(&self) -> usize {
        self.script.requests.borrow().len()
    }
}

/// A request as sent, made readable: tokens and ids become placeholders, and each HTML tag is on
/// its own line.
pub fn wire(request: &HttpRequest, message: &MessageId) -> String {
    let mut lines = vec![format!("{} {}", request.method, request.url)];
    lines.extend(request.headers.iter().map(|(name, value)| format!("{name}: {value}")));
    let json = serde_json::from_str::<Value>(&request.body);
    let body = json.and_then(|json| serde_json::to_string_pretty(&json));
    lines.extend(["".to_owned(), body.unwrap_or_else(|_| request.body.clone())]);
    let mut text = lines.join("\n").replace(message.as_str(), "MESSAGE");
    text = text.replace(&message.as_str().replace('.', "_-"), "MESSAGE_-");
    for path in ["/u/", "/c/", "/o/"] {
        let mut parts = text.split(path).map(str::to_owned);
        let mut named = parts.next().unwrap_or_default();
        for part in parts {
            let is_token = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            named.push_str(&format!("{path}TOKEN{}", part.trim_start_matches(is_token)));
        }
        text = named;
    }
    text.replace("><", ">\n<")
}

#[test]
fn email_request_has_expected_bytes() {
    let office = Office::new(JOURNEY);
    office.deliver(MONDAY, vec![accepted()]);
    let request = office.script.requests.borrow()[0].clone();
    assert_snapshot!(wire(&request, &office.messages()[0]), @r#"
    POST https://api.resend.com/emails
    authorization: Bearer re_key
    content-type: application/json
    idempotency-key: MESSAGE

    {
      "from": "dripline <hello@go.example>",
      "headers": {
        "List-Unsubscribe": "<https://go.example/u/TOKEN>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"
      },
      "html": "<html>
    <body>
    <p>Ann &amp; Söhne</p>
    <a href=\"https://go.example/c/TOKEN\">More</a>
    <a href=\"https://go.example/u/TOKEN\">Stop</a>
    <img src=\"https://go.example/o/TOKEN\" width=\"1\" height=\"1\" alt=\"\" style=\"display:block\">
    </body>
    </html>",
      "subject": "emails/welcome",
      "tags": [
        {
          "name": "dripline_message",
          "value": "MESSAGE_-"
        }
      ],
      "text": "Stop: https://go.example/u/TOKEN",
      "to": [
        "ann@x.example"
      ]
    }
    "#);
}

#[test]
fn sms_request_has_expected_bytes() {
    let office = Office::new(TEXTS);
    office.deliver(MONDAY, vec![answer(201, json!({ "sid": "SM1", "status": "queued" }))]);
    let request = office.script.requests.borrow()[0].clone();
    assert_snapshot!(wire(&request, &office.messages()[0]), @r"
    POST https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json
    authorization: Basic QUMxOnRva2Vu
    content-type: application/x-www-form-urlencoded

    To=%2B447400123456&From=%2B447400000000&Body=sms%2Ftext&StatusCallback=https%3A%2F%2Fgo.example%2Fhooks%2Ftwilio%3Fm%3DMESSAGE
    ");
}

#[test]
fn accepted_message_is_sent_and_counted_once() {
    let office = Office::new(JOURNEY);
    office.deliver(MONDAY, vec![accepted()]);
    assert_eq!(office.standing(), "sent||1|0");
    assert_eq!(
        rows(&office.world.db, "SELECT provider_id FROM messages")[0]["provider_id"],
        "re-1"
    );
    office.deliver(MONDAY.plus(Span::days(1)), vec![]);
    let sent = "SELECT sum(value) FROM counters WHERE metric = 'sent'";
    assert_eq!(number(&office.world.db, sent), 1);
    assert_sound(&office.world.db, None);
}

/// The state of an e-mail or SMS after one attempt with this answer.
fn after(journey: &str, answer: Result<HttpResponse, HttpError>) -> String {
    let office = Office::new(journey);
    office.deliver(MONDAY, vec![answer]);
    assert_sound(&office.world.db, None);
    let send_at = number(&office.world.db, "SELECT send_at FROM messages");
    format!("{} +{}s", office.standing(), (send_at - MONDAY.0) / 1_000)
}

#[test]
fn each_resend_answer_maps_to_a_state() {
    let error = |status, name| answer(status, json!({ "name": name, "message": "why" }));
    let after = |answer| after(JOURNEY, answer);
    let slow = Ok(HttpResponse {
        headers: vec![("retry-after".to_owned(), "120".to_owned())],
        ..error(429, "rate_limit_exceeded").unwrap()
    });
    assert_eq!(after(slow), "queued|429 rate_limit_exceeded: why|0|0 +120s");
    // A minute, plus up to a quarter of one depending on the message's id.
    assert_eq!(after(error(429, "daily")), "queued|429 daily: why|0|0 +70s");
    assert_eq!(after(error(401, "missing_api_key")), "queued|sender_out_of_order|0|0 +60s");
    assert_eq!(after(error(422, "invalid")), "failed|422 invalid: why|1|0 +900s");
    assert_eq!(after(error(500, "oops")), "queued|500 oops: why|1|1 +70s");
    assert_eq!(after(error(503, "busy")), "queued|503 busy: why|0|0 +70s");
    assert_eq!(after(Err(HttpError::TimedOut)), "queued|no answer in time|1|1 +70s");
    let garbage = Ok(HttpResponse { status: 200, headers: vec![], body: "<html>".to_owned() });
    assert_eq!(after(garbage), "queued|an answer without an id|1|1 +70s");
    assert_eq!(
        after(error(409, "invalid_idempotent_request")),
        "unknown|sent before under the same key, with other content|1|0 +900s"
    );
}

#[test]
fn sms_is_retried_only_if_surely_unsent() {
    let error = |status| answer(status, json!({ "code": 21211, "message": "why" }));
    let after = |answer| after(TEXTS, answer);
    assert_eq!(after(error(429)), "queued|429 21211: why|0|0 +70s");
    assert_eq!(after(error(503)), "queued|503 21211: why|0|0 +70s");
    assert_eq!(after(error(401)), "queued|sender_out_of_order|0|0 +60s");
    assert_eq!(after(error(400)), "failed|400 21211: why|1|0 +900s");
    for status in [408, 500, 502, 504, 520, 524] {
        assert_eq!(after(error(status)), format!("unknown|{status} 21211: why|1|0 +900s"));
    }
    assert_eq!(after(Err(HttpError::TimedOut)), "unknown|no answer in time|1|0 +900s");
    let garbage = Ok(HttpResponse { status: 201, headers: vec![], body: "{}".to_owned() });
    assert_eq!(after(garbage), "unknown|an answer without an id|1|0 +900s");
}

#[test]
fn unknown_sms_stays_unknown() {
    let office = Office::new(TEXTS);
    office.deliver(MONDAY, vec![Err(HttpError::TimedOut)]);
    for days in 1..5 {
        office.deliver(MONDAY.plus(Span::days(days)), vec![]);
    }
    assert_eq!(office.standing(), "unknown|no answer in time|1|0");
}

#[test]
fn lost_email_is_retried_with_same_bytes_and_key() {
    let office = Office::new(JOURNEY);
    office.deliver(MONDAY, vec![Err(HttpError::TimedOut)]);
    office.deliver(MONDAY.plus(Span::seconds(59)), vec![]);
    office.deliver(MONDAY.plus(Span::seconds(75)), vec![accepted()]);
    let requests = office.script.requests.borrow();
    assert_eq!(requests[0], requests[1]);
    assert_eq!(office.standing(), "sent||2|1");
}

#[test]
fn confirmation_mail_is_retried_with_same_bytes() {
    let form = FORM.replace("text = \"Write to me.\"", "text = \"Write!\", double_opt_in = true");
    let mut world = world(&format!("{form}{JOURNEY}"));
    world.settings.providers.email = resend();
    let mut office = Office { world, script: Script::default() };
    office.submit(&agrees("ann@x.example"));
    office.deliver(MONDAY, vec![Err(HttpError::TimedOut)]);
    office.deliver(MONDAY.plus(Span::minutes(2)), vec![accepted()]);
    let requests = office.script.requests.borrow();
    assert!(requests[0].body.contains("/confirm/"));
    assert_eq!(requests[0], requests[1]);
}

#[test]
fn lost_email_is_not_retried_after_key_expires() {
    let office = Office::new(JOURNEY);
    office.deliver(MONDAY, vec![Err(HttpError::TimedOut)]);
    office.deliver(MONDAY.plus(Span::hours(1)), vec![answer(429, Value::Null)]);
    office.deliver(MONDAY.plus(Span::hours(25)), vec![]);
    assert_eq!(office.standing(), "unknown|an earlier attempt had no answer|2|1");
}

/// Resend does not know the sending domain of this campaign, which says nothing about other
/// campaigns.
fn unverified() -> Result<HttpResponse, HttpError> {
    answer(403, json!({ "name": "validation_error", "message": "not verified" }))
}

#[test]
fn message_is_tried_eight_times() {
    let office = Office::new(JOURNEY);
    for hours in 0..8 {
        office.deliver(MONDAY.plus(Span::hours(hours * 2)), vec![unverified()]);
    }
    office.deliver(MONDAY.plus(Span::days(2)), vec![]);
    assert_eq!(office.standing(), "failed|403 validation_error: not verified|8|0");
}

#[test]
fn lost_message_is_unknown_after_last_attempt() {
    let office = Office::new(JOURNEY);
    office.deliver(MONDAY, vec![Err(HttpError::TimedOut)]);
    for hours in 1..8 {
        office.deliver(MONDAY.plus(Span::hours(hours * 2)), vec![unverified()]);
    }
    assert_eq!(office.standing(), "unknown|403 validation_error: not verified|8|1");
}

#[test]
fn refusal_after_lost_answer_makes_message_unknown() {
    let office = Office::new(JOURNEY);
    office.deliver(MONDAY, vec![Err(HttpError::TimedOut)]);
    office.deliver(MONDAY.plus(Span::hours(1)), vec![answer(422, json!({ "name": "invalid" }))]);
    assert_eq!(office.standing(), "unknown|422 invalid|2|1");
}

/// Lets a delivery die after this many batches: the first is the claim, the second records that the
/// call begins.
fn die_after(office: &Office, batches: usize) {
    let db = InTurns(&office.world.db);
    let task: Delivery<'_> = Box::pin(office.delivery(&db, &Silent, MONDAY));
    assert!(together_until(vec![(task, batches + 1)])[0].is_none());
    assert!(office.standing().starts_with("sending||1|0"));
}

/// A provider that never answers.
struct Silent;

impl Http for Silent {
    async fn send(&self, _: HttpRequest) -> Result<HttpResponse, HttpError> {
        std::future::pending().await
    }
}

#[test]
fn expired_claim_is_resent_under_its_key() {
    let office = Office::new(JOURNEY);
    die_after(&office, 2);
    office.deliver(MONDAY.plus(Span::minutes(14)), vec![]);
    office.deliver(MONDAY.plus(Span::minutes(15)), vec![accepted()]);
    assert_eq!(office.standing(), "sent||2|1");
}

#[test]
fn expired_claim_without_key_is_unknown() {
    let office = Office::new(TEXTS);
    die_after(&office, 2);
    office.deliver(MONDAY.plus(Span::minutes(15)), vec![]);
    assert_eq!(office.standing(), "unknown|an earlier attempt had no answer|2|1");
}

#[test]
fn claim_expired_before_the_call_is_resent() {
    let office = Office::new(TEXTS);
    die_after(&office, 1);
    office.deliver(MONDAY.plus(Span::minutes(15)), vec![accepted()]);
    assert_eq!(office.standing(), "sent||2|0");
}

#[test]
fn expired_claim_of_older_deployment_is_unknown() {
    let office = Office::new(TEXTS);
    die_after(&office, 1);
    rows(&office.world.db, "UPDATE messages SET sender = NULL");
    office.deliver(MONDAY.plus(Span::minutes(15)), vec![]);
    assert_eq!(office.standing(), "unknown|an earlier attempt had no answer|2|1");
}

#[test]
fn uncertain_message_is_not_sent_by_another_provider() {
    let mut office = Office::new(JOURNEY);
    office.deliver(MONDAY, vec![Err(HttpError::TimedOut)]);
    office.world.settings.providers.email = vec![Provider::Mailbox];
    office.deliver(MONDAY.plus(Span::minutes(2)), vec![]);
    assert_eq!(office.standing(), "unknown|an earlier attempt had no answer|2|1");
}

/// A delivery by a worker with this clock, after letting others run this many rounds.
fn worker<'a, D: Database>(office: &'a Office, db: &'a D, at: Millis, after: u32) -> Delivery<'a> {
    Box::pin(async move {
        for _ in 0..after {
            pass().await;
        }
        office.delivery(db, &office.script, at).await
    })
}

type Delivery<'a> = Task<'a, Result<Vec<Work>, CommitError>>;

#[test]
fn message_sent_by_two_workers_counts_once() {
    let office = Office::new(JOURNEY);
    let db = InTurns(&office.world.db);
    office.script.answers.borrow_mut().extend([accepted(), accepted()]);
    // By the second worker's clock, the first one's claim has expired.
    let late = MONDAY.plus(Span::minutes(16));
    let both = together(vec![worker(&office, &db, MONDAY, 0), worker(&office, &db, late, 1)]);
    assert!(both.iter().all(Result::is_ok));
    assert_eq!(office.calls(), 2);
    assert_sound(&office.world.db, None);
    let sent = "SELECT sum(value) FROM counters WHERE metric = 'sent'";
    assert_eq!(number(&office.world.db, sent), 1);
}

#[test]
fn worker_without_its_claim_makes_no_call() {
    let office = Office::new(JOURNEY);
    let db = InTurns(&office.world.db);
    office.script.answers.borrow_mut().extend([accepted()]);
    let late = MONDAY.plus(Span::minutes(16));
    let both = together(vec![worker(&office, &db, MONDAY, 0), worker(&office, &db, late, 0)]);
    assert!(both.iter().all(Result::is_ok));
    assert_eq!((office.calls(), office.standing().as_str()), (1, "sent||2|0"));
}

#[test]
fn unrenderable_message_fails_alone() {
    let mut office = Office::empty(JOURNEY);
    for name in ["a", "b", "c"] {
        office.submit(&[("email", &format!("{name}@x.example")), ("consent", "on")]);
    }
    let poison = "UPDATE contacts SET attributes = json_object('first_name', replace(
                  hex(zeroblob(400000)), '0', 'x')) WHERE email = 'b@x.example'";
    rows(&office.world.db, poison);
    office.deliver(MONDAY, vec![accepted(), accepted()]);
    let standings = rows(
        &office.world.db,
        "SELECT m.state, c.email FROM messages m JOIN contacts c ON c.id = m.contact_id
          ORDER BY c.email",
    );
    let states: Vec<&str> = standings.iter().filter_map(|row| row["state"].as_str()).collect();
    assert_eq!(states, ["sent", "failed", "sent"]);
    assert_sound(&office.world.db, None);
}

#[test]
fn refused_message_does_not_block_others() {
    let mut office = Office::empty(JOURNEY);
    for name in ["a", "b", "c"] {
        office.submit(&[("email", &format!("{name}@x.example")), ("consent", "on")]);
    }
    office.deliver(MONDAY, vec![accepted(), answer(422, json!({})), Err(HttpError::TimedOut)]);
    let states = "SELECT group_concat(state, ' ' ORDER BY state) AS line FROM messages";
    assert_eq!(rows(&office.world.db, states)[0]["line"], "failed queued sent");
}

#[test]
fn silent_provider_defers_uncalled_messages() {
    let mut office = Office::empty(TEXTS);
    for n in 0..8 {
        let (email, phone) = (format!("p{n}@x.example"), format!("07400 12345{n}"));
        office.submit(&[("email", &email), ("phone", &phone), ("consent", "on")]);
    }
    let silence = || Err(HttpError::TimedOut);
    let wave = [silence(), accepted(), silence(), silence(), silence(), silence()];
    office.deliver(MONDAY, wave.into());
    let states = "SELECT group_concat(state || attempts, ' ' ORDER BY state) AS line FROM messages";
    let line = || rows(&office.world.db, states)[0]["line"].clone();
    assert_eq!(line(), "queued0 queued0 sent1 unknown1 unknown1 unknown1 unknown1 unknown1");
    office.deliver(MONDAY.plus(Span::minutes(1)), vec![accepted(), accepted()]);
    assert_eq!(line(), "sent1 sent1 sent1 unknown1 unknown1 unknown1 unknown1 unknown1");
}

#[test]
fn last_check_skips_messages_with_reason() {
    let closed = |prepare: &str| {
        let office = Office::new(JOURNEY);
        rows(&office.world.db, prepare);
        office.deliver(MONDAY, vec![]);
        office.standing()
    };
    let suppress = "INSERT INTO suppressions (channel, address, reason, at)
                    VALUES ('email', 'ann@x.example', 'bounced', 0)";
    assert_eq!(closed("UPDATE contacts SET consents = '[]'"), "skipped|no_consent|1|0");
    assert_eq!(closed(suppress), "skipped|suppressed|1|0");
    assert_eq!(closed("UPDATE enrollments SET state = 'exited'"), "skipped|left_journey|1|0");
    assert_eq!(closed("UPDATE contacts SET email = NULL"), "skipped|no_address|1|0");
    // A completed enrollment still gets the messages that its steps queued.
    let office = Office::new(JOURNEY);
    rows(&office.world.db, "UPDATE enrollments SET state = 'completed'");
    office.deliver(MONDAY, vec![accepted()]);
}

#[test]
fn uncertain_message_held_by_last_check_is_unknown() {
    let office = Office::new(JOURNEY);
    office.deliver(MONDAY, vec![Err(HttpError::TimedOut)]);
    rows(&office.world.db, "UPDATE contacts SET consents = '[]'");
    office.deliver(MONDAY.plus(Span::hours(1)), vec![]);
    assert_eq!(
        office.standing(),
        "unknown|held back (no_consent) after an attempt without an answer|2|1"
    );
}

#[test]
fn uncertain_message_keeps_the_address_it_may_have_gone_to() {
    // The contact is merged into one with another address, between two attempts.
    let office = Office::new(JOURNEY);
    office.deliver(MONDAY, vec![Err(HttpError::TimedOut)]);
    rows(&office.world.db, "UPDATE contacts SET email = 'other@x.example'");
    office.deliver(MONDAY.plus(Span::hours(1)), vec![]);
    let reason = "held back (address_changed) after an attempt without an answer";
    assert_eq!(office.standing(), format!("unknown|{reason}|2|1"));
    let address = rows(&office.world.db, "SELECT address FROM messages");
    assert_eq!(address[0]["address"], "ann@x.example");
}

#[test]
fn messages_wait_until_a_provider_is_configured() {
    let mut office = Office::new(JOURNEY);
    office.world.settings.providers.email = vec![];
    office.deliver(MONDAY, vec![]);
    assert_eq!(office.standing(), "queued|no sender is configured for this channel|0|0");
    office.world.settings.providers.email = resend();
    office.deliver(MONDAY.plus(Span::days(3)), vec![accepted()]);
    assert_eq!(office.standing(), "sent||1|0");
}

/// A database that refuses to requeue messages, or to write about one contact.
struct Refusing<'a>(&'a World, &'static str);

impl Database for Refusing<'_> {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError> {
        let about = |statement: &Statement| {
            let writes =
                statement.sql.contains("INSERT") || statement.sql.contains("'queued', send");
            writes && format!("{statement:?}").contains(self.1)
        };
        if statements.iter().any(about) {
            return Err(DatabaseError::Fault(format!("cannot write {}", self.1)));
        }
        self.0.db.batch(statements).await
    }
}

#[test]
fn unwritable_contact_does_not_affect_others() {
    let mut office = Office::empty(JOURNEY);
    for name in ["a", "b", "c", "d"] {
        office.submit(&[("email", &format!("{name}@x.example")), ("consent", "on")]);
    }
    office.script.answers.borrow_mut().extend([accepted(), accepted(), accepted(), accepted()]);
    let result = office.try_to_deliver(&Refusing(&office.world, "b@x.example"), MONDAY);
    assert_eq!(result, Err("database fault: cannot write b@x.example".to_owned()));
    let states = "SELECT group_concat(state, ' ' ORDER BY state) AS line FROM messages";
    assert_eq!(rows(&office.world.db, states)[0]["line"], "sending sent sent sent");
}

#[test]
fn failed_requeue_does_not_undo_sent_messages() {
    let mut office = Office::empty(JOURNEY);
    for name in ["a", "b"] {
        office.submit(&[("email", &format!("{name}@x.example")), ("consent", "on")]);
    }
    office.script.answers.borrow_mut().extend([answer(429, json!({})), accepted()]);
    let result = office.try_to_deliver(&Refusing(&office.world, "'queued', send_at"), MONDAY);
    assert!(result.is_err());
    let states = "SELECT group_concat(state, ' ' ORDER BY state) AS line FROM messages";
    assert_eq!(rows(&office.world.db, states)[0]["line"], "sending sent");
}

const CALLS: &str = r#"
    [journey.w]
    enter = { form = "f" }
    [[journey.w.step]]
    id = "crm"
    webhook = "https://crm.example.com/leads"
    [[journey.w.step]]
    id = "rest"
    wait = "30d"
"#;

#[test]
fn outgoing_webhook_is_signed_per_standard_webhooks() {
    let office = Office::new(CALLS);
    office.deliver(MONDAY, vec![answer(204, json!(null))]);
    let request = office.script.requests.borrow()[0].clone();
    assert_eq!((request.method, &*request.url), ("POST", "https://crm.example.com/leads"));
    // The secret that a receiver is given, derived as documented.
    let secret = Sha256::digest("dripline webhook: a secret of the simulated world");
    let mut mac = Hmac::<Sha256>::new_from_slice(&secret).unwrap();
    let (id, seconds) = (header(&request, "webhook-id"), header(&request, "webhook-timestamp"));
    mac.update(format!("{id}.{seconds}.{}", request.body).as_bytes());
    let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    assert_eq!(header(&request, "webhook-signature"), expected);
    let body: Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!(body["type"], "journey.webhook");
    assert_eq!(body["data"]["step"], "crm");
    assert_eq!(body["data"]["contact"]["email"], "ann@x.example");
    assert_eq!(office.standing(), "delivered||1|0");
}

fn header(request: &HttpRequest, name: &str) -> String {
    let found = request.headers.iter().find(|(header, _)| *header == name);
    found.map(|(_, value)| value.clone()).unwrap()
}

#[test]
fn outgoing_webhook_is_retried_under_the_same_id() {
    let office = Office::new(CALLS);
    office.deliver(MONDAY, vec![answer(503, json!("busy"))]);
    assert_eq!(office.standing(), "queued|the webhook answered 503|1|0");
    let later = |minutes: i64| MONDAY.plus(Span::minutes(minutes));
    office.deliver(later(2), vec![Err(HttpError::TimedOut)]);
    assert_eq!(office.standing(), "queued|no answer in time|2|1");
    office.deliver(later(10), vec![answer(200, json!("thanks"))]);
    assert_eq!(office.standing(), "delivered||3|1");
    let requests = office.script.requests.borrow();
    let values_of = |name: &str| -> BTreeSet<String> {
        requests.iter().map(|request| header(request, name)).collect()
    };
    assert_eq!((values_of("webhook-id").len(), values_of("webhook-timestamp").len()), (1, 3));
}

#[test]
fn outgoing_webhook_follows_no_redirect() {
    let office = Office::new(CALLS);
    office.deliver(MONDAY, vec![answer(302, json!("elsewhere"))]);
    assert_eq!(office.standing(), "failed|the webhook answered 302|1|0");
}
