//! Seeded random numbers, and a way for a flow to let others run first.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

/// A running flow.
pub type Task<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Yields once to every other flow.
pub async fn pass() {
    let mut passed = false;
    poll_fn(|_| match std::mem::replace(&mut passed, true) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
}

/// Seeded random numbers, shared by clones: the same seed gives the same numbers.
#[derive(Clone)]
pub struct Dice(Rc<Cell<u64>>);

impl Dice {
    pub fn new(seed: u64) -> Self {
        let dice = Self(Rc::default());
        dice.reseed(seed);
        dice
    }

    /// Continues with the numbers of another seed.
    pub fn reseed(&self, seed: u64) {
        self.0.set(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    }

    /// Returns a number below `n` (xorshift64*, Vigna 2016).
    pub fn below(&self, n: u64) -> u64 {
        let mut x = self.0.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.0.set(x);
        (x.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % n
    }

    /// Returns true with this probability, in percent.
    pub fn in_a_hundred(&self, chance: u64) -> bool {
        self.below(100) < chance
    }

    /// Picks one element.
    pub fn pick<T: Copy>(&self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}
