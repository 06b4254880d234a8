//! Results: what a provider's answer means for a message, and writing the outcomes of many
//! messages.

use crate::domain::base::bucketing::bucket_below;
use crate::domain::base::primitives::{Ids, Millis, RecordId, Span};
use crate::domain::contact::message::{ATTEMPTS_MAX, Message, SmsCost, backoff};
use crate::domain::engine::{Input, Outcome};
use crate::domain::publication::catalog::Catalog;
use crate::flows::commit::{Command, CommitError, RecordRef, commit};
use crate::flows::ports::Database;
use crate::flows::tasks::Work;
use crate::flows::tasks::deliveries;
use crate::providers::{Provider, SendResult};
use crate::store::circuit_breakers::BreakerRow;
use crate::store::messages::PutBack;
use crate::store::{circuit_breakers, messages};
use std::collections::BTreeMap;

/// The longest `Retry-After` that is obeyed: a mistaken one must not hold a message back for ever.
const RETRY_AFTER_MAX: Span = Span::days(1);

/// What happens to a claimed message.
pub enum Disposition {
    /// It is finished.
    Over(Outcome),
    /// It is retried. `uncertain` if the provider may have acted upon this attempt.
    Again {
        at: Millis,
        reason: String,
        /// Whether the provider may have acted upon this attempt.
        uncertain: bool,
    },
    /// It could not be tried now, and no attempt is counted.
    Untried {
        /// When it is checked again.
        at: Millis,
        /// A constant of `domain::report::reason`; an empty one keeps the present reason.
        reason: String,
    },
}

impl Disposition {
    /// Returns the disposition of a message that is not sent, for this reason. If an earlier
    /// attempt had no answer, its outcome is unknown.
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

/// The dispositions of messages, until they are written.
#[derive(Default)]
pub struct Results {
    over: BTreeMap<RecordId, Vec<Input>>,
    back: Vec<PutBack>,
}

impl Results {
    /// Records the disposition of a message.
    pub fn add(&mut self, message: &Message, ending: Disposition) {
        let (id, attempt) = (message.id.clone(), message.attempts);
        let (send_at, reason, uncertain, untried) = match ending {
            Disposition::Over(outcome) => {
                let input = Input::Delivered { message: id, attempt, outcome };
                return self.over.entry(message.contact_id.clone()).or_default().push(input);
            }
            Disposition::Again { at, reason, uncertain } => (at, Some(reason), uncertain, false),
            Disposition::Untried { at, reason } => {
                (at, Some(reason).filter(|reason| !reason.is_empty()), false, true)
            }
        };
        let (uncertain, untried) = (uncertain.into(), untried.into());
        self.back.push(PutBack { id, attempt, send_at, reason, uncertain, untried });
    }

    /// Returns the number of dispositions.
    pub fn count(&self) -> usize {
        self.over.values().map(Vec::len).sum::<usize>() + self.back.len()
    }

    /// Writes everything, with the changed circuit breakers, and returns the work that follows.
    pub async fn record<D: Database>(
        self,
        db: &D,
        catalog: &Catalog,
        news: Vec<BreakerRow>,
        now: Millis,
        ids: &mut Ids,
    ) -> Result<Vec<Work>, CommitError> {
        let commands = self.over.into_iter();
        let commands =
            commands.map(|(contact, inputs)| Command { who: RecordRef::Id(contact), inputs });
        // Each write is tried even if the other fails, because what is not written is lost.
        let written = commit(db, catalog, commands.collect(), now, ids).await;
        let mut rest = Vec::new();
        if !self.back.is_empty() {
            rest.push(messages::put_back(&self.back));
        }
        if !news.is_empty() {
            rest.push(circuit_breakers::keep(&news));
        }
        if !rest.is_empty() {
            db.batch(rest).await?;
        }
        Ok(deliveries(&written?))
    }
}

/// Returns how long to wait after this many attempts: the back-off, and up to a quarter more
/// depending on the seed, so that messages that failed together are not retried at the same moment.
pub fn pause(attempts: u32, seed: &str) -> Span {
    let wait = backoff(attempts);
    let quarter = wait.0.unsigned_abs() / 4;
    let more = bucket_below(&format!("{seed}/{attempts}"), quarter);
    Span(wait.0.saturating_add_unsigned(more))
}

/// The most bytes that are kept of a provider's id; theirs have at most some hundred.
const PROVIDER_ID_BYTES_MAX: usize = 500;

/// Returns what a provider's answer means for a message with this SMS cost; `pause` is the minimum
/// wait if it is retried.
pub fn disposition_of(
    provider: &Provider,
    message: &Message,
    spent: Option<SmsCost>,
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
        SendResult::Accepted { mut provider_id, arrived } => {
            provider_id.retain(|c| !c.is_control());
            provider_id.truncate(provider_id.floor_char_boundary(PROVIDER_ID_BYTES_MAX));
            Disposition::Over(Outcome::Accepted { provider_id, arrived, spent })
        }
        SendResult::Refused(reason) => Disposition::Over(failed(message, reason, false)),
        SendResult::Retry { after, reason } => again(after, reason, false),
        SendResult::Busy { after, reason } => {
            let wait = pause.max(after.unwrap_or_default().min(RETRY_AFTER_MAX));
            Disposition::Untried { at: now.plus(wait), reason }
        }
        SendResult::Stop(reason) => Disposition::Untried { at: now.plus(pause), reason },
        SendResult::Lost(reason) if provider.key_lifetime().is_some() => again(None, reason, true),
        SendResult::Lost(reason) | SendResult::Unclear(reason) => {
            Disposition::Over(Outcome::Unknown { reason, spent })
        }
    }
}

/// Returns the outcome of a message that cannot be sent. If this or an earlier attempt had no
/// answer, the outcome is unknown.
pub fn failed(message: &Message, reason: String, uncertain: bool) -> Outcome {
    match uncertain || message.uncertain {
        true => Outcome::Unknown { reason, spent: None },
        false => Outcome::Failed(reason),
    }
}
