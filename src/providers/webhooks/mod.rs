//! Webhooks of providers: bytes that came in become facts that are verified, or a refusal. Pure
//! code, one file a provider, over the raw body: what is signed is what was sent, byte by byte.
//!
//! docs/hearing-back.md says which address and which secret to enter at each provider.

pub(in crate::providers) mod signature;
pub(in crate::providers) mod tag;
#[cfg(test)]
mod tests;

pub use tag::{MESSAGE_KEY, message_of, tag};

use crate::domain::base::primitives::{MessageId, Millis, Span};
use crate::domain::contact::address::{read_email, read_phone};
use crate::domain::contact::message::ProviderCharge;
use crate::domain::engine::{DeliveryReport, DeliveryStatus};
use crate::domain::form::form_data::FormData;
use crate::domain::sms::settings::MICROS;
use crate::providers::{
    aliyun, brevo, mailgun, postmark, resend, sendgrid, ses, tencent, twilio, vonage,
};
use serde_json::Value;

/// The largest body of a webhook, in bytes: SendGrid's batches stay under 1 MB.
pub const HOOK_BYTES_MAX: usize = 1024 * 1024;

/// How far the time of a signature may be from ours, where a provider signs each attempt anew.
pub const SIGNED_AGO_MAX: Span = Span::minutes(5);

/// What stands in a key between a token that counts once and the arrival that it came with.
pub const ONCE: char = '#';

/// The most characters of a text message that are kept.
const TEXT_CHARS_MAX: usize = 1_000;

/// Those who may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// Resend, e-mail.
    Resend,
    /// Postmark, e-mail.
    Postmark,
    /// Amazon SES through SNS, e-mail.
    Ses,
    /// SendGrid, e-mail.
    Sendgrid,
    /// Mailgun, e-mail.
    Mailgun,
    /// Brevo, e-mail.
    Brevo,
    /// Twilio, SMS.
    Twilio,
    /// Vonage, SMS.
    Vonage,
    /// Aliyun, SMS.
    Aliyun,
    /// Tencent Cloud, SMS.
    Tencent,
}

impl Provider {
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

    /// The name in addresses, in events and in the log.
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

    /// The provider of a name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.as_str() == name)
    }

    /// The setting that holds its secret.
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

    /// What it wants to read where all is well: content type and body.
    pub fn thanks(self) -> (&'static str, &'static str) {
        match self {
            Self::Twilio => ("text/xml; charset=utf-8", "<Response/>"),
            Self::Aliyun => ("application/json", r#"{"code":0,"msg":"ok"}"#),
            Self::Tencent => ("application/json", r#"{"result":0,"errmsg":"OK"}"#),
            _ => ("text/plain; charset=utf-8", "ok\n"),
        }
    }
}

/// What webhooks are verified with. Several secrets, separated by spaces, count each: so one can be
/// changed without losing anything.
#[derive(Clone, Default)]
pub struct Secrets {
    known: Vec<(&'static str, String)>,
    /// Whether STOP and HELP are for us to answer; unless said, a provider that answers does.
    answers: Option<bool>,
    sns: Sns,
}

/// How SNS is believed.
#[derive(Clone, Default)]
pub(in crate::providers) struct Sns {
    /// Certificates of issuers beside Amazon's own, in PEM.
    pub(in crate::providers) issuers: String,
    /// Whether signatures of version 1 count, whose hash is SHA-1.
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
    /// Reads them by name; a provider without a secret may not call.
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
        let settings = Provider::ALL.map(Provider::setting);
        let found = settings.into_iter().filter_map(|name| Some((name, get(name)?)));
        let known = found.filter(|(_, secret)| !secret.trim().is_empty()).collect();
        Ok(Self { known, answers, sns })
    }

    /// Whether STOP and HELP that come through a provider are for us to answer. Twilio answers by
    /// itself unless it is told not to; in China carriers do, and no free text can be sent.
    pub fn answers_texts(&self, provider: Provider) -> bool {
        self.answers.unwrap_or(provider == Provider::Vonage)
    }

    /// The secrets of a provider.
    pub fn of(&self, provider: Provider) -> impl Iterator<Item = &str> {
        let known = self.known.iter().filter(move |(name, _)| *name == provider.setting());
        known.flat_map(|(_, secrets)| secrets.split_whitespace())
    }
}

/// A webhook as it came in.
pub struct Hook<'a> {
    /// The public address that it was sent to, with its query.
    pub url: String,
    /// What stands in the path behind the provider's name.
    pub path_secret: &'a str,
    /// A header's value, by its name in lower case; nothing where there is none.
    pub header: &'a dyn Fn(&str) -> String,
    /// The raw body.
    pub body: &'a [u8],
    /// The present.
    pub now: Millis,
}

