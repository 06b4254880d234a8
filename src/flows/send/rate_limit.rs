//! Rate limits: when each call of a wave is made.

use crate::domain::base::primitives::{MessageId, Millis, Span};
use crate::domain::contact::message::{Class, Message};
use crate::domain::pacing::Rate;
use crate::flows::ports::all;
use crate::flows::ports::{Database, DatabaseError, Http};
use crate::flows::send::batching::Planned;
use crate::flows::send::context::{FRESH, READ_AHEAD, Wave};
use crate::store::pacing::{self, HORIZON, RateAsk, RateGiven};
use std::collections::BTreeMap;

/// A call that may be made, and its earliest time.
pub struct ScheduledCall<'a> {
    pub planned: Planned<'a>,
    /// When the rate limit allows it.
    pub at: Millis,
}

/// Groups calls that can share one snapshot. The first group uses the snapshot of the wave's start.
pub fn groups(mut turns: Vec<ScheduledCall<'_>>, began: Millis) -> Vec<Vec<ScheduledCall<'_>>> {
    turns.sort_by_key(|turn| turn.at);
    let mut groups = Vec::<Vec<ScheduledCall<'_>>>::new();
    let mut until = began.plus(FRESH);
    for turn in turns {
        match groups.last_mut() {
            Some(group) if turn.at <= until => group.push(turn),
            _ => {
                if turn.at > until {
                    until = turn.at.minus(READ_AHEAD).plus(FRESH);
                }
                groups.push(vec![turn]);
            }
        }
    }
    groups
}

/// The urgency of a call: that of its most urgent message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Urgency {
    /// A person waits for it.
    Urgent,
    /// It has already waited in the line, and its time has come.
    Waited,
    /// It has to join the line, if there is one.
    Fresh,
}

impl Urgency {
    fn of(planned: &Planned<'_>) -> Self {
        let of = |message: &Message| match message.class() {
            Class::Marketing if message.waited => Self::Waited,
            Class::Marketing => Self::Fresh,
            _ => Self::Urgent,
        };
        planned.messages.iter().map(of).min().unwrap_or(Self::Fresh)
    }
}

/// The messages whose call gets no reservation at its provider, and when to try again.
pub type Deferred = Vec<(MessageId, Millis)>;

/// Takes reservations under rate limits. Returns the calls with their times, and the messages that
/// have to wait.
pub async fn schedule_calls<'p, D: Database, H: Http>(
    context: &Wave<'_, D, H>,
    mut wave: Vec<Planned<'p>>,
) -> Result<(Vec<ScheduledCall<'p>>, Deferred), DatabaseError> {
    // The most urgent and oldest first: the sort is stable, so messages of equal urgency keep their
    // order.
    wave.sort_by_key(Urgency::of);
    let mut asks = BTreeMap::<&'static str, RateAsk>::new();
    for planned in &wave {
        let name = planned.provider.name();
        let Some(rate) = context.rate(planned) else { continue };
        let new = || RateAsk { provider: name, gap: rate.gap(), ..RateAsk::default() };
        let ask = asks.entry(name).or_insert_with(new);
        *match Urgency::of(planned) {
            Urgency::Urgent => &mut ask.urgent,
            Urgency::Waited => &mut ask.waited,
            Urgency::Fresh => &mut ask.fresh,
        } += 1;
    }
    let mut given = Vec::<RateGiven>::new();
    let asks: Vec<RateAsk> = asks.into_values().collect();
    if !asks.is_empty() {
        given = all(context.db.batch(vec![pacing::take_rates(&asks, context.at)]).await?.first())?;
    }
    let mut schedules: Vec<Schedule> =
        asks.iter().filter_map(|ask| Schedule::of(ask, &given)).collect();
    let (mut turns, mut late) = (Vec::new(), Deferred::new());
    for planned in wave {
        let schedule =
            schedules.iter_mut().find(|schedule| schedule.provider == planned.provider.name());
        match schedule
            .map_or(Ok(context.at), |schedule| schedule.next(Urgency::of(&planned), context.at))
        {
            Ok(at) => turns.push(ScheduledCall { planned, at: at.max(context.at) }),
            Err(at) => {
                late.extend(planned.messages.iter().map(|message| (message.id.clone(), at)));
                turns.push(ScheduledCall { planned, at });
            }
        }
    }
    Ok((turns, late))
}

/// The reservations of a provider for the calls of a wave, assigned in their order.
struct Schedule {
    provider: &'static str,
    gap: Span,
    given: RateGiven,
    /// The time of the next call with a reservation.
    turn: Millis,
    /// The time of the next call that joins the line.
    queued: Millis,
}

impl Schedule {
    fn of(ask: &RateAsk, given: &[RateGiven]) -> Option<Self> {
        let given = given.iter().find(|given| given.provider == ask.provider)?.clone();
        let before = |at: Millis, calls: usize| Millis(at.0 - ask.gap.0 * calls as i64);
        let turn = before(given.free_at, given.urgent + given.waited + given.fresh);
        let queued = before(given.line_at, ask.fresh - given.fresh);
        Some(Self { provider: ask.provider, gap: ask.gap, given, turn, queued })
    }

    /// Returns the time of the next call, or when to try again.
    fn next(&mut self, urgency: Urgency, now: Millis) -> Result<Millis, Millis> {
        let left = match urgency {
            Urgency::Urgent => &mut self.given.urgent,
            Urgency::Waited => &mut self.given.waited,
            Urgency::Fresh => &mut self.given.fresh,
        };
        if *left > 0 {
            *left -= 1;
            let turn = self.turn;
            self.turn = turn.plus(self.gap);
            return Ok(turn);
        }
        if urgency != Urgency::Fresh {
            return Err(now.plus(HORIZON));
        }
        self.queued = self.queued.plus(self.gap);
        Err(self.queued)
    }
}

impl<D: Database, H: Http> Wave<'_, D, H> {
    /// Returns the rate limit of a call's provider.
    fn rate(&self, planned: &Planned<'_>) -> Option<Rate> {
        let configured = self.settings.pacing.rates.get(planned.provider.name()).cloned();
        configured.or_else(|| planned.provider.rate())
    }
}
