//! Provider webhooks: turns incoming bytes into verified facts, or refuses them. Pure code, one
//! file per provider, over the raw body, because signatures cover the exact bytes.
//!
//! docs/hearing-back.md says which URL and which secret to enter at each provider.

pub(in crate::providers) mod signature;
pub(in crate::providers) mod tag;
#[cfg(test)]
pub(in crate::providers) mod tests;

pub use tag::{MESSAGE_KEY, message_of, tag};

use crate::domain::base::primitives::{MessageId, Millis, Span};
use crate::domain::contact::address::{read_email, read_phone};
use crate::domain::contact::message::ProviderCharge;
use crate::domain::form::form_data::FormData;
use crate::domain::inbound::delivery_report::{DeliveryReport, DeliveryStatus};
use crate::domain::inbound::sms::InboundSms;
use crate::domain::sms::settings::MICROS;
use crate::providers::{
    aliyun, brevo, mailgun, postmark, resend, sendgrid, ses, tencent, twilio, vonage,
};
use serde_json::Value;

/// The largest webhook body, in bytes: SendGrid's batches stay under 1 MB.
pub const HOOK_BYTES_MAX: usize = 1024 * 1024;

/// The largest difference between the time of a signature and ours, for providers that sign each
/// attempt separately.
pub const SIGNED_AGO_MAX: Span = Span::minutes(5);

/// The separator, in a key, between a single-use token and the arrival that it came with.
pub const ONCE: char = '#';

/// The most characters of an inbound SMS that are kept.
const TEXT_CHARS_MAX: usize = 1_000;

/// The providers that send webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookProvider {
    Resend,
    Postmark,
    /// Amazon SES through SNS.
    Ses,
    Sendgrid,
    Mailgun,
    Brevo,
    Twilio,
    Vonage,
    /// Alibaba Cloud SMS.
    Aliyun,
    /// Tencent Cloud SMS.
    Tencent,
}

impl WebhookProvider {
    const ALL: [Self; 10] = [
        Self::Resend,
        Self::Postmark,
        Self::Ses,
        Self::Sendgrid,
        Self::Mailgun,
        Self::Brevo,
        Self::Twilio,
        Self::Vonage,
        Self::Aliyun,
        Self::Tencent,
    ];

