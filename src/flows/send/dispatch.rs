//! A round: one wave of calls, from the truth to the answers.
//!
//! Each message is judged twice: when the wave begins, so that what has to wait takes no place; and
//! as of the moment at which its call begins, by a truth that is `FRESH`.

use crate::domain::base::primitives::{Millis, Span};
use crate::domain::contact::message::Message;
use crate::domain::contact::message::SmsCost;
use crate::flows::ports::{Database, DatabaseError, Http};
use crate::flows::send::batching::{Plan, Planned, REST};
use crate::flows::send::context::{FRESH, Judged, Passed, READ_AHEAD, Wave};
use crate::flows::send::quotas::admit;
use crate::flows::send::rate_limit::{ScheduledCall, groups};
use crate::flows::send::render::{Composed, compose};
use crate::flows::send::results::{Disposition, Results, failed, pause, settle};
use crate::flows::send::snapshot::{SendSnapshot, begin};
use crate::providers::{BatchResult, Call, Outgoing, SendResult};
use crate::store::short_links::{self, ShortLink};
use futures_util::future::join_all;

/// A call with what it carries, in the same order.
struct Ready<'a> {
    planned: Planned<'a>,
    letters: Vec<Outgoing>,
    /// What each takes, for text messages.
    spent: Vec<Option<SmsCost>>,
    /// Until they are kept.
    short_links: Vec<ShortLink>,
    /// Its turn at the sender.
    at: Millis,
}

/// What became of a group of calls, if the database did not fail.
#[derive(Default)]
struct Made<'a> {
    heard: Vec<(Ready<'a>, BatchResult)>,
    held_back: Vec<(Message, Disposition)>,
    failure: Option<DatabaseError>,
}

