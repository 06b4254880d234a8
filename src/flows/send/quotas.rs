//! Quotas: what is counted before a wave leaves, for frequency caps and the warm-up of new domains.
//! One statement reserves for the whole wave, and the database runs it atomically, so a limit holds
//! regardless of the number of concurrent deliveries.

use crate::domain::base::primitives::{Channel, MessageId, Millis, RecordId, Span};
use crate::domain::contact::Contact;
use crate::domain::contact::message::{Class, Message};
use crate::domain::pacing::domain_of;
use crate::domain::sending::frequency_cap::{ScopedCap, SentMessage, room_at};
use crate::domain::sending::schedule::{PacingCheck, PacingDecision, Wait};
use crate::domain::time::calendar::next_day;
use crate::flows::ports::all;
use crate::flows::ports::{Database, DatabaseError, Http};
use crate::flows::send::batching::Planned;
use crate::flows::send::context::{Checked, Passed, Wave};
use crate::flows::send::eligibility::Rules;
use crate::flows::send::rate_limit::{Deferred, ScheduledCall, schedule_calls};
use crate::flows::send::results::{Disposition, Results};
use crate::flows::send::snapshot::SendSnapshot;
use crate::store::messages::IdRow;
use crate::store::pacing::{self, CapAsk, CapAsked, Taken, WarmUpAsk, WarmUpGiven};
use crate::store::statement::Statement;
use std::collections::{BTreeMap, BTreeSet};

/// The time within which a message with a reservation has left: the wait for the provider's rate
/// limit, and the call. The reservation is dated at its end, so that no two messages are closer
/// together than their reservations.
const LEAVES_WITHIN: Span = Span::minutes(1);

/// How long a message waits that found everything reserved by others a moment before.
const SOON: Span = Span::minutes(1);

/// A message that the gate lets pass.
struct Asking<'a> {
    message: Message,
    contact: &'a Contact,
    rules: Rules,
}

/// Admits the messages of a wave that get a reservation, and postpones the others. Messages that
/// the gate holds back now take no reservation, under a quota or under a rate limit.
pub async fn reserve<'p, D: Database, H: Http>(
    context: &Wave<'_, D, H>,
    mut wave: Vec<Planned<'p>>,
    snapshot: &SendSnapshot,
    ended: &mut Results,
) -> Result<(Vec<ScheduledCall<'p>>, Reservations), DatabaseError> {
    let mut asking = Vec::new();
    for planned in &mut wave {
        planned.messages.retain(|message| match context.check(message, snapshot, context.at) {
            Checked::Others => false,
            Checked::Passes(Passed { rules, contact, .. }) => {
                asking.push(Asking { message: message.clone(), contact, rules });
                true
            }
            Checked::Ends(ending) => {
                ended.add(message, ending);
                false
            }
        });
    }
    // The oldest first.
    asking.sort_by_key(|asking| asking.message.queued_at);
    let mut reservations = Reservations::of(context, &asking);
    let refused = count(context, &asking, &mut reservations).await?;
    for planned in &mut wave {
        planned.put_off(&refused, ended);
    }
    wave.retain(|planned| !planned.messages.is_empty());
    let (mut turns, late) = schedule_calls(context, wave).await?;
    let late = reservations.late(context, &asking, &turns, late);
    for turn in &mut turns {
        turn.planned.put_off(&late, ended);
    }
    turns.retain(|turn| !turn.planned.messages.is_empty());
    let stayed = asking.into_iter().map(|asking| asking.message);
    let stayed: Vec<Message> = stayed.filter(|message| late.contains_key(&message.id)).collect();
    reservations.release(context.db, &stayed).await?;
    Ok((turns, reservations))
}

impl Planned<'_> {
    /// Removes the messages that are not to leave now, and records their disposition; the others
    /// stay.
    fn put_off(&mut self, results: &BTreeMap<MessageId, PacingDecision>, ended: &mut Results) {
        self.messages.retain(|message| match results.get(&message.id) {
            None | Some(PacingDecision::Now) => true,
            Some(PacingDecision::Later { at, wait }) => {
                ended.add(
                    message,
                    Disposition::Untried { at: *at, reason: wait.as_str().to_owned() },
                );
                false
            }
            Some(PacingDecision::Never(reason)) => {
                ended.add(message, Disposition::held_back(message, reason));
                false
            }
        });
    }
}

