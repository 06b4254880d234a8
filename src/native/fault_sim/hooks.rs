//! Resend's webhooks about the e-mails that it accepted, signed as Svix signs them: before its own
//! answer, twice, late, in any order. Also the webhooks of attackers who do not know the secret, or
//! who replay a captured one.

use super::faults::Shared;
use super::flow::{Flow, Job};
use super::run::Run;
use super::turns::Dice;
use crate::domain::base::primitives::{Millis, Span};
use crate::flows::ingest::webhook::{Certificates, WebhookError, receive};
use crate::flows::ports::Http;
use crate::flows::tasks::Intake;
use crate::native::world::block_on;
use crate::providers::http::{HttpError, HttpRequest, HttpResponse};
use crate::providers::webhooks::{Hook, Refusal, SIGNED_AGO_MAX, Secrets, WebhookProvider};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

/// The key shared with Resend, and one that is not.
const KEYS: [&[u8]; 2] = [b"the key that both of them know!!", b"a key of somebody else's making!"];

/// The number of captured webhooks that an attacker keeps.
const OVERHEARD_MAX: usize = 30;

/// The outcome of an e-mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrives.
    Delivered,
    /// There is no such address.
    HardBounce,
    /// The mailbox is full.
    SoftBounce,
    /// The recipient marks it as spam.
    Complained,
}

/// A delivery report of Resend.
#[derive(Clone, Debug)]
pub struct Report {
    /// The message's id.
    pub message: String,
    /// The address to which it was sent.
    pub address: String,
    /// The outcome.
    pub fate: Fate,
    body: String,
}

/// Returns the future delivery reports of an e-mail: for many there are none.
pub fn reports(mail: &Value, message: &str, dice: &Dice, now: Millis) -> Vec<Report> {
    let fates: &[Fate] = match dice.below(100) {
        0..45 => &[Fate::Delivered],
        45..48 => &[Fate::HardBounce],
        48..56 => &[Fate::SoftBounce],
        56..60 => &[Fate::Delivered, Fate::Complained],
        60..62 => &[Fate::SoftBounce, Fate::Delivered],
        _ => &[],
    };
    fates.iter().map(|fate| Report::new(mail, message, *fate, now)).collect()
}

impl Report {
    fn new(mail: &Value, message: &str, fate: Fate, now: Millis) -> Self {
        let (name, bounce) = match fate {
            Fate::Delivered => ("delivered", Value::Null),
            Fate::HardBounce => ("bounced", bounce("Permanent", "550 5.1.1 user unknown")),
            Fate::SoftBounce => ("bounced", bounce("Transient", "452 4.2.2 mailbox full")),
            Fate::Complained => ("complained", Value::Null),
        };
        let body = json!({ "type": format!("email.{name}"), "created_at": now.rfc3339(), "data": {
            "email_id": format!("re-{message}"), "to": mail["to"], "tags": mail["tags"],
            "bounce": bounce } });
        let address = mail["to"][0].as_str().unwrap_or_default().to_owned();
        Self { message: message.to_owned(), address, fate, body: body.to_string() }
    }

    /// Whether its address must not be written to from then on.
    pub fn blocks(&self) -> bool {
        matches!(self.fate, Fate::HardBounce | Fate::Complained)
    }
}

fn bounce(kind: &str, diagnostic: &str) -> Value {
    json!({ "type": kind, "message": "", "diagnosticCode": [format!("smtp; {diagnostic}")] })
}

/// A webhook as it is sent.
#[derive(Clone)]
pub struct Signed {
    at: Millis,
    signature: String,
    body: String,
}

impl Signed {
    fn by(key: &[u8], report: &Report, at: Millis) -> Self {
        let signature = Hmac::<Sha256>::new_from_slice(key).map(|mut mac| {
            mac.update(format!("msg_1.{}.{}", at.0 / 1_000, report.body).as_bytes());
            format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
        });
        Self { at, signature: signature.unwrap_or_default(), body: report.body.clone() }
    }

    fn header(&self, name: &str) -> String {
        match name {
            "svix-id" => "msg_1".to_owned(),
            "svix-timestamp" => (self.at.0 / 1_000).to_string(),
            "svix-signature" => self.signature.clone(),
            _ => String::new(),
        }
    }
}

