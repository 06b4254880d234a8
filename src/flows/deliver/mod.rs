//! deliver: messages leave. The row was written long before; a claim, the last word of the
//! contact, the call, and the outcome written down.
//!
//! A delivery goes in waves. A wave is at most `CALLS_AT_ONCE_MAX` calls that are under way
//! together, each with one message, or with as many as the provider takes at once (`calls`).
//! Before each wave one batch writes down who is asked for what and reads the contacts and which
//! journeys run (`truth`); then the gate has its word on each message (`gate`). So whatever was
//! said before a call began counts for it, but for the moment between that reading and the call.
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
//! wave (4), and two for every `HELD_MAX` outcomes and at the end (`commit`: 3 to read, 4 to write:
//! events, contacts, messages, counters). One more (1) fetches versions that are not live, and one
//! (1) puts back what is tried again; and one a wave (1) keeps the short links of text messages.
//! So a hundred messages in one call are 4 round trips and 13 statements; one by one, in 17 waves,
//! 28 and 105. A sender with a rate costs one more a wave (2, `places`): with Resend that is 5 and
//! 15, or 45 and 139 (`make bench-send`).

mod calls;
mod gate;
mod outcome;
mod places;
mod truth;

use super::commit::{CommitError, load_versions};
use super::compose::{Composed, compose};
use super::seams::{Database, DatabaseError, Http};
use super::settings::Settings;
use super::task::Work;
use crate::domain::catalog::Catalog;
use crate::domain::contact::Contact;
use crate::domain::message::Message;
use crate::domain::primitives::{Ids, MessageId, Millis, Span};
use crate::domain::texting::Spent;
use crate::providers::{Attempt, Call, Outgoing, Verdict};
use crate::store::messages::MessageRow;
use crate::store::senders::SenderRow;
use crate::store::short_links::ShortLink;
use crate::store::statement::Rows;
use crate::store::{messages, senders, short_links};
use calls::{Plan, Planned};
use futures_util::future::join_all;
use gate::{Gate, Rules, gate};
use outcome::{Ended, Ending, failed, pause, settle};
use places::{Turn, admit};
use serde::de::DeserializeOwned;
use truth::{Truth, begin};

/// How long a claim on a message lasts: as long as a queue's consumer may run on Cloudflare.
const CLAIM: Span = Span::minutes(15);

/// How long after its beginning a delivery begins no more calls: what is left goes back, before
/// the claim on it lapses.
const TASK_TIME_MAX: Span = Span::minutes(10);

/// How many outcomes are held in memory before they are written down: so many are not known to the
/// ledger if the worker dies.
const HELD_MAX: usize = 20;

/// How old the truth may be when a call begins. Calls whose turn at their sender comes later read
/// it anew when it does.
const FRESH: Span = Span::seconds(5);

/// How long before the first of their turns it is read anew.
const READ_AHEAD: Span = Span::seconds(1);

