//! Consent: what a contact agreed to, for which purpose, on which channel.

use crate::domain::base::primitives::{Channel, MessageId, Millis, QualifiedId, Span};
use serde::{Deserialize, Serialize};

/// Where a contact stands with one purpose on one channel: the newest entry of its ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Consent {
    /// The channel.
    pub channel: Channel,
    /// The purpose.
    pub purpose: String,
    /// What was said last.
    pub state: ConsentState,
    /// Whether the form asked for a confirmation by e-mail before `Granted` counts.
    pub double_opt_in: bool,
    /// The form on which it was given last.
    pub form: Option<QualifiedId>,
    /// The forms that asked for a confirmation before that one, and still wait for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<QualifiedId>,
    /// Whether it was refused before a form asked for it again: then it waits for the owner of the
    /// address, whatever the form says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub was_refused: bool,
    /// When.
    pub at: Millis,
}

/// Why a message may be sent at all (GDPR Art. 6(1), PIPL Art. 13).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LawfulBasis {
    /// The contact agreed.
    #[default]
    Consent,
    /// A contract with the contact needs it.
    Contract,
    /// The sender's interest outweighs the contact's.
    LegitimateInterest,
}

/// What a contact said last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentState {
    /// Agreed on a form.
    Granted,
    /// Agreed, and proved to own the address.
    Confirmed,
    /// Took it back.
    Withdrawn,
}

impl ConsentState {
    /// The word in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Confirmed => "confirmed",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl Consent {
    /// Whether messages may be sent on the strength of it.
    pub fn allows(&self) -> bool {
        match self.state {
            ConsentState::Confirmed => true,
            ConsentState::Granted => !self.double_opt_in,
            ConsentState::Withdrawn => false,
        }
    }

    /// Whether something waits for the confirmation of the address.
    pub fn is_pending(&self) -> bool {
        self.state == ConsentState::Granted && (self.double_opt_in || !self.waiting.is_empty())
    }

    /// Whether it was taken back, and the owner of the address has not agreed again since.
    pub fn is_refused(&self) -> bool {
        self.state == ConsentState::Withdrawn || self.was_refused && self.is_pending()
    }

    /// Whether the link of a confirmation mail gives it. That proves a mailbox: texts that were
    /// refused wait for START from the number itself.
    pub fn waits_for_link(&self) -> bool {
        self.is_pending() && (self.channel == Channel::Email || !self.was_refused)
    }

    /// The forms whose sender is to confirm, in the order they were sent.
    pub fn forms_waiting(&self) -> Vec<QualifiedId> {
        let last = self.form.clone().filter(|_| self.double_opt_in);
        self.waiting.iter().cloned().chain(last).collect()
    }
}

/// How many confirmation mails an address gets in a day, whatever is asked for in its name: a
/// person needs one, and one again when it got lost.
pub const CONFIRMATION_MAILS_A_DAY: usize = 3;

/// The least time between two of them.
pub const CONFIRMATION_MAIL_EVERY: Span = Span::hours(1);

/// When another confirmation mail may leave, after those of these times, oldest first; `None` if
/// one is still to leave, which will do.
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

/// Remembers a mail; only as many as `next_mail` asks about.
pub fn remember_mail(mails: &mut Vec<Millis>, at: Millis) {
    mails.push(at);
    let old = mails.len().saturating_sub(CONFIRMATION_MAILS_A_DAY);
    mails.drain(..old);
}

/// Remembers the mails of somebody else too, who turns out to be the same person.
pub fn remember_mails(mails: &mut Vec<Millis>, others: &[Millis]) {
    let mut all: Vec<Millis> = mails.iter().chain(others).copied().collect();
    all.sort_unstable();
    mails.clear();
    all.into_iter().for_each(|at| remember_mail(mails, at));
}

/// An entry of the append-only ledger: the evidence for one `Consent`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConsentRecord {
    /// The number of the event that recorded it.
    pub seq: i64,
    /// The channel.
    pub channel: Channel,
    /// The purpose.
    pub purpose: String,
    /// What was said.
    pub state: ConsentState,
    /// Where: a form, an unsubscribe link.
    pub source: String,
    /// The form: on which it was given, or whose question was confirmed.
    pub form: Option<QualifiedId>,
    /// The right by which messages are sent.
    pub basis: LawfulBasis,
    /// Whether the words are a separate consent to data leaving the country (PIPL Art. 39).
    pub cross_border: bool,
    /// The exact words agreed to.
    pub text: String,
    /// SHA-256 of these words, in hexadecimal; empty without any.
    pub text_hash: String,
    /// The message whose link was used: for a confirmation, the proof of the mailbox.
    pub message: Option<MessageId>,
    /// A keyed hash of the network address it came from; never the address itself.
    pub origin_hash: String,
    /// When.
    pub at: Millis,
}

/// An entry of the ledger as an auditor reads it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConsentEntry {
    /// What was said.
    #[serde(flatten)]
    pub record: ConsentRecord,
    /// For what was granted: how the owner of the address confirmed it, if it was.
    pub proof: Option<Proof>,
}

/// A confirmation, as the proof of what was granted before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    /// The number of the event that recorded it.
    pub seq: i64,
    /// When.
    pub at: Millis,
    /// The message whose link was used.
    pub message: Option<MessageId>,
    /// A keyed hash of the network address it came from.
    pub origin_hash: String,
}

/// The ledger with each grant beside its confirmation; `records` are a contact's, oldest first.
/// What was taken back in between is confirmed by nothing that follows.
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
