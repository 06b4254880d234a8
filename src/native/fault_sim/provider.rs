//! Resend, Postmark and Twilio at their worst, and a record of everything they accepted.

use super::hooks::Report;
use crate::domain::base::primitives::{Millis, Span};
use crate::providers::http::{HttpRequest, HttpResponse};
use crate::providers::webhooks::MESSAGE_KEY;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How long Resend remembers a key.
pub const KEY_LIFETIME: Span = Span::hours(24);

/// The messages that the providers accepted.
#[derive(Default)]
pub struct Accepted {
    /// The complete bodies of the e-mails that left, in order.
    pub mail_bodies: Vec<String>,
    /// The times at which each message left as an e-mail.
    pub mails: BTreeMap<String, Vec<Millis>>,
    /// The times at which e-mails left, by recipient and subject.
    pub readers: BTreeMap<[String; 2], Vec<Millis>>,
    /// The number of SMS that left, by their text.
    pub texts: BTreeMap<String, u64>,
    /// The times at which each webhook was accepted, by its id.
    pub webhooks: BTreeMap<String, Vec<Millis>>,
    /// The delivery reports that Resend has not sent yet.
    pub reports: Vec<Report>,
    /// The delivery reports of calls that Resend has not answered.
    pub early_reports: Vec<Report>,
    /// The calls that Resend remembers, by their key.
    calls: BTreeMap<String, Remembered>,
    /// The end of Resend's outage.
    pub(super) out_until: Option<Millis>,
}

struct Remembered {
    at: Millis,
    body: String,
    answer: HttpResponse,
}

/// The result of a request.
pub(super) struct Taken {
    pub(super) answer: HttpResponse,
    /// The e-mails that leave by it, by message.
    pub(super) mails: Vec<(String, Value)>,
    /// Whether its key was known once and has expired.
    pub(super) forgotten: bool,
}

impl Taken {
    fn nothing(answer: HttpResponse) -> Self {
        Self { answer, mails: Vec::new(), forgotten: false }
    }
}

impl Accepted {
    /// Processes a request and answers as the API does. `refused` marks the e-mails of a batch that
    /// are not accepted.
    pub(super) fn take(&mut self, request: &HttpRequest, now: Millis, refused: &[bool]) -> Taken {
        match Service::of(request) {
            Service::Resend => self.take_once(request, now, refused),
            Service::Postmark => {
                let mails = mails(request);
                let (answer, mails) = postmark_answer(mails, is_batch(request), refused);
                self.leave(&mails, now);
                Taken { answer, mails, forgotten: false }
            }
            Service::Crm => {
                let id = header(request, "webhook-id").unwrap_or_default();
                self.webhooks.entry(id.to_owned()).or_default().push(now);
                Taken::nothing(answer(204, Value::Null))
            }
            Service::Twilio => {
                *self.texts.entry(field(request, "Body")).or_default() += 1;
                Taken::nothing(answer(201, json!({ "sid": "SM1" })))
            }
        }
    }

    /// Accepts a request once per key, while the key is remembered.
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
            self.mail_bodies.push(mail.to_string());
            self.readers.entry(reader(mail)).or_default().push(now);
            self.mails.entry(message.clone()).or_default().push(now);
        }
    }
}

/// The recipient of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// E-mail, with an idempotency key for each call.
    Resend,
    /// E-mail, without idempotency keys.
    Postmark,
    /// SMS, without idempotency keys.
    Twilio,
    /// A program that remembers the ids of webhooks.
    Crm,
}

impl Service {
    pub(super) fn of(request: &HttpRequest) -> Self {
        match () {
            () if request.url.contains("resend.com") => Self::Resend,
            () if request.url.contains("postmarkapp.com") => Self::Postmark,
            () if request.url.contains("crm.example") => Self::Crm,
            () => Self::Twilio,
        }
    }
}

/// Returns Resend's response, and the e-mails that leave: those of a batch that are not refused.
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

/// Returns the same for Postmark.
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

pub(super) fn key(request: &HttpRequest) -> Option<&str> {
    header(request, "idempotency-key")
}

pub(super) fn header<'r>(request: &'r HttpRequest, name: &str) -> Option<&'r str> {
    let header = request.headers.iter().find(|(known, _)| *known == name);
    header.map(|(_, value)| value.as_str())
}

pub(super) fn is_batch(request: &HttpRequest) -> bool {
    request.url.ends_with("/batch")
}

/// Returns the e-mails of a request, one or many.
pub(super) fn mails(request: &HttpRequest) -> Vec<Value> {
    match serde_json::from_str(&request.body) {
        Ok(Value::Array(mails)) => mails,
        Ok(mail @ Value::Object(_)) => vec![mail],
        _ => Vec::new(),
    }
}

/// Returns the id of the message in the metadata or tags of an e-mail.
pub(super) fn message(mail: &Value) -> String {
    if let Some(id) = mail["Metadata"][MESSAGE_KEY].as_str() {
        return id.to_owned();
    }
    let tag = mail["tags"][0]["value"].as_str().unwrap_or_default();
    tag.replace("_-", ".").replace("__", "_")
}

/// Returns the recipient and the subject of an e-mail.
fn reader(mail: &Value) -> [String; 2] {
    let [to, subject] = match mail["To"].is_string() {
        true => [&mail["To"], &mail["Subject"]],
        false => [&mail["to"][0], &mail["subject"]],
    };
    [to, subject].map(|value| value.as_str().unwrap_or_default().to_owned())
}

/// Returns a field of a form body, still encoded.
pub(super) fn field(request: &HttpRequest, name: &str) -> String {
    let mut pairs = request.body.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).unwrap_or_default()
}

pub(super) fn answer(status: u16, body: Value) -> HttpResponse {
    HttpResponse { status, headers: Vec::new(), body: body.to_string() }
}
