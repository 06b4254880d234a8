//! Outside services, one file each: a message becomes a request, an answer becomes an outcome.
//! Pure code over the bytes of the `Http` seam.

pub mod hooks;
pub mod http;
pub mod mailbox;
pub mod resend;
pub mod twilio;
pub mod webhook;

use crate::domain::primitives::{MessageId, Span};
use http::{HttpError, HttpRequest, HttpResponse};

/// A message as it leaves.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// Its id in our ledger.
    pub id: MessageId,
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

/// A configured way to send on one channel.
#[derive(Clone)]
pub enum Sender {
    /// Keep it, and show it at `/dev/mailbox`.
    Mailbox,
    /// Resend's HTTP API, for e-mail.
    Resend(resend::Account),
    /// Twilio's HTTP API, for SMS.
    Twilio(twilio::Account),
    /// Another program, at the address of the message.
    Webhook(webhook::Signer),
    /// None is configured: messages wait.
    Nowhere,
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

impl Sender {
    /// The request that sends a message; `None` if the sender does not carry such messages.
    pub fn request(&self, message: &Outgoing) -> Option<HttpRequest> {
        match self {
            Self::Mailbox => Some(mailbox::request(message)),
            Self::Resend(account) => resend::request(account, message),
            Self::Twilio(account) => twilio::request(account, message),
            Self::Webhook(signer) => webhook::request(signer, message),
            Self::Nowhere => None,
        }
    }

    /// What its answer means.
    pub fn outcome(&self, answer: Result<HttpResponse, HttpError>) -> Attempt {
        let response = match answer {
            Ok(response) => response,
            Err(HttpError::TimedOut) => return Attempt::Lost("no answer in time".to_owned()),
            Err(HttpError::Network(detail)) => return Attempt::Lost(detail),
        };
        match self {
            Self::Mailbox | Self::Nowhere => mailbox::outcome(&response),
            Self::Resend(_) => resend::outcome(&response),
            Self::Twilio(_) => twilio::outcome(&response),
            Self::Webhook(_) => webhook::outcome(&response),
        }
    }

    /// Whether it knows idempotency keys, so that sending the same message again is harmless.
    pub fn is_idempotent(&self) -> bool {
        matches!(self, Self::Mailbox | Self::Resend(_) | Self::Webhook(_))
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
