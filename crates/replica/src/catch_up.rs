//! Brings a replica that is behind up to date from one that is not: copies, and needs no key.

use strongroom_base::object::{ObjectKind, ObjectRef};
use strongroom_base::{Class, Classified};

use strongroom_store::PutOutcome;

use crate::error::ReplicaError;
use crate::log::{Log, chain};
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
    progress: &mut dyn FnMut(Copied),
) -> Result<Copied, ReplicaError> {
    let mut copied = Copied::default();
    let _: PutOutcome = target.put_descriptor(&source.descriptor_bytes()?)?;
    copy_keys(target, source)?;
    let there = target.record_ids()?;
    if let Some(newest) = chain(&there).0.last() {
        let known = log.entry(newest.seq).filter(|entry| entry.id() == *newest);
        let found = target.record(*newest, &source.descriptor()?.authority)?;
        if known.is_none_or(|known| known.hash != found.hash()) {
            return Err(ReplicaError::BrokenChain { id: *newest });
        }
    }
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

/// Copies the keys object with the highest number, and deletes older ones at the target.
pub fn copy_keys(target: &Replica, source: &Replica) -> Result<(), ReplicaError> {
    let Some(&(number, name)) = source.keys_objects()?.last() else {
        return Ok(());
    };
    let there = target.keys_objects()?;
    if there.last() < Some(&(number, name)) {
        let _: PutOutcome = target.put_keys(number, &source.get_keys(number, name)?)?;
        for (old_number, old_name) in there {
            match target.delete_keys(old_number, old_name) {
                Err(error) if error.class() != Class::Retry => return Err(error),
                _ => {}
            }
        }
    }
    debug_assert_eq!(ObjectRef::keys(name).kind(), ObjectKind::Keys);
    Ok(())
}
