//! Outside services, one file each: a message becomes a request, an answer becomes an outcome.
//! Pure code over the bytes of the `Http` seam.

mod common;
mod sign;
mod sms_template;
pub mod http;
pub mod webhooks;
pub mod aliyun;
pub mod brevo;
pub mod chat_webhooks;
pub mod cloudflare;
pub mod mailbox;
pub mod mailgun;
pub mod outgoing_webhook;
pub mod postmark;
pub mod resend;
pub mod sendgrid;
pub mod ses;
pub mod tencent;
pub mod twilio;
pub mod vonage;

use crate::domain::base::primitives::{MessageId, Millis, Span};
use crate::domain::base::token::Keyring;
use crate::domain::contact::message::Class;
use crate::domain::pacing::Rate;
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

impl Outgoing {
    /// What of it would break out of a mail's header, for a line break or a NUL in it ends one
    /// (RFC 5322 section 2.2): such a message is never sent.
    pub fn unsafe_header(&self) -> Option<&'static str> {
        let is_unsafe = |text: &str| text.contains(['\r', '\n', '\0']);
        if is_unsafe(&self.to) {
            return Some("the address of the recipient");
        }
        let Content::Email { from, subject, headers, .. } = &self.content else { return None };
        if is_unsafe(from) {
            return Some("the sender");
        }
        if is_unsafe(subject) {
            return Some("the subject");
        }
        headers.iter().find(|(_, value)| is_unsafe(value)).map(|(name, _)| *name)
    }
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
    /// Another program, at the address of the message; the keys that calls are signed with.
    Webhook(Keyring),
    /// Resend, for e-mail.
    Resend(resend::Account),
    /// Postmark, for e-mail.
    Postmark(postmark::Account),
    /// Amazon SES, for e-mail.
    Ses(ses::Account),
    /// SendGrid, for e-mail.
    SendGrid(sendgrid::Account),
    /// Mailgun, for e-mail.
    Mailgun(mailgun::Account),
    /// Brevo, for e-mail.
    Brevo(brevo::Account),
    /// Cloudflare's own service, for e-mail that is no marketing.
    Cloudflare,
    /// Twilio, for SMS.
    Twilio(twilio::Account),
    /// Vonage, for SMS.
    Vonage(vonage::Account),
    /// Alibaba Cloud, for SMS.
    Aliyun(aliyun::Account),
    /// Tencent Cloud, for SMS.
    Tencent(tencent::Account),
    /// A robot of DingTalk, for notices.
    DingTalk(chat_webhooks::DingTalk),
    /// A robot of WeCom, at its address, for notices.
    WeCom(String),
    /// An incoming webhook of Slack, at its address, for notices.
    Slack(String),
}

/// How one attempt to send ended.
#[derive(Clone, Debug, PartialEq)]
pub enum SendResult {
    /// The provider took it.
    Accepted {
        /// Its id there.
        provider_id: String,
        /// Whether it has arrived with that.
        arrived: bool,
    },
    /// Not this message now; perhaps later. It says nothing of others.
    Retry {
        /// Not before this has passed, if the provider said so.
        after: Option<Span>,
        /// Why.
        reason: String,
    },
    /// The provider takes nothing now, whatever the message. Nothing was taken.
    Busy {
        /// Not before this has passed, if the provider said so.
        after: Option<Span>,
        /// Why.
        reason: String,
    },
    /// The provider takes nothing until somebody mends the account: its credentials, its credit.
    /// Nothing was taken.
    Stop(String),
    /// Not this message, ever.
    Refused(String),
    /// No answer came: it may have been taken.
    Lost(String),
    /// It may have been taken, and asking again would not tell.
    Unclear(String),
}

impl SendResult {
    /// Whether the message may have left by it.
    pub fn may_have_left(&self) -> bool {
        matches!(self, Self::Accepted { .. } | Self::Lost(_) | Self::Unclear(_))
    }
}

/// What the answer to a call means.
#[derive(Clone, Debug, PartialEq)]
pub enum BatchResult {
    /// The same for every message.
    All(SendResult),
    /// For each message its own, in the order of the call.
    Each(Vec<SendResult>),
}

