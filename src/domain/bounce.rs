//! A bounce: a message that came back, and what that says about the address.
//!
//! `classify` reads what a receiver said: a reply of SMTP (RFC 5321 section 4.2), with or without
//! an enhanced status code (RFC 3463), or a provider's paraphrase of one. The words go before the
//! codes, for receivers use `550` and `5.7.1` for everything. `report.rs` reads whole
//! delivery-status messages, `phone.rs` what became of a text.

mod decode;
mod phone;
mod report;
#[cfg(test)]
mod tests;
mod words;

pub use phone::classify_text;
pub use report::read;

use serde::{Deserialize, Serialize};

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
    /// Nothing: the message was at fault, or its sender, or it is no bounce at all.
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
    /// Nothing that says more.
    Unclear,
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
            Self::Unclear => "unclear",
        }
    }

    /// What it says about the address; an unclear one says what its code says.
    fn kind(self, is_lasting: bool) -> BounceKind {
        match self {
            Self::NoSuchAddress | Self::NoSuchDomain | Self::Inactive => BounceKind::Hard,
            Self::MailboxFull | Self::Busy | Self::Unreachable => BounceKind::Soft,
            Self::Unclear if is_lasting => BounceKind::Hard,
            Self::Unclear => BounceKind::Soft,
            _ => BounceKind::Ignored,
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
        let kind = reason.kind(false);
        Self { kind, reason, status: words(status), words: words(told) }
    }

    /// The same for a provider that has decided for itself that the address is no good.
    #[must_use]
    pub fn hard(self) -> Self {
        let reason = match self.reason {
            BounceReason::Unclear => BounceReason::NoSuchAddress,
            reason => reason,
        };
        match reason.kind(true) {
            BounceKind::Hard => Self { kind: BounceKind::Hard, reason, ..self },
            _ => self,
        }
    }

    /// The same for a provider that has decided for itself that the address may work another day.
    #[must_use]
    pub fn soft(self) -> Self {
        match self.kind {
            BounceKind::Hard => Self { kind: BounceKind::Soft, ..self },
            _ => self,
        }
    }
}

/// What a receiver's words mean.
pub fn classify(said: &str) -> Bounce {
    let said = head(said, SAID_BYTES_MAX);
    let (status, reply) = (enhanced_status(said), reply_code(said));
    let class =
        status.and_then(|code| code.bytes().next()).or(reply.map(|code| code.as_bytes()[0]));
    let is_lasting = class != Some(b'4');
    let reason = (class.is_none().then(|| words::auto_reply(said)).flatten())
        .or_else(|| words::reason(said))
        .or_else(|| status.and_then(reason_of_status))
        .or_else(|| reply.and_then(reason_of_reply))
        .unwrap_or(BounceReason::Unclear);
    let reason = match (class, reason) {
        (Some(b'2'), _) => BounceReason::Delivered,
        // For now the receiver only makes the sender wait, whatever it says.
        (Some(b'4'), BounceReason::Spam | BounceReason::Blocked | BounceReason::Policy) => {
            BounceReason::Busy
        }
        (_, reason) => reason,
    };
    let kind = match reason.kind(is_lasting) {
        // Words that nobody knows, and no code: who can tell whether it is a bounce at all?
        _ if class.is_none() && reason == BounceReason::Unclear => BounceKind::Ignored,
        // An address that does not exist for the moment may exist later.
        BounceKind::Hard if !is_lasting => BounceKind::Soft,
        kind => kind,
    };
    let status = status.or(reply).unwrap_or_default().to_owned();
    Bounce { kind, reason, status, words: words(said) }
}

/// RFC 3463: what the subject and detail of an enhanced status code mean.
fn reason_of_status(code: &str) -> Option<BounceReason> {
    let (_, detail) = code.split_once('.')?;
    Some(match detail {
        "1.0" | "1.1" | "1.3" | "1.6" => BounceReason::NoSuchAddress,
        "1.2" | "1.10" | "4.4" => BounceReason::NoSuchDomain,
        "1.7" | "1.8" | "5.2" | "5.4" => BounceReason::Policy,
        "2.1" => BounceReason::Inactive,
        "2.2" => BounceReason::MailboxFull,
        "2.3" | "3.4" => BounceReason::TooLarge,
        "3.0" | "3.1" | "3.2" | "4.5" | "5.3" => BounceReason::Busy,
        "4.0" | "4.1" | "4.2" | "4.3" | "4.6" | "4.7" => BounceReason::Unreachable,
        "7.20" | "7.21" | "7.22" | "7.23" | "7.24" | "7.26" => BounceReason::NotAuthenticated,
        "7.25" | "7.27" => BounceReason::Blocked,
        other if other.starts_with("6.") || other.starts_with("7.") => BounceReason::Policy,
        _ => return None,
    })
}

/// RFC 5321: what is left to tell from a reply code alone.
fn reason_of_reply(code: &str) -> Option<BounceReason> {
    Some(match code {
        "421" | "450" | "451" => BounceReason::Busy,
        "452" => BounceReason::MailboxFull,
        "551" | "553" => BounceReason::NoSuchAddress,
        "552" => BounceReason::TooLarge,
        "521" | "556" => BounceReason::NoSuchDomain,
        "530" | "535" => BounceReason::NotAuthenticated,
        "554" => BounceReason::Policy,
        _ => return None,
    })
}

/// The first enhanced status code, `5.1.1`; not a piece of a network address or of a version.
fn enhanced_status(said: &str) -> Option<&str> {
    let bytes = said.as_bytes();
    let in_number = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_digit() || *b == b'.');
    (0..bytes.len()).find_map(|start| {
        if !matches!(bytes[start], b'2' | b'4' | b'5') || bytes.get(start + 1) != Some(&b'.') {
            return None;
        }
        if start > 0 && in_number(bytes.get(start - 1)) {
            return None;
        }
        let length = bytes[start..].iter().take_while(|b| in_number(Some(b))).count();
        let code = said[start..start + length].trim_end_matches('.');
        let parts: Vec<&str> = code.split('.').collect();
        let is_code =
            parts.len() == 3 && parts[1..].iter().all(|part| (1..=3).contains(&part.len()));
        is_code.then_some(code)
    })
}

/// The first reply code of SMTP: three digits that stand by themselves.
fn reply_code(said: &str) -> Option<&str> {
    let codes = said.split(|c: char| !c.is_ascii_alphanumeric() && c != '.');
    codes.filter(|word| word.len() == 3 && word.bytes().all(|b| b.is_ascii_digit())).find(|word| {
        let bytes = word.as_bytes();
        matches!(bytes[0], b'2' | b'4' | b'5') && bytes[1] <= b'7'
    })
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
