//! Places: what has to be counted before a wave leaves. Caps on what a contact gets and the days of
//! a new domain are one round trip (up to 4 statements), the rates of senders another (1), each
//! only where the wave has something that they limit. A statement takes for the whole wave, and
//! the database lets nobody come between; so a limit holds however many deliveries are under way.

use super::Round;
use super::all;
use super::calls::Planned;
use super::gate::{Gate, Rules, gate};
use super::outcome::{Ended, Ending};
use super::truth::Truth;
use crate::domain::contact::Contact;
use crate::domain::message::{Class, Message};
use crate::domain::pacing::caps::{Place, Scoped, room_at};
use crate::domain::pacing::rates::{Rate, domain_of, next_day};
use crate::domain::pacing::{Paced, Verdict, Wait};
use crate::domain::primitives::{Channel, ContactId, MessageId, Millis, Span};
use crate::flows::seams::{Database, DatabaseError, Http};
use crate::store::messages::IdRow;
use crate::store::pacing::{
    self, AHEAD, CapAsk, CapAsked, RateAsk, RateGiven, Taken, WarmUpAsk, WarmUpGiven,
};
use crate::store::statement::Statement;
use std::collections::{BTreeMap, BTreeSet};

/// By when a message has left that got a place: the wave's turn at its sender, and the call. Until
/// then its place is dated, so that no two messages are nearer to each other than their places.
const LEAVES_WITHIN: Span = Span::minutes(1);

/// How long a message waits that came when others had just taken what there was.
const SOON: Span = Span::minutes(1);

/// A call that may be made, and not before when.
pub struct Turn<'a> {
    /// The call.
    pub planned: Planned<'a>,
    /// Its turn at the sender.
    pub at: Millis,
}

/// A message that the gate lets pass.
struct Asking<'a> {
    message: &'a Message,
    contact: &'a Contact,
    rules: Rules,
}

/// Lets of a wave leave what finds a place, and puts the rest off.
pub async fn admit<'p, D: Database, H: Http>(
    round: &Round<'_, D, H>,
    mut wave: Vec<Planned<'p>>,
    truth: &Truth,
    ended: &mut Ended,
) -> Result<Vec<Turn<'p>>, DatabaseError> {
    let messages = wave.iter().flat_map(|planned| &planned.messages);
    let mut asking: Vec<Asking<'_>> = messages.filter_map(|m| ask(round, m, truth)).collect();
    // The oldest first.
    asking.sort_by_key(|asking| asking.message.queued_at);
    let mut days = Days::of(round, &asking);
    let refused = count(round, &asking, &mut days).await?;
    for planned in &mut wave {
        planned.put_off(&refused, ended);
    }
    wave.retain(|planned| !planned.messages.is_empty());
    let (turns, late) = turns(round, wave).await?;
    let late = round.verdicts(late, truth);
    let mut left = Vec::with_capacity(turns.len());
    for mut turn in turns {
        turn.planned.put_off(&late, ended);
        if !turn.planned.messages.is_empty() {
            left.push(turn);
        }
    }
    days.give_back(round.db, &late).await?;
    Ok(left)
}

fn ask<'a, D: Database, H: Http>(
    round: &Round<'_, D, H>,
    message: &'a Message,
    truth: &'a Truth,
) -> Option<Asking<'a>> {
    let rules = round.rules(message)?;
    let Gate::Open(contact, _) = gate(message, truth, &rules, &round.settings.pacing, round.at)
    else {
        return None;
    };
    truth.is_ours(message).then_some(Asking { message, contact, rules })
}

impl Planned<'_> {
    /// Ends the messages that a verdict is about; the others stay.
    fn put_off(&mut self, verdicts: &BTreeMap<MessageId, Verdict>, ended: &mut Ended) {
        self.messages.retain(|message| match verdicts.get(&message.id) {
            None | Some(Verdict::Now) => true,
            Some(Verdict::Later { at, wait }) => {
                ended.add(message, Ending::Untried { at: *at, reason: wait.word().to_owned() });
                false
            }
            Some(Verdict::Never(reason)) => {
                ended.add(message, Ending::held_back(message, reason));
                false
            }
        });
    }
}

