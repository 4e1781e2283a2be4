//! What a replica shows of itself before anything is erased from it: `spec/archive-v1.md`, section 11.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use strongroom_base::clock::Timestamp;
use strongroom_base::ids::to_hex;
use strongroom_base::object::{ObjectKind, ObjectRef, RecordId};
use strongroom_base::random::RandomSource;
use strongroom_store::{ObjectPath, PutOutcome, Store};

use crate::error::ReplicaError;
use crate::expected::Owner;
use crate::layout::{Place, object_path};
use crate::live::LiveSet;
use crate::log::{LogEntry, read_log};
use crate::parallel::{THREADS_MAX, in_order};
use crate::replica::{Inventory, Replica};

/// A record of the chain that is there, live or not.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// The record.
    pub entry: LogEntry,
    /// When it arrived, by the destination's clock.
    pub at: Timestamp,
}

/// A copy of a keys object that a newer one has replaced.
#[derive(Clone, Copy, Debug)]
pub struct OldKeys {
    /// Where it lies.
    pub place: Place,
    /// Its size in bytes.
    pub size: u64,
}

/// What a replica shows of itself.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// The records of the chain that are there, by seq; also those that are not live any more.
    pub records: Vec<Arrived>,
    /// The newest record.
    pub head: Option<RecordId>,
    /// The newest checkpoint.
    pub checkpoint: Option<RecordId>,
    /// The live set.
    pub live: LiveSet,
    /// Packs and index runs that are there, and their sizes.
    pub contents: BTreeMap<ObjectRef, u64>,
    /// When those arrived that no record names.
    pub arrived: BTreeMap<ObjectRef, Timestamp>,
    /// What records outside the chain add: branches keep what they have.
    pub elsewhere: BTreeSet<ObjectRef>,
    /// Copies of keys objects that a newer one has replaced.
    pub old_keys: Vec<OldKeys>,
    /// The time at the destination.
    pub now: Timestamp,
    /// Records that cannot be read, of those that are no part of the chain, or not live, or whose loss was
    /// acknowledged: nobody knows what they name.
    pub unread: u64,
    /// What is wrong with the log, in words; then nothing is erased.
    pub problem: Option<String>,
}

/// Looks at a replica.
pub fn survey(
    replica: &Replica,
    owner: &Owner<'_>,
    random: &dyn RandomSource,
) -> Result<Survey, ReplicaError> {
    let log = read_log(replica, &owner.authority, &mut |_| ())?;
    let there = replica.inventory()?;
    let mut survey = Survey {
        head: log.newest().map(|head| head.id),
        checkpoint: log.checkpoint,
        live: log.live(),
        now: time_at(&**replica.store(), random)?,
        problem: log.problems.first().map(ToString::to_string),
        // That it was accepted does not tell what a lost record added.
        unread: log.accepted.len() as u64,
        ..Survey::default()
    };
    survey.contents = contents(&there);
    survey.old_keys = old_keys(replica, owner, &there);
    let mut entries = Vec::new();
    let others: Vec<_> = log.stale.iter().chain(&log.branches).copied().collect();
    let read = |id: &RecordId| replica.record(*id, &owner.authority);
    let mut failed = None;
    in_order(THREADS_MAX, &others, &read, &mut |id, record| {
        match record {
            // What a branch adds stays, whether or not the record is there that proves it.
            Ok(record) if log.branches.contains(id) => {
                let adds = record.header().changes.adds.iter();
                survey.elsewhere.extend(adds.map(|added| added.object));
                survey.unread += u64::from(!log.proves(record.header()));
            }
            Ok(record) if log.proves(record.header()) => {
                entries.push(LogEntry {
                    header: record.header().clone(),
                    hash: record.hash(),
                    len: record.bytes().len() as u64,
                });
            }
            Err(error @ ReplicaError::Store(_)) => {
                failed = Some(error);
                return ControlFlow::Break(());
            }
            _ => survey.unread += 1,
        }
        ControlFlow::Continue(())
    });
    if let Some(error) = failed {
        return Err(error);
    }
    entries.extend(log.entries);
    entries.sort_by_key(|entry| (entry.id().seq, entry.id().generation));
    survey.records = arrivals(replica, &entries)?;
    survey.arrived = survey.unnamed_arrivals(replica)?;
    Ok(survey)
}

