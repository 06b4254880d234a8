//! Weighted buckets: the same key always falls into the same bucket, and many keys are distributed
//! in proportion to the weights.

use sha2::{Digest, Sha256};

/// Returns the index of the weight that the key falls to; `None` without weights.
pub fn weighted_bucket(key: &str, weights: impl Iterator<Item = u32> + Clone) -> Option<usize> {
    let mut point = bucket_below(key, weights.clone().map(u64::from).sum());
    weights.map(u64::from).position(|weight| {
        let is_it = point < weight;
        point = point.saturating_sub(weight);
        is_it
    })
}

/// Returns a number below `total`, always the same for a key; 0 if `total` is 0.
pub fn bucket_below(key: &str, total: u64) -> u64 {
    let digest = Sha256::digest(key);
    let hash = digest.iter().take(8).fold(0_u64, |hash, byte| hash << 8 | u64::from(*byte));
    // The multiplication spreads all 64 bits over the range, without the bias of a remainder.
    ((u128::from(hash) * u128::from(total)) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_spread_by_weight_and_stay_stable() {
        let weights = || [50, 0, 40, 10].into_iter();
        let mut counts = [0_i32; 4];
        for n in 0..10_000 {
            let key = format!("c/j/s/{n}");
            let chosen = weighted_bucket(&key, weights()).unwrap();
            assert_eq!(weighted_bucket(&key, weights()), Some(chosen));
            counts[chosen] += 1;
        }
        assert!(counts[0].abs_diff(5_000) < 200, "{counts:?}");
        assert_eq!(counts[1], 0);
        assert!(counts[2].abs_diff(4_000) < 200, "{counts:?}");
        assert!(counts[3].abs_diff(1_000) < 150, "{counts:?}");
    }

    #[test]
    fn without_weights_nothing_is_picked() {
        assert_eq!(weighted_bucket("k", [].into_iter()), None);
        assert_eq!(weighted_bucket("k", [0, 0].into_iter()), None);
    }
}