/// How far apart turns may be that one reading of it is good for.
const TOGETHER: Span = Span(FRESH.0 - READ_AHEAD.0);

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
    load_versions(db, catalog, versions).await?;
    let mut plan = Plan::new(&settings.senders, claimed, standing);
    let (mut ended, mut work, mut result) = (Ended::default(), Vec::new(), Ok(()));
    while result.is_ok() {
        let at = now.plus(http.elapsed());
        if at >= now.plus(TASK_TIME_MAX) {
            plan.put_off(at, &mut ended);
        }
        let wave = plan.next_wave(at, &mut ended);
        let is_last = wave.is_empty();
        if !is_last {
            let round = Round { db, http, catalog, settings, began: now, at };
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

/// Claims what may be sent, and asks how the senders have done lately.
async fn claim<D: Database>(
    db: &D,
    wanted: &[MessageId],
    now: Millis,
) -> Result<(Vec<Message>, Vec<SenderRow>), DatabaseError> {
    let claim = messages::claim(wanted, now, now.plus(CLAIM));
    let rows = db.batch(vec![claim, senders::standing()]).await?;
    let claimed = all::<MessageRow>(rows.first())?.into_iter().map(Message::from).collect();
    Ok((claimed, all(rows.get(1))?))
}

fn all<T: DeserializeOwned>(rows: Option<&Rows>) -> Result<Vec<T>, DatabaseError> {
    let rows = rows.map(Rows::all::<T>).transpose().map_err(DatabaseError::Fault)?;
    Ok(rows.unwrap_or_default())
}

/// What one wave of calls works with.
struct Round<'a, D, H> {
    db: &'a D,
    http: &'a H,
    catalog: &'a Catalog,
    settings: &'a Settings,
    /// When the delivery began.
    began: Millis,
    /// When it begins.
    at: Millis,
}

impl<D: Database, H: Http> Round<'_, D, H> {
    /// Reads the truth, asks the gate, and makes the calls, each when its turn has come.
    async fn make(
        &self,
        wave: Vec<Planned<'_>>,
        plan: &mut Plan<'_>,
        ended: &mut Ended,
    ) -> Result<(), DatabaseError> {
        let truth = begin(self.db, &wave, self.at).await?;
        let (turns, mut places) = admit(self, wave, &truth, ended).await?;
        let groups = groups(turns).into_iter().map(|group| self.make_group(group, &truth));
        let (mut result, mut stayed) = (Ok(()), Vec::new());
        // Whatever becomes of one group: what the others have heard is taken down.
        for group in join_all(groups).await {
            for (message, ending) in group.held_back {
                ended.add(&message, ending);
                stayed.push(message);
            }
            for (ready, verdict) in group.heard {
                stayed.extend(self.hear(ready, verdict, plan, ended));
            }
            result = result.and(group.result);
        }
        result?;
        places.give_back(self.db, &stayed).await
    }

    /// Makes calls whose turns are near each other. If they come late, the truth is read anew.
    async fn make_group<'a>(&self, group: Vec<Turn<'a>>, truth: &Truth) -> Made<'a> {
        let mut made = Made { heard: Vec::new(), held_back: Vec::new(), result: Ok(()) };
        let first = group.first().map_or(self.at, |turn| turn.at);
        let mut anew = None;
        if first > self.at.plus(FRESH) {
            // In time for the first turn, so that no call comes later than it should.
            let at = first.minus(READ_AHEAD);
            self.wait_until(at).await;
            match begin(self.db, group.iter().map(|turn| &turn.planned), at).await {
                Ok(truth) => anew = Some(truth),
                Err(error) => {
                    made.result = Err(error);
                    return made;
                }
            }
        }
        let truth = anew.as_ref().unwrap_or(truth);
        let held_back = &mut made.held_back;
        let ready = group.into_iter().filter_map(|turn| self.ready(turn, truth, held_back));
        let mut ready: Vec<Ready<'a>> = ready.collect();
        made.result = self.keep_links(&mut ready).await;
        if made.result.is_err() {
            let at = self.at.plus(calls::REST);
            for message in ready.into_iter().flat_map(|ready| ready.planned.messages) {
                made.held_back.push((message, Ending::Untried { at, reason: String::new() }));
            }
            return made;
        }
        let verdicts = join_all(ready.iter().map(|ready| self.call(ready))).await;
        made.heard = ready.into_iter().zip(verdicts).collect();
        made
    }

    /// Keeps the short links of what is about to leave: one round trip, if there are any. If that
    /// fails, none of it leaves.
    async fn keep_links(&self, ready: &mut [Ready<'_>]) -> Result<(), DatabaseError> {
        let links = ready.iter_mut().flat_map(|ready| std::mem::take(&mut ready.short_links));
        let links: Vec<ShortLink> = links.collect();
        if links.is_empty() {
            return Ok(());
        }
        self.db.batch(vec![short_links::keep(&links, self.at)]).await.map(drop)
    }

    /// What of a call may leave at its turn, composed; `None` if nothing of it does.
    fn ready<'a>(
        &self,
        turn: Turn<'a>,
        truth: &Truth,
        held_back: &mut Vec<(Message, Ending)>,
    ) -> Option<Ready<'a>> {
        let Turn { mut planned, at } = turn;
        let mut letters = Vec::with_capacity(planned.messages.len());
        let mut leaving = Vec::with_capacity(planned.messages.len());
        let (mut spent, mut short_links) = (Vec::new(), Vec::new());
        for message in std::mem::take(&mut planned.messages) {
            // Another worker has claimed it.
            if !truth.is_ours(&message) {
                continue;
            }
            match self.prepare(&message, truth, at) {
                Ok(composed) => {
                    letters.push(composed.outgoing);
                    spent.push(composed.spent);
                    short_links.extend(composed.short_links);
                    leaving.push(message);
                }
                Err(ending) => held_back.push((message, ending)),
            }
        }
        planned.messages = leaving;
        if letters.is_empty() {
            return None;
        }
        Some(Ready { planned, letters, spent, short_links, at })
    }

    /// Asks the gate, or says what becomes of the message instead.
    fn judge<'t>(
        &self,
        message: &Message,
        truth: &'t Truth,
        at: Millis,
    ) -> Result<Passed<'t>, Ending> {
        let Some(rules) = self.rules(message) else {
            let gone = "its version is gone".to_owned();
            return Err(Ending::Over(failed(message, gone, false)));
        };
        match gate(message, truth, &rules, &self.settings.pacing, at) {
            Gate::Open(contact, to) => Ok(Passed { rules, contact, to }),
            Gate::Closed(reason) => Err(Ending::held_back(message, reason)),
            Gate::Later { at, reason } => Err(Ending::Untried { at, reason: reason.to_owned() }),
            Gate::Broken(reason) => {
                let at = at.plus(pause(message.attempts, message.id.as_str()));
                Err(Ending::Again { at, reason, uncertain: false })
            }
        }
    }

    /// Asks the gate once more, and composes; or says what becomes of the message instead.
    fn prepare(&self, message: &Message, truth: &Truth, at: Millis) -> Result<Composed, Ending> {
        let over = |reason: String| Ending::Over(failed(message, reason, false));
        let Passed { rules, contact, to } = self.judge(message, truth, at)?;
        let composed =
            compose(&rules.edition, contact, message, to, self.settings).map_err(over)?;
        match composed.outgoing.unsafe_header() {
            Some(what) => Err(over(format!("a line break in {what}"))),
            None => Ok(composed),
        }
    }

    /// What a message goes by; `None` if its version is gone.
    fn rules(&self, message: &Message) -> Option<Rules> {
        let edition = self.catalog.edition(&message.campaign, message.version)?;
        let live = self.catalog.live_edition(&message.campaign).unwrap_or(&edition).clone();
        Some(Rules { edition, live })
    }

    /// Waits for a moment, if it is still to come.
    async fn wait_until(&self, at: Millis) {
        if at > self.at {
            self.http.wait_until(Span(at.0 - self.began.0)).await;
        }
    }

    /// Makes a call when its turn has come.
    async fn call(&self, ready: &Ready<'_>) -> Verdict {
        let (Some(call), sender) = (ready.call(), ready.planned.sender) else {
            return Verdict::Each(Vec::new());
        };
        self.wait_until(ready.at).await;
        match sender.request(call) {
            Some(request) => sender.verdict(call, self.http.send(request).await),
            None => {
                // A matter of configuration, which somebody may mend.
                let reason = format!("{} does not carry such messages", sender.name());
                Verdict::All(Attempt::Retry { after: None, reason })
            }
        }
    }

    /// Takes down what was answered, and returns the messages that have surely not left by it.
    fn hear(
        &self,
        ready: Ready<'_>,
        verdict: Verdict,
        plan: &mut Plan<'_>,
        ended: &mut Ended,
    ) -> Vec<Message> {
        let Planned { sender, key, messages, .. } = ready.planned;
        plan.heard(sender, &verdict, ready.at);
        let attempts = match verdict {
            // Nothing of it was taken, and one of them may be the only one to blame.
            Verdict::All(Attempt::Refused(_)) if messages.len() > 1 => {
                plan.take_apart(messages.clone(), ended);
                return messages;
            }
            Verdict::All(attempt) => vec![attempt; messages.len()],
            Verdict::Each(attempts) => attempts,
        };
        // Whoever was asked for together is asked for together again.
        let tries = messages.iter().map(|message| message.attempts).max().unwrap_or_default();
        let mut stayed = Vec::new();
        for ((message, spent), attempt) in messages.into_iter().zip(ready.spent).zip(attempts) {
            if !attempt.may_have_left() {
                stayed.push(message.clone());
            }
            // Another may stand in for the sender; or it waits until that one is mended.
            if matches!(attempt, Attempt::Stop(_)) {
                plan.again(message);
                continue;
            }
            let seed = key.as_deref().unwrap_or(message.id.as_str());
            let pause = pause(tries, seed);
            let ending = settle(sender, (&message, spent), attempt, pause, ready.at);
            ended.add(&message, ending);
        }
        stayed
    }
}

