//! Randomness as a parameter.

/// A source of bytes that nobody can predict.
///
/// A source that fails must not return: there is no fallback for missing randomness.
pub trait RandomSource: Send + Sync {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}
