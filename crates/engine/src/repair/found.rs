//! What all replicas together have of an archive, and what none of them has.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use strongroom_base::object::{ObjectKind, ObjectRef, RecordId};
use strongroom_format::index::Run;
use strongroom_format::padding::Carrier;
use strongroom_read::{Archive, PackKey, ReadError, Rebuilt};
use strongroom_replica::Replica;
use strongroom_replica::log::{Log, read_log_of};
use strongroom_replica::record::Added;

use crate::error::EngineError;
use crate::monitor::{Progress, Stop, count};
use crate::verify;

/// What was found.
pub(super) struct Found {
    /// The index runs that can be read.
    pub(super) runs: HashMap<ObjectRef, Run>,
    /// Those that no replica has whole.
    pub(super) lost_runs: Vec<ObjectRef>,
    /// Runs made anew of the live packs that none of the others covers.
    pub(super) fresh: Vec<Run>,
    /// Packs and records that no replica has whole.
    pub(super) lost: BTreeSet<ObjectRef>,
    /// Whether a run is lost, and the others may not cover every pack that another replica may have.
    pub(super) is_uncovered: bool,
}

impl Found {
    /// Looks at every replica.
    pub(super) fn look(
        archive: &Archive,
        log: &Log,
        all_runs: &[ObjectRef],
        read_data: bool,
        watch: (&Progress, &Stop),
    ) -> Result<Self, EngineError> {
        let runs = readable_runs(archive, all_runs)?;
        let is_lost = |run: &&ObjectRef| !runs.contains_key(run);
        let lost_runs: Vec<ObjectRef> = all_runs.iter().filter(is_lost).copied().collect();
        let packs = packs(log, &runs);
        let mut lost = lost_packs(archive, &packs, read_data, watch)?;
        lost.extend(lost_records(archive, &runs, &lost_runs)?);
        let places = runs.values().flat_map(|run| &run.objects);
        let mut covered: HashSet<PackKey> =
            places.map(|place| (place.object, place.offset)).collect();
        covered.extend(lost.iter().map(|object| (*object, 0)));
        let is_covered = |object: &ObjectRef| covered.contains(&(*object, 0));
        let mut rebuilt = Rebuilt::default();
        if !lost_runs.is_empty() || !packs.keys().all(is_covered) {
            rebuilt = archive.index().rebuild(&covered)?;
        }
        let had = lost.len();
        for (object, error) in rebuilt.unread {
            if !is_loss_of(archive, &object, &error)? {
                return Err(error.into());
            }
            lost.insert(object);
        }
        let is_uncovered =
            !lost_runs.is_empty() && (!lost.is_empty() || !log.lost.is_empty()) || lost.len() > had;
        Ok(Self {
            runs,
            lost_runs,
            fresh: rebuilt.runs,
            lost,
            is_uncovered,
        })
    }

    /// Drops what is void from every run, and returns the runs that gave way to others.
    pub(super) fn strip(&mut self, voided: &BTreeSet<ObjectRef>) -> Vec<ObjectRef> {
        let names_void = |run: &Run| {
            let mut places = run.objects.iter();
            places.any(|place| voided.contains(&place.object))
        };
        let naming = self.runs.iter().filter(|(_, run)| names_void(run));
        let replaced: Vec<ObjectRef> = naming.map(|(object, _)| *object).collect();
        for object in &replaced {
            self.fresh.extend(self.runs.remove(object));
        }
        self.fresh.iter_mut().for_each(|run| strip(run, voided));
        replaced
    }
}

/// Reads the log, each record from the first replica that has it undamaged.
pub(super) fn log_of(archive: &Archive) -> Result<Log, EngineError> {
    let authority = archive.key_ring().authority().public_key();
    let replicas: Vec<&Replica> = archive.replicas().iter().collect();
    Ok(read_log_of(&replicas, &authority, &mut |_| ())?)
}

/// Passes losses on as `None`.
fn unless_lost<T>(read: Result<T, ReadError>) -> Result<Option<T>, EngineError> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_loss() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Says whether an error of a pack means that it is lost. The header of a pack is not sealed: that the key ring lacks
/// its epoch may be damage too.
fn is_loss_of(
    archive: &Archive,
    object: &ObjectRef,
    error: &ReadError,
) -> Result<bool, EngineError> {
    if error.is_loss() || object.kind() != ObjectKind::Pack {
        return Ok(error.is_loss());
    }
    Ok(unless_lost(archive.replicas().get(object))?.is_none())
}

