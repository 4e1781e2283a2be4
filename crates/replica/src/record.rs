//! Records: `spec/archive-v1.md`, section 9.
//!
//! ```text
//! header | signature 64 | payload
//! ```

use strongroom_base::ids::{ArchiveId, Generation, Seq};
use strongroom_base::object::{ObjectKind, ObjectRef, RecordId, put_refs, read_refs};
use strongroom_base::wire::{Put, Reader, WireError, invalid};
use strongroom_crypto::hash::hash;
use strongroom_crypto::sign::{SigningKey, verify};

use crate::descriptor::{read_features, refuse_features};
use crate::error::ReplicaError;

/// Longest record object in bytes.
pub const RECORD_LEN_MAX: u64 = 67_108_864;
/// Longest payload of a record that carries packs, in bytes.
pub const SMALL_PAYLOAD_LEN_MAX: usize = 1_048_576;

const MAGIC: [u8; 8] = *b"SRrecord";
const VERSION: u8 = 1;
const DOMAIN: &str = "strongroom archive-v1 record";
const FIXED_LEN: usize = 8 + 1 + 1 + 2 + 4;
const PARTS_MAX: usize = 64;
const LIST_MAX: usize = 1 << 24;

/// What a record does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// Begins a generation.
    Generation = 1,
    /// Keeps the state of files.
    Snapshot = 2,
    /// Forgets snapshots.
    Forget = 3,
    /// Condemns objects.
    Prune = 4,
    /// Repeats the live set.
    Checkpoint = 5,
    /// Replaces damaged objects or acknowledges their loss.
    Repair = 6,
    /// Adds objects before their snapshot is complete.
    Progress = 7,
}

impl RecordKind {
    /// Returns the code of the specification.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Returns the kind with this code.
    pub fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Generation,
            2 => Self::Snapshot,
            3 => Self::Forget,
            4 => Self::Prune,
            5 => Self::Checkpoint,
            6 => Self::Repair,
            7 => Self::Progress,
            _ => return None,
        })
    }

    /// Returns the word for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Generation => "generation",
            Self::Snapshot => "snapshot",
            Self::Forget => "forget",
            Self::Prune => "prune",
            Self::Checkpoint => "checkpoint",
            Self::Repair => "repair",
            Self::Progress => "progress",
        }
    }
}

/// What a part of a payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartKind {
    /// A sealed pack.
    Pack = 1,
    /// A sealed index run.
    Index = 2,
    /// The sealed body.
    Body = 3,
}

/// A part of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub kind: PartKind,
    /// Its length in bytes.
    pub len: u32,
}

/// An object that became live, and its size in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Added {
    /// The object.
    pub object: ObjectRef,
    /// Its size in bytes.
    pub size: u64,
}

/// What a record changes in the live set; every list sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Objects that become live.
    pub adds: Vec<Added>,
    /// Objects that are given up for good.
    pub condemns: Vec<ObjectRef>,
    /// Objects found damaged everywhere, whose content was stored anew.
    pub voids: Vec<ObjectRef>,
    /// Objects whose loss was acknowledged.
    pub acks: Vec<ObjectRef>,
}

/// The place of a record in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The archive.
    pub archive: ArchiveId,
    /// The place in the log.
    pub id: RecordId,
    /// The hash of the record before; zero bytes for the first.
    pub previous: [u8; 32],
    /// The public key of the generation's writer.
    pub writer: [u8; 32],
}

/// The plain part of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the record does.
    pub kind: RecordKind,
    /// Its place in the chain.
    pub link: Link,
    /// What it changes in the live set.
    pub changes: Changes,
    /// The parts of the payload, the body first.
    pub parts: Vec<Part>,
    payload_hash: [u8; 32],
}

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

impl Header {
    fn encode(&self, payload_len: u64) -> Vec<u8> {
        let changes = &self.changes;
        let mut out =
            Vec::with_capacity(256 + changes.adds.len() * 40 + changes.condemns.len() * 33);
        out.extend_from_slice(&MAGIC);
        out.push(VERSION);
        out.push(self.kind.code());
        out.put_u16(0);
        out.put_u32(0);
        out.extend_from_slice(&self.link.archive.0);
        out.put_u32(self.link.id.generation.0);
        out.put_u64(self.link.id.seq.0);
        out.extend_from_slice(&self.link.previous);
        out.extend_from_slice(&self.link.writer);
        out.put_u64(payload_len);
        out.extend_from_slice(&self.payload_hash);
        out.put_count(self.parts.len());
        for part in &self.parts {
            out.push(part.kind as u8);
            out.put_u32(part.len);
        }
        out.put_count(0);
        out.put_count(changes.adds.len());
        for added in &changes.adds {
            added.object.put(&mut out);
            out.put_varint(u128::from(added.size));
        }
        for list in [&changes.condemns, &changes.voids, &changes.acks] {
            put_refs(&mut out, list);
        }
        let len = u32::try_from(out.len()).unwrap_or(u32::MAX);
        out[FIXED_LEN - 4..FIXED_LEN].copy_from_slice(&len.to_be_bytes());
        out
    }

