//! The HTTP client of deliveries: it checks each call against the ledger before it is made, and
//! injects every possible failure of a call.

use super::faults::{FaultyDatabase, Shared};
use super::flow::FlowContext;
use super::hooks::draw_reports;
use super::provider::{
    Accepted, Service, Taken, answer, field, header, is_batch, key, mails, message,
};
use super::run::NIGHT;
use super::turns::pass;
use crate::domain::base::primitives::{MessageId, Span};
use crate::domain::time::calendar::local;
use crate::flows::ports::{Database, DatabaseError, Http};
use crate::native::world::block_on;
use crate::providers::http::{HttpError, HttpRequest, HttpResponse};
use crate::store::invariants::{LedgerRow, ledger};
use crate::store::statement::{Rows, Statement};
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::rc::Rc;

/// The most minutes between the decision on an e-mail and its departure.
const LATE_MAX: u16 = 15;

/// The number of turns for which Resend delays its response and sends webhooks meanwhile.
const TURNS_EARLY: usize = 12;

/// The HTTP client of one delivery, which checks the ledger before each call.
pub struct CheckedHttp {
    shared: Rc<Shared>,
    accepted: Rc<RefCell<Accepted>>,
    task: Vec<MessageId>,
    is_paced: bool,
    /// The ledger at the moment when the delivery last read the current state. A call that was
    /// already forbidden then has no excuse.
    before: RefCell<Vec<LedgerRow>>,
}

impl CheckedHttp {
    /// Creates the client of a new delivery.
    pub fn new(context: &FlowContext, task: Vec<MessageId>) -> Self {
        let (shared, accepted) = (context.shared.clone(), context.accepted.clone());
        let is_paced = !context.settings.pacing.caps.is_empty();
        let before = RefCell::new(read(&shared, &task));
        Self { shared, accepted, task, is_paced, before }
    }

    /// Checks a call against the ledger: its start was written before, under its key, and nothing
    /// that was recorded before the current state was read forbids it.
    fn check(&self, request: &HttpRequest) {
        let rows = read(&self.shared, &self.task);
        if Service::of(request) == Service::Twilio {
            let to = field(request, "To").replace("%2B", "+");
            // The number may belong to another contact by now, or to none.
            let before = self.before.borrow();
            let texts = before.iter().filter(|row| row.channel == "sms");
            let texts: Vec<String> = texts
                .filter(|row| row.phone.as_deref() == Some(&to))
                .map(|row| row.id.clone())
                .collect();
            return self.check_one(&rows, "a text", |row| texts.contains(&row.id));
        }
        if let Some(id) = header(request, "webhook-id") {
            return self.check_one(&rows, id, |row| row.id == id);
        }
        for mail in mails(request) {
            let id = message(&mail);
            self.check_one(&rows, &id, |row| row.id == id);
            self.check_hour(&id);
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

    /// Checks an e-mail against the quiet hours, by the recipient's time zone when the current
    /// state was read.
    fn check_hour(&self, id: &str) {
        let before = self.before.borrow();
        let row = before.iter().find(|row| row.id == id).filter(|_| self.is_paced);
        let Some(zone) = row.and_then(|row| row.clock.as_deref()) else { return };
        let Ok(zone) = TimeZone::get(zone) else { return };
        let (_, minute) = local(self.shared.now.get(), &zone);
        if minute >= NIGHT[0] + LATE_MAX || minute < NIGHT[1] {
            self.shared.accuse(format!("I11: {id} left at night"));
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

    /// Creates the delivery reports of the e-mails that leave; some arrive before the response.
    async fn send_reports(&self, request: &HttpRequest, mails: &[(String, Value)]) {
        if Service::of(request) != Service::Resend || mails.is_empty() {
            return;
        }
        let reports = draw_reports(&self.shared, mails);
        if reports.is_empty() || !self.shared.strikes("provider: webhook before the answer") {
            self.accepted.borrow_mut().reports.extend(reports);
            return;
        }
        self.accepted.borrow_mut().early_reports.extend(reports);
        for _ in 0..TURNS_EARLY {
            pass().await;
        }
    }

    /// Returns the response of a provider that accepts nothing.
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

    /// Returns the response during an outage of Resend, which lasts for hours.
    fn out_of_order(&self, request: &HttpRequest) -> Option<HttpResponse> {
        let (shared, now) = (&self.shared, self.shared.now.get());
        if Service::of(request) != Service::Resend || !shared.with_faults.get() {
            return None;
        }
        let mut accepted = self.accepted.borrow_mut();
        if shared.strikes("provider: out of order for hours") {
            accepted.out_until = Some(now.plus(Span::hours(3)));
        }
        accepted.out_until.filter(|until| now < *until).map(|_| answer(503, Value::Null))
    }
}

/// The database as a delivery sees it: whenever it reads the current state, the client records the
/// ledger.
pub struct Watched<'a> {
    pub db: &'a FaultyDatabase,
    pub http: &'a CheckedHttp,
}

impl Database for Watched<'_> {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError> {
        let reads_truth = statements.iter().any(|one| one.sql.contains("called_at = iif"));
        let remember = || {
            if reads_truth {
                *self.http.before.borrow_mut() = read(&self.http.shared, &self.http.task);
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

impl Http for CheckedHttp {
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
        self.send_reports(&request, &taken.mails).await;
        pass().await;
        if shared.strikes("provider: taken, and the answer lost") {
            return Err(HttpError::TimedOut);
        }
        // To a webhook this response means that it was not accepted.
        let is_webhook = Service::of(&request) == Service::Crm;
        if !is_webhook && shared.strikes("provider: 5xx, and it was taken") {
            return Ok(answer(shared.dice.pick(&[500, 502, 504]), Value::Null));
        }
        if shared.strikes("provider: taken, and the answer is garbage") {
            let body = "<html>".to_owned();
            return Ok(HttpResponse { status: 200, headers: Vec::new(), body });
        }
        Ok(taken.answer)
    }
}
