//! Makes one wave of calls, from the snapshot to the results.
//!
//! Each message is checked twice: when the wave begins, so that messages that have to wait take no
//! reservation; and for the time at which its call begins, with a snapshot that is `FRESH`.

use crate::domain::base::primitives::{Millis, Span};
use crate::domain::contact::message::{Message, SmsCost};
use crate::flows::ports::{Database, DatabaseError, Http};
use crate::flows::send::batching::{Plan, Planned, RETRY_WAIT};
use crate::flows::send::context::{Checked, FRESH, Passed, READ_AHEAD, Wave};
use crate::flows::send::quotas::reserve;
use crate::flows::send::rate_limit::{ScheduledCall, groups};
use crate::flows::send::render::{Composed, compose};
use crate::flows::send::results::{Disposition, Results, disposition_of, failed, pause};
use crate::flows::send::snapshot::{SendSnapshot, begin_wave};
use crate::providers::{BatchResult, Call, Outgoing, SendResult};
use crate::store::short_links::{self, ShortLink};
use futures_util::future::join_all;

/// A call with its composed messages, in the same order.
struct Ready<'a> {
    planned: Planned<'a>,
    outgoing: Vec<Outgoing>,
    /// The segments and cost of each SMS.
    spent: Vec<Option<SmsCost>>,
    /// The short links, until they are stored.
    short_links: Vec<ShortLink>,
    /// When the rate limit allows the call.
    at: Millis,
}

/// The results of a group of calls, or a database failure.
#[derive(Default)]
struct GroupResult<'a> {
    results: Vec<(Ready<'a>, BatchResult)>,
    held_back: Vec<(Message, Disposition)>,
    failure: Option<DatabaseError>,
}

