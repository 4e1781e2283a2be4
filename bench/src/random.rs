//! Random numbers that are the same on every run and every machine.

use rand_pcg::Pcg64;
use rand_pcg::rand_core::SeedableRng as _;

pub(crate) use rand_pcg::rand_core::Rng;

/// The generator of one data set.
pub(crate) fn seeded(seed: u64) -> Pcg64 {
    Pcg64::seed_from_u64(seed)
}
