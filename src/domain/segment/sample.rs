//! A random sample of all contacts that never changes.

use crate::domain::base::primitives::{Ids, Millis};
use serde::{Deserialize, Serialize};

/// A share of all contacts. Whether a contact is in it depends only on its id and the seed; samples
/// with different seeds are independent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The share in percent, to a hundredth.
    pub percent: f64,
    /// Any text; another seed gives another sample.
    pub seed: String,
}

/// The number of characters at the end of an id that count: in a UUID, 32 random bits.
pub const TAIL: usize = 8;

/// The modulus of the hash, 2^31 - 1: products of two residues fit in SQL's integers.
pub const PRIME: i64 = (1 << 31) - 1;

/// The number of lots, of which a sample takes a share.
const LOTS: i64 = 10_000;

impl Sample {
    /// Returns whether a contact with this id is in the sample: its lot is below the share.
    pub fn has(&self, id: &str) -> bool {
        let tail = id.chars().rev().take(TAIL);
        let number = tail.fold((0, 1), |(sum, place), c| {
            // Six bits distinguish the hexadecimal digits.
            (sum + i64::from(u32::from(c) & 63) * place, place * 64)
        });
        let (factor, shift, below) = self.constants();
        (number.0 % PRIME * factor + shift) % PRIME % LOTS < below
    }

    /// Returns the factor and summand of the hash (Carter and Wegman's universal hashing, 1979),
    /// drawn from the seed, and the first lot that is not in the sample.
    pub fn constants(&self) -> (i64, i64, i64) {
        // FNV-1a turns the seed into a number.
        let seed = self.seed.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        let mut numbers = Ids::new(Millis(0), seed);
        let mut residue = |from: i64| {
            let range = (PRIME - from) as u64;
            from + (numbers.next_u64() % range) as i64
        };
        (residue(1), residue(0), (self.percent * LOTS as f64 / 100.0).round() as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(percent: f64, seed: &str) -> Sample {
        Sample { percent, seed: seed.to_owned() }
    }

    #[test]
    fn samples_have_their_size_and_are_independent() {
        let mut ids = Ids::new(Millis(1_700_000_000_000), 3);
        let people: Vec<String> = (0..20_000).map(|_| ids.uuid()).collect();
        let of = |percent, seed: &str| -> Vec<&String> {
            let sample = sample(percent, seed);
            people.iter().filter(|id| sample.has(id)).collect()
        };
        let (tenth, other) = (of(10.0, "spring"), of(10.0, "autumn"));
        assert!((1_850..=2_150).contains(&tenth.len()), "{}", tenth.len());
        assert!((1_850..=2_150).contains(&other.len()), "{}", other.len());
        let both = tenth.iter().filter(|id| other.contains(id)).count();
        assert!((140..=260).contains(&both), "a tenth of a tenth, not {both}");
        assert_eq!(of(100.0, "x").len(), people.len());
        assert_eq!(of(0.0, "x").len(), 0);
        let wider = of(25.0, "spring");
        assert!(tenth.iter().all(|id| wider.contains(id)), "a larger share keeps the smaller one");
    }
}