impl<D: Database, H: Http> Wave<'_, D, H> {
    /// Reads the snapshot, takes reservations, and makes each call at its scheduled time.
    pub async fn make(
        &self,
        wave: Vec<Planned<'_>>,
        plan: &mut Plan<'_>,
        ended: &mut Results,
    ) -> Result<(), DatabaseError> {
        let snapshot = begin_wave(self.db, &wave, self.at).await?;
        let (turns, mut reservations) = reserve(self, wave, &snapshot, ended).await?;
        let groups = groups(turns, self.at).into_iter();
        let made = join_all(groups.map(|group| self.make_group(group, &snapshot))).await;
        let (mut stayed, mut failure) = (Vec::new(), None);
        // Even if one group failed, the results of the others are recorded.
        for group in made {
            for (message, ending) in group.held_back {
                ended.add(&message, ending);
                stayed.push(message);
            }
            for (ready, result) in group.results {
                stayed.extend(self.record_results(ready, result, plan, ended));
            }
            failure = failure.or(group.failure);
        }
        match failure {
            Some(error) => Err(error),
            None => reservations.release(self.db, &stayed).await,
        }
    }

    /// Makes calls that are scheduled close together. If they are late, reads a new snapshot first.
    async fn make_group<'a>(
        &self,
        group: Vec<ScheduledCall<'a>>,
        snapshot: &SendSnapshot,
    ) -> GroupResult<'a> {
        let mut made = GroupResult::default();
        let first = group.first().map_or(self.at, |turn| turn.at);
        let mut fresh = None;
        if first > self.at.plus(FRESH) {
            let at = first.minus(READ_AHEAD);
            self.wait_until(at).await;
            match begin_wave(self.db, group.iter().map(|turn| &turn.planned), at).await {
                Ok(snapshot) => fresh = Some(snapshot),
                Err(error) => return GroupResult { failure: Some(error), ..made },
            }
        }
        let snapshot = fresh.as_ref().unwrap_or(snapshot);
        let mut ready = Vec::with_capacity(group.len());
        ready.extend(group.into_iter().filter_map(|turn| self.ready(turn, snapshot, &mut made)));
        if let Err(error) = self.keep_links(&mut ready).await {
            let at = self.at.plus(RETRY_WAIT);
            let untried = |message| (message, Disposition::Untried { at, reason: String::new() });
            let messages = ready.into_iter().flat_map(|ready| ready.planned.messages);
            made.held_back.extend(messages.map(untried));
            return GroupResult { failure: Some(error), ..made };
        }
        let results = join_all(ready.iter().map(|ready| self.call(ready))).await;
        made.results.extend(ready.into_iter().zip(results));
        made
    }

    /// Returns a call with the messages that may leave at its scheduled time, composed; `None` if
    /// there are none.
    fn ready<'a>(
        &self,
        turn: ScheduledCall<'a>,
        snapshot: &SendSnapshot,
        made: &mut GroupResult<'_>,
    ) -> Option<Ready<'a>> {
        let ScheduledCall { mut planned, at } = turn;
        let (mut outgoing, mut spent, mut short_links) = (Vec::new(), Vec::new(), Vec::new());
        let mut leaving = Vec::with_capacity(planned.messages.len());
        for message in std::mem::take(&mut planned.messages) {
            let passed = match self.check(&message, snapshot, at) {
                Checked::Others => continue,
                Checked::Passes(passed) => Ok(passed),
                Checked::Ends(ending) => Err(ending),
            };
            match passed.and_then(|passed| self.compose(&message, passed)) {
                Ok(composed) => {
                    outgoing.push(composed.outgoing);
                    spent.push(composed.spent);
                    short_links.extend(composed.short_links);
                    leaving.push(message);
                }
                Err(ending) => made.held_back.push((message, ending)),
            }
        }
        planned.messages = leaving;
        if outgoing.is_empty() {
            return None;
        }
        Some(Ready { planned, outgoing, spent, short_links, at })
    }

    /// Composes a message, or returns its disposition if that fails.
    fn compose(&self, message: &Message, passed: Passed<'_>) -> Result<Composed, Disposition> {
        let over = |reason: String| Disposition::Over(failed(message, reason, false));
        let Passed { rules, contact, to } = passed;
        let composed =
            compose(&rules.published, contact, message, to, self.settings).map_err(over)?;
        match composed.outgoing.unsafe_header() {
            Some(what) => Err(over(format!("a line break in {what}"))),
            None => Ok(composed),
        }
    }

    /// Stores the short links of messages that are about to leave. If that fails, none of
    /// the messages leaves.
    async fn keep_links(&self, ready: &mut [Ready<'_>]) -> Result<(), DatabaseError> {
        let links = ready.iter_mut().flat_map(|ready| std::mem::take(&mut ready.short_links));
        let links: Vec<ShortLink> = links.collect();
        if links.is_empty() {
            return Ok(());
        }
        self.db.batch(vec![short_links::keep(&links, self.at)]).await.map(drop)
    }

    /// Waits until `at`, if that is in the future.
    async fn wait_until(&self, at: Millis) {
        if at > self.at {
            self.http.wait_until(Span(at.0 - self.began.0)).await;
        }
    }

    /// Makes a call at its scheduled time.
    async fn call(&self, ready: &Ready<'_>) -> BatchResult {
        let (Some(call), provider) = (ready.call(), ready.planned.provider) else {
            return BatchResult::Each(Vec::new());
        };
        self.wait_until(ready.at).await;
        match provider.request(call) {
            Some(request) => provider.batch_result(call, self.http.send(request).await),
            None => {
                // This is a configuration error, which an operator may fix.
                let reason = format!("{} does not support this channel", provider.name());
                BatchResult::All(SendResult::Retry { after: None, reason })
            }
        }
    }

    /// Records the results of a call. Returns the messages that certainly did not leave.
    fn record_results(
        &self,
        ready: Ready<'_>,
        result: BatchResult,
        plan: &mut Plan<'_>,
        ended: &mut Results,
    ) -> Vec<Message> {
        let Planned { provider, key, messages, .. } = ready.planned;
        plan.record(provider, &result, ready.at);
        let attempts = match result {
            // None of them was accepted, and a single one may be the cause.
            BatchResult::All(SendResult::Refused(_)) if messages.len() > 1 => {
                plan.take_apart(messages.clone(), ended);
                return messages;
            }
            BatchResult::All(attempt) => vec![attempt; messages.len()],
            BatchResult::Each(attempts) => attempts,
        };
        // Messages that were called for together are retried together.
        let tries = messages.iter().map(|message| message.attempts).max().unwrap_or_default();
        let mut stayed = Vec::new();
        for ((message, spent), attempt) in messages.into_iter().zip(ready.spent).zip(attempts) {
            if !attempt.may_have_left() {
                stayed.push(message.clone());
            }
            // Another provider may take over; otherwise the message waits until this one works
            // again.
            if matches!(attempt, SendResult::Stop(_)) {
                plan.again(message);
                continue;
            }
            let seed = key.as_deref().unwrap_or(message.id.as_str());
            let pause = pause(tries, seed);
            let ending = disposition_of(provider, &message, spent, attempt, pause, ready.at);
            ended.add(&message, ending);
        }
        stayed
    }
}

impl Ready<'_> {
    fn call(&self) -> Option<Call<'_>> {
        let (first, others) = self.outgoing.split_first()?;
        Some(Call { batch: self.planned.key.as_deref(), first, others, at: self.at })
    }
}
