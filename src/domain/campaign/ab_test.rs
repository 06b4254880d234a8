//! Which of several variants did better, and whether that can be chance.
//!
//! Two shares are compared by Fisher's exact test, two-sided: it is right at any size, where the
//! usual z-test claims too much for small samples. With more than two variants every pair is
//! compared, and Holm's procedure keeps the chance of any false difference below the limit. There
//! is one look, at a stated time: who looks again and again finds a difference in the end, where
//! there is none. The interval beside each difference is Newcombe's (Statistics in Medicine 17,
//! 1998, 873–890, method 10), which stays within -1 and 1 and holds for small samples too.

use serde::{Deserialize, Serialize};

/// What became of one variant's recipients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// The variant's name.
    pub variant: String,
    /// How many got it.
    pub tried: u64,
    /// How many of them did what was hoped for; never more than `tried`.
    pub hits: u64,
}

impl Trial {
    /// The share that did; 0 if nobody was tried.
    pub fn rate(&self) -> f64 {
        if self.tried == 0 { 0.0 } else { self.hits.min(self.tried) as f64 / self.tried as f64 }
    }
}

/// How sure one has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standard {
    /// In percent, one of `CONFIDENCES`: 95 means that where no variant is better, one is named in
    /// at most 5 of 100 tests.
    pub confidence: u32,
    /// Of how many recipients of each variant something must be known.
    pub sample_min: u32,
}

/// The confidences on offer, in percent, each with the width of its interval in standard errors:
/// the quantile of the normal distribution.
pub const CONFIDENCES: [(u32, f64); 3] =
    [(90, 1.644_853_627), (95, 1.959_963_985), (99, 2.575_829_304)];

/// What a test found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The better variant, if one is better than each other beyond doubt.
    pub winner: Option<String>,
    /// Why there is none, or that there is one.
    pub reason: Reason,
    /// By what standard.
    pub standard: Standard,
    /// What the variants came to.
    pub trials: Vec<Trial>,
    /// Each pair of variants, the one with the larger share first.
    pub pairs: Vec<Pair>,
}

/// How a test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// One variant is better.
    Winner,
    /// What was seen can be chance.
    NoDifference,
    /// Some variant had fewer recipients than the standard asks for.
    TooFew,
}

/// Two variants compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// The one with the larger share.
    pub better: String,
    /// The other.
    pub worse: String,
    /// The first share less the second.
    pub difference: f64,
    /// The interval in which the true difference lies, at the standard's confidence.
    pub low: f64,
    /// Its other end.
    pub high: f64,
    /// The chance of a difference at least as unlikely, where there is none; raised by Holm's
    /// procedure if there are more pairs.
    pub p: f64,
}

/// Compares the variants. The one with the largest share wins if it differs from each other.
pub fn judge(trials: Vec<Trial>, standard: Standard) -> Finding {
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

/// Raises each chance by the number of pairs that are still to be told apart (S. Holm, A simple
/// sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6, 1979).
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

/// Fisher's exact test, two-sided: the chance of all tables with the same sums that are not more
/// likely than this one.
fn fisher(one: &Trial, other: &Trial) -> f64 {
    let (n, m) = (one.tried, other.tried);
    let (a, b) = (one.hits.min(n), other.hits.min(m));
    let hits = a + b;
    let weight = |a: u64| ln_choose(n, a) + ln_choose(m, hits - a);
    let all = ln_choose(n + m, hits);
    // As likely as this one, but for what rounding adds.
    let limit = weight(a) + 1e-7;
    let range = hits.saturating_sub(m)..=hits.min(n);
    let unlikely = range.map(weight).filter(|weight| *weight <= limit);
    unlikely.map(|weight| (weight - all).exp()).sum::<f64>().min(1.0)
}

/// The logarithm of how many ways there are to choose `k` of `n`.
fn ln_choose(n: u64, k: u64) -> f64 {
    ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k)
}

/// Stirling's series; what it leaves out is below 1e-9 from 10 on.
fn ln_factorial(n: u64) -> f64 {
    if n < 10 {
        return (1..=n).map(|k| (k as f64).ln()).sum();
    }
    let n = n as f64;
    let series = 1.0 / (12.0 * n) - 1.0 / (360.0 * n.powi(3)) + 1.0 / (1260.0 * n.powi(5));
    n * n.ln() - n + 0.5 * (std::f64::consts::TAU * n).ln() + series
}

/// Newcombe's interval of the difference of two shares, made of Wilson's for each.
fn interval(one: &Trial, other: &Trial, confidence: u32) -> (f64, f64) {
    let known = CONFIDENCES.iter().find(|(percent, _)| *percent == confidence);
    let z = known.map_or(CONFIDENCES[1].1, |(_, z)| *z);
    let ((p, low, high), (q, other_low, other_high)) = (wilson(one, z), wilson(other, z));
    let difference = p - q;
    (difference - (p - low).hypot(other_high - q), difference + (high - p).hypot(q - other_low))
}

