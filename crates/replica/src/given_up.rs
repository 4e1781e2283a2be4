//! What was given up and is kept until its grace is over: `spec/archive-v1.md`, section 11.
//!
//! It is not live, so copying and scrubbing pass over it. Until it may be erased a replica should hold it all the
//! same: whoever goes back to an older record needs it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use strongroom_base::object::{ObjectKind, ObjectRef, RecordId};
use strongroom_base::random::RandomSource;
use strongroom_base::{Class, Classified};

use crate::budget::Budget;
use crate::erase::{Held, Rules, Waiting};
use crate::error::ReplicaError;
use crate::expected::{Expected, Owner, sound_copy};
use crate::layout::Place;
use crate::log::LogEntry;
use crate::parallel::{THREADS_MAX, in_order};
use crate::reader::read_record;
use crate::record::Header;
use crate::replica::{Inventory, Replica};
use crate::scrub::{Fault, Finding, Sample, fault_of};
use crate::survey::survey;

/// What is wrong with objects that were given up and that a sister holds.
#[derive(Debug, Default)]
pub struct GivenUp {
    /// Records, sorted. They come first: they say that the others were given up.
    pub records: Vec<Finding>,
    /// Packs and index runs, sorted.
    pub contents: Vec<Finding>,
    /// Why nobody can say what of it was erased rightly; then what is missing is not among the findings.
    pub held: Option<Held>,
}

impl GivenUp {
    /// Returns how many objects there are.
    pub fn len(&self) -> usize {
        self.records.len() + self.contents.len()
    }

    /// Says whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What looking needs.
pub struct Search<'a> {
    /// The replica.
    pub replica: &'a Replica,
    /// Other replicas of the archive.
    pub sisters: &'a [&'a Replica],
    /// What all of them hold together.
    pub expected: &'a Expected,
    /// Who the archive belongs to.
    pub owner: &'a Owner<'a>,
    /// The share of what is there that is read.
    pub sample: Sample,
    /// By which rules the destination erases: what it may have erased is not missing.
    pub rules: Rules,
}

