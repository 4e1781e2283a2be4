//! Naming hashes and keyed hashes (BLAKE3), SHA-512, and comparison in constant time.

use aws_lc_rs::{constant_time, digest};

use crate::secret::Secret;

/// Returns the BLAKE3 hash of `bytes`.
pub fn hash(bytes: &[u8]) -> [u8; 32] {
    blake3::hash(bytes).into()
}

/// A BLAKE3 hash of bytes that arrive in pieces.
#[derive(Clone, Default)]
pub struct Hasher(blake3::Hasher);

impl Hasher {
    /// Starts with no bytes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `bytes`.
    pub fn update(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.update(bytes);
        self
    }

    /// Returns the hash of all bytes added so far.
    pub fn finalize(&self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// Returns the hash of `bytes` in BLAKE3's keyed mode.
pub fn keyed_hash(key: &Secret<32>, bytes: &[u8]) -> [u8; 32] {
    blake3::keyed_hash(key.expose_bytes(), bytes).into()
}

/// Fills `out` with the extended output of BLAKE3's keyed mode over `input`.
pub fn keyed_xof(key: &Secret<32>, input: &[u8], out: &mut [u8]) {
    blake3::Hasher::new_keyed(key.expose_bytes())
        .update(input)
        .finalize_xof()
        .fill(out);
}

/// Returns the SHA-256 hash of `bytes`.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}

/// Returns the SHA-512 hash of `bytes`.
pub fn sha512(bytes: &[u8]) -> [u8; 64] {
    let mut out = [0; 64];
    out.copy_from_slice(digest::digest(&digest::SHA512, bytes).as_ref());
    out
}

/// Says whether `a` and `b` are the same bytes, in a time that depends on their lengths alone.
pub fn same(a: &[u8], b: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(a, b).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published BLAKE3 test vectors for the input 00 01 02, keyed with their common key.
    const KEY: &[u8; 32] = b"whats the Elvish word for friend";
    const INPUT: &[u8] = &[0, 1, 2];
    const HASH: &str = "e1be4d7a8ab5560aa4199eea339849ba8e293d55ca0a81006726d184519e647f";
    const KEYED: &str = "39e67b76b5a007d4921969779fe666da67b5213b096084ab674742f0d5ec62b9\
                         b9142d0fab08e1b161efdbb28d18afc64d8f72160c958e53a950cdecf91c1a1b";

    #[test]
    fn the_published_vectors_hold() {
        assert_eq!(hex::encode(hash(INPUT)), HASH);
        let mut pieces = Hasher::new();
        pieces.update(&INPUT[..1]).update(&INPUT[1..]);
        assert_eq!(hex::encode(pieces.finalize()), HASH);

        let key = Secret::new(*KEY);
        assert_eq!(hex::encode(keyed_hash(&key, INPUT)), KEYED[..64]);
        let mut long = [0; 64];
        keyed_xof(&key, INPUT, &mut long);
        assert_eq!(hex::encode(long), KEYED);
    }

    #[test]
    fn sha256_holds_the_published_vector() {
        assert_eq!(
            hex::encode(sha256(b"abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn sha512_holds_the_published_vector() {
        assert_eq!(
            hex::encode(sha512(b"abc")),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
             2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        );
    }

    #[test]
    fn same_compares_contents_and_lengths() {
        assert!(same(b"", b"") && same(b"ab", b"ab"));
        assert!(!same(b"ab", b"ac") && !same(b"ab", b"abc") && !same(b"", b"a"));
    }
}