    /// The name in URLs, in events and in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Resend => "resend",
            Self::Postmark => "postmark",
            Self::Ses => "ses",
            Self::Sendgrid => "sendgrid",
            Self::Mailgun => "mailgun",
            Self::Brevo => "brevo",
            Self::Twilio => "twilio",
            Self::Vonage => "vonage",
            Self::Aliyun => "aliyun",
            Self::Tencent => "tencent",
        }
    }

    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.as_str() == name)
    }

    /// Returns the name of the setting that holds the provider's secret.
    fn setting(self) -> &'static str {
        match self {
            Self::Resend => "RESEND_WEBHOOK_SECRET",
            Self::Postmark => "POSTMARK_WEBHOOK_SECRET",
            Self::Ses => "SES_TOPIC_ARN",
            Self::Sendgrid => "SENDGRID_WEBHOOK_KEY",
            Self::Mailgun => "MAILGUN_WEBHOOK_KEY",
            Self::Brevo => "BREVO_WEBHOOK_SECRET",
            Self::Twilio => "TWILIO_AUTH_TOKEN",
            Self::Vonage => "VONAGE_SIGNATURE_SECRET",
            Self::Aliyun => "ALIYUN_WEBHOOK_SECRET",
            Self::Tencent => "TENCENT_WEBHOOK_SECRET",
        }
    }

    /// Returns the response that the provider expects on success: content type and body.
    pub fn ack_body(self) -> (&'static str, &'static str) {
        match self {
            Self::Twilio => ("text/xml; charset=utf-8", "<Response/>"),
            Self::Aliyun => ("application/json", r#"{"code":0,"msg":"ok"}"#),
            Self::Tencent => ("application/json", r#"{"result":0,"errmsg":"OK"}"#),
            _ => ("text/plain; charset=utf-8", "ok\n"),
        }
    }
}

/// The secrets that webhooks are verified with. A setting may contain several secrets, separated by
/// spaces, each of which is accepted. So a secret can be rotated without losing webhooks.
#[derive(Clone, Default)]
pub struct Secrets {
    known: Vec<(&'static str, String)>,
    /// Whether we answer STOP and HELP. If not set, it depends on whether the provider answers.
    answers: Option<bool>,
    sns: Sns,
}

/// The settings for trusting SNS.
#[derive(Clone, Default)]
pub(in crate::providers) struct Sns {
    /// Certificates of issuers besides Amazon's own, in PEM.
    pub(in crate::providers) issuers: String,
    /// Whether signatures of version 1 are accepted, whose hash is SHA-1.
    pub(in crate::providers) takes_version_1: bool,
}

impl Sns {
    fn read(get: &impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let issuers = get("SNS_ISSUERS").filter(|pem| !pem.trim().is_empty()).unwrap_or_default();
        if !issuers.is_empty() {
            ses::certificate::check_issuers(&issuers)?;
        }
        let takes_version_1 = match get("SNS_SIGNATURE_VERSION").as_deref().map(str::trim) {
            None | Some("" | "2") => false,
            Some("1") => true,
            Some(other) => {
                return Err(format!("SNS_SIGNATURE_VERSION is `{other}`: use 2, or 1 for both"));
            }
        };
        Ok(Self { issuers, takes_version_1 })
    }
}

impl Secrets {
    /// Reads the secrets by name; webhooks of a provider without a secret are refused.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let answers = match get("SMS_ANSWERS").as_deref() {
            None | Some("") => None,
            Some("own") => Some(true),
            Some("provider") => Some(false),
            Some(other) => {
                return Err(format!("SMS_ANSWERS is `{other}`: use own or provider"));
            }
        };
        let sns = Sns::read(&get)?;
        let settings = WebhookProvider::ALL.map(WebhookProvider::setting);
        let found = settings.into_iter().filter_map(|name| Some((name, get(name)?)));
        let known = found.filter(|(_, secret)| !secret.trim().is_empty()).collect();
        Ok(Self { known, answers, sns })
    }

    /// Returns whether we answer STOP and HELP that come through a provider. By default Twilio
    /// answers itself; in China the carriers do, and free text cannot be sent.
    fn answers_texts(&self, provider: WebhookProvider) -> bool {
        self.answers.unwrap_or(provider == WebhookProvider::Vonage)
    }

    pub fn of(&self, provider: WebhookProvider) -> impl Iterator<Item = &str> {
        let known = self.known.iter().filter(move |(name, _)| *name == provider.setting());
        known.flat_map(|(_, secrets)| secrets.split_whitespace())
    }
}

/// A webhook as it came in.
pub struct Hook<'a> {
    /// The public URL that it was sent to, including the query.
    pub url: String,
    /// The part of the path after the provider's name.
    pub path_secret: &'a str,
    /// Returns a header's value by its lower-case name; empty if it is missing.
    pub header: &'a dyn Fn(&str) -> String,
    pub body: &'a [u8],
    pub now: Millis,
}

/// The reason for refusing a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No secret is configured for the provider.
    Unconfigured,
    /// It is not signed, or not by the provider.
    Unverified,
    /// It was signed too long ago, or by a clock far ahead.
    Stale,
    /// It is signed with a broken hash; the topic's `SignatureVersion` should be 2.
    OldSignature,
    /// It is signed, but is not something the provider is known to send.
    Unreadable,
}

/// A verified fact.
#[derive(Clone, Debug, PartialEq)]
pub enum WebhookEvent {
    /// About a message, identified by our id or else by the provider's id in `DeliveryReport`.
    Report(Option<MessageId>, DeliveryReport),
    /// An inbound SMS.
    Sms(InboundSms),
}