/// Looks for objects that a sister holds, that are not live any more, and that are damaged at the replica or are
/// missing there though it may not erase them yet; those of branches, which nobody erases, among them.
///
/// Calls `go_on` after each object that was read, and stops where it breaks.
pub fn search(
    search: &Search<'_>,
    random: &dyn RandomSource,
    go_on: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<GivenUp, ReplicaError> {
    let elsewhere = search.held_elsewhere();
    let named = search.named()?;
    let wanted: BTreeMap<ObjectRef, u64> = named
        .all()
        .filter_map(|object| Some((object, *elsewhere.get(&object)?)))
        .collect();
    let there = search.replica.inventory()?;
    let (present, missing): (BTreeMap<_, _>, BTreeMap<_, _>) = wanted
        .into_iter()
        .partition(|(object, _)| there.size(object).is_some());
    let mut given_up = GivenUp::default();
    if !missing.is_empty() {
        match search.not_erased(&missing, named, random)? {
            Ok(lacking) => lacking
                .into_iter()
                .for_each(|object| given_up.add(object, Fault::Missing)),
            Err(held) => given_up.held = Some(held),
        }
    }
    search.read(&present, &there, &mut given_up, go_on)?;
    for findings in [&mut given_up.records, &mut given_up.contents] {
        findings.sort_by_key(|finding| finding.place);
    }
    Ok(given_up)
}

impl GivenUp {
    fn add(&mut self, object: ObjectRef, fault: Fault) {
        let findings = match object.kind() {
            ObjectKind::Record => &mut self.records,
            _ => &mut self.contents,
        };
        let place = Place::Object(object);
        findings.push(Finding { place, fault });
    }
}

/// What is not live and is named all the same.
#[derive(Default)]
struct Named {
    /// Records that a checkpoint did not keep.
    stale: BTreeMap<ObjectRef, LogEntry>,
    /// Packs and index runs that were condemned.
    condemned: BTreeSet<ObjectRef>,
    /// Records of branches, and what they add.
    branches: BTreeSet<ObjectRef>,
}

impl Named {
    fn all(&self) -> impl Iterator<Item = ObjectRef> {
        let stale = self.stale.keys();
        stale
            .chain(&self.condemned)
            .chain(&self.branches)
            .copied()
            .collect::<BTreeSet<_>>()
            .into_iter()
    }

    fn condemn(&mut self, header: &Header, expected: &Expected) {
        let is_content = |object: &&ObjectRef| object.kind() != ObjectKind::Record;
        let condemned = header.changes.condemns.iter().filter(is_content);
        let given_up = condemned.filter(|object| !expected.live.contains(object));
        self.condemned.extend(given_up);
    }
}

impl Search<'_> {
    /// Returns what the sisters hold, and how large it is; one that does not answer holds nothing.
    fn held_elsewhere(&self) -> BTreeMap<ObjectRef, u64> {
        let mut held = BTreeMap::new();
        for sister in self.sisters {
            let inventory = sister.inventory().unwrap_or_default();
            held.extend(inventory.places.iter().filter_map(|(place, size)| {
                let Place::Object(object) = place else {
                    return None;
                };
                Some((*object, *size))
            }));
        }
        held
    }

    /// Reads the records that are not live, wherever they are, for what they name.
    fn named(&self) -> Result<Named, ReplicaError> {
        let log = &self.expected.log;
        let mut named = Named::default();
        for entry in &log.entries {
            named.condemn(&entry.header, self.expected);
        }
        let all: Vec<&Replica> = [self.sisters, &[self.replica]].concat();
        let read = |id: &RecordId| read_record(&all, *id, &self.owner.authority);
        let ids: Vec<RecordId> = log.stale.iter().chain(&log.branches).copied().collect();
        let mut failed = None;
        in_order(THREADS_MAX, &ids, &read, &mut |id, record| {
            match record {
                Ok(record) if log.proves(record.header()) => {
                    let header = record.header();
                    if log.branches.contains(id) {
                        named.branches.insert(ObjectRef::record(*id));
                        let adds = header.changes.adds.iter().map(|added| added.object);
                        let adds = adds.filter(|object| !self.expected.live.contains(object));
                        named.branches.extend(adds);
                    } else {
                        named.condemn(header, self.expected);
                        let entry = LogEntry {
                            header: header.clone(),
                            hash: record.hash(),
                            len: record.bytes().len() as u64,
                        };
                        named.stale.insert(ObjectRef::record(*id), entry);
                    }
                }
                Err(error) if error.class() == Class::Retry => {
                    failed = Some(error);
                    return ControlFlow::Break(());
                }
                _ => {}
            }
            ControlFlow::Continue(())
        });
        failed.map_or(Ok(named), Err)
    }

    /// Returns what of the missing objects the replica cannot have erased rightly.
    fn not_erased(
        &self,
        missing: &BTreeMap<ObjectRef, u64>,
        named: Named,
        random: &dyn RandomSource,
    ) -> Result<Result<BTreeSet<ObjectRef>, Held>, ReplicaError> {
        let survey = survey(self.replica, self.owner, random)?;
        let waiting = Waiting {
            // Those that are there and damaged are not in the survey either, and will be mended.
            records: named.stale.into_values().collect(),
            contents: missing
                .keys()
                .filter(|object| named.condemned.contains(object))
                .copied()
                .collect(),
        };
        let lost = missing
            .keys()
            .filter(|object| named.branches.contains(object));
        Ok(waiting.judge(survey, &self.rules).map(|mut waits| {
            waits.retain(|object| missing.contains_key(object));
            waits.extend(lost);
            waits
        }))
    }

    /// Reads what is there: of the sample, and what has not the size that it has elsewhere.
    fn read(
        &self,
        present: &BTreeMap<ObjectRef, u64>,
        there: &Inventory,
        given_up: &mut GivenUp,
        go_on: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<(), ReplicaError> {
        let chosen: Vec<(ObjectRef, u64)> = present
            .iter()
            .filter(|(object, size)| self.sample.has(object) || there.size(object) != Some(**size))
            .map(|(object, size)| (*object, *size))
            .collect();
        let budget = Budget::new();
        let work = |(object, size): &(ObjectRef, u64)| {
            let _share = budget.take(*size);
            sound_copy(self.replica, self.expected, self.owner, object).map(|_| ())
        };
        let mut failed = None;
        in_order(THREADS_MAX, &chosen, &work, &mut |(object, _), result| {
            match result.map_err(fault_of) {
                Ok(()) | Err(Ok(Fault::Unreadable(_))) => {}
                Err(Ok(fault)) => given_up.add(*object, fault),
                Err(Err(error)) => {
                    failed = Some(error);
                    return ControlFlow::Break(());
                }
            }
            let goes_on = go_on();
            if goes_on.is_break() {
                failed = Some(ReplicaError::Interrupted);
            }
            goes_on
        });
        failed.map_or(Ok(()), Err)
    }
}
