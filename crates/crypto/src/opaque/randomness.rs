//! The randomness of this workspace, as the library wants it.

use opaque_ke::rand::{CryptoRng, Error, RngCore};
use strongroom_base::random::RandomSource;

/// A [`RandomSource`] with the traits of `rand` 0.8.
pub(super) struct Randomness<'a>(pub(super) &'a dyn RandomSource);

impl RngCore for Randomness<'_> {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.0.fill(bytes);
        Ok(())
    }
}

/// A source never returns without randomness, so it may make keys.
impl CryptoRng for Randomness<'_> {}
