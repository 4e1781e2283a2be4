//! Objects read whole.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use strongroom_base::object::{ObjectKind, ObjectRef};
use strongroom_crypto::keys::SealedKind;
use strongroom_crypto::seal::PREFIX_LEN;
use strongroom_format::content::ChunkId;
use strongroom_format::index::PackPlace;
use strongroom_format::pack::{Method, Trailer};
use strongroom_format::padding::Carrier;
use strongroom_format::sealed::{HEADER_LEN, open_object};
use strongroom_read::{Archive, PackKey, ReadError, decompress_segment};
use strongroom_replica::Replica;
use strongroom_replica::record::PartKind;

use super::VerifyReport;
use super::rows::Rows;
use crate::error::EngineError;
use crate::monitor::{Progress, Stop, count};
use strongroom_base::with_causes;

/// An object that is to be read whole.
pub(super) struct Item {
    pub(super) object: ObjectRef,
    pub(super) size: u64,
    /// The number of the pack in the index run that it is compared with.
    pub(super) row: Option<usize>,
    /// It was read whole before: only the index run is compared.
    pub(super) is_read: bool,
}

impl Item {
    /// Describes an object that no index run is compared with.
    pub(super) fn alone((object, size): (ObjectRef, u64)) -> Self {
        Self {
            object,
            size,
            row: None,
            is_read: false,
        }
    }
}

/// What was found of an object.
struct Checked {
    chunks: u64,
    /// Whether the index run leads to other chunks than there are.
    is_misplaced: bool,
}

/// Reads objects whole, on all cores, and checks every chunk in them, and what `rows` say of them.
pub(super) fn read_objects(
    archive: &Archive,
    objects: &[Item],
    rows: Option<&Rows>,
    report: &mut VerifyReport,
    sound: &mut Vec<ObjectRef>,
    watch: (&Progress, &Stop),
) -> Result<(), EngineError> {
    let (progress, stop) = watch;
    let (next, chunks) = (AtomicUsize::new(0), AtomicU64::new(0));
    let (found, read) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let work = |item: &Item| {
        match check_item(archive, item, rows) {
            Ok(checked) => {
                chunks.fetch_add(checked.chunks, Ordering::Relaxed);
                if !item.is_read {
                    locked(&read).push(item.object);
                }
                if let (true, Some(rows)) = (checked.is_misplaced, rows) {
                    let what = misplaced(item.object);
                    locked(&found).push((rows.object, what));
                }
            }
            Err(error) => locked(&found).push((item.object, with_causes(&error))),
        }
        if !item.is_read {
            count(&progress.entries_done, 1);
            count(&progress.bytes_done, item.size);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, std::num::NonZero::get) {
            scope.spawn(|| {
                while let Some(item) = objects.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if stop.is_requested() {
                        return;
                    }
                    work(item);
                }
            });
        }
    });
    let read = read.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.packs_read += packs(&read);
    sound.extend(read);
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

fn misplaced(pack: ObjectRef) -> String {
    format!("leads to other chunks in {pack} than there are")
}

fn check_item(archive: &Archive, item: &Item, rows: Option<&Rows>) -> Result<Checked, ReadError> {
    let (Some(rows), Some(number)) = (rows, item.row) else {
        let replica = archive.replicas().first();
        let chunks = check_object_at(archive, replica, &item.object, Some(item.size))?;
        return Ok(Checked {
            chunks,
            is_misplaced: false,
        });
    };
    if item.is_read {
        let (place, trailer) = archive.trailer(&item.object, item.size)?;
        return Ok(Checked {
            chunks: 0,
            is_misplaced: !rows.are_of(number, &place, &trailer),
        });
    }
    let bytes = archive.replicas().first();
    let bytes = bytes.get_sized(&item.object, item.size)?;
    let (chunks, place, trailer) = check_pack(archive, (item.object, 0), &bytes)?;
    Ok(Checked {
        chunks,
        is_misplaced: !rows.are_of(number, &place, &trailer),
    })
}

