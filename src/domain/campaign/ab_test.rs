//! Compares variants: which one did better, and whether the difference can be chance.
//!
//! Two rates are compared by Fisher's exact test, two-sided. It is correct at any size, whereas the
//! usual z-test is too optimistic for small samples. With more than two variants every pair is
//! compared, and Holm's procedure keeps the chance of any false difference below the limit. The
//! result is evaluated once, at a stated time: repeated evaluation finds a difference in the end
//! even where there is none. The interval of each difference is Newcombe's (Statistics in Medicine
//! 17, 1998, 873–890, method 10), which stays within -1 and 1 and is valid for small samples too.

use serde::{Deserialize, Serialize};

/// The results of one variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    pub variant: String,
    /// The number of recipients.
    pub tried: u64,
    /// The number of recipients that met the metric; never more than `tried`.
    pub hits: u64,
}

impl Trial {
    /// Returns the share of hits; 0 without recipients.
    pub fn rate(&self) -> f64 {
        if self.tried == 0 { 0.0 } else { self.hits.min(self.tried) as f64 / self.tried as f64 }
    }
}

/// The requirements for a winner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standard {
    /// In percent, one of `CONFIDENCES`. 95 means: if no variant is better, at most 5 of 100 tests
    /// name a winner.
    pub confidence: u32,
    /// The minimum number of recipients of each variant.
    pub sample_min: u32,
}

/// The available confidences in percent, each with the half-width of its interval in standard
/// errors (the quantile of the normal distribution).
pub const CONFIDENCES: [(u32, f64); 3] =
    [(90, 1.644_853_627), (95, 1.959_963_985), (99, 2.575_829_304)];

/// The result of a test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The variant that is significantly better than every other one, if any.
    pub winner: Option<String>,
    pub reason: Reason,
    pub standard: Standard,
    /// The results of each variant.
    pub trials: Vec<Trial>,
    /// Each pair of variants, the one with the larger rate first.
    pub pairs: Vec<Pair>,
}

/// The outcome of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// One variant is better.
    Winner,
    /// The observed difference can be chance.
    NoDifference,
    /// A variant had fewer recipients than `sample_min`.
    TooFew,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// The variant with the larger rate.
    pub better: String,
    pub worse: String,
    /// The larger rate minus the smaller one.
    pub difference: f64,
    /// The lower end of the interval of the true difference, at the standard's confidence.
    pub low: f64,
    /// The upper end of the interval.
    pub high: f64,
    /// The probability of a result at least as unlikely if there is no difference. With several
    /// pairs it is adjusted by Holm's procedure.
    pub p: f64,
}

/// Compares the variants. The one with the largest rate wins if it differs significantly from every
/// other one.
pub fn evaluate(trials: Vec<Trial>, standard: Standard) -> Finding {
    let mut pairs = Vec::new();
    for (index, one) in trials.iter().enumerate() {
        for other in &trials[index + 1..] {
            let in_order = one.rate() >= other.rate();
            let (better, worse) = if in_order { (one, other) } else { (other, one) };
            let (low, high) = interval(better, worse, standard.confidence);
            pairs.push(Pair {
                better: better.variant.clone(),
                worse: worse.variant.clone(),
                difference: better.rate() - worse.rate(),
                low,
                high,
                p: fisher(better, worse),
            });
        }
    }
    holm(&mut pairs);
    let limit = 1.0 - f64::from(standard.confidence) / 100.0;
    let beats_all = |trial: &&Trial| {
        let beaten = pairs.iter().filter(|pair| pair.better == trial.variant && pair.p < limit);
        beaten.count() + 1 == trials.len()
    };
    let is_small = trials.iter().any(|trial| trial.tried < u64::from(standard.sample_min));
    let winner = trials.iter().find(beats_all).filter(|_| trials.len() > 1 && !is_small);
    let reason = match winner {
        Some(_) => Reason::Winner,
        None if is_small => Reason::TooFew,
        None => Reason::NoDifference,
    };
    Finding { winner: winner.map(|trial| trial.variant.clone()), reason, standard, trials, pairs }
}

/// Multiplies each p-value by the number of pairs not yet rejected (S. Holm, A simple sequentially
/// rejective multiple test procedure, Scandinavian Journal of Statistics 6, 1979).
fn holm(pairs: &mut [Pair]) {
    let mut order: Vec<usize> = (0..pairs.len()).collect();
    order.sort_by(|a, b| pairs[*a].p.total_cmp(&pairs[*b].p));
    let mut least: f64 = 0.0;
    for (rank, index) in order.iter().enumerate() {
        let raised = pairs[*index].p * (pairs.len() - rank) as f64;
        least = least.max(raised.min(1.0));
        pairs[*index].p = least;
    }
}