impl<D: Database, H: Http> Wave<'_, D, H> {
    /// Reads the truth, takes places, and makes the calls, each when its turn has come.
    pub async fn make(
        &self,
        wave: Vec<Planned<'_>>,
        plan: &mut Plan<'_>,
        ended: &mut Results,
    ) -> Result<(), DatabaseError> {
        let truth = begin(self.db, &wave, self.at).await?;
        let (turns, mut places) = admit(self, wave, &truth, ended).await?;
        let groups = groups(turns, self.at).into_iter();
        let made = join_all(groups.map(|group| self.make_group(group, &truth))).await;
        let (mut stayed, mut failure) = (Vec::new(), None);
        // Whatever becomes of one group: what the others have heard is taken down.
        for group in made {
            for (message, ending) in group.held_back {
                ended.add(&message, ending);
                stayed.push(message);
            }
            for (ready, verdict) in group.heard {
                stayed.extend(self.hear(ready, verdict, plan, ended));
            }
            failure = failure.or(group.failure);
        }
        match failure {
            Some(error) => Err(error),
            None => places.give_back(self.db, &stayed).await,
        }
    }

    /// Makes calls whose turns are near each other. If they come late, the truth is read anew.
    async fn make_group<'a>(
        &self,
        group: Vec<ScheduledCall<'a>>,
        truth: &SendSnapshot,
    ) -> Made<'a> {
        let mut made = Made::default();
        let first = group.first().map_or(self.at, |turn| turn.at);
        let mut anew = None;
        if first > self.at.plus(FRESH) {
            let at = first.minus(READ_AHEAD);
            self.wait_until(at).await;
            match begin(self.db, group.iter().map(|turn| &turn.planned), at).await {
                Ok(truth) => anew = Some(truth),
                Err(error) => return Made { failure: Some(error), ..made },
            }
        }
        let truth = anew.as_ref().unwrap_or(truth);
        let mut ready = Vec::with_capacity(group.len());
        ready.extend(group.into_iter().filter_map(|turn| self.ready(turn, truth, &mut made)));
        if let Err(error) = self.keep_links(&mut ready).await {
            let at = self.at.plus(REST);
            let untried = |message| (message, Disposition::Untried { at, reason: String::new() });
            let messages = ready.into_iter().flat_map(|ready| ready.planned.messages);
            made.held_back.extend(messages.map(untried));
            return Made { failure: Some(error), ..made };
        }
        let verdicts = join_all(ready.iter().map(|ready| self.call(ready))).await;
        made.heard.extend(ready.into_iter().zip(verdicts));
        made
    }

    /// What of a call may leave at its turn, composed; `None` if nothing of it does.
    fn ready<'a>(
        &self,
        turn: ScheduledCall<'a>,
        truth: &SendSnapshot,
        made: &mut Made<'_>,
    ) -> Option<Ready<'a>> {
        let ScheduledCall { mut planned, at } = turn;
        let (mut letters, mut spent, mut short_links) = (Vec::new(), Vec::new(), Vec::new());
        let mut leaving = Vec::with_capacity(planned.messages.len());
        for message in std::mem::take(&mut planned.messages) {
            let passed = match self.judge(&message, truth, at) {
                Judged::Others => continue,
                Judged::Passes(passed) => Ok(passed),
                Judged::Ends(ending) => Err(ending),
            };
            match passed.and_then(|passed| self.compose(&message, passed)) {
                Ok(composed) => {
                    letters.push(composed.outgoing);
                    spent.push(composed.spent);
                    short_links.extend(composed.short_links);
                    leaving.push(message);
                }
                Err(ending) => made.held_back.push((message, ending)),
            }
        }
        planned.messages = leaving;
        if letters.is_empty() {
            return None;
        }
        Some(Ready { planned, letters, spent, short_links, at })
    }

    /// Composes a message; or says what becomes of it instead.
    fn compose(&self, message: &Message, passed: Passed<'_>) -> Result<Composed, Disposition> {
        let over = |reason: String| Disposition::Over(failed(message, reason, false));
        let Passed { rules, contact, to } = passed;
        let composed =
            compose(&rules.edition, contact, message, to, self.settings).map_err(over)?;
        match composed.outgoing.unsafe_header() {
            Some(what) => Err(over(format!("a line break in {what}"))),
            None => Ok(composed),
        }
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

    /// Waits for a moment, if it is still to come.
    async fn wait_until(&self, at: Millis) {
        if at > self.at {
            self.http.wait_until(Span(at.0 - self.began.0)).await;
        }
    }

    /// Makes a call when its turn has come.
    async fn call(&self, ready: &Ready<'_>) -> BatchResult {
        let (Some(call), sender) = (ready.call(), ready.planned.sender) else {
            return BatchResult::Each(Vec::new());
        };
        self.wait_until(ready.at).await;
        match sender.request(call) {
            Some(request) => sender.verdict(call, self.http.send(request).await),
            None => {
                // A matter of configuration, which somebody may mend.
                let reason = format!("{} does not carry such messages", sender.name());
                BatchResult::All(SendResult::Retry { after: None, reason })
            }
        }
    }

    /// Takes down what was answered, and returns the messages that have surely not left by it.
    fn hear(
        &self,
        ready: Ready<'_>,
        verdict: BatchResult,
        plan: &mut Plan<'_>,
        ended: &mut Results,
    ) -> Vec<Message> {
        let Planned { sender, key, messages, .. } = ready.planned;
        plan.heard(sender, &verdict, ready.at);
        let attempts = match verdict {
            // Nothing of it was taken, and one of them may be the only one to blame.
            BatchResult::All(SendResult::Refused(_)) if messages.len() > 1 => {
                plan.take_apart(messages.clone(), ended);
                return messages;
            }
            BatchResult::All(attempt) => vec![attempt; messages.len()],
            BatchResult::Each(attempts) => attempts,
        };
        // Whoever was asked for together is asked for together again.
        let tries = messages.iter().map(|message| message.attempts).max().unwrap_or_default();
        let mut stayed = Vec::new();
        for ((message, spent), attempt) in messages.into_iter().zip(ready.spent).zip(attempts) {
            if !attempt.may_have_left() {
                stayed.push(message.clone());
            }
            // Another may stand in for the sender; or it waits until that one is mended.
            if matches!(attempt, SendResult::Stop(_)) {
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

impl Ready<'_> {
    fn call(&self) -> Option<Call<'_>> {
        let (first, others) = self.letters.split_first()?;
        Some(Call { batch: self.planned.key.as_deref(), first, others, at: self.at })
    }
}