/// Takes places under caps, and on the days of new domains; what finds none has a verdict.
async fn count<D: Database, H: Http>(
    round: &Round<'_, D, H>,
    asking: &[Asking<'_>],
    days: &mut Days,
) -> Result<BTreeMap<MessageId, Verdict>, DatabaseError> {
    let paced: Vec<Paced<'_>> = asking.iter().map(|asking| asking.paced(round)).collect();
    let caps: Vec<Vec<Scoped<'_>>> = paced.iter().map(Paced::caps).collect();
    let asks = cap_asks(&paced, &caps, round.at);
    let contacts: BTreeSet<&ContactId> = asks.iter().map(|ask| ask.contact).collect();
    let contacts: Vec<&ContactId> = contacts.into_iter().collect();
    let mut statements: Vec<Statement> = Vec::new();
    if !asks.is_empty() {
        statements.extend([
            pacing::take_caps(&asks, round.at.plus(LEAVES_WITHIN)),
            pacing::cap_places(&contacts),
            pacing::forget_places(&contacts, round.at),
        ]);
    }
    let take_days = days.take(round.at);
    let days_at = statements.len();
    let takes_days = take_days.is_some();
    statements.extend(take_days);
    if statements.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows = round.db.batch(statements).await?;
    let mut refused = BTreeMap::new();
    if !asks.is_empty() {
        let got: Vec<IdRow<MessageId>> = all(rows.first())?;
        let got: BTreeSet<MessageId> = got.into_iter().map(|row| row.id).collect();
        let taken: Vec<Taken> = all(rows.get(1))?;
        for (paced, caps) in paced.iter().zip(&caps) {
            if !caps.is_empty() && !got.contains(&paced.message.id) {
                refused.insert(paced.message.id.clone(), capped(paced, caps, &taken, round.at));
            }
        }
    }
    if takes_days {
        let given: Vec<WarmUpGiven> = all(rows.get(days_at))?;
        let full = days.given(&given, &refused);
        for paced in paced.iter().filter(|paced| full.contains(&paced.message.id)) {
            let verdict = paced.wait(next_day(round.at), Wait::WarmUp);
            refused.insert(paced.message.id.clone(), verdict);
        }
    }
    Ok(refused)
}

/// When there is room again for a message that found none.
fn capped(paced: &Paced<'_>, caps: &[Scoped<'_>], taken: &[Taken], now: Millis) -> Verdict {
    let own = taken.iter().filter(|taken| taken.contact_id == paced.message.contact_id);
    let own: Vec<Place> = own.map(|taken| taken.place.clone()).collect();
    let at = room_at(&paced.message.id, caps, &own, now);
    // There is room: another of the same wave went before it.
    paced.wait(at.max(now.plus(SOON)), Wait::Cap)
}

fn cap_asks<'a>(paced: &[Paced<'a>], caps: &[Vec<Scoped<'a>>], now: Millis) -> Vec<CapAsk<'a>> {
    let mut asks = Vec::new();
    for (index, (asker, caps)) in paced.iter().zip(caps).enumerate() {
        let message = asker.message;
        let before: Vec<&Message> = paced[..index]
            .iter()
            .map(|paced| paced.message)
            .filter(|before| before.contact_id == message.contact_id)
            .collect();
        let asked = |scoped: &Scoped<'a>| CapAsked {
            most: scoped.cap.messages,
            since: now.minus(scoped.cap.within),
            channel: scoped.cap.channel,
            campaign: scoped.campaign,
            classes: scoped.cap.class.words(),
            ahead: before.iter().filter(|before| scoped.counts(before)).count(),
        };
        if !caps.is_empty() {
            asks.push(CapAsk {
                contact: &message.contact_id,
                message: &message.id,
                campaign: &message.campaign,
                channel: message.channel,
                class: message.class,
                caps: caps.iter().map(asked).collect(),
            });
        }
    }
    asks
}

