//! Outside services, one folder each: turns messages into requests, and responses into results.
//! Pure code over the bytes of the `Http` port.

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

/// A message that is ready to send.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// The message's id in our ledger.
    pub id: MessageId,
    /// The kind of message: not every provider carries every kind.
    pub class: Class,
    /// The recipient: an e-mail address or an E.164 number.
    pub to: String,
    pub content: Content,
}

impl Outgoing {
    /// Returns the name of a part that would break out of a mail header: a line break or a NUL ends
    /// a header (RFC 5322 section 2.2). Such a message is never sent.
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

/// The content of a message, by channel.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    Email {
        /// `Name <address>`.
        from: String,
        /// One line.
        subject: String,
        html: String,
        text: String,
        /// Additional headers, such as `List-Unsubscribe`.
        headers: Vec<(&'static str, String)>,
    },
    Sms {
        text: String,
    },
    /// A call to another program.
    Webhook {
        /// A JSON document.
        body: String,
    },
}

/// One request that is about to be made.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// The idempotency key of a batch. `None`: the call carries one message, whose id is the key.
    pub batch: Option<&'a str>,
    pub first: &'a Outgoing,
    /// The other messages; empty unless `batch` is set.
    pub others: &'a [Outgoing],
    /// The current time; some requests are signed with it.
    pub at: Millis,
}

impl<'a> Call<'a> {
    /// Returns all messages in the order of the request.
    pub fn messages(self) -> impl Iterator<Item = &'a Outgoing> + Clone {
        std::iter::once(self.first).chain(self.others)
    }

    pub fn count(self) -> usize {
        1 + self.others.len()
    }

    /// Returns the idempotency key.
    pub fn key(self) -> &'a str {
        self.batch.unwrap_or(self.first.id.as_str())
    }
}

/// A configured way to send.
#[derive(Clone)]
pub enum Provider {
    /// Keeps messages and shows them at `/dev/mailbox`.
    Mailbox,
    /// Another program, at the URL that is the message's recipient; holds the signing keys.
    Webhook(Keyring),
    Resend(resend::Account),
    Postmark(postmark::Account),
    /// Amazon SES, for e-mail.
    Ses(ses::Account),
    SendGrid(sendgrid::Account),
    Mailgun(mailgun::Account),
    Brevo(brevo::Account),
    /// Cloudflare's own service, for e-mail other than marketing.
    Cloudflare,
    Twilio(twilio::Account),
    Vonage(vonage::Account),
    /// Alibaba Cloud, for SMS.
    Aliyun(aliyun::Account),
    /// Tencent Cloud, for SMS.
    Tencent(tencent::Account),
    /// A DingTalk robot, for notices.
    DingTalk(chat_webhooks::DingTalk),
    /// A WeCom robot, by its URL, for notices.
    WeCom(String),
    /// An incoming webhook of Slack, by its URL, for notices.
    Slack(String),
}

/// The result of one attempt to send.
#[derive(Clone, Debug, PartialEq)]
pub enum SendResult {
    /// The provider accepted the message.
    Accepted {
        /// The provider's id of the message.
        provider_id: String,
        /// Whether acceptance already means delivery.
        arrived: bool,
    },
    /// This message cannot be sent now, but perhaps later. Other messages are not affected.
    Retry {
        /// The minimum wait, if the provider gave one.
        after: Option<Span>,
        reason: String,
    },
    /// The provider accepts no message at present. It has not accepted this one.
    Busy {
        /// The minimum wait, if the provider gave one.
        after: Option<Span>,
        reason: String,
    },
    /// The provider accepts no message until an operator fixes the account, such as its credentials
    /// or its credit. It has not accepted this one.
    Stop(String),
    /// The provider will never accept this message.
    Refused(String),
    /// No answer came: the message may have been accepted.
    Lost(String),
    /// The message may have been accepted, and a retry would not clarify it.
    Unclear(String),
}

