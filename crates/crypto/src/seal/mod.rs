//! Sealing: the one construction that turns a plaintext into bytes safe to store anywhere.
//!
//! The suites `aes-128`, `aes-256` and `chacha20` are C2SP *chunked-encryption*, version 1
//! (<https://c2sp.org/chunked-encryption>), with SHA-512 and the suite's AEAD. The suite
//! `blowfish-448` has the same outer shape and its own cells; see the `blowfish` module.
//!
//! ```text
//! salt 24 | commitment 32 | cell 0 | cell 1 | … | last cell
//! ```
//!
//! Every cell but the last holds exactly [`Suite::cell_len`] bytes of plaintext; the last one is
//! always shorter and may be empty, so that a cut at any place shows. A key, a context or a salt
//! that differs in one bit fails at the commitment, before anything is decrypted.

mod blowfish;
mod cells;
mod error;
mod length;
mod opener;
mod sealer;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;

pub use error::OpenError;
pub use length::{CELLS_MAX, plaintext_len, sealed_len};
pub use opener::{Opener, open};
pub use sealer::Sealer;

use crate::{secret::SecretBytes, suite::Suite};

/// The length of a salt.
pub const SALT_LEN: usize = 24;
/// The length of the commitment to key, context and salt.
pub const COMMITMENT_LEN: usize = 32;
/// The length of everything before the first cell.
pub const PREFIX_LEN: usize = SALT_LEN + COMMITMENT_LEN;

/// A key of one suite, under which many plaintexts are sealed with different salts.
///
/// ```compile_fail
/// fn prints<T: std::fmt::Debug>() {}
/// prints::<strongroom_crypto::seal::SealingKey>();
/// ```
pub struct SealingKey {
    suite: Suite,
    bytes: SecretBytes,
}

impl SealingKey {
    /// Takes a copy of `key`, which must be uniformly random and of the suite's key length.
    pub fn new(suite: Suite, key: &[u8]) -> Option<Self> {
        (key.len() == suite.key_len()).then(|| Self {
            suite,
            bytes: SecretBytes::new(key.to_vec()),
        })
    }

    /// Returns the suite that the key is for.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    fn expose_bytes(&self) -> &[u8] {
        self.bytes.expose_bytes()
    }
}

/// Seals `plaintext` and appends the result to `out`.
///
/// The salt must never repeat under one key: it is drawn at random for every call. The context is
/// not stored; opening needs the same one.
///
/// # Panics
///
/// Panics on a plaintext of 4 PiB or more, which no memory holds.
pub fn seal(
    key: &SealingKey,
    salt: &[u8; SALT_LEN],
    context: &[u8],
    plaintext: &[u8],
    out: &mut Vec<u8>,
) {
    let sealed_len = sealed_len(key.suite(), plaintext.len() as u64);
    out.reserve(usize::try_from(sealed_len).expect("the result fits in memory"));
    let mut sealer = Sealer::begin(key, salt, context, out);
    sealer.append(plaintext, out);
    sealer.finish(out);
}
