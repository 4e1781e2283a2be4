//! Making good what is lost everywhere: index runs are made anew from the packs, and what no replica has
//! any more becomes void, so that the next backup stores it again. `spec/archive-v1.md`, sections 9 and 12.

use std::collections::{BTreeSet, HashMap};

use strongroom_base::ids::ObjectName;
use strongroom_base::object::{ObjectKind, ObjectRef, RecordId};
use strongroom_base::{Class, Classified};
use strongroom_crypto::hash::hash;
use strongroom_crypto::keys::SealedKind;
use strongroom_format::index::Run;
use strongroom_read::{Archive, ReadError, Replicas};
use strongroom_replica::log::Log;
use strongroom_replica::record::{Added, Changes};
use strongroom_replica::{Replica, ReplicaError};
use strongroom_store::StoreError;

use crate::create::seal;
use crate::error::EngineError;
use crate::memory::Head;
use crate::monitor::{Progress, Stop, count};
use crate::verify;
use crate::writer::Writer;

/// What a repair did.
#[derive(Debug, Default)]
pub struct Repaired {
    /// The repair record; none where nothing was to be done.
    pub record: Option<Head>,
    /// Index runs that were lost, and are made anew.
    pub runs: Vec<ObjectRef>,
    /// Packs and records that no destination has whole: void from now on. What was in them is stored again
    /// by the next backup, where the source still has it.
    pub voided: Vec<ObjectRef>,
    /// What no destination that was asked has whole, while others could not be asked. It stays as it is.
    pub elsewhere: Vec<ObjectRef>,
}

/// Looks for what is lost at every destination, all of it or, without `read_data`, what is missing or has
/// another size, and writes a repair record.
pub fn repair(
    writer: &mut Writer<'_>,
    read_data: bool,
    progress: &Progress,
    stop: &Stop,
) -> Result<Repaired, EngineError> {
    let archive = open(writer)?;
    let (_, log, _) = archive.snapshots()?;
    let mut runs = readable_runs(&archive, writer.runs())?;
    let lost_runs: Vec<ObjectRef> = writer.runs().to_vec();
    let lost_runs: Vec<_> = lost_runs
        .into_iter()
        .filter(|run| !runs.contains_key(run))
        .collect();
    let mut lost = lost_packs(&archive, &log, read_data, (progress, stop))?;
    lost.extend(lost_records(&archive, runs.values())?);
    let mut repaired = Repaired {
        runs: lost_runs.clone(),
        ..Repaired::default()
    };
    if writer.lacks_destination() {
        repaired.elsewhere = lost.iter().copied().collect();
    } else {
        repaired.voided = lost.iter().copied().collect();
    }
    if lost_runs.is_empty() && repaired.voided.is_empty() {
        return Ok(repaired);
    }
    let mut fresh = Vec::new();
    if !lost_runs.is_empty() {
        fresh = archive.index().rebuild()?;
    }
    let voided: BTreeSet<ObjectRef> = repaired.voided.iter().copied().collect();
    for run in &mut fresh {
        strip(run, &voided);
    }
    let names_void = |run: &Run| {
        run.objects
            .iter()
            .any(|place| voided.contains(&place.object))
    };
    let replaced: Vec<ObjectRef> = runs
        .iter()
        .filter(|(_, run)| names_void(run))
        .map(|(object, _)| *object)
        .collect();
    for object in &replaced {
        if let Some(mut run) = runs.remove(object) {
            strip(&mut run, &voided);
            fresh.push(run);
        }
    }
    let adds = put_runs(writer, &fresh);
    let mut kept: Vec<ObjectRef> = runs.into_keys().collect();
    kept.extend(adds.iter().map(|added| added.object));
    let is_index = |object: &&ObjectRef| object.kind() == ObjectKind::Index;
    let mut voids: Vec<ObjectRef> = lost_runs.iter().filter(is_index).copied().collect();
    voids.extend(voided);
    voids.sort_unstable();
    voids.dedup();
    let mut condemns: Vec<ObjectRef> = replaced.iter().filter(is_index).copied().collect();
    condemns.sort_unstable();
    let changes = Changes {
        adds,
        condemns,
        voids,
        acks: Vec::new(),
    };
    let note = format!("{} index runs made anew", lost_runs.len());
    repaired.record = Some(writer.record_repair(&note, changes, kept)?);
    Ok(repaired)
}

/// Something that is gone for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The pack or record.
    pub object: ObjectRef,
    /// What is known of it.
    pub what: &'static str,
}

/// Returns what is lost and not acknowledged: what is void, and records that no destination has whole.
pub fn losses(archive: &Archive) -> Result<Vec<Loss>, EngineError> {
    let (_, log, _) = archive.snapshots()?;
    let acknowledged = log.acknowledged();
    let void = |object| Loss {
        object,
        what: "is void: no destination had it whole",
    };
    let mut losses: Vec<Loss> = verify::voids(&log).into_iter().map(void).collect();
    let problems = log.problems.iter().filter_map(verify::lost_record);
    losses.extend(problems.map(|object| Loss {
        object,
        what: "no destination has it whole",
    }));
    losses.retain(|loss| !acknowledged.contains(&loss.object));
    losses.sort_by_key(|loss| loss.object);
    losses.dedup_by_key(|loss| loss.object);
    Ok(losses)
}

