//! The custody key, under which an archive's keys are kept, and the sealing of small secrets.

use strongroom_base::random::RandomSource;

use crate::{
    hash::sha512,
    kdf::hkdf_expand_sha512,
    label,
    seal::{OpenError, SALT_LEN, SealingKey, open, seal},
    secret::{Secret, SecretBytes},
    suite::Suite,
};

/// The length of a key's public identifier.
pub const KEY_ID_LEN: usize = 16;

/// The key that guards a key ring.
pub struct CustodyKey(Secret<32>);

impl CustodyKey {
    /// Draws a new key.
    pub fn random(random: &dyn RandomSource) -> Self {
        Self(Secret::random(random))
    }

    /// Takes over a stored key.
    pub fn from_bytes(bytes: impl Into<Secret<32>>) -> Self {
        Self(bytes.into())
    }

    /// Gives the bytes out.
    pub fn expose_bytes(&self) -> &[u8; 32] {
        self.0.expose_bytes()
    }

    /// Returns the public identifier of the key, which tells nothing else about it.
    pub fn key_id(&self) -> [u8; KEY_ID_LEN] {
        let mut id = [0; KEY_ID_LEN];
        let info: &[&[u8]] = &[label::CUSTODY_KEY_ID.as_bytes()];
        hkdf_expand_sha512(self.0.expose_bytes(), info, &mut id);
        id
    }
}

/// The key of a server, under which it keeps what no change of its key ring may reach.
pub struct MasterKey(Secret<32>);

impl MasterKey {
    /// Draws a new key.
    pub fn random(random: &dyn RandomSource) -> Self {
        Self(Secret::random(random))
    }

    /// Takes over a stored key.
    pub fn from_bytes(bytes: impl Into<Secret<32>>) -> Self {
        Self(bytes.into())
    }

    /// Gives the bytes out.
    pub fn expose_bytes(&self) -> &[u8; 32] {
        self.0.expose_bytes()
    }

    /// Returns the public identifier of the key, which tells nothing else about it.
    pub fn key_id(&self) -> [u8; KEY_ID_LEN] {
        let mut id = [0; KEY_ID_LEN];
        let info: &[&[u8]] = &[label::MASTER_KEY_ID.as_bytes()];
        hkdf_expand_sha512(self.0.expose_bytes(), info, &mut id);
        id
    }
}

/// Seals a small secret under `key` for the purpose `label`, bound to `associated`.
///
/// The result is chunked encryption with AES-256 and a fresh random salt, with the context
/// `u32be len(label) ‖ label ‖ SHA-512(associated)`.
///
/// # Panics
///
/// Never: a key of 32 bytes is one of AES-256.
pub fn seal_small(
    key: &[u8; 32],
    label: &str,
    associated: &[u8],
    random: &dyn RandomSource,
    plaintext: &[u8],
) -> Vec<u8> {
    let mut salt = [0; SALT_LEN];
    random.fill(&mut salt);
    let mut sealed = Vec::new();
    let context = small_context(label, associated);
    seal(&small_key(key), &salt, &context, plaintext, &mut sealed);
    sealed
}

/// Opens what [`seal_small`] sealed with the same key, label and associated bytes.
pub fn open_small(
    key: &[u8; 32],
    label: &str,
    associated: &[u8],
    sealed: &[u8],
) -> Result<SecretBytes, OpenError> {
    open(&small_key(key), &small_context(label, associated), sealed).map(SecretBytes::new)
}

fn small_key(key: &[u8; 32]) -> SealingKey {
    SealingKey::new(Suite::Aes256, key).expect("AES-256 takes 32 bytes")
}

fn small_context(label: &str, associated: &[u8]) -> Vec<u8> {
    let label_len = u32::try_from(label.len()).expect("a label is a short constant");
    let associated = sha512(associated);
    [&label_len.to_be_bytes(), label.as_bytes(), &associated].concat()
}

#[cfg(test)]
mod tests {
    use std::array;

    use super::*;
    use crate::random::SystemRandom;

    const KEY: [u8; 32] = [7; 32];

    fn opened(key: &[u8; 32], label: &str, associated: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let opened = open_small(key, label, associated, sealed);
        opened.ok().map(|text| text.expose_bytes().to_vec())
    }

    #[test]
    fn a_key_id_is_the_golden_one() {
        // Made by another program from the derivation's description.
        let bytes: [u8; 32] = array::from_fn(|i| i.to_le_bytes()[0]);
        let id = CustodyKey::from_bytes(bytes).key_id();
        assert_eq!(hex::encode(id), "f6d43d3cc2e960674ee1c643ec4ffb9e");
        assert_ne!(CustodyKey::random(&SystemRandom).key_id(), id);
    }

    #[test]
    fn a_small_secret_opens_with_its_key_label_and_associated_bytes_only() {
        let sealed = seal_small(&KEY, "label", b"bound", &SystemRandom, b"secret");
        assert_eq!(
            opened(&KEY, "label", b"bound", &sealed).as_deref(),
            Some(&b"secret"[..])
        );
        assert_eq!(opened(&[8; 32], "label", b"bound", &sealed), None);
        assert_eq!(opened(&KEY, "labem", b"bound", &sealed), None);
        assert_eq!(opened(&KEY, "label", b"bounc", &sealed), None);
        assert_eq!(
            opened(&KEY, "label", b"bound", &sealed[..sealed.len() - 1]),
            None
        );
    }

    #[test]
    fn the_context_of_a_small_secret_is_the_specified_one() {
        let mut context = b"\0\0\0\x05label".to_vec();
        context.extend_from_slice(&sha512(b"bound"));
        let sealed = seal_small(&KEY, "label", b"bound", &SystemRandom, b"secret");
        let key = SealingKey::new(Suite::Aes256, &KEY).expect("32 bytes");
        assert_eq!(open(&key, &context, &sealed).as_deref(), Ok(&b"secret"[..]));
    }

    #[test]
    fn every_sealing_has_a_salt_of_its_own() {
        let seal = || seal_small(&KEY, "label", b"", &SystemRandom, b"secret");
        assert_ne!(seal(), seal());
    }
}