impl Survey {
    /// Returns the objects that a record names which is there, in whatever list.
    pub(crate) fn named(&self) -> BTreeSet<ObjectRef> {
        let mut named = self.elsewhere.clone();
        for Arrived { entry, .. } in &self.records {
            let changes = &entry.header.changes;
            named.extend(changes.adds.iter().map(|added| added.object));
            for list in [&changes.condemns, &changes.voids, &changes.acks] {
                named.extend(list);
            }
        }
        named
    }

    fn unnamed_arrivals(
        &self,
        replica: &Replica,
    ) -> Result<BTreeMap<ObjectRef, Timestamp>, ReplicaError> {
        let named = self.named();
        let unnamed: Vec<_> = self
            .contents
            .keys()
            .filter(|o| !named.contains(o))
            .collect();
        let mut arrived = BTreeMap::new();
        let ask = |object: &&ObjectRef| arrival(replica, object);
        try_in_order(&unnamed, &ask, &mut |object, at| {
            arrived.insert(**object, at);
        })?;
        Ok(arrived)
    }
}

fn contents(there: &Inventory) -> BTreeMap<ObjectRef, u64> {
    let content = |(place, size): (&Place, &u64)| match place {
        Place::Object(object) if object.kind() != ObjectKind::Record => Some((*object, *size)),
        _ => None,
    };
    there.places.iter().filter_map(content).collect()
}

/// Returns the copies of keys objects of the owner with a lower number than the highest.
fn old_keys(replica: &Replica, owner: &Owner<'_>, there: &Inventory) -> Vec<OldKeys> {
    let Some(newest) = owner.newest_keys(&[replica]) else {
        return Vec::new();
    };
    let old = |(place, size): (&Place, &u64)| match *place {
        Place::Keys { number, name, .. } if number < newest.number => {
            let bytes = replica.get_keys(number, name).ok()?;
            let (place, size) = (*place, *size);
            (owner.is_keys)(number, &bytes).then_some(OldKeys { place, size })
        }
        _ => None,
    };
    // Of each object the copy goes first.
    there.places.iter().rev().filter_map(old).collect()
}

fn arrivals(replica: &Replica, entries: &[LogEntry]) -> Result<Vec<Arrived>, ReplicaError> {
    let mut records = Vec::with_capacity(entries.len());
    let ask = |entry: &LogEntry| arrival(replica, &ObjectRef::record(entry.id()));
    try_in_order(entries, &ask, &mut |entry, at| {
        let entry = entry.clone();
        records.push(Arrived { entry, at });
    })?;
    Ok(records)
}

fn arrival(replica: &Replica, object: &ObjectRef) -> Result<Timestamp, ReplicaError> {
    let path = object_path(replica.archive(), object);
    Ok(replica.store().modified(&path)?)
}

fn try_in_order<T: Sync, R: Send>(
    items: &[T],
    work: &(dyn Fn(&T) -> Result<R, ReplicaError> + Sync),
    take: &mut dyn FnMut(&T, R),
) -> Result<(), ReplicaError> {
    let mut failed = None;
    in_order(THREADS_MAX, items, work, &mut |item, result| match result {
        Ok(result) => {
            take(item, result);
            ControlFlow::Continue(())
        }
        Err(error) => {
            failed = Some(error);
            ControlFlow::Break(())
        }
    });
    failed.map_or(Ok(()), Err)
}

/// Returns the time by the destination's own clock: that of an object which is put just now.
pub fn time_at(store: &dyn Store, random: &dyn RandomSource) -> Result<Timestamp, ReplicaError> {
    let mut name = [0; 16];
    random.fill(&mut name);
    let path = probe_path(&to_hex(&name));
    let _: PutOutcome = store.put_new(&path, b"what time is it?")?;
    let now = store.modified(&path)?;
    // One that stays is no part of any archive.
    let _ = store.delete(&path);
    Ok(now)
}

fn probe_path(name: &str) -> ObjectPath {
    ObjectPath::new(&format!("probe/{name}-clock")).expect("hexadecimal digits are a valid name")
}