impl Asking<'_> {
    fn paced<'a, D, H>(&'a self, round: &'a Round<'_, D, H>) -> Paced<'a> {
        self.rules.paced(self.message, self.contact, &round.settings.pacing)
    }
}

/// What a wave asks of the days of new domains, and what it was given.
#[derive(Default)]
struct Days {
    /// By domain: how many leave in any case, those that ask, and how many may leave.
    asked: BTreeMap<String, (usize, Vec<MessageId>, u32)>,
    /// Messages that hold a place, with their domain.
    held: BTreeMap<MessageId, String>,
    /// Places that were given and are not used.
    unused: BTreeMap<String, usize>,
    day: String,
}

impl Days {
    fn of<D: Database, H: Http>(round: &Round<'_, D, H>, asking: &[Asking<'_>]) -> Self {
        let mut days = Self { day: round.at.utc_day(), ..Self::default() };
        for asker in asking.iter().filter(|asker| asker.message.channel == Channel::Email) {
            let live = &asker.rules.live.compiled.campaign;
            let from = live.from.as_ref().unwrap_or(&round.settings.mail_from);
            let domain = domain_of(from);
            let house = round.settings.pacing.warm_up.get(&domain);
            let limits = [house, live.pacing.warm_up.as_ref()].into_iter().flatten();
            let Some(limit) = limits.filter_map(|warm_up| warm_up.limit(round.at)).min() else {
                continue;
            };
            let (urgent, others, least) =
                days.asked.entry(domain).or_insert_with(|| (0, Vec::new(), limit));
            *least = limit.min(*least);
            match asker.message.class {
                Class::Marketing => others.push(asker.message.id.clone()),
                _ => *urgent += 1,
            }
        }
        days
    }

    fn take(&self, now: Millis) -> Option<Statement> {
        let ask = |(domain, (urgent, others, limit)): (&String, &(usize, Vec<_>, u32))| WarmUpAsk {
            domain: domain.clone(),
            urgent: *urgent,
            others: others.len(),
            limit: *limit,
        };
        let asks: Vec<WarmUpAsk> = self.asked.iter().map(ask).collect();
        (!asks.is_empty()).then(|| pacing::take_days(&asks, &now.utc_day()))
    }

    /// Takes down what was given, and returns the messages for which the day is full. What was
    /// refused otherwise needs no place.
    fn given(
        &mut self,
        given: &[WarmUpGiven],
        refused: &BTreeMap<MessageId, Verdict>,
    ) -> BTreeSet<MessageId> {
        let mut full = BTreeSet::new();
        for (domain, (_, others, _)) in std::mem::take(&mut self.asked) {
            let mut left = given.iter().find(|row| row.domain == domain).map_or(0, |r| r.granted);
            for id in others.into_iter().filter(|id| !refused.contains_key(id)) {
                if left == 0 {
                    full.insert(id);
                    continue;
                }
                left -= 1;
                self.held.insert(id, domain.clone());
            }
            if left > 0 {
                self.unused.insert(domain, left);
            }
        }
        full
    }

    /// Gives back what is not used, those of messages that wait for their sender among it.
    async fn give_back<D: Database>(
        mut self,
        db: &D,
        late: &BTreeMap<MessageId, Verdict>,
    ) -> Result<(), DatabaseError> {
        for domain in late.keys().filter_map(|id| self.held.get(id)) {
            *self.unused.entry(domain.clone()).or_default() += 1;
        }
        let back: Vec<(String, usize)> = self.unused.into_iter().collect();
        if !back.is_empty() {
            db.batch(vec![pacing::give_back_days(&back, &self.day)]).await?;
        }
        Ok(())
    }
}

