//! Records: `spec/archive-v1.md`, section 9.
//!
//! ```text
//! header | signature 64 | payload
//! ```

mod header;
mod kind;

use strongroom_base::ids::{ArchiveId, Generation, Seq};
use strongroom_base::object::RecordId;
use strongroom_base::wire::{Reader, WireError, invalid};
use strongroom_crypto::hash::hash;
use strongroom_crypto::sign::{SigningKey, verify};

use crate::descriptor::refuse_features;
use crate::error::ReplicaError;

pub use header::{Added, Changes, Header, Link, Part, PartKind};
pub use kind::RecordKind;

/// Longest record object in bytes.
pub const RECORD_LEN_MAX: u64 = 67_108_864;
/// Longest payload of a record that carries packs, in bytes.
pub const SMALL_PAYLOAD_LEN_MAX: usize = 1_048_576;

const MAGIC: [u8; 8] = *b"SRrecord";
const VERSION: u8 = 1;
const DOMAIN: &str = "strongroom archive-v1 record";
const FIXED_LEN: usize = 8 + 1 + 1 + 2 + 4;

/// A record with its bytes.
#[derive(Clone, Debug)]
pub struct Record {
    header: Header,
    bytes: Vec<u8>,
    payload_start: usize,
    hash: [u8; 32],
}

impl Record {
    /// Makes and signs a record of parts, the sealed body first.
    pub fn sign(
        kind: RecordKind,
        link: Link,
        changes: Changes,
        parts: &[(PartKind, &[u8])],
        signer: &SigningKey,
    ) -> Self {
        let payload: Vec<u8> = parts
            .iter()
            .flat_map(|(_, bytes)| bytes.iter().copied())
            .collect();
        let part = |(kind, bytes): &(PartKind, &[u8])| Part {
            kind: *kind,
            len: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
        };
        let parts = parts.iter().map(part).collect();
        let header = Header {
            kind,
            link,
            changes,
            parts,
            payload_hash: hash(&payload),
        };
        let mut bytes = header.encode(payload.len() as u64);
        let signature = signer.sign(DOMAIN, &bytes);
        bytes.extend_from_slice(&signature);
        let payload_start = bytes.len();
        bytes.extend_from_slice(&payload);
        let hash = hash(&bytes);
        Self {
            header,
            bytes,
            payload_start,
            hash,
        }
    }

    /// Reads a record that should lie at `id`; checks structure, payload and signature.
    ///
    /// The signature of a generation record is that of the authority, of any other that of the writer
    /// it names; whether that writer may write is for [`crate::log`] to say.
    pub fn decode(
        bytes: Vec<u8>,
        archive: ArchiveId,
        id: RecordId,
        authority: &[u8; 32],
    ) -> Result<Self, ReplicaError> {
        let what = format!("record {id}");
        let malformed = ReplicaError::malformed(&what);
        let (header_len, version) = read_fixed(&bytes, &what)?;
        let header_bytes = bytes
            .get(..header_len)
            .ok_or_else(|| malformed(WireError::Truncated { field: "header" }))?;
        let payload_start = header_len + 64;
        let signature = bytes
            .get(header_len..payload_start)
            .and_then(|bytes| bytes.first_chunk::<64>())
            .ok_or_else(|| malformed(WireError::Truncated { field: "signature" }))?;
        if version != VERSION {
            return Err(malformed(invalid("version")));
        }
        let (header, payload_len, features) = Header::decode(header_bytes).map_err(&malformed)?;
        if header.link.archive != archive {
            return Err(ReplicaError::Foreign { what: what.clone() });
        }
        if header.link.id != id {
            return Err(malformed(invalid("seq")));
        }
        let signer = if header.kind == RecordKind::Generation {
            authority
        } else {
            &header.link.writer
        };
        verify(signer, DOMAIN, header_bytes, signature)
            .map_err(|_| ReplicaError::BadSignature { what: what.clone() })?;
        refuse_features(&what, &features)?;
        let payload = &bytes[payload_start..];
        if payload.len() as u64 != payload_len || hash(payload) != header.payload_hash {
            return Err(malformed(invalid("payload")));
        }
        let hash = hash(&bytes);
        Ok(Self {
            header,
            bytes,
            payload_start,
            hash,
        })
    }

    /// Returns the plain part.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Returns the place in the log.
    pub fn id(&self) -> RecordId {
        self.header.link.id
    }

    /// Returns the hash of the record, which is what the next one continues.
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// Returns the bytes of the object.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the sealed body.
    pub fn body(&self) -> &[u8] {
        self.parts().next().map_or(&[], |(_, _, bytes)| bytes)
    }

