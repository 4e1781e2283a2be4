//! Objects read whole.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use strongroom_base::object::{ObjectKind, ObjectRef};
use strongroom_crypto::keys::SealedKind;
use strongroom_format::content::ChunkId;
use strongroom_format::pack::{Method, Trailer};
use strongroom_format::sealed::open_object;
use strongroom_read::{Archive, ReadError, decompress_segment};
use strongroom_replica::Replica;
use strongroom_replica::record::PartKind;

use super::VerifyReport;
use crate::error::EngineError;
use crate::monitor::{Progress, Stop, count};
use crate::restore::with_cause;

/// Reads objects whole, on all cores, and checks every chunk in them.
pub(super) fn read_objects(
    archive: &Archive,
    objects: &[(ObjectRef, u64)],
    report: &mut VerifyReport,
    sound: &mut Vec<ObjectRef>,
    watch: (&Progress, &Stop),
) -> Result<(), EngineError> {
    let (progress, stop) = watch;
    let (next, chunks) = (AtomicUsize::new(0), AtomicU64::new(0));
    let (found, read) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, std::num::NonZero::get) {
            scope.spawn(|| {
                while let Some((object, size)) = objects.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if stop.is_requested() {
                        return;
                    }
                    match check_object(archive, object) {
                        Ok(checked) => {
                            chunks.fetch_add(checked, Ordering::Relaxed);
                            locked(&read).push(*object);
                        }
                        Err(error) => {
                            locked(&found).push((*object, with_cause(&error)));
                        }
                    }
                    count(&progress.entries_done, 1);
                    count(&progress.bytes_done, *size);
                }
            });
        }
    });
    sound.extend(read.into_inner().unwrap_or_else(PoisonError::into_inner));
    report.packs_read += packs(sound);
    report.chunks_checked += chunks.into_inner();
    for (object, what) in found.into_inner().unwrap_or_else(PoisonError::into_inner) {
        report.bad_object(object, what);
    }
    if stop.is_requested() {
        return Err(EngineError::Interrupted);
    }
    Ok(())
}

fn packs(objects: &[ObjectRef]) -> u64 {
    let packs = objects
        .iter()
        .filter(|object| object.kind() == ObjectKind::Pack);
    packs.count() as u64
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads an object, and returns how many chunks it has.
fn check_object(archive: &Archive, object: &ObjectRef) -> Result<u64, ReadError> {
    check_object_at(archive, archive.replicas().first(), object)
}

/// Reads an object at a replica, and returns how many chunks it has.
pub(crate) fn check_object_at(
    archive: &Archive,
    replica: &Replica,
    object: &ObjectRef,
) -> Result<u64, ReadError> {
    let bytes = replica.get(object)?;
    if object.kind() == ObjectKind::Index {
        let damaged = |source| ReadError::Object {
            object: *object,
            source,
        };
        let (_, plaintext) = open_object(
            &bytes,
            SealedKind::Index,
            archive.id(),
            &**archive.key_ring(),
        )
        .map_err(damaged)?;
        strongroom_format::index::Run::decode(&plaintext).map_err(damaged)?;
        return Ok(0);
    }
    check_pack(archive, object, &bytes)
}

/// Opens a pack, and checks every chunk in it against its id.
fn check_pack(archive: &Archive, object: &ObjectRef, sealed: &[u8]) -> Result<u64, ReadError> {
    let damaged = |source| ReadError::Object {
        object: *object,
        source,
    };
    let (_, plaintext) = open_object(
        sealed,
        SealedKind::Pack,
        archive.id(),
        &**archive.key_ring(),
    )
    .map_err(damaged)?;
    let trailer = Trailer::of_plaintext(&plaintext).map_err(damaged)?;
    let (mut at, mut checked) = (0, 0);
    for segment in &trailer.segments {
        let stored = &plaintext[at..at + segment.stored_len as usize];
        at += segment.stored_len as usize;
        let raw = match segment.method {
            Method::Stored => stored.to_vec(),
            Method::Zstd => decompress_segment(stored, segment.raw_len as usize)
                .ok_or(ReadError::SegmentDamaged { object: *object })?,
        };
        let mut rest = raw.as_slice();
        for chunk in &segment.chunks {
            let (bytes, after) = rest
                .split_at_checked(chunk.len as usize)
                .ok_or(ReadError::SegmentDamaged { object: *object })?;
            rest = after;
            let id = ChunkId(archive.key_ring().dedup.chunk_id(chunk.kind, bytes));
            if id.prefix() != chunk.prefix {
                return Err(ReadError::ChunkDamaged {
                    id,
                    object: *object,
                });
            }
            checked += 1;
        }
    }
    Ok(checked)
}

pub(super) fn check_record_packs(
    archive: &Archive,
    replica: &Replica,
    id: strongroom_base::object::RecordId,
    report: &mut VerifyReport,
) {
    let object = ObjectRef::record(id);
    // A record that cannot be read is in the report already.
    let Ok(record) = replica.record(id, &archive.key_ring().authority().public_key()) else {
        return;
    };
    for (_, _, bytes) in record.parts().filter(|(kind, ..)| *kind == PartKind::Pack) {
        match check_pack(archive, &object, bytes) {
            Ok(checked) => {
                report.chunks_checked += checked;
                report.record_packs_read += 1;
            }
            Err(error) => report.bad_object(object, with_cause(&error)),
        }
    }
}