/// How urgent a call is: as its most urgent message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Urgency {
    /// Somebody waits for it.
    Urgent,
    /// Its turn in the line has come.
    Waited,
    /// It queues up where there is a line.
    Fresh,
}

impl Urgency {
    fn of(planned: &Planned<'_>) -> Self {
        let of = |message: &Message| match message.class {
            Class::Marketing if message.waited => Self::Waited,
            Class::Marketing => Self::Fresh,
            _ => Self::Urgent,
        };
        planned.messages.iter().map(of).min().unwrap_or(Self::Fresh)
    }
}

/// Messages whose call finds no place at its sender, and when it may.
type Late = Vec<(Message, Millis)>;

/// Takes places at senders with a rate: the calls with their turns, and what has to wait.
async fn turns<'p, D: Database, H: Http>(
    round: &Round<'_, D, H>,
    mut wave: Vec<Planned<'p>>,
) -> Result<(Vec<Turn<'p>>, Late), DatabaseError> {
    // The oldest and most urgent first; the sort keeps the order of the others.
    wave.sort_by_key(Urgency::of);
    let mut asks = BTreeMap::<&'static str, RateAsk>::new();
    for planned in &wave {
        let name = planned.sender.name();
        let Some(rate) = round.rate(planned) else { continue };
        let new = || RateAsk { sender: name, gap: rate.gap(), ..RateAsk::default() };
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
        given = all(round.db.batch(vec![pacing::take_rates(&asks, round.at)]).await?.first())?;
    }
    let mut lines: Vec<Line> = asks.iter().filter_map(|ask| Line::of(ask, &given)).collect();
    let (mut turns, mut late) = (Vec::new(), Late::new());
    for planned in wave {
        let line = lines.iter_mut().find(|line| line.sender == planned.sender.name());
        match line.map_or(Ok(round.at), |line| line.next(Urgency::of(&planned), round.at)) {
            Ok(at) => turns.push(Turn { planned, at: at.max(round.at) }),
            Err(at) => {
                late.extend(planned.messages.iter().map(|message| (message.clone(), at)));
                turns.push(Turn { planned, at });
            }
        }
    }
    Ok((turns, late))
}

/// What a sender gave to the calls of a wave, to be handed out in their order.
struct Line {
    sender: &'static str,
    gap: Span,
    given: RateGiven,
    /// The turn of the next call that has a place.
    turn: Millis,
    /// The turn of the next one that queues up.
    queued: Millis,
}

impl Line {
    fn of(ask: &RateAsk, given: &[RateGiven]) -> Option<Self> {
        let given = given.iter().find(|given| given.sender == ask.sender)?.clone();
        let before = |at: Millis, calls: usize| Millis(at.0 - ask.gap.0 * calls as i64);
        let turn = before(given.free_at, given.urgent + given.waited + given.fresh);
        let queued = before(given.line_at, ask.fresh - given.fresh);
        Some(Self { sender: ask.sender, gap: ask.gap, given, turn, queued })
    }

    /// The turn of the next call; or when it is asked for again.
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
            return Err(now.plus(AHEAD));
        }
        self.queued = self.queued.plus(self.gap);
        Err(self.queued)
    }
}

impl<D: Database, H: Http> Round<'_, D, H> {
    /// How fast the sender of a call may be called.
    fn rate(&self, planned: &Planned<'_>) -> Option<Rate> {
        let configured = self.settings.pacing.rates.get(planned.sender.name()).cloned();
        configured.or_else(|| planned.sender.rate())
    }

    /// What becomes of messages that wait for their sender.
    fn verdicts(&self, late: Late, truth: &Truth) -> BTreeMap<MessageId, Verdict> {
        let verdict = |(message, at): (Message, Millis)| {
            let plain = Verdict::Later { at, wait: Wait::Rate };
            let asking = ask(self, &message, truth);
            let verdict = asking.map_or(plain, |a| a.paced(self).wait(at, Wait::Rate));
            (message.id.clone(), verdict)
        };
        late.into_iter().map(verdict).collect()
    }
}
