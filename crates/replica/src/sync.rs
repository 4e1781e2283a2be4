//! Brings a replica up to date from others: copies, and needs no key.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use strongroom_base::ids::ObjectName;
use strongroom_base::object::{ObjectKind, ObjectRef, RecordId};
use strongroom_base::{Class, Classified};
use strongroom_store::PutOutcome;

use crate::budget::Budget;
use crate::error::ReplicaError;
use crate::expected::{Expected, Keys, Owner, fetch, sound_copy};
use crate::history::is_better;
use crate::layout::Place;
use crate::log::{Head, read_log, read_log_of, read_newest};
use crate::parallel::{THREADS_MAX, in_order};
use crate::relation::{has_base, is_part_of, shares};
use crate::replica::{Inventory, Replica};

/// How far copying is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Packs, index runs and records that were copied.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Those that are to be copied in all.
    pub objects_total: u64,
    /// Their bytes.
    pub bytes_total: u64,
    /// What was left out so far, because no source has it undamaged.
    pub left_out: u64,
}

/// What became of a replica that was brought up to date.
#[derive(Debug, Default)]
pub struct Synced {
    /// What was copied.
    pub copied: Copied,
    /// What no source has undamaged, and objects of another size in the place of live ones: healing is for them.
    pub left_out: Vec<(Place, ReplicaError)>,
}

/// Copies to `target` the live objects that it lacks, each from the first of `sources` that has it undamaged:
/// packs, then index runs, then records by seq. Calls `progress` after each object, and stops where it breaks. It is called as
/// well when something is left out, before any record is put that may need it.
///
/// What is there with its size is not copied again, so a crash anywhere is made good by another call. A record
/// is put when everything before it is durable, but for what no source has. Fails with
/// [`BrokenChain`](ReplicaError::BrokenChain) where the newest record of `target` is not one of the sources' chain,
/// and not one that a generation wrote which a later one of the chain has replaced below it: those stay, beside it.
pub fn sync(
    target: &Replica,
    sources: &[&Replica],
    owner: &Owner<'_>,
    progress: &mut dyn FnMut(Copied) -> ControlFlow<()>,
) -> Result<Synced, ReplicaError> {
    let expected = Expected::of(sources, owner)?;
    sync_to(target, sources, &expected, owner, progress)
}

/// As [`sync`], where what is expected is known.
pub fn sync_to(
    target: &Replica,
    sources: &[&Replica],
    expected: &Expected,
    owner: &Owner<'_>,
    progress: &mut dyn FnMut(Copied) -> ControlFlow<()>,
) -> Result<Synced, ReplicaError> {
    let mut synced = Synced::default();
    let there = target.inventory()?;
    let more = knowing_more((target, &there), sources, expected, owner)?;
    let expected = more.as_ref().unwrap_or(expected);
    check_head(target, expected, owner)?;
    if let Some(bytes) = &expected.descriptor
        && !there.places.contains_key(&Place::Descriptor)
    {
        let _: PutOutcome = target.put_descriptor(bytes)?;
    }
    if let Some(keys) = &expected.keys {
        sync_keys(target, keys, owner)?;
    }
    let lacking = lacking(&there, expected, &mut synced);
    synced.copied.left_out = synced.left_out.len() as u64;
    synced.copied.objects_total = lacking.len() as u64;
    synced.copied.bytes_total = lacking.iter().map(|(_, size)| size).sum();
    let job = Job {
        target,
        sources,
        expected,
        owner,
    };
    if synced.copied.left_out > 0 && progress(synced.copied).is_break() {
        return Err(ReplicaError::Interrupted);
    }
    // A later kind waits until all of the kinds before it are durable.
    for objects in lacking.chunk_by(|one, other| one.0.kind() == other.0.kind()) {
        job.copy_all(objects, &mut synced, progress)?;
    }
    Ok(synced)
}

/// Puts the newest keys object, and deletes those with lower numbers. Where there is another one that the owner signed,
/// of the same number or a higher one, all are left alone.
pub fn sync_keys(target: &Replica, keys: &Keys, owner: &Owner<'_>) -> Result<(), ReplicaError> {
    let newest = (keys.number, keys.name);
    let there = target.keys_places()?;
    let listed: BTreeSet<_> = there.iter().filter_map(Place::keys).collect();
    let is_other = |found: (u32, ObjectName)| found.0 >= keys.number && found != newest;
    if listed.iter().any(|found| is_other(*found)) {
        let found = owner.newest_keys(&[target]);
        if found.is_some_and(|found| is_other((found.number, found.name))) {
            return Ok(());
        }
    }
    let is_whole = keys.places().iter().all(|place| there.contains(place));
    let put = if is_whole {
        Ok(())
    } else {
        target.put_keys(keys.number, &keys.bytes)
    };
    if put.is_err() {
        // One copy is enough to let older ones go.
        let _ = target.get_keys(keys.number, keys.name)?;
    }
    for (number, name) in listed.into_iter().filter(|found| found.0 < keys.number) {
        match target.delete_keys(number, name) {
            Err(error) if error.class() != Class::Retry => return Err(error),
            _ => {}
        }
    }
    put
}

