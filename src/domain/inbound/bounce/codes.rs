//! The meaning of codes that say enough: the registry of enhanced status codes (RFC 3463, RFC 5248,
//! RFC 7372, RFC 7504, RFC 7505), and those that Outlook adds.

use super::BounceReason;
use super::BounceReason::{
    Blocked, Busy, Inactive, MailboxFull, NoSuchAddress, NoSuchDomain, NotAuthenticated, Policy,
    TooLarge, Unreachable,
};

/// Returns what an exact code says about the sender, its message or a rule. It takes precedence
/// over all words: `Recipient address rejected: multiple authentication checks failed` is `5.7.26`.
pub(super) fn about_the_sender(status: &str) -> Option<BounceReason> {
    let (class, detail) = status.split_once('.')?;
    if class == "2" {
        return None;
    }
    let (subject, number) = detail.split_once('.')?;
    let number: u16 = number.parse().ok()?;
    Some(match (subject, number) {
        ("1", 7 | 8) => Policy,
        ("2", 3) | ("3", 4) => TooLarge,
        ("7", 20..=24 | 26 | 29 | 30 | 509) => NotAuthenticated,
        ("7", 25 | 27 | 28) => Blocked,
        // Outlook: 500 to 699 are block lists and reputation, 100 to 199 rules of a tenant.
        ("7", 500..=699) => Blocked,
        ("7", 100..=499 | 700..=999) => Policy,
        _ => return None,
    })
}

/// Returns whether a reply code answers an attempt to sign in: it is about the sender's own
/// account.
pub(super) fn is_about_signing_in(code: &str) -> bool {
    matches!(code, "530" | "534" | "535" | "538")
}

/// Returns the meaning of a status code's subject and detail, if no words say more.
pub(super) fn of_status(status: &str) -> Option<BounceReason> {
    let (_, detail) = status.split_once('.')?;
    Some(match detail {
        "1.1" | "1.3" | "1.6" | "7.17" => NoSuchAddress,
        "1.2" | "1.10" | "7.18" => NoSuchDomain,
        "2.1" => Inactive,
        "2.2" => MailboxFull,
        "3.0" | "3.1" | "3.2" | "4.5" | "5.3" => Busy,
        "4.0" | "4.1" | "4.2" | "4.3" | "4.4" | "4.6" | "4.7" => Unreachable,
        "3.3" | "3.5" | "5.1" | "5.2" | "5.4" | "5.6" => Policy,
        other if other.starts_with("6.") || other.starts_with("7.") => Policy,
        _ => return None,
    })
}

/// Returns the meaning of a reply code alone. `550`, `551`, `553` and `554` are used for
/// everything.
pub(super) fn of_reply(code: &str) -> Option<BounceReason> {
    Some(match code {
        "421" | "450" | "451" => Busy,
        "452" | "552" => MailboxFull,
        "556" => NoSuchDomain,
        "500" | "501" | "502" | "503" | "504" | "555" => Policy,
        _ => return None,
    })
}
