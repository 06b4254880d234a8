//! Verifies a provider webhook and turns it into facts for the intake queue. They are processed in
//! `consume` and `resolve`.
//!
//! Touches no database. Only SNS needs more: its certificate is fetched once per day and isolate,
//! and its subscription is confirmed by one call.

use crate::domain::base::primitives::{Millis, Span};
use crate::domain::inbound::delivery_report::DeliveryReport;
use crate::flows::ports::Http;
use crate::flows::tasks::Intake;
use crate::providers::http::{HttpRequest, HttpResponse};
use crate::providers::webhooks::{
    self, Hook, Reading, Refusal, Secrets, WebhookEvent, WebhookProvider,
};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};

/// The number of certificates kept in memory: SNS has one per region, and changes it now and then.
const CERTIFICATES_MAX: usize = 8;

/// How long each certificate is kept.
const CERTIFICATE_AGE_MAX: Span = Span::hours(24);

/// The maximum number of fetches per minute: an attacker who knows a topic could name new URLs
/// without end.
const FETCHES_A_MINUTE_MAX: usize = 5;

/// The reason why a webhook was not accepted.
#[derive(Clone, Debug, PartialEq)]
pub enum WebhookError {
    /// It was refused.
    Refused(Refusal),
    /// Something that is needed to verify it could not be fetched: the provider should retry.
    Unavailable(String),
}

/// The trusted certificates that were fetched before, and the times of recent fetches.
#[derive(Default)]
pub struct Certificates {
    known: RefCell<BTreeMap<String, (Millis, String)>>,
    fetches: RefCell<VecDeque<Millis>>,
}

/// Verifies a webhook and returns its facts.
pub async fn receive<H: Http>(
    http: &H,
    certificates: &Certificates,
    provider: WebhookProvider,
    hook: &Hook<'_>,
    secrets: &Secrets,
) -> Result<Vec<Intake>, WebhookError> {
    let read = || {
        let known = |url: &str| certificates.get(url, hook.now);
        webhooks::read(provider, hook, secrets, known).map_err(WebhookError::Refused)
    };
    let mut reading = read()?;
    if let Reading::NeedsCertificate(url) = &reading {
        if !certificates.may_fetch(hook.now) {
            return Err(WebhookError::Unavailable(
                "too many certificates were asked for".to_owned(),
            ));
        }
        let certificate = visit(http, url).await?.body;
        // An invalid certificate is not kept: it would block the real one for a day.
        if !webhooks::is_certificate(secrets, url, &certificate, hook.now) {
            return Err(WebhookError::Refused(Refusal::Unverified));
        }
        certificates.keep(url, certificate, hook.now);
        reading = read()?;
    }
    match reading {
        Reading::Events(events) => Ok(events.into_iter().filter_map(fact).collect()),
        Reading::Confirm(url) => visit(http, &url).await.map(|_| Vec::new()),
        // It was just stored.
        Reading::NeedsCertificate(url) => Err(WebhookError::Unavailable(url)),
    }
}

impl Certificates {
    fn get(&self, url: &str, now: Millis) -> Option<String> {
        let known = self.known.borrow();
        let (at, certificate) = known.get(url)?;
        (at.plus(CERTIFICATE_AGE_MAX) > now).then(|| certificate.clone())
    }

    /// Returns whether a fetch is allowed now, and counts it if so.
    fn may_fetch(&self, now: Millis) -> bool {
        let mut fetches = self.fetches.borrow_mut();
        fetches.retain(|at| at.plus(Span::minutes(1)) > now);
        let may = fetches.len() < FETCHES_A_MINUTE_MAX;
        if may {
            fetches.push_back(now);
        }
        may
    }

    fn keep(&self, url: &str, certificate: String, now: Millis) {
        let mut known = self.known.borrow_mut();
        if known.len() >= CERTIFICATES_MAX {
            known.clear();
        }
        known.insert(url.to_owned(), (now, certificate));
    }
}

async fn visit<H: Http>(http: &H, url: &str) -> Result<HttpResponse, WebhookError> {
    let request = HttpRequest {
        method: "GET",
        url: url.to_owned(),
        headers: Vec::new(),
        body: String::new(),
    };
    match http.send(request).await {
        Ok(response) if response.status == 200 => Ok(response),
        Ok(response) => Err(WebhookError::Unavailable(format!("SNS answered {}", response.status))),
        Err(error) => Err(WebhookError::Unavailable(format!("SNS did not answer: {error:?}"))),
    }
}

/// Converts a webhook event to an intake task. Returns `None` for a report that identifies no
/// message, unless it uses up a token that counts once.
fn fact(event: WebhookEvent) -> Option<Intake> {
    match event {
        WebhookEvent::Report(None, DeliveryReport { provider_id: None, key: None, .. }) => None,
        WebhookEvent::Report(message, report) => Some(Intake::DeliveryReportV1 { message, report }),
        WebhookEvent::Sms(sms) => Some(Intake::InboundSmsV1(sms)),
    }
}
