//! Brings a replica that is behind up to date from one that is not: copies, and needs no key.

use strongroom_base::ids::ObjectName;
use strongroom_base::object::{ObjectRef, RecordId};
use strongroom_base::{Class, Classified};

use strongroom_store::PutOutcome;

use crate::error::ReplicaError;
use crate::log::{Log, LogEntry};
use crate::replica::Replica;

/// What was copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Packs, index runs and records.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Copies to `target` what it lacks of `log`, the log of `source`: per record first the live objects
/// that it adds, then the record, strictly by seq. Calls `progress` after each object.
///
/// A crash anywhere leaves `target` a shorter, valid replica. Fails with
/// [`BrokenChain`](ReplicaError::BrokenChain) where the newest record of `target` is not one of `log`.
pub fn catch_up(
    target: &Replica,
    source: &Replica,
    log: &Log,
    is_keys: IsKeys<'_>,
    progress: &mut dyn FnMut(Copied),
) -> Result<Copied, ReplicaError> {
    let mut copied = Copied::default();
    let _: PutOutcome = target.put_descriptor(&source.descriptor_bytes()?)?;
    copy_keys(target, source, is_keys)?;
    let there = target.record_ids()?;
    check_common(target, log, &there, &source.descriptor()?.authority)?;
    let live = log.live();
    for entry in &log.entries {
        if there.binary_search(&entry.id()).is_ok() {
            continue;
        }
        for added in &entry.header.changes.adds {
            let needed = live.size(&added.object).is_some();
            if needed && !target.has(&added.object, added.size)? {
                copy(target, source, &added.object, &mut copied)?;
                progress(copied);
            }
        }
        copy(target, source, &ObjectRef::record(entry.id()), &mut copied)?;
        progress(copied);
    }
    Ok(copied)
}

/// Checks that the newest record that a replica shares with a log is the same, and that what it has beside
/// the log is a branch: of a generation whose successor began at that place or before.
fn check_common(
    target: &Replica,
    log: &Log,
    there: &[RecordId],
    authority: &[u8; 32],
) -> Result<(), ReplicaError> {
    let is_shared = |id: &&RecordId| log.entry(id.seq).is_some_and(|entry| entry.id() == **id);
    let successor_of = |id: &RecordId| {
        let later = |entry: &&LogEntry| entry.id().generation > id.generation;
        log.entries.iter().find(later)
    };
    let beside = there.iter().find(|id| {
        !is_shared(id) && successor_of(id).is_none_or(|successor| successor.id().seq > id.seq)
    });
    if let Some(id) = beside {
        return Err(ReplicaError::BrokenChain { id: *id });
    }
    let Some(newest) = there.iter().filter(is_shared).max_by_key(|id| id.seq) else {
        return Ok(());
    };
    let found = target.record(*newest, authority)?;
    if log
        .entry(newest.seq)
        .is_none_or(|known| known.hash != found.hash())
    {
        return Err(ReplicaError::BrokenChain { id: *newest });
    }
    Ok(())
}

/// Copies objects that `target` lacks from the first of `sources` that has each of them undamaged.
pub fn copy_missing(
    target: &Replica,
    sources: &[&Replica],
    objects: &[(ObjectRef, u64)],
) -> Result<Copied, ReplicaError> {
    let mut copied = Copied::default();
    for (object, size) in objects {
        if target.has(object, *size)? {
            continue;
        }
        let mut last = None;
        for source in sources {
            last = Some(copy(target, source, object, &mut copied));
            if matches!(last, Some(Ok(()))) {
                break;
            }
        }
        last.unwrap_or(Err(ReplicaError::NameMismatch { object: *object }))?;
    }
    Ok(copied)
}

fn copy(
    target: &Replica,
    source: &Replica,
    object: &ObjectRef,
    copied: &mut Copied,
) -> Result<(), ReplicaError> {
    let bytes = if let Some(id) = object.record_id() {
        let authority = source.descriptor()?.authority;
        let record = source.record(id, &authority)?;
        target.put_record(&record)?;
        record.bytes().len()
    } else {
        let bytes = source.get(object)?;
        let _: PutOutcome = target.put(object, &bytes)?;
        bytes.len()
    };
    copied.objects += 1;
    copied.bytes += bytes as u64;
    Ok(())
}

/// Says whether the bytes under this number are a keys object that the owner of the archive signed.
pub type IsKeys<'a> = &'a dyn Fn(u32, &[u8]) -> bool;

/// Copies the keys object of `source` with the highest number, and deletes older ones at the target.
///
/// A file that `is_keys` refuses is not one, whatever its name says: it replaces nothing.
pub fn copy_keys(
    target: &Replica,
    source: &Replica,
    is_keys: IsKeys<'_>,
) -> Result<(), ReplicaError> {
    let (here, there) = (source.keys_objects()?, target.keys_objects()?);
    if here == there {
        return Ok(());
    }
    let Some((newest, bytes)) = newest_keys(source, &here, is_keys) else {
        return Ok(());
    };
    let later = there.iter().filter(|found| **found > newest);
    let later: Vec<_> = later.copied().collect();
    if there.contains(&newest) || newest_keys(target, &later, is_keys).is_some() {
        return Ok(());
    }
    let _: PutOutcome = target.put_keys(newest.0, &bytes)?;
    for (number, name) in there.into_iter().filter(|found| *found < newest) {
        match target.delete_keys(number, name) {
            Err(error) if error.class() != Class::Retry => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Returns the keys object with the highest number of those that are `listed`, and its bytes.
fn newest_keys(
    replica: &Replica,
    listed: &[(u32, ObjectName)],
    is_keys: IsKeys<'_>,
) -> Option<((u32, ObjectName), Vec<u8>)> {
    listed.iter().rev().find_map(|found| {
        let bytes = replica.get_keys(found.0, found.1).ok()?;
        is_keys(found.0, &bytes).then_some((*found, bytes))
    })
}