/// The secrets that webhooks are verified with.
pub fn secrets() -> Result<Secrets, String> {
    let secret = format!("whsec_{}", STANDARD.encode(KEYS[0]));
    Secrets::read(|name| (name == "RESEND_WEBHOOK_SECRET").then(|| secret.clone()))
}

/// Verifying a webhook of Resend makes no HTTP calls.
struct Nobody;

impl Http for Nobody {
    async fn send(&self, _: HttpRequest) -> Result<HttpResponse, HttpError> {
        Err(HttpError::Network("nobody".to_owned()))
    }
}

/// The delivery reports that were accepted, and the webhooks that an attacker could capture.
#[derive(Default)]
pub struct ReceivedReports {
    /// The reports that we received and acknowledged.
    pub reports: Vec<Report>,
    overheard: Vec<Signed>,
}

impl Run {
    /// Delivers the reports that come before the response of the call that they are about.
    pub(super) fn deliver_early_reports(&mut self) {
        let early = std::mem::take(&mut self.accepted.borrow_mut().early_reports);
        let facts: Vec<Intake> =
            early.iter().flat_map(|report| self.take_webhook(report)).collect();
        if !facts.is_empty() {
            self.begin(Flow::Intake(facts, true));
        }
    }

    /// Delivers the other reports; Resend repeats each until it is acknowledged.
    pub(super) fn deliver_reports(&mut self) {
        let due = std::mem::take(&mut self.accepted.borrow_mut().reports);
        for report in due {
            if self.shared.strikes("provider: webhook late") {
                self.accepted.borrow_mut().reports.push(report);
                continue;
            }
            let times = 1 + usize::from(self.shared.strikes("provider: webhook twice"));
            for _ in 0..times {
                let facts = self.take_webhook(&report);
                self.queue.extend(facts.into_iter().map(Job::Intake));
            }
        }
        self.be_deceived();
    }

    fn take_webhook(&mut self, report: &Report) -> Vec<Intake> {
        let signed = Signed::by(KEYS[0], report, self.now());
        match self.receive(&signed) {
            Ok(facts) => {
                self.shared.log(format!("  report about {}: {:?}", report.message, report.fate));
                self.received.reports.push(report.clone());
                self.received.overheard.push(signed);
                let len = self.received.overheard.len();
                self.received.overheard.drain(..len.saturating_sub(OVERHEARD_MAX));
                facts
            }
            Err(refusal) => {
                self.shared.accuse(format!("a webhook of Resend's was refused: {refusal:?}"));
                Vec::new()
            }
        }
    }

    /// Attacks: forges a webhook, or replays a captured one.
    fn be_deceived(&mut self) {
        let Some(report) = self.received.reports.first().cloned() else { return };
        if self.shared.strikes("stranger: webhook forged") {
            let forged = Signed::by(KEYS[1], &report, self.now());
            self.expect_refusal(&forged, Refusal::Unverified);
        }
        let old = self.now().minus(SIGNED_AGO_MAX).minus(Span::seconds(1));
        let overheard = self.received.overheard.iter().find(|signed| signed.at < old).cloned();
        if let Some(signed) = overheard
            && self.shared.strikes("stranger: webhook overheard and repeated")
        {
            self.expect_refusal(&signed, Refusal::Stale);
        }
    }

    fn expect_refusal(&self, signed: &Signed, refusal: Refusal) {
        let answer = self.receive(signed);
        if answer != Err(WebhookError::Refused(refusal)) {
            self.shared.accuse(format!("a stranger was answered {answer:?}"));
        }
    }

    fn receive(&self, signed: &Signed) -> Result<Vec<Intake>, WebhookError> {
        let hook = Hook {
            url: "https://go.example/hooks/resend".to_owned(),
            path_secret: "",
            header: &|name| signed.header(name),
            body: signed.body.as_bytes(),
            now: self.now(),
        };
        let certificates = Certificates::default();
        let secrets = &self.settings.hooks;
        block_on(receive(&Nobody, &certificates, WebhookProvider::Resend, &hook, secrets))
    }
}

/// Draws the delivery reports of the e-mails that were just accepted.
pub fn draw_reports(shared: &Shared, mails: &[(String, Value)]) -> Vec<Report> {
    let reports =
        |(message, mail): &(String, Value)| reports(mail, message, &shared.dice, shared.now.get());
    mails.iter().flat_map(reports).collect()
}
