//! What a generation that is over wrote above the base of its successor: `spec/archive-v1.md`, section 9.1.

use std::collections::{BTreeMap, BTreeSet};

use strongroom_base::object::{ObjectRef, RecordId};
use strongroom_format::body::Deed;
use strongroom_replica::Replica;
use strongroom_replica::log::Log;

use crate::archive::{Archive, SnapshotInfo, open_body};
use crate::error::ReadError;

/// The snapshots of branches, and what reading them needs.
#[derive(Debug, Default)]
pub struct Branch {
    /// The snapshots, by their places.
    pub snapshots: Vec<SnapshotInfo>,
    /// Index runs that the archive's newest record does not name.
    pub runs: Vec<ObjectRef>,
}

impl Archive {
    /// Reads the branches at all replicas. What is damaged in them is left out.
    pub fn branches(&self) -> Result<Branch, ReadError> {
        let mut snapshots = BTreeMap::new();
        let mut runs = BTreeSet::new();
        for replica in self.replicas.iter() {
            // Without a second generation there is no branch.
            let ids = replica.record_ids();
            let is_alone = ids.is_ok_and(|ids| {
                let first = ids.first().map(|id| id.generation);
                ids.iter().all(|id| Some(id.generation) == first)
            });
            if is_alone {
                continue;
            }
            // What cannot be read here may be there.
            let Ok(log) = strongroom_replica::log::read_log(replica, &self.authority, &mut |_| ())
            else {
                continue;
            };
            for id in &log.branches {
                self.read_branch(replica, &log, *id, &mut snapshots, &mut runs);
            }
        }
        Ok(Branch {
            snapshots: snapshots.into_values().collect(),
            runs: runs.into_iter().collect(),
        })
    }

    fn read_branch(
        &self,
        replica: &Replica,
        log: &Log,
        id: RecordId,
        snapshots: &mut BTreeMap<(RecordId, [u8; 32]), SnapshotInfo>,
        runs: &mut BTreeSet<ObjectRef>,
    ) {
        let Ok(record) = replica.record(id, &self.authority) else {
            return;
        };
        let first = log
            .entries
            .iter()
            .map(|entry| &entry.header.link)
            .find(|link| link.id.generation == id.generation);
        if first.is_some_and(|first| first.writer != record.header().link.writer) {
            return;
        }
        let Ok(body) = open_body(&record, &self.ring) else {
            return;
        };
        runs.extend(body.runs);
        if let Deed::Snapshot(snapshot) = body.deed {
            let info = SnapshotInfo {
                id,
                hash: record.hash(),
                snapshot,
            };
            snapshots.insert((id, info.hash), info);
        }
    }
}