/// Why a webhook is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No secret is configured for the provider.
    Unconfigured,
    /// It is not signed, or by somebody else.
    Unverified,
    /// It was signed too long ago, or by a clock far ahead.
    Stale,
    /// It is signed with a hash that is broken: the topic's `SignatureVersion` should be 2.
    OldSignature,
    /// It is signed, and not what the provider is known to send.
    Unreadable,
}

/// A verified fact.
#[derive(Clone, Debug, PartialEq)]
pub enum WebhookEvent {
    /// About a message: ours by its id, or else by the provider's that `DeliveryReport` has.
    Report(Option<MessageId>, DeliveryReport),
    /// Somebody has sent us a text.
    Sms(WebhookSms),
}

/// A text message that somebody has sent us.
#[derive(Clone, Debug, PartialEq)]
pub struct WebhookSms {
    /// From which number, in E.164.
    pub from: String,
    /// What it says.
    pub text: String,
    /// The provider's id of it.
    pub id: String,
    /// When.
    pub at: Millis,
}

/// What follows from a webhook.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// Facts; none, if it told nothing that concerns us.
    Events(Vec<WebhookEvent>),
    /// The certificate at this address is needed to tell.
    NeedsCertificate(String),
    /// It is verified, and asks to be confirmed by a visit of this address.
    Confirm(String),
}

/// Verifies and reads a webhook. `certificate` gives what was fetched before, by its address.
pub fn read(
    provider: Provider,
    hook: &Hook<'_>,
    secrets: &Secrets,
    certificate: impl Fn(&str) -> Option<String>,
) -> Result<Reading, Refusal> {
    let sns = &secrets.sns;
    let secrets: Vec<&str> = secrets.of(provider).collect();
    if secrets.is_empty() {
        return Err(Refusal::Unconfigured);
    }
    let told = match provider {
        Provider::Ses => return ses::webhook::read(hook, &secrets, sns, certificate),
        Provider::Resend => resend::webhook::read(hook, &secrets),
        Provider::Postmark => postmark::webhook::read(hook, &secrets),
        Provider::Sendgrid => sendgrid::webhook::read(hook, &secrets),
        Provider::Mailgun => mailgun::webhook::read(hook, &secrets),
        Provider::Brevo => brevo::webhook::read(hook, &secrets),
        Provider::Twilio => twilio::webhook::read(hook, &secrets),
        Provider::Vonage => vonage::webhook::read(hook, &secrets),
        Provider::Aliyun => aliyun::webhook::read(hook, &secrets),
        Provider::Tencent => tencent::webhook::read(hook, &secrets),
    };
    told.map(Reading::Events)
}

/// Whether what was fetched from an address is a certificate of SNS that is to be believed.
pub fn is_certificate(secrets: &Secrets, url: &str, fetched: &str, now: Millis) -> bool {
    let host = ses::webhook::certificate_host(url);
    let key = |host| ses::certificate::key_of_sns(fetched, host, &secrets.sns.issuers, now);
    host.and_then(key).is_some()
}

/// News as a provider gives it, before it is put into our form.
pub(in crate::providers) struct RawReport<'v> {
    pub news: DeliveryStatus,
    pub at: Option<Millis>,
    /// As the provider writes it; an address that is not one is left out.
    pub address: &'v str,
    pub provider_id: &'v str,
}

