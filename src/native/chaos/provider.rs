//! Resend and Twilio at their worst, and a record of everything they accepted.

use super::faults::{FaultyDatabase, Shared};
use super::turns::pass;
use crate::domain::primitives::{MessageId, Millis, Span};
use crate::flows::seams::{Database, DatabaseError, Http};
use crate::native::world::block_on;
use crate::providers::http::{HttpError, HttpRequest, HttpResponse};
use crate::store::invariants::{LedgerRow, ledger};
use crate::store::statement::{Rows, Statement};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// How long Resend remembers a key.
pub const KEY_LIFETIME: Span = Span::hours(24);

/// What the providers accepted.
#[derive(Default)]
pub struct Accepted {
    /// The e-mails that left, whole, in their order.
    pub letters: Vec<String>,
    /// By key, when each mail left under it.
    pub keys: BTreeMap<String, Vec<Millis>>,
    /// By text, how many short messages left.
    pub texts: BTreeMap<String, u64>,
    /// The body that each remembered key stands for.
    bodies: BTreeMap<String, (Millis, String)>,
}

impl Accepted {
    /// Takes a request, once a key while it is remembered, and answers as the API does.
    fn take(&mut self, request: &HttpRequest, now: Millis) -> (HttpResponse, bool) {
        let Some(key) = key(request) else {
            *self.texts.entry(field(request, "Body")).or_default() += 1;
            return (answer(201, json!({ "sid": "SM1" })), false);
        };
        let known = self.bodies.get(key).map(|(at, body)| (*at, *body == request.body));
        let mut forgotten = false;
        match known {
            Some((at, same)) if now < at.plus(KEY_LIFETIME) => {
                if !same {
                    let name = "invalid_idempotent_request";
                    return (answer(409, json!({ "name": name })), false);
                }
            }
            _ => {
                forgotten = known.is_some();
                for mail in mails(request) {
                    self.letters.push(mail.to_string());
                    self.keys.entry(message(&mail)).or_default().push(now);
                }
                self.bodies.insert(key.to_owned(), (now, request.body.clone()));
            }
        }
        let ids: Vec<Value> = mails(request)
            .iter()
            .map(|mail| json!({ "id": format!("re-{key}-{}", message(mail)) }))
            .collect();
        let body = match is_batch(request) {
            true => json!({ "data": ids, "errors": [] }),
            false => ids.into_iter().next().unwrap_or_default(),
        };
        (answer(200, body), forgotten)
    }
}

fn key(request: &HttpRequest) -> Option<&str> {
    let header = request.headers.iter().find(|(name, _)| *name == "idempotency-key");
    header.map(|(_, key)| key.as_str())
}

fn is_batch(request: &HttpRequest) -> bool {
    request.url.ends_with("/batch")
}

/// The mails of a request to Resend, one or many.
fn mails(request: &HttpRequest) -> Vec<Value> {
    match serde_json::from_str(&request.body) {
        Ok(Value::Array(mails)) => mails,
        Ok(mail @ Value::Object(_)) => vec![mail],
        _ => Vec::new(),
    }
}

/// The id of the message that a mail says it is.
fn message(mail: &Value) -> String {
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
        let Some(key) = key(request) else {
            let to = field(request, "To").replace("%2B", "+");
            // The number may have gone to somebody else since, or to nobody.
            let before = self.before.borrow();
            let texts = before.iter().filter(|row| row.channel == "sms");
            let texts: Vec<String> = texts
                .filter(|row| row.phone.as_deref() == Some(&to))
                .map(|row| row.id.clone())
                .collect();
            return self.check_one(&rows, "a text", |row| texts.contains(&row.id));
        };
        for mail in mails(request) {
            let id = message(&mail);
            self.check_one(&rows, &id, |row| row.id == id);
            let row = rows.iter().find(|row| row.id == id);
            let call = row.and_then(|row| row.call.as_deref());
            if call.unwrap_or(&id) != key {
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

    fn take(&self, request: &HttpRequest) -> HttpResponse {
        let now = self.shared.now.get();
        let (answer, forgotten) = self.accepted.borrow_mut().take(request, now);
        if forgotten {
            self.shared.count("provider: key forgotten");
        }
        answer
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
        let strikes = |fault| shared.strikes(fault);
        if strikes("provider: no connection") {
            return Err(HttpError::Network("refused".to_owned()));
        }
        if strikes("provider: 429 with Retry-After") {
            let seconds = shared.dice.pick(&["1", "600", "90000"]).to_owned();
            let headers = vec![("retry-after".to_owned(), seconds)];
            return Ok(HttpResponse { headers, ..answer(429, Value::Null) });
        }
        for (fault, status) in [
            ("provider: 429", 429),
            ("provider: 503, nothing taken", 503),
            ("provider: one recipient refused", 422),
            ("provider: a redirect", 302),
            ("provider: key of the API refused", 401),
        ] {
            if strikes(fault) {
                return Ok(answer(status, Value::Null));
            }
        }
        let taken = self.take(&request);
        pass().await;
        if strikes("provider: taken, and the answer lost") {
            return Err(HttpError::TimedOut);
        }
        if strikes("provider: 5xx, and it was taken") {
            return Ok(answer(shared.dice.pick(&[500, 502, 504]), Value::Null));
        }
        if strikes("provider: taken, and the answer is garbage") {
            let body = "<html>".to_owned();
            return Ok(HttpResponse { status: 200, headers: Vec::new(), body });
        }
        Ok(taken)
    }
}
