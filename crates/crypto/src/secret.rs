//! Secrets in memory: no `Debug`, no `Clone`, no comparison, wiped on drop.
//!
//! The bytes live on the heap, so that moving a secret moves a pointer and leaves no copy behind.

use strongroom_base::random::RandomSource;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A secret of a fixed length.
///
/// ```compile_fail
/// fn prints<T: std::fmt::Debug>() {}
/// prints::<strongroom_crypto::secret::Secret<32>>();
/// ```
/// ```compile_fail
/// fn copies<T: Clone>() {}
/// copies::<strongroom_crypto::secret::Secret<32>>();
/// ```
pub struct Secret<const N: usize>(Box<[u8; N]>);

impl<const N: usize> Secret<N> {
    /// Takes over `bytes`. What the caller keeps of them is the caller's to wipe.
    pub fn new(mut bytes: [u8; N]) -> Self {
        let secret = Self(Box::new(bytes));
        bytes.zeroize();
        secret
    }

    /// Draws a new secret.
    pub fn random(random: &dyn RandomSource) -> Self {
        let mut secret = Self(Box::new([0; N]));
        random.fill(secret.0.as_mut_slice());
        secret
    }

    /// Gives the bytes out.
    pub fn expose_bytes(&self) -> &[u8; N] {
        &self.0
    }

    /// Makes an explicit copy.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self(self.0.clone())
    }

    /// Makes a secret by letting `fill` write its bytes in place.
    pub(crate) fn fill_with(fill: impl FnOnce(&mut [u8; N])) -> Self {
        let mut secret = Self(Box::new([0; N]));
        fill(&mut secret.0);
        secret
    }
}

impl<const N: usize> From<[u8; N]> for Secret<N> {
    fn from(bytes: [u8; N]) -> Self {
        Self::new(bytes)
    }
}

impl<const N: usize> Drop for Secret<N> {
    fn drop(&mut self) {
        self.0.as_mut().zeroize();
    }
}

impl<const N: usize> ZeroizeOnDrop for Secret<N> {}

/// A secret whose length is known only at run time.
///
/// ```compile_fail
/// fn prints<T: std::fmt::Debug>() {}
/// prints::<strongroom_crypto::secret::SecretBytes>();
/// ```
/// ```compile_fail
/// fn copies<T: Clone>() {}
/// copies::<strongroom_crypto::secret::SecretBytes>();
/// ```
#[derive(ZeroizeOnDrop)]
pub struct SecretBytes(Vec<u8>);

impl SecretBytes {
    /// Takes over `bytes`.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Gives the bytes out.
    pub fn expose_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting;

    impl RandomSource for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            for (byte, value) in bytes.iter_mut().zip(1..) {
                *byte = value;
            }
        }
    }

    #[test]
    fn a_secret_holds_what_it_was_given() {
        assert_eq!(Secret::new([7; 3]).expose_bytes(), &[7; 3]);
        assert_eq!(Secret::<3>::random(&Counting).expose_bytes(), &[1, 2, 3]);
        assert_eq!(Secret::new([9; 3]).duplicate().expose_bytes(), &[9; 3]);
        assert_eq!(SecretBytes::new(vec![1, 2]).expose_bytes(), &[1, 2]);
    }
}
