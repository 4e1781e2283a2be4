//! What a checkpoint repeats.

use strongroom_base::ids::{Generation, Seq};
use strongroom_base::object::{ObjectKind, ObjectRef, RecordId};
use strongroom_base::wire::{Put, Reader, WireError, invalid};

use super::{Deed, LIST_MAX};

pub(super) fn put(
    out: &mut Vec<u8>,
    live: &[(ObjectRef, u64)],
    snapshots: &[(RecordId, [u8; 32])],
) {
    out.put_count(live.len());
    for (object, size) in live {
        object.put(out);
        out.put_varint(u128::from(*size));
    }
    out.put_count(snapshots.len());
    for (id, hash) in snapshots {
        out.put_u32(id.generation.0);
        out.put_u64(id.seq.0);
        out.extend_from_slice(hash);
    }
}

pub(super) fn read(reader: &mut Reader<'_>) -> Result<Deed, WireError> {
    let count = reader.count(LIST_MAX, "live")?;
    let mut live: Vec<(ObjectRef, u64)> = Vec::new();
    for _ in 0..count {
        let object = ObjectRef::read(reader, "live")?;
        let is_content = matches!(object.kind(), ObjectKind::Pack | ObjectKind::Index);
        if !is_content || live.last().is_some_and(|(last, _)| *last >= object) {
            return Err(invalid("live"));
        }
        let size = reader.varint_u64(u64::MAX, "size")?;
        if size == 0 {
            return Err(invalid("size"));
        }
        live.push((object, size));
    }
    let count = reader.count(LIST_MAX, "snapshots")?;
    let mut snapshots: Vec<(RecordId, [u8; 32])> = Vec::new();
    for _ in 0..count {
        let generation = Generation::read(reader, "generation")?;
        let id = RecordId {
            generation,
            seq: Seq::read(reader, "seq")?,
        };
        if snapshots.last().is_some_and(|(last, _)| *last >= id) {
            return Err(invalid("snapshots"));
        }
        snapshots.push((id, reader.array("record hash")?));
    }
    Ok(Deed::Checkpoint { live, snapshots })
}