/// Reads an object at a replica, of which the log may say how large it is, and returns how many chunks it has.
pub(crate) fn check_object_at(
    archive: &Archive,
    replica: &Replica,
    object: &ObjectRef,
    size: Option<u64>,
) -> Result<u64, ReadError> {
    let bytes = match size {
        Some(size) => replica.get_sized(object, size)?,
        None => replica.get(object)?,
    };
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
        strongroom_format::index::Run::decode(&plaintext, Carrier::of(object)).map_err(damaged)?;
        return Ok(0);
    }
    Ok(check_pack(archive, (*object, 0), &bytes)?.0)
}

/// Opens a pack, and checks every chunk in it against its id. Returns how many there are, and where they lie.
fn check_pack(
    archive: &Archive,
    (object, offset): PackKey,
    sealed: &[u8],
) -> Result<(u64, PackPlace, Trailer), ReadError> {
    let damaged = |source| ReadError::Object { object, source };
    let (header, plaintext) = open_object(
        sealed,
        SealedKind::Pack,
        archive.id(),
        &**archive.key_ring(),
    )
    .map_err(damaged)?;
    let trailer = Trailer::of_plaintext(&plaintext, Carrier::of(&object)).map_err(damaged)?;
    let (mut at, mut checked) = (0, 0);
    for segment in &trailer.segments {
        let stored = &plaintext[at..at + segment.stored_len as usize];
        at += segment.stored_len as usize;
        let raw = match segment.method {
            Method::Stored => stored.to_vec(),
            Method::Zstd => decompress_segment(stored, segment.raw_len as usize)
                .ok_or(ReadError::SegmentDamaged { object })?,
        };
        let mut rest = raw.as_slice();
        for chunk in &segment.chunks {
            let (bytes, after) = rest
                .split_at_checked(chunk.len as usize)
                .ok_or(ReadError::SegmentDamaged { object })?;
            rest = after;
            let id = ChunkId(archive.key_ring().dedup.chunk_id(chunk.kind, bytes));
            if id.prefix() != chunk.prefix {
                return Err(ReadError::ChunkDamaged { id, object });
            }
            checked += 1;
        }
    }
    let prefix = sealed.get(HEADER_LEN..).and_then(|rest| rest.first_chunk());
    let place = PackPlace {
        object,
        offset,
        size: u32::try_from(sealed.len()).unwrap_or(u32::MAX),
        header,
        prefix: prefix.copied().unwrap_or([0; PREFIX_LEN]),
    };
    Ok((checked, place, trailer))
}

/// Checks the packs in a record, and what `rows` say of them.
pub(super) fn check_record(
    archive: &Archive,
    object: ObjectRef,
    rows: &Rows,
    report: &mut VerifyReport,
) {
    let mut numbers = rows.packs_in(object);
    let is_read = check_record_packs(archive, object, report, &mut |place, trailer| {
        let position = numbers
            .iter()
            .position(|number| rows.offset(*number) == place.offset);
        position.is_none_or(|at| rows.are_of(numbers.swap_remove(at), place, trailer))
    });
    if is_read && !numbers.is_empty() {
        report.bad_object(rows.object, misplaced(object));
    }
}

/// Checks the packs in a record; `are_of` says whether what is known of one is right. Says whether the record can be
/// read; one that cannot is in the report already.
pub(super) fn check_record_packs(
    archive: &Archive,
    object: ObjectRef,
    report: &mut VerifyReport,
    are_of: &mut dyn FnMut(&PackPlace, &Trailer) -> bool,
) -> bool {
    let authority = archive.key_ring().authority().public_key();
    let record = object.record_id();
    let record = record.and_then(|id| archive.replicas().first().record(id, &authority).ok());
    let Some(record) = record else { return false };
    let is_pack = |(kind, ..): &(PartKind, usize, &[u8])| *kind == PartKind::Pack;
    for (_, at, bytes) in record.parts().filter(is_pack) {
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        match check_pack(archive, (object, at), bytes) {
            Ok((checked, place, trailer)) => {
                report.chunks_checked += checked;
                report.record_packs_read += 1;
                if !are_of(&place, &trailer) {
                    report.bad_object(object, "is not what an index run says of it".to_owned());
                }
            }
            Err(error) => report.bad_object(object, with_causes(&error)),
        }
    }
    true
}