/// Takes reservations under frequency caps and warm-up limits. Returns a decision for each message
/// that gets none.
async fn count<D: Database, H: Http>(
    context: &Wave<'_, D, H>,
    asking: &[Asking<'_>],
    reservations: &mut Reservations,
) -> Result<BTreeMap<MessageId, PacingDecision>, DatabaseError> {
    let paced: Vec<PacingCheck<'_>> = asking.iter().map(|asking| asking.paced(context)).collect();
    let caps: Vec<Vec<ScopedCap<'_>>> = paced.iter().map(PacingCheck::caps).collect();
    let asks = cap_asks(&paced, &caps, context.at);
    let contacts: BTreeSet<&RecordId> = asks.iter().map(|ask| ask.contact).collect();
    let contacts: Vec<&RecordId> = contacts.into_iter().collect();
    let mut statements: Vec<Statement> = Vec::new();
    if !asks.is_empty() {
        statements.extend([
            pacing::take_caps(&asks, reservations.dated),
            pacing::cap_places(&contacts),
            pacing::forget_places(&contacts, context.at),
        ]);
    }
    let take_days = reservations.take_days();
    let days_at = statements.len();
    let takes_days = take_days.is_some();
    statements.extend(take_days);
    if statements.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows = context.db.batch(statements).await?;
    let mut refused = BTreeMap::new();
    if !asks.is_empty() {
        let got: Vec<IdRow<MessageId>> = all(rows.first())?;
        let got: BTreeSet<MessageId> = got.into_iter().map(|row| row.id).collect();
        let taken: Vec<Taken> = all(rows.get(1))?;
        for (paced, caps) in paced.iter().zip(&caps) {
            if !caps.is_empty() && !got.contains(&paced.message.id) {
                refused.insert(paced.message.id.clone(), capped(paced, caps, &taken, context.at));
            }
        }
        reservations.capped = got;
    }
    if takes_days {
        let given: Vec<WarmUpGiven> = all(rows.get(days_at))?;
        let full = reservations.given(&given, &refused);
        for paced in paced.iter().filter(|paced| full.contains(&paced.message.id)) {
            let result = paced.wait(next_day(context.at), Wait::WarmUp);
            refused.insert(paced.message.id.clone(), result);
        }
    }
    Ok(refused)
}

/// Returns when there is room again for a message without a reservation.
fn capped(
    paced: &PacingCheck<'_>,
    caps: &[ScopedCap<'_>],
    taken: &[Taken],
    now: Millis,
) -> PacingDecision {
    let own = taken.iter().filter(|taken| taken.contact_id == paced.message.contact_id);
    let own: Vec<SentMessage> = own.map(|taken| taken.place.clone()).collect();
    let at = room_at(&paced.message.id, caps, &own, now);
    // There is room: another message of the same wave took precedence.
    paced.wait(at.max(now.plus(SOON)), Wait::Cap)
}

fn cap_asks<'a>(
    paced: &[PacingCheck<'a>],
    caps: &[Vec<ScopedCap<'a>>],
    now: Millis,
) -> Vec<CapAsk<'a>> {
    let mut asks = Vec::new();
    for (index, (asker, caps)) in paced.iter().zip(caps).enumerate() {
        let message = asker.message;
        let before: Vec<&Message> = paced[..index]
            .iter()
            .map(|paced| paced.message)
            .filter(|before| before.contact_id == message.contact_id)
            .collect();
        let asked = |scoped: &ScopedCap<'a>| CapAsked {
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
                channel: message.channel(),
                class: message.class(),
                caps: caps.iter().map(asked).collect(),
            });
        }
    }
    asks
}

impl Asking<'_> {
    fn paced<'a, D, H>(&'a self, context: &'a Wave<'_, D, H>) -> PacingCheck<'a> {
        self.rules.paced(&self.message, self.contact, &context.settings.pacing)
    }
}

/// The demand of a wave for one new domain.
struct DayAsk {
    /// Messages that leave in any case, and count.
    urgent: Vec<MessageId>,
    /// The others, the oldest first.
    others: Vec<MessageId>,
    /// The number of messages that may leave on the day.
    limit: u32,
}

/// The reservations of a wave under frequency caps and warm-up limits.
///
/// A reservation belongs to a message that may have left. A message that did not leave releases its
/// reservation: one whose provider has no capacity for it, one that is held back at its scheduled
/// time, and one that the provider certainly did not accept. Otherwise a waiting message would
/// block others that could go, and a message that is given up in the end would have used a
/// reservation for nothing. When it is due again, it takes a new one.
pub struct Reservations {
    /// The day, in UTC.
    day: String,
    /// The date of the reservations under caps.
    dated: Millis,
    /// By domain.
    asked: BTreeMap<String, DayAsk>,
    /// The messages with a reservation on the day, with their domain.
    held: BTreeMap<MessageId, String>,
    /// The number of unused reservations on the day, by domain.
    unused: BTreeMap<String, usize>,
    /// The messages with a reservation under caps.
    capped: BTreeSet<MessageId>,
}

