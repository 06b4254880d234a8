//! Resend, Postmark and Twilio at their worst, and a record of everything they accepted.

use super::faults::{FaultyDatabase, Shared};
use super::hooks::{Report, told_of};
use super::turns::pass;
use crate::domain::primitives::{MessageId, Millis, Span};
use crate::flows::seams::{Database, DatabaseError, Http};
use crate::native::world::block_on;
use crate::providers::hooks::MESSAGE_KEY;
use crate::providers::http::{HttpError, HttpRequest, HttpResponse};
use crate::store::invariants::{LedgerRow, ledger};
use crate::store::statement::{Rows, Statement};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// How long Resend remembers a key.
pub const KEY_LIFETIME: Span = Span::hours(24);

/// For how many turns Resend does not answer, and tells of the mail meanwhile.
const TURNS_EARLY: usize = 12;

/// What the providers accepted.
#[derive(Default)]
pub struct Accepted {
    /// The e-mails that left, whole, in their order.
    pub letters: Vec<String>,
    /// By message, when its mail left.
    pub mails: BTreeMap<String, Vec<Millis>>,
    /// By text, how many short messages left.
    pub texts: BTreeMap<String, u64>,
    /// What Resend has to tell of them yet.
    pub told: Vec<Report>,
    /// The same, of calls that it has not answered.
    pub told_early: Vec<Report>,
    /// The calls that Resend remembers, by their key.
    calls: BTreeMap<String, Remembered>,
    /// Until when Resend is out of order.
    out_until: Option<Millis>,
}

struct Remembered {
    at: Millis,
    body: String,
    answer: HttpResponse,
}

/// What a request has come to.
struct Taken {
    answer: HttpResponse,
    /// The mails that leave by it, by message.
    mails: Vec<(String, Value)>,
    /// Whether its key was known once.
    forgotten: bool,
}

impl Taken {
    fn nothing(answer: HttpResponse) -> Self {
        Self { answer, mails: Vec::new(), forgotten: false }
    }
}

impl Accepted {
    /// Takes a request and answers as the API does. `refused` says which mails of a batch are not
    /// taken.
    fn take(&mut self, request: &HttpRequest, now: Millis, refused: &[bool]) -> Taken {
        match Service::of(request) {
            Service::Resend => self.take_once(request, now, refused),
            Service::Postmark => {
                let mails = mails(request);
                let (answer, mails) = postmark_answer(mails, is_batch(request), refused);
                self.leave(&mails, now);
                Taken { answer, mails, forgotten: false }
            }
            Service::Twilio => {
                *self.texts.entry(field(request, "Body")).or_default() += 1;
                Taken::nothing(answer(201, json!({ "sid": "SM1" })))
            }
        }
    }

    /// Once a key, while it is remembered.
    fn take_once(&mut self, request: &HttpRequest, now: Millis, refused: &[bool]) -> Taken {
        let key = key(request).unwrap_or_default();
        let known = self.calls.get(key);
        if let Some(known) = known.filter(|known| now < known.at.plus(KEY_LIFETIME)) {
            return Taken::nothing(match known.body == request.body {
                true => known.answer.clone(),
                false => answer(409, json!({ "name": "invalid_idempotent_request" })),
            });
        }
        let forgotten = known.is_some();
        let (answer, mails) = resend_answer(mails(request), is_batch(request), refused);
        self.leave(&mails, now);
        let call = Remembered { at: now, body: request.body.clone(), answer: answer.clone() };
        self.calls.insert(key.to_owned(), call);
        Taken { answer, mails, forgotten }
    }

    fn leave(&mut self, mails: &[(String, Value)], now: Millis) {
        for (message, mail) in mails {
            self.letters.push(mail.to_string());
            self.mails.entry(message.clone()).or_default().push(now);
        }
    }
}

/// Whom a request goes to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Service {
    /// E-mail, with a key for each call.
    Resend,
    /// E-mail, without.
    Postmark,
    /// Short messages, without.
    Twilio,
}

impl Service {
    fn of(request: &HttpRequest) -> Self {
        match () {
            () if request.url.contains("resend.com") => Self::Resend,
            () if request.url.contains("postmarkapp.com") => Self::Postmark,
            () => Self::Twilio,
        }
    }
}

