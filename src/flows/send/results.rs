//! Outcomes: what an answer means for a message, and the writing down of what became of many.

use crate::domain::base::bucketing::below;
use crate::domain::base::primitives::{ContactId, Ids, Millis, Span};
use crate::domain::contact::message::SmsCost;
use crate::domain::contact::message::{ATTEMPTS_MAX, Message, backoff};
use crate::domain::engine::{Input, Outcome};
use crate::domain::publication::catalog::Catalog;
use crate::flows::commit::{Command, CommitError, ContactRef, commit};
use crate::flows::ports::Database;
use crate::flows::tasks::Work;
use crate::flows::tasks::deliveries;
use crate::providers::{SendResult, Sender};
use crate::store::messages::PutBack;
use crate::store::senders::SenderRow;
use crate::store::{messages, senders};
use std::collections::BTreeMap;

/// The longest that a provider's `Retry-After` is obeyed: a mistaken one must not hold a message
/// back for ever.
const RETRY_AFTER_MAX: Span = Span::days(1);

/// What became of a claimed message.
pub enum Disposition {
    /// It goes no further.
    Over(Outcome),
    /// It is tried again then. `uncertain` if this attempt may have been acted upon.
    Again {
        /// When.
        at: Millis,
        /// Why.
        reason: String,
        /// Whether this attempt may have been acted upon.
        uncertain: bool,
    },
    /// It was not its turn, and no attempt is counted.
    Untried {
        /// When it is looked at again.
        at: Millis,
        /// Why, as a word of `domain::reason`; empty leaves the reason that there is.
        reason: String,
    },
}

impl Disposition {
    /// The end of a message that is not sent, for this reason. If an earlier attempt had no
    /// answer, nobody knows whether that one was taken.
    pub fn held_back(message: &Message, reason: &'static str) -> Self {
        Self::Over(match message.uncertain {
            false => Outcome::Skipped(reason),
            true => {
                let words = format!("held back ({reason}) after an attempt without an answer");
                Outcome::Unknown { reason: words, spent: None }
            }
        })
    }
}

/// What became of messages, until it is written down.
#[derive(Default)]
pub struct Results {
    over: BTreeMap<ContactId, Vec<Input>>,
    back: Vec<PutBack>,
}

impl Results {
    /// Takes down what became of a message.
    pub fn add(&mut self, message: &Message, ending: Disposition) {
        let (id, attempt) = (message.id.clone(), message.attempts);
        let (send_at, reason, uncertain, untried) = match ending {
            Disposition::Over(outcome) => {
                let happening = Input::Delivered { message: id, attempt, outcome };
                return self.over.entry(message.contact_id.clone()).or_default().push(happening);
            }
            Disposition::Again { at, reason, uncertain } => (at, Some(reason), uncertain, false),
            Disposition::Untried { at, reason } => {
                (at, Some(reason).filter(|reason| !reason.is_empty()), false, true)
            }
        };
        let (uncertain, untried) = (uncertain.into(), untried.into());
        self.back.push(PutBack { id, attempt, send_at, reason, uncertain, untried });
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.over.values().map(Vec::len).sum::<usize>() + self.back.len()
    }

    /// Writes everything down, with how senders have done, and returns what follows from it.
    pub async fn write_down<D: Database>(
        self,
        db: &D,
        catalog: &Catalog,
        news: Vec<SenderRow>,
        now: Millis,
        ids: &mut Ids,
    ) -> Result<Vec<Work>, CommitError> {
        let cases = self.over.into_iter();
        let cases =
            cases.map(|(contact, happenings)| Command { who: ContactRef::Id(contact), happenings });
        // Both are tried, whatever becomes of the other: what is not written down is lost.
        let written = commit(db, catalog, cases.collect(), now, ids).await;
        let mut rest = Vec::new();
        if !self.back.is_empty() {
            rest.push(messages::put_back(&self.back));
        }
        if !news.is_empty() {
            rest.push(senders::keep(&news));
        }
        if !rest.is_empty() {
            db.batch(rest).await?;
        }
        Ok(deliveries(&written?))
    }
}

/// How long to wait after so many attempts: the back-off, and up to a quarter more by a share of
/// the seed, so that what failed together does not come again in one moment.
pub fn pause(attempts: u32, seed: &str) -> Span {
    let wait = backoff(attempts);
    let quarter = wait.0.unsigned_abs() / 4;
    let more = below(&format!("{seed}/{attempts}"), quarter);
    Span(wait.0.saturating_add_unsigned(more))
}

/// What a provider's answer means for the message, which took so much; `pause` is how long it waits
/// at least, if it is tried again.
pub fn settle(
    sender: &Sender,
    (message, spent): (&Message, Option<SmsCost>),
    answer: SendResult,
    pause: Span,
    now: Millis,
) -> Disposition {
    let again = |after: Option<Span>, reason: String, uncertain: bool| {
        if message.attempts >= ATTEMPTS_MAX {
            return Disposition::Over(failed(message, reason, uncertain));
        }
        let wait = pause.max(after.unwrap_or_default().min(RETRY_AFTER_MAX));
        Disposition::Again { at: now.plus(wait), reason, uncertain }
    };
    match answer {
        SendResult::Accepted { provider_id, arrived } => {
            Disposition::Over(Outcome::Accepted { provider_id, arrived, spent })
        }
        SendResult::Refused(reason) => Disposition::Over(failed(message, reason, false)),
        SendResult::Retry { after, reason } => again(after, reason, false),
        SendResult::Busy { after, reason } => {
            let wait = pause.max(after.unwrap_or_default().min(RETRY_AFTER_MAX));
            Disposition::Untried { at: now.plus(wait), reason }
        }
        SendResult::Stop(reason) => Disposition::Untried { at: now.plus(pause), reason },
        SendResult::Lost(reason) if sender.key_lifetime().is_some() => again(None, reason, true),
        SendResult::Lost(reason) | SendResult::Unclear(reason) => {
            Disposition::Over(Outcome::Unknown { reason, spent })
        }
    }
}

/// The end of a message that cannot be sent. If this or an earlier attempt had no answer, nobody
/// knows whether that one was taken.
pub fn failed(message: &Message, reason: String, uncertain: bool) -> Outcome {
    match uncertain || message.uncertain {
        true => Outcome::Unknown { reason, spent: None },
        false => Outcome::Failed(reason),
    }
}