impl Reservations {
    fn of<D: Database, H: Http>(context: &Wave<'_, D, H>, asking: &[Asking<'_>]) -> Self {
        let mut asked = BTreeMap::<String, DayAsk>::new();
        for asker in asking.iter().filter(|asker| asker.message.channel() == Channel::Email) {
            let live = &asker.rules.live.compiled.campaign;
            let from = live.from.as_ref().unwrap_or(&context.settings.mail_from);
            let domain = domain_of(from);
            let deployment = context.settings.pacing.warm_up.get(&domain);
            let limits = [deployment, live.pacing.warm_up.as_ref()].into_iter().flatten();
            let Some(limit) = limits.filter_map(|warm_up| warm_up.limit(context.at)).min() else {
                continue;
            };
            let new = || DayAsk { urgent: Vec::new(), others: Vec::new(), limit };
            let ask = asked.entry(domain).or_insert_with(new);
            ask.limit = limit.min(ask.limit);
            match asker.message.class() {
                Class::Marketing => ask.others.push(asker.message.id.clone()),
                _ => ask.urgent.push(asker.message.id.clone()),
            }
        }
        let (day, dated) = (context.at.utc_day(), context.at.plus(LEAVES_WITHIN));
        let (held, unused, capped) = <_>::default();
        Self { day, dated, asked, held, unused, capped }
    }

    fn take_days(&self) -> Option<Statement> {
        let ask = |(domain, ask): (&String, &DayAsk)| WarmUpAsk {
            domain: domain.clone(),
            urgent: ask.urgent.len(),
            others: ask.others.len(),
            limit: ask.limit,
        };
        let asks: Vec<WarmUpAsk> = self.asked.iter().map(ask).collect();
        (!asks.is_empty()).then(|| pacing::take_days(&asks, &self.day))
    }

    /// Records the granted reservations, and returns the messages for which the day is full.
    /// Messages that were refused for another reason need none.
    fn given(
        &mut self,
        given: &[WarmUpGiven],
        refused: &BTreeMap<MessageId, PacingDecision>,
    ) -> BTreeSet<MessageId> {
        let mut full = BTreeSet::new();
        for (domain, DayAsk { urgent, others, .. }) in std::mem::take(&mut self.asked) {
            let mut left = given.iter().find(|row| row.domain == domain).map_or(0, |r| r.granted);
            for id in others.into_iter().filter(|id| !refused.contains_key(id)) {
                if left == 0 {
                    full.insert(id);
                    continue;
                }
                left -= 1;
                self.held.insert(id, domain.clone());
            }
            let (idle, urgent): (Vec<_>, Vec<_>) =
                urgent.into_iter().partition(|id| refused.contains_key(id));
            self.held.extend(urgent.into_iter().map(|id| (id, domain.clone())));
            if left + idle.len() > 0 {
                self.unused.insert(domain, left + idle.len());
            }
        }
        full
    }

    /// Returns the decisions for messages that wait for their provider, or whose call is scheduled
    /// on the next day, for which they have no reservation.
    fn late<D: Database, H: Http>(
        &self,
        context: &Wave<'_, D, H>,
        asking: &[Asking<'_>],
        turns: &[ScheduledCall<'_>],
        late: Deferred,
    ) -> BTreeMap<MessageId, PacingDecision> {
        let tomorrow = turns.iter().filter(|turn| turn.at.utc_day() != self.day);
        let tomorrow = tomorrow.flat_map(|turn| {
            let held = turn.planned.messages.iter().filter(|m| self.held.contains_key(&m.id));
            held.map(|message| (message.id.clone(), turn.at, Wait::WarmUp))
        });
        let late = late.into_iter().map(|(id, at)| (id, at, Wait::Rate));
        let all = tomorrow.chain(late).filter_map(|(id, at, wait)| {
            let asking = asking.iter().find(|asking| asking.message.id == id)?;
            Some((id, asking.paced(context).wait(at, wait)))
        });
        all.collect()
    }

    /// Releases what is not used, and the reservations of these messages, which have not left. A
    /// message whose earlier attempt may have left keeps its reservation under caps.
    pub async fn release<D: Database>(
        &mut self,
        db: &D,
        stayed: &[Message],
    ) -> Result<(), DatabaseError> {
        let mut statements = Vec::new();
        for domain in stayed.iter().filter_map(|message| self.held.remove(&message.id)) {
            *self.unused.entry(domain).or_default() += 1;
        }
        let back: Vec<(String, usize)> = std::mem::take(&mut self.unused).into_iter().collect();
        if !back.is_empty() {
            statements.push(pacing::give_back_days(&back, &self.day));
        }
        let back = stayed.iter().filter(|m| self.capped.remove(&m.id) && !m.uncertain);
        let back: Vec<(&RecordId, &MessageId)> = back.map(|m| (&m.contact_id, &m.id)).collect();
        if !back.is_empty() {
            statements.push(pacing::give_back_caps(&back, self.dated));
        }
        if !statements.is_empty() {
            db.batch(statements).await?;
        }
        Ok(())
    }
}