/// The result of reading a webhook.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// Facts; empty if the webhook contains nothing that concerns us.
    Events(Vec<WebhookEvent>),
    /// Verification needs the certificate at this URL.
    NeedsCertificate(String),
    /// It is verified and asks for confirmation by a GET of this URL.
    Confirm(String),
}

/// Verifies and reads a webhook. `certificate` returns a previously fetched certificate by its URL.
pub fn read(
    provider: WebhookProvider,
    hook: &Hook<'_>,
    secrets: &Secrets,
    certificate: impl Fn(&str) -> Option<String>,
) -> Result<Reading, Refusal> {
    let (sns, answers) = (&secrets.sns, secrets.answers_texts(provider));
    let secrets: Vec<&str> = secrets.of(provider).collect();
    if secrets.is_empty() {
        return Err(Refusal::Unconfigured);
    }
    let events = match provider {
        WebhookProvider::Ses => return ses::webhook::read(hook, &secrets, sns, certificate),
        WebhookProvider::Resend => resend::webhook::read(hook, &secrets),
        WebhookProvider::Postmark => postmark::webhook::read(hook, &secrets),
        WebhookProvider::Sendgrid => sendgrid::webhook::read(hook, &secrets),
        WebhookProvider::Mailgun => mailgun::webhook::read(hook, &secrets),
        WebhookProvider::Brevo => brevo::webhook::read(hook, &secrets),
        WebhookProvider::Twilio => twilio::webhook::read(hook, &secrets),
        WebhookProvider::Vonage => vonage::webhook::read(hook, &secrets),
        WebhookProvider::Aliyun => aliyun::webhook::read(hook, &secrets),
        WebhookProvider::Tencent => tencent::webhook::read(hook, &secrets),
    };
    Ok(Reading::Events(events?.into_iter().map(|event| event.answered(answers)).collect()))
}

/// Returns whether the content fetched from a URL is a trusted certificate of SNS.
pub fn is_certificate(secrets: &Secrets, url: &str, fetched: &str, now: Millis) -> bool {
    let host = ses::webhook::certificate_host(url);
    let key = |host| ses::certificate::key_of_sns(fetched, host, &secrets.sns.issuers, now);
    host.and_then(key).is_some()
}

/// A report as a provider gives it, before conversion to our form.
pub(in crate::providers) struct RawReport<'v> {
    pub status: DeliveryStatus,
    pub at: Option<Millis>,
    /// As the provider writes it; anything that is not an address is dropped.
    pub address: &'v str,
    pub provider_id: &'v str,
}

impl RawReport<'_> {
    /// Converts the report to our form. A report without a date gets the time of its arrival.
    pub fn into_event(
        self,
        provider: WebhookProvider,
        message: Option<MessageId>,
        now: Millis,
    ) -> WebhookEvent {
        let address = read_email(self.address).or_else(|_| read_phone(self.address, None)).ok();
        let provider_id = Some(self.provider_id).filter(|id| !id.is_empty());
        WebhookEvent::Report(
            message,
            DeliveryReport {
                status: self.status,
                at: self.at.unwrap_or(now),
                address,
                source: provider.as_str().to_owned(),
                provider_id: provider_id.map(str::to_owned),
                key: None,
                billed: None,
            },
        )
    }
}

impl WebhookEvent {
    /// Adds whether we answer it, if it is an SMS.
    fn answered(self, answers: bool) -> Self {
        match self {
            Self::Sms(sms) => Self::Sms(InboundSms { answers, ..sms }),
            report @ Self::Report(..) => report,
        }
    }