/// A share with Wilson's score interval; of nobody, anything from 0 to 1.
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
    fn fishers_test_gives_the_values_that_are_in_print() {
        // R's `fisher.test` documents both: Agresti's tea taster (1990, p. 61), and Fisher's
        // twins of convicts (1962): 10 of 13 and 2 of 17.
        assert!((p((3, 4), (1, 4)) - 0.485_714).abs() < 1e-6);
        assert!((p((10, 13), (2, 17)) - 0.000_536_7).abs() < 1e-7);
        // Nothing differs, and nobody was tried.
        assert!((p((5, 100), (5, 100)) - 1.0).abs() < 1e-9);
        assert!((p((0, 0), (0, 10)) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn large_samples_agree_with_counting_one_table_after_another() {
        // The whole distribution adds up to one, whatever the sizes.
        for (n, m, hits) in [(40, 60, 30), (500, 700, 90), (20_000, 30_000, 1_200)] {
            let weight =
                |a: u64| (ln_choose(n, a) + ln_choose(m, hits - a) - ln_choose(n + m, hits)).exp();
            let whole: f64 = (0..=hits).map(weight).sum();
            assert!((whole - 1.0).abs() < 1e-6, "{whole}");
        }
    }

    #[test]
    fn with_more_variants_and_more_certainty_the_bar_is_higher() {
        let won = |hits: &[u64], confidence: u32| {
            let names = ["a", "b", "c"].iter().zip(hits);
            let trials = names.map(|(name, hits)| trial(name, *hits, 200)).collect();
            judge(trials, Standard { confidence, sample_min: 1 }).reason == Reason::Winner
        };
        // The chance of 32 against 17 of 200 is 0.033: of two that is enough, of three it is not.
        assert!(won(&[32, 17], 95) && !won(&[32, 17, 17], 95));
        // And 0.063 for 30: enough for 90 % only.
        assert!(won(&[30, 17], 90) && !won(&[30, 17], 95) && !won(&[32, 17], 99));
    }

    #[test]
    fn newcombes_interval_gives_the_values_of_his_table() {
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
    fn the_larger_number_alone_does_not_win() {
        let close = judge(vec![trial("a", 12, 100), trial("b", 18, 100)], USUAL);
        assert_eq!((close.winner, close.reason), (None, Reason::NoDifference));
        let clear = judge(vec![trial("a", 12, 1_000), trial("b", 60, 1_000)], USUAL);
        assert_eq!(clear.winner.as_deref(), Some("b"));
        assert!(clear.pairs[0].low > 0.0, "{:?}", clear.pairs);
    }

    #[test]
    fn too_few_recipients_name_nobody_whatever_they_did() {
        let standard = Standard { confidence: 95, sample_min: 100 };
        let few = judge(vec![trial("a", 0, 99), trial("b", 90, 200)], standard);
        assert_eq!((few.winner, few.reason), (None, Reason::TooFew));
        let none = judge(vec![trial("a", 0, 0), trial("b", 0, 0)], USUAL);
        assert_eq!(none.reason, Reason::TooFew);
    }

    #[test]
    fn of_several_the_best_must_differ_from_each_other() {
        // `a` and `b` are alike, so neither is better than all, though both beat `c`.
        let three = vec![trial("a", 80, 1_000), trial("b", 85, 1_000), trial("c", 10, 1_000)];
        assert_eq!(judge(three, USUAL).reason, Reason::NoDifference);
        let one = vec![trial("a", 40, 1_000), trial("b", 120, 1_000), trial("c", 10, 1_000)];
        assert_eq!(judge(one, USUAL).winner.as_deref(), Some("b"));
    }

    #[test]
    fn holm_raises_the_smallest_chance_most_and_keeps_the_order() {
        let pair = |p| Pair {
            better: String::new(),
            worse: String::new(),
            difference: 0.0,
            low: 0.0,
            high: 0.0,
            p,
        };
        // By hand: 5 × 0.005, 4 × 0.01, 3 × 0.02, then 2 × 0.03, and 0.04 may not fall below it.
        let mut pairs: Vec<Pair> = [0.01, 0.02, 0.03, 0.04, 0.005].map(pair).into();
        holm(&mut pairs);
        let raised: Vec<f64> = pairs.iter().map(|pair| (pair.p * 1e4).round() / 1e4).collect();
        assert_eq!(raised, [0.04, 0.06, 0.06, 0.06, 0.025]);
    }

    #[test]
    fn where_nothing_differs_a_winner_is_rarely_named() {
        // Two thousand tests of three equal variants; at 95 % at most one in twenty may err.
        let mut ids = crate::domain::base::primitives::Ids::new(
            crate::domain::base::primitives::Millis(0),
            7,
        );
        let mut named = 0;
        for _ in 0..2_000 {
            let mut one = |name: &str| {
                let hits = (0..300).filter(|_| ids.word() % 100 < 8).count();
                trial(name, hits as u64, 300)
            };
            let trials = vec![one("a"), one("b"), one("c")];
            named += usize::from(judge(trials, USUAL).winner.is_some());
        }
        assert!(named <= 100, "{named} of 2000");
    }
}
