//! The key ring of an archive and its wraps: `spec/keys-v1.md`, section 5.

use std::collections::BTreeMap;

use strongroom_base::ids::{ArchiveId, Epoch, SlotId};
use strongroom_base::random::RandomSource;
use strongroom_base::wire::{Put, Reader, WireError, invalid};
use strongroom_crypto::custody::{CustodyKey, open_small, seal_small};
use strongroom_crypto::keys::{DedupKeys, EpochSecret};
use strongroom_crypto::password::{PasswordParams, stretch};
use strongroom_crypto::seal::SealingKey;
use strongroom_crypto::secret::{Secret, SecretBytes};
use strongroom_crypto::sign::{SigningKey, verify};
use strongroom_crypto::suite::Suite;

use super::error::FormatError;
use super::sealed::{EpochKeys, SealedHeader};

const MAGIC: [u8; 6] = *b"SRkeys";
const VERSION: u8 = 1;
const DOMAIN: &str = "strongroom keys-v1 wraps";
const KEY_RING_LABEL: &str = "strongroom keys-v1 key ring";
const SLOT_LABEL: &str = "strongroom keys-v1 password slot";
const WHAT: &str = "keys object";
const KEY_RING_LEN_MAX: usize = 65_536;
/// Length of a key ring of one epoch, sealed as a small value.
const KEY_RING_LEN_MIN: usize = 24 + 32 + (1 + 5 * 32 + 1 + 61) + 16;
const WRAP_LEN_MAX: usize = 256;
/// Length of the custody key, sealed as a small value.
const WRAP_LEN: usize = 24 + 32 + 32 + 16;
const SLOTS_MAX: usize = 64;
const SLOT_NAME_LEN_MAX: usize = 64;
/// As many as a wrapped key ring has room for.
const EPOCHS_MAX: usize = 1_024;
const SLOT_PASSWORD: u8 = 1;

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

    fn encode(&self) -> SecretBytes {
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

    fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
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

/// A wrap of the custody key under a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Names the slot.
    pub id: SlotId,
    /// A name for people.
    pub name: String,
    params: PasswordParams,
    salt: [u8; 16],
    wrap: Vec<u8>,
}

impl Slot {
    /// Wraps the custody key under a password.
    pub fn new(
        archive: ArchiveId,
        custody: &CustodyKey,
        name: &str,
        password: &[u8],
        random: &dyn RandomSource,
    ) -> Result<Self, FormatError> {
        let id = SlotId::random(random);
        let mut salt = [0; 16];
        random.fill(&mut salt);
        let params = PasswordParams::DEFAULT;
        let mut slot = Self {
            id,
            name: name.to_owned(),
            params,
            salt,
            wrap: Vec::new(),
        };
        let key = slot.stretch(password)?;
        let associated = slot.associated(archive);
        slot.wrap = seal_small(
            key.expose_bytes(),
            SLOT_LABEL,
            &associated,
            random,
            custody.expose_bytes(),
        );
        Ok(slot)
    }

    /// Unwraps the custody key; the error is of the class wrong key where the password is wrong.
    pub fn open(&self, archive: ArchiveId, password: &[u8]) -> Result<CustodyKey, FormatError> {
        let key = self.stretch(password)?;
        let opened = open_small(
            key.expose_bytes(),
            SLOT_LABEL,
            &self.associated(archive),
            &self.wrap,
        )
        .map_err(FormatError::sealed("the password slot"))?;
        let bytes: [u8; 32] = opened
            .expose_bytes()
            .try_into()
            .map_err(|_| FormatError::malformed(WHAT)(invalid("wrap")))?;
        Ok(CustodyKey::from_bytes(bytes))
    }

    fn stretch(&self, password: &[u8]) -> Result<Secret<32>, FormatError> {
        stretch(password, &self.salt, &self.params)
            .map_err(|_| FormatError::malformed(WHAT)(invalid("password parameters")))
    }

    fn associated(&self, archive: ArchiveId) -> Vec<u8> {
        let mut out = archive.0.to_vec();
        out.extend_from_slice(&self.id.0);
        self.put_params(&mut out);
        out
    }

    fn put_params(&self, out: &mut Vec<u8>) {
        out.put_u32(self.params.memory_kib);
        out.put_u32(self.params.passes);
        out.put_u32(self.params.lanes);
        out.extend_from_slice(&self.salt);
    }

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.id.0);
        out.push(SLOT_PASSWORD);
        out.put_bytes(self.name.as_bytes());
        self.put_params(out);
        out.put_bytes(&self.wrap);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let id = SlotId(reader.array("slot id")?);
        if reader.u8("slot kind")? != SLOT_PASSWORD {
            return Err(invalid("slot kind"));
        }
        let name = reader.bytes(SLOT_NAME_LEN_MAX, "slot name")?.to_vec();
        let name = String::from_utf8(name).map_err(|_| invalid("slot name"))?;
        let params = PasswordParams {
            memory_kib: reader.u32("memory")?,
            passes: reader.u32("passes")?,
            lanes: reader.u32("lanes")?,
        };
        let salt = reader.array("salt")?;
        if params.check().is_err() {
            return Err(invalid("password parameters"));
        }
        let wrap = reader.bytes(WRAP_LEN_MAX, "wrap")?.to_vec();
        if wrap.len() != WRAP_LEN {
            return Err(invalid("wrap"));
        }
        Ok(Self {
            id,
            name,
            params,
            salt,
            wrap,
        })
    }
}