impl SendResult {
    /// Returns whether the message may have left.
    pub fn may_have_left(&self) -> bool {
        matches!(self, Self::Accepted { .. } | Self::Lost(_) | Self::Unclear(_))
    }
}

/// The results of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum BatchResult {
    /// The same result for every message.
    All(SendResult),
    /// One result per message, in the order of the call.
    Each(Vec<SendResult>),
}

impl Provider {
    /// The provider's name in the configuration and in the ledger.
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

    /// Returns the most messages in one call, according to the provider's documents.
    pub fn batch_max(&self) -> usize {
        match self {
            Self::Mailbox => mailbox::BATCH_MAX,
            Self::Resend(_) => resend::BATCH_MAX,
            Self::Postmark(_) => postmark::BATCH_MAX,
            _ => 1,
        }
    }

    /// Returns how long after the first call an idempotency key certainly works, so that a retry
    /// under it is harmless; `None` if the provider has no keys.
    pub fn key_lifetime(&self) -> Option<Span> {
        match self {
            // The mailbox stores a message once, for good.
            Self::Mailbox => Some(Span::days(3_650)),
            Self::Webhook(_) => Some(outgoing_webhook::KEY_LIFETIME),
            Self::Resend(_) => Some(resend::KEY_LIFETIME),
            Self::Brevo(_) => Some(brevo::KEY_LIFETIME),
            _ => None,
        }
    }

    /// Returns whether a single service is behind it, whose outage would affect all messages alike.
    pub fn has_circuit_breaker(&self) -> bool {
        !matches!(self, Self::Mailbox | Self::Webhook(_))
    }

    /// Returns the default rate limit, which the deployment can override. `None` for no limit: the
    /// provider queues by itself, or its limit depends on the account.
    pub fn rate(&self) -> Option<Rate> {
        match self {
            Self::Resend(_) => Some(resend::RATE),
            Self::DingTalk(_) | Self::WeCom(_) => Some(chat_webhooks::GROUP_RATE),
            Self::Slack(_) => Some(chat_webhooks::SLACK_RATE),
            _ => None,
        }
    }

    /// Builds the request of a call; `None` if the provider does not carry such messages.
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

    /// Interprets the response to a call.
    pub fn batch_result(
        &self,
        call: Call<'_>,
        answer: Result<HttpResponse, HttpError>,
    ) -> BatchResult {
        let response = &match answer {
            // An interim response (RFC 9110 section 15.2): the final one did not arrive.
            Ok(HttpResponse { status: status @ ..200, .. }) => {
                return BatchResult::All(SendResult::Lost(format!("no answer after {status}")));
            }
            Ok(response) => response,
            Err(HttpError::NotSent(reason)) => {
                return BatchResult::All(SendResult::Retry { after: None, reason });
            }
            Err(HttpError::TimedOut) => {
                return BatchResult::All(SendResult::Lost("no answer in time".to_owned()));
            }
            Err(HttpError::Network(detail)) => return BatchResult::All(SendResult::Lost(detail)),
        };
        BatchResult::All(match self {
            Self::Resend(_) => return resend::batch_result(call, response),
            Self::Postmark(_) => return postmark::batch_result(call, response),
            Self::Mailbox => mailbox::send_result(response),
            Self::Webhook(_) => outgoing_webhook::send_result(response),
            Self::Ses(_) => ses::send_result(response),
            Self::SendGrid(_) => sendgrid::send_result(response),
            Self::Mailgun(_) => mailgun::send_result(response),
            Self::Brevo(_) => brevo::send_result(response),
            Self::Cloudflare => cloudflare::send_result(response),
            Self::Twilio(_) => twilio::send_result(response),
            Self::Vonage(_) => vonage::send_result(response),
            Self::Aliyun(_) => aliyun::send_result(response),
            Self::Tencent(_) => tencent::send_result(response),
            Self::DingTalk(_) | Self::WeCom(_) => chat_webhooks::by_errcode(response),
            Self::Slack(_) => chat_webhooks::slack_result(response),
        })
    }
}
