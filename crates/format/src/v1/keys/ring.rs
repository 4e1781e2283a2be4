//! The key ring: the secret of every epoch, and the key that signs for the owner.

use std::collections::BTreeMap;

use strongroom_base::ids::Epoch;
use strongroom_base::random::RandomSource;
use strongroom_base::wire::{Put, Reader, WireError, invalid};
use strongroom_crypto::keys::{DedupKeys, EpochSecret};
use strongroom_crypto::seal::SealingKey;
use strongroom_crypto::secret::{Secret, SecretBytes};
use strongroom_crypto::sign::SigningKey;
use strongroom_crypto::suite::Suite;

use super::super::error::FormatError;
use super::super::sealed::{EpochKeys, SealedHeader};
use super::VERSION;

/// As many as a wrapped key ring has room for.
pub(super) const EPOCHS_MAX: usize = 1_024;

/// The keys of one archive.
pub struct KeyRing {
    /// The keys that name chunks and cut them.
    pub dedup: DedupKeys,
    authority_seed: Secret<32>,
    epochs: BTreeMap<Epoch, (Suite, EpochSecret)>,
}

impl KeyRing {
    /// Draws the keys of a new archive.
    pub fn random(suite: Suite, random: &dyn RandomSource) -> Self {
        Self {
            dedup: DedupKeys::random(random),
            authority_seed: Secret::random(random),
            epochs: BTreeMap::from([(Epoch(1), (suite, EpochSecret::random(random)))]),
        }
    }

    /// Draws a new epoch secret; new objects are sealed under it. Fails where the key ring has no room.
    pub fn start_epoch(
        &mut self,
        suite: Suite,
        random: &dyn RandomSource,
    ) -> Result<Epoch, FormatError> {
        if self.epochs.len() >= EPOCHS_MAX {
            return Err(FormatError::TooManyEpochs);
        }
        let epoch = Epoch(
            self.epochs
                .keys()
                .next_back()
                .map_or(1, |epoch| epoch.0 + 1),
        );
        self.epochs
            .insert(epoch, (suite, EpochSecret::random(random)));
        Ok(epoch)
    }

    /// Returns the suite of the first epoch, which is that of new objects when the archive was made.
    ///
    /// # Panics
    ///
    /// Never: as [`current`](Self::current).
    pub fn first_suite(&self) -> Suite {
        let first = self.epochs.first_key_value();
        first.expect("a key ring has an epoch").1.0
    }

    /// Returns the key that signs descriptor, generations and wraps.
    pub fn authority(&self) -> SigningKey {
        SigningKey::from_seed(&self.authority_seed)
    }

    /// Returns the epoch and suite of new objects.
    ///
    /// # Panics
    ///
    /// Never: a key ring has an epoch from the start, and decoding refuses one without.
    pub fn current(&self) -> (Epoch, Suite) {
        let (epoch, (suite, _)) = self
            .epochs
            .last_key_value()
            .expect("a key ring has an epoch");
        (*epoch, *suite)
    }

    /// Returns the epochs and their suites.
    pub fn epochs(&self) -> impl Iterator<Item = (Epoch, Suite)> {
        self.epochs
            .iter()
            .map(|(epoch, (suite, _))| (*epoch, *suite))
    }

    pub(super) fn encode(&self) -> SecretBytes {
        let mut out = Vec::with_capacity(256 + self.epochs.len() * 61);
        out.push(VERSION);
        for key in [
            &self.dedup.data,
            &self.dedup.tree,
            &self.dedup.list,
            &self.dedup.chunker,
        ] {
            out.extend_from_slice(key.expose_bytes());
        }
        out.extend_from_slice(self.authority_seed.expose_bytes());
        out.put_count(self.epochs.len());
        for (epoch, (suite, secret)) in &self.epochs {
            out.put_u32(epoch.0);
            out.push(suite.code());
            out.extend_from_slice(secret.expose_bytes());
        }
        SecretBytes::new(out)
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let malformed = FormatError::malformed("key ring");
        let mut reader = Reader::new(bytes);
        let version = reader.u8("version").map_err(&malformed)?;
        if version > VERSION {
            let what = "the key ring";
            return Err(FormatError::TooNew {
                what,
                found: version,
            });
        }
        Self::decode_fields(version, &mut reader).map_err(malformed)
    }

    fn decode_fields(version: u8, reader: &mut Reader<'_>) -> Result<Self, WireError> {
        if version != VERSION {
            return Err(invalid("version"));
        }
        let mut secret = |field| reader.array::<32>(field).map(Secret::new);
        let dedup = DedupKeys {
            data: secret("data")?,
            tree: secret("tree")?,
            list: secret("list")?,
            chunker: secret("chunker")?,
        };
        let authority_seed = secret("authority seed")?;
        let count = reader.count(EPOCHS_MAX, "epochs")?;
        let mut epochs = BTreeMap::new();
        for _ in 0..count {
            let epoch = Epoch::read(reader, "epoch")?;
            let suite = Suite::from_code(reader.u8("suite")?).ok_or(invalid("suite"))?;
            let secret = EpochSecret::new(reader.array::<56>("secret")?);
            if epochs
                .last_key_value()
                .is_some_and(|(last, _)| *last >= epoch)
            {
                return Err(invalid("epoch"));
            }
            epochs.insert(epoch, (suite, secret));
        }
        reader.finish()?;
        if epochs.is_empty() {
            return Err(invalid("epochs"));
        }
        Ok(Self {
            dedup,
            authority_seed,
            epochs,
        })
    }
}

impl EpochKeys for KeyRing {
    fn sealing_key(&self, header: &SealedHeader) -> Option<SealingKey> {
        let (_, secret) = self.epochs.get(&header.epoch)?;
        Some(secret.sealing_key(header.suite, header.kind))
    }
}