/// Refuses a target whose newest record is not one of the chain, unless it is on a branch that leaves the chain.
fn check_head(
    target: &Replica,
    expected: &Expected,
    owner: &Owner<'_>,
) -> Result<(), ReplicaError> {
    let chain = &expected.log;
    let read_own = || read_log(target, &owner.authority, &mut |_| ());
    let (id, is_part) = match read_newest(target, &owner.authority) {
        Ok((record, own)) => {
            let (id, hash) = (record.id(), record.hash());
            // Of an old record only the place is known, and another generation may have the same number.
            let is_held = shares(chain, record.header(), &own) && chain.holds(Head { id, hash });
            let is_part = is_held || (chain.is_branch(id) && has_base(&read_own()?, chain));
            (id, is_part)
        }
        Err(ReplicaError::EmptyLog { .. }) => return Ok(()),
        Err(error) if error.class() == Class::Damage => {
            let own = read_own()?;
            let Some(head) = own.newest() else {
                return Ok(());
            };
            (head.id, is_part_of(&own, chain))
        }
        Err(error) => return Err(error),
    };
    is_part
        .then_some(())
        .ok_or(ReplicaError::BrokenChain { id })
}

/// Returns what is expected by the records of the target as well, where it has one that is lost at the sources: it is not left
/// out then, and says what else is needed.
fn knowing_more(
    (target, there): (&Replica, &Inventory),
    sources: &[&Replica],
    expected: &Expected,
    owner: &Owner<'_>,
) -> Result<Option<Expected>, ReplicaError> {
    let mut lost = expected.log.lost.iter().copied().map(ObjectRef::record);
    let is_there = |object: ObjectRef| {
        there.size(&object).is_some() && sound_copy(target, expected, owner, &object).is_ok()
    };
    if !lost.any(is_there) {
        return Ok(None);
    }
    let all = [sources, &[target]].concat();
    let log = read_log_of(&all, &owner.authority, &mut |_| ())?;
    Ok(is_better(&log, &expected.log).then(|| Expected {
        live: log.live(),
        log,
        descriptor: expected.descriptor.clone(),
        keys: expected.keys.clone(),
    }))
}

/// Returns the live objects that are not there, packs first, records last and by seq.
fn lacking(there: &Inventory, expected: &Expected, synced: &mut Synced) -> Vec<(ObjectRef, u64)> {
    let mut lacking = Vec::new();
    for (object, size) in expected.live.iter() {
        match there.size(object) {
            None => lacking.push((*object, size)),
            Some(found) if found == size => {}
            Some(_) => {
                let error = ReplicaError::NameMismatch { object: *object };
                synced.left_out.push((Place::Object(*object), error));
            }
        }
    }
    let acknowledged = expected.log.acknowledged();
    for id in &expected.log.lost {
        // What it adds is not known, and not copied either.
        let object = ObjectRef::record(*id);
        if !acknowledged.contains(&object) {
            let error = ReplicaError::Gap { id: *id };
            synced.left_out.push((Place::Object(object), error));
        }
    }
    let seq = |object: &ObjectRef| object.record_id().map(|id| (id.seq, id.generation));
    lacking.sort_by_key(|(object, _)| (object.kind(), seq(object)));
    lacking
}

/// What copying needs.
struct Job<'a> {
    target: &'a Replica,
    sources: &'a [&'a Replica],
    expected: &'a Expected,
    owner: &'a Owner<'a>,
}

impl Job<'_> {
    /// Copies objects of one kind: records are read ahead and put one after the other, others go several at a
    /// time.
    fn copy_all(
        &self,
        objects: &[(ObjectRef, u64)],
        synced: &mut Synced,
        progress: &mut dyn FnMut(Copied) -> ControlFlow<()>,
    ) -> Result<(), ReplicaError> {
        let budget = Budget::new();
        let work = |(object, size): &(ObjectRef, u64)| {
            let _share = budget.take(*size);
            let bytes = fetch(self.sources, self.expected, self.owner, object)?;
            if object.kind() == ObjectKind::Record {
                return Ok(bytes);
            }
            let _: PutOutcome = self.target.put(object, &bytes)?;
            Ok(Vec::new())
        };
        let mut failed = None;
        in_order(
            THREADS_MAX,
            objects,
            &work,
            &mut |(object, size), copied| {
                let put = copied.and_then(|bytes| self.put_record(object, &bytes));
                match put {
                    Ok(()) => {
                        synced.copied.objects += 1;
                        synced.copied.bytes += size;
                    }
                    Err(error @ ReplicaError::Nowhere { .. }) => {
                        synced.left_out.push((Place::Object(*object), error));
                        synced.copied.left_out += 1;
                    }
                    Err(error) => {
                        failed = Some(error);
                        return ControlFlow::Break(());
                    }
                }
                if progress(synced.copied).is_break() {
                    failed = Some(ReplicaError::Interrupted);
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            },
        );
        failed.map_or(Ok(()), Err)
    }

    fn put_record(&self, object: &ObjectRef, bytes: &[u8]) -> Result<(), ReplicaError> {
        match object.record_id() {
            Some(id) => put_record(self.target, id, bytes, &self.owner.authority),
            None => Ok(()),
        }
    }
}

/// Puts a record that was not there; fails where another one is there now.
pub(crate) fn put_record(
    target: &Replica,
    id: RecordId,
    bytes: &[u8],
    authority: &[u8; 32],
) -> Result<(), ReplicaError> {
    match target.put(&ObjectRef::record(id), bytes)? {
        PutOutcome::Stored => Ok(()),
        PutOutcome::AlreadyThere => {
            // It was not listed: another copier was faster, or somebody planted it.
            let there = target.record(id, authority)?;
            if there.bytes() == bytes {
                return Ok(());
            }
            Err(ReplicaError::Fenced { id })
        }
    }
}
