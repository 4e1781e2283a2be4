//! The secrets that prove a session, a token, a computer or a link: 256 bits by chance, stored as their hashes.
//!
//! Each begins with letters that say what it is, so that one that turns up in a file or a log is known for what it is.

use strongroom_base::ids::{from_hex, to_hex};
use strongroom_base::random::RandomSource;
use strongroom_crypto::hash::hash;
use strongroom_crypto::secret::Secret;
use zeroize::Zeroizing;

/// What a secret proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretKind {
    /// A session.
    Session,
    /// An API token.
    Token,
    /// The credential of a computer.
    Computer,
    /// A one-time link.
    Link,
}

/// The hash of a secret that somebody showed. The secret is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bearer {
    /// What it is to prove.
    pub kind: SecretKind,
    /// Its hash.
    pub hash: [u8; 32],
}

/// A new secret.
pub struct NewSecret {
    text: Zeroizing<String>,
    /// Its hash, which is stored.
    pub hash: [u8; 32],
}

impl SecretKind {
    const ALL: [Self; 4] = [Self::Session, Self::Token, Self::Computer, Self::Link];

    fn prefix(self) -> &'static str {
        match self {
            Self::Session => "srs_",
            Self::Token => "srt_",
            Self::Computer => "src_",
            Self::Link => "srl_",
        }
    }
}

impl Bearer {
    /// Takes what somebody showed; `None` if it can be no secret of the server.
    pub fn from_text(text: &str) -> Option<Self> {
        let kind = SecretKind::ALL
            .into_iter()
            .find(|kind| text.starts_with(kind.prefix()))?;
        let bytes = Zeroizing::new(from_hex::<32>(text.strip_prefix(kind.prefix())?)?);
        Some(Self {
            kind,
            hash: hashed(kind, &bytes),
        })
    }
}

impl NewSecret {
    /// Draws one.
    pub fn random(kind: SecretKind, random: &dyn RandomSource) -> Self {
        let secret = Secret::<32>::random(random);
        let digits = Zeroizing::new(to_hex(secret.expose_bytes()));
        let text = Zeroizing::new(format!("{}{}", kind.prefix(), digits.as_str()));
        Self {
            text,
            hash: hashed(kind, secret.expose_bytes()),
        }
    }

    /// Gives the secret out, as it is sent once to whom it belongs.
    pub fn expose_text(&self) -> &str {
        &self.text
    }
}

/// A secret for one thing proves no other, whatever is written before it.
fn hashed(kind: SecretKind, secret: &[u8; 32]) -> [u8; 32] {
    let mut bytes = Zeroizing::new(kind.prefix().as_bytes().to_vec());
    bytes.extend_from_slice(secret);
    hash(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting;

    impl RandomSource for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            for (byte, value) in bytes.iter_mut().zip(1_u8..) {
                *byte = value;
            }
        }
    }

    #[test]
    fn a_secret_is_known_again_by_its_hash() {
        let secret = NewSecret::random(SecretKind::Token, &Counting);
        let text = secret.expose_text();
        assert!(text.starts_with("srt_0102"), "{text}");
        let bearer = Bearer::from_text(text).unwrap();
        assert_eq!((bearer.kind, bearer.hash), (SecretKind::Token, secret.hash));
        let other = Bearer::from_text(&text.replace("srt_", "srs_")).unwrap();
        assert_ne!(other.hash, secret.hash);
    }

    #[test]
    fn what_can_be_no_secret_is_refused() {
        let digits = "0".repeat(64);
        for text in [
            "",
            "srs_",
            "srs_00",
            &digits,
            &format!("srx_{digits}"),
            &format!("srs_{digits}0"),
            &format!("srs_{}", "G".repeat(64)),
        ] {
            assert_eq!(Bearer::from_text(text), None, "{text}");
        }
    }
}
