//! The keys of an archive and what is derived from them.

use strongroom_base::random::RandomSource;
use zeroize::Zeroizing;

use crate::{
    hash::keyed_hash, kdf::hkdf_expand_sha512, label, seal::SealingKey, secret::Secret,
    suite::Suite,
};

/// The length of an epoch secret: 448 bits.
pub const EPOCH_SECRET_LEN: usize = 56;

/// What kind of object a sealing key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SealedKind {
    /// A pack of data or trees.
    Pack = 1,
    /// An index.
    Index = 2,
    /// The body of a record.
    Body = 3,
}

impl SealedKind {
    /// Returns the number that stands for the kind in derivations.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Finds the kind that a number stands for.
    pub fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Pack),
            2 => Some(Self::Index),
            3 => Some(Self::Body),
            _ => None,
        }
    }
}

/// The secret of one epoch, from which the epoch's sealing keys are derived.
pub struct EpochSecret(Secret<EPOCH_SECRET_LEN>);

impl EpochSecret {
    /// Takes over a stored secret.
    pub fn new(secret: impl Into<Secret<EPOCH_SECRET_LEN>>) -> Self {
        Self(secret.into())
    }

    /// Draws a new secret.
    pub fn random(random: &dyn RandomSource) -> Self {
        Self(Secret::random(random))
    }

    /// Gives the bytes out.
    pub fn expose_bytes(&self) -> &[u8; EPOCH_SECRET_LEN] {
        self.0.expose_bytes()
    }

    /// Derives the key that seals objects of `kind` with `suite` in this epoch.
    ///
    /// # Panics
    ///
    /// Never: the derived key has the suite's length.
    pub fn sealing_key(&self, suite: Suite, kind: SealedKind) -> SealingKey {
        let mut key = Zeroizing::new([0; EPOCH_SECRET_LEN]);
        let key = &mut key[..suite.key_len()];
        let codes = [suite.code(), kind.code()];
        let info: &[&[u8]] = &[label::EPOCH_SEAL.as_bytes(), &[0], &codes];
        hkdf_expand_sha512(self.0.expose_bytes(), info, key);
        SealingKey::new(suite, key).expect("the key has the suite's length")
    }
}

/// What a chunk holds; every kind is named under a key of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ChunkKind {
    /// Contents of files.
    Data = 0,
    /// Entries of a directory.
    Tree = 1,
    /// A list of chunks.
    List = 2,
}

impl ChunkKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Data, Self::Tree, Self::List];

    /// Returns the number that stands for the kind in stored bytes.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Returns the kind that `code` stands for.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// The keys that find equal contents; they stay the same for the archive's whole life.
pub struct DedupKeys {
    /// Names chunks of file contents.
    pub data: Secret<32>,
    /// Names chunks of directories.
    pub tree: Secret<32>,
    /// Names lists of chunks.
    pub list: Secret<32>,
    /// Chooses where contents are cut.
    pub chunker: Secret<32>,
}

impl DedupKeys {
    /// Draws new keys.
    pub fn random(random: &dyn RandomSource) -> Self {
        Self {
            data: Secret::random(random),
            tree: Secret::random(random),
            list: Secret::random(random),
            chunker: Secret::random(random),
        }
    }

    /// Returns the name of the chunk of `kind` that holds `content`.
    pub fn chunk_id(&self, kind: ChunkKind, content: &[u8]) -> [u8; 32] {
        let key = match kind {
            ChunkKind::Data => &self.data,
            ChunkKind::Tree => &self.tree,
            ChunkKind::List => &self.list,
        };
        keyed_hash(key, content)
    }
}

#[cfg(test)]
mod tests {
    use std::{array, collections::HashSet};

    use super::*;
    use crate::{
        random::SystemRandom,
        seal::{open, seal},
    };

    fn secret() -> EpochSecret {
        EpochSecret::new(array::from_fn::<u8, EPOCH_SECRET_LEN, _>(|i| {
            i.to_le_bytes()[0]
        }))
    }

    fn expected(suite: Suite, key: &str) -> SealingKey {
        let key = hex::decode(key).expect("hexadecimal");
        SealingKey::new(suite, &key).expect("the right length")
    }

    #[test]
    fn sealing_keys_are_the_golden_ones() {
        // Made by another program from the derivation's description.
        let cases = [
            (
                Suite::Aes128,
                SealedKind::Pack,
                "84c429af22c743ea5c071da62b1d9c9b",
            ),
            (
                Suite::Aes256,
                SealedKind::Index,
                "9206a95af6c29e272fd01d83cdb497ca0ea236ef4402765f31b38c321e9fb19e",
            ),
            (
                Suite::Blowfish448,
                SealedKind::Body,
                "e80d2b68ae64b081e8e73ceaecc1bba944c491ff5f7d457f458a4e068d7d5285\
                 f130108467e9ec3ed95846698b461bf7ec1f5fd58bab5d23",
            ),
        ];
        for (suite, kind, key) in cases {
            let mut sealed = Vec::new();
            seal(
                &secret().sealing_key(suite, kind),
                &[1; 24],
                b"",
                b"text",
                &mut sealed,
            );
            let opened = open(&expected(suite, key), b"", &sealed);
            assert_eq!(opened.as_deref(), Ok(&b"text"[..]), "{suite}");
        }
    }

    #[test]
    fn every_suite_kind_and_secret_has_its_own_key() {
        let mut seen = HashSet::new();
        for secret in [secret(), EpochSecret::random(&SystemRandom)] {
            for suite in Suite::ALL {
                for kind in [SealedKind::Pack, SealedKind::Index, SealedKind::Body] {
                    let mut sealed = Vec::new();
                    seal(
                        &secret.sealing_key(suite, kind),
                        &[1; 24],
                        b"",
                        b"",
                        &mut sealed,
                    );
                    assert!(seen.insert(sealed), "{suite} {kind:?}");
                }
            }
        }
    }

    #[test]
    fn every_kind_of_chunk_has_its_own_names() {
        let keys = DedupKeys::random(&SystemRandom);
        let ids = ChunkKind::ALL.map(|kind| keys.chunk_id(kind, b"content"));
        assert_eq!(HashSet::from(ids).len(), 3);
        assert_eq!(ids[0], keyed_hash(&keys.data, b"content"));
        assert_eq!(ids[1], keyed_hash(&keys.tree, b"content"));
        assert_eq!(ids[2], keyed_hash(&keys.list, b"content"));
        assert_ne!(
            ids[0],
            DedupKeys::random(&SystemRandom).chunk_id(ChunkKind::Data, b"content")
        );
    }

    #[test]
    fn the_codes_of_kinds_are_fixed() {
        let codes = (0..=255)
            .map(ChunkKind::from_code)
            .take_while(Option::is_some);
        assert_eq!(codes.flatten().collect::<Vec<_>>(), ChunkKind::ALL);
        assert_eq!((3..=255).find_map(ChunkKind::from_code), None);
        assert_eq!(ChunkKind::ALL.map(ChunkKind::code), [0, 1, 2]);
        assert_eq!(SealedKind::Pack.code(), 1);
        assert_eq!(SealedKind::Index.code(), 2);
        assert_eq!(SealedKind::Body.code(), 3);
    }
}
