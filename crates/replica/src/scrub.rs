//! Reads what a replica holds, and reports what is missing, damaged, or nobody's.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use strongroom_base::object::{ObjectKind, ObjectRef};
use strongroom_base::{Class, Classified};
use strongroom_crypto::hash::hash;
use strongroom_store::{ObjectPath, StoreError};

use crate::budget::Budget;
use crate::error::ReplicaError;
use crate::expected::{Expected, Owner, sound_copy};
use crate::layout::Place;
use crate::parallel::{THREADS_MAX, in_order};
use crate::replica::{Inventory, Replica};

/// Which share of the live objects is read. That all are there, and have their sizes, is always checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// From 1 to 100.
    pub percent: u8,
    /// Which ones: a hundred seeds in a row cover everything.
    pub seed: u64,
}

impl Sample {
    /// Everything.
    pub const ALL: Self = Self {
        percent: 100,
        seed: 0,
    };

    /// Returns how far an object is from being chosen.
    fn distance(self, object: &ObjectRef) -> u64 {
        let mut bytes = Vec::with_capacity(33);
        object.put(&mut bytes);
        let number = hash(&bytes)
            .iter()
            .take(7)
            .fold(0, |number, byte| number << 8 | u64::from(*byte));
        (number % 100 + 100 - self.seed % 100) % 100
    }

    pub(crate) fn has(self, object: &ObjectRef) -> bool {
        self.distance(object) < u64::from(self.percent)
    }
}

/// What is wrong with an object.
#[derive(Debug)]
pub enum Fault {
    /// It is not there.
    Missing,
    /// It has another size.
    Size {
        /// Its size in bytes.
        found: u64,
        /// The size that it should have.
        expected: u64,
    },
    /// It has other bytes.
    Damaged(ReplicaError),
    /// It cannot be read, though the destination answers.
    Unreadable(ReplicaError),
    /// It is sound, and not the one that other replicas have: somebody wrote twice.
    Forked,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => f.write_str("is missing"),
            Self::Size { found, expected } => {
                write!(f, "has {found} bytes instead of {expected}")
            }
            Self::Damaged(_) => f.write_str("is damaged"),
            Self::Unreadable(_) => f.write_str("cannot be read"),
            Self::Forked => f.write_str("is another one than elsewhere"),
        }
    }
}

/// An object with which something is wrong.
#[derive(Debug)]
pub struct Finding {
    /// The object.
    pub place: Place,
    /// What is wrong.
    pub fault: Fault,
}

/// How far scrubbing is, or what was read of how much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scrubbed {
    /// Objects that were read.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Objects that are to be read.
    pub objects_total: u64,
    /// Their bytes.
    pub bytes_total: u64,
}

/// What scrubbing found.
#[derive(Debug, Default)]
pub struct ScrubReport {
    /// Live packs, index runs and records.
    pub live: u64,
    /// What was read.
    pub read: Scrubbed,
    /// What is wrong, sorted by place.
    pub findings: Vec<Finding>,
    /// What is there and is neither live nor was it ever: left by writers that died, or planted.
    pub unknown: Vec<ObjectPath>,
}

/// Checks that everything expected is at `replica`, and reads the objects of a sample.
///
/// Fails only where the destination does. Calls `progress` after each object, and stops where it breaks.
pub fn scrub(
    replica: &Replica,
    expected: &Expected,
    owner: &Owner<'_>,
    sample: Sample,
    progress: &mut dyn FnMut(Scrubbed) -> ControlFlow<()>,
) -> Result<ScrubReport, ReplicaError> {
    let there = replica.inventory()?;
    let mut report = ScrubReport {
        live: expected.live.len() as u64,
        ..ScrubReport::default()
    };
    check_descriptor(replica, owner, &mut report)?;
    check_keys(replica, expected, &there, &mut report)?;
    check_lost(expected, &there, &mut report);
    let present = check_sizes(expected, &there, &mut report);
    let mut chosen: Vec<_> = present
        .iter()
        .filter(|(object, _)| sample.has(object))
        .copied()
        .collect();
    if chosen.is_empty() {
        let nearest = present
            .iter()
            .min_by_key(|(object, _)| (sample.distance(object), *object));
        chosen.extend(nearest);
    }
    report.read.objects_total = chosen.len() as u64;
    report.read.bytes_total = chosen.iter().map(|(_, size)| size).sum();
    read_all(replica, expected, owner, &chosen, &mut report, progress)?;
    report.findings.sort_by_key(|finding| finding.place);
    let found: BTreeSet<Place> = report.findings.iter().map(|f| f.place).collect();
    report.unknown = unknown(replica, expected, &there, &found);
    Ok(report)
}

impl ScrubReport {
    fn add(&mut self, place: Place, fault: Fault) {
        self.findings.push(Finding { place, fault });
    }
}

fn check_descriptor(
    replica: &Replica,
    owner: &Owner<'_>,
    report: &mut ScrubReport,
) -> Result<(), ReplicaError> {
    let what = || "the archive descriptor".to_owned();
    let fault = match replica.descriptor_bytes() {
        Ok(bytes) if owner.is_descriptor(replica, &bytes) => return Ok(()),
        Ok(_) => Fault::Damaged(ReplicaError::Foreign { what: what() }),
        Err(error) => fault_of(error)?,
    };
    report.add(Place::Descriptor, fault);
    Ok(())
}

