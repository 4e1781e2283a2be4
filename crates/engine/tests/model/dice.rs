//! Decisions that are the same for the same seed.

use std::sync::{Mutex, PoisonError};

use rand_pcg::Pcg64;
use rand_pcg::rand_core::{Rng as _, SeedableRng as _};
use strongroom_base::random::RandomSource;

/// Decides.
pub(crate) struct Dice(Pcg64);

impl Dice {
    /// Decides what one step of one run does; no step depends on how another one went.
    pub(crate) fn new(seed: u64, step: u64) -> Self {
        Self(Pcg64::seed_from_u64(
            seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ step.wrapping_mul(0xd1b5_4a32_d192_ed03),
        ))
    }

    /// Returns a number below `end`; 0 where that is 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let end = end.max(1) as u64;
        usize::try_from(self.0.next_u64() % end).unwrap_or(0)
    }

    /// Says yes once in `number` times.
    pub(crate) fn one_in(&mut self, number: usize) -> bool {
        self.below(number) == 0
    }

    /// Returns one of some.
    pub(crate) fn pick<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        of.get(self.below(of.len())).cloned()
    }

    /// Returns one of some, each as often as its weight says.
    pub(crate) fn weighted<T: Copy>(&mut self, of: &[(usize, T)]) -> T {
        let mut at = self.below(of.iter().map(|(weight, _)| weight).sum());
        for (weight, item) in of {
            if at < *weight {
                return *item;
            }
            at -= weight;
        }
        of[0].1
    }
}

/// Keys and salts that are the same for the same seed.
pub(crate) struct SeededRandom(Mutex<Pcg64>);

impl SeededRandom {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(Pcg64::seed_from_u64(!seed)))
    }
}

impl RandomSource for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) {
        let mut generator = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        generator.fill_bytes(bytes);
    }
}