/// Computes Fisher's exact test, two-sided: the total probability of all tables with the same sums
/// that are not more likely than this one.
fn fisher(one: &Trial, other: &Trial) -> f64 {
    let (n, m) = (one.tried, other.tried);
    let (a, b) = (one.hits.min(n), other.hits.min(m));
    let hits = a + b;
    let weight = |a: u64| ln_choose(n, a) + ln_choose(m, hits - a);
    let all = ln_choose(n + m, hits);
    // The tolerance keeps tables that are as likely as this one except for rounding.
    let limit = weight(a) + 1e-7;
    let range = hits.saturating_sub(m)..=hits.min(n);
    let unlikely = range.map(weight).filter(|weight| *weight <= limit);
    unlikely.map(|weight| (weight - all).exp()).sum::<f64>().min(1.0)
}

/// Returns the logarithm of the binomial coefficient `n` over `k`.
fn ln_choose(n: u64, k: u64) -> f64 {
    ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k)
}

/// Computes Stirling's series; its error is below 1e-9 from 10 on.
fn ln_factorial(n: u64) -> f64 {
    if n < 10 {
        return (1..=n).map(|k| (k as f64).ln()).sum();
    }
    let n = n as f64;
    let series = 1.0 / (12.0 * n) - 1.0 / (360.0 * n.powi(3)) + 1.0 / (1260.0 * n.powi(5));
    n * n.ln() - n + 0.5 * (std::f64::consts::TAU * n).ln() + series
}

/// Returns Newcombe's interval of the difference of two rates, built from Wilson's interval of
/// each.
fn interval(one: &Trial, other: &Trial, confidence: u32) -> (f64, f64) {
    let known = CONFIDENCES.iter().find(|(percent, _)| *percent == confidence);
    let z = known.map_or(CONFIDENCES[1].1, |(_, z)| *z);
    let ((p, low, high), (q, other_low, other_high)) = (wilson(one, z), wilson(other, z));
    let difference = p - q;
    (difference - (p - low).hypot(other_high - q), difference + (high - p).hypot(q - other_low))
}

