//! The plain part of a record: its fields, what is refused, and their bytes.

use strongroom_base::ids::{ArchiveId, Generation, Seq};
use strongroom_base::object::{ObjectKind, ObjectRef, RecordId, put_refs, read_refs};
use strongroom_base::wire::{Put, Reader, WireError, invalid};

use super::{FIXED_LEN, MAGIC, RecordKind, SMALL_PAYLOAD_LEN_MAX, VERSION};
use crate::descriptor::read_features;

const PARTS_MAX: usize = 64;
const LIST_MAX: usize = 1 << 24;

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
    pub(super) payload_hash: [u8; 32],
}

impl Header {
    pub(super) fn encode(&self, payload_len: u64) -> Vec<u8> {
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

    pub(super) fn decode(bytes: &[u8]) -> Result<(Self, u64, Vec<String>), WireError> {
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
