//! Plans calls: which messages go together, to which provider, and in which wave.

use crate::domain::base::primitives::{MessageId, Millis, Span};
use crate::domain::base::token::uuid_of;
use crate::domain::contact::message::Message;
use crate::domain::engine::Outcome;
use crate::domain::sending::circuit_breaker::{Breaker, CircuitState};
use crate::flows::send::results::{Disposition, Results};
use crate::flows::settings::providers::Providers;
use crate::providers::{BatchResult, Provider, SendResult};
use crate::store::circuit_breakers::BreakerRow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The number of concurrent calls: as many connections as a worker may have open at once on
/// Cloudflare.
const CALLS_AT_ONCE_MAX: usize = 6;

/// The number of calls in a row without an answer after which a task stops calling a provider. Each
/// call may take 20 seconds, and a worker that runs out of time leaves messages in an unknown
/// state.
const TIMEOUTS_MAX: usize = 3;

/// How long messages wait for a provider that does not answer, or for the next task.
pub const RETRY_WAIT: Span = Span::minutes(1);

/// How long messages wait for a provider to be configured.
const NO_SENDER_WAIT: Span = Span::hours(1);

/// A planned call, before it is known which of its messages may leave.
pub struct Planned<'a> {
    /// The provider to call.
    pub provider: &'a Provider,
    /// Its idempotency key, if several messages go together.
    pub key: Option<String>,
    /// Sorted by id, so that the same messages always make the same request.
    pub messages: Vec<Message>,
    grouping: Grouping,
}

/// Which other messages a message may be batched with.
#[derive(PartialEq)]
enum Grouping {
    /// Any others.
    Any,
    /// Only those of the earlier call with this key, because the provider may have accepted it.
    Same(String),
    /// None.
    None,
}

/// The messages of a delivery that are not yet in a wave.
pub struct Plan<'a> {
    providers: &'a Providers,
    waiting: VecDeque<Message>,
    /// The messages whose batch was split up.
    apart: BTreeSet<MessageId>,
    /// The number of calls in a row without an answer, by provider.
    timeouts: BTreeMap<&'static str, usize>,
    /// The circuit breakers, by provider.
    breakers: BTreeMap<String, Breaker>,
    /// The providers whose circuit breaker has changed and is not stored yet.
    news: BTreeSet<&'static str>,
}

/// What to do with a message next.
enum Choice<'a> {
    /// Call this provider; with this message alone, if it is on trial.
    Ask(&'a Provider, CircuitState),
    /// Wait for the end of this wave, in which its provider is on trial.
    Wait,
    /// Call no provider.
    End(Disposition),
}

impl<'a> Plan<'a> {
    /// Creates a plan in which all messages wait.
    pub fn new(providers: &'a Providers, messages: Vec<Message>, state: Vec<BreakerRow>) -> Self {
        let (apart, timeouts, news) = <_>::default();
        let breakers = state.into_iter().map(|row| (row.name, row.breaker)).collect();
        Self { providers, waiting: messages.into(), apart, timeouts, breakers, news }
    }

