//! A circuit breaker: a provider that keeps failing is not called for a while, then tried with one
//! message. The messages that wait meanwhile lose no attempt.

use crate::domain::base::primitives::{Millis, Span};
use serde::{Deserialize, Serialize};

/// After this many failed calls in a row, the circuit opens.
pub const FAILURES_MAX: u32 = 5;

/// How long the circuit stays open the first time; this doubles each time the trial fails too.
const REST_MIN: Span = Span::minutes(1);

/// The longest that this doubling leads to.
const REST_MAX: Span = Span::minutes(30);

/// The longest wait requested by a provider that is respected.
const ASKED_MAX: Span = Span::days(1);

/// The recent results of calls to a provider.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Breaker {
    /// The number of failed calls in a row.
    pub failures: u32,
    /// How many times in a row the circuit has opened.
    pub openings: u32,
    /// Until when the circuit is open; `None` if it is closed.
    pub open_until: Option<Millis>,
    /// Why the last call failed.
    pub reason: String,
}

/// Whether a provider may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CircuitState {
    /// It may.
    Closed,
    /// It may be called once, to see whether it works again.
    HalfOpen,
    /// Not before this time.
    Open(Millis),
}

impl Breaker {
    /// Returns whether the provider may be called now.
    pub fn state(&self, now: Millis) -> CircuitState {
        match self.open_until {
            None => CircuitState::Closed,
            Some(until) if until <= now => CircuitState::HalfOpen,
            Some(until) => CircuitState::Open(until),
        }
    }

    /// Records that a call was answered, even with a refusal: the provider works.
    pub fn answered(&mut self) {
        *self = Self::default();
    }

    /// Records that a call failed for a reason that would affect any other call too. With `at_once`
    /// the circuit opens without waiting for more failures. `asked` is how long the provider asked
    /// to wait.
    pub fn failed(&mut self, reason: &str, at_once: bool, asked: Option<Span>, now: Millis) {
        self.failures = self.failures.saturating_add(1);
        self.reason = reason.to_owned();
        let was_open = self.open_until;
        let is_open = was_open.is_some() || at_once || self.failures >= FAILURES_MAX;
        // Concurrent calls that fail together open the circuit only once.
        if !is_open || was_open.is_some_and(|until| until > now) {
            return;
        }
        let rest = REST_MIN.0 << self.openings.min(10);
        let rest = rest.min(REST_MAX.0).max(asked.unwrap_or_default().0.min(ASKED_MAX.0));
        self.openings = self.openings.saturating_add(1);
        self.open_until = Some(now.plus(Span(rest)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Millis {
        Millis(Span::minutes(minutes).0)
    }

    #[test]
    fn five_consecutive_failures_open_the_circuit() {
        let mut breaker = Breaker::default();
        for _ in 0..FAILURES_MAX - 1 {
            breaker.failed("down", false, None, at(0));
        }
        assert_eq!(breaker.state(at(0)), CircuitState::Closed);
        breaker.answered();
        breaker.failed("down", false, None, at(0));
        assert_eq!(breaker.state(at(0)), CircuitState::Closed);
        for _ in 1..FAILURES_MAX {
            breaker.failed("down", false, None, at(0));
        }
        assert_eq!(breaker.state(at(0)), CircuitState::Open(at(1)));
    }

    #[test]
    fn failed_probes_double_the_wait_up_to_30_minutes() {
        let mut breaker = Breaker::default();
        let mut now = at(0);
        let mut rests = Vec::new();
        for _ in 0..7 {
            breaker.failed("401", true, None, now);
            let CircuitState::Open(until) = breaker.state(now) else { panic!() };
            rests.push((until.0 - now.0) / 60_000);
            now = until;
            assert_eq!(breaker.state(now), CircuitState::HalfOpen);
        }
        assert_eq!(rests, [1, 2, 4, 8, 16, 30, 30]);
        breaker.answered();
        assert_eq!(breaker, Breaker::default());
    }

    #[test]
    fn concurrent_failures_count_as_one_opening() {
        let mut breaker = Breaker::default();
        for _ in 0..6 {
            breaker.failed("401", true, None, at(0));
        }
        assert_eq!((breaker.openings, breaker.state(at(0))), (1, CircuitState::Open(at(1))));
    }

    #[test]
    fn provider_retry_after_is_honoured_up_to_a_day() {
        let mut breaker = Breaker::default();
        breaker.failed("429", true, Some(Span::hours(2)), at(0));
        assert_eq!(breaker.state(at(0)), CircuitState::Open(at(120)));
        let mut breaker = Breaker::default();
        breaker.failed("429", true, Some(Span::days(900)), at(0));
        assert_eq!(breaker.state(at(0)), CircuitState::Open(at(24 * 60)));
    }
}
