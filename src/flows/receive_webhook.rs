//! receive_webhook: what a provider sends is verified and becomes facts for the intake queue; what
//! becomes of those is in `hear`.
//!
//! Touches no database. SNS alone asks for more: its certificate is fetched once an isolate, and
//! its subscription is confirmed by one call.

use super::seams::Http;
use super::task::{HeardReport, Intake, TextReport};
use crate::providers::hooks::{self, Hook, Provider, Reading, Refusal, Secrets, Text, Told};
use crate::providers::http::{HttpRequest, HttpResponse};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// How many certificates are kept in mind: SNS has one a region, and changes it now and then.
const CERTIFICATES_MAX: usize = 8;

/// Why nothing was received.
#[derive(Clone, Debug, PartialEq)]
pub enum NotReceived {
    /// It was refused.
    Refused(Refusal),
    /// What is needed to tell could not be fetched: the provider should come again.
    Away(String),
}

/// Certificates that were fetched before, by their address.
#[derive(Default)]
pub struct Certificates(RefCell<BTreeMap<String, String>>);

/// Verifies a webhook and returns what it tells.
pub async fn receive<H: Http>(
    http: &H,
    certificates: &Certificates,
    provider: Provider,
    hook: &Hook<'_>,
    secrets: &Secrets,
) -> Result<Vec<Intake>, NotReceived> {
    let read = || {
        let known = |url: &str| certificates.0.borrow().get(url).cloned();
        hooks::read(provider, hook, secrets, known).map_err(NotReceived::Refused)
    };
    let mut reading = read()?;
    if let Reading::NeedsCertificate(url) = &reading {
        let certificate = visit(http, url).await?.body;
        certificates.keep(url, certificate);
        reading = read()?;
    }
    match reading {
        Reading::Told(told) => {
            let answers = secrets.answers_texts(provider);
            Ok(told.into_iter().filter_map(|told| fact(told, provider, answers)).collect())
        }
        Reading::Confirm(url) => visit(http, &url).await.map(|_| Vec::new()),
        // It was just put there.
        Reading::NeedsCertificate(url) => Err(NotReceived::Away(url)),
    }
}

impl Certificates {
    fn keep(&self, url: &str, certificate: String) {
        let mut known = self.0.borrow_mut();
        if known.len() >= CERTIFICATES_MAX {
            known.clear();
        }
        known.insert(url.to_owned(), certificate);
    }
}

async fn visit<H: Http>(http: &H, url: &str) -> Result<HttpResponse, NotReceived> {
    let request = HttpRequest {
        method: "GET",
        url: url.to_owned(),
        headers: Vec::new(),
        body: String::new(),
    };
    match http.send(request).await {
        Ok(response) if response.status == 200 => Ok(response),
        Ok(response) => Err(NotReceived::Away(format!("SNS answered {}", response.status))),
        Err(error) => Err(NotReceived::Away(format!("SNS did not answer: {error:?}"))),
    }
}

/// A told fact as the intake queue carries it; nothing of one that names no message at all.
fn fact(told: Told, provider: Provider, answers: bool) -> Option<Intake> {
    Some(match told {
        Told::News(None, heard) if heard.provider_id.is_none() => return None,
        Told::News(message, heard) => Intake::HeardV1(HeardReport { message, heard }),
        Told::Text(Text { from, text, id, at }) => {
            let source = provider.as_str().to_owned();
            Intake::TextV1(TextReport { from, text, source, id, at, answers })
        }
    })
}