    /// Returns the parts with their offsets in the object.
    pub fn parts(&self) -> impl Iterator<Item = (PartKind, usize, &[u8])> {
        let mut offset = self.payload_start;
        self.header.parts.iter().map(move |part| {
            let start = offset;
            offset += part.len as usize;
            (part.kind, start, &self.bytes[start..offset])
        })
    }
}

/// Returns the offset in the object at which the parts of a record will start, whose changes and number
/// of parts are those given.
pub fn payload_offset(changes: &Changes, parts: usize) -> usize {
    let link = Link {
        archive: ArchiveId([0; 16]),
        id: RecordId {
            generation: Generation(0),
            seq: Seq(0),
        },
        previous: [0; 32],
        writer: [0; 32],
    };
    let parts = vec![
        Part {
            kind: PartKind::Body,
            len: 0
        };
        parts
    ];
    let kind = RecordKind::Snapshot;
    let header = Header {
        kind,
        link,
        changes: changes.clone(),
        parts,
        payload_hash: [0; 32],
    };
    header.encode(0).len() + 64
}

fn read_fixed(bytes: &[u8], what: &str) -> Result<(usize, u8), ReplicaError> {
    let malformed = ReplicaError::malformed(what);
    let mut reader = Reader::new(bytes);
    if reader.array("magic").map_err(&malformed)? != MAGIC {
        return Err(ReplicaError::NotThis {
            what: what.to_owned(),
        });
    }
    let version = reader.u8("version").map_err(&malformed)?;
    if version > VERSION {
        return Err(ReplicaError::TooNew {
            what: what.to_owned(),
            found: version,
        });
    }
    reader.take(3, "kind").map_err(&malformed)?;
    let header_len = reader.u32("header length").map_err(&malformed)? as usize;
    Ok((header_len, version))
}

#[cfg(test)]
mod tests {
    use super::*;
    use strongroom_base::ids::ObjectName;
    use strongroom_base::object::ObjectRef;
    use strongroom_crypto::random::SystemRandom;
    use strongroom_crypto::secret::Secret;

    const ARCHIVE: ArchiveId = ArchiveId([3; 16]);
    const ID: RecordId = RecordId {
        generation: Generation(1),
        seq: Seq(2),
    };

    fn record(key: &SigningKey, changes: Changes) -> Record {
        let link = Link {
            archive: ARCHIVE,
            id: ID,
            previous: [5; 32],
            writer: key.public_key(),
        };
        let parts: [(PartKind, &[u8]); 3] = [
            (PartKind::Body, b"body"),
            (PartKind::Pack, b"a pack"),
            (PartKind::Index, b"index"),
        ];
        Record::sign(RecordKind::Snapshot, link, changes, &parts, key)
    }

    fn changes() -> Changes {
        let object = |byte| ObjectRef::index(ObjectName([byte; 32]));
        Changes {
            adds: vec![
                Added {
                    object: object(1),
                    size: 9,
                },
                Added {
                    object: object(2),
                    size: 300,
                },
            ],
            condemns: vec![object(3)],
            voids: vec![],
            acks: vec![object(4)],
        }
    }

    #[test]
    fn a_record_comes_back_and_every_changed_byte_is_noticed() {
        let key = SigningKey::from_seed(&Secret::random(&SystemRandom));
        let record = record(&key, changes());
        let decode = |bytes| Record::decode(bytes, ARCHIVE, ID, &[0; 32]);
        let decoded = decode(record.bytes().to_vec()).unwrap();
        assert_eq!(decoded.header(), record.header());
        assert_eq!(decoded.hash(), record.hash());
        let parts: Vec<_> = decoded
            .parts()
            .map(|(kind, _, bytes)| (kind, bytes.to_vec()))
            .collect();
        assert_eq!(parts[1], (PartKind::Pack, b"a pack".to_vec()));
        assert_eq!(
            decoded.parts().next().unwrap().1,
            payload_offset(&changes(), 3)
        );
        for position in 0..record.bytes().len() {
            let mut changed = record.bytes().to_vec();
            changed[position] ^= 1;
            assert!(decode(changed).is_err(), "{position}");
        }
        for len in 0..record.bytes().len() {
            assert!(decode(record.bytes()[..len].to_vec()).is_err(), "{len}");
        }
    }

    #[test]
    fn lists_are_sorted() {
        let key = SigningKey::from_seed(&Secret::random(&SystemRandom));
        let mut unsorted = changes();
        unsorted.adds.swap(0, 1);
        let bytes = record(&key, unsorted).bytes().to_vec();
        assert!(Record::decode(bytes, ARCHIVE, ID, &[0; 32]).is_err());
    }
}