/// What the gate lets pass.
struct Passed<'t> {
    rules: Rules,
    contact: &'t Contact,
    to: String,
}

/// What became of a group of calls.
struct Made<'a> {
    heard: Vec<(Ready<'a>, Verdict)>,
    held_back: Vec<(Message, Ending)>,
    result: Result<(), DatabaseError>,
}

/// Puts turns together that one reading of the truth is good for.
fn groups(mut turns: Vec<Turn<'_>>) -> Vec<Vec<Turn<'_>>> {
    turns.sort_by_key(|turn| turn.at);
    let mut groups = Vec::<Vec<Turn<'_>>>::new();
    for turn in turns {
        match groups.last_mut() {
            Some(group) if group.first().is_some_and(|first| turn.at <= first.at.plus(TOGETHER)) => {
                group.push(turn);
            }
            _ => groups.push(vec![turn]),
        }
    }
    groups
}

/// A call with what it carries, in the same order.
struct Ready<'a> {
    planned: Planned<'a>,
    letters: Vec<Outgoing>,
    /// What each takes, for text messages.
    spent: Vec<Option<Spent>>,
    /// Until they are kept.
    short_links: Vec<ShortLink>,
    /// Its turn at the sender.
    at: Millis,
}

impl Ready<'_> {
    fn call(&self) -> Option<Call<'_>> {
        let (first, others) = self.letters.split_first()?;
        Some(Call { batch: self.planned.key.as_deref(), first, others, at: self.at })
    }
}