/// Resend's answer, and the mails that leave: of a batch, not those that are refused.
fn resend_answer(
    mails: Vec<Value>,
    is_batch: bool,
    refused: &[bool],
) -> (HttpResponse, Vec<(String, Value)>) {
    let (mut leaving, mut data, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    for (index, mail) in mails.into_iter().enumerate() {
        if is_batch && refused.get(index) == Some(&true) {
            errors.push(json!({ "index": index, "message": "not this one" }));
            continue;
        }
        let message = message(&mail);
        data.push(json!({ "id": format!("re-{message}") }));
        leaving.push((message, mail));
    }
    let body = match is_batch {
        true => json!({ "data": data, "errors": errors }),
        false => data.into_iter().next().unwrap_or_default(),
    };
    (answer(200, body), leaving)
}

/// Postmark's.
fn postmark_answer(
    mails: Vec<Value>,
    is_batch: bool,
    refused: &[bool],
) -> (HttpResponse, Vec<(String, Value)>) {
    let (mut leaving, mut list) = (Vec::new(), Vec::new());
    for (index, mail) in mails.into_iter().enumerate() {
        if is_batch && refused.get(index) == Some(&true) {
            list.push(json!({ "ErrorCode": 300, "Message": "not this one" }));
            continue;
        }
        let message = message(&mail);
        list.push(json!({ "ErrorCode": 0, "MessageID": format!("pm-{message}") }));
        leaving.push((message, mail));
    }
    let body = match is_batch {
        true => Value::Array(list),
        false => list.into_iter().next().unwrap_or_default(),
    };
    (answer(200, body), leaving)
}

fn key(request: &HttpRequest) -> Option<&str> {
    let header = request.headers.iter().find(|(name, _)| *name == "idempotency-key");
    header.map(|(_, key)| key.as_str())
}

fn is_batch(request: &HttpRequest) -> bool {
    request.url.ends_with("/batch")
}

/// The mails of a request, one or many.
fn mails(request: &HttpRequest) -> Vec<Value> {
    match serde_json::from_str(&request.body) {
        Ok(Value::Array(mails)) => mails,
        Ok(mail @ Value::Object(_)) => vec![mail],
        _ => Vec::new(),
    }
}

/// The id of the message that a mail says it is.
fn message(mail: &Value) -> String {
    if let Some(id) = mail["Metadata"][MESSAGE_KEY].as_str() {
        return id.to_owned();
    }
    let tag = mail["tags"][0]["value"].as_str().unwrap_or_default();
    tag.replace("_-", ".").replace("__", "_")
}

/// A field of a form body, as it was encoded.
fn field(request: &HttpRequest, name: &str) -> String {
    let mut pairs = request.body.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).unwrap_or_default()
}

fn answer(status: u16, body: Value) -> HttpResponse {
    HttpResponse { status, headers: Vec::new(), body: body.to_string() }
}

/// The way out of one delivery, which looks into the ledger before each call.
pub struct Way {
    shared: Rc<Shared>,
    accepted: Rc<RefCell<Accepted>>,
    task: Vec<MessageId>,
    /// The ledger as it was at the very moment at which the delivery last read the truth: a call
    /// that was forbidden by then is nobody's bad luck.
    before: RefCell<Vec<LedgerRow>>,
}

impl Way {
    /// That of a delivery that begins now.
    pub fn new(shared: Rc<Shared>, accepted: Rc<RefCell<Accepted>>, task: Vec<MessageId>) -> Self {
        let before = RefCell::new(read(&shared, &task));
        Self { shared, accepted, task, before }
    }

    /// Holds the call against the ledger: that it begins was written down before, under its key,
    /// and nothing that was said before the truth was read forbids it.
    fn check(&self, request: &HttpRequest) {
        let rows = read(&self.shared, &self.task);
        if Service::of(request) == Service::Twilio {
            let to = field(request, "To").replace("%2B", "+");
            // The number may have gone to somebody else since, or to nobody.
            let before = self.before.borrow();
            let texts = before.iter().filter(|row| row.channel == "sms");
            let texts: Vec<String> = texts
                .filter(|row| row.phone.as_deref() == Some(&to))
                .map(|row| row.id.clone())
                .collect();
            return self.check_one(&rows, "a text", |row| texts.contains(&row.id));
        }
        for mail in mails(request) {
            let id = message(&mail);
            self.check_one(&rows, &id, |row| row.id == id);
            let row = rows.iter().find(|row| row.id == id);
            let call = row.and_then(|row| row.call.as_deref()).unwrap_or(&id);
            if key(request).is_some_and(|key| key != call) {
                self.shared.accuse(format!("{id} was sent under a key that the ledger has not"));
            }
        }
    }

    fn check_one(&self, rows: &[LedgerRow], what: &str, is_it: impl Fn(&LedgerRow) -> bool) {
        let is_called =
            |row: &LedgerRow| row.sender.as_deref().is_some_and(|sender| !sender.is_empty());
        if !rows.iter().any(|row| is_it(row) && is_called(row)) {
            self.shared.accuse(format!("{what} was sent before that was written down"));
        }
        let is_barred = |rows: &[LedgerRow]| {
            let mut rows = rows.iter().filter(|row| is_it(row)).peekable();
            rows.peek().is_some() && rows.all(|row| row.barred == 1)
        };
        if is_barred(rows) {
            match is_barred(&self.before.borrow()) {
                true => self.shared.accuse(format!("{what} was sent past the consent fence")),
                false => self.shared.count("people: unsubscribed during a send"),
            }
        }
    }