/// All current wraps of a key ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeysObject {
    /// The archive.
    pub archive: ArchiveId,
    /// The highest one wins.
    pub number: u32,
    /// Names the custody key that opens the key ring.
    pub custody_key_id: [u8; 16],
    key_ring: Vec<u8>,
    /// The wraps of the custody key, sorted by id.
    pub slots: Vec<Slot>,
}

impl KeysObject {
    /// Wraps a key ring under a custody key.
    pub fn new(
        archive: ArchiveId,
        number: u32,
        ring: &KeyRing,
        custody: &CustodyKey,
        mut slots: Vec<Slot>,
        random: &dyn RandomSource,
    ) -> Self {
        slots.sort_by_key(|slot| slot.id);
        let associated = key_ring_associated(archive, number);
        let plaintext = ring.encode();
        let key_ring = seal_small(
            custody.expose_bytes(),
            KEY_RING_LABEL,
            &associated,
            random,
            plaintext.expose_bytes(),
        );
        Self {
            archive,
            number,
            custody_key_id: custody.key_id(),
            key_ring,
            slots,
        }
    }

    /// Opens the key ring; the error is of the class wrong key where the custody key is another.
    pub fn open(&self, custody: &CustodyKey) -> Result<KeyRing, FormatError> {
        let associated = key_ring_associated(self.archive, self.number);
        let opened = open_small(
            custody.expose_bytes(),
            KEY_RING_LABEL,
            &associated,
            &self.key_ring,
        )
        .map_err(FormatError::sealed("the key ring"))?;
        KeyRing::decode(opened.expose_bytes())
    }

    /// Returns the bytes of the object, signed.
    pub fn encode(&self, authority: &SigningKey) -> Vec<u8> {
        let mut out = self.encode_fields();
        let signature = authority.sign(DOMAIN, &out);
        out.extend_from_slice(&signature);
        out
    }

    fn encode_fields(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.push(VERSION);
        out.push(0);
        out.extend_from_slice(&self.archive.0);
        out.put_u32(self.number);
        out.extend_from_slice(&self.custody_key_id);
        out.put_bytes(&self.key_ring);
        out.put_count(self.slots.len());
        self.slots.iter().for_each(|slot| slot.put(&mut out));
        out
    }

    /// Reads an object and checks its signature.
    pub fn decode(bytes: &[u8], authority: &[u8; 32]) -> Result<Self, FormatError> {
        let malformed = FormatError::malformed(WHAT);
        let truncated = || malformed(WireError::Truncated { field: "signature" });
        let (fields, signature) = bytes.split_last_chunk::<64>().ok_or_else(truncated)?;
        let mut reader = Reader::new(fields);
        if reader.array("magic").map_err(&malformed)? != MAGIC {
            return Err(FormatError::NotThis {
                expected: "a keys object",
            });
        }
        let version = reader.u8("version").map_err(&malformed)?;
        if version > VERSION {
            return Err(FormatError::TooNew {
                what: WHAT,
                found: version,
            });
        }
        verify(authority, DOMAIN, fields, signature).map_err(|_| FormatError::BadSignature {
            what: "the keys object",
        })?;
        Self::decode_fields(version, &mut reader).map_err(malformed)
    }

    fn decode_fields(version: u8, reader: &mut Reader<'_>) -> Result<Self, WireError> {
        if version != VERSION {
            return Err(invalid("version"));
        }
        if reader.u8("reserved")? != 0 {
            return Err(invalid("reserved"));
        }
        let archive = ArchiveId(reader.array("archive")?);
        let number = reader.u32("n")?;
        if number == 0 {
            return Err(invalid("n"));
        }
        let custody_key_id = reader.array("custody key id")?;
        let key_ring = reader.bytes(KEY_RING_LEN_MAX, "key ring")?.to_vec();
        if key_ring.len() < KEY_RING_LEN_MIN {
            return Err(invalid("key ring"));
        }
        let count = reader.count(SLOTS_MAX, "slots")?;
        let mut slots: Vec<Slot> = Vec::with_capacity(count);
        for _ in 0..count {
            let slot = Slot::read(reader)?;
            if slots.last().is_some_and(|last| last.id >= slot.id) {
                return Err(invalid("slots"));
            }
            slots.push(slot);
        }
        reader.finish()?;
        Ok(Self {
            archive,
            number,
            custody_key_id,
            key_ring,
            slots,
        })
    }
}