impl Sender {
    /// The word that it goes by in the configuration and in the ledger.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Mailbox => "mailbox",
            Self::Webhook(_) => "webhook",
            Self::Resend(_) => "resend",
            Self::Postmark(_) => "postmark",
            Self::Ses(_) => "ses",
            Self::SendGrid(_) => "sendgrid",
            Self::Mailgun(_) => "mailgun",
            Self::Brevo(_) => "brevo",
            Self::Cloudflare => "cloudflare",
            Self::Twilio(_) => "twilio",
            Self::Vonage(_) => "vonage",
            Self::Aliyun(_) => "aliyun",
            Self::Tencent(_) => "tencent",
            Self::DingTalk(_) => "dingtalk",
            Self::WeCom(_) => "wecom",
            Self::Slack(_) => "slack",
        }
    }

    /// How many messages one call may carry, by the provider's documents.
    pub fn batch_max(&self) -> usize {
        match self {
            Self::Mailbox => mailbox::BATCH_MAX,
            Self::Resend(_) => resend::BATCH_MAX,
            Self::Postmark(_) => postmark::BATCH_MAX,
            _ => 1,
        }
    }

    /// How long after its first call an idempotency key surely still works, so that asking again
    /// under it is harmless; `None` if the provider knows no keys.
    pub fn key_lifetime(&self) -> Option<Span> {
        match self {
            // It keeps a message once, for good.
            Self::Mailbox => Some(Span::days(3_650)),
            Self::Webhook(_) => Some(outgoing_webhook::KEY_LIFETIME),
            Self::Resend(_) => Some(resend::KEY_LIFETIME),
            Self::Brevo(_) => Some(brevo::KEY_LIFETIME),
            _ => None,
        }
    }

    /// Whether one service stands behind it, which may be out of order for every message alike.
    pub fn is_one_service(&self) -> bool {
        !matches!(self, Self::Mailbox | Self::Webhook(_))
    }

    /// How fast it may be called unless the deployment says otherwise; `None`: as fast as may be,
    /// for the provider queues by itself or its limit is the account's own.
    pub fn rate(&self) -> Option<Rate> {
        match self {
            Self::Resend(_) => Some(resend::RATE),
            Self::DingTalk(_) | Self::WeCom(_) => Some(chat_webhooks::GROUP_RATE),
            Self::Slack(_) => Some(chat_webhooks::SLACK_RATE),
            _ => None,
        }
    }

    /// The request of a call; `None` if the sender does not carry such messages.
    pub fn request(&self, call: Call<'_>) -> Option<HttpRequest> {
        match self {
            Self::Mailbox => Some(mailbox::request(call)),
            Self::Webhook(keys) => outgoing_webhook::request(keys, call),
            Self::Resend(account) => resend::request(account, call),
            Self::Postmark(account) => postmark::request(account, call),
            Self::Ses(account) => ses::request(account, call),
            Self::SendGrid(account) => sendgrid::request(account, call),
            Self::Mailgun(account) => mailgun::request(account, call),
            Self::Brevo(account) => brevo::request(account, call),
            Self::Cloudflare => cloudflare::request(call),
            Self::Twilio(account) => twilio::request(account, call.first),
            Self::Vonage(account) => vonage::request(account, call.first),
            Self::Aliyun(account) => aliyun::request(account, call),
            Self::Tencent(account) => tencent::request(account, call),
            Self::DingTalk(robot) => chat_webhooks::dingtalk(robot, call),
            Self::WeCom(url) => chat_webhooks::wecom(url, call),
            Self::Slack(url) => chat_webhooks::slack(url, call),
        }
    }

    /// What its answer means.
    pub fn verdict(&self, call: Call<'_>, answer: Result<HttpResponse, HttpError>) -> BatchResult {
        let response = &match answer {
            Ok(response) => response,
            Err(HttpError::TimedOut) => {
                return BatchResult::All(SendResult::Lost("no answer in time".to_owned()));
            }
            Err(HttpError::Network(detail)) => return BatchResult::All(SendResult::Lost(detail)),
        };
        BatchResult::All(match self {
            Self::Resend(_) => return resend::verdict(call, response),
            Self::Postmark(_) => return postmark::verdict(call, response),
            Self::Mailbox => mailbox::outcome(response),
            Self::Webhook(_) => outgoing_webhook::outcome(response),
            Self::Ses(_) => ses::outcome(response),
            Self::SendGrid(_) => sendgrid::outcome(response),
            Self::Mailgun(_) => mailgun::outcome(response),
            Self::Brevo(_) => brevo::outcome(response),
            Self::Cloudflare => cloudflare::outcome(response),
            Self::Twilio(_) => twilio::outcome(response),
            Self::Vonage(_) => vonage::outcome(response),
            Self::Aliyun(_) => aliyun::outcome(response),
            Self::Tencent(_) => tencent::outcome(response),
            Self::DingTalk(_) | Self::WeCom(_) => chat_webhooks::by_errcode(response),
            Self::Slack(_) => chat_webhooks::slack_outcome(response),
        })
    }
}
