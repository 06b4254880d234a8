//! Sends messages. Their rows were written long before; a delivery claims them, checks the present
//! state of contact and campaign, calls the provider, and records the outcome. Not here: which
//! messages there are (`domain/engine`), and how a provider is called (`providers`).
//!
//! A delivery goes in waves (`dispatch`). A wave is at most `CALLS_AT_ONCE_MAX` concurrent calls,
//! each with one message, or with as many as the provider takes at once (`batching`). Before each
//! wave, one batch records which provider is called for which message, and reads the contacts and
//! the states of journeys (`snapshot`). The gate then decides on each message (`eligibility`),
//! frequency caps and warm-up give reservations (`quotas`), and the provider's rate limit schedules
//! each call (`rate_limit`). If a call is scheduled later than `FRESH`, a new snapshot is read and
//! the gate decides again, for that time; the reservations of messages it holds back are released.
//! Any change before a call began therefore counts for it, except in the moments between that read
//! and the call.
//!
//! **At most once.** A message whose call the provider may have acted upon is *uncertain*. It is
//! sent again only to the same provider, only under the key of that call, and only while the
//! provider is certain to know the key. Otherwise it is `unknown`, until the provider reports on
//! it. A batch has one key for all its messages, made of their ids, and the ledger stores it
//! (`messages.call`) before the call is made. If the answer is lost, every retry uses that same
//! key. If all messages are retried, the provider repeats its first answer. If there are fewer,
//! because one was held back in the meantime, the provider refuses the changed body if it had
//! accepted the first one. Either way, nothing is sent twice. A message that was claimed but not
//! yet called for is not uncertain if its worker crashes: the ledger shows that no call had begun.
//!
//! A batch that is refused as a whole, because of one of its messages, is split up: none of it was
//! accepted, and each message is sent alone.
//!
//! A provider that fails repeatedly, or once if the account is at fault, is not called for a while
//! (the circuit breaker, `domain/sending/circuit_breaker.rs`, stored in the table `senders`). The
//! next provider in the list takes over; if there is none, messages wait and lose no attempt. Then
//! one trial call shows whether it works again.
//!
//! What a delivery costs in the database is measured by `tests/native/costs.rs`, and how fast it is
//! by `make bench-send`.

mod batching;
mod context;
mod dispatch;
mod eligibility;
mod quotas;
mod rate_limit;
mod results;
mod snapshot;
pub mod preview;
pub mod render;
pub mod restore_guard;

use crate::domain::base::primitives::{Ids, MessageId, Millis, Span};
use crate::domain::contact::message::Message;
use crate::domain::publication::catalog::Catalog;
use crate::flows::commit::{CommitError, load_versions};
use crate::flows::ports::all;
use crate::flows::ports::{Database, DatabaseError, Http};
use crate::flows::settings::Settings;
use crate::flows::tasks::Work;
use crate::store::circuit_breakers::BreakerRow;
use crate::store::messages::MessageRow;
use crate::store::statement::Rows;
use crate::store::{circuit_breakers, messages};
use batching::Plan;
use context::Wave;
use results::Results;

/// How long a claim on a message lasts: as long as a queue consumer may run on Cloudflare.
const CLAIM: Span = Span::minutes(15);

/// How long after its start a delivery makes no more calls: the remaining messages go back before
/// the claim on them expires.
const TASK_TIME_MAX: Span = Span::minutes(10);

/// The number of outcomes held in memory before they are written: at most this many are lost to the
/// ledger if the worker crashes.
const HELD_MAX: usize = 20;

/// Sends those of these messages that may still be sent, and records the outcome of each.
pub async fn deliver<D: Database, H: Http>(
    db: &D,
    http: &H,
    catalog: &Catalog,
    settings: &Settings,
    ids_wanted: Vec<MessageId>,
    now: Millis,
    ids: &mut Ids,
) -> Result<Vec<Work>, CommitError> {
    let (mut claimed, standing) = claim(db, &ids_wanted, now).await?;
    // The oldest first, wherever there is not room for all.
    claimed.sort_by_key(|message| message.queued_at);
    if claimed.is_empty() {
        return Ok(Vec::new());
    }
    let versions = claimed.iter().map(|message| (message.campaign.clone(), message.version));
    load_versions(db, catalog, versions, now).await?;
    let mut plan = Plan::new(&settings.providers, claimed, standing);
    let (mut ended, mut work, mut result) = (Results::default(), Vec::new(), Ok(()));
    while result.is_ok() {
        let at = now.plus(http.elapsed());
        if at >= now.plus(TASK_TIME_MAX) {
            plan.put_off(at, &mut ended);
        }
        let wave = plan.next_wave(at, &mut ended);
        let is_last = wave.is_empty();
        if !is_last {
            let context = Wave { db, http, catalog, settings, began: now, at };
            result = context.make(wave, &mut plan, &mut ended).await.map_err(CommitError::from);
        }
        if is_last || result.is_err() || ended.count() >= HELD_MAX {
            // Written even after a failure, because an outcome that is not written is lost.
            match std::mem::take(&mut ended).record(db, catalog, plan.news(), at, ids).await {
                Ok(more) => work.extend(more),
                Err(error) => result = result.and(Err(error)),
            }
        }
        if is_last {
            break;
        }
    }
    result.map(|()| work)
}

/// Claims the messages that may be sent, and reads the circuit breakers of the providers. A message
/// that this code cannot read waits until its claim expires, and is retried.
async fn claim<D: Database>(
    db: &D,
    wanted: &[MessageId],
    now: Millis,
) -> Result<(Vec<Message>, Vec<BreakerRow>), DatabaseError> {
    let claim = messages::claim(wanted, now, now.plus(CLAIM));
    let rows = db.batch(vec![claim, circuit_breakers::breakers()]).await?;
    let claimed = rows.first().map(Rows::readable::<MessageRow>).transpose();
    let claimed = claimed.map_err(DatabaseError::Fault)?.unwrap_or_default();
    Ok((claimed.into_iter().map(Message::from).collect(), all(rows.get(1))?))
}
