//! Outside services, one file each: a message becomes a request, an answer becomes an outcome.
//! Pure code over the bytes of the `Http` seam.

pub mod hooks;
pub mod http;
pub mod mailbox;
pub mod resend;
pub mod twilio;
pub mod webhook;

use crate::domain::message::Class;
use crate::domain::pacing::rates::Rate;
use crate::domain::primitives::{MessageId, Millis, Span};
use crate::domain::token::Keyring;
use http::{HttpError, HttpRequest, HttpResponse};

/// A message as it leaves.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// Its id in our ledger.
    pub id: MessageId,
    /// What kind of message it is: not every sender carries every kind.
    pub class: Class,
    /// To whom: an e-mail address or an E.164 number.
    pub to: String,
    /// What it says.
    pub content: Content,
}

/// What a message says, by channel.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// An e-mail.
    Email {
        /// `Name <address>`.
        from: String,
        /// One line.
        subject: String,
        /// The HTML part.
        html: String,
        /// The plain-text part.
        text: String,
        /// Further headers, such as `List-Unsubscribe`.
        headers: Vec<(&'static str, String)>,
    },
    /// A short message.
    Sms {
        /// Its text.
        text: String,
    },
    /// A call of another program.
    Webhook {
        /// A JSON document.
        body: String,
    },
}

/// One request that is about to be made.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// The idempotency key of a call that others go along in; `None`: the message goes alone, and
    /// its id is the key.
    pub batch: Option<&'a str>,
    /// The first message.
    pub first: &'a Outgoing,
    /// The others; empty unless `batch`.
    pub others: &'a [Outgoing],
    /// The present: some requests are signed with it.
    pub at: Millis,
}

impl<'a> Call<'a> {
    /// All messages, in the order in which the request has them.
    pub fn messages(self) -> impl Iterator<Item = &'a Outgoing> + Clone {
        std::iter::once(self.first).chain(self.others)
    }

    /// How many there are.
    pub fn count(self) -> usize {
        1 + self.others.len()
    }

    /// The idempotency key.
    pub fn key(self) -> &'a str {
        self.batch.unwrap_or(self.first.id.as_str())
    }
}

/// A configured way to send.
#[derive(Clone)]
pub enum Sender {
    /// Keep it, and show it at `/dev/mailbox`.
    Mailbox,
    /// Resend's HTTP API, for e-mail.
    Resend(resend::Account),
    /// Twilio's HTTP API, for SMS.
    Twilio(twilio::Account),
    /// Another program, at the address of the message; the keys that calls are signed with.
    Webhook(Keyring),
}

/// How one attempt to send ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Attempt {
    /// The provider took it.
    Accepted {
        /// Its id there.
        provider_id: String,
        /// Whether it has arrived with that.
        arrived: bool,
    },
    /// Not now; perhaps later.
    Retry {
        /// Not before this has passed, if the provider said so.
        after: Option<Span>,
        /// Why.
        reason: String,
    },
    /// Not this message, ever.
    Refused(String),
    /// No answer came: it may have been taken.
    Lost(String),
    /// It may have been taken, and asking again would not tell.
    Unclear(String),
}

/// What the answer to a call means.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The same for every message.
    All(Attempt),
    /// For each message its own, in the order of the call.
    Each(Vec<Attempt>),
}

impl Sender {
    /// The word that it goes by in the configuration and in the ledger.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Mailbox => "mailbox",
            Self::Resend(_) => "resend",
            Self::Twilio(_) => "twilio",
            Self::Webhook(_) => "webhook",
        }
    }

    /// How many messages one call may carry, by the provider's documents.
    pub fn batch_max(&self) -> usize {
        match self {
            Self::Mailbox => mailbox::BATCH_MAX,
            Self::Resend(_) => resend::BATCH_MAX,
            Self::Twilio(_) | Self::Webhook(_) => 1,
        }
    }

    /// How long after its first call an idempotency key surely still works, so that asking again
    /// under it is harmless; `None` if the provider knows no keys.
    pub fn key_lifetime(&self) -> Option<Span> {
        match self {
            Self::Mailbox => Some(Span::days(3_650)),
            Self::Resend(_) => Some(resend::KEY_LIFETIME),
            Self::Webhook(_) => Some(webhook::KEY_LIFETIME),
            Self::Twilio(_) => None,
        }
    }

    /// How fast it may be called unless the deployment says otherwise; `None`: as fast as may be,
    /// for the provider queues by itself or its limit is the account's own.
    pub fn rate(&self) -> Option<Rate> {
        match self {
            Self::Resend(_) => Some(resend::RATE),
            Self::Mailbox | Self::Twilio(_) | Self::Webhook(_) => None,
        }
    }

    /// The request of a call; `None` if the sender does not carry such messages.
    pub fn request(&self, call: Call<'_>) -> Option<HttpRequest> {
        match self {
            Self::Mailbox => Some(mailbox::request(call)),
            Self::Resend(account) => resend::request(account, call),
            Self::Twilio(account) => twilio::request(account, call.first),
            Self::Webhook(keys) => webhook::request(keys, call),
        }
    }

    /// What its answer means.
    pub fn verdict(&self, call: Call<'_>, answer: Result<HttpResponse, HttpError>) -> Verdict {
        let response = match answer {
            Ok(response) => response,
            Err(HttpError::TimedOut) => {
                return Verdict::All(Attempt::Lost("no answer in time".to_owned()));
            }
            Err(HttpError::Network(detail)) => return Verdict::All(Attempt::Lost(detail)),
        };
        match self {
            Self::Mailbox => Verdict::All(mailbox::outcome(&response)),
            Self::Resend(_) => resend::verdict(call, &response),
            Self::Twilio(_) => Verdict::All(twilio::outcome(&response)),
            Self::Webhook(_) => Verdict::All(webhook::outcome(&response)),
        }
    }
}

/// What most providers' status codes mean, for those that say no more.
fn attempt_by_status(response: &HttpResponse, reason: String) -> Attempt {
    match response.status {
        // Unauthorised or forbidden is the account's fault, not the message's: it waits until
        // somebody mends the credentials.
        401 | 403 | 408 | 409 | 425 | 429 | 500.. => {
            Attempt::Retry { after: retry_after(response), reason }
        }
        _ => Attempt::Refused(reason),
    }
}

/// `Retry-After` in seconds (RFC 9110 section 10.2.3); its date form is not used by providers.
fn retry_after(response: &HttpResponse) -> Option<Span> {
    let (_, value) = response.headers.iter().find(|(name, _)| name == "retry-after")?;
    value.trim().parse().ok().map(Span::seconds)
}
