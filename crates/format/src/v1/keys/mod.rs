//! The key ring of an archive and its wraps: `spec/keys-v1.md`, section 5.

mod ring;
mod slot;

use strongroom_base::ids::ArchiveId;
use strongroom_base::random::RandomSource;
use strongroom_base::wire::{Put, Reader, WireError, invalid};
use strongroom_crypto::custody::{CustodyKey, open_small, seal_small};
use strongroom_crypto::sign::{SigningKey, verify};

use super::error::FormatError;

pub use ring::KeyRing;
pub use slot::Slot;

const MAGIC: [u8; 6] = *b"SRkeys";
const VERSION: u8 = 1;
const DOMAIN: &str = "strongroom keys-v1 wraps";
const KEY_RING_LABEL: &str = "strongroom keys-v1 key ring";
const WHAT: &str = "keys object";
const KEY_RING_LEN_MAX: usize = 65_536;
/// Length of a key ring of one epoch, sealed as a small value.
const KEY_RING_LEN_MIN: usize = 24 + 32 + (1 + 5 * 32 + 1 + 61) + 16;
const SLOTS_MAX: usize = 64;

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
        let (version, mut reader, signature) = split(bytes)?;
        let fields = &bytes[..bytes.len() - signature.len()];
        verify(authority, DOMAIN, fields, signature).map_err(|_| FormatError::BadSignature {
            what: "the keys object",
        })?;
        Self::decode_fields(version, &mut reader).map_err(FormatError::malformed(WHAT))
    }

    /// Reads an object of which nobody knows yet who signed it. Its key ring, once it is opened, names the authority:
    /// nothing of the object counts before [`decode`](Self::decode) has checked its signature with that.
    pub fn decode_unproven(bytes: &[u8]) -> Result<Self, FormatError> {
        let (version, mut reader, _) = split(bytes)?;
        Self::decode_fields(version, &mut reader).map_err(FormatError::malformed(WHAT))
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

/// Splits an object into its version, what follows up to the signature, and the signature.
fn split(bytes: &[u8]) -> Result<(u8, Reader<'_>, &[u8; 64]), FormatError> {
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
    Ok((version, reader, signature))
}

fn key_ring_associated(archive: ArchiveId, number: u32) -> Vec<u8> {
    let mut out = archive.0.to_vec();
    out.put_u32(number);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::keys::ring::EPOCHS_MAX;
    use crate::v1::sealed::{EpochKeys as _, SealedHeader};
    use strongroom_base::ids::Epoch;
    use strongroom_base::{Class, Classified};
    use strongroom_crypto::keys::SealedKind;
    use strongroom_crypto::random::SystemRandom;
    use strongroom_crypto::suite::Suite;

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
