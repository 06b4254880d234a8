//! A bounce: a message that came back, and what that says about the address.
//!
//! `classify` reads what a receiver said: a reply of SMTP (RFC 5321 section 4.2), with or without
//! an enhanced status code (RFC 3463), or a provider's paraphrase of one. `reply.rs` takes it
//! apart, `codes.rs` and `words.rs` know what the parts mean, `classify` weighs them. An address is
//! given up only for what is clearly said of itself: what may be the sender's fault never counts
//! against it. `report.rs` reads whole delivery-status messages, `phone.rs` what became of a text.

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

/// The most characters of a provider's words that are kept.
pub const WORDS_CHARS_MAX: usize = 300;

/// The most bytes of what a receiver said that are looked at.
const SAID_BYTES_MAX: usize = 8 * 1024;

/// What a bounce says about the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BounceKind {
    /// It is no good, and will not be.
    Hard,
    /// It may work another day.
    Soft,
    /// Nothing: the sender was at fault, or the message, or a rule forbids it.
    Block,
    /// That its owner called the message spam.
    Complaint,
    /// Nothing: it is no bounce. Older events say it of what is `Block` now.
    Ignored,
}

/// Why a message came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BounceReason {
    /// Nobody has the address.
    NoSuchAddress,
    /// Its domain takes no mail.
    NoSuchDomain,
    /// It was closed.
    Inactive,
    /// Its mailbox is full.
    MailboxFull,
    /// The receiver is busy, or makes senders wait.
    Busy,
    /// The receiver could not be reached.
    Unreachable,
    /// The message is too large.
    TooLarge,
    /// The message looks like spam.
    Spam,
    /// The sender, or its network, is on a list of the receiver's.
    Blocked,
    /// The sender could not prove who it is: SPF, DKIM, DMARC.
    NotAuthenticated,
    /// A rule of the receiver's.
    Policy,
    /// The owner of the number does not want it.
    OptedOut,
    /// An answer of a machine, such as an absence notice.
    AutoReply,
    /// It arrived, and its reader called it spam (RFC 5965): no bounce, and worse than one.
    Complaint,
    /// It is late, and is still being tried.
    Delayed,
    /// It arrived.
    Delivered,
    /// It was refused for good, in words that say nothing we know.
    Refused,
    /// Nothing that says more.
    Unclear,
}

/// What a provider makes of a bounce, beside what the receiver said. It is one witness more, and
/// the receiver goes before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opinion {
    /// It tells bad addresses from refusals of the message, and calls this a bad address.
    BadAddress,
    /// It will not try again, whatever the reason.
    Permanent,
    /// It calls it temporary, or has no opinion.
    Transient,
}

impl BounceReason {
    /// The short word; `domain::reason` has the sentence.
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

    /// The reason of a word, of those that `said.txt` names.
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

    /// What it says about the address, if it was said for good.
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

/// A message that came back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bounce {
    /// What it says about the address.
    pub kind: BounceKind,
    /// Why.
    pub reason: BounceReason,
    /// The status code (RFC 3463, RFC 5321), or the provider's own; empty if none was told.
    pub status: String,
    /// What the receiver or the provider said, made safe by `words`.
    pub words: String,
}

impl Bounce {
    /// One whose reason is known.
    pub fn of(reason: BounceReason, status: &str, told: &str) -> Self {
        Self { kind: reason.kind(), reason, status: words(status), words: words(told) }
    }

    /// The same, with a reason of the provider's where the receiver said nothing clear.
    #[must_use]
    pub fn or(self, reason: BounceReason) -> Self {
        match self.reason {
            BounceReason::Unclear | BounceReason::Refused => {
                Self { kind: reason.kind(), reason, ..self }
            }
            _ => self,
        }
    }

    /// The same, weighed with what the provider makes of it. An opinion settles what the receiver
    /// left open, and nothing else: neither does `permanent` make a bad address of a full mailbox,
    /// nor `transient` a good one of nobody's.
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

/// What a receiver's words mean.
pub fn classify(said: &str) -> Bounce {
    let said = head(said, SAID_BYTES_MAX);
    let told = told_by_receiver(said);
    let reply = reply::parse(&told);
    let class = reply.class();
    let reason = (class.is_none().then(|| words::auto_reply(said)).flatten())
        .or_else(|| judge(&reply))
        .unwrap_or(match class {
            Some(b'5') => BounceReason::Refused,
            _ => BounceReason::Unclear,
        });
    let reason = match (class, reason) {
        (Some(b'2'), _) => BounceReason::Delivered,
        // For now the receiver only makes the sender wait, whatever it says.
        (Some(b'4'), BounceReason::Spam | BounceReason::Blocked | BounceReason::Policy) => {
            BounceReason::Busy
        }
        (_, reason) => reason,
    };
    let kind = match reason.kind() {
        // Words that nobody knows, and no code: who can tell whether it is a bounce at all?
        _ if class.is_none() && reason == BounceReason::Unclear => BounceKind::Ignored,
        // An address that does not exist for the moment may exist later.
        BounceKind::Hard if class == Some(b'4') => BounceKind::Soft,
        kind => kind,
    };
    let status = reply.status.or(reply.code).unwrap_or_default().to_owned();
    Bounce { kind, reason, status, words: words(said) }
}

/// What the receiver said, of what Gmail, SES and Cisco's gateways put around it, and of a dialogue
/// what was refused in it: a command that was taken is no part of the reason.
fn told_by_receiver(said: &str) -> Cow<'_, str> {
    let after = |before: &str| said.rsplit_once(before).map(|(_, told)| told);
    if let Some(json) = after("diagnosticCode") {
        // A notification of SES's, as it is mailed.
        let told = json.trim_start_matches(['\\', '"', ':', ' ']);
        return told.split(['\\', '"']).next().unwrap_or_default().into();
    }
    let told = after("server returned was:").or_else(|| after(" - Unknown address error "));
    let told = told.unwrap_or(said);
    let is_refused = |exchange: &&str| {
        let answer = exchange.split_once("<<<").map_or("", |(_, answer)| answer.trim_start());
        !answer.starts_with(['2', '3'])
    };
    match told.contains(">>>") {
        true => told.split(">>>").filter(is_refused).collect::<Vec<_>>().join(" ").into(),
        false => told.into(),
    }
}

/// The reason that a reply gives. What may be the sender's fault goes before what is said of the
/// recipient, and words before codes that are used for everything; only an exact code about the
/// sender goes before all words.
fn judge(reply: &Reply<'_>) -> Option<BounceReason> {
    let status = reply.status;
    let said = |rank| words::reason(reply, rank);
    let exact = reply.statuses.iter().find_map(|status| codes::about_the_sender(status));
    // Outlook says this of an address that its tenant does not have.
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

/// As much of a text as fits into so many bytes.
fn head(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

/// What somebody outside said, as it may be kept and shown: on one line, without control
/// characters, and not too long. Pages still escape it.
pub fn words(told: &str) -> String {
    let told = head(told, SAID_BYTES_MAX);
    let visible = told.chars().map(|c| if is_visible(c) { c } else { ' ' }).collect::<String>();
    let line = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(WORDS_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Neither a control character nor one that turns the direction of writing.
fn is_visible(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
