//! deliver: messages leave. The row was written long before; a claim, the last word of the
//! contact, the call, and the outcome written down.
//!
//! A delivery goes in waves (`round`). A wave is at most `CALLS_AT_ONCE_MAX` calls that are under
//! way together, each with one message, or with as many as the provider takes at once (`calls`).
//! Before each wave one batch writes down who is asked for what and reads the contacts and which
//! journeys run (`truth`); the gate has its word on each message (`gate`); what is counted takes
//! its place (`places`), and each call has its turn at its sender (`turns`). When a turn comes
//! later than `FRESH`, the truth is read anew and the gate asked again, as of that moment; what it
//! holds back gives its places back. So whatever was said before a call began counts for it, but
//! for the moments between that reading and the call.
//!
//! **What leaves once.** A message whose call may have been acted upon is *uncertain*. It goes out
//! again only to the sender that was asked, only under the key of that call, and only while the
//! provider surely knows the key; else it is `unknown`, and stays so until the provider tells. A
//! batch has one key for all its messages, made of their ids, and the ledger keeps it
//! (`messages.call`) before the call is made. If the answer is lost, whatever is asked for again
//! goes under that same key: all of them, and the provider gives its first answer again; or fewer,
//! because one was held back meanwhile, and the provider refuses the changed body if it had taken
//! the first one. Either way, nothing leaves twice. A message that was claimed and not yet called
//! for is not uncertain when its worker dies: the ledger says that no call had begun.
//!
//! A batch that is refused as a whole, because of one of its messages, is taken apart: nothing of
//! it was taken, and each is asked for alone.
//!
//! A sender that fails again and again, or at once if the account is at fault, is left in peace for
//! a while (`domain::breaker`, kept in the table `senders`); the next in the list stands in for it,
//! and where there is none, messages wait and lose no attempt. Then one call shows whether it is in
//! order again.
//!
//! Round trips for up to `MESSAGES_PER_TASK_MAX` messages: one to claim them (2 statements), one a
//! wave (5, and 1 more for broadcasts), and two for every `HELD_MAX` outcomes and at the
//! end (`commit`: 3 to read, 4 to write: events, contacts, messages, counters). One more (1)
//! fetches versions that are not live, one (1) puts back what is tried again, and one a wave (1)
//! keeps the short links of text messages. So a hundred messages in one call are 4 round trips and
//! 14 statements; one by one, in 17 waves, 28 and 122. A sender with a rate costs one more a wave
//! (1), caps and warm-up one (up to 4), places that are given back one (up to 2), and turns that
//! come late one (5) for those within a few seconds. With Resend that is 5 and 15, or 45 and 139
//! (`make bench-send`).

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
use crate::store::messages::MessageRow;
use crate::store::senders::SenderRow;
use crate::store::statement::Rows;
use crate::store::{messages, senders};
use batching::Plan;
use context::Wave;
use results::Results;

/// How long a claim on a message lasts: as long as a queue's consumer may run on Cloudflare.
const CLAIM: Span = Span::minutes(15);

/// How long after its beginning a delivery begins no more calls: what is left goes back, before
/// the claim on it lapses.
const TASK_TIME_MAX: Span = Span::minutes(10);

/// How many outcomes are held in memory before they are written down: so many are not known to the
/// ledger if the worker dies.
const HELD_MAX: usize = 20;

/// Sends those of these messages that still may be sent, and writes down what became of each.
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
    let mut plan = Plan::new(&settings.senders, claimed, standing);
    let (mut ended, mut work, mut result) = (Results::default(), Vec::new(), Ok(()));
    while result.is_ok() {
        let at = now.plus(http.elapsed());
        if at >= now.plus(TASK_TIME_MAX) {
            plan.put_off(at, &mut ended);
        }
        let wave = plan.next_wave(at, &mut ended);
        let is_last = wave.is_empty();
        if !is_last {
            let round = Wave { db, http, catalog, settings, began: now, at };
            result = round.make(wave, &mut plan, &mut ended).await.map_err(CommitError::from);
        }
        if is_last || result.is_err() || ended.count() >= HELD_MAX {
            // Whatever failed before: an outcome that is not written down is lost.
            match std::mem::take(&mut ended).write_down(db, catalog, plan.news(), at, ids).await {
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

/// Claims what may be sent, and asks how the senders have done lately. A message that this code
/// cannot read waits until its claim lapses, and is tried again.
async fn claim<D: Database>(
    db: &D,
    wanted: &[MessageId],
    now: Millis,
) -> Result<(Vec<Message>, Vec<SenderRow>), DatabaseError> {
    let claim = messages::claim(wanted, now, now.plus(CLAIM));
    let rows = db.batch(vec![claim, senders::standing()]).await?;
    let claimed = rows.first().map(Rows::readable::<MessageRow>).transpose();
    let claimed = claimed.map_err(DatabaseError::Fault)?.unwrap_or_default();
    Ok((claimed.into_iter().map(Message::from).collect(), all(rows.get(1))?))
}