    /// Adds the number of segments and the price with its currency, as the provider reports them:
    /// each as text, empty if not reported.
    pub(in crate::providers) fn billed(
        self,
        segments: &str,
        (price, currency): (&str, &str),
    ) -> Self {
        let segments =
            segments.parse().ok().filter(|count| (1..=SEGMENTS_REPORTED_MAX).contains(count));
        let micros = price.parse::<f64>().ok().map(|price| price * MICROS as f64);
        let micros = micros.filter(|micros| (0.0..=PRICE_REPORTED_MAX).contains(micros));
        let micros = micros.map(|micros| micros.round() as i64);
        match self {
            Self::Report(message, report) if segments.is_some() || micros.is_some() => {
                let currency = currency.to_owned();
                let billed = Some(ProviderCharge { segments, micros, currency });
                Self::Report(message, DeliveryReport { billed, ..report })
            }
            event => event,
        }
    }
}

/// The most segments that a message can have: their number is an octet (3GPP TS 23.040).
const SEGMENTS_REPORTED_MAX: u32 = 255;

/// The highest price of a message that is accepted, in millionths: a thousand of any currency.
const PRICE_REPORTED_MAX: f64 = 1e9;

/// Returns whether a time is close enough to ours.
pub(in crate::providers) fn is_fresh(at: Millis, now: Millis, within: Span) -> bool {
    at.plus(within) >= now && now.plus(within) >= at
}

/// Parses a JSON body.
pub(in crate::providers) fn json(body: &[u8]) -> Result<Value, Refusal> {
    serde_json::from_slice(body).map_err(|_| Refusal::Unreadable)
}

/// Parses a JSON body that is a list, or a single item of such a list.
pub(in crate::providers) fn json_list(body: &[u8]) -> Result<Vec<Value>, Refusal> {
    Ok(match json(body)? {
        Value::Array(all) => all,
        one => vec![one],
    })
}

/// Parses a form body.
pub(in crate::providers) fn form(body: &[u8]) -> Result<FormData, Refusal> {
    FormData::from_urlencoded(body).map_err(|_| Refusal::Unreadable)
}

/// Returns a string inside JSON by its JSON pointer; empty if there is none.
pub(in crate::providers) fn text<'v>(value: &'v Value, path: &str) -> &'v str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

/// Returns a string inside JSON, or a number as text.
pub(in crate::providers) fn text_or_number(value: &Value, path: &str) -> String {
    match value.pointer(path) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

/// Parses an RFC 3339 date.
pub(in crate::providers) fn date(text: &str) -> Option<Millis> {
    let at: jiff::Timestamp = text.parse().ok()?;
    Some(Millis(at.as_millisecond()))
}

/// Reads a signed time in whole seconds since 1970. Accepts digits only: any other notation of a
/// number could absorb a part of what is signed after it.
pub(in crate::providers) fn signed_seconds(text: &str) -> Option<Millis> {
    let is_plain = text.len() <= 12 && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain).and_then(seconds)
}

/// Converts seconds since 1970 to a time; `None` for one that is not a date.
pub(in crate::providers) fn seconds(number: f64) -> Option<Millis> {
    // Beyond this, the year has five digits.
    let is_date = (0.0..253_402_300_800.0).contains(&number);
    is_date.then_some(Millis((number * 1_000.0) as i64))
}

/// Reads `2026-03-01 17:00:00` in Chinese time, which has had no daylight saving since 1991.
pub(in crate::providers) fn date_in_china(text: &str) -> Option<Millis> {
    date(&format!("{}+08:00", text.trim().replacen(' ', "T", 1)))
}

/// Returns an inbound SMS as it is kept; `None` if it has no sender's number.
pub(in crate::providers) fn inbound_sms(
    provider: WebhookProvider,
    from: &str,
    text: &str,
    id: String,
    at: Millis,
) -> Option<WebhookEvent> {
    Some(WebhookEvent::Sms(InboundSms {
        from: read_phone(from, None).ok()?,
        text: text.chars().take(TEXT_CHARS_MAX).collect(),
        source: provider.as_str().to_owned(),
        id,
        at,
        answers: false,
    }))
}