/// Records that the loss of objects is known and accepted.
pub fn acknowledge(writer: &mut Writer<'_>, objects: &[ObjectRef]) -> Result<Head, EngineError> {
    let mut acks = objects.to_vec();
    acks.sort_unstable();
    acks.dedup();
    let changes = Changes {
        acks,
        ..Changes::default()
    };
    writer.record_repair("loss acknowledged", changes, writer.runs().to_vec())
}

fn open(writer: &Writer<'_>) -> Result<Archive, EngineError> {
    let replicas = writer.ready().map(|(_, replica)| replica.clone()).collect();
    let ring = writer.identity.ring.clone();
    let replicas = Replicas::new(replicas)?;
    Ok(Archive::with_key_ring(replicas, ring, &mut Vec::new())?)
}

/// Says whether an error means that something is not there or not whole.
fn is_loss(error: &ReadError) -> bool {
    let missing = matches!(
        error,
        ReadError::Replica(ReplicaError::Store(StoreError::NotFound { .. }))
    );
    missing || error.class() == Class::Damage
}

/// Passes losses on as `None`.
fn unless_lost<T>(read: Result<T, ReadError>) -> Result<Option<T>, EngineError> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(error) if is_loss(&error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn readable_runs(
    archive: &Archive,
    objects: &[ObjectRef],
) -> Result<HashMap<ObjectRef, Run>, EngineError> {
    let mut runs = HashMap::new();
    for object in objects {
        let run = archive.run_plaintext(object).and_then(|plaintext| {
            Run::decode(&plaintext).map_err(|source| ReadError::Object {
                object: *object,
                source,
            })
        });
        if let Some(run) = unless_lost(run)? {
            runs.insert(*object, run);
        }
    }
    Ok(runs)
}

/// Returns the live packs that no replica has whole.
fn lost_packs(
    archive: &Archive,
    log: &Log,
    read_data: bool,
    (progress, stop): (&Progress, &Stop),
) -> Result<BTreeSet<ObjectRef>, EngineError> {
    let live = log.live();
    let packs: Vec<(ObjectRef, u64)> = live
        .contents()
        .filter(|(object, _)| object.kind() == ObjectKind::Pack)
        .map(|(object, size)| (*object, size))
        .collect();
    count(&progress.entries_total, packs.len() as u64);
    let mut lost = BTreeSet::new();
    for (object, size) in packs {
        if stop.is_requested() {
            return Err(EngineError::Interrupted);
        }
        let is_whole = |replica: &Replica| -> Result<bool, EngineError> {
            let there = replica.has(&object, size).map_err(ReadError::from);
            if unless_lost(there)? != Some(true) {
                return Ok(false);
            }
            let check = || verify::check_object_at(archive, replica, &object);
            Ok(!read_data || unless_lost(check())?.is_some())
        };
        let mut found = false;
        for replica in archive.replicas().iter() {
            found = found || is_whole(replica)?;
        }
        if !found {
            lost.insert(object);
        }
        count(&progress.entries_done, 1);
    }
    Ok(lost)
}

/// Returns the records that hold packs, and that no replica has whole.
fn lost_records<'a>(
    archive: &Archive,
    runs: impl Iterator<Item = &'a Run>,
) -> Result<BTreeSet<ObjectRef>, EngineError> {
    let authority = archive.key_ring().authority().public_key();
    let mut ids: BTreeSet<RecordId> = BTreeSet::new();
    for run in runs {
        ids.extend(
            run.objects
                .iter()
                .filter_map(|place| place.object.record_id()),
        );
    }
    let mut lost = BTreeSet::new();
    for id in ids {
        let read = archive
            .replicas()
            .ask(|replica| Ok(replica.record(id, &authority)?));
        if unless_lost(read)?.is_none() {
            lost.insert(ObjectRef::record(id));
        }
    }
    Ok(lost)
}

/// Drops what is void from a run.
fn strip(run: &mut Run, voided: &BTreeSet<ObjectRef>) {
    let (objects, segments) = (&run.objects, &run.segments);
    run.entries.retain(|entry| {
        let segment = &segments[entry.segment as usize];
        !voided.contains(&objects[segment.object as usize].object)
    });
    run.sort();
}

/// Writes index runs to every ready destination.
fn put_runs(writer: &mut Writer<'_>, runs: &[Run]) -> Vec<Added> {
    let mut adds = Vec::new();
    for run in runs.iter().filter(|run| !run.entries.is_empty()) {
        let identity = &writer.identity;
        let generation = writer.next_id().generation;
        let (ring, random) = (&identity.ring, &*identity.random);
        let mut bytes = Vec::new();
        let kind = SealedKind::Index;
        let plaintext = run.encode();
        seal(
            identity.archive,
            generation,
            ring,
            kind,
            &plaintext,
            random,
            &mut bytes,
        );
        let object = ObjectRef::index(ObjectName(hash(&bytes)));
        let ready: Vec<_> = writer
            .ready()
            .map(|(number, replica)| (number, replica.clone()))
            .collect();
        for (number, replica) in ready {
            if let Err(error) = replica.put(&object, &bytes) {
                writer.fail(number, &error.to_string());
            }
        }
        adds.push(Added {
            object,
            size: bytes.len() as u64,
        });
    }
    adds.sort_unstable();
    adds
}