/// Returns a rate with Wilson's score interval; without recipients the interval is 0 to 1.
fn wilson(trial: &Trial, z: f64) -> (f64, f64, f64) {
    let (n, p) = (trial.tried as f64, trial.rate());
    if trial.tried == 0 {
        return (0.0, 0.0, 1.0);
    }
    let middle = 2.0 * n * p + z * z;
    let reach = z * (z * z + 4.0 * n * p * (1.0 - p)).sqrt();
    let whole = 2.0 * (n + z * z);
    (p, ((middle - reach) / whole).max(0.0), ((middle + reach) / whole).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(variant: &str, hits: u64, tried: u64) -> Trial {
        Trial { variant: variant.to_owned(), tried, hits }
    }

    const USUAL: Standard = Standard { confidence: 95, sample_min: 1 };

    fn p(one: (u64, u64), other: (u64, u64)) -> f64 {
        fisher(&trial("a", one.0, one.1), &trial("b", other.0, other.1))
    }

    #[test]
    fn fisher_test_matches_published_values() {
        // R's `fisher.test` documents both: Agresti's tea taster (1990, p. 61), and Fisher's
        // twins of convicts (1962): 10 of 13 and 2 of 17.
        assert!((p((3, 4), (1, 4)) - 0.485_714).abs() < 1e-6);
        assert!((p((10, 13), (2, 17)) - 0.000_536_7).abs() < 1e-7);
        // No difference, and no recipients.
        assert!((p((5, 100), (5, 100)) - 1.0).abs() < 1e-9);
        assert!((p((0, 0), (0, 10)) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn hypergeometric_weights_sum_to_one() {
        // The whole distribution adds up to one, whatever the sizes.
        for (n, m, hits) in [(40, 60, 30), (500, 700, 90), (20_000, 30_000, 1_200)] {
            let weight =
                |a: u64| (ln_choose(n, a) + ln_choose(m, hits - a) - ln_choose(n + m, hits)).exp();
            let whole: f64 = (0..=hits).map(weight).sum();
            assert!((whole - 1.0).abs() < 1e-6, "{whole}");
        }
    }

    #[test]
    fn more_variants_or_confidence_raise_the_bar() {
        let won = |hits: &[u64], confidence: u32| {
            let names = ["a", "b", "c"].iter().zip(hits);
            let trials = names.map(|(name, hits)| trial(name, *hits, 200)).collect();
            evaluate(trials, Standard { confidence, sample_min: 1 }).reason == Reason::Winner
        };
        // The p-value of 32 against 17 of 200 is 0.033: significant for two variants, not for
        // three.
        assert!(won(&[32, 17], 95) && !won(&[32, 17, 17], 95));
        // For 30 it is 0.063: enough for 90 % only.
        assert!(won(&[30, 17], 90) && !won(&[30, 17], 95) && !won(&[32, 17], 99));
    }

    #[test]
    fn newcombe_interval_matches_published_values() {
        // Newcombe 1998, table II, method 10, 95 %: the contrasts (a) to (h).
        for (one, other, low, high) in [
            ((56, 70), (48, 80), 0.0524, 0.3339),
            ((9, 10), (3, 10), 0.1705, 0.8090),
            ((6, 7), (2, 7), 0.0582, 0.8062),
            ((5, 56), (0, 29), -0.0381, 0.1926),
            ((0, 10), (0, 20), -0.1611, 0.2775),
            ((0, 10), (0, 10), -0.2775, 0.2775),
            ((10, 10), (0, 20), 0.6791, 1.0),
            ((10, 10), (0, 10), 0.6075, 1.0),
        ] {
            let trials = (trial("a", one.0, one.1), trial("b", other.0, other.1));
            let found = interval(&trials.0, &trials.1, 95);
            assert!((found.0 - low).abs() < 5e-5, "{one:?} {other:?}: {found:?}");
            assert!((found.1 - high).abs() < 5e-5, "{one:?} {other:?}: {found:?}");
        }
    }

    #[test]
    fn larger_count_alone_does_not_win() {
        let close = evaluate(vec![trial("a", 12, 100), trial("b", 18, 100)], USUAL);
        assert_eq!((close.winner, close.reason), (None, Reason::NoDifference));
        let clear = evaluate(vec![trial("a", 12, 1_000), trial("b", 60, 1_000)], USUAL);
        assert_eq!(clear.winner.as_deref(), Some("b"));
        assert!(clear.pairs[0].low > 0.0, "{:?}", clear.pairs);
    }

    #[test]
    fn too_few_recipients_give_no_winner() {
        let standard = Standard { confidence: 95, sample_min: 100 };
        let few = evaluate(vec![trial("a", 0, 99), trial("b", 90, 200)], standard);
        assert_eq!((few.winner, few.reason), (None, Reason::TooFew));
        let none = evaluate(vec![trial("a", 0, 0), trial("b", 0, 0)], USUAL);
        assert_eq!(none.reason, Reason::TooFew);
    }

    #[test]
    fn winner_must_differ_from_every_other_variant() {
        // `a` and `b` are alike, so neither is better than all, though both beat `c`.
        let three = vec![trial("a", 80, 1_000), trial("b", 85, 1_000), trial("c", 10, 1_000)];
        assert_eq!(evaluate(three, USUAL).reason, Reason::NoDifference);
        let one = vec![trial("a", 40, 1_000), trial("b", 120, 1_000), trial("c", 10, 1_000)];
        assert_eq!(evaluate(one, USUAL).winner.as_deref(), Some("b"));
    }

    #[test]
    fn holm_correction_matches_hand_calculation() {
        let pair = |p| Pair {
            better: String::new(),
            worse: String::new(),
            difference: 0.0,
            low: 0.0,
            high: 0.0,
            p,
        };
        // By hand: 5 × 0.005, 4 × 0.01, 3 × 0.02, then 2 × 0.03, and 0.04 must not fall below that.
        let mut pairs: Vec<Pair> = [0.01, 0.02, 0.03, 0.04, 0.005].map(pair).into();
        holm(&mut pairs);
        let raised: Vec<f64> = pairs.iter().map(|pair| (pair.p * 1e4).round() / 1e4).collect();
        assert_eq!(raised, [0.04, 0.06, 0.06, 0.06, 0.025]);
    }

    #[test]
    fn equal_variants_rarely_give_a_winner() {
        // Two thousand tests of three equal variants; at 95 % at most one in twenty may err.
        let mut ids = crate::domain::base::primitives::Ids::new(
            crate::domain::base::primitives::Millis(0),
            7,
        );
        let mut named = 0;
        for _ in 0..2_000 {
            let mut one = |name: &str| {
                let hits = (0..300).filter(|_| ids.next_u64() % 100 < 8).count();
                trial(name, hits as u64, 300)
            };
            let trials = vec![one("a"), one("b"), one("c")];
            named += usize::from(evaluate(trials, USUAL).winner.is_some());
        }
        assert!(named <= 100, "{named} of 2000");
    }
}