/// Looks for the keys object with the highest number. Others are no damage, unless no replica tells which that
/// is and one of them is not what its name says.
fn check_keys(
    replica: &Replica,
    expected: &Expected,
    there: &Inventory,
    report: &mut ScrubReport,
) -> Result<(), ReplicaError> {
    let newest = expected.keys.as_ref();
    let is_keys = |finding: &Finding| matches!(finding.place, Place::Keys { .. });
    for place in there.places.keys() {
        let Place::Keys { number, name, copy } = *place else {
            continue;
        };
        if newest.is_some_and(|newest| !newest.places().contains(place)) {
            continue;
        }
        if let Err(error) = replica.keys_copy(number, name, copy) {
            report.add(*place, fault_of(error)?);
        }
    }
    match newest {
        Some(newest) => {
            let places = newest.places().into_iter();
            for missing in places.filter(|place| !there.places.contains_key(place)) {
                report.add(missing, Fault::Missing);
            }
        }
        None if report.findings.iter().any(is_keys) => {}
        None => report.add(Place::ANY_KEYS, Fault::Missing),
    }
    Ok(())
}

/// Records that no replica has soundly are damage here too; but what only others have above the newest sound
/// record may have been planted there.
fn check_lost(expected: &Expected, there: &Inventory, report: &mut ScrubReport) {
    let newest = expected.log.newest().map(|head| head.id.seq);
    let accepted = &expected.log.accepted;
    for id in expected.log.lost.iter().filter(|id| !accepted.contains(id)) {
        let object = ObjectRef::record(*id);
        let place = Place::Object(object);
        match there.places.contains_key(&place) {
            true => {
                let what = format!("record {id}");
                report.add(place, Fault::Damaged(ReplicaError::NotThis { what }));
            }
            false if Some(id.seq) < newest => report.add(place, Fault::Missing),
            false => {}
        }
    }
}

/// Returns the live objects that are there with their sizes.
fn check_sizes(
    expected: &Expected,
    there: &Inventory,
    report: &mut ScrubReport,
) -> Vec<(ObjectRef, u64)> {
    let mut present = Vec::new();
    for (object, size) in expected.live.iter() {
        let is_lost = |id| expected.log.lost.contains(&id);
        if object.record_id().is_some_and(is_lost) {
            continue;
        }
        match there.size(object) {
            Some(found) if found == size => present.push((*object, size)),
            // Another record of the same writer may be there.
            Some(_) if object.kind() == ObjectKind::Record => present.push((*object, size)),
            Some(found) => {
                let expected = size;
                report.add(Place::Object(*object), Fault::Size { found, expected });
            }
            None => report.add(Place::Object(*object), Fault::Missing),
        }
    }
    present
}

fn read_all(
    replica: &Replica,
    expected: &Expected,
    owner: &Owner<'_>,
    chosen: &[(ObjectRef, u64)],
    report: &mut ScrubReport,
    progress: &mut dyn FnMut(Scrubbed) -> ControlFlow<()>,
) -> Result<(), ReplicaError> {
    let budget = Budget::new();
    let read = |object: &ObjectRef| sound_copy(replica, expected, owner, object).map(|_| ());
    let work = |(object, size): &(ObjectRef, u64)| {
        let _share = budget.take(*size);
        match read(object) {
            // Once more: a passing fault is none.
            Err(error) if error.class() == Class::Retry => read(object),
            result => result,
        }
    };
    let mut failed = None;
    in_order(THREADS_MAX, chosen, &work, &mut |(object, size), result| {
        let fault = match result {
            Ok(()) => None,
            Err(ReplicaError::Fenced { .. }) => Some(Fault::Forked),
            Err(error) => match fault_of(error) {
                Ok(fault) => Some(fault),
                Err(error) => {
                    failed = Some(error);
                    return ControlFlow::Break(());
                }
            },
        };
        if let Some(fault) = fault {
            report.add(Place::Object(*object), fault);
        }
        report.read.objects += 1;
        report.read.bytes += size;
        let go_on = progress(report.read);
        if go_on.is_break() {
            failed = Some(ReplicaError::Interrupted);
        }
        go_on
    });
    failed.map_or(Ok(()), Err)
}

/// Returns what an error says of an object; where it says something of the destination, it stays an error.
pub(crate) fn fault_of(error: ReplicaError) -> Result<Fault, ReplicaError> {
    match error {
        ReplicaError::Store(StoreError::NotFound { .. }) => Ok(Fault::Missing),
        error @ ReplicaError::Store(StoreError::Gone { .. } | StoreError::Stopped) => Err(error),
        error if error.class() == Class::Retry => Ok(Fault::Unreadable(error)),
        error => Ok(Fault::Damaged(error)),
    }
}

/// Returns what is there and nobody knows.
fn unknown(
    replica: &Replica,
    expected: &Expected,
    there: &Inventory,
    found: &BTreeSet<Place>,
) -> Vec<ObjectPath> {
    let log = &expected.log;
    let changes = log.entries.iter().map(|entry| &entry.header.changes);
    let given_up: BTreeSet<&ObjectRef> = changes
        .flat_map(|changes| changes.condemns.iter().chain(&changes.voids))
        .collect();
    let old: BTreeSet<_> = log.stale.iter().chain(&log.branches).copied().collect();
    let newest = expected.keys.as_ref().map(|keys| keys.number);
    let is_known = |place: &Place| match place {
        Place::Descriptor => true,
        Place::Keys { number, .. } => newest.is_none_or(|newest| *number <= newest),
        Place::Object(object) => {
            expected.live.contains(object)
                || given_up.contains(object)
                || object.record_id().is_some_and(|id| old.contains(&id))
        }
    };
    let places = there.places.keys();
    let unknown = places.filter(|place| !is_known(place) && !found.contains(place));
    let unknown = unknown.map(|place| place.path(replica.archive()));
    unknown.chain(there.others.iter().cloned()).collect()
}