    fn decode(bytes: &[u8]) -> Result<(Self, u64, Vec<String>), WireError> {
        let mut reader = Reader::new(bytes);
        reader.take(9, "magic")?;
        let kind = RecordKind::from_code(reader.u8("kind")?).ok_or(invalid("kind"))?;
        if reader.u16("reserved")? != 0 {
            return Err(invalid("reserved"));
        }
        reader.u32("header length")?;
        let archive = ArchiveId(reader.array("archive")?);
        let id = RecordId {
            generation: Generation::read(&mut reader, "generation")?,
            seq: Seq::read(&mut reader, "seq")?,
        };
        let previous = reader.array("previous hash")?;
        let link = Link {
            archive,
            id,
            previous,
            writer: reader.array("writer")?,
        };
        let payload_len = reader.u64("payload length")?;
        let payload_hash = reader.array("payload hash")?;
        let parts = read_parts(&mut reader, payload_len)?;
        let features = read_features(&mut reader)?;
        let adds = read_adds(&mut reader)?;
        let mut refs = |field| read_refs(&mut reader, LIST_MAX, field);
        let changes = Changes {
            adds,
            condemns: refs("condemns")?,
            voids: refs("voids")?,
            acks: refs("acks")?,
        };
        reader.finish()?;
        let header = Self {
            kind,
            link,
            changes,
            parts,
            payload_hash,
        };
        header.check_link()?;
        header.check_changes()?;
        Ok((header, payload_len, features))
    }
}

impl Header {
    /// Refuses a record that stands at the start of the chain and is not the first, or the other way round.
    fn check_link(&self) -> Result<(), WireError> {
        let is_first = self.link.id.seq == Seq(1);
        let begins = self.kind == RecordKind::Generation;
        // A writer that died over the first record begins with the next generation.
        let begins_archive = begins && self.link.id.generation == Generation(1);
        if (is_first && !begins) || (begins_archive && !is_first) {
            return Err(invalid("seq"));
        }
        if is_first != (self.link.previous == [0; 32]) {
            return Err(invalid("previous hash"));
        }
        Ok(())
    }

    /// Refuses changes that records of this kind, or with these parts, do not make.
    fn check_changes(&self) -> Result<(), WireError> {
        let changes = &self.changes;
        let is_checkpoint = self.kind == RecordKind::Checkpoint;
        let carries_packs = self.parts.len() > 1;
        let may_change = |object: &ObjectRef| match object.kind() {
            ObjectKind::Pack | ObjectKind::Index => true,
            ObjectKind::Record => is_checkpoint,
            ObjectKind::Keys => false,
        };
        let may_add = |added: &Added| {
            let is_twice = carries_packs && added.object.kind() == ObjectKind::Pack;
            may_change(&added.object) && added.size != 0 && !is_twice
        };
        if !changes.adds.iter().all(may_add) {
            return Err(invalid("adds"));
        }
        let is_added = |object: &ObjectRef| {
            let found = changes
                .adds
                .binary_search_by(|added| added.object.cmp(object));
            found.is_ok()
        };
        if !changes.condemns.iter().all(may_change) || changes.condemns.iter().any(is_added) {
            return Err(invalid("condemns"));
        }
        if changes.voids.iter().any(is_added) {
            return Err(invalid("voids"));
        }
        Ok(())
    }
}

fn read_parts(reader: &mut Reader<'_>, payload_len: u64) -> Result<Vec<Part>, WireError> {
    let count = reader.count(PARTS_MAX, "parts")?;
    let mut parts = Vec::with_capacity(count);
    for position in 0..count {
        let kind = match reader.u8("parts")? {
            1 => PartKind::Pack,
            2 => PartKind::Index,
            3 => PartKind::Body,
            _ => return Err(invalid("parts")),
        };
        if (kind == PartKind::Body) != (position == 0) {
            return Err(invalid("parts"));
        }
        parts.push(Part {
            kind,
            len: reader.u32("parts")?,
        });
    }
    // Behind the body there is nothing, or packs and then the run that covers them.
    let in_order = match parts.get(1..) {
        None => false,
        Some([]) => true,
        Some([packs @ .., run]) => {
            let are_packs = packs.iter().all(|part| part.kind == PartKind::Pack);
            !packs.is_empty() && are_packs && run.kind == PartKind::Index
        }
    };
    let total: u64 = parts.iter().map(|part| u64::from(part.len)).sum();
    let too_long = parts.len() > 1 && payload_len > SMALL_PAYLOAD_LEN_MAX as u64;
    if !in_order || total != payload_len || too_long {
        return Err(invalid("parts"));
    }
    Ok(parts)
}

fn read_adds(reader: &mut Reader<'_>) -> Result<Vec<Added>, WireError> {
    let count = reader.count(LIST_MAX, "adds")?;
    let mut adds: Vec<Added> = Vec::new();
    for _ in 0..count {
        let object = ObjectRef::read(reader, "adds")?;
        if adds.last().is_some_and(|last| last.object >= object) {
            return Err(invalid("adds"));
        }
        adds.push(Added {
            object,
            size: reader.varint_u64(u64::MAX, "adds")?,
        });
    }
    Ok(adds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use strongroom_base::ids::ObjectName;
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