impl RawReport<'_> {
    /// The same in our form. What has no date happened when it was told.
    pub fn told(self, provider: Provider, message: Option<MessageId>, now: Millis) -> WebhookEvent {
        let address = read_email(self.address).or_else(|_| read_phone(self.address, None)).ok();
        let provider_id = Some(self.provider_id).filter(|id| !id.is_empty());
        WebhookEvent::Report(
            message,
            DeliveryReport {
                news: self.news,
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
    /// The same, with what the provider says that a text message took: segments, and its price
    /// with the currency, each as text and empty if it does not say.
    pub(in crate::providers) fn billed(
        self,
        segments: &str,
        (price, currency): (&str, &str),
    ) -> Self {
        let segments =
            segments.parse().ok().filter(|count| (1..=SEGMENTS_TOLD_MAX).contains(count));
        let micros = price.parse::<f64>().ok().map(|price| price * MICROS as f64);
        let micros = micros.filter(|micros| (0.0..=PRICE_TOLD_MAX).contains(micros));
        let micros = micros.map(|micros| micros.round() as i64);
        match self {
            Self::Report(message, heard) if segments.is_some() || micros.is_some() => {
                let currency = currency.to_owned();
                let billed = Some(ProviderCharge { segments, micros, currency });
                Self::Report(message, DeliveryReport { billed, ..heard })
            }
            told => told,
        }
    }
}

/// The most segments that a message can have: their number is an octet (3GPP TS 23.040).
const SEGMENTS_TOLD_MAX: u32 = 255;

/// The highest price of a message that is believed, in millionths: a thousand of any currency.
const PRICE_TOLD_MAX: f64 = 1e9;

/// Whether a time is near enough to ours.
pub(in crate::providers) fn is_fresh(at: Millis, now: Millis, within: Span) -> bool {
    at.plus(within) >= now && now.plus(within) >= at
}

/// A body of JSON.
pub(in crate::providers) fn json(body: &[u8]) -> Result<Value, Refusal> {
    serde_json::from_slice(body).map_err(|_| Refusal::Unreadable)
}

/// A body of JSON that is a list, or the one thing that would be in it.
pub(in crate::providers) fn json_list(body: &[u8]) -> Result<Vec<Value>, Refusal> {
    Ok(match json(body)? {
        Value::Array(all) => all,
        one => vec![one],
    })
}

/// A body of a form.
pub(in crate::providers) fn form(body: &[u8]) -> Result<FormData, Refusal> {
    FormData::from_urlencoded(body).map_err(|_| Refusal::Unreadable)
}

/// Text inside JSON, by a path of names; empty where there is none.
pub(in crate::providers) fn text<'v>(value: &'v Value, path: &str) -> &'v str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

/// Text inside JSON, or a number as text.
pub(in crate::providers) fn text_or_number(value: &Value, path: &str) -> String {
    match value.pointer(path) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

/// RFC 3339.
pub(in crate::providers) fn date(text: &str) -> Option<Millis> {
    let at: jiff::Timestamp = text.parse().ok()?;
    Some(Millis(at.as_millisecond()))
}

/// Seconds since 1970.
/// A time that is signed, in whole seconds: digits alone, since what else a number may be written
/// as could take in a part of what is signed after it.
pub(in crate::providers) fn signed_seconds(text: &str) -> Option<Millis> {
    let is_plain = text.len() <= 12 && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain).and_then(seconds)
}

pub(in crate::providers) fn seconds(number: f64) -> Option<Millis> {
    // Past this the date has five digits.
    let is_date = (0.0..253_402_300_800.0).contains(&number);
    is_date.then_some(Millis((number * 1_000.0) as i64))
}

/// `2026-03-01 17:00:00` in China, which has had no summer time since 1991.
pub(in crate::providers) fn date_in_china(text: &str) -> Option<Millis> {
    date(&format!("{}+08:00", text.trim().replacen(' ', "T", 1)))
}

/// A text message as it is kept; none if it comes from no number.
pub(in crate::providers) fn text_from(
    from: &str,
    said: &str,
    id: String,
    at: Millis,
) -> Option<WebhookEvent> {
    let from = read_phone(from, None).ok()?;
    Some(WebhookEvent::Sms(WebhookSms {
        from,
        text: said.chars().take(TEXT_CHARS_MAX).collect(),
        id,
        at,
    }))
}
