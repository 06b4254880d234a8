//! A request as a provider sends it, for the tests of all providers, and what holds for every one.

use super::*;

/// 2026-03-02T09:00:00Z.
pub const NOW: Millis = Millis(1_772_442_000_000);
pub const SECONDS: &str = "1772442000";

/// A request that a provider may have sent.
#[derive(Clone, Default)]
pub struct Sent {
    pub headers: Vec<(&'static str, String)>,
    pub path_secret: &'static str,
    pub url: String,
    pub body: Vec<u8>,
}

impl Sent {
    pub fn read_at(
        &self,
        provider: WebhookProvider,
        secret: &str,
        now: Millis,
    ) -> Result<Reading, Refusal> {
        let issuer = include_str!("../ses/webhook/fixtures/issuer.pem");
        let get = |name: &str| match name {
            "SNS_ISSUERS" => Some(issuer.to_owned()),
            name => (name == provider.setting()).then(|| secret.to_owned()),
        };
        let secrets = Secrets::read(get).unwrap();
        let header = |name: &str| {
            let found = self.headers.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        let Self { path_secret, url, body, .. } = self;
        let hook = Hook { url: url.clone(), path_secret, header: &header, body, now };
        let certificate = include_str!("../ses/webhook/fixtures/certificate.pem");
        read(provider, &hook, &secrets, |_| Some(certificate.to_owned()))
    }

    pub fn read(&self, provider: WebhookProvider, secret: &str) -> Result<Reading, Refusal> {
        self.read_at(provider, secret, NOW)
    }

    /// Returns the facts in it, one per line.
    pub fn events(&self, provider: WebhookProvider, secret: &str) -> String {
        let Ok(Reading::Events(events)) = self.read(provider, secret) else {
            panic!("{:?}", self.read(provider, secret));
        };
        events.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// Asserts that the signature covers every byte of the body.
    pub fn assert_covered(&self, provider: WebhookProvider, secret: &str) {
        for place in 0..self.body.len() {
            let mut forged = self.clone();
            forged.body[place] ^= 1;
            assert_eq!(forged.read(provider, secret), Err(Refusal::Unverified), "{place}");
        }
        let wrong = self.read(provider, "d2hvZXZlcg==");
        assert_eq!(wrong, Err(Refusal::Unverified));
        let none = Sent { headers: Vec::new(), path_secret: "", ..self.clone() };
        assert_eq!(none.read(provider, secret), Err(Refusal::Unverified));
        let empty = Sent { body: Vec::new(), ..self.clone() };
        assert_eq!(empty.read(provider, secret), Err(Refusal::Unverified));
    }
}

fn line(event: &WebhookEvent) -> String {
    match event {
        WebhookEvent::Sms(text) => {
            format!("text {} `{}` {} {}", text.from, text.text, text.id, text.at.0)
        }
        WebhookEvent::Report(message, report) => {
            let status = match &report.status {
                DeliveryStatus::Bounced(bounce) => {
                    format!("{:?} {} {}", bounce.kind, bounce.reason.as_str(), bounce.status)
                }
                other => format!("{other:?}"),
            };
            let shown = |text: Option<&str>| text.unwrap_or("-").to_owned();
            let message = shown(message.as_ref().map(MessageId::as_str));
            let address = shown(report.address.as_deref());
            let id = shown(report.provider_id.as_deref());
            format!("{status} | {message} {id} {address} {}", report.at.rfc3339())
        }
    }
}

#[test]
fn provider_without_secret_is_refused() {
    let secrets = Secrets::read(|name| (name != "SMS_ANSWERS").then(|| " ".to_owned())).unwrap();
    let header = |_: &str| String::new();
    let hook = Hook { url: String::new(), path_secret: "", header: &header, body: b"{}", now: NOW };
    for provider in WebhookProvider::ALL {
        let read = read(provider, &hook, &secrets, |_| None);
        assert_eq!(read, Err(Refusal::Unconfigured));
    }
}

#[test]
fn garbage_is_refused() {
    let bodies: [&[u8]; 7] = [b"", b"{", b"[]", b"\xff\xfe", b"null", b"[[[[[[", b"a=b&%zz=%"];
    for provider in WebhookProvider::ALL {
        for body in bodies {
            let sent = Sent {
                body: body.to_vec(),
                headers: vec![
                    ("authorization", "Bearer a.b.c".to_owned()),
                    ("svix-timestamp", "NaN".to_owned()),
                    ("x-twilio-email-event-webhook-timestamp", "1e400".to_owned()),
                ],
                ..<_>::default()
            };
            assert_eq!(sent.read(provider, "s3cret"), Err(Refusal::Unverified), "{provider:?}");
        }
    }
}
