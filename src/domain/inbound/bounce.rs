//! A bounce: a message that was returned, and what that says about the address.
//!
//! `classify` reads what a receiver said: an SMTP reply (RFC 5321 section 4.2), with or without an
//! enhanced status code (RFC 3463), or a provider's paraphrase of one. `reply.rs` splits it into
//! parts, `codes.rs` and `words.rs` interpret the parts, and `classify` weighs them. An address is
//! given up only for a clear statement about the address itself: what may be the sender's fault
//! never counts against it. `report.rs` reads whole delivery-status messages, and `phone.rs`
//! reports about undelivered SMS.

mod codes;
mod decode;
mod phone;
mod reply;
mod report;
#[cfg(test)]
mod tests;
mod words;

pub use phone::classify_text;
pub use report::read;

use reply::Reply;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use words::Rank;

/// The most characters of a provider's text that are stored.
pub const WORDS_CHARS_MAX: usize = 300;

/// The most bytes of a receiver's text that are read.
const SAID_BYTES_MAX: usize = 8 * 1024;

/// What a bounce says about the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BounceKind {
    /// It is invalid, and will stay so.
    Hard,
    /// It may work at another time.
    Soft,
    /// Nothing: the sender or the message was at fault, or a rule forbids it.
    Block,
    /// Its owner marked the message as spam.
    Complaint,
    /// Nothing: it is not a bounce. Older events use this for what is `Block` now.
    Ignored,
}

/// Why a message bounced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BounceReason {
    /// The address does not exist.
    NoSuchAddress,
    /// The domain of the address accepts no mail.
    NoSuchDomain,
    /// The address was closed.
    Inactive,
    /// The mailbox is full.
    MailboxFull,
    /// The receiver is busy, or delays senders.
    Busy,
    /// The receiver could not be reached.
    Unreachable,
    /// The message is too large.
    TooLarge,
    /// The message looks like spam.
    Spam,
    /// The sender, or its network, is on a block list of the receiver.
    Blocked,
    /// The sender could not authenticate itself: SPF, DKIM, DMARC.
    NotAuthenticated,
    /// A rule of the receiver forbids it.
    Policy,
    /// The owner of the number has opted out.
    OptedOut,
    /// An automatic reply, such as an out-of-office notice.
    AutoReply,
    /// It was delivered, and its reader marked it as spam (RFC 5965): not a bounce, but worse.
    Complaint,
    /// It is late, and delivery is still being tried.
    Delayed,
    /// It was delivered.
    Delivered,
    /// It was refused for good, with no known reason.
    Refused,
    /// Nothing more specific is known.
    Unclear,
}

/// A provider's own classification of a bounce, beside what the receiver said. It is additional
/// evidence; the receiver's text takes precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opinion {
    /// It distinguishes bad addresses from refusals of the message, and calls this a bad address.
    BadAddress,
    /// It will not try again, whatever the reason.
    Permanent,
    /// It calls the bounce temporary, or does not classify it.
    Transient,
}

impl BounceReason {
    /// Returns the short name; `domain/report/reason.rs` has the sentence.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoSuchAddress => "no_such_address",
            Self::NoSuchDomain => "no_such_domain",
            Self::Inactive => "inactive",
            Self::MailboxFull => "mailbox_full",
            Self::Busy => "busy",
            Self::Unreachable => "unreachable",
            Self::TooLarge => "too_large",
            Self::Spam => "spam",
            Self::Blocked => "blocked",
            Self::NotAuthenticated => "not_authenticated",
            Self::Policy => "policy",
            Self::OptedOut => "opted_out",
            Self::AutoReply => "auto_reply",
            Self::Complaint => "complaint",
            Self::Delayed => "delayed",
            Self::Delivered => "delivered",
            Self::Refused => "refused",
            Self::Unclear => "unclear",
        }
    }

    /// Returns the reason with this name, among those that `said.txt` uses.
    fn by_word(word: &str) -> Option<Self> {
        let named = [
            Self::NoSuchAddress,
            Self::NoSuchDomain,
            Self::Inactive,
            Self::MailboxFull,
            Self::Busy,
            Self::Unreachable,
            Self::TooLarge,
            Self::Spam,
            Self::Blocked,
            Self::NotAuthenticated,
            Self::Policy,
        ];
        named.into_iter().find(|reason| reason.as_str() == word)
    }

    /// Returns what the reason says about the address, if the failure is permanent.
    fn kind(self) -> BounceKind {
        match self {
            Self::NoSuchAddress | Self::NoSuchDomain | Self::Inactive => BounceKind::Hard,
            Self::MailboxFull | Self::Busy | Self::Unreachable => BounceKind::Soft,
            Self::Refused | Self::Unclear => BounceKind::Soft,
            Self::TooLarge | Self::Spam | Self::Blocked | Self::NotAuthenticated | Self::Policy => {
                BounceKind::Block
            }
            Self::Complaint => BounceKind::Complaint,
            Self::OptedOut | Self::AutoReply | Self::Delayed | Self::Delivered => {
                BounceKind::Ignored
            }
        }
    }
}

/// A bounced message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bounce {
    /// What it says about the address.
    pub kind: BounceKind,
    pub reason: BounceReason,
    /// The status code (RFC 3463, RFC 5321), or the provider's own; empty if none was given.
    pub status: String,
    /// The text of the receiver or the provider, made safe by `words`.
    pub words: String,
}

