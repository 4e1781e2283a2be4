//! What the log says of an archive before it is pruned.

use std::collections::{BTreeMap, BTreeSet};

use strongroom_base::object::{ObjectRef, RecordId};
use strongroom_base::{Class, Classified};
use strongroom_read::{Archive, SnapshotInfo};
use strongroom_replica::log::{Log, LogEntry};
use strongroom_replica::record::RecordKind;

use crate::error::EngineError;
use crate::memory::Head;
use crate::restore::with_cause;
use crate::verify::is_loss_known;

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
    /// Nothing is given up by a log that is damaged: what cannot be read might need it.
    pub(crate) fn read(archive: &Archive, head: Head) -> Result<Self, EngineError> {
        let mut reason = "no destination is ready".to_owned();
        for replica in archive.replicas().iter() {
            let (snapshots, log, problems) = match archive.snapshots_at(replica) {
                Ok(found) => found,
                Err(error) if error.class() == Class::Retry => {
                    reason = with_cause(&error);
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let newest = log.head().map(|entry| (entry.id(), entry.hash));
            if let Some(problem) = log.problems.first() {
                reason = with_cause(problem);
            } else if let Some(problem) = problems.first() {
                reason = with_cause(problem);
            } else if newest == Some((head.id, head.hash)) {
                return Ok(Self::of(snapshots, &log));
            } else {
                "its newest record is another one".clone_into(&mut reason);
            }
        }
        Err(EngineError::Unprunable { reason })
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
