//! The randomness of the system.

use strongroom_base::random::RandomSource;

/// The random generator of the cryptographic library, which the operating system seeds.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl RandomSource for SystemRandom {
    /// Fills `bytes`.
    ///
    /// # Panics
    ///
    /// Panics when the system gives no randomness: every key and salt made from here on would be
    /// predictable, so nothing may go on.
    fn fill(&self, bytes: &mut [u8]) {
        assert!(
            aws_lc_rs::rand::fill(bytes).is_ok(),
            "the system gave no randomness, and there is no fallback for it"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ() {
        let (mut one, mut other) = ([0; 32], [0; 32]);
        SystemRandom.fill(&mut one);
        SystemRandom.fill(&mut other);
        assert_ne!(one, [0; 32]);
        assert_ne!(one, other);
    }
}
