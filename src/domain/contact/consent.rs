//! Consent: what a contact agreed to, for which purpose, on which channel.

use crate::domain::base::primitives::{Channel, MessageId, Millis, QualifiedId, Span};
use serde::{Deserialize, Serialize};

/// A contact's consent state for one purpose on one channel: the newest entry of its ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Consent {
    pub channel: Channel,
    pub purpose: String,
    pub state: ConsentState,
    /// Whether the form asked for a confirmation by e-mail before `Granted` counts.
    pub double_opt_in: bool,
    /// The form on which it was last given.
    pub form: Option<QualifiedId>,
    /// Earlier forms that asked for a confirmation and still wait for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<QualifiedId>,
    /// Whether it was refused before a form asked for it again. If so, it waits for the owner of
    /// the address, whatever the form asks for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub was_refused: bool,
    pub at: Millis,
}

/// The legal ground for sending a message (GDPR Art. 6(1), PIPL Art. 13).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LawfulBasis {
    #[default]
    Consent,
    /// A contract with the contact requires the message.
    Contract,
    /// The sender's interest outweighs the contact's.
    LegitimateInterest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentState {
    /// Given on a form.
    Granted,
    /// Given, and the owner of the address has proved to own it.
    Confirmed,
    Withdrawn,
}

impl ConsentState {
    /// Returns the name used in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Confirmed => "confirmed",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl Consent {
    /// Returns whether it permits messages.
    pub fn allows(&self) -> bool {
        match self.state {
            ConsentState::Confirmed => true,
            ConsentState::Granted => !self.double_opt_in,
            ConsentState::Withdrawn => false,
        }
    }

    /// Returns whether a confirmation of the address is still open.
    pub fn is_pending(&self) -> bool {
        self.state == ConsentState::Granted && (self.double_opt_in || !self.waiting.is_empty())
    }

    /// Returns whether it was withdrawn and the owner of the address has not agreed again since.
    pub fn is_refused(&self) -> bool {
        self.state == ConsentState::Withdrawn || self.was_refused && self.is_pending()
    }

    /// Returns whether the link in a confirmation e-mail confirms it. The link proves only a
    /// mailbox: refused SMS consent waits for START from the number itself.
    pub fn waits_for_link(&self) -> bool {
        self.is_pending() && (self.channel == Channel::Email || !self.was_refused)
    }

    /// Returns the forms whose submissions wait for a confirmation, oldest submission first.
    pub fn forms_waiting(&self) -> Vec<QualifiedId> {
        let last = self.form.clone().filter(|_| self.double_opt_in);
        self.waiting.iter().cloned().chain(last).collect()
    }
}

/// The number of confirmation e-mails an address gets in a day, whatever is requested in its name.
/// A person needs one, and another if it got lost.
pub const CONFIRMATION_MAILS_A_DAY: usize = 3;

/// The minimum time between two confirmation e-mails.
pub const CONFIRMATION_MAIL_EVERY: Span = Span::hours(1);

/// Returns when the next confirmation e-mail may leave. `mails` holds the times of the earlier
/// ones, oldest first. Returns `None` if one is still to leave, which is enough.
pub fn next_mail(mails: &[Millis], now: Millis) -> Option<Millis> {
    let last = mails.last().copied();
    if last.is_some_and(|last| last > now) {
        return None;
    }
    let after_last = last.map(|last| last.plus(CONFIRMATION_MAIL_EVERY));
    let full = mails.len().checked_sub(CONFIRMATION_MAILS_A_DAY).map(|first| mails[first]);
    let after_full = full.map(|first| first.plus(Span::days(1)));
    after_last.into_iter().chain(after_full).chain([now]).max()
}

/// Adds the time of an e-mail and keeps only as many as `next_mail` needs.
pub fn remember_mail(mails: &mut Vec<Millis>, at: Millis) {
    mails.push(at);
    let old = mails.len().saturating_sub(CONFIRMATION_MAILS_A_DAY);
    mails.drain(..old);
}

/// Adds the times of another contact's e-mails after it turned out to be the same person.
pub fn remember_mails(mails: &mut Vec<Millis>, others: &[Millis]) {
    let mut all: Vec<Millis> = mails.iter().chain(others).copied().collect();
    all.sort_unstable();
    mails.clear();
    all.into_iter().for_each(|at| remember_mail(mails, at));
}

/// An entry of the append-only ledger: the evidence for one `Consent`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConsentRecord {
    /// The number of the event that recorded the entry.
    pub seq: i64,
    pub channel: Channel,
    pub purpose: String,
    pub state: ConsentState,
    /// Where the consent was given or withdrawn, such as a form or an unsubscribe link.
    pub source: String,
    /// The form on which it was given, or whose request was confirmed.
    pub form: Option<QualifiedId>,
    pub basis: LawfulBasis,
    /// Whether the text is a separate consent to a transfer of data abroad (PIPL Art. 39).
    pub cross_border: bool,
    /// The exact words agreed to.
    pub text: String,
    /// The SHA-256 of `text`, in hexadecimal; empty if there is no text.
    pub text_hash: String,
    /// The message whose link was used. For a confirmation it is the proof of the mailbox.
    pub message: Option<MessageId>,
    /// A keyed hash of the network address of the request; never the address itself.
    pub origin_hash: String,
    pub at: Millis,
}

/// An entry of the ledger as an auditor reads it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConsentEntry {
    #[serde(flatten)]
    pub record: ConsentRecord,
    /// For a grant: how the owner of the address confirmed it, if at all.
    pub proof: Option<Proof>,
}

/// A confirmation, as the proof of an earlier grant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    /// The number of the event that recorded the confirmation.
    pub seq: i64,
    pub at: Millis,
    /// The message whose link was used.
    pub message: Option<MessageId>,
    /// A keyed hash of the network address of the request.
    pub origin_hash: String,
}

/// Returns the ledger with each grant paired with its confirmation. `records` are those of one
/// contact, oldest first. A confirmation does not count for a grant that was withdrawn in between.
pub fn with_proofs(records: Vec<ConsentRecord>) -> Vec<ConsentEntry> {
    let proof = |index: usize| {
        let granted: &ConsentRecord = &records[index];
        if granted.state != ConsentState::Granted {
            return None;
        }
        let of_same = |r: &&ConsentRecord| {
            r.channel == granted.channel
                && r.purpose == granted.purpose
                && (r.state == ConsentState::Withdrawn || r.form == granted.form)
                && r.state != ConsentState::Granted
        };
        let next = records[index + 1..].iter().find(of_same)?;
        (next.state == ConsentState::Confirmed).then(|| Proof {
            seq: next.seq,
            at: next.at,
            message: next.message.clone(),
            origin_hash: next.origin_hash.clone(),
        })
    };
    let proofs: Vec<Option<Proof>> = (0..records.len()).map(proof).collect();
    let entry = |(record, proof)| ConsentEntry { record, proof };
    records.into_iter().zip(proofs).map(entry).collect()
}