    fn take(&self, request: &HttpRequest) -> Taken {
        let shared = &self.shared;
        let is_partial = is_batch(request) && shared.strikes("provider: part of a batch refused");
        let refused = |_| is_partial && shared.dice.in_a_hundred(30);
        let refused: Vec<bool> = (0..mails(request).len()).map(refused).collect();
        let taken = self.accepted.borrow_mut().take(request, shared.now.get(), &refused);
        if taken.forgotten {
            shared.count("provider: key forgotten");
        }
        taken
    }

    /// What there is to tell of the mails that leave; some of it comes before the answer.
    async fn tell_of(&self, request: &HttpRequest, mails: &[(String, Value)]) {
        if Service::of(request) != Service::Resend || mails.is_empty() {
            return;
        }
        let told = told_of(&self.shared, mails);
        if told.is_empty() || !self.shared.strikes("provider: webhook before the answer") {
            self.accepted.borrow_mut().told.extend(told);
            return;
        }
        self.accepted.borrow_mut().told_early.extend(told);
        for _ in 0..TURNS_EARLY {
            pass().await;
        }
    }

    /// The answer of somebody who takes nothing.
    fn refusal(&self, request: &HttpRequest) -> Option<Result<HttpResponse, HttpError>> {
        let shared = &self.shared;
        if let Some(refusal) = self.out_of_order(request) {
            return Some(Ok(refusal));
        }
        if shared.strikes("provider: no connection") {
            return Some(Err(HttpError::Network("refused".to_owned())));
        }
        if shared.strikes("provider: 429 with Retry-After") {
            let seconds = shared.dice.pick(&["1", "600", "90000"]).to_owned();
            let headers = vec![("retry-after".to_owned(), seconds)];
            return Some(Ok(HttpResponse { headers, ..answer(429, Value::Null) }));
        }
        let statuses = [
            ("provider: 429", 429),
            ("provider: 503, nothing taken", 503),
            ("provider: one recipient refused", 422),
            ("provider: a redirect", 302),
            ("provider: key of the API refused", 401),
        ];
        let (_, status) = statuses.into_iter().find(|(fault, _)| shared.strikes(fault))?;
        let body = match Service::of(request) {
            Service::Postmark if status == 422 => json!({ "ErrorCode": 300, "Message": "no" }),
            _ => Value::Null,
        };
        Some(Ok(answer(status, body)))
    }

    /// Resend answers nobody for hours.
    fn out_of_order(&self, request: &HttpRequest) -> Option<HttpResponse> {
        let (shared, now) = (&self.shared, self.shared.now.get());
        if Service::of(request) != Service::Resend || !shared.stormy.get() {
            return None;
        }
        let mut accepted = self.accepted.borrow_mut();
        if shared.strikes("provider: out of order for hours") {
            accepted.out_until = Some(now.plus(Span::hours(3)));
        }
        accepted.out_until.filter(|until| now < *until).map(|_| answer(503, Value::Null))
    }
}

/// The database as a delivery sees it: each time it reads the truth, its way out remembers how the
/// ledger stood.
pub struct Watched<'a> {
    /// The database.
    pub db: &'a FaultyDatabase,
    /// The way out.
    pub way: &'a Way,
}

impl Database for Watched<'_> {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError> {
        let reads_truth = statements.iter().any(|one| one.sql.contains("called_at = iif"));
        let remember = || {
            if reads_truth {
                *self.way.before.borrow_mut() = read(&self.way.shared, &self.way.task);
            }
        };
        self.db.batch_then(statements, remember).await
    }
}

fn read(shared: &Shared, task: &[MessageId]) -> Vec<LedgerRow> {
    let rows = block_on(shared.sqlite().batch(vec![ledger(task)]));
    let rows = rows.ok().and_then(|rows| rows.first().map(Rows::all::<LedgerRow>));
    rows.and_then(Result::ok).unwrap_or_default()
}

impl Http for Way {
    async fn send(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let shared = &self.shared;
        pass().await;
        self.check(&request);
        if let Some(defect) = shared.defect {
            let keys = request.headers.iter_mut().filter(|(name, _)| *name == "idempotency-key");
            keys.for_each(|(_, key)| *key = defect.key(key, &shared.dice));
        }
        if let Some(refusal) = self.refusal(&request) {
            return refusal;
        }
        let taken = self.take(&request);
        self.tell_of(&request, &taken.mails).await;
        pass().await;
        if shared.strikes("provider: taken, and the answer lost") {
            return Err(HttpError::TimedOut);
        }
        if shared.strikes("provider: 5xx, and it was taken") {
            return Ok(answer(shared.dice.pick(&[500, 502, 504]), Value::Null));
        }
        if shared.strikes("provider: taken, and the answer is garbage") {
            let body = "<html>".to_owned();
            return Ok(HttpResponse { status: 200, headers: Vec::new(), body });
        }
        Ok(taken.answer)
    }
}