pub(super) fn readable_runs(
    archive: &Archive,
    objects: &[ObjectRef],
) -> Result<HashMap<ObjectRef, Run>, EngineError> {
    let mut runs = HashMap::new();
    for object in objects {
        let run = archive.run_plaintext(object).and_then(|plaintext| {
            Run::decode(&plaintext, Carrier::of(object)).map_err(|source| ReadError::Object {
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

/// Returns the packs that are live, or that an index run names, and their sizes.
fn packs(log: &Log, runs: &HashMap<ObjectRef, Run>) -> BTreeMap<ObjectRef, u64> {
    let live = log.live();
    let places = runs.values().flat_map(|run| &run.objects);
    let named = places.map(|place| (place.object, u64::from(place.size)));
    let live = live.contents().map(|(object, size)| (*object, size));
    let mut packs: BTreeMap<ObjectRef, u64> = named.chain(live).collect();
    packs.retain(|object, _| object.kind() == ObjectKind::Pack);
    packs
}

/// Returns the packs that no replica has whole.
fn lost_packs(
    archive: &Archive,
    packs: &BTreeMap<ObjectRef, u64>,
    read_data: bool,
    (progress, stop): (&Progress, &Stop),
) -> Result<BTreeSet<ObjectRef>, EngineError> {
    count(&progress.entries_total, packs.len() as u64);
    let mut lost = BTreeSet::new();
    for (object, size) in packs {
        if stop.is_requested() {
            return Err(EngineError::Interrupted);
        }
        let is_whole = |replica: &Replica| -> Result<bool, EngineError> {
            let there = replica.has(object, *size).map_err(ReadError::from);
            if unless_lost(there)? != Some(true) {
                return Ok(false);
            }
            let check = || verify::check_object_at(archive, replica, object, Some(*size));
            Ok(!read_data || unless_lost(check())?.is_some())
        };
        if !is_at_one(archive.replicas().iter().map(is_whole))? {
            lost.insert(*object);
        }
        count(&progress.entries_done, 1);
    }
    Ok(lost)
}

/// Says whether one of the replicas has an object. That one of them cannot say so now matters only where no other has it.
fn is_at_one(
    answers: impl Iterator<Item = Result<bool, EngineError>>,
) -> Result<bool, EngineError> {
    let mut passing = None;
    for answer in answers {
        match answer {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(error) => passing = passing.or(Some(error)),
        }
    }
    passing.map_or(Ok(false), Err)
}

/// Returns the records that hold packs or lost runs, and that no replica has whole.
fn lost_records(
    archive: &Archive,
    runs: &HashMap<ObjectRef, Run>,
    lost_runs: &[ObjectRef],
) -> Result<BTreeSet<ObjectRef>, EngineError> {
    let authority = archive.key_ring().authority().public_key();
    let places = runs.values().flat_map(|run| &run.objects);
    let named = places.map(|place| &place.object).chain(lost_runs);
    let ids: BTreeSet<RecordId> = named.filter_map(ObjectRef::record_id).collect();
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

/// Returns the packs that runs name, and those of the runs that are objects, that no record which is there has
/// added: the record that did is lost.
pub(super) fn unrecorded<'a>(
    archive: &Archive,
    log: &Log,
    known: impl Iterator<Item = (ObjectRef, &'a Run)>,
    fresh: &[Run],
) -> Result<Vec<Added>, EngineError> {
    let live = log.live();
    let mut adds = BTreeMap::new();
    let mut name = |run: &Run| {
        let places = run.objects.iter();
        let packs = places.filter(|place| place.object.kind() == ObjectKind::Pack);
        adds.extend(packs.map(|place| (place.object, u64::from(place.size))));
    };
    let mut objects = Vec::new();
    for (object, run) in known {
        name(run);
        objects.push(object);
    }
    fresh.iter().for_each(name);
    objects.retain(|object| object.kind() == ObjectKind::Index && !live.contains(object));
    for object in objects {
        let size = archive
            .replicas()
            .ask(|replica| Ok(replica.size(&object)?))?;
        adds.insert(object, size);
    }
    let adds = adds
        .into_iter()
        .filter(|(object, _)| !live.contains(object));
    Ok(adds.map(|(object, size)| Added { object, size }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_cannot_say_matters_where_nobody_else_has_it() {
        let passing = || Err(EngineError::Interrupted);
        assert!(is_at_one([passing(), Ok(true)].into_iter()).unwrap());
        assert!(is_at_one([Ok(false), Ok(true), passing()].into_iter()).unwrap());
        assert!(!is_at_one([Ok(false), Ok(false)].into_iter()).unwrap());
        assert!(is_at_one([passing(), Ok(false)].into_iter()).is_err());
    }
}