fn key_ring_associated(archive: ArchiveId, number: u32) -> Vec<u8> {
    let mut out = archive.0.to_vec();
    out.put_u32(number);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use strongroom_base::{Class, Classified};
    use strongroom_crypto::keys::SealedKind;
    use strongroom_crypto::random::SystemRandom;

    const ARCHIVE: ArchiveId = ArchiveId([1; 16]);

    fn key_bytes(ring: &KeyRing) -> Vec<u8> {
        ring.encode().expose_bytes().to_vec()
    }

    #[test]
    fn a_key_ring_opens_with_its_custody_key_and_with_a_password() {
        let random = &SystemRandom;
        let ring = KeyRing::random(Suite::Aes256, random);
        let custody = CustodyKey::random(random);
        let slot = Slot::new(ARCHIVE, &custody, "main", b"correct horse", random).unwrap();
        let object = KeysObject::new(ARCHIVE, 1, &ring, &custody, vec![slot], random);
        let bytes = object.encode(&ring.authority());
        let decoded = KeysObject::decode(&bytes, &ring.authority().public_key()).unwrap();
        assert_eq!(decoded, object);
        assert_eq!(
            key_bytes(&decoded.open(&custody).unwrap()),
            key_bytes(&ring)
        );
        let unwrapped = decoded.slots[0].open(ARCHIVE, b"correct horse").unwrap();
        assert_eq!(
            key_bytes(&decoded.open(&unwrapped).unwrap()),
            key_bytes(&ring)
        );
        let wrong = decoded.slots[0]
            .open(ARCHIVE, b"wrong horse")
            .err()
            .unwrap();
        assert_eq!(wrong.class(), Class::WrongKey);
        let other = decoded.open(&CustodyKey::random(random)).err().unwrap();
        assert_eq!(other.class(), Class::WrongKey);
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let random = &SystemRandom;
        let ring = KeyRing::random(Suite::ChaCha20, random);
        let object = KeysObject::new(
            ARCHIVE,
            1,
            &ring,
            &CustodyKey::random(random),
            vec![],
            random,
        );
        let bytes = object.encode(&ring.authority());
        let authority = ring.authority().public_key();
        for position in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[position] ^= 1;
            assert!(
                KeysObject::decode(&changed, &authority).is_err(),
                "{position}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn a_changed_key_ring_is_refused_or_means_itself(
            changes in proptest::collection::vec((0..240_usize, 0..3_u8, proptest::num::u8::ANY), 1..4)
        ) {
            let mut ring = KeyRing::random(Suite::Aes256, &SystemRandom);
            ring.start_epoch(Suite::ChaCha20, &SystemRandom).unwrap();
            let mut bytes = key_bytes(&ring);
            for (at, way, byte) in changes {
                let at = at % bytes.len();
                match way {
                    0 => bytes[at] = byte,
                    1 => bytes.insert(at, byte),
                    _ => drop(bytes.remove(at)),
                }
            }
            if let Ok(decoded) = KeyRing::decode(&bytes) {
                proptest::prop_assert_eq!(key_bytes(&decoded), bytes);
            }
        }
    }

    #[test]
    fn a_key_ring_that_is_full_takes_no_epoch() {
        let mut ring = KeyRing::random(Suite::Aes256, &SystemRandom);
        for _ in 1..EPOCHS_MAX {
            ring.start_epoch(Suite::Aes256, &SystemRandom).unwrap();
        }
        assert!(ring.start_epoch(Suite::Aes256, &SystemRandom).is_err());
        let custody = CustodyKey::random(&SystemRandom);
        let object = KeysObject::new(ARCHIVE, 1, &ring, &custody, vec![], &SystemRandom);
        let bytes = object.encode(&ring.authority());
        let decoded = KeysObject::decode(&bytes, &ring.authority().public_key()).unwrap();
        assert_eq!(decoded.open(&custody).unwrap().epochs().count(), EPOCHS_MAX);
    }

    #[test]
    fn epochs_seal_differently() {
        let random = &SystemRandom;
        let mut ring = KeyRing::random(Suite::Aes256, random);
        let second = ring.start_epoch(Suite::ChaCha20, random).unwrap();
        assert_eq!(ring.current(), (second, Suite::ChaCha20));
        let header = |epoch| SealedHeader {
            kind: SealedKind::Pack,
            suite: Suite::Aes256,
            generation: strongroom_base::ids::Generation(1),
            epoch: Epoch(epoch),
        };
        assert!(ring.sealing_key(&header(1)).is_some());
        assert!(ring.sealing_key(&header(3)).is_none());
    }
}
