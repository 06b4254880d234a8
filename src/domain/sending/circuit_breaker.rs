//! A circuit breaker: a sender that fails again and again is left in peace for a while, then tried
//! with one message. What waits for it meanwhile loses no attempt.

use crate::domain::base::primitives::{Millis, Span};
use serde::{Deserialize, Serialize};

/// After so many calls in a row that failed, a sender is out of order.
pub const FAILURES_MAX: u32 = 5;

/// How long it is left in peace the first time; twice as long each time that the trial fails too.
const REST_MIN: Span = Span::minutes(1);

/// How long at the most.
const REST_MAX: Span = Span::minutes(30);

/// The longest that a provider's word on when to come again is obeyed.
const ASKED_MAX: Span = Span::days(1);

/// How a sender has done lately.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Breaker {
    /// How many calls in a row have failed.
    pub failures: u32,
    /// How many times in a row it was found out of order.
    pub openings: u32,
    /// Until when it is left in peace; `None` if it is in order.
    pub open_until: Option<Millis>,
    /// Why the last call failed.
    pub reason: String,
}

/// Whether a sender may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CircuitState {
    /// It may.
    InOrder,
    /// With one call, to see whether it is in order again.
    OnTrial,
    /// Not before then.
    OutOfOrder(Millis),
}

impl Breaker {
    /// Whether the sender may be called now.
    pub fn standing(&self, now: Millis) -> CircuitState {
        match self.open_until {
            None => CircuitState::InOrder,
            Some(until) if until <= now => CircuitState::OnTrial,
            Some(until) => CircuitState::OutOfOrder(until),
        }
    }

    /// A call was answered, well or not: the sender works.
    pub fn answered(&mut self) {
        *self = Self::default();
    }

    /// A call failed, for a reason that would meet any other too. `at_once`: it need not fail
    /// again. `asked` is how long the provider asked for.
    pub fn failed(&mut self, reason: &str, at_once: bool, asked: Option<Span>, now: Millis) {
        self.failures = self.failures.saturating_add(1);
        self.reason = reason.to_owned();
        let was_open = self.open_until;
        let is_open = was_open.is_some() || at_once || self.failures >= FAILURES_MAX;
        // Calls that were under way together find it out of order once.
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
    fn five_failures_in_a_row_put_a_sender_out_of_order_and_less_do_not() {
        let mut breaker = Breaker::default();
        for _ in 0..FAILURES_MAX - 1 {
            breaker.failed("down", false, None, at(0));
        }
        assert_eq!(breaker.standing(at(0)), CircuitState::InOrder);
        breaker.answered();
        breaker.failed("down", false, None, at(0));
        assert_eq!(breaker.standing(at(0)), CircuitState::InOrder);
        for _ in 1..FAILURES_MAX {
            breaker.failed("down", false, None, at(0));
        }
        assert_eq!(breaker.standing(at(0)), CircuitState::OutOfOrder(at(1)));
    }

    #[test]
    fn each_trial_that_fails_doubles_the_rest_up_to_half_an_hour() {
        let mut breaker = Breaker::default();
        let mut now = at(0);
        let mut rests = Vec::new();
        for _ in 0..7 {
            breaker.failed("401", true, None, now);
            let CircuitState::OutOfOrder(until) = breaker.standing(now) else { panic!() };
            rests.push((until.0 - now.0) / 60_000);
            now = until;
            assert_eq!(breaker.standing(now), CircuitState::OnTrial);
        }
        assert_eq!(rests, [1, 2, 4, 8, 16, 30, 30]);
        breaker.answered();
        assert_eq!(breaker, Breaker::default());
    }

    #[test]
    fn calls_that_fail_together_count_as_one_opening() {
        let mut breaker = Breaker::default();
        for _ in 0..6 {
            breaker.failed("401", true, None, at(0));
        }
        assert_eq!(
            (breaker.openings, breaker.standing(at(0))),
            (1, CircuitState::OutOfOrder(at(1)))
        );
    }

    #[test]
    fn a_provider_may_ask_for_more_but_not_for_ever() {
        let mut breaker = Breaker::default();
        breaker.failed("429", true, Some(Span::hours(2)), at(0));
        assert_eq!(breaker.standing(at(0)), CircuitState::OutOfOrder(at(120)));
        let mut breaker = Breaker::default();
        breaker.failed("429", true, Some(Span::days(900)), at(0));
        assert_eq!(breaker.standing(at(0)), CircuitState::OutOfOrder(at(24 * 60)));
    }
}