    /// Returns the calls of the next wave; none if no message waits any more. Messages that cannot
    /// be sent at all are ended.
    pub fn next_wave(&mut self, now: Millis, ended: &mut Results) -> Vec<Planned<'a>> {
        let mut wave = Vec::<Planned<'a>>::new();
        for message in std::mem::take(&mut self.waiting) {
            let (provider, state) = match self.choose(&message, &wave, now) {
                Choice::Ask(provider, state) => (provider, state),
                Choice::Wait => {
                    self.waiting.push_back(message);
                    continue;
                }
                Choice::End(ending) => {
                    ended.add(&message, ending);
                    continue;
                }
            };
            let grouping = self.grouping(&message, state);
            let has_room = |planned: &Planned<'_>| {
                grouping != Grouping::None
                    && planned.grouping == grouping
                    && planned.provider.name() == provider.name()
                    && planned.messages.len() < provider.batch_max().min(self.providers.batch_max)
            };
            match wave.iter().position(has_room) {
                Some(index) => wave[index].messages.push(message),
                None if wave.len() < CALLS_AT_ONCE_MAX => {
                    let messages = vec![message];
                    wave.push(Planned { provider, key: None, messages, grouping });
                }
                None => self.waiting.push_back(message),
            }
        }
        for planned in &mut wave {
            planned.messages.sort_by(|a, b| a.id.cmp(&b.id));
            planned.key = match std::mem::replace(&mut planned.grouping, Grouping::None) {
                Grouping::Same(key) => Some(key),
                Grouping::Any if planned.messages.len() > 1 => Some(key_of(&planned.messages)),
                _ => None,
            };
        }
        wave
    }

    /// Chooses the provider for a message, given the calls already planned for this wave.
    fn choose(&self, message: &Message, wave: &[Planned<'_>], now: Millis) -> Choice<'a> {
        let configured = self.providers.of(message);
        let asked = message.provider.as_deref().filter(|_| message.uncertain);
        let mut providers = configured
            .iter()
            // Only the provider that was called before can recognise an accepted message.
            .filter(|provider| asked.is_none_or(|name| provider.name() == name))
            .peekable();
        if message.uncertain {
            let lifetime = providers.peek().and_then(|provider| provider.key_lifetime());
            let since = message.called_at.unwrap_or(message.queued_at);
            if lifetime.is_none_or(|lifetime| now >= since.plus(lifetime)) {
                let reason = "an earlier attempt had no answer".to_owned();
                return Choice::End(Disposition::Over(Outcome::Unknown { reason, spent: None }));
            }
        }
        if providers.peek().is_none() {
            let reason = "no sender is configured for this channel".to_owned();
            return Choice::End(Disposition::Untried { at: now.plus(NO_SENDER_WAIT), reason });
        }
        let (mut earliest, mut waits) = (None::<Millis>, false);
        for provider in providers {
            let until = match self.state(provider, now) {
                CircuitState::Closed => return Choice::Ask(provider, CircuitState::Closed),
                CircuitState::HalfOpen => {
                    if !wave.iter().any(|planned| planned.provider.name() == provider.name()) {
                        return Choice::Ask(provider, CircuitState::HalfOpen);
                    }
                    waits = true;
                    continue;
                }
                CircuitState::Open(until) => until,
            };
            earliest = Some(earliest.map_or(until, |earliest| earliest.min(until)));
        }
        match earliest {
            Some(at) if !waits => {
                Choice::End(Disposition::Untried { at, reason: "sender_out_of_order".to_owned() })
            }
            _ => Choice::Wait,
        }
    }

    fn state(&self, provider: &Provider, now: Millis) -> CircuitState {
        if self.timeouts.get(provider.name()).is_some_and(|calls| *calls >= TIMEOUTS_MAX) {
            return CircuitState::Open(now.plus(RETRY_WAIT));
        }
        let breaker = self.breakers.get(provider.name());
        breaker.map_or(CircuitState::Closed, |breaker| breaker.state(now))
    }

    fn grouping(&self, message: &Message, state: CircuitState) -> Grouping {
        match &message.call {
            Some(key) if message.uncertain => Grouping::Same(key.clone()),
            _ if message.uncertain || self.apart.contains(&message.id) => Grouping::None,
            _ if state == CircuitState::HalfOpen => Grouping::None,
            _ => Grouping::Any,
        }
    }

    /// Records the result of a call to a provider.
    pub fn record(&mut self, provider: &Provider, result: &BatchResult, now: Millis) {
        let timed_out = matches!(result, BatchResult::All(SendResult::Lost(_)));
        let count = self.timeouts.entry(provider.name()).or_default();
        *count = if timed_out { *count + 1 } else { 0 };
        if !provider.has_circuit_breaker() {
            return;
        }
        let failure = match result {
            BatchResult::All(attempt) => failure(attempt),
            // Each message has its own result, and at least one of them shows a fault of the
            // account.
            BatchResult::Each(attempts) => {
                let mut stops = attempts.iter().filter(|one| matches!(one, SendResult::Stop(_)));
                stops.next().and_then(failure)
            }
        };
        let breaker = self.breakers.entry(provider.name().to_owned()).or_default();
        match failure {
            Some((reason, at_once, asked)) => breaker.failed(reason, at_once, asked, now),
            None if *breaker == Breaker::default() => return,
            None => breaker.answered(),
        }
        self.news.insert(provider.name());
    }

    /// Returns the circuit breakers that have changed and are not stored yet.
    pub fn news(&mut self) -> Vec<BreakerRow> {
        let news = std::mem::take(&mut self.news).into_iter();
        let row = |name: &str| {
            let breaker = self.breakers.get(name)?.clone();
            Some(BreakerRow { name: name.to_owned(), breaker })
        };
        news.filter_map(row).collect()
    }

    /// Puts a message back that the provider did not accept.
    pub fn again(&mut self, message: Message) {
        self.waiting.push_back(message);
    }

    /// Puts messages back that were refused as a batch, none of which was accepted; each goes
    /// alone. For an uncertain message, the result of the earlier attempt stays unknown.
    pub fn take_apart(&mut self, messages: Vec<Message>, ended: &mut Results) {
        for message in messages {
            if message.uncertain {
                let reason = "refused after an attempt without an answer".to_owned();
                ended.add(&message, Disposition::Over(Outcome::Unknown { reason, spent: None }));
                continue;
            }
            self.apart.insert(message.id.clone());
            self.waiting.push_back(message);
        }
    }

    /// Postpones everything that still waits, because the task has no time left.
    pub fn put_off(&mut self, now: Millis, ended: &mut Results) {
        for message in std::mem::take(&mut self.waiting) {
            let (at, reason) = (now.plus(RETRY_WAIT), String::new());
            ended.add(&message, Disposition::Untried { at, reason });
        }
    }
}

/// Returns the failure that would affect any other message too: the reason, whether one occurrence
/// is enough to open the circuit breaker, and how long the provider asked to wait.
fn failure(attempt: &SendResult) -> Option<(&str, bool, Option<Span>)> {
    match attempt {
        SendResult::Lost(reason) => Some((reason, false, None)),
        SendResult::Busy { after, reason } => Some((reason, false, *after)),
        SendResult::Stop(reason) => Some((reason, true, None)),
        SendResult::Accepted { .. }
        | SendResult::Retry { .. }
        | SendResult::Refused(_)
        | SendResult::Unclear(_) => None,
    }
}

/// Returns the key of a call that carries these messages for the first time: the same messages
/// always have the same key, and no others have it.
fn key_of(messages: &[Message]) -> String {
    let ids: Vec<&str> = messages.iter().map(|message| message.id.as_str()).collect();
    uuid_of(&ids.join(" "))
}
