//! What the log says of an archive before it is pruned.

use std::collections::{BTreeMap, BTreeSet};

use strongroom_base::object::{ObjectRef, RecordId};
use strongroom_base::{Class, Classified};
use strongroom_read::{Archive, ReadError, SnapshotInfo};
use strongroom_replica::log::{Log, LogEntry};
use strongroom_replica::record::RecordKind;

use crate::error::EngineError;
use crate::memory::Head;
use crate::verify::is_loss_known;
use strongroom_base::with_causes;

/// What is live, and what may go.
pub(crate) struct History {
    /// The snapshots that are not forgotten.
    pub(crate) snapshots: Vec<SnapshotInfo>,
    /// Live packs and index runs, and their sizes.
    pub(crate) objects: BTreeMap<ObjectRef, u64>,
    /// Live records, and their sizes.
    pub(crate) records: BTreeMap<ObjectRef, u64>,
    /// The first records of generations.
    generations: BTreeSet<ObjectRef>,
    /// Live records of snapshots that are forgotten.
    pub(crate) forgotten: BTreeSet<ObjectRef>,
    /// What records since the newest checkpoint condemned.
    pub(crate) condemned: BTreeSet<ObjectRef>,
    /// Objects whose loss was acknowledged.
    pub(crate) lost: BTreeSet<ObjectRef>,
    /// Whether chunks that no run names are losses that were acknowledged.
    pub(crate) is_loss_known: bool,
    /// Whether surviving snapshots miss something, as marking has found.
    pub(crate) misses_chunks: bool,
}

impl History {
    /// Reads the log of the first replica that has all of it, up to the writer's newest record.
    ///
    /// Nothing is given up by a log that is damaged: what cannot be read might need it. That a replica cannot be
    /// read now is no damage.
    pub(crate) fn read(archive: &Archive, head: Head) -> Result<Self, EngineError> {
        let mut reason = "no destination is ready".to_owned();
        let mut later = None;
        for replica in archive.replicas().iter() {
            let (snapshots, mut log, mut problems) = match archive.snapshots_at(replica) {
                Ok(found) => found,
                Err(error) if error.class() == Class::Retry => {
                    later = Some(error);
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            problems.extend(log.problems.drain(..).map(ReadError::from));
            let newest = log.head().map(|entry| (entry.id(), entry.hash));
            let passes = |problem: &ReadError| problem.class() == Class::Retry;
            // What is said of the others may come of it.
            problems.sort_by_key(|problem| !passes(problem));
            match problems.into_iter().next() {
                Some(problem) if passes(&problem) => later = Some(problem),
                Some(problem) => reason = with_causes(&problem),
                None if newest == Some((head.id, head.hash)) => {
                    return Ok(Self::of(snapshots, &log));
                }
                None => "its newest record is another one".clone_into(&mut reason),
            }
        }
        Err(later.map_or(EngineError::Unprunable { reason }, EngineError::from))
    }

    fn of(snapshots: Vec<SnapshotInfo>, log: &Log) -> Self {
        let is_checkpoint = |kind| kind == RecordKind::Checkpoint;
        let newest = log
            .entries
            .iter()
            .rposition(|e| is_checkpoint(e.header.kind));
        let since = &log.entries[newest.unwrap_or(0)..];
        let mut condemned = BTreeSet::new();
        for entry in since.iter().filter(|e| !is_checkpoint(e.header.kind)) {
            condemned.extend(entry.header.changes.condemns.iter().copied());
        }
        let live = log.live();
        let objects = live
            .contents()
            .map(|(object, size)| (*object, size))
            .collect();
        let records: BTreeMap<ObjectRef, u64> = live
            .records()
            .map(|(id, size)| (ObjectRef::record(id), size))
            .collect();
        let surviving: BTreeSet<RecordId> = snapshots.iter().map(|info| info.id).collect();
        let of_kind = |kind: RecordKind| {
            let entries = log.entries.iter().filter(move |e| e.header.kind == kind);
            entries.map(LogEntry::id)
        };
        let generations = of_kind(RecordKind::Generation).map(ObjectRef::record);
        let forgotten = of_kind(RecordKind::Snapshot)
            .filter(|id| !surviving.contains(id))
            .map(ObjectRef::record)
            .filter(|record| records.contains_key(record))
            .collect();
        Self {
            objects,
            generations: generations.collect(),
            forgotten,
            condemned,
            lost: log.acknowledged(),
            is_loss_known: is_loss_known(log),
            misses_chunks: false,
            records,
            snapshots,
        }
    }

    /// Returns the records that stay whatever becomes of packs: those of the surviving snapshots, and the first
    /// ones of all generations.
    pub(crate) fn staying(&self) -> BTreeSet<ObjectRef> {
        let snapshots = self.snapshots.iter().map(|info| ObjectRef::record(info.id));
        snapshots.chain(self.generations.iter().copied()).collect()
    }
}