impl Bounce {
    /// Returns a bounce with a known reason.
    pub fn new(reason: BounceReason, status: &str, text: &str) -> Self {
        Self { kind: reason.kind(), reason, status: words(status), words: words(text) }
    }

    /// Replaces the reason by the provider's, if the receiver gave no clear one.
    #[must_use]
    pub fn or(self, reason: BounceReason) -> Self {
        match self.reason {
            BounceReason::Unclear | BounceReason::Refused => {
                Self { kind: reason.kind(), reason, ..self }
            }
            _ => self,
        }
    }

    /// Weighs the bounce with the provider's classification. This settles what the receiver left
    /// open, and nothing else: `permanent` does not turn a full mailbox into a bad address, and
    /// `transient` does not turn an unknown address into a good one.
    #[must_use]
    pub fn weighed(self, opinion: Opinion) -> Self {
        match (opinion, self.reason) {
            (Opinion::BadAddress, BounceReason::Unclear | BounceReason::Refused) => {
                self.or(BounceReason::NoSuchAddress)
            }
            (Opinion::Permanent, BounceReason::Unclear) => self.or(BounceReason::Refused),
            (Opinion::Transient, BounceReason::Unclear | BounceReason::Refused) => {
                self.or(BounceReason::Unclear)
            }
            _ => self,
        }
    }
}

/// Classifies a receiver's text.
pub fn classify(said: &str) -> Bounce {
    let said = head(said, SAID_BYTES_MAX);
    let reply_text = text_of_receiver(said);
    let reply = reply::parse(&reply_text);
    let class = reply.class();
    let reason = (class.is_none().then(|| words::auto_reply(said)).flatten())
        .or_else(|| reason_of(&reply))
        .unwrap_or(match class {
            Some(b'5') => BounceReason::Refused,
            _ => BounceReason::Unclear,
        });
    let reason = match (class, reason) {
        (Some(b'2'), _) => BounceReason::Delivered,
        // With such a code the receiver only delays the sender, whatever the words say.
        (Some(b'4'), BounceReason::Spam | BounceReason::Blocked | BounceReason::Policy) => {
            BounceReason::Busy
        }
        (_, reason) => reason,
    };
    let kind = match reason.kind() {
        // Unknown words without a code: this may not be a bounce at all.
        _ if class.is_none() && reason == BounceReason::Unclear => BounceKind::Ignored,
        // An address that does not exist for the moment may exist later.
        BounceKind::Hard if class == Some(b'4') => BounceKind::Soft,
        kind => kind,
    };
    let status = reply.status.or(reply.code).unwrap_or_default().to_owned();
    Bounce { kind, reason, status, words: words(said) }
}

/// Extracts the receiver's words from what Gmail, SES and Cisco's gateways put around them, and
/// from a dialogue only the refused commands: an accepted command is not part of the reason.
fn text_of_receiver(said: &str) -> Cow<'_, str> {
    let after = |before: &str| said.rsplit_once(before).map(|(_, rest)| rest);
    if let Some(json) = after("diagnosticCode") {
        // An SES notification, as sent by mail.
        let text = json.trim_start_matches(['\\', '"', ':', ' ']);
        return text.split(['\\', '"']).next().unwrap_or_default().into();
    }
    let text = after("server returned was:").or_else(|| after(" - Unknown address error "));
    let text = text.unwrap_or(said);
    let is_refused = |exchange: &&str| {
        let answer = exchange.split_once("<<<").map_or("", |(_, answer)| answer.trim_start());
        !answer.starts_with(['2', '3'])
    };
    match text.contains(">>>") {
        true => text.split(">>>").filter(is_refused).collect::<Vec<_>>().join(" ").into(),
        false => text.into(),
    }
}

/// Returns the reason that a reply gives. Possible faults of the sender take precedence over
/// statements about the recipient, and words over codes that are used for everything. Only an exact
/// code about the sender takes precedence over all words.
fn reason_of(reply: &Reply<'_>) -> Option<BounceReason> {
    let status = reply.status;
    let said = |rank| words::reason(reply, rank);
    let exact = reply.statuses.iter().find_map(|status| codes::about_the_sender(status));
    // Outlook uses this for an address that does not exist in its tenant.
    let is_outlooks = status == Some("5.4.1")
        && reply.words.contains(" recipient address rejected access denied ");
    let signs_in = reply.code.is_some_and(codes::is_about_signing_in);
    exact
        .or_else(|| signs_in.then_some(BounceReason::NotAuthenticated))
        .or_else(|| is_outlooks.then_some(BounceReason::NoSuchAddress))
        .or_else(|| said(Rank::Sender))
        .or_else(|| reply.names_a_list.then_some(BounceReason::Blocked))
        .or_else(|| said(Rank::State))
        .or_else(|| said(Rank::Recipient))
        .or_else(|| said(Rank::Weak))
        .or_else(|| status.and_then(codes::of_status))
        .or_else(|| reply.code.and_then(codes::of_reply))
}

/// Returns the beginning of a text, cut to this many bytes.
fn head(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

/// Makes text from outside safe to store and show: on one line, without control characters, and not
/// too long. Pages still have to escape it.
pub fn words(text: &str) -> String {
    let text = head(text, SAID_BYTES_MAX);
    let visible = text.chars().map(|c| if is_visible(c) { c } else { ' ' }).collect::<String>();
    let line = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(WORDS_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Returns whether a character is neither a control character nor one that changes the direction of
/// writing.
fn is_visible(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
